//! How is a JSON document read, with every fault and its place?
//!
//! A text becomes a value once ([`JsonDocument`]): fields that are there twice are noted, which a map would lose. An object
//! is then read field by field ([`Fields`]). A reader asks for what it knows and gets `None` for what is wrong, which is noted at
//! its [`Place`], so that it goes on with the next field and finds all faults in one pass.
//!
//! What has no reader of its own is read through serde, whose errors get places and our words ([`read`]).
//!
//! Every list of faults whose faults can be made of a [`JsonFault`] can be read into.

mod document;
mod fault;
mod fields;
pub(crate) mod pairs;
mod place;
mod plain;
mod tree;
mod typed;

pub(crate) use document::JsonDocument;
pub use fault::{JsonFault, JsonFaultKind};
pub(crate) use fields::{Fields, found, wrong_type};
pub(crate) use place::{At, Place};
pub use plain::Plain;
pub(crate) use plain::VALUE;
pub(super) use tree::Json;
pub(crate) use typed::read;
pub use typed::read_json;
