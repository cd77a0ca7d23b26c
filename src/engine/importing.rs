//! What was recorded elsewhere, read into records.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexSet;

use super::published::Published;
use crate::catalog::{History, RecordedColumn, RecordedDay, Records, is_same_record};
use crate::expr::ExprValue;
use crate::model::{AccountId, Date};

impl Published {
    /// Days that a host recorded, from one day to another, both included: read of a [`History`], column by column for all accounts at once,
    /// to be taken in by [`Update::records`](super::Update::records). `accounts` are all of which something was recorded: who is not among them
    /// has no record of these days. Days of a column up to its last recorded one are left out, and so are days on which no account has a
    /// record.
    ///
    /// A column is taken to have read its account alone where its definition does now, or where it is an attribute; who knows better says
    /// so ([`RecordedColumn::alone`](crate::catalog::RecordedColumn::alone)).
    ///
    /// # Complexity
    ///
    /// That of the records that are read, and of what is kept of the columns.
    #[must_use]
    pub fn import(
        &self,
        history: &dyn History,
        columns: &[&str],
        accounts: &[AccountId],
        (from, to): (Date, Date),
    ) -> Vec<RecordedDay> {
        let records: &Records = self.records();
        let names: IndexSet<&str> = columns.iter().copied().collect();
        let mut read: Vec<Imported<'_>> = Vec::with_capacity(names.len());
        for column in names {
            let known = records.latest(column);
            let dated = history.of_accounts(column, accounts, from, to);
            let mut days: BTreeMap<Date, Vec<(AccountId, Option<ExprValue>)>> = BTreeMap::new();
            let last = records.last_day(column);
            for (account, dated) in accounts.iter().zip(dated) {
                for (day, value) in dated.into_iter().filter(|(day, _)| last.is_none_or(|last| *day > last)) {
                    days.entry(day).or_default().push((account.clone(), value));
                }
            }
            read.push(Imported { column, alone: self.catalog().reads_alone(column, records), known, days });
        }
        let all: BTreeSet<Date> = read.iter().flat_map(|of| of.days.keys().copied()).collect();
        let day = |day: Date| {
            let columns = read.iter_mut().filter_map(|of| of.next(day)).collect();
            RecordedDay { day, columns }
        };
        all.into_iter().map(day).collect()
    }
}

/// What is read of one column.
struct Imported<'i> {
    column: &'i str,
    alone: bool,
    /// What holds of the accounts on the day before.
    known: HashMap<AccountId, Option<ExprValue>>,
    days: BTreeMap<Date, Vec<(AccountId, Option<ExprValue>)>>,
}

impl Imported<'_> {
    /// What differs on a day; `None` where no account has a record of it.
    fn next(&mut self, day: Date) -> Option<RecordedColumn> {
        // On a day of other columns, what is known stays.
        let values = self.days.remove(&day)?;
        let mut of_day = RecordedColumn::new(self.column, self.alone);
        let mut before = std::mem::take(&mut self.known);
        for (account, value) in values {
            let known = before.remove(&account);
            let is_same = match (&known, &value) {
                (Some(Some(known)), Some(value)) => is_same_record(known, value),
                (Some(known), value) => known == value,
                (None, _) => false,
            };
            if !is_same {
                of_day.changed.push((account.clone(), value.clone()));
            }
            self.known.insert(account, value);
        }
        of_day.absent.extend(before.into_keys());
        of_day.changed.sort_by(|a, b| a.0.cmp(&b.0));
        of_day.absent.sort_unstable();
        Some(of_day)
    }
}
