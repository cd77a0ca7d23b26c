//! Which of two values is the greater, and how is a value written for developers?

use std::cmp::Ordering;
use std::fmt;

use super::value::ExprValue;

impl PartialOrd for ExprValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Int(b)) => a.partial_cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.partial_cmp(b),
            (Self::Money(a, of), Self::Money(b, other)) if of == other => a.partial_cmp(b),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.partial_cmp(b),
            (Self::Date(a), Self::Date(b)) => a.partial_cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.partial_cmp(b),
            (Self::Duration(a), Self::Duration(b)) => a.partial_cmp(b),
            (Self::List(a), Self::List(b)) => a.partial_cmp(b),
            (Self::Record(a), Self::Record(b)) => a.partial_cmp(b),
            _ => None,
        }
    }
}

impl ExprValue {
    /// An order of all values, to sort what is not of one kind: by kind, in the order in which the kinds are declared; amounts by
    /// their currency codes, then by size; else as [`PartialOrd`]. Doubles are compared as by [`f64::total_cmp`].
    ///
    /// An `Option` of a value has no such method; `sort_by` of those without a value last, as queries do it:
    ///
    /// ```
    /// use perennial::expr::ExprValue;
    /// use perennial::{Currency, Decimal};
    ///
    /// let usd = |minor| ExprValue::Money(Decimal::new(minor, 2), Currency::USD);
    /// assert!(usd(1_999) < usd(2_000));
    /// assert_eq!(usd(1).partial_cmp(&ExprValue::Int(1)), None);
    ///
    /// let mut values = [None, Some(usd(2_000)), Some(ExprValue::Int(30)), Some(usd(1_999))];
    /// values.sort_by(|a, b| match (a, b) {
    ///     (Some(a), Some(b)) => a.total_cmp(b),
    ///     (a, b) => a.is_none().cmp(&b.is_none()),
    /// });
    /// assert_eq!(values, [Some(ExprValue::Int(30)), Some(usd(1_999)), Some(usd(2_000)), None]);
    /// ```
    #[must_use]
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Double(a), Self::Double(b)) => a.total_cmp(b),
            (Self::Money(a, of), Self::Money(b, other)) => of.code().cmp(other.code()).then_with(|| a.cmp(b)),
            (Self::List(a), Self::List(b)) => {
                first_difference(a.len(), b.len(), a.iter().zip(b.iter()).map(|(a, b)| a.total_cmp(b)))
            }
            (Self::Record(a), Self::Record(b)) => {
                let fields = a.iter().zip(b.iter());
                let fields =
                    fields.map(|((name, a), (other, b))| name.cmp(other).then_with(|| a.total_cmp(b)));
                first_difference(a.len(), b.len(), fields)
            }
            _ => self.partial_cmp(other).unwrap_or_else(|| self.kind_number().cmp(&other.kind_number())),
        }
    }

    const fn kind_number(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) => 1,
            Self::Decimal(_) => 2,
            Self::Money(..) => 3,
            Self::Double(_) => 4,
            Self::Text(_) => 5,
            Self::Date(_) => 6,
            Self::Timestamp(_) => 7,
            Self::Duration(_) => 8,
            Self::List(_) => 9,
            Self::Record(_) => 10,
        }
    }
}

/// The order of two sequences: that of the first items that differ, else the shorter one comes first.
fn first_difference(a: usize, b: usize, mut items: impl Iterator<Item = Ordering>) -> Ordering {
    items.find(|order| order.is_ne()).unwrap_or_else(|| a.cmp(&b))
}

