//! What would have to change?
//!
//! For each part, how many terms would have to change for it to be yes, and for it to be no: a sum over `&&`, a
//! least over `||`, the other way round for no. Then down again from the whole, to where those terms are.

use std::collections::HashMap;

use super::reads::Names;
use super::{Flip, Part, PartKind};

/// More than any number of terms.
const NEVER: u32 = u32::MAX;

/// How many terms change for yes, and for no.
#[derive(Debug, Clone, Copy)]
struct Cost {
    yes: u32,
    no: u32,
}

impl Cost {
    const fn to(self, truth: bool) -> u32 {
        if truth { self.yes } else { self.no }
    }
}

pub(super) fn of(parts: &[Part], names: &[Names]) -> Option<Flip> {
    let mut costs = vec![Cost { yes: NEVER, no: NEVER }; parts.len()];
    // Parts stand after those that they are of.
    for (at, part) in parts.iter().enumerate().rev() {
        let below: Vec<Cost> = part.below.iter().filter_map(|at| costs.get(*at).copied()).collect();
        let cost = match (part.kind, below.as_slice()) {
            (PartKind::All, below) => Cost { yes: sum(below, true), no: least(below, false) },
            (PartKind::Any, below) => Cost { yes: least(below, true), no: sum(below, false) },
            (PartKind::Not, [inner]) => Cost { yes: inner.no, no: inner.yes },
            // What is not known to be yes is no.
            (PartKind::Known | PartKind::Segment, [inner]) => {
                Cost { yes: inner.yes, no: if part.truth() == Some(true) { inner.no } else { 0 } }
            }
            (PartKind::Choice, [test, then, otherwise]) => {
                let to = |truth| {
                    let first = test.yes.saturating_add(then.to(truth));
                    first.min(test.no.saturating_add(otherwise.to(truth)))
                };
                Cost { yes: to(true), no: to(false) }
            }
            // What reads nothing never changes.
            _ => {
                let change = if names.get(at).is_some_and(Names::is_empty) { NEVER } else { 1 };
                let to = |truth| if part.truth() == Some(truth) { 0 } else { change };
                Cost { yes: to(true), no: to(false) }
            }
        };
        if let Some(place) = costs.get_mut(at) {
            *place = cost;
        }
    }
    let to = parts.first()?.truth() != Some(true);
    if costs.first()?.to(to) == NEVER {
        return None;
    }
    let mut found: Vec<(usize, bool)> = Vec::new();
    let mut left: Vec<(usize, bool)> = vec![(0, to)];
    while let Some((at, to)) = left.pop() {
        let Some(part) = parts.get(at) else { continue };
        if part.truth() == Some(to) {
            continue;
        }
        let cost = |at: &usize, to: bool| costs.get(*at).map_or(NEVER, |cost| cost.to(to));
        let all = |left: &mut Vec<(usize, bool)>| left.extend(part.below.iter().rev().map(|at| (*at, to)));
        let one = |left: &mut Vec<(usize, bool)>| {
            // The first of the smallest.
            let best = part.below.iter().min_by_key(|at| cost(at, to));
            left.extend(best.map(|at| (*at, to)));
        };
        match (part.kind, part.below.as_slice()) {
            (PartKind::All, _) if to => all(&mut left),
            (PartKind::Any, _) if !to => all(&mut left),
            (PartKind::All | PartKind::Any, _) => one(&mut left),
            (PartKind::Not, [inner]) => left.push((*inner, !to)),
            (PartKind::Known | PartKind::Segment, [inner]) => {
                if to || part.truth() == Some(true) {
                    left.push((*inner, to));
                }
            }
            (PartKind::Choice, [test, then, otherwise]) => {
                let first = cost(test, true).saturating_add(cost(then, to));
                let second = cost(test, false).saturating_add(cost(otherwise, to));
                let (truth, arm) = if first <= second { (true, then) } else { (false, otherwise) };
                left.push((*arm, to));
                left.push((*test, truth));
            }
            _ => found.push((at, to)),
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

fn sum(below: &[Cost], to: bool) -> u32 {
    below.iter().fold(0, |sum, cost| sum.saturating_add(cost.to(to)))
}

fn least(below: &[Cost], to: bool) -> u32 {
    below.iter().map(|cost| cost.to(to)).min().unwrap_or(NEVER)
}
