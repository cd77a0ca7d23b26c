//! How do columns combine up the tree, where they lie?
//!
//! The fast way of roll-ups that need no expression. A [`Fold`] says what is combined and over which rows; a [`FoldPlan`] knows
//! where these lie; running it on a view gives [`Totals`]. Each chunk is folded by one pure function of its own blocks and of what
//! its limbs export, so that a refresh after a change is the same code run where something is new. This module knows columns, no
//! expressions, and says of no sum what it is a sum of: that is known above it.

mod candidate;
mod definition;
mod exact;
mod exchange_rates;
mod kernel;
mod mask;
mod own;
mod plan;
mod reach;
mod rounding;
mod run;
mod state;
mod totals;

pub(crate) use definition::{Fold, FoldOperator, Passes};
pub(crate) use exact::{QUANTUM_BITS, from_order_key, from_quanta, order_key, to_quanta};
pub use exchange_rates::{ExchangeRate, ExchangeRates, RateFault, RateFaultKind, RateKind};
pub(crate) use plan::FoldPlan;
pub use reach::Reach;
pub(crate) use rounding::{converted, divide_half_even};
pub(crate) use state::Sum;
pub(crate) use totals::{Folded, Totals};

/// Most values of an enumeration that a distribution counts one by one.
pub const MAX_DISTRIBUTION: usize = 256;

/// Most values of a distribution that is folded: every account has a number for each there, with rows or without. Of more, only accounts
/// with rows have.
const MAX_FOLDED_VALUES: usize = 32;
