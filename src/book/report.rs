//! What was offered, what was loaded, and what is wrong?

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::repeated::{self, RepeatedRow};
use super::withdrawn::WithdrawnAmounts;
use crate::model::{AccountId, Date, IdError, Succession, ValueFault, Visible};
use crate::source::{BatchError, SourceError, UnreadColumn};
use crate::tree::{FaultKind, Remedy, TreeFault, other_form_of};

/// Most faults of one kind that a report describes; the rest is counted.
pub const MAX_REPORTED: usize = 10_000;

/// Where a row came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowLocation {
    /// The table.
    pub table: Arc<str>,
    /// The file, where the source says so.
    pub origin: Option<Arc<str>>,
    /// The line in the file, or the number of the row in the table from 1.
    pub line: u64,
}

impl fmt::Display for RowLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}:{}", self.line),
            None => write!(f, "{} row {}", self.table, self.line),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum Problem {
    Tree(TreeFault),
    Value {
        account: String,
        fault: ValueFault,
    },
    InvalidId {
        id: String,
        error: IdError,
    },
    UnknownType {
        account: String,
        name: String,
    },
    UnknownProduct {
        account: String,
        name: String,
    },
    RepeatedId {
        account: AccountId,
        rows: usize,
        identical: bool,
    },
    StrayLink {
        account: String,
        parent: String,
        /// The account of the source whose id is the other Salesforce form of `account`; `None` where there is none.
        same_record: Option<AccountId>,
    },
    UnreadableRank {
        account: String,
        parent: String,
    },
    InvalidSuccession {
        account: String,
        successor: String,
        reason: Arc<str>,
    },
    SuccessionRing {
        members: Vec<AccountId>,
        on: Date,
    },
    ChildWithoutAccount {
        child: String,
    },
    ChildOfUnknownAccount {
        child: String,
        account: String,
        /// The account of the source whose id is the other Salesforce form of `account`; `None` where there is none.
        same_record: Option<AccountId>,
    },
    RepeatedChild {
        child: String,
        rows: usize,
    },
}

impl Problem {
    // The ring that some links make on one day.
    pub(super) fn succession_ring(ring: &[&Succession]) -> Self {
        let mut members: Vec<AccountId> = ring.iter().map(|link| link.account.clone()).collect();
        members.dedup();
        Self::SuccessionRing { members, on: ring.first().map_or(Date::MIN, |link| link.on) }
    }

    // The ids of the rows at fault.
    pub(super) fn rows(&self) -> Vec<&str> {
        match self {
            Self::Tree(fault) => fault.accounts().into_iter().map(AccountId::as_str).collect(),
            Self::SuccessionRing { members, .. } => members.iter().map(AccountId::as_str).collect(),
            Self::RepeatedId { account, .. } => vec![account.as_str()],
            Self::InvalidId { id, .. } => vec![id],
            Self::Value { account, .. }
            | Self::UnknownType { account, .. }
            | Self::UnknownProduct { account, .. }
            | Self::StrayLink { account, .. }
            | Self::UnreadableRank { account, .. }
            | Self::InvalidSuccession { account, .. } => vec![account],
            Self::ChildWithoutAccount { child }
            | Self::ChildOfUnknownAccount { child, .. }
            | Self::RepeatedChild { child, .. } => vec![child],
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Tree(fault) => fault.kind(),
            Self::Value { fault, .. } if matches!(fault.kind, crate::model::ValueFaultKind::Required) => {
                FaultKind::MissingValue
            }
            Self::Value { .. } | Self::UnreadableRank { .. } => FaultKind::InvalidValue,
            Self::InvalidId { .. } => FaultKind::InvalidId,
            Self::UnknownType { .. } => FaultKind::UnknownType,
            Self::UnknownProduct { .. } => FaultKind::UnknownProduct,
            Self::RepeatedId { .. } => FaultKind::RepeatedId,
            Self::StrayLink { .. } => FaultKind::StrayLink,
            Self::InvalidSuccession { .. } => FaultKind::InvalidSuccession,
            Self::SuccessionRing { .. } => FaultKind::SuccessionRing,
            Self::ChildWithoutAccount { .. } => FaultKind::ChildWithoutAccount,
            Self::ChildOfUnknownAccount { .. } => FaultKind::ChildOfUnknownAccount,
            Self::RepeatedChild { .. } => FaultKind::RepeatedChild,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(fault) => write!(f, "{fault}"),
            Self::Value { account, fault } => write!(f, "`{}`: {fault}", Visible(account)),
            Self::InvalidId { error, .. } => write!(f, "{error}"),
            Self::UnknownType { account, name } if name.is_empty() => {
                write!(f, "`{}` names no account type", Visible(account))
            }
            Self::UnknownType { account, name } => {
                write!(f, "`{}` is of unknown type `{}`", Visible(account), Visible(name))
            }
            Self::UnknownProduct { account, name } => {
                write!(f, "`{}` names unknown product `{}`", Visible(account), Visible(name))
            }
            Self::RepeatedId { account, rows, identical } => {
                let same = if *identical { "identical" } else { "different" };
                write!(f, "id `{}` stands in {rows} {same} rows", Visible(account.as_str()))
            }
            Self::StrayLink { account, parent, .. } if parent.is_empty() => {
                write!(f, "link of `{}` names no parent", Visible(account))
            }
            Self::StrayLink { account, parent, same_record } => {
                let (account_shown, parent) = (Visible(account), Visible(parent));
                write!(f, "link to `{parent}` belongs to `{account_shown}`, which is not in the source")?;
                same_record.iter().try_for_each(|other| f.write_str(&other_form_of(account, other)))
            }
            Self::UnreadableRank { account, parent } => {
                let (account, parent) = (Visible(account), Visible(parent));
                write!(f, "rank of the link from `{account}` to `{parent}` is no whole number from 0")
            }
            Self::InvalidSuccession { account, successor, reason } if successor.is_empty() => {
                write!(f, "succession of `{}`: {reason}", Visible(account))
            }
            Self::InvalidSuccession { account, successor, reason } => {
                write!(f, "succession of `{}` by `{}`: {reason}", Visible(account), Visible(successor))
            }
            Self::SuccessionRing { members, on } => {
                let names: Vec<String> =
                    members.iter().map(|id| format!("`{}`", Visible(id.as_str()))).collect();
                write!(f, "{} accounts end in each other on {on}: {}", members.len(), names.join(", "))
            }
            Self::ChildWithoutAccount { child } => write!(f, "row `{}` names no account", Visible(child)),
            Self::ChildOfUnknownAccount { child, account, same_record } => {
                let (child, account_shown) = (Visible(child), Visible(account));
                write!(f, "row `{child}` belongs to `{account_shown}`, which is not in the book")?;
                same_record.iter().try_for_each(|other| f.write_str(&other_form_of(account, other)))
            }
            Self::RepeatedChild { child, rows } => {
                write!(f, "id `{}` stands in {rows} rows", Visible(child))
            }
        }
    }
}

