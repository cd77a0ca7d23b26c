//! Where does one book differ from another?
//!
//! What both share is the same allocation, and is passed over: the cost is that of what was changed, not of the book.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::aggregate::Usage;
use crate::book::{Book, Chunk, TableBlock};
use crate::column::Block;

/// Rows by slot, each list in order and without repetition.
pub(super) type Rows = BTreeMap<u32, Vec<u32>>;

/// Rows of both.
pub(super) fn join(rows: &mut Rows, other: &Rows) {
    for (slot, other) in other {
        let own = rows.entry(*slot).or_default();
        if own.is_empty() {
            own.clone_from(other);
        } else {
            own.extend(other);
            own.sort_unstable();
            own.dedup();
        }
    }
}

/// What is different in a newer book.
#[derive(Debug, Default)]
pub(super) struct Dirt {
    /// The slots of all trees in which an account came, went or moved, in the newer book.
    pub(super) torn: BTreeSet<u32>,
    /// Slots of the older book that are no longer there.
    pub(super) gone: Vec<u32>,
    /// Accounts whose value differs, by attribute; those of torn trees apart.
    pub(super) attributes: HashMap<usize, Rows>,
    /// Accounts whose child rows differ, by table.
    pub(super) tables: HashMap<usize, Rows>,
    /// Accounts whose usage differs.
    pub(super) usage: Rows,
}

impl Dirt {
    pub(super) fn between(old: &Book, new: &Book) -> Self {
        let mut dirt = Self::default();
        let mut shapes: Vec<u32> = Vec::new();
        let number = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        for slot in old.0.chunks.differing(&new.0.chunks).into_iter().map(number) {
            match (old.0.chunk(slot), new.0.chunk(slot)) {
                (Some(before), Some(after)) if Arc::ptr_eq(before, after) => {}
                (Some(before), Some(after)) if is_same_structure(before, after) => {
                    dirt.compare(slot, before, after);
                }
                (_, Some(_)) => shapes.push(slot),
                (Some(_), None) => dirt.gone.push(slot),
                (None, None) => {}
            }
        }
        for slot in shapes {
            if !dirt.torn.contains(&slot) {
                dirt.torn.extend(tree_of(new, slot));
            }
        }
        let torn = &dirt.torn;
        let intact = |rows: &mut Rows| rows.retain(|slot, _| !torn.contains(slot));
        dirt.attributes.values_mut().for_each(intact);
        dirt.tables.values_mut().for_each(intact);
        dirt
    }

    /// With the accounts whose usage differs.
    pub(super) fn with_usage(mut self, old: Option<&Usage>, new: Option<&Usage>, book: &Book) -> Self {
        let ids: Vec<Arc<str>> = match (old, new) {
            (Some(old), Some(new)) => new.differing(old),
            (None, None) => Vec::new(),
            // Who has none, and who has some, differ wherever there is usage.
            (Some(usage), None) | (None, Some(usage)) => {
                usage.differing(&Usage::new(usage.schema().clone(), usage.settings().clone()))
            }
        };
        for place in ids.iter().filter_map(|id| book.find(id)) {
            if !self.torn.contains(&place.slot) {
                self.usage.entry(place.slot).or_default().push(place.row);
            }
        }
        self.usage.values_mut().for_each(|rows| rows.sort_unstable());
        self
    }

    fn compare(&mut self, slot: u32, before: &Chunk, after: &Chunk) {
        for attribute in 0..before.columns.len().max(after.columns.len()) {
            let (old, new) = (before.column(attribute), after.column(attribute));
            if same(old, new) {
                continue;
            }
            let rows = Block::differing(old.map(|block| &**block), new.map(|block| &**block));
            if !rows.is_empty() {
                self.attributes.entry(attribute).or_default().insert(slot, rows);
            }
        }
        for table in 0..before.tables.len().max(after.tables.len()) {
            let (old, new) = (before.table(table), after.table(table));
            if same(old, new) {
                continue;
            }
            let (old, new) = (old.map(|block| &**block), new.map(|block| &**block));
            let differs = |row: &u32| !TableBlock::alike(old, new, *row);
            let rows: Vec<u32> = (0..after.shape.rows()).filter(differs).collect();
            if !rows.is_empty() {
                self.tables.entry(table).or_default().insert(slot, rows);
            }
        }
    }
}

fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn is_same_structure(before: &Chunk, after: &Chunk) -> bool {
    Arc::ptr_eq(&before.shape, &after.shape) && before.home == after.home && before.limbs == after.limbs
}

/// The slot on which a slot's trees hang at last, be it itself.
pub(super) fn trunk_of(book: &Book, slot: u32) -> u32 {
    let mut at = slot;
    while let Some(home) = book.0.chunk(at).and_then(|chunk| chunk.home) {
        at = home.slot;
    }
    at
}

/// All slots of the trees that a slot is of.
pub(super) fn tree_of(book: &Book, slot: u32) -> Vec<u32> {
    let mut slots = vec![trunk_of(book, slot)];
    let mut at = 0;
    while let Some(slot) = slots.get(at).copied() {
        slots.extend(
            book.0.chunk(slot).into_iter().flat_map(|chunk| chunk.limbs.iter().map(|limb| limb.slot)),
        );
        at += 1;
    }
    slots
}
