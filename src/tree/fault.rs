//! What can be wrong with declared accounts?

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Remedy;
use crate::model::{AccountId, Visible};

/// Every kind of fault that a load can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename = "kind of fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// An id that breaks the rules of ids, or none at all.
    InvalidId,
    /// An account type that the schema does not know, or none.
    UnknownType,
    /// A product that the schema does not know.
    UnknownProduct,
    /// One id in two rows.
    RepeatedId,
    /// An account that names itself as parent.
    SelfParent,
    /// A parent that does not exist.
    MissingParent,
    /// Several parents.
    SeveralParents,
    /// Accounts that stand under each other in a ring.
    Cycle,
    /// A declared link of an account that is not in the source, or a link without a parent.
    StrayLink,
    /// A succession that names no successor or no day, or says what another one says otherwise.
    InvalidSuccession,
    /// Accounts that ended in each other on one day.
    SuccessionRing,
    /// A ring in the declared links that the choice of parents leaves open. Reported only.
    LinkCycle,
    /// A type that may not stand under its parent's type.
    TypeOrder,
    /// An account under a product account.
    UnderProduct,
    /// One product twice under one account, where the schema does not allow it ([`RepeatedProducts`](crate::RepeatedProducts)).
    RepeatedProduct,
    /// A value that does not fit its attribute.
    InvalidValue,
    /// A required value that is missing.
    MissingValue,
    /// A child row that names no account.
    ChildWithoutAccount,
    /// A child row of an account that is not in the book.
    ChildOfUnknownAccount,
    /// One child id twice in a table.
    RepeatedChild,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::InvalidId,
        Self::UnknownType,
        Self::UnknownProduct,
        Self::RepeatedId,
        Self::SelfParent,
        Self::MissingParent,
        Self::SeveralParents,
        Self::Cycle,
        Self::StrayLink,
        Self::InvalidSuccession,
        Self::SuccessionRing,
        Self::LinkCycle,
        Self::TypeOrder,
        Self::UnderProduct,
        Self::RepeatedProduct,
        Self::InvalidValue,
        Self::MissingValue,
        Self::ChildWithoutAccount,
        Self::ChildOfUnknownAccount,
        Self::RepeatedChild,
    ];

    pub(super) const fn place(self) -> usize {
        self as usize
    }

    /// The remedies that make sense for it; the first of them is always [`Remedy::Reject`].
    #[must_use]
    pub const fn remedies(self) -> &'static [Remedy] {
        match self {
            Self::SelfParent | Self::MissingParent | Self::Cycle | Self::TypeOrder | Self::UnderProduct => {
                &[Remedy::Reject, Remedy::Quarantine, Remedy::Adopt]
            }
            Self::RepeatedProduct => &[Remedy::Reject, Remedy::Quarantine, Remedy::Adopt, Remedy::Keep],
            Self::SeveralParents => &[Remedy::Reject, Remedy::Quarantine, Remedy::Adopt, Remedy::Prefer],
            Self::LinkCycle => &[Remedy::Reject, Remedy::Prefer],
            Self::RepeatedId => &[Remedy::Reject, Remedy::Quarantine, Remedy::Prefer],
            Self::InvalidId
            | Self::StrayLink
            | Self::InvalidSuccession
            | Self::SuccessionRing
            | Self::UnknownType
            | Self::ChildWithoutAccount
            | Self::ChildOfUnknownAccount
            | Self::RepeatedChild => &[Remedy::Reject, Remedy::Quarantine],
            Self::UnknownProduct | Self::InvalidValue | Self::MissingValue => {
                &[Remedy::Reject, Remedy::Quarantine, Remedy::Clear]
            }
        }
    }

    pub(super) const fn lenient(self) -> Remedy {
        match self {
            Self::SelfParent | Self::MissingParent | Self::Cycle => Remedy::Adopt,
            Self::SeveralParents | Self::LinkCycle | Self::RepeatedId => Remedy::Prefer,
            Self::InvalidValue | Self::MissingValue => Remedy::Clear,
            _ => Remedy::Quarantine,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidId => "invalid id",
            Self::UnknownType => "unknown account type",
            Self::UnknownProduct => "unknown product",
            Self::RepeatedId => "repeated id",
            Self::SelfParent => "account is its own parent",
            Self::MissingParent => "parent does not exist",
            Self::SeveralParents => "several parents",
            Self::Cycle => "cycle",
            Self::StrayLink => "stray link",
            Self::InvalidSuccession => "invalid succession",
            Self::SuccessionRing => "ring of successions",
            Self::LinkCycle => "cycle of links",
            Self::TypeOrder => "type order",
            Self::UnderProduct => "account under a product account",
            Self::RepeatedProduct => "product held twice",
            Self::InvalidValue => "value does not fit",
            Self::MissingValue => "required value missing",
            Self::ChildWithoutAccount => "child row without account",
            Self::ChildOfUnknownAccount => "child row of an unknown account",
            Self::RepeatedChild => "repeated child id",
        })
    }
}