/// One thing wrong, where it is, and what was done about it. As JSON it has its `message` as well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// What is wrong.
    pub problem: Problem,
    /// The row, where one row is at fault.
    pub location: Option<RowLocation>,
    /// What was done.
    pub remedy: Remedy,
    /// For a repeated id, its rows, at most four: the kept one first, if one is kept. Empty for other faults.
    #[serde(default)]
    pub rows: Vec<RepeatedRow>,
}

#[derive(Serialize)]
struct WrittenFault<'f> {
    kind: FaultKind,
    message: String,
    problem: &'f Problem,
    location: &'f Option<RowLocation>,
    remedy: Remedy,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rows: &'f [RepeatedRow],
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { kind, problem, location, remedy, rows } = self;
        let message = problem.to_string();
        WrittenFault { kind: *kind, message, problem, location, remedy: *remedy, rows }.serialize(serializer)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{location}: {}", self.problem)?,
            None => write!(f, "{}", self.problem)?,
        }
        let rows = match self.problem {
            Problem::RepeatedId { rows, .. } | Problem::RepeatedChild { rows, .. } => rows,
            _ => 0,
        };
        f.write_str(&repeated::as_text(&self.rows, rows))
    }
}

/// Rows of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowCounts {
    /// Rows that the source offered.
    pub offered: usize,
    /// Rows that are in the book.
    pub loaded: usize,
    /// Rows that are held out of it; `loaded + quarantined == offered`.
    pub quarantined: usize,
}

/// What a load did. Serialisable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoadReport {
    /// Rows by table, accounts first.
    pub tables: indexmap::IndexMap<Arc<str>, RowCounts>,
    /// How many faults of each kind.
    pub counts: BTreeMap<FaultKind, usize>,
    /// The faults, at most [`MAX_REPORTED`] of each kind, ordered by kind, then as found.
    pub faults: Vec<Fault>,
    /// Columns that the source offered and the schema does not know, by table.
    pub ignored_columns: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// Columns that were not read, those of `ignored_columns` and those that the source has and did not offer, each
    /// with the nearest name.
    pub unread: Vec<UnreadColumn>,
    /// Amounts in the book whose currency was withdrawn, by table, column and currency. A note, never a fault: old contracts
    /// are in such currencies, and are loaded as they are (ruling S148 of `docs/semantics`).
    pub withdrawn_currencies: Vec<WithdrawnAmounts>,
    /// Accounts in the book that stand under another one.
    pub subsidiaries: usize,
    /// Accounts in the book that others stand under.
    pub parents: usize,
    /// Levels of the deepest tree.
    pub levels: usize,
    // Which faults are to be described is known only when all are there.
    #[serde(skip)]
    keeps_all: bool,
}

impl LoadReport {
    pub(crate) fn add(&mut self, problem: Problem, location: Option<RowLocation>, remedy: Remedy) {
        self.add_of_rows(problem, location, remedy, Vec::new);
    }

    /// Adds a fault of several rows. `rows` is called only where the fault is described, not where it is only counted.
    pub(super) fn add_of_rows(
        &mut self,
        problem: Problem,
        location: Option<RowLocation>,
        remedy: Remedy,
        rows: impl FnOnce() -> Vec<RepeatedRow>,
    ) {
        let kind = problem.kind();
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= MAX_REPORTED || self.keeps_all {
            self.faults.push(Fault { kind, problem, location, remedy, rows: rows() });
        }
    }

