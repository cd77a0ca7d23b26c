//! Where do accounts come from?
//!
//! A host implements [`Source`] over its own storage, or pushes [`Batch`]es into a
//! [`BookBuilder`](crate::BookBuilder) itself, which is the way for async code. This module knows no
//! tree and no book: it only says how rows travel.

mod batch;
mod cells;
mod error;
mod ext;
mod latest;
mod levels;
mod memory;
mod request;
mod unread;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use crate::model::strip_invisible;
pub use batch::{Batch, BatchError};
pub use cells::{Cell, Cells, TextCells};
pub use error::SourceError;
pub use ext::{Both, SourceExt};
pub use latest::{LatestRows, NoVersionColumn};
pub use levels::{Level, LevelColumns};
pub use memory::MemorySource;
pub use request::{ScanRequest, TableName};
pub use unread::UnreadColumn;

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
/// The names are those of the tests in `testkit::conformance::source` (feature `testkit`):
/// `testkit::source_conformance!` runs them in your own tests, over your own storage.
///
/// * A scan emits every row of the table exactly once, in any order, in batches of any size, and repairs
///   nothing: `every_row_comes_once`, `rows_at_the_edge_of_a_page_come_once`,
///   `rows_at_fault_come_as_they_stand`, `a_table_without_rows_is_empty`.
/// * Every batch is a table ([`Batch::check`]) and belongs to the table asked for: `batches_are_tables`,
///   `batches_are_of_the_table_asked_for`.
/// * What comes is what is stored. Names byte by byte: `ids_come_back_byte_for_byte`,
///   `accounts_keep_their_place`, `links_keep_their_ranks`, `successions_keep_their_days`,
///   `child_rows_keep_their_accounts`. Values to their last digit, of every kind that the storage holds: `truth_values_come_back`,
///   `whole_numbers_come_back`, `decimals_come_back`, `money_comes_back`, `mixed_money_comes_back`,
///   `doubles_come_back`, `texts_come_back`, `dates_come_back`, `timestamps_come_back`,
///   `durations_come_back`, `enumerations_come_back`, `bands_come_back`, `lists_come_back`. So that a load
///   from anywhere gives one book: `a_load_gives_the_book_of_these_rows`.
/// * Only the columns of the request matter; more may be emitted and are ignored:
///   `a_narrow_request_is_enough`, `the_ids_alone_are_enough`.
/// * A column that the storage does not have is left out of the batch: absent is not null, and null is not
///   empty text. (For a column that names something, such as `parent`, the three are one: no name.)
///   `a_column_that_is_not_stored_is_left_out`, `absent_stays_absent`, `null_stays_null`,
///   `empty_text_stays_a_text`.
/// * When `emit` answers `Break`, the scan returns `Ok(())` without emitting more, and the next scan is
///   whole: `a_break_ends_the_scan`, `a_break_in_mid_scan_ends_it`, `a_scan_after_a_break_is_whole`.
/// * What cannot be read is an error, never the end of the table; it names the table and what was being
///   done, and keeps its cause: `a_failure_is_an_error`, `an_error_names_its_table_and_call`,
///   `an_error_keeps_its_cause`. An error means that the scan is worthless as a whole: what was emitted
///   before will be thrown away.
/// * Two scans without a change in between give the same rows: `two_scans_give_the_same_rows`.
/// * `provides` affirms every table that has rows. A table that it affirms can be scanned, also one that
///   nobody knows, which has no rows; a table that it denies is not scanned, and has none either:
///   `a_table_with_rows_is_provided`, `what_is_provided_can_be_scanned`,
///   `a_table_that_is_not_provided_has_no_rows`.
///
/// Not asked of anybody: a scan while another one is running, and the same order twice.
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

    /// The columns of a table that the storage has and a scan never emits, for the report of a load. What a scan emits
    /// and the schema does not know is reported without this.
    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        let _ = table;
        Vec::new()
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        (**self).scan(request, emit)
    }

    fn provides(&self, table: &TableName) -> bool {
        (**self).provides(table)
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        (**self).unread(table)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        (**self).scan(request, emit)
    }

    fn provides(&self, table: &TableName) -> bool {
        (**self).provides(table)
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        (**self).unread(table)
    }
}

impl<S: Source + ?Sized> Source for Arc<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        (**self).scan(request, emit)
    }

    fn provides(&self, table: &TableName) -> bool {
        (**self).provides(table)
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        (**self).unread(table)
    }
}
