//! In which order do differences go up a tree, so that each account is changed once?

use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap};

use crate::aggregate::Linear;
use crate::book::View;
use crate::model::AccountIdx;

/// Differences on their way up, those furthest down first, so that what meets in an account goes on as one.
pub(super) struct Rising<'r> {
    view: &'r View,
    /// How many chunks stand above that of an account, its slot and its row, and where its difference stands: a parent
    /// stands in a chunk further up, or in the same one in an earlier row.
    order: BinaryHeap<(u32, u32, u32, usize)>,
    differences: Vec<Linear>,
    /// How many chunks stand above that of a slot.
    depths: HashMap<u32, u32>,
}

impl<'r> Rising<'r> {
    pub(super) fn new(view: &'r View) -> Self {
        Self { view, order: BinaryHeap::new(), differences: Vec::new(), depths: HashMap::new() }
    }

    pub(super) fn add(&mut self, place: AccountIdx, difference: Linear) {
        if difference != Linear::default() {
            let depth = self.depth(place.slot);
            self.order.push((depth, place.slot, place.row, self.differences.len()));
            self.differences.push(difference);
        }
    }

    fn depth(&mut self, slot: u32) -> u32 {
        let inner = self.view.inner();
        // Up to a chunk of which it is known, or to the top; then down again, so that no chunk is looked at twice.
        let (mut unknown, mut at, mut depth) = (Vec::new(), Some(slot), 0);
        while let Some(slot) = at {
            if let Some(known) = self.depths.get(&slot) {
                depth = known + 1;
                break;
            }
            unknown.push(slot);
            at = inner.chunk(slot).and_then(|chunk| chunk.home).map(|home| home.slot);
        }
        for slot in unknown.into_iter().rev() {
            self.depths.insert(slot, depth);
            depth += 1;
        }
        depth.saturating_sub(1)
    }

    /// All that has come to the account that is furthest down.
    pub(super) fn pop(&mut self) -> Option<(AccountIdx, Linear)> {
        loop {
            let (depth, slot, row, at) = self.order.pop()?;
            let mut sum = *self.differences.get(at)?;
            while let Some(same) =
                self.order.peek_mut().filter(|next| (next.0, next.1, next.2) == (depth, slot, row))
            {
                sum.add(self.differences.get(same.3)?);
                PeekMut::pop(same);
            }
            // What was taken away and given back changes nobody further up.
            if sum != Linear::default() {
                return Some((AccountIdx::new(slot, row), sum));
            }
        }
    }
}
