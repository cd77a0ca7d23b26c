//! What does each account amount to?
//!
//! Averages and rounding follow rulings S32, S36, S37 and S40 of `docs/semantics`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::candidate::Best;
use super::exact::{from_order_key, from_quanta};
use super::own::divide_half_even;
use super::plan::{FoldPlan, Measure, Node, Unit, Work};
use super::state::{State, Sum};
use crate::book::{Account, Chunk, View};
use crate::column::{Bitmap, Raw, value_of};
use crate::model::{
    AccountIdx, AttributeType, Currency, Date, Decimal, Duration, Money, TableId, Value, nearest_double,
};

/// The value of a roll-up for one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FoldValue {
    /// How many rows.
    Count(u64),
    /// A sum of whole numbers.
    Int(i128),
    /// A sum of decimals.
    Decimal(Decimal),
    /// A sum of money.
    Money(Money),
    /// Money that was converted or averaged, in 10^-9 minor units.
    DerivedMoney {
        /// 10^-9 minor units.
        nano_minor: i128,
        /// The currency.
        currency: Currency,
    },
    /// A double: a sum of doubles, a mean, a ratio.
    Double(f64),
    /// A sum of durations, in microseconds.
    DurationMicros(i128),
    /// A value of a row: the smallest, largest, first or last.
    Value(Value),
    /// How many rows have each value, in the declared order, without the values that none has.
    Distribution(Vec<(Arc<str>, u64)>),
}

impl FoldValue {
    /// The nearest double of a numeric value; money in major units.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nearest double is what is asked for")]
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Int(sum) | Self::DurationMicros(sum) => Some(*sum as f64),
            Self::Decimal(sum) => Some(sum.to_f64()),
            Self::Money(money) => Some(money.major().to_f64()),
            Self::DerivedMoney { .. } => self.as_money().map(|money| money.major().to_f64()),
            Self::Double(value) => Some(*value),
            Self::Value(value) => value.to_f64(),
            Self::Distribution(_) => None,
        }
    }

    /// Money in whole minor units. A sum of money is exact; only money that was converted or averaged is
    /// rounded here, half-even, for showing.
    #[must_use]
    pub fn as_money(&self) -> Option<Money> {
        match self {
            Self::Money(money) => Some(*money),
            Self::DerivedMoney { nano_minor, currency } => {
                Some(Money::from_minor(divide_half_even(*nano_minor, 1_000_000_000), *currency))
            }
            Self::Value(value) => value.as_money(),
            _ => None,
        }
    }

    /// How many rows have each value, of a distribution.
    #[must_use]
    pub fn as_distribution(&self) -> Option<&[(Arc<str>, u64)]> {
        match self {
            Self::Distribution(counts) => Some(counts),
            _ => None,
        }
    }

    /// A count.
    #[must_use]
    pub const fn as_count(&self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(*count),
            _ => None,
        }
    }
}

/// Digits behind those of a currency that are kept of money which was converted or averaged.
const NANO_DIGITS: u8 = 9;

impl fmt::Display for FoldValue {
    /// Exact: money that was converted or averaged with all its digits, as an expression shows it (ruling S32);
    /// [`FoldValue::as_money`] rounds it for a screen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Int(sum) => write!(f, "{sum}"),
            Self::Decimal(sum) => write!(f, "{sum}"),
            Self::Money(money) => write!(f, "{money}"),
            Self::DerivedMoney { nano_minor, currency } => {
                let major = Decimal::new(*nano_minor, NANO_DIGITS + currency.exponent());
                write!(f, "{major} {currency}")
            }
            Self::Double(value) => write!(f, "{value}"),
            Self::DurationMicros(micros) => match i64::try_from(*micros) {
                Ok(micros) => write!(f, "{}", Duration::from_micros(micros)),
                Err(_) => {
                    let seconds = Decimal::new(*micros, 6).to_string();
                    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
                    write!(f, "{seconds}s")
                }
            },
            Self::Value(value) => write!(f, "{value}"),
            Self::Distribution(counts) => {
                let parts: Vec<String> =
                    counts.iter().map(|(value, count)| format!("{value}: {count}")).collect();
                f.write_str(&parts.join(", "))
            }
        }
    }
}

/// What a roll-up comes to at an account, before it is shown.
pub(crate) enum Folded {
    Count(u64),
    Sum(Sum),
    Pair(Sum, Sum),
    /// A value in the order of values.
    Key(Option<i64>),
}

/// The totals of a plan on a view. `Send + Sync`; shares what it can with other totals of the plan.
#[derive(Debug, Clone)]
pub struct Totals {
    pub(super) plan: FoldPlan,
    pub(super) view: View,
    // By slot.
    pub(super) chunks: Vec<Option<Arc<ChunkTotals>>>,
    /// The one account that these totals are of.
    pub(super) only: Option<AccountIdx>,
}

