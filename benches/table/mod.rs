//! How are questions timed, and how do the lines of a bench look?

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Is each question only asked once, and of books of which sizes?
pub fn asked() -> (bool, Vec<usize>) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    let chosen: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = match (test, chosen.is_empty()) {
        (true, _) => vec![1_000],
        (false, true) => vec![1_000, 100_000, 1_000_000],
        (false, false) => chosen,
    };
    (test, sizes)
}

/// What stands above the lines.
pub fn heads(out: &mut impl Write) -> Outcome<()> {
    Ok(writeln!(out, "{:<56} {:>10} {:>12} {:>12}", "question", "accounts", "median", "ns/account")?)
}

/// Where lines are written, and of how many rounds each is the median.
pub struct Table<'o, W: Write> {
    pub out: &'o mut W,
    pub rounds: usize,
}

impl<W: Write> Table<'_, W> {
    /// Times a job; what it makes is dropped untimed. The first round is not counted.
    pub fn measure<T>(
        &mut self,
        question: &str,
        accounts: usize,
        mut job: impl FnMut() -> Outcome<T>,
    ) -> Outcome<()> {
        drop(black_box(job()?));
        let mut times = Vec::with_capacity(self.rounds);
        for _ in 0..self.rounds {
            let start = Instant::now();
            let made = black_box(job()?);
            times.push(start.elapsed());
            drop(made);
        }
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        self.row(question, accounts, median)
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn row(&mut self, question: &str, accounts: usize, median: Duration) -> Outcome<()> {
        let each = median.as_secs_f64() * 1e9 / accounts as f64;
        writeln!(self.out, "{question:<56} {accounts:>10} {:>12} {each:>12.2}", format!("{median:.1?}"))?;
        Ok(())
    }
}
