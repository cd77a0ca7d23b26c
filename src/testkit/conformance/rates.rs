//! Do [`Rates`] keep their promises?
//!
//! The kit knows no rates. A [`RatesCase`] names a few that the host knows, from a bulletin or a
//! contract, and a few that nobody knows; the kit asks for those, the other way round and on the days
//! around.

use super::outcome::{Broken, Outcome, Verdict};
use crate::{Currency, Date, Decimal, Rates};

/// A question: from, to, and the day.
type Question = (Currency, Currency, Date);

/// Rates, and what is known of them.
///
/// ```
/// use perennial::{Currency, Date, Decimal, Rates};
/// use perennial::testkit::conformance::{RatesCase, rates};
///
/// #[derive(Debug)]
/// struct Budget;
///
/// impl Rates for Budget {
///     fn rate(&self, from: Currency, to: Currency, _on: Date) -> Option<Decimal> {
///         match (from, to) {
///             (Currency::EUR, Currency::JPY) => Some(Decimal::new(160, 0)),
///             (Currency::JPY, Currency::EUR) => Some(Decimal::new(625, 5)),
///             _ => None,
///         }
///     }
/// }
///
/// let day = Date::new(2026, 1, 31)?;
/// let case = RatesCase::new(Budget)
///     .known(Currency::EUR, Currency::JPY, day, Decimal::new(160, 0))
///     .unknown(Currency::EUR, Currency::GBP, day);
/// assert!(rates::all(&case).iter().all(|(_, outcome)| outcome.is_ok()));
/// # Ok::<(), perennial::DateError>(())
/// ```
#[derive(Debug)]
pub struct RatesCase {
    rates: Box<dyn Rates>,
    known: Vec<(Question, Decimal)>,
    unknown: Vec<Question>,
    knows_everything: bool,
}

impl RatesCase {
    /// Rates of which nothing is known yet.
    pub fn new(rates: impl Rates + 'static) -> Self {
        Self { rates: Box::new(rates), known: Vec::new(), unknown: Vec::new(), knows_everything: false }
    }

    /// With a rate that is known: on that day, one major unit of `from` is worth `rate` major units of
    /// `to`. Take it from where the rates come from, not from the rates.
    #[must_use]
    pub fn known(mut self, from: Currency, to: Currency, on: Date, rate: Decimal) -> Self {
        self.known.push(((from, to, on), rate));
        self
    }

    /// With a rate that is not known: a day before the first, a currency that is not traded.
    #[must_use]
    pub fn unknown(mut self, from: Currency, to: Currency, on: Date) -> Self {
        self.unknown.push((from, to, on));
        self
    }

    /// With a rate for every question, so that there is no unknown one to ask for.
    #[must_use]
    pub const fn knows_everything(mut self) -> Self {
        self.knows_everything = true;
        self
    }

    fn ask(&self, (from, to, on): Question) -> Option<Decimal> {
        self.rates.rate(from, to, on)
    }

    // What was named, the other way round, and on the days around.
    fn questions(&self) -> Vec<Question> {
        let named = self.known.iter().map(|(question, _)| *question).chain(self.unknown.iter().copied());
        let both = named.flat_map(|(from, to, on)| [(from, to, on), (to, from, on)]);
        let days = both.flat_map(|(from, to, on)| {
            let days = [0, 1, -1, 7, -7, 400, -400].into_iter().filter_map(move |days| on.plus_days(days));
            days.map(move |day| (from, to, day))
        });
        days.collect()
    }
}

/// Every promise of rates with what became of it, in the order of the trait's documentation.
#[must_use]
pub fn all(case: &RatesCase) -> Vec<(&'static str, Outcome)> {
    super::__rates_promises!(__outcomes[case])
}

