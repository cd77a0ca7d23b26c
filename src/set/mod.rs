//! Which accounts, as a set?
//!
//! A set is a bitmap for each chunk that it touches. It belongs to one [`Layout`] (the places of the
//! accounts of one book); a book whose accounts have moved has another layout, and mixing the two is
//! an error instead of a wrong answer (ruling S27 of `docs/semantics`).

mod account_set;
mod layout;
mod scope;

pub use account_set::{AccountSet, StaleSet};
pub(crate) use layout::Layout;
pub use scope::Scope;
