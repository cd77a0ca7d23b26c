//! How is an amount converted to another currency?
//!
//! Rulings S126 and S135 of [`docs::semantics`](crate::docs::semantics). The one way for roll-ups and expressions: which rate is read is said
//! before, what the rate is comes from [`Rates`] when a row is evaluated.

use crate::fold::{RateKind, converted};
use crate::model::{Currency, Date, Decimal, Rates};

/// To which currency an amount is converted, and from which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Exchange {
    pub(crate) to: Currency,
    /// Digits of the converted amount.
    pub(crate) digits: u8,
    /// The currency and the digits of the amount; `None` where a column of the row says the currency, in whose minor units the amount is.
    pub(crate) from: Option<(Currency, u8)>,
    /// A plan rate is that of the fiscal year that begins on the day that is given.
    pub(crate) kind: RateKind,
}

/// An amount that is not converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Unrated {
    /// Its currency, where that is known.
    pub(crate) from: Option<Currency>,
    /// Was it to be converted at a rate of the market, or of a plan?
    pub(crate) kind: RateKind,
    /// The day of the rate, where that is known.
    pub(crate) on: Option<Date>,
    /// The rate, where it is known and the amount does not fit.
    pub(crate) rate: Option<Decimal>,
}

impl Exchange {
    /// An amount in the other currency. `named` is what a column of the row says of its currency.
    ///
    /// # Errors
    ///
    /// What is not known of it.
    pub(crate) fn convert(
        &self,
        units: i128,
        named: Option<&str>,
        on: Option<Date>,
        rates: Option<&dyn Rates>,
    ) -> Result<i128, Unrated> {
        let said = self.from.or_else(|| {
            let currency: Currency = named?.parse().ok()?;
            Some((currency, currency.exponent()))
        });
        let (from, digits) = said.ok_or(Unrated { from: None, kind: self.kind, on, rate: None })?;
        exchanged((units, digits), (from, self.kind, on), self.digits, |from, on| {
            rate((from, self.to), on, self.kind, rates?)
        })
    }
}

/// The rate between two currencies: that of a day, or that of a plan in the fiscal year that begins on it.
pub(crate) fn rate(
    (from, to): (Currency, Currency),
    on: Date,
    kind: RateKind,
    rates: &dyn Rates,
) -> Option<Decimal> {
    if from == to {
        return Some(Decimal::new(1, 0));
    }
    match kind {
        RateKind::Market => rates.rate(from, to, on),
        RateKind::Plan => rates.plan(from, to, on),
    }
}

/// An amount of a currency at the rate of a day, to so many digits, half to even.
///
/// # Errors
///
/// What is not known of it.
pub(crate) fn exchanged(
    amount: (i128, u8),
    (from, kind, on): (Currency, RateKind, Option<Date>),
    wanted: u8,
    rate: impl FnOnce(Currency, Date) -> Option<Decimal>,
) -> Result<i128, Unrated> {
    let rate = on.and_then(|on| rate(from, on));
    let units = rate.and_then(|rate| converted(amount, rate, wanted));
    units.ok_or(Unrated { from: Some(from), kind, on, rate })
}
