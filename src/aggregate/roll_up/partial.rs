//! What is known of a part of the rows, to be merged with other parts?

use std::sync::Arc;

use super::checked::CheckedRollUp;
use super::definition::{Nulls, Operator};
use super::evaluate::{Rows, Standing};
use super::own::RollUpAt;
use super::plan::{Kind, RollUpPlan};
use super::spec::Spec;
use super::state::{Read, State};
use crate::aggregate::usage::UsageView;
use crate::book::Account;
use crate::expr::{Cell, ExprValue, Supply, Type, Val};

/// What a roll-up knows of some rows: an intermediate result, which is merged with those of other rows.
///
/// Merging is exact, associative and commutative, so that shards, machines and subtrees may be merged in any order and
/// grouping: the answer has the same bits.
///
/// ```
/// use perennial::aggregate::{Operator, Partial};
/// use perennial::expr::{ExprValue, Type};
///
/// let average = Operator::Average("seats".into());
/// let mut north = Partial::new(&average, &Type::Int, None)?;
/// north.add(Some(&ExprValue::Int(10)), None);
/// let mut south = Partial::new(&average, &Type::Int, None)?;
/// south.add(Some(&ExprValue::Int(20)), None);
/// south.add(Some(&ExprValue::Int(60)), None);
/// south.add(None, None);
/// north.merge(&south)?;
/// // Not the mean of the two means, which is 25.
/// assert_eq!(north.value(), Some(ExprValue::Double(30.0)));
/// assert_eq!((north.counted(), north.skipped()), (3, 1));
/// # Ok::<(), perennial::aggregate::PartialError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    spec: Arc<Spec>,
    kinds: Arc<Kinds>,
    nulls: Nulls,
    state: State,
}

#[derive(Debug, PartialEq)]
struct Kinds {
    of: Type,
    second: Option<Type>,
    answer: Type,
}

/// Why a partial result cannot be made, or merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartialError {
    /// The operator does not fit the types.
    #[error("{0}")]
    Unfit(String),
    /// The other one is of another operator, or over other types.
    #[error("partial results of different roll-ups do not merge")]
    Different,
}

impl RollUpPlan {
    /// The partial result of a roll-up over the rows within the reach of one account: its answer there, without computing those of
    /// all other accounts, to be merged with partial results of other books. `None` for an unknown roll-up, for an account that
    /// the view does not show, and on a view of a book with another schema. An account that does not receive the roll-up
    /// ([`RollUp::levels`](super::RollUp::levels)) has a partial result all the same.
    ///
    /// # Complexity
    ///
    /// Linear in the expressions of the plan, and in the rows within reach. Where a row reads all accounts below, above or beside its
    /// own, the expressions of this one roll-up are evaluated for all accounts in one pass instead, as [`RollUpPlan::run`] does:
    /// reading them account by account would be quadratic.
    #[must_use]
    pub fn partial(&self, name: &str, account: Account<'_>, usage: Option<&UsageView>) -> Option<Partial> {
        let entry = self.roll_ups.get(name)?;
        let group = self.groups.get(entry.group)?;
        let view = usage.map_or_else(|| account.view(), UsageView::view);
        let ours = view.inner().layout.same(&account.view().inner().layout);
        let known = Arc::ptr_eq(&self.schema, view.schema()) || self.schema == *view.schema();
        let place = Some(account.place()).filter(|place| ours && known && view.sees(*place))?;
        let (view, usage) = self.at_own_rates(view, usage);
        let (view, usage) = (&*view, usage.as_deref());
        let rates = view.dated_rates();
        let supply = usage.map(|usage| usage as &dyn Supply);
        // The expressions of other roll-ups are not evaluated.
        let (columns, places) = entry.places.apart();
        let plan = group.plan.only(&columns);
        let state = if plan.sight().is_far() && !matches!(group.over, Kind::Events(..)) {
            let columns = plan.run(view, supply, &|| false).ok()?;
            let rows = Rows::Columns(&columns, rates);
            Standing::new(view).state(&entry.checked, &rows, places, place)?
        } else {
            let program = plan.at(view.as_of(), &self.schema);
            let terms = self.terms_of(entry, view.as_of());
            let at = RollUpAt { view, programs: &[], supply, usage, rates };
            self.rows_of(entry, (Some(&program), places), at, terms.as_ref())?.within(place)
        };
        Some(Partial::of(&entry.checked, state))
    }
}

impl Partial {
    /// Of no rows yet: of an operator over values of some types.
    ///
    /// # Errors
    ///
    /// [`PartialError::Unfit`] where the operator has no answer over such values.
    pub fn new(operator: &Operator, of: &Type, second: Option<&Type>) -> Result<Self, PartialError> {
        let (spec, answer) = Spec::of(operator, Some(of), second, false).map_err(PartialError::Unfit)?;
        let kinds = Kinds { of: of.clone(), second: second.cloned(), answer };
        Ok(Self { spec: Arc::new(spec), kinds: Arc::new(kinds), nulls: Nulls::Skip, state: State::default() })
    }

    pub(super) fn of(roll_up: &CheckedRollUp, state: State) -> Self {
        let [of, second] = roll_up.values.clone();
        let kinds = Kinds { of: of.unwrap_or(Type::Bool), second, answer: roll_up.kind.clone() };
        let nulls = roll_up.definition.nulls;
        Self { spec: roll_up.spec.clone(), kinds: Arc::new(kinds), nulls, state }
    }

    /// Adds a row: its value, and the other one where the operator reads two (a denominator, a date). A weighted average
    /// takes the product of value and weight, and the weight. Of another type than declared is without a value.
    pub fn add(&mut self, value: Option<&ExprValue>, second: Option<&ExprValue>) {
        let read = |value: Option<&ExprValue>, kind: &Type| {
            value.and_then(|value| Val::of_shown(value, kind).to_cell()).unwrap_or(Cell::Missing)
        };
        let first = read(value, &self.kinds.of);
        let other = self.kinds.second.as_ref().map(|kind| read(second, kind));
        let row = Read::once(Val::of_cell(&first), other.as_ref().map(Val::of_cell));
        self.state.add(&self.spec, &row);
    }

    /// Merges the rows of another one into it.
    ///
    /// # Errors
    ///
    /// [`PartialError::Different`]; it is as it was then.
    pub fn merge(&mut self, other: &Self) -> Result<(), PartialError> {
        if self.spec != other.spec || self.kinds != other.kinds || self.nulls != other.nulls {
            return Err(PartialError::Different);
        }
        self.state.absorb(&self.spec, other.state.clone());
        Ok(())
    }

    /// The answer for all rows so far.
    #[must_use]
    pub fn value(&self) -> Option<ExprValue> {
        Val::of_cell(&self.state.value(&self.spec, self.nulls)).to_value(&self.kinds.answer)
    }

    /// The type of the answer.
    #[must_use]
    pub fn kind(&self) -> &Type {
        &self.kinds.answer
    }

    /// How many rows had a value.
    #[must_use]
    pub const fn counted(&self) -> u64 {
        self.state.counted
    }

    /// How many rows had none, and were passed over.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.state.skipped
    }
}
