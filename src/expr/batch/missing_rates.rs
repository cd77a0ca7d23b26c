//! Which rates are not known that expressions convert amounts at, and whose amounts are these?
//!
//! Expressions are evaluated as written, account by account, and report each amount that has no rate. A term about other accounts is not
//! evaluated once per reader: its readers are collected first, then each account or row that it reads is evaluated once. Terms are ordered so
//! that a term comes after its operands. The last pending term is therefore read by no other pending one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::derive::Deriver;
use super::error::Cancelled;
use super::point::{Here, OfAccounts, Points};
use super::program::Program;
use super::row_plan::RowPlan;
use super::state::Votes;
use super::supply::{Supply, UsageAsked};
use super::tree::Tree;
use crate::book::{TableBlock, View};
use crate::expr::exchange::Unrated;
use crate::expr::explain::MissingRate;
use crate::expr::term::{Cell, Op, Over, Place, TermId, Terms, Walk};
use crate::model::{AccountId, AccountIdx, Currency, Schema, TableId};
use crate::tree::AccountTree;

/// Amounts without a rate, by the currency that they are converted to, their own and the day: how many rows, and the first accounts.
#[derive(Debug, Default)]
pub(crate) struct MissingRates<'b>(BTreeMap<(Currency, Unrated), (u64, BTreeSet<&'b str>)>);

impl<'b> MissingRates<'b> {
    /// Adds a row of an account.
    pub(crate) fn add(&mut self, account: &'b str, to: Currency, lacks: Unrated) {
        let (rows, accounts) = self.0.entry((to, lacks)).or_default();
        *rows += 1;
        accounts.insert(account);
        if accounts.len() > MissingRate::MAX_ACCOUNTS {
            accounts.pop_last();
        }
    }

    /// Adds all that a recorder was told.
    pub(crate) fn add_told(&mut self, recorder: MissingRateLog, view: &'b View) {
        let Told { found, .. } = recorder.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        for ((to, lacks), rows) in found {
            for (place, _) in rows {
                self.add(view.inner().id(place), to, lacks);
            }
        }
    }

    pub(crate) fn into_list(self) -> Vec<MissingRate> {
        let missing = |((to, lacks), (rows, accounts)): ((Currency, Unrated), (u64, BTreeSet<&str>))| {
            // Ids of a book are ids.
            let accounts = accounts.into_iter().filter_map(|id| AccountId::new(id).ok()).collect();
            let Unrated { from, kind, on, rate } = lacks;
            MissingRate { from, to, kind, on, rate, rows, accounts }
        };
        self.0.into_iter().map(missing).collect()
    }
}

/// A row of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowKey {
    /// Of a child table, by the numbers of both.
    Row(usize, usize),
    /// An event: its day, what happened, who did it, and which of those that are alike it is.
    Event((i32, u32, u32, usize)),
}

/// Is told of amounts without a rate; of each row once.
#[derive(Debug, Default)]
pub(crate) struct MissingRateLog(Mutex<Told>);

/// Amounts of accounts, or of rows of them.
type Amounts = BTreeSet<(AccountIdx, Option<RowKey>)>;

#[derive(Debug, Default)]
struct Told {
    found: BTreeMap<(Currency, Unrated), Amounts>,
    /// Which terms convert amounts.
    converting: Vec<bool>,
    /// Who asked which of these that is answered for all accounts.
    asked: BTreeMap<TermId, BTreeSet<AccountIdx>>,
}

