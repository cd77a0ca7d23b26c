//! Which accounts does a ranking compare?
//!
//! Those that are seen and not cancelled: ruling S116 of `docs/semantics`.

use super::function::WholeFunction;
use crate::aggregate::{Ranking, Standing, places};
use crate::expr::{Flat, Type};

/// Which accounts a ranking compares, and which of them have a place above 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peers {
    /// The least value, and the digits of what is compared with it.
    at_least: Option<(f64, u8)>,
    with_cancelled: bool,
}

impl Peers {
    /// `kind` is the type of what is ranked.
    pub(super) fn of(ranking: &Ranking, kind: &Type) -> Self {
        let scale = match kind {
            Type::Decimal { scale } | Type::Money { scale, .. } => *scale,
            _ => 0,
        };
        Self {
            at_least: ranking.at_least.map(|least| (least, scale)),
            with_cancelled: ranking.with_cancelled,
        }
    }
}

impl WholeFunction for Peers {
    /// The places of all accounts by the first input, among those with the same value of the second, if there is one.
    fn whole(&self, standing: &Standing, inputs: &[Flat]) -> Vec<Flat> {
        let Some(value) = inputs.first() else { return Vec::new() };
        let is_peer =
            |row: usize| standing.tree.sees(row) && (self.with_cancelled || !standing.is_cancelled(row));
        vec![places(value.len(), is_peer, value, inputs.get(1), self.at_least)]
    }
}
