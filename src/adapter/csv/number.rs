//! Which number does a text say?
//!
//! Exactly: commas, points and powers of ten are moved in the text and in whole units, never in floating
//! point. A separator that does not separate groups of three digits is refused, since `1,5` read as fifteen is
//! the mistake that nobody notices.

use std::borrow::Cow;

use super::text_format::TextFormat;
use crate::{Currency, Decimal};

const MAX_SCALE: i16 = 18;

/// A number as it was written, and the currency of its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) number: Decimal,
    pub(super) sign: Option<Currency>,
}

/// The decimal that a text says, in the unit of the file times the format's power of ten.
pub(super) fn decimal(text: &str, format: &TextFormat) -> Option<Decimal> {
    written(text, format).map(|written| written.number)
}

/// The same, with the currency of its sign.
pub(super) fn written(text: &str, format: &TextFormat) -> Option<Written> {
    let bare = bare(text, format)?;
    let number = shifted(plain(bare.digits, format)?.parse().ok()?, format.power)?;
    let number = if bare.negative { Decimal::new(-number.units(), number.scale()) } else { number };
    Some(Written { number, sign: bare.sign })
}

/// The finite double nearest to what a text says.
pub(super) fn double(text: &str, format: &TextFormat) -> Option<f64> {
    let bare = bare(text, format)?;
    let text = plain(bare.digits, format)?;
    let value: f64 = if format.power == 0 {
        text.parse().ok()?
    } else {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let exponent = exponent.parse::<i32>().ok()?.checked_add(i32::from(format.power))?;
        format!("{digits}e{exponent}").parse().ok()?
    };
    let value = if bare.negative { -value } else { value };
    value.is_finite().then_some(value)
}

/// Why a text is not a number: a sign, separator or notation in it that the column is not mapped with. `None` where no
/// reason is known.
pub(super) fn why_none(text: &str, format: &TextFormat) -> Option<String> {
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let accounting = |notation: &str| {
        Some(if format.accounting {
            format!("{notation} and another sign in one number")
        } else {
            format!("{notation} not read as a negative in this column")
        })
    };
    if let Some(sign) = text.chars().find(|c| is_currency_sign(*c))
        && !format.signs.iter().any(|(known, _)| known.contains(sign))
    {
        return Some(format!("`{sign}` is not a currency sign of this column"));
    }
    if text.contains('(') {
        return accounting("parentheses");
    }
    if text.ends_with(MINUS) {
        return accounting("trailing minus");
    }
    let known = |c: char| format.thousands == Some(c) || (c == ',' && format.decimal_comma);
    let foreign = text.chars().find(|c| matches!(c, ',' | '\'' | ' ' | '\u{a0}' | '\u{202f}') && !known(*c));
    match foreign {
        Some(',') => {
            Some("the comma is neither a decimal comma nor a thousands separator of this column".to_owned())
        }
        Some(' ') => Some("a space is not a thousands separator of this column".to_owned()),
        Some(c) if c == '\'' => Some(format!("`{c}` is not a thousands separator of this column")),
        Some(c) => {
            Some(format!("U+{:04X}, a space, is not a thousands separator of this column", u32::from(c)))
        }
        None if format.decimal_comma && text.contains('.') && format.thousands != Some('.') => {
            Some("the decimals of this column follow a comma".to_owned())
        }
        None => {
            let separator = format.thousands.filter(|separator| text.contains(*separator))?;
            Some(format!("`{separator}` does not separate groups of three digits"))
        }
    }
}

const MINUS: [char; 2] = ['-', '\u{2212}'];

// A number without its currency sign and its accounting notation.
struct Bare<'t> {
    digits: &'t str,
    negative: bool,
    sign: Option<Currency>,
}

