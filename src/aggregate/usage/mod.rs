//! What do customers do, day by day?
//!
//! Rulings S77 to S82 of [`docs::semantics`](crate::docs::semantics).

mod absorbed;
mod daily;
mod dictionary;
mod event;
mod event_rows;
mod evolve;
mod ids;
mod intake;
mod metric;
mod names;
mod reading;
mod report;
mod series;
mod set_settings;
mod settings;
#[cfg(feature = "snapshot")]
mod snapshot;
mod store;
mod tally;
mod view;
mod weekly;
mod what;

use std::sync::Arc;

use self::dictionary::Dictionary;
pub use self::event::Event;
pub(crate) use self::event::OwnedEvent;
pub(crate) use self::event_rows::{EventColumns, EventsOf};
use self::ids::EventIds;
pub(crate) use self::metric::CheckedMetric;
pub use self::metric::{Metric, MetricErrors, MetricFault, MetricFaultKind, Metrics};
pub use self::names::WithUsage;
pub(crate) use self::reading::sum_of;
pub(in crate::aggregate) use self::reading::{Body, Prepared, sum_cell, unit_of, units, weighted};
pub use self::report::{MAX_USAGE_FAULTS, UsageFault, UsageFaultKind, UsageRefused, UsageReport};
pub use self::series::{DayValue, MAX_SERIES_DAYS, SeriesError};
pub use self::set_settings::{UsageSettingsError, UsageSettingsReport};
pub(crate) use self::settings::WrittenSettings;
pub use self::settings::{Faulty, TooOld, UsageSettings};
pub(in crate::aggregate) use self::store::AccountUsage;
use self::store::Store;
pub use self::view::UsageView;
use self::what::What;
use crate::expr::first_instant;
pub use crate::model::{
    ANY_EVENT, EventKind, MAX_EVENT_FIELDS, MAX_EVENT_KINDS, UsageSchema, UsageSchemaErrors, UsageSchemaFault,
};
use crate::model::{Date, Zone};

/// The usage of all accounts: what happened on each civil day, by whom, how often.
///
/// It stands beside the book and knows accounts by id, so that an event copies no attribute, a move of accounts touches
/// no event, and usage may come in before its account. A clone is cheap and stays as it is: it shares what neither side
/// changes. `Send + Sync`.
///
/// ```
/// use perennial::aggregate::{Event, EventKind, Metrics, Usage, UsageSchema, UsageSettings};
/// use perennial::expr::{Checker, ExprPlan};
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope};
///
/// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
/// let source = MemorySource::new().account(AccountRow::new(AccountId::new("acme")?, "Company"));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
///
/// let today = Date::new(2026, 1, 31)?;
/// let mut usage = Usage::new(UsageSchema::new([EventKind::new("export")])?, UsageSettings::new());
/// let export = |time: &str| Ok::<_, perennial::DateError>(Event::at("export", "acme", time.parse()?).user("ann"));
/// let report = usage.ingest([export("2026-01-31T09:00:00Z")?, export("2026-01-30T17:20:00Z")?], today)?;
/// assert_eq!(report.counted, 2);
///
/// let metrics = Metrics::none();
/// let names = usage.names(&**book.schema(), &metrics);
/// let often = Checker::new(&names).check("events(\"export\").lastDays(30).count()")?;
/// let plan = ExprPlan::new([&often]);
/// let view = book.view(&Scope::all(), AsOf::date_utc(today))?;
/// let seen = usage.over(&view, &metrics);
/// let answers = plan.run(&seen)?;
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(answers.value(0, acme).ok_or("missing")?.to_string(), "2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Usage {
    schema: UsageSchema,
    settings: UsageSettings,
    accounts: Dictionary<Arc<str>>,
    people: Dictionary<Arc<str>>,
    whats: Dictionary<What>,
    store: Store,
    ids: EventIds,
    kept_from: Option<Date>,
    dropped_events: u64,
    version: u64,
}

impl Usage {
    /// No usage yet.
    #[must_use]
    pub fn new(schema: UsageSchema, settings: UsageSettings) -> Self {
        Self {
            schema,
            settings,
            accounts: Dictionary::new(),
            people: Dictionary::new(),
            whats: Dictionary::new(),
            store: Store::new(),
            ids: EventIds::new(),
            kept_from: None,
            dropped_events: 0,
            version: 0,
        }
    }

    /// The kinds of event.
    #[must_use]
    pub const fn schema(&self) -> &UsageSchema {
        &self.schema
    }

    /// How usage is kept.
    pub const fn settings(&self) -> &UsageSettings {
        &self.settings
    }

    /// How many batches were taken in.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The first day that is kept; `None` while all are.
    #[must_use]
    pub const fn kept_from(&self) -> Option<Date> {
        self.kept_from
    }

    /// Events of days that are not kept: those that were dropped when their day grew too old, and those that came in too
    /// late and were only counted.
    #[must_use]
    pub const fn dropped_events(&self) -> u64 {
        self.dropped_events
    }

    /// How many accounts have, or had, usage; in the book or not.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// How many different people were ever seen.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// How many buckets are held: events of one account and day that are alike share one.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.store.buckets()
    }

    /// How many events are held of each kind, in declared order.
    pub(crate) fn events_by_kind(&self) -> Vec<u64> {
        let mut counts = vec![0_u64; self.schema.kinds().len()];
        let spans = self.store.accounts().flat_map(|(_, _, account)| account.spans(i32::MIN, i32::MAX));
        for (bucket, _) in spans.flat_map(|span| span.rows(self.schema.width)) {
            let kind = self.whats.get(bucket.key.what).map(|what| usize::from(what.kind));
            if let Some(count) = kind.and_then(|kind| counts.get_mut(kind)) {
                *count = count.saturating_add(bucket.count);
            }
        }
        counts
    }

    /// How many ids of events are remembered, to count each once.
    #[must_use]
    pub fn remembered_ids(&self) -> usize {
        self.ids.len()
    }

    /// The accounts whose usage may not be the same in another state; all that is shared is passed over.
    pub(crate) fn differing(&self, other: &Self) -> Vec<Arc<str>> {
        let places = self.store.differing(&other.store);
        let ids = places.into_iter().flat_map(|(part, place)| {
            let number = dictionary::number(part, place);
            [self, other].map(|usage| number.and_then(|number| usage.accounts.get(number)).cloned())
        });
        let mut ids: Vec<Arc<str>> = ids.flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Is all that was taken in shared with another state, and kept in the same way?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.version == other.version
            && self.settings == other.settings
            && self.store.differing(&other.store).is_empty()
    }

    /// How many bytes the buckets take on the heap, by their own count.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.store.bytes()
    }
}

/// The first instant of a civil day in a zone.
fn start_of_day(zone: &dyn Zone, day: Date) -> i64 {
    first_instant(i64::from(day.days()), zone)
}
