//! Which currency codes were withdrawn, when, and which currency came after?
//!
//! The months are those of list three of ISO 4217 ("codes for historic denominations"), for `BGN` that of the list one that no
//! longer has it (2026-01-01). List three has no minor units, so the exponent is that of the last edition of list one that
//! had the code: the three currencies of whole units that the euro replaced and tables on the web often give two digits
//! (`BEF`, `GRD`, `LUF`) had none there.
//!
//! Codes are left out where sources do not agree on that exponent (`ROL`, `BYB`) or few have it (`AFA`), and where no
//! contract is likely to be in them: what was withdrawn before 1997, codes that were never issued, and funds. They are
//! unknown currencies, as before.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Currency;

/// One code: its exponent, the year and month of its withdrawal, and the code of its successor.
type Row = (&'static str, u8, (u16, u8), Option<&'static str>);

/// Withdrawn codes in alphabetical order.
const WITHDRAWN: [Row; 46] = [
    ("ADP", 0, (2003, 7), Some("EUR")),
    ("ANG", 2, (2025, 3), Some("XCG")),
    ("ATS", 2, (2002, 3), Some("EUR")),
    ("AZM", 2, (2005, 12), Some("AZN")),
    ("BEF", 0, (2002, 3), Some("EUR")),
    ("BGL", 2, (2003, 11), Some("BGN")),
    ("BGN", 2, (2026, 1), Some("EUR")),
    ("BYR", 0, (2017, 1), Some("BYN")),
    // Serbia has the dinar, Montenegro the euro.
    ("CSD", 2, (2006, 10), None),
    ("CUC", 2, (2021, 6), Some("CUP")),
    ("CYP", 2, (2008, 1), Some("EUR")),
    ("DEM", 2, (2002, 3), Some("EUR")),
    ("EEK", 2, (2011, 1), Some("EUR")),
    ("ESP", 0, (2002, 3), Some("EUR")),
    ("FIM", 2, (2002, 3), Some("EUR")),
    ("FRF", 2, (2002, 3), Some("EUR")),
    ("GHC", 2, (2008, 1), Some("GHS")),
    ("GRD", 0, (2002, 3), Some("EUR")),
    ("GWP", 2, (1997, 5), Some("XOF")),
    ("HRK", 2, (2023, 1), Some("EUR")),
    ("IEP", 2, (2002, 3), Some("EUR")),
    ("ITL", 0, (2002, 3), Some("EUR")),
    ("LTL", 2, (2014, 12), Some("EUR")),
    ("LUF", 0, (2002, 3), Some("EUR")),
    ("LVL", 2, (2014, 1), Some("EUR")),
    ("MGF", 0, (2004, 12), Some("MGA")),
    ("MRO", 2, (2017, 12), Some("MRU")),
    ("MTL", 2, (2008, 1), Some("EUR")),
    ("MZM", 2, (2006, 6), Some("MZN")),
    ("NLG", 2, (2002, 3), Some("EUR")),
    ("PTE", 0, (2002, 3), Some("EUR")),
    // That of Russia. Other states left it in 1993 to 1995, each for a currency of its own.
    ("RUR", 2, (2004, 1), None),
    ("SDD", 2, (2007, 7), Some("SDG")),
    ("SIT", 2, (2007, 1), Some("EUR")),
    ("SKK", 2, (2009, 1), Some("EUR")),
    ("SLL", 2, (2023, 12), Some("SLE")),
    ("SRG", 2, (2003, 12), Some("SRD")),
    ("STD", 2, (2017, 12), Some("STN")),
    ("TMM", 2, (2009, 1), Some("TMT")),
    ("TPE", 0, (2002, 11), Some("USD")),
    ("TRL", 0, (2005, 12), Some("TRY")),
    ("VEB", 2, (2008, 1), Some("VEF")),
    ("VEF", 2, (2018, 8), Some("VES")),
    ("YUM", 2, (2003, 7), Some("CSD")),
    ("ZMK", 2, (2012, 12), Some("ZMW")),
    ("ZWL", 2, (2024, 9), Some("ZWG")),
];

/// When a currency was withdrawn, and what came after it. Displays as `withdrawn 2026-01; its successor is EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Withdrawal {
    /// The year.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The currency that took its place, where there is exactly one. It may be withdrawn itself: the old lev `BGL` was
    /// followed by `BGN`, and that by the euro.
    pub successor: Option<Currency>,
}

impl fmt::Display for Withdrawal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "withdrawn {:04}-{:02}", self.year, self.month)?;
        match self.successor {
            Some(successor) => write!(f, "; its successor is {successor}"),
            None => Ok(()),
        }
    }
}

fn row_of(code: &str) -> Option<&'static Row> {
    let place = WITHDRAWN.binary_search_by(|(known, ..)| (*known).cmp(code)).ok()?;
    WITHDRAWN.get(place)
}

/// The exponent of a withdrawn code.
pub(super) fn exponent_of(code: &str) -> Option<u8> {
    row_of(code).map(|(_, exponent, ..)| *exponent)
}

/// When a code was withdrawn; `None` for one that is in use.
pub(super) fn withdrawal_of(code: &str) -> Option<Withdrawal> {
    let (_, _, (year, month), successor) = row_of(code)?;
    let successor = successor.and_then(|code| code.parse().ok());
    Some(Withdrawal { year: *year, month: *month, successor })
}

/// The withdrawn codes.
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    WITHDRAWN.iter().map(|(code, ..)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_every_successor_is_a_currency() {
        assert!(WITHDRAWN.is_sorted_by(|a, b| a.0 < b.0));
        let active: Vec<&str> = Currency::codes().collect();
        for (code, exponent, (year, month), successor) in WITHDRAWN {
            assert!(!active.contains(&code), "{code} is in both lists");
            assert!((1990..=2026).contains(&year) && (1..=12).contains(&month), "{code}");
            let currency: Currency = code.parse().unwrap();
            assert_eq!((currency.code(), currency.exponent()), (code, exponent));
            let withdrawal = currency.withdrawal().unwrap();
            assert_eq!(withdrawal.successor.map(|next| next.code().to_owned()).as_deref(), successor);
            // A chain of successors ends with a currency in use.
            let mut last = currency;
            while let Some(next) = last.withdrawal().and_then(|withdrawal| withdrawal.successor) {
                last = next;
            }
            assert!(
                successor.is_none() || !last.is_withdrawn() || last.code() == "CSD",
                "{code} ends in {last}"
            );
        }
    }
}
