//! What does each account contribute itself?
//!
//! The cells of its attribute, or those of its child rows combined; rows that the mask leaves out
//! contribute nothing.

use super::candidate::{Best, Ties, better};
use super::exact::{order_key, to_quanta};
use super::plan::{Convert, From, Measure, Unit};
use super::state::Sum;
use crate::book::{Chunk, Inner, TableBlock};
use crate::column::{Bitmap, Block, Fixed, Raw, value_of};
use crate::model::{AccountIdx, Currency, Date, Decimal};

/// Where the cells of a roll-up lie in one chunk: the attributes of accounts, or a child table.
#[derive(Clone, Copy)]
pub(super) struct Cells<'c> {
    pub(super) slot: u32,
    pub(super) chunk: &'c Chunk,
    /// `None` for attributes.
    pub(super) table: Option<&'c TableBlock>,
    /// The rows that count; `None`: all.
    pub(super) mask: Option<&'c Bitmap>,
}

/// What conversion needs to know.
#[derive(Clone, Copy)]
pub(super) struct Market<'m> {
    pub(super) rates: Option<&'m dyn super::Rates>,
    pub(super) today: Date,
}

impl<'c> Cells<'c> {
    pub(super) fn accounts(&self) -> usize {
        self.chunk.shape.rows() as usize
    }

