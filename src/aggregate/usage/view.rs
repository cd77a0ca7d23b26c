//! What is the usage of the accounts of a view?
//!
//! That of its own id, and that of the ids that lead to it (`absorbed`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::absorbed::Absorbed;
use super::daily;
use super::dictionary::{Dictionary, placed};
use super::reading::Prepared;
use super::store::AccountUsage;
use super::weekly::Weekly;
use super::{Metrics, Usage};
use crate::book::{Inner, UsagePlaces, View};
use crate::expr::{Cell, Columns, Flat, Names, Of, Op, Supply, Type, UsageAsked, slots_of};
use crate::model::{AccountId, AccountIdx};
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
    /// As usage is stored: by part, then by place in it, the row of the account in the view. `None` for a few accounts of a
    /// book, which are looked up one by one.
    rows: Option<Arc<[Box<[u32]>]>>,
    /// Whose usage is read of another account.
    absorbed: Arc<Absorbed>,
    /// How many rows the view has.
    all: usize,
}

#[derive(Debug, Clone)]
struct Numbered {
    shape: Arc<Shape>,
    numbers: Arc<[u32]>,
}

impl Usage {
    /// The usage of the accounts of a view, with metrics over it.
    ///
    /// Events of an id that merged, or was split, and is not in the book are read of its first successor that is, those from
    /// before as well (ruling S105).
    ///
    /// # Complexity
    ///
    /// A look-up for each account of the book, and for each account that ended; [`UsageView::refresh`] makes the next one of
    /// the chunks that changed.
    #[must_use]
    pub fn over(&self, view: &View, metrics: &Metrics) -> UsageView {
        self.bound(view, metrics, None)
    }

    fn bound(&self, view: &View, metrics: &Metrics, before: Option<&UsageView>) -> UsageView {
        let chunks = view.inner().chunks.iter().enumerate();
        // Of another structure or scope, rows may stand in another order even where all chunks are the same.
        let same = |before: &UsageView| {
            before.view.inner().layout.same(&view.inner().layout) && before.view.scope() == view.scope()
        };
        // Numbers of accounts mean something in one dictionary only.
        let before = before.filter(|before| before.usage.accounts.same(&self.accounts));
        let inner = view.inner();
        let same_history = |before: &UsageView| before.absorbed.is_of(&inner.successions);
        if let Some(before) =
            before.filter(|before| same(before) && same_history(before) && before.rows.is_some())
        {
            return UsageView { usage: self.clone(), view: view.clone(), ..before.clone() };
        }
        let known = before.map(|before| &*before.absorbed);
        let absorbed = Arc::new(Absorbed::of(inner, &self.accounts, known));
        let mut changed = !before.is_some_and(|before| same(before) && same_history(before));
        let accounts = chunks.map(|(slot, chunk)| {
            let known = before.and_then(|before| before.accounts.get(slot)?.as_ref());
            let Some(chunk) = chunk.as_ref() else {
                changed |= known.is_some();
                return None;
            };
            let same = known.filter(|known| Arc::ptr_eq(&known.shape, &chunk.shape));
            changed |= same.is_none();
            Some(same.cloned().unwrap_or_else(|| numbered(&chunk.shape, &self.accounts)))
        });
        let accounts: Arc<[Option<Numbered>]> = accounts.collect();
        let (rows, all) = match before.filter(|_| !changed) {
            Some(UsageView { rows: Some(rows), all, .. }) => (rows.clone(), *all),
            _ => as_stored(&slots_of(view), &accounts, &self.accounts, &absorbed),
        };
        let rows = Some(rows);
        let (usage, metrics, view) = (self.clone(), metrics.clone(), view.clone());
        UsageView { usage, metrics, view, accounts, rows, absorbed, all }
    }
}

fn numbered(shape: &Arc<Shape>, accounts: &Dictionary<Arc<str>>) -> Numbered {
    let number = |row| shape.id(row).and_then(|id| accounts.find(id)).unwrap_or(NONE);
    let numbers = (0..shape.rows()).map(number).collect();
    Numbered { shape: shape.clone(), numbers }
}

