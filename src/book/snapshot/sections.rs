//! Which parts does a snapshot of a book have?

use super::format::{Format, Section};

/// A part of a snapshot of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BookSection {
    Schema,
    Book,
    Accounts,
    Values,
    ChildRows,
    Held,
    Successions,
}

pub(super) const FORMAT: Format<BookSection, 7> = Format {
    magic: *b"\x8ePNL\r\n\x1a\n",
    version: 1,
    sections: [
        BookSection::Schema,
        BookSection::Book,
        BookSection::Accounts,
        BookSection::Values,
        BookSection::ChildRows,
        BookSection::Held,
        BookSection::Successions,
    ],
};

impl Section for BookSection {
    fn tag(self) -> [u8; 4] {
        *match self {
            Self::Schema => b"SCHM",
            Self::Book => b"BOOK",
            Self::Accounts => b"ACCT",
            Self::Values => b"VALS",
            Self::ChildRows => b"ROWS",
            Self::Held => b"HELD",
            Self::Successions => b"SUCC",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Book => "policy and version",
            Self::Accounts => "accounts",
            Self::Values => "values",
            Self::ChildRows => "child rows",
            Self::Held => "held rows",
            Self::Successions => "successions",
        }
    }
}
