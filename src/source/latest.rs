//! How does a table with a row for each version of an account become one of accounts?
//!
//! Warehouses keep what was: a row for each state that an account or a child row has had, with a column that says when
//! or which one it is. [`LatestRows`] reads such rows from any source and lets the latest of each id through. Ruling
//! S141 of `docs/semantics`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use thiserror::Error;

use super::levels::text;
use super::{Cell, Cells, Emit, ScanRequest, Source, SourceError, TableName, UnreadColumn};
use crate::model::{Date, Decimal, Timestamp, Value};

/// A source of versions as a source of what is now: of the rows with one id, the one with the greatest version.
///
/// Made by [`SourceExt::latest_accounts_by`](super::SourceExt::latest_accounts_by) and
/// [`latest_children_by`](super::SourceExt::latest_children_by). A version is a whole number, a decimal, a double, a day
/// or an instant, in a column of its own or as text: `17`, `2024-03-01`, `2024-03-01T08:30:00Z`, `2024-03-01 08:30:00`.
/// The column need not be one of the schema; with `CsvTable::text`, CSV files have it.
///
/// * Rows of one id with the same greatest version all go through, and a load reports the id as repeated: nobody knows
///   which is right. Identical rows are one, as ever.
/// * So does every row of an id among whose several rows one has no version, or one of another kind.
/// * Links and successions go through as they are.
/// * A table whose rows do not have the column is an error, not a table without versions.
///
/// The rows are read twice, once for the versions; memory is O(ids). Rows that are added in between go through.
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

/// A table that was to be read by its versions has none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("rows have no column `{column}` to tell their versions by")]
pub struct NoVersionColumn {
    column: Arc<str>,
}

impl NoVersionColumn {
    /// The column that is not there.
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
            let versions = batch.cells(column);
            has_column &= versions.is_some() || batch.rows() == 0;
            for row in 0..batch.rows() {
                // A row without an id is a fault of its own.
                let Some(id) = text(batch.cells("id"), row) else { continue };
                let version = version(versions, row);
                match greatest.get_mut(&*id) {
                    Some(known) => known.meet(version),
                    None => drop(greatest.insert(Box::from(&*id), Versions::Of(version))),
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
            let versions = batch.cells(column);
            let goes_through =
                |row: usize| match text(batch.cells("id"), row).and_then(|id| greatest.get(&*id)) {
                    Some(Versions::Of(Some(latest))) => {
                        let own = version(versions, row);
                        own.and_then(|own| own.compared(latest)).is_none_or(Ordering::is_ge)
                    }
                    Some(Versions::Of(None) | Versions::Unclear) | None => true,
                };
            let kept: Vec<bool> = (0..batch.rows()).map(goes_through).collect();
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

/// What is known of the versions of one id.
#[derive(Debug)]
enum Versions {
    /// The greatest, or none where its only row has none.
    Of(Option<Version>),
    /// Several rows that cannot be compared.
    Unclear,
}

impl Versions {
    fn meet(&mut self, version: Option<Version>) {
        let Self::Of(Some(greatest)) = self else {
            *self = Self::Unclear;
            return;
        };
        match version.as_ref().and_then(|version| version.compared(greatest)) {
            None => *self = Self::Unclear,
            Some(Ordering::Greater) => *self = Self::Of(version),
            Some(Ordering::Less | Ordering::Equal) => {}
        }
    }
}

/// A version; only those of one kind are compared.
#[derive(Debug, Clone, PartialEq)]
enum Version {
    Number(Decimal),
    Double(f64),
    Day(Date),
    Instant(Timestamp),
    /// A time without an offset, as if it were of UTC.
    Local(Timestamp),
}

impl Version {
    fn compared(&self, other: &Self) -> Option<Ordering> {
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
