//! How fast was each kind of change?

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::numbers::count;

/// How long changes took, by their kind, in the order in which the kinds came first.
#[derive(Default)]
pub struct Timing {
    kinds: Vec<(&'static str, Vec<Duration>)>,
}

impl Timing {
    pub fn add(&mut self, kind: &'static str, took: Duration) {
        match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, all)) => all.push(took),
            None => self.kinds.push((kind, vec![took])),
        }
    }

    /// The median and the worst of each kind.
    pub fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let changes = self.kinds.iter().map(|(_, all)| all.len()).sum();
        writeln!(
            out,
            "\nHow long each of {} changes took, until all answers were current again",
            count(changes)
        )?;
        writeln!(out, "  {:<46} {:>7} {:>9} {:>9}", "", "changes", "median", "worst")?;
        for (kind, all) in &mut self.kinds {
            all.sort_unstable();
            let median = all.get(all.len() / 2).copied().unwrap_or_default();
            let worst = all.last().copied().unwrap_or_default();
            let (median, worst) = (shown(median), shown(worst));
            writeln!(out, "  {kind:<46} {:>7} {median:>9} {worst:>9}", count(all.len()))?;
        }
        Ok(())
    }
}

/// What an operation gives, and how long it took.
pub fn timed<T>(operation: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = operation();
    (done, start.elapsed())
}

/// In milliseconds: figures below each other are compared at a glance.
pub fn shown(took: Duration) -> String {
    format!("{:.2} ms", took.as_secs_f64() * 1_000.0)
}
