//! Which child rows did batches bring, and what is wrong with each by itself?

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::columns::{push_cells, push_ids};
use super::{IntakeContext, Locations};
use crate::book::report::Problem;
use crate::column::{Staging, Storage};
use crate::model::{Attribute, AttributeType, ChildTable, ColumnId, Value, ValueFault, ValueFaultKind};
use crate::source::{Batch, Cell};
use crate::tree::{FaultKind, Remedy};

/// Child rows of one table in order of arrival.
#[derive(Debug)]
pub(in crate::book) struct ChildIntake {
    // The number of the table in the schema.
    number: usize,
    pub(in crate::book) name: Arc<str>,
    pub(in crate::book) ids: Staging,
    pub(in crate::book) accounts: Staging,
    pub(in crate::book) columns: Vec<Staging>,
    pub(in crate::book) held: HashMap<usize, FaultKind>,
    pub(in crate::book) locations: Locations,
}

impl ChildIntake {
    pub(in crate::book) fn new(number: usize, table: &ChildTable) -> Self {
        Self {
            number,
            name: Arc::from(table.name()),
            ids: Staging::new(Storage::Text),
            accounts: Staging::new(Storage::Text),
            columns: table.columns().map(|column| Staging::new(Storage::of(column.kind()))).collect(),
            held: HashMap::new(),
            locations: Locations::default(),
        }
    }

    pub(in crate::book) fn rows(&self) -> usize {
        self.ids.len()
    }

    pub(in crate::book) fn push(
        &mut self,
        context: &mut IntakeContext<'_>,
        batch: &Batch,
        table: &ChildTable,
    ) {
        let first = self.rows();
        self.locations.note(first, batch);
        push_ids(&mut self.ids, batch.cells("id"), batch.rows());
        push_ids(&mut self.accounts, batch.cells("account"), batch.rows());
        for row in first..first + batch.rows() {
            let id = self.ids.text(row).unwrap_or_default();
            if let Err(error) = context.ids.check_child(self.number, id) {
                let problem = Problem::InvalidId { id: id.to_owned(), error };
                context.fault(problem, self.locations.of(&self.name, row));
                self.held.insert(row, FaultKind::InvalidId);
            }
        }
        let mut faults = Vec::new();
        for (place, (attribute, column)) in table.columns().zip(&mut self.columns).enumerate() {
            let before = faults.len();
            match batch.cells(attribute.name()) {
                Some(cells) => push_cells(column, cells, attribute, &mut |row, kind| {
                    faults.push((first + row, place, kind));
                }),
                None => column.pad(first + batch.rows()),
            }
            if attribute.is_required() {
                let unfit: HashSet<usize> = faults.iter().skip(before).map(|fault| fault.0).collect();
                let rows = first..first + batch.rows();
                let missing = rows.filter(|row| column.get(*row).is_none() && !unfit.contains(row));
                faults.extend(missing.map(|row| (row, place, ValueFaultKind::Required)).collect::<Vec<_>>());
            }
        }
        check_currencies(batch, table, &mut |row, place, kind| faults.push((first + row, place, kind)));
        faults.sort_by_key(|(row, place, _)| (*row, *place));
        for (row, place, kind) in faults {
            let attribute = table.column_at(ColumnId::new(place)).map_or("", Attribute::name).to_owned();
            let account = self.ids.text(row).unwrap_or_default().to_owned();
            let problem = Problem::Value { account, fault: ValueFault { attribute, kind } };
            let fault = problem.kind();
            match context.fault(problem, self.locations.of(&self.name, row)) {
                Remedy::Quarantine => {
                    self.held.entry(row).or_insert(fault);
                }
                // An amount of another currency than its row's is in the column already.
                _ => self.columns.iter_mut().skip(place).take(1).for_each(|column| column.clear(row)),
            }
        }
    }
}

// Amounts of mixed money whose currency differs from the currency column of their row.
fn check_currencies(batch: &Batch, table: &ChildTable, fault: &mut dyn FnMut(usize, usize, ValueFaultKind)) {
    for (place, attribute) in table.columns().enumerate() {
        let AttributeType::MixedMoney { currency_column } = attribute.kind() else { continue };
        let Some(cells) = batch.cells(attribute.name()) else { continue };
        for row in 0..batch.rows() {
            let Cell::Value(Value::Money(money)) = cells.cell(row) else { continue };
            let named = batch.name_at(currency_column, row);
            if named.as_deref() != Some(money.currency().code()) {
                let expected = named.map_or_else(|| "no currency".to_owned(), Cow::into_owned);
                fault(
                    row,
                    place,
                    ValueFaultKind::WrongCurrency { expected, found: money.currency().to_string() },
                );
            }
        }
    }
}
