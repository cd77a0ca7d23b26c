//! Is this account trying, paying, or gone?

use serde::{Deserialize, Serialize};

/// The three groups that every contract status of a host falls into.
///
/// Cancelled accounts stay out of roll-ups unless a definition asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "group", rename_all = "snake_case", expecting = "a group such as `paying`")]
pub enum StatusGroup {
    /// On trial or on a free plan.
    Free,
    /// Under a paid contract.
    Paying,
    /// No longer a customer.
    Cancelled,
}

impl StatusGroup {
    /// The group by its word: `free`, `paying`, `cancelled`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "free" => Some(Self::Free),
            "paying" => Some(Self::Paying),
            "cancelled" => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paying => "paying",
            Self::Cancelled => "cancelled",
        }
    }
}
