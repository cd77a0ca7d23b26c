//! How does a host restart without reading all its events again?
//!
//! Days are written as they were added up, in sections with checksums ([`encode`]). Numbers of texts differ from run to run,
//! so that everything is written in the order of the texts themselves: the same usage gives the same bytes. Reading
//! ([`decode`]) believes nothing. Ruling S101 of [`docs::semantics`](crate::docs::semantics).

mod decode;
mod encode;
mod kinds;
mod whats;

use super::settings::UsageSettings;
use super::{Usage, UsageSchema};
use crate::book::{Format, Section, SnapshotError};

/// A part of a snapshot of usage.
#[derive(Debug, Clone, Copy)]
enum UsageSection {
    Kinds,
    Usage,
    People,
    Whats,
    Accounts,
    Buckets,
    Ids,
}

const FORMAT: Format<UsageSection, 7> = Format {
    magic: *b"\x8ePNU\r\n\x1a\n",
    version: 1,
    sections: [
        UsageSection::Kinds,
        UsageSection::Usage,
        UsageSection::People,
        UsageSection::Whats,
        UsageSection::Accounts,
        UsageSection::Buckets,
        UsageSection::Ids,
    ],
};

impl Section for UsageSection {
    fn tag(self) -> [u8; 4] {
        *match self {
            Self::Kinds => b"KIND",
            Self::Usage => b"USAG",
            Self::People => b"PEOP",
            Self::Whats => b"WHAT",
            Self::Accounts => b"ACCT",
            Self::Buckets => b"BUCK",
            Self::Ids => b"EVID",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kinds => "kinds of event",
            Self::Usage => "retention and version",
            Self::People => "people",
            Self::Whats => "what happened",
            Self::Accounts => "accounts",
            Self::Buckets => "days",
            Self::Ids => "ids of events",
        }
    }
}

impl Usage {
    /// The usage as bytes, from which [`Self::from_snapshot`] restores it. Feature `snapshot`.
    ///
    /// All that is held: what the days came to, by account, person and what happened; the ids of events that are remembered;
    /// what was dropped, and the version. It is what [`Book::to_snapshot`](crate::Book::to_snapshot) is of a book, and as
    /// little a backup, an exchange format or a secret: of what is in a bucket, single events are not kept.
    ///
    /// The same usage gives the same bytes, however it came in, and restored usage gives the bytes it was restored from.
    ///
    /// # Complexity
    ///
    /// O(buckets log buckets of an account, texts log texts).
    ///
    /// ```
    /// use perennial::aggregate::{Event, EventKind, Usage, UsageSchema, UsageSettings};
    /// use perennial::Date;
    ///
    /// let today = Date::new(2026, 1, 31)?;
    /// let schema = UsageSchema::new([EventKind::new("export")])?;
    /// let mut usage = Usage::new(schema.clone(), UsageSettings::new());
    /// usage.ingest([Event::on("export", "acme", today).id("e1").count(3)], today)?;
    /// let bytes = usage.to_snapshot();
    ///
    /// let mut restored = Usage::from_snapshot(schema, UsageSettings::new(), &bytes)?;
    /// assert_eq!(restored.to_snapshot(), bytes);
    /// // An event that is sent again is known.
    /// let report = restored.ingest([Event::on("export", "acme", today).id("e1").count(3)], today)?;
    /// assert_eq!((report.counted, report.duplicates), (0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        encode::encode(self)
    }

    /// Restores the usage that [`Self::to_snapshot`] wrote: the same answers, the same version, and the same behaviour under
    /// every later batch. How many days are kept, and for how many ids are remembered, may be other than it was; what is
    /// gone stays gone.
    ///
    /// The bytes may be anything. They are refused as a whole, never repaired.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] when the bytes are no snapshot of usage, in a newer format, cut off, damaged or malformed; or when
    /// the kinds of event are not those of `schema` (labels and descriptions apart), or days were counted in another zone.
    ///
    /// # Complexity
    ///
    /// O(bytes), plus hashing the texts. Nothing is allocated that the bytes do not account for.
    pub fn from_snapshot(
        schema: UsageSchema,
        settings: UsageSettings,
        bytes: &[u8],
    ) -> Result<Self, SnapshotError> {
        decode::decode(schema, settings, bytes)
    }
}
