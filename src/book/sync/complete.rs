//! What does a storage leave unsaid, and what does the book say there?
//!
//! Absent is not null: a column that a batch leaves out, and a cell that is absent, leave what the book
//! has. Filled in here, before anything is compared.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::placing::in_column;
use super::super::{HeldAccount, HeldChild, HeldReason, Inner};
use crate::column::value_of;
use crate::model::{AccountId, ProductId, TableId, TypeId, Value, ValueKind};
use crate::source::{Batch, Cell, Cells, ScanRequest, TableName};
use crate::tree::FaultKind;

/// The held child rows of tables by id, gathered once for all batches of a table.
#[derive(Debug, Default)]
pub(super) struct HeldRows(HashMap<Arc<str>, HashMap<String, HeldChild>>);

impl HeldRows {
    fn of(&mut self, table: &Arc<str>, inner: &Inner) -> &HashMap<String, HeldChild> {
        self.0.entry(Arc::clone(table)).or_insert_with(|| {
            let held = inner.held.children.values().flatten().filter(|held| held.table == *table);
            held.map(|held| (held.row.id.to_string(), held.clone())).collect()
        })
    }
}

/// The batch with every absent cell of a row that the book knows filled in. Accounts of which no parent is
/// spoken of go to `unplaced`.
pub(super) fn complete<'b>(
    batch: &'b Batch,
    inner: &Inner,
    held: &mut HeldRows,
    unplaced: &mut HashSet<AccountId>,
) -> Cow<'b, Batch> {
    let request = ScanRequest::for_schema(&inner.schema, batch.table().clone());
    let is_absent = |name: &str| match batch.cells(name) {
        None => true,
        Some(Cells::Any(cells)) => cells.iter().any(|cell| matches!(cell, Cell::Absent)),
        Some(_) => false,
    };
    let speaks = |name: &Arc<str>| &**name != "id";
    let unsaid: Vec<&Arc<str>> =
        request.columns().iter().filter(|name| speaks(name) && is_absent(name)).collect();
    if unsaid.is_empty() || batch.rows() == 0 {
        return Cow::Borrowed(batch);
    }
    let known: Vec<Option<Known<'_>>> = match batch.table() {
        TableName::Accounts => ids(batch).map(|id| Known::account(inner, &id?)).collect(),
        TableName::Child(name) => {
            let Some(table) = inner.schema.table(name) else { return Cow::Borrowed(batch) };
            let held = held.of(name, inner);
            ids(batch).map(|id| Known::child(inner, table, held, &id?)).collect()
        }
        TableName::Links | TableName::Successions => return Cow::Borrowed(batch),
    };
    let mut filled = Batch::new(batch.table().clone());
    for (name, cells) in batch.columns().filter(|(name, _)| !unsaid.contains(name)) {
        filled = filled.column(name, cells.clone());
    }
    for name in unsaid {
        let said = batch.cells(name);
        let cells = known.iter().enumerate().map(|(row, known)| {
            let cell = said.map_or(Cell::Absent, |cells| cells.cell(row));
            match (cell, known) {
                (Cell::Absent, Some(known)) => {
                    if let (Known::Account { id, .. }, "parent") = (known, &**name) {
                        unplaced.insert(id.clone());
                    }
                    known.cell(inner, name)
                }
                (cell, _) => cell,
            }
        });
        filled = filled.column(name, Cells::any(cells));
    }
    if let Some(origin) = batch.origin() {
        filled = filled.with_origin(origin, (0..batch.rows()).map_while(|row| batch.line(row)).collect());
    }
    Cow::Owned(filled)
}

fn ids(batch: &Batch) -> impl Iterator<Item = Option<String>> + '_ {
    let cells = batch.cells("id");
    (0..batch.rows()).map(move |row| cells?.name_at(row).map(Cow::into_owned))
}

