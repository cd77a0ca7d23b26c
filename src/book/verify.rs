//! Is this book in order?
//!
//! Every invariant of the structure, checked the slow way. For tests: a host never needs it.

use std::collections::HashSet;

use super::{Book, Inner};
use crate::model::AccountIdx;
use crate::tree::hash_of;

impl Book {
    /// Checks every invariant of the structure of a book.
    ///
    /// # Errors
    ///
    /// What is out of order, in words. Always a defect of this crate.
    ///
    /// # Complexity
    ///
    /// O(accounts × log).
    #[doc(hidden)]
    pub fn verify(&self) -> Result<(), String> {
        let inner = &*self.0;
        let mut hung: HashSet<u32> = HashSet::new();
        let mut last_root: Option<&str> = None;
        for slot in inner.trunk.iter() {
            let chunk = inner.chunk(*slot).ok_or_else(|| format!("trunk names empty slot {slot}"))?;
            if chunk.home.is_some() || !hung.insert(*slot) {
                return Err(format!("trunk slot {slot} hangs somewhere or stands twice"));
            }
            for root in chunk.shape.children(None) {
                let id = chunk.shape.id(root);
                if id <= last_root {
                    return Err(format!("root {id:?} stands after {last_root:?}"));
                }
                last_root = id;
            }
        }
        let mut accounts = 0;
        for (slot, chunk) in (0_u32..).zip(&inner.chunks) {
            let Some(chunk) = chunk else { continue };
            accounts += chunk.shape.rows() as usize;
            if chunk.shape.rows() == 0 || chunk.shape.rows() > inner.chunk_rows {
                return Err(format!("slot {slot} has {} rows", chunk.shape.rows()));
            }
            if inner.layout.rows(slot) != chunk.shape.rows() as usize {
                return Err(format!("layout of slot {slot} differs"));
            }
            for limb in chunk.limbs.iter() {
                let below =
                    inner.chunk(limb.slot).ok_or_else(|| format!("limb of {slot} names an empty slot"))?;
                if below.home != Some(AccountIdx::new(slot, limb.anchor)) || !hung.insert(limb.slot) {
                    return Err(format!(
                        "limb {} does not hang on slot {slot} row {}",
                        limb.slot, limb.anchor
                    ));
                }
                if limb.before <= limb.anchor || limb.before > chunk.shape.end(limb.anchor) {
                    return Err(format!("limb {} of slot {slot} stands outside its account", limb.slot));
                }
            }
            check_rows(inner, slot)?;
        }
        if hung.len() != inner.chunks.iter().flatten().count() {
            return Err("some chunk hangs nowhere".to_owned());
        }
        // Chunks that hang on each other in a ring all hang somewhere, and none is reached from the trunk.
        let mut reached = 0;
        let mut work: Vec<u32> = inner.trunk.to_vec();
        while let Some(slot) = work.pop() {
            reached += 1;
            work.extend(inner.chunk(slot).iter().flat_map(|chunk| chunk.limbs.iter()).map(|limb| limb.slot));
        }
        if reached != hung.len() {
            return Err(format!("{reached} of {} chunks are reached from the trunk", hung.len()));
        }
        if accounts != self.len() {
            return Err(format!("layout counts {} accounts, chunks {accounts}", self.len()));
        }
        Ok(())
    }
}

fn check_rows(inner: &Inner, slot: u32) -> Result<(), String> {
    let Some(chunk) = inner.chunk(slot) else { return Ok(()) };
    let mut children = Vec::new();
    for row in 0..chunk.shape.rows() {
        let place = AccountIdx::new(slot, row);
        let id = chunk.shape.id(row).unwrap_or_default();
        if inner.find(id) != Some(place) {
            return Err(format!("index leads `{id}` to {:?} instead of {place:?}", inner.find(id)));
        }
        children.clear();
        inner.children_into(place, &mut children);
        if children.windows(2).any(|pair| matches!(pair, [a, b] if inner.id(*a) >= inner.id(*b))) {
            return Err(format!("children of `{id}` are out of order"));
        }
        if let Some(stray) = children.iter().find(|child| inner.parent(**child) != Some(place)) {
            return Err(format!("`{}` does not know its parent `{id}`", inner.id(*stray)));
        }
        if children.is_empty() == inner.has_children(place) {
            return Err(format!("`{id}` is wrong about having children"));
        }
    }
    for (column, block) in chunk.columns.iter().enumerate() {
        if block.as_ref().is_some_and(|block| block.len() != chunk.shape.rows() as usize) {
            return Err(format!("column {column} of slot {slot} has another length"));
        }
    }
    for (number, block) in chunk.tables.iter().enumerate() {
        let Some(block) = block else { continue };
        if block.starts().len() != chunk.shape.rows() as usize + 1 {
            return Err(format!("table {number} of slot {slot} has another length"));
        }
        let mut before: Option<(Option<u32>, &str)> = None;
        for row in 0..block.rows() {
            let id = block.id(row).unwrap_or_default();
            let this = (block.owner(row), id);
            if before.is_some_and(|before| before >= this) {
                return Err(format!("row `{id}` of table {number} is out of order"));
            }
            before = Some(this);
            if inner.find_child(number, id) != Some((slot, row)) || block.row(id, hash_of(id)) != Some(row) {
                return Err(format!("index of table {number} does not lead to `{id}`"));
            }
        }
    }
    Ok(())
}
