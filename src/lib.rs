//! Perennial: the engine of a customer-success platform, as a library.
//!
//! A company that sells subscriptions serves many accounts: customers, their regions and subsidiaries, the
//! products that each of them uses. This crate answers, inside your own service and over your own storage,
//! who belongs under whom, what each account is worth, and what that adds up to for every parent: exact,
//! scoped to what a user may see, and live after every change.
//!
//! ```
//! use perennial::aggregate::{Operator, RollUp};
//! use perennial::engine::{Engine, EngineSettings};
//! use perennial::source::MemorySource;
//! use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Date, Nesting, Schema, Scope};
//!
//! let schema = Schema::builder()
//!     .account_type("Company", Nesting::Free)
//!     .attribute(Attribute::new("seats", AttributeType::Int))
//!     .build()?;
//! let acme = AccountId::new("acme")?;
//! let source = MemorySource::new()
//!     .account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64))
//!     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme).with("seats", 12_i64));
//!
//! let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
//! let _report = engine.load(&source)?;
//! engine.define([RollUp::new("all_seats", Operator::Sum("seats".into())).into()])?;
//!
//! let view = engine.published().view(&Scope::all())?;
//! let acme = view.account("acme").ok_or("not there")?;
//! assert_eq!(view.value("all_seats", acme).and_then(|seats| seats.as_int()), Some(42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Words: a *roll-up* is an aggregation up the hierarchy; *held* means quarantined; *superseded*, a duplicate that lost; a *band* is an ordered enumeration; a *limb*, a part of a large
//! tree that is stored as a chunk of its own; a *succession*, a dated link from an account to one that came after it.
//!
//! # Which question, which type
//!
//! | question | type |
//! |---|---|
//! | What is an account, and what is known of it? | [`Schema`], from [`Schema::builder`] or JSON; [`Attribute`], [`ChildTable`] |
//! | What is a value, an amount, a day? | [`Value`], [`Money`], [`Decimal`], [`Date`], [`Timestamp`] |
//! | Where do accounts come from? | [`source::Source`] over your storage; [`source::MemorySource`]; `adapter::csv` |
//! | My hierarchy is one table with a column for each level: how does it become a tree? | [`source::LevelColumns`] |
//! | My export has a row for each version of an account: how is it read as what is now? | [`source::LatestRows`] |
//! | How do I push them in myself, from async code? | [`BookBuilder`] with [`source::Batch`]es |
//! | What was wrong with the data, and what was done? | [`LoadReport`], [`report::Fault`]; [`Policy`] decides |
//! | Does the data fit the schema, without loading it? | [`Book::check`] |
//! | What do we know now? | [`Book`]: immutable, cheap to clone |
//! | What is held out of it, and why? | [`Book::held_accounts`], [`Book::held_children`], [`Book::superseded`] |
//! | What does this user see, at this moment? | [`View`], from [`Scope`] and [`AsOf`] |
//! | Which accounts, as a set? | [`AccountSet`] |
//! | Who is above, below, beside an account? | [`Account`]; [`hierarchy::AccountTree`] over any storage; petgraph over `&View` |
//! | Who else is above or below it, by parents that the tree does not show? | [`Account::extra_parents`], [`Account::extra_children`]; petgraph over [`View::link_graph`] |
//! | How does a tree look on a terminal? | [`hierarchy::render_tree`] with [`TreeText`](hierarchy::TreeText) |
//! | And as a diagram, coloured by what is known of each account? | [`Columns::diagram`](expr::Columns::diagram); [`hierarchy::TreeDiagram`] over any storage: Mermaid, DOT |
//! | Which account is it today, after mergers and splits? | [`View::successors`]; [`Successions`] for any day; [`Change::merge`], [`Change::split`] |
//! | What does it add up to, for each account? | [`aggregate::RollUp`], checked by [`aggregate::RollUpPlan`], answered by [`aggregate::RollUpAnswers`] |
//! | Which accounts does a rule match, and what does a formula give? | [`expr::Checker`], then [`expr::ExprPlan`] over a view, or [`expr::Checked::for_records`] over records of your own |
//! | Which named segments is an account in, why, and what changed? | [`expr::Columns::segments_of`], [`segment::Members`], [`expr::Explanation`], [`segment::SegmentChange`] |
//! | What does a list on a screen show: pages, groups, a profile? | [`segment::Query`], [`segment::GroupBy`], [`segment::Profile`] |
//! | My users have queries in other tools | [`segment::Importer`] |
//! | What do my customers do, day by day, and how many people? | [`aggregate::Usage`], [`aggregate::Metric`] |
//! | How do calculated attributes, roll-ups, metrics and segments read each other? | [`catalog::Catalog`], its lineage and impact |
//! | And all of it current after every change, for readers on other threads? | [`engine::Engine`], [`engine::Published`], [`engine::LiveView`] |
//! | What did a change do, for whom, and why? What would it do? | [`engine::Delta`], [`engine::Branch`] |
//! | In which currency? | [`ExchangeRates`], or [`Rates`], which you implement |
//! | Which day is three business days from now? | [`WeekCalendar`], or [`BusinessCalendar`], which you implement |
//! | What if this changes? | [`Change`] and [`Book::apply`]; [`ChangeReport`] says what differs |
//! | And the totals after it? | [`engine::Engine`] keeps them; [`aggregate::RollUpPlan::refresh`] without one |
//! | Others wrote to my storage: what differs from the book? | [`Change::from_source`]; [`ChangeBuilder`] for pushed batches |
//! | How does my service lose nothing when it is killed? | [`engine::Engine`] with a journal; `adapter::journal::FileJournal` |
//! | How does my service restart quickly? | `Book::to_snapshot` and `Book::from_snapshot` (feature `snapshot`), and those of `Usage` |
//! | Does my implementation of a trait keep its promises? | `testkit::source_conformance!` and its like, by feature |
//!
//! What the answers mean (missing values, cycles, scopes, rounding) is ruled in [`docs::semantics`]; how the
//! crate is built stands in [`docs::architecture`].
//!
//! # Features
//!
//! Only `chrono` is on by default.
//!
//! * **`chrono`**: [`Date`] and [`Timestamp`] are converted from and to `NaiveDate` and `DateTime<Utc>` of chrono 0.4. The
//!   library reads and writes RFC 3339 without it. Brings the `chrono` crate.
//! * **`jiff_1`**: [`Date`] and [`Timestamp`] are converted from and to `civil::Date` and `Timestamp` of jiff 1. Brings the
//!   `jiff` crate, without its database of time zones.
//! * **`csv`**: `adapter::csv::CsvSource` reads accounts, links and child tables from CSV text through a checked
//!   mapping: other names, constants, value maps, look-ups in other files, date formats, what an empty cell
//!   means. Brings the `csv` crate, and chrono, whose patterns are the date formats of a mapping.
//! * **`rayon`**: [`expr::ExprPlan::run`], [`aggregate::RollUpPlan::run`], [`catalog::Catalog::run`] and an [`engine::Engine`] work in parallel on the current rayon pool (the
//!   global one, which rayon starts, when called outside a pool).
//!   A writer of an engine waits for the pool while it holds its lock: do not call one from a task of that pool.
//!   The same bits as without. Brings the `rayon` crate.
//! * **`snapshot`**: `Book::to_snapshot` gives a book as versioned, checksummed bytes, and `Book::from_snapshot`
//!   restores it without reading your database. Only this library reads them; they are no backup of your data. An
//!   [`engine::Engine`] keeps a journal, from which any state that it published is rebuilt.
//!   Brings the `crc32fast` crate.
//! * **`journal-file`**: `adapter::journal::FileJournal` keeps the journal of an [`engine::Engine`] in a file: a record is durable
//!   before its update is published, a service that starts again goes on where it was, and the journal is made short by one
//!   rename. With `snapshot`; brings nothing more.
//! * **`tracing`**: spans of an [`engine::Engine`]'s work for your subscriber: at debug level loads, updates and usage, at trace
//!   level the definitions that are computed for whole trees, one by its name or several together by their
//!   number. Brings the `tracing` crate.
//! * **`testkit`**: what tests of hosts need: the promises of [`source::Source`], [`hierarchy::AccountTree`], [`Zone`],
//!   [`Rates`] and [`BusinessCalendar`] as tests to run over your own storage (`testkit::source_conformance!` and its like), sources that
//!   fail on purpose, generated books, and slow, obvious evaluators to compare with. Brings nothing.
//!
//! # Limits
//!
//! Every limit of the model has a name in [`limits`]: bytes of ids and texts, attributes of a schema, accounts
//! of a book (2^30). Input beyond one is an error that names it. The depth and width of trees have no limit:
//! nothing recurses. A report describes at most [`report::MAX_REPORTED`] faults of a kind and counts the rest; a
//! distribution counts at most [`MAX_DISTRIBUTION`] different values. Expressions have limits of their own:
//! [`expr::ExprLimits`].
//!
//! The crate keeps everything in memory, writes nothing (a snapshot is bytes that the host keeps; only a
//! `FileJournal` writes a file, behind its feature), reads no clock and knows no users or permissions: the host says what a scope is, and what time it is.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod adapter;
pub mod aggregate;
mod book;
pub mod catalog;
mod column;
mod define;
pub mod docs;
pub mod engine;
pub mod expr;
mod facts;
mod fold;
mod model;
pub mod segment;
mod set;
pub mod source;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tree;

