//! Which of the loaded child rows belong to which account, and which are held?
//!
//! Ruling S9 of `docs/semantics`.

use std::collections::HashMap;
use std::sync::Arc;

use super::assemble::narrow;
use super::builder::BookBuilder;
use super::intake::ChildIntake;
use super::load_accounts::{Placed, same_record_of};
use super::repeated;
use super::report::{LoadReport, Problem, RowCounts};
use super::row_index::RowIndex;
use super::{Held, HeldChild, SupersededRow, TableBlock};
use crate::column::{Storage, value_of};
use crate::model::{AccountId, AttributeType, ChildId, ChildRow, ChildTable, ColumnId, Money, Value};
use crate::tree::pack::Packed;
use crate::tree::{FaultKind, NONE, Policy, Remedy, TagIndex};

/// A child row in the order of the book: chunk, account row, staging row.
pub(super) type SortedChild = (u32, u32, u32);

pub(super) fn place_children(
    builder: &BookBuilder,
    index: &RowIndex<'_>,
    placed: &Placed,
    homes: &[(u32, u32)],
    held: &mut Held,
    report: &mut LoadReport,
) -> Vec<Vec<SortedChild>> {
    // A held account's children are held with it.
    // Of a repeated id another row than the first may stand: looked for once.
    let mut standing: HashMap<u32, Option<u32>> = HashMap::new();
    let mut place = |id: &str| {
        let mut row = index.find(id)?;
        if placed.place_of.get(row as usize) == Some(&NONE) {
            let stands = |other: &u32| placed.place_of.get(*other as usize) != Some(&NONE);
            row = (*standing.entry(row).or_insert_with(|| index.rows_with(row).find(stands)))?;
        }
        homes.get(*placed.place_of.get(row as usize)? as usize).copied()
    };
    let repeats_refuse = builder.policy.remedy(FaultKind::RepeatedId) == Remedy::Reject;
    let mut sorted = Vec::new();
    for (intake, table) in builder.children.iter().zip(builder.schema.tables()) {
        let mut rows: Vec<SortedChild> = Vec::with_capacity(intake.rows());
        let repeated = repeated_children(intake, table, &builder.policy, report);
        let mut quarantined = 0;
        for row in 0..intake.rows() {
            let reason = match (intake.held.get(&row), repeated.get(&narrow(row))) {
                (Some(kind), _) | (None, Some(kind)) => Err(*kind),
                (None, None) => match intake.accounts.text(row) {
                    None => Err(FaultKind::ChildWithoutAccount),
                    Some(account) => place(account).ok_or(FaultKind::ChildOfUnknownAccount),
                },
            };
            match reason {
                Ok((slot, account)) => rows.push((slot, account, narrow(row))),
                Err(kind) => {
                    quarantined += 1;
                    // The load is refused for the repeated id; the rows of its account have no fault of their own.
                    let account = intake.accounts.text(row).filter(|_| repeats_refuse);
                    let follows = kind == FaultKind::ChildOfUnknownAccount
                        && account.is_some_and(|account| placed.is_repeated(account, index));
                    if let Some(problem) = problem_of(intake, row, kind, index).filter(|_| !follows) {
                        let location = intake.locations.of(&intake.name, row);
                        report.add(problem, Some(location), builder.policy.remedy(kind));
                    }
                    hold_child(intake, table, row, kind, held);
                }
            }
        }
        rows.sort_unstable_by(|a, b| {
            let id = |row: u32| intake.ids.text(row as usize);
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| id(a.2).cmp(&id(b.2)))
        });
        let counts = RowCounts { offered: intake.rows(), loaded: rows.len(), quarantined };
        report.tables.insert(Arc::clone(&intake.name), counts);
        sorted.push(rows);
    }
    sorted
}

// Rows with a repeated id: which is right is unknown, so all are held.
fn repeated_children(
    intake: &ChildIntake,
    table: &ChildTable,
    policy: &Policy,
    report: &mut LoadReport,
) -> HashMap<u32, FaultKind> {
    let mut repeated = HashMap::new();
    for rows in RowIndex::build(&intake.ids).repeated() {
        let Some(first) = rows.iter().min().copied() else { continue };
        if intake.held.get(&(first as usize)) == Some(&FaultKind::InvalidId) {
            continue;
        }
        let child = intake.ids.text(first as usize).unwrap_or_default().to_owned();
        let location = intake.locations.of(&intake.name, first as usize);
        let problem = Problem::RepeatedChild { child, rows: rows.len() };
        let remedy = policy.remedy(FaultKind::RepeatedChild);
        report.add_of_rows(problem, Some(location), remedy, || repeated::children(intake, table, &rows));
        repeated.extend(rows.into_iter().map(|row| (row, FaultKind::RepeatedChild)));
    }
    repeated
}

