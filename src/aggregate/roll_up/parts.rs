//! Which rows of which accounts are in a roll-up, and what does each account add?

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::linear::{Linear, LinearOf};
use super::own::{OwnRows, RollUpAt};
use super::plan::RollUpPlan;
use super::spec::Spec;
use super::state::Read;
use crate::aggregate::usage::sum_cell;
use crate::expr::{Cell, Key, MissingRates, RollUpPart, RollUpParts, Summed, Type, Val};
use crate::fold::{Reach, Sum};
use crate::model::AccountIdx;
use crate::tree::AccountTree;

/// What rows add, before it is shown.
#[derive(Debug, Clone, Default)]
struct Adds {
    linear: Linear,
    decisive: u64,
    /// Rows with an amount whose rate is not known.
    unrated: u64,
}

impl Adds {
    fn absorb(&mut self, other: &Self) {
        self.linear.add(&other.linear);
        self.decisive = self.decisive.saturating_add(other.decisive);
        self.unrated = self.unrated.saturating_add(other.unrated);
    }
}

impl RollUpPlan {
    /// What the first roll-up was computed from at an account: what each account adds, `width` of them by name. `answer` is its
    /// value there.
    ///
    /// Reads the rows within its reach once; of an operator whose deciding rows depend on another value, and of one that converts, once
    /// more.
    pub(crate) fn parts(
        &self,
        at: RollUpAt<'_>,
        place: AccountIdx,
        answer: &Cell,
        width: usize,
    ) -> Option<RollUpParts> {
        let terms = self.event_terms(at.view.as_of());
        let own = self.own_rows(at, terms.as_ref())?;
        let definition = &own.roll_up.definition;
        let mut places = Vec::new();
        let receives =
            at.view.inner().chunk(place.slot).is_some_and(|chunk| self.receives(chunk.shape.kind(place.row)));
        if receives {
            own.within_reach(place, &mut places);
        }
        let mut missing = MissingRates::default();
        self.tell_unrated(at, &places, &mut missing);
        own.missing_rates(places.iter().copied(), &mut missing);
        let mut missing_rates = missing.into_list();
        missing_rates.truncate(width.max(1));
        let adding = Adding::new(&own, answer, &places);
        let mut whole = Adds::default();
        let mut all: Vec<(AccountIdx, Adds)> = Vec::new();
        for place in places {
            let adds = adding.of(place);
            if adds.linear.counted > 0 || adds.linear.skipped > 0 {
                whole.absorb(&adds);
                all.push((place, adds));
            }
        }
        let inner = at.view.inner();
        all.sort_by(|a, b| adding.order(&a.1, &b.1).then_with(|| inner.id(a.0).cmp(inner.id(b.0))));
        let named = all.len().min(width);
        let mut rest = Adds::default();
        all.iter().skip(named).for_each(|(_, adds)| rest.absorb(adds));
        Some(RollUpParts {
            operator: definition.operator.word().into(),
            whole: adding.shown(&whole),
            missing_rates,
            more: all.len() - named,
            rest: adding.shown(&rest),
            accounts: all
                .into_iter()
                .take(named)
                .map(|(place, adds)| (inner.account_id(place), adding.shown(&adds)))
                .collect(),
        })
    }
}

impl OwnRows<'_> {
    /// The visible accounts whose rows an account counts.
    pub(super) fn within_reach(&self, place: AccountIdx, found: &mut Vec<AccountIdx>) {
        let view = self.at.view;
        match self.roll_up.definition.reached() {
            Reach::SelfOnly => found.push(place),
            Reach::SelfAndDescendants => found.extend(view.subtree(place)),
            Reach::Descendants => found.extend(view.descendants(place)),
            Reach::PreferSelf => {
                let mut left = vec![place];
                while let Some(at) = left.pop() {
                    // An account with a value of its own hides those below it.
                    let mut counted = 0_u64;
                    self.each(at, &mut |row| {
                        counted += u64::from(self.roll_up.spec.counts(row) || row.is_unrated());
                    });
                    if counted > 0 {
                        found.push(at);
                    } else {
                        left.extend(view.children(at));
                    }
                }
            }
        }
    }
}

/// What an account adds, as the operator sees it.
struct Adding<'o, 'r> {
    own: &'o OwnRows<'r>,
    linear: LinearOf,
    decides: Decides,
    /// The sums that are shown, and their types.
    sums: Vec<(Shown, Type)>,
}

/// Which sum of a state is shown.
#[derive(Clone, Copy)]
enum Shown {
    Above(Summed),
    Below(Summed),
    /// How many values are in the first.
    Rows,
}

/// Which rows decide.
enum Decides {
    None,
    /// Those with the value that is given.
    Value(Key),
    /// Those with one of the values that are given.
    Among(BTreeSet<Key>),
    /// Those with the value that is given, or with none, and the first or last of the dates.
    Dated(Option<Key>, Key),
}

