//! Which events were counted already?

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::tree::hash_of;

/// The fingerprint of what is not known any more.
pub(super) const ANY_PRINT: u64 = 0;
/// A change copies one part.
const PARTS: usize = 4_096;

/// The ids of events of the last days, each with a fingerprint of what it stood for.
#[derive(Debug, Clone)]
pub(super) struct EventIds {
    parts: Arc<Vec<Arc<Part>>>,
    /// Ids of events before this day are forgotten.
    from: i32,
}

#[derive(Debug, Clone, Default)]
struct Part {
    prints: HashMap<Arc<str>, (i32, u64)>,
    by_day: BTreeMap<i32, Vec<Arc<str>>>,
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn part_of(id: &str) -> usize {
    hash_of(id) as usize % PARTS
}

impl EventIds {
    pub(super) fn new() -> Self {
        Self { parts: Arc::new(vec![Arc::default(); PARTS]), from: i32::MIN }
    }

    /// None yet, and none before a day.
    #[cfg(feature = "snapshot")]
    pub(super) fn since(from: i32) -> Self {
        Self { from, ..Self::new() }
    }

    /// Ids of events before this day are forgotten.
    pub(super) const fn from(&self) -> i32 {
        self.from
    }

    /// All ids, each with its day and its fingerprint.
    #[cfg(feature = "snapshot")]
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, &str, u64)> {
        let prints = self.parts.iter().flat_map(|part| &part.prints);
        prints.map(|(id, (day, print))| (*day, &**id, *print))
    }

    /// What an id stands for, if its event was on a day or later.
    pub(super) fn find(&self, id: &str, from: i32) -> Option<u64> {
        let (day, print) = *self.parts.get(part_of(id))?.prints.get(id)?;
        (day >= from).then_some(print)
    }

    pub(super) fn remember(&mut self, id: &str, day: i32, print: u64) {
        if day < self.from {
            return;
        }
        let Some(part) = Arc::make_mut(&mut self.parts).get_mut(part_of(id)) else { return };
        let part = Arc::make_mut(part);
        let id: Arc<str> = Arc::from(id);
        part.by_day.entry(day).or_default().push(id.clone());
        part.prints.insert(id, (day, print));
    }

    /// Forgets the ids of events before a day.
    pub(super) fn forget_before(&mut self, day: i32) {
        if day <= self.from {
            return;
        }
        self.from = day;
        let older = |part: &Arc<Part>| part.by_day.first_key_value().is_some_and(|(first, _)| *first < day);
        if !self.parts.iter().any(older) {
            return;
        }
        for part in Arc::make_mut(&mut self.parts).iter_mut().filter(|part| older(part)) {
            let part = Arc::make_mut(part);
            let kept = part.by_day.split_off(&day);
            for id in std::mem::replace(&mut part.by_day, kept).into_values().flatten() {
                // It may stand for a later event by now.
                if part.prints.get(&id).is_some_and(|(own, _)| *own < day) {
                    part.prints.remove(&id);
                }
            }
        }
    }

    /// The same ids, of which it is not known any more what they stood for.
    pub(super) fn without_prints(&self) -> Self {
        let part = |part: &Arc<Part>| {
            let prints = part.prints.iter().map(|(id, (day, _))| (id.clone(), (*day, ANY_PRINT))).collect();
            Arc::new(Part { prints, by_day: part.by_day.clone() })
        };
        Self { parts: Arc::new(self.parts.iter().map(part).collect()), from: self.from }
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.prints.len()).sum()
    }
}
