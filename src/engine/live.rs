//! What does a user see, of accounts and of what is derived?

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::column::Column;
use super::derivation::{Derivation, Inputs, Sources};
use super::held::Held;
use super::published::{Published, State};
use crate::aggregate::Places;
use crate::book::{Account, View};
use crate::catalog::{Catalog, DefinitionRef, ProvenanceSources};
use crate::expr::{
    Behind, Cancelled, Cell, Checked, Columns, ExprValue, Flat, Names, Of, Supply, Type, UsageAsked, Val,
    slots_of,
};
use crate::facts::{Fact, Subject};
use crate::model::{AccountId, AccountIdx, Observer};
use crate::set::AccountSet;

/// One state as one user sees it at one moment, with the answers of all definitions. Cloning is cheap; `Send + Sync`.
///
/// What is not visible might as well not exist: every answer is worked out from visible accounts only. What is subscribed
/// is known already where everything is visible; the rest is worked out when it is first asked, for all visible accounts,
/// and held.
#[derive(Clone)]
pub struct LiveView {
    state: Arc<State>,
    held: Arc<Held>,
    view: View,
    /// The columns that questions read last: each is looked up once, and stays for as long as it is read, whatever is dropped.
    read: Arc<Mutex<VecDeque<(usize, Column)>>>,
}

/// Columns that a view keeps for its questions.
const MAX_READ: usize = 16;

impl std::fmt::Debug for LiveView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveView").field("version", &self.state.version).finish_non_exhaustive()
    }
}

impl LiveView {
    pub(super) fn new(state: Arc<State>, held: Arc<Held>) -> Self {
        let view = held.now().inputs.view.clone();
        Self { state, held, view, read: Arc::default() }
    }

    /// What everything in it is computed from.
    pub(super) fn inputs(&self) -> Inputs {
        self.held.now().inputs.clone()
    }

    /// The accounts.
    #[must_use]
    pub const fn accounts(&self) -> &View {
        &self.view
    }

    /// The definitions.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.state.catalog
    }

    /// The state.
    #[must_use]
    pub fn published(&self) -> Published {
        Published(self.state.clone())
    }

    /// An account that is visible.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<Account<'_>> {
        self.view.account(id)
    }

    /// The facts of an account, by kind and key, then in order of time. A fact stays with the id for which it was recorded: an account that was
    /// merged or split still has its own facts, while at least one of its successors is visible. Nothing for an id with no visible account.
    ///
    /// # Complexity
    ///
    /// O(log + rows), and for an account that is not visible O(mergers and splits on the way × log).
    pub fn facts(&self, account: &str) -> impl Iterator<Item = &Fact> {
        let is_visible = !self.view.successors(account).is_empty();
        let account = AccountId::new(account).ok().filter(|_| is_visible);
        let facts = &self.state.beside.facts;
        account.into_iter().flat_map(|account| facts.of(&Subject::Account(account)))
    }

    /// Works out some definitions, so that asking them later takes no time; with an observer that sees how far it is, and may
    /// stop it. Definitions that are not in the catalog are passed over.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] when the observer stopped it; what is done by then is not held.
    pub fn prepare<'d>(
        &self,
        definitions: impl IntoIterator<Item = &'d DefinitionRef>,
        observer: &dyn Observer,
    ) -> Result<(), Cancelled> {
        let prepared = &self.held.now().inputs.prepared;
        let catalog = self.catalog();
        let is_asked = |step: &usize| catalog.columns_of(*step).all(|number| self.asked(number).is_some());
        let steps = definitions.into_iter().flat_map(|id| prepared.steps(id)).filter(is_asked);
        let steps: Vec<usize> = steps.collect();
        self.derivation(&steps, observer).map(|_| ())
    }

    fn derivation(&self, steps: &[usize], observer: &dyn Observer) -> Result<Arc<Derivation>, Cancelled> {
        let (found, is_new) = self.held.with(steps, self.state.tick(), observer)?;
        if is_new {
            self.state.evict();
        }
        Ok(found)
    }

    /// A column by its number; nobody stops it.
    pub(super) fn numbered(&self, number: usize) -> Option<Column> {
        self.asked(number)?;
        let step = self.state.catalog.step_of(number)?;
        self.derivation(&[step], &()).ok()?.columns.get(number)?.clone()
    }

    /// The number of a column again, where it may be asked in this view.
    fn asked(&self, number: usize) -> Option<usize> {
        self.state.catalog.output(number)?.is_asked_in(&self.view).then_some(number)
    }

    /// A column by its number, for a question that may read it account by account.
    fn read(&self, number: usize) -> Option<Column> {
        self.asked(number)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, column)) = read.iter().find(|(known, _)| *known == number) {
            return Some(column.clone());
        }
        drop(read);
        let column = self.numbered(number)?;
        read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if !read.iter().any(|(known, _)| *known == number) {
            read.truncate(MAX_READ - 1);
            read.push_front((number, column.clone()));
        }
        Some(column)
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.state.catalog.column(name)
    }

    fn set_of(&self, segment: &str) -> Option<usize> {
        self.state.catalog.set_of(segment).and_then(|number| self.asked(number))
    }

    pub(super) fn place(&self, account: Account<'_>) -> Option<AccountIdx> {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        Some(account.place()).filter(|place| ours && self.view.sees(*place))
    }

    /// The value of a column (a calculated attribute, past value, roll-up or ranking) for an account; `None` where it has
    /// none, for a column that is not defined, and for an account that is not visible.
    ///
    /// # Complexity
    ///
    /// A look-up, where the column is kept current or held; else it is worked out first, with all that it reads, for all
    /// visible accounts. So for all questions of definitions; [`LiveView::prepare`] does it beforehand. To read many accounts,
    /// [`LiveView::column`] finds the column once.
    #[must_use]
    pub fn value(&self, column: &str, account: Account<'_>) -> Option<ExprValue> {
        let place = self.place(account)?;
        let cell = self.numbered(self.named(column)?)?.cell(place);
        Val::of_cell(&cell).to_value(self.kind(column)?)
    }

    /// The type of a column.
    #[must_use]
    pub fn kind(&self, column: &str) -> Option<&Type> {
        self.state.catalog.output(self.named(column)?)?.kind.as_ref()
    }

    /// How many rows with a value, and how many without one, are in a roll-up; `None` for a column that is none, and for an account
    /// that is not visible.
    #[must_use]
    pub fn counts(&self, roll_up: &str, account: Account<'_>) -> Option<(u64, u64)> {
        let place = self.place(account)?;
        let (counted, skipped) = self.numbered(self.named(roll_up)?)?.counts(place)?;
        Some((u64::from(counted), u64::from(skipped)))
    }

    /// The members of a segment that are visible; `None` for one that is not defined, and for an account set where not everything is
    /// visible.
    #[must_use]
    pub fn segment(&self, id: &str) -> Option<AccountSet> {
        Some(self.numbered(self.set_of(id)?)?.members(self.view.book()))
    }

    /// Is an account in a segment? Never in one that is not defined, nor where it is not visible.
    #[must_use]
    pub fn is_member(&self, id: &str, account: Account<'_>) -> bool {
        let column = self.set_of(id).and_then(|set| self.numbered(set));
        self.place(account).zip(column).is_some_and(|(place, column)| column.is_member(place))
    }
}

