//! Which rows of `successions` are links that can be followed?
//!
//! A row that names no successor or no day, an account that succeeds itself, and links that end accounts
//! in a ring on one day are faults; everything else is history, be its accounts in the book or not.
//! Ruling S51 of `docs/semantics`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::builder::BookBuilder;
use super::intake::{IntakeContext, Locations, rank_of};
use super::report::{LoadReport, Problem, RowCounts};
use super::{Held, Successions, SupersededRow};
use crate::model::{AccountId, Succession, Value};
use crate::source::{Batch, Cell};
use crate::tree::FaultKind;

const TABLE: &str = "successions";

/// Successions in order of arrival.
#[derive(Debug, Default)]
pub(super) struct SuccessionIntake {
    rows: Vec<Result<Succession, (String, FaultKind)>>,
    locations: Locations,
}

impl SuccessionIntake {
    pub(super) fn push(&mut self, context: &mut IntakeContext<'_>, batch: &Batch) {
        self.locations.note(self.rows.len(), batch);
        for row in 0..batch.rows() {
            let account = batch.name_at("id", row).unwrap_or_default();
            let read = read(context, batch, row, &account);
            if let Err(problem) = &read {
                context.fault(problem.clone(), self.locations.of(TABLE, self.rows.len()));
            }
            self.rows.push(read.map_err(|problem| (account.into_owned(), problem.kind())));
        }
    }
}

fn read(
    context: &IntakeContext<'_>,
    batch: &Batch,
    row: usize,
    account: &str,
) -> Result<Succession, Problem> {
    let successor = batch.name_at("successor", row).unwrap_or_default();
    let invalid = |reason: &'static str| Problem::InvalidSuccession {
        account: account.to_owned(),
        successor: successor.to_string(),
        reason: Arc::from(reason),
    };
    let id = |text: &str| {
        context.check_account(text)?;
        Ok(AccountId::trusted(text))
    };
    if successor.is_empty() {
        return Err(invalid("it names no successor"));
    }
    let (account, successor) = (id(account)?, id(&successor)?);
    if account == successor {
        return Err(invalid("an account cannot succeed itself"));
    }
    let cell = |column| batch.cells(column).map_or(Cell::Absent, |cells| cells.cell(row));
    let Cell::Value(Value::Date(on)) = cell("on") else { return Err(invalid("it names no day")) };
    let rank = rank_of(batch, row).ok_or_else(|| invalid("its rank is no whole number from 0"))?;
    let part = match cell("part") {
        Cell::Absent | Cell::Null => Some(false),
        Cell::Value(Value::Bool(part)) => Some(part),
        Cell::Value(_) | Cell::Unreadable { .. } => None,
    };
    let part = part.ok_or_else(|| invalid("its `part` is neither yes nor no"))?;
    Ok(Succession { account, on, part, rank, successor })
}

/// The history that the rows tell. Rows that cannot be followed are superseded, where the policy loads at
/// all.
pub(super) fn place_successions(
    builder: &BookBuilder,
    held: &mut Held,
    report: &mut LoadReport,
) -> Successions {
    let intake = &builder.successions;
    if intake.rows.is_empty() {
        return Successions::default();
    }
    let mut lost: Vec<SupersededRow> = Vec::new();
    let mut supersede = |id: String, reason| lost.push(SupersededRow { table: Arc::from(TABLE), id, reason });
    let mut links: Vec<Succession> = Vec::new();
    // Of rows that say the same of one pair and day in other words, the first in order stands.
    let mut stands: HashMap<(&AccountId, &AccountId, crate::model::Date), &Succession> = HashMap::new();
    for link in intake.rows.iter().flatten() {
        let kept = stands.entry((&link.account, &link.successor, link.on)).or_insert(link);
        *kept = (*kept).min(link);
    }
    let mut used: HashSet<&Succession> = HashSet::new();
    for (number, row) in intake.rows.iter().enumerate() {
        match row {
            Err((id, reason)) => supersede(id.clone(), *reason),
            Ok(link) => {
                let kept = stands.get(&(&link.account, &link.successor, link.on)).copied();
                if kept == Some(link) && used.insert(link) {
                    links.push(link.clone());
                    continue;
                }
                let problem = Problem::InvalidSuccession {
                    account: link.account.to_string(),
                    successor: link.successor.to_string(),
                    reason: Arc::from("the source has it twice for that day"),
                };
                let remedy = builder.policy.remedy(FaultKind::InvalidSuccession);
                report.add(problem, Some(intake.locations.of(TABLE, number)), remedy);
                supersede(link.account.to_string(), FaultKind::InvalidSuccession);
            }
        }
    }
    let mut ring_links: HashSet<Succession> = HashSet::new();
    for ring in Successions::same_day_rings(&links) {
        let remedy = builder.policy.remedy(FaultKind::SuccessionRing);
        report.add(Problem::succession_ring(&ring), None, remedy);
        ring_links.extend(ring.into_iter().cloned());
    }
    links.retain(|link| {
        let in_ring = ring_links.contains(link);
        if in_ring {
            supersede(link.account.to_string(), FaultKind::SuccessionRing);
        }
        !in_ring
    });
    let counts = RowCounts { offered: intake.rows.len(), loaded: links.len(), quarantined: lost.len() };
    report.tables.insert(Arc::from(TABLE), counts);
    Arc::make_mut(&mut held.superseded).extend(lost);
    Successions::default().edited(&links, &[])
}
