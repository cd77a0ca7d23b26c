//! Which version does a document of answers have?

use serde::{Deserialize, Serialize};

/// The version that documents of this module carry, and the only one that is read.
pub(super) const VERSION: u64 = 1;

/// The version, as a field: it is written as its number, and another is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub(super) struct Version;

impl From<Version> for u64 {
    fn from(_: Version) -> Self {
        VERSION
    }
}

impl TryFrom<u64> for Version {
    type Error = String;

    fn try_from(version: u64) -> Result<Self, String> {
        if version == VERSION {
            Ok(Self)
        } else {
            Err(format!("this release reads version {VERSION}, not {version}"))
        }
    }
}
