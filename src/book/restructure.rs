//! How do chunks change when accounts move?
//!
//! The chunks that accounts leave and enter are dissolved into single rows, the rows are put under
//! their new parents, arranged and packed again; limbs that hang on them stay whole and are only hung
//! up again. All other chunks are shared with the old book. Cost: the rows of the dissolved chunks.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{Chunk, Inner, Limb, rechunk};
use crate::model::{AccountId, AccountIdx};
use crate::set::Layout;
use crate::tree::arrange::{Arranged, arrange};
use crate::tree::pack::{LimbTarget, Packed, pack};
use crate::tree::{NONE, hash_of};

/// What an account will stand under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Under {
    Root,
    /// An account of the old book.
    Old(AccountIdx),
    /// An account that the plan adds.
    New(u32),
}

/// An account that comes into the book.
#[derive(Debug)]
pub(super) struct NewAccount {
    pub(super) id: AccountId,
    pub(super) kind: u16,
    pub(super) product: u16,
    pub(super) under: Under,
}

/// Which accounts go, move, come, or change their label. Nobody stays under an account that goes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) removed: HashSet<AccountIdx>,
    pub(super) moved: BTreeMap<AccountIdx, Under>,
    pub(super) relabelled: BTreeMap<AccountIdx, (u16, u16)>,
    pub(super) added: Vec<NewAccount>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty()
            && self.moved.is_empty()
            && self.relabelled.is_empty()
            && self.added.is_empty()
    }
}

/// Carries out a plan.
pub(super) fn restructure(inner: &mut Inner, plan: &Plan) {
    let old = inner.clone();
    let mut work = Work::new(&old, plan);
    work.dissolve();
    work.collect();
    let groups = work.arrange();
    work.build(inner, &groups);
}

// A row of the new packing: an account of the old book, or one that the plan adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    Old(AccountIdx),
    New(u32),
}

// A place where rows without a collected parent stand: in the run of a dissolved chunk.
type Group = u32;

struct Work<'w> {
    old: &'w Inner,
    plan: &'w Plan,
    dissolved: BTreeSet<u32>,
    /// The run that each moved or added account without a collected parent enters.
    entered: HashMap<Origin, u32>,
    rows: Vec<Origin>,
    /// The row of each old account of a dissolved chunk; `NONE` of one that goes.
    row_of: BTreeMap<u32, Vec<u32>>,
    /// The parent row, or the group, of each row.
    parent: Vec<Result<u32, Group>>,
    /// Limbs that stay whole: slot and the row they hang on.
    kept: Vec<(u32, u32)>,
    /// The limbs under one old account by the id of their first root.
    limbs: HashMap<AccountIdx, Vec<(String, u32)>>,
    /// Dissolved chunks that share a run with another.
    joined: HashMap<u32, u32>,
}

/// The run of roots of a book without chunks.
const EMPTY_TRUNK: Group = NONE;

impl<'w> Work<'w> {
    fn new(old: &'w Inner, plan: &'w Plan) -> Self {
        Self {
            old,
            plan,
            dissolved: BTreeSet::new(),
            entered: HashMap::new(),
            rows: Vec::new(),
            row_of: BTreeMap::new(),
            parent: Vec::new(),
            kept: Vec::new(),
            limbs: HashMap::new(),
            joined: HashMap::new(),
        }
    }

    // Finds the chunks that accounts leave and enter.
    fn dissolve(&mut self) {
        let plan = self.plan;
        let leaving = plan.removed.iter().chain(plan.moved.keys()).chain(plan.relabelled.keys());
        self.dissolved.extend(leaving.map(|place| place.slot));
        for (place, under) in &plan.moved {
            let id = self.old.id(*place);
            self.enter(Origin::Old(*place), *under, id);
        }
        for (number, added) in (0_u32..).zip(&plan.added) {
            self.enter(Origin::New(number), added.under, added.id.as_str());
        }
        self.merge_small();
    }

