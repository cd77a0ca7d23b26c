//! What is known of a scope already?
//!
//! In a tree that a scope shows wholly an account has the answers that it has for everyone, unless something reads beyond its
//! tree. Where a chunk holds such trees and hidden ones, its answers are shared, and those of hidden accounts left out; only
//! trees of which a part is hidden are worked out for the scope.

use std::sync::Arc;

use super::column::{Column, PAGE, Page, Part};
use super::dirt::tree_of;
use crate::book::{Inner, View};
use crate::column::Bitmap;
use crate::expr::Cell;

/// How a scope shows the trees of a book.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// The slots of which every tree is shown wholly or not at all, and the rows that are shown; those without any apart.
    shown: Vec<(u32, Arc<Bitmap>)>,
    /// The trunks of which one is not, or of which a chunk that hangs on them shows a part.
    pub(super) apart: Vec<u32>,
}

impl Share {
    /// Of a view under a scope.
    pub(super) fn new(view: &View) -> Self {
        let (mut share, inner) = (Self::default(), view.inner());
        let Some(set) = view.scope().set() else { return share };
        for trunk in inner.trunk.iter() {
            let slots = tree_of(view.book(), *trunk);
            let shown: Vec<(u32, Arc<Bitmap>)> =
                slots.iter().filter_map(|slot| Some((*slot, set.bitmap(*slot)?.clone()))).collect();
            if shown.is_empty() {
                continue;
            }
            let count = |slot: u32, from: u32, to: u32| {
                set.bitmap(slot).map_or(0, |bits| bits.count_range(from as usize, to as usize))
            };
            if shows_whole_trees(inner, *trunk, &count) {
                share.shown.extend(shown);
            } else {
                share.apart.push(*trunk);
            }
        }
        share
    }

    /// The answers of a step that reads no further than a tree, but for the trunks that stand apart.
    pub(super) fn column(&self, everyone: &Column) -> Column {
        let mut column = Column::default();
        for (slot, shown) in &self.shown {
            column.set(*slot, everyone.part(*slot).map(|part| within(part, shown)));
        }
        column
    }
}

/// Is each tree of a trunk chunk shown wholly or not at all? `count` says how many of some rows are shown.
fn shows_whole_trees(inner: &Inner, trunk: u32, count: &impl Fn(u32, u32, u32) -> usize) -> bool {
    let Some(chunk) = inner.chunk(trunk) else { return true };
    chunk.shape.children(None).all(|root| {
        let end = chunk.shape.end(root);
        let seen = count(trunk, root, end);
        if seen != 0 && seen != (end - root) as usize {
            return false;
        }
        // Chunks that hang on it are of the same tree.
        let mut hanging: Vec<u32> = chunk.limbs_in(root).map(|limb| limb.slot).collect();
        while let Some(slot) = hanging.pop() {
            let Some(chunk) = inner.chunk(slot) else { continue };
            let rows = chunk.shape.rows();
            let expected = if seen == 0 { 0 } else { rows as usize };
            if count(slot, 0, rows) != expected {
                return false;
            }
            hanging.extend(chunk.limbs.iter().map(|limb| limb.slot));
        }
        true
    })
}

/// A part with the answers of the rows that are shown.
fn within(part: &Arc<Part>, shown: &Arc<Bitmap>) -> Arc<Part> {
    if shown.is_full() {
        return part.clone();
    }
    Arc::new(match &**part {
        Part::Members(bits) => Part::Members(Arc::new(bits.and(shown))),
        // The states of hidden accounts are answers to nobody who does not receive one.
        Part::Sums(of, pages, receives) => {
            let receives = match receives {
                Some(receives) => Arc::new(receives.and(shown)),
                None => shown.clone(),
            };
            Part::Sums(of.clone(), pages.clone(), Some(receives))
        }
        Part::Values(pages) => {
            let page = |(at, page): (usize, &Arc<Page>)| {
                let rows = page.values.len();
                let hidden: Vec<usize> = (0..rows).filter(|row| !shown.get(at * PAGE + row)).collect();
                if hidden.is_empty() {
                    return page.clone();
                }
                let missing: Vec<(usize, Cell)> = hidden.iter().map(|row| (*row, Cell::Missing)).collect();
                let mut counts = page.counts.clone();
                if let Some((counted, skipped)) = &mut counts {
                    for row in &hidden {
                        for counts in [&mut *counted, &mut *skipped] {
                            counts.get_mut(*row).into_iter().for_each(|count| *count = 0);
                        }
                    }
                }
                Arc::new(Page { values: page.values.with(&missing), counts })
            };
            Part::Values(pages.iter().enumerate().map(page).collect())
        }
    })
}
