//! Which name was probably meant?

use std::fmt::Write as _;

/// `; did you mean ...`, or nothing when no name is near.
pub(super) fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let plain = plainly(name);
    let near = known.filter_map(|candidate| {
        let other = plainly(candidate);
        let distance = if other == plain { 0 } else { edits(&plain, &other) };
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

// Levenshtein's distance, one row at a time.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, letter) in from.chars().enumerate() {
        let mut left = done + 1;
        let mut next = vec![left];
        for (pair, other) in row.windows(2).zip(&to) {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(letter != *other)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