/// The book, usage, and all definitions of the state: each is computed when a question first reads it.
impl<'c> From<&'c LiveView> for Columns<'c> {
    fn from(view: &'c LiveView) -> Self {
        Self::new(&view.view, view)
    }
}

impl Supply for LiveView {
    fn kept_days(&self) -> Option<u32> {
        self.held.now().inputs.usage.as_ref()?.kept_days()
    }

    fn usage(&self, asked: &UsageAsked<'_>) -> Flat {
        let now = self.held.now();
        match &now.inputs.usage {
            Some(usage) => Supply::usage(usage, asked),
            None => Flat::Cells(vec![Cell::Missing; Places::new(&self.view).rows()]),
        }
    }

    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell {
        self.held.now().inputs.usage.as_ref().map_or(Cell::Missing, |usage| usage.usage_at(place, asked))
    }

    fn column(&self, name: &str) -> Option<Arc<Flat>> {
        let column = self.read(self.named(name)?)?;
        Some(Arc::new(column.over(&slots_of(&self.view), self.view.book())))
    }

    fn column_at(&self, name: &str, place: AccountIdx) -> Cell {
        let column = self.named(name).and_then(|number| self.read(number));
        column.map_or(Cell::Missing, |column| column.cell(place))
    }

    fn kind(&self, of: Of<'_>, name: &str) -> Option<Type> {
        Some(self.catalog().names().name(of, name)?.kind().clone())
    }

    fn has_event(&self, name: &str) -> bool {
        self.held.now().inputs.usage.as_ref().is_some_and(|usage| usage.has_event(name))
    }

    fn metric(&self, name: &str) -> Option<Type> {
        self.held.now().inputs.usage.as_ref()?.metric(name)
    }

    fn has_segment(&self, id: &str) -> bool {
        self.set_of(id).is_some()
    }

    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        self.catalog().names().each_segment(seen);
    }

    fn members(&self, id: &str) -> Option<AccountSet> {
        self.segment(id)
    }

    fn provenance(&self, name: &str, place: AccountIdx, width: usize) -> Option<Behind<'_>> {
        let inputs = self.held.now().inputs.clone();
        let Sources { history, rates } = inputs.sources();
        let asked = ProvenanceSources {
            view: &self.view,
            usage: inputs.usage.as_ref(),
            history: Some(history),
            rates: Some(rates),
            supply: self,
        };
        self.catalog().provenance((name, place, width), asked)
    }

    fn usage_days(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> (Option<Type>, Vec<(i32, Cell)>) {
        let now = self.held.now();
        now.inputs.usage.as_ref().map_or_else(Default::default, |usage| usage.usage_days(place, asked))
    }

    fn question(&self, id: &str) -> Option<(&str, &Checked)> {
        self.catalog().names().question(id).filter(|_| self.has_segment(id))
    }

    fn is_member(&self, id: &str, place: AccountIdx) -> bool {
        let column = self.set_of(id).and_then(|number| self.read(number));
        self.view.sees(place) && column.is_some_and(|column| column.is_member(place))
    }
}
