//! What does a host want to be different?
//!
//! A [`Change`] is a set of wishes, judged on its final state: swapping parent and child is one legal
//! change. It is applied whole or not at all, and every wish that cannot be granted is named. Rulings S18
//! and S21 of `docs/semantics`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::HeldReason;
use crate::model::{
    AccountId, AccountRow, ChildId, ChildRow, Date, Faults, ParentLink, Succession, Value, ValueFault,
};
use crate::tree::{FaultKind, TreeFault};

/// One wish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "change", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the builder methods of `Change` say what each does")]
pub enum ChangeItem {
    Add { row: AccountRow },
    Set { account: AccountId, attribute: Arc<str>, value: Option<Value> },
    Move { account: AccountId, parents: Vec<ParentLink> },
    Retype { account: AccountId, account_type: Arc<str> },
    SetProduct { account: AccountId, product: Option<Arc<str>> },
    Remove { account: AccountId },
    RemoveSubtree { account: AccountId },
    Replace { account: AccountId, by: Vec<AccountId>, on: Date },
    DeclareSuccession { succession: Succession },
    RetractSuccession { succession: Succession },
    AddChild { table: Arc<str>, row: ChildRow },
    SetChild { table: Arc<str>, child: ChildId, column: Arc<str>, value: Option<Value> },
    MoveChild { table: Arc<str>, child: ChildId, account: AccountId },
    RemoveChild { table: Arc<str>, child: ChildId },
}

/// A set of wishes for [`Book::apply`](crate::Book::apply).
///
/// What a change does not mention stays; clearing is said with [`Change::clear`]; empty text is a value.
/// There is no upsert: `add` refuses an id that is in the book, `set` one that is not. To synchronise with a
/// storage that others write to, see [`Change::from_source`].
///
/// Serialisable, for a log or a wire. Read JSON with the feature `float_roundtrip` of `serde_json`, or a
/// double may come back one bit off.
///
/// ```
/// use perennial::{AccountId, AccountRow, Book, Change, Nesting, Policy, Schema, SystemAttribute, source::MemorySource};
///
/// let schema = Schema::builder().account_type("Company", Nesting::Free).system(SystemAttribute::Name).build()?;
/// let (acme, eu) = (AccountId::new("acme")?, AccountId::new("acme-eu")?);
/// let source = MemorySource::new().account(AccountRow::new(acme.clone(), "Company"));
/// let (book, _) = Book::load(schema, &source, &Policy::strict())?;
///
/// let change = Change::new()
///     .add(AccountRow::new(eu.clone(), "Company").under(acme.clone()))
///     .set(&acme, "name", "Acme Corporation");
/// let (next, report) = book.apply(&change)?;
/// assert_eq!((book.len(), next.len()), (1, 2));
/// assert_eq!(report.accounts.added, [eu]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change {
    items: Vec<ChangeItem>,
}

impl Change {
    /// No wishes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The wishes, in the order in which they were made (which means nothing).
    #[must_use]
    pub fn items(&self) -> &[ChangeItem] {
        &self.items
    }

    /// Whether nothing is wished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// With one more wish.
    #[must_use]
    pub fn with(mut self, item: ChangeItem) -> Self {
        self.items.push(item);
        self
    }

    /// Adds an account that is not in the book.
    #[must_use]
    pub fn add(self, row: AccountRow) -> Self {
        self.with(ChangeItem::Add { row })
    }

    /// Gives an attribute a value.
    #[must_use]
    pub fn set(self, account: &AccountId, attribute: &str, value: impl Into<Value>) -> Self {
        let value = Some(value.into());
        self.with(ChangeItem::Set { account: account.clone(), attribute: Arc::from(attribute), value })
    }

    /// Makes a value missing.
    #[must_use]
    pub fn clear(self, account: &AccountId, attribute: &str) -> Self {
        self.with(ChangeItem::Set { account: account.clone(), attribute: Arc::from(attribute), value: None })
    }

    /// Moves an account, with everything below it, under another parent.
    ///
    /// Costs O(rows of the chunks that it leaves and enters + accounts that hang on them).
    #[must_use]
    pub fn move_under(self, account: &AccountId, parent: &AccountId) -> Self {
        let parents = vec![ParentLink { rank: 0, parent: parent.clone() }];
        self.with(ChangeItem::Move { account: account.clone(), parents })
    }

