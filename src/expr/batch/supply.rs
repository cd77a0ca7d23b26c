//! What is known of accounts that is not in the book?
//!
//! Usage, roll-ups and calculated attributes are columns beside those of the book. Expressions do not know who made
//! them: they ask a [`Supply`].

use std::sync::Arc;

use super::flat::Flat;
use super::missing_rates::{MissingRateLog, RowKey};
use crate::expr::checked::Checked;
use crate::expr::eval::{Eval, Slots};
use crate::expr::exchange::Unrated;
use crate::expr::explain::RollUpParts;
use crate::expr::names::Of;
use crate::expr::term::{Cell, Op, Reading, SlotOf, TermId, Terms, Weeks};
use crate::expr::types::Type;
use crate::expr::value::{ExprValue, Val};
use crate::model::{AccountIdx, Currency, Date, Rates};
use crate::set::AccountSet;

/// Makes columns for the accounts of one view.
pub(crate) trait Supply: Sync {
    /// What is read of usage, for every account of the view, in the order of [`slots_of`](super::slots_of). What stands
    /// at a hidden account is not looked at.
    fn usage(&self, asked: &UsageAsked<'_>) -> Flat;

    /// The same, for one account.
    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell;

    /// A column by name, in the same order.
    fn column(&self, name: &str) -> Option<Arc<Flat>>;

    /// The value of a column at one account.
    fn column_at(&self, name: &str, place: AccountIdx) -> Cell;

    /// The type of a column, or of a property of an event. This and what follows is asked before a question is; those that
    /// supply definitions to each other know it without.
    fn kind(&self, of: Of<'_>, name: &str) -> Option<Type> {
        let _ = (of, name);
        None
    }

    /// Of how many days events are kept; `None` where it is not known, and where all are.
    fn kept_days(&self) -> Option<u32> {
        None
    }

    /// Is an event known?
    fn has_event(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// The type of a metric.
    fn metric(&self, name: &str) -> Option<Type> {
        let _ = name;
        None
    }

    /// Are the members of a segment known?
    fn has_segment(&self, id: &str) -> bool {
        let _ = id;
        false
    }

    /// Each segment whose members are known.
    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        let _ = seen;
    }

    /// The members of a segment that the view shows.
    fn members(&self, id: &str) -> Option<AccountSet> {
        let _ = id;
        None
    }

    /// A segment with its question.
    fn question(&self, id: &str) -> Option<(&str, &Checked)> {
        let _ = id;
        None
    }

    /// What a column was computed from at an account; `None` for one that is not known. Of a roll-up, `width` accounts are named.
    fn provenance(&self, name: &str, place: AccountIdx, width: usize) -> Option<Behind<'_>> {
        let _ = (name, place, width);
        None
    }

    /// What a question about usage comes to on each day by itself, in order; with the type of a metric.
    fn usage_days(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> (Option<Type>, Vec<(i32, Cell)>) {
        let _ = (place, asked);
        (None, Vec::new())
    }

    /// Is an account in a segment?
    fn is_member(&self, id: &str, place: AccountIdx) -> bool {
        let _ = (id, place);
        false
    }
}

/// What a column was computed from.
pub(crate) enum Behind<'s> {
    Expression(&'s Checked),
    /// What is ranked.
    Ranking(&'s Checked),
    Function(FunctionBehind<'s>),
    /// A parameter of the question.
    Parameter,
    RollUp(RollUpParts),
    Past {
        of: Arc<str>,
        on: Option<Date>,
    },
}

/// A function of what is read of one account.
pub(crate) struct FunctionBehind<'s> {
    /// The kind of the definition, in words.
    pub(crate) kind: Arc<str>,
    /// The part that is for the account, by number and name; `None` where none is.
    pub(crate) part: Option<(usize, Option<Arc<str>>)>,
    pub(crate) guard: Option<&'s Checked>,
    pub(crate) inputs: Vec<InputBehind<'s>>,
}

/// A day, and the value that was recorded on it.
type DatedValue = (Date, Option<ExprValue>);

/// An input of a function.
pub(crate) enum InputBehind<'s> {
    Value(&'s Checked),
    Rows(Arc<str>, u64),
    /// Of the last days, how many rows, where that is known.
    Events(Arc<str>, Option<u32>, Option<u64>),
    /// The last days and values that were read, and how many more, where they are known.
    Records(Arc<str>, Option<(Vec<DatedValue>, usize)>),
}

/// The weeks of a question about usage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedWeeks {
    /// What is read of their values.
    pub(crate) of: Reading,
    /// Are weeks without events passed over?
    pub(crate) is_active: bool,
    /// A day on which a week begins.
    pub(crate) begins: i32,
}

impl AskedWeeks {
    /// The number of the week of a day.
    pub(crate) const fn number(&self, day: i32) -> i32 {
        (day - self.begins).div_euclid(7)
    }