/// The row of each account that has a number and shows no usage of other ids, and how many rows there are.
fn as_stored(
    slots: &[(u32, u32)],
    accounts: &[Option<Numbered>],
    known: &Dictionary<Arc<str>>,
    absorbed: &Absorbed,
) -> (Arc<[Box<[u32]>]>, usize) {
    let mut rows: Vec<Box<[u32]>> = known.sizes().map(|size| vec![NONE; size].into()).collect();
    let mut all = 0;
    for (slot, first) in slots {
        let Some(Some(numbered)) = accounts.get(*slot as usize) else { continue };
        all += numbered.numbers.len();
        for (row, number) in (*first..).zip(numbered.numbers.iter()).filter(|(_, number)| **number != NONE) {
            if !absorbed.is_empty() && absorbed.has(AccountIdx::new(*slot, row - first)) {
                continue;
            }
            let (part, place) = placed(*number);
            if let Some(own) = rows.get_mut(part).and_then(|part| part.get_mut(place)) {
                *own = row;
            }
        }
    }
    (rows.into(), all)
}

impl UsageView {
    /// The same for another state of the usage or another view, with what has not changed taken over.
    #[must_use]
    pub fn refresh(&self, usage: &Usage, view: &View) -> Self {
        usage.bound(view, &self.metrics, Some(self))
    }

    /// The same with other metrics.
    pub(crate) fn with_metrics(mut self, metrics: &Metrics) -> Self {
        self.metrics = metrics.clone();
        self
    }

    /// The same at the rates of a view.
    pub(crate) fn at_rates_of(mut self, view: &View) -> Self {
        self.view = self.view.at_rates_of(view);
        self
    }

    /// The same for a view of the same book that shows fewer accounts.
    pub(crate) fn within(&self, view: &View) -> Self {
        let rows = |(slot, _): &(u32, u32)| view.inner().chunk(*slot).map_or(0, |chunk| chunk.shape.rows());
        let all = slots_of(view).iter().map(|slot| rows(slot) as usize).sum();
        Self { view: view.clone(), rows: None, all, ..self.clone() }
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

    /// The usage that an account shows on some days, both ends included; it may hold more.
    pub(in crate::aggregate) fn account(
        &self,
        place: AccountIdx,
        days: (i32, i32),
    ) -> Option<Cow<'_, AccountUsage>> {
        let (store, width) = (&self.usage.store, self.usage.schema.width);
        self.absorbed.usage(store, place, self.own(place), days, width)
    }

    /// The usage of an account's own id.
    fn own(&self, place: AccountIdx) -> Option<&AccountUsage> {
        let numbered = self.accounts.get(place.slot as usize)?.as_ref()?;
        let number = numbered.numbers.get(place.row as usize).copied().filter(|number| *number != NONE)?;
        self.usage.store.account(number)
    }

