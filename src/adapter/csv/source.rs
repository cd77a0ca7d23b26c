//! How do files become batches?
//!
//! Each scan opens the files of its table again and reads them record by record, so memory is one batch,
//! whatever the size of the file. Look-up files are the exception: they were read when the source was
//! built.

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use indexmap::IndexSet;

use super::column_buffer::ColumnBuffer;
use super::error::{CsvError, CsvErrorKind};
use super::limits::BATCH_ROWS;
use super::mapping_error::CsvMappingErrors;
use super::plan::{ColumnPlan, OriginPlan, TablePlan};
use super::records::Records;
use super::resolve::resolve;
use super::table::CsvTable;
use crate::Schema;
use crate::source::{Batch, Emit, ScanRequest, Source, SourceError, TableName, UnreadColumn};

/// Tables read from CSV files through checked mappings.
///
/// ```
/// use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
/// use perennial::source::{SourceExt, TableName};
/// use perennial::{Attribute, AttributeType, Currency, Nesting, Schema, SystemAttribute};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .system(SystemAttribute::Name)
///     .attribute(Attribute::new("revenue", AttributeType::Money(Currency::USD)))
///     .build()?;
/// let file = "account,sector,revenue,subsidiary_of\n\
///             Acme,retail,1100.04,\n\
///             Bluth,housing,12.5,Acme\n";
/// let source = CsvSource::builder(&schema)
///     .table(
///         CsvTable::accounts(CsvInput::text("accounts.csv", file))
///             .column("id", "account")
///             .column("name", "account")
///             .column("parent", "subsidiary_of")
///             .column("account_type", Column::constant("Company"))
///             .column("revenue", Column::from("revenue").multiply_by_power_of_ten(6)),
///     )
///     .build()?;
///
/// // What the mapping leaves out, for the host to show.
/// assert_eq!(source.unmapped()[0].to_string(), "accounts.csv: `sector` is not read");
///
/// let batches = source.collect(&schema, TableName::Accounts)?;
/// assert_eq!(batches[0].rows(), 2);
/// assert_eq!(batches[0].line(1), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CsvSource {
    plans: Arc<[TablePlan]>,
    unmapped: Arc<[UnmappedColumns]>,
    by_name: Arc<[ColumnsByName]>,
}

/// A source in the making; see [`CsvSource::builder`].
#[derive(Debug, Clone)]
pub struct CsvSourceBuilder<'s> {
    schema: &'s Schema,
    tables: Vec<CsvTable>,
}

/// The columns of a file that nothing is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnmappedColumns {
    /// The table that the file fills.
    pub table: TableName,
    /// The name of the file.
    pub file: Arc<str>,
    /// The columns, in the order of the header. A column without a name is not listed.
    pub columns: Vec<Arc<str>>,
}

/// The columns of a table that are mapped by their own names, without an entry in the mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ColumnsByName {
    /// The table that the file fills.
    pub table: TableName,
    /// The name of the file.
    pub file: Arc<str>,
    /// The columns, in the order of the header.
    pub columns: Vec<Arc<str>>,
}

impl CsvSource {
    /// Starts a source for a schema.
    #[must_use]
    pub const fn builder(schema: &Schema) -> CsvSourceBuilder<'_> {
        CsvSourceBuilder { schema, tables: Vec::new() }
    }

    /// The files that have columns which nothing is read from, in the order of the tables.
    #[must_use]
    pub fn unmapped(&self) -> &[UnmappedColumns] {
        &self.unmapped
    }

    /// The columns that are mapped by their own names, without an entry in the mapping, for each file in the order of the
    /// tables. Show them: a header of an export may have the name of an attribute by chance. Files without such columns
    /// are left out.
    ///
    /// ```
    /// use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
    /// use perennial::{Nesting, Schema, SystemAttribute};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .system(SystemAttribute::Name)
    ///     .build()?;
    /// let table = CsvTable::accounts(CsvInput::text("accounts.csv", "id,name,Parent\nacme,Acme,\n"))
    ///     .column("parent", "Parent")
    ///     .column("account_type", Column::constant("Company"));
    /// let source = CsvSource::builder(&schema).table(table).build()?;
    /// assert_eq!(source.by_name()[0].to_string(), "accounts.csv: `id`, `name` are read by their names");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn by_name(&self) -> &[ColumnsByName] {
        &self.by_name
    }
}

