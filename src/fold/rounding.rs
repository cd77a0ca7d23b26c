//! How are whole numbers rounded, and amounts converted?

use crate::model::{Decimal, quotient};

/// An amount with so many digits by a rate, with so many digits, half-even; `None` when it does not fit.
pub(crate) fn converted((units, digits): (i128, u8), rate: Decimal, wanted: u8) -> Option<i128> {
    let shift = i32::from(wanted) - i32::from(digits) - i32::from(rate.scale());
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    match units.checked_mul(rate.units()) {
        Some(product) if shift >= 0 => product.checked_mul(power),
        Some(product) => Some(divide_half_even(product, power)),
        // What goes beyond on the way and comes back is exact.
        None if shift < 0 => {
            let amount = quotient(units, rate.units().unsigned_abs(), 0, power)?;
            if rate.units() < 0 { amount.checked_neg() } else { Some(amount) }
        }
        None => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Currency;

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
        let nano = |minor: i128, rate, from: Currency, to: Currency| {
            converted((minor, from.exponent()), rate, 9 + to.exponent())
        };
        // 100.00 USD at 150.25 yen.
        let yen = nano(10_000, Decimal::new(15_025, 2), Currency::USD, Currency::JPY).unwrap();
        assert_eq!(yen, 15_025 * 1_000_000_000);
        // 1 yen at 0.0066 dollars is 0.66 cents.
        let cents = nano(1, Decimal::new(66, 4), Currency::JPY, Currency::USD).unwrap();
        assert_eq!(cents, 660_000_000);
    }
}