/// The totals of the accounts of one chunk, and what they depend on.
#[derive(Debug)]
pub(super) struct ChunkTotals {
    /// The chunk, kept so that the places of its blocks in memory are not used again.
    pub(super) chunk: Arc<Chunk>,
    pub(super) visible: Option<Arc<Bitmap>>,
    pub(super) today: Date,
    /// What hangs on the chunk, by the row it hangs on.
    // Their roll-ups only: whole totals would nest as deep as the tree, and be dropped recursively.
    pub(super) limbs: Vec<(u32, NodeList)>,
    /// One for each roll-up.
    pub(super) nodes: NodeList,
}

/// The roll-ups of one chunk, in the order of the plan.
pub(super) type NodeList = Arc<[Arc<NodeTotals>]>;

/// One roll-up for the accounts of one chunk.
#[derive(Debug)]
pub(super) struct NodeTotals {
    pub(super) column: Column,
    pub(super) export: State,
}

/// A roll-up for the accounts of a chunk.
#[derive(Debug)]
pub(super) enum Column {
    Counts(Vec<u32>),
    Narrow {
        sums: Vec<i64>,
        rows: Vec<u32>,
    },
    Wide(Vec<Sum>),
    Pairs(Vec<(Sum, Sum)>),
    /// Smallest keys; `i64::MAX` for none.
    Least(Vec<i64>),
    Best(Vec<Option<Best>>),
    Distribution {
        size: usize,
        cells: Vec<u64>,
    },
}

impl Totals {
    /// The value of a roll-up for an account (check names once against [`FoldPlan::names`]); `None` when it
    /// is missing, when no roll-up has that name,
    /// or when the account is not visible in (or not of the layout of) the view of these totals.
    #[must_use]
    pub fn value(&self, account: Account<'_>, name: &str) -> Option<FoldValue> {
        let number = self.plan.nodes.iter().position(|node| &*node.name == name)?;
        self.value_of(account, number)
    }

    /// The value of a roll-up by its place in the plan.
    #[must_use]
    pub fn value_of(&self, account: Account<'_>, number: usize) -> Option<FoldValue> {
        let place = account.place();
        if !account.view().inner().layout.same(&self.view.inner().layout) || !self.view.sees(place) {
            return None;
        }
        if self.only.is_some_and(|only| only != place) {
            return None;
        }
        let chunk = self.chunks.get(place.slot as usize)?.as_ref()?;
        self.read(self.plan.nodes.get(number)?, &chunk.nodes.get(number)?.column, place.row as usize)
    }

