//! Did everybody answer the same?
//!
//! An answer is one value for each account, by number. Contestants are compared with the first of their
//! question before any time is printed, and the first account they disagree on is named. Sums and extremes
//! are whole numbers (units of the last digit, cents), so they must be the same to the last digit. A sum of
//! nothing is 0 here: what it should be is a ruling, and tools differ.

use std::fmt::Debug;

use crate::Outcome;
use crate::data::METRICS;

/// What the subtree of an account adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    pub sums: [i64; METRICS],
    pub count: i64,
    pub least: i64,
    pub most: i64,
}

impl Default for Total {
    fn default() -> Self {
        Self { sums: [0; METRICS], count: 0, least: i64::MAX, most: i64::MIN }
    }
}

impl Total {
    /// Adds the accounts of another subtree.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += more;
        }
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }
}

/// Checks an answer against the one expected; `id` names accounts.
pub fn compare<A: PartialEq + Debug>(
    who: &str,
    expected: &[A],
    found: &[A],
    id: impl Fn(usize) -> String,
) -> Outcome<()> {
    if expected.len() != found.len() {
        return Err(format!("{who}: {} accounts, not {}", found.len(), expected.len()).into());
    }
    match expected.iter().zip(found).position(|(expected, found)| expected != found) {
        None => Ok(()),
        Some(number) => {
            let (expected, found) = (&expected[number], &found[number]);
            Err(format!("{who}: account `{}`: {found:?}, not {expected:?}", id(number)).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_that_differs_is_named() {
        let id = |number| format!("a{number}");
        assert!(compare("SQLite", &[1, 2, 3], &[1, 2, 3], id).is_ok());
        let error = compare("SQLite", &[1, 2, 3], &[1, 5, 3], id).unwrap_err();
        assert_eq!(error.to_string(), "SQLite: account `a1`: 5, not 2");
        let error = compare("SQLite", &[1, 2, 3], &[1, 2], id).unwrap_err();
        assert_eq!(error.to_string(), "SQLite: 2 accounts, not 3");
    }
}
