//! How does a host take a value out of an answer?

use std::sync::Arc;

use super::value::ExprValue;
use crate::fold::divide_half_even;
use crate::model::{Date, Decimal, Duration, Money, Timestamp};

/// Each is `None` for a value of another type.
impl ExprValue {
    /// Yes or no.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A whole number, a count among them.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number as a double, for charts and other tools; of an amount its number of currency units (dollars, not cents). Rounded to the nearest
    /// double. `None` where the value is not a number.
    ///
    /// ```
    /// use perennial::expr::ExprValue;
    /// use perennial::{Currency, Decimal};
    ///
    /// let amount = ExprValue::Money(Decimal::new(1_999, 2), Currency::USD);
    /// assert_eq!(amount.to_string(), "19.99 USD");
    /// assert_eq!(amount.as_f64(), Some(19.99));
    /// assert_eq!(ExprValue::Text("19.99".into()).as_f64(), None);
    /// ```
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(crate::model::nearest_double(i128::from(*number), 0)),
            Self::Decimal(number) | Self::Money(number, _) => {
                Some(crate::model::nearest_double(number.units(), number.scale()))
            }
            Self::Double(number) => Some(*number),
            _ => None,
        }
    }

    /// A text, or the value of an enumeration or band.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Money in whole minor units, as a screen shows it. A sum of money is exact; only an amount with smaller units, which was
    /// averaged, converted or multiplied, is rounded here, half to even.
    ///
    /// ```
    /// use perennial::expr::ExprValue;
    /// use perennial::{Currency, Decimal};
    ///
    /// // 0.125 EUR, as a mean of amounts may be.
    /// let mean = ExprValue::Money(Decimal::new(125, 3), Currency::EUR);
    /// assert_eq!(mean.as_money().map(|money| money.to_string()), Some("0.12 EUR".to_owned()));
    /// assert_eq!(mean.to_string(), "0.125 EUR");
    /// assert_eq!(ExprValue::Int(1).as_money(), None);
    /// ```
    #[must_use]
    pub fn as_money(&self) -> Option<Money> {
        let Self::Money(amount, currency) = self else { return None };
        let (digits, wanted) = (amount.scale(), currency.exponent());
        let minor = match amount.rescaled(wanted) {
            Some(amount) => amount.units(),
            None => {
                divide_half_even(amount.units(), 10_i128.checked_pow(u32::from(digits.checked_sub(wanted)?))?)
            }
        };
        Some(Money::from_minor(minor, *currency))
    }

    /// A civil day.
    #[must_use]
    pub const fn as_date(&self) -> Option<Date> {
        match self {
            Self::Date(day) => Some(*day),
            _ => None,
        }
    }

    /// An instant.
    #[must_use]
    pub const fn as_timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::Timestamp(instant) => Some(*instant),
            _ => None,
        }
    }

    /// A length of time.
    #[must_use]
    pub const fn as_duration(&self) -> Option<Duration> {
        match self {
            Self::Duration(time) => Some(*time),
            _ => None,
        }
    }

    /// The values of a list, in order.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The nearest double of a number; of money in major units, of a duration in seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Decimal(number) | Self::Money(number, _) => Some(number.to_f64()),
            Self::Double(number) => Some(*number),
            Self::Duration(time) => Some(Decimal::new(time.micros().into(), 6).to_f64()),
            _ => None,
        }
    }

    /// Named values, in order: how many rows have each value, of a distribution.
    #[must_use]
    pub fn as_record(&self) -> Option<&[(Arc<str>, Self)]> {
        match self {
            Self::Record(fields) => Some(fields),
            _ => None,
        }
    }
}
