//! Which currency, and how many digits has its minor unit?
//!
//! The active codes of ISO 4217 with their exponents: list one as published on 2026-01-01, amendments up to 180. Funds
//! codes are included where they are used to price contracts (`CLF`, `UYW` have four digits); metals, bonds, test codes
//! and all else without a minor unit are not. Withdrawn codes are read as well (`withdrawn_currency`, ruling S148 of
//! `docs/semantics`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::withdrawn_currency::{self, Withdrawal};

/// Codes whose minor unit is not a hundredth, by exponent (ISO 4217, list one).
const EXPONENTS: [(u8, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// Codes with two digits after the point.
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD \
BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL \
MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR \
PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD \
TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG";

/// A currency of ISO 4217, in use or withdrawn.
///
/// Old contracts are in currencies that are no longer used. Their codes are read like any other, with the exponent that
/// they had, and marked: [`Self::withdrawal`] says when a code was withdrawn, and a
/// [`LoadReport`](crate::LoadReport::withdrawn_currencies) lists where they occur. Nothing is converted.
///
/// ```
/// use perennial::Currency;
///
/// let yen: Currency = "JPY".parse()?;
/// assert_eq!(yen.exponent(), 0);
/// assert_eq!("KWD".parse::<Currency>()?.exponent(), 3);
/// assert!("usd".parse::<Currency>().is_err());
///
/// let lev: Currency = "BGN".parse()?;
/// assert_eq!(lev.withdrawal().unwrap().to_string(), "withdrawn 2026-01; its successor is EUR");
/// assert!(!yen.is_withdrawn());
/// # Ok::<(), perennial::UnknownCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// The text is not an ISO 4217 code that is known here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown currency `{code}`; expected an ISO 4217 code such as `EUR`")]
pub struct UnknownCurrency {
    code: String,
}

impl Currency {
    /// The euro.
    pub const EUR: Self = Self { code: *b"EUR", exponent: 2 };
    /// The pound sterling.
    pub const GBP: Self = Self { code: *b"GBP", exponent: 2 };
    /// The yen.
    pub const JPY: Self = Self { code: *b"JPY", exponent: 0 };
    /// The United States dollar.
    pub const USD: Self = Self { code: *b"USD", exponent: 2 };

    /// The codes of all currencies in use.
    pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
        let others = EXPONENTS.iter().flat_map(|(_, codes)| codes.split(' '));
        HUNDREDTHS.split_ascii_whitespace().chain(others)
    }

    /// The codes of all currencies: those in use, then those that were withdrawn.
    pub(crate) fn known_codes() -> impl Iterator<Item = &'static str> {
        Self::codes().chain(withdrawn_currency::codes())
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(&self) -> &str {
        // INVARIANT: `code` holds three ASCII letters, so this never falls back.
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Digits of the minor unit: 2 for dollars, 0 for yen, 3 for Kuwaiti dinars.
    #[must_use]
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }

    /// When ISO 4217 withdrew the code, and which currency came after; `None` for a currency in use.
    ///
    /// It says what list three of 2026-01-01 says, whatever day a question is asked at.
    ///
    /// ```
    /// use perennial::Currency;
    ///
    /// let guilder = "ANG".parse::<Currency>()?.withdrawal().unwrap();
    /// assert_eq!((guilder.year, guilder.month), (2025, 3));
    /// assert_eq!(guilder.successor, Some("XCG".parse()?));
    /// # Ok::<(), perennial::UnknownCurrency>(())
    /// ```
    #[must_use]
    pub fn withdrawal(&self) -> Option<Withdrawal> {
        withdrawn_currency::withdrawal_of(self.code())
    }

    /// Whether ISO 4217 withdrew the code.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        withdrawn_currency::exponent_of(self.code()).is_some()
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        let unknown = || UnknownCurrency { code: code.chars().take(16).collect() };
        let bytes: [u8; 3] = code.as_bytes().try_into().map_err(|_| unknown())?;
        if HUNDREDTHS.split_ascii_whitespace().any(|known| known == code) {
            return Ok(Self { code: bytes, exponent: 2 });
        }
        let other = EXPONENTS.iter().find(|(_, codes)| codes.split(' ').any(|known| known == code));
        let exponent = other.map(|(exponent, _)| *exponent).or_else(|| withdrawn_currency::exponent_of(code));
        exponent.map(|exponent| Self { code: bytes, exponent }).ok_or_else(unknown)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
