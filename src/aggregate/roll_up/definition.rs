//! What is added up, of which rows, for whom?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::convert::Conversion;
use crate::aggregate::version::named;
use crate::fold::Reach;
use crate::model::Currency;

/// Most values that [`Operator::Smallest`], [`Operator::Largest`] and [`Operator::Top`] give.
pub const MAX_RANKED: u32 = 100;
/// Most texts of a union; of more there is no value.
pub const MAX_UNION: usize = 1_024;

/// Whose rows a roll-up reads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    rename = "rows",
    rename_all = "snake_case",
    deny_unknown_fields,
    expecting = "`accounts`, or an object with `table` or `events`"
)]
pub enum Over {
    /// Accounts: an expression reads the attributes of one bare, as a segment does.
    #[default]
    Accounts,
    /// Rows of a child table: `row.amount` is a column, and a bare name an attribute of the row's account.
    Table(Arc<str>),
    /// Events of a kind on the last days, or on all that are kept: `row.user`, `row.rows`. Events of a day that are alike are
    /// one row that counts as often as they are.
    Events {
        /// The kind of event; `any` is every kind.
        event: Arc<str>,
        /// So many days, that of the question among them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_days: Option<u32>,
    },
}

/// What is worked out of the rows. Texts are expressions over a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename = "operator",
    rename_all = "snake_case",
    deny_unknown_fields,
    expecting = "an operator such as `count` or {\"sum\": \"arr\"}"
)]
#[non_exhaustive]
pub enum Operator {
    /// How many rows; of events, how many events. 0 of none.
    Count,
    /// The exact sum of numbers, durations or money. Of events that of none is 0.
    Sum(Arc<str>),
    /// The sum by the number of rows that have a value: never a mean of means.
    Average(Arc<str>),
    /// The sum of one by the sum of another, over the rows that have both.
    Ratio {
        /// What is divided.
        numerator: Arc<str>,
        /// By what.
        denominator: Arc<str>,
    },
    /// The mean of values, each as often as its weight says.
    WeightedAverage {
        /// The value.
        of: Arc<str>,
        /// Its weight.
        weight: Arc<str>,
    },
    /// The variance of numbers: exact but for the last division.
    Variance {
        /// The number.
        of: Arc<str>,
        /// Divided by one less than there are numbers, as of a sample; else by how many there are.
        #[serde(default)]
        sample: bool,
    },
    /// The square root of the variance.
    StandardDeviation {
        /// The number.
        of: Arc<str>,
        /// As of [`Operator::Variance`].
        #[serde(default)]
        sample: bool,
    },
    /// The least.
    Min(Arc<str>),
    /// The greatest.
    Max(Arc<str>),
    /// The k-th from below, 1 being the least; equal values are counted one by one.
    Smallest {
        /// The value.
        of: Arc<str>,
        /// Which, from 1 to [`MAX_RANKED`].
        k: u32,
    },
    /// The k-th from above.
    Largest {
        /// The value.
        of: Arc<str>,
        /// Which, from 1 to [`MAX_RANKED`].
        k: u32,
    },
    /// The value of the row that comes first by a date, or by another value with an order; of several, the least value. Rows without a value are
    /// passed over, unless [`Nulls::Respect`] says otherwise.
    First {
        /// The value.
        of: Arc<str>,
        /// Its date.
        by: Arc<str>,
    },
    /// The value of the row that comes last; of several, the greatest value. Rows without a value are passed over, unless [`Nulls::Respect`] says
    /// otherwise.
    Last {
        /// The value.
        of: Arc<str>,
        /// Its date.
        by: Arc<str>,
    },
    /// How many different values: people, each once however often and wherever they come. 0 of none.
    Distinct(Arc<str>),
    /// The most frequent value; of several, the least.
    Mode(Arc<str>),
    /// The most frequent values, most frequent first; of equals, the least first.
    Top {
        /// The value.
        of: Arc<str>,
        /// How many, from 1 to [`MAX_RANKED`].
        k: u32,
    },
    /// The value below or at which a share of all lies: exact, one of the values (type 1 of Hyndman and Fan, 1996). 50 is the
    /// lower median.
    Percentile {
        /// The value.
        of: Arc<str>,
        /// Above 0 and up to 100, in hundredths of a percent: 5000 is the median.
        hundredths: u16,
    },
    /// The same from counts by size, which add up across machines: a double at most 1/128 of itself off.
    ApproximatePercentile {
        /// The number.
        of: Arc<str>,
        /// As of [`Operator::Percentile`].
        hundredths: u16,
    },
    /// How many rows have each value of an enumeration or band, or each of true and false: `{"Won": 3, "Lost": 0}`. One is read as
    /// `stages.Won`, or in backticks; one with a backtick in it is not read. Of values there are at most
    /// [`MAX_DISTRIBUTION`](crate::MAX_DISTRIBUTION), and every account that has rows keeps a number for each (of few values every account does).
    Distribution(Arc<str>),
    /// All different texts of lists, or of single texts, in order; of more than [`MAX_UNION`] none.
    Union(Arc<str>),
    /// The share of the rows with a value that have this one.
    Share {
        /// The value.
        of: Arc<str>,
        /// Which: the text of an enumeration value or band, or a text.
        value: Arc<str>,
    },
}