    // The chunk whose run of siblings an account enters is dissolved.
    fn enter(&mut self, who: Origin, under: Under, id: &str) {
        let slot = match under {
            Under::New(_) => return,
            Under::Root => self.trunk_slot(id),
            Under::Old(parent) => Some(self.limb_slot(parent, id).unwrap_or(parent.slot)),
        };
        if let Some(slot) = slot {
            self.dissolved.insert(slot);
            self.entered.insert(who, slot);
        } else {
            self.entered.insert(who, EMPTY_TRUNK);
        }
    }

    // The trunk chunk whose run of roots covers an id.
    fn trunk_slot(&self, id: &str) -> Option<u32> {
        let first =
            |slot: &u32| self.old.chunk(*slot).and_then(|chunk| chunk.shape.id(0)).unwrap_or_default();
        let after = self.old.trunk.partition_point(|slot| first(slot) <= id);
        self.old.trunk.get(after.saturating_sub(1)).copied()
    }

    // The limb under an account whose run of siblings covers an id.
    fn limb_slot(&mut self, parent: AccountIdx, id: &str) -> Option<u32> {
        let old = self.old;
        let limbs = self.limbs.entry(parent).or_insert_with(|| {
            let chunk = old.chunk(parent.slot);
            let on = chunk.into_iter().flat_map(|chunk| chunk.limbs_on(parent.row));
            on.filter_map(|limb| Some((old.chunk(limb.slot)?.shape.id(0)?.to_owned(), limb.slot))).collect()
        });
        let after = limbs.partition_point(|(first, _)| first.as_str() <= id);
        let (_, slot) = limbs.get(after.checked_sub(1)?)?;
        let shape = &old.chunk(*slot)?.shape;
        // Past its last root an account stands beside the limb, not in it.
        (shape.id(shape.last_root())? >= id).then_some(*slot)
    }

    // A chunk that a change leaves nearly empty is packed together with its neighbour.
    fn merge_small(&mut self) {
        let small = self.old.chunk_rows / 4;
        let mut gone: HashMap<u32, u32> = HashMap::new();
        for place in self.plan.removed.iter().chain(self.plan.moved.keys()) {
            *gone.entry(place.slot).or_default() += 1;
        }
        for (slot, gone) in gone {
            let Some(chunk) = self.old.chunk(slot) else { continue };
            if chunk.shape.rows() - gone.min(chunk.shape.rows()) >= small {
                continue;
            }
            if let Some(home) = chunk.home {
                self.dissolved.insert(home.slot);
            } else if let Some(at) = self.old.trunk.iter().position(|other| *other == slot) {
                let before = at.checked_sub(1).and_then(|at| self.old.trunk.get(at));
                if let Some(neighbour) = before.or_else(|| self.old.trunk.get(at + 1)) {
                    self.dissolved.insert(*neighbour);
                }
            }
        }
        // Dissolved trunk chunks side by side share one run.
        let mut run: Option<u32> = None;
        for slot in self.old.trunk.iter() {
            if !self.dissolved.contains(slot) {
                run = None;
                continue;
            }
            self.joined.insert(*slot, *run.get_or_insert(*slot));
        }
    }

    fn row_of(&self, place: AccountIdx) -> Option<u32> {
        self.row_of.get(&place.slot)?.get(place.row as usize).copied().filter(|row| *row != NONE)
    }

    fn group(&self, slot: u32) -> Group {
        self.joined.get(&slot).copied().unwrap_or(slot)
    }

