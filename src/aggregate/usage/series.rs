//! What was the value of a metric on each day?

use serde::{Deserialize, Serialize};

use super::daily;
use super::reading::Prepared;
use super::view::UsageView;
use crate::book::Account;
use crate::expr::{Cell, ExprValue, Op, UsageAsked, Val};
use crate::model::Date;

/// Most days of one series.
pub const MAX_SERIES_DAYS: u32 = 36_600;

/// The value of one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayValue {
    /// The civil day.
    pub day: Date,
    /// Its value; `None` on a day on which there is nothing to read a value of.
    pub value: Option<ExprValue>,
}

/// Why there is no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum SeriesError {
    #[error("there is no metric `{metric}`")]
    UnknownMetric { metric: String },
    #[error("{days} days; a series has at most {MAX_SERIES_DAYS}")]
    TooLong { days: i64 },
}

impl UsageView {
    /// The daily series of a metric for an account, one entry for each day from `first` to `last`, both included; empty
    /// for an account that the view does not show. Days after that of the view are days like others.
    ///
    /// # Errors
    ///
    /// [`SeriesError`] for a metric that is not known, and for too many days.
    ///
    /// ```
    /// use perennial::aggregate::{Event, EventKind, Metric, Metrics, Usage, UsageSchema, UsageSettings};
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope};
    ///
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// let source = MemorySource::new().account(AccountRow::new(AccountId::new("acme")?, "Company"));
    /// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
    /// let (monday, tuesday) = (Date::new(2026, 1, 26)?, Date::new(2026, 1, 27)?);
    ///
    /// let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")])?, UsageSettings::new());
    /// usage.ingest([Event::on("login", "acme", monday).count(3)], tuesday)?;
    /// let metrics = Metrics::new(usage.schema(), [Metric::new("logins", "events(\"login\").count()")])?;
    ///
    /// let view = book.view(&Scope::all(), AsOf::date_utc(tuesday))?;
    /// let acme = view.account("acme").ok_or("not there")?;
    /// let series = usage.over(&view, &metrics).series("logins", acme, monday, tuesday)?;
    /// let values: Vec<String> = series.iter().filter_map(|day| Some(day.value.as_ref()?.to_string())).collect();
    /// assert_eq!(values, ["3", "0"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn series(
        &self,
        metric: &str,
        account: Account<'_>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayValue>, SeriesError> {
        let unknown = || SeriesError::UnknownMetric { metric: metric.to_owned() };
        let checked = self.metrics.checked(metric).ok_or_else(unknown)?;
        let days = i64::from(last.days()) - i64::from(first.days()) + 1;
        if days > i64::from(MAX_SERIES_DAYS) {
            return Err(SeriesError::TooLong { days });
        }
        let view = self.view();
        let ours = view.inner().layout.same(&account.view().inner().layout);
        if !ours || !view.sees(account.place()) {
            return Ok(Vec::new());
        }
        let (terms, root) = checked.terms();
        let (terms, roots) = terms.as_of(view.as_of(), &[root]);
        let root = roots.first().copied().ok_or_else(unknown)?;
        let rates = view.dated_rates();
        let asked = UsageAsked::of(&terms, root, last.days()).ok_or_else(unknown)?.at_rates(rates);
        let Op::Usage(reading, ..) = terms.op(root) else { return Err(unknown()) };
        let nothing = daily::zero(*reading).unwrap_or(Cell::Missing);
        let mut cells: Vec<Cell> = vec![nothing; usize::try_from(days).unwrap_or(0)];
        if let Some(usage) = self.account(account.place(), (first.days(), last.days())) {
            let prepared = Prepared::new(&self.usage, asked);
            daily::values(&prepared, &usage, (first.days(), last.days()), |day| day, &mut |day, cell| {
                let place = usize::try_from(day - first.days()).ok();
                if let Some(place) = place.and_then(|place| cells.get_mut(place)) {
                    *place = cell;
                }
            });
        }
        let kind = checked.kind();
        let dated = (first.days()..).zip(cells).filter_map(|(day, cell)| {
            let value = Val::of_cell(&cell).to_value(kind);
            Some(DayValue { day: Date::from_days(day)?, value })
        });
        Ok(dated.collect())
    }
}
