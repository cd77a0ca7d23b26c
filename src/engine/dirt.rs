//! Where does one book differ from another?
//!
//! What both share is the same allocation, and is passed over: the cost is that of what was changed, not of the book. Where
//! accounts came, went or moved, rows are paired by id.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::carry::Carry;
use crate::aggregate::UsageView;
use crate::book::{Book, Chunk, TableBlock};
use crate::column::{Bitmap, Block};
use crate::model::{AccountId, AccountIdx, Recoded};

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

/// Rebuilt rows up to which they are always looked at one by one.
const FEW_ROWS: usize = 65_536;
/// Past them, of so many accounts at most one stands in a rebuilt chunk; where more do, all is taken for new.
const ONE_IN: usize = 4;

/// An account that stands under another one than before, or that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    /// Where it stood in the older book.
    pub(super) then: AccountIdx,
    /// Where it stands in the newer one; `None` for one that is gone.
    pub(super) now: Option<AccountIdx>,
    /// Where the account that it stood under stands in the newer book, if it does.
    pub(super) from: Option<AccountIdx>,
    /// Where the account that it stands under stands in the newer book.
    pub(super) to: Option<AccountIdx>,
}

/// What is different in a newer book.
#[derive(Debug, Default)]
pub(super) struct Dirt {
    /// So much that nothing is taken over.
    pub(super) whole: bool,
    /// Which row was which, where chunks were rebuilt.
    pub(super) carry: Carry,
    /// Accounts that were not there, or were of another type or product.
    pub(super) fresh: Rows,
    /// Accounts that went or moved; those that came are fresh.
    pub(super) shifts: Vec<Shift>,
    /// The slots of all trees in which an account came, went or moved, in the newer book.
    pub(super) torn: BTreeSet<u32>,
    /// Slots of the older book that are no longer there.
    pub(super) gone: Vec<u32>,
    /// Accounts whose value differs, by attribute; those that were not there apart.
    pub(super) attributes: HashMap<usize, Rows>,
    /// Accounts whose child rows differ, by table.
    pub(super) tables: HashMap<usize, Rows>,
    /// Accounts whose usage differs.
    pub(super) usage: Rows,
    /// Attributes and tables of another type than before.
    recoded: Recoded,
}

impl Dirt {
    pub(super) fn between(old: &Book, new: &Book) -> Self {
        let mut dirt = Self::default();
        if !Arc::ptr_eq(old.schema(), new.schema()) {
            match new.schema().recoded_since(old.schema()) {
                Some(recoded) => dirt.recoded = recoded,
                None => return Self::all(new),
            }
        }
        // Packed anew; and hung up elsewhere, or with other chunks hanging on them.
        let (mut rebuilt, mut hung): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let number = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        for slot in old.0.chunks.differing(&new.0.chunks).into_iter().map(number) {
            match (old.0.chunk(slot), new.0.chunk(slot)) {
                (Some(before), Some(after)) if Arc::ptr_eq(before, after) => {}
                (Some(before), Some(after)) if Arc::ptr_eq(&before.shape, &after.shape) => {
                    dirt.compare(slot, before, after);
                    if before.home != after.home || before.limbs != after.limbs {
                        hung.push(slot);
                    }
                }
                (_, Some(_)) => rebuilt.push(slot),
                (Some(_), None) => dirt.gone.push(slot),
                (None, None) => {}
            }
        }
        let rows: usize = rebuilt.iter().map(|slot| new.0.layout.rows(*slot)).sum();
        if old.is_empty() || rows > FEW_ROWS && rows > new.len() / ONE_IN {
            return Self::all(new);
        }
        for slot in rebuilt.iter().chain(&hung) {
            if !dirt.torn.contains(slot) {
                dirt.torn.extend(tree_of(new, *slot));
            }
        }
        dirt.carry = Carry::new(old, new, &rebuilt);
        for slot in &rebuilt {
            dirt.compare_runs(*slot, old, new);
        }
        dirt.shift(old, new, &rebuilt, &hung);
        dirt
    }

    /// Everything of a book.
    fn all(new: &Book) -> Self {
        let attributes = (0..new.schema().attributes().len()).map(|at| (at, Rows::new()));
        let tables = (0..new.schema().tables().len()).map(|at| (at, Rows::new()));
        let slots = (0..new.0.chunks.len()).filter_map(|slot| u32::try_from(slot).ok());
        Self {
            whole: true,
            torn: slots.filter(|slot| new.0.chunk(*slot).is_some()).collect(),
            attributes: attributes.collect(),
            tables: tables.collect(),
            ..Self::default()
        }
    }

    /// Has an account come, gone or moved?
    pub(super) fn is_structure(&self) -> bool {
        !(self.torn.is_empty() && self.gone.is_empty())
    }

    /// Was an account not there before, or of another type or product?
    pub(super) fn is_fresh(&self, place: AccountIdx) -> bool {
        self.fresh.get(&place.slot).is_some_and(|rows| rows.binary_search(&place.row).is_ok())
    }

