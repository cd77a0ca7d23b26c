//! Which rows do the events of an account add to a roll-up?

use super::convert::Converting;
use super::evaluate::ReadPlaces;
use super::state::{Events, Read};
use crate::aggregate::usage::{AccountUsage, Body, Prepared, Usage};
use crate::expr::{RowPlan, TermId, Terms, UsageAsked, Val};
use crate::model::AsOf;

/// What a roll-up asks of events at one moment.
#[derive(Debug)]
pub(crate) struct EventTerms<'p> {
    terms: Terms,
    event: &'p str,
    filters: Vec<TermId>,
    first: Option<TermId>,
    second: Option<TermId>,
    date: Option<TermId>,
    places: ReadPlaces,
    from: Option<i32>,
    today: i32,
}

/// The same, of some usage.
pub(super) struct EventRows<'e> {
    prepared: Prepared<'e>,
    first: Option<Body>,
    second: Option<Body>,
    /// The day of the rate.
    date: Option<Body>,
    places: ReadPlaces,
    /// The first value is who did it, as a number.
    people: bool,
    from: i32,
    today: i32,
}

impl<'p> EventTerms<'p> {
    pub(super) fn new(
        plan: &RowPlan,
        (event, last_days): (&'p str, Option<u32>),
        places: ReadPlaces,
        as_of: &AsOf,
    ) -> Self {
        let (terms, bodies) = plan.of_events(as_of);
        let body = |place: Option<usize>| bodies.get(place?).copied();
        let today = as_of.date().days();
        let from = last_days
            .map(|days| today.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)).saturating_add(1));
        let filters = body(places.filter).into_iter().collect();
        let (first, second, date) = (body(places.first), body(places.second), body(places.date));
        Self { terms, event, filters, first, second, date, places, from, today }
    }

    /// The rows of some usage; a person may be handed in as a number, where no more is asked than who is the same.
    pub(super) fn of<'e>(&'e self, usage: &'e Usage, as_number: bool) -> EventRows<'e> {
        let asked = UsageAsked::rows(&self.terms, self.event, &self.filters, self.from, self.today);
        let prepared = Prepared::new(usage, asked);
        let people = as_number && self.first.is_some_and(|term| prepared.is_user(term));
        let body = |term: Option<TermId>| term.map(|term| prepared.body(term));
        let (first, second) = (body(self.first), body(self.second));
        let (date, places) = (body(self.date), self.places);
        let (from, today) = (self.from.unwrap_or(i32::MIN), self.today);
        EventRows { prepared, first, second, date, places, people, from, today }
    }
}

impl EventRows<'_> {
    /// The days that are read, both ends included.
    pub(super) const fn days(&self) -> (i32, i32) {
        (self.from, self.today)
    }

    /// Those of one account, in the order of their days; with amounts converted.
    pub(super) fn each(
        &self,
        account: &AccountUsage,
        converting: Option<&Converting<'_>>,
        seen: &mut dyn FnMut(&Read<'_>),
    ) {
        self.prepared.each(account, self.from, self.today, &mut |bucket| {
            let all = Events { number: bucket.bucket().count, is_total: false };
            let read = |body: &Body| {
                let (value, number, is_total) = bucket.read_of(body);
                (value, Events { number, is_total })
            };
            let (first, events) = match &self.first {
                Some(_) if self.people => (bucket.person(), all),
                None => (Val::Bool(true), all),
                Some(body) => read(body),
            };
            let (second, second_events) = match &self.second {
                None => (None, events),
                Some(body) => {
                    let (value, events) = read(body);
                    (Some(value), events)
                }
            };
            let row =
                Read { first, second, events, second_events, is_person: self.people, unrated: [None; 2] };
            match converting {
                None => seen(&row),
                Some(converting) => {
                    // Amounts of events are of one currency: nothing else is read than the day.
                    let cell = |_| self.date.as_ref().map_or(Val::Missing, |date| bucket.read_of(date).0);
                    seen(&converting.read(row, &self.places, &cell));
                }
            }
        });
    }
}
