//! Does an operator fit what it reads, and of what type is its answer?

use std::sync::Arc;

use super::definition::{MAX_RANKED, Operator};
use super::state::Read;
use crate::expr::{Cell, Mean, Summed, Type};
use crate::fold::MAX_DISTRIBUTION;
use crate::model::EnumValues;

/// An operator with the types of what it reads.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::aggregate) enum Spec {
    Count,
    Sum {
        summed: Summed,
        of_nothing: bool,
    },
    Average {
        summed: Summed,
        mean: Mean,
    },
    Ratio {
        above: Number,
        below: Number,
        money_digits: Option<u8>,
    },
    Variance {
        number: Number,
        sample: bool,
        root: bool,
    },
    Extreme {
        least: bool,
    },
    Rank {
        k: usize,
        least: bool,
    },
    Dated {
        first: bool,
        /// A row without a value decides as any other.
        respects: bool,
    },
    Distinct,
    Top {
        k: usize,
        list: bool,
    },
    Percentile {
        hundredths: u16,
    },
    Histogram {
        hundredths: u16,
        number: Number,
    },
    Union,
    /// With the counts of nothing, which accounts without rows share.
    Counts {
        zeros: Arc<[Cell]>,
    },
    Share {
        value: Cell,
    },
}

/// How a number reads as a double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aggregate) struct Number {
    pub(in crate::aggregate) summed: Summed,
    pub(in crate::aggregate) scale: u8,
}

impl Number {
    fn of(kind: &Type) -> Option<Self> {
        Some(match kind {
            Type::Int => Self { summed: Summed::Int, scale: 0 },
            // In seconds.
            Type::Duration => Self { summed: Summed::Duration, scale: 6 },
            Type::Decimal { scale } | Type::Money { scale, .. } => {
                Self { summed: Summed::Wide, scale: *scale }
            }
            Type::Double => Self { summed: Summed::Double, scale: 0 },
            _ => return None,
        })
    }
}

impl Spec {
    /// Does a row count: has it what the operator reads?
    pub(super) fn counts(&self, row: &Read<'_>) -> bool {
        match self {
            Self::Dated { respects: true, .. } => {
                !row.is_unrated() && row.second.as_ref().is_some_and(|date| !date.is_missing())
            }
            _ => row.has_values(),
        }
    }

    /// The same operator, for which a row without a value decides; `None` for operators without an order of rows.
    pub(super) fn respecting(self) -> Option<Self> {
        match self {
            Self::Dated { first, .. } => Some(Self::Dated { first, respects: true }),
            _ => None,
        }
    }

