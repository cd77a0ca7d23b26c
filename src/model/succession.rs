//! Which account came after which?
//!
//! Accounts merge, split and sell parts of themselves. A [`Succession`] is one dated line of that history:
//! the account that was, the account that came after it, and the day from which on. Rulings S49 to S52 of
//! `docs/semantics`.

use serde::{Deserialize, Serialize};

use super::{AccountId, Date};

/// One dated link from an account to one that came after it.
///
/// ```
/// use perennial::{AccountId, Date, Succession};
///
/// let (old, new) = (AccountId::new("fleet")?, AccountId::new("bank-of-america")?);
/// let merged = Succession::new(old, new, Date::new(2004, 4, 1)?);
/// assert!(!merged.part);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Succession {
    /// The account that was there before.
    pub account: AccountId,
    /// The first day on which the successor stands in its place.
    pub on: Date,
    /// Whether only a part went over (a spin-off, a sale of assets) and the account went on. Otherwise it
    /// ended on that day, and its id leads to its successors.
    pub part: bool,
    /// Among the successors of one account on one day: the order of preference; lower is first.
    pub rank: u32,
    /// The account that came after it.
    pub successor: AccountId,
}

impl Succession {
    /// The account ended on a day, and the successor stands in its place.
    #[must_use]
    pub const fn new(account: AccountId, successor: AccountId, on: Date) -> Self {
        Self { account, on, part: false, rank: 0, successor }
    }

    /// Only a part of the account went over; it went on.
    #[must_use]
    pub const fn of_part(mut self) -> Self {
        self.part = true;
        self
    }

    /// With its place among several successors; lower is first.
    #[must_use]
    pub const fn ranked(mut self, rank: u32) -> Self {
        self.rank = rank;
        self
    }
}
