//! Which row of a versioned export is the latest of its id?
//!
//! Warehouses keep history: a row for each state that an account or a child row has had, with a column of its version
//! or time. [`LatestRows`] reads such rows from any source and keeps the latest of each id. Ruling S141 of
//! `docs/semantics`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use thiserror::Error;

use super::{Cell, Cells, Emit, ScanRequest, Source, SourceError, TableName, UnreadColumn};
use crate::model::{Date, Decimal, Timestamp, Value};

/// A source of versioned rows, reduced to the current ones: of the rows with one id, the one with the greatest version.
///
/// Made by [`SourceExt::latest_accounts_by`](super::SourceExt::latest_accounts_by) and
/// [`latest_children_by`](super::SourceExt::latest_children_by). A version is a whole number, a decimal, a double, a day
/// or an instant, in a column of its own or as text: `17`, `2024-03-01`, `2024-03-01T08:30:00Z`, `2024-03-01 08:30:00`.
/// The column need not be one of the schema; with `CsvTable::text`, CSV files have it.
///
/// * Rows of one id with the same greatest version are all kept, and a load reports the id as repeated: which of them
///   is right is unknown. Identical rows are one, as without versions.
/// * All rows of an id are kept where it has several and one of them has no version, or one of another kind.
/// * A row without an id is kept, and a load reports it.
/// * Links and successions are not filtered.
///
/// # Errors
///
/// A scan fails with a [`SourceError`] whose cause is [`NoVersionColumn`] where the rows of the table do not have the
/// column. A table without rows does not need it.
///
/// # Complexity
///
/// Each scan reads the rows twice, first for the versions; memory is O(ids). Rows that the source adds between the two
/// are kept.
///
/// ```
/// use perennial::source::{MemorySource, SourceExt, TableName};
/// use perennial::{AccountId, AccountRow, Attribute, AttributeType, Book, Nesting, Policy, Schema};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let version = |number: i64, seats: i64| -> Result<AccountRow, perennial::IdError> {
///     Ok(AccountRow::new(AccountId::new("acme")?, "Company").with("version", number).with("seats", seats))
/// };
/// let export = MemorySource::new().accounts([version(9, 40)?, version(11, 55)?, version(10, 50)?]);
///
/// let (book, report) = Book::load(schema, &export.latest_accounts_by("version"), &Policy::strict())?;
/// assert_eq!(report.tables["accounts"].loaded, 1);
/// # let view = book.view(&perennial::Scope::all(), perennial::AsOf::date_utc(perennial::Date::new(2026, 1, 31)?))?;
/// # let seats = view.account("acme").and_then(|acme| acme.value("seats"));
/// assert_eq!(seats, Some(55_i64.into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LatestRows<S> {
    rows: S,
    // The column of the version, by table.
    versions: BTreeMap<TableName, Arc<str>>,
}

/// Rows that are to be reduced to the latest have no version column.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("rows have no column `{column}` to tell their versions by")]
pub struct NoVersionColumn {
    column: Arc<str>,
}

impl NoVersionColumn {
    /// The column that is missing.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.column
    }
}

impl<S: Source> LatestRows<S> {
    pub(super) fn new(rows: S, table: TableName, column: &str) -> Self {
        Self { rows, versions: BTreeMap::from([(table, Arc::from(column))]) }
    }

