//! What becomes of facts?

use serde::{Deserialize, Serialize};

use super::{Fact, FactKey, FactKind};
use crate::model::Timestamp;

/// A step of facts: a kind is declared, a row is appended, or one is ended. Serialisable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "step of facts", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FactStep {
    /// A kind: a new one, or with more fields in the place of the one of its name.
    Declare(FactKind),
    /// A row, behind those of its key.
    Append(Fact),
    /// The row of a key that has not ended ends.
    End {
        /// The key.
        key: FactKey,
        /// When.
        at: Timestamp,
    },
}

impl FactStep {
    /// A kind: a new one, or with more fields in the place of the one of its name.
    #[must_use]
    pub const fn declare(kind: FactKind) -> Self {
        Self::Declare(kind)
    }

    /// A row, behind those of its key.
    #[must_use]
    pub const fn append(fact: Fact) -> Self {
        Self::Append(fact)
    }

    /// The row of a key that has not ended ends.
    #[must_use]
    pub const fn end(key: FactKey, at: Timestamp) -> Self {
        Self::End { key, at }
    }

    /// The key of which it says something; a kind has none.
    pub(super) const fn key(&self) -> Option<&FactKey> {
        match self {
            Self::Declare(_) => None,
            Self::Append(fact) => Some(&fact.key),
            Self::End { key, .. } => Some(key),
        }
    }
}
