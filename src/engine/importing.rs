//! How is a host's own history imported as records, and compared with the records of a state?

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use indexmap::IndexSet;
use serde::{Deserialize, Deserializer, Serialize};

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

/// A record in which a host's history and that of a state are not the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordDifference {
    /// The column.
    pub column: Arc<str>,
    /// The account.
    pub account: AccountId,
    /// The day.
    pub day: Date,
    /// What the state recorded on that day. `None` if it has no record (left out in JSON); `Some(None)` if it recorded that there was no
    /// value (`null`).
    #[serde(default, deserialize_with = "is_said", skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Option<ExprValue>>,
    /// What the host recorded, in the same way.
    #[serde(default, deserialize_with = "is_said", skip_serializing_if = "Option::is_none")]
    pub by_host: Option<Option<ExprValue>>,
}

/// A field that is there is said, also where it is null.
#[expect(clippy::option_option, reason = "no record is one thing, and a record of no value another")]
fn is_said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<ExprValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl fmt::Display for RecordDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |of: &Option<Option<ExprValue>>| match of {
            None => "no record".to_owned(),
            Some(None) => "no value".to_owned(),
            Some(Some(value)) => value.to_string(),
        };
        let Self { column, account, day, recorded, by_host } = self;
        write!(f, "{column} of {account} on {day}: {}, by the host {}", said(recorded), said(by_host))
    }
}

impl Published {
    /// Where a host's [`History`] says something else than what this state recorded, on the days from one to another, both included: by
    /// column in the order in which they are asked, account and day. The history is asked once for each column, for all of
    /// `accounts`. A day of which neither has a record is none. Of everything, **outside any scope**.
    ///
    /// ```
    /// use perennial::catalog::{MemoryHistory, Recorded};
    /// use perennial::engine::{Engine, EngineSettings, Update};
    /// use perennial::expr::ExprValue;
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Date, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let (today, tomorrow) = (Date::new(2026, 1, 30)?, Date::new(2026, 1, 31)?);
    /// let acme = AccountId::new("acme")?;
    /// let engine = Engine::new(schema, AsOf::date_utc(today), EngineSettings::new())?;
    /// engine.load(&MemorySource::new().account(AccountRow::new(acme.clone(), "Company").with("seats", 12_i64)))?;
    /// engine.define([Recorded::new("daily", ["seats"], 30).into()])?;
    /// engine.apply(Update::new().moment(AsOf::date_utc(tomorrow)))?;
    ///
    /// let mut ours = MemoryHistory::new();
    /// ours.record("acme", "seats", today, Some(ExprValue::Int(11)));
    /// let differ = engine.published().compare_records(&ours, &["seats"], &[acme], (today, tomorrow));
    /// assert_eq!(differ[0].to_string(), "seats of acme on 2026-01-30: 12, by the host 11");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    ///
    /// That of the records of both on those days.
    #[must_use]
    pub fn compare_records(
        &self,
        history: &dyn History,
        columns: &[&str],
        accounts: &[AccountId],
        (from, to): (Date, Date),
    ) -> Vec<RecordDifference> {
        let names: IndexSet<&str> = columns.iter().copied().collect();
        let mut differ = Vec::new();
        for column in names {
            let name: Arc<str> = Arc::from(column);
            let by_host = history.of_accounts(column, accounts, from, to);
            let nothing = std::iter::repeat_with(Vec::new);
            for (account, by_host) in accounts.iter().zip(by_host.into_iter().chain(nothing)) {
                let recorded = self.records().each(account.as_str(), column, from, to);
                let mut days: BTreeMap<Date, [Option<Option<ExprValue>>; 2]> = BTreeMap::new();
                for (day, value) in recorded {
                    days.entry(day).or_default()[0] = Some(value);
                }
                for (day, value) in by_host {
                    days.entry(day).or_default()[1] = Some(value);
                }
                for (day, [recorded, by_host]) in days {
                    if !is_same(recorded.as_ref(), by_host.as_ref()) {
                        let (column, account) = (name.clone(), account.clone());
                        differ.push(RecordDifference { column, account, day, recorded, by_host });
                    }
                }
            }
        }
        differ
    }
}

/// Are two records the same, where there is one?
fn is_same(one: Option<&Option<ExprValue>>, other: Option<&Option<ExprValue>>) -> bool {
    match (one, other) {
        (Some(Some(one)), Some(Some(other))) => is_same_record(one, other),
        (one, other) => one == other,
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
            if !is_same(known.as_ref(), Some(&value)) {
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
