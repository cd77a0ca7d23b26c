//! What changes, step by step, and what do the sums come to then?
//!
//! Every contestant goes through the same script, each from the book as it was loaded: first [`WARM`] steps untimed, then
//! one that is compared, then one for each round. Whoever loses something on the way differs in the comparison.

use perennial::testkit::Random;

use crate::Outcome;
use crate::data::{Data, METRICS, to_u32};

/// Steps before the first answer is compared.
pub const WARM: usize = 40;

/// How many metrics a batch changes.
pub const BATCH: usize = 1_000;

/// What the metrics of every subtree come to. A sum of nothing is 0 here.
pub type Sums = [i64; METRICS];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// A metric of an account gets another value, in units of its last digit.
    Metric { account: u32, metric: usize, value: i64 },
    /// An account and all below it move under another.
    Move { account: u32, parent: u32 },
}

/// What changes in each step: all of it at once.
#[derive(Debug, Clone)]
pub struct Script {
    pub steps: Vec<Vec<Edit>>,
}

impl Script {
    /// One metric of one account.
    pub fn metrics(data: &Data, rounds: usize) -> Outcome<Self> {
        Self::of(data, rounds, 1)
    }

    /// A metric of each of some accounts.
    pub fn batches(data: &Data, rounds: usize) -> Outcome<Self> {
        Self::of(data, rounds, BATCH.min(data.len() / 2))
    }

    fn of(data: &Data, rounds: usize, each: usize) -> Outcome<Self> {
        let mut random = Random::new(13);
        let mut step = || {
            let mut seen = std::collections::HashSet::new();
            let mut edits = Vec::with_capacity(each);
            while edits.len() < each {
                let account = to_u32(usize::try_from(random.below(data.len() as u64))?)?;
                let metric = usize::try_from(random.below(METRICS as u64))?;
                let value = i64::try_from(random.below(10_000))?;
                if seen.insert(account) {
                    edits.push(Edit::Metric { account, metric, value });
                }
            }
            Ok(edits)
        };
        Ok(Self { steps: (0..=WARM + rounds).map(|_| step()).collect::<Outcome<_>>()? })
    }

    /// An account that is no root and has others below it moves under a root of another tree, and back in the next step.
    /// (Products are leaves here: two of one product do not stand under one account.)
    pub fn moves(data: &Data, rounds: usize) -> Outcome<Self> {
        let mut random = Random::new(17);
        let mut pick =
            |from: &[u32]| -> Outcome<u32> { Ok(from[usize::try_from(random.below(from.len() as u64))?]) };
        let all: Vec<u32> = (0..to_u32(data.len())?).collect();
        let (roots, mut others): (Vec<u32>, Vec<u32>) =
            all.iter().partition(|account| data.parents[**account as usize].is_none());
        let above: std::collections::HashSet<u32> = data.parents.iter().flatten().copied().collect();
        others.retain(|account| above.contains(account));
        let mut steps = Vec::new();
        while steps.len() <= WARM + rounds {
            let (account, parent) = (pick(&others)?, pick(&roots)?);
            let from = data.parents[account as usize].ok_or("a root")?;
            if root(data, account) != parent {
                steps.push(vec![Edit::Move { account, parent }]);
                steps.push(vec![Edit::Move { account, parent: from }]);
            }
        }
        Ok(Self { steps })
    }

    /// The steps before the first answer that is compared, and that of the answer.
    pub fn compared(&self) -> &[Vec<Edit>] {
        &self.steps[..=WARM]
    }

    /// The sums after the compared steps, the slow and obvious way: each account told to all above it.
    pub fn expected(&self, data: &Data) -> Vec<Sums> {
        let (mut parents, mut metrics) = (data.parents.clone(), data.metrics.clone());
        for edit in self.compared().iter().flatten() {
            match *edit {
                Edit::Metric { account, metric, value } => metrics[metric][account as usize] = Some(value),
                Edit::Move { account, parent } => parents[account as usize] = Some(parent),
            }
        }
        let mut sums = vec![[0; METRICS]; data.len()];
        for number in 0..data.len() {
            let mut above = u32::try_from(number).ok();
            while let Some(account) = above {
                for (sum, values) in sums[account as usize].iter_mut().zip(&metrics) {
                    *sum += values[number].unwrap_or(0);
                }
                above = parents[account as usize];
            }
        }
        sums
    }
}

fn root(data: &Data, account: u32) -> u32 {
    let above = |up: &u32| data.parents[*up as usize];
    std::iter::successors(Some(account), above).last().unwrap_or(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_change_something_and_moves_come_back() -> Outcome<()> {
        let data = Data::new(1_000)?;
        let start = Script { steps: vec![Vec::new(); WARM + 1] }.expected(&data);
        assert_ne!(Script::metrics(&data, 3)?.expected(&data), start);
        assert_ne!(Script::batches(&data, 3)?.expected(&data), start);
        let mut moves = Script::moves(&data, 3)?;
        assert_ne!(
            moves.expected(&data),
            start,
            "an odd number of steps: the last has gone and not come back"
        );
        moves.steps[WARM].clear();
        assert_eq!(moves.expected(&data), start);
        Ok(())
    }
}
