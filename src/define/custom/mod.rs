//! Kinds of definitions of the host's own.

mod definition;
mod given;
mod input;
mod kind;
mod kinds;

pub use self::definition::{Custom, CustomPart};
pub use self::given::{CustomInputs, InputValue};
pub use self::input::CustomInput;
pub use self::kind::{CustomKind, CustomOutput, InputType};
pub use self::kinds::{CustomKinds, TakenKind};

/// Most inputs of a [`Custom`] definition, or of one of its parts, and most columns of an input over rows.
pub const MAX_CUSTOM_INPUTS: usize = 64;

/// Most outputs of a [`CustomKind`].
pub const MAX_CUSTOM_OUTPUTS: usize = 64;

/// Most parts of a [`Custom`] definition.
pub const MAX_CUSTOM_PARTS: usize = 1_000;
/// Most definitions that one brings with it.
pub const MAX_BROUGHT: usize = 100;
