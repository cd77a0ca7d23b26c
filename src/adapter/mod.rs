//! Ready-made sources over formats that hosts already have, one feature each.

#[cfg(feature = "csv")]
pub mod csv;
