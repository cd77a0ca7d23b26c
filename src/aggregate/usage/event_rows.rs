//! Which rows of an event does an account have, column by column?

use std::cmp::Ordering;

use super::reading::{Body, Prepared};
use super::view::UsageView;
use crate::expr::{Cell, Key, MissingRateLog, RowPlan, TermId, Terms, UsageAsked};
use crate::model::{AccountIdx, AsOf};

/// Columns of the rows of an event at one moment.
#[derive(Debug)]
pub(crate) struct EventColumns {
    terms: Terms,
    columns: Vec<TermId>,
    from: i32,
    today: i32,
}

impl EventColumns {
    /// Of the last days, today among them; of all days until today without a number.
    pub(crate) fn new(plan: &RowPlan, last_days: Option<u32>, as_of: &AsOf) -> Self {
        let (terms, columns) = plan.of_events(as_of);
        let today = as_of.date().days();
        let first = |days| today.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)).saturating_add(1);
        Self { terms, columns, from: last_days.map_or(i32::MIN, first), today }
    }

    /// Does it say the same as another, of the same plan at another moment?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.from, self.today, &self.columns) == (other.from, other.today, &other.columns)
            && self.terms.is_same(&other.terms)
    }

    /// The same, of some usage.
    pub(crate) fn of<'e>(&'e self, event: &'e str, usage: &'e UsageView) -> EventsOf<'e> {
        self.rows(event, usage, None)
    }

    /// Tells of the amounts of some accounts that lack a rate.
    pub(crate) fn tell_unrated(
        &self,
        event: &str,
        usage: &UsageView,
        recorder: &MissingRateLog,
        accounts: &[AccountIdx],
    ) {
        let Some(first) = accounts.first() else { return };
        let mut rows = self.rows(event, usage, Some((recorder, *first)));
        for place in accounts {
            rows.prepared.tell_of(*place);
            drop(rows.of_account(*place));
        }
    }

    fn rows<'e>(
        &'e self,
        event: &'e str,
        usage: &'e UsageView,
        told: Option<(&'e MissingRateLog, AccountIdx)>,
    ) -> EventsOf<'e> {
        let from = Some(self.from).filter(|from| *from != i32::MIN);
        let rates = usage.view().dated_rates();
        let asked = UsageAsked::rows(&self.terms, event, &[], from, self.today).at_rates(rates);
        let asked = match told {
            Some((recorder, place)) => asked.telling(Some(recorder), place),
            None => asked,
        };
        let prepared = Prepared::new(usage.usage(), asked);
        let columns = self.columns.iter().map(|column| prepared.body(*column)).collect();
        EventsOf { prepared, columns, usage, days: (self.from, self.today) }
    }
}

/// Columns of the rows of an event, in some usage.
pub(crate) struct EventsOf<'e> {
    prepared: Prepared<'e>,
    columns: Vec<Body>,
    usage: &'e UsageView,
    days: (i32, i32),
}

impl EventsOf<'_> {
    /// How many an account has.
    pub(crate) fn count(&self, place: AccountIdx) -> u64 {
        let mut rows = 0;
        if let Some(own) = self.usage.account(place, self.days) {
            self.prepared.each(&own, self.days.0, self.days.1, &mut |_| rows += 1);
        }
        rows
    }

    /// Those of one account, in the order of their days, and on one day in that of their values: in which order they came says
    /// nothing.
    pub(crate) fn of_account(&self, place: AccountIdx) -> Vec<Vec<Cell>> {
        let Some(own) = self.usage.account(place, self.days) else { return Vec::new() };
        let mut rows: Vec<(i32, Vec<Cell>)> = Vec::new();
        self.prepared.each(&own, self.days.0, self.days.1, &mut |row| {
            let cell = |body: &Body| row.read_of(body).0.to_cell().unwrap_or(Cell::Missing);
            rows.push((row.bucket().key.day, self.columns.iter().map(cell).collect()));
        });
        rows.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| compared(&a.1, &b.1)));
        rows.into_iter().map(|(_, cells)| cells).collect()
    }
}

/// The order of two rows: by the first column that differs, in which nothing comes first.
fn compared(a: &[Cell], b: &[Cell]) -> Ordering {
    let cell = |(a, b): (&Cell, &Cell)| match (a, b) {
        (Cell::List(a), Cell::List(b)) => compared(a, b),
        (Cell::Missing, _) | (_, Cell::Missing) => (*a != Cell::Missing).cmp(&(*b != Cell::Missing)),
        (a, b) => Key::of_cell(a.clone()).cmp(&Key::of_cell(b.clone())),
    };
    a.iter().zip(b).map(cell).find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}
