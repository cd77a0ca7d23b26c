//! Which value is the k-th below each account?
//!
//! A wavelet matrix over the ranks of all values in pre-order (Claude, Navarro and Ordóñez, 2015): what stands below an
//! account is a range, and the k-th smallest of any range takes one step for each bit of a rank. So every account is answered
//! exactly, without a sorted copy of what is below it.

use super::forest::Forest;
use crate::fold::Reach;

/// Ranks in order, ready to be asked.
struct Wavelet {
    /// From the highest bit down: how many zeros stand before each place.
    zeros: Vec<Vec<u32>>,
}

impl Wavelet {
    fn new(mut ranks: Vec<u32>) -> Self {
        let most = ranks.iter().copied().max().unwrap_or(0);
        let bits = 32 - most.leading_zeros();
        let mut zeros = Vec::with_capacity(bits as usize);
        for bit in (0..bits).rev() {
            let mut before = Vec::with_capacity(ranks.len() + 1);
            let mut count = 0_u32;
            before.push(0);
            for rank in &ranks {
                count += u32::from(rank >> bit & 1 == 0);
                before.push(count);
            }
            // Zeros first, in their order, then the ones.
            let (low, high): (Vec<u32>, Vec<u32>) = ranks.iter().partition(|rank| **rank >> bit & 1 == 0);
            ranks = low;
            ranks.extend(high);
            zeros.push(before);
        }
        Self { zeros }
    }

    /// The k-th smallest rank of the places from `from` to before `to`, k from 1.
    fn kth(&self, from: u32, to: u32, k: u64) -> Option<u32> {
        let (mut from, mut to, mut k) = (from, to, k);
        if k == 0 || k > u64::from(to.saturating_sub(from)) {
            return None;
        }
        let mut rank = 0;
        for before in &self.zeros {
            let zeros = |place: u32| before.get(place as usize).copied();
            let all = before.last().copied()?;
            let (low, high) = (zeros(from)?, zeros(to)?);
            let count = u64::from(high - low);
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

/// For every row the rank of the value that `place` asks for, given how many values there are within its reach. `values` are
/// rows with the rank of a value, each as often as it comes.
pub(super) fn ranks(
    forest: &Forest,
    reach: Reach,
    values: &[(u32, u32)],
    place: impl Fn(u64) -> u64,
) -> Vec<Option<u32>> {
    let rows = forest.rows();
    let cut;
    let forest = if reach == Reach::PreferSelf {
        let mut owns = vec![false; rows];
        for (row, _) in values {
            if let Some(owns) = owns.get_mut(*row as usize) {
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
    let mut placed: Vec<(u32, u32)> =
        values.iter().map(|(row, rank)| (start(*row as usize), *rank)).collect();
    placed.sort_unstable();
    // How many values stand before each place of the pre-order.
    let mut before = vec![0_u32; rows + 1];
    for (place, _) in &placed {
        if let Some(count) = before.get_mut(*place as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for count in &mut before {
        sum += *count;
        *count = sum;
    }
    let wavelet = Wavelet::new(placed.into_iter().map(|(_, rank)| rank).collect());
    let at = |place: u32| before.get(place as usize).copied().unwrap_or(sum);
    let answer = |row: usize| {
        let (from, to) = match reach {
            Reach::SelfOnly => (at(start(row)), at(start(row) + 1)),
            Reach::Descendants => (at(start(row) + 1), at(end(row))),
            Reach::SelfAndDescendants | Reach::PreferSelf => (at(start(row)), at(end(row))),
        };
        wavelet.kth(from, to, place(u64::from(to.saturating_sub(from))))
    };
    (0..rows).map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kth_of_any_range_is_that_of_a_sorted_copy() {
        let ranks: Vec<u32> = (0..200_u32).map(|at| (at * 7_919) % 31).collect();
        let wavelet = Wavelet::new(ranks.clone());
        for from in (0..200_u32).step_by(7) {
            for to in (from..=200).step_by(11) {
                let mut sorted = ranks[from as usize..to as usize].to_vec();
                sorted.sort_unstable();
                for k in 0..=sorted.len() + 1 {
                    let expected = k.checked_sub(1).and_then(|at| sorted.get(at)).copied();
                    assert_eq!(wavelet.kth(from, to, k as u64), expected, "{from} {to} {k}");
                }
            }
        }
        assert_eq!(Wavelet::new(vec![0, 0]).kth(0, 2, 2), Some(0));
    }
}
