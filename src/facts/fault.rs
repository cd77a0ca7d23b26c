//! Why is a step of facts refused?

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{FactKey, MAX_FACT_KINDS};
use crate::model::{IdError, MAX_EVENT_FIELDS, Timestamp, ValueFault, hint};

/// Something wrong with a step, and with which.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FactFault {
    /// The step, counted from 0.
    pub step: usize,
    /// The fact; `None` for a kind.
    pub key: Option<FactKey>,
    /// What.
    pub kind: FactFaultKind,
}

/// What is wrong with a step of facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FactFaultKind {
    /// A kind that was not declared.
    #[error("there is no kind of fact `{name}`{hint}")]
    UnknownKind {
        /// The kind.
        name: Arc<str>,
        /// The one that was probably meant.
        hint: String,
    },
    /// A name or id that is none.
    #[error("{0}")]
    Id(IdError),
    /// It is of a person where the kind is of accounts, or the other way round.
    #[error("it is of an account where its kind is of people, or of a person where that is of accounts")]
    OtherSubject,
    /// A field of a kind or row.
    #[error("field `{field}`: {why}")]
    Field {
        /// The field.
        field: Arc<str>,
        /// Why.
        why: Cow<'static, str>,
    },
    /// A value that does not fit its field.
    #[error(transparent)]
    Value(ValueFault),
    /// Fields past the limit.
    #[error("{0} fields; the limit is {MAX_EVENT_FIELDS}")]
    TooManyFields(usize),
    /// Kinds past the limit.
    #[error("more than {MAX_FACT_KINDS} kinds of fact")]
    TooManyKinds,
    /// A row of the key has not ended.
    #[error("it holds since {since}; end it first")]
    Open {
        /// Since when.
        since: Timestamp,
    },
    /// No row of the key is there that has not ended.
    #[error("there is none that has not ended")]
    NotOpen,
    /// It would begin before the row before it ended.
    #[error("the one before it ends later{}", .until.map(|until| format!(", at {until}")).unwrap_or_default())]
    Overlaps {
        /// When that ends.
        until: Option<Timestamp>,
    },
    /// It would end before it begins.
    #[error("it ends before it begins")]
    EndsBefore,
}

impl FactFaultKind {
    pub(super) fn unknown<'k>(name: &Arc<str>, known: impl Iterator<Item = &'k Arc<str>>) -> Self {
        Self::UnknownKind { name: name.clone(), hint: hint(name, known.map(|known| &**known)) }
    }
}

impl fmt::Display for FactFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "step {}: {key}: {}", self.step + 1, self.kind),
            None => write!(f, "step {}: {}", self.step + 1, self.kind),
        }
    }
}
