//! What does a roll-up amount to, computed the slow and obvious way?
//!
//! For one account of a [`View`]: climb from every visible account through its parents to see whether it
//! stands in the subtree, gather the rows, throw out what the definition leaves out, and combine what is
//! left, one row at a time. No chunk, no running total, no state that is handed upwards. It uses the
//! public API only and shares no arithmetic with `fold`: doubles are taken apart into mantissa and
//! exponent, and sums are kept in two halves that cannot overflow.

use std::cmp::Ordering;
use std::sync::Arc;

use super::number::double_of;
use crate::{
    Account, Attribute, AttributeType, CaseRule, ChildEntry, Currency, Date, Decimal, FoldValue, Money,
    Rates, Reach, RollUp, StatusGroup, Value, View,
};

/// The operator of an [`OracleRollUp`], with the columns that it reads.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "one for each constructor of `RollUp`")]
pub enum OracleOperator {
    Count,
    CountOf(String),
    Sum(String),
    Min(String),
    Max(String),
    Average(String),
    Ratio(String, String),
    First { column: String, by: String },
    Last { column: String, by: String },
    Distribution(String),
}

/// The plain description of a roll-up: what [`RollUp`] says, with every field open.
#[derive(Debug, Clone, PartialEq)]
pub struct OracleRollUp {
    /// The operator and its columns.
    pub operator: OracleOperator,
    /// The child table; `None` for attributes of accounts.
    pub table: Option<String>,
    /// Columns and the values that pass; all must hold.
    pub filters: Vec<(String, Vec<Value>)>,
    /// Whose rows count.
    pub reach: Reach,
    /// Whether cancelled accounts count.
    pub with_cancelled: bool,
    /// The currency to convert to, and the column of the date whose rate is taken.
    pub convert: Option<(Currency, Option<String>)>,
}

impl OracleRollUp {
    /// An operator over attributes of accounts, self and descendants, without those that are cancelled.
    #[must_use]
    pub const fn new(operator: OracleOperator) -> Self {
        Self {
            operator,
            table: None,
            filters: Vec::new(),
            reach: Reach::SelfAndDescendants,
            with_cancelled: false,
            convert: None,
        }
    }

    /// The same definition for the engine.
    #[must_use]
    pub fn roll_up(&self) -> RollUp {
        use OracleOperator as Op;
        let mut roll_up = match &self.operator {
            Op::Count => RollUp::count(),
            Op::CountOf(column) => RollUp::count_of(column),
            Op::Sum(column) => RollUp::sum(column),
            Op::Min(column) => RollUp::min(column),
            Op::Max(column) => RollUp::max(column),
            Op::Average(column) => RollUp::average(column),
            Op::Ratio(above, below) => RollUp::ratio(above, below),
            Op::First { column, by } => RollUp::first(column, by),
            Op::Last { column, by } => RollUp::last(column, by),
            Op::Distribution(column) => RollUp::distribution(column),
        };
        roll_up = roll_up.reach(self.reach);
        if let Some(table) = &self.table {
            roll_up = roll_up.of_table(table);
        }
        for (column, values) in &self.filters {
            roll_up = roll_up.filter(column, values.iter().cloned());
        }
        if self.with_cancelled {
            roll_up = roll_up.with_cancelled();
        }
        match &self.convert {
            None => roll_up,
            Some((to, None)) => roll_up.convert_to(*to),
            Some((to, Some(date))) => roll_up.convert_at(*to, date),
        }
    }

    /// The value for one account of a view; `None` when it is missing.
    ///
    /// # Complexity
    ///
    /// O(visible accounts × depth), for one account. For tests.
    #[must_use]
    pub fn evaluate(
        &self,
        view: &View,
        account: Account<'_>,
        rates: Option<&dyn Rates>,
    ) -> Option<FoldValue> {
        let question = Question { ask: self, view, rates };
        let mut rows: Vec<Row<'_>> = Vec::new();
        for other in view.accounts() {
            // The way up from `other`, itself first, until the account that is asked about.
            let way: Vec<Account<'_>> = other.lineage().collect();
            let Some(steps) = way.iter().position(|above| *above == account) else { continue };
            let counts = match self.reach {
                Reach::SelfOnly => steps == 0,
                Reach::Descendants => steps > 0,
                Reach::SelfAndDescendants => true,
                // Nobody between, the account itself included, says something of his own.
                Reach::PreferSelf => {
                    way.iter().skip(1).take(steps).all(|above| question.own_rows(*above).is_empty())
                }
            };
            if counts {
                rows.extend(question.own_rows(other));
            }
        }
        question.combine(&rows)
    }
}

