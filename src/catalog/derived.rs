//! What do all definitions come to, for the accounts of a view?

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::definition::{Definition, DefinitionKind};
use super::entry::{Compiled, Entries, Entry};
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind, DefinitionRef};
use super::history::History;
use super::names::CatalogNames;
use super::peers::Peers;
use crate::aggregate::{Places, RollUpAnswers, RollUpErrors, RollUpPlan, UsageView};
use crate::book::{Account, View};
use crate::column::Bitmap;
use crate::expr::{
    Cancelled, Cell, Checked, Columns, ExprValue, Flat, RowPlan, Supply, Type, UsageAsked, Val, slots_of,
};
use crate::model::{AccountIdx, AsOf, Date};
use crate::set::AccountSet;

/// Definitions that are worked out together: none reads another of them.
#[derive(Debug, Clone)]
pub(super) struct Round {
    /// Expressions of calculated attributes, rankings and segments.
    plan: RowPlan,
    members: Vec<Member>,
    roll_ups: Option<RollUpPlan>,
    past: Vec<(Arc<str>, Arc<str>, u32, Type)>,
}

#[derive(Debug, Clone)]
enum Member {
    Attribute(Arc<str>, Type, usize),
    Ranking(Arc<str>, usize, Option<usize>, Peers),
    Segment(Arc<str>, usize),
}

/// Plans definitions for books of one schema.
pub(super) fn plan(names: &CatalogNames) -> Result<Vec<Round>, CatalogErrors> {
    let deepest = names.entries.iter().map(|entry| entry.depth).max().unwrap_or(0);
    let mut by_depth: Vec<Vec<&Entry>> = vec![Vec::new(); deepest + 1];
    for entry in names.entries.iter() {
        if let Some(round) = by_depth.get_mut(entry.depth) {
            round.push(entry);
        }
    }
    by_depth.into_iter().map(|members| round(names, &members)).collect()
}

fn round(names: &CatalogNames, all: &[&Entry]) -> Result<Round, CatalogErrors> {
    let mut expressions: Vec<&Checked> = Vec::new();
    let mut owners: Vec<&DefinitionRef> = Vec::new();
    let mut members = Vec::new();
    let mut roll_ups = Vec::new();
    let mut past = Vec::new();
    for entry in all {
        let (id, name) = (&entry.id, entry.id.name.clone());
        match (&entry.compiled, &*entry.definition) {
            (Compiled::Attribute(checked), _) => {
                members.push(Member::Attribute(name, checked.kind().clone(), expressions.len()));
                expressions.push(checked);
            }
            (Compiled::Segment(checked), _) => {
                members.push(Member::Segment(name, expressions.len()));
                expressions.push(checked);
            }
            (Compiled::Ranking(of), Definition::Ranking(ranking)) => {
                let value = expressions.len();
                let within = of.1.as_ref().map(|_| value + 1);
                expressions.push(&of.0);
                expressions.extend(&of.1);
                members.push(Member::Ranking(name, value, within, Peers::of(ranking)));
            }
            (Compiled::RollUp(checked), _) => roll_ups.push((**checked).clone()),
            (Compiled::Past(kind), Definition::Past(of)) => {
                past.push((name, of.of.clone(), of.days_ago, kind.clone()));
            }
            _ => {}
        }
        owners.resize(expressions.len(), id);
    }
    let read = expressions.iter().copied().chain(all.iter().flat_map(|entry| entry.compiled.expressions()));
    let segments = needed(&names.entries, read);
    let fault = |id: &DefinitionRef, what: String| CatalogFault {
        definition: id.clone(),
        kind: CatalogFaultKind::Other(what),
    };
    let plan = RowPlan::new(None, &names.schema, names, &segments, &expressions).map_err(|errors| {
        let faults = errors
            .faults()
            .filter_map(|(number, what)| owners.get(number).map(|id| fault(id, what.to_owned())));
        CatalogErrors::new(faults.collect())
    })?;
    let roll_ups = if roll_ups.is_empty() {
        None
    } else {
        let planned = RollUpPlan::planned(&names.schema, names, &segments, roll_ups);
        Some(planned.map_err(|errors| roll_up_faults(&errors))?)
    };
    Ok(Round { plan, members, roll_ups, past })
}

