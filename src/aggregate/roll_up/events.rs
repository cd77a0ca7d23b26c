//! Which rows do the events of an account add to a roll-up?

use super::convert::Converting;
use super::evaluate::ReadPlaces;
use super::state::{Events, Read};
use crate::aggregate::usage::{AccountUsage, Body, Prepared, UsageView};
use crate::expr::{MissingRateLog, RowPlan, TermId, Terms, UsageAsked, Val};
use crate::model::{AccountIdx, AsOf};

/// What a roll-up asks of events at one moment.
#[derive(Debug)]
pub(crate) struct EventTerms<'p> {
    terms: Terms,
    event: &'p str,
    filters: Vec<TermId>,
    /// The filter, where it may lack a rate: it is asked of each row then.
    filter: Option<TermId>,
    lacks: [Option<TermId>; 3],
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
    filter: Option<Body>,
    /// Whether a rate is missing that the filter, the value or the second value needs.
    lacks: [Option<Body>; 3],
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
        let lacks = places.lacks.map(body);
        let filter = body(places.filter).filter(|_| lacks.iter().any(Option::is_some));
        let filters = if filter.is_some() { None } else { body(places.filter) };
        let filters = filters.into_iter().collect();
        let (first, second, date) = (body(places.first), body(places.second), body(places.date));
        Self { terms, event, filters, filter, lacks, first, second, date, places, from, today }
    }

    /// The rows of some usage; a person may be handed in as a number, where no more is asked than who is the same.
    pub(super) fn of<'e>(&'e self, usage: &'e UsageView, as_number: bool) -> EventRows<'e> {
        self.rows(usage, as_number, None)
    }

    /// Those of an account, where somebody is told of amounts that lack a rate.
    pub(super) fn telling<'e>(
        &'e self,
        usage: &'e UsageView,
        recorder: &'e MissingRateLog,
        place: AccountIdx,
    ) -> EventRows<'e> {
        // The missing-rate tests are left out: they would also report amounts that are never read.
        EventRows { lacks: [const { None }; 3], ..self.rows(usage, false, Some((recorder, place))) }
    }

    fn rows<'e>(
        &'e self,
        usage: &'e UsageView,
        as_number: bool,
        told: Option<(&'e MissingRateLog, AccountIdx)>,
    ) -> EventRows<'e> {
        let rates = usage.view().dated_rates();
        let asked =
            UsageAsked::rows(&self.terms, self.event, &self.filters, self.from, self.today).at_rates(rates);
        let asked = match told {
            Some((recorder, place)) => asked.telling(Some(recorder), place),
            None => asked,
        };
        let prepared = Prepared::new(usage.usage(), asked);
        let people = as_number && self.first.is_some_and(|term| prepared.is_user(term));
        let body = |term: Option<TermId>| term.map(|term| prepared.body(term));
        let (first, second) = (body(self.first), body(self.second));
        let (date, places) = (body(self.date), self.places);
        let (filter, lacks) = (body(self.filter), self.lacks.map(body));
        let (from, today) = (self.from.unwrap_or(i32::MIN), self.today);
        EventRows { prepared, filter, lacks, first, second, date, places, people, from, today }
    }
}

impl EventRows<'_> {
    /// Tells of the amounts of another account from now on.
    pub(super) const fn tell_of(&mut self, account: AccountIdx) {
        self.prepared.tell_of(account);
    }

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
            let is_true = |body: &Body| matches!(bucket.read_of(body).0, Val::Bool(true));
            let passes = self.filter.as_ref().is_none_or(is_true);
            let lacks = self.lacks.each_ref().map(|lacks| lacks.as_ref().is_some_and(is_true));
            if !passes && !lacks[0] {
                return;
            }
            let lacks = lacks.contains(&true);
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
            let (is_person, unrated, lacks_rate) = (self.people, [None; 2], false);
            let row = Read { first, second, events, second_events, is_person, unrated, lacks_rate };
            let row = row.lacking(lacks);
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
