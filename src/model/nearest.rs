//! What did a user write, and which name was probably meant?

/// The known name that a misspelt one most likely means: at most half of its letters differ, so that two swapped
/// letters in a short name are still found.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = known.map(|known| (distance(name, known), known)).min_by_key(|(far, _)| *far);
    near.filter(|(far, known)| far * 2 <= known.chars().count()).map(|(_, known)| known)
}

/// The end of a message about an unknown name: the known one that was probably meant, or nothing. The name itself is
/// never proposed: where it is known, the fault is another.
pub(crate) fn hint<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    nearest(name, known.filter(|known| *known != name))
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

/// The start of a user's text: messages must not grow with what is wrong in them.
pub(crate) fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(60).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    start
}

/// A name without its case and without what separates its words: `Parent-Id` and `parent_id` are one name.
pub(crate) fn plain_name(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// How many letters to insert, remove, change or swap with the next to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    // Names are short; a longer text is far from all of them, whatever its rest.
    let from: String = from.chars().take(40).collect();
    strsim::osa_distance(&from, to)
}
