//! What was the value of a column on an earlier day?

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Derived;
use crate::expr::ExprValue;
use crate::model::{AccountId, Date};

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

    /// As [`History::each`], of several accounts: for each of them, in their order. A host asks its storage once.
    fn of_accounts(
        &self,
        column: &str,
        accounts: &[AccountId],
        from: Date,
        to: Date,
    ) -> Vec<Vec<(Date, Option<ExprValue>)>> {
        accounts.iter().map(|account| self.each(account.as_str(), column, from, to)).collect()
    }

    /// The value of a column for an account on a day, as far as it is known: that of the last record on it or before it.
    fn value(&self, account: &str, column: &str, on: Date) -> Option<ExprValue> {
        self.last(account, column, on)?.1
    }
}

/// The values of one column on the days on which it was recorded.
type Dated = BTreeMap<Date, Option<ExprValue>>;

/// A history in memory: for tests, and for hosts that hold theirs in memory anyway. Every record is kept.
#[derive(Debug, Clone, Default)]
pub struct MemoryHistory {
    columns: HashMap<Arc<str>, HashMap<Arc<str>, Dated>>,
}

impl MemoryHistory {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The columns of which something is recorded, by name.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.columns.keys().map(|name| &**name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// What a column was for an account on a day.
    pub fn record(&mut self, account: &str, column: &str, on: Date, value: Option<ExprValue>) {
        let accounts = self.columns.entry(Arc::from(column)).or_default();
        match accounts.get_mut(account) {
            Some(dated) => dated.insert(on, value),
            None => accounts.entry(Arc::from(account)).or_default().insert(on, value),
        };
    }

    /// What columns came to for all accounts that are seen, on the day of the question: a record each, also where there is no value.
    pub fn record_all<'n>(&mut self, derived: &Derived, columns: impl IntoIterator<Item = &'n str>) {
        let on = derived.view().as_of().date();
        for column in columns {
            for account in derived.view().accounts() {
                self.record(account.id_str(), column, on, derived.value(column, account));
            }
        }
    }

    fn dated(&self, account: &str, column: &str) -> Option<&Dated> {
        self.columns.get(column)?.get(account)
    }
}

impl History for MemoryHistory {
    fn last(&self, account: &str, column: &str, on: Date) -> Option<(Date, Option<ExprValue>)> {
        let last = self.dated(account, column)?.range(..=on).next_back();
        last.map(|(day, value)| (*day, value.clone()))
    }

    fn each(&self, account: &str, column: &str, from: Date, to: Date) -> Vec<(Date, Option<ExprValue>)> {
        let dated = self.dated(account, column).filter(|_| from <= to);
        let records = dated.into_iter().flat_map(|dated| dated.range(from..=to));
        records.map(|(day, value)| (*day, value.clone())).collect()
    }
}
