//! Perennial: the engine of a customer-success platform, as a library.
pub mod adapter;
mod model;
pub mod source;

pub use model::*;
