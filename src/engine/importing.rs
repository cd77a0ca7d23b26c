//! What was recorded elsewhere, read into records.

use super::published::Published;
use crate::catalog::{History, RecordedDay, Records};
use crate::model::{AccountId, Date};

impl Published {
    /// Days that a host recorded, from one day to another, both included: read of a [`History`], column by column for all accounts at once,
    /// to be taken in by [`Update::records`](super::Update::records). Days of a column before its last recorded one are left out, and so are
    /// days on which no account has a record.
    ///
    /// A column is taken to have read its account alone where its definition does now, or where it is an attribute; who knows better says
    /// so ([`RecordedColumn::alone`](crate::catalog::RecordedColumn::alone)).
    ///
    /// # Complexity
    ///
    /// That of the records, and of the accounts for each day and column.
    #[must_use]
    pub fn import(
        &self,
        history: &dyn History,
        columns: &[&str],
        accounts: &[AccountId],
        (from, to): (Date, Date),
    ) -> Vec<RecordedDay> {
        let mut records: Records = self.records().clone();
        let mut days: Vec<RecordedDay> = Vec::new();
        let read: Vec<_> =
            columns.iter().map(|column| history.of_accounts(column, accounts, from, to)).collect();
        let mut day = Some(from).filter(|from| *from <= to);
        while let Some(on) = day {
            let mut recorded = Vec::new();
            for (column, read) in columns.iter().zip(&read) {
                let values = accounts.iter().zip(read).filter_map(|(account, dated)| {
                    let at = dated.binary_search_by_key(&on, |(day, _)| *day).ok()?;
                    Some((account.clone(), dated.get(at)?.1.clone()))
                });
                let values: Vec<_> = values.collect();
                if values.is_empty() || records.last_day(column).is_some_and(|last| last >= on) {
                    continue;
                }
                let alone = self.catalog().reads_alone(column);
                recorded.push(records.differing(column, (alone, None), values.into_iter()));
            }
            if !recorded.is_empty() {
                let of_day = RecordedDay { day: on, columns: recorded };
                // Each day is after those before it.
                if let Ok(more) = records.with([&of_day]) {
                    records = more;
                    days.push(of_day);
                }
            }
            day = on.plus_days(1).filter(|next| *next <= to);
        }
        days
    }
}
