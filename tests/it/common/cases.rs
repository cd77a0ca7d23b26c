//! How many cases does a property try?

use proptest::prelude::ProptestConfig;

/// Properties of `cases` cases; `CASES_TIMES=20` in the environment searches longer.
pub fn config(cases: u32) -> ProptestConfig {
    let times = std::env::var("CASES_TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    ProptestConfig { cases: cases * times, failure_persistence: None, ..ProptestConfig::default() }
}
