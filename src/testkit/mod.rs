//! What do tests and benchmarks of hosts need?

mod oracle_fold;
pub use oracle_fold::{OracleOperator, OracleRollUp};
