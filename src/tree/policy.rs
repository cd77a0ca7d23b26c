//! What is done about each kind of fault in a load?

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::FaultKind;

/// What is done with an account (or row) at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "remedy", rename_all = "snake_case")]
pub enum Remedy {
    /// The whole load is refused; the old book stays.
    Reject,
    /// The account is held out of the book, with everything that hangs below it, and reported.
    Quarantine,
    /// The account becomes a root, flagged as adopted (by the book, not by another account).
    Adopt,
    /// One of several is preferred (lowest rank, then smallest id); the others are kept as extra links,
    /// or, for repeated ids, as superseded rows.
    Prefer,
    /// The value counts as missing; the account stays.
    Clear,
    /// Both accounts keep their places, and the fault is reported: a product that is held twice.
    Keep,
}

/// A remedy that makes no sense for a kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("remedy {remedy:?} does not fit fault {fault:?}; possible: {:?}", fault.remedies())]
pub struct PolicyError {
    fault: FaultKind,
    remedy: Remedy,
}

/// A remedy for every kind of fault. As JSON an object of remedies by kind, of which those that are not there are [`Remedy::Reject`]:
/// `{"missing_parent":"adopt","several_parents":"prefer"}`.
///
/// ```
/// use perennial::{FaultKind, Policy, Remedy};
///
/// let policy = Policy::strict()
///     .with(FaultKind::MissingParent, Remedy::Adopt)?
///     .with(FaultKind::SeveralParents, Remedy::Prefer)?;
/// assert_eq!(policy.remedy(FaultKind::Cycle), Remedy::Reject);
/// assert!(policy.with(FaultKind::Cycle, Remedy::Clear).is_err());
/// # Ok::<(), perennial::PolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    // INVARIANT: one for each of `FaultKind::ALL`, in that order.
    remedies: [Remedy; FaultKind::ALL.len()],
}

impl Policy {
    /// Every fault refuses the load. The default.
    #[must_use]
    pub const fn strict() -> Self {
        Self { remedies: [Remedy::Reject; FaultKind::ALL.len()] }
    }

    /// As much as possible is loaded and everything at fault is reported: accounts at fault in
    /// themselves are quarantined, orphans and loops adopted, one of several parents preferred, values
    /// that do not fit cleared.
    #[must_use]
    pub fn lenient() -> Self {
        Self { remedies: FaultKind::ALL.map(FaultKind::lenient) }
    }

    /// With another remedy for one kind of fault.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when the remedy makes no sense there.
    pub fn with(mut self, fault: FaultKind, remedy: Remedy) -> Result<Self, PolicyError> {
        if !fault.remedies().contains(&remedy) {
            return Err(PolicyError { fault, remedy });
        }
        if let Some(place) = self.remedies.get_mut(fault.place()) {
            *place = remedy;
        }
        Ok(self)
    }

    /// The remedy for a kind of fault.
    #[must_use]
    pub fn remedy(&self, fault: FaultKind) -> Remedy {
        self.remedies.get(fault.place()).copied().unwrap_or(Remedy::Reject)
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let remedies = FaultKind::ALL.into_iter().map(|kind| (kind, self.remedy(kind)));
        serializer.collect_map(remedies.filter(|(_, remedy)| *remedy != Remedy::Reject))
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let remedies: BTreeMap<FaultKind, Remedy> = BTreeMap::deserialize(deserializer)?;
        let mut policy = Self::strict();
        for (kind, remedy) in remedies {
            policy = policy.with(kind, remedy).map_err(D::Error::custom)?;
        }
        Ok(policy)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::strict()
    }
}
