//! At which rate is money converted? [`ExchangeRates`](crate::ExchangeRates) are the ready answer.

use std::fmt;

use super::{Currency, Date, Decimal};

/// A host's dated exchange rates.
///
/// # What implementors must guarantee
///
/// The names are those of the tests in `testkit::conformance::rates` (feature `testkit`), which
/// `testkit::rates_conformance!` runs over your own rates.
///
/// * `rate` is how many major units of `to` one major unit of `from` is worth on that day: 160 from euros
///   to yen, not 1.6 and not 0.00625 (`a_rate_is_the_worth_of_one_unit`). It is more than 0
///   (`a_rate_is_more_than_nothing`), and where the way back is known as well, there and back is about one
///   (`there_and_back_is_near_one`).
/// * The same question always gets the same answer for the life of the value:
///   `a_question_has_one_answer`.
/// * An unknown rate is `None` (`an_unknown_rate_is_none`); whatever the amount would be part of is missing then, not
///   smaller. Rates are never guessed from other days or through other currencies unless the implementor does so.
///
/// From a currency to itself nobody asks: that is 1.
///
/// ```
/// use perennial::{Currency, Date, Decimal, Rates};
///
/// #[derive(Debug)]
/// struct Fixed;
///
/// impl Rates for Fixed {
///     fn rate(&self, from: Currency, to: Currency, _on: Date) -> Option<Decimal> {
///         (from == Currency::USD && to == Currency::EUR).then(|| Decimal::new(92, 2))
///     }
/// }
/// ```
pub trait Rates: fmt::Debug + Send + Sync {
    /// The rate on a day.
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal>;

    /// The rate that a plan reckons with in the fiscal year that begins on a day. Where nothing else is said, none is known.
    fn plan(&self, from: Currency, to: Currency, year: Date) -> Option<Decimal> {
        let _ = (from, to, year);
        None
    }
}