/// What a row without a value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(
    rename = "rule for missing values",
    rename_all = "snake_case",
    expecting = "a rule for missing values such as `skip`"
)]
pub enum Nulls {
    /// It is passed over, and counted as such. Write `coalesce(x, 0)` for a value in its place.
    #[default]
    Skip,
    /// One of them leaves the whole without a value.
    Refuse,
    /// Of [`Operator::First`] and [`Operator::Last`] alone, as `RESPECT NULLS` in SQL: the row that is first or last by its date decides, and
    /// where it has no value there is none, rather than that of the row before it. Of rows with that date one with a value decides. A row without a date is
    /// passed over.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use perennial::aggregate::{Nulls, Operator, Over, RollUp, RollUpPlan};
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Date, Nesting, Policy,
    ///     Schema, Scope, TableKind,
    /// };
    ///
    /// let calls = ChildTable::new("calls", TableKind::Custom)
    ///     .column(Attribute::new("held_on", AttributeType::Date))
    ///     .column(Attribute::new("rating", AttributeType::Int));
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).table(calls).build()?;
    /// let id = AccountId::new("acme")?;
    /// let call = |name: &'static str, day: Date| {
    ///     Ok::<_, Box<dyn std::error::Error>>(ChildRow::new(ChildId::new(name)?, id.clone()).with("held_on", day))
    /// };
    /// let source = MemorySource::new()
    ///     .account(AccountRow::new(id.clone(), "Company"))
    ///     .child("calls", call("1", Date::new(2026, 1, 5)?)?.with("rating", 4_i64))
    ///     .child("calls", call("2", Date::new(2026, 1, 20)?)?);
    /// let schema = Arc::new(schema);
    /// let (book, _) = Book::load(schema.clone(), &source, &Policy::strict())?;
    /// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    ///
    /// let last = |name: &str| {
    ///     let last = Operator::Last { of: "row.rating".into(), by: "row.held_on".into() };
    ///     RollUp::new(name, last).over(Over::Table("calls".into()))
    /// };
    /// let list = [last("last_known"), last("last_given").nulls(Nulls::Respect)];
    /// let answers = RollUpPlan::new(&schema, &*schema, list)?.run(&view);
    /// let acme = view.account("acme").ok_or("no account")?;
    /// assert_eq!(answers.value("last_known", acme).map(|value| value.to_string()).as_deref(), Some("4"));
    /// assert_eq!(answers.value("last_given", acme), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Respect,
}

/// A roll-up as an administrator writes it: an operator over expressions, for every account.
///
/// ```
/// use perennial::aggregate::{Operator, Over, RollUp};
/// use perennial::Reach;
///
/// let open = RollUp::new("open_value", Operator::Sum("row.amount".into()))
///     .over(Over::Table("deals".into()))
///     .filter("row.stage != \"lost\" && region == \"EMEA\"")
///     .reach(Reach::SelfAndDescendants)
///     .levels(["Company", "Region"]);
/// assert_eq!(open.name(), "open_value");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollUp {
    pub(super) name: Arc<str>,
    #[serde(default, skip_serializing_if = "is_accounts")]
    pub(super) over: Over,
    pub(super) operator: Operator,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reach: Option<Reach>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) levels: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) nulls: Nulls,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) with_cancelled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) convert: Option<Conversion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Arc<str>>,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    pub(super) version: u64,
}

