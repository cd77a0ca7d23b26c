//! Which rows shall the storage of a host hold?
//!
//! A [`Seed`] is a few tables as batches, in the form in which a source emits them: a host writes each
//! cell into its storage, and the kit compares what comes back. Another table of the trait is added in
//! `columns` and `tables`, to the rows that the promises make, and, where its rows are parts of account
//! rows, in [`Seed::account_rows`].

use std::collections::HashMap;
use std::sync::Arc;

use super::harness::{Capabilities, Capability};
use crate::source::{Batch, Cell, Cells, MemorySource, TableName};
use crate::{
    AccountId, AccountRow, Attribute, AttributeType, ChildId, ChildRow, Date, ParentLink, Schema, Succession,
    Value, ValueKind,
};

/// Rows that a source shall hold, exactly these, table by table.
///
/// A cell is absent, null or a value, as in every [`Batch`]; a column that no row speaks of is not in its
/// batch. Ids are valid ids. A storage with columns declares those of [`Seed::columns`].
#[derive(Debug, Clone)]
pub struct Seed {
    schema: Arc<Schema>,
    tables: Vec<Batch>,
}

impl Seed {
    /// The schema of the rows.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The tables, accounts first; one without rows is among them.
    pub fn tables(&self) -> impl Iterator<Item = &Batch> {
        self.tables.iter()
    }

    /// The rows of one table.
    #[must_use]
    pub fn table(&self, table: &TableName) -> Option<&Batch> {
        self.tables.iter().find(|batch| batch.table() == table)
    }

    /// All columns that a table may have, with the type of each: ids and names are text, ranks are whole
    /// numbers.
    #[must_use]
    pub fn columns(&self, table: &TableName) -> Vec<(Arc<str>, AttributeType)> {
        let kind = |role: &Role| match role {
            Role::Name => AttributeType::Text,
            Role::Rank => AttributeType::Int,
            Role::Value(attribute) => attribute.kind().clone(),
        };
        columns(&self.schema, table)
            .iter()
            .map(|column| (Arc::clone(&column.name), kind(&column.role)))
            .collect()
    }

    /// The accounts with their links, as rows; a cell that is absent or null is a value that is not there.
    #[must_use]
    pub fn account_rows(&self) -> Vec<AccountRow> {
        let mut links: HashMap<String, Vec<ParentLink>> = HashMap::new();
        if let Some(batch) = self.table(&TableName::Links) {
            for row in 0..batch.rows() {
                let rank = match batch.cells("rank").map(|cells| cells.cell(row)) {
                    Some(Cell::Value(Value::Int(rank))) => u32::try_from(rank).unwrap_or_default(),
                    _ => 0,
                };
                if let (Some(id), Some(parent)) = (name(batch, "id", row), account(batch, "parent", row)) {
                    links.entry(id).or_default().push(ParentLink { rank, parent });
                }
            }
        }
        let Some(batch) = self.table(&TableName::Accounts) else { return Vec::new() };
        let mut read = |at: usize| {
            let id = account(batch, "id", at)?;
            // Of rows that share an id, the first has the links.
            let further = links.remove(id.as_str()).unwrap_or_default();
            let mut row = AccountRow::new(id, &name(batch, "account_type", at).unwrap_or_default());
            row.parents.extend(account(batch, "parent", at).map(|parent| ParentLink { rank: 0, parent }));
            row.parents.extend(further);
            row.product = name(batch, "product", at).map(Arc::from);
            row.values = self.values(batch, at);
            Some(row)
        };
        (0..batch.rows()).filter_map(&mut read).collect()
    }

    /// The accounts that came after others.
    #[must_use]
    pub fn successions(&self) -> Vec<Succession> {
        let Some(batch) = self.table(&TableName::Successions) else { return Vec::new() };
        let read = |row: usize| {
            let cell = |column: &str| batch.cells(column).map(|cells| cells.cell(row));
            let Some(Cell::Value(Value::Date(on))) = cell("on") else { return None };
            let mut link = Succession::new(account(batch, "id", row)?, account(batch, "successor", row)?, on);
            if let Some(Cell::Value(Value::Int(rank))) = cell("rank") {
                link.rank = u32::try_from(rank).unwrap_or_default();
            }
            link.part = cell("part") == Some(Cell::Value(Value::Bool(true)));
            Some(link)
        };
        (0..batch.rows()).filter_map(read).collect()
    }

