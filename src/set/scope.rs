//! What may this user see?

use super::AccountSet;

/// The accounts that a question may touch. What is outside does not exist for it: no name, no count,
/// no total, no order shows it.
///
/// Every query takes one; [`Scope::all`] is for the service itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(Option<AccountSet>);

impl Scope {
    /// Every account of the book.
    #[must_use]
    pub const fn all() -> Self {
        Self(None)
    }

    /// The accounts of a set, and no other.
    #[must_use]
    pub const fn of(set: AccountSet) -> Self {
        Self(Some(set))
    }

    /// The set, or `None` for everything.
    #[must_use]
    pub const fn set(&self) -> Option<&AccountSet> {
        self.0.as_ref()
    }

    /// Whether everything is visible.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.0.is_none()
    }
}