/// One row that may be combined.
#[derive(Clone, Copy)]
enum Row<'v> {
    Account(Account<'v>),
    Child(ChildEntry<'v>),
}

impl Row<'_> {
    fn value(&self, column: &str) -> Option<Value> {
        match self {
            Self::Account(account) => account.value(column),
            Self::Child(child) => child.value(column),
        }
    }
}

/// What a cell is worth to a sum.
#[derive(Clone, Copy)]
enum Addend {
    Exact(i128),
    OutOfRange,
}

struct Question<'q> {
    ask: &'q OracleRollUp,
    view: &'q View,
    rates: Option<&'q dyn Rates>,
}

impl<'q> Question<'q> {
    // The rows of an account that give the operator something, after the cancelled rule and the filters.
    fn own_rows<'v>(&self, account: Account<'v>) -> Vec<Row<'v>> {
        let status = account.value("status");
        let group = status.and_then(|status| self.view.schema().status_group(status.as_text()?));
        if group == Some(StatusGroup::Cancelled) && !self.ask.with_cancelled {
            return Vec::new();
        }
        let rows: Vec<Row<'v>> = match &self.ask.table {
            None => vec![Row::Account(account)],
            Some(table) => account.child_rows(table).map(Row::Child).collect(),
        };
        rows.into_iter().filter(|row| self.passes(row) && self.gives(row)).collect()
    }

    fn attribute(&self, column: &str) -> Option<&'q Attribute> {
        let schema = self.view.schema();
        match &self.ask.table {
            None => schema.attribute_at(schema.attribute(column)?),
            Some(table) => {
                let table = schema.table_at(schema.table(table)?)?;
                table.column_at(table.column_id(column)?)
            }
        }
    }

    fn passes(&self, row: &Row<'_>) -> bool {
        self.ask.filters.iter().all(|(column, values)| {
            let structural = match row {
                Row::Account(account) if column == "account_type" => Some(Some(account.account_type())),
                Row::Account(account) if column == "product" => Some(account.product()),
                _ => None,
            };
            if let Some(text) = structural {
                return values.iter().any(|value| text.is_some() && value.as_text() == text);
            }
            let folded = self.attribute(column).is_some_and(|a| a.case_rule() == CaseRule::Folded);
            row.value(column).is_some_and(|cell| values.iter().any(|value| equal(&cell, value, folded)))
        })
    }

    // Whether the row has what the operator reads.
    fn gives(&self, row: &Row<'_>) -> bool {
        use OracleOperator as Op;
        match &self.ask.operator {
            Op::Count => true,
            Op::CountOf(column) | Op::Min(column) | Op::Max(column) | Op::Distribution(column) => {
                row.value(column).is_some()
            }
            Op::Sum(column) | Op::Average(column) => self.addend(row, column).is_some(),
            Op::Ratio(above, below) => self.addend(row, above).is_some() && self.addend(row, below).is_some(),
            Op::First { column, by } | Op::Last { column, by } => {
                row.value(column).is_some() && row.value(by).is_some()
            }
        }
    }

    // The values of the rows of one date, in order.
    fn of_day(&self, rows: &[Row<'_>], day: Option<i64>, by: &str, column: &str) -> Vec<Value> {
        let of_day = rows.iter().filter(|row| Some(moment(row, by)) == day);
        let mut values: Vec<Value> = of_day.filter_map(|row| row.value(column)).collect();
        let declared: Vec<Arc<str>> = self
            .attribute(column)
            .and_then(|attribute| attribute.kind().values())
            .map_or_else(Vec::new, |values| values.iter().map(Arc::clone).collect());
        let place = |text: &str| declared.iter().position(|own| **own == *text);
        values.sort_by(|a, b| match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Enum(a), Value::Enum(b)) => place(a).cmp(&place(b)),
            (Value::List(a), Value::List(b)) => a.cmp(b),
            (a, b) => order(a, b),
        });
        values
    }

    fn combine(&self, rows: &[Row<'_>]) -> Option<FoldValue> {
        use OracleOperator as Op;
        let count = u64::try_from(rows.len()).ok()?;
        match &self.ask.operator {
            Op::Count | Op::CountOf(_) => Some(FoldValue::Count(count)),
            Op::Sum(column) => {
                let sum = self.sum(rows, column)?;
                Some(match (self.attribute(column)?.kind(), self.ask.convert.as_ref()) {
                    (AttributeType::Int, _) => FoldValue::Int(sum),
                    (AttributeType::Decimal { scale }, _) => FoldValue::Decimal(Decimal::new(sum, *scale)),
                    (AttributeType::Duration, _) => FoldValue::DurationMicros(sum),
                    (AttributeType::Double, _) => FoldValue::Double(nearest(sum)),
                    (_, Some((currency, _))) => {
                        FoldValue::DerivedMoney { nano_minor: sum, currency: *currency }
                    }
                    (_, None) => FoldValue::Money(Money::from_minor(sum, currency_of(rows, column)?)),
                })
            }
            Op::Average(column) => {
                let sum = self.sum(rows, column)?;
                let divisor = i128::from(count);
                Some(match (self.attribute(column)?.kind(), self.ask.convert.as_ref()) {
                    (AttributeType::Money(_) | AttributeType::MixedMoney { .. }, Some((currency, _))) => {
                        FoldValue::DerivedMoney { nano_minor: half_even(sum, divisor)?, currency: *currency }
                    }
                    (AttributeType::Money(_) | AttributeType::MixedMoney { .. }, None) => {
                        let nano_minor = half_even(sum.checked_mul(1_000_000_000)?, divisor)?;
                        FoldValue::DerivedMoney { nano_minor, currency: currency_of(rows, column)? }
                    }
                    _ => FoldValue::Double(self.real(rows, column, sum)? / real(divisor)),
                })
            }
            Op::Ratio(above, below) => {
                let (a, b) = (self.sum(rows, above)?, self.sum(rows, below)?);
                if b == 0 {
                    return None;
                }
                // A quotient of 0 has no sign.
                let quotient =
                    if a == 0 { 0.0 } else { self.real(rows, above, a)? / self.real(rows, below, b)? };
                quotient.is_finite().then_some(FoldValue::Double(quotient))
            }
            Op::Min(column) => {
                let values = rows.iter().filter_map(|row| row.value(column));
                values.min_by(order).map(FoldValue::Value)
            }
            Op::Max(column) => {
                let values = rows.iter().filter_map(|row| row.value(column));
                values.max_by(order).map(FoldValue::Value)
            }
            Op::First { column, by } => {
                let earliest = rows.iter().map(|row| moment(row, by)).min();
                self.of_day(rows, earliest, by, column).into_iter().next().map(FoldValue::Value)
            }
            Op::Last { column, by } => {
                let latest = rows.iter().map(|row| moment(row, by)).max();
                self.of_day(rows, latest, by, column).pop().map(FoldValue::Value)
            }
            Op::Distribution(column) => {
                let texts: Vec<String> =
                    rows.iter().filter_map(|row| row.value(column)).map(|value| value.to_string()).collect();
                let known: Vec<Arc<str>> = match self.attribute(column)?.kind().values() {
                    Some(values) => values.iter().map(Arc::clone).collect(),
                    None => vec![Arc::from("false"), Arc::from("true")],
                };
                let mut counts = Vec::new();
                for value in known {
                    let times = texts.iter().filter(|text| **text == *value).count();
                    if times > 0 {
                        counts.push((value, u64::try_from(times).ok()?));
                    }
                }
                Some(FoldValue::Distribution(counts))
            }
        }
    }

    // The exact sum, or none: of nothing, with an addend out of range, or out of range itself.
    fn sum(&self, rows: &[Row<'_>], column: &str) -> Option<i128> {
        if rows.is_empty() {
            return None;
        }
        let (mut high, mut low) = (0_i128, 0_i128);
        for row in rows {
            match self.addend(row, column)? {
                Addend::OutOfRange => return None,
                Addend::Exact(value) => {
                    high += value.div_euclid(1 << 64);
                    low += value.rem_euclid(1 << 64);
                }
            }
        }
        high += low.div_euclid(1 << 64);
        high.checked_mul(1 << 64)?.checked_add(low.rem_euclid(1 << 64))
    }

    // A cell in the unit of its column; `None` when it is missing or has no rate.
    fn addend(&self, row: &Row<'_>, column: &str) -> Option<Addend> {
        let kind = self.attribute(column)?.kind();
        match row.value(column)? {
            Value::Int(value) => Some(Addend::Exact(i128::from(value))),
            Value::Decimal(value) => match kind {
                AttributeType::Decimal { scale } => value.rescaled(*scale).map(|v| Addend::Exact(v.units())),
                _ => None,
            },
            Value::Duration(value) => Some(Addend::Exact(i128::from(value.micros()))),
            Value::Double(value) => Some(quanta(value).map_or(Addend::OutOfRange, Addend::Exact)),
            Value::Money(money) => match &self.ask.convert {
                None => Some(Addend::Exact(money.minor())),
                Some((to, date)) => {
                    let on = match date {
                        None => self.view.as_of().date(),
                        Some(column) => match row.value(column)? {
                            Value::Date(date) => date,
                            _ => return None,
                        },
                    };
                    let rate = self.rate(money.currency(), *to, on)?;
                    Some(converted(money, rate, *to).map_or(Addend::OutOfRange, Addend::Exact))
                }
            },
            _ => None,
        }
    }

    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        if from == to { Some(Decimal::new(1, 0)) } else { self.rates?.rate(from, to, on) }
    }

    // A sum as a double; money in major units, durations in seconds.
    fn real(&self, rows: &[Row<'_>], column: &str, sum: i128) -> Option<f64> {
        Some(match (self.attribute(column)?.kind(), self.ask.convert.as_ref()) {
            (AttributeType::Int, _) => real(sum),
            (AttributeType::Decimal { scale }, _) => double_of(sum, *scale),
            (AttributeType::Duration, _) => double_of(sum, 6),
            (AttributeType::Double, _) => nearest(sum),
            (_, Some((currency, _))) => double_of(sum, 9 + currency.exponent()),
            (_, None) => double_of(sum, currency_of(rows, column)?.exponent()),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "nearest double is what is asked for")]
fn real(number: i128) -> f64 {
    number as f64
}

fn nearest(quanta: i128) -> f64 {
    real(quanta) * 2_f64.powi(-64)
}

// The currency of a money column whose rows are all of one.
fn currency_of(rows: &[Row<'_>], column: &str) -> Option<Currency> {
    rows.iter().find_map(|row| row.value(column)?.as_money()).map(|money| money.currency())
}

fn moment(row: &Row<'_>, by: &str) -> i64 {
    match row.value(by) {
        Some(Value::Date(date)) => i64::from(date.days()),
        Some(Value::Timestamp(instant)) => instant.micros(),
        _ => 0,
    }
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::Money(a), Value::Money(b)) => a.minor().cmp(&b.minor()),
        (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (Value::Band { rank: a, .. }, Value::Band { rank: b, .. }) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

// Whether a cell is a value of a filter, on the number line and under the case rule.
fn equal(cell: &Value, wanted: &Value, folded: bool) -> bool {
    match (cell, wanted) {
        (Value::Decimal(a), Value::Int(b)) => *a == Decimal::new(i128::from(*b), 0),
        (Value::Double(a), Value::Int(b)) => a.total_cmp(&real(i128::from(*b))).is_eq(),
        (Value::Double(a), Value::Decimal(b)) => a.total_cmp(&b.to_f64()).is_eq(),
        (Value::Double(a), Value::Double(b)) => (a - b).abs() <= 0.0,
        _ => match (cell.as_text(), wanted.as_text()) {
            (Some(a), Some(b)) if folded => a.eq_ignore_ascii_case(b),
            (Some(a), Some(b)) => a == b,
            _ => cell == wanted,
        },
    }
}

// A double as a whole number of 2^-64, half to even; `None` beyond ±2^52.
fn quanta(value: f64) -> Option<i128> {
    if value.abs() > 2_f64.powi(52) {
        return None;
    }
    let bits = value.to_bits();
    let (negative, field) = (bits >> 63 == 1, (bits >> 52) & 0x7ff);
    let fraction = i128::from(bits & ((1 << 52) - 1));
    // value = mantissa × 2^exponent
    let (mantissa, exponent) = match i32::try_from(field).ok()? {
        0 => (fraction, -1_074),
        field => (fraction + (1 << 52), field - 1_075),
    };
    let shift = exponent + 64;
    let magnitude = if shift >= 0 {
        mantissa << shift
    } else if shift < -60 {
        0
    } else {
        half_even(mantissa, 1 << -shift)?
    };
    Some(if negative { -magnitude } else { magnitude })
}

// The quotient rounded to a whole number, half to even; judged on magnitudes. The divisor is above zero.
fn half_even(dividend: i128, divisor: i128) -> Option<i128> {
    let (size, by) = (dividend.unsigned_abs(), u128::try_from(divisor).ok()?);
    let (down, rest) = (size.checked_div(by)?, size.checked_rem(by)?);
    let rounded = if rest > by - rest || (rest == by - rest && down % 2 == 1) { down + 1 } else { down };
    let magnitude = i128::try_from(rounded).ok()?;
    Some(if dividend < 0 { -magnitude } else { magnitude })
}

// 10^-9 minor units of another currency, half to even; `None` when they do not fit.
fn converted(money: Money, rate: Decimal, to: Currency) -> Option<i128> {
    let product = money.minor().checked_mul(rate.units())?;
    let (up, down) =
        (9 + u32::from(to.exponent()), u32::from(money.currency().exponent()) + u32::from(rate.scale()));
    let common = up.min(down);
    half_even(product.checked_mul(10_i128.checked_pow(up - common)?)?, 10_i128.checked_pow(down - common)?)
}
