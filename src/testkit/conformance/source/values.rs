//! Does every kind of value come back as it was written?
//!
//! Compared is what a book would store: text for an enumeration, or a whole number for a decimal, is as
//! good as the kind itself.

use super::judge;
use crate::source::TableName;
use crate::testkit::conformance::harness::{Capability, SourceHarness};
use crate::testkit::conformance::outcome::Outcome;
use crate::testkit::conformance::sample;
use crate::testkit::conformance::seed::{Column, Role, Row};
use crate::{Attribute, AttributeType, ValueKind};

/// True and false come back.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn truth_values_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("truth_values_come_back", harness, ValueKind::Bool)
}

/// Whole numbers come back, up to 2^53 either way.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn whole_numbers_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("whole_numbers_come_back", harness, ValueKind::Int)
}

/// Decimals come back to their last digit, never by way of a double.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn decimals_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("decimals_come_back", harness, ValueKind::Decimal)
}

/// Money comes back to its last minor unit, in currencies with and without cents.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn money_comes_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("money_comes_back", harness, ValueKind::Money)
}

/// Mixed money comes back, each amount in the currency that its row names.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn mixed_money_comes_back(harness: &dyn SourceHarness) -> Outcome {
    let needs = [
        Capability::Seeding,
        Capability::ChildTables,
        Capability::Kind(ValueKind::Text),
        Capability::Kind(ValueKind::Money),
        Capability::MixedMoney,
    ];
    let mixed = |kind: &AttributeType| matches!(kind, AttributeType::MixedMoney { .. });
    values_come_back("mixed_money_comes_back", harness, &needs, "mixed money", mixed)
}

/// Doubles come back to their last bit.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn doubles_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("doubles_come_back", harness, ValueKind::Double)
}

/// Text comes back byte by byte: with quotes, line ends and white space, and when it looks like a number
/// or like null.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn texts_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("texts_come_back", harness, ValueKind::Text)
}

/// Days come back, in no time zone, from the year 1 to the year 9999.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn dates_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("dates_come_back", harness, ValueKind::Date)
}

/// Instants come back to the microsecond, before 1970, too.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn timestamps_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("timestamps_come_back", harness, ValueKind::Timestamp)
}

/// Durations come back to the microsecond, with their sign.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn durations_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("durations_come_back", harness, ValueKind::Duration)
}

/// Members of enumerations come back.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn enumerations_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("enumerations_come_back", harness, ValueKind::Enum)
}

/// Members of bands come back.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn bands_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("bands_come_back", harness, ValueKind::Band)
}

/// Lists come back with every element in its place; an empty list is a value, and empty text an element.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn lists_come_back(harness: &dyn SourceHarness) -> Outcome {
    kind_comes_back("lists_come_back", harness, ValueKind::List)
}

fn kind_comes_back(promise: &'static str, harness: &dyn SourceHarness, kind: ValueKind) -> Outcome {
    let of_kind =
        |own: &AttributeType| own.kind() == kind && !matches!(own, AttributeType::MixedMoney { .. });
    values_come_back(promise, harness, &[Capability::Seeding, Capability::Kind(kind)], kind.word(), of_kind)
}

fn values_come_back(
    promise: &'static str,
    harness: &dyn SourceHarness,
    needs: &[Capability],
    word: &str,
    wanted: impl Fn(&AttributeType) -> bool,
) -> Outcome {
    judge(promise, harness, needs, |trial| {
        let mut seed = trial.seed();
        let mut tried = 0;
        let mut rows = |attribute: &Attribute| {
            let rows = if wanted(attribute.kind()) {
                sample::rows(attribute, &trial.capabilities)
            } else {
                Vec::new()
            };
            let first = tried;
            tried += rows.len();
            (first..).map(|number| format!("row {number}")).zip(rows).collect::<Vec<_>>()
        };
        let accounts: Vec<_> = trial.schema.attributes().flat_map(&mut rows).collect();
        seed.account("owner", None, Row::new());
        for (id, values) in accounts {
            seed.account(&id, None, values);
        }
        for table in trial.schema.tables() {
            for (id, values) in table.columns().flat_map(&mut rows) {
                seed.child(&TableName::child(table.name()), &id, Some("owner"), values);
            }
        }
        if tried == 0 {
            let found = "none; a harness whose schema has none says so with `Capabilities::without`";
            return Err(trial.broken(format!("an attribute or column of {word}"), found));
        }
        trial.comes_back(&seed.finish(), |lens| {
            lens.only(|column: &Column| match &column.role {
                Role::Value(attribute) => wanted(attribute.kind()),
                Role::Name | Role::Rank => false,
            })
        })
    })
}
