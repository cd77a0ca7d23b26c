//! Do the chunks of a snapshot form a forest in order?
//!
//! Every walk of the engine relies on it: chunks hang as they say and in no ring, rows and limbs stand in
//! pre-order, siblings and roots in the order of their ids (rulings S46 and S47 of `docs/semantics`).

use super::reader::{Read, Reader};
use crate::book::Limb;
use crate::model::AccountIdx;
use crate::tree::{NONE, Shape, TagIndex, tag_of};

/// A chunk whose rows are in order in themselves.
pub(super) struct Draft {
    /// Where it stands in the snapshot.
    pub(super) at: usize,
    pub(super) shape: Shape,
    pub(super) home: Option<AccountIdx>,
    pub(super) limbs: Vec<Limb>,
}

/// Checks how the chunks hang together.
pub(super) fn check(reader: &Reader<'_>, chunks: &[Option<Box<Draft>>], trunk: &[u32]) -> Read<()> {
    let chunk = |slot: u32| chunks.get(slot as usize).and_then(Option::as_deref);
    // From the trunk downwards every chunk is reached, and none twice: no ring, nothing that hangs nowhere.
    let mut reached = vec![false; chunks.len()];
    let mut reach = |slot: u32| match reached.get_mut(slot as usize) {
        Some(reached) => !std::mem::replace(reached, true),
        None => false,
    };
    let mut work: Vec<u32> = Vec::new();
    let mut last_root = "";
    for slot in trunk {
        let Some(top) = chunk(*slot).filter(|top| top.home.is_none() && reach(*slot)) else {
            return Err(reader.fault(format!("chunk {slot} cannot stand in the trunk")));
        };
        check_order(reader, last_root, top)?;
        last_root = last_local_root(top);
        work.push(*slot);
    }
    while let Some(slot) = work.pop() {
        let Some(upper) = chunk(slot) else { continue };
        for limb in &upper.limbs {
            let home = Some(AccountIdx::new(slot, limb.anchor));
            let hangs = chunk(limb.slot).is_some_and(|below| below.home == home && reach(limb.slot));
            if !hangs {
                return Err(reader.fault_at(upper.at, format!("chunk {} cannot hang here", limb.slot)));
            }
            work.push(limb.slot);
        }
        check_rows(reader, upper, &chunk)?;
    }
    if chunks.iter().zip(&reached).any(|(chunk, reached)| chunk.is_some() != *reached) {
        return Err(reader.fault("some chunk hangs nowhere"));
    }
    Ok(())
}

// Rows and limbs in the order of the tree: each one's parent is what was last in order, or above that.
fn check_rows<'c>(
    reader: &Reader<'_>,
    draft: &'c Draft,
    chunk: &impl Fn(u32) -> Option<&'c Draft>,
) -> Read<()> {
    let shape = &draft.shape;
    let mut last_child: Vec<&str> = vec![""; shape.rows() as usize];
    let mut limbs = draft.limbs.iter().peekable();
    let mut last = NONE;
    let mut last_root = "";
    for row in 0..=shape.rows() {
        while let Some(limb) = limbs.next_if(|limb| limb.before == row) {
            last = climb(shape, last, limb.anchor);
            let (Some(below), Some(before)) = (chunk(limb.slot), last_child.get_mut(last as usize)) else {
                return Err(
                    reader.fault_at(draft.at, format!("chunk {} stands outside its account", limb.slot))
                );
            };
            check_order(reader, before, below)?;
            *before = last_local_root(below);
        }
        let Some(id) = shape.id(row) else { break };
        let before = match shape.parent(row) {
            None => &mut last_root,
            Some(parent) => {
                let top = climb(shape, last, parent);
                match last_child.get_mut(top as usize) {
                    Some(before) => before,
                    None => return Err(reader.fault_at(draft.at, format!("row {row} is out of order"))),
                }
            }
        };
        if *before >= id {
            return Err(reader.fault_at(draft.at, format!("`{id}` stands after `{before}`")));
        }
        *before = id;
        last = row;
    }
    match limbs.next() {
        Some(limb) => Err(reader.fault_at(draft.at, format!("chunk {} stands out of order", limb.slot))),
        None => Ok(()),
    }
}

// From a row upwards to one that must be above it; `NONE` when it is not. What is left behind on the way is
// never met again, so that all climbs together are as many steps as rows.
fn climb(shape: &Shape, from: u32, to: u32) -> u32 {
    let mut at = from;
    while at != NONE && at != to {
        at = shape.parent(at).unwrap_or(NONE);
    }
    at
}

// The roots of a chunk stand after what comes before it, and in order: the latter is checked with its rows.
fn check_order(reader: &Reader<'_>, before: &str, draft: &Draft) -> Read<()> {
    match draft.shape.id(0) {
        Some(id) if id > before => Ok(()),
        Some(id) => Err(reader.fault_at(draft.at, format!("`{id}` stands after `{before}`"))),
        None => Err(reader.fault_at(draft.at, "a chunk has no rows")),
    }
}

fn last_local_root(draft: &Draft) -> &str {
    draft.shape.id(draft.shape.last_root()).unwrap_or_default()
}

/// An id that stands twice. `entries` are those of the index, slot by slot; `id` answers the n-th of a slot.
pub(super) fn repeated_id<'t>(
    index: &TagIndex,
    entries: &[(u64, u32)],
    id: impl Fn(u32, usize) -> Option<&'t str>,
) -> Option<&'t str> {
    let suspects = index.repeated();
    let mut ids: Vec<&str> = Vec::new();
    for own in suspects.chunk_by(|a, b| a.0 == b.0) {
        let Some((slot, _)) = own.first().copied() else { continue };
        let start = entries.partition_point(|entry| entry.1 < slot);
        let entries = entries.iter().skip(start).take_while(|entry| entry.1 == slot);
        let suspect = |(hash, slot): &(u64, u32)| own.binary_search(&(*slot, tag_of(*hash))).is_ok();
        let found = entries.enumerate().filter(|(_, entry)| suspect(entry));
        ids.extend(found.filter_map(|(row, _)| id(slot, row)));
    }
    ids.sort_unstable();
    ids.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}
