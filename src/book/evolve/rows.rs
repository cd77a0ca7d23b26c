//! What does each row say under another schema?

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::placing::{declared_parents, in_column};
use super::super::{HeldAccount, HeldChild, HeldReason, Inner};
use crate::column::value_of;
use crate::model::limits::MAX_NAME_BYTES;
use crate::model::{
    AccountId, AccountIdx, AccountType, Attribute, AttributeId, ChildRow, ChildTable, ColumnId, FieldMove,
    Migration, ParentLink, Product, TableId, TypeId, Value, retyped,
};
use crate::source::{Batch, Cell, Cells, Emit, ScanRequest, Source, SourceError, TableName};
use crate::tree::{FaultKind, Remedy};

/// Rows of a batch of what is not in a chunk.
const BATCH_ROWS: usize = 4_096;
/// The placeholder of a refused name or value that was not stored. It is neither a name, being too long, nor an id, beginning and ending with a space.
pub(super) fn not_known() -> String {
    format!(" {}", "?".repeat(MAX_NAME_BYTES))
}

/// A book as a source of rows under another schema.
pub(super) struct Moved<'b> {
    old: &'b Inner,
    migration: &'b Migration,
}

/// An attribute or column, now and before.
struct Field<'f> {
    now: &'f Attribute,
    before: Option<(usize, &'f Attribute)>,
    moved: &'f FieldMove,
}

impl Field<'_> {
    /// The cell of a value of before.
    fn cell(&self, value: Option<Value>) -> Cell {
        let Some(value) = value else { return Cell::Null };
        let value = match &value {
            Value::Text(text) | Value::Enum(text) | Value::Band { text, .. } => {
                match self.moved.values.get(text) {
                    Some(Some(now)) => Value::Text(now.clone()),
                    // Nobody in the book has a value that was removed; who is held may.
                    Some(None) => return self.not_known(),
                    None => value,
                }
            }
            _ => value,
        };
        if self.before.is_some_and(|(_, before)| before.kind() == self.now.kind()) {
            return Cell::Value(value);
        }
        // What does not fit is told by the load, and treated by its policy.
        Cell::Value(retyped(&value, self.now).unwrap_or(value))
    }

    fn not_known(&self) -> Cell {
        Cell::Unreadable { text: not_known(), expected: self.now.kind().kind(), reason: None }
    }

    /// The value by the new declaration, if it fits.
    fn value(&self, value: Value) -> Option<Value> {
        match self.cell(Some(value)) {
            Cell::Value(value) => self.now.accept(value).ok(),
            _ => None,
        }
    }
}

impl<'b> Moved<'b> {
    pub(super) const fn new(old: &'b Inner, migration: &'b Migration) -> Self {
        Self { old, migration }
    }

