//! Which child rows of a table differ between two books, and in what?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::{ChangeItem, HeldChild, Inner};
use super::unsaid::Unsaid;
use crate::model::{AccountId, ChildId, ChildRow, ChildTable, Value};
use crate::source::TableName;
use crate::tree::FaultKind;

/// Held rows of one table by id; of a repeated id there are several.
type HeldRows<'i> = BTreeMap<&'i ChildId, Vec<&'i HeldChild>>;

/// Adds what differs to `items`, in order of id.
pub(super) fn compare(
    old: &Inner,
    new: &Inner,
    number: usize,
    table: &ChildTable,
    items: &mut Vec<ChangeItem>,
    unsaid: &mut Unsaid,
) {
    let [old_held, new_held] = [old, new].map(|inner| held_rows(inner, table));
    let mut all: BTreeSet<ChildId> = old_held.keys().chain(new_held.keys()).map(|id| (*id).clone()).collect();
    for (inner, other) in [(old, new), (new, old)] {
        for (slot, chunk) in (0_u32..).zip(&inner.chunks) {
            let Some(chunk) = chunk else { continue };
            let Some(block) = chunk.table(number) else { continue };
            // The usual case where little was written: the same rows of the same accounts at the same slot.
            let twin = other.chunk(slot);
            if twin.is_some_and(|twin| twin.table(number) == Some(block) && twin.shape == chunk.shape) {
                continue;
            }
            for (row, id) in (0..block.rows()).filter_map(|row| Some((row, block.id(row)?))) {
                let owner = block.owner(row).and_then(|owner| chunk.shape.id(owner));
                let twin =
                    other.find_child(number, id).and_then(|(slot, row)| Some((other.chunk(slot)?, row)));
                // Looked at from one side only; the other one finds what is missing.
                let is_same = twin.is_some_and(|(twin_chunk, twin)| {
                    if std::ptr::eq(inner, new) {
                        return true;
                    }
                    let Some(twin_block) = twin_chunk.table(number) else { return false };
                    twin_block.owner(twin).and_then(|owner| twin_chunk.shape.id(owner)) == owner
                        && (0..table.columns().len()).all(|column| {
                            block.value(table, column, row) == twin_block.value(table, column, twin)
                        })
                });
                if !is_same {
                    all.insert(ChildId::trusted(id));
                }
            }
        }
    }
    let name: Arc<str> = Arc::from(table.name());
    for id in all {
        let placed = |inner: &Inner| placed_row(inner, number, table, &id);
        match (placed(old), placed(new)) {
            (before, Some(after)) => match (before, old_held.get(&id)) {
                (Some(before), _) => edit(&name, table, &before, &after, items),
                (None, None) => items.push(ChangeItem::AddChild { table: Arc::clone(&name), row: after }),
                (None, Some(held)) => release(&name, table, held, after, items),
            },
            (before, None) => match (new_held.get(&id), old_held.get(&id)) {
                // Held now, and held in the same way before.
                (Some(after), Some(held)) if alike(held, after) && before.is_none() => {}
                (Some(_), _) => unsaid.add(&TableName::child(table.name()), id.as_str()),
                // Rows of an account that goes, go with it.
                (None, _) => {
                    let goes = before.as_ref().and_then(|row| row.account.as_ref()).is_some_and(|account| {
                        new.find(account.as_str()).is_none() && !new.held.accounts.contains_key(account)
                    });
                    if !goes {
                        items.push(ChangeItem::RemoveChild { table: Arc::clone(&name), child: id });
                    }
                }
            },
        }
    }
}

fn held_rows<'i>(inner: &'i Inner, table: &ChildTable) -> HeldRows<'i> {
    let mut rows: HeldRows<'i> = BTreeMap::new();
    for held in inner.held.children.values().flatten().filter(|held| *held.table == *table.name()) {
        rows.entry(&held.row.id).or_default().push(held);
    }
    rows
}

fn placed_row(inner: &Inner, number: usize, table: &ChildTable, id: &ChildId) -> Option<ChildRow> {
    let (slot, row) = inner.find_child(number, id.as_str())?;
    let chunk = inner.chunk(slot)?;
    let block = chunk.table(number)?;
    let owner = block.owner(row).and_then(|owner| chunk.shape.id(owner))?;
    let mut found = ChildRow::new(id.clone(), AccountId::trusted(owner));
    for (column, described) in table.columns().enumerate() {
        if let Some(value) = block.value(table, column, row) {
            found.values.push((Arc::from(described.name()), value));
        }
    }
    Some(found)
}

// Of a repeated id the rows in any order.
fn alike(before: &[&HeldChild], after: &[&HeldChild]) -> bool {
    let text = |held: &[&HeldChild]| {
        let mut rows: Vec<String> = held.iter().map(|held| format!("{held:?}")).collect();
        rows.sort();
        rows
    };
    before == after || before.len() == after.len() && text(before) == text(after)
}

// A row that was held comes into the book.
fn release(
    name: &Arc<str>,
    table: &ChildTable,
    held: &[&HeldChild],
    after: ChildRow,
    items: &mut Vec<ChangeItem>,
) {
    let waits = |held: &HeldChild| {
        matches!(held.reason, FaultKind::ChildWithoutAccount | FaultKind::ChildOfUnknownAccount)
    };
    let child = || after.id.clone();
    match held {
        [held] if waits(held) => {
            let mut before = held.row.clone();
            // The account that it waited for comes in the same change, and releases it.
            if before.account != after.account || values(table, &before) != values(table, &after) {
                let account = after.account.clone();
                items.extend(account.map(|account| ChangeItem::MoveChild {
                    table: Arc::clone(name),
                    child: child(),
                    account,
                }));
                before.account.clone_from(&after.account);
                edit(name, table, &before, &after, items);
            }
        }
        _ => {
            items.push(ChangeItem::RemoveChild { table: Arc::clone(name), child: child() });
            items.push(ChangeItem::AddChild { table: Arc::clone(name), row: after });
        }
    }
}

fn values<'r>(table: &'r ChildTable, row: &'r ChildRow) -> Vec<Option<&'r Value>> {
    table.columns().map(|column| row.value(column.name())).collect()
}

fn edit(
    name: &Arc<str>,
    table: &ChildTable,
    before: &ChildRow,
    after: &ChildRow,
    items: &mut Vec<ChangeItem>,
) {
    if before.account != after.account
        && let Some(account) = after.account.clone()
    {
        items.push(ChangeItem::MoveChild { table: Arc::clone(name), child: after.id.clone(), account });
    }
    for column in table.columns() {
        let value = after.value(column.name());
        if before.value(column.name()) != value {
            items.push(ChangeItem::SetChild {
                table: Arc::clone(name),
                child: after.id.clone(),
                column: Arc::from(column.name()),
                value: value.cloned(),
            });
        }
    }
}
