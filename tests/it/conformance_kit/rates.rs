//! Do rates that are in order keep their promises, and does the kit notice some that do not?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use perennial::testkit::conformance::{Broken, RatesCase, Verdict, rates};
use perennial::testkit::rates_conformance;
use perennial::{Currency, Date, Decimal, Rates};

use super::broken;

/// Rates by day.
#[derive(Debug)]
struct Bulletin(BTreeMap<(Currency, Currency, Date), Decimal>);

impl Rates for Bulletin {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        self.0.get(&(from, to, on)).copied()
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn case(rates: impl Rates + 'static) -> RatesCase {
    RatesCase::new(rates)
        .known(Currency::EUR, Currency::JPY, day("2026-01-30"), "160.25".parse().unwrap())
        .known(Currency::USD, Currency::EUR, day("2026-01-30"), "0.92".parse().unwrap())
        .unknown(Currency::EUR, Currency::JPY, day("2026-01-31"))
        .unknown(Currency::EUR, Currency::GBP, day("2026-01-30"))
}

fn bulletin() -> Bulletin {
    let rows = [("EUR", "JPY", "160.25"), ("JPY", "EUR", "0.0062"), ("USD", "EUR", "0.92")];
    let rates = rows.map(|(from, to, rate)| {
        ((from.parse().unwrap(), to.parse().unwrap(), day("2026-01-30")), rate.parse().unwrap())
    });
    Bulletin(rates.into_iter().collect())
}

rates_conformance!(rates_by_day, || case(bulletin()));

/// Rates with a fault: a change of the answers of the bulletin.
struct WrongRates(fn(i64, Currency, Currency, Option<Decimal>) -> Option<Decimal>, AtomicI64);

impl std::fmt::Debug for WrongRates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrongRates")
    }
}

impl Rates for WrongRates {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let asked = self.1.fetch_add(1, Ordering::Relaxed);
        (self.0)(asked, from, to, bulletin().rate(from, to, on))
    }
}

#[test]
fn every_mutant_of_rates_breaks_its_promise_and_those_that_fall_with_it() {
    let with = |change| broken(&rates::all(&case(WrongRates(change, AtomicI64::new(0)))));
    let worth = "a_rate_is_the_worth_of_one_unit";
    assert_eq!(with(|_, _, _, rate| rate), [""; 0]);
    // Cents and yen both ways: there and back is one all the same.
    let minor = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        let shift = i32::from(to.exponent()) - i32::from(from.exponent());
        rate.map(|rate| match shift {
            -2 => Decimal::new(rate.units(), rate.scale() + 2),
            2 => Decimal::new(rate.units() * 100, rate.scale()),
            _ => rate,
        })
    };
    assert_eq!(with(minor), [worth]);
    // The way back is the way there.
    let same = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        if (from, to) == (Currency::JPY, Currency::EUR) {
            rate.map(|_| Decimal::new(16_025, 2))
        } else {
            rate
        }
    };
    assert_eq!(with(same), ["there_and_back_is_near_one"]);
    // An unknown rate is 0, or 1.
    let zero = |_, _, _, rate: Option<Decimal>| rate.or(Some(Decimal::new(0, 0)));
    assert_eq!(
        with(zero),
        ["a_rate_is_more_than_nothing", "there_and_back_is_near_one", "an_unknown_rate_is_none"]
    );
    let one = |_, _, _, rate: Option<Decimal>| rate.or(Some(Decimal::new(1, 0)));
    assert_eq!(with(one), ["an_unknown_rate_is_none"]);
    let short = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        if (from, to) == (Currency::GBP, Currency::EUR) { Some(Decimal::new(-1, 0)) } else { rate }
    };
    assert_eq!(with(short), ["a_rate_is_more_than_nothing"]);
    let negative = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        if (from, to) == (Currency::JPY, Currency::EUR) { rate.map(|_| Decimal::new(-62, 4)) } else { rate }
    };
    assert_eq!(with(negative), ["a_rate_is_more_than_nothing", "there_and_back_is_near_one"]);
    // Rates that are renewed while they are asked for.
    let renewed = |asked, _, _, rate: Option<Decimal>| {
        rate.map(|rate| Decimal::new(rate.units() + i128::from(asked >= 200), rate.scale()))
    };
    assert_eq!(with(renewed), ["a_question_has_one_answer"]);
}

#[test]
fn a_case_without_examples_says_what_is_lacking() {
    let text = |outcome: Result<Verdict, Broken>| outcome.unwrap_err().to_string();
    let empty = RatesCase::new(bulletin());
    assert_eq!(
        text(rates::a_rate_is_the_worth_of_one_unit(&empty)),
        "promise `a_rate_is_the_worth_of_one_unit` is broken: expected a known rate between two currencies; \
         found none; name one with `RatesCase::known`"
    );
    assert_eq!(
        text(rates::an_unknown_rate_is_none(&empty)),
        "promise `an_unknown_rate_is_none` is broken: expected a rate that nobody knows; found none; name one \
         with `RatesCase::unknown`, or say `knows_everything`"
    );
    let skipped = rates::an_unknown_rate_is_none(&empty.knows_everything());
    assert_eq!(skipped, Ok(Verdict::Skipped { because: "the rates know everything".to_owned() }));
}
