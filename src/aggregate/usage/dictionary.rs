//! Which number stands for a text, or for another thing that is met again and again?

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use indexmap::{Equivalent, IndexSet};

/// Parts of a dictionary; a change copies one of them.
const PARTS: usize = 1 << BITS;
const BITS: u32 = 10;

/// Things by number, and numbers by thing. A clone shares all that neither side adds to.
///
/// A number says in which part a thing stands, and at which place there. Numbers are no result: they differ from run to
/// run.
#[derive(Debug, Clone)]
pub(super) struct Dictionary<K> {
    parts: Arc<Vec<Arc<IndexSet<K>>>>,
    hasher: std::hash::RandomState,
    len: usize,
}

impl<K: Hash + Eq + Clone> Dictionary<K> {
    pub(super) fn new() -> Self {
        let empty = Arc::new(IndexSet::new());
        Self { parts: Arc::new(vec![empty; PARTS]), hasher: std::hash::RandomState::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Do both hold the same things under the same numbers, as far as that shows at once?
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    fn part_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        self.hasher.hash_one(key) as usize % PARTS
    }

    /// The number of a thing that is known.
    pub(super) fn find<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<u32> {
        let part = self.part_of(key);
        number(part, self.parts.get(part)?.get_index_of(key)?)
    }

    /// The number of a thing, which is added where it is not known. `None` where a part is full, which takes four
    /// thousand million things.
    pub(super) fn intern<Q: Hash + Equivalent<K> + ?Sized>(
        &mut self,
        key: &Q,
        owned: impl FnOnce(&Q) -> K,
    ) -> Option<u32> {
        let at = self.part_of(key);
        let part = self.parts.get(at)?;
        if let Some(place) = part.get_index_of(key) {
            return number(at, place);
        }
        let found = number(at, part.len())?;
        if let Some(part) = Arc::make_mut(&mut self.parts).get_mut(at) {
            Arc::make_mut(part).insert(owned(key));
        }
        self.len += 1;
        Some(found)
    }

    /// Everything, by number.
    #[cfg(feature = "snapshot")]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &K)> {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(|(part, things)| {
            things.iter().enumerate().filter_map(move |(place, thing)| Some((number(part, place)?, thing)))
        })
    }

    /// How many things there are in each part.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(|part| part.len())
    }

    /// The thing of a number.
    pub(super) fn get(&self, number: u32) -> Option<&K> {
        let (part, place) = placed(number);
        self.parts.get(part)?.get_index(place)
    }

    /// Something worked out for every thing, to be looked up by number.
    pub(super) fn each<T>(&self, of: impl Fn(&K) -> T) -> Each<T> {
        Each(self.parts.iter().map(|part| part.iter().map(&of).collect()).collect())
    }
}

/// What was worked out for every thing of a dictionary.
#[derive(Debug)]
pub(super) struct Each<T>(Vec<Box<[T]>>);

impl<T: Copy> Each<T> {
    pub(super) fn get(&self, number: u32) -> Option<T> {
        let (part, place) = placed(number);
        self.0.get(part)?.get(place).copied()
    }
}

pub(super) fn number(part: usize, place: usize) -> Option<u32> {
    let place = u32::try_from(place).ok().filter(|place| *place < (1 << (32 - BITS)) - 1)?;
    Some(place << BITS | u32::try_from(part).ok()?)
}

/// The part and the place of a number.
pub(super) const fn placed(number: u32) -> (usize, usize) {
    (number as usize % PARTS, (number >> BITS) as usize)
}

pub(super) const fn parts() -> usize {
    PARTS
}
