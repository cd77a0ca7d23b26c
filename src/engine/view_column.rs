//! How is one column read for many accounts?
//!
//! `LiveView::value` finds the column by its name each time, under a lock. A [`ViewColumn`] has found it once. It borrows its
//! view, so that it cannot be asked in another state, scope or moment.

use super::column::Column;
use super::live::LiveView;
use crate::book::Account;
use crate::expr::{ExprValue, Type, Val};

/// A column of a view, found by its name once: for reads of many accounts. From [`LiveView::column`]; cloning is cheap.
#[derive(Clone)]
pub struct ViewColumn<'v> {
    view: &'v LiveView,
    column: Column,
    kind: &'v Type,
}

impl std::fmt::Debug for ViewColumn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewColumn").field("view", self.view).field("kind", self.kind).finish_non_exhaustive()
    }
}

impl<'v> ViewColumn<'v> {
    /// The type of its values.
    #[must_use]
    pub const fn kind(&self) -> &'v Type {
        self.kind
    }

    /// The value for an account, as [`LiveView::value`] gives it: `None` where it has none, and for an account that is not visible in the
    /// view of the column.
    ///
    /// # Complexity
    ///
    /// A look-up by the place of the account.
    #[must_use]
    pub fn value(&self, account: Account<'_>) -> Option<ExprValue> {
        let place = self.view.place(account)?;
        Val::of_cell(&self.column.cell(place)).to_value(self.kind)
    }

    /// How many rows with a value, and how many without one, are in a roll-up, as [`LiveView::counts`] gives them.
    #[must_use]
    pub fn counts(&self, account: Account<'_>) -> Option<(u64, u64)> {
        let (counted, skipped) = self.column.counts(self.view.place(account)?)?;
        Some((u64::from(counted), u64::from(skipped)))
    }
}

impl LiveView {
    /// A column (a calculated attribute, past value, roll-up or ranking), to be read for many accounts: a page of a list, an export. `None`
    /// for a column that is not defined, and for one that is not answered in this view.
    ///
    /// # Complexity
    ///
    /// As the first [`LiveView::value`] of the column: it is computed, unless it is cached.
    ///
    /// ```
    /// use perennial::aggregate::{Operator, RollUp};
    /// use perennial::engine::{Engine, EngineSettings};
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Date, Nesting, Schema, Scope};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    /// let acme = AccountId::new("acme")?;
    /// let row = |id: &str, seats: i64| Ok::<_, perennial::IdError>(AccountRow::new(AccountId::new(id)?, "Company").with("seats", seats));
    /// engine.load(&MemorySource::new().account(row("acme", 30)?).account(row("acme-eu", 12)?.under(acme)))?;
    /// engine.define([RollUp::new("all_seats", Operator::Sum("seats".into())).into()])?;
    ///
    /// let view = engine.published().view(&Scope::all())?;
    /// let all_seats = view.column("all_seats").ok_or("not defined")?;
    /// let seats = view.accounts().accounts().map(|account| all_seats.value(account).and_then(|seats| seats.as_int()));
    /// assert_eq!(seats.collect::<Vec<_>>(), [Some(42), Some(12)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn column(&self, name: &str) -> Option<ViewColumn<'_>> {
        let column = self.numbered(self.named(name)?)?;
        Some(ViewColumn { view: self, column, kind: self.kind(name)? })
    }
}