fn is_accounts(over: &Over) -> bool {
    *over == Over::Accounts
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

named!(RollUp, described);

impl RollUp {
    /// An operator over all accounts of the subtree that are not cancelled, for every account.
    #[must_use]
    pub fn new(name: &str, operator: Operator) -> Self {
        Self {
            name: Arc::from(name),
            over: Over::Accounts,
            operator,
            filter: None,
            reach: None,
            levels: Vec::new(),
            nulls: Nulls::Skip,
            with_cancelled: false,
            convert: None,
            description: None,
            version: crate::aggregate::version::FIRST,
        }
    }

    /// Over other rows.
    #[must_use]
    pub fn over(mut self, over: Over) -> Self {
        self.over = over;
        self
    }

    /// Over the rows for which a question is true.
    #[must_use]
    pub fn filter(mut self, filter: &str) -> Self {
        self.filter = Some(Arc::from(filter));
        self
    }

    /// Over the account's own rows, those below, or both. Without it, over those below for events, which are sent to the
    /// leaves, and over both for the rest.
    #[must_use]
    pub const fn reach(mut self, reach: Reach) -> Self {
        self.reach = Some(reach);
        self
    }

    /// For accounts of these types only; the others have no value.
    #[must_use]
    pub fn levels<'t>(mut self, types: impl IntoIterator<Item = &'t str>) -> Self {
        self.levels = types.into_iter().map(Arc::from).collect();
        self
    }

    /// What a row without a value does.
    #[must_use]
    pub const fn nulls(mut self, nulls: Nulls) -> Self {
        self.nulls = nulls;
        self
    }

    /// With the rows of cancelled accounts.
    #[must_use]
    pub const fn with_cancelled(mut self) -> Self {
        self.with_cancelled = true;
        self
    }

    /// With amounts converted to a currency, at the rate of the day of the question. Each amount is converted to 10^-9 minor units,
    /// half to even, and then merged, so that parts add up.
    ///
    /// An amount whose rate is not known leaves the answer missing, not smaller (ruling S126 of
    /// [`docs::semantics`](crate::docs::semantics)); its row is counted as skipped, and
    /// [`LiveView::missing_rates`](crate::engine::LiveView::missing_rates) names its currency and day. Rows without an amount are what
    /// [`RollUp::nulls`] says.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use perennial::aggregate::{Operator, Over, RollUp, RollUpPlan};
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Currency, Date,
    ///     Decimal, Money, Nesting, Policy, Rates, Schema, Scope, TableKind,
    /// };
    ///
    /// #[derive(Debug)]
    /// struct Budget;
    ///
    /// impl Rates for Budget {
    ///     fn rate(&self, from: Currency, to: Currency, _on: Date) -> Option<Decimal> {
    ///         (from == Currency::USD && to == Currency::EUR).then(|| Decimal::new(92, 2))
    ///     }
    /// }
    ///
    /// let deals = ChildTable::new("deals", TableKind::Opportunities)
    ///     .column(Attribute::new("currency", AttributeType::Text))
    ///     .column(Attribute::new("amount", AttributeType::MixedMoney { currency_column: "currency".into() }));
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).table(deals).build()?;
    /// let deal = |id: &str, minor: i128, currency: Currency| {
    ///     let row = ChildRow::new(ChildId::new(id)?, AccountId::new("acme")?);
    ///     let row = row.with("amount", Money::from_minor(minor, currency)).with("currency", currency.code());
    ///     Ok::<_, perennial::IdError>(row)
    /// };
    /// let source = MemorySource::new()
    ///     .account(AccountRow::new(AccountId::new("acme")?, "Company"))
    ///     .child("deals", deal("1", 100_00, Currency::USD)?)
    ///     .child("deals", deal("2", 50_00, Currency::EUR)?)
    ///     .child("deals", deal("3", 7_00, Currency::GBP)?);
    /// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
    ///
    /// let pipeline = RollUp::new("pipeline", Operator::Sum("row.amount".into()))
    ///     .over(Over::Table("deals".into()))
    ///     .convert_to(Currency::EUR);
    /// let plan = RollUpPlan::new(book.schema(), &**book.schema(), [pipeline])?.with_rates(Arc::new(Budget));
    /// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    /// let answers = plan.run(&view);
    /// let acme = view.account("acme").ok_or("not there")?;
    /// // Nobody knows what pounds are worth, and so what all comes to.
    /// assert_eq!(answers.value("pipeline", acme), None);
    /// assert_eq!((answers.counted("pipeline", acme), answers.skipped("pipeline", acme)), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn convert_to(mut self, currency: Currency) -> Self {
        self.convert = Some(Conversion { to: currency, at: None, plan: false });
        self
    }

    /// With amounts converted to a currency, each at the rate of the day that an expression gives of its row, such as
    /// `row.closed_on`; an amount without that day is one without a rate. `startOf("quarter")` is the rate at which a period opened.
    #[must_use]
    pub fn convert_at(mut self, currency: Currency, day: &str) -> Self {
        self.convert = Some(Conversion { to: currency, at: Some(Arc::from(day)), plan: false });
        self
    }

    /// With amounts converted to a currency at the rate that a plan reckons with ([`RateKind::Plan`](crate::RateKind::Plan)) in the
    /// fiscal year that the day of the question is in: what forecasts and quotas are compared in, so that no rate of the market moves
    /// them.
    #[must_use]
    pub fn convert_at_plan(mut self, currency: Currency) -> Self {
        self.convert = Some(Conversion { to: currency, at: None, plan: true });
        self
    }

    /// Its operator.
    #[must_use]
    pub const fn operator(&self) -> &Operator {
        &self.operator
    }

    /// Whose rows it reads.
    #[must_use]
    pub const fn rows(&self) -> &Over {
        &self.over
    }

    /// Its expressions, as written.
    pub(crate) fn texts(&self) -> Vec<String> {
        let (first, second) = self.operator.expressions();
        let day = self.convert.iter().filter_map(|convert| convert.at.clone());
        let all = self.filter.iter().cloned().chain(first).chain(second).chain(day);
        all.map(|text| text.to_string()).collect()
    }

    /// All that it says but for its name and its description.
    pub(crate) fn said(&self) -> String {
        let own = (&self.over, &self.operator, &self.filter, self.reached(), &self.levels, self.nulls);
        format!("{own:?} {} {:?}", self.with_cancelled, self.convert)
    }

    /// Of a weighted average, which is checked with its weight in one text: what is weighed, as it is in that text rewritten.
    pub(crate) fn weighted(&self, rewrite: &dyn Fn(&str) -> Arc<str>) -> Option<Arc<str>> {
        let Operator::WeightedAverage { weight, .. } = &self.operator else { return None };
        let all = rewrite(&self.operator.expressions().0?);
        let own = all.strip_prefix('(')?.strip_suffix(&format!("\n) * ({}\n)", rewrite(weight)))?;
        Some(Arc::from(own))
    }

    /// Of a share: the value, and what has it.
    pub(crate) fn share(&self) -> Option<(&str, &str)> {
        match &self.operator {
            Operator::Share { of, value } => Some((of, value)),
            _ => None,
        }
    }

    /// Replaces the weighted column and the value of a share; `None` keeps them.
    pub(crate) fn with_parts(mut self, weighted: Option<Arc<str>>, share: Option<Arc<str>>) -> Self {
        match &mut self.operator {
            Operator::WeightedAverage { of, .. } => weighted.into_iter().for_each(|now| *of = now),
            Operator::Share { value, .. } => share.into_iter().for_each(|now| *value = now),
            _ => {}
        }
        self
    }

    /// What it names without an expression: whose rows it reads, and account types.
    pub(crate) fn names_mut(&mut self) -> (&mut Over, &mut [Arc<str>]) {
        (&mut self.over, &mut self.levels)
    }

    /// With another name.
    pub(crate) fn with_name(self, name: Arc<str>) -> Self {
        Self { name, ..self }
    }

    /// With every expression rewritten.
    pub(crate) fn with_texts(mut self, rewrite: &dyn Fn(&Arc<str>) -> Arc<str>) -> Self {
        self.filter = self.filter.as_ref().map(rewrite);
        if let Some(convert) = &mut self.convert {
            convert.at = convert.at.as_ref().map(rewrite);
        }
        match &mut self.operator {
            Operator::Count => {}
            Operator::Sum(of)
            | Operator::Average(of)
            | Operator::Variance { of, .. }
            | Operator::StandardDeviation { of, .. }
            | Operator::Min(of)
            | Operator::Max(of)
            | Operator::Smallest { of, .. }
            | Operator::Largest { of, .. }
            | Operator::Distinct(of)
            | Operator::Mode(of)
            | Operator::Top { of, .. }
            | Operator::Percentile { of, .. }
            | Operator::ApproximatePercentile { of, .. }
            | Operator::Union(of)
            | Operator::Distribution(of)
            | Operator::Share { of, .. } => *of = rewrite(of),
            Operator::Ratio { numerator: a, denominator: b }
            | Operator::WeightedAverage { of: a, weight: b }
            | Operator::First { of: a, by: b }
            | Operator::Last { of: a, by: b } => {
                *a = rewrite(a);
                *b = rewrite(b);
            }
        }
        self
    }

    pub(super) fn reached(&self) -> Reach {
        self.reach.unwrap_or(match self.over {
            Over::Events { .. } => Reach::Descendants,
            _ => Reach::SelfAndDescendants,
        })
    }
}

