//! What is a catalog run with, beside the accounts?

use std::fmt;
use std::sync::Arc;

use super::history::History;
use crate::aggregate::UsageView;
use crate::model::Rates;

/// What a catalog is run with, beside the accounts: each may be left out, and what needs it then has no value.
///
/// ```
/// use std::sync::Arc;
///
/// use perennial::aggregate::{Operator, RollUp, UsageSchema};
/// use perennial::catalog::{Catalog, RunInputs};
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Currency, Date, Decimal, Money, Nesting, Policy,
///     Rates, Schema, Scope,
/// };
///
/// #[derive(Debug)]
/// struct Budget;
///
/// impl Rates for Budget {
///     fn rate(&self, from: Currency, to: Currency, _on: Date) -> Option<Decimal> {
///         (from == Currency::USD && to == Currency::EUR).then(|| Decimal::new(92, 2))
///     }
/// }
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
///     .build()?;
/// let acme = AccountRow::new(AccountId::new("acme")?, "Company").with("arr", Money::from_minor(10_000, Currency::USD));
/// let (book, _report) = Book::load(schema, &MemorySource::new().account(acme), &Policy::strict())?;
///
/// let in_euros = RollUp::new("in_euros", Operator::Sum("arr".into())).convert_to(Currency::EUR);
/// let catalog = Catalog::new(book.schema(), &UsageSchema::default(), [in_euros.into()])?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let rates: Arc<dyn Rates> = Arc::new(Budget);
/// let derived = catalog.run_observed(&view, RunInputs::new().rates(&rates), &())?;
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(derived.value("in_euros", acme).ok_or("missing")?.to_string(), "92.00000000000 EUR");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct RunInputs<'i> {
    pub(super) usage: Option<&'i UsageView>,
    pub(super) history: Option<&'i dyn History>,
    pub(super) rates: Option<&'i Arc<dyn Rates>>,
}

impl<'i> RunInputs<'i> {
    /// Nothing beside the accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With usage of the same accounts at the same moment; other usage is passed over.
    #[must_use]
    pub const fn usage(mut self, usage: &'i UsageView) -> Self {
        self.usage = Some(usage);
        self
    }

    /// With recorded values, for past values and all that reads records.
    #[must_use]
    pub const fn history(mut self, history: &'i dyn History) -> Self {
        self.history = Some(history);
        self
    }

    /// With the rates at which amounts are converted, in the place of those of the view
    /// ([`View::with_rates`](crate::View::with_rates)).
    #[must_use]
    pub const fn rates(mut self, rates: &'i Arc<dyn Rates>) -> Self {
        self.rates = Some(rates);
        self
    }
}

impl fmt::Debug for RunInputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { usage, history, rates } = self;
        f.debug_struct("RunInputs")
            .field("usage", &usage.is_some())
            .field("history", &history.is_some())
            .field("rates", rates)
            .finish()
    }
}
