//! What does each row say under another schema?

use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::placing::{declared_parents, in_column};
use super::super::{HeldAccount, HeldChild, HeldReason, Inner};
use crate::column::value_of;
use crate::model::{
    AccountId, AccountIdx, AccountType, Attribute, AttributeId, ChildTable, ColumnId, FieldMove, Migration,
    ParentLink, Product, TableId, Value, ValueKind, retyped,
};
use crate::source::{Batch, Cell, Cells, Emit, ScanRequest, Source, SourceError, TableName};
use crate::tree::FaultKind;

/// Rows of a batch of what is not in a chunk.
const BATCH_ROWS: usize = 4_096;
/// What stands for a name that was refused and is not kept.
const NOT_KNOWN: &str = "(not known)";

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
            Value::Enum(text) | Value::Band { text, .. } => match self.moved.values.get(text) {
                Some(Some(now)) => Value::Text(now.clone()),
                // Nobody in the book has a value that was removed; who is held may.
                _ => value,
            },
            _ => value,
        };
        if self.before.is_some_and(|(_, before)| before.kind() == self.now.kind()) {
            return Cell::Value(value);
        }
        // What does not fit is told by the load, and treated by its policy.
        Cell::Value(retyped(&value, self.now).unwrap_or(value))
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
                let Some(block) = chunk.column(place) else { continue };
                let value = |row: u32| value_of(block.get(row as usize)?, before.kind());
                let cells = rows().map(|row| field.cell(value(row)));
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
        let kind = |held: &HeldAccount| match schema.account_type(&held.row.account_type) {
            Some(kind) => self.type_name(kind.index()).unwrap_or(&held.row.account_type).to_owned(),
            None => NOT_KNOWN.to_owned(),
        };
        let product = |held: &HeldAccount| match held.row.product.as_deref() {
            _ if held.reason == HeldReason::Fault(FaultKind::UnknownProduct) => Some(NOT_KNOWN.to_owned()),
            Some(name) => {
                let now = schema.product(name).and_then(|product| self.product_name(product.index()));
                Some(now.unwrap_or(name).to_owned())
            }
            None => None,
        };
        let (kinds, products): (Vec<String>, Vec<Option<String>>) =
            held.iter().map(|held| (kind(held), product(held))).unzip();
        let parents = held.iter().map(|held| in_column(&held.row.parents).map(|link| link.parent.as_str()));
        let mut batch = Batch::new(TableName::Accounts)
            .column("id", Cells::text(held.iter().map(|held| Some(held.row.id.as_str()))))
            .column("parent", Cells::text(parents))
            .column("account_type", Cells::text(kinds.iter().map(|kind| Some(&**kind))))
            .column("product", Cells::text(products.iter().map(Option::as_deref)));
        for field in fields {
            let Some((_, before)) = field.before else { continue };
            let cell = |held: &&HeldAccount| match held.row.value(before.name()) {
                Some(value) => field.cell(Some(value.clone())),
                // A value that did not fit is not kept, and still unknown.
                None if held.unfit.iter().any(|name| &**name == before.name()) => {
                    let expected: ValueKind = field.now.kind().kind();
                    Cell::Unreadable { text: NOT_KNOWN.to_owned(), expected }
                }
                None => Cell::Null,
            };
            batch = batch.column(field.now.name(), Cells::any(held.iter().map(cell)));
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
                let Some((place, _)) = field.before else { continue };
                let cells = rows().map(|row| field.cell(block.value(before, place, row)));
                batch = batch.column(field.now.name(), Cells::any(cells));
            }
            emit(batch)?;
        }
        let held: Vec<&HeldChild> =
            self.old.held.children.values().flatten().filter(|held| *held.table == *before.name()).collect();
        for part in held.chunks(BATCH_ROWS) {
            let accounts = part.iter().map(|held| held.row.account.as_ref().map(AccountId::as_str));
            let mut batch = start()
                .column("id", Cells::text(part.iter().map(|held| Some(held.row.id.as_str()))))
                .column("account", Cells::text(accounts));
            for field in &fields {
                let Some((_, before)) = field.before else { continue };
                let cells = part.iter().map(|held| field.cell(held.row.value(before.name()).cloned()));
                batch = batch.column(field.now.name(), Cells::any(cells));
            }
            emit(batch)?;
        }
        ControlFlow::Continue(())
    }
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