impl Operator {
    /// Does it take values one by one, and not what they add up to?
    pub(super) const fn takes_each(&self) -> bool {
        !matches!(self, Self::Count | Self::Sum(_) | Self::Average(_) | Self::Ratio { .. })
    }

    /// Its expressions: what is read of a row, and what else.
    pub(super) fn expressions(&self) -> (Option<Arc<str>>, Option<Arc<str>>) {
        let one = |of: &Arc<str>| (Some(of.clone()), None);
        match self {
            Self::Count => (None, None),
            Self::Sum(of)
            | Self::Average(of)
            | Self::Variance { of, .. }
            | Self::StandardDeviation { of, .. }
            | Self::Min(of)
            | Self::Max(of)
            | Self::Smallest { of, .. }
            | Self::Largest { of, .. }
            | Self::Distinct(of)
            | Self::Mode(of)
            | Self::Top { of, .. }
            | Self::Percentile { of, .. }
            | Self::ApproximatePercentile { of, .. }
            | Self::Union(of)
            | Self::Distribution(of)
            | Self::Share { of, .. } => one(of),
            Self::Ratio { numerator, denominator } => (Some(numerator.clone()), Some(denominator.clone())),
            Self::WeightedAverage { of, weight } => {
                // Each on a line of its own, so that a comment in one ends with it.
                (Some(Arc::from(format!("({of}\n) * ({weight}\n)"))), Some(weight.clone()))
            }
            Self::First { of, by } | Self::Last { of, by } => (Some(of.clone()), Some(by.clone())),
        }
    }

    /// Its word in messages.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum(_) => "sum",
            Self::Average(_) => "average",
            Self::Ratio { .. } => "ratio",
            Self::WeightedAverage { .. } => "weighted average",
            Self::Variance { .. } => "variance",
            Self::StandardDeviation { .. } => "standard deviation",
            Self::Min(_) => "least",
            Self::Max(_) => "greatest",
            Self::Smallest { .. } | Self::Largest { .. } => "rank",
            Self::First { .. } => "first",
            Self::Last { .. } => "last",
            Self::Distinct(_) => "number of different values",
            Self::Mode(_) | Self::Top { .. } => "most frequent",
            Self::Percentile { .. } | Self::ApproximatePercentile { .. } => "percentile",
            Self::Union(_) => "union",
            Self::Distribution(_) => "distribution",
            Self::Share { .. } => "share",
        }
    }
}
