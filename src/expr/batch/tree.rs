//! Who is above and below whom, for all rows of a view at once?
//!
//! Rows are numbered through all chunks, upper chunks and upper rows first, so that one pass forward brings what is
//! above to each row, and one pass backward what is below. Hidden accounts are passed over: the parent of a row is
//! the nearest visible one. Rulings S23 to S25 of `docs/semantics`.

use crate::book::View;
use crate::column::Bitmap;
use crate::expr::term::{Place, Walk};
use crate::model::AccountIdx;

/// No row.
pub(crate) const NONE: u32 = u32::MAX;

/// The tree of a view, by row numbers.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The chunks, upper before lower, each with the number of its first row.
    pub(crate) slots: Vec<(u32, u32)>,
    /// The number of the first row of each chunk, by slot; none of one that shows nothing.
    first_of: Vec<u32>,
    /// The nearest visible account above each row.
    pub(crate) parent: Vec<u32>,
    visible: Option<Vec<bool>>,
    kinds: Vec<u16>,
    levels: Vec<u32>,
}

/// The chunks of a view that show an account, in themselves or below, upper before lower, each with the number of its first
/// row.
pub(crate) fn slots_of(view: &View) -> Vec<(u32, u32)> {
    let inner = view.inner();
    let mut order: Vec<u32> = inner.trunk.iter().copied().filter(|slot| view.is_live(*slot)).collect();
    let mut at = 0;
    while let Some(slot) = order.get(at).copied() {
        let limbs = inner.chunk(slot).into_iter().flat_map(|chunk| chunk.limbs.iter().map(|limb| limb.slot));
        order.extend(limbs.filter(|slot| view.is_live(*slot)));
        at += 1;
    }
    let mut next = 0;
    let numbered = order.into_iter().map(|slot| {
        let first = next;
        next += inner.chunk(slot).map_or(0, |chunk| chunk.shape.rows());
        (slot, first)
    });
    numbered.collect()
}

impl Tree {
    pub(crate) fn new(view: &View) -> Self {
        let inner = view.inner();
        let slots = slots_of(view);
        let mut first_of = vec![NONE; inner.chunks.len()];
        for (slot, first) in &slots {
            if let Some(place) = first_of.get_mut(*slot as usize) {
                *place = *first;
            }
        }
        let mut parent: Vec<u32> = Vec::new();
        let mut kinds: Vec<u16> = Vec::new();
        let mut visible: Option<Vec<bool>> = view.scope().set().map(|_| Vec::new());
        let mut levels: Vec<u32> = Vec::new();
        for (slot, first) in &slots {
            let Some(chunk) = inner.chunk(*slot) else { continue };
            let home = chunk.home.map_or(NONE, |home| {
                first_of.get(home.slot as usize).map_or(NONE, |first| first.saturating_add(home.row))
            });
            let bits = view.scope().set().map(|set| set.bitmap(*slot));
            kinds.extend_from_slice(chunk.shape.kinds());
            for row in 0..chunk.shape.rows() {
                let above = match chunk.shape.parent(row) {
                    Some(up) => first.saturating_add(up),
                    None => home,
                };
                // A parent stands before its children, so that its own parent is known.
                let above = match &visible {
                    Some(seen) if above != NONE && seen.get(above as usize) != Some(&true) => {
                        parent.get(above as usize).copied().unwrap_or(NONE)
                    }
                    _ => above,
                };
                parent.push(above);
                levels.push(levels.get(above as usize).map_or(1, |level| level + 1));
                if let (Some(visible), Some(bits)) = (&mut visible, &bits) {
                    visible.push(bits.is_some_and(|bits: &std::sync::Arc<Bitmap>| bits.get(row as usize)));
                }
            }
        }
        Self { slots, first_of, parent, visible, kinds, levels }
    }

    pub(crate) fn rows(&self) -> usize {
        self.parent.len()
    }

    /// The row of an account.
    pub(crate) fn row_of(&self, place: AccountIdx) -> Option<usize> {
        let first = self.first_of.get(place.slot as usize).filter(|first| **first != NONE)?;
        Some(first.saturating_add(place.row) as usize)
    }

    /// The account of a row.
    pub(crate) fn place_of(&self, row: usize) -> Option<AccountIdx> {
        let row = u32::try_from(row).ok()?;
        let after = self.slots.partition_point(|(_, first)| *first <= row);
        let (slot, first) = self.slots.get(after.checked_sub(1)?)?;
        Some(AccountIdx::new(*slot, row - first))
    }