impl MissingRateLog {
    fn told<T>(&self, of: impl FnOnce(&mut Told) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Is told of an amount of an account, or of a row of it.
    pub(crate) fn add(&self, to: Currency, lacks: Unrated, place: AccountIdx, row: Option<RowKey>) {
        self.told(|told| told.found.entry((to, lacks)).or_default().insert((place, row)));
    }

    /// Is told that an account asked a term that is answered for all.
    pub(super) fn ask(&self, term: TermId, place: AccountIdx) {
        self.told(|told| {
            if told.converting.get(term.index()) == Some(&true) {
                told.asked.entry(term).or_default().insert(place);
            }
        });
    }
}

/// Which terms convert amounts, or are made of such as do. What a metric does is known where it is read.
fn converting(terms: &Terms) -> Vec<bool> {
    let mut all: Vec<bool> = Vec::with_capacity(terms.ops.len());
    for op in &terms.ops {
        let own = match op {
            Op::Exchange { .. } => true,
            Op::Usage(_, usage, _) => usage.is_metric,
            _ => false,
        };
        all.push(own || op.parts().iter().any(|part| all.get(part.index()) == Some(&true)));
    }
    all
}

impl Terms {
    /// The same without the questions whether a rate is missing, and the places where the given ones are now.
    fn unguarded_all(&self, roots: &[TermId]) -> (Self, Vec<TermId>) {
        let mut there = self.beside();
        let mut places: Vec<TermId> = Vec::with_capacity(self.ops.len());
        for (at, op) in self.ops.iter().enumerate() {
            let id = TermId(u32::try_from(at).unwrap_or(u32::MAX));
            let of = self.unguarded(id);
            let place = if of == id {
                there.add(crate::expr::resolve::moved(op, &places))
            } else {
                crate::expr::resolve::place(&places, of)
            };
            places.push(place);
        }
        let roots = roots.iter().map(|root| crate::expr::resolve::place(&places, *root)).collect();
        (there, roots)
    }
}

/// The values of the expressions of a plan, by number, for an account or a row of it.
pub(crate) type ValueOf<'v> = dyn Fn(usize) -> Cell + 'v;

impl RowPlan {
    /// Evaluates expressions for some accounts, or for each of their rows, and tells a recorder of all amounts without a rate. `visit` asks the
    /// expressions of each that it wants to know.
    pub(crate) fn tell_unrated(
        &self,
        (view, schema): (&View, &Schema),
        supply: Option<&dyn Supply>,
        recorder: &MissingRateLog,
        accounts: &[AccountIdx],
        visit: &mut dyn FnMut(AccountIdx, &ValueOf<'_>),
    ) -> Result<(), Cancelled> {
        let (terms, roots) = self.parts();
        let (terms, roots) = terms.unguarded_all(roots);
        let program = Program::as_written(&terms, &roots, view.as_of(), schema);
        let table = self.table().map(|table| schema.table(table).map(TableId::index));
        let body = |root: &TermId| match program.terms.op(*root) {
            Op::Gather { body: Some(body), .. } => *body,
            _ => TermId::NONE,
        };
        let roots: Vec<TermId> = match table {
            None => program.roots.clone(),
            Some(_) => program.roots.iter().map(body).collect(),
        };
        let tree = Arc::new(Tree::new(view));
        let of_accounts = if table.is_some() { outer(&program.terms, &roots) } else { roots.clone() };
        let stop = &|| false;
        let known = Deriver::new(view, &program, &tree, supply, stop).derive(&of_accounts);
        let known = known.map_err(|_| Cancelled)?;
        let points = Points::of(view, supply, &program.terms, &program.bound);
        let points = points.knowing(OfAccounts { tree: &tree, answers: &known }).telling(Some(recorder));
        recorder.told(|told| told.converting = converting(&program.terms));
        for place in accounts {
            let account = Here::account(&points, *place, None);
            let value = |here: &Here<'_, '_>, number: usize| {
                let root = roots.get(number).copied().unwrap_or(TermId::NONE);
                here.value(root).to_cell().unwrap_or(Cell::Missing)
            };
            match table {
                None => visit(*place, &|number| value(&account, number)),
                Some(None) => {}
                Some(Some(table)) => {
                    for row in rows_of(view, *place, table) {
                        let here = Here::row(&points, *place, (table, row), Some(&account));
                        visit(*place, &|number| value(&here, number));
                    }
                }
            }
        }
        let asking = Deferred { points: &points, program: &program, tree: &tree, recorder };
        while let Some((term, askers)) = recorder.told(|told| told.asked.pop_last()) {
            asking.ask(term, &askers);
        }
        Ok(())
    }
}

/// What bodies of lambdas over rows ask of the account around them.
fn outer(terms: &Terms, bodies: &[TermId]) -> Vec<TermId> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut left = bodies.to_vec();
    while let Some(id) = left.pop() {
        if !seen.insert(id) {
            continue;
        }
        match terms.op(id) {
            Op::Outer(inner) => found.push(*inner),
            Op::Gather { .. } | Op::Usage(..) => {}
            op => left.extend(op.parts()),
        }
    }
    found
}

/// The rows of an account in a child table.
fn rows_of(view: &View, place: AccountIdx, table: usize) -> std::ops::Range<usize> {
    let block = view.inner().chunk(place.slot).and_then(|chunk| chunk.table(table));
    block.map_or(0..0, |block| TableBlock::rows_of(block, place.row))
}

/// Asks what accounts have asked.
struct Deferred<'a> {
    points: &'a Points<'a>,
    program: &'a Program,
    tree: &'a Tree,
    recorder: &'a MissingRateLog,
}

