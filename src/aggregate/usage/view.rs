//! What is the usage of the accounts of a view?

use std::sync::Arc;

use super::daily;
use super::dictionary::Dictionary;
use super::reading::Prepared;
use super::store::AccountUsage;
use super::{Metrics, Usage};
use crate::book::{Inner, View};
use crate::expr::{Cell, Columns, Flat, Op, Supply, UsageAsked, slots_of};
use crate::model::AccountIdx;
use crate::tree::Shape;

/// No usage.
const NONE: u32 = u32::MAX;

/// The usage of the accounts that a view shows, as expressions ask it.
///
/// A snapshot: what comes in later is not in it. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct UsageView {
    pub(super) usage: Usage,
    pub(super) metrics: Metrics,
    view: View,
    /// By slot: the shape that the numbers belong to, and the number of each account.
    accounts: Arc<[Option<Numbered>]>,
}

#[derive(Debug, Clone)]
struct Numbered {
    shape: Arc<Shape>,
    numbers: Arc<[u32]>,
    /// How many accounts were known when it was made.
    known: usize,
}

impl Usage {
    /// The usage of the accounts of a view, with metrics over it.
    ///
    /// # Complexity
    ///
    /// A look-up for each account of the book; [`UsageView::again`] makes the next one of the chunks that changed.
    #[must_use]
    pub fn over(&self, view: &View, metrics: &Metrics) -> UsageView {
        self.bound(view, metrics, &[])
    }

    fn bound(&self, view: &View, metrics: &Metrics, before: &[Option<Numbered>]) -> UsageView {
        let chunks = view.inner().chunks.iter().enumerate();
        let accounts = chunks.map(|(slot, chunk)| {
            let shape = &chunk.as_ref()?.shape;
            let known = before.get(slot).and_then(Option::as_ref);
            let same =
                known.filter(|known| Arc::ptr_eq(&known.shape, shape) && known.known == self.accounts.len());
            Some(same.cloned().unwrap_or_else(|| numbered(shape, &self.accounts)))
        });
        let accounts = accounts.collect();
        UsageView { usage: self.clone(), metrics: metrics.clone(), view: view.clone(), accounts }
    }
}

fn numbered(shape: &Arc<Shape>, accounts: &Dictionary<Arc<str>>) -> Numbered {
    let number = |row| shape.id(row).and_then(|id| accounts.find(id)).unwrap_or(NONE);
    let numbers = (0..shape.rows()).map(number).collect();
    Numbered { shape: shape.clone(), numbers, known: accounts.len() }
}

impl UsageView {
    /// The same for another state of the usage or another view, with what has not changed taken over.
    #[must_use]
    pub fn again(&self, usage: &Usage, view: &View) -> Self {
        usage.bound(view, &self.metrics, &self.accounts)
    }

    /// The view.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The usage.
    #[must_use]
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The metrics over it.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// As columns for expressions: `events(..)` and `metric(..)` are answered.
    #[must_use]
    pub fn columns(&self) -> Columns<'_> {
        Columns::new(&self.view, self)
    }

    pub(in crate::aggregate) fn account(&self, place: AccountIdx) -> Option<&AccountUsage> {
        let numbered = self.accounts.get(place.slot as usize)?.as_ref()?;
        let number = numbered.numbers.get(place.row as usize).copied().filter(|number| *number != NONE)?;
        self.usage.store.account(number)
    }

    /// The answer of a question for the accounts of each chunk, and for one account.
    fn asked<T>(&self, asked: &UsageAsked<'_>, over: impl FnOnce(&dyn Answering) -> T) -> Option<T> {
        let (first, last) = asked.window()?;
        if !asked.is_metric {
            let prepared = Prepared::new(&self.usage, *asked);
            return Some(over(&Events { prepared, first: first.unwrap_or(i32::MIN), last }));
        }
        let checked = self.metrics.checked(asked.name)?;
        let (terms, root) = checked.terms();
        let (terms, roots) = terms.as_of(self.view.as_of(), &[root]);
        let root = *roots.first()?;
        let daily = UsageAsked::of(&terms, root, last)?;
        let Op::Usage(daily_reading, ..) = terms.op(root) else { return None };
        let prepared = Prepared::new(&self.usage, daily);
        let reading = asked.reading;
        Some(over(&Series { prepared, reading, daily: *daily_reading, first, last }))
    }
}

/// Answers a question for one account after the other.
trait Answering: Sync {
    fn answer(&self, account: Option<&AccountUsage>) -> Cell;
}

struct Events<'u> {
    prepared: Prepared<'u>,
    first: i32,
    last: i32,
}

impl Answering for Events<'_> {
    fn answer(&self, account: Option<&AccountUsage>) -> Cell {
        self.prepared.answer(account, self.first, self.last)
    }
}

struct Series<'u> {
    prepared: Prepared<'u>,
    reading: crate::expr::UsageReading,
    daily: crate::expr::UsageReading,
    first: Option<i32>,
    last: i32,
}

impl Answering for Series<'_> {
    fn answer(&self, account: Option<&AccountUsage>) -> Cell {
        daily::read(self.reading, &self.prepared, self.daily, account, self.first, self.last)
    }
}

impl Supply for UsageView {
    fn usage(&self, asked: &UsageAsked<'_>) -> Flat {
        let slots = slots_of(&self.view);
        let flats = self.asked(asked, |answering| {
            let chunk = |(slot, _): &(u32, u32)| Flat::of_cells(self.chunk(*slot, answering));
            #[cfg(feature = "rayon")]
            let flats: Vec<Flat> = if slots.len() > 1 {
                use rayon::prelude::*;
                slots.par_iter().map(chunk).collect()
            } else {
                slots.iter().map(chunk).collect()
            };
            #[cfg(not(feature = "rayon"))]
            let flats: Vec<Flat> = slots.iter().map(chunk).collect();
            flats
        });
        match flats {
            Some(flats) => Flat::joined(flats),
            None => Flat::Cells(vec![Cell::Missing; rows(self.view.inner(), &slots)]),
        }
    }

    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell {
        self.asked(asked, |answering| answering.answer(self.account(place))).unwrap_or(Cell::Missing)
    }

    fn column(&self, _: &str) -> Option<Arc<Flat>> {
        None
    }

    fn column_at(&self, _: &str, _: AccountIdx) -> Cell {
        Cell::Missing
    }
}

fn rows(inner: &Inner, slots: &[(u32, u32)]) -> usize {
    slots.iter().map(|(slot, _)| inner.chunk(*slot).map_or(0, |chunk| chunk.shape.rows() as usize)).sum()
}

impl UsageView {
    fn chunk(&self, slot: u32, answering: &dyn Answering) -> Vec<Cell> {
        let rows = self.view.inner().chunk(slot).map_or(0, |chunk| chunk.shape.rows());
        let visible = self.view.scope().set().map(|set| set.bitmap(slot));
        // All accounts without usage have the same answer.
        let nothing = answering.answer(None);
        let numbers = self.accounts.get(slot as usize).and_then(Option::as_ref);
        let cell = |row: u32| {
            let hidden = visible.is_some_and(|bits| bits.is_none_or(|bits| !bits.get(row as usize)));
            let number = numbers.and_then(|numbered| numbered.numbers.get(row as usize)).copied();
            match number.filter(|number| *number != NONE && !hidden) {
                None => nothing.clone(),
                Some(number) => answering.answer(self.usage.store.account(number)),
            }
        };
        (0..rows).map(cell).collect()
    }
}
