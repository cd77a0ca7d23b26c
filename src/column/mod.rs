//! How are the values of many accounts stored?
//!
//! A [`Block`] is one column of one chunk: typed values side by side, with a bitmap of which are
//! present. Blocks are immutable; a change makes a new one. Nothing here knows accounts or trees.

mod bitmap;
mod block;
mod fixed;
mod list;
mod raw;
mod shelf;
mod staging;
mod text;

pub(crate) use bitmap::{Bitmap, Bits};
pub(crate) use block::{Block, Storage};
pub(crate) use fixed::Fixed;
pub(crate) use list::ListBlock;
pub(crate) use raw::{Raw, raw_of, value_of};
pub(crate) use shelf::Shelf;
pub(crate) use staging::Staging;
pub(crate) use text::{Strings, TextBlock};