    /// Makes an account a root.
    #[must_use]
    pub fn move_to_root(self, account: &AccountId) -> Self {
        self.with(ChangeItem::Move { account: account.clone(), parents: Vec::new() })
    }

    /// Declares all parents of an account anew.
    #[must_use]
    pub fn declare_parents(self, account: &AccountId, parents: Vec<ParentLink>) -> Self {
        self.with(ChangeItem::Move { account: account.clone(), parents })
    }

    /// Gives an account another type.
    #[must_use]
    pub fn retype(self, account: &AccountId, account_type: &str) -> Self {
        self.with(ChangeItem::Retype { account: account.clone(), account_type: Arc::from(account_type) })
    }

    /// Makes an account the account of a product, or of none.
    #[must_use]
    pub fn set_product(self, account: &AccountId, product: Option<&str>) -> Self {
        self.with(ChangeItem::SetProduct { account: account.clone(), product: product.map(Arc::from) })
    }

    /// Removes an account and its child rows. Accounts directly below must move or go in the same
    /// change.
    #[must_use]
    pub fn remove(self, account: &AccountId) -> Self {
        self.with(ChangeItem::Remove { account: account.clone() })
    }

    /// Removes an account with everything that stands below it and does not move in the same change.
    #[must_use]
    pub fn remove_subtree(self, account: &AccountId) -> Self {
        self.with(ChangeItem::RemoveSubtree { account: account.clone() })
    }

    /// Merges an account into another one on a day: it leaves the book, and its id leads to the other
    /// ([`View::successors`](crate::View::successors)).
    ///
    /// The accounts directly below it, and all that declare it as a parent, stand under the other from now
    /// on, and its child rows belong to the other, unless the same change says otherwise of them. An heir
    /// that stood below the account takes its place in the tree. The values of the heir stay as they are;
    /// what it should take over from the account, `set` in the same change. That the history knows of the
    /// merger already is no hindrance. Two accounts of one product end
    /// up side by side, which is refused: merge those as well, in the same change. Ruling S52.
    ///
    /// ```
    /// # use perennial::{AccountId, AccountRow, AsOf, Book, Change, Date, Nesting, Policy, Schema, Scope, source::MemorySource};
    /// # let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// # let id = |text| AccountId::new(text);
    /// # let source = MemorySource::new()
    /// #     .account(AccountRow::new(id("acme")?, "Company"))
    /// #     .account(AccountRow::new(id("globex")?, "Company"))
    /// #     .account(AccountRow::new(id("globex-eu")?, "Company").under(id("globex")?));
    /// # let (book, _) = Book::load(schema, &source, &Policy::strict())?;
    /// let day = Date::new(2026, 3, 1)?;
    /// let (merged, report) = book.apply(&Change::new().merge(&id("globex")?, &id("acme")?, day))?;
    /// assert_eq!((report.accounts.removed.len(), report.accounts.moves.len()), (1, 1));
    ///
    /// let view = merged.view(&Scope::all(), AsOf::date_utc(day))?;
    /// assert_eq!(view.account("globex-eu").map(|a| a.path()), Some("acme › globex-eu".to_owned()));
    /// assert!(view.account("globex").is_none());
    /// assert_eq!(view.successor("globex"), view.account("acme"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn merge(self, account: &AccountId, into: &AccountId, on: Date) -> Self {
        self.with(ChangeItem::Replace { account: account.clone(), by: vec![into.clone()], on })
    }

    /// Splits an account into others on a day: it leaves the book, and its id leads to all of them, the
    /// first one first.
    ///
    /// The parts are in the book already, or are added by the same change. What stood below the account and
    /// its child rows go where the same change moves them; the rest goes to the first part, so that nothing
    /// is lost. A part that stood directly below the account takes its place in the tree. For a part that
    /// leaves an account which goes on, add and move what goes, and declare
    /// [`Succession::of_part`](crate::Succession::of_part). Ruling S52.
    #[must_use]
    pub fn split(self, account: &AccountId, into: impl IntoIterator<Item = AccountId>, on: Date) -> Self {
        self.with(ChangeItem::Replace { account: account.clone(), by: into.into_iter().collect(), on })
    }

    /// Adds a line to the history of mergers and splits, and nothing else: its accounts may be in the book
    /// or not.
    #[must_use]
    pub fn declare_succession(self, succession: Succession) -> Self {
        self.with(ChangeItem::DeclareSuccession { succession })
    }

    /// Takes a line out of the history of mergers and splits; neither account comes back or goes.
    #[must_use]
    pub fn retract_succession(self, succession: Succession) -> Self {
        self.with(ChangeItem::RetractSuccession { succession })
    }

    /// Adds a row to a child table.
    #[must_use]
    pub fn add_child(self, table: &str, row: ChildRow) -> Self {
        self.with(ChangeItem::AddChild { table: Arc::from(table), row })
    }

    /// Gives a column of a child row a value.
    #[must_use]
    pub fn set_child(self, table: &str, child: &ChildId, column: &str, value: impl Into<Value>) -> Self {
        let (table, column) = (Arc::from(table), Arc::from(column));
        self.with(ChangeItem::SetChild { table, child: child.clone(), column, value: Some(value.into()) })
    }

    /// Makes a value of a child row missing.
    #[must_use]
    pub fn clear_child(self, table: &str, child: &ChildId, column: &str) -> Self {
        let (table, column) = (Arc::from(table), Arc::from(column));
        self.with(ChangeItem::SetChild { table, child: child.clone(), column, value: None })
    }

    /// Gives a child row to another account. One that was held because it named none, or none of the book,
    /// comes into the book.
    #[must_use]
    pub fn move_child(self, table: &str, child: &ChildId, account: &AccountId) -> Self {
        let table = Arc::from(table);
        self.with(ChangeItem::MoveChild { table, child: child.clone(), account: account.clone() })
    }

    /// Removes a child row.
    #[must_use]
    pub fn remove_child(self, table: &str, child: &ChildId) -> Self {
        self.with(ChangeItem::RemoveChild { table: Arc::from(table), child: child.clone() })
    }
}

