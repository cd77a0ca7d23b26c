//! Which table and column of the database holds what?
//!
//! | table | columns |
//! |---|---|
//! | `accounts` | `id`, `parent`, `account_type`, `product`, one for each attribute |
//! | `links` | `id`, `parent`, `rank`: declared parents beyond the one in `accounts.parent` |
//! | `successions` | `id`, `successor`, `on`, `rank`, `part`: accounts that came after others |
//! | `child_` + name | `id`, `account`, one for each column; one table for each child table of the schema |
//!
//! Columns carry the names of the schema. `SQLite` compares names without regard to ASCII case, and our
//! schemas do not, so that a name which is taken gets a number: `Seats` beside `seats` is `Seats~2`. No name
//! of a schema can contain `~` or a quote, and every name is quoted, so that keywords are names like others.

use std::collections::HashSet;
use std::sync::Arc;

use perennial::source::TableName;
use perennial::{Attribute, AttributeType, Schema};

use crate::error::HostError;

/// Most columns of a table, as `SQLite` is built by default.
pub const MAX_COLUMNS: usize = 2_000;

/// What a column holds.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    /// An id, a type or a product.
    Name,
    /// The rank of a link.
    Rank,
    /// Values of an attribute.
    Value(Attribute),
}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnLayout {
    /// Its name in the schema.
    pub(crate) name: Arc<str>,
    /// Its name in SQL, quoted.
    pub(crate) sql: String,
    pub(crate) role: Role,
}

/// One table.
#[derive(Debug, Clone)]
pub(crate) struct TableLayout {
    pub(crate) table: TableName,
    /// Its name in SQL, quoted.
    pub(crate) sql: String,
    pub(crate) columns: Vec<ColumnLayout>,
}

impl TableLayout {
    pub(crate) fn column(&self, name: &str) -> Option<&ColumnLayout> {
        self.columns.iter().find(|column| &*column.name == name)
    }
}

/// The tables of a schema: accounts, links, successions, then child tables.
#[derive(Debug, Clone)]
pub struct Layout {
    schema: Arc<Schema>,
    tables: Vec<TableLayout>,
}

impl Layout {
    /// The tables of a schema.
    ///
    /// # Errors
    ///
    /// [`HostError::TooManyColumns`] beyond [`MAX_COLUMNS`].
    pub fn new(schema: Arc<Schema>) -> Result<Self, HostError> {
        let mut tables = vec![
            lay_out(TableName::Accounts, &["id", "parent", "account_type", "product"], schema.attributes())?,
            lay_out(TableName::Links, &["id", "parent"], std::iter::empty())?,
        ];
        if let Some(links) = tables.last_mut() {
            let rank = ColumnLayout { name: Arc::from("rank"), sql: quoted("rank"), role: Role::Rank };
            links.columns.push(rank);
        }
        tables.push(successions()?);
        for table in schema.tables() {
            tables.push(lay_out(TableName::child(table.name()), &["id", "account"], table.columns())?);
        }
        // Two tables, as two columns, may differ in case only.
        let mut taken = HashSet::new();
        for table in &mut tables {
            let plain = match &table.table {
                TableName::Child(name) => format!("child_{name}"),
                other => other.to_string(),
            };
            table.sql = quoted(&free(&plain, &mut taken));
        }
        Ok(Self { schema, tables })
    }

    /// The schema.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    pub(crate) fn tables(&self) -> &[TableLayout] {
        &self.tables
    }

    pub(crate) fn table(&self, name: &TableName) -> Option<&TableLayout> {
        self.tables.iter().find(|table| table.table == *name)
    }

    /// The statements that make the tables, with the triggers that count edits made by others.
    pub(crate) fn statements(&self) -> Vec<String> {
        let mut statements = Vec::new();
        for table in &self.tables {
            let columns: Vec<String> =
                table.columns.iter().map(|column| declaration(table, column)).collect();
            statements.push(format!("CREATE TABLE {} ({}) STRICT", table.sql, columns.join(", ")));
            let index = |on: &str| {
                let name = quoted(&format!("{}_{on}", unquoted(&table.sql)));
                format!("CREATE INDEX {name} ON {} ({})", table.sql, quoted(on))
            };
            match &table.table {
                TableName::Links | TableName::Successions => statements.push(index("id")),
                TableName::Child(_) => statements.push(index("account")),
                _ => {}
            }
            for event in ["INSERT", "UPDATE", "DELETE"] {
                let name = quoted(&format!("{}_{}", unquoted(&table.sql), event.to_lowercase()));
                statements.push(format!(
                    "CREATE TRIGGER {name} AFTER {event} ON {} \
                     BEGIN UPDATE perennial_meta SET edits = edits + 1; END",
                    table.sql
                ));
            }
        }
        statements
    }
}

fn successions() -> Result<TableLayout, HostError> {
    let on = Attribute::new("on", AttributeType::Date);
    let mut table = lay_out(TableName::Successions, &["id", "successor"], [&on].into_iter())?;
    let column = |name: &str, role| ColumnLayout { name: Arc::from(name), sql: quoted(name), role };
    table.columns.push(column("rank", Role::Rank));
    table.columns.push(column("part", Role::Value(Attribute::new("part", AttributeType::Bool))));
    Ok(table)
}

fn lay_out<'a>(
    table: TableName,
    names: &[&str],
    attributes: impl Iterator<Item = &'a Attribute>,
) -> Result<TableLayout, HostError> {
    let mut taken = HashSet::new();
    let mut columns = Vec::new();
    for name in names {
        let sql = quoted(&free(name, &mut taken));
        columns.push(ColumnLayout { name: Arc::from(*name), sql, role: Role::Name });
    }
    for attribute in attributes {
        let sql = quoted(&free(attribute.name(), &mut taken));
        let role = Role::Value(attribute.clone());
        columns.push(ColumnLayout { name: Arc::from(attribute.name()), sql, role });
    }
    if columns.len() > MAX_COLUMNS {
        return Err(HostError::TooManyColumns { table, columns: columns.len(), limit: MAX_COLUMNS });
    }
    Ok(TableLayout { table, sql: String::new(), columns })
}

// The name itself, or with a number where it is taken.
fn free(name: &str, taken: &mut HashSet<String>) -> String {
    let mut free = name.to_owned();
    let mut number = 1;
    while !taken.insert(free.to_ascii_lowercase()) {
        number += 1;
        free = format!("{name}~{number}");
    }
    free
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

// Only for names that stand in a longer one.
fn unquoted(name: &str) -> &str {
    name.trim_matches('"')
}

fn declaration(table: &TableLayout, column: &ColumnLayout) -> String {
    let kind = match &column.role {
        Role::Name => "TEXT",
        Role::Rank => "INTEGER",
        Role::Value(attribute) => sql_type(attribute.kind()),
    };
    // Ids are compared byte by byte, which is what BINARY does.
    let key = match (&table.table, &*column.name) {
        (TableName::Links | TableName::Successions, "id") => " NOT NULL COLLATE BINARY",
        (_, "id") => " NOT NULL COLLATE BINARY PRIMARY KEY",
        _ => "",
    };
    format!("{} {kind}{key}", column.sql)
}

/// The storage class of an attribute; `cell` says how a value is written in it.
fn sql_type(kind: &AttributeType) -> &'static str {
    match kind {
        AttributeType::Bool
        | AttributeType::Int
        | AttributeType::Decimal { .. }
        | AttributeType::Money(_)
        | AttributeType::MixedMoney { .. }
        | AttributeType::Timestamp
        | AttributeType::Duration => "INTEGER",
        AttributeType::Double => "REAL",
        _ => "TEXT",
    }
}
