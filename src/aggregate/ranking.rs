//! How does an account compare with its peers?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::aggregate::version::named;
use crate::expr::{Bits, Cell, Flat, Key};
use crate::model::Decimal;

/// Where an account stands among its peers, from 0, the least, to 100, the greatest: a column that reads the whole book.
///
/// Equal values stand in the middle of the places that they share. An account without peers stands at 100. Peers are the
/// accounts of the view that are not cancelled, so that in a scope each compares with those that are visible. A cancelled
/// account is nobody's peer and has no place, unless [`Ranking::with_cancelled`] asks for it (ruling S116 of
/// [`docs::semantics`](crate::docs::semantics)).
///
/// ```
/// use perennial::aggregate::Ranking;
///
/// // The published engagement score: the percentile of mean daily actions among accounts of the same status; below one
/// // action a day it is 0.
/// let engagement = Ranking::new("engagement", "daily_actions").among("status").at_least(1.0);
/// assert_eq!(engagement.name(), "engagement");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    pub(crate) name: Arc<str>,
    pub(crate) of: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) within: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) with_cancelled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<Arc<str>>,
    #[serde(
        default = "crate::aggregate::version::first",
        skip_serializing_if = "crate::aggregate::version::is_first"
    )]
    pub(crate) version: u64,
}

named!(Ranking, described);

impl Ranking {
    /// By the value of an expression, among all accounts that have one.
    #[must_use]
    pub fn new(name: &str, of: &str) -> Self {
        Self {
            name: Arc::from(name),
            of: Arc::from(of),
            within: None,
            at_least: None,
            with_cancelled: false,
            description: None,
            version: 1,
        }
    }

    /// Among the accounts with the same value of another expression; those without one are peers of nobody, and have no
    /// place.
    #[must_use]
    pub fn among(mut self, alike: &str) -> Self {
        self.within = Some(Arc::from(alike));
        self
    }

    /// A value below this one gives 0; it is among its peers all the same.
    #[must_use]
    pub const fn at_least(mut self, least: f64) -> Self {
        self.at_least = Some(least);
        self
    }

    /// With cancelled accounts, as peers of all others.
    #[must_use]
    pub const fn with_cancelled(mut self) -> Self {
        self.with_cancelled = true;
        self
    }

    /// The expression whose value is compared.
    #[must_use]
    pub fn of(&self) -> &str {
        &self.of
    }
}

/// The places of all rows that are peers; `at_least` with the digits of what is compared with it. O(rows × log rows).
pub(crate) fn places(
    rows: usize,
    is_peer: impl Fn(usize) -> bool,
    of: &Flat,
    within: Option<&Flat>,
    at_least: Option<(f64, u8)>,
) -> Flat {
    let mut peers: Vec<(Option<Key>, Key, usize)> = Vec::new();
    for row in (0..rows).filter(|row| is_peer(*row)) {
        let key = |flat: &Flat| flat.val(row).to_cell().and_then(Key::of_cell);
        let Some(value) = key(of) else { continue };
        match within {
            None => peers.push((None, value, row)),
            Some(within) => {
                if let Some(group) = key(within) {
                    peers.push((Some(group), value, row));
                }
            }
        }
    }
    peers.sort_unstable();
    let mut places: Vec<Option<f64>> = vec![None; rows];
    for group in peers.chunk_by(|a, b| a.0 == b.0) {
        let mut below = 0;
        for equal in group.chunk_by(|a, b| a.1 == b.1) {
            let place = place_of(below, equal.len(), group.len());
            below += equal.len();
            for (_, value, row) in equal {
                let low = at_least
                    .is_some_and(|(least, scale)| number(value, scale).is_some_and(|own| own < least));
                if let Some(own) = places.get_mut(*row) {
                    *own = Some(if low { 0.0 } else { place });
                }
            }
        }
    }
    Flat::Double(places)
}

/// The middle of the places of equals, in hundredths of the way from the least to the greatest.
#[expect(clippy::cast_precision_loss, reason = "a book has at most 2^30 accounts")]
fn place_of(below: usize, equal: usize, all: usize) -> f64 {
    if all == 1 {
        return 100.0;
    }
    // Twice the place, which is whole.
    let twice = 2 * below + equal - 1;
    twice as f64 * 50.0 / (all - 1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "compared with a double")]
fn number(key: &Key, scale: u8) -> Option<f64> {
    match key.clone().cell() {
        Cell::Int(v) => Some(v as f64),
        Cell::Wide(units) => Some(Decimal::new(units, scale).to_f64()),
        Cell::Double(v) => Some(Bits::get(v)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_the_middle() {
        let of = Flat::Int(vec![Some(5), Some(1), Some(5), None, Some(9), Some(0), Some(7)]);
        let group = Flat::Int(vec![Some(1), Some(1), Some(1), Some(1), Some(1), Some(2), None]);
        let found = places(7, |_| true, &of, Some(&group), Some((2.0, 0)));
        let expected =
            Flat::Double(vec![Some(50.0), Some(0.0), Some(50.0), None, Some(100.0), Some(0.0), None]);
        assert_eq!(found, expected);
        let found = places(7, |row| row != 4, &of, None, None);
        // 0, 1, 5, 5, 7.
        let expected = [Some(62.5), Some(25.0), Some(62.5), None, None, Some(0.0), Some(100.0)];
        assert_eq!(found, Flat::Double(expected.to_vec()));
        assert_eq!(
            places(1, |_| true, &Flat::Int(vec![Some(3)]), None, Some((1.0, 0))),
            Flat::Double(vec![Some(100.0)])
        );
    }
}