/// A row that the book has.
enum Known<'i> {
    Account { id: AccountId, held: Option<&'i HeldAccount> },
    Child { table: TableId, slot: u32, row: usize },
    Held(&'i HeldChild),
}

impl<'i> Known<'i> {
    fn account(inner: &'i Inner, id: &str) -> Option<Self> {
        let held = inner.held.accounts.get(id);
        if held.is_none() && inner.find(id).is_none() {
            return None;
        }
        Some(Self::Account { id: AccountId::trusted(id), held })
    }

    fn child(inner: &Inner, table: TableId, held: &'i HashMap<String, HeldChild>, id: &str) -> Option<Self> {
        match inner.find_child(table.index(), id) {
            Some((slot, row)) => Some(Self::Child { table, slot, row }),
            None => held.get(id).map(Self::Held),
        }
    }

    fn cell(&self, inner: &Inner, column: &str) -> Cell {
        let value = match self {
            Self::Account { id, held: Some(held) } => match held_cell(inner, id, held, column) {
                Ok(value) => value,
                Err(unreadable) => return unreadable,
            },
            Self::Account { id, held: None } => placed_cell(inner, id, column),
            Self::Child { table, slot, row } => child_cell(inner, *table, *slot, *row, column),
            Self::Held(held) => match column {
                "account" => held.row.account.as_ref().map(|account| Value::text(account.as_str())),
                _ => held.row.value(column).cloned(),
            },
        };
        value.map_or(Cell::Null, Cell::Value)
    }
}

fn placed_cell(inner: &Inner, id: &AccountId, column: &str) -> Option<Value> {
    let place = inner.find(id.as_str())?;
    let chunk = inner.chunk(place.slot)?;
    match column {
        "parent" => {
            let declared = super::accounts::declared(inner, id);
            in_column(&declared).map(|link| Value::text(link.parent.as_str()))
        }
        "account_type" => {
            let kind = TypeId::new(usize::from(chunk.shape.kind(place.row)));
            inner.schema.type_at(kind).map(|kind| Value::text(kind.name()))
        }
        "product" => {
            let product = ProductId::new(usize::from(chunk.shape.product(place.row)?));
            inner.schema.product_at(product).map(|product| Value::text(product.name()))
        }
        _ => {
            let attribute = inner.schema.attribute(column)?;
            let raw = chunk.column(attribute.index())?.get(place.row as usize)?;
            value_of(raw, inner.schema.attribute_at(attribute)?.kind())
        }
    }
}

// A value that did not fit is not kept; what is still not said of it fits as little as before.
fn held_cell(inner: &Inner, id: &AccountId, held: &HeldAccount, column: &str) -> Result<Option<Value>, Cell> {
    Ok(match column {
        "parent" => {
            let declared = super::accounts::declared(inner, id);
            in_column(&declared).map(|link| Value::text(link.parent.as_str()))
        }
        "account_type" => Some(Value::text(&held.row.account_type)),
        // An unknown name is not kept either.
        "product" if held.reason == HeldReason::Fault(FaultKind::UnknownProduct) => {
            return Err(Cell::Unreadable {
                text: "(not known)".to_owned(),
                expected: ValueKind::Text,
                reason: None,
            });
        }
        "product" => held.row.product.as_deref().map(Value::text),
        _ => match held.row.value(column) {
            Some(value) => Some(value.clone()),
            None if held.unfit.iter().any(|name| &**name == column) => {
                let attribute = inner.schema.attribute(column).and_then(|id| inner.schema.attribute_at(id));
                let expected = attribute.map_or(ValueKind::Text, |attribute| attribute.kind().kind());
                return Err(Cell::Unreadable { text: String::new(), expected, reason: None });
            }
            None => None,
        },
    })
}

fn child_cell(inner: &Inner, table: TableId, slot: u32, row: usize, column: &str) -> Option<Value> {
    let chunk = inner.chunk(slot)?;
    let block = chunk.table(table.index())?;
    if column == "account" {
        return block.owner(row).and_then(|owner| chunk.shape.id(owner)).map(Value::text);
    }
    let described = inner.schema.table_at(table)?;
    block.value(described, described.column_id(column)?.index(), row)
}
