//! What must be known of the whole view before rows are evaluated?
//!
//! What asks other accounts or child rows is worked out first, for all rows at once, innermost first: one pass over
//! the tree, or over a table, for each such term. Bodies of lambdas are evaluated as columns of their own rows; a
//! body that reads the account around it is given that account's answers as a column.

use std::collections::HashMap;
use std::sync::Arc;

use super::flat::Flat;
use super::program::{Program, is_deep};
use super::row_plan::RowAnswers;
use super::rows::{Derived, Rows};
use super::state::{Best, Total, Unit, Votes};
use super::supply::{Supply, UsageAsked};
use super::tree::{NONE, State, Tree};
use crate::book::{TableBlock, View};
use crate::expr::term::{Cell, Gather, Op, Over, Place, Summed, TermId, Walk};

/// Answers from which on chunks are evaluated side by side: fewer take less than to wake another thread.
#[cfg(feature = "rayon")]
const WORTH_A_FORK: usize = 65_536;

/// Whose rows a lambda asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Accounts,
    /// Rows of a child table.
    Table(usize),
}

/// Rows that are asked, and the frame around them.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) asked: Asked,
    pub(super) around: Option<usize>,
    /// For each row, the row of the frame around it that asks.
    pub(super) owner: Vec<u32>,
    pub(super) known: HashMap<TermId, Arc<Flat>>,
}

/// Works out what is derived.
pub(super) struct Deriver<'v> {
    pub(super) view: &'v View,
    pub(super) program: &'v Program,
    pub(super) tree: Arc<Tree>,
    pub(super) frames: Vec<Frame>,
    places: HashMap<Place, Vec<u32>>,
    pub(super) supply: Option<&'v dyn Supply>,
    pub(super) stop: &'v (dyn Fn() -> bool + Sync),
}

/// The evaluation was stopped by its caller.
#[derive(Debug)]
pub(super) struct Stopped;

impl<'v> Deriver<'v> {
    pub(super) fn new(
        view: &'v View,
        program: &'v Program,
        tree: &Arc<Tree>,
        supply: Option<&'v dyn Supply>,
        stop: &'v (dyn Fn() -> bool + Sync),
    ) -> Self {
        let base = Frame { asked: Asked::Accounts, around: None, owner: Vec::new(), known: HashMap::new() };
        Self { view, program, tree: tree.clone(), frames: vec![base], places: HashMap::new(), supply, stop }
    }

    /// What the roots need of the accounts under test.
    pub(super) fn derive(mut self, roots: &[TermId]) -> Result<HashMap<TermId, Arc<Flat>>, Stopped> {
        for root in roots {
            self.prepare(0, *root)?;
        }
        Ok(self.frames.into_iter().next().map(|base| base.known).unwrap_or_default())
    }

    fn known(&self, frame: usize, id: TermId) -> bool {
        self.frames.get(frame).is_some_and(|frame| frame.known.contains_key(&id))
    }

