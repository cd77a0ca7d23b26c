//! States of counts, sums, means, ratios and shares, kept instead of the answers.
//!
//! A state is a few whole numbers. Most sums fit 64 bits, so that a page keeps them so while all of it do.

use std::ops::Range;

use crate::aggregate::Linear;
use crate::fold::Sum;

/// The states of some rows side by side.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    above: Series,
    below: Series,
    counted: Vec<u32>,
    skipped: Vec<u32>,
}

/// One sum of each row.
#[derive(Debug, Clone)]
enum Series {
    /// The operator has none.
    None,
    Narrow(Vec<i64>),
    Wide(Vec<i128>),
    /// With sums that are out of range, or count other rows than have values.
    Full(Vec<Sum>),
}

impl Series {
    fn of(is_there: bool, rows: &[Linear], sum: impl Fn(&Linear) -> &Sum) -> Self {
        if !is_there {
            return Self::None;
        }
        let narrow: Option<Vec<i64>> = rows.iter().map(|row| sum(row).narrow(row.counted)).collect();
        if let Some(narrow) = narrow {
            return Self::Narrow(narrow);
        }
        let wide: Option<Vec<i128>> = rows.iter().map(|row| sum(row).wide(row.counted)).collect();
        wide.map_or_else(|| Self::Full(rows.iter().map(|row| *sum(row)).collect()), Self::Wide)
    }

    fn get(&self, row: usize, rows: u64) -> Sum {
        let sum = match self {
            Self::None => None,
            Self::Narrow(values) => values.get(row).map(|value| Sum::over(i128::from(*value), rows)),
            Self::Wide(values) => values.get(row).map(|value| Sum::over(*value, rows)),
            Self::Full(sums) => sums.get(row).copied(),
        };
        sum.unwrap_or_default()
    }

    /// Puts a sum in its place, where it fits.
    fn set(&mut self, row: usize, sum: &Sum, rows: u64) -> bool {
        fn put<T>(values: &mut [T], row: usize, value: Option<T>) -> bool {
            match (values.get_mut(row), value) {
                (Some(place), Some(value)) => {
                    *place = value;
                    true
                }
                _ => false,
            }
        }
        match self {
            Self::None => true,
            Self::Narrow(values) => put(values, row, sum.narrow(rows)),
            Self::Wide(values) => put(values, row, sum.wide(rows)),
            Self::Full(sums) => put(sums, row, Some(*sum)),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Narrow(values) => size_of_val(&**values),
            Self::Wide(values) => size_of_val(&**values),
            Self::Full(sums) => size_of_val(&**sums),
        }
    }
}