    // Takes the rows out of the dissolved chunks and puts them under their new parents.
    fn collect(&mut self) {
        let (old, plan) = (self.old, self.plan);
        for slot in &self.dissolved {
            let Some(chunk) = old.chunk(*slot) else { continue };
            let mut own = vec![NONE; chunk.shape.rows() as usize];
            for (place, at) in (0..).map(|row| AccountIdx::new(*slot, row)).zip(&mut own) {
                if !plan.removed.contains(&place) {
                    *at = len(&self.rows);
                    self.rows.push(Origin::Old(place));
                }
            }
            self.row_of.insert(*slot, own);
        }
        let first_new = len(&self.rows);
        self.rows.extend((0..len(&plan.added)).map(Origin::New));
        for origin in &self.rows {
            let under = match origin {
                Origin::Old(place) => match plan.moved.get(place) {
                    Some(under) => *under,
                    None => old.parent(*place).map_or(Under::Root, Under::Old),
                },
                Origin::New(number) => {
                    plan.added.get(*number as usize).map_or(Under::Root, |added| added.under)
                }
            };
            let collected = match under {
                Under::New(number) => Some(first_new + number),
                Under::Old(parent) => self.row_of(parent),
                Under::Root => None,
            };
            let stood = match origin {
                Origin::Old(place) => place.slot,
                Origin::New(_) => EMPTY_TRUNK,
            };
            let run = || self.group(self.entered.get(origin).copied().unwrap_or(stood));
            self.parent.push(collected.ok_or_else(run));
        }
        for slot in &self.dissolved {
            let Some(chunk) = old.chunk(*slot) else { continue };
            for limb in chunk.limbs.iter().filter(|limb| !self.dissolved.contains(&limb.slot)) {
                if let Some(row) = self.row_of(AccountIdx::new(*slot, limb.anchor)) {
                    self.kept.push((limb.slot, row));
                }
            }
        }
    }

    // Arranges every run and packs it. Items: rows, then kept limbs, then groups.
    fn arrange(&self) -> Vec<(Group, Packed)> {
        let mut groups: Vec<Group> = self.parent.iter().filter_map(|parent| parent.err()).collect();
        groups.extend(self.dissolved.iter().map(|slot| self.group(*slot)));
        groups.sort_unstable();
        groups.dedup();
        // A dissolved limb under a collected parent is no run of its own.
        groups.retain(|group| self.hangs_outside(*group));
        let first_kept = len(&self.rows);
        let first_group = first_kept + len(&self.kept);
        let group_item = |group: &Group| first_group + len_of(groups.partition_point(|other| other < group));
        let mut parents: Vec<u32> = self
            .parent
            .iter()
            .map(|parent| match parent {
                Ok(row) => *row,
                Err(group) => group_item(group),
            })
            .collect();
        parents.extend(self.kept.iter().map(|(_, row)| *row));
        parents.extend(groups.iter().map(|_| NONE));
        let name = |item: u32| -> &str {
            if item < first_kept {
                match self.rows.get(item as usize) {
                    Some(Origin::Old(place)) => self.old.id(*place),
                    Some(Origin::New(number)) => {
                        self.plan.added.get(*number as usize).map_or("", |added| added.id.as_str())
                    }
                    None => "",
                }
            } else {
                let kept = self.kept.get((item - first_kept) as usize);
                kept.and_then(|(slot, _)| self.old.chunk(*slot)?.shape.id(0)).unwrap_or_default()
            }
        };
        let forest = arrange(&parents, |a, b| {
            if a >= first_group || b >= first_group { a.cmp(&b) } else { name(a).cmp(name(b)) }
        });
        let mut packed = Vec::new();
        let mut at = 0;
        for group in groups {
            let end = forest.end.get(at as usize).copied().unwrap_or(at);
            let run = slice(&forest, at + 1, end);
            packed.push((group, pack(&run, first_kept, self.old.chunk_rows)));
            at = end;
        }
        packed
    }

    fn hangs_outside(&self, group: Group) -> bool {
        match self.old.chunk(group).and_then(|chunk| chunk.home) {
            Some(home) => !self.dissolved.contains(&home.slot),
            None => true,
        }
    }