/// Faults of roll-ups, as those of a catalog.
pub(super) fn roll_up_faults(errors: &RollUpErrors) -> CatalogErrors {
    let faults = errors.faults().iter().map(|found| CatalogFault {
        definition: DefinitionRef { kind: DefinitionKind::RollUp, name: found.roll_up.clone() },
        kind: CatalogFaultKind::RollUp(found.kind.clone()),
    });
    CatalogErrors::new(faults.collect())
}

/// The segments that expressions ask, directly or not, each after those that it asks.
pub(super) fn needed<'e>(
    entries: &'e Entries,
    expressions: impl Iterator<Item = &'e Checked>,
) -> Vec<(&'e str, &'e Checked)> {
    // By depth, so that each stands after those that it reads; the order depends on nothing else in the catalog.
    let mut wanted: BTreeMap<(usize, &str), &Checked> = BTreeMap::new();
    let mut left: Vec<&str> = expressions.flat_map(Checked::reads_segments).collect();
    while let Some(id) = left.pop() {
        if let Some(entry) = entries.segment(id)
            && let Compiled::Segment(checked) = &entry.compiled
            && wanted.insert((entry.depth, &*entry.id.name), checked).is_none()
        {
            left.extend(checked.reads_segments());
        }
    }
    wanted.into_iter().map(|((_, id), checked)| (id, checked)).collect()
}

/// Columns that were worked out so far, and usage.
struct Layer<'l> {
    usage: Option<&'l UsageView>,
    places: &'l Places,
    columns: &'l HashMap<Arc<str>, Arc<Flat>>,
}

impl Supply for Layer<'_> {
    fn usage(&self, asked: &UsageAsked<'_>) -> Flat {
        match self.usage {
            Some(usage) => Supply::usage(usage, asked),
            None => Flat::Cells(vec![Cell::Missing; self.places.rows()]),
        }
    }

    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell {
        self.usage.map_or(Cell::Missing, |usage| usage.usage_at(place, asked))
    }

    fn column(&self, name: &str) -> Option<Arc<Flat>> {
        self.columns.get(name).cloned()
    }

    fn column_at(&self, name: &str, place: AccountIdx) -> Cell {
        let row = self.places.row(place);
        let cell = self.columns.get(name).zip(row).and_then(|(column, row)| column.val(row).to_cell());
        cell.unwrap_or(Cell::Missing)
    }
}

/// What all definitions of a catalog come to, for the accounts of a view.
#[derive(Debug, Clone)]
pub struct Derived {
    view: View,
    usage: Option<UsageView>,
    places: Places,
    columns: HashMap<Arc<str>, Arc<Flat>>,
    kinds: HashMap<Arc<str>, Type>,
    roll_ups: Vec<RollUpAnswers>,
    segments: IndexMap<Arc<str>, AccountSet>,
}

impl Derived {
    pub(super) fn nothing(view: &View) -> Self {
        Self {
            view: view.clone(),
            usage: None,
            places: Places::new(view),
            columns: HashMap::new(),
            kinds: HashMap::new(),
            roll_ups: Vec::new(),
            segments: IndexMap::new(),
        }
    }
}