    /// The operator over values of some types, and the type of its answer; or why it does not fit.
    #[expect(clippy::too_many_lines, reason = "one arm for each operator")]
    pub(super) fn of(
        operator: &Operator,
        of: Option<&Type>,
        second: Option<&Type>,
        over_events: bool,
    ) -> Result<(Self, Type), String> {
        let refuse = |kind: &Type| format!("there is no {} of {kind}", operator.word());
        let of = of.unwrap_or(&Type::Bool);
        let second = second.unwrap_or(&Type::Bool);
        if matches!(of, Type::MixedMoney) || matches!(second, Type::MixedMoney) {
            return Err(
                "these amounts are of several currencies; filter their currency to one, or convert them"
                    .to_owned(),
            );
        }
        let rank = |k: u32| match k {
            1..=MAX_RANKED => usize::try_from(k).map_err(|_| String::new()),
            _ => Err(format!("{k} is no place from 1 to {MAX_RANKED}")),
        };
        let share = |hundredths: u16| match hundredths {
            1..=10_000 => Ok(hundredths),
            _ => Err(format!("{hundredths} hundredths of a percent is no share above 0 and up to 10000")),
        };
        let ordered = || if of.is_ordered() { Ok(()) } else { Err(refuse(of)) };
        let scalar = || if of.is_scalar() { Ok(()) } else { Err(refuse(of)) };
        Ok(match operator {
            Operator::Count => (Self::Count, Type::Int),
            Operator::Sum(_) => {
                let summed = Summed::of(of).ok_or_else(|| refuse(of))?;
                (Self::Sum { summed, of_nothing: over_events }, of.clone())
            }
            Operator::Average(_) => {
                let (mean, kind) = Mean::of(of).ok_or_else(|| refuse(of))?;
                let summed = Summed::of(of).ok_or_else(|| refuse(of))?;
                (Self::Average { summed, mean }, kind)
            }
            Operator::Ratio { .. } => {
                let above = Number::of(of).ok_or_else(|| refuse(of))?;
                let below = Number::of(second).ok_or_else(|| refuse(second))?;
                match (of, second) {
                    (Type::Money { currency: a, .. }, Type::Money { currency: b, .. }) if a != b => {
                        return Err(format!("{a} cannot be divided by {b}"));
                    }
                    (Type::Money { .. }, Type::Money { .. }) => {}
                    (a, b) if a.is_money() || b.is_money() => {
                        return Err(format!("{a} by {b} is no ratio; a weighted average may be meant"));
                    }
                    _ => {}
                }
                (Self::Ratio { above, below, money_digits: None }, Type::Double)
            }
            Operator::WeightedAverage { .. } => {
                let above = Number::of(of).ok_or_else(|| refuse(of))?;
                let below =
                    Number::of(second).filter(|_| second.is_number()).ok_or_else(|| refuse(second))?;
                match Mean::of(of) {
                    Some((Mean::Money { digits }, kind)) => {
                        (Self::Ratio { above, below, money_digits: Some(digits) }, kind)
                    }
                    Some((Mean::Double { .. }, _)) => {
                        (Self::Ratio { above, below, money_digits: None }, Type::Double)
                    }
                    Some((Mean::Duration, _)) | None => return Err(refuse(of)),
                }
            }
            Operator::Variance { sample, .. } | Operator::StandardDeviation { sample, .. } => {
                let number = Number::of(of).filter(|_| of.is_number()).ok_or_else(|| refuse(of))?;
                let root = matches!(operator, Operator::StandardDeviation { .. });
                (Self::Variance { number, sample: *sample, root }, Type::Double)
            }
            Operator::Min(_) | Operator::Max(_) => {
                ordered()?;
                (Self::Extreme { least: matches!(operator, Operator::Min(_)) }, of.clone())
            }
            Operator::Smallest { k, .. } | Operator::Largest { k, .. } => {
                ordered()?;
                let least = matches!(operator, Operator::Smallest { .. });
                (Self::Rank { k: rank(*k)?, least }, of.clone())
            }
            Operator::First { .. } | Operator::Last { .. } => {
                scalar()?;
                if !second.is_ordered() {
                    return Err(format!("{second} has no order to be first or last by"));
                }
                let first = matches!(operator, Operator::First { .. });
                (Self::Dated { first, respects: false }, of.clone())
            }
            Operator::Distinct(_) => {
                scalar()?;
                (Self::Distinct, Type::Int)
            }
            Operator::Mode(_) => {
                scalar()?;
                (Self::Top { k: 1, list: false }, of.clone())
            }
            Operator::Top { k, .. } => {
                scalar()?;
                (Self::Top { k: rank(*k)?, list: true }, Type::list(of.clone()))
            }
            Operator::Percentile { hundredths, .. } => {
                ordered()?;
                (Self::Percentile { hundredths: share(*hundredths)? }, of.clone())
            }
            Operator::ApproximatePercentile { hundredths, .. } => {
                let number = Number::of(of).filter(|_| of.is_number()).ok_or_else(|| refuse(of))?;
                (Self::Histogram { hundredths: share(*hundredths)?, number }, Type::Double)
            }
            Operator::Union(_) => match of {
                Type::Text => (Self::Union, Type::list(Type::Text)),
                Type::List(items) if **items == Type::Text => (Self::Union, of.clone()),
                other => return Err(refuse(other)),
            },
            Operator::Distribution(_) => {
                let values = match of {
                    Type::Bool => EnumValues::new(["false", "true"]),
                    Type::Enum(values) | Type::Band(values) => values.clone(),
                    other => return Err(refuse(other)),
                };
                if values.len() > MAX_DISTRIBUTION {
                    let many = values.len();
                    return Err(format!("{many} values; a distribution counts at most {MAX_DISTRIBUTION}"));
                }
                (Self::Counts { zeros: vec![Cell::Int(0); values.len()].into() }, Type::Counts(values))
            }
            Operator::Share { value, .. } => {
                let cell = match of {
                    Type::Text => Cell::Text(Arc::clone(value)),
                    Type::Enum(values) | Type::Band(values) => match values.code(value) {
                        Some(code) => Cell::Int(i64::from(code)),
                        None => {
                            let hint = crate::model::hint(value, values.iter().map(|text| &**text));
                            return Err(format!("`{value}` is not an allowed value{hint}"));
                        }
                    },
                    other => return Err(refuse(other)),
                };
                (Self::Share { value: cell }, Type::Double)
            }
        })
    }
}
