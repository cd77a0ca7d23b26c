//! What has every definition: a name, a version, and what people read of it?
//!
//! The host counts versions; documents leave the first one out.

/// The version of a definition that names none.
pub(crate) const FIRST: u64 = 1;

pub(crate) const fn first() -> u64 {
    FIRST
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "asked by serde")]
pub(crate) const fn is_first(version: &u64) -> bool {
    *version == FIRST
}

/// The methods that all definitions have.
macro_rules! named {
    ($kind:ident) => {
        impl $kind {
            /// The version of the definition, which the host counts.
            #[must_use]
            pub const fn at_version(mut self, version: u64) -> Self {
                self.version = version;
                self
            }

            /// The version of the definition: 1 unless it says so.
            #[must_use]
            pub const fn version(&self) -> u64 {
                self.version
            }

            /// Its name.
            #[must_use]
            pub fn name(&self) -> &str {
                &self.name
            }
        }
    };
    ($kind:ident, described) => {
        $crate::aggregate::version::named!($kind);

        impl $kind {
            /// With a text that says what it means.
            #[must_use]
            pub fn description(mut self, description: &str) -> Self {
                self.description = Some(std::sync::Arc::from(description));
                self
            }

            /// What it means.
            #[must_use]
            pub fn documentation(&self) -> Option<&str> {
                self.description.as_deref()
            }
        }
    };
}
pub(crate) use named;
