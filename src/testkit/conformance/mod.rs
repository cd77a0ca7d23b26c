//! Does a host's implementation of our traits keep what they promise?
//!
//! Every sentence under "What implementors must guarantee" is one or more *promises*, and each promise is
//! a function here, named after it: [`source`] for [`Source`](crate::source::Source), [`tree`] for
//! [`AccountTree`](crate::hierarchy::AccountTree), [`zone`] for [`Zone`](crate::Zone), [`rates`] for
//! [`Rates`](crate::Rates), [`business_calendar`] for [`BusinessCalendar`](crate::BusinessCalendar), [`custom_kind`] for [`CustomKind`](crate::catalog::CustomKind). A function returns a [`Verdict`], or [`Broken`] with what was expected and what
//! was found. It never panics, so that it can be called from any harness; the macros
//! [`source_conformance!`](crate::testkit::source_conformance),
//! [`account_tree_conformance!`](crate::testkit::account_tree_conformance),
//! [`zone_conformance!`](crate::testkit::zone_conformance),
//! [`business_calendar_conformance!`](crate::testkit::business_calendar_conformance),
//! [`custom_kind_conformance!`](crate::testkit::custom_kind_conformance) and
//! [`rates_conformance!`](crate::testkit::rates_conformance) make a test of each.
//!
//! A source is tested over rows that the kit makes. The host says how they get into its storage
//! ([`SourceHarness`]) and what its storage cannot hold ([`Capabilities`]); what depends on that is
//! skipped, and nothing else. A source whose rows are what they are is tested for what can be seen from
//! the outside ([`FixedHarness`]).
//!
//! Left out: speed, and what a storage does when it is changed while it is read.

pub mod business_calendar;
pub mod custom_kind;
mod harness;
pub(super) mod macros;
mod outcome;
pub mod rates;
mod sample;
mod scanned;
mod schema;
mod seed;
pub mod source;
pub mod tree;
pub mod zone;

pub use business_calendar::BusinessCalendarCase;
pub use custom_kind::CustomKindCase;
pub use harness::{Capabilities, Capability, FixedHarness, HarnessError, MemoryHarness, SourceHarness};
pub use outcome::{Broken, Outcome, Verdict};
pub use rates::RatesCase;
pub use schema::schema;
pub use seed::Seed;
pub use tree::TreeCase;

// The parts of the macros, where hosts and this module find them by one path.
#[doc(hidden)]
pub use macros::{
    __business_calendar_promises, __custom_kind_promises, __outcomes, __rates_promises, __source_promises,
    __tests, __tree_promises, __zone_promises,
};
