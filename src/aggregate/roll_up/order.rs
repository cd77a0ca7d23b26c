//! Which value is the k-th below each account?
//!
//! A wavelet matrix over the ranks of all values in pre-order (Claude, Navarro and Ordóñez, 2015): what stands below an
//! account is a range, and the k-th smallest of any range takes one step for each bit of a rank. So every account is answered
//! exactly, without a sorted copy of what is below it.

use super::forest::Forest;
use crate::fold::Reach;

/// A value of a row: its rank, and how often it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) row: u32,
    pub(super) rank: u32,
    pub(super) times: u64,
}

/// One bit of all ranks.
struct Level {
    /// How many zeros stand before each place.
    zeros: Vec<u32>,
    /// How often the values of these zeros stand there; empty where each value stands there once.
    times: Vec<u64>,
}

impl Level {
    /// How many zeros stand before two places, and how often the values between them stand there.
    fn between(&self, from: u32, to: u32) -> Option<(u32, u32, u64)> {
        let zeros = |place: u32| self.zeros.get(place as usize).copied();
        let (low, high) = (zeros(from)?, zeros(to)?);
        let times = |place: u32| self.times.get(place as usize).copied();
        let count = match times(from).zip(times(to)) {
            Some((low, high)) => high.saturating_sub(low),
            None => u64::from(high.saturating_sub(low)),
        };
        Some((low, high, count))
    }
}

/// Ranks in order, ready to be asked.
struct Wavelet {
    /// From the highest bit down.
    levels: Vec<Level>,
}

impl Wavelet {
    /// Of ranks, each with how often it stands there.
    fn new(mut ranks: Vec<(u32, u64)>) -> Self {
        let most = ranks.iter().map(|(rank, _)| *rank).max().unwrap_or(0);
        let once = ranks.iter().all(|(_, times)| *times == 1);
        let bits = 32 - most.leading_zeros();
        let mut levels = Vec::with_capacity(bits as usize);
        for bit in (0..bits).rev() {
            let mut zeros = Vec::with_capacity(ranks.len() + 1);
            let mut times = Vec::with_capacity(if once { 0 } else { ranks.len() + 1 });
            let (mut count, mut sum) = (0_u32, 0_u64);
            zeros.push(0);
            if !once {
                times.push(0);
            }
            for (rank, own) in &ranks {
                if rank >> bit & 1 == 0 {
                    count += 1;
                    sum = sum.saturating_add(*own);
                }
                zeros.push(count);
                if !once {
                    times.push(sum);
                }
            }
            // Zeros first, in their order, then the ones.
            let (low, high): (Vec<_>, Vec<_>) = ranks.iter().partition(|(rank, _)| rank >> bit & 1 == 0);
            ranks = low;
            ranks.extend(high);
            levels.push(Level { zeros, times });
        }
        Self { levels }
    }

    /// The k-th smallest rank of the places from `from` to before `to`, which hold `count` values; k from 1.
    fn kth(&self, from: u32, to: u32, count: u64, k: u64) -> Option<u32> {
        let (mut from, mut to, mut k) = (from, to, k);
        if k == 0 || k > count {
            return None;
        }
        let mut rank = 0;
        for level in &self.levels {
            let all = level.zeros.last().copied()?;
            let (low, high, count) = level.between(from, to)?;
            rank <<= 1;
            if k <= count {
                (from, to) = (low, high);
            } else {
                k -= count;
                rank |= 1;
                (from, to) = (all + from - low, all + to - high);
            }
        }
        Some(rank)
    }
}

/// For every row the rank of the value that `place` asks for, given how many values there are within its reach.
pub(super) fn ranks(
    forest: &Forest,
    reach: Reach,
    values: &[Placed],
    place: impl Fn(u64) -> u64,
) -> Vec<Option<u32>> {
    let rows = forest.rows();
    let cut;
    let forest = if reach == Reach::PreferSelf {
        let mut owns = vec![false; rows];
        for value in values {
            if let Some(owns) = owns.get_mut(value.row as usize) {
                *owns = true;
            }
        }
        cut = forest.cut(|row| owns.get(row) == Some(&true));
        &cut
    } else {
        forest
    };
    let order = forest.pre_order();
    let start = |row: usize| order.start.get(row).copied().unwrap_or(0);
    let end = |row: usize| order.end.get(row).copied().unwrap_or(0);
    let mut placed: Vec<(u32, u32, u64)> =
        values.iter().map(|value| (start(value.row as usize), value.rank, value.times)).collect();
    placed.sort_unstable();
    // How many entries stand before each place of the pre-order, and for how many values.
    let mut before = vec![(0_u32, 0_u64); rows + 1];
    for (place, _, times) in &placed {
        if let Some((entries, values)) = before.get_mut(*place as usize + 1) {
            *entries += 1;
            *values = values.saturating_add(*times);
        }
    }
    let mut sum = (0_u32, 0_u64);
    for count in &mut before {
        sum = (sum.0 + count.0, sum.1.saturating_add(count.1));
        *count = sum;
    }
    let wavelet = Wavelet::new(placed.into_iter().map(|(_, rank, times)| (rank, times)).collect());
    let at = |place: u32| before.get(place as usize).copied().unwrap_or(sum);
    let answer = |row: usize| {
        let (from, to) = match reach {
            Reach::SelfOnly => (at(start(row)), at(start(row) + 1)),
            Reach::Descendants => (at(start(row) + 1), at(end(row))),
            Reach::SelfAndDescendants | Reach::PreferSelf => (at(start(row)), at(end(row))),
        };
        let count = to.1.saturating_sub(from.1);
        wavelet.kth(from.0, to.0, count, place(count))
    };
    (0..rows).map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kth_of_any_range_is_that_of_a_sorted_copy() {
        for most in [1, 5] {
            let ranks: Vec<(u32, u64)> =
                (0..120_u32).map(|at| ((at * 7_919) % 31, u64::from(at * 31 % most + 1))).collect();
            let wavelet = Wavelet::new(ranks.clone());
            for from in (0..120_u32).step_by(7) {
                for to in (from..=120).step_by(11) {
                    let own = &ranks[from as usize..to as usize];
                    let mut sorted: Vec<u32> = own
                        .iter()
                        .flat_map(|(rank, times)| vec![*rank; usize::try_from(*times).unwrap()])
                        .collect();
                    sorted.sort_unstable();
                    let count = sorted.len() as u64;
                    for k in 0..=sorted.len() + 1 {
                        let expected = k.checked_sub(1).and_then(|at| sorted.get(at)).copied();
                        assert_eq!(wavelet.kth(from, to, count, k as u64), expected, "{from} {to} {k}");
                    }
                }
            }
        }
        assert_eq!(Wavelet::new(vec![(0, 1), (0, 1)]).kth(0, 2, 2, 2), Some(0));
    }
}
