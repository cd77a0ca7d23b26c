//! Which rates are known, and since when?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::{Currency, Date, Decimal, Faults, Rates};

/// What a rate is of: the market, or a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename = "kind of rate", rename_all = "snake_case", expecting = "a kind of rate such as `market`")]
#[non_exhaustive]
pub enum RateKind {
    /// What was paid on a day.
    #[default]
    Market,
    /// What a plan or budget reckons with for one fiscal year: dated by the first day of that year.
    Plan,
}

/// A rate and its day. A rate of the market holds until the day before the next one of its two currencies; a plan rate holds for
/// the fiscal year that begins on its day, and for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRate {
    /// Of the market, or of a plan.
    #[serde(default)]
    pub kind: RateKind,
    /// The currency that is converted.
    pub from: Currency,
    /// The currency that it is converted to.
    pub to: Currency,
    /// The first day.
    pub since: Date,
    /// How many major units of `to` one major unit of `from` is worth; `None` removes the rate of that day, so that of the market the
    /// one before it holds on.
    #[serde(deserialize_with = "Option::deserialize")]
    pub rate: Option<Decimal>,
}

impl ExchangeRate {
    /// A rate of the market.
    #[must_use]
    pub const fn market(from: Currency, to: Currency, since: Date, rate: Decimal) -> Self {
        Self { kind: RateKind::Market, from, to, since, rate: Some(rate) }
    }

    /// The rate that a plan reckons with in the fiscal year that begins on a day.
    #[must_use]
    pub const fn plan(from: Currency, to: Currency, year: Date, rate: Decimal) -> Self {
        Self { kind: RateKind::Plan, from, to, since: year, rate: Some(rate) }
    }

    /// The removal of the same rate.
    #[must_use]
    pub const fn removed(self) -> Self {
        Self { rate: None, ..self }
    }

    const fn pair(&self) -> Pair {
        (self.kind, self.from, self.to)
    }
}

impl fmt::Display for ExchangeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RateKind::Market => "rate",
            RateKind::Plan => "plan rate",
        };
        write!(f, "{kind} {} to {} of {}", self.from, self.to, self.since)
    }
}

/// A rate that is none, and which of those that were given it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateFault {
    /// The number of the rate among those that were given, from 0.
    pub number: usize,
    /// The rate.
    pub rate: ExchangeRate,
    /// What is wrong.
    pub kind: RateFaultKind,
}

impl fmt::Display for RateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rate, self.kind)
    }
}

/// What is wrong with a rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RateFaultKind {
    /// A rate of nothing, or less.
    #[error("it is {0}, and must be more than 0")]
    NotPositive(Decimal),
    /// From a currency to itself.
    #[error("from a currency to itself the rate is 1")]
    SameCurrency,
    /// Another rate of the same kind, currencies and day is in the same update.
    #[error("duplicate rate")]
    Twice,
    /// There is no such rate to remove.
    #[error("there is no such rate to remove")]
    Unknown,
}

type Pair = (RateKind, Currency, Currency);

/// Dated exchange rates as data: what a state of an engine holds, and a [`Rates`] that a host need not write. Cloning is cheap.
///
/// A rate of the market holds from its day to the day before the next one of the same two currencies, a plan rate for its fiscal year.
/// Nothing is guessed: no way back, no way through a third currency, no rate before the first, no plan of another year.
///
/// ```
/// use perennial::{Currency, Date, Decimal, ExchangeRate, ExchangeRates, Rates};
///
/// let (january, march) = (Date::new(2026, 1, 1)?, Date::new(2026, 3, 1)?);
/// let rates = ExchangeRates::new().with([
///     ExchangeRate::market(Currency::USD, Currency::EUR, january, Decimal::new(92, 2)),
///     ExchangeRate::market(Currency::USD, Currency::EUR, march, Decimal::new(95, 2)),
/// ])?;
/// let on = |day: Date| rates.rate(Currency::USD, Currency::EUR, day);
/// assert_eq!(on(Date::new(2026, 2, 28)?), Some(Decimal::new(92, 2)));
/// assert_eq!(on(march), Some(Decimal::new(95, 2)));
/// assert_eq!(on(Date::new(2025, 12, 31)?), None);
/// assert_eq!(rates.rate(Currency::EUR, Currency::USD, march), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExchangeRates {
    pairs: Arc<BTreeMap<Pair, Arc<BTreeMap<Date, Decimal>>>>,
}

impl ExchangeRates {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With some rates, all of them or none: each new, or in the place of the one of its kind, currencies and day.
    ///
    /// # Errors
    ///
    /// Every rate that is not valid, duplicates, and removals of rates that do not exist.
    ///
    /// # Complexity
    ///
    /// That of the rates of the pairs that are given, and of the number of pairs.
    pub fn with(&self, rates: impl IntoIterator<Item = ExchangeRate>) -> Result<Self, Faults<RateFault>> {
        let mut faults = Faults::none();
        let mut seen: BTreeSet<(Pair, Date)> = BTreeSet::new();
        let mut changed: BTreeMap<Pair, BTreeMap<Date, Decimal>> = BTreeMap::new();
        for (number, given) in rates.into_iter().enumerate() {
            let pair = given.pair();
            let own = changed
                .entry(pair)
                .or_insert_with(|| self.pairs.get(&pair).map(|own| (**own).clone()).unwrap_or_default());
            let kind = match given.rate {
                _ if given.from == given.to => Some(RateFaultKind::SameCurrency),
                _ if !seen.insert((pair, given.since)) => Some(RateFaultKind::Twice),
                Some(rate) if rate <= Decimal::new(0, 0) => Some(RateFaultKind::NotPositive(rate)),
                Some(rate) => {
                    own.insert(given.since, rate);
                    None
                }
                None => own.remove(&given.since).is_none().then_some(RateFaultKind::Unknown),
            };
            if let Some(kind) = kind {
                faults.add(|| RateFault { number, rate: given, kind });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut pairs = (*self.pairs).clone();
        for (pair, own) in changed {
            if own.is_empty() {
                pairs.remove(&pair);
            } else {
                pairs.insert(pair, Arc::new(own));
            }
        }
        Ok(Self { pairs: Arc::new(pairs) })
    }

    /// All rates, by kind, currencies and day.
    pub fn iter(&self) -> impl Iterator<Item = ExchangeRate> {
        self.pairs.iter().flat_map(|((kind, from, to), own)| {
            own.iter().map(|(since, rate)| ExchangeRate {
                kind: *kind,
                from: *from,
                to: *to,
                since: *since,
                rate: Some(*rate),
            })
        })
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Are they the same, as is known without looking at each?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        // Of two rates of the same size one may have more digits, which a host's kind can see.
        let all = |rates: &Self| -> Vec<(ExchangeRate, Option<(i128, u8)>)> {
            let digits = |of: ExchangeRate| (of, of.rate.map(|rate| (rate.units(), rate.scale())));
            rates.iter().map(digits).collect()
        };
        Arc::ptr_eq(&self.pairs, &other.pairs) || all(self) == all(other)
    }
}

impl Rates for ExchangeRates {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let own = self.pairs.get(&(RateKind::Market, from, to))?;
        own.range(..=on).next_back().map(|(_, rate)| *rate)
    }

    fn plan(&self, from: Currency, to: Currency, year: Date) -> Option<Decimal> {
        self.pairs.get(&(RateKind::Plan, from, to))?.get(&year).copied()
    }
}
