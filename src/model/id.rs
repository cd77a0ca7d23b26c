//! How is an account named, outside and inside?
//!
//! Outside: [`AccountId`], the host's own text, stable for ever. Inside: [`AccountIdx`], a dense place
//! that is valid in one layout of one book only. Public results speak ids; the index is for algorithms.
//! Rulings S6 and S7 of `docs/semantics`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::invisible::{Visible, first_invisible, name_of};
use super::limits::{MAX_ACCOUNT_ID_BYTES, MAX_CHILD_ID_BYTES};

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty.
    #[error("id is empty")]
    Empty,
    /// The text is longer than the limit.
    #[error("id has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// Bytes offered.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// White space at either end: two ids that look the same on a screen would differ.
    #[error("id {text:?} begins or ends with white space")]
    Padded {
        /// The id as offered.
        text: String,
    },
    /// An invisible character: two different ids would look the same. Only ids of a source are checked for one; see
    /// [`AccountId::check_input`].
    #[error(
        "id \"{}\" contains the invisible character U+{:04X} ({})",
        Visible(text),
        u32::from(*character),
        name_of(*character)
    )]
    Invisible {
        /// The id as offered.
        text: String,
        /// The first such character.
        character: char,
    },
    /// A control character, which no database and no screen treats alike.
    #[error("id {text:?} contains a control character")]
    Control {
        /// The id as offered.
        text: String,
    },
}

fn check(text: &str, limit: usize) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > limit {
        return Err(IdError::TooLong { bytes: text.len(), limit });
    }
    // The common id is plain ASCII: one pass over bytes decides it.
    let plain = text.bytes().all(|b| b > b' ' && b < 0x7f);
    if plain {
        return Ok(());
    }
    if text.trim() != text {
        return Err(IdError::Padded { text: text.to_owned() });
    }
    if text.chars().any(char::is_control) {
        return Err(IdError::Control { text: text.to_owned() });
    }
    Ok(())
}

fn check_input(text: &str, limit: usize) -> Result<(), IdError> {
    check(text, limit)?;
    if text.is_ascii() {
        return Ok(());
    }
    match first_invisible(text) {
        Some(character) => Err(IdError::Invisible { text: text.to_owned(), character }),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $limit:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text and makes it an id.
            ///
            /// # Errors
            ///
            /// [`IdError`] when the text is empty, too long, padded with white space, or contains a
            /// control character.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text, $limit)?;
                Ok(Self(text))
            }

            /// Whether `text` obeys the rules of this id, without making one.
            ///
            /// # Errors
            ///
            /// The same as [`Self::new`].
            pub fn check(text: &str) -> Result<(), IdError> {
                check(text, $limit)
            }

            /// Checks an id of a source: the rules of [`Self::check`], and no invisible character (zero width spaces,
            /// byte order marks, soft hyphens, direction marks).
            ///
            /// Loads check every id of a source so. [`Self::new`] accepts invisible characters, so that ids which were
            /// stored before can still be named; ruling S140 of `docs/semantics`.
            ///
            /// # Errors
            ///
            /// The same as [`Self::new`], and [`IdError::Invisible`].
            pub fn check_input(text: &str) -> Result<(), IdError> {
                check_input(text, $limit)
            }

            // For text that was checked when it entered a book.
            pub(crate) fn trusted(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The host's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;
            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id! {
    /// The host's id of an account: text of 1 to 480 bytes, case-sensitive, compared byte by byte.
    ///
    /// No white space at the ends and no control characters; everything else, Unicode included, is the
    /// host's own affair. Two ids that differ only in case are two accounts. Cloning is cheap.
    ///
    /// ```
    /// use perennial::AccountId;
    ///
    /// let id = AccountId::new("acme-eu")?;
    /// assert_eq!(id.as_str(), "acme-eu");
    /// assert!(AccountId::new(" acme").is_err());
    /// # Ok::<(), perennial::IdError>(())
    /// ```
    AccountId, MAX_ACCOUNT_ID_BYTES
}

text_id! {
    /// The host's id of a child row (a user, contract, ticket ...): same rules as [`AccountId`], unique
    /// within its table.
    ChildId, MAX_CHILD_ID_BYTES
}

/// Where an account lies in one layout of one book: a chunk and a row in it.
///
/// It is the node id of the tree algorithms. It means nothing outside the [`View`](crate::View) it came
/// from: keep [`AccountId`]s, and look them up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIdx {
    pub(crate) slot: u32,
    pub(crate) row: u32,
}

impl AccountIdx {
    pub(crate) const fn new(slot: u32, row: u32) -> Self {
        Self { slot, row }
    }
}