impl Sums {
    /// Of states with so many sums each.
    pub(super) fn of(rows: &[Linear], sums: usize) -> Self {
        let short = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            above: Series::of(sums > 0, rows, |row| &row.above),
            below: Series::of(sums > 1, rows, |row| &row.below),
            // A book has at most 2^30 accounts, and a table of one chunk fewer rows than 2^32.
            counted: rows.iter().map(|row| short(row.counted)).collect(),
            skipped: rows.iter().map(|row| short(row.skipped)).collect(),
        }
    }

    /// Rows side by side: of each piece some rows of a page, or as many of nothing.
    pub(super) fn joined<'s>(
        pieces: impl Iterator<Item = (Option<&'s Self>, Range<usize>)> + Clone,
        sums: usize,
    ) -> Self {
        let counts = |of: fn(&Self) -> &Vec<u32>| {
            let mut all = Vec::new();
            for (page, rows) in pieces.clone() {
                let own = page.and_then(|page| of(page).get(rows.clone())).unwrap_or_default();
                all.extend_from_slice(own);
                all.resize(all.len() + rows.len() - own.len(), 0);
            }
            all
        };
        let narrow = |of: fn(&Self) -> &Series| {
            let mut all = Vec::new();
            for (page, rows) in pieces.clone() {
                match page.map(of) {
                    Some(Series::Narrow(values)) => {
                        all.extend_from_slice(values.get(rows).unwrap_or_default());
                    }
                    Some(_) => return None,
                    None => all.resize(all.len() + rows.len(), 0),
                }
            }
            Some(Series::Narrow(all))
        };
        let series = |is_there: bool, of: fn(&Self) -> &Series| {
            if is_there { narrow(of) } else { Some(Series::None) }
        };
        match series(sums > 0, |page| &page.above).zip(series(sums > 1, |page| &page.below)) {
            Some((above, below)) => {
                let (counted, skipped) = (counts(|page| &page.counted), counts(|page| &page.skipped));
                Self { above, below, counted, skipped }
            }
            None => {
                let rows = pieces.flat_map(|(page, rows)| {
                    rows.map(move |row| page.map_or_else(Linear::default, |page| page.get(row)))
                });
                Self::of(&rows.collect::<Vec<_>>(), sums)
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.counted.len()
    }

    pub(super) fn counts(&self, row: usize) -> Option<(u32, u32)> {
        Some((*self.counted.get(row)?, *self.skipped.get(row)?))
    }

    pub(super) fn get(&self, row: usize) -> Linear {
        let (counted, skipped) = self.counts(row).unwrap_or_default();
        let (counted, skipped) = (u64::from(counted), u64::from(skipped));
        let (above, below) = (self.above.get(row, counted), self.below.get(row, counted));
        Linear { above, below, counted, skipped }
    }

    /// With the states of some rows replaced.
    pub(super) fn with(&self, edits: &[(usize, Linear)]) -> Self {
        let mut next = self.clone();
        let mut fits = true;
        for (row, state) in edits {
            fits &= next.above.set(*row, &state.above, state.counted);
            fits &= next.below.set(*row, &state.below, state.counted);
            let counts = [(&mut next.counted, state.counted), (&mut next.skipped, state.skipped)];
            for (counts, count) in counts {
                if let Some(place) = counts.get_mut(*row) {
                    *place = u32::try_from(count).unwrap_or(u32::MAX);
                }
            }
        }
        if fits {
            return next;
        }
        // A page of another width.
        let mut rows: Vec<Linear> = (0..self.counted.len()).map(|row| self.get(row)).collect();
        for (row, state) in edits {
            if let Some(place) = rows.get_mut(*row) {
                *place = *state;
            }
        }
        let sums = usize::from(!matches!(self.above, Series::None))
            + usize::from(!matches!(self.below, Series::None));
        Self::of(&rows, sums)
    }

    pub(super) fn bytes(&self) -> usize {
        self.above.bytes() + self.below.bytes() + self.counted.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(value: i128, rows: u64) -> Linear {
        Linear { above: Sum::over(value, rows), counted: rows, ..Linear::default() }
    }

    #[test]
    fn a_page_widens_with_what_it_holds() {
        let rows: Vec<Linear> = (0..10).map(|row| state(row, 1)).collect();
        let page = Sums::of(&rows, 1);
        assert!(matches!(page.above, Series::Narrow(_)) && matches!(page.below, Series::None));
        let wide = page.with(&[(3, state(1 << 100, 2))]);
        assert!(matches!(wide.above, Series::Wide(_)));
        let unfit = Linear { above: Sum::UNFIT, counted: 1, ..Linear::default() };
        let full = wide.with(&[(4, unfit)]);
        assert!(matches!(full.above, Series::Full(_)));
        for (row, before) in rows.iter().enumerate() {
            let expected = match row {
                3 => state(1 << 100, 2),
                4 => unfit,
                _ => *before,
            };
            assert_eq!(full.get(row), expected, "{row}");
        }
        let back = full.with(&[(3, state(3, 1)), (4, state(4, 1))]);
        assert!((0..10).all(|row| back.get(row) == rows[row]));
    }
}
