//! What would have to change?
//!
//! For each part, how many terms would have to change for it to be yes, to be no, and to be neither of them any more: a
//! sum over `&&`, a least over `||`, the other way round for no. Then down again from the whole, to where those terms are.

use std::collections::HashMap;

use super::reads::Names;
use super::{Flip, Part, PartKind};

/// More than any number of terms.
const NEVER: u32 = u32::MAX;

/// What a part is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Yes,
    No,
    NotYes,
    NotNo,
}

impl Goal {
    const ALL: [Self; 4] = [Self::Yes, Self::No, Self::NotYes, Self::NotNo];

    const fn holds(self, truth: Option<bool>) -> bool {
        match self {
            Self::Yes => matches!(truth, Some(true)),
            Self::No => matches!(truth, Some(false)),
            Self::NotYes => !matches!(truth, Some(true)),
            Self::NotNo => !matches!(truth, Some(false)),
        }
    }

    /// Of what is turned.
    const fn turned(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::NotYes => Self::NotNo,
            Self::NotNo => Self::NotYes,
        }
    }

    /// Of what counts as no where it is not known to be yes.
    const fn known(self) -> Self {
        match self {
            Self::Yes | Self::NotNo => Self::Yes,
            Self::No | Self::NotYes => Self::NotYes,
        }
    }

    /// Does `&&` need it of every part? Else one decides; of `||` it is the other way round.
    const fn needs_all(self) -> bool {
        matches!(self, Self::Yes | Self::NotNo)
    }

    /// What a term is to be.
    const fn truth(self) -> bool {
        self.needs_all()
    }
}

/// How many terms change for each goal.
#[derive(Debug, Clone, Copy)]
struct Cost([u32; 4]);

impl Cost {
    const fn to(self, goal: Goal) -> u32 {
        let [yes, no, not_yes, not_no] = self.0;
        match goal {
            Goal::Yes => yes,
            Goal::No => no,
            Goal::NotYes => not_yes,
            Goal::NotNo => not_no,
        }
    }
}

pub(super) fn of(parts: &[Part], names: &[Names]) -> Option<Flip> {
    let mut costs = vec![Cost([NEVER; 4]); parts.len()];
    // Parts stand after those that they are of.
    for (at, part) in parts.iter().enumerate().rev() {
        let below: Vec<Cost> = part.below.iter().filter_map(|at| costs.get(*at).copied()).collect();
        // What reads nothing never changes.
        let change = if names.get(at).is_some_and(Names::is_empty) { NEVER } else { 1 };
        let cost = Goal::ALL.map(|goal| match (part.kind, below.as_slice()) {
            _ if goal.holds(part.truth()) => 0,
            (PartKind::All, below) if goal.needs_all() => sum(below, goal),
            (PartKind::Any, below) if !goal.needs_all() => sum(below, goal),
            (PartKind::All | PartKind::Any, below) => least(below, goal),
            (PartKind::Not, [inner]) => inner.to(goal.turned()),
            (PartKind::Known | PartKind::Segment, [inner]) => inner.to(goal.known()),
            (PartKind::Choice, [test, then, otherwise]) => {
                let first = test.to(Goal::Yes).saturating_add(then.to(goal));
                first.min(test.to(Goal::No).saturating_add(otherwise.to(goal)))
            }
            _ => change,
        });
        if let Some(place) = costs.get_mut(at) {
            *place = Cost(cost);
        }
    }
    let to = parts.first()?.truth() != Some(true);
    let whole = if to { Goal::Yes } else { Goal::NotYes };
    if costs.first()?.to(whole) == NEVER {
        return None;
    }
    let mut found: Vec<(usize, bool)> = Vec::new();
    let mut left: Vec<(usize, Goal)> = vec![(0, whole)];
    while let Some((at, goal)) = left.pop() {
        let Some(part) = parts.get(at) else { continue };
        if goal.holds(part.truth()) {
            continue;
        }
        let cost = |at: &usize, goal: Goal| costs.get(*at).map_or(NEVER, |cost| cost.to(goal));
        match (part.kind, part.below.as_slice()) {
            (PartKind::All, below) if goal.needs_all() => {
                left.extend(below.iter().rev().map(|at| (*at, goal)));
            }
            (PartKind::Any, below) if !goal.needs_all() => {
                left.extend(below.iter().rev().map(|at| (*at, goal)));
            }
            (PartKind::All | PartKind::Any, below) => {
                // The first of the smallest.
                let best = below.iter().min_by_key(|at| cost(at, goal));
                left.extend(best.map(|at| (*at, goal)));
            }
            (PartKind::Not, [inner]) => left.push((*inner, goal.turned())),
            (PartKind::Known | PartKind::Segment, [inner]) => left.push((*inner, goal.known())),
            (PartKind::Choice, [test, then, otherwise]) => {
                let first = cost(test, Goal::Yes).saturating_add(cost(then, goal));
                let second = cost(test, Goal::No).saturating_add(cost(otherwise, goal));
                let (truth, arm) = if first <= second { (Goal::Yes, then) } else { (Goal::No, otherwise) };
                left.push((*arm, goal));
                left.push((*test, truth));
            }
            _ => found.push((at, goal.truth())),
        }
    }
    let mut readers: HashMap<&str, usize> = HashMap::new();
    for name in names.iter().flat_map(Names::iter) {
        *readers.entry(name).or_default() += 1;
    }
    let is_shared = |(at, _): &(usize, bool)| {
        let mut own = names.get(*at).into_iter().flat_map(Names::iter);
        own.any(|name| readers.get(name).is_some_and(|readers| *readers > 1))
    };
    let shared = found.iter().any(is_shared);
    Some(Flip { to, parts: found, shared })
}

fn sum(below: &[Cost], goal: Goal) -> u32 {
    below.iter().fold(0, |sum, cost| sum.saturating_add(cost.to(goal)))
}

fn least(below: &[Cost], goal: Goal) -> u32 {
    below.iter().map(|cost| cost.to(goal)).min().unwrap_or(NEVER)
}
