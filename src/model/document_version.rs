//! Which version does a document have?

use serde::{Deserialize, Serialize};

use super::JsonFaultKind;

/// The version that documents of segments, queries and answers carry, and the only one that is read.
pub(crate) const DOCUMENT_VERSION: u64 = 1;

/// The version, as a field: it is written as its number, and another is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub(crate) struct DocumentVersion;

impl From<DocumentVersion> for u64 {
    fn from(_: DocumentVersion) -> Self {
        DOCUMENT_VERSION
    }
}

impl TryFrom<u64> for DocumentVersion {
    type Error = String;

    fn try_from(version: u64) -> Result<Self, String> {
        if version == DOCUMENT_VERSION {
            Ok(Self)
        } else {
            Err(JsonFaultKind::Version { version, understood: DOCUMENT_VERSION }.to_string())
        }
    }
}

/// Is a field that documents leave out at its default: nothing left out, none cancelled?
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
