//! Perennial: the engine of a customer-success platform, as a library.
pub mod adapter;
mod book;
mod column;
pub mod docs;
mod fold;
mod model;
mod set;
pub mod source;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tree;

pub use book::*;
pub use fold::*;
pub use model::*;
pub use set::{AccountSet, Scope, StaleSet};
pub use tree::*;
