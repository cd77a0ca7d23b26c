//! What was the value of a column on an earlier day?

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Derived;
use crate::expr::ExprValue;
use crate::model::Date;

/// Past values, as the host recorded them: of attributes, calculated attributes, roll-ups, scores.
///
/// ```
/// use perennial::catalog::{History, MemoryHistory};
/// use perennial::expr::ExprValue;
/// use perennial::Date;
///
/// let (monday, tuesday) = (Date::new(2026, 1, 26)?, Date::new(2026, 1, 27)?);
/// let mut history = MemoryHistory::new();
/// history.record("acme", "score", monday, Some(ExprValue::Int(70)));
/// assert_eq!(history.value("acme", "score", tuesday), Some(ExprValue::Int(70)));
/// assert_eq!(history.value("acme", "score", Date::new(2026, 1, 25)?), None);
/// # Ok::<(), perennial::DateError>(())
/// ```
///
/// # What implementors must guarantee
///
/// * The same question has the same answer while a catalog runs.
/// * A value is that which the column had at the end of the day. A day on which it was recorded that there was none has a record
///   without a value.
pub trait History: Sync {
    /// The last record of a column for an account on a day or before it, with its day.
    fn last(&self, account: &str, column: &str, on: Date) -> Option<(Date, Option<ExprValue>)>;

    /// The records of a column for an account from a day to one that is not before it, both included, in the order of their days.
    fn each(&self, account: &str, column: &str, from: Date, to: Date) -> Vec<(Date, Option<ExprValue>)>;

    /// The value of a column for an account on a day, as far as it is known: that of the last record on it or before it.
    fn value(&self, account: &str, column: &str, on: Date) -> Option<ExprValue> {
        self.last(account, column, on)?.1
    }
}

/// The values of one column on the days on which it changed.
type Dated = BTreeMap<Date, Option<ExprValue>>;

/// A history in memory: for tests, and for hosts that hold theirs in memory anyway.
#[derive(Debug, Clone, Default)]
pub struct MemoryHistory {
    columns: HashMap<Arc<str>, RecordedColumn>,
}

/// What was recorded of one column. A value that stays is kept once, however many days it is recorded on.
#[derive(Debug, Clone, Default)]
struct RecordedColumn {
    accounts: HashMap<Arc<str>, Dated>,
    /// The days on which all accounts were recorded.
    days: BTreeSet<Date>,
}

impl MemoryHistory {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a column was for an account on a day.
    pub fn record(&mut self, account: &str, column: &str, on: Date, value: Option<ExprValue>) {
        let accounts = &mut self.columns.entry(Arc::from(column)).or_default().accounts;
        accounts.entry(Arc::from(account)).or_default().insert(on, value);
    }

    /// What columns came to for all accounts that are seen, on the day of the question. An account has a record of that day from the
    /// first value on that it had.
    pub fn record_all<'n>(&mut self, derived: &Derived, columns: impl IntoIterator<Item = &'n str>) {
        let on = derived.view().as_of().date();
        for column in columns {
            for account in derived.view().accounts() {
                let value = derived.value(column, account);
                if self.value(account.id_str(), column, on) != value {
                    self.record(account.id_str(), column, on, value);
                }
            }
            self.columns.entry(Arc::from(column)).or_default().days.insert(on);
        }
    }
}

impl History for MemoryHistory {
    fn last(&self, account: &str, column: &str, on: Date) -> Option<(Date, Option<ExprValue>)> {
        let recorded = self.columns.get(column)?;
        let (changed, value) = recorded.accounts.get(account)?.range(..=on).next_back()?;
        let day = recorded.days.range(..=on).next_back().filter(|day| *day > changed).unwrap_or(changed);
        Some((*day, value.clone()))
    }

    fn each(&self, account: &str, column: &str, from: Date, to: Date) -> Vec<(Date, Option<ExprValue>)> {
        let Some(recorded) = self.columns.get(column).filter(|_| from <= to) else { return Vec::new() };
        let Some(dated) = recorded.accounts.get(account) else { return Vec::new() };
        let changed = dated.range(from..=to).map(|(day, _)| *day);
        let days: BTreeSet<Date> = recorded.days.range(from..=to).copied().chain(changed).collect();
        let value = |day: &Date| dated.range(..=*day).next_back().map(|(_, value)| value.clone());
        days.into_iter().filter_map(|day| Some((day, value(&day)?))).collect()
    }
}