    /// The ids of the accounts whose usage may not be the same in another state of another book: that of their own id is
    /// different, or that of an id which leads to them, or another id leads to them.
    pub(crate) fn differing(&self, other: &Self) -> Vec<AccountId> {
        let (mut found, by_succession) = self.differing_apart(other);
        found.extend(by_succession);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// As [`Self::differing`], in two lists: accounts whose events differ, and accounts for which the merged or split ids that count towards
    /// them changed, though the events may be equal.
    pub(crate) fn differing_apart(&self, other: &Self) -> (Vec<AccountId>, Vec<AccountId>) {
        let book = self.view.inner();
        let ids = self.usage.differing(&other.usage);
        let mut places = UsagePlaces::new(book);
        let mut events: Vec<AccountId> =
            ids.iter().filter_map(|id| Some(book.account_id(places.of(id)?))).collect();
        let mut by_succession = Vec::new();
        if !Arc::ptr_eq(&self.absorbed, &other.absorbed) {
            let (old_book, mut old_places) = (other.view.inner(), UsagePlaces::new(other.view.inner()));
            for (id, reader) in self.absorbed.differing(&other.absorbed) {
                let leads_to =
                    |book: &Inner, place: Option<AccountIdx>| place.map(|place| book.account_id(place));
                let now = leads_to(book, places.of(id.as_str()));
                if now != leads_to(old_book, old_places.of(id.as_str())) {
                    by_succession.push(reader.clone());
                }
                let knows = |usage: &Usage| usage.accounts.find(id.as_str()).is_some();
                if !(knows(&self.usage) && knows(&other.usage)) {
                    events.push(reader);
                }
            }
        }
        (events, by_succession)
    }

    /// The ids of the accounts that have usage.
    pub(crate) fn with_usage(&self) -> Vec<AccountId> {
        let (book, ids) = (self.view.inner(), self.usage.all_ids());
        let mut places = UsagePlaces::new(book);
        ids.iter().filter_map(|id| Some(book.account_id(places.of(id)?))).collect()
    }

    /// The answer of a question for the accounts of each chunk, and for one account.
    fn asked<T>(&self, asked: &UsageAsked<'_>, over: impl FnOnce(&dyn Answering) -> T) -> Option<T> {
        let (first, last) = asked.window()?;
        if !asked.is_metric {
            let prepared = Prepared::new(&self.usage, *asked);
            if let Some(weeks) = asked.weeks() {
                let (of_week, of_day, days) = (asked.reading, None, (first, last));
                return Some(over(&Weekly { events: prepared, weeks, of_week, of_day, days }));
            }
            return Some(over(&Events { prepared, first: first.unwrap_or(i32::MIN), last }));
        }
        let checked = self.metrics.checked(asked.name)?;
        let (terms, root) = checked.terms();
        let (terms, roots) = terms.as_of(self.view.as_of(), &[root]);
        let root = *roots.first()?;
        let rates = self.view.dated_rates();
        let daily = UsageAsked::of(&terms, root, last)?.at_rates(rates).beside(asked);
        let Op::Usage(daily_reading, ..) = terms.op(root) else { return None };
        let prepared = Prepared::new(&self.usage, daily);
        let reading = asked.reading;
        if let Some(weeks) = asked.weeks() {
            let (of_week, of_day, days) = (reading, Some(*daily_reading), (first, last));
            return Some(over(&Weekly { events: prepared, weeks, of_week, of_day, days }));
        }
        Some(over(&Series { prepared, reading, daily: *daily_reading, first, last }))
    }
}

/// Answers a question for one account after the other.
trait Answering: Sync {
    fn answer(&self, account: Option<&AccountUsage>) -> Cell;

    /// The days that are read, both ends included.
    fn days(&self) -> (i32, i32);

    /// The value of each day with events; by week, of each week with events, under its first day.
    fn each_day(&self, account: &AccountUsage, found: &mut dyn FnMut(i32, Cell));
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

    fn days(&self) -> (i32, i32) {
        (self.first, self.last)
    }

    fn each_day(&self, account: &AccountUsage, found: &mut dyn FnMut(i32, Cell)) {
        daily::values(&self.prepared, account, self.days(), |day| day, found);
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

    fn days(&self) -> (i32, i32) {
        (self.first.unwrap_or(i32::MIN), self.last)
    }

    fn each_day(&self, account: &AccountUsage, found: &mut dyn FnMut(i32, Cell)) {
        daily::values(&self.prepared, account, self.days(), |day| day, found);
    }
}

impl Answering for Weekly<'_> {
    fn answer(&self, account: Option<&AccountUsage>) -> Cell {
        self.read(account)
    }

    fn days(&self) -> (i32, i32) {
        (self.days.0.unwrap_or(i32::MIN), self.days.1)
    }

    fn each_day(&self, account: &AccountUsage, found: &mut dyn FnMut(i32, Cell)) {
        self.values(account, &mut |week, cell| found(self.weeks.first_day(week), cell));
    }
}

impl Supply for UsageView {
    fn kept_days(&self) -> Option<u32> {
        self.usage().settings().kept_days()
    }

    fn usage(&self, asked: &UsageAsked<'_>) -> Flat {
        let cells = self.asked(asked, |answering| {
            let Some(rows) = &self.rows else {
                let mut cells = vec![answering.answer(None); self.all];
                self.each(answering.days(), &mut |row, account| {
                    if let Some(cell) = cells.get_mut(row) {
                        *cell = answering.answer(Some(account));
                    }
                });
                return cells;
            };
            let part = |part: usize| -> Vec<(usize, Cell)> {
                let mut found = Vec::new();
                self.each_of(part, &mut |row, account| found.push((row, answering.answer(Some(account)))));
                found
            };
            #[cfg(feature = "rayon")]
            let parts: Vec<Vec<(usize, Cell)>> = {
                use rayon::prelude::*;
                (0..rows.len()).into_par_iter().map(part).collect()
            };
            #[cfg(not(feature = "rayon"))]
            let parts: Vec<Vec<(usize, Cell)>> = (0..rows.len()).map(part).collect();
            // All accounts without usage have the same answer.
            let mut cells = vec![answering.answer(None); self.all];
            for (row, cell) in parts.into_iter().flatten() {
                if let Some(place) = cells.get_mut(row) {
                    *place = cell;
                }
            }
            self.each_absorbing(answering.days(), &mut |row, account| {
                if let Some(place) = cells.get_mut(row) {
                    *place = answering.answer(Some(account));
                }
            });
            cells
        });
        Flat::of_cells(cells.unwrap_or_else(|| vec![Cell::Missing; self.all]))
    }

    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell {
        let answer =
            |answering: &dyn Answering| answering.answer(self.account(place, answering.days()).as_deref());
        self.asked(asked, answer).unwrap_or(Cell::Missing)
    }

