//! Which accounts of a set does a figure count?
//!
//! Cancelled accounts match questions as others do, and no figure counts them unless it asks for them (ruling S115 of
//! `docs/semantics`).

use serde::{Deserialize, Serialize};

use crate::book::View;
use crate::model::{AccountIdx, SystemAttribute};
use crate::set::AccountSet;

/// Which accounts a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Counted {
    /// Those that are not cancelled.
    #[default]
    Current,
    /// All.
    WithCancelled,
}

impl Counted {
    /// Whether a figure over accounts of a view leaves one out.
    pub(super) fn left_out(self, view: &View) -> impl Fn(AccountIdx) -> bool + '_ {
        let status = view.schema().system_attribute(SystemAttribute::Status);
        let status = status.filter(|_| self == Self::Current);
        let inner = view.inner();
        move |place| status.is_some_and(|status| inner.has_cancelled(place, status))
    }

    /// The accounts of a view that figures over it leave out; `None` where they leave out nobody.
    pub(super) fn left_out_of(self, view: &View) -> Option<AccountSet> {
        if self == Self::WithCancelled {
            return None;
        }
        let left_out = self.left_out(view);
        Some(view.set(view.visible().iter().filter(|place| left_out(*place))))
    }

    /// The accounts of a set that a figure counts, and how many cancelled ones it leaves out.
    pub(super) fn among(self, view: &View, accounts: AccountSet) -> (AccountSet, usize) {
        if self == Self::WithCancelled {
            return (accounts, 0);
        }
        let left_out = self.left_out(view);
        let current = view.set(accounts.iter().filter(|place| !left_out(*place)));
        let cancelled = accounts.len().saturating_sub(current.len());
        (current, cancelled)
    }
}