    pub(super) fn block(&self, column: usize) -> Option<&'c Block> {
        match self.table {
            None => self.chunk.column(column).map(|block| &**block),
            Some(table) => table.columns.get(column)?.as_deref(),
        }
    }

    fn counts(&self, row: usize) -> bool {
        self.mask.is_none_or(|mask| mask.get(row))
    }

    // The rows of an account.
    fn rows(&self, account: usize) -> std::ops::Range<usize> {
        match self.table {
            None => account..account + 1,
            Some(table) => table.rows_of(u32::try_from(account).unwrap_or(u32::MAX)),
        }
    }

    fn per_account<S>(&self, empty: impl Fn() -> S, add: impl Fn(&mut S, usize, usize)) -> Vec<S> {
        (0..self.accounts())
            .map(|account| {
                let mut state = empty();
                for row in self.rows(account).filter(|row| self.counts(*row)) {
                    add(&mut state, account, row);
                }
                state
            })
            .collect()
    }

    /// How many rows each account has, or how many with a value in a column.
    pub(super) fn own_counts(&self, column: Option<usize>) -> Vec<u32> {
        let block = column.map(|column| self.block(column));
        let has = |row: usize| match block {
            None => true,
            Some(block) => block.is_some_and(|block| block.get(row).is_some()),
        };
        self.per_account(|| 0, |count: &mut u32, _, row| *count += u32::from(has(row)))
    }

    /// Whether the rows are the accounts themselves, so that the mask says how many there are.
    pub(super) const fn rows_are_accounts(&self) -> bool {
        self.table.is_none()
    }

    /// The sum of each account's cells.
    pub(super) fn own_sums(&self, measure: &Measure, market: Market<'_>) -> Vec<Sum> {
        self.per_account(Sum::default, |sum, _, row| sum.merge(&self.addend(measure, row, market)))
    }

    /// Numerator and denominator over the rows that have both.
    pub(super) fn own_pairs(&self, above: &Measure, below: &Measure, market: Market<'_>) -> Vec<(Sum, Sum)> {
        let add = |pair: &mut (Sum, Sum), _: usize, row: usize| {
            let (above, below) = (self.addend(above, row, market), self.addend(below, row, market));
            if above.rows > 0 && below.rows > 0 {
                pair.0.merge(&above);
                pair.1.merge(&below);
            }
        };
        self.per_account(Default::default, add)
    }

    // One cell as a sum of one row; of no row when it is missing.
    fn addend(&self, measure: &Measure, row: usize, market: Market<'_>) -> Sum {
        let Some(cell) = self.block(measure.column).and_then(|block| block.get(row)) else {
            return Sum::default();
        };
        match (cell, &measure.convert) {
            (Raw::I64(minor), Some(convert)) => {
                self.converted(minor, convert, row, market).unwrap_or_default()
            }
            (Raw::I64(value), None) => Sum::of(i128::from(value)),
            (Raw::F64(value), _) => to_quanta(value).map_or(Sum::UNFIT, Sum::of),
            _ => Sum::default(),
        }
    }

    // An amount in 10^-9 minor units of another currency; `None` without a rate.
    fn converted(&self, minor: i64, convert: &Convert, row: usize, market: Market<'_>) -> Option<Sum> {
        let from = match &convert.from {
            From::Always(currency) => *currency,
            From::Column(column, kind) => {
                value_of(self.block(*column)?.get(row)?, kind)?.as_text()?.parse().ok()?
            }
        };
        let on = match convert.date {
            None => market.today,
            Some(column) => match self.block(column)?.get(row)? {
                Raw::I32(days) => Date::from_days(days)?,
                _ => return None,
            },
        };
        let rate =
            if from == convert.to { Decimal::new(1, 0) } else { market.rates?.rate(from, convert.to, on)? };
        Some(nano(minor, rate, from, convert.to).map_or(Sum::UNFIT, Sum::of))
    }

    /// The smallest key of each account's cells; `i64::MAX` without one.
    pub(super) fn own_keys(&self, column: usize, largest: bool) -> Vec<i64> {
        let Some(block) = self.block(column) else { return vec![i64::MAX; self.accounts()] };
        if let (None, None, Block::I64(fixed)) = (self.table, self.mask, block) {
            return plain_keys(fixed, largest);
        }
        let least = |key: &mut i64, _: usize, row: usize| {
            if let Some(own) = block.get(row).and_then(|cell| key_of(&cell)) {
                *key = (*key).min(if largest { -own } else { own });
            }
        };
        self.per_account(|| i64::MAX, least)
    }

    /// The first (or last) row of each account.
    pub(super) fn own_best(&self, book: &Inner, ties: Ties, by: usize) -> Vec<Option<Best>> {
        let (Some(values), Some(times)) = (self.block(ties.column), self.block(by)) else {
            return vec![None; self.accounts()];
        };
        let add = |best: &mut Option<Best>, account: usize, row: usize| {
            let Some(key) =
                times.get(row).and_then(|cell| key_of(&cell)).filter(|_| values.get(row).is_some())
            else {
                return;
            };
            let account = AccountIdx::new(self.slot, u32::try_from(account).unwrap_or(u32::MAX));
            let child = self.table.and_then(|_| u32::try_from(row).ok());
            let own = Best { key: if ties.last { -key } else { key }, account, child };
            *best = Some(best.map_or(own, |other| better(book, ties, other, own)));
        };
        self.per_account(|| None, add)
    }

    /// How many of each account's cells have each code, `size` numbers an account.
    pub(super) fn own_distribution(&self, column: usize, size: usize) -> Vec<u32> {
        let mut counts = vec![0_u32; self.accounts() * size];
        let Some(block) = self.block(column) else { return counts };
        for account in 0..self.accounts() {
            for row in self.rows(account).filter(|row| self.counts(*row)) {
                let code = match block.get(row) {
                    Some(Raw::Code(code)) => usize::from(code),
                    Some(Raw::Bool(bit)) => usize::from(bit),
                    _ => continue,
                };
                if let Some(count) = counts.get_mut(account * size + code).filter(|_| code < size) {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// The cells of a whole-number attribute with missing and masked rows as zero, and which count: the
    /// usual case, without a branch per row.
    pub(super) fn plain(&self, column: usize) -> Option<(std::borrow::Cow<'c, [i64]>, Option<Bitmap>)> {
        let (None, Some(Block::I64(fixed))) = (self.table, self.block(column)) else { return None };
        let Some(mask) = self.mask else {
            return Some((std::borrow::Cow::Borrowed(fixed.values()), fixed.valid().cloned()));
        };
        let counted = fixed.valid().map_or_else(|| mask.clone(), |valid| valid.and(mask));
        let values = masked(fixed, &counted);
        Some((std::borrow::Cow::Owned(values), Some(counted)))
    }
}

// Keys of an attribute without a mask, 64 rows a word of presence.
fn plain_keys(fixed: &Fixed<i64>, largest: bool) -> Vec<i64> {
    let key = |value: i64| if largest { -value } else { value };
    let Some(valid) = fixed.valid() else { return fixed.values().iter().map(|value| key(*value)).collect() };
    let mut keys = Vec::with_capacity(fixed.values().len());
    for (cells, word) in fixed.values().chunks(64).zip(valid.words()) {
        let present = |bit: u32| word >> bit & 1 == 1;
        keys.extend(
            cells.iter().zip(0..).map(|(value, bit)| if present(bit) { key(*value) } else { i64::MAX }),
        );
    }
    keys
}

fn masked(fixed: &Fixed<i64>, counted: &Bitmap) -> Vec<i64> {
    let mut values = Vec::with_capacity(fixed.values().len());
    for (cells, word) in fixed.values().chunks(64).zip(counted.words()) {
        values.extend(
            cells.iter().zip(0_u32..).map(|(value, bit)| if word >> bit & 1 == 1 { *value } else { 0 }),
        );
    }
    values
}

// A key in the order of the values.
fn key_of(cell: &Raw<'_>) -> Option<i64> {
    match cell {
        Raw::I64(value) => Some(*value),
        Raw::F64(value) => Some(order_key(*value)),
        Raw::I32(days) => Some(i64::from(*days)),
        Raw::Code(code) => Some(i64::from(*code)),
        _ => None,
    }
}

/// `minor` × rate in 10^-9 minor units of the other currency, half-even; `None` when it does not fit.
fn nano(minor: i64, rate: Decimal, from: Currency, to: Currency) -> Option<i128> {
    converted((i128::from(minor), from.exponent()), rate, 9 + to.exponent())
}

/// An amount with so many digits by a rate, with so many digits, half-even; `None` when it does not fit.
pub(crate) fn converted((units, digits): (i128, u8), rate: Decimal, wanted: u8) -> Option<i128> {
    let product = units.checked_mul(rate.units())?;
    let shift = i32::from(wanted) - i32::from(digits) - i32::from(rate.scale());
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 { product.checked_mul(power) } else { Some(divide_half_even(product, power)) }
}

/// The whole number nearest to a quotient; of two, the even one. The divisor is above zero.
pub(crate) fn divide_half_even(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    // Twice the rest against the divisor, without overflow.
    let up = match rest.cmp(&(divisor - rest)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Less => false,
    };
    quotient + i128::from(up)
}

pub(super) const fn is_narrow(unit: Unit) -> bool {
    matches!(unit, Unit::Int | Unit::Decimal(_) | Unit::Money(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (dividend, divisor, want) in
            [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (2, 3, 1), (-2, 3, -1)]
        {
            assert_eq!(divide_half_even(dividend, divisor), want, "{dividend} / {divisor}");
        }
    }

    #[test]
    fn amounts_convert_between_exponents() {
        // 100.00 USD at 150.25 yen.
        let yen = nano(10_000, Decimal::new(15_025, 2), Currency::USD, Currency::JPY).unwrap();
        assert_eq!(yen, 15_025 * 1_000_000_000);
        // 1 yen at 0.0066 dollars is 0.66 cents.
        let cents = nano(1, Decimal::new(66, 4), Currency::JPY, Currency::USD).unwrap();
        assert_eq!(cents, 660_000_000);
    }
}