    fn column(&self, _: &str) -> Option<Arc<Flat>> {
        None
    }

    fn column_at(&self, _: &str, _: AccountIdx) -> Cell {
        Cell::Missing
    }

    fn kind(&self, of: Of<'_>, name: &str) -> Option<Type> {
        let schema = self.view.schema();
        Some(self.usage.names(&**schema, &self.metrics).name(of, name)?.kind().clone())
    }

    fn usage_days(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> (Option<Type>, Vec<(i32, Cell)>) {
        let mut found = Vec::new();
        // What is read of a week of a metric is of a type of its own.
        let is_daily = asked.is_metric && asked.weeks().is_none();
        let kind = self.metrics.kind(asked.name).filter(|_| is_daily).cloned();
        self.asked(asked, |answering| {
            if let Some(account) = self.account(place, answering.days()) {
                answering.each_day(&account, &mut |day, cell| found.push((day, cell)));
            }
        });
        (kind, found)
    }

    fn has_event(&self, name: &str) -> bool {
        self.usage.names(&**self.view.schema(), &self.metrics).has_event(name)
    }

    fn metric(&self, name: &str) -> Option<Type> {
        self.metrics.kind(name).cloned()
    }
}

/// Events and metrics are known beside the book.
impl<'c> From<&'c UsageView> for Columns<'c> {
    fn from(usage: &'c UsageView) -> Self {
        Self::new(&usage.view, usage)
    }
}

impl UsageView {
    /// Visits the usage of all accounts of the view, hidden ones among them, in the order in which it is stored.
    /// Of accounts that show the usage of other ids, no more than some days are read.
    pub(in crate::aggregate) fn each(&self, days: (i32, i32), seen: &mut dyn FnMut(usize, &AccountUsage)) {
        match &self.rows {
            Some(rows) => (0..rows.len()).for_each(|part| self.each_of(part, seen)),
            None => {
                for (slot, first) in slots_of(&self.view) {
                    let Some(Some(numbered)) = self.accounts.get(slot as usize) else { continue };
                    for (row, number) in (0_u32..).zip(&*numbered.numbers) {
                        let account = Some(*number).filter(|number| *number != NONE);
                        let alone = !self.absorbed.has(AccountIdx::new(slot, row));
                        let account = account.filter(|_| alone);
                        if let Some(account) = account.and_then(|number| self.usage.store.account(number)) {
                            seen(first as usize + row as usize, account);
                        }
                    }
                }
            }
        }
        self.each_absorbing(days, seen);
    }

    /// Visits the accounts that show the usage of other ids.
    fn each_absorbing(&self, days: (i32, i32), seen: &mut dyn FnMut(usize, &AccountUsage)) {
        if self.absorbed.is_empty() {
            return;
        }
        let first: HashMap<u32, u32> = slots_of(&self.view).into_iter().collect();
        for place in self.absorbed.places() {
            let row = first.get(&place.slot).map(|first| *first as usize + place.row as usize);
            if let Some((row, account)) = row.zip(self.account(place, days)) {
                seen(row, &account);
            }
        }
    }

    fn each_of(&self, part: usize, seen: &mut dyn FnMut(usize, &AccountUsage)) {
        let rows = self.rows.as_ref().and_then(|rows| rows.get(part)).map(|rows| &**rows).unwrap_or_default();
        for (row, account) in rows.iter().zip(self.usage.store.part(part)) {
            if *row != NONE {
                seen(*row as usize, account);
            }
        }
    }
}
