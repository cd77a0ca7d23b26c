//! Does an answer stay what it is where some of its rows are others?
//!
//! Most changes of a value change few answers: the third largest of a tree is the third largest still where a small value
//! became another small one. What is known of the answer and of the rows that went and came says so, without a look at all
//! other rows.

use std::cmp::Ordering;

use super::buckets;
use super::definition::Nulls;
use super::own::{Gathered, OwnRows, Source};
use super::spec::Spec;
use super::state::{Events, Read, double, texts};
use crate::expr::{Cell, Key, Val};
use crate::model::AccountIdx;

/// The rows that went and that came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turn {
    /// Values, and for how many events each stands.
    gone: Vec<(Key, u64)>,
    come: Vec<(Key, u64)>,
    /// More rows with a value, and without one, than before.
    counted: i64,
    skipped: i64,
}

/// One row, to be compared with another.
#[derive(Debug, PartialEq)]
struct Row {
    first: Option<Cell>,
    second: Option<Cell>,
    events: Events,
    second_events: Events,
    keys: Vec<(Key, u64)>,
    has_values: bool,
    is_unrated: bool,
}

impl Turn {
    /// With what went and came elsewhere.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.gone.extend(other.gone);
        self.come.extend(other.come);
        self.counted = self.counted.saturating_add(other.counted);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }

    /// How many values went or came.
    pub(crate) fn len(&self) -> usize {
        self.gone.len() + self.come.len()
    }
}

impl OwnRows<'_> {
    fn rows(&self, place: AccountIdx) -> Vec<Row> {
        let mut rows = Vec::new();
        self.each(place, &mut |read| {
            rows.push(Row {
                first: read.first.to_cell(),
                second: read.second.as_ref().and_then(Val::to_cell),
                events: read.events,
                second_events: read.second_events,
                keys: if read.has_values() { self.keys(read) } else { Vec::new() },
                has_values: read.has_values(),
                is_unrated: read.is_unrated(),
            });
        });
        rows
    }

    /// What is compared of a row.
    fn keys(&self, read: &Read<'_>) -> Vec<(Key, u64)> {
        let keys: Vec<Key> = match &*self.roll_up.spec {
            Spec::Histogram { number, .. } => {
                let bucket = double(&read.first, *number).map(|double| i64::from(buckets::bucket(double)));
                bucket.map(Key::Int).into_iter().collect()
            }
            Spec::Union => texts(&read.first).into_iter().map(Key::Text).collect(),
            _ => read.key().into_iter().collect(),
        };
        keys.into_iter().map(|key| (key, read.often())).collect()
    }

    /// What went and came at an account, against what it added before; `None` where it adds the same.
    pub(crate) fn turn(&self, place: AccountIdx, before: &Self, was: Option<AccountIdx>) -> Option<Turn> {
        let then = was.map_or_else(Vec::new, |was| before.rows(was));
        let now = self.rows(place);
        if then == now {
            return None;
        }
        let mut turn = Turn::default();
        for (rows, sign, keys) in [(&then, -1, &mut turn.gone), (&now, 1, &mut turn.come)] {
            for row in rows {
                keys.extend(row.keys.iter().cloned());
                *(if row.has_values { &mut turn.counted } else { &mut turn.skipped }) += sign;
            }
        }
        Some(turn)
    }

    /// The counts that go with an answer that is known to stay; `None` where all rows must be read to know it.
    pub(crate) fn stays(
        &self,
        cell: &Cell,
        (counted, skipped): (u32, u32),
        turn: &Turn,
    ) -> Option<(u32, u32)> {
        // A row without a value may refuse the answer, and a count that was cut says nothing.
        let refuses = self.roll_up.definition.nulls != Nulls::Skip || self.roll_up.may_lack_rates();
        if refuses || counted == u32::MAX || skipped == u32::MAX {
            return None;
        }
        let count = |before: u32, more: i64| u32::try_from(i64::from(before).checked_add(more)?).ok();
        let (now, skipped) = (count(counted, turn.counted)?, count(skipped, turn.skipped)?);
        let stays = match &*self.roll_up.spec {
            Spec::Extreme { .. } | Spec::Percentile { .. } => same_sides(&Key::of_cell(cell.clone())?, turn),
            Spec::Histogram { .. } => {
                let Cell::Double(middle) = cell else { return None };
                same_sides(&Key::Int(buckets::bucket(middle.get()).into()), turn)
            }
            Spec::Rank { k, .. } => match Key::of_cell(cell.clone()) {
                Some(key) => same_sides(&key, turn),
                // How many events some rows stand for is not known of their number.
                None => {
                    let is_events = matches!(self.source, Source::Events(..));
                    !is_events && usize::try_from(now).is_ok_and(|now| now < *k)
                }
            },
            Spec::Distinct => turn.gone.is_empty() && turn.come.is_empty(),
            Spec::Union => {
                let Cell::List(known) = cell else { return None };
                let holds = |(key, _): &(Key, u64)| known.contains(&key.clone().cell());
                // A list without anything in it is a value: of none at all there is no union.
                now > 0 && turn.gone.is_empty() && turn.come.iter().all(holds)
            }
            _ => false,
        };
        stays.then_some((now, skipped))
    }

    /// Forgets what has gone and come, where it is known that for all accounts above nothing has: what went is there still,
    /// and what came was there before. `before` is the answer that was, `known` what all rows come to now.
    pub(crate) fn settle(&self, turn: &mut Turn, before: &Cell, known: &Gathered) {
        let settled = match &*self.roll_up.spec {
            // The number of values is not known where the rate of one is not.
            _ if self.roll_up.may_lack_rates() => false,
            Spec::Distinct => {
                // Nothing new has come if there are as many, and none of them is gone.
                self.answer(known).0 == *before && turn.gone.iter().all(|(key, _)| known.holds(key))
            }
            Spec::Union => {
                let Cell::List(were) = before else { return };
                turn.gone.iter().all(|(key, _)| known.holds(key))
                    && turn.come.iter().all(|(key, _)| were.contains(&key.clone().cell()))
            }
            _ => false,
        };
        if settled {
            turn.gone.clear();
            turn.come.clear();
        }
    }
}

/// Do as many lie below a value as before, as many at it, and as many above?
fn same_sides(value: &Key, turn: &Turn) -> bool {
    let sides = |keys: &[(Key, u64)]| {
        let mut sides = [0_u128; 3];
        for (key, times) in keys {
            let [below, at, above] = &mut sides;
            let side = match key.cmp(value) {
                Ordering::Less => below,
                Ordering::Equal => at,
                Ordering::Greater => above,
            };
            *side += u128::from(*times);
        }
        sides
    };
    sides(&turn.gone) == sides(&turn.come)
}
