//! Does the conformance kit pass what is in order, and only that?
//!
//! Our own implementations and a few that hosts could have written pass. Then the mutants: for every
//! promise an implementation that breaks it, with the exact list of the promises that it breaks.

mod business_calendars;
mod faults;
mod hosts;
mod rates;
mod source_mutants;
mod sources;
mod trees;
mod zones;

use perennial::testkit::conformance::Outcome;

fn broken(outcomes: &[(&'static str, Outcome)]) -> Vec<&'static str> {
    let broken = outcomes.iter().filter_map(|(promise, outcome)| {
        let broken = outcome.as_ref().err()?;
        assert_eq!(broken.promise(), *promise);
        assert!(!broken.expected().is_empty() && !broken.found().is_empty(), "{broken}");
        Some(*promise)
    });
    broken.collect()
}

fn sorted(mut names: Vec<&'static str>) -> Vec<&'static str> {
    names.sort_unstable();
    names
}
