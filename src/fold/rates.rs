//! At which rate is money converted?

use std::fmt;

use crate::model::{Currency, Date, Decimal};

/// A host's dated exchange rates.
///
/// # What implementors must guarantee
///
/// * `rate` is how many major units of `to` one major unit of `from` is worth on that day.
/// * The same question always gets the same answer for the life of the value.
/// * An unknown rate is `None`; the row is then left out of the total, which becomes missing when
///   nothing else is in it. Rates are never guessed from other days or through other currencies unless
///   the implementor does so.
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
}
