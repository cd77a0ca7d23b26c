//! What if a source misbehaves?
//!
//! A [`FaultySource`] stands before a source that is in order and spoils what comes through. Some faults
//! are allowed to every source, and nobody may mind them; the others break a promise, and a host sees what
//! its service makes of that.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use thiserror::Error;

use super::Random;
use crate::source::{Batch, Cells, Emit, ScanRequest, Source, SourceError, TableName, UnreadColumn};

/// A source with a fault.
///
/// ```
/// use perennial::source::MemorySource;
/// use perennial::testkit::FaultySource;
/// use perennial::{AccountId, AccountRow, Book, LoadError, Nesting, Policy, Schema};
///
/// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
/// let rows = MemorySource::new().account(AccountRow::new(AccountId::new("acme")?, "Company"));
///
/// let cut = FaultySource::fails_after_batches(rows, 0);
/// let error = Book::load(schema, &cut, &Policy::strict()).unwrap_err();
/// assert!(matches!(error, LoadError::Source(_)));
/// assert_eq!(error.to_string(), "source failed in `scan` of table `accounts`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FaultySource<S> {
    inner: S,
    fault: Fault,
    scans: AtomicUsize,
}

/// The cause of an error that a [`FaultySource`] gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("failure on purpose, after {batches} batches of scan {scan}")]
pub struct InjectedFailure {
    /// The number of the scan, from 1.
    pub scan: usize,
    /// Batches that were emitted before.
    pub batches: usize,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Superset,
    Shuffled { seed: u64 },
    Split { rows: usize },
    FailsOnScan { number: usize },
    FailsAfterBatches { batches: usize },
    RepeatsBatches,
    IgnoresBreak,
}

// What every source is allowed.
impl<S: Source> FaultySource<S> {
    /// Answers with more than was asked for: columns that nobody knows, and columns of other tables.
    pub const fn superset(inner: S) -> Self {
        Self::new(inner, Fault::Superset)
    }

    /// Emits batches, and the rows in each, in a random order that depends on the seed and the table. Holds
    /// a table in memory while it is scanned.
    pub const fn shuffled(inner: S, seed: u64) -> Self {
        Self::new(inner, Fault::Shuffled { seed })
    }

    /// Emits batches of at most so many rows (at least one).
    pub const fn split(inner: S, rows: usize) -> Self {
        Self::new(inner, Fault::Split { rows: if rows == 0 { 1 } else { rows } })
    }
}

// What breaks a promise.
impl<S: Source> FaultySource<S> {
    /// Fails in one scan, before any batch, and works in all others: the `number`-th from 1, whatever its
    /// table. A load scans the accounts, then the links, then the child tables, so far as they are
    /// provided.
    pub const fn fails_on_scan(inner: S, number: usize) -> Self {
        Self::new(inner, Fault::FailsOnScan { number })
    }

    /// Fails in every scan, after so many batches, or at the end of a table that has no more.
    pub const fn fails_after_batches(inner: S, batches: usize) -> Self {
        Self::new(inner, Fault::FailsAfterBatches { batches })
    }

    /// Emits every batch twice: a page that was asked for again.
    pub const fn repeats_batches(inner: S) -> Self {
        Self::new(inner, Fault::RepeatsBatches)
    }

    /// Goes on emitting, row by row, after `Break`.
    pub const fn ignores_break(inner: S) -> Self {
        Self::new(inner, Fault::IgnoresBreak)
    }
}

impl<S> FaultySource<S> {
    const fn new(inner: S, fault: Fault) -> Self {
        Self { inner, fault, scans: AtomicUsize::new(0) }
    }

    /// The source behind the fault.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// How many scans were begun.
    pub fn scans(&self) -> usize {
        self.scans.load(Ordering::Relaxed)
    }
}

