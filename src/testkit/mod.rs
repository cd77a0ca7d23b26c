//! What do tests and benchmarks of hosts need?
//!
//! A seeded generator of books of any size ([`ReferenceBook`], [`PlainBook`]), and the slow, obvious
//! model of a book ([`Oracle`]) that every fast answer is compared with, roll-ups too
//! ([`OracleRollUp`]). Public API only: a host could have written all of it.

mod generate;
mod oracle;
mod oracle_fold;
mod plain;
mod random;

pub use generate::ReferenceBook;
pub use oracle::{Oracle, OracleAccount};
pub use oracle_fold::{OracleOperator, OracleRollUp};
pub use plain::PlainBook;
pub use random::Random;