// Values.
pub use model::{
    Currency, Date, DateError, Decimal, DecimalError, Duration, Money, MoneyError, Timestamp,
    UnknownCurrency, Value, ValueKind, Withdrawal,
};
// The moment of a question, and the rates of a day.
pub use fold::{ExchangeRate, ExchangeRates, RateKind};
pub use model::{
    AsOf, FiscalCalendar, FiscalFault, FiscalPeriod, FiscalYearName, FixedZone, FixedZones, Rates,
    WeekPattern, Weekday, YearEnd, Zone, Zones,
};
// Business days.
pub use model::{BusinessCalendar, BusinessDayError, WeekCalendar};
// Everything that is wrong with something; how far long work is, and how it is stopped.
pub use model::{Faults, Observer, Progress};
// What has no reader of its own, from JSON text.
pub use model::read_json;
// Ids and rows.
pub use model::{AccountId, AccountIdx, AccountRow, ChildId, ChildRow, IdError, ParentLink, Succession};
// The schema.
pub use model::{
    AccountType, Attribute, AttributeType, CaseRule, ChildTable, EnumValues, Nesting, Product,
    RepeatedProducts, Schema, SchemaBuilder, SchemaErrors, StatusGroup, SystemAttribute, TableKind, limits,
};
// How it changes, and the book with it.
pub use book::{EvolveError, EvolveReport};
pub use model::{SchemaChange, SchemaChangeErrors, SchemaPart};
// Sets of accounts.
pub use set::{AccountSet, Scope, StaleSet};
// What may be wrong with declared accounts, and what is done about it.
pub use tree::{FaultKind, Policy, PolicyError, Remedy};
// The book, how it is loaded, and what a user sees of it.
pub use book::{Account, Book, BookBuilder, ChildEntry, LoadError, LoadReport, Successions, View};
// How it is saved, and how it changes.
#[cfg(feature = "snapshot")]
pub use book::SnapshotError;
pub use book::{Change, ChangeBuilder, ChangeError, ChangeReport};
// Of which accounts a roll-up speaks.
pub use fold::{MAX_DISTRIBUTION, Reach};