/// Why a wish cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum ChangeProblem {
    #[error("account `{account}` is not in the book")]
    UnknownAccount { account: AccountId },
    #[error("account `{account}` is in the book already")]
    AccountExists { account: AccountId },
    #[error("account `{account}` is changed in two ways: {what}")]
    Conflict { account: String, what: String },
    #[error("account `{account}`: {fault}")]
    Value { account: String, fault: ValueFault },
    #[error("unknown account type `{name}` for `{account}`")]
    UnknownType { account: AccountId, name: String },
    #[error("unknown product `{name}` for `{account}`")]
    UnknownProduct { account: AccountId, name: String },
    #[error(
        "`{account}` cannot be removed: {count} account(s) stand below it, such as `{example}`; move them or remove the subtree"
    )]
    HasChildren { account: AccountId, count: usize, example: AccountId },
    #[error("{0}")]
    Tree(TreeFault),
    #[error("`{account}` would stand under `{above}`, which is held out of the book")]
    UnderHeld { account: AccountId, above: AccountId },
    #[error("`{account}` would be held out of the book: {reason}")]
    WouldBeHeld { account: AccountId, reason: HeldReason },
    #[error("`{account}` would no longer be under its parent: {reason}")]
    WouldBeAdopted { account: AccountId, reason: FaultKind },
    #[error("`{account}` is to be replaced by no account")]
    NoSuccessor { account: AccountId },
    #[error("`{account}` is to be replaced by `{successor}`, which will not be in the book")]
    UnknownSuccessor { account: AccountId, successor: AccountId },
    #[error("`{account}` would succeed itself")]
    SucceedsItself { account: AccountId },
    #[error("`{account}` and `{successor}` have a succession on {on} already")]
    SuccessionExists { account: AccountId, successor: AccountId, on: Date },
    #[error("`{account}` and `{successor}` have no such succession on {on}")]
    UnknownSuccession { account: AccountId, successor: AccountId, on: Date },
    #[error("{} accounts would end in each other on {on}: {}", members.len(), names(members))]
    SuccessionRing { members: Vec<AccountId>, on: Date },
    #[error("unknown child table `{table}`")]
    UnknownTable { table: String },
    #[error("row `{child}` is not in table `{table}`")]
    UnknownChild { table: String, child: ChildId },
    #[error("row `{child}` is in table `{table}` already")]
    ChildExists { table: String, child: ChildId },
    #[error("row `{child}` of table `{table}` names no account")]
    ChildWithoutAccount { table: String, child: ChildId },
}

fn names(members: &[AccountId]) -> String {
    members.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

/// A change that was refused, with everything that is wrong with it. The book is as it was.
pub type ChangeError = Faults<ChangeProblem>;
