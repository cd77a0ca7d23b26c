//! Is the book ever wrong after a kill?
//!
//! A worker does what a service does: changes, edits past the host, synchronisations, snapshots. The parent
//! kills it (SIGKILL, no chance to tidy up): in turn at one of the moments between two steps that must hold
//! together, and after a random time. Then it restarts the host as a service would and checks that
//!
//! * the book equals a fresh load of the tables, row by row: accounts, values, child rows, what is held;
//! * nothing that the worker reported as done is lost, and nothing is there that was not begun;
//! * `SQLite` finds its file in order.
//!
//! Now and then it also damages the newest snapshot, as a disk would: the restart must say so, and come back
//! all the same.

mod edits;
mod kill;
mod seed;
mod workload;

use std::error::Error;
use std::path::Path;

pub use kill::run;

/// The word by which the parent starts a worker.
pub const WORK: &str = "torture-worker";

/// The word by which a test starts a worker that is not killed, and compares after each step.
pub const STEPS: &str = "torture-steps";

/// The account that carries the number of the last change.
const ANCHOR: &str = "anchor";
/// The account that carries the number of the last edit past the host.
const EDITED: &str = "edited";

/// Works until it is killed. Arguments: a seed, and perhaps a window with the number of the passage at which
/// to stand still.
pub fn work(database: &Path, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [seed] => workload::run(database, seed.parse()?, None),
        [seed, window, passage] => {
            workload::run(database, seed.parse()?, Some(((*window).to_owned(), passage.parse()?)))
        }
        _ => Err("a worker is started by `torture`".into()),
    }
}

/// Makes a database and works in it for some steps, comparing the book with a fresh load after each. In one
/// process, so that a step that goes wrong is named. Arguments: how many steps, and a seed.
pub fn steps(database: &Path, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let [steps, seed] = arguments else { return Err("expected a number of steps and a seed".into()) };
    let seed = seed.parse()?;
    kill::create(database, seed)?;
    workload::steps(database, seed, steps.parse()?)
}
