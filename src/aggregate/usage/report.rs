//! What came in, what did not, and why?

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Date, IdError, ValueFault};

/// Most faulty rows of one batch that a report describes; the rest is counted.
pub const MAX_USAGE_FAULTS: usize = 1_000;

/// Why a row of usage is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum UsageFaultKind {
    #[error("there is no event `{event}`{hint}")]
    UnknownEvent { event: String, hint: String },
    #[error("account {0}")]
    Account(IdError),
    #[error("user {0}")]
    User(IdError),
    #[error("event id {0}")]
    EventId(IdError),
    #[error("{what} {error}")]
    Name { what: Cow<'static, str>, error: IdError },
    #[error("event `{event}` has no `{name}`{hint}")]
    UnknownField { event: String, name: String, hint: String },
    #[error("`{name}` is given twice")]
    RepeatedField { name: String },
    #[error("{0}")]
    Value(ValueFault),
    #[error("it stands for no event: its count is 0")]
    NoEvents,
    #[error("{day} is before {kept_from}, from where usage is kept")]
    TooOld { day: Date, kept_from: Date },
    #[error("{day} is after {last}, the last day that is taken")]
    TooNew { day: Date, last: Date },
    #[error("event id `{id}` stands for another event already")]
    IdReused { id: String },
    #[error("there are too many different {what}")]
    TooMany { what: Cow<'static, str> },
}

/// A row of usage at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("row {row}, account `{account}`: {kind}")]
pub struct UsageFault {
    /// The number of the row in its batch, from 1.
    pub row: usize,
    /// The account that it names.
    pub account: Arc<str>,
    /// Why.
    pub kind: UsageFaultKind,
}

/// What became of a batch of usage. Every row is in one of the counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UsageReport {
    /// Rows in the batch.
    pub rows: usize,
    /// Rows that were counted.
    pub counted: usize,
    /// Events that these rows stand for.
    pub events: u64,
    /// Of the rows that were counted, those with an id and of a day whose ids are forgotten: had such an event come in
    /// before, on time, it would not be known again. From now on its id is remembered.
    pub late: usize,
    /// Rows that repeat an event which was counted before, under its id.
    pub duplicates: usize,
    /// Rows from before the days that are kept, where the settings say that these are only counted.
    pub too_old: usize,
    /// Rows at fault; each is left out.
    pub faulty: usize,
    /// The first faults, at most [`MAX_USAGE_FAULTS`].
    pub faults: Vec<UsageFault>,
}

impl UsageReport {
    /// A row is at fault, for one reason or several.
    pub(super) fn fault(
        &mut self,
        row: usize,
        account: &str,
        kinds: impl IntoIterator<Item = UsageFaultKind>,
    ) {
        self.faulty += 1;
        for kind in kinds {
            if self.faults.len() < MAX_USAGE_FAULTS {
                self.faults.push(UsageFault { row: row + 1, account: Arc::from(account), kind });
            }
        }
    }
}

impl fmt::Display for UsageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows: {} counted as {} events", self.rows, self.counted, self.events)?;
        if self.late > 0 {
            write!(f, " ({} too late to be known again)", self.late)?;
        }
        for (count, what) in
            [(self.duplicates, "repeated"), (self.too_old, "too old"), (self.faulty, "at fault")]
        {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// A batch of usage that was refused, with everything that is wrong with it. Nothing of it was counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("usage refused: {report}")]
pub struct UsageRefused {
    report: Box<UsageReport>,
}

impl UsageRefused {
    pub(super) fn new(report: UsageReport) -> Self {
        Self { report: Box::new(report) }
    }

    /// What would have become of the batch.
    #[must_use]
    pub fn report(&self) -> &UsageReport {
        &self.report
    }
}
