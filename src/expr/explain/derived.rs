//! What was a derived value computed from?

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::expr::value::ExprValue;
use crate::fold::RateKind;
use crate::model::{AccountId, Currency, Date, Decimal, is_default};

/// How far an explanation goes down the chain of definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExplainLimits {
    /// Definitions below each other: 0 names derived values and says nothing of what they were computed from.
    pub depth: usize,
    /// Accounts of a roll-up, days of usage and recorded days that are named; the others are counted together.
    pub width: usize,
    /// Derived values that are explained, in all.
    pub values: usize,
}

impl Default for ExplainLimits {
    /// 8 definitions deep, 10 accounts or days wide, 100 values.
    fn default() -> Self {
        Self { depth: 8, width: 10, values: 100 }
    }
}

impl ExplainLimits {
    /// With so many definitions below each other.
    #[must_use]
    pub const fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// With so many accounts and days named.
    #[must_use]
    pub const fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// With so many values explained.
    #[must_use]
    pub const fn with_values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }
}

/// A derived value that was read, and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DerivedValue {
    /// The column.
    pub name: Arc<str>,
    /// The account that has it.
    pub account: AccountId,
    /// The value; `None` where it has none.
    pub value: Option<ExprValue>,
    /// What it was computed from.
    pub from: Provenance,
}

/// What a derived value was computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provenance {
    /// An expression: its whole, by its place in [`Explanation::parts`](super::Explanation::parts).
    Expression(usize),
    /// The place of an expression's value among those of others; the expression as above.
    Ranking(usize),
    /// A function of what is read of the account.
    Function(FunctionParts),
    /// It came with the question.
    Parameter,
    /// The rows of accounts.
    RollUp(RollUpParts),
    /// The value of a column as it was recorded on an earlier day.
    Past {
        /// The column.
        of: Arc<str>,
        /// The day; `None` before the calendar begins.
        on: Option<Date>,
    },
    /// Not told: it is beyond the [`ExplainLimits`].
    BeyondLimits,
}

/// What a function was given of one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FunctionParts {
    /// The kind of the definition, in words.
    pub kind: Arc<str>,
    /// Is a part of it for the account? Nothing was computed where none is.
    pub applies: bool,
    /// The name of the part, where the definition has parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Arc<str>>,
    /// The question that says for which accounts the part is, by its place in [`Explanation::parts`](super::Explanation::parts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<usize>,
    /// The inputs, in order.
    pub inputs: Vec<FunctionInput>,
}

/// An input of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FunctionInput {
    /// An expression: its whole, by its place in [`Explanation::parts`](super::Explanation::parts).
    Value(usize),
    /// Rows of a child table.
    Rows {
        /// The table.
        table: Arc<str>,
        /// How many the account has.
        rows: u64,
    },
    /// Rows of events.
    Events {
        /// The kind of event.
        event: Arc<str>,
        /// In so many days, today among them; `None` for all until today.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_days: Option<u32>,
        /// How many the account has; `None` where no usage is at hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<u64>,
    },
    /// What was recorded of a column on earlier days.
    Records {
        /// The column.
        column: Arc<str>,
        /// The last days and their values, in order; `None` where no history is at hand, as after a run of a catalog.
        #[serde(
            with = "crate::model::pairs::maybe_day_values",
            default,
            skip_serializing_if = "Option::is_none"
        )]
        days: Option<Vec<(Date, Option<ExprValue>)>>,
        /// How many days before them were read.
        #[serde(default, skip_serializing_if = "is_default")]
        more: usize,
    },
}

/// The rows that a roll-up counts for one account, by the account that each is of. Counts and sums add up: those of the accounts
/// that are named and of the rest are those of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RollUpParts {
    /// The operator, in words.
    pub operator: Arc<str>,
    /// All rows together.
    pub whole: RollUpPart,
    /// What accounts add, the greatest first: by the first sum whatever its sign, else by the number of decisive rows, else of rows; of equals by id.
    #[serde(with = "crate::model::pairs::account_part")]
    pub accounts: Vec<(AccountId, RollUpPart)>,
    /// What all other accounts add.
    pub rest: RollUpPart,
    /// How many these are.
    pub more: usize,
    /// Of a roll-up that converts: amounts whose rates are not known, for which there is no answer; as many as accounts are named, and one
    /// at least.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_rates: Vec<MissingRate>,
}

/// A rate that is not known, and whose amounts it would convert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MissingRate {
    /// The currency of the amounts; `None` where their row does not say one.
    pub from: Option<Currency>,
    /// The currency that they are converted to.
    pub to: Currency,
    /// Of the market, or of a plan.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: RateKind,
    /// The day, of a plan the first day of its fiscal year; `None` where their row does not say one.
    pub on: Option<Date>,
    /// The rate, where it is known and the amounts are too large to be converted at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
    /// How many rows have such an amount.
    pub rows: u64,
    /// The first of the accounts whose rows these are, by id: [`MissingRate::MAX_ACCOUNTS`] at most.
    pub accounts: Vec<AccountId>,
}

impl MissingRate {
    /// Accounts that are named.
    pub const MAX_ACCOUNTS: usize = 10;
}

impl fmt::Display for MissingRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, kind, on, rate, rows, accounts } = self;
        let is_plan = *kind == RateKind::Plan;
        match (from, rate) {
            (Some(from), Some(rate)) => write!(f, "too much {from} for {to} at {rate}")?,
            (Some(from), None) if is_plan => write!(f, "no plan rate from {from} to {to}")?,
            (Some(from), None) => write!(f, "no rate from {from} to {to}")?,
            (None, _) => write!(f, "no currency to convert to {to} from")?,
        }
        match on {
            Some(on) if is_plan => write!(f, " for the fiscal year from {on}")?,
            Some(on) => write!(f, " on {on}")?,
            None => f.write_str(", since no day is known")?,
        }
        write!(f, ": {rows} {}", if *rows == 1 { "row" } else { "rows" })?;
        for (number, account) in accounts.iter().enumerate() {
            write!(f, "{}{account}", if number == 0 { " of " } else { ", " })?;
        }
        Ok(())
    }
}

/// What some rows add to a roll-up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RollUpPart {
    /// Rows with a value; of a count of events, events.
    pub counted: u64,
    /// Rows without a value.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skipped: u64,
    /// The sums of the operator: one of a sum or an average, two of a ratio, a weighted average or a share, none of others. `None`
    /// where nothing has a value, or where the sum is out of range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sums: Vec<Option<ExprValue>>,
    /// Rows that decide the answer of an operator without sums: those that have the value that is given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decisive: u64,
}

/// The days of a question about usage on which there was something, the last first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UsageDays {
    /// The first day that was asked; `None` where all days are.
    pub first: Option<Date>,
    /// The last.
    pub last: Date,
    /// What the same question comes to on each of them by itself; of a metric, its value. Counts and sums add up to the whole.
    #[serde(with = "crate::model::pairs::day_value")]
    pub days: Vec<(Date, Option<ExprValue>)>,
    /// How many more days there are.
    pub more: usize,
    /// Are these weeks, each by its first day?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_week: bool,
}