    /// Works out all that a term needs before its rows are evaluated.
    pub(super) fn prepare(&mut self, frame: usize, id: TermId) -> Result<(), Stopped> {
        // Terms stand after those that they are made of: innermost first is in order of place.
        let mut needed: Vec<TermId> = Vec::new();
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            if self.program.deep.get(id.index()) != Some(&true) {
                continue;
            }
            let op = self.program.terms.op(id);
            if is_deep(op) {
                // What is below it is asked elsewhere.
                if !needed.contains(&id) && !self.known(frame, id) {
                    needed.push(id);
                }
            } else {
                left.extend(op.parts());
            }
        }
        needed.sort_unstable();
        for id in needed {
            if (self.stop)() {
                return Err(Stopped);
            }
            let flat = match (self.program.terms.op(id), self.supply) {
                // As it was supplied, without a copy.
                (Op::Supplied(slot), Some(supply)) => {
                    let name = self.program.terms.slots.get(*slot as usize).map(|slot| slot.name.clone());
                    let column = name.and_then(|name| supply.column(&name));
                    column.unwrap_or_else(|| Arc::new(Flat::Cells(vec![Cell::Missing; self.tree.rows()])))
                }
                _ => Arc::new(self.deep(frame, id)?),
            };
            if let Some(frame) = self.frames.get_mut(frame) {
                frame.known.insert(id, flat);
            }
        }
        Ok(())
    }

    /// The answers to a term for all rows of a frame.
    pub(super) fn answers(&mut self, frame: usize, id: TermId) -> Result<Flat, Stopped> {
        self.prepare(frame, id)?;
        let Some(asked) = self.frames.get(frame) else { return Ok(Flat::Cells(Vec::new())) };
        let derived: Derived<'_> = asked.known.iter().map(|(id, flat)| (*id, &**flat)).collect();
        let mut parts = Vec::with_capacity(self.tree.slots.len());
        let mut base = 0;
        for (slot, _) in &self.tree.slots {
            if (self.stop)() {
                return Err(Stopped);
            }
            let Some(chunk) = self.view.inner().chunk(*slot) else { continue };
            let empty;
            let (table, rows) = match asked.asked {
                Asked::Accounts => (None, chunk.shape.rows() as usize),
                Asked::Table(number) => match chunk.table(number) {
                    Some(block) => (Some(&**block), block.rows()),
                    None => {
                        empty = TableBlock::empty(chunk.shape.rows() as usize);
                        (Some(&empty), 0)
                    }
                },
            };
            let rows = Rows {
                program: self.program,
                chunk,
                table,
                rows,
                derived: &derived,
                base,
                rates: self.view.dated_rates(),
                kept: std::cell::RefCell::default(),
            };
            base += rows.rows;
            parts.push(rows.flat(id));
        }
        Ok(Flat::joined(parts))
    }

    /// The answers to some terms for all accounts, chunk by chunk: a yes/no question that several of them ask is asked once. Those that are to be sets are
    /// given as sets.
    pub(super) fn all(&mut self, roots: &[TermId], sets: &[bool]) -> Result<Vec<RowAnswers>, Stopped> {
        for root in roots {
            self.prepare(0, *root)?;
        }
        let (program, view, stop) = (self.program, self.view, self.stop);
        let Some(base) = self.frames.first() else { return Ok(Vec::new()) };
        let derived: Derived<'_> = base.known.iter().map(|(id, flat)| (*id, &**flat)).collect();
        let chunk = |(slot, first): &(u32, u32)| -> Result<Vec<RowAnswers>, Stopped> {
            if stop() {
                return Err(Stopped);
            }
            let Some(chunk) = view.inner().chunk(*slot) else { return Ok(Vec::new()) };
            let rows = chunk.shape.rows() as usize;
            let visible = match view.scope().set() {
                Some(set) => match set.bitmap(*slot) {
                    Some(bits) => Some(bits),
                    // What stands at hidden accounts is not looked at.
                    None => return Ok(roots.iter().map(|_| RowAnswers::nothing(rows)).collect()),
                },
                None => None,
            };
            let kept = std::cell::RefCell::default();
            let base = *first as usize;
            let rates = view.dated_rates();
            let all = Rows { program, chunk, table: None, rows, derived: &derived, base, rates, kept };
            let answers = roots.iter().enumerate().map(|(at, root)| {
                if sets.get(at) == Some(&true) {
                    let members = all.masks(*root).matching(visible.map(|bits| &**bits));
                    RowAnswers::Members(members.map(|members| (*slot, members)).into_iter().collect())
                } else {
                    RowAnswers::Values(all.flat(*root))
                }
            });
            Ok(answers.collect())
        };
        #[cfg(feature = "rayon")]
        let chunks: Result<Vec<_>, Stopped> =
            if self.tree.slots.len() > 1 && self.tree.rows().saturating_mul(roots.len()) >= WORTH_A_FORK {
                use rayon::prelude::*;
                self.tree.slots.par_iter().map(chunk).collect()
            } else {
                self.tree.slots.iter().map(chunk).collect()
            };
        #[cfg(not(feature = "rayon"))]
        let chunks: Result<Vec<_>, Stopped> = self.tree.slots.iter().map(chunk).collect();
        Ok(RowAnswers::joined(chunks?, sets, roots.len()))
    }

    fn deep(&mut self, frame: usize, id: TermId) -> Result<Flat, Stopped> {
        let rows = self.tree.rows();
        Ok(match self.program.terms.op(id) {
            Op::Level => Flat::Int(self.tree.levels().iter().map(|level| Some(i64::from(*level))).collect()),
            Op::AccountId => {
                let ids = self.tree.slots.iter().filter_map(|(slot, _)| self.view.inner().chunk(*slot));
                let ids = ids.flat_map(|chunk| {
                    (0..chunk.shape.rows()).map(|row| chunk.shape.id(row).map(std::sync::Arc::from))
                });
                Flat::Text(ids.collect())
            }
            Op::Under { id, strict } => {
                // What is not visible might as well not exist.
                let place = self.view.account(id).map(|account| account.place());
                let top = place.and_then(|place| {
                    let first = self.tree.slots.iter().find(|(slot, _)| *slot == place.slot)?.1;
                    Some(first.saturating_add(place.row))
                });
                Flat::Truth(match top {
                    None => vec![Some(false); rows],
                    Some(top) => self.tree.below(top, *strict).into_iter().map(Some).collect(),
                })
            }
            Op::Owns(product) => {
                let own = self.held(*product);
                let all = self.tree.gather(Walk::Subtree, &own);
                Flat::Truth(all.into_iter().map(|votes| Some(votes.count() > 0)).collect())
            }
            Op::At(place, inner) => {
                let (place, inner) = (place.clone(), *inner);
                let answers = self.answers(frame, inner)?;
                let tree = &self.tree;
                let from = self.places.entry(place.clone()).or_insert_with(|| tree.at(&place));
                answers.gathered(from)
            }
            Op::Outer(inner) => {
                let inner = *inner;
                let Some(around) = self.frames.get(frame).and_then(|frame| frame.around) else {
                    return Ok(Flat::Cells(vec![Cell::Missing; rows]));
                };
                let answers = self.answers(around, inner)?;
                match self.frames.get(frame) {
                    Some(frame) => answers.gathered(&frame.owner),
                    None => answers,
                }
            }
            Op::Gather { asker, .. } if !asker.is_here() => super::nested::answers(self, frame, id)?,
            Op::Gather { what, over, filters, body, .. } => {
                let (what, over, filters, body) = (*what, over.clone(), filters.clone(), *body);
                match over {
                    Over::Walk(walk) => self.walk(frame, walk, what, &filters, body)?,
                    Over::Table(table) => {
                        let number = self.view.schema().table(&table).map(crate::model::TableId::index);
                        match number {
                            Some(number) => self.child_rows(frame, number, what, &filters, body)?,
                            None => Flat::Cells(vec![Cell::Missing; rows]),
                        }
                    }
                }
            }
            Op::Usage(..) => {
                let today = self.view.as_of().date().days();
                let rates = self.view.dated_rates();
                let asked = UsageAsked::of(&self.program.terms, id, today);
                match (self.supply, asked.map(|asked| asked.at_rates(rates))) {
                    (Some(supply), Some(asked)) => supply.usage(&asked),
                    _ => Flat::Cells(vec![Cell::Missing; rows]),
                }
            }
            Op::InSegment(id) => self.members(id),
            // What is supplied was taken as it is.
            _ => Flat::Cells(vec![Cell::Missing; rows]),
        })
    }

    /// Who is in a segment whose members are known: for each account yes or no.
    fn members(&self, id: &str) -> Flat {
        let members = self.supply.and_then(|supply| supply.members(id));
        let mut truths = vec![Some(false); self.tree.rows()];
        for (slot, first) in &self.tree.slots {
            let bits = members.as_ref().and_then(|members| members.bitmap(*slot));
            for row in bits.into_iter().flat_map(|bits| bits.rows()) {
                if let Some(truth) = truths.get_mut((*first + row) as usize) {
                    *truth = Some(true);
                }
            }
        }
        Flat::Truth(truths)
    }

    /// Which visible accounts hold a product, and are not cancelled.
    fn held(&self, product: u16) -> Vec<Votes> {
        let inner = self.view.inner();
        let cancelled = inner.schema.cancelled_codes();
        let status = inner.schema.system_attribute(crate::model::SystemAttribute::Status);
        let mut votes = Vec::with_capacity(self.tree.rows());
        for (slot, _) in &self.tree.slots {
            let Some(chunk) = inner.chunk(*slot) else { continue };
            let statuses = status.and_then(|status| chunk.column(status.index()));
            for row in 0..chunk.shape.rows() {
                let gone = statuses.is_some_and(|block| match block.get(row as usize) {
                    Some(crate::column::Raw::Code(code)) => cancelled.contains(&code),
                    _ => false,
                });
                let holds = chunk.shape.product(row) == Some(product) && !gone && self.tree.sees(votes.len());
                votes.push(Votes::of(holds.then_some(true)));
            }
        }
        votes
    }

    /// The frame of a lambda; that of all accounts where the body does not read the account around.
    fn frame(&mut self, asked: Asked, around: usize, reads_outer: bool, owner: Vec<u32>) -> usize {
        if asked == Asked::Accounts && !reads_outer {
            return 0;
        }
        self.frames.push(Frame { asked, around: Some(around), owner, known: HashMap::new() });
        self.frames.len() - 1
    }

    fn reads_outer(&self, filters: &[TermId], body: Option<TermId>) -> bool {
        filters.iter().chain(&body).any(|id| self.program.outer.get(id.index()) == Some(&true))
    }

    fn walk(
        &mut self,
        around: usize,
        walk: Walk,
        what: Gather,
        filters: &[TermId],
        body: Option<TermId>,
    ) -> Result<Flat, Stopped> {
        let reads_outer = self.reads_outer(filters, body);
        let owner = if reads_outer { self.tree.parent.clone() } else { Vec::new() };
        let frame = self.frame(Asked::Accounts, around, reads_outer, owner);
        let (counted, body) = self.bodies(frame, filters, body)?;
        let tree = &self.tree;
        let counts = |row: usize| {
            tree.sees(row)
                && counted
                    .iter()
                    .all(|filter| matches!(filter, Flat::Truth(rows) if rows.get(row) == Some(&Some(true))))
        };
        let gather = Gathering { what, rows: tree.rows(), counts: &counts, body: body.as_ref() };
        Ok(gather.with(
            |own| tree.gather(walk, &own),
            |own| tree.gather(walk, &own),
            |own| tree.gather(walk, &own),
        ))
    }

    /// The answers to the filters and the body of a lambda.
    fn bodies(
        &mut self,
        frame: usize,
        filters: &[TermId],
        body: Option<TermId>,
    ) -> Result<(Vec<Flat>, Option<Flat>), Stopped> {
        let mut counted = Vec::with_capacity(filters.len());
        for filter in filters {
            counted.push(self.answers(frame, *filter)?);
        }
        let body = match body {
            Some(body) => Some(self.answers(frame, body)?),
            None => None,
        };
        Ok((counted, body))
    }

    /// The account that each row of a child table belongs to.
    pub(super) fn owners(&self, table: usize) -> Vec<u32> {
        let mut owner: Vec<u32> = Vec::new();
        for (slot, first) in &self.tree.slots {
            let Some(chunk) = self.view.inner().chunk(*slot) else { continue };
            let Some(block) = chunk.table(table) else { continue };
            for (account, bounds) in (*first..).zip(block.starts().windows(2)) {
                let [from, to] = bounds else { continue };
                owner.extend((*from..*to).map(|_| account));
            }
        }
        owner
    }

    /// The answers to terms for every row of a child table, and the accounts that the rows belong to.
    pub(super) fn table_rows(
        &mut self,
        table: usize,
        bodies: &[TermId],
    ) -> Result<(Vec<u32>, Vec<Flat>), Stopped> {
        let owner = self.owners(table);
        let frame = self.frame(Asked::Table(table), 0, true, owner.clone());
        let columns = bodies.iter().map(|body| self.answers(frame, *body)).collect::<Result<_, _>>()?;
        Ok((owner, columns))
    }

    fn child_rows(
        &mut self,
        around: usize,
        table: usize,
        what: Gather,
        filters: &[TermId],
        body: Option<TermId>,
    ) -> Result<Flat, Stopped> {
        let owner = self.owners(table);
        let frame = self.frame(Asked::Table(table), around, true, owner);
        let (counted, body) = self.bodies(frame, filters, body)?;
        let accounts = self.tree.rows();
        let Some(frame) = self.frames.get(frame) else { return Ok(Flat::Cells(Vec::new())) };
        let owner = &frame.owner;
        let counts = |row: usize| {
            counted
                .iter()
                .all(|filter| matches!(filter, Flat::Truth(rows) if rows.get(row) == Some(&Some(true))))
        };
        let gather = Gathering { what, rows: owner.len(), counts: &counts, body: body.as_ref() };
        Ok(gather.with(
            |own| by_owner(owner, accounts, &own),
            |own| by_owner(owner, accounts, &own),
            |own| by_owner(owner, accounts, &own),
        ))
    }
}

