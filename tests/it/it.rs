//! Every integration test, in one program: the library is linked once, and a single test is found by its name.
//!
//! ```sh
//! cargo test                    # all
//! cargo test roll_up::          # those of a file
//! CASES_TIMES=20 cargo test     # properties with twenty times the cases
//! ```

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "tests panic when they fail"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    clippy::items_after_statements,
    clippy::needless_pass_by_value,
    clippy::ref_option,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::unnecessary_wraps,
    reason = "numbers of tests are small, doubles the very same bits, and scripts long"
)]

mod account_set;
mod common;
// What the examples and the fuzz targets run, tested as it is.
#[path = "../../examples/book_of_business/ask.rs"]
#[allow(dead_code, reason = "the tests of one data set ask it")]
mod ask;
#[path = "../../examples/book_of_business/bank/mod.rs"]
#[allow(dead_code, reason = "the tests load the banks once for all outputs")]
mod bank;
#[path = "../../examples/book_of_business/crm/mod.rs"]
mod crm;
#[path = "../fuzz/judge.rs"]
mod judge;
#[path = "../../examples/book_of_business/measured.rs"]
mod measured;
#[path = "../../examples/book_of_business/nhs/mod.rs"]
mod nhs;
#[path = "../../examples/book_of_business/numbers.rs"]
#[allow(dead_code, reason = "each data set uses its own part")]
mod numbers;
#[path = "../../examples/book_of_business/shape.rs"]
mod shape;
#[path = "../../examples/conformance/suite.rs"]
mod suite;
#[path = "../../examples/conformance/zones.rs"]
mod zones;

mod api;
mod book_of_business;
mod book_of_business_bank;
mod book_of_business_nhs;
mod business_days;
mod cancelled;
mod catalog;
mod catalog_edits;
mod catalog_oracle;
mod change;
mod columns;
mod conformance_kit;
mod conversion;
mod convert_expr;
mod csv_source;
mod currencies;
mod custom;
mod delta_causes;
mod dependencies;
mod diagram;
mod distribution;
mod documents;
mod dotted_names;
mod engine;
mod engine_journal;
mod engine_large;
mod engine_spans;
mod exact_money;
mod explain;
mod expr_book;
mod expr_check;
mod expr_conformance;
mod expr_constants;
mod expr_editor;
mod expr_functions;
mod expr_nesting;
mod expr_record;
mod expr_text;
mod facts;
mod fiscal;
mod fuzz_corpus;
mod hostile;
mod import;

mod latest_rows;
mod layers;
mod levels;
mod links;
mod load_faults;
mod missing_rate_columns;
mod missing_rate_oracle;
mod profile;
mod query;
mod records;
mod rename;
mod repeated_products;
mod result_json;
mod roll_up;
mod roll_up_definition;
mod schema_change;
mod scope;
mod segment;
mod segment_scope;
mod snapshot;
mod sources;
mod succession;
mod sync;
mod tree;
mod usage;
mod usage_merger;
mod usage_settings;
mod usage_snapshot;
mod weekly;
mod zone_change;
