//! What does a host hand in for one account, or one child row?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AccountId, ChildId, Value};

/// A declared parent of an account. Several may be declared; the lowest rank wins, then the smallest id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParentLink {
    /// Preference; lower is preferred.
    pub rank: u32,
    /// The parent's id.
    pub parent: AccountId,
}

/// One account as declared: its place, its type, and its values by attribute name.
///
/// ```
/// use perennial::{AccountId, AccountRow};
///
/// let emea = AccountRow::new(AccountId::new("acme-emea")?, "Region")
///     .under(AccountId::new("acme")?)
///     .with("seats", 40_i64);
/// assert_eq!(emea.parents.len(), 1);
/// # Ok::<(), perennial::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountRow {
    /// The host's id.
    pub id: AccountId,
    /// Declared parents; none for a root.
    pub parents: Vec<ParentLink>,
    /// Name of the account type.
    pub account_type: Arc<str>,
    /// Name of the product, for a product account.
    pub product: Option<Arc<str>>,
    /// Values by attribute name; an attribute that is not here is missing.
    #[serde(with = "crate::model::pairs::named")]
    pub values: Vec<(Arc<str>, Value)>,
}

impl AccountRow {
    /// A root account without values.
    #[must_use]
    pub fn new(id: AccountId, account_type: &str) -> Self {
        Self {
            id,
            parents: Vec::new(),
            account_type: Arc::from(account_type),
            product: None,
            values: Vec::new(),
        }
    }

    /// Under one more declared parent, less preferred than those before.
    #[must_use]
    pub fn under(mut self, parent: AccountId) -> Self {
        let rank = u32::try_from(self.parents.len()).unwrap_or(u32::MAX);
        self.parents.push(ParentLink { rank, parent });
        self
    }

    /// As the account of a product.
    #[must_use]
    pub fn product(mut self, product: &str) -> Self {
        self.product = Some(Arc::from(product));
        self
    }

    /// A value by attribute name; `None` when it is missing.
    #[must_use]
    pub fn value(&self, attribute: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| &**name == attribute).map(|(_, value)| value)
    }

    /// With a value.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.values.push((Arc::from(attribute), value.into()));
        self
    }
}

/// One row of a child table as declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChildRow {
    /// The host's id of the row, unique in its table.
    pub id: ChildId,
    /// The account it belongs to; `None` when the source names none.
    pub account: Option<AccountId>,
    /// Values by column name.
    #[serde(with = "crate::model::pairs::named")]
    pub values: Vec<(Arc<str>, Value)>,
}

impl ChildRow {
    /// A row of an account, without values.
    #[must_use]
    pub const fn new(id: ChildId, account: AccountId) -> Self {
        Self { id, account: Some(account), values: Vec::new() }
    }

    /// A value by column name; `None` when it is missing.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| &**name == column).map(|(_, value)| value)
    }

    /// With a value.
    #[must_use]
    pub fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.values.push((Arc::from(column), value.into()));
        self
    }
}
