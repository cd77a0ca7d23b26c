//! What do the definitions of a state say that is probably not meant?

use super::live::LiveView;
use crate::catalog::{DefinitionRef, Reader};
use crate::expr::{Checked, Code, Diagnostic, Span, Supply, beyond_kept};

impl LiveView {
    /// The lints of the expressions of all definitions, with what they mean for the visible accounts
    /// ([`Checked::lints_in`](crate::expr::Checked::lints_in)): how many accounts are left out for want of a value; accounts that are named and not there;
    /// of all that converts amounts, roll-ups among it, the rates that are missing, with currency, day, rows and the first accounts (`W208`); and windows of events that are
    /// longer than the days that are kept (`W209`). To
    /// be asked after definitions came: none of this refuses one. The place of a lint is that in its expression; a roll-up that converts by itself has
    /// none for it.
    ///
    /// ```
    /// use perennial::catalog::CalculatedAttribute;
    /// use perennial::engine::{Engine, EngineSettings};
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Currency, Date, Money, Nesting, Schema, Scope,
    /// };
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
    ///     .build()?;
    /// let acme = AccountRow::new(AccountId::new("acme")?, "Company").with("arr", Money::from_minor(100_00, Currency::USD));
    /// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    /// engine.load(&MemorySource::new().account(acme))?;
    /// engine.define([CalculatedAttribute::new("euros", "arr.convertTo(\"EUR\")").into()])?;
    /// let lints = engine.published().view(&Scope::all())?.lints();
    /// assert_eq!(lints[0].1.to_string(), "W208: no rate from USD to EUR on 2026-01-31: 1 row of acme");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    ///
    /// One pass over a column for each attribute that a lint speaks of, and that of [`LiveView::all_missing_rates`].
    #[must_use]
    pub fn lints(&self) -> Vec<(DefinitionRef, Diagnostic)> {
        let mut lints: Vec<(DefinitionRef, Diagnostic)> = Vec::new();
        let kept = self.kept_days();
        for Reader { written, id, expressions, event_windows } in self.catalog().each_reader() {
            let of_accounts = expressions.iter().flat_map(|checked| checked.lints_of_accounts(self.into()));
            let missing = self.catalog().step(id).map_or_else(Vec::new, |step| self.lacking(step));
            let of_rates = Checked::lints_of_rates(&expressions, &missing);
            let beyond = event_windows.into_iter().filter_map(|days| {
                let kept = kept.filter(|kept| days > *kept)?;
                Some(Diagnostic::new(Code::W209, "", Span::default(), beyond_kept(days, kept)))
            });
            lints.extend(of_accounts.chain(of_rates).chain(beyond).map(|lint| (written.clone(), lint)));
        }
        lints
    }
}
