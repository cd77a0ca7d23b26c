//! What does a host tell the kit about its source?
//!
//! The kit has rows and wants a source that holds them. A [`SourceHarness`] makes one; its
//! [`Capabilities`] say what the storage behind it cannot hold, so that a promise is skipped by a stated
//! setting and never in silence.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::seed::Seed;
use crate::source::{MemorySource, Source, TableName};
use crate::{Schema, ValueKind};

/// Why a harness could not make a source.
pub type HarnessError = Box<dyn Error + Send + Sync>;

/// How the kit gets sources to put to the test.
///
/// ```
/// use perennial::source::Source;
/// use perennial::testkit::conformance::{Capabilities, Capability, HarnessError, Seed, SourceHarness};
///
/// /// `MemorySource` holds rows, and rows know no null: a value is there or it is not.
/// struct Memory;
///
/// impl SourceHarness for Memory {
///     fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
///         Ok(Box::new(seed.memory_source().batch_rows(50)))
///     }
///
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::all().without(Capability::Null).without(Capability::Failures).page_rows(50)
///     }
/// }
///
/// for (promise, outcome) in perennial::testkit::conformance::source::all(&Memory) {
///     assert!(outcome.is_ok(), "{promise}: {outcome:?}");
/// }
/// ```
pub trait SourceHarness {
    /// A source over a storage that holds exactly the rows of `seed`: a new database, a file written for
    /// it. Every test asks for a source of its own; what an earlier one wrote must not be seen.
    ///
    /// # Errors
    ///
    /// Whatever kept the storage from taking the rows; the promise then counts as broken. A value that
    /// the storage can never hold belongs into [`capabilities`](Self::capabilities).
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError>;

    /// What the storage can hold and the harness can do: everything, unless it says otherwise.
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    /// The schema whose rows the kit makes: unless the harness has one of its own, [`super::schema`] of
    /// its capabilities, which has attributes of every kind.
    fn schema(&self) -> Arc<Schema> {
        super::schema(&self.capabilities())
    }

    /// A source over the rows of `seed` whose scan of `table` fails, early or late: a connection that was
    /// cut, a file that is broken. Not asked for without [`Capability::Failures`].
    ///
    /// # Errors
    ///
    /// As [`source`](Self::source).
    fn failing_source(&self, seed: &Seed, table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        let _ = (seed, table);
        Err("the harness provokes no failure, and does not say that it lacks `Capability::Failures`".into())
    }
}

/// Something that a storage can hold, or a harness can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// The kit can fill the storage. Without it (a source over fixed data, see [`FixedHarness`]) only
    /// those promises are tested that can be seen from the outside.
    Seeding,
    /// A value can be null, which is not the same as saying nothing about it. JSON and SQL have null;
    /// rows in memory have not.
    Null,
    /// A row can say nothing about a column that other rows fill. Documents can; a table cannot, for
    /// its cells are null then.
    AbsentCells,
    /// Empty text is not null. Not so in CSV, and in some databases.
    EmptyText,
    /// Values of this kind, in attributes and in columns of child tables.
    Kind(ValueKind),
    /// Amounts in the currency that another column of their row names. Needs text and child tables.
    MixedMoney,
    /// Further declared parents, in a table of their own.
    Links,
    /// Accounts that came after others, in a table of their own.
    Successions,
    /// Child tables.
    ChildTables,
    /// Rows at fault: an id that stands twice, a parent or account that does not exist, a child row
    /// without account. Storages with keys hold none.
    FaultyRows,
    /// Values at the limits of the model: days of the years 1 and 9999, decimals of 15 digits, ids of
    /// 480 bytes, texts of 64 KiB, lists of 4,096 texts.
    Extremes,
    /// The harness can make a source whose scan fails ([`SourceHarness::failing_source`]).
    Failures,
}

/// What a storage can hold and a harness can do. The default is everything.
///
/// ```
/// use perennial::ValueKind;
/// use perennial::testkit::conformance::{Capabilities, Capability};
///
/// let sql = Capabilities::all()
///     .without(Capability::AbsentCells)
///     .without(Capability::Kind(ValueKind::List))
///     .page_rows(500);
/// assert!(sql.holds(Capability::Null) && !sql.holds(Capability::AbsentCells));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    lacking: Vec<Capability>,
    page_rows: usize,
}

impl Capabilities {
    /// Everything, in batches of at most 1,000 rows.
    #[must_use]
    pub const fn all() -> Self {
        Self { lacking: Vec::new(), page_rows: 1_000 }
    }

    /// Without one capability: the promises that need it are skipped, and say so.
    #[must_use]
    pub fn without(mut self, capability: Capability) -> Self {
        if self.holds(capability) {
            self.lacking.push(capability);
        }
        self
    }

    /// With pages of this many rows (at least one) instead of 1,000: how many rows the source reads at
    /// once. The kit tests around it, since rows are lost and repeated where a page ends, and writes up to
    /// three pages and a row into every table.
    #[must_use]
    pub fn page_rows(mut self, rows: usize) -> Self {
        self.page_rows = rows.max(1);
        self
    }

    /// Whether a capability is there.
    #[must_use]
    pub fn holds(&self, capability: Capability) -> bool {
        !self.lacking.contains(&capability)
    }

    /// Rows of a page.
    #[must_use]
    pub const fn rows_of_a_page(&self) -> usize {
        self.page_rows
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seeding => "rows of the kit",
            Self::Null => "null",
            Self::AbsentCells => "cells that say nothing",
            Self::EmptyText => "empty text",
            Self::Kind(kind) => kind.word(),
            Self::MixedMoney => "mixed money",
            Self::Links => "links",
            Self::Successions => "successions",
            Self::ChildTables => "child tables",
            Self::FaultyRows => "rows at fault",
            Self::Extremes => "values at the limits",
            Self::Failures => "failures on purpose",
        })
    }
}

/// The harness of [`MemorySource`]: an example, and a way to test what wraps a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryHarness {
    batch_rows: usize,
}

impl MemoryHarness {
    /// Sources that emit batches of at most `batch_rows` rows (at least one).
    #[must_use]
    pub const fn new(batch_rows: usize) -> Self {
        Self { batch_rows }
    }

    /// A source over these rows.
    #[must_use]
    pub fn memory_source(&self, seed: &Seed) -> MemorySource {
        seed.memory_source().batch_rows(self.batch_rows)
    }
}

impl SourceHarness for MemoryHarness {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(self.memory_source(seed)))
    }

    fn capabilities(&self) -> Capabilities {
        let all = Capabilities::all().without(Capability::Null).without(Capability::Failures);
        all.page_rows(self.batch_rows)
    }
}

/// The harness of a source whose rows are what they are: an export, a system that nobody may write to.
///
/// What came in cannot be compared with what comes out; how the source answers can be.
///
/// ```
/// use perennial::testkit::{PlainBook, conformance::{FixedHarness, source}};
///
/// let chain = PlainBook::chain(100);
/// let harness = FixedHarness::new(chain.schema(), chain);
/// assert!(source::all(&harness).iter().all(|(_, outcome)| outcome.is_ok()));
/// ```
#[derive(Debug, Clone)]
pub struct FixedHarness<S> {
    schema: Arc<Schema>,
    source: S,
}

impl<S: Source> FixedHarness<S> {
    /// A source and the schema that it is read with.
    #[must_use]
    pub const fn new(schema: Arc<Schema>, source: S) -> Self {
        Self { schema, source }
    }
}

impl<S: Source> SourceHarness for FixedHarness<S> {
    fn source(&self, _seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(&self.source))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all().without(Capability::Seeding).without(Capability::Failures)
    }

    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }
}
