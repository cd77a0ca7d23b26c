//! One state that is complete: a book, definitions, a moment, and what they come to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::derivation::{Derivation, Inputs};
use super::held::{Earlier, Held};
use super::live::LiveView;
use super::part::StateParts;
use super::prepared::Prepared;
use super::settings::EngineSettings;
use crate::aggregate::Usage;
use crate::book::{Book, View};
use crate::catalog::{Catalog, DefinitionRef, Records};
use crate::expr::Cancelled;
use crate::facts::Facts;
use crate::fold::ExchangeRates;
use crate::model::{AsOf, Observer, Schema};
use crate::set::{Scope, StaleSet};

/// An immutable state, as it was published. Cloning is cheap; `Send + Sync`; nothing that is applied later shows in it.
#[derive(Clone)]
pub struct Published(pub(super) Arc<State>);

pub(super) struct State {
    pub(super) version: u64,
    pub(super) book: Book,
    pub(super) beside: StateParts,
    pub(super) catalog: Catalog,
    pub(super) as_of: AsOf,
    pub(super) subscribed: Arc<BTreeSet<DefinitionRef>>,
    /// The steps that are kept current, in order.
    wanted: Arc<[usize]>,
    pub(super) settings: Arc<EngineSettings>,
    /// Of everything, at its moment.
    pub(super) held: Arc<Held>,
    /// Of scopes and of other moments, with the time at which each was asked last.
    others: Mutex<Vec<(u64, Arc<Held>)>>,
    clock: AtomicU64,
    counters: Arc<Counters>,
}

/// What an engine did so far.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) evicted: AtomicU64,
    pub(super) compiled: AtomicU64,
}

/// What the next state is made of.
pub(super) struct Parts {
    pub(super) book: Book,
    pub(super) beside: StateParts,
    pub(super) catalog: Catalog,
    pub(super) as_of: AsOf,
    pub(super) subscribed: Arc<BTreeSet<DefinitionRef>>,
}

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Published")
            .field("version", &self.0.version)
            .field("accounts", &self.0.book.len())
            .field("date", &self.0.as_of.date())
            .finish_non_exhaustive()
    }
}

fn whole(book: &Book, as_of: &AsOf, rates: &ExchangeRates) -> View {
    book.view_of_all(as_of.clone()).with_rates(Arc::new(rates.clone()))
}

impl State {
    /// A state from nothing but its parts.
    pub(super) fn first(
        parts: Parts,
        version: u64,
        settings: &Arc<EngineSettings>,
        observer: &dyn Observer,
    ) -> Result<Self, Cancelled> {
        let prepared = Prepared::new(&parts.catalog, &parts.as_of, None);
        let view = whole(&parts.book, &parts.as_of, &parts.beside.rates);
        let usage = parts.beside.usage.as_ref().map(|usage| usage.over(&view, parts.catalog.metrics()));
        let inputs = Inputs {
            prepared,
            view,
            usage,
            rates: parts.beside.rates.clone(),
            records: parts.beside.records.clone(),
            in_scope: parts.beside.records.in_scope(),
            together_from: settings.together_from,
        };
        let wanted = wanted(&inputs, &parts.subscribed);
        let derivation = Derivation::none(inputs).extended(&wanted, None, observer)?.keeping(&wanted);
        let counters = Arc::new(Counters::default());
        counters.compiled.fetch_add(parts.catalog.compiled() as u64, Ordering::Relaxed);
        Ok(Self::of(parts, version, wanted, settings.clone(), Held::new(derivation, None), counters))
    }

    /// The state after this one.
    pub(super) fn next(&self, parts: Parts, observer: &dyn Observer) -> Result<Self, Cancelled> {
        let same_catalog = self.catalog.is_same(&parts.catalog);
        let as_before = same_catalog && Arc::ptr_eq(&self.subscribed, &parts.subscribed);
        // What was only asked is of use where it is to be kept current from now on.
        let now = if as_before { self.held.first().clone() } else { self.held.now() };
        let inputs = self.inputs(&now.inputs, &parts);
        if !same_catalog {
            self.counters.compiled.fetch_add(parts.catalog.compiled() as u64, Ordering::Relaxed);
        }
        let wanted = if as_before { self.wanted.clone() } else { wanted(&inputs, &parts.subscribed) };
        let derivation = now.advanced(&inputs, &wanted, observer)?;
        let held = Held::new(derivation, self.held.to_take_over());
        Ok(Self::of(
            parts,
            self.version.saturating_add(1),
            wanted,
            self.settings.clone(),
            held,
            self.counters.clone(),
        ))
    }

    fn of(
        parts: Parts,
        version: u64,
        wanted: Arc<[usize]>,
        settings: Arc<EngineSettings>,
        held: Held,
        counters: Arc<Counters>,
    ) -> Self {
        let Parts { book, beside, catalog, as_of, subscribed } = parts;
        let (held, others, clock) = (Arc::new(held), Mutex::default(), AtomicU64::new(1));
        Self {
            version,
            book,
            beside,
            catalog,
            as_of,
            subscribed,
            wanted,
            settings,
            held,
            others,
            clock,
            counters,
        }
    }

