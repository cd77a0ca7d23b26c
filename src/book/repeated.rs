//! In which columns do the rows of a repeated id differ?
//!
//! For load reports: a host corrects such rows by comparing them.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::intake::{AccountIntake, ChildIntake};
use super::report::RowLocation;
use crate::column::value_of;
use crate::model::{Attribute, ChildTable, ProductId, Schema, TypeId, Visible, shown};
use crate::tree::NO_PRODUCT;

/// Most rows of one id that a fault describes.
const MOST_ROWS: usize = 4;
/// Most columns in which they differ.
const MOST_COLUMNS: usize = 4;

/// One of several rows of the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepeatedRow {
    /// Where it is.
    pub location: RowLocation,
    /// The columns in which it differs from the other rows described, with its values as text; the text is empty where
    /// it has no value. At most four columns.
    #[serde(with = "crate::model::pairs::name_value")]
    pub differs: Vec<(Arc<str>, String)>,
    /// Whether its values are those of the account.
    pub counts: bool,
}

impl fmt::Display for RepeatedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)?;
        for (place, (column, value)) in self.differs.iter().enumerate() {
            f.write_str(if place == 0 { " (" } else { ", " })?;
            match value.as_str() {
                "" => write!(f, "no {column}")?,
                value => write!(f, "{column} {}", Visible(value))?,
            }
        }
        if self.differs.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// The rows of a repeated id for a message: the kept one first, if one is kept, and how many are not described.
pub(super) fn as_text(described: &[RepeatedRow], rows: usize) -> String {
    let mut text = String::new();
    for (place, row) in described.iter().enumerate() {
        let before = match place {
            0 => ": ",
            1 if described.first().is_some_and(|first| first.counts) => ", not ",
            _ => ", ",
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{before}{row}");
        if row.counts {
            text.push_str(" counts");
        }
    }
    let further = rows.saturating_sub(described.len());
    if !described.is_empty() && further > 0 {
        let _ = write!(text, " and {further} more");
    }
    text
}

/// The rows of a repeated account id, `kept` first.
pub(super) fn accounts(
    intake: &AccountIntake,
    schema: &Schema,
    rows: &[u32],
    kept: Option<u32>,
) -> Vec<RepeatedRow> {
    let fields = |row: usize| {
        let kind = intake.kinds.get(row).and_then(|kind| schema.type_at(TypeId::new(usize::from(*kind))));
        let product = intake.products.get(row).filter(|product| **product != NO_PRODUCT);
        let product = product.and_then(|product| schema.product_at(ProductId::new(usize::from(*product))));
        let structure = [
            ("parent", intake.parents.text(row).unwrap_or_default().to_owned()),
            ("account_type", kind.map_or(String::new(), |kind| kind.name().to_owned())),
            ("product", product.map_or(String::new(), |product| product.name().to_owned())),
        ];
        let values = schema.attributes().zip(&intake.columns).map(|(attribute, column)| {
            (attribute.name(), column.get(row).and_then(|raw| value_of(raw, attribute.kind())))
        });
        let values =
            values.map(|(name, value)| (name, value.map_or(String::new(), |value| value.to_string())));
        structure.into_iter().chain(values).collect()
    };
    described(rows, kept, |row| intake.locations.of("accounts", row), fields)
}

/// The rows of a repeated id of a child table.
pub(super) fn children(intake: &ChildIntake, table: &ChildTable, rows: &[u32]) -> Vec<RepeatedRow> {
    let fields = |row: usize| {
        let account = ("account", intake.accounts.text(row).unwrap_or_default().to_owned());
        let values = table.columns().map(Attribute::name).zip(&intake.columns).zip(table.columns());
        let values = values.map(|((name, cells), column)| {
            let value = cells.get(row).and_then(|raw| value_of(raw, column.kind()));
            (name, value.map_or(String::new(), |value| value.to_string()))
        });
        std::iter::once(account).chain(values).collect()
    };
    described(rows, None, |row| intake.locations.of(&intake.name, row), fields)
}

fn described<'s>(
    rows: &[u32],
    kept: Option<u32>,
    location: impl Fn(usize) -> RowLocation,
    fields: impl Fn(usize) -> Vec<(&'s str, String)>,
) -> Vec<RepeatedRow> {
    let mut order = rows.to_vec();
    order.sort_unstable_by_key(|row| (Some(*row) != kept, *row));
    order.truncate(MOST_ROWS);
    let said: Vec<Vec<(&str, String)>> = order.iter().map(|row| fields(*row as usize)).collect();
    let differs = |place: usize, value: &String| {
        said.iter().any(|row| row.get(place).is_some_and(|(_, other)| other != value))
    };
    let rows = order.iter().zip(&said).map(|(row, fields)| {
        let different = fields.iter().enumerate().filter(|(place, (_, value))| differs(*place, value));
        let different = different.map(|(_, (name, value))| (Arc::from(*name), shown(value)));
        RepeatedRow {
            location: location(*row as usize),
            differs: different.take(MOST_COLUMNS).collect(),
            counts: Some(*row) == kept,
        }
    });
    rows.collect()
}
