//! What do values come to, for every account over what stands below it?
//!
//! Rulings S83 to S88, S106, S125 and S126 of [`docs::semantics`](crate::docs::semantics).

mod answers;
mod buckets;
mod checked;
mod convert;
mod counts;
mod definition;
mod distinct;
mod evaluate;
mod events;
mod fault;
mod forest;
mod lean;
mod linear;
mod moments;
mod order;
mod own;
mod own_columns;
mod partial;
mod parts;
mod plain;
mod plan;
mod run;
mod spec;
mod state;
mod turn;

pub use answers::RollUpAnswers;
pub(crate) use answers::{Keep, Places, RollUpResult};
pub(crate) use checked::CheckedRollUp;
pub use definition::{MAX_RANKED, MAX_UNION, Nulls, Operator, Over, RollUp};
pub(crate) use evaluate::Standing;
pub(crate) use events::EventTerms;
pub use fault::{RollUpErrors, RollUpFault, RollUpFaultKind};
pub(crate) use linear::{Linear, LinearOf};
pub(crate) use own::{Gathered, OwnRows, RollUpAt};
pub use partial::{Partial, PartialError};
pub(crate) use plan::RollUpInputs;
pub use plan::RollUpPlan;
pub(crate) use turn::Turn;