    // The greatest version of each id.
    fn greatest(
        &self,
        table: &TableName,
        column: &Arc<str>,
    ) -> Result<HashMap<Box<str>, Versions>, SourceError> {
        let mut greatest: HashMap<Box<str>, Versions> = HashMap::new();
        let mut has_column = true;
        let request = ScanRequest::ids(table.clone()).and([Arc::clone(column)]);
        self.rows.scan(&request, &mut |batch| {
            let (ids, versions) = (batch.cells("id"), batch.cells(column));
            has_column &= versions.is_some() || batch.rows() == 0;
            for row in 0..batch.rows() {
                // A row without an id is a fault of its own.
                let Some(id) = ids.and_then(|ids| ids.name_at(row)) else { continue };
                let version = version(versions, row);
                match greatest.get_mut(&*id) {
                    Some(known) => known.add(version),
                    None => drop(greatest.insert(Box::from(&*id), Versions::of_first_row(version))),
                }
            }
            if has_column { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if has_column {
            return Ok(greatest);
        }
        let cause = NoVersionColumn { column: Arc::clone(column) };
        Err(SourceError::new(table.clone(), "tell the latest rows", cause))
    }
}

impl<S: Source> Source for LatestRows<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let Some(column) = self.versions.get(request.table()) else { return self.rows.scan(request, emit) };
        let greatest = self.greatest(request.table(), column)?;
        self.rows.scan(&request.and([Arc::clone(column)]), &mut |batch| {
            let (ids, versions) = (batch.cells("id"), batch.cells(column));
            let is_kept = |row: usize| {
                let id = ids.and_then(|ids| ids.name_at(row));
                match id.and_then(|id| greatest.get(&*id)) {
                    Some(Versions::Greatest(latest)) => {
                        let own = version(versions, row);
                        own.and_then(|own| own.partial_cmp(latest)).is_none_or(Ordering::is_ge)
                    }
                    Some(Versions::OneRowWithout | Versions::Incomparable) | None => true,
                }
            };
            let kept: Vec<bool> = (0..batch.rows()).map(is_kept).collect();
            let batch = if kept.contains(&false) { batch.with_rows(&kept) } else { batch };
            emit(batch.with_only(|name| name != &**column || request.wants(name)))
        })
    }

    fn provides(&self, table: &TableName) -> bool {
        self.rows.provides(table)
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        let mut unread = self.rows.unread(table);
        if let Some(column) = self.versions.get(table) {
            unread.retain(|unread| unread.column != *column);
        }
        unread
    }
}

/// The versions of the rows of one id.
#[derive(Debug)]
enum Versions {
    /// All rows have versions of one kind; this is the greatest.
    Greatest(Version),
    /// There is one row, without a version.
    OneRowWithout,
    /// There are several rows, of which one has no version or one of another kind.
    Incomparable,
}

impl Versions {
    fn of_first_row(version: Option<Version>) -> Self {
        version.map_or(Self::OneRowWithout, Self::Greatest)
    }

    fn add(&mut self, version: Option<Version>) {
        *self = match (std::mem::replace(self, Self::Incomparable), version) {
            (Self::Greatest(greatest), Some(version)) => match version.partial_cmp(&greatest) {
                None => Self::Incomparable,
                Some(Ordering::Greater) => Self::Greatest(version),
                Some(Ordering::Less | Ordering::Equal) => Self::Greatest(greatest),
            },
            _ => Self::Incomparable,
        };
    }
}

/// A version. Those of different kinds cannot be compared.
#[derive(Debug, Clone, PartialEq)]
enum Version {
    Number(Decimal),
    Double(f64),
    Day(Date),
    Instant(Timestamp),
    /// A time without an offset, as if it were of UTC.
    Local(Timestamp),
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(own), Self::Number(other)) => Some(own.cmp(other)),
            (Self::Double(own), Self::Double(other)) => own.partial_cmp(other),
            (Self::Day(own), Self::Day(other)) => Some(own.cmp(other)),
            (Self::Instant(own), Self::Instant(other)) | (Self::Local(own), Self::Local(other)) => {
                Some(own.cmp(other))
            }
            _ => None,
        }
    }
}

impl Version {
    fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = || text.parse().ok().map(Self::Number);
        let day = || text.parse().ok().map(Self::Day);
        let instant = || text.parse().ok().map(Self::Instant);
        let local = || [&text.replacen(' ', "T", 1), "Z"].concat().parse().ok().map(Self::Local);
        number().or_else(day).or_else(instant).or_else(local)
    }
}

fn version(cells: Option<&Cells>, row: usize) -> Option<Version> {
    let value = match cells? {
        Cells::Text(texts) => return Version::of_text(texts.get(row)?),
        other => match other.cell(row) {
            Cell::Value(value) => value,
            Cell::Absent | Cell::Null | Cell::Unreadable { .. } => return None,
        },
    };
    match value {
        Value::Int(number) => Some(Version::Number(Decimal::new(i128::from(number), 0))),
        Value::Decimal(number) => Some(Version::Number(number)),
        Value::Double(number) => Some(Version::Double(number)),
        Value::Date(day) => Some(Version::Day(day)),
        Value::Timestamp(instant) => Some(Version::Instant(instant)),
        Value::Text(text) => Version::of_text(&text),
        _ => None,
    }
}