impl CsvSourceBuilder<'_> {
    /// With one more file. Several files may fill the same table; their rows come one file after the
    /// other.
    #[must_use]
    pub fn table(mut self, table: CsvTable) -> Self {
        self.tables.push(table);
        self
    }

    /// Reads the headers and the look-up files and checks every mapping.
    ///
    /// # Errors
    ///
    /// [`CsvMappingErrors`] with every fault of every table.
    pub fn build(self) -> Result<CsvSource, CsvMappingErrors> {
        let mut faults = Vec::new();
        let plans: Arc<[TablePlan]> =
            self.tables.iter().filter_map(|table| resolve(self.schema, table, &mut faults)).collect();
        if !faults.is_empty() {
            return Err(CsvMappingErrors::new(faults));
        }
        let by_name = plans.iter().map(TablePlan::by_name).filter(|file| !file.columns.is_empty()).collect();
        let unmapped = plans.iter().map(unread).filter(|file| !file.columns.is_empty()).collect();
        Ok(CsvSource { plans, unmapped, by_name })
    }
}

fn unread(plan: &TablePlan) -> UnmappedColumns {
    let mut read = HashSet::new();
    for alternative in plan.columns.iter().flat_map(|column| &column.alternatives) {
        match &alternative.origin {
            OriginPlan::Field(at) => read.extend([*at]),
            OriginPlan::Joined { fields, .. } => read.extend(fields),
            OriginPlan::Constant(_) | OriginPlan::RowNumber { .. } => {}
        }
    }
    let header = plan.header.iter().enumerate();
    let left = header.filter(|(at, name)| !read.contains(at) && !name.is_empty());
    // A name that is repeated in the header is reported once.
    let columns: IndexSet<Arc<str>> = left.map(|(_, name)| Arc::clone(name)).collect();
    let columns = columns.into_iter().collect();
    UnmappedColumns { table: plan.table.clone(), file: plan.input.shared_name(), columns }
}

impl Source for CsvSource {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        for plan in self.plans.iter().filter(|plan| plan.table == *request.table()) {
            let flow = plan.scan(request, emit).map_err(|error| {
                SourceError::new(plan.table.clone(), &format!("read {}", plan.input.name()), error)
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        self.plans.iter().any(|plan| plan.table == *table)
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        let files = self.unmapped.iter().filter(|file| file.table == *table);
        let columns = files.flat_map(|file| file.columns.iter().map(move |column| (file, column)));
        columns.map(|(file, column)| UnreadColumn::new(table.clone(), column).of_file(&file.file)).collect()
    }
}

impl TablePlan {
    fn by_name(&self) -> ColumnsByName {
        let columns = self.by_name.clone();
        ColumnsByName { table: self.table.clone(), file: self.input.shared_name(), columns }
    }

    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<ControlFlow<()>, CsvError> {
        let mut records = Records::open(&self.input, &self.layout)?;
        if *records.header() != self.header {
            return Err(CsvError::new(self.input.shared_name(), CsvErrorKind::HeaderChanged));
        }
        // The id travels always: a batch without it is no table.
        let wanted = self.columns.iter().filter(|c| &*c.target == "id" || request.wants(&c.target));
        let mut columns: Vec<(&ColumnPlan, ColumnBuffer)> =
            wanted.map(|column| (&**column, ColumnBuffer::new(&column.kind))).collect();
        let mut lines = Vec::new();
        while let Some(row) = records.next()? {
            for (column, buffer) in &mut columns {
                column.read(row, buffer);
            }
            lines.push(row.place.line);
            if lines.len() == BATCH_ROWS && emit(self.batch(&mut columns, &mut lines)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if lines.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        Ok(emit(self.batch(&mut columns, &mut lines)))
    }

    fn batch(&self, columns: &mut [(&ColumnPlan, ColumnBuffer)], lines: &mut Vec<u64>) -> Batch {
        let batch = Batch::new(self.table.clone()).with_origin(self.input.name(), std::mem::take(lines));
        columns.iter_mut().fold(batch, |batch, (column, buffer)| batch.column(&column.target, buffer.take()))
    }
}

// Names, and the verb that goes with them.
fn named(columns: &[Arc<str>]) -> (String, &'static str) {
    let names: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    (names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

impl fmt::Display for UnmappedColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, verb) = named(&self.columns);
        write!(f, "{}: {names} {verb} not read", self.file)
    }
}

impl fmt::Display for ColumnsByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, verb) = named(&self.columns);
        let whose = if verb == "is" { "its name" } else { "their names" };
        write!(f, "{}: {names} {verb} read by {whose}", self.file)
    }
}
