//! Forty roll-ups as an administrator defines them: each metric, of all accounts and of four kinds of them.

use crate::data::{Data, METRICS};

/// Of whom: of all, of two regions, of promoters and detractors.
pub const KINDS: usize = 5;
pub const ALL: usize = METRICS * KINDS;

/// Sums by kind and metric. A sum of nothing is 0 here.
pub type Forty = [i64; ALL];

/// In our language; `None` is everybody.
pub const OURS: [Option<&str>; KINDS] =
    [None, Some("region == \"EMEA\""), Some("region == \"APAC\""), Some("nps < 0"), Some("nps > 50")];

/// The same in SQL.
pub const SQL: [&str; KINDS] = ["1", "region = 'EMEA'", "region = 'APAC'", "nps < 0", "nps > 50"];

/// Every account told to all above it.
pub fn expected(data: &Data) -> Vec<Forty> {
    let mut totals = vec![[0; ALL]; data.len()];
    for number in 0..data.len() {
        let region = data.regions[number].as_deref();
        let nps = data.nps[number];
        let counts = [
            true,
            region == Some("EMEA"),
            region == Some("APAC"),
            nps.is_some_and(|nps| nps < 0),
            nps.is_some_and(|nps| nps > 50),
        ];
        let mut above = u32::try_from(number).ok();
        while let Some(account) = above {
            let total = &mut totals[account as usize];
            for kind in (0..KINDS).filter(|kind| counts[*kind]) {
                for (metric, values) in data.metrics.iter().enumerate() {
                    total[kind * METRICS + metric] += values[number].unwrap_or(0);
                }
            }
            above = data.parents[account as usize];
        }
    }
    totals
}