impl Deferred<'_> {
    fn ask(&self, term: TermId, askers: &BTreeSet<AccountIdx>) {
        let points = self.points;
        match self.program.terms.op(term) {
            Op::At(place, inner) => {
                let there: BTreeSet<AccountIdx> =
                    askers.iter().filter_map(|asker| points.reached(*asker, place)).collect();
                for place in there {
                    Here::account(points, place, None).value(*inner);
                }
            }
            Op::Gather { over: Over::Table(table), filters, body, .. } => {
                let number = points.view.schema().table(table).map(TableId::index);
                for (asker, number) in askers.iter().filter_map(|asker| Some((*asker, number?))) {
                    let account = Here::account(points, asker, None);
                    for row in rows_of(points.view, asker, number) {
                        Here::row(points, asker, (number, row), Some(&account)).ask(filters, *body);
                    }
                }
            }
            Op::Gather { over: Over::Walk(walk), filters, body, .. } => {
                let reads_outer = |id: &TermId| self.program.outer.get(id.index()) == Some(&true);
                if filters.iter().chain(body).any(reads_outer) {
                    // Only lambdas over children do, each of which has one parent.
                    for asker in askers {
                        let around = Here::account(points, *asker, None);
                        for place in points.view.children(*asker) {
                            Here::account(points, place, Some(&around)).ask(filters, *body);
                        }
                    }
                    return;
                }
                for place in self.gone_through(*walk, askers) {
                    Here::account(points, place, None).ask(filters, *body);
                }
            }
            Op::Usage(..) => {
                let view = points.view;
                let asked = UsageAsked::of(&points.terms, term, view.as_of().date().days());
                let Some((supply, asked)) = points.supply.zip(asked) else { return };
                let asked = asked.at_rates(view.dated_rates());
                for asker in askers {
                    supply.usage_at(*asker, &asked.telling(Some(self.recorder), *asker));
                }
            }
            // Others convert nothing themselves.
            _ => {}
        }
    }

    /// The visible accounts that a walk of at least one of some accounts goes through: those from which the way back leads to one of them.
    fn gone_through(&self, walk: Walk, askers: &BTreeSet<AccountIdx>) -> Vec<AccountIdx> {
        let back = match walk {
            Walk::Ancestors => Walk::Descendants,
            Walk::Lineage => Walk::Subtree,
            Walk::Descendants => Walk::Ancestors,
            Walk::Subtree => Walk::Lineage,
            Walk::Siblings => Walk::Siblings,
            Walk::Children => {
                let is_asked = |place: &AccountIdx| {
                    let parent = self.points.reached(*place, &Place::Parent);
                    parent.is_some_and(|parent| askers.contains(&parent))
                };
                return AccountTree::walk(self.points.view).filter(is_asked).collect();
            }
        };
        let mut own = vec![Votes::default(); self.tree.rows()];
        for row in askers.iter().filter_map(|asker| self.tree.row_of(*asker)) {
            if let Some(own) = own.get_mut(row) {
                *own = Votes::of(Some(true));
            }
        }
        let reached = self.tree.gather(back, &own);
        let rows =
            reached.iter().enumerate().filter(|(row, votes)| votes.count() > 0 && self.tree.sees(*row));
        rows.filter_map(|(row, _)| self.tree.place_of(row)).collect()
    }
}

impl Here<'_, '_> {
    /// Evaluates the filters and the body of a lambda; what they tell is told while they are.
    fn ask(&self, filters: &[TermId], body: Option<TermId>) {
        if filters.iter().all(|filter| self.value(*filter).truth() == Some(true)) {
            body.into_iter().for_each(|body| drop(self.value(body)));
        }
    }
}
