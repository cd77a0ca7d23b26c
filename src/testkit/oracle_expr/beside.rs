//! What do expressions read that the book does not have?

use std::fmt::Debug;
use std::sync::Arc;

use crate::expr::{Checked, ExprValue};
use crate::testkit::oracle_usage::EventRow;
use crate::{Account, Currency, Date, Decimal, Rates};

/// What definitions give, and usage.
pub(in crate::testkit) trait Beside: Debug {
    /// The names of the derived columns.
    fn columns(&self) -> Vec<&str>;

    fn has_column(&self, name: &str) -> bool;

    /// The value of a derived column.
    fn column(&self, name: &str, account: Account<'_>) -> Option<ExprValue>;

    fn is_member(&self, segment: &str, account: Account<'_>) -> bool;

    /// The columns and metrics that may lack a rate.
    fn converting(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Is there an amount among those that a column is computed from that has no rate?
    fn lacks_rate(&self, name: &str, account: Account<'_>) -> bool {
        let _ = (name, account);
        false
    }

    /// The rows of the events of a kind.
    fn events(&self, account: Account<'_>, kind: &str) -> Vec<Arc<EventRow>>;

    /// The rates, where there are any.
    fn rates(&self) -> Option<&dyn Rates> {
        None
    }

    /// The rate of a day.
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal>;

    /// The rate that a plan reckons with in the fiscal year that begins on a day.
    fn plan(&self, from: Currency, to: Currency, year: Date) -> Option<Decimal> {
        let rates = self.rates()?;
        if from == to { Some(Decimal::new(1, 0)) } else { rates.plan(from, to, year) }
    }

    /// The expression of a metric.
    fn metric(&self, name: &str) -> Option<&Checked>;
}