// Removes a currency sign, and with accounting notation parentheses or a trailing minus: each at most once, in any
// order.
fn bare<'t>(text: &'t str, format: &TextFormat) -> Option<Bare<'t>> {
    let mut bare = Bare { digits: text, negative: false, sign: None };
    if !format.accounting && format.signs.is_empty() {
        return Some(bare);
    }
    loop {
        let rest = bare.digits.trim();
        if let Some((after, currency)) = without_sign(rest, format).filter(|_| bare.sign.is_none()) {
            bare.sign = Some(currency);
            bare.digits = after;
            continue;
        }
        // A minus before the sign: `-$5`.
        let before = rest.strip_prefix(MINUS).filter(|after| without_sign(after.trim(), format).is_some());
        let accounting = || {
            let inside = rest.strip_prefix('(').and_then(|inside| inside.strip_suffix(')'));
            inside.or_else(|| rest.strip_suffix(MINUS))
        };
        let Some(after) = before.or_else(|| accounting().filter(|_| format.accounting)) else {
            bare.digits = rest;
            break;
        };
        if bare.negative {
            return None;
        }
        bare.negative = true;
        bare.digits = after;
    }
    // A number with two minus signs is a typing error.
    (!(bare.negative && bare.digits.starts_with(['-', '+']))).then_some(bare)
}

fn without_sign<'t>(text: &'t str, format: &TextFormat) -> Option<(&'t str, Currency)> {
    format.signs.iter().find_map(|(sign, currency)| {
        let rest = text.strip_prefix(&**sign).or_else(|| text.strip_suffix(&**sign))?;
        Some((rest, *currency))
    })
}

/// The characters of Unicode's category `Sc` that are used beside amounts.
const fn is_currency_sign(c: char) -> bool {
    matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}' | '\u{ff04}' | '\u{ffe5}')
}

// The text with a point before its decimals and nothing between its thousands.
fn plain<'t>(text: &'t str, format: &TextFormat) -> Option<Cow<'t, str>> {
    if !format.decimal_comma && format.thousands.is_none() {
        return Some(Cow::Borrowed(text));
    }
    let point = if format.decimal_comma { ',' } else { '.' };
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let whole = match format.thousands {
        Some(separator) if whole.contains(separator) => Cow::Owned(joined(whole, separator)?),
        _ => Cow::Borrowed(whole),
    };
    // What is left of points and commas would be read as something else than it was meant.
    let stray = |part: &str| part.contains(['.', ',']);
    if stray(&whole) || fraction.is_some_and(stray) {
        return None;
    }
    Some(match fraction {
        None => whole,
        Some(fraction) => Cow::Owned(format!("{whole}.{fraction}")),
    })
}

// Groups of three digits at the end; two are allowed before them, as in `1,00,000`.
fn joined(whole: &str, separator: char) -> Option<String> {
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let mut groups = digits.split(separator).rev();
    let last = groups.next()?;
    let mut groups = groups.peekable();
    let mut fits = last.len() == 3;
    while let Some(group) = groups.next() {
        fits &= if groups.peek().is_none() {
            (1..=3).contains(&group.len())
        } else {
            (2..=3).contains(&group.len())
        };
    }
    fits.then(|| whole.chars().filter(|c| *c != separator).collect())
}

