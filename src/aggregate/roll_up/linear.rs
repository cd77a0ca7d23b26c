//! What is known of rows where it can be taken away again: counts, sums, means, ratios and shares.
//!
//! Their states are a group: what a row adds can be subtracted, exactly, so that a row that changes changes every account
//! above it by a difference. Such a state is kept instead of the answer, which is worked out of it when it is asked.

use std::sync::Arc;

use super::definition::Nulls;
use super::lean::{Accumulate, CountState, PairState, SumState};
use super::spec::Spec;
use super::state::Read;
use crate::expr::Cell;
use crate::fold::Sum;

/// The state of any of these operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Linear {
    pub(crate) above: Sum,
    pub(crate) below: Sum,
    pub(crate) counted: u64,
    pub(crate) skipped: u64,
}

impl Linear {
    /// With what is in another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.above.merge(&other.above);
        self.below.merge(&other.below);
        self.counted = self.counted.wrapping_add(other.counted);
        self.skipped = self.skipped.wrapping_add(other.skipped);
    }

    /// What must be added to have what is in another taken away.
    pub(crate) fn negated(&self) -> Self {
        Self {
            above: self.above.negated(),
            below: self.below.negated(),
            counted: self.counted.wrapping_neg(),
            skipped: self.skipped.wrapping_neg(),
        }
    }
}

/// What makes an answer of a state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LinearOf {
    pub(super) spec: Arc<Spec>,
    pub(super) nulls: Nulls,
}

impl LinearOf {
    /// Of an operator; `None` for one whose states cannot be taken away.
    pub(super) fn new(spec: &Arc<Spec>, nulls: Nulls) -> Option<Self> {
        let is_linear = matches!(
            **spec,
            Spec::Count | Spec::Sum { .. } | Spec::Average { .. } | Spec::Ratio { .. } | Spec::Share { .. }
        );
        is_linear.then(|| Self { spec: spec.clone(), nulls })
    }

    /// The state of some rows.
    pub(super) fn state(&self, rows: impl FnOnce(&mut dyn FnMut(&Read<'_>))) -> Linear {
        fn all<S: Accumulate + Into<Linear>>(
            spec: &Spec,
            rows: impl FnOnce(&mut dyn FnMut(&Read<'_>)),
        ) -> Linear {
            let mut state = S::default();
            rows(&mut |row| state.add(spec, row));
            state.into()
        }
        match &*self.spec {
            Spec::Sum { .. } | Spec::Average { .. } => all::<SumState>(&self.spec, rows),
            Spec::Ratio { .. } | Spec::Share { .. } => all::<PairState>(&self.spec, rows),
            _ => all::<CountState>(&self.spec, rows),
        }
    }

    /// The answer.
    pub(crate) fn value(&self, state: &Linear) -> Cell {
        match &*self.spec {
            Spec::Sum { .. } | Spec::Average { .. } => SumState::from(*state).value(&self.spec, self.nulls),
            Spec::Ratio { .. } | Spec::Share { .. } => PairState::from(*state).value(&self.spec, self.nulls),
            _ => CountState::from(*state).value(&self.spec, self.nulls),
        }
    }

    /// How many sums a state has.
    pub(crate) fn sums(&self) -> usize {
        match &*self.spec {
            Spec::Sum { .. } | Spec::Average { .. } => 1,
            Spec::Ratio { .. } | Spec::Share { .. } => 2,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_away_leaves_no_trace() {
        let state = |value: i128| Linear { above: Sum::of(value), below: Sum::UNFIT, counted: 1, skipped: 2 };
        let kept = state(5);
        for value in [0, -1, i128::MAX, i128::MIN, 1 << 100] {
            let other = state(value);
            let mut both = kept;
            both.add(&other);
            both.add(&other.negated());
            assert_eq!(both, kept, "{value}");
            let mut none = Linear::default();
            none.add(&kept.negated());
            none.add(&kept);
            assert_eq!(none, Linear::default());
        }
    }
}
