//! Which characters of a text are invisible?
//!
//! Two texts that differ only in such a character look the same. Ids of a source are checked for them
//! ([`AccountId::check_input`](super::AccountId::check_input), ruling S140 of `docs/semantics`), and messages write
//! them as escapes.
//!
//! The set is Unicode's `Default_Ignorable_Code_Point` (15.1), with two exceptions: a joiner between two characters that
//! are not ASCII, and a variation selector after one. These join letters of Arabic and Indic scripts, and change emoji.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Whether a character is in Unicode's `Default_Ignorable_Code_Point`.
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Variation selectors, which change the character before them.
const fn is_selector(c: char) -> bool {
    matches!(c,
        '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// The first invisible character of a text.
pub(crate) fn first_invisible(text: &str) -> Option<char> {
    invisible(text).map(|(_, c)| c).next()
}

/// A text without its invisible characters; the same text where it has none.
///
/// Soft hyphens, zero width spaces, byte order marks, direction marks and others (Unicode's
/// `Default_Ignorable_Code_Point`). A joiner between two characters that are not ASCII is kept, and so is a variation
/// selector after one: Persian, Hindi and emoji are written with them.
///
/// ```
/// use perennial::source::strip_invisible;
///
/// assert_eq!(strip_invisible("\u{feff}acme\u{200b}"), "acme");
/// assert_eq!(strip_invisible("می\u{200c}خواهم"), "می\u{200c}خواهم");
/// ```
///
/// # Complexity
///
/// O(length); a text of ASCII is not copied.
#[must_use]
pub fn strip_invisible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || first_invisible(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for (at, c) in invisible(text) {
        kept.push_str(text.get(from..at).unwrap_or_default());
        from = at + c.len_utf8();
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(kept)
}

// The invisible characters of a text, with their byte offsets.
fn invisible(text: &str) -> impl Iterator<Item = (usize, char)> {
    // The last character that is not invisible.
    let mut before = ' ';
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (at, c) = rest.next()?;
            let after = rest.peek().map_or(' ', |(_, c)| *c);
            if is_ignorable(c) && !is_written(before, c, after) {
                return Some((at, c));
            }
            before = c;
        }
    })
}

// Whether an ignorable character is part of the characters around it.
const fn is_written(before: char, c: char, after: char) -> bool {
    let follows_letter = !before.is_ascii() && !is_ignorable(before);
    match c {
        '\u{200c}' | '\u{200d}' => {
            (follows_letter || is_selector(before)) && !after.is_ascii() && !is_ignorable(after)
        }
        _ => is_selector(c) && follows_letter,
    }
}

/// A text in a message: invisible and control characters are written as escapes.
pub(crate) struct Visible<'t>(pub(crate) &'t str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        let plain = text.bytes().all(|byte| (b' '..0x7f).contains(&byte));
        if plain {
            return f.write_str(text);
        }
        let mut hidden = invisible(text).peekable();
        for (at, c) in text.char_indices() {
            let is_hidden = hidden.next_if(|(place, _)| *place == at).is_some();
            // White space other than the space looks like it.
            if is_hidden || c.is_control() || (c.is_whitespace() && c != ' ') {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// The name of a frequent invisible character.
pub(crate) const fn name_of(c: char) -> &'static str {
    match c {
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => "mark of direction",
        '\u{2060}' => "word joiner",
        '\u{feff}' => "byte order mark",
        '\u{fe00}'..='\u{fe0f}' => "variation selector",
        _ => "not shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_found_stripped_and_escaped() {
        for hidden in
            ['\u{feff}', '\u{200b}', '\u{200e}', '\u{ad}', '\u{2060}', '\u{202e}', '\u{3164}', '\u{e0041}']
        {
            for text in [format!("{hidden}acme"), format!("ac{hidden}me"), format!("acme{hidden}")] {
                assert_eq!(first_invisible(&text), Some(hidden));
                assert_eq!(strip_invisible(&text), "acme");
                let shown = Visible(&text).to_string();
                assert!(shown.contains(&format!("\\u{{{:x}}}", u32::from(hidden))), "{shown}");
                assert!(shown.is_ascii());
            }
        }
        assert_eq!(strip_invisible("\u{feff}\u{200b}\u{feff}"), "");
    }

    #[test]
    fn what_belongs_to_a_script_stays() {
        for text in
            ["acme", "Société", "می\u{200c}خواهم", "👨\u{200d}👩\u{200d}👧", "❤\u{fe0f}", "क\u{94d}\u{200d}ष"]
        {
            assert_eq!(first_invisible(text), None, "{text:?}");
            assert!(matches!(strip_invisible(text), Cow::Borrowed(same) if same == text));
        }
        // Beside ASCII, at an end or twice they are of no script.
        assert_eq!(strip_invisible("a\u{200d}b\u{fe0f}"), "ab");
        assert_eq!(strip_invisible("Société\u{200d}"), "Société");
        assert_eq!(strip_invisible("❤\u{fe0f}\u{fe0f}"), "❤\u{fe0f}");
    }

    #[test]
    fn what_is_stripped_has_nothing_left_to_strip() {
        let letters = ['a', 'é', '🔥', '\u{200d}', '\u{200c}', '\u{fe0f}', '\u{200b}'];
        for number in 0..7_usize.pow(5) {
            let letter = |place: u32| letters[number / 7_usize.pow(place) % 7];
            let text: String = (0..5).map(letter).collect();
            let stripped = strip_invisible(&text);
            assert_eq!(first_invisible(&stripped), None, "{text:?}");
            let seen = |text: &str| text.chars().filter(|c| !is_ignorable(*c)).collect::<String>();
            assert_eq!(seen(&stripped), seen(&text), "{text:?}");
        }
    }

    #[test]
    fn white_space_that_is_no_space_is_escaped() {
        assert_eq!(Visible("a\u{a0}b c\td").to_string(), "a\\u{a0}b c\\u{9}d");
        assert_eq!(Visible("Société").to_string(), "Société");
    }
}
