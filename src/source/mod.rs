//! Where do accounts come from?
//!
//! A host implements [`Source`] over its own storage, or pushes [`Batch`]es into a
//! [`BookBuilder`](crate::BookBuilder) itself, which is the way for async code. This module knows no
//! tree and no book: it only says how rows travel.

mod batch;
mod cells;
mod error;
mod ext;
mod memory;
mod request;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use batch::{Batch, BatchError};
pub use cells::{Cell, Cells, TextCells};
pub use error::SourceError;
pub use ext::{Both, SourceExt};
pub use memory::MemorySource;
pub use request::{ScanRequest, TableName};

/// What receives batches: answers `Break` when it wants no more.
pub type Emit<'e> = dyn FnMut(Batch) -> ControlFlow<()> + 'e;

/// A host's storage, read table by table in batches.
///
/// Synchronous, object-safe and push-based: the source calls `emit` for every batch and keeps nothing.
///
/// | table | columns |
/// |---|---|
/// | [`TableName::Accounts`] | `id`; `account_type` (may be left out when the schema has one type); `parent` (null for a root); `product`; one for each attribute |
/// | [`TableName::Links`] | further parents, optional: `id`, `parent`, `rank` (whole number from 0, lower wins; null is 0) |
/// | [`TableName::Successions`] | merged and split accounts, optional: `id` (the account that was), `successor`, `on` (date), `rank` (whole number from 0; null is 0), `part` (flag; null is no) |
/// | [`TableName::Child`] | `id`, `account`, one for each column |
///
/// A value travels in the kind its attribute declares; money as [`Cells::Money`] in **minor units**
/// (cents), decimals in units of their last digit. Durations, lists and mixed money go through
/// [`Cells::any`].
///
/// # What implementors must guarantee
///
/// * A scan emits every row of the table exactly once, in any order, in batches of any size.
/// * Only the columns of the request matter; more may be emitted and are ignored. A column that the
///   storage does not have is left out of the batch: absent is not null, and null is not empty text.
/// * When `emit` answers `Break`, the scan returns `Ok(())` soon, without emitting more.
/// * An error means that the scan is worthless as a whole: what was emitted before will be thrown away.
/// * Two scans without a change in between give the same rows.
///
/// # Example
///
/// ```
/// use std::ops::ControlFlow;
///
/// use perennial::source::{Batch, Cells, Emit, ScanRequest, Source, SourceError, TableName};
///
/// struct Crm(Vec<(String, Option<String>)>);
///
/// impl Source for Crm {
///     fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
///         if request.table() != &TableName::Accounts {
///             return Ok(());
///         }
///         for page in self.0.chunks(1_000) {
///             let batch = Batch::new(TableName::Accounts)
///                 .column("id", Cells::text(page.iter().map(|(id, _)| Some(id.as_str()))))
///                 .column("parent", Cells::text(page.iter().map(|(_, parent)| parent.as_deref())));
///             if emit(batch).is_break() {
///                 break;
///             }
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Source {
    /// Emits the rows of one table.
    ///
    /// # Errors
    ///
    /// [`SourceError`] with the host's own error as its cause.
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError>;

    /// Whether the storage has this table at all. A table that it does not have is not scanned.
    fn provides(&self, table: &TableName) -> bool {
        let _ = table;
        true
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        (**self).scan(request, emit)
    }

    fn provides(&self, table: &TableName) -> bool {
        (**self).provides(table)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        (**self).scan(request, emit)
    }

    fn provides(&self, table: &TableName) -> bool {
        (**self).provides(table)
    }
}

impl<S: Source + ?Sized> Source for Arc<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        (**self).scan(request, emit)
    }

    fn provides(&self, table: &TableName) -> bool {
        (**self).provides(table)
    }
}
