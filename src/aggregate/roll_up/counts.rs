//! Which values are the most frequent?

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::expr::Key;

/// So many different values are kept in a list, and looked through.
const FEW: usize = 16;

/// How often each value comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counts {
    /// A few values, in their order.
    Few(Vec<(Key, u64)>),
    /// Many, and the values by how often: the most frequent first; of equals, the least.
    Many { counts: HashMap<Key, u64>, order: BTreeSet<(Reverse<u64>, Key)> },
}

impl Default for Counts {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Counts {
    /// Of one value.
    pub(super) fn of(value: Key, times: u64) -> Self {
        Self::Few(vec![(value, times)])
    }

    fn len(&self) -> usize {
        match self {
            Self::Few(counts) => counts.len(),
            Self::Many { counts, .. } => counts.len(),
        }
    }

    pub(super) fn add(&mut self, value: Key, times: u64) {
        match self {
            Self::Few(few) => {
                match few.binary_search_by(|(known, _)| known.cmp(&value)) {
                    Ok(at) => {
                        if let Some((_, count)) = few.get_mut(at) {
                            *count = count.saturating_add(times);
                        }
                    }
                    Err(at) => few.insert(at, (value, times)),
                }
                if few.len() > FEW {
                    let few = std::mem::take(few);
                    let order = few.iter().map(|(value, count)| (Reverse(*count), value.clone())).collect();
                    *self = Self::Many { counts: few.into_iter().collect(), order };
                }
            }
            Self::Many { counts, order } => {
                let count = counts.entry(value.clone()).or_insert(0);
                if *count > 0 {
                    order.remove(&(Reverse(*count), value.clone()));
                }
                *count = count.saturating_add(times);
                order.insert((Reverse(*count), value));
            }
        }
    }

    /// The smaller side is added to the larger one.
    pub(super) fn absorb(&mut self, mut other: Self) {
        if other.len() > self.len() {
            std::mem::swap(self, &mut other);
        }
        match other {
            Self::Few(few) => few.into_iter().for_each(|(value, count)| self.add(value, count)),
            Self::Many { counts, .. } => {
                counts.into_iter().for_each(|(value, count)| self.add(value, count));
            }
        }
    }

    /// The most frequent values, so many.
    pub(super) fn top(&self, k: usize) -> Vec<Key> {
        match self {
            Self::Few(few) => {
                let mut sorted: Vec<&(Key, u64)> = few.iter().collect();
                // Stable: of equals, the least.
                sorted.sort_by_key(|(_, count)| Reverse(*count));
                sorted.into_iter().take(k).map(|(value, _)| value.clone()).collect()
            }
            Self::Many { order, .. } => order.iter().take(k).map(|(_, value)| value.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_say_the_same() {
        let mut counts = Counts::default();
        for number in 0..100_i64 {
            let value = number * 37 % 23;
            counts.absorb(Counts::of(Key::Int(value), u64::from(value == 5) + 1));
        }
        assert!(matches!(counts, Counts::Many { .. }));
        let top = counts.top(3);
        // 100 values by 23: those from 0 to 100 x 37 mod 23 come five times, the others four; 5 comes twice as often.
        assert_eq!(top.first(), Some(&Key::Int(5)));
        let mut few = Counts::default();
        for value in [3, 1, 2, 1, 3] {
            few.absorb(Counts::of(Key::Int(value), 1));
        }
        assert_eq!(few.top(2), [Key::Int(1), Key::Int(3)]);
    }
}