    fn build(&self, inner: &mut Inner, groups: &[(Group, Packed)]) {
        let mut free: BTreeSet<u32> = self.dissolved.clone();
        let mut slots: Vec<Vec<u32>> = Vec::new();
        // A chunk takes the slot that most of its rows come from, so that few ids change their slot.
        for (_, packed) in groups {
            let own = packed.chunks.iter().map(|chunk| self.preferred(&chunk.items, &mut free)).collect();
            slots.push(own);
        }
        for slot in &self.dissolved {
            if let Some(place) = inner.chunks.get_mut(*slot as usize) {
                *place = None;
            }
        }
        // Taken slots are marked, so that no other chunk finds them empty.
        let take = |inner: &mut Inner, slot: u32| {
            if let Some(place) = inner.chunks.get_mut(slot as usize) {
                *place = Some(Arc::new(Chunk::without_rows()));
            }
        };
        for slot in slots.iter().flatten().filter(|slot| **slot != NONE) {
            take(inner, *slot);
        }
        let mut first_empty = 0;
        for slot in slots.iter_mut().flatten().filter(|slot| **slot == NONE) {
            *slot = free.pop_first().unwrap_or_else(|| {
                // Slots emptied by earlier changes first.
                let empty = inner.chunks.iter().skip(first_empty).position(Option::is_none);
                first_empty += empty.unwrap_or(inner.chunks.len() - first_empty);
                if first_empty == inner.chunks.len() {
                    inner.chunks.push(None);
                }
                len_of(first_empty)
            });
            take(inner, *slot);
        }
        let mut tops: HashMap<Group, Vec<u32>> = HashMap::new();
        for ((group, packed), slots) in groups.iter().zip(&slots) {
            tops.insert(*group, self.build_group(inner, *group, packed, slots));
        }
        self.hang_up(inner, &tops);
        self.edit_indexes(inner, groups, &slots);
        inner.layout = Layout::new(
            inner.chunks.iter().map(|chunk| chunk.as_ref().map_or(0, |chunk| chunk.shape.rows())),
        );
    }

    fn preferred(&self, items: &[u32], free: &mut BTreeSet<u32>) -> u32 {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for item in items {
            if let Some(Origin::Old(place)) = self.rows.get(*item as usize) {
                *counts.entry(place.slot).or_default() += 1;
            }
        }
        let best = counts
            .into_iter()
            .filter(|(slot, _)| free.contains(slot))
            .max_by_key(|(slot, n)| (*n, u32::MAX - slot));
        match best {
            Some((slot, _)) => {
                free.remove(&slot);
                slot
            }
            None => NONE,
        }
    }

    // Puts the chunks of one run into their slots; answers those that hang on no chunk of the run.
    fn build_group(&self, inner: &mut Inner, group: Group, packed: &Packed, slots: &[u32]) -> Vec<u32> {
        let outside = self.old.chunk(group).and_then(|chunk| chunk.home);
        let slot_of = |chunk: u32| slots.get(chunk as usize).copied().unwrap_or(NONE);
        for (number, chunk) in packed.chunks.iter().enumerate() {
            let slot = slot_of(len_of(number));
            let home = match chunk.home {
                Some((upper, row)) => Some(AccountIdx::new(slot_of(upper), row)),
                None => outside,
            };
            let mut limbs = Vec::with_capacity(chunk.limbs.len());
            for limb in &chunk.limbs {
                let target = match limb.target {
                    LimbTarget::New(chunk) => slot_of(chunk),
                    LimbTarget::Kept(item) => {
                        let kept =
                            self.kept.get((item - len(&self.rows)) as usize).map_or(NONE, |kept| kept.0);
                        if let Some(Some(chunk)) = inner.chunks.get_mut(kept as usize) {
                            Arc::make_mut(chunk).home = Some(AccountIdx::new(slot, limb.anchor));
                        }
                        kept
                    }
                };
                limbs.push(Limb { anchor: limb.anchor, before: limb.before, slot: target });
            }
            let origins: Vec<Origin> =
                chunk.items.iter().filter_map(|item| self.rows.get(*item as usize).copied()).collect();
            let built = rechunk::chunk(self.old, self.plan, &origins, &chunk.parent, home, limbs);
            if let Some(place) = inner.chunks.get_mut(slot as usize) {
                *place = Some(Arc::new(built));
            }
        }
        packed.top.iter().map(|chunk| slot_of(*chunk)).collect()
    }

