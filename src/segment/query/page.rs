//! Which accounts stand on a page?

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::keys::Key;
use super::search::Search;
use super::{MAX_COLUMNS, Query, QueryErrors, QueryFault, QueryFaultKind, Shown};
use crate::book::Account;
use crate::expr::{Checked, Checker, Columns, ExprPlan, ExprPlanErrors, Type, Val};
use crate::model::AccountId;
use crate::model::DocumentVersion;
use crate::segment::cancelled::Counted;
use crate::set::{AccountSet, StaleSet};

/// A query that makes sense, ready to be asked of books.
#[derive(Debug, Clone)]
pub struct CheckedQuery {
    filter: Option<Checked>,
    search: Option<Arc<str>>,
    sort: Vec<(Checked, bool)>,
    columns: Vec<(Arc<str>, Checked)>,
    limit: usize,
    counted: Counted,
}

/// Where a page ended: what the next one begins after. It keeps the keys of the last account, not its place, so that it
/// holds for other versions of the book: an account that is added before it is not seen, one that is added after it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    v: DocumentVersion,
    keys: Vec<Shown>,
    id: AccountId,
}

/// Some accounts of a query, in order. Cancelled accounts match as others do and stand among the rows; they are not in the
/// total unless [`Query::with_cancelled`] asks for them (ruling S115 of [`docs::semantics`](crate::docs::semantics)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Page {
    v: DocumentVersion,
    /// How many visible accounts fit, on all pages, without those that are cancelled.
    pub total: usize,
    /// How many more fit that are cancelled, on all pages; 0 where the total holds them.
    #[serde(default)]
    pub cancelled: usize,
    /// What stands above the columns.
    pub labels: Vec<Arc<str>>,
    /// The accounts of this page.
    pub rows: Vec<PageRow>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
}

/// One account of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PageRow {
    /// The account.
    pub id: AccountId,
    /// Its value in each column; `None` where it has none.
    pub values: Vec<Shown>,
}

/// Why a question of a screen has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Something that it reads is not there.
    #[error(transparent)]
    Plan(#[from] ExprPlanErrors),
    /// The set is of another layout of the book.
    #[error(transparent)]
    Stale(#[from] StaleSet),
    /// The cursor is of another query.
    #[error("the cursor is not one of this query: begin again at the first page")]
    Cursor,
}

impl Query {
    /// Checks every expression against the names of a checker: those of the schema, or of a catalog for queries that read
    /// what is derived.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them, a filter that is no yes/no question, keys that have no order.
    pub fn check(&self, checker: &Checker<'_>) -> Result<CheckedQuery, QueryErrors> {
        let mut faults = Vec::new();
        let mut keep = |found: Result<Checked, _>, path: String| match found {
            Ok(checked) => Some(checked),
            Err(errors) => {
                faults.push(QueryFault { path, kind: QueryFaultKind::Expression(errors) });
                None
            }
        };
        let filter = self
            .filter
            .as_ref()
            .and_then(|filter| keep(checker.check_ast_predicate(filter.clone()), "/filter".to_owned()));
        let mut sort = Vec::with_capacity(self.sort.len());
        for (place, key) in self.sort.iter().enumerate() {
            let by = keep(checker.check_ast(key.by.clone()), format!("/sort/{place}/by"));
            sort.extend(by.map(|by| (by, key.descending)));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for (place, column) in self.columns.iter().enumerate() {
            let value = keep(checker.check_ast(column.value.clone()), format!("/columns/{place}/value"));
            columns.extend(value.map(|value| (column.label.clone(), value)));
        }
        let mut other = |path: String, message: String| {
            faults.push(QueryFault { path, kind: QueryFaultKind::Other(message) });
        };
        for (place, (by, _)) in sort.iter().enumerate() {
            if !by.kind().is_scalar() {
                other(format!("/sort/{place}/by"), format!("accounts have no order by a {}", by.kind()));
            }
        }
        for (field, count) in [("/sort", self.sort.len()), ("/columns", self.columns.len())] {
            if count > MAX_COLUMNS {
                other(field.to_owned(), format!("at most {MAX_COLUMNS} of them"));
            }
        }
        if !faults.is_empty() {
            return Err(QueryErrors::new(faults));
        }
        let search = self.search.clone();
        Ok(CheckedQuery { filter, search, sort, columns, limit: self.limit, counted: self.counted })
    }
}

/// The columns of rows.
struct Cells<'c>(Vec<Key<'c>>);

impl Cells<'_> {
    fn row(&self, account: Account<'_>) -> PageRow {
        let values = self.0.iter().map(|key| key.shown(&key.value(account, 0)));
        PageRow { id: account.id(), values: values.collect() }
    }
}

