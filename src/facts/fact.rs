//! Of whom is what said?

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::FactFaultKind;
use crate::model::{AccountId, Timestamp, Value};

/// Of whom something is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    rename = "subject",
    rename_all = "snake_case",
    expecting = "a subject such as {\"account\": \"acme\"}"
)]
pub enum Subject {
    /// An account, in the book or not.
    Account(AccountId),
    /// A person, by the id that the host knows.
    Person(Arc<str>),
}

impl Subject {
    /// The id of the account or person.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Account(account) => account.as_str(),
            Self::Person(person) => person,
        }
    }

    /// The part of a store in which its facts are.
    pub(super) fn shard(&self, shards: usize) -> usize {
        // FNV-1a: the same on every machine, and no store depends on more than that it spreads.
        let hash = self.id().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        usize::try_from(hash % shards as u64).unwrap_or(0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account `{account}`"),
            Self::Person(person) => write!(f, "person `{person}`"),
        }
    }
}

/// What a fact is known by: at any time one row of a key holds, or none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactKey {
    /// Of whom.
    pub subject: Subject,
    /// The kind.
    pub kind: Arc<str>,
    /// Which one of the kind: the play, the team, the call. May be empty where there is one at most.
    pub key: Arc<str>,
}

impl FactKey {
    /// Of an account.
    #[must_use]
    pub fn account(kind: &str, account: &AccountId, key: &str) -> Self {
        Self { subject: Subject::Account(account.clone()), kind: Arc::from(kind), key: Arc::from(key) }
    }

    /// Of a person.
    #[must_use]
    pub fn person(kind: &str, person: &str, key: &str) -> Self {
        Self { subject: Subject::Person(Arc::from(person)), kind: Arc::from(kind), key: Arc::from(key) }
    }

    pub(super) fn check(&self) -> Result<(), FactFaultKind> {
        AccountId::check(self.subject.id()).map_err(FactFaultKind::Id)?;
        if self.key.is_empty() { Ok(()) } else { AccountId::check(&self.key).map_err(FactFaultKind::Id) }
    }
}

impl fmt::Display for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.kind)?;
        if !self.key.is_empty() {
            write!(f, " `{}`", self.key)?;
        }
        write!(f, " of {}", self.subject)
    }
}

/// A row: what is said, since when, and until when, where that is known. Serialisable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fact {
    /// What it is known by.
    pub key: FactKey,
    /// From this instant on.
    pub since: Timestamp,
    /// Until this instant, which is no longer in it; `None` while it has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What is said, in the order of the fields.
    #[serde(with = "crate::model::pairs::named", default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(Arc<str>, Value)>,
}

impl Fact {
    /// A fact that holds since an instant.
    #[must_use]
    pub const fn since(key: FactKey, since: Timestamp) -> Self {
        Self { key, since, until: None, values: Vec::new() }
    }

    /// What happened at an instant, and never holds.
    #[must_use]
    pub const fn at(key: FactKey, at: Timestamp) -> Self {
        Self { key, since: at, until: Some(at), values: Vec::new() }
    }

    /// One that is known to end.
    #[must_use]
    pub const fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// With a value of a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.values.push((Arc::from(field), value.into()));
        self
    }

    /// The value of a field.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| **name == *field).map(|(_, value)| value)
    }
}