    /// The account that stands at each row.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = AccountIdx> + '_ {
        let ends = self
            .slots
            .iter()
            .skip(1)
            .map(|(_, first)| *first)
            .chain([u32::try_from(self.rows()).unwrap_or(u32::MAX)]);
        self.slots.iter().zip(ends).flat_map(|((slot, first), end)| {
            (0..end.saturating_sub(*first)).map(|row| AccountIdx::new(*slot, row))
        })
    }

    pub(crate) fn sees(&self, row: usize) -> bool {
        self.visible.as_ref().is_none_or(|visible| visible.get(row) == Some(&true))
    }

    /// The account type of a row.
    pub(crate) fn kind(&self, row: usize) -> Option<u16> {
        self.kinds.get(row).copied()
    }

    pub(crate) fn levels(&self) -> &[u32] {
        &self.levels
    }

    /// The row that stands at a place, seen from each row.
    pub(crate) fn at(&self, place: &Place) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::with_capacity(self.rows());
        if *place == Place::Parent {
            return self.parent.clone();
        }
        for (row, parent) in (0_u32..).zip(&self.parent) {
            let here = match place {
                Place::Parent => false,
                Place::Root => *parent == NONE,
                Place::AtType(kind) => self.kinds.get(row as usize) == Some(kind),
                Place::AtLevel(level) => self.levels.get(row as usize) == Some(level),
            };
            found.push(if here { row } else { found.get(*parent as usize).copied().unwrap_or(NONE) });
        }
        found
    }

    /// Whether each row is a row, or stands below it.
    pub(crate) fn below(&self, top: u32, strict: bool) -> Vec<bool> {
        let mut inside: Vec<bool> = Vec::with_capacity(self.rows());
        for (row, parent) in (0_u32..).zip(&self.parent) {
            inside.push(row == top || inside.get(*parent as usize) == Some(&true));
        }
        if let (true, Some(own)) = (strict, inside.get_mut(top as usize)) {
            *own = false;
        }
        inside
    }

    /// What a walk from each row gathers of the others' own states. States of hidden rows count for nothing.
    pub(crate) fn gather<S: State>(&self, walk: Walk, own: &[S]) -> Vec<S> {
        match walk {
            Walk::Ancestors => self.above(own, false),
            Walk::Lineage => self.above(own, true),
            Walk::Children => self.children(own),
            Walk::Descendants => self.beneath(own, false),
            Walk::Subtree => self.beneath(own, true),
            Walk::Siblings => self.siblings(own),
        }
    }

    fn above<S: State>(&self, own: &[S], with_self: bool) -> Vec<S> {
        // What is gathered from the top down to each row, itself included.
        let mut down: Vec<S> = Vec::with_capacity(own.len());
        let mut out: Vec<S> = Vec::with_capacity(own.len());
        for (parent, own) in self.parent.iter().zip(own) {
            let above = down.get(*parent as usize).cloned().unwrap_or_default();
            let mut both = above.clone();
            both.merge(own);
            out.push(if with_self { both.clone() } else { above });
            down.push(both);
        }
        out
    }

    fn children<S: State>(&self, own: &[S]) -> Vec<S> {
        let mut out = vec![S::default(); own.len()];
        for (parent, own) in self.parent.iter().zip(own) {
            if let Some(out) = out.get_mut(*parent as usize) {
                out.merge(own);
            }
        }
        out
    }

    fn beneath<S: State>(&self, own: &[S], with_self: bool) -> Vec<S> {
        let mut out = vec![S::default(); own.len()];
        for row in (0..own.len()).rev() {
            let (Some(parent), Some(own)) = (self.parent.get(row), own.get(row)) else { continue };
            // A row is complete when it is reached: all below it stand behind it.
            let (before, from) = out.split_at_mut(row);
            let Some(below) = from.first_mut() else { continue };
            if let Some(up) = before.get_mut(*parent as usize) {
                up.merge(below);
                up.merge(own);
            }
            if with_self {
                below.merge(own);
            }
        }
        out
    }

    /// The other children of the parent; of a row without one, the other such rows.
    fn siblings<S: State>(&self, own: &[S]) -> Vec<S> {
        // Rows by parent, in order.
        let group = |row: usize| match self.parent.get(row) {
            Some(parent) if *parent != NONE => *parent as usize,
            _ => own.len(),
        };
        let mut starts = vec![0_usize; own.len() + 2];
        for row in (0..own.len()).filter(|row| self.sees(*row)) {
            if let Some(start) = starts.get_mut(group(row) + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut rows = vec![0_usize; sum];
        let mut next = starts.clone();
        for row in (0..own.len()).filter(|row| self.sees(*row)) {
            if let Some(next) = next.get_mut(group(row)) {
                if let Some(place) = rows.get_mut(*next) {
                    *place = row;
                }
                *next += 1;
            }
        }
        let mut out = vec![S::default(); own.len()];
        for bounds in starts.windows(2) {
            let [from, to] = bounds else { continue };
            let group = rows.get(*from..*to).unwrap_or_default();
            // What stands before each, then what stands behind it.
            for rows in [&mut group.iter() as &mut dyn Iterator<Item = &usize>, &mut group.iter().rev()] {
                let mut sum = S::default();
                for row in rows {
                    if let (Some(out), Some(own)) = (out.get_mut(*row), own.get(*row)) {
                        out.merge(&sum);
                        sum.merge(own);
                    }
                }
            }
        }
        out
    }
}

/// What is known of some rows; merging is associative and commutative, and the default changes nothing.
pub(crate) trait State: Clone + Default {
    fn merge(&mut self, other: &Self);
}
