//! Every limit on a file, by name.
//!
//! They stand between a broken file (one quote that is never closed) and exhausted memory. A file within
//! them may still hold values that the schema refuses; that is the load's affair.

/// Longest field, in bytes.
pub const MAX_FIELD_BYTES: usize = 1 << 20;
/// Longest record, in bytes, to within one read buffer.
pub const MAX_RECORD_BYTES: u64 = 8 << 20;
/// Most columns of a file.
pub const MAX_FILE_COLUMNS: usize = 16_384;
/// Most records that are searched for a header by its headings.
pub const MAX_RECORDS_BEFORE_HEADER: usize = 100;
/// Most footer rows.
pub const MAX_FOOTER_ROWS: usize = 1_000;
/// Most keys of a look-up file, which is held in memory.
pub const MAX_LOOKUP_KEYS: usize = 1 << 22;
/// Most characters of an unreadable cell that a report repeats.
pub const MAX_SHOWN_CHARS: usize = 60;

/// The bytes taken from a file at once.
pub(super) const BUFFER_BYTES: usize = 1 << 16;
/// The rows of one batch.
pub(super) const BATCH_ROWS: usize = 4_096;