/// Something wrong with where accounts stand, with the accounts named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum TreeFault {
    SelfParent {
        account: AccountId,
    },
    MissingParent {
        account: AccountId,
        parent: AccountId,
        placed_elsewhere: bool,
        /// The account of the source whose id is the other Salesforce form of `parent` (15 or 18 characters); `None` where
        /// there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        same_record: Option<AccountId>,
    },
    SeveralParents {
        account: AccountId,
        parents: Vec<AccountId>,
    },
    Cycle {
        members: Vec<AccountId>,
    },
    LinkCycle {
        members: Vec<AccountId>,
    },
    TypeOrder {
        account: AccountId,
        account_type: String,
        parent: AccountId,
        parent_type: String,
    },
    UnderProduct {
        account: AccountId,
        parent: AccountId,
    },
    RepeatedProduct {
        account: AccountId,
        kept: AccountId,
        parent: AccountId,
        product: String,
    },
}

/// The end of a message about an unknown id, where an account has the other Salesforce form of it.
pub(crate) fn other_form_of(id: &str, other: &AccountId) -> String {
    let form = if id.len() < other.as_str().len() { "short" } else { "long" };
    format!("; it is the {form} form of account `{other}`")
}

impl TreeFault {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::SelfParent { .. } => FaultKind::SelfParent,
            Self::MissingParent { .. } => FaultKind::MissingParent,
            Self::SeveralParents { .. } => FaultKind::SeveralParents,
            Self::Cycle { .. } => FaultKind::Cycle,
            Self::LinkCycle { .. } => FaultKind::LinkCycle,
            Self::TypeOrder { .. } => FaultKind::TypeOrder,
            Self::UnderProduct { .. } => FaultKind::UnderProduct,
            Self::RepeatedProduct { .. } => FaultKind::RepeatedProduct,
        }
    }

    /// The account at fault; of a cycle the one with the smallest id.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::SelfParent { account }
            | Self::MissingParent { account, .. }
            | Self::SeveralParents { account, .. }
            | Self::TypeOrder { account, .. }
            | Self::UnderProduct { account, .. }
            | Self::RepeatedProduct { account, .. } => Some(account),
            Self::Cycle { members } | Self::LinkCycle { members } => members.first(),
        }
    }

    /// Every account at fault: all members of a cycle.
    #[must_use]
    pub fn accounts(&self) -> Vec<&AccountId> {
        match self {
            Self::Cycle { members } | Self::LinkCycle { members } => members.iter().collect(),
            _ => self.account().into_iter().collect(),
        }
    }
}

impl fmt::Display for TreeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let visible = |id: &AccountId| format!("{}", Visible(id.as_str()));
        let join = |ids: &[AccountId]| {
            ids.iter().map(|id| format!("`{}`", visible(id))).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::SelfParent { account } => write!(f, "`{}` names itself as parent", visible(account)),
            Self::MissingParent { account, parent, placed_elsewhere, same_record } => {
                write!(f, "parent `{}` of `{}` does not exist", visible(parent), visible(account))?;
                if let Some(other) = same_record {
                    f.write_str(&other_form_of(parent.as_str(), other))?;
                }
                if *placed_elsewhere {
                    f.write_str("; it stands under another of its parents")
                } else {
                    Ok(())
                }
            }
            Self::SeveralParents { account, parents } => {
                write!(f, "`{}` has {} parents: {}", visible(account), parents.len(), join(parents))
            }
            Self::Cycle { members } => {
                write!(f, "{} accounts stand under each other: {}", members.len(), join(members))
            }
            Self::LinkCycle { members } => {
                write!(f, "links of {} accounts form a ring: {}", members.len(), join(members))
            }
            Self::TypeOrder { account, account_type, parent, parent_type } => {
                write!(
                    f,
                    "`{}` of type `{account_type}` may not stand under `{}` of type `{parent_type}`",
                    visible(account),
                    visible(parent)
                )
            }
            Self::UnderProduct { account, parent } => {
                write!(f, "`{}` stands under the product account `{}`", visible(account), visible(parent))
            }
            Self::RepeatedProduct { account, kept, parent, product } => {
                write!(
                    f,
                    "`{}` holds product `{product}` twice: `{}` and `{}`",
                    visible(parent),
                    visible(kept),
                    visible(account)
                )
            }
        }
    }
}
