//! Which rows does each account add, and what comes of them up the tree?

use std::collections::HashMap;
use std::sync::Arc;

use super::answers::RollUpColumn;
use super::buckets;
use super::checked::CheckedRollUp;
use super::convert::Converting;
use super::definition::Nulls;
use super::distinct::distinct;
use super::events::EventTerms;
use super::forest::Forest;
use super::lean::{Accumulate, CountState, PairState, RatedCountState, SumState};
use super::linear::{Linear, LinearOf};
use super::order::{Placed, ranks};
use super::spec::Spec;
use super::state::{Read, State, double};
use crate::aggregate::usage::UsageView;
use crate::book::View;
use crate::expr::{Bits, Cell, Flat, Key, RowColumns, RowPlan, Tree, Val, place_of};
use crate::fold::Reach;
use crate::model::{AccountIdx, Rates, SystemAttribute};

/// The rows that a roll-up reads.
pub(super) enum Rows<'r> {
    /// Of accounts, or of a child table.
    Columns(&'r RowColumns, Option<&'r dyn Rates>),
    Events {
        usage: &'r UsageView,
        plan: &'r RowPlan,
        event: &'r str,
        last_days: Option<u32>,
        rates: Option<&'r dyn Rates>,
    },
    None,
}

/// The numbers of the columns that a roll-up reads of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadPlaces {
    pub(super) filter: Option<usize>,
    pub(super) first: Option<usize>,
    pub(super) second: Option<usize>,
    /// The currencies of both values, where these are converted.
    pub(super) currencies: [Option<usize>; 2],
    /// The day of the rate.
    pub(super) date: Option<usize>,
    /// Whether a rate is missing that the filter, the value or the second value needs, where these convert amounts themselves.
    pub(super) lacks: [Option<usize>; 3],
}

impl ReadPlaces {
    /// In the order of [`CheckedRollUp::read`].
    pub(super) const fn new(places: [Option<usize>; 9]) -> Self {
        let [filter, first, second, of_first, of_second, date, lacks @ ..] = places;
        Self { filter, first, second, currencies: [of_first, of_second], date, lacks }
    }

    /// The columns that are read, and the numbers of these among themselves.
    pub(super) fn apart(&self) -> (Vec<usize>, Self) {
        let Self { filter, first, second, currencies: [of_first, of_second], date, lacks: [a, b, c] } = *self;
        let mut columns = Vec::new();
        let places = [filter, first, second, of_first, of_second, date, a, b, c].map(|column| {
            columns.push(column?);
            Some(columns.len() - 1)
        });
        (columns, Self::new(places))
    }

    /// Does a row pass the filter, and is a rate missing that its filter or a value needs? `None` of a row that does not pass.
    pub(super) fn passes(&self, is_true: impl Fn(usize) -> bool) -> Option<bool> {
        let [filter, first, second] = self.lacks.map(|place| place.is_some_and(&is_true));
        let passes = self.filter.is_none_or(&is_true);
        // Where it is not known whether it passes, nothing is known of it.
        (passes || filter).then_some(filter || first || second)
    }
}

/// The accounts of a view, as roll-ups see them.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) view: View,
    pub(crate) tree: Arc<Tree>,
    forest: Forest,
    cancelled: Vec<bool>,
}

impl Standing {
    pub(crate) fn new(view: &View) -> Self {
        let tree = Arc::new(Tree::new(view));
        let forest = Forest::new(tree.parent.clone());
        let inner = view.inner();
        let codes = inner.schema.cancelled_codes();
        let status = inner.schema.system_attribute(SystemAttribute::Status);
        let mut cancelled = Vec::with_capacity(tree.rows());
        for (slot, _) in &tree.slots {
            let Some(chunk) = inner.chunk(*slot) else { continue };
            let statuses = status.and_then(|status| chunk.column(status.index()));
            cancelled.extend((0..chunk.shape.rows() as usize).map(|row| {
                statuses.is_some_and(|block| match block.get(row) {
                    Some(crate::column::Raw::Code(code)) => codes.contains(&code),
                    _ => false,
                })
            }));
        }
        Self { view: view.clone(), tree, forest, cancelled }
    }

    pub(crate) fn is_cancelled(&self, row: usize) -> bool {
        self.cancelled.get(row) == Some(&true)
    }

