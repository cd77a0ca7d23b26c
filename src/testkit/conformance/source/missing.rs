//! Do absent, null and empty text stay apart?

use std::sync::Arc;

use super::{Trial, judge};
use crate::source::{Cell, TableName};
use crate::testkit::conformance::harness::{Capability, SourceHarness};
use crate::testkit::conformance::outcome::Outcome;
use crate::testkit::conformance::sample;
use crate::testkit::conformance::scanned::Lens;
use crate::testkit::conformance::seed::{Row, Seed};
use crate::{Attribute, AttributeType, Value, ValueKind};

/// A row that says nothing of an attribute is silent about it when it comes back: the cell is absent, or
/// the column is not in the batch. Null would clear a value that a change left alone.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn absent_stays_absent(harness: &dyn SourceHarness) -> Outcome {
    judge("absent_stays_absent", harness, &[Capability::Seeding, Capability::AbsentCells], |trial| {
        let silent = |attribute: &Attribute| {
            if attribute.is_required() { first(trial, attribute) } else { Row::new() }
        };
        trial.comes_back(&beside_values(trial, &silent), Lens::presence)
    })
}

/// Null comes back as null: not absent, not empty, not zero.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn null_stays_null(harness: &dyn SourceHarness) -> Outcome {
    judge("null_stays_null", harness, &[Capability::Seeding, Capability::Null], |trial| {
        let null = |attribute: &Attribute| {
            if attribute.is_required() {
                first(trial, attribute)
            } else {
                vec![(Arc::from(attribute.name()), Cell::Null)]
            }
        };
        trial.comes_back(&beside_values(trial, &null), Lens::presence)
    })
}

/// Empty text comes back as text of no length, not as a missing value.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn empty_text_stays_a_text(harness: &dyn SourceHarness) -> Outcome {
    let needs = [Capability::Seeding, Capability::EmptyText, Capability::Kind(ValueKind::Text)];
    judge("empty_text_stays_a_text", harness, &needs, |trial| {
        let empty = |attribute: &Attribute| match attribute.kind() {
            AttributeType::Text => vec![(Arc::from(attribute.name()), Cell::Value(Value::text("")))],
            _ => Row::new(),
        };
        let texts = |column: &crate::testkit::conformance::seed::Column| column.is_of(ValueKind::Text);
        trial.comes_back(&beside_values(trial, &empty), |lens| lens.only(texts))
    })
}

// In every table a row with a value in every column, and one as told.
fn beside_values(trial: &Trial<'_>, told: &dyn Fn(&Attribute) -> Row) -> Seed {
    let mut seed = trial.seed();
    let rows = |attributes: &mut dyn Iterator<Item = &Attribute>| {
        let (mut valued, mut other) = (Row::new(), Row::new());
        for attribute in attributes {
            for (name, cell) in first(trial, attribute) {
                valued.retain(|(own, _)| *own != name);
                valued.push((name, cell));
            }
            other.extend(told(attribute));
        }
        (valued, other)
    };
    let (valued, other) = rows(&mut trial.schema.attributes());
    seed.account("valued", None, valued);
    seed.account("other", None, other);
    for table in trial.schema.tables() {
        let (valued, other) = rows(&mut table.columns());
        let table = TableName::child(table.name());
        seed.child(&table, "valued", Some("valued"), valued);
        seed.child(&table, "other", Some("valued"), other);
    }
    seed.finish()
}

fn first(trial: &Trial<'_>, attribute: &Attribute) -> Row {
    sample::rows(attribute, &trial.capabilities).into_iter().next().unwrap_or_default()
}
