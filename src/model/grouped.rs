//! How are large numbers written for people?
//!
//! With commas between their thousands, where a value is written by `{:#}`. Whole numbers begin with 10,000: one of four
//! digits may be a year, and nothing here knows. Amounts of money are always grouped.

use std::fmt;

/// A number as it is written, with commas between the thousands of its whole part. A text that is not a number stays as it is.
pub(crate) fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

/// Writes a number that may be a year: grouped by `{:#}` from 10,000 on.
pub(crate) fn write_number(f: &mut fmt::Formatter<'_>, number: impl fmt::Display) -> fmt::Result {
    if !f.alternate() {
        return write!(f, "{number}");
    }
    let number = number.to_string();
    let whole = number.split('.').next().unwrap_or_default();
    let is_long = whole.trim_start_matches('-').len() > 4;
    f.write_str(&if is_long { grouped(&number) } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Currency, Decimal, Money, Value};

    #[test]
    fn digits_are_grouped_and_all_else_is_left_alone() {
        for (number, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-999", "-999"),
            ("-123456", "-123,456"),
            ("1234567.8912", "1,234,567.8912"),
            ("-0.5", "-0.5"),
            ("", ""),
            ("NaN", "NaN"),
            ("2026-01-31", "2026-01-31"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn values_are_grouped_for_people_only() {
        let money = Money::from_minor(1_610_618_200, Currency::USD);
        assert_eq!(
            (format!("{money:#}"), money.to_string()),
            ("16,106,182.00 USD".into(), "16106182.00 USD".into())
        );
        let small = Money::from_minor(-120_050, Currency::EUR);
        assert_eq!(format!("{small:#}"), "-1,200.50 EUR");
        for (value, expected) in [
            (Value::Int(2_002), "2002"),
            (Value::Int(-45_400), "-45,400"),
            (Value::Int(i64::MIN), "-9,223,372,036,854,775,808"),
            (Value::Decimal(Decimal::new(1_234_567, 2)), "12,345.67"),
            (Value::Double(1_234.5), "1234.5"),
            (Value::Double(1e21), "1,000,000,000,000,000,000,000"),
            (Value::Money(money), "16,106,182.00 USD"),
            (Value::Text("10000".into()), "10000"),
        ] {
            assert_eq!(format!("{value:#}"), expected);
        }
    }
}
