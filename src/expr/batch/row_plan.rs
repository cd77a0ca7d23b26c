//! What do expressions give for every row: of accounts, of a child table?

use std::sync::Arc;

use super::derive::Deriver;
use super::error::{Cancelled, ExprPlanErrors};
use super::flat::Flat;
use super::needs::Needs;
use super::point::Points;
use super::program::Program;
use super::requirements::{Beside, Requirements};
use super::sight::Sight;
use super::supply::Supply;
use super::tree::Tree;
use crate::book::View;
use crate::column::Bitmap;
use crate::expr::checked::Checked;
use crate::expr::names::Names;
use crate::expr::term::{Cell, Op, TermId, Terms};
use crate::model::{AccountIdx, AsOf, Schema, TableId};

/// Expressions over rows of one kind, planned together.
#[derive(Debug, Clone)]
pub(crate) struct RowPlan {
    terms: Arc<Terms>,
    roots: Vec<TermId>,
    /// The child table whose rows are asked; `None` for those of accounts and events.
    table: Option<Arc<str>>,
}

/// The answers for every row of a view, side by side.
#[derive(Debug)]
pub(crate) struct RowColumns {
    /// The row of the account that each belongs to; `None` where the rows are the accounts.
    pub(crate) owner: Option<Vec<u32>>,
    /// By expression.
    pub(crate) columns: Vec<Flat>,
}

/// The answers to one expression of accounts.
#[derive(Debug)]
pub(crate) enum RowAnswers {
    /// For every row of a view, side by side.
    Values(Flat),
    /// The visible accounts for which it is true, by slot; slots without any are left out.
    Members(Vec<(u32, Bitmap)>),
}

impl RowAnswers {
    /// Of accounts that are not looked at.
    pub(super) fn nothing(rows: usize) -> Self {
        Self::Values(Flat::Cells(vec![Cell::Missing; rows]))
    }

    /// Those of all chunks, expression by expression.
    pub(super) fn joined(chunks: Vec<Vec<Self>>, sets: &[bool], expressions: usize) -> Vec<Self> {
        let mut flats: Vec<Vec<Flat>> = vec![Vec::new(); expressions];
        let mut members: Vec<Vec<(u32, Bitmap)>> = vec![Vec::new(); expressions];
        for chunk in chunks {
            for ((answers, flats), members) in chunk.into_iter().zip(&mut flats).zip(&mut members) {
                match answers {
                    Self::Values(flat) => flats.push(flat),
                    Self::Members(found) => members.extend(found),
                }
            }
        }
        let both = flats.into_iter().zip(members).enumerate();
        let joined = both.map(|(at, (flats, members))| {
            if sets.get(at) == Some(&true) {
                Self::Members(members)
            } else {
                Self::Values(Flat::joined(flats))
            }
        });
        joined.collect()
    }

    pub(crate) fn values(self) -> Flat {
        match self {
            Self::Values(flat) => flat,
            Self::Members(_) => Flat::Cells(Vec::new()),
        }
    }
}

/// A plan at one moment: its days are constants.
#[derive(Debug, Clone)]
pub(crate) struct RowProgram {
    program: Arc<Program>,
    table: Option<Arc<str>>,
}

impl RowPlan {
    /// Over the rows of a child table, or over others; with the segments that the expressions ask, each after those that
    /// it asks itself.
    pub(crate) fn new(
        table: Option<&str>,
        schema: &Schema,
        names: &dyn Names,
        segments: &[(&str, &Checked)],
        expressions: &[&Checked],
    ) -> Result<Self, ExprPlanErrors> {
        Requirements::of(segments, expressions).check(&Beside { schema, names })?;
        let mut terms = Terms::sharing();
        let linked = super::linked(&mut terms, segments);
        let roots = expressions.iter().map(|expression| {
            let (own, root) = expression.terms();
            crate::expr::resolve::place(&terms.join(own, &linked), root)
        });
        let roots: Vec<TermId> = roots.collect();
        let (terms, roots) = terms.pruned(&roots);
        Ok(Self { terms: Arc::new(terms), roots, table: table.map(Arc::from) })
    }

    /// One expression of accounts by itself.
    pub(in crate::expr) fn of_one(expression: &Checked) -> Self {
        let (terms, root) = expression.terms();
        let (terms, roots) = terms.clone().pruned(&[root]);
        Self { terms: Arc::new(terms), roots, table: None }
    }

    /// Some of its expressions, by number, with what these need and no more.
    pub(crate) fn only(&self, expressions: &[usize]) -> Self {
        let roots = expressions.iter().map(|at| self.roots.get(*at).copied().unwrap_or(TermId::NONE));
        let (terms, roots) = Terms::clone(&self.terms).pruned(&roots.collect::<Vec<_>>());
        Self { terms: Arc::new(terms), roots, table: self.table.clone() }
    }

    /// What the expressions read.
    pub(crate) fn needs(&self) -> Needs {
        Needs::of(&self.terms)
    }

    /// Of whom an answer depends beside its own account.
    pub(crate) fn sight(&self) -> Sight {
        Sight::of(&self.terms, &self.roots)
    }

    /// How many expressions there are.
    pub(crate) fn len(&self) -> usize {
        self.roots.len()
    }

    /// Its terms, and those of its expressions.
    pub(super) fn parts(&self) -> (&Terms, &[TermId]) {
        (&self.terms, &self.roots)
    }

