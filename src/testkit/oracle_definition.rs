//! What does an administrator's roll-up come to, computed the slow and obvious way?
//!
//! For one account: every visible account is asked whether it stands within reach, its rows are gathered in a list, and the
//! operator is worked out of the list. Sorted copies, no states, nothing handed upwards. Rulings S83 to S87.

#![expect(clippy::cast_precision_loss, reason = "numbers of tests are small")]

use std::cmp::Ordering;

use super::number::{Number, double_of, half_even, of_quanta, quanta_of};
use super::oracle_expr::gone;
use crate::aggregate::{Nulls, Operator};
use crate::expr::ExprValue;
use crate::{Account, Decimal, Duration, Reach, Value, View};

/// A row: the value that is read, and the second one.
pub type OracleRow = (Option<ExprValue>, Option<ExprValue>);

/// What an operator comes to over rows, with how many had a value, and how many had none.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct OracleAnswer {
    pub value: Option<ExprValue>,
    pub counted: u64,
    pub skipped: u64,
    /// Those of the latter that have an amount whose rate is not known.
    pub unrated: u64,
}

/// A roll-up over columns, with every field open. The rows are given by the test.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names of the definition")]
pub struct OracleDefinition {
    pub operator: Operator,
    pub reach: Reach,
    pub nulls: Nulls,
    pub with_cancelled: bool,
}

impl OracleDefinition {
    /// The answer for an account. `rows` gives the rows of one account that pass the filter.
    #[must_use]
    pub fn evaluate<'v>(
        &self,
        view: &'v View,
        account: Account<'v>,
        rows: &dyn Fn(Account<'v>) -> Vec<OracleRow>,
    ) -> OracleAnswer {
        self.evaluate_rated(view, account, &|account| {
            rows(account).into_iter().map(|row| (row, true)).collect()
        })
    }