/// The kind, and the value as it is written: `Money(614220.00 USD)`.
impl fmt::Debug for ExprValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "Bool({value})"),
            Self::Int(value) => write!(f, "Int({value})"),
            Self::Decimal(value) => write!(f, "Decimal({value})"),
            Self::Money(amount, currency) => write!(f, "Money({amount} {currency})"),
            Self::Double(value) => write!(f, "Double({value:?})"),
            Self::Text(text) => write!(f, "Text({text:?})"),
            Self::Date(day) => write!(f, "Date({day})"),
            Self::Timestamp(instant) => write!(f, "Timestamp({instant})"),
            Self::Duration(duration) => write!(f, "Duration({duration})"),
            Self::List(items) => f.debug_list().entries(items.iter()).finish(),
            Self::Record(fields) => {
                f.debug_map().entries(fields.iter().map(|(name, value)| (name, value))).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Currency, Date, Decimal, Duration, Timestamp};

    fn money(minor: i128, currency: Currency) -> ExprValue {
        ExprValue::Money(Decimal::new(minor, 2), currency)
    }

    /// Values in their total order, each kind twice or more.
    fn ascending() -> Vec<ExprValue> {
        let record = |value| ExprValue::Record([("a".into(), ExprValue::Int(1)), ("b".into(), value)].into());
        vec![
            ExprValue::Bool(false),
            ExprValue::Bool(true),
            ExprValue::Int(-3),
            ExprValue::Int(20),
            ExprValue::Decimal(Decimal::new(15, 1)),
            ExprValue::Decimal(Decimal::new(1_501, 3)),
            money(9_000, Currency::EUR),
            money(100, Currency::USD),
            money(200, Currency::USD),
            ExprValue::Double(-0.5),
            ExprValue::Double(1e9),
            ExprValue::Text("B".into()),
            ExprValue::Text("a".into()),
            ExprValue::Date(Date::from_days(1).unwrap()),
            ExprValue::Date(Date::from_days(2).unwrap()),
            ExprValue::Timestamp(Timestamp::from_micros(1).unwrap()),
            ExprValue::Timestamp(Timestamp::from_micros(2).unwrap()),
            ExprValue::Duration(Duration::from_micros(1)),
            ExprValue::Duration(Duration::from_micros(2)),
            ExprValue::List([].into()),
            ExprValue::List([ExprValue::Int(1)].into()),
            ExprValue::List([ExprValue::Int(1), ExprValue::Int(0)].into()),
            ExprValue::List([ExprValue::Int(2)].into()),
            record(ExprValue::Double(0.25)),
            record(ExprValue::Double(0.5)),
        ]
    }

    #[test]
    fn all_values_are_ordered_and_those_of_one_kind_comparable() {
        let values = ascending();
        for (place, value) in values.iter().enumerate() {
            for (other_place, other) in values.iter().enumerate() {
                let order = place.cmp(&other_place);
                assert_eq!(value.total_cmp(other), order, "{value:?} and {other:?}");
                let is_one_currency =
                    !matches!((value, other), (ExprValue::Money(_, a), ExprValue::Money(_, b)) if a != b);
                let is_comparable = value.kind_number() == other.kind_number() && is_one_currency;
                assert_eq!(
                    value.partial_cmp(other),
                    is_comparable.then_some(order),
                    "{value:?} and {other:?}"
                );
            }
        }
    }

    #[test]
    fn equal_numbers_of_other_digits_are_equal() {
        let (short, long) =
            (ExprValue::Decimal(Decimal::new(15, 1)), ExprValue::Decimal(Decimal::new(150, 2)));
        assert_eq!((short == long, short.total_cmp(&long)), (true, Ordering::Equal));
        assert_eq!(ExprValue::Double(f64::NAN).partial_cmp(&ExprValue::Double(0.0)), None);
        assert_eq!(ExprValue::Double(f64::NAN).total_cmp(&ExprValue::Double(0.0)), Ordering::Greater);
    }

    #[test]
    fn debug_is_readable() {
        let record = ExprValue::Record([("won".into(), money(61_422_000, Currency::USD))].into());
        let list =
            ExprValue::List([record, ExprValue::Text("a \"b\"".into()), ExprValue::Double(3.0)].into());
        assert_eq!(
            format!("{list:?}"),
            "[{\"won\": Money(614220.00 USD)}, Text(\"a \\\"b\\\"\"), Double(3.0)]"
        );
        let day = ExprValue::Date(Date::from_days(20_484).unwrap());
        assert_eq!(
            format!("{:?}", [Some(day), Some(ExprValue::Int(-3)), None]),
            "[Some(Date(2026-01-31)), Some(Int(-3)), None]"
        );
    }

    #[test]
    fn large_numbers_are_grouped_where_they_are_written_for_people() {
        let amount = money(1_610_618_200, Currency::USD);
        let record = ExprValue::Record(
            [("won".into(), amount.clone()), ("rows".into(), ExprValue::Int(10_000))].into(),
        );
        let list = ExprValue::List([record.clone(), ExprValue::Double(0.25), ExprValue::Int(2_002)].into());
        assert_eq!(format!("{list:#}"), "won: 16,106,182.00 USD, rows: 10,000, 0.25, 2002");
        assert_eq!(record.to_string(), "won: 16106182.00 USD, rows: 10000");
        assert_eq!(amount.as_f64(), Some(16_106_182.0));
        // Digits below the cent are left out where they are zeros, and nothing is rounded.
        let converted = |units| ExprValue::Money(Decimal::new(units, 5), Currency::EUR);
        assert_eq!(format!("{:#}", converted(123_456_000)), "1,234.56 EUR");
        assert_eq!(format!("{:#}", converted(123_456_700)), "1,234.56700 EUR");
        assert_eq!(converted(123_456_000).to_string(), "1234.56000 EUR");
    }
}
