//! Ready-made sources over formats that hosts already have, and a journal in a file; one feature each.

#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "journal-file")]
pub mod journal;