    /// Does an account add its rows?
    fn adds(&self, roll_up: &CheckedRollUp, row: usize) -> bool {
        let gone = !roll_up.definition.with_cancelled && self.is_cancelled(row);
        self.tree.sees(row) && !gone
    }

    /// Hands in every row that counts: the account that it belongs to, and its values.
    pub(super) fn each(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
        seen: &mut dyn FnMut(usize, &Read<'_>),
    ) {
        self.each_by(roll_up, rows, places, false, seen);
    }

    /// The same; a person may be handed in as a number, where no more is asked than who is the same.
    fn each_by(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
        as_number: bool,
        seen: &mut dyn FnMut(usize, &Read<'_>),
    ) {
        let as_of = self.view.as_of();
        let converting = |rates| Some(Converting::new(roll_up.conversion.as_ref()?, rates, as_of));
        match rows {
            Rows::None => {}
            Rows::Columns(columns, rates) => {
                let converting = converting(*rates);
                let column = |place: Option<usize>| columns.columns.get(place?);
                let (first, second) = (column(places.first), column(places.second));
                let count = columns.owner.as_ref().map_or(self.tree.rows(), Vec::len);
                for row in 0..count {
                    let account = match &columns.owner {
                        None => row,
                        Some(owner) => owner.get(row).map_or(usize::MAX, |owner| *owner as usize),
                    };
                    let is_true = |place: usize| {
                        let column = columns.columns.get(place);
                        matches!(column, Some(Flat::Truth(rows)) if rows.get(row) == Some(&Some(true)))
                    };
                    if let Some(lacks) = places.passes(is_true)
                        && self.adds(roll_up, account)
                    {
                        let first = first.map_or(Val::Bool(true), |first| first.val(row));
                        let read = Read::once(first, second.map(|second| second.val(row))).lacking(lacks);
                        match &converting {
                            None => seen(account, &read),
                            Some(converting) => {
                                let cell = |place: usize| {
                                    columns.columns.get(place).map_or(Val::Missing, |column| column.val(row))
                                };
                                seen(account, &converting.read(read, &places, &cell));
                            }
                        }
                    }
                }
            }
            Rows::Events { usage, plan, event, last_days, rates } => {
                let terms = EventTerms::new(plan, (event, *last_days), places, self.view.as_of());
                let (rows, converting) = (terms.of(usage, as_number), converting(*rates));
                usage.each(rows.days(), &mut |account, own| {
                    if self.adds(roll_up, account) {
                        rows.each(own, converting.as_ref(), &mut |row| seen(account, row));
                    }
                });
            }
        }
    }

    /// The answers of a roll-up for every account.
    pub(super) fn column(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
    ) -> RollUpColumn {
        let reach = roll_up.definition.reached();
        let mut column = match &*roll_up.spec {
            // Leaner states do not know of amounts without a rate.
            Spec::Count
            | Spec::Share { .. }
            | Spec::Sum { .. }
            | Spec::Average { .. }
            | Spec::Ratio { .. }
                if roll_up.may_lack_rates() =>
            {
                self.climbed::<State>(roll_up, rows, places, reach)
            }
            Spec::Count => self.climbed::<CountState>(roll_up, rows, places, reach),
            Spec::Sum { .. } | Spec::Average { .. } => self.climbed::<SumState>(roll_up, rows, places, reach),
            Spec::Ratio { .. } | Spec::Share { .. } => {
                self.climbed::<PairState>(roll_up, rows, places, reach)
            }
            Spec::Distinct => self.distinct(roll_up, rows, places, reach),
            Spec::Percentile { hundredths } => {
                let key = |row: &Read<'_>| row.key();
                self.ranked(roll_up, rows, places, *hundredths, key, Key::cell)
            }
            Spec::Histogram { hundredths, number } => {
                let key = |row: &Read<'_>| double(&row.first, *number).map(buckets::bucket);
                let cell = |bucket| Cell::Double(Bits::new(buckets::middle(bucket)));
                self.ranked(roll_up, rows, places, *hundredths, key, cell)
            }
            _ => self.climbed::<State>(roll_up, rows, places, reach),
        };
        column.kind = roll_up.kind.clone();
        column
    }

    /// The states of a roll-up for every account, and which accounts receive it.
    pub(super) fn linear(
        &self,
        roll_up: &CheckedRollUp,
        of: &LinearOf,
        rows: &Rows<'_>,
        places: ReadPlaces,
    ) -> Vec<Linear> {
        match of.sums() {
            0 => self.linear_of::<CountState>(roll_up, rows, places),
            1 => self.linear_of::<SumState>(roll_up, rows, places),
            _ => self.linear_of::<PairState>(roll_up, rows, places),
        }
    }

    fn linear_of<S: Accumulate + Into<Linear> + Copy>(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
    ) -> Vec<Linear> {
        let spec = &*roll_up.spec;
        let own: Vec<S> = self.own(roll_up, rows, places);
        let mut states = vec![Linear::default(); self.tree.rows()];
        self.reached(own, spec, roll_up.definition.reached(), &mut |row, state: &S| {
            if let Some(place) = states.get_mut(row) {
                *place = (*state).into();
            }
        });
        states
    }

    /// The state of the rows of each account.
    fn own<S: Accumulate>(&self, roll_up: &CheckedRollUp, rows: &Rows<'_>, places: ReadPlaces) -> Vec<S> {
        let spec = &*roll_up.spec;
        let mut own: Vec<S> = Vec::new();
        own.resize_with(self.tree.rows(), S::default);
        self.each(roll_up, rows, places, &mut |account, row| {
            if let Some(own) = own.get_mut(account) {
                own.add(spec, row);
            }
        });
        own
    }

    /// The state within the reach of one account.
    pub(super) fn state(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
        at: AccountIdx,
    ) -> Option<State> {
        let spec = &*roll_up.spec;
        let first = self.tree.slots.iter().find(|(slot, _)| *slot == at.slot)?.1;
        let wanted = first.checked_add(at.row)? as usize;
        let mut own: Vec<State> = vec![State::default(); self.tree.rows()];
        self.each(roll_up, rows, places, &mut |account, row| {
            if let Some(own) = own.get_mut(account) {
                own.add(spec, row);
            }
        });
        let mut found = None;
        self.reached(own, spec, roll_up.definition.reached(), &mut |row, state: &State| {
            if row == wanted {
                found = Some(state.clone());
            }
        });
        found
    }

    /// Does an account receive the roll-up?
    fn receives(&self, roll_up: &CheckedRollUp, row: usize) -> bool {
        self.tree.sees(row)
            && roll_up.levels.as_ref().is_none_or(|levels| {
                levels.iter().any(|level| self.tree.kind(row) == u16::try_from(level.index()).ok())
            })
    }

    /// Which accounts receive the roll-up; `None` where all do.
    pub(super) fn receivers(&self, roll_up: &CheckedRollUp) -> Option<Vec<bool>> {
        let everyone = roll_up.levels.is_none() && self.view.scope().is_all();
        (!everyone).then(|| (0..self.tree.rows()).map(|row| self.receives(roll_up, row)).collect())
    }

    /// One state for each account, merged up the tree.
    fn climbed<S: Accumulate>(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
        reach: Reach,
    ) -> RollUpColumn {
        let spec = &*roll_up.spec;
        let nulls = roll_up.definition.nulls;
        let own: Vec<S> = self.own(roll_up, rows, places);
        let mut column = RollUpColumn::nothing(self.tree.rows());
        let mut cells = vec![Cell::Missing; self.tree.rows()];
        let mut answer = |row: usize, state: &S| {
            if self.receives(roll_up, row) {
                if let Some(cell) = cells.get_mut(row) {
                    *cell = state.value(spec, nulls);
                }
                column.count(row, state.counts());
            }
        };
        self.reached(own, spec, reach, &mut answer);
        column.values = Flat::of_cells(cells).into();
        column
    }

    /// The state within the reach of each account.
    fn reached<S: Accumulate>(
        &self,
        own: Vec<S>,
        spec: &Spec,
        reach: Reach,
        seen: &mut dyn FnMut(usize, &S),
    ) {
        if reach == Reach::SelfAndDescendants {
            return self.forest.gather(own, |up: &mut S, state| up.absorb(spec, state), seen);
        }
        self.forest.climb(
            own,
            |up, state| up.absorb(spec, state),
            |row, mut below, own| match reach {
                Reach::SelfOnly => {
                    seen(row, &own);
                    below
                }
                Reach::Descendants => {
                    seen(row, &below);
                    below.absorb(spec, own);
                    below
                }
                Reach::SelfAndDescendants => {
                    below.absorb(spec, own);
                    seen(row, &below);
                    below
                }
                Reach::PreferSelf => {
                    let state = if own.has_values() { own } else { below };
                    seen(row, &state);
                    state
                }
            },
        );
    }

    /// Cells from an answer for each account, where it receives one and no row refuses it.
    fn finished(
        &self,
        roll_up: &CheckedRollUp,
        own: Vec<RatedCountState>,
        reach: Reach,
        of: impl Fn(usize) -> Cell,
    ) -> RollUpColumn {
        let refuses = roll_up.definition.nulls == Nulls::Refuse;
        let mut column = RollUpColumn::nothing(self.tree.rows());
        let mut cells = vec![Cell::Missing; self.tree.rows()];
        self.reached(own, &roll_up.spec, reach, &mut |row, state: &RatedCountState| {
            let counts = state.counts();
            let is_refused = !state.is_rated() || refuses && counts.1 > 0;
            if self.receives(roll_up, row) {
                column.count(row, counts);
                if let Some(cell) = cells.get_mut(row).filter(|_| !is_refused) {
                    *cell = of(row);
                }
            }
        });
        column.values = Flat::of_cells(cells).into();
        column
    }

    fn distinct(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
        reach: Reach,
    ) -> RollUpColumn {
        let spec = &*roll_up.spec;
        let mut own = vec![RatedCountState::default(); self.tree.rows()];
        let mut numbers: HashMap<Key, u32> = HashMap::new();
        let mut standing: Vec<(u32, u32)> = Vec::new();
        self.each_by(roll_up, rows, places, true, &mut |account, row| {
            if let Some(own) = own.get_mut(account) {
                own.add(spec, row);
            }
            let number = match &row.first {
                // A person has a number already.
                Val::Int(person) if row.is_person => u32::try_from(*person).ok(),
                _ => row.key().map(|key| {
                    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                    *numbers.entry(key).or_insert(next)
                }),
            };
            if let (Some(number), Ok(account)) = (number, u32::try_from(account)) {
                standing.push((account, number));
            }
        });
        let counts = distinct(&self.forest, reach, &standing);
        let count = |row: usize| counts.get(row).and_then(|count| i64::try_from(*count).ok());
        self.finished(roll_up, own, reach, |row| count(row).map_or(Cell::Missing, Cell::Int))
    }

    /// The value at a place among those within the reach of each account. `key` is what is ranked of a row, `cell` what is
    /// shown of it.
    fn ranked<K: Ord + Clone>(
        &self,
        roll_up: &CheckedRollUp,
        rows: &Rows<'_>,
        places: ReadPlaces,
        hundredths: u16,
        key: impl Fn(&Read<'_>) -> Option<K>,
        cell: impl Fn(K) -> Cell,
    ) -> RollUpColumn {
        let (spec, reach) = (&*roll_up.spec, roll_up.definition.reached());
        let mut own = vec![RatedCountState::default(); self.tree.rows()];
        let mut values: Vec<(K, u32, u64)> = Vec::new();
        self.each(roll_up, rows, places, &mut |account, row| {
            if let Some(own) = own.get_mut(account) {
                own.add(spec, row);
            }
            if let (Some(key), Ok(account)) = (key(row), u32::try_from(account)) {
                values.push((key, account, row.often()));
            }
        });
        values.sort_unstable();
        let mut known: Vec<K> = Vec::new();
        let mut places: Vec<Placed> = Vec::with_capacity(values.len());
        for (rank, equal) in (0_u32..).zip(values.chunk_by(|a, b| a.0 == b.0)) {
            known.extend(equal.first().map(|(key, ..)| key.clone()));
            places.extend(equal.iter().map(|(_, row, times)| Placed { row: *row, rank, times: *times }));
        }
        let found = ranks(&self.forest, reach, &places, |count| place_of(hundredths, count));
        self.finished(roll_up, own, reach, |row| {
            let rank = found.get(row).copied().flatten();
            let key = rank.and_then(|rank| known.get(rank as usize)).cloned();
            key.map_or(Cell::Missing, &cell)
        })
    }
}