    /// With the accounts whose usage differs, that of ids which lead to them included.
    pub(super) fn with_usage(
        mut self,
        old: Option<&UsageView>,
        new: Option<&UsageView>,
        book: &Book,
    ) -> Self {
        let ids: Vec<AccountId> = match (old, new) {
            (Some(old), Some(new)) => new.differing(old),
            (None, None) => Vec::new(),
            // Who has none, and who has some, differ wherever there is usage.
            (Some(usage), None) | (None, Some(usage)) => usage.with_usage(),
        };
        for place in ids.iter().filter_map(|id| book.find(id.as_str())) {
            self.usage.entry(place.slot).or_default().push(place.row);
        }
        self.usage.values_mut().for_each(|rows| rows.sort_unstable());
        self
    }

    /// The values and child rows of a slot in which nobody came or went.
    fn compare(&mut self, slot: u32, before: &Chunk, after: &Chunk) {
        self.compare_run(slot, (before, 0), (after, 0), after.shape.rows());
    }

    /// Those of a slot that was packed anew, and who in it was not there, or was of another type or product.
    fn compare_runs(&mut self, slot: u32, old: &Book, new: &Book) {
        let Some(after) = new.0.chunk(slot) else { return };
        let mut fresh: Vec<u32> = Vec::new();
        for run in self.carry.runs(slot).to_vec() {
            let Some((from, before)) = run.from.and_then(|from| Some((from, old.0.chunk(from.slot)?))) else {
                fresh.extend(run.range());
                continue;
            };
            let label = |chunk: &Chunk, row: u32| (chunk.shape.kind(row), chunk.shape.product(row));
            let others =
                run.range().zip(from.row..).filter(|(row, was)| label(after, *row) != label(before, *was));
            fresh.extend(others.map(|(row, _)| row));
            self.compare_run(slot, (before, from.row), (after, run.first), run.rows);
        }
        if !fresh.is_empty() {
            self.fresh.insert(slot, fresh);
        }
    }

    /// The values and child rows of accounts side by side, from a row of either chunk on.
    fn compare_run(
        &mut self,
        slot: u32,
        (before, from): (&Chunk, u32),
        (after, to): (&Chunk, u32),
        rows: u32,
    ) {
        for attribute in 0..before.columns.len().max(after.columns.len()) {
            let (old, new) = (before.column(attribute), after.column(attribute));
            if same(old, new) && from == to {
                continue;
            }
            let (old, new) = (old.map(|block| &**block), new.map(|block| &**block));
            let rows = if self.recoded.attributes.contains(&attribute) {
                (to..to + rows).collect()
            } else {
                Block::differing((old, from as usize), (new, to as usize), rows as usize)
            };
            if !rows.is_empty() {
                self.attributes.entry(attribute).or_default().entry(slot).or_default().extend(rows);
            }
        }
        for table in 0..before.tables.len().max(after.tables.len()) {
            let (old, new) = (before.table(table), after.table(table));
            let is_shared = old.zip(new).is_some_and(|(old, new)| old.is_shared(new));
            if (same(old, new) || is_shared && !self.recoded.tables.contains(&table))
                && (from == to || old.is_none())
            {
                continue;
            }
            let (old, new) = (old.map(|block| &**block), new.map(|block| &**block));
            let pairs = (to..to + rows).zip(from..);
            let is_recoded = self.recoded.tables.contains(&table);
            let rows = pairs.filter(|(row, was)| is_recoded || !TableBlock::alike((old, *was), (new, *row)));
            let rows: Vec<u32> = rows.map(|(row, _)| row).collect();
            if !rows.is_empty() {
                self.tables.entry(table).or_default().entry(slot).or_default().extend(rows);
            }
        }
    }

    /// Finds who stands under another account, and who is gone.
    fn shift(&mut self, old: &Book, new: &Book, rebuilt: &[u32], hung: &[u32]) {
        let mut candidates: Vec<AccountIdx> = Vec::new();
        for slot in hung {
            new.0.local_roots_into(*slot, &mut candidates);
        }
        for slot in rebuilt {
            candidates.extend(
                (0..new.0.layout.rows(*slot))
                    .map_while(|row| Some(AccountIdx::new(*slot, u32::try_from(row).ok()?))),
            );
        }
        let stands = |place: Option<AccountIdx>| place.and_then(|place| new.find(old.0.id(place)));
        for now in candidates {
            let Some(then) = self.carry.origin(now) else { continue };
            let (was, to) = (old.0.parent(then), new.0.parent(now));
            let stays = match (was, to) {
                (Some(was), Some(to)) => self.carry.origin(to) == Some(was),
                (None, None) => true,
                _ => false,
            };
            if !stays {
                self.shifts.push(Shift { then, now: Some(now), from: stands(was), to });
            }
        }
        // Rows of the older chunks that no run has taken.
        let mut left: BTreeMap<u32, Bitmap> = BTreeMap::new();
        for slot in rebuilt.iter().chain(&self.gone) {
            if let Some(chunk) = old.0.chunk(*slot) {
                left.insert(*slot, Bitmap::ones(chunk.shape.rows() as usize));
            }
        }
        for (run, from) in self.carry.all().filter_map(|run| Some((run, run.from?))) {
            if let Some(left) = left.get_mut(&from.slot) {
                (from.row..from.row + run.rows).for_each(|row| left.set(row as usize, false));
            }
        }
        for (slot, left) in &left {
            for then in left.rows().map(|row| AccountIdx::new(*slot, row)) {
                if let from @ Some(_) = stands(old.0.parent(then)) {
                    self.shifts.push(Shift { then, now: None, from, to: None });
                }
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