    /// Without some of the faults that are described.
    pub(super) fn without(mut self, is_left_out: impl Fn(&Problem) -> bool) -> Self {
        let counts = &mut self.counts;
        self.faults.retain(|fault| {
            let is_left_out = is_left_out(&fault.problem);
            if is_left_out && let Some(count) = counts.get_mut(&fault.kind) {
                *count = count.saturating_sub(1);
            }
            !is_left_out
        });
        counts.retain(|_, count| *count > 0);
        self
    }

    /// How many faults of a kind.
    #[must_use]
    pub fn count(&self, kind: FaultKind) -> usize {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// The described faults of a kind.
    pub fn faults_of(&self, kind: FaultKind) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(move |fault| fault.kind == kind)
    }

    /// Whether some fault has the remedy [`Remedy::Reject`].
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.faults.iter().any(|fault| fault.remedy == Remedy::Reject)
    }

    /// Describes every fault, until [`Self::keep_most`].
    pub(super) fn keep_all(&mut self) {
        self.keeps_all = true;
    }

    /// Describes at most [`MAX_REPORTED`] faults of each kind: those that are refused before any other.
    pub(super) fn keep_most(&mut self) {
        self.keeps_all = false;
        let is_refused = |fault: &Fault| fault.remedy == Remedy::Reject;
        let mut refused: BTreeMap<FaultKind, usize> = BTreeMap::new();
        for fault in self.faults.iter().filter(|fault| is_refused(fault)) {
            *refused.entry(fault.kind).or_default() += 1;
        }
        let mut kept: BTreeMap<(FaultKind, bool), usize> = BTreeMap::new();
        self.faults.retain(|fault| {
            let before = if is_refused(fault) { 0 } else { refused.get(&fault.kind).copied().unwrap_or(0) };
            let kept = kept.entry((fault.kind, is_refused(fault))).or_default();
            *kept += 1;
            *kept <= MAX_REPORTED.saturating_sub(before)
        });
    }

    pub(crate) fn finish(&mut self) {
        self.faults.sort_by_key(|fault| fault.kind);
    }
}

impl fmt::Display for LoadReport {
    /// A summary of a few lines: rows by table, then faults by kind with an example of each, a refused one if
    /// there is one, then columns that are not read and are called nearly like one that would be, then amounts in
    /// withdrawn currencies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (table, rows) in &self.tables {
            writeln!(
                f,
                "{table}: {} offered, {} loaded, {} held",
                rows.offered, rows.loaded, rows.quarantined
            )?;
        }
        for (kind, count) in &self.counts {
            let refused = self.faults_of(*kind).find(|fault| fault.remedy == Remedy::Reject);
            let example = refused.or_else(|| self.faults_of(*kind).next());
            let remedy =
                example.map_or(String::new(), |fault| format!(" ({:?})", fault.remedy).to_lowercase());
            let example = example.map_or(String::new(), |fault| format!(", such as: {fault}"));
            writeln!(f, "{kind}: {count}{remedy}{example}")?;
        }
        self.unread
            .iter()
            .filter(|column| column.nearest.is_some())
            .try_for_each(|column| writeln!(f, "{column}"))?;
        self.withdrawn_currencies.iter().try_for_each(|amounts| writeln!(f, "{amounts}"))
    }
}

/// Why there is no book.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The source failed; its error says which table and call, and keeps the cause.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A batch is malformed: columns of different lengths, a repeated column, no id column.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The data has faults that the policy does not accept.
    #[error("load refused: {} fault(s)\n{report}", report.counts.values().sum::<usize>())]
    Rejected {
        /// The faults: all counted, up to [`MAX_REPORTED`] of each kind described.
        report: Box<LoadReport>,
    },
    /// Columns that were not read, and are called nearly like one that says where accounts stand, for which nothing
    /// was read: everybody would be a root, or no product account would be one. Call them so, map them, or offer that
    /// column without values.
    #[error("{}", misnamed(columns))]
    Misnamed {
        /// The columns, each with the name that was probably meant.
        columns: Vec<UnreadColumn>,
    },
    /// More rows than a book can hold.
    #[error("{offered} rows of `{table}` offered; the limit is {limit}")]
    TooMany {
        /// The table.
        table: Arc<str>,
        /// Rows offered.
        offered: usize,
        /// The limit.
        limit: usize,
    },
}

fn misnamed(columns: &[UnreadColumn]) -> String {
    let said: Vec<String> = columns.iter().map(ToString::to_string).collect();
    said.join("\n")
}

impl LoadError {
    pub(super) fn keeping_most(mut self) -> Self {
        if let Self::Rejected { report } = &mut self {
            report.keep_most();
        }
        self
    }

    /// The report of a load that was refused for its data.
    #[must_use]
    pub fn report(&self) -> Option<&LoadReport> {
        match self {
            Self::Rejected { report } => Some(report),
            _ => None,
        }
    }
}
