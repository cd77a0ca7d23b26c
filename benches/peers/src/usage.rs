//! What do people do, and how is it counted the slow and obvious way?

use std::collections::HashSet;

use perennial::testkit::Random;

use crate::Outcome;
use crate::data::{Data, to_u32};

/// Days back that rows lie in, and days that are asked.
pub const DAYS: i32 = 60;
pub const WINDOW: i32 = 30;

/// Rows of usage, two for each account: the account, the day counted back from today, the person, how often.
pub struct Uses {
    pub accounts: Vec<u32>,
    pub days_ago: Vec<i32>,
    pub people: Vec<u32>,
    pub counts: Vec<i64>,
}

impl Uses {
    pub fn new(data: &Data) -> Outcome<Self> {
        let mut random = Random::new(11);
        let len = data.len();
        let mut uses = Self {
            accounts: Vec::with_capacity(2 * len),
            days_ago: Vec::with_capacity(2 * len),
            people: Vec::with_capacity(2 * len),
            counts: Vec::with_capacity(2 * len),
        };
        let mut pick = |below: usize| usize::try_from(random.below(below as u64));
        for _ in 0..2 * len {
            uses.accounts.push(to_u32(pick(len)?)?);
            uses.days_ago.push(i32::try_from(pick(usize::try_from(DAYS)?)?)?);
            uses.people.push(to_u32(pick((len / 2).max(1))?)?);
            uses.counts.push(i64::try_from(pick(5)?)? + 1);
        }
        Ok(uses)
    }

    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Different people of the window in every subtree: a set for each account, told to all above it.
    pub fn people(&self, data: &Data) -> Vec<i64> {
        let mut sets: Vec<HashSet<u32>> = vec![HashSet::new(); data.len()];
        for row in (0..self.len()).filter(|row| self.days_ago[*row] < WINDOW) {
            let mut above = Some(self.accounts[row]);
            while let Some(account) = above {
                sets[account as usize].insert(self.people[row]);
                above = data.parents[account as usize];
            }
        }
        sets.into_iter().map(|set| i64::try_from(set.len()).unwrap_or(i64::MAX)).collect()
    }

    /// How often each account was used in the window.
    pub fn counts(&self, data: &Data) -> Vec<i64> {
        let mut counts = vec![0; data.len()];
        for row in (0..self.len()).filter(|row| self.days_ago[*row] < WINDOW) {
            counts[self.accounts[row] as usize] += self.counts[row];
        }
        counts
    }
}
