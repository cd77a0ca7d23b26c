//! What is rolled up?

use std::sync::Arc;

use super::Reach;
use crate::model::{Currency, Value};

/// The definition of one roll-up.
///
/// Without [`RollUp::of_table`] it reads attributes of accounts, with it the rows of a child table.
/// Cancelled accounts (whose status attribute is in the group
/// [`StatusGroup::Cancelled`](crate::StatusGroup::Cancelled); a schema without status has none) are left
/// out with their rows unless asked for. Nothing in,
/// nothing out: of no rows a sum is missing, not 0; a count of no rows is 0.
///
/// ```
/// use perennial::{Reach, RollUp};
///
/// let won = RollUp::sum("close_value").of_table("opportunities").filter("stage", ["Won"]).named("won_value");
/// let sites = RollUp::count().filter("account_type", ["Site"]).reach(Reach::Descendants).named("sites");
/// assert_eq!(won.name(), "won_value");
/// # let _ = sites;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RollUp {
    pub(super) name: Arc<str>,
    pub(super) operator: Operator,
    pub(super) table: Option<Arc<str>>,
    pub(super) filters: Vec<(Arc<str>, Vec<Value>)>,
    pub(super) reach: Reach,
    pub(super) cancelled: bool,
    pub(super) convert: Option<(Currency, Option<Arc<str>>)>,
}

/// What is done with the rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    Count,
    CountOf(Arc<str>),
    Sum(Arc<str>),
    Min(Arc<str>),
    Max(Arc<str>),
    Average(Arc<str>),
    Ratio(Arc<str>, Arc<str>),
    First { column: Arc<str>, by: Arc<str> },
    Last { column: Arc<str>, by: Arc<str> },
    Distribution(Arc<str>),
}

impl RollUp {
    fn new(name: String, operator: Operator) -> Self {
        Self {
            name: Arc::from(name),
            operator,
            table: None,
            filters: Vec::new(),
            reach: Reach::default(),
            cancelled: false,
            convert: None,
        }
    }

    /// How many rows: accounts, or rows of a child table.
    #[must_use]
    pub fn count() -> Self {
        Self::new("count".to_owned(), Operator::Count)
    }

    /// How many rows have a value.
    #[must_use]
    pub fn count_of(column: &str) -> Self {
        Self::new(format!("count_{column}"), Operator::CountOf(Arc::from(column)))
    }

    /// The sum of a number, amount or duration. Exact: whole numbers, decimals and money in 128 bits,
    /// doubles in fixed point (see `semantics`), so that no order of rows changes a bit. Missing values are
    /// left out; [`RollUp::count_of`] says how many rows have one. A sum out of range is missing.
    #[must_use]
    pub fn sum(column: &str) -> Self {
        Self::new(format!("sum_{column}"), Operator::Sum(Arc::from(column)))
    }

    /// The smallest number, amount, duration, date, instant or band.
    #[must_use]
    pub fn min(column: &str) -> Self {
        Self::new(format!("min_{column}"), Operator::Min(Arc::from(column)))
    }

    /// The largest number, amount, duration, date, instant or band.
    #[must_use]
    pub fn max(column: &str) -> Self {
        Self::new(format!("max_{column}"), Operator::Max(Arc::from(column)))
    }

    /// The mean over the rows that have a value: the sum of all rows by their number, never a mean of
    /// means. Of money it is money (to 10^-9 minor units, half-even), else a double.
    #[must_use]
    pub fn average(column: &str) -> Self {
        Self::new(format!("average_{column}"), Operator::Average(Arc::from(column)))
    }

    /// The sum of one column by the sum of another, over the rows that have both; a double. Missing when
    /// the second sum is zero. Two amounts must be of one currency.
    #[must_use]
    pub fn ratio(numerator: &str, denominator: &str) -> Self {
        let operator = Operator::Ratio(Arc::from(numerator), Arc::from(denominator));
        Self::new(format!("{numerator}_per_{denominator}"), operator)
    }

    /// The value of the row with the earliest date (or instant) in `by`; of several, the least value. Rows
    /// without the date or the value are left out.
    #[must_use]
    pub fn first(column: &str, by: &str) -> Self {
        let operator = Operator::First { column: Arc::from(column), by: Arc::from(by) };
        Self::new(format!("first_{column}"), operator)
    }

    /// The value of the row with the latest date (or instant) in `by`; of several, the greatest value.
    #[must_use]
    pub fn last(column: &str, by: &str) -> Self {
        let operator = Operator::Last { column: Arc::from(column), by: Arc::from(by) };
        Self::new(format!("last_{column}"), operator)
    }

    /// How many rows have each value of an enumeration or band, or each of true and false; values that none has are left out.
    #[must_use]
    pub fn distribution(column: &str) -> Self {
        Self::new(format!("distribution_{column}"), Operator::Distribution(Arc::from(column)))
    }

    /// With another name than the one made of operator and column.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    /// Over the rows of a child table.
    #[must_use]
    pub fn of_table(mut self, table: &str) -> Self {
        self.table = Some(Arc::from(table));
        self
    }

    /// Only over rows whose `column` is one of `values`; several filters must all hold. A missing value
    /// is never one of them. Over accounts, `account_type` and `product` are columns, too.
    #[must_use]
    pub fn filter<V: Into<Value>>(mut self, column: &str, values: impl IntoIterator<Item = V>) -> Self {
        self.filters.push((Arc::from(column), values.into_iter().map(Into::into).collect()));
        self
    }

    /// With another reach than self and descendants.
    #[must_use]
    pub const fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// With cancelled accounts and their rows.
    #[must_use]
    pub const fn with_cancelled(mut self) -> Self {
        self.cancelled = true;
        self
    }

    /// With amounts converted to a currency, at the rate of the moment of the question. Each row is
    /// converted to 10^-9 minor units (half-even) and then summed, so that parts add up.
    ///
    /// **A row whose rate is unknown is left out**, so the total is then too low, and does not say so. Make
    /// sure that your rates know every currency in the data, and note in them what they did not know.
    #[must_use]
    pub fn convert_to(mut self, currency: Currency) -> Self {
        self.convert = Some((currency, None));
        self
    }

    /// With amounts converted to a currency, each at the rate of the date in another column of its row.
    /// A row without that date is left out, and so is one whose rate is unknown (see
    /// [`RollUp::convert_to`]).
    #[must_use]
    pub fn convert_at(mut self, currency: Currency, date_column: &str) -> Self {
        self.convert = Some((currency, Some(Arc::from(date_column))));
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