/// Trees over any storage: walks, and how a tree looks as text and as a diagram.
pub mod hierarchy {
    pub use crate::tree::{
        AccountTree, Ancestors, Descendants, DiagramLimits, TreeDiagram, TreeText, render_tree,
    };
}

/// A view as a graph, by the parents that the tree shows and by those that it does not; and what petgraph is handed when it
/// walks one, of which a host names none unless it stores one.
pub mod graph {
    pub use crate::book::{
        AccountNode, EdgeReferences, LinkGraph, LinkKind, LinkReferences, NodeReferences, ParentEdge,
        VisitedAccounts,
    };
}

/// What reports and errors hold: the faults of a load and of a schema, what is held out of a book, what a change did.
pub mod report {
    pub use crate::book::{
        AccountChanges, AccountMove, ChangeItem, ChangeProblem, DeclaredLink, EvolveFault, EvolveFaults,
        Fault, HeldAccount, HeldChild, HeldReason, MAX_REPORTED, NamedRows, Problem, RepeatedRow, RowCounts,
        RowLocation, SupersededRow, UsageMove, ValueChange, WithdrawnAmounts,
    };
    pub use crate::fold::{RateFault, RateFaultKind};
    pub use crate::model::{
        JsonFault, JsonFaultKind, Plain, SchemaChangeFault, SchemaChangeFaultKind, SchemaFault,
        SchemaFaultKind, ValueFault, ValueFaultKind,
    };
    pub use crate::tree::TreeFault;
}

/// Attributes, tables, columns, types and products by their places in a schema: faster than by name.
pub mod place {
    pub use crate::model::{AttributeId, ColumnId, ProductId, TableId, TypeId};
}

// The example of the README, compiled and run with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;
