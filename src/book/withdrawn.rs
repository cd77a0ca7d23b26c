//! Which loaded amounts are in a currency that was withdrawn?
//!
//! Counted once a load is placed: the values of rows that are in the book, by table, column and currency. A note in the
//! report (ruling S148 of `docs/semantics`); rows that are held out of the book are not counted. Columns of
//! currencies in use are not read at all.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::intake::{AccountIntake, ChildIntake};
use super::load_children::SortedChild;
use crate::column::{Raw, Staging};
use crate::model::{AttributeType, ChildTable, ColumnId, Currency, Schema, Withdrawal};

/// How many amounts of a column are in a withdrawn currency. Displays as
/// `accounts.arr: 3 values in BGN, withdrawn 2026-01; its successor is EUR`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WithdrawnAmounts {
    /// The table, `accounts` or a child table.
    pub table: Arc<str>,
    /// The column with the amounts.
    pub column: Arc<str>,
    /// The currency.
    pub currency: Currency,
    /// When it was withdrawn, and what came after.
    pub withdrawal: Withdrawal,
    /// Values in the book.
    pub values: usize,
}

impl fmt::Display for WithdrawnAmounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = if self.values == 1 { "value" } else { "values" };
        let Self { table, column, currency, withdrawal, .. } = self;
        write!(f, "{table}.{column}: {} {values} in {currency}, {withdrawal}", self.values)
    }
}

/// Amounts of accounts that are in the book; `rows` are their rows of the intake.
pub(super) fn of_accounts(schema: &Schema, intake: &AccountIntake, rows: &[u32]) -> Vec<WithdrawnAmounts> {
    let mut found = Vec::new();
    for (attribute, cells) in schema.attributes().zip(&intake.columns) {
        let AttributeType::Money(currency) = attribute.kind() else { continue };
        let rows = rows.iter().map(|row| *row as usize);
        found.extend(of_column("accounts", attribute.name(), *currency, cells, rows));
    }
    found
}

/// Amounts of rows of a child table that are in the book.
pub(super) fn of_children(
    table: &ChildTable,
    intake: &ChildIntake,
    sorted: &[SortedChild],
) -> Vec<WithdrawnAmounts> {
    let mut found = Vec::new();
    let rows = || sorted.iter().map(|(_, _, row)| *row as usize);
    for (column, cells) in table.columns().zip(&intake.columns) {
        match column.kind() {
            AttributeType::Money(currency) => {
                found.extend(of_column(table.name(), column.name(), *currency, cells, rows()));
            }
            AttributeType::MixedMoney { currency_column } => {
                let place = table.column_id(currency_column).map(ColumnId::index);
                let codes = place.and_then(|place| {
                    let kind = table.columns().nth(place)?.kind();
                    Some((kind, intake.columns.get(place)?))
                });
                let Some((kind, codes)) = codes else { continue };
                found.extend(of_mixed(table.name(), column.name(), cells, &Codes::new(kind, codes), rows()));
            }
            _ => {}
        }
    }
    found
}

fn of_column(
    table: &str,
    column: &str,
    currency: Currency,
    cells: &Staging,
    rows: impl Iterator<Item = usize>,
) -> Option<WithdrawnAmounts> {
    let withdrawal = currency.withdrawal()?;
    let values = rows.filter(|row| cells.is_valid(*row)).count();
    let (table, column) = (Arc::from(table), Arc::from(column));
    (values > 0).then_some(WithdrawnAmounts { table, column, currency, withdrawal, values })
}

fn of_mixed(
    table: &str,
    column: &str,
    cells: &Staging,
    codes: &Codes<'_>,
    rows: impl Iterator<Item = usize>,
) -> Vec<WithdrawnAmounts> {
    let mut counts: BTreeMap<Currency, usize> = BTreeMap::new();
    // Rows name few different currencies.
    let mut known: HashMap<&str, Option<Currency>> = HashMap::new();
    for row in rows.filter(|row| cells.is_valid(*row)) {
        let Some(code) = codes.at(row) else { continue };
        let withdrawn = *known.entry(code).or_insert_with(|| {
            let currency = code.parse::<Currency>().ok();
            currency.filter(Currency::is_withdrawn)
        });
        if let Some(currency) = withdrawn {
            *counts.entry(currency).or_default() += 1;
        }
    }
    let (table, column): (Arc<str>, Arc<str>) = (Arc::from(table), Arc::from(column));
    let amounts = |(currency, values): (Currency, usize)| {
        let withdrawal = currency.withdrawal()?;
        let (table, column) = (Arc::clone(&table), Arc::clone(&column));
        Some(WithdrawnAmounts { table, column, currency, withdrawal, values })
    };
    counts.into_iter().filter_map(amounts).collect()
}

/// The column beside mixed money: texts, or members of an enumeration.
struct Codes<'c> {
    kind: &'c AttributeType,
    cells: &'c Staging,
}

impl<'c> Codes<'c> {
    const fn new(kind: &'c AttributeType, cells: &'c Staging) -> Self {
        Self { kind, cells }
    }

    fn at(&self, row: usize) -> Option<&'c str> {
        match self.kind {
            AttributeType::Enum(values) => match self.cells.get(row)? {
                Raw::Code(code) => values.text(code).map(|text| &**text),
                _ => None,
            },
            _ => self.cells.text(row),
        }
    }
}