/// A decimal times a power of ten, or `None` when it does not fit.
pub(super) fn shifted(decimal: Decimal, power: i8) -> Option<Decimal> {
    if power == 0 {
        return Some(decimal);
    }
    let scale = i16::from(decimal.scale()) - i16::from(power);
    if scale > MAX_SCALE {
        return None;
    }
    if let Ok(scale) = u8::try_from(scale) {
        return Some(Decimal::new(decimal.units(), scale));
    }
    let factor = 10_i128.checked_pow(u32::from(scale.unsigned_abs()))?;
    Some(Decimal::new(decimal.units().checked_mul(factor)?, 0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn read(text: &str, format: &TextFormat) -> Option<String> {
        decimal(text, format).map(|d| d.to_string())
    }

    #[test]
    fn commas_and_thousands() {
        let german = TextFormat { decimal_comma: true, thousands: Some('.'), ..TextFormat::default() };
        let english = TextFormat { thousands: Some(','), ..TextFormat::default() };
        let comma = TextFormat { decimal_comma: true, ..TextFormat::default() };
        assert_eq!(read("1.234.567,89", &german).unwrap(), "1234567.89");
        assert_eq!(read("1,234,567.89", &english).unwrap(), "1234567.89");
        assert_eq!(read("-1,00,000", &english).unwrap(), "-100000");
        assert_eq!(read("12,5", &comma).unwrap(), "12.5");
        for (text, format) in [("1,5", &english), ("12.5", &comma), ("1.5", &german), ("1,,000", &english)] {
            assert_eq!(read(text, format), None, "{text}");
        }
    }

    #[test]
    fn signs_and_accounting_negatives() {
        let signs = |signs: &[(&str, Currency)]| {
            let signs = signs.iter().map(|(sign, currency)| (Arc::from(*sign), *currency)).collect();
            TextFormat { thousands: Some(','), signs, ..TextFormat::default() }
        };
        let dollars =
            TextFormat { accounting: true, ..signs(&[("US$", Currency::USD), ("$", Currency::USD)]) };
        for (text, expected) in [
            ("$1,234.50", "1234.50"),
            ("US$ 12", "12"),
            ("12 $", "12"),
            ("-$5", "-5"),
            ("$-5", "-5"),
            ("- $ 5", "-5"),
            ("($1,234.50)", "-1234.50"),
            ("$(33.52)", "-33.52"),
            ("(33.52)", "-33.52"),
            ("12.50-", "-12.50"),
            ("12.50\u{2212}", "-12.50"),
            ("$ 12.50 -", "-12.50"),
            ("-5", "-5"),
            ("5", "5"),
        ] {
            assert_eq!(read(text, &dollars).as_deref(), Some(expected), "{text}");
        }
        for text in ["(-5)", "-(5)", "(5-)", "((5))", "-5-", "(5", "5)", "$$5", "€5", "()", "-", "$", "--5"]
        {
            assert_eq!(read(text, &dollars), None, "{text}");
        }
        let sign = |text, format: &TextFormat| written(text, format).and_then(|written| written.sign);
        let both = signs(&[("$", Currency::USD), ("€", Currency::EUR)]);
        assert_eq!(sign("€ 12", &both), Some(Currency::EUR));
        assert_eq!(sign("12", &both), None);
        assert_eq!(read("(5)", &both), None);
        assert!((double("($1.5)", &dollars).unwrap() + 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_text_that_is_not_a_number_has_a_reason() {
        let none = TextFormat::default();
        let comma = TextFormat { decimal_comma: true, ..TextFormat::default() };
        let english = TextFormat { thousands: Some(','), ..TextFormat::default() };
        let accounting = TextFormat { accounting: true, ..TextFormat::default() };
        for (text, format, why) in [
            ("$5", &none, "`$` is not a currency sign of this column"),
            ("€ 5", &none, "`€` is not a currency sign of this column"),
            ("(5)", &none, "parentheses not read as a negative in this column"),
            ("5-", &none, "trailing minus not read as a negative in this column"),
            ("(-5)", &accounting, "parentheses and another sign in one number"),
            ("1,5", &none, "the comma is neither a decimal comma nor a thousands separator of this column"),
            ("1 500", &none, "a space is not a thousands separator of this column"),
            ("1\u{a0}500", &none, "U+00A0, a space, is not a thousands separator of this column"),
            ("1'500", &none, "`'` is not a thousands separator of this column"),
            ("1.5", &comma, "the decimals of this column follow a comma"),
            ("1,5", &english, "`,` does not separate groups of three digits"),
        ] {
            assert_eq!(why_none(text, format).as_deref(), Some(why), "{text}");
            assert_eq!(read(text, format), None, "{text}");
        }
        assert_eq!(why_none("n/a", &none), None);
    }

    #[test]
    fn powers_are_exact() {
        let millions = TextFormat { power: 6, ..TextFormat::default() };
        assert_eq!(read("1100.04", &millions).unwrap(), "1100040000");
        let cents = TextFormat { power: -2, ..TextFormat::default() };
        assert_eq!(read("5", &cents).unwrap(), "0.05");
        assert!((double("0.1", &millions).unwrap() - 100_000.0).abs() < f64::EPSILON);
        assert_eq!(double("1e400", &TextFormat::default()), None);
        assert_eq!(double("nan", &TextFormat::default()), None);
    }
}
