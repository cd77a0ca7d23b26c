//! What does a literal say?

use std::fmt;
use std::sync::Arc;

use crate::model::{Date, Decimal, Duration, Timestamp};

/// A constant of an expression.
///
/// Numbers with a fraction or an exponent are decimals, exactly as written, wherever they have at most 36 digits of
/// which 18 stand after the point; others are doubles. Both take the type of what they are compared with; alone
/// they are doubles.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent, exactly as written.
    Decimal(Decimal),
    /// A number that no decimal of 36 digits is; finite, never -0.0.
    Double(f64),
    /// A text.
    Text(Arc<str>),
    /// `date("2026-03-31")`.
    Date(Date),
    /// `timestamp("2026-03-31T12:00:00Z")`.
    Timestamp(Timestamp),
    /// `duration("36h")`.
    Duration(Duration),
}

/// Digits of a decimal literal, all told and after the point.
const MAX_DIGITS: usize = 36;
const MAX_FRACTION: usize = 18;

impl Literal {
    /// A number with a fraction, in its canonical form; `None` when it is not finite.
    #[must_use]
    pub fn number(number: f64) -> Option<Self> {
        let exact = number.is_finite().then(|| format!("{number:e}"))?;
        fraction(&exact)
    }

    /// A decimal in its canonical form: without zeros at the end.
    #[must_use]
    pub fn decimal(decimal: Decimal) -> Self {
        let (mut units, mut scale) = (decimal.units(), decimal.scale());
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Self::Decimal(Decimal::new(units, scale))
    }

    /// The decimal of so many units in its canonical form; `None` where it has more digits than a literal.
    pub(super) fn written(mut units: i128, mut scale: u8) -> Option<Self> {
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        let digits = units.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
        let fits = digits <= MAX_DIGITS && usize::from(scale) <= MAX_FRACTION;
        fits.then(|| Self::Decimal(Decimal::new(units, scale)))
    }

    /// The double that a number is, correctly rounded.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(*int as f64),
            Self::Decimal(decimal) if decimal.units() == 0 => Some(0.0),
            Self::Decimal(decimal) => decimal.to_string().parse().ok(),
            Self::Double(double) => Some(*double),
            _ => None,
        }
    }
}

/// The number that digits with a fraction or an exponent say; `None` when it is too large for a double.
pub(super) fn fraction(text: &str) -> Option<Literal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all = format!("{whole}{part}");
    // A long exponent is still a number: 0 or one too large.
    let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { -9_999 } else { 9_999 });
    let mut scale = i64::try_from(part.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
    let kept = all.trim_end_matches('0').len();
    scale -= i64::try_from(all.len() - kept).unwrap_or(0);
    all.truncate(kept);
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Literal::Decimal(Decimal::new(0, 0)));
    }
    let zeros = usize::try_from(-scale.min(0)).unwrap_or(usize::MAX);
    let fits = significant.len().saturating_add(zeros) <= MAX_DIGITS;
    if let (true, Ok(places)) = (fits, u8::try_from(scale.max(0)))
        && usize::from(places) <= MAX_FRACTION
    {
        let units: i128 = format!("{sign}{significant}{}", "0".repeat(zeros)).parse().ok()?;
        return Some(Literal::Decimal(Decimal::new(units, places)));
    }
    let double: f64 = text.parse().ok()?;
    if !double.is_finite() {
        return None;
    }
    if double == 0.0 {
        return Some(Literal::Decimal(Decimal::new(0, 0)));
    }
    // Of more digits than tell doubles apart, the shortest stay, and these may be a decimal.
    let shortest = format!("{double:e}");
    if shortest == text { Some(Literal::Double(double)) } else { fraction(&shortest) }
}

/// The magnitude that a whole number says, `None` beyond 2^64.
pub(super) fn whole(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The text that a literal with its quotes says, or where it is malformed and why.
pub(super) fn text(token: &str) -> Result<String, (usize, usize, &'static str)> {
    let raw = token.starts_with(['r', 'R']);
    let body = token.trim_start_matches(['r', 'R']);
    let triple = body.len() >= 6 && (body.starts_with("\"\"\"") || body.starts_with("'''"));
    let width = if triple { 3 } else { 1 };
    let start = usize::from(raw) + width;
    let inner = token.get(start..token.len().saturating_sub(width)).unwrap_or_default();
    if raw || !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    unescaped(inner).map_err(|(from, to, why)| (start + from, start + to, why))
}

fn unescaped(inner: &str) -> Result<String, (usize, usize, &'static str)> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let from = inner.len() - escape.len();
        let (said, width) = one_escape(escape).map_err(|(width, why)| (from, from + width, why))?;
        out.push(said);
        rest = escape.get(width..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

/// The character of the escape that a text begins with, and how many bytes of it say so.
fn one_escape(escape: &str) -> Result<(char, usize), (usize, &'static str)> {
    let simple = |said: char| Ok((said, 2));
    match escape.as_bytes().get(1) {
        Some(b'a') => simple('\u{7}'),
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'v') => simple('\u{b}'),
        Some(sign @ (b'\\' | b'?' | b'"' | b'\'' | b'`')) => simple(char::from(*sign)),
        Some(b'x' | b'X') => coded(escape, 2, 2, 16),
        Some(b'u') => coded(escape, 2, 4, 16),
        Some(b'U') => coded(escape, 2, 8, 16),
        Some(b'0'..=b'3') => coded(escape, 1, 3, 8),
        _ => {
            let width = 1 + escape.chars().nth(1).map_or(0, char::len_utf8);
            Err((width, "there is no such escape; write `\\\\` for a backslash"))
        }
    }
}

fn coded(
    escape: &str,
    from: usize,
    digits: usize,
    radix: u32,
) -> Result<(char, usize), (usize, &'static str)> {
    let code = escape
        .get(from..from + digits)
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|code| u32::from_str_radix(code, radix).ok());
    let code = code.ok_or((from.min(escape.len()), "this escape needs more digits"))?;
    let said = char::from_u32(code).ok_or((from + digits, "no character has this number"))?;
    Ok((said, from + digits))
}

/// Writes a text literal with its quotes, so that it reads back as the same text.
pub(super) fn write_text(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => write!(out, "\\x{:02x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// Reads a duration as CEL writes it: a sign, then numbers with the units `h`, `m`, `s`, `ms`, `us`, `ns`.
/// `None` when it is malformed or beyond ±2^63 nanoseconds; parts of a microsecond are cut off.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(Duration::from_micros(0));
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let number: Decimal = number.parse().ok()?;
        let one = 10_i128.pow(u32::from(number.scale()));
        nanos = nanos.checked_add(number.units().checked_mul(scale)? / one)?;
        rest = after;
    }
    let nanos = if negative { -nanos } else { nanos };
    let nanos = (!text.is_empty()).then(|| i64::try_from(nanos).ok())??;
    Some(Duration::from_micros(nanos / 1_000))
}

/// Writes a duration so that it reads back: seconds with a fraction.
pub(super) fn write_duration(out: &mut impl fmt::Write, duration: Duration) -> fmt::Result {
    write!(out, "{duration}")
}
