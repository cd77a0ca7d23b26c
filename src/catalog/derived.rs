//! What do all definitions come to, for the accounts of a view?

use std::collections::HashSet;
use std::sync::Arc;

use super::Catalog;
use super::answers::Answers;
use super::definition::DefinitionRef;
use super::entry::Entries;
use super::inputs::RunInputs;
use super::provenance::ProvenanceSources;
use super::round::{Given, Round};
use crate::aggregate::{Keep, Places, RollUpResult, Standing, UsageView};
use crate::book::{Account, View};
use crate::define::Namespace;
use crate::expr::{
    Behind, Cancelled, Cell, Checked, Columns, ExprValue, Flat, Names, Of, Supply, Type, UsageAsked,
};
use crate::model::{AccountIdx, Rates};
use crate::set::{AccountSet, Scope};

/// What one output of a step came to.
#[derive(Debug, Clone)]
enum Column {
    /// The values; of a roll-up also how many rows are in each, and how many were passed over.
    Values(Arc<Flat>, Option<(Vec<u32>, Vec<u32>)>),
    Members(AccountSet),
}

impl Column {
    fn of(answers: Answers, view: &View) -> Option<Self> {
        Some(match answers {
            Answers::Values(values) => Self::Values(Arc::new(values), None),
            Answers::RollUp(RollUpResult::Column(column)) => {
                Self::Values(column.values, Some((column.counted, column.skipped)))
            }
            // Values are kept here.
            Answers::RollUp(RollUpResult::States(..)) => return None,
            Answers::Members(bitmaps) => {
                Self::Members(AccountSet::from_bitmaps(view.inner().layout.clone(), bitmaps))
            }
        })
    }
}

/// What is known so far, by column.
#[derive(Debug, Clone)]
struct Known {
    catalog: Catalog,
    columns: Vec<Option<Column>>,
}

impl Known {
    fn at(&self, at: Option<usize>) -> Option<&Column> {
        self.columns.get(at?)?.as_ref()
    }

    /// The values of a column by its name.
    fn get(&self, name: &str) -> Option<&Arc<Flat>> {
        match self.at(self.catalog.column(name))? {
            Column::Values(values, _) => Some(values),
            Column::Members(_) => None,
        }
    }
}

/// Columns that are known so far, and usage.
struct Layer<'l> {
    usage: Option<&'l UsageView>,
    places: &'l Places,
    columns: &'l Known,
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
    rates: Option<Arc<dyn Rates>>,
    places: Places,
    columns: Known,
}

impl Derived {
    pub(super) fn nothing(catalog: &Catalog, view: &View) -> Self {
        let columns = Known { catalog: catalog.clone(), columns: vec![None; catalog.columns()] };
        Self { view: view.clone(), usage: None, rates: None, places: Places::new(view), columns }
    }
}

/// Computes rounds one after the other.
pub(super) fn run(
    catalog: &Catalog,
    rounds: &[Round],
    view: &View,
    inputs: RunInputs<'_>,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Derived, Cancelled> {
    let RunInputs { usage, history, rates } = inputs;
    let mut derived =
        Derived { usage: usage.cloned(), rates: rates.cloned(), ..Derived::nothing(catalog, view) };
    let rates = rates.map(|rates| &**rates);
    let standing = Standing::new(view);
    for round in rounds {
        let layer = Layer { usage, places: &derived.places, columns: &derived.columns };
        let given = Given { usage, history, rates, supply: &layer, keep: Keep::Values, stop };
        let answers = round.at(view.as_of(), catalog).evaluate(&standing, given)?;
        let columns = round.numbers.iter().flat_map(|step| catalog.columns_of(*step));
        for (at, answers) in columns.zip(answers) {
            let is_asked = catalog.output(at).is_some_and(|output| output.is_asked_in(view));
            if let Some(place) = derived.columns.columns.get_mut(at).filter(|_| is_asked) {
                *place = Column::of(answers, view);
            }
        }
    }
    Ok(derived)
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
        self.columns.get(column)?.val(row).to_value(self.kind(column)?)
    }

    /// The type of a column.
    #[must_use]
    pub fn kind(&self, column: &str) -> Option<&Type> {
        let known = &self.columns;
        let at = known.catalog.column(column);
        known.at(at).and(known.catalog.output(at?)?.kind.as_ref())
    }

    /// How many rows with a value, and how many without one, are in a roll-up; `None` for a column that is none, and for an account
    /// that the view does not show.
    #[must_use]
    pub fn counts(&self, roll_up: &str, account: Account<'_>) -> Option<(u64, u64)> {
        let known = &self.columns;
        match known.at(known.catalog.column(roll_up))? {
            Column::Values(_, Some((counted, skipped))) => {
                let row = self.row(account)?;
                let of = |counts: &[u32]| u64::from(counts.get(row).copied().unwrap_or(0));
                Some((of(counted), of(skipped)))
            }
            _ => None,
        }
    }

    /// The members of a segment that the view shows; `None` for one that is not defined, and for an account set where the view does
    /// not show everything.
    #[must_use]
    pub fn segment(&self, id: &str) -> Option<&AccountSet> {
        let known = &self.columns;
        match known.at(known.catalog.set_of(id))? {
            Column::Members(members) => Some(members),
            Column::Values(..) => None,
        }
    }

    /// Is an account in a segment? Never in one that is not defined, nor where the view does not show it.
    #[must_use]
    pub fn is_member(&self, id: &str, account: Account<'_>) -> bool {
        let known = self.row(account).is_some();
        known && self.segment(id).is_some_and(|set| set.contains(account.place()))
    }

    /// The segments, with their members; those that are account sets are not among them.
    pub fn segments(&self) -> impl Iterator<Item = (&str, &AccountSet)> {
        let known = &self.columns;
        known.columns.iter().enumerate().filter_map(|(at, column)| match column {
            Some(Column::Members(members)) => {
                let output = known.catalog.output(at).filter(|output| !output.makes_scopes)?;
                Some((&*output.name, members))
            }
            _ => None,
        })
    }

    /// The scope of an account set ([`Segment::account_set`](crate::segment::Segment::account_set)); `None` for an unknown name, for a segment
    /// that is no account set, and in a view that does not show everything. A copy of the set: nothing is evaluated.
    #[must_use]
    pub fn scope_of(&self, account_set: &str) -> Option<Scope> {
        let known = &self.columns;
        let output = known.catalog.output(known.catalog.set_of(account_set)?)?;
        let members = self.segment(account_set).filter(|_| output.makes_scopes)?;
        Some(Scope::of(members.clone()))
    }
}

