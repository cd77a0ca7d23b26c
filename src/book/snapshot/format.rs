//! How are the bytes of a snapshot laid out, and are they all there?
//!
//! ```text
//! head     8 bytes that say that this is a snapshot
//!          u32     version of the format
//!          u32     number of sections
//!          u64     length of the whole snapshot
//!          u32     checksum of the table of sections
//!          u32     checksum of the head up to here
//! table    for each section: 4 bytes that name it, u32 checksum, u64 length
//! sections one after the other
//! ```
//!
//! Numbers are little-endian, checksums CRC-32 (that of zip and PNG). Every byte stands under one of the
//! checksums or is compared with what it must be. A further section makes a new version of the format:
//! a release refuses what it does not know, since a book without it would answer otherwise.

use super::SnapshotError;

const HEAD: usize = 32;
const ENTRY: usize = 16;

/// The parts of one kind of snapshot, in the order in which they are written.
pub(crate) struct Format<S, const N: usize> {
    /// A byte outside ASCII, then line ends of both kinds, so that a transfer as text is found.
    pub(crate) magic: [u8; 8],
    /// The version that is written, and the only one that is read.
    pub(crate) version: u32,
    pub(crate) sections: [S; N],
}

/// A part of a snapshot.
pub(crate) trait Section: Copy {
    fn tag(self) -> [u8; 4];

    /// What a reader of messages calls it.
    fn word(self) -> &'static str;
}

/// The name of a section, where its bytes start, and the bytes.
pub(crate) type Part<'b> = (&'static str, usize, &'b [u8]);

impl<S: Section, const N: usize> Format<S, N> {
    /// Puts sections together. `write` appends the bytes of one.
    pub(crate) fn assemble(&self, estimate: usize, mut write: impl FnMut(S, &mut Vec<u8>)) -> Vec<u8> {
        let first = HEAD + ENTRY * N;
        let mut bytes = Vec::with_capacity(estimate + first);
        bytes.resize(first, 0);
        let mut table = Vec::with_capacity(ENTRY * N);
        for section in self.sections {
            let start = bytes.len();
            write(section, &mut bytes);
            let own = bytes.get(start..).unwrap_or_default();
            table.extend(section.tag());
            table.extend(crc32fast::hash(own).to_le_bytes());
            table.extend((own.len() as u64).to_le_bytes());
        }
        let mut head = Vec::with_capacity(HEAD);
        head.extend(self.magic);
        head.extend(self.version.to_le_bytes());
        head.extend(u32::try_from(N).unwrap_or_default().to_le_bytes());
        head.extend((bytes.len() as u64).to_le_bytes());
        head.extend(crc32fast::hash(&table).to_le_bytes());
        head.extend(crc32fast::hash(&head).to_le_bytes());
        for (place, byte) in bytes.iter_mut().zip(head.iter().chain(&table)) {
            *place = *byte;
        }
        bytes
    }

    /// Takes a snapshot apart, when it is whole and as it was written.
    pub(crate) fn take_apart<'b>(&self, bytes: &'b [u8]) -> Result<[Part<'b>; N], SnapshotError> {
        if bytes.iter().zip(self.magic).any(|(found, expected)| *found != expected) || bytes.is_empty() {
            return Err(SnapshotError::NotASnapshot);
        }
        let found = bytes.len() as u64;
        let cut_off = |expected: usize| SnapshotError::Truncated { expected: expected as u64, found };
        let version = number(bytes, 8).ok_or_else(|| cut_off(HEAD))?;
        if version > u64::from(self.version) {
            // What follows the version is the affair of that version.
            let found = u32::try_from(version).unwrap_or(u32::MAX);
            return Err(SnapshotError::NewerVersion { found, known: self.version });
        }
        let head = bytes.get(..HEAD).ok_or_else(|| cut_off(HEAD))?;
        check("head", 0, head.get(..HEAD - 4).unwrap_or_default(), number(head, HEAD - 4))?;
        let malformed = |offset: usize, reason: String| SnapshotError::Malformed {
            section: "head",
            offset: offset as u64,
            reason,
        };
        if version != u64::from(self.version) {
            return Err(malformed(8, format!("there is no format {version}")));
        }
        if number(head, 12) != Some(N as u64) {
            let reason = format!("format {version} has {N} sections");
            return Err(malformed(12, reason));
        }
        let total = long(head, 16).unwrap_or_default();
        if total > found {
            return Err(SnapshotError::Truncated { expected: total, found });
        }
        if total < found {
            return Err(malformed(16, format!("{} bytes follow its end", found - total)));
        }
        let end = HEAD + ENTRY * N;
        let table = bytes.get(HEAD..end).ok_or_else(|| cut_off(end))?;
        check("table of sections", HEAD, table, number(head, 24))?;

        let mut parts: [Part<'b>; N] = self.sections.map(|section| (section.word(), 0, &[][..]));
        let (mut at, mut rest) = (end, bytes.get(end..).unwrap_or_default());
        let entries = self.sections.iter().zip(table.chunks(ENTRY));
        for ((place, part), (section, entry)) in parts.iter_mut().enumerate().zip(entries) {
            let offset = HEAD + ENTRY * place;
            let wrong = |reason| SnapshotError::Malformed {
                section: "table of sections",
                offset: offset as u64,
                reason,
            };
            let tag = entry.get(..4).unwrap_or_default();
            if tag != section.tag() {
                let tag = tag.escape_ascii();
                let expected = section.tag();
                let expected = expected.escape_ascii();
                return Err(wrong(format!("section `{tag}` stands where format {version} has `{expected}`")));
            }
            let length = usize::try_from(long(entry, 8).unwrap_or_default()).ok();
            let Some((own, after)) = length.and_then(|length| rest.split_at_checked(length)) else {
                return Err(wrong(format!("section `{}` is longer than the snapshot", tag.escape_ascii())));
            };
            check(section.word(), at, own, number(entry, 4))?;
            *part = (section.word(), at, own);
            at += own.len();
            rest = after;
        }
        if !rest.is_empty() {
            return Err(malformed(16, format!("{} bytes belong to no section", rest.len())));
        }
        Ok(parts)
    }
}

fn check(section: &'static str, start: usize, own: &[u8], stated: Option<u64>) -> Result<(), SnapshotError> {
    if stated == Some(u64::from(crc32fast::hash(own))) {
        return Ok(());
    }
    let end = (start + own.len()) as u64;
    Err(SnapshotError::Checksum { section, start: start as u64, end })
}

// A number of 32 bits.
fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let own = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*own)))
}

// A number of 64 bits.
fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|own| u64::from_le_bytes(*own))
}
