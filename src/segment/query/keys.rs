//! In which order do accounts stand?

use std::cmp::Ordering;

use crate::book::Account;
use crate::expr::{
    AccountExpr, Answers, Checked, Columns, ExprPlan, ExprPlanErrors, ExprValue, Type, Val, compare_values,
};

/// What one key of order asks of each account: by itself where that is a look-up, else in one pass over the view.
pub(super) enum Asked<'v> {
    Single(AccountExpr<'v>),
    All(Answers),
    /// How well it fits a search.
    Rank,
}

/// One key of order, or one column.
pub(super) struct Key<'v> {
    pub(super) asked: Asked<'v>,
    pub(super) kind: Type,
    pub(super) descending: bool,
}

impl<'v> Key<'v> {
    pub(super) fn new(columns: Columns<'v>, by: &Checked, descending: bool) -> Result<Self, ExprPlanErrors> {
        // A derived column is read as a whole: one look-up, not one for each account.
        let asked = if by.asks_others() || by.asks_usage() || by.reads().any(|name| columns.is_derived(name))
        {
            Asked::All(ExprPlan::new([by]).run(columns)?)
        } else {
            Asked::Single(by.for_accounts(columns)?)
        };
        Ok(Self { asked, kind: by.kind().clone(), descending })
    }

    /// Asked of each account by itself: of a few.
    pub(super) fn single(columns: Columns<'v>, value: &Checked) -> Result<Self, ExprPlanErrors> {
        let asked = Asked::Single(value.for_accounts(columns)?);
        Ok(Self { asked, kind: value.kind().clone(), descending: false })
    }

    pub(super) const fn rank() -> Self {
        Self { asked: Asked::Rank, kind: Type::Int, descending: false }
    }

    /// The value of an account.
    pub(super) fn value(&self, account: Account<'_>, rank: i64) -> Val<'_> {
        match &self.asked {
            Asked::Single(expr) => expr.answer(account.place()),
            Asked::All(answers) => answers.answer(0, account.place()),
            Asked::Rank => Val::Int(rank),
        }
    }

    /// Which of two values stands first; missing ones stand last.
    pub(super) fn order(&self, a: &Val<'_>, b: &Val<'_>) -> Ordering {
        match (a.is_missing(), b.is_missing()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let order = compare_values(a, b);
                if self.descending { order.reverse() } else { order }
            }
        }
    }

    /// A value as a cursor keeps it.
    pub(super) fn shown(&self, value: &Val<'_>) -> Option<ExprValue> {
        value.to_value(&self.kind)
    }

    /// The value of a cursor; `None` where it is none of this key.
    pub(super) fn read<'c>(&'c self, shown: Option<&'c ExprValue>) -> Option<Val<'c>> {
        match shown {
            None => Some(Val::Missing),
            Some(value) => Some(Val::of_shown(value, &self.kind)).filter(|value| !value.is_missing()),
        }
    }
}