    /// The first day of a week.
    pub(crate) const fn first_day(&self, number: i32) -> i32 {
        self.begins + number * 7
    }

    /// The weeks all of whose days are among some: from the first day of the first to the last day of the last. All are over before that of
    /// the question where no days are given.
    fn within(&self, window: (Option<i32>, i32), is_written: bool) -> (Option<i32>, i32) {
        let (first, last) = window;
        let last = if is_written { self.first_day(self.number(last + 1)) } else { self.begins };
        (first.map(|first| self.first_day(self.number(first + 6))), last - 1)
    }
}

/// A question about usage, with its days resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UsageAsked<'t> {
    terms: &'t Terms,
    pub(crate) reading: Reading,
    /// The kind of event, or the metric.
    pub(crate) name: &'t str,
    pub(crate) is_metric: bool,
    pub(crate) filters: &'t [TermId],
    pub(crate) body: Option<TermId>,
    /// Of each event: is it without a rate that the question needs? One of them leaves the whole without an answer.
    pub(crate) lacks: Option<TermId>,
    /// Is it read by week?
    weeks: Option<AskedWeeks>,
    /// The first and the last day; `None` where a bound of the window is outside the calendar: there is no answer.
    window: Option<(Option<i32>, i32)>,
    rates: Option<&'t dyn Rates>,
    /// Who is told of amounts without a rate, and of which account they are.
    told: Option<(&'t MissingRateLog, AccountIdx)>,
}

impl<'t> UsageAsked<'t> {
    /// The question of a term, if it is one. `today` ends a window that is not written.
    pub(crate) fn of(terms: &'t Terms, id: TermId, today: i32) -> Option<Self> {
        let Op::Usage(reading, usage, body) = terms.op(id) else { return None };
        let day = |id: TermId| match terms.constant(id) {
            Some(Cell::Int(day)) => i32::try_from(*day).ok(),
            _ => None,
        };
        let mut window = match usage.window {
            None => Some((None, today)),
            Some((first, last)) => day(first).zip(day(last)).map(|(first, last)| (Some(first), last)),
        };
        let weeks = match usage.weeks {
            None => None,
            Some(Weeks { of, is_active, this_week }) => {
                let begins = day(this_week);
                // Where the week of the question begins outside the calendar, nothing is known of weeks.
                window = window.filter(|_| begins.is_some());
                Some(AskedWeeks { of, is_active, begins: begins.unwrap_or(today) })
            }
        };
        if let Some(weeks) = weeks {
            window = window.map(|window| weeks.within(window, usage.window.is_some()));
        }
        Some(Self {
            terms,
            weeks,
            reading: *reading,
            name: &usage.name,
            is_metric: usage.is_metric,
            filters: &usage.filters,
            body: *body,
            lacks: usage.lacks,
            window,
            rates: None,
            told: None,
        })
    }

    /// The same at rates at which amounts are converted.
    pub(crate) const fn at_rates(mut self, rates: Option<&'t dyn Rates>) -> Self {
        self.rates = rates;
        self
    }

