//! Perennial: the engine of a customer-success platform, as a library.
pub mod adapter;
mod column;
mod model;
mod set;
pub mod source;
mod tree;

pub use model::*;
pub use set::{AccountSet, Scope, StaleSet};
pub use tree::*;