    /// The rows of a child table.
    #[must_use]
    pub fn child_rows(&self, table: &str) -> Vec<ChildRow> {
        let Some(batch) = self.table(&TableName::child(table)) else { return Vec::new() };
        let read = |at: usize| {
            let id = ChildId::new(name(batch, "id", at)?).ok()?;
            let owner = account(batch, "account", at);
            let mut row = ChildRow::new(id, owner.clone().or_else(|| AccountId::new("nobody").ok())?);
            // A row that names no account is a row all the same.
            row.account = owner;
            row.values = self.values(batch, at);
            Some(row)
        };
        (0..batch.rows()).filter_map(read).collect()
    }

    /// A source in memory that holds the same rows.
    #[must_use]
    pub fn memory_source(&self) -> MemorySource {
        let source = MemorySource::new().accounts(self.account_rows()).successions(self.successions());
        let tables = self.schema.tables().map(|table| (table.name(), self.child_rows(table.name())));
        // A table without rows is left out: a source in memory provides what it was given rows of.
        let filled = tables.filter(|(_, rows)| !rows.is_empty());
        filled.fold(source, |source, (table, rows)| source.children(table, rows))
    }

    fn values(&self, batch: &Batch, row: usize) -> Vec<(Arc<str>, Value)> {
        let columns = columns(&self.schema, batch.table());
        let values = columns.into_iter().filter(|column| matches!(column.role, Role::Value(_)));
        let found = values.filter_map(|column| match batch.cells(&column.name)?.cell(row) {
            Cell::Value(value) => Some((column.name, value)),
            _ => None,
        });
        found.collect()
    }
}

