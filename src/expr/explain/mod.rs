//! Why is an account in, or not?
//!
//! An explanation is data: the parts of an expression with their answers at one account, what was read for each and
//! from where, and which parts would have to change. Ruling S69 of `docs/semantics`.

mod build;
mod derived;
mod flip;
mod reads;
mod render;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use self::build::Explainer;
pub use self::derived::{
    DerivedValue, ExplainLimits, FunctionInput, FunctionParts, MissingRate, Provenance, RollUpPart,
    RollUpParts, UsageDays,
};
use super::batch::ExprPlanErrors;
use super::checked::Checked;
use super::columns::Columns;
use super::value::ExprValue;
use crate::book::Account;
use crate::model::{AccountId, ChildId, Date, DocumentVersion, is_default};

/// Accounts and rows named for a part that asks many; the others are counted.
pub const MAX_WITNESSES: usize = 10;

/// What an expression says of one account, part by part.
///
/// ```
/// use perennial::expr::Checker;
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("name", AttributeType::Text))
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company").with("name", "Acme").with("seats", 30_i64))
///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme).with("seats", 12_i64));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
///
/// let large = Checker::new(&**book.schema()).check_predicate("parent.name == \"Acme\" && seats > 20")?;
/// let why = large.explain(&view, view.account("acme-eu").ok_or("not there")?)?;
/// assert_eq!(why.truth(), Some(false));
/// assert_eq!(
///     why.to_string(),
///     "acme-eu on 2026-01-31: no\n\
///      no   all of\n\
///      \x20 yes  parent.name == \"Acme\"\n\
///      \x20        parent.name = Acme (of acme)\n\
///      \x20 no   seats > 20\n\
///      \x20        seats = 12\n\
///      it would be yes if:\n\
///      \x20 `seats > 20` were true (it is false: seats is 12)\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    v: DocumentVersion,
    account: AccountId,
    date: Date,
    /// The whole first, each part after the one that it is of.
    parts: Vec<Part>,
    /// The derived values that were read, each after the one that it was read for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    derived: Vec<DerivedValue>,
    /// How often a derived value was read that is not among them, since there are more than the limits allow.
    #[serde(default, skip_serializing_if = "is_default")]
    left_out: usize,
    flip: Option<Flip>,
}

/// One part of an expression, at an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Part {
    /// As written.
    pub text: Arc<str>,
    /// How its answer comes from those of the parts below it.
    pub kind: PartKind,
    /// The account at which it was asked, where that is not the one that is explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Its answer; `None` where it has none.
    pub value: Option<ExprValue>,
    /// What was read for it, in the order of the text. Of a part with parts below: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<Reading>,
    /// The parts below it, by their place in [`Explanation::parts`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<usize>,
}

impl Part {
    /// Its answer to a yes/no question.
    #[must_use]
    pub const fn truth(&self) -> Option<bool> {
        match self.value {
            Some(ExprValue::Bool(truth)) => Some(truth),
            _ => None,
        }
    }
}

/// How the answer of a part comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartKind {
    /// `&&`: yes when all below are.
    All,
    /// `||`: yes when one below is.
    Any,
    /// `!`: the contrary of the one below.
    Not,
    /// `isTrue`: yes when the one below is, else no.
    Known,
    /// `test ? then : otherwise`.
    Choice,
    /// Another segment: yes when its question, below, is.
    Segment,
    /// What is asked of values.
    Term,
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Reading {
    /// As written: `arr`, `parent.name`, `contracts.sum(c, c.value)`.
    pub text: Arc<str>,
    /// What it is; `None` where it has no value.
    pub value: Option<ExprValue>,
    /// Where it is from.
    pub from: Origin,
    /// Of a derived value: its place in [`Explanation::derived`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<usize>,
}

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The account itself.
    Own,
    /// Another account of its tree.
    Account(AccountId),
    /// There is no such account: the parent of a root.
    Nowhere,
    /// The day of the question.
    Day,
    /// Several accounts.
    Accounts(Gathered<AccountId>),
    /// Rows of a child table.
    Rows(Gathered<ChildId>),
    /// Usage of the account itself, by day.
    Usage(UsageDays),
}

/// What was found among accounts or rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(bound(serialize = "Id: Serialize", deserialize = "Id: Deserialize<'de>"))]
#[non_exhaustive]
pub struct Gathered<Id> {
    /// How many were asked, those left out by `filter` not counted.
    pub asked: u64,
    /// How many accounts of the walk were left out since they are cancelled: it does not say `withCancelled()`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancelled: u64,
    /// How many had no answer.
    pub missing: u64,
    /// How many were decisive: those that say yes to `exists`, `exists_one` or `count`, or not yes to `all`; those with a
    /// value, of a `sum` or `avg`; those with the value that is given, of a `min` or `max`; the holders, of `owns`.
    pub decisive: u64,
    /// The first [`MAX_WITNESSES`] of them in the order of the tree or of their ids, with what each gave.
    #[serde(with = "crate::model::pairs::witness_value")]
    pub witnesses: Vec<(Id, Option<ExprValue>)>,
}

/// A small set of parts whose change would turn the answer.
///
/// Found in one pass, each part taken by itself: of `&&` all that are not yes, of `||` the part with the fewest. There
/// may be others as small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Flip {
    /// What the answer would be: yes, or not yes.
    pub to: bool,
    /// Which parts, by their place in [`Explanation::parts`], and what each would have to be.
    #[serde(with = "crate::model::pairs::part_holds")]
    pub parts: Vec<(usize, bool)>,
    /// Does one of them read what another part reads as well? Then a change of it may have further consequences.
    pub shared: bool,
}

impl Explanation {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    /// The day of the question.
    #[must_use]
    pub const fn date(&self) -> Date {
        self.date
    }

    /// Every part: the whole first, each after the one that it is of.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The derived values that were read, each once, and what they were computed from.
    #[must_use]
    pub fn derived(&self) -> &[DerivedValue] {
        &self.derived
    }

    /// How often a derived value was read that is not among them: there are more than [`ExplainLimits::values`].
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// The answer of the whole to a yes/no question.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        self.parts.first().and_then(Part::truth)
    }

    /// The answer of the whole.
    #[must_use]
    pub fn value(&self) -> Option<&ExprValue> {
        self.parts.first().and_then(|part| part.value.as_ref())
    }

    /// What would have to change for another answer; `None` where nothing would do, or for an expression that is no
    /// yes/no question.
    #[must_use]
    pub const fn flip(&self) -> Option<&Flip> {
        self.flip.as_ref()
    }
}

impl Checked {
    /// What it says of an account, and why.
    ///
    /// # Errors
    ///
    /// As [`ExprPlan::run`](super::ExprPlan::run).
    ///
    /// # Complexity
    ///
    /// Linear in the parts, and in the accounts and rows that they speak of: of a derived value that is a roll-up, its rows are read once.
    pub fn explain<'c>(
        &'c self,
        columns: impl Into<Columns<'c>>,
        account: Account<'_>,
    ) -> Result<Explanation, ExprPlanErrors> {
        self.explain_within(columns, account, &ExplainLimits::default())
    }

    /// The same, so far down the chain of definitions as limits say.
    ///
    /// # Errors
    ///
    /// As [`Checked::explain`].
    pub fn explain_within<'c>(
        &'c self,
        columns: impl Into<Columns<'c>>,
        account: Account<'_>,
        limits: &ExplainLimits,
    ) -> Result<Explanation, ExprPlanErrors> {
        Ok(Explainer::new(columns.into(), self, limits)?.explain(account))
    }
}
