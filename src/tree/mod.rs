//! Who is under whom?
//!
//! Declared parents go in; out comes, for every account, its place in the forest or the reason why it
//! has none ([`resolve`]). Accounts are numbered in pre-order ([`arrange`]) and cut into chunks and
//! limbs ([`pack`]), so that a subtree is a range and a change costs a path. Nothing recurses: a chain
//! of 100,000 levels is an ordinary tree.

mod account_tree;
pub(crate) mod arrange;
mod diagram;
mod fault;
mod index;
pub(crate) mod pack;
mod policy;
mod render;
pub(crate) mod resolve;
mod shape;

pub use account_tree::{AccountTree, Ancestors, Descendants};
pub use diagram::{DiagramLimits, TreeDiagram};
pub(crate) use fault::other_form_of;
pub use fault::{FaultKind, TreeFault};
#[cfg(feature = "snapshot")]
pub(crate) use index::tag_of;
pub(crate) use index::{TagIndex, hash_of, hash_of_bytes};
pub use policy::{Policy, PolicyError, Remedy};
pub use render::{TreeText, render_tree};
pub(crate) use shape::{NO_PRODUCT, Shape};

/// No row, no parent.
pub(crate) const NONE: u32 = u32::MAX;
