//! In which order do the accounts of a forest stand?
//!
//! Pre-order, siblings by host id: a pure function of who is under whom, so that no order of arrival
//! and no packing shows (rulings S46 to S48 of `docs/semantics`). Iterative, O(n) plus the sorting of
//! siblings.

use super::NONE;

/// A forest in pre-order. Positions count from 0.
#[derive(Debug, Default)]
pub(crate) struct Arranged {
    /// The item at each position.
    pub(crate) items: Vec<u32>,
    /// The position of each position's parent, or `NONE`.
    pub(crate) parent: Vec<u32>,
    /// One past the last position of each position's subtree.
    pub(crate) end: Vec<u32>,
}

/// Arranges items `0..parents.len()`, each under the item that `parents` names or a root (`NONE`).
///
/// `parents` has no cycle; items of a cycle would be left out. `before` says which of two siblings
/// comes first, as `slice::sort_by` wants it.
#[expect(clippy::indexing_slicing, reason = "items and parents are below `n` by contract of the caller")]
#[expect(clippy::cast_possible_truncation, reason = "a book has fewer than 2^30 accounts")]
pub(crate) fn arrange(parents: &[u32], order: impl Fn(u32, u32) -> std::cmp::Ordering) -> Arranged {
    let n = parents.len();
    // Children side by side: those of item `i` at `starts[i]..starts[i + 1]`, the roots last.
    let home = |parent: u32| if parent == NONE { n } else { parent as usize };
    let mut starts = vec![0_u32; n + 2];
    for parent in parents {
        starts[home(*parent) + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let mut next = starts.clone();
    let mut children = vec![0_u32; n];
    for (item, parent) in parents.iter().enumerate() {
        let place = &mut next[home(*parent)];
        children[*place as usize] = item as u32;
        *place += 1;
    }
    drop(next);
    for group in starts.windows(2).filter(|pair| pair[1] - pair[0] > 1) {
        children[group[0] as usize..group[1] as usize].sort_unstable_by(|a, b| order(*a, *b));
    }
    let of = |item: usize| &children[starts[item] as usize..starts[item + 1] as usize];

    let mut arranged =
        Arranged { items: Vec::with_capacity(n), parent: Vec::with_capacity(n), end: Vec::with_capacity(n) };
    // Items still to be placed, with the position of their parent; the next one last.
    let mut stack: Vec<(u32, u32)> = of(n).iter().rev().map(|root| (*root, NONE)).collect();
    while let Some((item, parent)) = stack.pop() {
        let position = arranged.items.len() as u32;
        arranged.items.push(item);
        arranged.parent.push(parent);
        arranged.end.push(position + 1);
        stack.extend(of(item as usize).iter().rev().map(|child| (*child, position)));
    }
    for position in (0..arranged.items.len()).rev() {
        let parent = arranged.parent[position];
        if parent != NONE {
            arranged.end[parent as usize] = arranged.end[parent as usize].max(arranged.end[position]);
        }
    }
    arranged
}
