//! Was a promise kept?

use std::fmt::Display;

use thiserror::Error;

/// What became of one promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was put to the test and kept.
    Kept,
    /// It was not put to the test, because the harness says that it cannot be.
    Skipped {
        /// What the harness says.
        because: String,
    },
}

/// A promise that is not kept: which, what was expected, and what was found.
///
/// ```
/// use perennial::FixedZone;
/// use perennial::testkit::conformance::{Verdict, zone};
///
/// assert_eq!(zone::offsets_are_less_than_a_day(&FixedZone::utc()), Ok(Verdict::Kept));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("promise `{promise}` is broken: expected {expected}; found {found}")]
pub struct Broken {
    promise: &'static str,
    expected: String,
    found: String,
}

/// What a test of a promise returns.
pub type Outcome = Result<Verdict, Broken>;

/// Longest text of one side of a [`Broken`], in characters; values can be far longer.
const SHOWN_CHARS: usize = 400;

impl Broken {
    pub(super) fn new(promise: &'static str, expected: impl Display, found: impl Display) -> Self {
        Self { promise, expected: shortened(&expected), found: shortened(&found) }
    }

    /// The name of the promise, which is the name of its test.
    #[must_use]
    pub const fn promise(&self) -> &'static str {
        self.promise
    }

    /// What should have been found; cut off when it is long.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What was found; cut off when it is long.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

fn shortened(text: &impl Display) -> String {
    let text = text.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}... ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
        None => text,
    }
}
