//! Which accounts does a ranking compare?
//!
//! Those that the view shows and that are not cancelled: ruling S116 of `docs/semantics`.

use crate::aggregate::{Ranking, places};
use crate::book::View;
use crate::expr::{Flat, Type};
use crate::model::{AccountIdx, SystemAttribute};

/// Which accounts a ranking compares, and which of them have a place above 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peers {
    /// The least value, and the digits of what is compared with it.
    at_least: Option<(f64, u8)>,
    /// Only those of the same group.
    pub(super) in_groups: bool,
    pub(super) with_cancelled: bool,
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
            in_groups: ranking.within.is_some(),
            with_cancelled: ranking.with_cancelled,
        }
    }

    /// The places of the accounts of a view among their peers, by their values.
    pub(super) fn places(
        self,
        view: &View,
        slots: &[(u32, u32)],
        value: &Flat,
        within: Option<&Flat>,
    ) -> Flat {
        let mut peers = visible(view, slots);
        let status = view.schema().system_attribute(SystemAttribute::Status);
        if let Some(status) = status.filter(|_| !self.with_cancelled) {
            for (slot, first) in slots {
                let rows = view.inner().chunk(*slot).map_or(0, |chunk| chunk.shape.rows());
                for row in 0..rows {
                    if view.inner().has_cancelled(AccountIdx::new(*slot, row), status)
                        && let Some(peer) = peers.get_mut((*first + row) as usize)
                    {
                        *peer = false;
                    }
                }
            }
        }
        let is_peer = |row: usize| peers.get(row) == Some(&true);
        places(value.len(), is_peer, value, within, self.at_least)
    }
}

/// Which rows are seen.
pub(super) fn visible(view: &View, slots: &[(u32, u32)]) -> Vec<bool> {
    let mut seen = Vec::new();
    for (slot, _) in slots {
        let rows = view.inner().chunk(*slot).map_or(0, |chunk| chunk.shape.rows());
        let bits = view.scope().set().map(|set| set.bitmap(*slot));
        seen.extend((0..rows as usize).map(|row| match &bits {
            None => true,
            Some(bits) => bits.is_some_and(|bits| bits.get(row)),
        }));
    }
    seen
}