    /// The child table whose rows are asked, if it is one.
    pub(crate) const fn table(&self) -> Option<&Arc<str>> {
        self.table.as_ref()
    }

    /// The plan at a moment.
    pub(crate) fn at(&self, as_of: &AsOf, schema: &Schema) -> RowProgram {
        let program = Program::new(&self.terms, &self.roots, as_of, schema);
        RowProgram { program: Arc::new(program), table: self.table.clone() }
    }

    /// The answers for the rows of a view. Expressions of accounts, or all of one child table.
    pub(crate) fn run(
        &self,
        view: &View,
        supply: Option<&dyn Supply>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<RowColumns, Cancelled> {
        let tree = Arc::new(Tree::new(view));
        self.at(view.as_of(), view.schema()).run(view, &tree, supply, stop)
    }

    /// The terms with the days of a moment, and of each expression over events what it asks of each.
    pub(crate) fn of_events(&self, as_of: &AsOf) -> (Terms, Vec<TermId>) {
        let (terms, roots) = self.terms.as_of(as_of, &self.roots);
        let bodies = roots.iter().map(|root| match terms.op(*root) {
            Op::Usage(_, _, Some(body)) => *body,
            _ => TermId::NONE,
        });
        let bodies = bodies.collect();
        (terms, bodies)
    }
}

impl RowProgram {
    /// Does it say the same as another, of the same plan at another moment?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (own, others) = (&self.program, &other.program);
        own.roots == others.roots && own.terms.is_same(&others.terms)
    }

    /// The answers for the rows of a view with the given tree.
    pub(crate) fn run(
        &self,
        view: &View,
        tree: &Arc<Tree>,
        supply: Option<&dyn Supply>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<RowColumns, Cancelled> {
        let Some(table) = &self.table else {
            let columns = self.of_accounts(view, tree, supply, &[], stop)?;
            return Ok(RowColumns {
                owner: None,
                columns: columns.into_iter().map(RowAnswers::values).collect(),
            });
        };
        let program = &*self.program;
        let mut deriver = Deriver::new(view, program, tree, supply, stop);
        let bodies: Vec<TermId> = program
            .roots
            .iter()
            .map(|root| match program.terms.op(*root) {
                Op::Gather { body: Some(body), .. } => *body,
                _ => TermId::NONE,
            })
            .collect();
        match view.schema().table(table).map(TableId::index) {
            None => Ok(RowColumns {
                owner: Some(Vec::new()),
                columns: vec![Flat::Cells(Vec::new()); bodies.len()],
            }),
            Some(number) => {
                let (owner, columns) = deriver.table_rows(number, &bodies).map_err(|_| Cancelled)?;
                Ok(RowColumns { owner: Some(owner), columns })
            }
        }
    }

    /// The answers for the accounts of a view; `sets` says by number which expressions are to be sets.
    pub(crate) fn of_accounts(
        &self,
        view: &View,
        tree: &Arc<Tree>,
        supply: Option<&dyn Supply>,
        sets: &[bool],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<RowAnswers>, Cancelled> {
        let mut deriver = Deriver::new(view, &self.program, tree, supply, stop);
        deriver.all(&self.program.roots, sets).map_err(|_| Cancelled)
    }

    /// Its expressions, to be asked of single accounts.
    pub(crate) fn asking<'a>(&'a self, view: &'a View, supply: Option<&'a dyn Supply>) -> Asking<'a> {
        let program = &self.program;
        let body = |root: &TermId| match program.terms.op(*root) {
            Op::Gather { body: Some(body), .. } => *body,
            _ => TermId::NONE,
        };
        Asking {
            points: Points::of(view, supply, &program.terms, &program.bound),
            roots: &program.roots,
            table: self.table.as_ref().map(|table| {
                (view.schema().table(table).map(TableId::index), program.roots.iter().map(body).collect())
            }),
        }
    }

    /// The answers of its expressions for one account after the other. For expressions of accounts.
    pub(crate) fn each_at(
        &self,
        view: &View,
        supply: Option<&dyn Supply>,
        places: impl Iterator<Item = AccountIdx>,
        mut seen: impl FnMut(AccountIdx, usize, Cell),
    ) {
        let points = Points::of(view, supply, &self.program.terms, &self.program.bound);
        for place in places {
            for (number, root) in self.program.roots.iter().enumerate() {
                let cell = points.value(place, *root).to_cell().unwrap_or(Cell::Missing);
                seen(place, number, cell);
            }
        }
    }
}

/// Expressions that are asked of single accounts.
pub(crate) struct Asking<'a> {
    points: Points<'a>,
    roots: &'a [TermId],
    /// The child table whose rows are asked, if the schema has it, and what is asked of each.
    table: Option<(Option<usize>, Vec<TermId>)>,
}

impl Asking<'_> {
    /// The answers for an account, or for each row that it has in the table that is asked; `cells` is where they stand.
    pub(crate) fn each_row(&self, place: AccountIdx, cells: &mut Vec<Cell>, seen: &mut dyn FnMut(&[Cell])) {
        match &self.table {
            None => {
                cells.clear();
                let values = self.roots.iter().map(|root| self.points.value(place, *root).to_cell());
                cells.extend(values.map(|cell| cell.unwrap_or(Cell::Missing)));
                seen(cells);
            }
            Some((Some(number), bodies)) => self.points.each_row(place, *number, bodies, cells, seen),
            Some((None, _)) => {}
        }
    }
}
