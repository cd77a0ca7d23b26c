//! How do values combine up the tree?
//!
//! A [`RollUp`] says what is combined, over which rows, and what an account's own value has to do with
//! it; a [`FoldPlan`] is a checked list of them; running it on a view gives [`Totals`]. Each chunk is
//! folded by one pure function of its own blocks and of what its limbs export, so that a refresh after
//! a change is the same code run where something is new. This module knows columns, no expressions.

mod candidate;
mod exact;
mod kernel;
mod mask;
mod own;
mod plan;
mod rates;
mod reach;
mod roll_up;
mod run;
mod state;
mod totals;

pub(crate) use exact::{QUANTUM_BITS, from_order_key, from_quanta, order_key, to_quanta};
pub(crate) use own::{converted, divide_half_even};
pub use plan::{FoldError, FoldErrors, FoldPlan};
pub use rates::Rates;
pub use reach::Reach;
pub use roll_up::RollUp;
pub(crate) use state::Sum;
pub(crate) use totals::Folded;
pub use totals::{FoldValue, Totals};

/// Most values of an enumeration that a distribution counts one by one.
pub const MAX_DISTRIBUTION: usize = 256;
