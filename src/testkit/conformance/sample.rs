//! Which values and ids does a storage like to spoil?
//!
//! For each type of attribute a few ordinary values, a few that look like something else, and the ones at
//! the limits of the model. What an attribute does not accept is left out, so that any schema will do.

use std::iter::repeat_n;
use std::sync::Arc;

use super::harness::{Capabilities, Capability};
use super::seed::Row;
use crate::limits::{
    MAX_ACCOUNT_ID_BYTES, MAX_DURATION_MICROS, MAX_INT, MAX_LIST_LENGTH, MAX_TEXT_BYTES, MAX_UNITS,
};
use crate::source::Cell;
use crate::{
    Attribute, AttributeType, Currency, Date, Decimal, Duration, EnumValues, Money, Timestamp, Value,
};

/// Texts that are mistaken for something else, or cut, trimmed, unescaped or normalised on their way.
const TEXTS: [&str; 26] = [
    "plain",
    "two words",
    "Grüße, 世界 🌍",
    "\u{e9}",
    "e\u{301}",
    "say \"no\", it's 'fine'",
    "\"quoted\"",
    "\"",
    "two\nlines",
    "two\r\nlines",
    "tab\tand return\r",
    " padded ",
    "null",
    "NULL",
    "\\N",
    "NaN",
    "true",
    "0012",
    "1e3",
    "2024-01-01",
    "a,b;c|d",
    "100 % _like_ \\ /",
    "<b>&amp;</b>",
    "'; drop table accounts; --",
    "{\"a\":[1]}",
    "=1+1",
];

const IDS: [&str; 28] = [
    "a",
    "A",
    "b",
    "\u{e9}",
    "e\u{301}",
    "\u{c9}",
    "7",
    "007",
    "7.0",
    "1e3",
    "0x10",
    "-1",
    "null",
    "NULL",
    "true",
    "a b",
    "a  b",
    "it's",
    "say \"no\"",
    "a,b;c|d",
    "a/b\\c%d_e",
    "\u{fb01}",
    "fi",
    "straße",
    "strasse",
    "日本",
    "🌍",
    "018f4b2e-7a1c-7000-8000-000000000000",
];

/// The values of one attribute; none where the storage holds none of its kind.
pub(super) fn values(attribute: &Attribute, capabilities: &Capabilities) -> Vec<Value> {
    let mixed = matches!(attribute.kind(), AttributeType::MixedMoney { .. });
    let held = capabilities.holds(Capability::Kind(attribute.kind().kind()));
    if !held || mixed && !capabilities.holds(Capability::MixedMoney) {
        return Vec::new();
    }
    let mut values = ordinary(attribute.kind());
    if capabilities.holds(Capability::Extremes) {
        values.extend(extremes(attribute.kind()));
    }
    values.retain(|value| attribute.accept(value.clone()).is_ok());
    values
}

/// The values of an attribute as cells of rows, a row for each value. Mixed money brings the currency
/// that its row names.
pub(super) fn rows(attribute: &Attribute, capabilities: &Capabilities) -> Vec<Row> {
    let own = |value: Value| (Arc::from(attribute.name()), Cell::Value(value));
    let row = |value: Value| match (attribute.kind(), &value) {
        (AttributeType::MixedMoney { currency_column }, Value::Money(money)) => {
            let currency = Cell::Value(Value::text(money.currency().code()));
            vec![(Arc::clone(currency_column), currency), own(value)]
        }
        _ => vec![own(value)],
    };
    values(attribute, capabilities).into_iter().map(row).collect()
}

/// Ids that differ in what storages overlook: case, forms of Unicode, leading zeros, white space inside.
pub(super) fn ids(capabilities: &Capabilities) -> Vec<String> {
    let mut ids: Vec<String> = IDS.into_iter().map(str::to_owned).collect();
    if capabilities.holds(Capability::Extremes) {
        let long = "x".repeat(MAX_ACCOUNT_ID_BYTES - 1);
        ids.extend([format!("{long}x"), format!("{long}y"), "é".repeat(MAX_ACCOUNT_ID_BYTES / 2)]);
    }
    ids
}

/// The id of row `number` of many: neighbours differ only in case, and the order of bytes is not that of
/// numbers or languages, so that reading page by page after the last id goes wrong where it can.
pub(super) fn many_id(number: usize) -> String {
    match number % 4 {
        0 => format!("row-{number}"),
        1 => format!("ROW-{}", number - 1),
        2 => format!("zeile-ß-{number}"),
        _ => number.to_string(),
    }
}