    /// The same; of each row it is said whether its rates are known.
    #[must_use]
    pub fn evaluate_rated<'v>(
        &self,
        view: &'v View,
        account: Account<'v>,
        rows: &dyn Fn(Account<'v>) -> Vec<(OracleRow, bool)>,
    ) -> OracleAnswer {
        let own = |account: Account<'v>| -> Vec<(OracleRow, bool)> {
            let gone = !self.with_cancelled && gone(&account);
            if gone { Vec::new() } else { rows(account) }
        };
        let speaks = |account: Account<'v>| {
            own(account).iter().any(|(row, is_rated)| !is_rated || self.has_values(row))
        };
        let mut gathered = Vec::new();
        for other in view.accounts() {
            let way: Vec<Account<'v>> = other.lineage().collect();
            let Some(steps) = way.iter().position(|above| *above == account) else { continue };
            let within = match self.reach {
                Reach::SelfOnly => steps == 0,
                Reach::Descendants => steps > 0,
                Reach::SelfAndDescendants => true,
                Reach::PreferSelf => {
                    let above = way.get(1..=steps).unwrap_or_default();
                    speaks(other) && !above.iter().any(|above| speaks(*above))
                }
            };
            if within {
                gathered.extend(own(other));
            }
        }
        let unrated = gathered.iter().filter(|(_, is_rated)| !is_rated).count() as u64;
        let rated = gathered.into_iter().filter(|(_, is_rated)| *is_rated);
        let rows: Vec<OracleRow> = rated.map(|(row, _)| row).collect();
        let answer = self.of_rows(&rows);
        let (value, skipped) = (answer.value.filter(|_| unrated == 0), answer.skipped + unrated);
        OracleAnswer { value, skipped, unrated, ..answer }
    }

    fn has_values(&self, row: &OracleRow) -> bool {
        let two = matches!(
            self.operator,
            Operator::Ratio { .. }
                | Operator::WeightedAverage { .. }
                | Operator::First { .. }
                | Operator::Last { .. }
        );
        let (value, date) = (row.0.is_some(), row.1.is_some());
        if self.nulls == Nulls::Respect && self.is_dated() {
            return date;
        }
        self.operator == Operator::Count || value && (!two || date)
    }

    const fn is_dated(&self) -> bool {
        matches!(self.operator, Operator::First { .. } | Operator::Last { .. })
    }

    /// The answer over rows.
    #[must_use]
    pub fn of_rows(&self, rows: &[OracleRow]) -> OracleAnswer {
        let with: Vec<&OracleRow> = rows.iter().filter(|row| self.has_values(row)).collect();
        let (counted, skipped) = (with.len() as u64, (rows.len() - with.len()) as u64);
        let refused = self.nulls == Nulls::Refuse && skipped > 0;
        let value = if refused && self.operator != Operator::Count { None } else { self.value(&with) };
        OracleAnswer { value, counted, skipped, unrated: 0 }
    }

    /// The value of the first or the last date. There may be none, where rows without a value are among those that count.
    fn dated(&self, rows: &[&OracleRow]) -> Option<ExprValue> {
        let first = matches!(self.operator, Operator::First { .. });
        let mut dates: Vec<ExprValue> = rows.iter().filter_map(|row| row.1.clone()).collect();
        dates.sort_by(compare);
        let date = if first { dates.into_iter().next()? } else { dates.pop()? };
        let decide = rows.iter().filter(|row| row.1.as_ref() == Some(&date));
        let mut values: Vec<ExprValue> = decide.filter_map(|row| row.0.clone()).collect();
        values.sort_by(compare);
        if first { values.into_iter().next() } else { values.pop() }
    }

    fn value(&self, rows: &[&OracleRow]) -> Option<ExprValue> {
        let firsts = || rows.iter().filter_map(|row| row.0.clone());
        let mut sorted: Vec<ExprValue> = firsts().collect();
        sorted.sort_by(compare);
        let count = rows.len();
        Some(match &self.operator {
            Operator::Count => ExprValue::Int(i64::try_from(count).ok()?),
            Operator::Distinct(_) => {
                sorted.dedup();
                ExprValue::Int(i64::try_from(sorted.len()).ok()?)
            }
            Operator::Distribution(_) => counted(firsts()),
            _ if rows.is_empty() => return None,
            Operator::Sum(_) => rebuilt(total(firsts())?, sorted.first()?)?,
            Operator::Average(_) => match sorted.first()? {
                ExprValue::Money(v, currency) => {
                    let digits = 9 + currency.exponent();
                    let units = total(firsts())? * 10_i128.pow(u32::from(digits - v.scale()));
                    ExprValue::Money(Decimal::new(half_even(units, count as i128)?, digits), *currency)
                }
                ExprValue::Duration(_) => {
                    let micros = half_even(total(firsts())?, count as i128)?;
                    ExprValue::Duration(Duration::from_micros(i64::try_from(micros).ok()?))
                }
                like => ExprValue::Double(double(total(firsts())?, like) / count as f64),
            },
            Operator::Ratio { .. } | Operator::WeightedAverage { .. } => {
                let below = total(rows.iter().filter_map(|row| row.1.clone()))?;
                let second = rows.first()?.1.clone()?;
                if below == 0 {
                    return None;
                }
                match (&self.operator, sorted.first()?) {
                    (Operator::WeightedAverage { .. }, ExprValue::Money(v, currency)) => {
                        let scale = v.scale().max(9 + currency.exponent());
                        let below = written(below, &second);
                        let units = Number::of(total(firsts())?, v.scale()).divided(&below, scale.into())?;
                        ExprValue::Money(Decimal::new(units, scale), *currency)
                    }
                    (_, like) => {
                        // A quotient of 0 has no sign.
                        let above = total(firsts())?;
                        let quotient = double(above, like) / double(below, &second);
                        ExprValue::Double(if above == 0 { 0.0 } else { quotient })
                    }
                }
            }
            Operator::Variance { sample, .. } | Operator::StandardDeviation { sample, .. } => {
                let like = sorted.first()?;
                let units: Vec<i128> = sorted.iter().map(units).collect();
                let (n, sum) = (count as i128, units.iter().sum::<i128>());
                if *sample && n < 2 {
                    return None;
                }
                let divisor = n - i128::from(*sample);
                let variance = match like {
                    ExprValue::Double(_) => {
                        // Quanta are too fine for squares in 128 bits: about right.
                        let mean = double(sum, like) / n as f64;
                        units.iter().map(|v| (double(*v, like) - mean).powi(2)).sum::<f64>() / divisor as f64
                    }
                    ExprValue::Decimal(v) => quotient(deviations(&units), n * n * divisor, 2 * v.scale()),
                    _ => quotient(deviations(&units), n * n * divisor, 0),
                };
                let root = matches!(self.operator, Operator::StandardDeviation { .. });
                ExprValue::Double(if root { variance.sqrt() } else { variance })
            }
            Operator::Min(_) => sorted.first()?.clone(),
            Operator::Max(_) => sorted.last()?.clone(),
            Operator::Smallest { k, .. } => sorted.get(*k as usize - 1)?.clone(),
            Operator::Largest { k, .. } => sorted.iter().rev().nth(*k as usize - 1)?.clone(),
            Operator::First { .. } | Operator::Last { .. } => self.dated(rows)?,
            Operator::Mode(_) => by_frequency(&sorted).into_iter().next()?,
            Operator::Top { k, .. } => {
                ExprValue::List(by_frequency(&sorted).into_iter().take(*k as usize).collect())
            }
            Operator::Percentile { hundredths, .. } | Operator::ApproximatePercentile { hundredths, .. } => {
                let place = (count * usize::from(*hundredths)).div_ceil(10_000).max(1);
                sorted.get(place - 1)?.clone()
            }
            Operator::Union(_) => {
                let mut texts: Vec<ExprValue> = Vec::new();
                for value in firsts() {
                    match value {
                        ExprValue::List(items) => texts.extend(items.iter().cloned()),
                        text => texts.push(text),
                    }
                }
                texts.sort_by(compare);
                texts.dedup();
                ExprValue::List(texts.into())
            }
            Operator::Share { value, .. } => {
                let hits = firsts().filter(|own| own.to_string() == **value).count();
                ExprValue::Double(hits as f64 / count as f64)
            }
        })
    }
}