impl<S: Source> Source for FaultySource<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let scan = self.scans.fetch_add(1, Ordering::Relaxed) + 1;
        let failure = |batches| {
            Err(SourceError::new(request.table().clone(), "scan", InjectedFailure { scan, batches }))
        };
        match self.fault {
            Fault::Superset => self.inner.scan(request, &mut |batch| emit(with_more(batch, request))),
            Fault::Shuffled { seed } => {
                let mut batches = Vec::new();
                self.inner.scan(request, &mut |batch| {
                    batches.push(batch);
                    ControlFlow::Continue(())
                })?;
                let mut random = Random::new(seed);
                random.shuffle(&mut batches);
                for batch in batches {
                    let mut rows: Vec<usize> = (0..batch.rows()).collect();
                    random.shuffle(&mut rows);
                    if emit(selected(&batch, &rows)).is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Fault::Split { rows } => {
                self.inner.scan(request, &mut |batch| parts(&batch, rows).try_for_each(&mut *emit))
            }
            Fault::FailsOnScan { number } if number == scan => failure(0),
            Fault::FailsOnScan { .. } => self.inner.scan(request, emit),
            Fault::FailsAfterBatches { batches: end } => {
                let mut batches = 0;
                let mut wanted = true;
                self.inner.scan(request, &mut |batch| {
                    if batches == end {
                        return ControlFlow::Break(());
                    }
                    batches += 1;
                    let flow = emit(batch);
                    wanted = flow.is_continue();
                    flow
                })?;
                if wanted { failure(batches) } else { Ok(()) }
            }
            Fault::RepeatsBatches => self.inner.scan(request, &mut |batch| {
                emit(batch.clone())?;
                emit(batch)
            }),
            Fault::IgnoresBreak => self.inner.scan(request, &mut |batch| {
                for part in parts(&batch, 1) {
                    let _ = emit(part);
                }
                ControlFlow::Continue(())
            }),
        }
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        self.inner.unread(table)
    }

    fn provides(&self, table: &TableName) -> bool {
        self.inner.provides(table)
    }
}

// Names that no schema can have given to a column of the table, since they are reserved there.
fn with_more(batch: Batch, request: &ScanRequest) -> Batch {
    let rows = batch.rows();
    let taken = |name: &str| request.wants(name) || batch.cells(name).is_some();
    let others: &[&str] = match request.table() {
        TableName::Accounts => &["rank", "account"],
        TableName::Links | TableName::Successions => &["account_type", "product", "account"],
        TableName::Child(_) => &["parent", "account_type", "product", "rank"],
    };
    let more: Vec<&str> =
        others.iter().chain(&["nobody asked for this"]).copied().filter(|name| !taken(name)).collect();
    more.into_iter()
        .fold(batch, |batch, name| batch.column(name, Cells::text((0..rows).map(|_| Some("more")))))
}

// A batch cut into batches of at most so many rows; one without rows stays as it is.
fn parts(batch: &Batch, rows: usize) -> impl Iterator<Item = Batch> {
    let starts = (0..batch.rows().max(1)).step_by(rows);
    starts.map(move |start| {
        let rows: Vec<usize> = (start..batch.rows().min(start.saturating_add(rows))).collect();
        selected(batch, &rows)
    })
}

// Some rows of a batch, in the order given, with their origin.
fn selected(batch: &Batch, rows: &[usize]) -> Batch {
    let start = Batch::new(batch.table().clone());
    let taken = batch.columns().fold(start, |taken, (name, cells)| taken.column(name, select(cells, rows)));
    match batch.origin() {
        Some(origin) => {
            let lines = rows.iter().map_while(|row| batch.line(*row)).collect();
            taken.with_origin(origin, lines)
        }
        None => taken,
    }
}

fn select(cells: &Cells, rows: &[usize]) -> Cells {
    fn taken<T: Clone>(cells: &[T], rows: &[usize]) -> Vec<T> {
        rows.iter().filter_map(|row| cells.get(*row)).cloned().collect()
    }
    match cells {
        Cells::Bool(cells) => Cells::Bool(taken(cells, rows)),
        Cells::Int(cells) => Cells::Int(taken(cells, rows)),
        Cells::Decimal { scale, units } => Cells::Decimal { scale: *scale, units: taken(units, rows) },
        Cells::Money { currency, minor } => Cells::Money { currency: *currency, minor: taken(minor, rows) },
        Cells::Double(cells) => Cells::Double(taken(cells, rows)),
        Cells::Date(cells) => Cells::Date(taken(cells, rows)),
        Cells::Timestamp(cells) => Cells::Timestamp(taken(cells, rows)),
        Cells::Text(cells) => Cells::text(rows.iter().map(|row| cells.get(*row))),
        Cells::Any(cells) => Cells::Any(taken(cells, rows)),
    }
}
