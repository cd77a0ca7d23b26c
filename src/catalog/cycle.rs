//! Which way leads from a definition back to itself?
//!
//! A shortest one where it is near. In a large ring each definition would have a way as long as the ring, so that all of
//! them together would be quadratic: there, the way leads through one definition of the ring, and its middle is counted.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use super::definition::DefinitionRef;

/// Steps that a [`CyclePath`] lists at either end; what stands between them is counted.
pub const MAX_CYCLE_STEPS: usize = 8;

/// Edges of a ring that are followed to find shortest ways, for all its definitions together.
const SEARCHED_EDGES: usize = 1 << 18;

/// The way from a definition through those that it reads back to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CyclePath {
    /// The first steps, from the definition itself on; all of them where nothing is left out.
    pub first: Vec<DefinitionRef>,
    /// How many steps are left out after the first.
    pub left_out: usize,
    /// The last steps, the definition itself at the end; empty where nothing is left out.
    pub last: Vec<DefinitionRef>,
}

impl fmt::Display for CyclePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.first.iter().enumerate() {
            write!(f, "{}{}", if place > 0 { " -> " } else { "" }, step.name)?;
        }
        if self.left_out > 0 {
            write!(f, " -> ({} more)", self.left_out)?;
        }
        self.last.iter().try_for_each(|step| write!(f, " -> {}", step.name))
    }
}

/// The places on a way around a ring, as in [`CyclePath`].
pub(super) struct Way {
    pub(super) first: Vec<usize>,
    pub(super) left_out: usize,
    pub(super) last: Vec<usize>,
}

impl Way {
    fn of(mut path: Vec<usize>) -> Self {
        let left_out = path.len().saturating_sub(2 * MAX_CYCLE_STEPS);
        if left_out == 0 {
            return Self { first: path, left_out, last: Vec::new() };
        }
        let last = path.split_off(path.len() - MAX_CYCLE_STEPS);
        path.truncate(MAX_CYCLE_STEPS);
        Self { first: path, left_out, last }
    }
}

/// The ways around a ring: places that all lead to each other, and for each where it leads.
pub(super) struct Ring<'r> {
    places: &'r [usize],
    reads: &'r HashMap<usize, Vec<usize>>,
    /// For each place the next step towards the first place, and the number of steps.
    towards: HashMap<usize, (usize, usize)>,
    /// For each place the step before it on the way from the first place, and the number of steps.
    from: HashMap<usize, (usize, usize)>,
}

impl<'r> Ring<'r> {
    /// # Complexity
    ///
    /// Linear in the places and in what they read.
    pub(super) fn new(places: &'r [usize], reads: &'r HashMap<usize, Vec<usize>>) -> Self {
        let within: HashSet<usize> = places.iter().copied().collect();
        let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
        for place in places {
            for read in reads.get(place).into_iter().flatten().filter(|read| within.contains(read)) {
                readers.entry(*read).or_default().push(*place);
            }
        }
        let hub = places.first().copied().unwrap_or_default();
        let (from, towards) = (reached(hub, reads, &within), reached(hub, &readers, &within));
        Self { places, reads, towards, from }
    }

    /// A way from a place back to itself.
    pub(super) fn way_of(&self, place: usize) -> Way {
        let most = (SEARCHED_EDGES / self.places.len().max(1)).max(64);
        if let Some(path) = self.shortest(place, most) {
            return Way::of(path);
        }
        let hub = self.places.first().copied().unwrap_or_default();
        if place == hub {
            // Back from the reader of the hub that is nearest to it.
            let readers = self.towards.iter().filter(|(_, (_, far))| *far == 1).map(|(at, _)| *at);
            let far = |at: &usize| (self.from.get(at).map(|(_, far)| *far), *at);
            let reader = readers.min_by_key(far).unwrap_or(hub);
            let mut path = walk(&self.from, reader, hub, usize::MAX);
            path.reverse();
            path.push(hub);
            return Way::of(path);
        }
        let steps = |of: &HashMap<usize, (usize, usize)>| of.get(&place).map_or(0, |(_, far)| *far);
        // Both ends hold the place; the hub is in the middle.
        let all = steps(&self.towards) + steps(&self.from) + 1;
        let mut first = walk(&self.towards, place, hub, MAX_CYCLE_STEPS);
        let mut last = walk(&self.from, place, hub, MAX_CYCLE_STEPS);
        if first.last() == Some(&hub) && last.last() == Some(&hub) {
            last.pop();
        }
        last.reverse();
        let left_out = all.saturating_sub(first.len() + last.len());
        if left_out == 0 {
            first.append(&mut last);
        }
        Way { first, left_out, last }
    }

    /// A shortest way back, where it is found within a number of edges.
    fn shortest(&self, start: usize, most: usize) -> Option<Vec<usize>> {
        let mut before: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        let mut seen = 0;
        while let Some(at) = queue.pop_front() {
            for next in self.reads.get(&at).into_iter().flatten().filter(|next| self.from.contains_key(next))
            {
                seen += 1;
                if seen > most {
                    return None;
                }
                if *next == start {
                    let mut path = vec![start, at];
                    while let Some(step) = before.get(path.last()?) {
                        path.push(*step);
                    }
                    path.reverse();
                    return Some(path);
                }
                if !before.contains_key(next) {
                    before.insert(*next, at);
                    queue.push_back(*next);
                }
            }
        }
        None
    }
}

/// For each place that a hub leads to, the step before it on a shortest way, and how many steps that has.
fn reached(
    hub: usize,
    leads: &HashMap<usize, Vec<usize>>,
    within: &HashSet<usize>,
) -> HashMap<usize, (usize, usize)> {
    let mut found = HashMap::from([(hub, (hub, 0))]);
    let mut queue = VecDeque::from([(hub, 0)]);
    while let Some((at, far)) = queue.pop_front() {
        for next in leads.get(&at).into_iter().flatten().filter(|next| within.contains(next)) {
            if !found.contains_key(next) {
                found.insert(*next, (at, far + 1));
                queue.push_back((*next, far + 1));
            }
        }
    }
    found
}

/// The first steps from a place to the hub, both among them.
fn walk(next: &HashMap<usize, (usize, usize)>, place: usize, hub: usize, most: usize) -> Vec<usize> {
    let mut path = vec![place];
    let mut at = place;
    while at != hub && path.len() < most {
        let Some((step, _)) = next.get(&at) else { break };
        at = *step;
        path.push(at);
    }
    path
}
