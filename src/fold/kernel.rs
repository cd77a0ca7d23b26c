//! How does a value flow from the rows of a chunk to the rows above them?
//!
//! Two ways. [`fold_up`] goes through the rows backwards and merges each into its parent: it serves
//! every operator. [`range_sums`] takes sums that have an inverse from running totals: a subtree is a
//! range, so its sum is a difference. Both see a chunk's limbs as values imported on the rows they hang
//! on, and both export what the local roots amount to.

use super::Reach;
use crate::column::Bitmap;
use crate::tree::{NONE, Shape};

/// What each row has for an answer, and what the chunk exports.
pub(super) struct Folded<S> {
    pub(super) rows: Vec<S>,
    pub(super) export: S,
}

/// Folds any state up a chunk.
///
/// `own` is what each row has itself, `imports` what hangs on rows, by row; `present` says whether a
/// row's own state gives a value (for [`Reach::PreferSelf`]).
#[expect(clippy::indexing_slicing, reason = "parents are earlier rows of the same shape")]
pub(super) fn fold_up<S: Clone>(
    shape: &Shape,
    own: Vec<S>,
    imports: &[(u32, S)],
    empty: &S,
    reach: Reach,
    present: impl Fn(&S) -> bool,
    merge: impl Fn(&mut S, &S),
) -> Folded<S> {
    let mut below: Vec<S> = vec![empty.clone(); own.len()];
    for (row, import) in imports {
        if let Some(state) = below.get_mut(*row as usize) {
            merge(state, import);
        }
    }
    let mut export = empty.clone();
    let mut rows = own;
    let parents = shape.parents();
    for row in (0..rows.len().min(parents.len())).rev() {
        let mut up = rows[row].clone();
        if reach != Reach::PreferSelf {
            merge(&mut up, &below[row]);
        } else if !present(&up) {
            up = below[row].clone();
        }
        match parents[row] {
            NONE => merge(&mut export, &up),
            parent => merge(&mut below[parent as usize], &up),
        }
        match reach {
            Reach::SelfOnly => {}
            Reach::Descendants => rows[row] = below[row].clone(),
            Reach::SelfAndDescendants | Reach::PreferSelf => rows[row] = up,
        }
    }
    Folded { rows, export }
}

