//! How much money?
//!
//! Whole minor units with an ISO currency, summed in 128 bits. Money of two currencies never meets
//! without a rate (ruling S36 of `docs/semantics`).

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::{Currency, Decimal, DecimalError, grouped};

/// An amount in minor units (cents, yen, fils) of one currency. As JSON: `{"amount":"1200.50","currency":"EUR"}`.
///
/// ```
/// use perennial::{Currency, Money};
///
/// let arr = Money::parse("1200.50", Currency::EUR)?;
/// assert_eq!(arr.minor(), 120_050);
/// assert_eq!(arr.to_string(), "1200.50 EUR");
/// assert!(Money::parse("0.5", Currency::JPY).is_err());
/// # Ok::<(), perennial::DecimalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i128,
    currency: Currency,
}

#[derive(Serialize)]
struct Written {
    amount: Decimal,
    currency: Currency,
}

/// `minor` is of earlier releases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an amount with its currency")]
struct Read {
    amount: Option<Decimal>,
    minor: Option<i128>,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { amount: self.major(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { amount, minor, currency } = Read::deserialize(deserializer)?;
        match (amount, minor) {
            (Some(amount), None) => {
                let exact = amount.rescaled(currency.exponent());
                let too_fine =
                    || D::Error::custom(format!("{amount} is finer than the minor unit of {currency}"));
                exact.map(|exact| Self { minor: exact.units(), currency }).ok_or_else(too_fine)
            }
            (None, Some(minor)) => Ok(Self { minor, currency }),
            _ => Err(D::Error::custom("money has one amount")),
        }
    }
}

/// Two amounts cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// The currencies differ.
    #[error("cannot add {left} and {right} without an exchange rate")]
    MixedCurrencies {
        /// Currency of the first amount.
        left: Currency,
        /// Currency of the second amount.
        right: Currency,
    },
    /// The sum does not fit in 128 bits.
    #[error("sum of money is out of range")]
    Range,
}

impl Money {
    /// An amount of `minor` units.
    #[must_use]
    pub const fn from_minor(minor: i128, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an amount in major units, such as `1200.50`.
    ///
    /// # Errors
    ///
    /// [`DecimalError`] when the text is no number or is finer than the currency's minor unit.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, DecimalError> {
        let decimal: Decimal = text.parse()?;
        match decimal.rescaled(currency.exponent()) {
            Some(exact) => Ok(Self { minor: exact.units(), currency }),
            None => {
                Err(DecimalError::Scale { text: text.chars().take(40).collect(), scale: currency.exponent() })
            }
        }
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(&self) -> i128 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The amount in major units, exactly.
    #[must_use]
    pub const fn major(&self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }

    /// The sum of two amounts of one currency.
    ///
    /// # Errors
    ///
    /// [`MoneyError`] when the currencies differ or the sum is out of range.
    pub fn checked_add(&self, other: &Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies { left: self.currency, right: other.currency });
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Range)?;
        Ok(Self { minor, currency: self.currency })
    }
}

/// In currency units, with all decimals of the currency. `{:#}` writes commas between the thousands.
///
/// ```
/// use perennial::{Currency, Money};
///
/// let amount = Money::parse("16106182", Currency::USD)?;
/// assert_eq!(amount.to_string(), "16106182.00 USD");
/// assert_eq!(format!("{amount:#}"), "16,106,182.00 USD");
/// # Ok::<(), perennial::DecimalError>(())
/// ```
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let major = self.major().to_string();
        let major = if f.alternate() { grouped(&major) } else { major };
        write!(f, "{major} {}", self.currency)
    }
}