/// How often each value comes. Of those that do not come, who knows the type says 0.
fn counted(values: impl Iterator<Item = ExprValue>) -> ExprValue {
    let mut texts: Vec<String> = values.map(|value| value.to_string()).collect();
    texts.sort_unstable();
    let counts = texts.chunk_by(|a, b| a == b).filter_map(|same| {
        Some((same.first()?.as_str().into(), ExprValue::Int(i64::try_from(same.len()).ok()?)))
    });
    ExprValue::Record(counts.collect())
}

/// The squares of what n numbers are away from their mean, each n times as far, added up.
fn deviations(units: &[i128]) -> i128 {
    let (n, sum) = (units.len() as i128, units.iter().sum::<i128>());
    units.iter().map(|v| (n * v - sum) * (n * v - sum)).sum()
}

/// The double nearest to a whole number by another, with so many digits behind the point: written out by long division,
/// and read as a text.
fn quotient(above: i128, below: i128, digits: u8) -> f64 {
    let (mut text, mut rest) = ((above / below).to_string(), above % below);
    let whole = text.len();
    while rest != 0 && text.len() < 60 {
        rest *= 10;
        text.push_str(&(rest / below).to_string());
        rest %= below;
    }
    // What is left is more than nothing.
    if rest != 0 {
        text.push('1');
    }
    let exponent = usize::from(digits) + text.len() - whole;
    format!("{text}e-{exponent}").parse().unwrap_or(f64::NAN)
}

fn by_frequency(sorted: &[ExprValue]) -> Vec<ExprValue> {
    let mut counted: Vec<(usize, ExprValue)> = Vec::new();
    for value in sorted {
        match counted.last_mut().filter(|(_, last)| last == value) {
            Some((count, _)) => *count += 1,
            None => counted.push((1, value.clone())),
        }
    }
    // Stable: of equals, the least first.
    counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    counted.into_iter().map(|(_, value)| value).collect()
}