/// Works out rounds one after the other.
pub(super) fn run(
    rounds: &[Round],
    view: &View,
    usage: Option<&UsageView>,
    history: Option<&dyn History>,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Derived, Cancelled> {
    let mut derived = Derived { usage: usage.cloned(), ..Derived::nothing(view) };
    let slots = slots_of(view);
    for round in rounds {
        for (name, of, days_ago, kind) in &round.past {
            let on = days_before(view.as_of(), *days_ago);
            let column = past(view, &slots, history, of, on, kind);
            derived.kinds.insert(name.clone(), kind.clone());
            derived.columns.insert(name.clone(), Arc::new(column));
        }
        let layer = Layer { usage, places: &derived.places, columns: &derived.columns };
        let answers = round.plan.run(view, Some(&layer), stop)?;
        let roll_ups = match &round.roll_ups {
            Some(plan) => Some(plan.evaluate(view, usage, Some(&layer), stop)?),
            None => None,
        };
        let mut columns: Vec<Option<Flat>> = answers.columns.into_iter().map(Some).collect();
        let mut take = |place: usize| columns.get_mut(place).and_then(Option::take);
        for member in &round.members {
            match member {
                Member::Attribute(name, kind, place) => {
                    if let Some(column) = take(*place) {
                        derived.kinds.insert(name.clone(), kind.clone());
                        derived.columns.insert(name.clone(), Arc::new(column));
                    }
                }
                Member::Ranking(name, value, within, peers) => {
                    let within = within.and_then(&mut take);
                    if let Some(value) = take(*value) {
                        let column = peers.places(view, &slots, &value, within.as_ref());
                        derived.kinds.insert(name.clone(), Type::Double);
                        derived.columns.insert(name.clone(), Arc::new(column));
                    }
                }
                Member::Segment(name, place) => {
                    let set = match take(*place) {
                        Some(Flat::Truth(truths)) => members(view, &slots, &truths),
                        _ => members(view, &slots, &[]),
                    };
                    derived.segments.insert(name.clone(), set);
                }
            }
        }
        if let Some(answers) = roll_ups {
            for (name, column) in answers.columns() {
                derived.kinds.insert(name.clone(), column.kind.clone());
                derived.columns.insert(name.clone(), column.values.clone());
            }
            derived.roll_ups.push(answers);
        }
    }
    Ok(derived)
}

/// Which rows are seen.
pub(super) fn visible(view: &View, slots: &[(u32, u32)]) -> Vec<bool> {
    let mut seen = Vec::new();
    for (slot, _) in slots {
        let rows = view.inner().chunk(*slot).map_or(0, |chunk| chunk.shape.rows());
        let bits = view.scope().set().map(|set| set.bitmap(*slot));
        seen.extend((0..rows as usize).map(|row| match &bits {
            None => true,
            Some(bits) => bits.is_some_and(|bits| bits.get(row)),
        }));
    }
    seen
}

fn members(view: &View, slots: &[(u32, u32)], truths: &[Option<bool>]) -> AccountSet {
    let seen = visible(view, slots);
    let bitmaps = slots.iter().map(|(slot, first)| {
        let rows = view.inner().chunk(*slot).map_or(0, |chunk| chunk.shape.rows() as usize);
        let mut bits = Bitmap::zeros(rows);
        for row in 0..rows {
            let at = *first as usize + row;
            if truths.get(at) == Some(&Some(true)) && seen.get(at) == Some(&true) {
                bits.set(row, true);
            }
        }
        (*slot, bits)
    });
    AccountSet::from_bitmaps(view.inner().layout.clone(), bitmaps)
}

/// The day that lies so many days before a view's.
pub(super) fn days_before(as_of: &AsOf, days: u32) -> Option<Date> {
    as_of.date().plus_days(i32::try_from(days).ok()?.checked_neg()?)
}

/// The values of a column on an earlier day.
pub(super) fn past(
    view: &View,
    slots: &[(u32, u32)],
    history: Option<&dyn History>,
    of: &str,
    on: Option<Date>,
    kind: &Type,
) -> Flat {
    let seen = visible(view, slots);
    let mut cells = vec![Cell::Missing; seen.len()];
    if let (Some(history), Some(on)) = (history, on) {
        for (slot, first) in slots {
            let Some(chunk) = view.inner().chunk(*slot) else { continue };
            for row in 0..chunk.shape.rows() {
                let at = (*first + row) as usize;
                // What is not seen is not asked for either.
                let Some(id) = chunk.shape.id(row).filter(|_| seen.get(at) == Some(&true)) else { continue };
                let value = history.value(id, of, on);
                let cell = value.as_ref().and_then(|value| Val::of_shown(value, kind).to_cell());
                if let (Some(cell), Some(place)) = (cell, cells.get_mut(at)) {
                    *place = cell;
                }
            }
        }
    }
    Flat::of_cells(cells)
}

impl Derived {
    /// The view that was asked.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    fn row(&self, account: Account<'_>) -> Option<usize> {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        let place = Some(account.place()).filter(|place| ours && self.view.sees(*place))?;
        self.places.row(place)
    }

    /// The value of a column (a calculated attribute, past value, roll-up or ranking) for an account; `None` where it has
    /// none, for a column that is not defined, and for an account that the view does not show.
    #[must_use]
    pub fn value(&self, column: &str, account: Account<'_>) -> Option<ExprValue> {
        let row = self.row(account)?;
        self.columns.get(column)?.val(row).to_value(self.kinds.get(column)?)
    }

    /// The type of a column.
    #[must_use]
    pub fn kind(&self, column: &str) -> Option<&Type> {
        self.kinds.get(column)
    }

    /// How many rows with a value, and how many without one, are in a roll-up.
    #[must_use]
    pub fn counts(&self, roll_up: &str, account: Account<'_>) -> Option<(u64, u64)> {
        let answers = self.roll_ups.iter().find(|answers| answers.kind(roll_up).is_some())?;
        Some((answers.counted(roll_up, account), answers.skipped(roll_up, account)))
    }

    /// The members of a segment that the view shows; `None` for one that is not defined.
    #[must_use]
    pub fn segment(&self, id: &str) -> Option<&AccountSet> {
        self.segments.get(id)
    }

    /// Is an account in a segment? Never in one that is not defined, nor where the view does not show it.
    #[must_use]
    pub fn is_member(&self, id: &str, account: Account<'_>) -> bool {
        let known = self.row(account).is_some();
        known && self.segments.get(id).is_some_and(|set| set.contains(account.place()))
    }

    /// The segments, with their members.
    pub fn segments(&self) -> impl Iterator<Item = (&str, &AccountSet)> {
        self.segments.iter().map(|(id, set)| (&**id, set))
    }

    /// As columns for expressions that were checked against the names of the catalog.
    #[must_use]
    pub fn columns(&self) -> Columns<'_> {
        Columns::new(&self.view, self)
    }
}

impl Supply for Derived {
    fn usage(&self, asked: &UsageAsked<'_>) -> Flat {
        Layer { usage: self.usage.as_ref(), places: &self.places, columns: &self.columns }.usage(asked)
    }

    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell {
        Layer { usage: self.usage.as_ref(), places: &self.places, columns: &self.columns }
            .usage_at(place, asked)
    }

    fn column(&self, name: &str) -> Option<Arc<Flat>> {
        self.columns.get(name).cloned()
    }

    fn column_at(&self, name: &str, place: AccountIdx) -> Cell {
        Layer { usage: self.usage.as_ref(), places: &self.places, columns: &self.columns }
            .column_at(name, place)
    }
}

/// Columns and metrics that no definition reads, as they were given.
pub(super) fn unused(entries: &Entries) -> Vec<DefinitionRef> {
    let sources = entries.iter().flat_map(|entry| &entry.reads);
    let read: HashSet<&DefinitionRef> =
        sources.filter_map(|source| entries.defined(source)).map(|entry| &entry.id).collect();
    let all = entries.given().into_iter().map(|entry| &entry.id);
    all.filter(|id| id.kind != DefinitionKind::Segment && !read.contains(id)).cloned().collect()
}
