//! What do tests and benchmarks of hosts need?
//!
//! Public API only: a host could have written all of it. Switch the feature on where the tests are built:
//!
//! ```toml
//! [dev-dependencies]
//! perennial = { version = "0.1", features = ["testkit"] }
//! ```
//!
//! | question of your tests | what answers it |
//! |---|---|
//! | Does my storage keep the promises of [`Source`](crate::source::Source)? | [`source_conformance!`], over a [`SourceHarness`](conformance::SourceHarness) that you write |
//! | And my hierarchy, my zone, my rates, my business days? | [`account_tree_conformance!`], [`zone_conformance!`], [`rates_conformance!`], [`business_calendar_conformance!`] |
//! | And my kinds of definitions? | [`custom_kind_conformance!`] |
//! | What does my service do when a source fails, repeats itself, or answers in another order? | [`FaultySource`] around any source |
//! | Where do I get a book of any size? | [`ReferenceBook`]: many trees with values that are missing now and then; [`PlainBook`]: a chain, a star, one large tree |
//! | Is the tree right, and what is seen of it in a scope? | [`Oracle`]: a map of accounts, every answer by looking at all of them |
//! | Is the roll-up right? | [`OracleDefinition`]: every operator, over a list of all rows |
//! | Is the answer of an expression right? | [`OracleExpr`]: walked for one account at a time, by the public API |
//! | Is what a catalog comes to right? | [`OracleCatalog`]: one definition after the other, as their authors wrote them |
//! | Is what is read of usage right? | [`OracleUsage`]: every event kept as it came, all of them asked |
//! | Where do repeatable random numbers come from? | [`Random`] |
//!
//! # In your own tests
//!
//! The promises of a trait become tests by one line in a file of tests, and a failure names the promise
//! (`my_source::a_break_ends_the_scan`):
//!
//! ```
//! # struct MyHarness;
//! # use perennial::testkit::conformance::{Capabilities, HarnessError, MemoryHarness, Seed, SourceHarness};
//! # impl SourceHarness for MyHarness {
//! #     fn source(&self, seed: &Seed) -> Result<Box<dyn perennial::source::Source + '_>, HarnessError> {
//! #         Ok(Box::new(seed.memory_source()))
//! #     }
//! #     fn capabilities(&self) -> Capabilities {
//! #         MemoryHarness::new(9).capabilities()
//! #     }
//! # }
//! perennial::testkit::source_conformance!(my_source, || MyHarness);
//! # fn main() {}
//! ```
//!
//! The rest is called where it is needed. Here a generated book goes through a storage and back, is
//! compared with the oracle, and then the storage fails:
//!
//! ```
//! use perennial::aggregate::{Nulls, Operator, RollUp, RollUpPlan};
//! use perennial::source::MemorySource;
//! use perennial::testkit::conformance::{MemoryHarness, source};
//! use perennial::testkit::{FaultySource, Oracle, OracleDefinition, ReferenceBook, shown};
//! use perennial::{Account, AsOf, Book, Date, LoadError, Policy, Reach, Scope};
//!
//! // A book of 200 accounts, and the rows that declare it.
//! let reference = ReferenceBook::new(200, 7);
//! let as_of = AsOf::date_utc(Date::new(2026, 1, 31)?);
//! let (book, _) = Book::load(reference.schema(), &reference, &Policy::strict())?;
//! let oracle = Oracle::from_view(&book.view(&Scope::all(), as_of.clone())?);
//! let (accounts, _child_rows) = oracle.rows();
//!
//! // Your storage would hold them; this one is memory. What comes out of it is the same book.
//! let storage = MemorySource::new().accounts(accounts);
//! let (again, _) = Book::load(reference.schema(), &storage, &Policy::strict())?;
//! let view = again.view(&Scope::all(), as_of)?;
//! oracle.compare(&view)?;
//!
//! // A roll-up, for every account, computed a second time without the engine.
//! let sum = || Operator::Sum("contract_value".into());
//! let plan = RollUpPlan::new(again.schema(), &**again.schema(), [RollUp::new("value", sum())])?;
//! let answers = plan.run(&view);
//! let (reach, nulls) = (Reach::SelfAndDescendants, Nulls::Skip);
//! let slow = OracleDefinition { operator: sum(), reach, nulls, with_cancelled: false };
//! for account in view.accounts() {
//!     let rows = |account: Account<'_>| vec![(account.value("contract_value").as_ref().map(shown), None)];
//!     assert_eq!(answers.value("value", account), slow.evaluate(&view, account, &rows).value);
//! }
//!
//! // The connection is cut after the accounts: no book, and an error that says where.
//! let cut = FaultySource::fails_on_scan(storage, 2);
//! let error = Book::load(reference.schema(), &cut, &Policy::strict()).unwrap_err();
//! assert!(matches!(&error, LoadError::Source(error) if error.table().to_string() == "links"));
//!
//! // Every promise of a source, kept, or skipped for a stated reason.
//! for (promise, outcome) in source::all(&MemoryHarness::new(50)) {
//!     assert!(outcome.is_ok(), "{promise}: {outcome:?}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod conformance;
mod faulty;
mod generate;
mod number;
mod oracle;
mod oracle_catalog;
mod oracle_custom;
mod oracle_definition;
mod oracle_expr;
mod oracle_roll_up;
mod oracle_usage;
mod plain;
mod random;

#[doc(inline)]
pub use conformance::macros::{
    account_tree_conformance, business_calendar_conformance, custom_kind_conformance, rates_conformance,
    source_conformance, zone_conformance,
};
pub use faulty::{FaultySource, InjectedFailure};
pub use generate::ReferenceBook;
pub use oracle::{Oracle, OracleAccount};
pub use oracle_catalog::{OracleCatalog, OracleDerived};
pub use oracle_definition::{OracleAnswer, OracleDefinition, OracleRow, shown};
pub use oracle_expr::OracleExpr;
pub use oracle_usage::{OracleEvent, OracleQuestion, OracleReading, OracleUsage};
pub use plain::PlainBook;
pub use random::Random;
