//! Which rows does an account's total speak of?
//!
//! Rulings S28 and S29 of `docs/semantics`.

use serde::{Deserialize, Serialize};

/// What an account's own rows have to do with its total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename = "reach", rename_all = "snake_case", expecting = "a reach such as `descendants`")]
pub enum Reach {
    /// Its own rows only.
    SelfOnly,
    /// The rows of everything below, not its own.
    Descendants,
    /// Its own rows and those of everything below.
    #[default]
    SelfAndDescendants,
    /// Its own rows where they give a value; else what its children give by the same rule. For values
    /// that hosts keep at two levels at once, such as a contract value on the parent and on its parts.
    PreferSelf,
}