/// Folds `size` counts a row up a chunk: the rows' answers side by side, and the export.
pub(super) fn fold_counts(
    shape: &Shape,
    own: &[u32],
    size: usize,
    imports: &[(u32, &[u64])],
    reach: Reach,
) -> (Vec<u64>, Box<[u64]>) {
    let add = |to: &mut [u64], from: &[u64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
    let span = |row: usize| row * size..(row + 1) * size;
    let mut below: Vec<u64> = vec![0; own.len()];
    for (row, import) in imports {
        if let Some(counts) = below.get_mut(span(*row as usize)) {
            add(counts, import);
        }
    }
    let mut rows: Vec<u64> = own.iter().map(|count| u64::from(*count)).collect();
    let mut export: Box<[u64]> = vec![0; size].into();
    let mut up: Vec<u64> = Vec::with_capacity(size);
    for (row, parent) in shape.parents().iter().enumerate().rev() {
        let (Some(own), Some(under)) = (rows.get_mut(span(row)), below.get(span(row))) else { continue };
        up.clear();
        up.extend_from_slice(own);
        if reach != Reach::PreferSelf || own.iter().all(|count| *count == 0) {
            add(&mut up, under);
        }
        match reach {
            Reach::SelfOnly => {}
            Reach::Descendants => own.copy_from_slice(under),
            Reach::SelfAndDescendants | Reach::PreferSelf => own.copy_from_slice(&up),
        }
        match *parent {
            NONE => add(&mut export, &up),
            parent => {
                if let Some(above) = below.get_mut(span(parent as usize)) {
                    add(above, &up);
                }
            }
        }
    }
    (rows, export)
}

/// Whole numbers whose sums wrap around, and differences of sums come out right all the same.
pub(super) trait Wrapping: Copy + Default {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
}

impl Wrapping for i64 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

impl Wrapping for u32 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

/// Counts of set bits (every row, without bits) over the subtree of each row, by running totals.
pub(super) fn range_counts(
    shape: &Shape,
    bits: Option<&Bitmap>,
    imports: &[(u32, u32)],
    reach: Reach,
    totals: &mut Vec<u32>,
) -> Folded<u32> {
    let rows = shape.rows();
    if bits.is_none() && imports.is_empty() {
        let counts = (0_u32..).zip(shape.ends()).map(|(row, end)| match reach {
            Reach::SelfOnly => 1,
            Reach::Descendants => end - row - 1,
            Reach::SelfAndDescendants | Reach::PreferSelf => end - row,
        });
        return Folded { rows: counts.collect(), export: rows };
    }
    let every;
    let bits = match bits {
        Some(bits) => bits,
        None => {
            every = Bitmap::ones(rows as usize);
            &every
        }
    };
    totals.clear();
    totals.reserve(rows as usize + 1);
    let mut count = 0;
    totals.push(count);
    let mut imports = imports.iter().peekable();
    for (word, start) in bits.words().iter().zip((0..rows).step_by(64)) {
        let end = rows.min(start + 64);
        if imports.peek().is_none_or(|(at, _)| *at >= end) {
            totals.extend((0..end - start).map(|bit| {
                count += u32::from(word >> bit & 1 == 1);
                count
            }));
            continue;
        }
        for row in start..end {
            count += u32::from(word >> (row - start) & 1 == 1);
            while let Some((_, import)) = imports.next_if(|(at, _)| *at <= row) {
                count += *import;
            }
            totals.push(count);
        }
    }
    let at = |place: u32| totals.get(place as usize).copied().unwrap_or(count);
    let own = |row: usize| u32::from(bits.get(row));
    let below = shape.ends().iter().zip(totals.iter()).map(|(end, before)| at(*end) - before);
    let answers = match reach {
        Reach::SelfOnly => (0..rows as usize).map(own).collect(),
        Reach::Descendants => below.zip(0..).map(|(count, row)| count - own(row)).collect(),
        Reach::SelfAndDescendants | Reach::PreferSelf => below.collect(),
    };
    Folded { rows: answers, export: count }
}

/// Sums over the subtree of each row, by running totals.
///
/// Right when every sum that is asked for fits the type, whatever the running totals do. `totals` is
/// scratch space.
pub(super) fn range_sums<N: Wrapping>(
    shape: &Shape,
    own: &[N],
    imports: &[(u32, N)],
    reach: Reach,
    totals: &mut Vec<N>,
) -> Folded<N> {
    totals.clear();
    totals.reserve(own.len() + 1);
    let mut sum = N::default();
    totals.push(sum);
    if imports.is_empty() {
        totals.extend(own.iter().map(|value| {
            sum = sum.plus(*value);
            sum
        }));
    } else {
        let mut imports = imports.iter().peekable();
        for (row, value) in (0_u32..).zip(own) {
            sum = sum.plus(*value);
            while let Some((_, import)) = imports.next_if(|(at, _)| *at <= row) {
                sum = sum.plus(*import);
            }
            totals.push(sum);
        }
    }
    let export = sum;
    let ends = shape.ends();
    let at = |place: u32| totals.get(place as usize).copied().unwrap_or(export);
    let rows = match reach {
        Reach::SelfOnly => own.to_vec(),
        Reach::Descendants => ends
            .iter()
            .zip(totals.iter())
            .zip(own)
            .map(|((end, before), own)| at(*end).minus(*before).minus(*own))
            .collect(),
        Reach::SelfAndDescendants | Reach::PreferSelf => {
            ends.iter().zip(totals.iter()).map(|(end, before)| at(*end).minus(*before)).collect()
        }
    };
    Folded { rows, export }
}