/// A number in its smallest units; of doubles those of ruling S38.
fn units(value: &ExprValue) -> i128 {
    match value {
        ExprValue::Int(v) => i128::from(*v),
        ExprValue::Decimal(v) | ExprValue::Money(v, _) => v.units(),
        ExprValue::Double(v) => quanta_of(*v).unwrap_or(0),
        ExprValue::Duration(v) => i128::from(v.micros()),
        _ => 0,
    }
}

/// The sum, in two halves that cannot overflow; none where a value or the whole is out of range.
fn total(values: impl Iterator<Item = ExprValue>) -> Option<i128> {
    let (mut high, mut low) = (0_i128, 0_i128);
    for value in values {
        let units = match &value {
            ExprValue::Double(v) => quanta_of(*v)?,
            other => units(other),
        };
        high += units.div_euclid(1 << 64);
        low += units.rem_euclid(1 << 64);
    }
    high += low.div_euclid(1 << 64);
    high.checked_mul(1 << 64)?.checked_add(low.rem_euclid(1 << 64))
}

fn written(units: i128, like: &ExprValue) -> Number {
    match like {
        ExprValue::Decimal(v) | ExprValue::Money(v, _) => Number::of(units, v.scale()),
        ExprValue::Double(_) => of_quanta(units),
        _ => Number::of(units, 0),
    }
}

fn double(units: i128, like: &ExprValue) -> f64 {
    match like {
        ExprValue::Decimal(v) | ExprValue::Money(v, _) => double_of(units, v.scale()),
        ExprValue::Double(_) => of_quanta(units).to_double(),
        ExprValue::Duration(_) => double_of(units, 6),
        _ => double_of(units, 0),
    }
}

fn rebuilt(units: i128, like: &ExprValue) -> Option<ExprValue> {
    Some(match like {
        ExprValue::Decimal(v) => ExprValue::Decimal(Decimal::new(units, v.scale())),
        ExprValue::Money(v, currency) => ExprValue::Money(Decimal::new(units, v.scale()), *currency),
        ExprValue::Double(_) => ExprValue::Double(double(units, like)),
        ExprValue::Duration(_) => {
            // As many nanoseconds as fit 64 bits.
            let micros = i64::try_from(units).ok().filter(|micros| micros.checked_mul(1_000).is_some())?;
            ExprValue::Duration(Duration::from_micros(micros))
        }
        _ => ExprValue::Int(i64::try_from(units).ok()?),
    })
}

pub(super) fn compare(a: &ExprValue, b: &ExprValue) -> Ordering {
    match (a, b) {
        (ExprValue::Bool(a), ExprValue::Bool(b)) => a.cmp(b),
        (ExprValue::Double(a), ExprValue::Double(b)) => a.total_cmp(b),
        (ExprValue::Text(a), ExprValue::Text(b)) => a.cmp(b),
        (ExprValue::Date(a), ExprValue::Date(b)) => a.cmp(b),
        (ExprValue::Timestamp(a), ExprValue::Timestamp(b)) => a.cmp(b),
        (a, b) => units(a).cmp(&units(b)),
    }
}

/// A stored value as an expression gives it.
#[must_use]
pub fn shown(value: &Value) -> ExprValue {
    match value {
        Value::Bool(v) => ExprValue::Bool(*v),
        Value::Int(v) => ExprValue::Int(*v),
        Value::Decimal(v) => ExprValue::Decimal(*v),
        Value::Money(v) => ExprValue::Money(v.major(), v.currency()),
        Value::Double(v) => ExprValue::Double(*v),
        Value::Text(v) | Value::Enum(v) | Value::Band { text: v, .. } => ExprValue::Text(v.clone()),
        Value::Date(v) => ExprValue::Date(*v),
        Value::Timestamp(v) => ExprValue::Timestamp(*v),
        Value::Duration(v) => ExprValue::Duration(*v),
        Value::List(items) => ExprValue::List(items.iter().cloned().map(ExprValue::Text).collect()),
    }
}