impl<'o, 'r> Adding<'o, 'r> {
    fn new(own: &'o OwnRows<'r>, answer: &Cell, places: &[AccountIdx]) -> Self {
        let roll_up = own.roll_up;
        let nulls = roll_up.definition.nulls;
        // Operators without sums are counted as those that have one, so that values are told from rows without.
        let spec = &roll_up.spec;
        let linear = LinearOf::new(spec, nulls).unwrap_or_else(|| {
            let counting =
                if matches!(**spec, Spec::Dated { .. }) { spec.clone() } else { Spec::Distinct.into() };
            LinearOf { spec: counting, nulls }
        });
        let [first, second] = roll_up.values.clone().map(|kind| kind.unwrap_or(Type::Int));
        let sums = match **spec {
            Spec::Sum { summed, .. } => vec![(Shown::Above(summed), first)],
            Spec::Average { summed, .. } => vec![(Shown::Above(summed), first), (Shown::Rows, Type::Int)],
            Spec::Ratio { above, below, .. } => {
                vec![(Shown::Above(above.summed), first), (Shown::Below(below.summed), second)]
            }
            Spec::Share { .. } => {
                vec![(Shown::Above(Summed::Int), Type::Int), (Shown::Below(Summed::Int), Type::Int)]
            }
            _ => Vec::new(),
        };
        let key = Key::of_cell(answer.clone());
        let decides = match (&**spec, key) {
            (Spec::Extreme { .. } | Spec::Rank { .. } | Spec::Percentile { .. }, Some(key)) => {
                Decides::Value(key)
            }
            (Spec::Top { list: false, .. }, Some(key)) => Decides::Value(key),
            (Spec::Top { .. } | Spec::Union, _) => {
                let Cell::List(items) = answer else {
                    return Self { own, linear, decides: Decides::None, sums };
                };
                Decides::Among(items.iter().cloned().filter_map(Key::of_cell).collect())
            }
            (Spec::Dated { first, respects }, key) if key.is_some() || *respects => {
                match date(own, *first, places) {
                    Some(date) => Decides::Dated(key, date),
                    None => Decides::None,
                }
            }
            _ => Decides::None,
        };
        Self { own, linear, decides, sums }
    }

    fn of(&self, place: AccountIdx) -> Adds {
        let (mut decisive, mut unrated) = (0, 0);
        let linear = self.linear.state(|seen| {
            self.own.each(place, &mut |row| {
                decisive += u64::from(self.own.roll_up.spec.counts(row) && self.decides.by(row));
                unrated += u64::from(row.is_unrated());
                seen(row);
            });
        });
        Adds { linear, decisive, unrated }
    }

    /// The order of two parts: the greater one first.
    fn order(&self, a: &Adds, b: &Adds) -> Ordering {
        if self.sums.is_empty() {
            return (b.decisive, b.linear.counted).cmp(&(a.decisive, a.linear.counted));
        }
        // Of the sums as they are kept: within one roll-up they have one unit.
        let size = |adds: &Adds| {
            let sum = &adds.linear.above;
            if sum.is_out_of_range() { u128::MAX } else { sum.value.unsigned_abs() }
        };
        size(b).cmp(&size(a))
    }

    fn shown(&self, adds: &Adds) -> RollUpPart {
        let Linear { above, below, counted, skipped } = adds.linear;
        let of_nothing = matches!(*self.own.roll_up.spec, Spec::Sum { of_nothing: true, .. });
        let sum = |sum: &Sum, summed: Summed| {
            if counted == 0 && !of_nothing || adds.unrated > 0 {
                Cell::Missing
            } else {
                sum_cell(sum, summed)
            }
        };
        let sums = self.sums.iter().map(|(shown, kind)| {
            let cell = match shown {
                Shown::Above(summed) => sum(&above, *summed),
                Shown::Below(summed) => sum(&below, *summed),
                Shown::Rows => i64::try_from(above.rows).map_or(Cell::Missing, Cell::Int),
            };
            Val::of_cell(&cell).to_value(kind)
        });
        RollUpPart { counted, skipped, sums: sums.collect(), decisive: adds.decisive }
    }
}

/// The first or the last of the dates of rows; `None` where a rate is missing, so that it is not known which row decides.
fn date(own: &OwnRows<'_>, first: bool, places: &[AccountIdx]) -> Option<Key> {
    let (mut best, mut unrated) = (None::<Key>, false);
    for place in places {
        own.each(*place, &mut |row| {
            unrated |= row.is_unrated();
            let Some(key) = dated(row).filter(|_| own.roll_up.spec.counts(row)) else { return };
            if best.as_ref().is_none_or(|best| if first { key < *best } else { key > *best }) {
                best = Some(key);
            }
        });
    }
    best.filter(|_| !unrated)
}

fn dated(row: &Read<'_>) -> Option<Key> {
    Key::of_cell(row.second.as_ref()?.to_cell()?)
}

impl Decides {
    fn by(&self, row: &Read<'_>) -> bool {
        match self {
            Self::None => false,
            Self::Value(key) => row.key().as_ref() == Some(key),
            Self::Among(keys) => match row.first.to_cell() {
                Some(Cell::List(items)) => {
                    items.iter().cloned().filter_map(Key::of_cell).any(|key| keys.contains(&key))
                }
                cell => cell.and_then(Key::of_cell).is_some_and(|key| keys.contains(&key)),
            },
            Self::Dated(key, date) => row.key() == *key && dated(row).as_ref() == Some(date),
        }
    }
}
