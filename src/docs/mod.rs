//! How is the crate built, what do its answers mean, how fast is it, and how do we write it?
//!
//! Text only: these modules hold no code.
//!
//! * [`start`]: which of the layers you need.
//! * [`architecture`]: the modules, and the way of data through them.
//! * [`semantics`]: the contract, ruling by ruling. The code cites it by number.
//! * [`expressions`]: the language in which rules are written.
//! * [`documents`]: every key and word of the documents in which schemas and definitions are written.
//! * [`imports`]: what becomes of queries of other tools.
//! * [`performance`]: how fast it is beside other tools, how that grows, and where the limits lie.
//! * [`style`]: our habits.

#[doc = include_str!("start.md")]
pub mod start {}

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("semantics.md")]
pub mod semantics {}

#[doc = include_str!("documents.md")]
pub mod documents {}

#[doc = include_str!("imports.md")]
pub mod imports {}

#[doc = include_str!("expressions.md")]
pub mod expressions {}

#[doc = include_str!("performance.md")]
pub mod performance {}

#[doc = include_str!("style.md")]
pub mod style {}
