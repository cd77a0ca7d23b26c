//! Which version does a definition have?
//!
//! The host counts versions; documents leave the first one out.

/// The version of a definition that names none.
pub(crate) const FIRST: u64 = 1;

pub(crate) const fn first() -> u64 {
    FIRST
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "asked by serde")]
pub(crate) const fn is_first(version: &u64) -> bool {
    *version == FIRST
}
