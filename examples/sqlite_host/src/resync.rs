//! Which change leads from the book to what stands in a table now?
//!
//! For rows that somebody edited past the host. The tables are loaded as a book of their own, both books
//! are listed, and every difference becomes an item of a change. Where a change has led to the rows, nothing
//! differs any more, so that a second synchronisation finds nothing.
//!
//! A child row that is held can be removed by a change and not edited: one that differs goes in a first
//! change and comes back in a second. What no change says (a row that is to be held) is left out here; the
//! host compares what comes out with what it loaded, and refuses.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use perennial::source::Source;
use perennial::{
    AccountId, AccountRow, Book, Change, ChangeItem, ChildId, ChildRow, LoadError, LoadReport, ParentLink,
    Policy, Succession, Value,
};

use crate::same::{AccountEntry, ChildEntry, ChildKey, Inventory};

/// What a source holds against what a book knows.
pub(crate) struct Comparison {
    /// The changes that lead from the book to the source, if the book accepts them: none, one or two.
    pub(crate) changes: Vec<Change>,
    /// What a load of the source found wrong.
    pub(crate) report: LoadReport,
    /// All that a book loaded from the source would know.
    pub(crate) target: Inventory,
    /// All that the book knows.
    pub(crate) present: Inventory,
}

/// Compares a book with a source.
///
/// # Errors
///
/// [`LoadError`] when the source fails or the policy refuses its rows.
pub(crate) fn compare(book: &Book, source: &dyn Source, policy: &Policy) -> Result<Comparison, LoadError> {
    let builder = Book::builder(Arc::clone(book.schema())).policy(policy.clone());
    let (loaded, report) = builder.load(source)?;
    let (present, target) = (Inventory::of(book), Inventory::of(&loaded));
    let mut changes = difference(&present, &target);
    changes.retain(|change| !change.is_empty());
    Ok(Comparison { changes, report, target, present })
}

fn difference(present: &Inventory, target: &Inventory) -> Vec<Change> {
    let (mut first, mut items) = (Vec::new(), Vec::new());
    let mut removed: HashSet<&AccountId> = HashSet::new();
    for id in present.accounts.keys().filter(|id| !target.accounts.contains_key(*id)) {
        removed.insert(id);
        items.push(ChangeItem::Remove { account: id.clone() });
    }
    for (id, entry) in &target.accounts {
        match present.accounts.get(id) {
            None => items.push(ChangeItem::Add { row: row_of(id, entry) }),
            Some(before) => edit_account(id, before, entry, &mut items),
        }
    }
    for (key, before) in &present.children {
        let (table, id) = key;
        let goes = !target.children.contains_key(key);
        // Rows of an account that goes, go with it.
        let with_account =
            before.held.is_none() && before.account.as_ref().is_some_and(|a| removed.contains(a));
        if goes && !with_account {
            items.push(ChangeItem::RemoveChild { table: Arc::clone(table), child: id.clone() });
        }
    }
    for (key, entry) in &target.children {
        let (table, id) = key;
        match present.children.get(key) {
            None => items.extend(child_row(id, entry).map(|row| add(table, row))),
            Some(before) if before.account == entry.account && before.values == entry.values => {}
            Some(before) if before.held.is_some() => {
                first.push(ChangeItem::RemoveChild { table: Arc::clone(table), child: id.clone() });
                items.extend(child_row(id, entry).map(|row| add(table, row)));
            }
            Some(before) => edit_child(key, before, entry, &mut items),
        }
    }
    let known = |inventory: &Inventory, link: &Succession| inventory.successions.binary_search(link).is_ok();
    items.extend(
        present
            .successions
            .iter()
            .filter(|link| !known(target, link))
            .map(|link| ChangeItem::RetractSuccession { succession: link.clone() }),
    );
    items.extend(
        target
            .successions
            .iter()
            .filter(|link| !known(present, link))
            .map(|link| ChangeItem::DeclareSuccession { succession: link.clone() }),
    );
    [first, items].map(|items| items.into_iter().fold(Change::new(), Change::with)).into()
}

// `None` for a row that names no account: no change can bring one.
fn child_row(id: &ChildId, entry: &ChildEntry) -> Option<ChildRow> {
    let mut row = ChildRow::new(id.clone(), entry.account.clone()?);
    row.values = entry.values.iter().map(|(name, value)| (Arc::clone(name), value.clone())).collect();
    Some(row)
}

fn add(table: &Arc<str>, row: ChildRow) -> ChangeItem {
    ChangeItem::AddChild { table: Arc::clone(table), row }
}

fn edit_child(key: &ChildKey, before: &ChildEntry, after: &ChildEntry, items: &mut Vec<ChangeItem>) {
    let (table, child) = key;
    if let (true, Some(account)) = (before.account != after.account, &after.account) {
        let (table, child, account) = (Arc::clone(table), child.clone(), account.clone());
        items.push(ChangeItem::MoveChild { table, child, account });
    }
    for (column, value) in edited(&before.values, &after.values) {
        items.push(ChangeItem::SetChild { table: Arc::clone(table), child: child.clone(), column, value });
    }
}

fn row_of(id: &AccountId, entry: &AccountEntry) -> AccountRow {
    let mut row = AccountRow::new(id.clone(), &entry.account_type);
    row.parents = links(&entry.parents);
    row.product = entry.product.as_deref().map(Arc::from);
    row.values = entry.values.iter().map(|(name, value)| (Arc::clone(name), value.clone())).collect();
    row
}

fn edit_account(id: &AccountId, before: &AccountEntry, after: &AccountEntry, items: &mut Vec<ChangeItem>) {
    if before.parents != after.parents {
        items.push(ChangeItem::Move { account: id.clone(), parents: links(&after.parents) });
    }
    if before.account_type != after.account_type {
        let account_type = Arc::from(after.account_type.as_str());
        items.push(ChangeItem::Retype { account: id.clone(), account_type });
    }
    if before.product != after.product {
        let product = after.product.as_deref().map(Arc::from);
        items.push(ChangeItem::SetProduct { account: id.clone(), product });
    }
    for (attribute, value) in edited(&before.values, &after.values) {
        items.push(ChangeItem::Set { account: id.clone(), attribute, value });
    }
}

type Values = BTreeMap<Arc<str>, Value>;

fn edited(before: &Values, after: &Values) -> Vec<(Arc<str>, Option<Value>)> {
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    changed
        .map(|(name, value)| (Arc::clone(name), Some(value.clone())))
        .chain(gone.map(|name| (Arc::clone(name), None)))
        .collect()
}

fn links(parents: &[AccountId]) -> Vec<ParentLink> {
    (0..).zip(parents).map(|(rank, parent)| ParentLink { rank, parent: parent.clone() }).collect()
}
