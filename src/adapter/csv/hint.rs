//! Which name was probably meant?
//!
//! Headings differ from attributes in case, white space and punctuation most of all, so those are not counted: another
//! measure than the one for names in expressions.

use std::fmt::Write as _;

/// `; did you mean ...`, or nothing when no name is near.
pub(super) fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let plain = plainly(name);
    let near = known.filter_map(|candidate| {
        let other = plainly(candidate);
        let distance = if other == plain { 0 } else { strsim::osa_distance(&plain, &other) };
        (distance <= 2 && distance * 2 < plain.chars().count()).then_some((distance, candidate))
    });
    let mut hint = String::new();
    if let Some((_, candidate)) = near.min_by_key(|(distance, _)| *distance) {
        // Writing to a string cannot fail.
        let _ = write!(hint, "; did you mean `{candidate}`?");
    }
    hint
}

// Case, white space and punctuation are what differs most often.
fn plainly(name: &str) -> String {
    name.chars().take(128).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