// The fault of a row whose account is missing or unknown; faults of its own values were reported by the intake.
fn problem_of(intake: &ChildIntake, row: usize, reason: FaultKind, index: &RowIndex<'_>) -> Option<Problem> {
    let child = intake.ids.text(row).unwrap_or_default().to_owned();
    match (reason, intake.accounts.text(row)) {
        (FaultKind::ChildWithoutAccount, _) => Some(Problem::ChildWithoutAccount { child }),
        (FaultKind::ChildOfUnknownAccount, Some(account)) => {
            let same_record = same_record_of(account, index);
            Some(Problem::ChildOfUnknownAccount { child, account: account.to_owned(), same_record })
        }
        _ => None,
    }
}

fn hold_child(intake: &ChildIntake, table: &ChildTable, row: usize, reason: FaultKind, held: &mut Held) {
    let child = intake.ids.text(row).unwrap_or_default().to_owned();
    let account = intake.accounts.text(row);
    let Ok(id) = ChildId::new(child.as_str()) else {
        Arc::make_mut(&mut held.superseded).push(SupersededRow {
            table: Arc::clone(&intake.name),
            id: child,
            reason,
        });
        return;
    };
    let account = account.and_then(|account| AccountId::new(account).ok());
    let mut values = Vec::new();
    for (column, cells) in table.columns().zip(&intake.columns) {
        let Some(raw) = cells.get(row) else { continue };
        let value = match column.kind() {
            AttributeType::MixedMoney { currency_column } => {
                let place = table.column_id(currency_column).map(ColumnId::index);
                let named = place.and_then(|p| Some((p, intake.columns.get(p)?.get(row)?)));
                let currency = named.and_then(|(p, raw)| {
                    let kind = table.columns().nth(p)?.kind();
                    value_of(raw, kind)?.as_text()?.parse().ok()
                });
                match (raw, currency) {
                    (crate::column::Raw::I64(minor), Some(currency)) => {
                        Some(Value::Money(Money::from_minor(i128::from(minor), currency)))
                    }
                    _ => None,
                }
            }
            kind => value_of(raw, kind),
        };
        values.extend(value.map(|value| (Arc::from(column.name()), value)));
    }
    let row = ChildRow { id, account: account.clone(), values };
    // Only a row that waits for its account can be released.
    let waits = if reason == FaultKind::ChildOfUnknownAccount { account } else { None };
    Arc::make_mut(&mut held.children).entry(waits).or_default().push(HeldChild {
        table: Arc::clone(&intake.name),
        row,
        reason,
    });
}

pub(super) fn gather_children(
    intake: &ChildIntake,
    table: &ChildTable,
    sorted: &[SortedChild],
    packed: &Packed,
    tables: &mut [Vec<Option<Arc<TableBlock>>>],
) -> TagIndex {
    let storages: Vec<Storage> = table.columns().map(|column| Storage::of(column.kind())).collect();
    let mut entries: Vec<(u64, u32)> = Vec::with_capacity(sorted.len());
    let mut rest = sorted;
    for ((slot, chunk), blocks) in (0_u32..).zip(&packed.chunks).zip(tables) {
        let count = rest.partition_point(|child| child.0 == slot);
        let (own, after) = rest.split_at(count);
        rest = after;
        let owners: Vec<u32> = own.iter().map(|child| child.1).collect();
        let staging = |row: usize| own.get(row).map_or(0, |child| child.2 as usize);
        let block = TableBlock::build(
            chunk.items.len(),
            &owners,
            |row| intake.ids.text(staging(row)).unwrap_or_default(),
            &storages,
            |column, row| intake.columns.get(column)?.get(staging(row)),
        );
        entries.extend(block.iter().flat_map(super::children::TableBlock::hashes).map(|hash| (hash, slot)));
        blocks.push(block.map(Arc::new));
    }
    TagIndex::build(entries.into_iter())
}
