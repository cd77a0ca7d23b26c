//! How is a change written to the tables?
//!
//! The book has accepted the change before a row is written, so that nothing is judged here: each item of
//! the change says which rows it touches. What it takes with it (the rows of a removed account, the
//! accounts of a removed subtree) is in the report of the book; what a merger hands over, the library writes
//! out ([`Change::expand`]). Another kind of item gets its arm in
//! [`write_item`], and a line in [`Turn`] if it must be written earlier or later than the others.

use std::collections::HashSet;

use perennial::report::ChangeItem;
use perennial::source::{Cell, TableName};
use perennial::{AccountId, AccountRow, Change, ChangeReport, ChildRow, ParentLink, Succession, Value};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, ToSql};

use crate::cell::sql_of;
use crate::error::{Doing, HostError};
use crate::layout::{Layout, Role, TableLayout};

/// Writes an accepted change.
///
/// # Errors
///
/// [`HostError::Sqlite`], and [`HostError::OutOfStep`] where a row is not what the book knows. The caller
/// rolls back.
pub(crate) fn write(
    connection: &Connection,
    layout: &Layout,
    change: &Change,
    report: &ChangeReport,
) -> Result<(), HostError> {
    let store = Store { connection, layout };
    // A row that moves leaves its account before that goes, and its new account is there before it.
    for (table, child) in &report.children_removed {
        let table = store.table(&TableName::Child(table.clone()))?;
        store.delete(table, child.as_str())?;
    }
    for account in &report.accounts.removed {
        store.delete(store.table(&TableName::Accounts)?, account.as_str())?;
        store.delete_links(account)?;
    }
    for turn in [Turn::Gone, Turn::New, Turn::Edits] {
        for item in change.items().iter().filter(|item| Turn::of(item) == turn) {
            write_item(&store, item)?;
        }
    }
    Ok(())
}

/// New rows are there before anything is written into them: the order of items means nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Gone,
    New,
    Edits,
}

impl Turn {
    const fn of(item: &ChangeItem) -> Self {
        match item {
            // One that comes again in other words has gone before.
            ChangeItem::RetractSuccession { .. } => Self::Gone,
            ChangeItem::Add { .. } | ChangeItem::AddChild { .. } => Self::New,
            _ => Self::Edits,
        }
    }
}

fn write_item(store: &Store<'_>, item: &ChangeItem) -> Result<(), HostError> {
    match item {
        ChangeItem::Add { row } => store.insert_account(row),
        ChangeItem::Set { account, attribute, value } => {
            store.set(&TableName::Accounts, account.as_str(), attribute, value.as_ref())
        }
        ChangeItem::Move { account, parents } => store.declare_parents(account, parents),
        ChangeItem::Retype { account, account_type } => {
            store.name(&TableName::Accounts, account.as_str(), "account_type", Some(account_type))
        }
        ChangeItem::SetProduct { account, product } => {
            store.name(&TableName::Accounts, account.as_str(), "product", product.as_deref())
        }
        ChangeItem::AddChild { table, row } => store.insert_child(&TableName::Child(table.clone()), row),
        ChangeItem::SetChild { table, child, column, value } => {
            store.set(&TableName::Child(table.clone()), child.as_str(), column, value.as_ref())
        }
        ChangeItem::MoveChild { table, child, account } => {
            store.name(&TableName::Child(table.clone()), child.as_str(), "account", Some(account.as_str()))
        }
        ChangeItem::DeclareSuccession { succession } => store.insert_succession(succession),
        ChangeItem::RetractSuccession { succession } => store.delete_succession(succession),
        // The report has listed all that goes.
        ChangeItem::Remove { .. } | ChangeItem::RemoveSubtree { .. } | ChangeItem::RemoveChild { .. } => {
            Ok(())
        }
        other => Err(HostError::Log { problem: format!("this program cannot write {other:?}") }),
    }
}

/// The tables of one database, to write to.
pub(crate) struct Store<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) layout: &'c Layout,
}