    /// The same for one account, where somebody is told of amounts without a rate.
    pub(crate) fn telling(mut self, recorder: Option<&'t MissingRateLog>, place: AccountIdx) -> Self {
        self.told = recorder.map(|recorder| (recorder, place));
        self
    }

    /// Tells of the amounts of another account from now on.
    pub(crate) const fn tell_of(&mut self, account: AccountIdx) {
        if let Some((_, place)) = &mut self.told {
            *place = account;
        }
    }

    /// The same question of days of which another one was asked, for the same account at the same rates.
    pub(crate) const fn beside(self, other: &UsageAsked<'t>) -> Self {
        Self { told: other.told, ..self }
    }

    pub(crate) const fn rates(&self) -> Option<&'t dyn Rates> {
        self.rates
    }

    /// Tells of an amount of an event that is not converted.
    pub(crate) fn unrated(&self, to: Currency, lacks: Unrated, event: (i32, u32, u32, usize)) {
        if let Some((recorder, place)) = self.told {
            recorder.add(to, lacks, place, Some(RowKey::Event(event)));
        }
    }

    /// Does a term convert amounts?
    pub(crate) fn converts(&self, root: TermId) -> bool {
        // A question is prepared for each account that is asked alone: no more terms are visited than it is made of.
        let mut left = vec![root];
        let mut seen = std::collections::HashSet::new();
        while let Some(id) = left.pop() {
            match self.terms.op(id) {
                Op::Exchange { .. } => return true,
                Op::Slot(_) | Op::Const(_) => {}
                op if seen.insert(id) => left.extend(op.parts()),
                _ => {}
            }
        }
        false
    }

    /// All events of a kind on some days of which some terms are true.
    pub(crate) const fn rows(
        terms: &'t Terms,
        name: &'t str,
        filters: &'t [TermId],
        first: Option<i32>,
        last: i32,
    ) -> Self {
        let window = Some((first, last));
        let reading = Reading::Count;
        Self {
            terms,
            reading,
            name,
            is_metric: false,
            filters,
            body: None,
            lacks: None,
            weeks: None,
            window,
            rates: None,
            told: None,
        }
    }

    /// The weeks, where it is read by week.
    pub(crate) const fn weeks(&self) -> Option<AskedWeeks> {
        self.weeks
    }

    /// The first day, where there is one, and the last; of a question by week those of whole weeks.
    pub(crate) const fn window(&self) -> Option<(Option<i32>, i32)> {
        self.window
    }

    /// The slots of the terms, by number: the name and type of each that is of an event.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Option<(&'t str, &'t Type)>> {
        self.terms.slots.iter().map(|slot| {
            let of_event = matches!(slot.of, SlotOf::Event(_));
            of_event.then_some((&*slot.name, &slot.kind))
        })
    }

    /// The slots that some terms read.
    pub(crate) fn reads(&self, roots: &[TermId]) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut left = roots.to_vec();
        while let Some(id) = left.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.terms.op(id) {
                Op::Slot(slot) => slots.push(*slot),
                op => left.extend(op.parts()),
            }
        }
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// The slot that the body is, where it is nothing else.
    pub(crate) fn plain_body(&self) -> Option<u32> {
        self.slot_of(self.body?)
    }

    /// The slot that a term is, where it is nothing else.
    pub(crate) fn slot_of(&self, term: TermId) -> Option<u32> {
        match self.terms.op(term) {
            Op::Slot(slot) => Some(*slot),
            _ => None,
        }
    }

    /// The value of a term for an event.
    pub(crate) fn value<'a, S: Slots<'a>>(&self, id: TermId, event: S) -> Val<'a>
    where
        't: 'a,
    {
        Eval { terms: self.terms, slots: event }.value(id)
    }

    /// Is the answer of a term true for an event?
    pub(crate) fn holds<'a, S: Slots<'a>>(&self, id: TermId, event: S) -> bool
    where
        't: 'a,
    {
        Eval { terms: self.terms, slots: event }.truth_of(id) == Some(true)
    }
}
