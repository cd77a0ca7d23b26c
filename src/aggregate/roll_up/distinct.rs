//! How many different values stand below each account?
//!
//! Not by sets that are merged up the tree, but by counting: each value counts 1 wherever it stands, and -1 where two
//! neighbours of its places, in pre-order, meet. What adds up below an account is then the number of different values there,
//! however often each comes. O(places × log places) for all accounts together.

use super::forest::Forest;
use crate::fold::Reach;

/// For every row how many different values there are within its reach. `places` are rows with the number of a value.
pub(super) fn distinct(forest: &Forest, reach: Reach, places: &[(u32, u32)]) -> Vec<u64> {
    let rows = forest.rows();
    if reach == Reach::PreferSelf {
        // A row with values of its own speaks for all below it, and what is below does not get past it.
        let mut owns = vec![false; rows];
        for (row, _) in places {
            if let Some(owns) = owns.get_mut(*row as usize) {
                *owns = true;
            }
        }
        let cut = forest.cut(|row| owns.get(row) == Some(&true));
        return below(&cut, Reach::SelfAndDescendants, places);
    }
    below(forest, reach, places)
}

fn below(forest: &Forest, reach: Reach, places: &[(u32, u32)]) -> Vec<u64> {
    let rows = forest.rows();
    let order = forest.pre_order();
    let paths = forest.paths();
    let start = |row: u32| order.start.get(row as usize).copied().unwrap_or(0);
    let end = |row: u32| order.end.get(row as usize).copied().unwrap_or(0);
    // The row at each place of the pre-order.
    let mut row_at = vec![0_u32; rows];
    for (row, place) in (0_u32..).zip(&order.start) {
        if let Some(at) = row_at.get_mut(*place as usize) {
            *at = row;
        }
    }
    // By value, then by place.
    let mut sorted: Vec<u64> =
        places.iter().map(|(row, value)| u64::from(*value) << 32 | u64::from(start(*row))).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut delta = vec![0_i64; rows];
    // Values of each row that stand nowhere below it, and all that stand at it.
    let mut only_own = vec![0_u64; rows];
    let mut own = vec![0_u64; rows];
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the place")]
    let at = |entry: u64| row_at.get(entry as u32 as usize).copied().unwrap_or(0);
    let mut sorted = sorted.into_iter().peekable();
    while let Some(here) = sorted.next() {
        let row = at(here);
        if let (Some(delta), Some(own)) = (delta.get_mut(row as usize), own.get_mut(row as usize)) {
            *delta += 1;
            *own += 1;
        }
        let next = sorted.peek().copied().filter(|next| next >> 32 == here >> 32);
        let goes_on = next.is_some_and(|next| next & u64::from(u32::MAX) < u64::from(end(row)));
        if let Some(only) = only_own.get_mut(row as usize).filter(|_| !goes_on) {
            *only += 1;
        }
        let meeting = next.and_then(|next| paths.meeting(row, at(next)));
        if let Some(delta) = meeting.and_then(|meeting| delta.get_mut(meeting as usize)) {
            *delta -= 1;
        }
    }
    match reach {
        Reach::SelfOnly => own,
        _ => {
            for row in (0..rows).rev() {
                let sum = delta.get(row).copied().unwrap_or(0);
                if let Some(up) = forest.parent(row).and_then(|parent| delta.get_mut(parent)) {
                    *up += sum;
                }
            }
            let without_own = reach == Reach::Descendants;
            let counts = delta.iter().zip(&only_own).map(|(count, only)| {
                let count = u64::try_from(*count).unwrap_or(0);
                if without_own { count.saturating_sub(*only) } else { count }
            });
            counts.collect()
        }
    }
}
