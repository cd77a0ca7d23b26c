//! What does this expression mean, and which accounts does it match?
//!
//! Every rule of the platform is written in one small language: segments, calculated attributes, signals of health,
//! account sets, triggers. Its words, types, functions and limits stand in [`docs::expressions`](crate::docs::expressions);
//! what its answers mean is ruled in [`docs::semantics`](crate::docs::semantics), S59 to S67 and S69.
//!
//! | question | type |
//! |---|---|
//! | What does a text say? And its stored form? | [`Ast`], from text or JSON |
//! | Does it make sense here? What is wrong with it? | [`Checker`] against [`Names`] (a schema is one); [`ExprErrors`], [`Diagnostic`] |
//! | What type is its answer, what does it read? | [`Checked`] |
//! | Which accounts of a view does it match? What does it give for each? | [`ExprPlan`], [`Answers`] |
//! | And for single accounts, such as those of a page? | [`Checked::for_accounts`] |
//! | And for rows of a child table? | [`RowExpr`] |
//! | And for one record of my own? | [`Checked::for_records`] with [`Record`]; [`Checked::for_json`] |
//! | What may be written here, what does this word mean? | [`Checker::completions`], [`Checker::hover`], [`Checker::format`] |
//! | Why does it say so of this account, and what would have to change? | [`Checked::explain`], [`Explanation`] |
//! | What does it leave out in this book? | [`Checked::lints_in`] |
//!
//! ```
//! use perennial::expr::{Checker, ExprPlan};
//! use perennial::{Attribute, AttributeType, Currency, Nesting, Schema};
//!
//! let schema = Schema::builder()
//!     .account_type("Company", Nesting::Free)
//!     .attribute(Attribute::new("name", AttributeType::Text))
//!     .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
//!     .build()?;
//! let checker = Checker::new(&schema);
//! let rule = checker.check_predicate("arr > 10000 && lineage.exists(a, a.name.equalsFold(\"acme\"))")?;
//! assert_eq!(rule.reads().collect::<Vec<_>>(), ["arr", "name"]);
//!
//! let errors = checker.check_predicate("arr > \"much\" && nam == 'x'").unwrap_err();
//! assert_eq!(errors.all().len(), 2);
//! assert_eq!(errors.all()[1].message(), "did you mean `name` (text)?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod ast;
mod batch;
mod builder;
mod check;
mod checked;
mod columns;
mod day_start;
mod diagnostic;
mod editor;
mod eval;
mod exchange;
mod explain;
mod functions;
mod json;
mod json_read;
mod lexer;
mod limits;
mod lint;
mod literal;
mod names;
mod parser;
mod print;
mod rate_missing;
mod record;
mod record_json;
mod resolve;
mod scalar;
mod term;
mod types;
mod value;
mod value_json;
mod value_order;
mod value_reads;

pub use ast::{Ast, BinaryOp, MacroKind, Node, NodeId};
pub use batch::{
    AccountExpr, Answers, Cancelled, ExprPlan, ExprPlanErrors, ExprPlanFault, ExprPlanFaultKind, RowExpr,
    RunError,
};
pub(crate) use batch::{
    AskedWeeks, Asking, Behind, Best, Flat, FunctionBehind, InputBehind, Key, MissingRateLog, MissingRates,
    Needs, RowAnswers, RowColumns, RowPlan, RowProgram, Sight, State, Supply, Tally, Total, Tree, Unit,
    UsageAsked, ValueOf, Whose, key_at, place_of, slots_of,
};
pub use check::Checker;
pub(crate) use check::{Rename, Unwritten, Written};
pub use checked::Checked;
pub(crate) use checked::Source;
pub use columns::Columns;
pub(crate) use day_start::{day_start, first_instant};
pub use diagnostic::{Code, Diagnostic, Edit, ExprErrors, Span};
pub use editor::{Completion, CompletionKind, Completions, Hover};
pub(crate) use eval::Slots;
pub(crate) use exchange::{Exchange, Unrated, exchanged, rate};
pub use explain::{
    DerivedValue, ExplainLimits, Explanation, Flip, FunctionInput, FunctionParts, Gathered, MAX_WITNESSES,
    MissingRate, Origin, Part, PartKind, Provenance, Reading, RollUpPart, RollUpParts, UsageDays,
};
pub use json::{WIRE_VERSION, WireErrors, WireFault};
pub use limits::{ExprLimits, MAX_DEPTH};
pub(crate) use lint::beyond_kept;
pub use literal::Literal;
pub(crate) use names::{MAX_NAME_PARTS, name_parts};
pub use names::{Name, NameText, Names, Of};
pub(crate) use print::{without_needless_backticks, written_name};
pub(crate) use rate_missing::{
    ConvertedRows, ExchangedAmount, MissingRateFlag, UnratedEvents, is_rate_missing_column,
    rate_missing_column,
};
pub use record::{Record, RecordExpr, UnboundNames};
pub use record_json::{JsonExpr, JsonFaults};
pub(crate) use scalar::{compare_values, duration_of, fold_case};
pub(crate) use term::{Bits, Cell, Mean, Op, Reading as UsageReading, Summed, TermId, Terms, Walk};
pub use types::Type;
pub(crate) use types::{DERIVED_DIGITS, MAX_SCALE};
pub(crate) use value::Val;
pub use value::{ExprValue, Field};