impl Store<'_> {
    fn table(&self, name: &TableName) -> Result<&TableLayout, HostError> {
        let missing = || HostError::Log { problem: format!("the database has no table `{name}`") };
        self.layout.table(name).ok_or_else(missing)
    }

    fn insert_account(&self, row: &AccountRow) -> Result<(), HostError> {
        let table = self.table(&TableName::Accounts)?;
        let preferred = row.parents.iter().find(|link| link.rank == 0);
        let mut cells = vec![
            ("id", Some(Sql::Text(row.id.to_string()))),
            ("parent", preferred.map(|link| Sql::Text(link.parent.to_string()))),
            ("account_type", Some(Sql::Text(row.account_type.to_string()))),
            ("product", row.product.as_ref().map(|product| Sql::Text(product.to_string()))),
        ];
        for (name, value) in &row.values {
            cells.push((name, Some(accepted(table, row.id.as_str(), name, value)?)));
        }
        self.insert(table, row.id.as_str(), &cells)?;
        self.refuse_stray_links(&row.id)?;
        self.insert_links(&row.id, &row.parents)
    }

    fn insert_child(&self, name: &TableName, row: &ChildRow) -> Result<(), HostError> {
        let table = self.table(name)?;
        let mut cells = vec![
            ("id", Some(Sql::Text(row.id.to_string()))),
            ("account", row.account.as_ref().map(|account| Sql::Text(account.to_string()))),
        ];
        for (name, value) in &row.values {
            cells.push((name, Some(accepted(table, row.id.as_str(), name, value)?)));
        }
        self.insert(table, row.id.as_str(), &cells)
    }

    fn declare_parents(&self, account: &AccountId, parents: &[ParentLink]) -> Result<(), HostError> {
        let preferred = parents.iter().find(|link| link.rank == 0).map(|link| link.parent.as_str());
        self.name(&TableName::Accounts, account.as_str(), "parent", preferred)?;
        self.delete_links(account)?;
        self.insert_links(account, parents)
    }

    // The parent of rank 0 stands with the account; a second one of that rank is a link like others.
    fn insert_links(&self, account: &AccountId, parents: &[ParentLink]) -> Result<(), HostError> {
        let table = self.table(&TableName::Links)?;
        let first = parents.iter().position(|link| link.rank == 0);
        for (_, link) in parents.iter().enumerate().filter(|(place, _)| Some(*place) != first) {
            let cells = [
                ("id", Some(Sql::Text(account.to_string()))),
                ("parent", Some(Sql::Text(link.parent.to_string()))),
                ("rank", Some(Sql::Integer(i64::from(link.rank)))),
            ];
            self.insert(table, account.as_str(), &cells)?;
        }
        Ok(())
    }

    // A load would take them for declarations of the new account, which the change says nothing of.
    fn refuse_stray_links(&self, account: &AccountId) -> Result<(), HostError> {
        let table = self.table(&TableName::Links)?;
        let sql = format!("SELECT count(*) FROM {} WHERE \"id\" = ?1 AND \"parent\" <> ''", table.sql);
        let found = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([account.as_str()], |row| row.get::<_, usize>(0)));
        match found.doing("look for stray links")? {
            0 => Ok(()),
            rows => Err(HostError::StrayLinks { account: account.clone(), rows }),
        }
    }

    // A link that names no parent declares nothing, and stays to be seen in reports.
    fn delete_links(&self, account: &AccountId) -> Result<(), HostError> {
        let table = self.table(&TableName::Links)?;
        let sql = format!("DELETE FROM {} WHERE \"id\" = ?1 AND \"parent\" <> ''", table.sql);
        self.execute(&sql, &[&account.as_str()]).map(|_| ())
    }

    fn insert_succession(&self, link: &Succession) -> Result<(), HostError> {
        let table = self.table(&TableName::Successions)?;
        let cells = [
            ("id", Some(Sql::Text(link.account.to_string()))),
            ("successor", Some(Sql::Text(link.successor.to_string()))),
            ("on", Some(Sql::Text(link.on.to_string()))),
            ("rank", Some(Sql::Integer(i64::from(link.rank)))),
            ("part", Some(Sql::Integer(i64::from(link.part)))),
        ];
        self.insert(table, link.account.as_str(), &cells)
    }

    // The pair and the day name it.
    fn delete_succession(&self, link: &Succession) -> Result<(), HostError> {
        let table = self.table(&TableName::Successions)?;
        let sql =
            format!("DELETE FROM {} WHERE \"id\" = ?1 AND \"successor\" = ?2 AND \"on\" = ?3", table.sql);
        let given: [&dyn ToSql; 3] = [&link.account.as_str(), &link.successor.as_str(), &link.on.to_string()];
        one(table, link.account.as_str(), self.execute(&sql, &given)?)
    }

    fn set(&self, name: &TableName, id: &str, column: &str, value: Option<&Value>) -> Result<(), HostError> {
        let table = self.table(name)?;
        let cell = value.map(|value| accepted(table, id, column, value)).transpose()?;
        self.update(table, id, column, &cell)
    }

    fn name(&self, name: &TableName, id: &str, column: &str, to: Option<&str>) -> Result<(), HostError> {
        self.update(self.table(name)?, id, column, &to)
    }

    fn update(&self, table: &TableLayout, id: &str, column: &str, to: &dyn ToSql) -> Result<(), HostError> {
        let Some(column) = table.column(column) else {
            return Err(HostError::Log {
                problem: format!("table `{}` has no column `{column}`", table.table),
            });
        };
        let sql = format!("UPDATE {} SET {} = ?1 WHERE \"id\" = ?2", table.sql, column.sql);
        one(table, id, self.execute(&sql, &[to, &id])?)
    }

    fn delete(&self, table: &TableLayout, id: &str) -> Result<(), HostError> {
        let sql = format!("DELETE FROM {} WHERE \"id\" = ?1", table.sql);
        one(table, id, self.execute(&sql, &[&id])?)
    }

    fn insert(&self, table: &TableLayout, id: &str, cells: &[(&str, Option<Sql>)]) -> Result<(), HostError> {
        let mut columns = Vec::new();
        let mut given: Vec<&dyn ToSql> = Vec::new();
        // A value may be given twice, as long as it is the same.
        let mut seen = HashSet::new();
        for (name, cell) in cells.iter().filter(|(name, _)| seen.insert(*name)) {
            let column = table.column(name).ok_or_else(|| HostError::Import {
                table: table.table.clone(),
                id: id.to_owned(),
                problem: format!("there is no column `{name}`"),
            })?;
            columns.push(column.sql.as_str());
            given.push(cell);
        }
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
        let sql =
            format!("INSERT INTO {} ({}) VALUES ({})", table.sql, columns.join(", "), places.join(", "));
        self.execute(&sql, &given).map(|_| ())
    }

    fn execute(&self, sql: &str, given: &[&dyn ToSql]) -> Result<usize, HostError> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(given));
        done.map_err(|cause| HostError::Sqlite { doing: format!("run `{sql}`"), cause })
    }

    /// Writes a row as a source emits it, for an import.
    ///
    /// # Errors
    ///
    /// [`HostError::Import`] for a cell that does not fit its column, [`HostError::Sqlite`] for what
    /// `SQLite` refuses, such as an id that is there already.
    pub(crate) fn insert_cells(
        &self,
        name: &TableName,
        id: &str,
        cells: &[(&str, Cell)],
    ) -> Result<(), HostError> {
        let table = self.table(name)?;
        let wrong = |problem: String| HostError::Import { table: name.clone(), id: id.to_owned(), problem };
        let mut row = Vec::with_capacity(cells.len());
        for (column, cell) in cells {
            let value = match cell {
                Cell::Value(value) => value,
                Cell::Unreadable { text, expected, .. } => {
                    return Err(wrong(format!("{column}: `{text}` is no {}", expected.word())));
                }
                _ => continue,
            };
            let sql = match table.column(column).map(|column| &column.role) {
                Some(Role::Value(_)) => accepted(table, id, column, value)?,
                Some(Role::Rank) => match value {
                    Value::Int(rank) => Sql::Integer(*rank),
                    other => return Err(wrong(format!("{column}: `{other}` is no rank"))),
                },
                Some(Role::Name) => Sql::Text(value.to_string()),
                // What the schema does not know is not stored.
                None => continue,
            };
            row.push((*column, Some(sql)));
        }
        self.insert(table, id, &row)
    }
}

// The book has this row: so must the table.
fn one(table: &TableLayout, id: &str, found: usize) -> Result<(), HostError> {
    if found == 1 {
        return Ok(());
    }
    Err(HostError::OutOfStep { table: table.table.clone(), id: id.to_owned(), found })
}

/// A value as its column stores it: widened as the book widens it.
fn accepted(table: &TableLayout, id: &str, name: &str, value: &Value) -> Result<Sql, HostError> {
    let wrong =
        |problem: String| HostError::Import { table: table.table.clone(), id: id.to_owned(), problem };
    let Some(Role::Value(attribute)) = table.column(name).map(|column| &column.role) else {
        return Err(wrong(format!("there is no column `{name}`")));
    };
    let value = attribute.accept(value.clone()).map_err(|fault| wrong(format!("{name}: {fault}")))?;
    sql_of(&value).ok_or_else(|| wrong(format!("{name}: `{value}` fits no column")))
}
