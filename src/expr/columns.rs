//! What are questions put to?

use std::fmt;
use std::sync::Arc;

use super::batch::{Known, Supply, stored};
use super::names::Of;
use super::types::Type;
use super::value::{ExprValue, Val};
use crate::book::{Account, View};
use crate::model::AccountIdx;
use crate::set::AccountSet;

/// Everything that is known of the accounts of a view: the attributes and child tables of its book, and what is derived beside
/// them. Every question (plans, queries, groups, explanations) takes `impl Into<Columns>`.
///
/// | made from | knows |
/// |---|---|
/// | [`&View`](View) | the book |
/// | [`&UsageView`](crate::aggregate::UsageView) | the book, events and metrics |
/// | [`&Memberships`](crate::segment::Memberships) | the book, and the members of the segments |
/// | [`&Derived`](crate::catalog::Derived) | all of these, and every definition of a catalog |
/// | [`&LiveView`](crate::engine::LiveView) | the same; a definition is computed when a question first reads it |
///
/// A question that reads a name, a segment or usage that is not known, or a name of another type than it was checked with, is
/// refused with [`ExprPlanErrors`](super::ExprPlanErrors). Nothing that the view does not show is read.
#[derive(Clone, Copy)]
pub struct Columns<'c> {
    view: &'c View,
    supply: Option<&'c dyn Supply>,
}

impl<'c> Columns<'c> {
    pub(crate) const fn new(view: &'c View, supply: &'c dyn Supply) -> Self {
        Self { view, supply: Some(supply) }
    }

    /// The view whose accounts they are of.
    #[must_use]
    pub const fn view(&self) -> &'c View {
        self.view
    }

    pub(crate) const fn supply(&self) -> Option<&'c dyn Supply> {
        self.supply
    }

    /// The type of an attribute or a derived column; `None` where there is none of that name.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<Type> {
        Known::kind(self, Of::Account, name)
    }

    /// Is a column derived: not of the book?
    pub(crate) fn is_derived(&self, name: &str) -> bool {
        let of_book =
            self.view.schema().attribute(name).is_some() || matches!(name, "account_type" | "product");
        !of_book && self.kind(name).is_some()
    }

    /// The value of an attribute or a derived column for an account; `None` where it has none, for a name that is not known, and
    /// for an account that the view does not show.
    ///
    /// # Complexity
    ///
    /// A look-up. A [`LiveView`](crate::engine::LiveView) first computes a definition that it does not hold, for all its accounts.
    #[must_use]
    pub fn value(&self, name: &str, account: Account<'_>) -> Option<ExprValue> {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        let place = Some(account.place()).filter(|place| ours && self.view.sees(*place))?;
        if !self.is_derived(name) {
            return match name {
                "account_type" => Some(ExprValue::Text(Arc::from(account.account_type()))),
                "product" => account.product().map(|product| ExprValue::Text(Arc::from(product))),
                _ => self.stored(name, place),
            };
        }
        let supply = self.supply?;
        Val::of_cell(&supply.column_at(name, place)).to_value(&self.kind(name)?)
    }

    /// The value of an attribute of the book.
    fn stored(&self, name: &str, place: AccountIdx) -> Option<ExprValue> {
        let (attribute, kind) = (self.view.schema().attribute(name)?, self.kind(name)?);
        let block = self.view.inner().chunk(place.slot)?.column(attribute.index())?;
        stored(block, place.row as usize, Some(&kind)).to_value(&kind)
    }

    /// The members of a segment that the view shows; `None` for one that is not known.
    #[must_use]
    pub fn members(&self, segment: &str) -> Option<AccountSet> {
        self.supply?.members(segment)
    }
}

impl<'c> From<&'c View> for Columns<'c> {
    fn from(view: &'c View) -> Self {
        Self { view, supply: None }
    }
}

impl fmt::Debug for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").field("view", self.view).finish_non_exhaustive()
    }
}