    // Hangs the runs where those that they replace hung: all at once, since a new chunk may have taken
    // the slot that names another run.
    fn hang_up(&self, inner: &mut Inner, tops: &HashMap<Group, Vec<u32>>) {
        let of = |group: Group| tops.get(&group).map_or(&[][..], Vec::as_slice);
        let mut trunk: Vec<u32> = Vec::with_capacity(inner.trunk.len());
        for slot in inner.trunk.iter() {
            match self.joined.get(slot) {
                // In place of the run's first chunk; the others of the run are gone from the trunk.
                Some(group) if group == slot => trunk.extend(of(*group)),
                Some(_) => {}
                None => trunk.push(*slot),
            }
        }
        trunk.extend(of(EMPTY_TRUNK));
        inner.trunk = trunk.into();
        let outside = |group: &Group| self.old.chunk(*group).and_then(|chunk| chunk.home);
        let uppers: BTreeSet<u32> = tops.keys().filter_map(outside).map(|home| home.slot).collect();
        for upper in uppers {
            let Some(Some(upper)) = inner.chunks.get_mut(upper as usize) else { continue };
            let upper = Arc::make_mut(upper);
            let hang = |limb: &Limb| match tops.get(&limb.slot) {
                Some(slots) => slots.iter().map(|slot| Limb { slot: *slot, ..*limb }).collect(),
                None => vec![*limb],
            };
            upper.limbs = upper.limbs.iter().flat_map(hang).collect();
        }
    }

    // Ids whose slot is another one now, and those that came and went.
    fn edit_indexes(&self, inner: &mut Inner, groups: &[(Group, Packed)], slots: &[Vec<u32>]) {
        let mut accounts = Entries::default();
        let mut children: Vec<Entries> = inner.schema.tables().map(|_| Entries::default()).collect();
        for place in &self.plan.removed {
            accounts.gone.push((hash_of(self.old.id(*place)), place.slot));
            self.note_children(*place, &mut children, |entries, hash| entries.gone.push((hash, place.slot)));
        }
        for ((_, packed), slots) in groups.iter().zip(slots) {
            for (chunk, slot) in packed.chunks.iter().zip(slots) {
                for origin in chunk.items.iter().filter_map(|item| self.rows.get(*item as usize)) {
                    match origin {
                        Origin::Old(place) if place.slot == *slot => {}
                        Origin::Old(place) => {
                            let hash = hash_of(self.old.id(*place));
                            accounts.gone.push((hash, place.slot));
                            accounts.new.push((hash, *slot));
                            self.note_children(*place, &mut children, |entries, hash| {
                                entries.gone.push((hash, place.slot));
                                entries.new.push((hash, *slot));
                            });
                        }
                        Origin::New(number) => {
                            let id =
                                self.plan.added.get(*number as usize).map_or("", |added| added.id.as_str());
                            accounts.new.push((hash_of(id), *slot));
                        }
                    }
                }
            }
        }
        accounts.apply(&mut inner.index);
        for (entries, index) in children.into_iter().zip(&mut inner.child_index) {
            entries.apply(index);
        }
    }

    fn note_children(&self, place: AccountIdx, children: &mut [Entries], note: impl Fn(&mut Entries, u64)) {
        let Some(chunk) = self.old.chunk(place.slot) else { return };
        for (entries, block) in children.iter_mut().zip(&chunk.tables) {
            let Some(block) = block else { continue };
            for id in block.rows_of(place.row).filter_map(|row| block.id(row)) {
                note(entries, hash_of(id));
            }
        }
    }
}

/// Entries of an index that go and come.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) gone: Vec<(u64, u32)>,
    pub(super) new: Vec<(u64, u32)>,
}

impl Entries {
    pub(super) fn apply(self, index: &mut Arc<crate::tree::TagIndex>) {
        if !self.gone.is_empty() || !self.new.is_empty() {
            Arc::make_mut(index).edit(&self.gone, &self.new);
        }
    }
}

// The positions `start..end` of a forest as a forest of their own.
fn slice(forest: &Arranged, start: u32, end: u32) -> Arranged {
    let range = start as usize..end.max(start) as usize;
    let items = forest.items.get(range.clone()).unwrap_or_default().to_vec();
    let parents = forest.parent.get(range.clone()).unwrap_or_default();
    let ends = forest.end.get(range).unwrap_or_default();
    Arranged {
        items,
        parent: parents
            .iter()
            .map(|up| if *up == NONE || *up < start { NONE } else { *up - start })
            .collect(),
        end: ends.iter().map(|end| end - start).collect(),
    }
}

fn len<T>(items: &[T]) -> u32 {
    len_of(items.len())
}

// Rows, chunks and limbs are fewer than the limit on accounts.
fn len_of(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}