fn name(batch: &Batch, column: &str, row: usize) -> Option<String> {
    match batch.cells(column)?.cell(row) {
        Cell::Value(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

fn account(batch: &Batch, column: &str, row: usize) -> Option<AccountId> {
    AccountId::new(name(batch, column, row)?).ok()
}

/// A column of a table that a source is read for, and how its cells are compared.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
}

impl Column {
    /// Whether it holds values of a kind.
    pub(super) fn is_of(&self, kind: ValueKind) -> bool {
        matches!(&self.role, Role::Value(attribute) if attribute.kind().kind() == kind)
    }
}

#[derive(Debug)]
pub(super) enum Role {
    /// Names something: an account, a type. Absent, null and empty all name nothing.
    Name,
    /// The rank of a link; nothing is 0.
    Rank,
    /// Holds a value.
    Value(Attribute),
}

/// The columns that a schema wants of a table.
pub(super) fn columns(schema: &Schema, table: &TableName) -> Vec<Column> {
    let plain = |name: &str, role| Column { name: Arc::from(name), role };
    let value = |attribute: &Attribute| plain(attribute.name(), Role::Value(attribute.clone()));
    match table {
        TableName::Accounts => {
            let names = ["id", "parent", "account_type", "product"];
            let names = names.into_iter().map(|name| plain(name, Role::Name));
            names.chain(schema.attributes().map(value)).collect()
        }
        TableName::Links => {
            vec![plain("id", Role::Name), plain("parent", Role::Name), plain("rank", Role::Rank)]
        }
        TableName::Successions => vec![
            plain("id", Role::Name),
            plain("successor", Role::Name),
            value(&Attribute::new("on", AttributeType::Date)),
            plain("rank", Role::Rank),
            value(&Attribute::new("part", AttributeType::Bool)),
        ],
        TableName::Child(name) => {
            let table = schema.table(name).and_then(|id| schema.table_at(id));
            let names = ["id", "account"].into_iter().map(|name| plain(name, Role::Name));
            names.chain(table.into_iter().flat_map(|table| table.columns().map(value))).collect()
        }
    }
}

/// The tables of the trait that a storage with these capabilities has under a schema.
pub(super) fn tables(schema: &Schema, capabilities: &Capabilities) -> Vec<TableName> {
    let links = capabilities.holds(Capability::Links).then_some(TableName::Links);
    let children = capabilities.holds(Capability::ChildTables);
    let children = schema.tables().filter(|_| children).map(|table| TableName::child(table.name()));
    let history = capabilities.holds(Capability::Successions).then_some(TableName::Successions);
    [TableName::Accounts].into_iter().chain(links).chain(history).chain(children).collect()
}

/// One row in the making: the cells that it speaks of.
pub(super) type Row = Vec<(Arc<str>, Cell)>;

/// A seed in the making.
#[derive(Debug)]
pub(super) struct SeedBuilder {
    schema: Arc<Schema>,
    capabilities: Capabilities,
    tables: Vec<(TableName, Vec<Row>)>,
}

impl SeedBuilder {
    pub(super) fn new(schema: &Arc<Schema>, capabilities: &Capabilities) -> Self {
        let tables = tables(schema, capabilities).into_iter().map(|table| (table, Vec::new())).collect();
        Self { schema: Arc::clone(schema), capabilities: capabilities.clone(), tables }
    }

    /// A row of a table; nothing where the storage has no such table.
    pub(super) fn row(&mut self, table: &TableName, row: Row) {
        if let Some((_, rows)) = self.tables.iter_mut().find(|(own, _)| own == table) {
            rows.push(row);
        }
    }

    /// An account of the first type, under a parent or none, with values.
    pub(super) fn account(&mut self, id: &str, parent: Option<&str>, values: Row) {
        let kind = self.schema.account_types().next().map_or("", |kind| kind.name()).to_owned();
        let mut row =
            vec![named("id", Some(id)), named("parent", parent), named("account_type", Some(&kind))];
        row.extend(values);
        self.row(&TableName::Accounts, row);
    }

    /// A further declared parent.
    pub(super) fn link(&mut self, id: &str, parent: &str, rank: u32) {
        let rank = (Arc::from("rank"), Cell::Value(Value::Int(i64::from(rank))));
        self.row(&TableName::Links, vec![named("id", Some(id)), named("parent", Some(parent)), rank]);
    }

    /// An account that ended, and one that came after it.
    pub(super) fn succession(&mut self, link: &Succession) {
        let cell = |name: &str, value: Value| (Arc::from(name), Cell::Value(value));
        let row = vec![
            named("id", Some(link.account.as_str())),
            named("successor", Some(link.successor.as_str())),
            cell("on", Value::Date(link.on)),
            cell("rank", Value::Int(i64::from(link.rank))),
            cell("part", Value::Bool(link.part)),
        ];
        self.row(&TableName::Successions, row);
    }

    /// A succession for every number, no two of them alike, some of parts only.
    pub(super) fn history(&mut self, number: usize) {
        let ids = (AccountId::new(format!("old {number}")), AccountId::new(format!("new {}", number / 2)));
        let day = i32::try_from(number).ok().and_then(|number| Date::from_days(number - 3));
        if let ((Ok(account), Ok(successor)), Some(on)) = (ids, day) {
            let link =
                Succession::new(account, successor, on).ranked(u32::try_from(number % 3).unwrap_or_default());
            self.succession(&if number % 4 == 1 { link.of_part() } else { link });
        }
    }

    /// A row of a child table.
    pub(super) fn child(&mut self, table: &TableName, id: &str, account: Option<&str>, values: Row) {
        let mut row = vec![named("id", Some(id)), named("account", account)];
        row.extend(values);
        self.row(table, row);
    }

    pub(super) fn finish(self) -> Seed {
        let nothing =
            if self.capabilities.holds(Capability::AbsentCells) { Cell::Absent } else { Cell::Null };
        let batch = |(table, rows): (TableName, Vec<Row>)| {
            let columns = columns(&self.schema, &table);
            let mut batch = Batch::new(table);
            for column in columns {
                let unsaid = if matches!(column.role, Role::Value(_)) { &nothing } else { &Cell::Null };
                let said = rows.iter().map(|row| row.iter().find(|(name, _)| *name == column.name));
                let cells: Vec<Cell> =
                    said.map(|said| said.map_or(unsaid, |(_, cell)| cell).clone()).collect();
                if &*column.name == "id" || cells.iter().any(|cell| *cell != Cell::Absent) {
                    batch = batch.column(&column.name, Cells::Any(cells));
                }
            }
            batch
        };
        Seed { tables: self.tables.into_iter().map(batch).collect(), schema: self.schema }
    }
}

/// A cell that names something.
pub(super) fn named(column: &str, name: Option<&str>) -> (Arc<str>, Cell) {
    (Arc::from(column), Cell::from(name))
}
