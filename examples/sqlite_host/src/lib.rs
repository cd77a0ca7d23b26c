//! Perennial over a `SQLite` database: what a host does around the engine.
//!
//! The database is the host's own and the truth: accounts, child tables and the schema are rows in it. The
//! engine's book is in memory, and both change in one step. [`Host`] is the handle; the modules below are
//! what it stands on, a question each, to be copied and changed.
//!
//! | question | where |
//! |---|---|
//! | Which table and column holds what? | [`Layout`] |
//! | How does the engine read the database? | [`SqliteSource`] |
//! | How does a change reach the tables and the book in one step? | [`Host::apply`] |
//! | What if somebody edits rows past us? | [`Host::sync`], [`Host::adopt`] |
//! | What if two change at once? | the `expected` version of [`Host::apply`], [`HostError::Conflict`] |
//! | How does the book come back after a crash? | [`Host::open`], [`Opening`] |
//! | Is it the right one? | [`Host::check`], [`Differences`] |

mod cell;
mod error;
mod hash;
mod host;
mod layout;
mod ledger;
mod reader;
mod restart;
mod same;
mod saved;
mod snapshot_file;
mod source;
mod store;
mod window;

pub use error::{EditsProblem, HostError};
pub use host::{Applied, Host, Options, Snapshot, Synced};
pub use layout::{Layout, MAX_COLUMNS};
pub use ledger::DATABASE_FORMAT;
pub use reader::BATCH_ROWS;
pub use restart::{Opening, Start};
pub use same::Differences;
pub use saved::{SNAPSHOT_FORMAT, SnapshotError};
pub use source::SqliteSource;
pub use window::Window;