/// The states of rows, merged by the account that owns them.
fn by_owner<S: State>(owner: &[u32], accounts: usize, own: &[S]) -> Vec<S> {
    let mut out = vec![S::default(); accounts];
    for (owner, own) in owner.iter().zip(own) {
        if let Some(out) = out.get_mut(*owner as usize).filter(|_| *owner != NONE) {
            out.merge(own);
        }
    }
    out
}

/// What is gathered of rows.
pub(super) struct Gathering<'g> {
    pub(super) what: Gather,
    pub(super) rows: usize,
    /// Does a row count?
    pub(super) counts: &'g dyn Fn(usize) -> bool,
    pub(super) body: Option<&'g Flat>,
}

impl Gathering<'_> {
    /// Gathers by the functions for the kind of state that it takes.
    pub(super) fn with(
        &self,
        votes: impl Fn(Vec<Votes>) -> Vec<Votes>,
        totals: impl Fn(Vec<Total>) -> Vec<Total>,
        bests: impl Fn(Vec<Best>) -> Vec<Best>,
    ) -> Flat {
        match self.what {
            Gather::Exists | Gather::All | Gather::ExistsOne | Gather::Count => {
                let own = (0..self.rows).map(|row| {
                    if !(self.counts)(row) {
                        return Votes::default();
                    }
                    match self.body {
                        // Each row counts.
                        None => Votes::of(Some(true)),
                        Some(Flat::Truth(rows)) => Votes::of(rows.get(row).copied().flatten()),
                        Some(_) => Votes::of(None),
                    }
                });
                let all = votes(own.collect());
                if self.what == Gather::Count {
                    Flat::Int(all.into_iter().map(|votes| Some(votes.count())).collect())
                } else {
                    Flat::Truth(all.into_iter().map(|votes| votes.truth(self.what)).collect())
                }
            }
            Gather::Sum(_) | Gather::Avg(_) => {
                let (Some(body), Some(unit)) = (self.body, self.body.and_then(Unit::of)) else {
                    return self.nothing(|own| totals(own).len());
                };
                let own = (0..self.rows)
                    .map(|row| if (self.counts)(row) { Total::of(body, row) } else { Total::default() });
                let all = totals(own.collect());
                match self.what {
                    Gather::Avg(mean) => {
                        Flat::of_cells(all.iter().map(|total| total.mean(unit, mean)).collect())
                    }
                    Gather::Sum(Summed::Duration) => Total::sums(&all, Unit::Duration),
                    _ => Total::sums(&all, unit),
                }
            }
            _ => {
                let least = self.what == Gather::Min;
                let Some(body) = self.body else { return self.nothing(|own| totals(own).len()) };
                let own = (0..self.rows)
                    .map(|row| if (self.counts)(row) { Best::of(body, row, least) } else { Best::default() });
                Flat::of_cells(bests(own.collect()).into_iter().map(Best::cell).collect())
            }
        }
    }

    /// No row has a value.
    fn nothing(&self, rows: impl FnOnce(Vec<Total>) -> usize) -> Flat {
        Flat::Cells(vec![Cell::Missing; rows(vec![Total::default(); self.rows])])
    }
}
