//! What does it sum to: usage day by day, and everything up the tree?
//!
//! | question | type |
//! |---|---|
//! | Which events do my customers send, and what is known of each? | [`EventKind`], [`UsageSchema`] |
//! | How do they come in: late, twice, out of order? | [`Usage::ingest`] with [`Event`]s; [`UsageSettings`], [`UsageReport`] |
//! | How often, how much, by how many people, in the last days? | `events("export").lastDays(30).count()` in an expression, over a [`UsageView`] |
//! | Which number does an account have on each day? | [`Metric`], [`Metrics`], [`UsageView::series`] |
//! | What is the total of a value, for a parent over all below it? | [`RollUp`], [`RollUpPlan`], [`RollUpAnswers`] |
//! | And of parts that I merge myself, across machines? | [`Partial`] |

mod ranking;
mod roll_up;
mod usage;
pub(crate) mod version;

pub use ranking::Ranking;
pub(crate) use ranking::places;
pub(crate) use roll_up::{
    CheckedRollUp, EventTerms, Gathered, Keep, Linear, LinearOf, OwnRows, Places, RollUpAt, RollUpInputs,
    RollUpResult, Standing, Turn,
};
pub use roll_up::{
    MAX_RANKED, MAX_UNION, Nulls, Operator, Over, Partial, PartialError, RollUp, RollUpAnswers, RollUpErrors,
    RollUpFault, RollUpFaultKind, RollUpPlan,
};
pub(crate) use usage::OwnedEvent;
pub use usage::{
    ANY_EVENT, DayValue, Event, EventKind, Faulty, MAX_EVENT_FIELDS, MAX_EVENT_KINDS, MAX_SERIES_DAYS,
    MAX_USAGE_FAULTS, Metric, MetricErrors, MetricFault, MetricFaultKind, Metrics, SeriesError, TooOld,
    Usage, UsageFault, UsageFaultKind, UsageRefused, UsageReport, UsageSchema, UsageSchemaErrors,
    UsageSchemaFault, UsageSettings, UsageSettingsError, UsageSettingsReport, UsageView, WithUsage,
};
pub(crate) use usage::{CheckedMetric, EventColumns, EventsOf, WrittenSettings, sum_of};