    /// What a roll-up, by its place in the plan, comes to at a place; `None` where it is not known.
    pub(crate) fn folded(&self, number: usize, place: AccountIdx) -> Option<Folded> {
        let chunk = self.chunks.get(place.slot as usize)?.as_ref()?;
        let row = place.row as usize;
        Some(match (&chunk.nodes.get(number)?.column, &self.plan.nodes.get(number)?.work) {
            (Column::Counts(counts), _) => Folded::Count(u64::from(*counts.get(row)?)),
            (Column::Narrow { sums, rows }, _) => {
                Folded::Sum(Sum::over(i128::from(*sums.get(row)?), u64::from(*rows.get(row)?)))
            }
            (Column::Wide(sums), _) => Folded::Sum(*sums.get(row)?),
            (Column::Pairs(pairs), _) => {
                let (above, below) = *pairs.get(row)?;
                Folded::Pair(above, below)
            }
            (Column::Least(keys), Work::Least { largest, .. }) => {
                let key = Some(*keys.get(row)?).filter(|key| *key != i64::MAX);
                Folded::Key(key.map(|key| if *largest { -key } else { key }))
            }
            _ => return None,
        })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &FoldPlan {
        &self.plan
    }

    /// The view.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// How many chunks these totals share with others, and how many there are. For tests of sharing.
    #[must_use]
    pub fn shared_chunks(&self, other: &Self) -> (usize, usize) {
        let pairs = self.chunks.iter().zip(&other.chunks);
        let same = pairs.filter(|(a, b)| matches!((a, b), (Some(a), Some(b)) if Arc::ptr_eq(a, b)));
        (same.count(), self.chunks.iter().flatten().count())
    }

    fn read(&self, node: &Node, column: &Column, row: usize) -> Option<FoldValue> {
        match (column, &node.work) {
            (Column::Counts(counts), _) => counts.get(row).map(|count| FoldValue::Count(u64::from(*count))),
            (Column::Narrow { sums, rows }, work) => {
                let sum = Sum::over(i128::from(*sums.get(row)?), u64::from(*rows.get(row)?));
                finish(work, &sum)
            }
            (Column::Wide(sums), work) => finish(work, sums.get(row)?),
            (Column::Pairs(pairs), Work::Ratio(above, below)) => {
                let (a, b) = pairs.get(row)?;
                ratio(above, a, below, b)
            }
            (Column::Least(keys), Work::Least { kind, largest, .. }) => {
                let key = *keys.get(row)?;
                (key != i64::MAX)
                    .then_some(if *largest { -key } else { key })
                    .and_then(|key| keyed(key, kind))
            }
            (Column::Best(best), Work::Best { column, kind, .. }) => {
                self.best(node.table, *column, kind, (*best.get(row)?)?).map(FoldValue::Value)
            }
            (Column::Distribution { size, cells }, Work::Distribution { values, .. }) => {
                let counts = cells.get(row * size..(row + 1) * size)?;
                let name = |code: usize| -> Option<Arc<str>> {
                    match values {
                        Some(values) => values.text(u16::try_from(code).ok()?).cloned(),
                        None => Some(Arc::from(if code == 0 { "false" } else { "true" })),
                    }
                };
                let counts = counts.iter().enumerate().filter(|(_, count)| **count > 0);
                Some(FoldValue::Distribution(
                    counts.filter_map(|(code, count)| Some((name(code)?, *count))).collect(),
                ))
            }
            _ => None,
        }
    }

    fn best(&self, table: Option<usize>, column: usize, kind: &AttributeType, best: Best) -> Option<Value> {
        let inner = self.view.inner();
        let chunk = inner.chunk(best.account.slot)?;
        match (table, best.child) {
            (Some(table), Some(row)) => {
                let described = inner.schema.table_at(TableId::new(table))?;
                chunk.table(table)?.value(described, column, row as usize)
            }
            _ => value_of(chunk.column(column)?.get(best.account.row as usize)?, kind),
        }
    }
}

fn finish(work: &Work, sum: &Sum) -> Option<FoldValue> {
    if sum.rows == 0 || sum.is_out_of_range() {
        return None;
    }
    match work {
        Work::Sum(measure) => Some(match measure.unit {
            Unit::Int => FoldValue::Int(sum.value),
            Unit::Decimal(scale) => FoldValue::Decimal(Decimal::new(sum.value, scale)),
            Unit::Money(currency) => FoldValue::Money(Money::from_minor(sum.value, currency)),
            Unit::Duration => FoldValue::DurationMicros(sum.value),
            Unit::Double => FoldValue::Double(from_quanta(sum.value)),
            Unit::Nano(currency) => FoldValue::DerivedMoney { nano_minor: sum.value, currency },
        }),
        Work::Average(measure) => average(measure, sum),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a quotient is a double")]
fn average(measure: &Measure, sum: &Sum) -> Option<FoldValue> {
    let rows = i128::from(sum.rows);
    Some(match measure.unit {
        Unit::Money(currency) => {
            let nano_minor = divide_half_even(sum.value.checked_mul(1_000_000_000)?, rows);
            FoldValue::DerivedMoney { nano_minor, currency }
        }
        Unit::Nano(currency) => {
            FoldValue::DerivedMoney { nano_minor: divide_half_even(sum.value, rows), currency }
        }
        unit => FoldValue::Double(number(unit, sum.value) / rows as f64),
    })
}

fn ratio(above: &Measure, a: &Sum, below: &Measure, b: &Sum) -> Option<FoldValue> {
    if a.rows == 0 || a.is_out_of_range() || b.is_out_of_range() || b.value == 0 {
        return None;
    }
    // Of no negative zero: a sum of 0 by one below 0 is 0.
    let quotient = number(above.unit, a.value) / number(below.unit, b.value) + 0.0;
    quotient.is_finite().then_some(FoldValue::Double(quotient))
}

// A sum in its unit; money in major units, durations in seconds.
fn number(unit: Unit, sum: i128) -> f64 {
    match unit {
        Unit::Int => nearest_double(sum, 0),
        Unit::Decimal(scale) => nearest_double(sum, scale),
        Unit::Money(currency) => nearest_double(sum, currency.exponent()),
        Unit::Duration => nearest_double(sum, 6),
        Unit::Double => from_quanta(sum),
        Unit::Nano(currency) => nearest_double(sum, NANO_DIGITS + currency.exponent()),
    }
}

fn keyed(key: i64, kind: &AttributeType) -> Option<FoldValue> {
    let raw = match kind {
        AttributeType::Double => Raw::F64(from_order_key(key)),
        AttributeType::Date => Raw::I32(i32::try_from(key).ok()?),
        AttributeType::Band(_) => Raw::Code(u16::try_from(key).ok()?),
        _ => Raw::I64(key),
    };
    value_of(raw, kind).map(FoldValue::Value)
}
