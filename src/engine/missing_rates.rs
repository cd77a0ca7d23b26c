//! Which rates are not known that a definition would convert amounts at?

use std::collections::HashSet;

use super::derivation::Sources;
use super::live::LiveView;
use crate::aggregate::RollUpAt;
use crate::catalog::{DefinitionRef, RowSources, StepProgram, Work};
use crate::expr::{MissingRate, MissingRateLog, MissingRates, Whose};

impl LiveView {
    /// The rates that a definition needs for visible accounts and that are not known, by currency and day. `definition` is a column name, or the id
    /// of a segment if no column has that name. A roll-up is missing wherever such an amount is within reach (ruling S126 of
    /// [`docs::semantics`](crate::docs::semantics)), and so is an aggregate of such amounts in an expression (S135). For an expression, only
    /// amounts that it read when evaluated count: not those behind a false condition or in rows that a filter removed. Missing rates of the
    /// definitions that it reads are included. Empty if no rate is missing, if nothing is converted,
    /// and for an unknown name.
    ///
    /// ```
    /// use perennial::aggregate::{Operator, RollUp};
    /// use perennial::engine::{Engine, EngineSettings, Update};
    /// use perennial::source::MemorySource;
    /// use perennial::{
    ///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Currency, Date, Decimal, ExchangeRate, Money, Nesting, Schema, Scope,
    /// };
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
    ///     .build()?;
    /// let acme = AccountRow::new(AccountId::new("acme")?, "Company").with("arr", Money::from_minor(100_00, Currency::USD));
    /// let today = Date::new(2026, 1, 31)?;
    /// let engine = Engine::new(schema, AsOf::date_utc(today), EngineSettings::new())?;
    /// engine.load(&MemorySource::new().account(acme))?;
    /// engine.define([RollUp::new("euros", Operator::Sum("arr".into())).convert_to(Currency::EUR).into()])?;
    ///
    /// let euros = || -> Result<_, Box<dyn std::error::Error>> {
    ///     let view = engine.published().view(&Scope::all())?;
    ///     let value = view.value("euros", view.account("acme").ok_or("not there")?);
    ///     Ok((value.map(|value| value.to_string()), view.missing_rates("euros")))
    /// };
    /// let (value, missing) = euros()?;
    /// assert_eq!(value, None);
    /// assert_eq!(missing[0].to_string(), "no rate from USD to EUR on 2026-01-31: 1 row of acme");
    ///
    /// engine.apply(Update::new().rates([ExchangeRate::market(Currency::USD, Currency::EUR, today, Decimal::new(92, 2))]))?;
    /// assert_eq!(euros()?, (Some("92.00000000000 EUR".to_owned()), vec![]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    ///
    /// Of a roll-up, reads the rows of all visible accounts, once, also those that are within nobody's reach. Evaluates an expression once
    /// for each visible account, and what it asks of other accounts and rows once for each of these.
    #[must_use]
    pub fn missing_rates(&self, definition: &str) -> Vec<MissingRate> {
        let catalog = self.catalog();
        let number = catalog.column(definition).or_else(|| catalog.set_of(definition));
        let Some(step) = number.and_then(|number| catalog.step_of(number)) else { return Vec::new() };
        let steps = self.inputs().prepared.closed([step]);
        let mut all: Vec<MissingRate> = steps.iter().flat_map(|step| self.lacking(*step)).collect();
        // If several steps miss the same rate, the entry with the most rows is kept.
        all.sort_by_key(|missing| std::cmp::Reverse(missing.rows));
        let rate = |of: &MissingRate| (of.to, of.from, of.kind, of.on, of.rate.is_some());
        let mut known = HashSet::new();
        all.retain(|of| known.insert(rate(of)));
        all.sort_by_key(rate);
        all
    }

    /// May a total of a column be too small for want of rates? `is_missing` says whether it is a total of values of which one is missing.
    pub(super) fn total_lacks_rates(&self, step: usize, is_missing: bool) -> bool {
        let (catalog, prepared) = (self.catalog(), self.inputs().prepared);
        let steps = prepared.closed([step]);
        // A ranking, and whoever asks for members of a segment, passes over what is not known for want of a rate.
        let gathers = |at: &usize| {
            catalog
                .steps()
                .get(*at)
                .is_some_and(|step| step.is_definition() && step.reads.whose != Whose::Own)
        };
        if !is_missing && !steps.iter().any(gathers) {
            return false;
        }
        let lacking: Vec<usize> =
            steps.iter().copied().filter(|step| !self.lacking(*step).is_empty()).collect();
        let passes_over = |at: &usize| {
            gathers(at)
                && !lacking.contains(at)
                && prepared.closed([*at]).iter().any(|read| lacking.contains(read))
        };
        !lacking.is_empty() && (is_missing || steps.iter().any(passes_over))
    }

    /// The rates that a step lacks.
    pub(super) fn lacking(&self, at: usize) -> Vec<MissingRate> {
        let Some(step) =
            self.catalog().steps().get(at).filter(|step| step.reads.rates && step.is_definition())
        else {
            return Vec::new();
        };
        let inputs = self.inputs();
        if !step.outputs.iter().any(|output| output.is_asked_in(&inputs.view)) {
            return Vec::new();
        }
        let Sources { rates, history } = inputs.sources();
        let (view, usage) = (&inputs.view, inputs.usage.as_ref());
        let of = (view, &**self.catalog().schema());
        let recorder = MissingRateLog::default();
        let told = match (&step.work, inputs.prepared.programs.get(at)) {
            (Work::Tree(of), Some(StepProgram::Tree(programs))) => {
                let at = RollUpAt { view, programs, supply: Some(self), usage, rates: Some(rates) };
                return of.plan.missing_rates(at);
            }
            (Work::Row(row), _) => {
                let history = Some(history);
                let beside = RowSources { supply: self, history, usage, rates: Some(rates) };
                row.tell_unrated(of, beside, &recorder)
            }
            (Work::Whole(whole), _) => whole.tell_unrated(of, self, &recorder),
            (Work::Tree(_), _) => return Vec::new(),
        };
        // Nobody stops it.
        told.unwrap_or_default();
        let mut missing = MissingRates::default();
        missing.add_told(recorder, view);
        missing.into_list()
    }

    /// The same of every definition that lacks some, also of those that other definitions bring, in the order in which they are computed: to be
    /// asked after definitions or data came, since no update is refused for a rate. What a metric lacks is told by those that read
    /// it. Kinds of the host's own ask rates themselves, and say themselves what they miss; what their expressions lack is told here.
    ///
    /// # Complexity
    ///
    /// That of [`LiveView::missing_rates`] for each definition that converts, without those that it reads.
    #[must_use]
    pub fn all_missing_rates(&self) -> Vec<(DefinitionRef, Vec<MissingRate>)> {
        let steps = self.catalog().steps().iter().enumerate();
        let missing = steps.filter_map(|(at, step)| {
            let missing = self.lacking(at);
            (!missing.is_empty()).then(|| (step.id.clone(), missing))
        });
        missing.collect()
    }
}
