//! How are numbers and names written for people?
//!
//! With commas between the thousands. Values of the library are written so by `{:#}`; what an example itself counts, here.
//! Columns are parted by a space of the format beside their width, so that a long value pushes the others on, and never
//! touches them.

use perennial::Money;

/// Whole major units with commas; `-` where there is no amount.
pub fn whole(money: Option<Money>) -> String {
    let Some(money) = money else { return "-".to_owned() };
    match money.major().rescaled(0) {
        Some(units) if units.units() < 0 => format!("-{}", grouped(units.units().unsigned_abs())),
        Some(units) => grouped(units.units().unsigned_abs()),
        None => money.major().to_string(),
    }
}

/// A number with commas between its thousands.
pub fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same for what is counted.
pub fn count(number: usize) -> String {
    grouped(number as u128)
}

/// A text, grouped where it is a whole number.
pub fn digits(text: &str) -> String {
    match text.parse::<u128>() {
        Ok(number) => grouped(number),
        Err(_) => text.to_owned(),
    }
}

/// A text of at most so many letters.
pub fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
