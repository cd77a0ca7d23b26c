//! In which chunk is the account (or child row) with this id?
//!
//! A hash of the id leads to a shard, the shard to the slots that may hold it; the chunk itself decides
//! by comparing ids. Shards are shared between versions of a book, so that a change copies only those
//! that it touches.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::Arc;

/// Entries that a shard should hold when the index is built.
const SHARD_ENTRIES: usize = 512;
/// Most shards of an index.
const MAX_SHARDS: usize = 1 << 16;

/// The hash of an id. `SipHash` with fixed keys: the same everywhere, so that no
/// answer depends on a key. The keys are public: ids made to collide slow a host's own loads down, and
/// change no answer.
pub(crate) fn hash_of(id: &str) -> u64 {
    hash_of_bytes(id.as_bytes())
}

/// The hash of bytes, likewise.
pub(crate) fn hash_of_bytes(bytes: &[u8]) -> u64 {
    #[expect(
        deprecated,
        reason = "the std hasher with stated keys; `DefaultHasher` may change its algorithm"
    )]
    let mut hasher = std::hash::SipHasher::new_with_keys(0x7065_7265_6e6e_6961, 0x6c62_6f6f_6b73_2121);
    hasher.write(bytes);
    hasher.finish()
}

/// The part of a hash that entries keep.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
pub(crate) const fn tag_of(hash: u64) -> u32 {
    hash as u32
}

/// The tag of an id, and a slot that may hold it.
type Entry = (u32, u32);

/// From the hash of an id to the slots that may hold it.
#[derive(Debug, Clone)]
pub(crate) struct TagIndex {
    // INVARIANT: a power of two of shards, by the upper bits of the tag; each sorted by (tag, slot).
    shards: Vec<Arc<Vec<Entry>>>,
    shift: u32,
    entries: usize,
}

impl TagIndex {
    pub(crate) fn build(entries: impl ExactSizeIterator<Item = (u64, u32)>) -> Self {
        Self::of(entries.map(|(hash, slot)| (tag_of(hash), slot)))
    }

    fn of(entries: impl ExactSizeIterator<Item = Entry>) -> Self {
        let total = entries.len();
        let count = (total / SHARD_ENTRIES).max(1).next_power_of_two().min(MAX_SHARDS);
        // One shard: no bits of the tag are used, and a shift by 32 would be no shift at all.
        let shift = u32::BITS - count.trailing_zeros();
        let mut shards: Vec<Vec<Entry>> = vec![Vec::new(); count];
        for entry in entries {
            if let Some(shard) = shards.get_mut(shard_of(entry.0, shift)) {
                shard.push(entry);
            }
        }
        for shard in &mut shards {
            shard.sort_unstable();
            shard.shrink_to_fit();
        }
        Self { shards: shards.into_iter().map(Arc::new).collect(), shift, entries: total }
    }

    /// The slots that may hold the id with this hash.
    pub(crate) fn slots(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let tag = tag_of(hash);
        let shard = self.shards.get(shard_of(tag, self.shift)).map_or(&[][..], |shard| shard.as_slice());
        let start = shard.partition_point(|entry| entry.0 < tag);
        shard.iter().skip(start).take_while(move |entry| entry.0 == tag).map(|entry| entry.1)
    }

    /// The slots and tags of entries that share their tag with another one, in order. Two entries of one
    /// id are among them, and few others.
    #[cfg(feature = "snapshot")]
    pub(crate) fn repeated(&self) -> Vec<(u32, u32)> {
        let runs = self.shards.iter().flat_map(|shard| shard.chunk_by(|a, b| a.0 == b.0));
        let mut repeated: Vec<(u32, u32)> =
            runs.filter(|run| run.len() > 1).flatten().map(|(tag, slot)| (*slot, *tag)).collect();
        repeated.sort_unstable();
        repeated.dedup();
        repeated
    }

    /// Applies removals, then insertions. Each touched shard is copied once; an index that has outgrown
    /// its shards is built anew, which is seldom enough to cost a constant for each entry.
    pub(crate) fn edit(&mut self, removed: &[(u64, u32)], added: &[(u64, u32)]) {
        let mut by_shard: BTreeMap<usize, (Vec<Entry>, Vec<Entry>)> = BTreeMap::new();
        for (hash, slot) in removed {
            let tag = tag_of(*hash);
            by_shard.entry(shard_of(tag, self.shift)).or_default().0.push((tag, *slot));
        }
        for (hash, slot) in added {
            let tag = tag_of(*hash);
            by_shard.entry(shard_of(tag, self.shift)).or_default().1.push((tag, *slot));
        }
        for (place, (mut gone, mut new)) in by_shard {
            let Some(shard) = self.shards.get_mut(place) else { continue };
            gone.sort_unstable();
            new.sort_unstable();
            let (mut gone, mut new) = (gone.into_iter().peekable(), new.into_iter().peekable());
            let mut entries: Vec<Entry> = Vec::with_capacity(shard.len() + new.len());
            for entry in shard.iter() {
                while let Some(new) = new.next_if(|new| new < entry) {
                    entries.push(new);
                }
                while gone.peek().is_some_and(|g| g < entry) {
                    gone.next();
                }
                if gone.peek() == Some(entry) {
                    gone.next();
                } else {
                    entries.push(*entry);
                }
            }
            entries.extend(new);
            self.entries = self.entries + entries.len() - shard.len();
            *shard = Arc::new(entries);
        }
        if self.entries > self.shards.len() * SHARD_ENTRIES * 4 && self.shards.len() < MAX_SHARDS {
            let all: Vec<Entry> = self.shards.iter().flat_map(|shard| shard.iter().copied()).collect();
            *self = Self::of(all.into_iter());
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.capacity() * 8 + 40).sum::<usize>() + self.shards.capacity() * 8
    }
}

fn shard_of(tag: u32, shift: u32) -> usize {
    usize::try_from(tag.checked_shr(shift).unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_grows_and_shrinks_without_losing_an_entry() {
        let entry = |n: u32| (hash_of(&n.to_string()), n % 97);
        let mut index = TagIndex::build(std::iter::empty());
        // Removals come first: those of the first round find nothing.
        for start in (0..20_000).step_by(500) {
            let added: Vec<_> = (start..start + 500).map(entry).collect();
            let removed: Vec<_> = (start..start + 500).filter(|n| n % 5 == 0).map(|n| entry(n / 5)).collect();
            index.edit(&removed, &added);
        }
        assert!(index.shards.len() > 4, "{} shards", index.shards.len());
        for n in 0..20_000 {
            let (hash, slot) = entry(n);
            assert_eq!(index.slots(hash).any(|found| found == slot), !(100..4_000).contains(&n), "{n}");
        }
        assert_eq!(index.entries, 16_100);
    }
}
