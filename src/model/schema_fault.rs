//! What is wrong with a schema, and where?

use super::currency::UnknownCurrency;
use super::json::{At, JsonFault};
use super::limits::{MAX_NAME_BYTES, MAX_SCALE, MAX_SCHEMA_BYTES, MAX_TEXT_BYTES};
use super::{Faults, JsonFaultKind};

/// Something wrong with a schema, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{kind}", At(path))]
pub struct SchemaFault {
    path: String,
    kind: SchemaFaultKind,
}

impl SchemaFault {
    pub(super) fn new(path: impl Into<String>, kind: SchemaFaultKind) -> Self {
        Self { path: path.into(), kind }
    }

    /// Where: a JSON pointer, `/attributes/3/values`, counted from 0; empty for the document as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What.
    #[must_use]
    pub const fn kind(&self) -> &SchemaFaultKind {
        &self.kind
    }
}

/// What is wrong with a part of a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum SchemaFaultKind {
    #[error("no account types; declare at least one")]
    NoAccountTypes,
    #[error("name is empty")]
    EmptyName,
    #[error("name has {bytes} bytes; the limit is {MAX_NAME_BYTES}")]
    LongName { bytes: usize },
    #[error("name `{name}` may hold letters, digits, and `_ . - /` or single spaces between them")]
    BadName { name: String },
    #[error("name `{name}` is reserved")]
    Reserved { name: String },
    #[error("`{name}` is declared twice")]
    Repeated { name: String },
    #[error("unknown account type `{name}`{hint}")]
    UnknownType { name: String, hint: String },
    #[error("required for `{name}`, to which it does not apply")]
    RequiredWhereNotApplied { name: String },
    #[error("scale {scale} is out of range; 0 to {MAX_SCALE} digits after the point are possible")]
    Scale { scale: u64 },
    #[error("no allowed values")]
    NoValues,
    #[error("{count} {what}; the limit is {limit}")]
    TooMany { what: &'static str, count: usize, limit: usize },
    #[error("`{name}` is a system attribute of another type")]
    SystemType { name: String },
    #[error("status values need a group each (free, paying or cancelled)")]
    StatusWithoutGroups,
    #[error("amounts of mixed currency belong in child tables; give the attribute one currency")]
    MixedMoneyOnAccount,
    #[error("currency column `{name}` is no text or enumeration column of this table")]
    CurrencyColumn { name: String },
    #[error("a longest text of {bytes} bytes is out of range; the limit is {MAX_TEXT_BYTES}")]
    TextLength { bytes: usize },
    #[error("document of {bytes} bytes; the limit is {MAX_SCHEMA_BYTES}")]
    DocumentTooLarge { bytes: usize },
    #[error("document is no UTF-8 text: byte {at} cannot be read")]
    NotUtf8 { at: usize },
    #[error("does not belong to {owner}")]
    Misplaced { owner: String },
    #[error(transparent)]
    UnknownCurrency(UnknownCurrency),
    /// What is wrong with the JSON of a document, as of any other.
    #[error(transparent)]
    Json(JsonFaultKind),
    /// A fault that has no variant of its own.
    #[error("{message}")]
    Document { message: String },
}

/// Every fault of a schema, in the order of the document.
pub type SchemaErrors = Faults<SchemaFault>;

impl From<JsonFault> for SchemaFault {
    fn from(fault: JsonFault) -> Self {
        Self::new(fault.path, SchemaFaultKind::Json(fault.kind))
    }
}

impl SchemaErrors {
    pub(super) fn note(&mut self, path: impl Into<String>, kind: SchemaFaultKind) {
        self.add(|| SchemaFault::new(path, kind));
    }
}
