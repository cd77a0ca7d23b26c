//! Which rates are not known that a definition would convert amounts at?

use super::derivation::Sources;
use super::live::LiveView;
use crate::aggregate::RollUpAt;
use crate::catalog::{DefinitionRef, StepProgram, Work};
use crate::expr::MissingRate;

impl LiveView {
    /// The rates that a roll-up lacks for the amounts of visible accounts, by currency and day: what it converts to is missing wherever
    /// such an amount is within reach (ruling S126 of [`docs::semantics`](crate::docs::semantics)). Empty where it lacks none, where it
    /// converts nothing, and for a name that is no roll-up.
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
    /// Reads the rows of all visible accounts, once, also those that are within nobody's reach.
    #[must_use]
    pub fn missing_rates(&self, roll_up: &str) -> Vec<MissingRate> {
        let catalog = self.catalog();
        let step = catalog.column(roll_up).and_then(|number| catalog.step_of(number));
        let inputs = self.inputs();
        let Some((at, step)) = step.and_then(|at| Some((at, catalog.steps().get(at)?))) else {
            return Vec::new();
        };
        let (Work::Tree(of), Some(StepProgram::Tree(programs))) =
            (&step.work, inputs.prepared.programs.get(at))
        else {
            return Vec::new();
        };
        let Sources { rates, .. } = inputs.sources();
        of.plan.missing_rates(RollUpAt {
            view: &inputs.view,
            programs,
            supply: Some(self),
            usage: inputs.usage.as_ref(),
            rates: Some(rates),
        })
    }

    /// The same of every roll-up that lacks some, also of those that other definitions bring, in the order in which they are computed: to be
    /// asked after definitions or data came, since no update is refused for a rate. Kinds of the host's own ask rates themselves, and say
    /// themselves what they miss.
    ///
    /// # Complexity
    ///
    /// That of [`LiveView::missing_rates`] for each roll-up that converts.
    #[must_use]
    pub fn all_missing_rates(&self) -> Vec<(DefinitionRef, Vec<MissingRate>)> {
        let steps = self.catalog().steps().iter().filter(|step| step.reads.rates);
        let missing = steps.filter_map(|step| {
            let missing = self.missing_rates(&step.outputs.first()?.name);
            (!missing.is_empty()).then(|| (step.id.clone(), missing))
        });
        missing.collect()
    }
}
