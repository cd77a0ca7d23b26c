//! Why may an answer differ between two states?

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that decides answers and differs between two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// Accounts: their values and child rows, their account types and products.
    Data,
    /// Which accounts there are and who is under whom: accounts that were added, removed or moved, and, after mergers and splits, which id leads to
    /// which account.
    Structure,
    /// Events.
    Usage,
    /// The moment: its day, its instant, its zone or its fiscal year.
    Moment,
    /// The definition, or one that it reads, says something else, is new, or is gone. Where only attributes, tables or columns that it
    /// reads have other names, it says the same; where values, account types, products or events have, it does not.
    Definition,
    /// The scope: the account, or another one that the answer depends on, is visible in one of the states only.
    Scope,
    /// The schema: what is read is new or has another type.
    Schema,
    /// Rates of exchange.
    Rates,
    /// What was recorded of closed days.
    Records,
    /// The state before had no accounts.
    FirstLoad,
}

impl Cause {
    /// All causes, in their order.
    pub const ALL: [Self; 10] = [
        Self::Data,
        Self::Structure,
        Self::Usage,
        Self::Moment,
        Self::Definition,
        Self::Scope,
        Self::Schema,
        Self::Rates,
        Self::Records,
        Self::FirstLoad,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Structure => "the hierarchy",
            Self::Usage => "usage",
            Self::Moment => "the moment",
            Self::Definition => "a definition",
            Self::Scope => "the scope",
            Self::Schema => "the schema",
            Self::Rates => "rates of exchange",
            Self::Records => "recorded days",
            Self::FirstLoad => "the first load",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of causes. Serialised as the list of their names, in their order.
///
/// ```
/// use perennial::engine::{Cause, Causes};
///
/// let causes: Causes = [Cause::Rates, Cause::Data].into_iter().collect();
/// assert_eq!(causes.to_string(), "data, rates of exchange");
/// assert!(causes.contains(Cause::Data) && !causes.contains(Cause::Moment));
/// assert_eq!(serde_json::to_string(&causes)?, r#"["data","rates"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Cause>", from = "Vec<Cause>")]
pub struct Causes(u16);

impl Causes {
    /// No cause.
    pub(super) const NONE: Self = Self(0);

    /// One cause alone.
    pub(super) const fn one(cause: Cause) -> Self {
        Self(cause.bit())
    }

    /// Is a cause among them?
    #[must_use]
    pub const fn contains(self, cause: Cause) -> bool {
        self.0 & cause.bit() != 0
    }

    /// Is there none? Of an entry of a delta there is always one.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The causes, in their order.
    pub fn iter(self) -> impl Iterator<Item = Cause> {
        Cause::ALL.into_iter().filter(move |cause| self.contains(*cause))
    }

    /// Those of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl From<Causes> for Vec<Cause> {
    fn from(causes: Causes) -> Self {
        causes.iter().collect()
    }
}

impl From<Vec<Cause>> for Causes {
    fn from(causes: Vec<Cause>) -> Self {
        causes.into_iter().collect()
    }
}

impl FromIterator<Cause> for Causes {
    fn from_iter<T: IntoIterator<Item = Cause>>(causes: T) -> Self {
        causes.into_iter().fold(Self::NONE, |all, cause| all.union(Self::one(cause)))
    }
}

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no cause");
        }
        for (place, cause) in self.iter().enumerate() {
            write!(f, "{}{cause}", if place > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
