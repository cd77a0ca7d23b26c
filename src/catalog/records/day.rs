//! What is recorded on one day.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::expr::ExprValue;
use crate::model::{AccountId, Date};

/// The rows of a day that was closed, or imported: of some columns what differs from their day before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedDay {
    /// The day.
    pub day: Date,
    /// Its columns, by name.
    pub columns: Vec<RecordedColumn>,
}

/// What differs in a column from the last day before that it was recorded on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedColumn {
    /// Its name.
    pub column: Arc<str>,
    /// Is each value that of its account alone, so that it may be read in a scope?
    #[serde(default)]
    pub alone: bool,
    /// For how many days it is kept: on this day, those of so many days before it are known, and older ones are not any more. `None` for
    /// all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// The accounts that have another value than the day before, or were not there then, by id; `None` for no value.
    #[serde(with = "crate::model::pairs::account_value", default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<(AccountId, Option<ExprValue>)>,
    /// The accounts that were there the day before, and are not any more, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<AccountId>,
}

impl RecordedColumn {
    /// A column of which nothing differs.
    #[must_use]
    pub fn new(column: &str, alone: bool) -> Self {
        Self { column: Arc::from(column), alone, keep_days: None, changed: Vec::new(), absent: Vec::new() }
    }
}

/// Days that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordFault {
    /// The day.
    pub day: Date,
    /// The column; `None` where it is the day itself.
    pub column: Option<Arc<str>>,
    /// What is wrong.
    pub kind: RecordFaultKind,
}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "`{column}` on {}: {}", self.day, self.kind),
            None => write!(f, "{}: {}", self.day, self.kind),
        }
    }
}

/// What is wrong with a day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordFaultKind {
    /// It is recorded already.
    #[error("the day is closed: what was recorded stays")]
    Closed,
    /// It is before a day that is recorded already.
    #[error("days are recorded in order, and {0} is already")]
    NotInOrder(Date),
    /// It is before the day of the state.
    #[error("the day is past: what was then is not known any more")]
    Past,
    /// It is not over yet.
    #[error("the day is not over: the state is of {0}")]
    NotOver(Date),
    /// A definition has the name from this update on, which would bring its own records.
    #[error("a definition is renamed to this by the same update: say the days in one after it")]
    NotYetNamed,
    /// Nothing says what is recorded.
    #[error("no definition says which columns are recorded")]
    Nothing,
}