    fn inputs(&self, before: &Inputs, parts: &Parts) -> Inputs {
        let same_catalog = self.catalog.is_same(&parts.catalog);
        let prepared = if same_catalog && self.as_of.is_same(&parts.as_of) {
            before.prepared.clone()
        } else {
            Prepared::new(&parts.catalog, &parts.as_of, Some(&before.prepared))
        };
        let view = whole(&parts.book, &parts.as_of, &parts.beside.rates);
        let usage = parts.beside.usage.as_ref().map(|usage| match &before.usage {
            Some(known) if known.usage().schema() == usage.schema() => {
                known.refresh(usage, &view).with_metrics(parts.catalog.metrics())
            }
            _ => usage.over(&view, parts.catalog.metrics()),
        });
        Inputs {
            prepared,
            view,
            usage,
            rates: parts.beside.rates.clone(),
            records: parts.beside.records.clone(),
            in_scope: parts.beside.records.in_scope(),
            together_from: self.settings.together_from,
        }
    }

    pub(super) fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// What is held for a scope and a moment.
    pub(super) fn held_for(&self, scope: &Scope, as_of: &AsOf) -> Result<Arc<Held>, StaleSet> {
        let here = self.as_of.is_same(as_of);
        if here && scope.is_all() {
            return Ok(self.held.clone());
        }
        let tick = self.tick();
        let is_it = |held: &Held| {
            let now = held.now();
            now.inputs.view.scope() == scope && now.inputs.prepared.as_of.is_same(as_of)
        };
        {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((asked, held)) = others.iter_mut().find(|(_, held)| is_it(held)) {
                *asked = tick;
                return Ok(held.clone());
            }
        }
        let now = self.held.now();
        let view = self.book.view(scope, as_of.clone())?.at_rates_of(&now.inputs.view);
        let prepared = if here {
            now.inputs.prepared.clone()
        } else {
            Prepared::new(&self.catalog, as_of, Some(&now.inputs.prepared))
        };
        let usage = now.inputs.usage.as_ref().map(|known| {
            if scope.is_all() { known.refresh(known.usage(), &view) } else { known.within(&view) }
        });
        let inputs = Inputs {
            prepared,
            view,
            usage,
            rates: now.inputs.rates.clone(),
            records: now.inputs.records.clone(),
            in_scope: now.inputs.in_scope.clone(),
            together_from: now.inputs.together_from,
        };
        let none = Derivation::none(inputs);
        let held = Arc::new(if here || !scope.is_all() && self.as_of.is_same_moment(as_of) {
            Held::within(none, self.held.clone())
        } else {
            // Of everything at another moment, what reads no dates is as it is now.
            Held::new(none, scope.is_all().then_some(Earlier { derivation: now, age: 0 }))
        });
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.push((tick, held.clone()));
        if others.len() > MAX_VIEWS {
            let oldest = others.iter().map(|(asked, _)| *asked).min();
            others.retain(|(asked, _)| Some(*asked) != oldest);
            self.counters.evicted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(held)
    }

    /// Drops what was asked longest ago, while more is held than the settings allow.
    pub(super) fn evict(&self) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        // When, how many bytes, and which: a step of the current view, or another view.
        let mut items: Vec<(u64, usize, Option<usize>)> =
            self.held.beside().into_iter().map(|(tick, step, bytes)| (tick, bytes, Some(step))).collect();
        items.extend(others.iter().map(|(tick, held)| (*tick, held.bytes(), None)));
        items.sort_unstable();
        let mut bytes: usize = items.iter().map(|(_, bytes, _)| bytes).sum();
        for (tick, own, step) in items {
            if bytes <= self.settings.memory {
                break;
            }
            bytes -= own;
            self.counters.evicted.fetch_add(1, Ordering::Relaxed);
            match step {
                Some(step) => self.held.drop_step(step),
                None => others.retain(|(asked, _)| *asked != tick),
            }
        }
    }

    pub(super) fn stats(&self) -> EngineStats {
        let now = self.held.now();
        let beside = self.held.beside();
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered: usize = beside.iter().map(|(_, _, bytes)| bytes).sum();
        let known = now.columns.iter().filter(|column| column.is_some()).count();
        let remembered_columns: usize =
            beside.iter().map(|(_, step, _)| self.catalog.columns_of(*step).len()).sum();
        EngineStats {
            version: self.version,
            accounts: self.book.len(),
            book_bytes: self.book.heap_bytes(),
            definitions: self.catalog.len(),
            compiled: self.counters.compiled.load(Ordering::Relaxed),
            kept_current: known.saturating_sub(remembered_columns),
            kept_current_bytes: self.held.bytes().saturating_sub(remembered),
            remembered: remembered_columns,
            remembered_bytes: remembered,
            views: others.len(),
            views_bytes: others.iter().map(|(_, held)| held.bytes()).sum(),
            evicted: self.counters.evicted.load(Ordering::Relaxed),
        }
    }
}