/// A rate is what one major unit of `from` is worth in major units of `to`: dollars and yen, not cents,
/// and not the other way round.
///
/// # Errors
///
/// [`Broken`] with the first known rate that is answered otherwise, or when the case knows
/// no rate between two currencies.
pub fn a_rate_is_the_worth_of_one_unit(case: &RatesCase) -> Outcome {
    let promise = "a_rate_is_the_worth_of_one_unit";
    if case.known.iter().all(|((from, to, _), _)| from == to) {
        let found = String::from("none; name one with `RatesCase::known`");
        return broken(promise, String::from("a known rate between two currencies"), found);
    }
    for (question, rate) in &case.known {
        let found = case.ask(*question);
        if found != Some(*rate) {
            return broken(promise, shown(*question, Some(*rate)), worth(found));
        }
    }
    Ok(Verdict::Kept)
}

/// Money is worth something: a rate is more than 0.
///
/// # Errors
///
/// [`Broken`] with the first rate that is not.
pub fn a_rate_is_more_than_nothing(case: &RatesCase) -> Outcome {
    for question in case.questions() {
        if let Some(rate) = case.ask(question).filter(|rate| rate.units() <= 0) {
            let (from, to, on) = question;
            let expected = format!("{from} worth more than 0 {to} on {on}");
            return broken("a_rate_is_more_than_nothing", expected, rate.to_string());
        }
    }
    Ok(Verdict::Kept)
}

/// Where both ways are known on a day, one undoes the other, to within a tenth: a spread or a rounding is
/// fine, a rate that is turned over or counted in cents is not.
///
/// # Errors
///
/// [`Broken`] with the first pair that does not.
pub fn there_and_back_is_near_one(case: &RatesCase) -> Outcome {
    for (from, to, on) in case.questions() {
        if let (Some(there), Some(back)) = (case.ask((from, to, on)), case.ask((to, from, on))) {
            let product = there.to_f64() * back.to_f64();
            if !(0.9..=1.1).contains(&product) {
                let expected = format!("about 1 {from} for 1 {from} by way of {to} on {on}");
                return broken("there_and_back_is_near_one", expected, format!("{there} times {back}"));
            }
        }
    }
    Ok(Verdict::Kept)
}

/// The same question gets the same answer, whatever was asked in between and in whatever order.
///
/// # Errors
///
/// [`Broken`] with the first question and both answers.
pub fn a_question_has_one_answer(case: &RatesCase) -> Outcome {
    let questions = case.questions();
    let first: Vec<Option<Decimal>> = questions.iter().map(|question| case.ask(*question)).collect();
    for (question, first) in questions.into_iter().zip(first).rev() {
        let again = case.ask(question);
        if again != first {
            return broken("a_question_has_one_answer", shown(question, first), worth(again));
        }
    }
    Ok(Verdict::Kept)
}

/// A rate that is not known is `None`: not 0, not 1, not that of another day. Skipped for rates that know
/// everything and say so.
///
/// # Errors
///
/// [`Broken`] with the first answer to a question that has none, or when the case names no
/// such question.
pub fn an_unknown_rate_is_none(case: &RatesCase) -> Outcome {
    if case.knows_everything {
        return Ok(Verdict::Skipped { because: String::from("the rates know everything") });
    }
    if case.unknown.is_empty() {
        let found = String::from("none; name one with `RatesCase::unknown`, or say `knows_everything`");
        return broken("an_unknown_rate_is_none", String::from("a rate that nobody knows"), found);
    }
    for question in &case.unknown {
        let found = case.ask(*question);
        if found.is_some() {
            return broken("an_unknown_rate_is_none", shown(*question, None), worth(found));
        }
    }
    Ok(Verdict::Kept)
}

fn shown((from, to, on): Question, rate: Option<Decimal>) -> String {
    match rate {
        Some(rate) => format!("1 {from} to be worth {rate} {to} on {on}"),
        None => format!("no rate from {from} to {to} on {on}"),
    }
}

fn worth(rate: Option<Decimal>) -> String {
    rate.map_or_else(|| String::from("no rate"), |rate| rate.to_string())
}

fn broken(promise: &'static str, expected: String, found: String) -> Outcome {
    Err(Broken::new(promise, expected, found))
}