    fn attributes(&self) -> Vec<Field<'b>> {
        let old = &self.old.schema;
        let before = |at: usize| Some((at, old.attribute_at(AttributeId::new(at))?));
        let fields = self.migration.schema.attributes().zip(&self.migration.attributes);
        fields.map(|(now, moved)| Field { now, before: moved.before.and_then(before), moved }).collect()
    }

    /// A child table of before, its number, and the columns of now.
    fn table(&self, name: &str) -> Option<(usize, &'b ChildTable, Vec<Field<'b>>)> {
        let schema = &self.migration.schema;
        let id = schema.table(name)?;
        let of = self.migration.tables.get(id.index())?;
        let number = of.before?;
        let (now, before) = (schema.table_at(id)?, self.old.schema.table_at(TableId::new(number))?);
        let was = |at: usize| Some((at, before.column_at(ColumnId::new(at))?));
        let fields = now.columns().zip(&of.columns);
        let fields = fields.map(|(now, moved)| Field { now, before: moved.before.and_then(was), moved });
        Some((number, before, fields.collect()))
    }

    /// May accounts of a type be without a value that they are required to have? So they may where a value did not fit and was cleared: it is
    /// not asked for anew.
    fn lacks(&self, attribute: usize, kind: usize) -> bool {
        let clears = self.old.policy.remedy(FaultKind::InvalidValue) == Remedy::Clear;
        clears && self.old.schema.requires(AttributeId::new(attribute), TypeId::new(kind))
    }

    fn type_name(&self, place: usize) -> Option<&'b str> {
        let now = self.migration.types.get(place).copied().flatten()?;
        self.migration.schema.account_types().nth(now).map(AccountType::name)
    }

    fn product_name(&self, place: usize) -> Option<&'b str> {
        let now = self.migration.products.get(place).copied().flatten()?;
        self.migration.schema.products().nth(now).map(Product::name)
    }

    fn accounts(&self, emit: &mut Emit<'_>) -> ControlFlow<()> {
        let old = self.old;
        let fields = self.attributes();
        for (slot, chunk) in (0_u32..).zip(&old.chunks) {
            let Some(chunk) = chunk else { continue };
            let rows = || 0..chunk.shape.rows();
            let unusual = !(old.held.links.is_empty() && old.held.adopted.is_empty());
            let parent = |row: u32| -> Option<AccountId> {
                let place = AccountIdx::new(slot, row);
                if unusual {
                    let declared = declared_parents(old, &old.account_id(place), Some(place), None);
                    return in_column(&declared).map(|link| link.parent.clone());
                }
                old.parent(place).map(|parent| old.account_id(parent))
            };
            let parents: Vec<Option<AccountId>> = rows().map(parent).collect();
            let mut batch = Batch::new(TableName::Accounts)
                .column("id", Cells::text(rows().map(|row| chunk.shape.id(row))))
                .column("parent", Cells::text(parents.iter().map(|id| id.as_ref().map(AccountId::as_str))))
                .column(
                    "account_type",
                    Cells::text(rows().map(|row| self.type_name(chunk.shape.kind(row).into()))),
                )
                .column(
                    "product",
                    Cells::text(rows().map(|row| self.product_name(chunk.shape.product(row)?.into()))),
                );
            for field in &fields {
                let Some((place, before)) = field.before else { continue };
                let lacks = |row: u32| self.lacks(place, chunk.shape.kind(row).into());
                let column = chunk.column(place);
                if column.is_none() && !rows().any(lacks) {
                    continue;
                }
                let value = |row: u32| value_of(column?.get(row as usize)?, before.kind());
                let cells = rows().map(|row| match value(row) {
                    None if lacks(row) => field.not_known(),
                    value => field.cell(value),
                });
                batch = batch.column(field.now.name(), Cells::any(cells));
            }
            emit(batch)?;
        }
        let held: Vec<&HeldAccount> = old.held.accounts.values().collect();
        for part in held.chunks(BATCH_ROWS) {
            emit(self.held_accounts(part, &fields))?;
        }
        ControlFlow::Continue(())
    }

    /// Accounts that are held, with the names and values that are known of them.
    fn held_accounts(&self, held: &[&HeldAccount], fields: &[Field<'_>]) -> Batch {
        let schema = &self.old.schema;
        let kind = |held: &HeldAccount| {
            let known = schema.account_type(&held.row.account_type);
            known.and_then(|kind| self.type_name(kind.index())).map_or_else(not_known, str::to_owned)
        };
        let product = |held: &HeldAccount| match held.row.product.as_deref() {
            _ if held.reason == HeldReason::Fault(FaultKind::UnknownProduct) => Some(not_known()),
            Some(name) => {
                let now = schema.product(name).and_then(|product| self.product_name(product.index()));
                Some(now.map_or_else(not_known, str::to_owned))
            }
            None => None,
        };
        // An account that waits for a parent that no account can be is known to have one.
        let parent = |held: &HeldAccount| match in_column(&held.row.parents) {
            Some(link) => Some(link.parent.to_string()),
            None if held.row.parents.is_empty() => {
                (held.reason == HeldReason::Fault(FaultKind::MissingParent)).then(not_known)
            }
            None => None,
        };
        let names: Vec<[Option<String>; 3]> =
            held.iter().map(|held| [parent(held), Some(kind(held)), product(held)]).collect();
        let name = |at: usize| Cells::text(names.iter().map(move |names| names.get(at)?.as_deref()));
        let mut batch = Batch::new(TableName::Accounts)
            .column("id", Cells::text(held.iter().map(|held| Some(held.row.id.as_str()))))
            .column("parent", name(0))
            .column("account_type", name(1))
            .column("product", name(2));
        let values: Vec<HashMap<&str, &Value>> = held.iter().map(|held| by_name(&held.row.values)).collect();
        for field in fields {
            let Some((_, before)) = field.before else { continue };
            let cell =
                |(held, values): (&&HeldAccount, &HashMap<&str, &Value>)| match values.get(before.name()) {
                    Some(value) => field.cell(Some((*value).clone())),
                    // A value that did not fit is not kept, and still unknown.
                    None if held.unfit.iter().any(|name| &**name == before.name()) => field.not_known(),
                    None => Cell::Null,
                };
            batch = batch.column(field.now.name(), Cells::any(held.iter().zip(&values).map(cell)));
        }
        batch
    }

    fn links(&self, emit: &mut Emit<'_>) -> ControlFlow<()> {
        let old = self.old;
        let held = old.held.accounts.values().map(|held| (&held.row.id, &held.row.parents));
        let further: Vec<(&AccountId, &ParentLink)> = old
            .held
            .links
            .iter()
            .chain(held)
            .flat_map(|(id, links)| {
                let first = in_column(links);
                links.iter().filter(move |link| Some(*link) != first).map(move |link| (id, link))
            })
            .collect();
        for part in further.chunks(BATCH_ROWS) {
            let ranks = part.iter().map(|(_, link)| Some(i64::from(link.rank))).collect();
            emit(
                Batch::new(TableName::Links)
                    .column("id", Cells::text(part.iter().map(|(id, _)| Some(id.as_str()))))
                    .column("parent", Cells::text(part.iter().map(|(_, link)| Some(link.parent.as_str()))))
                    .column("rank", Cells::Int(ranks)),
            )?;
        }
        ControlFlow::Continue(())
    }

    fn children(&self, name: &Arc<str>, emit: &mut Emit<'_>) -> ControlFlow<()> {
        let Some((number, before, fields)) = self.table(name) else { return ControlFlow::Continue(()) };
        let start = || Batch::new(TableName::Child(name.clone()));
        for chunk in self.old.chunks.iter().flatten() {
            let Some(block) = chunk.table(number) else { continue };
            let rows = || 0..block.rows();
            let owner = |row: usize| chunk.shape.id(block.owner(row)?);
            let mut batch = start()
                .column("id", Cells::text(rows().map(|row| block.id(row))))
                .column("account", Cells::text(rows().map(owner)));
            for field in &fields {
                let Some((place, was)) = field.before else { continue };
                // As of attributes.
                let lacks =
                    was.is_required() && self.old.policy.remedy(FaultKind::InvalidValue) == Remedy::Clear;
                let cells = rows().map(|row| match block.value(before, place, row) {
                    None if lacks => field.not_known(),
                    value => field.cell(value),
                });
                batch = batch.column(field.now.name(), Cells::any(cells));
            }
            emit(batch)?;
        }
        let held = self.old.held.children.values().flatten();
        let held: Vec<&HeldChild> =
            held.filter(|held| *held.table == *before.name() && waits(held)).collect();
        for part in held.chunks(BATCH_ROWS) {
            let accounts = part.iter().map(|held| held.row.account.as_ref().map(AccountId::as_str));
            let mut batch = start()
                .column("id", Cells::text(part.iter().map(|held| Some(held.row.id.as_str()))))
                .column("account", Cells::text(accounts));
            let values: Vec<HashMap<&str, &Value>> =
                part.iter().map(|held| by_name(&held.row.values)).collect();
            for field in &fields {
                let Some((_, before)) = field.before else { continue };
                let cells =
                    values.iter().map(|values| field.cell(values.get(before.name()).copied().cloned()));
                batch = batch.column(field.now.name(), Cells::any(cells));
            }
            emit(batch)?;
        }
        ControlFlow::Continue(())
    }

    /// Child rows that are held for a fault of their own, of which not everything is kept: they stay held, under their new names.
    pub(super) fn held_children(&self) -> Vec<HeldChild> {
        let schema = &self.migration.schema;
        let mut all: Vec<HeldChild> = Vec::new();
        for table in schema.tables() {
            let Some((_, before, fields)) = self.table(table.name()) else { continue };
            let of_table = self.old.held.children.values().flatten();
            for held in of_table.filter(|held| *held.table == *before.name() && !waits(held)) {
                let values = by_name(&held.row.values);
                let value = |field: &Field<'_>| {
                    let value = values.get(field.before?.1.name())?;
                    Some((Arc::from(field.now.name()), field.value((*value).clone())?))
                };
                let row = ChildRow { values: fields.iter().filter_map(value).collect(), ..held.row.clone() };
                all.push(HeldChild { table: Arc::from(table.name()), row, reason: held.reason });
            }
        }
        all
    }
}

/// Does a child row wait for nothing but its account, so that all of it is kept?
fn waits(held: &HeldChild) -> bool {
    match held.reason {
        FaultKind::ChildWithoutAccount | FaultKind::RepeatedChild => true,
        FaultKind::ChildOfUnknownAccount => held.row.account.is_some(),
        _ => false,
    }
}

fn by_name(values: &[(Arc<str>, Value)]) -> HashMap<&str, &Value> {
    values.iter().map(|(name, value)| (&**name, value)).collect()
}

impl Source for Moved<'_> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let _ended = match request.table() {
            TableName::Accounts => self.accounts(emit),
            TableName::Links => self.links(emit),
            TableName::Successions => {
                let links: Vec<_> = self.old.successions.links().into_iter().cloned().collect();
                let mut parts = links.chunks(BATCH_ROWS).map(Batch::of_successions);
                parts.try_for_each(emit)
            }
            TableName::Child(name) => self.children(name, emit),
        };
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        match table {
            TableName::Links => !(self.old.held.links.is_empty() && self.old.held.accounts.is_empty()),
            TableName::Successions => !self.old.successions.is_empty(),
            TableName::Child(name) => self.table(name).is_some(),
            TableName::Accounts => true,
        }
    }
}