/// The book, usage, and all definitions of the catalog.
impl<'c> From<&'c Derived> for Columns<'c> {
    fn from(derived: &'c Derived) -> Self {
        Self::new(&derived.view, derived)
    }
}

impl Supply for Derived {
    fn kept_days(&self) -> Option<u32> {
        self.usage.as_ref()?.kept_days()
    }

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

    fn kind(&self, of: Of<'_>, name: &str) -> Option<Type> {
        match of {
            Of::Account => Self::kind(self, name).cloned(),
            of => Some(self.columns.catalog.names().name(of, name)?.kind().clone()),
        }
    }

    fn has_event(&self, name: &str) -> bool {
        self.usage.as_ref().is_some_and(|usage| usage.has_event(name))
    }

    fn metric(&self, name: &str) -> Option<Type> {
        self.usage.as_ref()?.metric(name)
    }

    fn has_segment(&self, id: &str) -> bool {
        self.segment(id).is_some()
    }

    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        self.segments().for_each(|(id, _)| seen(id));
    }

    fn members(&self, id: &str) -> Option<AccountSet> {
        self.segment(id).cloned()
    }

    fn question(&self, id: &str) -> Option<(&str, &Checked)> {
        self.columns.catalog.names().question(id).filter(|_| Supply::has_segment(self, id))
    }

    fn provenance(&self, name: &str, place: AccountIdx, width: usize) -> Option<Behind<'_>> {
        // The history of a run is not kept.
        let (view, usage) = (&self.view, self.usage.as_ref());
        let asked =
            ProvenanceSources { view, usage, history: None, rates: self.rates.as_deref(), supply: self };
        self.columns.catalog.provenance((name, place, width), asked)
    }

    fn usage_days(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> (Option<Type>, Vec<(i32, Cell)>) {
        self.usage.as_ref().map_or_else(Default::default, |usage| usage.usage_days(place, asked))
    }

    fn is_member(&self, id: &str, place: AccountIdx) -> bool {
        self.view.sees(place) && self.segment(id).is_some_and(|set| set.contains(place))
    }
}

/// Columns and metrics that no definition reads, as they were given.
pub(super) fn unused(entries: &Entries) -> Vec<DefinitionRef> {
    // What reads its own earlier days is not read by others.
    let sources = entries.iter().flat_map(|entry| entry.reads.iter().map(move |source| (entry, source)));
    let read = sources.filter_map(|(reader, source)| {
        Some(entries.defined(source)?.written()).filter(|read| *read != reader.written())
    });
    let read: HashSet<&DefinitionRef> = read.collect();
    let all = entries.given().into_iter().filter(|entry| entry.bringer.is_none()).map(|entry| &entry.id);
    let is_unread = |id: &&DefinitionRef| {
        matches!(id.kind.namespace(), Namespace::Columns | Namespace::Metrics) && !read.contains(id)
    };
    all.filter(is_unread).cloned().collect()
}