/// Views of scopes and of other moments that are held for each state; past them, the least recently asked is dropped.
pub const MAX_VIEWS: usize = 64;

/// The steps that are kept current: those that are subscribed, and all that they read; what reads the whole book, or what comes
/// with the question, is worked out when it is asked.
fn wanted(inputs: &Inputs, subscribed: &BTreeSet<DefinitionRef>) -> Arc<[usize]> {
    let steps = inputs.prepared.catalog.steps();
    let narrow =
        |at: &usize| steps.get(*at).is_some_and(|step| !step.reads.is_wide && !step.reads.parameters);
    let asked = subscribed.iter().flat_map(|id| inputs.prepared.steps(id));
    inputs.prepared.closed(asked.filter(narrow))
}

/// What an engine holds, for one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EngineStats {
    /// The version of the state.
    pub version: u64,
    /// Accounts of the book.
    pub accounts: usize,
    /// Bytes of the book, by its own count; states share what did not change between them.
    pub book_bytes: usize,
    /// Definitions.
    pub definitions: usize,
    /// How many definitions were compiled for all states since the engine was made or restored, those of branches among them:
    /// where some were put in or taken out, these and those that read them.
    pub compiled: u64,
    /// Columns and sets that are kept current.
    pub kept_current: usize,
    /// Their bytes; texts and lists are counted by their handles.
    pub kept_current_bytes: usize,
    /// Columns and sets of other definitions that were asked and are held.
    pub remembered: usize,
    /// Their bytes.
    pub remembered_bytes: usize,
    /// Views of scopes and of other moments that are held.
    pub views: usize,
    /// Their bytes.
    pub views_bytes: usize,
    /// How often something was dropped to stay within the memory that settings allow.
    pub evicted: u64,
}

impl Published {
    /// Its version: one more than that of the state before it.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version
    }

    /// The book, **outside any scope**.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.0.book
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        self.0.book.schema()
    }

    /// The definitions.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The usage, where the engine holds some.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.0.beside.usage.as_ref()
    }

    /// What was recorded on the days that were closed, **outside any scope**.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.0.beside.records
    }

    /// What was said of accounts and people, **outside any scope**.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.0.beside.facts
    }

    /// The rates of exchange.
    #[must_use]
    pub fn rates(&self) -> &ExchangeRates {
        &self.0.beside.rates
    }

    /// Its moment.
    #[must_use]
    pub fn as_of(&self) -> &AsOf {
        &self.0.as_of
    }

    /// The definitions that are kept current.
    pub fn subscribed(&self) -> impl Iterator<Item = &DefinitionRef> {
        self.0.subscribed.iter()
    }

    /// What a user who may see `scope` sees, at the moment of the state. Up to [`MAX_VIEWS`] views of scopes and of other
    /// moments are held with what they were asked; one that is not is made anew.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the scope belongs to a book of other structure; [`Book::rebase`] carries it over.
    pub fn view(&self, scope: &Scope) -> Result<LiveView, StaleSet> {
        self.view_at(scope, &self.0.as_of)
    }

    /// The scope of an account set ([`Segment::account_set`](crate::segment::Segment::account_set)) at a moment, with the parameters of
    /// the viewer: evaluated over the whole book, and cached as a view of everything is. `None` for an unknown name, and for a segment
    /// that is no account set. It belongs to the book of this state, as any set does: ask the next state for its own.
    ///
    /// # Complexity
    ///
    /// A copy of the set, where it is cached for the moment and the parameters; otherwise it is evaluated first, with all that it reads.
    /// A moment with parameters is one of [`MAX_VIEWS`], and so is a view of the scope: keep the scope for as long as the state.
    #[must_use]
    pub fn scope_of(&self, account_set: &str, as_of: &AsOf) -> Option<Scope> {
        let catalog = &self.0.catalog;
        catalog.output(catalog.set_of(account_set)?).filter(|output| output.makes_scopes)?;
        let view = self.view_at(&Scope::all(), as_of).ok()?;
        view.segment(account_set).map(Scope::of)
    }

    /// What a user who may see `scope` sees at another moment: what reads no dates is taken over. It does not go back in time; the states of
    /// [`Engine::states`](super::Engine::states) do.
    ///
    /// # Errors
    ///
    /// As [`Published::view`].
    ///
    /// # Complexity
    ///
    /// O([`MAX_VIEWS`] × size of the scope) to find it; a new moment reads all definitions, and no account.
    pub fn view_at(&self, scope: &Scope, as_of: &AsOf) -> Result<LiveView, StaleSet> {
        let held = self.0.held_for(scope, as_of)?;
        Ok(LiveView::new(self.0.clone(), held))
    }

    /// What is held for it.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        self.0.stats()
    }
}