/// An account with its keys, on its way to a page.
struct Candidate<'v, 'k> {
    account: Account<'v>,
    keys: Vec<Val<'k>>,
}

impl CheckedQuery {
    /// The visible accounts that pass the filter and the search, apart from any order.
    ///
    /// # Errors
    ///
    /// As [`ExprPlan::run`].
    pub fn accounts<'c>(&self, columns: impl Into<Columns<'c>>) -> Result<AccountSet, ExprPlanErrors> {
        let columns = columns.into();
        let found = self.filtered(columns)?;
        let Some(text) = &self.search else { return Ok(found) };
        let view = columns.view();
        let search = Search::new(view, text);
        let fits = |place: &_| view.at(*place).is_some_and(|account| search.rank(account).is_some());
        Ok(view.set(found.iter().filter(fits)))
    }

    fn filtered(&self, columns: Columns<'_>) -> Result<AccountSet, ExprPlanErrors> {
        match &self.filter {
            None => Ok(columns.view().visible()),
            Some(filter) => Ok(ExprPlan::new([filter]).run(columns)?.matching(0)),
        }
    }

    /// The first page, or the one after a cursor.
    ///
    /// # Errors
    ///
    /// What the columns do not have, by the number of the expression (the filter, the keys, the columns), and a cursor of another query.
    ///
    /// # Complexity
    ///
    /// One pass for the filter, and for each key that asks other accounts, a derived column or usage; then linear in the accounts that pass, of
    /// which as many as stand on a page are kept. Columns are worked out for the accounts of the page alone.
    pub fn run<'c>(&self, columns: impl Into<Columns<'c>>, after: Option<&Cursor>) -> Result<Page, AskError> {
        let known = columns.into();
        let view = known.view();
        known.require(&self.expressions())?;
        let mut keys: Vec<Key<'_>> = Vec::with_capacity(self.sort.len() + 1);
        if self.search.is_some() && self.sort.is_empty() {
            keys.push(Key::rank());
        }
        for (by, descending) in &self.sort {
            keys.push(Key::new(known, by, *descending)?);
        }
        let cursor = after.map(|after| read(&keys, after)).transpose()?;
        let search = self.search.as_ref().map(|text| Search::new(view, text));
        let accounts = self.filtered(known)?;

        let order = |a: &Candidate<'_, '_>, b: &Candidate<'_, '_>| {
            by_keys(&keys, &a.keys, a.account.id_str(), &b.keys, b.account.id_str())
        };
        let mut kept: Vec<Candidate<'_, '_>> = Vec::new();
        // One more than a page shows whether another follows. Twice as many are gathered before the later half goes.
        let wanted = self.limit + 1;
        let mut worst: Option<usize> = None;
        let mut buffer: Vec<Val<'_>> = Vec::with_capacity(keys.len());
        let (mut total, mut cancelled) = (0, 0);
        let left_out = self.counted.left_out(view);
        for account in accounts.iter().filter_map(|place| view.at(place)) {
            let rank = match &search {
                None => 0,
                Some(search) => match search.rank(account) {
                    Some(rank) => rank,
                    None => continue,
                },
            };
            if left_out(account.place()) {
                cancelled += 1;
            } else {
                total += 1;
            }
            buffer.clear();
            // The first key alone tells of most accounts that they stand on no page yet to come.
            let worst_one = worst.and_then(|at| kept.get(at));
            if let (Some(first), Some(worst)) = (keys.first(), worst_one) {
                let value = first.value(account, rank);
                let last = worst.keys.first().map_or(Ordering::Less, |last| first.order(&value, last));
                if last == Ordering::Greater {
                    continue;
                }
                buffer.push(value);
            }
            let done = buffer.len();
            buffer.extend(keys.iter().skip(done).map(|key| key.value(account, rank)));
            if let Some((values, id)) = &cursor
                && by_keys(&keys, &buffer, account.id_str(), values, id) != Ordering::Greater
            {
                continue;
            }
            if let Some(worst) = worst_one
                && by_keys(&keys, &buffer, account.id_str(), &worst.keys, worst.account.id_str())
                    == Ordering::Greater
            {
                continue;
            }
            kept.push(Candidate { account, keys: buffer.clone() });
            if kept.len() >= wanted.saturating_mul(2) {
                kept.select_nth_unstable_by(wanted - 1, order);
                kept.truncate(wanted);
                worst = Some(wanted - 1);
            }
        }
        kept.sort_unstable_by(order);
        let more = kept.len() > self.limit;
        kept.truncate(self.limit);
        let next = kept.last().filter(|_| more).map(|last| Cursor {
            v: DocumentVersion,
            keys: keys.iter().zip(&last.keys).map(|(key, value)| key.shown(value)).collect(),
            id: last.account.id(),
        });
        let columns = self.cells(known, kept.len())?;
        let rows = kept.iter().map(|one| columns.row(one.account));
        let labels = self.columns.iter().map(|(label, _)| label.clone()).collect();
        Ok(Page { v: DocumentVersion, total, cancelled, labels, rows: rows.collect(), next })
    }

    /// The columns of the accounts of a set, in the order of the tree: for exports and profiles.
    ///
    /// # Errors
    ///
    /// What the columns do not have, and a set of another layout of the book.
    ///
    /// # Complexity
    ///
    /// As many walks as a column makes for one account, for each account of the set; of more than [`PAGE`](super::PAGE) accounts, one
    /// pass over the view for a column that asks other accounts, usage or a derived column.
    pub fn select<'c>(
        &self,
        columns: impl Into<Columns<'c>>,
        accounts: &AccountSet,
    ) -> Result<Vec<PageRow>, AskError> {
        let known = columns.into();
        let view = known.view();
        known.require(&self.expressions())?;
        let accounts = view.visible().intersection(accounts)?;
        let columns = self.cells(known, accounts.len())?;
        let chosen = view.accounts().filter(|account| accounts.contains(account.place()));
        Ok(chosen.map(|account| columns.row(account)).collect())
    }

    /// The columns, for so many accounts.
    fn cells<'c>(&self, known: Columns<'c>, accounts: usize) -> Result<Cells<'c>, ExprPlanErrors> {
        let few = accounts <= super::PAGE;
        let key = |(_, value): &(Arc<str>, Checked)| {
            if few { Key::single(known, value) } else { Key::new(known, value, false) }
        };
        Ok(Cells(self.columns.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// All of them: the filter, the keys of order, the columns.
    fn expressions(&self) -> Vec<&Checked> {
        let keys = self.sort.iter().map(|(by, _)| by);
        self.filter.iter().chain(keys).chain(self.columns.iter().map(|(_, value)| value)).collect()
    }

    /// The type of each column.
    pub fn kinds(&self) -> impl Iterator<Item = &Type> {
        self.columns.iter().map(|(_, value)| value.kind())
    }
}

/// Which of two accounts stands first.
fn by_keys(keys: &[Key<'_>], a: &[Val<'_>], a_id: &str, b: &[Val<'_>], b_id: &str) -> Ordering {
    let orders = keys.iter().zip(a.iter().zip(b)).map(|(key, (a, b))| key.order(a, b));
    let found = orders.into_iter().find(|order| order.is_ne());
    found.unwrap_or_else(|| a_id.cmp(b_id))
}

/// What a cursor says, for these keys.
fn read<'c>(keys: &'c [Key<'_>], cursor: &'c Cursor) -> Result<(Vec<Val<'c>>, &'c str), AskError> {
    if keys.len() != cursor.keys.len() {
        return Err(AskError::Cursor);
    }
    let values = keys.iter().zip(&cursor.keys).map(|(key, shown)| key.read(shown.as_ref()));
    let values: Option<Vec<Val<'_>>> = values.collect();
    Ok((values.ok_or(AskError::Cursor)?, cursor.id.as_str()))
}
