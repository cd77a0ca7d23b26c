//! How is a forest cut into chunks and limbs?
//!
//! Small trees are packed whole, side by side. Where a subtree outgrows a chunk, the children of its
//! top row are cut off in runs of consecutive siblings: each run is a limb, a chunk of its own that
//! hangs on that row. Every limb but the last few of a tree is at least half full, so a forest of `n`
//! rows has O(n / size) chunks, whatever its shape.

use super::{NONE, arrange::Arranged};

/// A forest in chunks.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    pub(crate) chunks: Vec<PackedChunk>,
    /// Chunks that hang on no row of this forest, in order.
    pub(crate) top: Vec<u32>,
}

/// The rows of one chunk.
#[derive(Debug, Default)]
pub(crate) struct PackedChunk {
    /// Items in pre-order.
    pub(crate) items: Vec<u32>,
    /// The row of each row's parent in this chunk, or `NONE`.
    pub(crate) parent: Vec<u32>,
    /// The chunk and row that this chunk hangs on.
    pub(crate) home: Option<(u32, u32)>,
    pub(crate) limbs: Vec<PackedLimb>,
}

/// A limb as it hangs on a row of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackedLimb {
    /// The row that it hangs on.
    pub(crate) anchor: u32,
    /// Its accounts come before this row in the order of the tree.
    pub(crate) before: u32,
    pub(crate) target: LimbTarget,
}

/// Which chunk a limb is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LimbTarget {
    /// One of this packing.
    New(u32),
    /// An older chunk that stays as it is, by its item.
    Kept(u32),
}

/// Cuts an arranged forest into chunks of at most `size` rows (at least one).
///
/// Items from `first_kept` on are not rows but limbs that stay as they are.
#[expect(clippy::indexing_slicing, reason = "positions are below the length of the arranged forest")]
#[expect(clippy::cast_possible_truncation, reason = "a book has fewer than 2^30 accounts")]
pub(crate) fn pack(forest: &Arranged, first_kept: u32, size: u32) -> Packed {
    let n = forest.items.len();
    let size = size.max(1);
    let is_row = |position: usize| forest.items[position] < first_kept;
    // Rows left in each subtree after the cuts below it, and the run that each run root belongs to.
    let mut weight = vec![0_u32; n];
    let mut run = vec![NONE; n];
    let mut runs = 0;
    for position in (0..n).rev() {
        if !is_row(position) {
            continue;
        }
        weight[position] += 1;
        if weight[position] > size {
            let children = Siblings { forest, next: position as u32 + 1, end: forest.end[position] };
            let total = weight[position] - 1;
            cut(children, total, size, &weight, &is_row, &mut run, &mut runs);
            weight[position] = 1;
        }
        if forest.parent[position] != NONE {
            weight[forest.parent[position] as usize] += weight[position];
        }
    }
    let roots = || Siblings { forest, next: 0, end: n as u32 };
    let total = roots().map(|root| u64::from(weight[root as usize])).sum::<u64>();
    let first_top = runs;
    // The roots of a whole book may weigh more than 2^32 only past the limit on accounts.
    cut(roots(), u32::try_from(total).unwrap_or(u32::MAX), size, &weight, &is_row, &mut run, &mut runs);
    distribute(forest, first_kept, &run, runs, first_top)
}

// Children of one position (or the roots), in order.
struct Siblings<'f> {
    forest: &'f Arranged,
    next: u32,
    end: u32,
}

impl Iterator for Siblings<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.next >= self.end {
            return None;
        }
        let child = self.next;
        self.next = *self.forest.end.get(child as usize)?;
        Some(child)
    }
}

// Groups siblings into runs of about equal weight, none above `size`. A kept limb ends a run.
#[expect(clippy::indexing_slicing, reason = "siblings are positions of the forest")]
fn cut(
    siblings: Siblings<'_>,
    total: u32,
    size: u32,
    weight: &[u32],
    is_row: &impl Fn(usize) -> bool,
    run: &mut [u32],
    runs: &mut u32,
) {
    let target = total.div_ceil(total.div_ceil(size).max(1)).max(1);
    let mut filled = 0;
    for child in siblings {
        let child = child as usize;
        if !is_row(child) {
            filled = 0;
            continue;
        }
        if filled == 0 || filled >= target || filled + weight[child] > size {
            *runs += 1;
            filled = 0;
        }
        run[child] = *runs - 1;
        filled += weight[child];
    }
}

// One pass in pre-order puts every row into its chunk and every limb onto its row.
#[expect(clippy::indexing_slicing, reason = "positions, runs and chunks were counted above")]
#[expect(clippy::cast_possible_truncation, reason = "a book has fewer than 2^30 accounts")]
fn distribute(forest: &Arranged, first_kept: u32, run: &[u32], runs: u32, first_top: u32) -> Packed {
    let mut packed = Packed { chunks: Vec::new(), top: (first_top..runs).collect() };
    packed.chunks.resize_with(runs as usize, PackedChunk::default);
    let mut chunk_of = vec![NONE; forest.items.len()];
    let mut row_of = vec![NONE; forest.items.len()];
    for (position, item) in forest.items.iter().enumerate() {
        let parent = forest.parent[position];
        let home = (parent != NONE).then(|| (chunk_of[parent as usize], row_of[parent as usize]));
        if *item >= first_kept {
            if let Some((chunk, anchor)) = home {
                let chunk = &mut packed.chunks[chunk as usize];
                let before = chunk.items.len() as u32;
                chunk.limbs.push(PackedLimb { anchor, before, target: LimbTarget::Kept(*item) });
            }
            continue;
        }
        let own_run = run[position];
        let (chunk, local_parent) = match home {
            Some((chunk, row)) if own_run == NONE => (chunk, row),
            _ => (own_run, NONE),
        };
        if let Some((upper, anchor)) = home.filter(|(upper, _)| *upper != chunk)
            && packed.chunks[chunk as usize].items.is_empty()
        {
            packed.chunks[chunk as usize].home = Some((upper, anchor));
            let upper = &mut packed.chunks[upper as usize];
            let before = upper.items.len() as u32;
            upper.limbs.push(PackedLimb { anchor, before, target: LimbTarget::New(chunk) });
        }
        let rows = &mut packed.chunks[chunk as usize];
        chunk_of[position] = chunk;
        row_of[position] = rows.items.len() as u32;
        rows.items.push(*item);
        rows.parent.push(local_parent);
    }
    packed
}
