//! How are the contestants of one question timed?
//!
//! First each answers once, untimed, and is compared with what is expected. Then they take turns, round
//! after round, so that what slows the machine down for a while slows all of them down; the median of each
//! counts. Freeing a result is not timed.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::answer::compare;

/// Turns a result, as its tool holds it, into one value an account.
pub type Reader<'d, A> = Box<dyn FnOnce() -> Outcome<Vec<A>> + 'd>;

/// One way to answer a question.
pub struct Contestant<'d, A> {
    pub tool: &'static str,
    pub way: &'static str,
    pub threads: usize,
    /// Answers the question; what it gives is read only to be compared.
    pub run: Box<dyn FnMut() -> Outcome<Reader<'d, A>> + 'd>,
}

/// A question, what is expected, and everybody who answers it. The first contestant is the yardstick.
pub struct Contest<'d, A> {
    pub question: &'static str,
    pub expected: Vec<A>,
    pub contestants: Vec<Contestant<'d, A>>,
}

/// What one contestant took.
pub struct Timed {
    pub question: &'static str,
    pub tool: &'static str,
    pub way: &'static str,
    pub threads: usize,
    pub accounts: usize,
    pub median: Duration,
    /// Against the yardstick.
    pub ratio: f64,
}

impl<A: PartialEq + Debug> Contest<'_, A> {
    pub fn hold(mut self, rounds: usize, id: impl Fn(usize) -> String) -> Outcome<Vec<Timed>> {
        for contestant in &mut self.contestants {
            let who = format!("{}, {}: {}", self.question, contestant.tool, contestant.way);
            compare(&who, &self.expected, &(contestant.run)()?()?, &id)?;
        }
        let mut times: Vec<Vec<Duration>> = vec![Vec::new(); self.contestants.len()];
        for _ in 0..rounds {
            for (contestant, times) in self.contestants.iter_mut().zip(&mut times) {
                let start = Instant::now();
                let made = black_box((contestant.run)()?);
                times.push(start.elapsed());
                drop(made);
            }
        }
        let medians: Vec<Duration> = times.into_iter().map(median).collect();
        let yardstick = medians.first().map_or(f64::NAN, Duration::as_secs_f64);
        let results = self.contestants.iter().zip(medians).map(|(contestant, median)| Timed {
            question: self.question,
            tool: contestant.tool,
            way: contestant.way,
            threads: contestant.threads,
            accounts: self.expected.len(),
            median,
            ratio: median.as_secs_f64() / yardstick,
        });
        Ok(results.collect())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