fn ordinary(kind: &AttributeType) -> Vec<Value> {
    let numbers = [0_i64, 1, -1, 10, 12_345, -99_999];
    match kind {
        AttributeType::Bool => vec![Value::Bool(true), Value::Bool(false)],
        AttributeType::Int => [0, 1, -1, 42, 4_294_967_296].map(Value::Int).to_vec(),
        AttributeType::Decimal { scale } => {
            numbers.map(|units| Value::Decimal(Decimal::new(i128::from(units), *scale))).to_vec()
        }
        AttributeType::Money(currency) => {
            numbers.map(|minor| Value::Money(Money::from_minor(i128::from(minor), *currency))).to_vec()
        }
        AttributeType::MixedMoney { .. } => mixed(numbers),
        AttributeType::Double => [0.0, 1.5, -2.25, 0.1, 1.0 / 3.0, 1e21, 1e-7].map(Value::Double).to_vec(),
        AttributeType::Text => TEXTS.map(Value::text).to_vec(),
        AttributeType::Date => days(["1970-01-01", "1969-12-31", "2024-02-29", "1999-12-31", "2100-03-01"]),
        AttributeType::Timestamp => {
            let day = 86_400_000_000_i64;
            let micros = [0, -1, 1, 1_709_251_199_999_999, 951_782_400_123_456, 19_782 * day];
            micros.into_iter().filter_map(Timestamp::from_micros).map(Value::Timestamp).collect()
        }
        AttributeType::Duration => [0, 1, -1, -90_000_000, 86_400_000_000, 1_500_000]
            .map(Duration::from_micros)
            .map(Value::Duration)
            .to_vec(),
        AttributeType::Enum(values) => {
            values.iter().take(100).map(|text| Value::Enum(Arc::clone(text))).collect()
        }
        AttributeType::Band(values) => bands(values),
        AttributeType::List => vec![
            Value::list([]),
            Value::list(["one"]),
            Value::list(["b", "a", "b"]),
            Value::list(["", " ", ""]),
            Value::list(["a,b", "c;d|e", "say \"no\"", "two\nlines", "[]", "世界"]),
        ],
    }
}

fn extremes(kind: &AttributeType) -> Vec<Value> {
    let units = [MAX_UNITS, -MAX_UNITS, MAX_UNITS - 1];
    match kind {
        AttributeType::Int => [MAX_INT, -MAX_INT, MAX_INT - 1].map(Value::Int).to_vec(),
        AttributeType::Decimal { scale } => {
            units.map(|units| Value::Decimal(Decimal::new(i128::from(units), *scale))).to_vec()
        }
        AttributeType::Money(currency) => {
            units.map(|minor| Value::Money(Money::from_minor(i128::from(minor), *currency))).to_vec()
        }
        AttributeType::MixedMoney { .. } => mixed(units),
        AttributeType::Double => [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 9_007_199_254_740_994.0]
            .map(Value::Double)
            .to_vec(),
        AttributeType::Text => {
            vec![Value::text(&"x".repeat(MAX_TEXT_BYTES)), Value::text(&"é".repeat(MAX_TEXT_BYTES / 2))]
        }
        AttributeType::Date => vec![Value::Date(Date::MIN), Value::Date(Date::MAX)],
        AttributeType::Timestamp => {
            let first = Timestamp::start_of(Date::MIN);
            let last = Timestamp::from_micros(Timestamp::start_of(Date::MAX).micros() + 86_399_999_999);
            last.into_iter().chain([first]).map(Value::Timestamp).collect()
        }
        AttributeType::Duration => {
            let most = i64::try_from(MAX_DURATION_MICROS).unwrap_or(i64::MAX);
            [most, -most].map(Duration::from_micros).map(Value::Duration).to_vec()
        }
        AttributeType::List => vec![Value::list(repeat_n("x", MAX_LIST_LENGTH))],
        AttributeType::Bool | AttributeType::Enum(_) | AttributeType::Band(_) => Vec::new(),
    }
}

fn bands(values: &EnumValues) -> Vec<Value> {
    (0_u16..)
        .zip(values.iter())
        .take(100)
        .map(|(rank, text)| Value::Band { rank, text: Arc::clone(text) })
        .collect()
}

fn days<const N: usize>(texts: [&str; N]) -> Vec<Value> {
    texts.into_iter().filter_map(|text| text.parse().ok()).map(Value::Date).collect()
}

// Currencies with two, no, three and four digits after the point.
fn mixed<const N: usize>(minor: [i64; N]) -> Vec<Value> {
    let currencies =
        ["EUR", "JPY", "KWD", "CLF"].into_iter().filter_map(|code| code.parse::<Currency>().ok());
    let amounts = currencies.zip(minor.into_iter().cycle().take(4 * N));
    let mut values: Vec<Value> = amounts
        .map(|(currency, minor)| Value::Money(Money::from_minor(i128::from(minor), currency)))
        .collect();
    let yen =
        minor.into_iter().map(|minor| Value::Money(Money::from_minor(i128::from(minor), Currency::JPY)));
    values.extend(yen);
    values
}
