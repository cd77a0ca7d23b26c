//! Sources that hosts could have written, with their harnesses.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use perennial::adapter::csv::{CsvInput, CsvSource, CsvTable, EmptyCell};
use perennial::source::{Batch, Cell, Cells, Emit, ScanRequest, Source, SourceError, TableName};
use perennial::testkit::FaultySource;
use perennial::testkit::conformance::{
    Capabilities, Capability, FixedHarness, HarnessError, MemoryHarness, Seed, SourceHarness,
};
use perennial::{Value, ValueKind};

pub const PAGE: usize = 5;

/// Holds cells as they are: whatever a seed says, it can say again.
#[derive(Debug, Clone)]
pub struct Shelf(pub Vec<Batch>);

impl Shelf {
    pub fn of(seed: &Seed) -> Self {
        Self(seed.tables().cloned().collect())
    }
}

impl Source for Shelf {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let Some(table) = self.0.iter().find(|table| table.table() == request.table()) else { return Ok(()) };
        let rows: Vec<usize> = (0..table.rows()).collect();
        for page in rows.chunks(PAGE) {
            let wanted = table.columns().filter(|(name, _)| &***name == "id" || request.wants(name));
            let batch = wanted.fold(Batch::new(table.table().clone()), |batch, (name, cells)| {
                batch.column(name, Cells::any(page.iter().map(|row| cells.cell(*row))))
            });
            if emit(batch).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        self.0.iter().any(|own| own.table() == table)
    }
}

pub type Wrap = for<'s> fn(Box<dyn Source + 's>) -> Box<dyn Source + 's>;
/// A source that fails when the table is scanned.
pub type Fail = fn(Shelf, &TableName) -> Box<dyn Source>;

/// Shelves behind something else.
pub struct Wrapped {
    pub wrap: Wrap,
    pub fail: Fail,
}

impl Wrapped {
    pub fn new(wrap: Wrap) -> Self {
        Self { wrap, fail: |shelf, _| Box::new(FaultySource::fails_after_batches(shelf, 1)) }
    }
}

impl SourceHarness for Wrapped {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok((self.wrap)(Box::new(Shelf::of(seed))))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all().page_rows(PAGE)
    }

    fn failing_source(&self, seed: &Seed, table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok((self.wrap)((self.fail)(Shelf::of(seed), table)))
    }
}

/// One half of a storage: the accounts and links, or everything else.
pub struct Half<S>(pub bool, pub S);

impl<S: Source> Source for Half<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if self.provides(request.table()) { self.1.scan(request, emit) } else { Ok(()) }
    }

    fn provides(&self, table: &TableName) -> bool {
        matches!(table, TableName::Child(_)) != self.0 && self.1.provides(table)
    }
}

/// Files written for the rows, read again; each table in so many files.
pub struct CsvHarness {
    pub empty: EmptyCell,
    pub files: usize,
}

impl CsvHarness {
    fn files(&self, seed: &Seed, broken: Option<&TableName>) -> Result<CsvSource, HarnessError> {
        let mut builder = CsvSource::builder(seed.schema());
        for batch in seed.tables() {
            for file in 0..self.files {
                let rows = batch.rows() * file / self.files..batch.rows() * (file + 1) / self.files;
                let mut text = written(seed, batch, rows);
                if broken == Some(batch.table()) && file + 1 == self.files {
                    text.push_str("\"a quote that is never closed\n");
                }
                let input = CsvInput::text(&format!("{}-{file}.csv", batch.table()), text);
                let table = match batch.table() {
                    TableName::Accounts => CsvTable::accounts(input),
                    TableName::Links => CsvTable::links(input),
                    TableName::Successions => CsvTable::successions(input),
                    TableName::Child(name) => CsvTable::child(name, input),
                    other => return Err(format!("a new table, {other}").into()),
                };
                builder = builder.table(table.empty(self.empty));
            }
        }
        Ok(builder.build()?)
    }
}

impl SourceHarness for CsvHarness {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(self.files(seed, None)?))
    }

    fn capabilities(&self) -> Capabilities {
        let other = if self.empty == EmptyCell::Absent { Capability::Null } else { Capability::AbsentCells };
        Capabilities::all()
            .without(other)
            .without(Capability::EmptyText)
            .without(Capability::Kind(ValueKind::List))
            .page_rows(4_096)
    }

    fn failing_source(&self, seed: &Seed, table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(self.files(seed, Some(table))?))
    }
}

fn written(seed: &Seed, batch: &Batch, rows: Range<usize>) -> String {
    let columns: Vec<Arc<str>> = seed.columns(batch.table()).into_iter().map(|(name, _)| name).collect();
    let mut text = columns.join(",") + "\n";
    for row in rows {
        for (place, column) in columns.iter().enumerate() {
            let field = match batch.cells(column).map_or(Cell::Absent, |cells| cells.cell(row)) {
                Cell::Value(Value::Money(money)) => money.major().to_string(),
                Cell::Value(value) => value.to_string(),
                _ => String::new(),
            };
            let comma = if place == 0 { "" } else { "," };
            write!(text, "{comma}\"{}\"", field.replace('"', "\"\"")).unwrap();
        }
        text.push('\n');
    }
    text
}

pub fn fixed<S: Source>(schema: Arc<perennial::Schema>, source: S) -> FixedHarness<S> {
    FixedHarness::new(schema, source)
}

/// Sources in memory under a schema of the host, with attributes that are required or do not apply.
pub struct OwnSchema;

impl SourceHarness for OwnSchema {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(MemoryHarness::new(PAGE).memory_source(seed)))
    }

    fn capabilities(&self) -> Capabilities {
        MemoryHarness::new(PAGE)
            .capabilities()
            .without(Capability::Kind(ValueKind::Timestamp))
            .without(Capability::Kind(ValueKind::Duration))
    }

    fn schema(&self) -> Arc<perennial::Schema> {
        crate::common::schema()
    }
}

/// Whether a column names something.
pub fn is_name(column: &str) -> bool {
    matches!(column, "id" | "parent" | "account" | "account_type" | "product")
}
