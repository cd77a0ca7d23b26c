//! Which accounts of a view does an expression match, and what does it give for each?
//!
//! Expressions are put into one plan, so that what several ask is asked once; a plan runs over the chunks of a view,
//! each by itself, on several threads with the feature `rayon`, with the same answers.

mod columns;
mod derive;
mod error;
mod flat;
mod masks;
mod missing_rates;
mod needs;
mod nested;
mod numbers;
mod point;
mod program;
mod requirements;
mod row_plan;
mod rows;
mod sight;
mod state;
mod supply;
mod tally;
mod tree;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use self::columns::stored;
use self::derive::{Deriver, Stopped};
pub use self::error::{Cancelled, ExprPlanErrors, ExprPlanFault, ExprPlanFaultKind, RunError};
pub(crate) use self::flat::Flat;
use self::masks::Masks;
pub(crate) use self::missing_rates::{MissingRateLog, MissingRates, ValueOf};
pub(crate) use self::needs::{Needs, Whose};
pub use self::point::{AccountExpr, RowExpr};
pub(super) use self::point::{Asked, Points};
use self::program::Program;
pub(super) use self::requirements::{Known, Requirements};
pub(crate) use self::row_plan::{Asking, RowAnswers, RowColumns, RowPlan, RowProgram};
use self::rows::{Derived, Rows};
pub(crate) use self::sight::Sight;
pub(crate) use self::state::{Best, Key, Total, Unit, key_at, place_of};
pub(crate) use self::supply::{AskedWeeks, Behind, FunctionBehind, InputBehind, Supply, UsageAsked};
pub(crate) use self::tally::Tally;
pub(crate) use self::tree::{State, Tree, slots_of};
use super::checked::Checked;
use super::columns::Columns;
use super::resolve::Linked;
use super::term::{TermId, Terms};
use super::types::Type;
use super::value::ExprValue;
use crate::book::{Account, View};
use crate::column::Bitmap;
use crate::model::Observer;
use crate::set::AccountSet;

/// Checked expressions, planned together.
///
/// A plan remembers the names, types, segments and usage that it reads, and is asked of any [`Columns`] that have them: of the views of a
/// book, of what a catalog derives for them, of the states of an engine.
///
/// ```
/// use perennial::expr::{Checker, ExprPlan};
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("name", AttributeType::Text))
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company").with("name", "Acme").with("seats", 30_i64))
///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme).with("seats", 12_i64));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
///
/// let checker = Checker::new(&**book.schema());
/// let below_acme = checker.check_predicate("lineage.exists(a, a.name == \"Acme\") && seats < 20")?;
/// let all_seats = checker.check("subtree.sum(a, a.seats)")?;
/// let plan = ExprPlan::new([&below_acme, &all_seats]);
///
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let answers = plan.run(&view)?;
/// let members: Vec<&str> = view.accounts().filter(|a| answers.matches(0, *a)).map(|a| a.id_str()).collect();
/// assert_eq!(members, ["acme-eu"]);
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(answers.value(1, acme).ok_or("missing")?.to_string(), "42");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ExprPlan {
    terms: Arc<Terms>,
    roots: Arc<[TermId]>,
    kinds: Arc<[Type]>,
    requirements: Arc<Requirements>,
}

impl ExprPlan {
    /// Plans expressions together, in the order in which their answers are asked.
    ///
    /// # Complexity
    ///
    /// Linear in the terms of all expressions.
    pub fn new<'c>(expressions: impl IntoIterator<Item = &'c Checked>) -> Self {
        let expressions: Vec<&Checked> = expressions.into_iter().collect();
        let mut terms = Terms::sharing();
        let roots = expressions.iter().map(|expression| {
            let (own, root) = expression.terms();
            super::resolve::place(&terms.join(own, &Linked::new()), root)
        });
        let roots: Vec<TermId> = roots.collect();
        let kinds: Vec<Type> = expressions.iter().map(|expression| expression.kind().clone()).collect();
        let requirements = Arc::new(Requirements::of(&[], &expressions));
        Self { terms: Arc::new(terms), roots: roots.into(), kinds: kinds.into(), requirements }
    }

    /// How many expressions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The answers for every visible account, as if what is not visible did not exist.
    ///
    /// # Errors
    ///
    /// [`ExprPlanErrors`] lists all that the expressions read and the columns do not have, or have with another type.
    ///
    /// # Complexity
    ///
    /// One pass over the rows for each different term; one over the tree, or a child table, for each that asks
    /// other accounts or rows.
    pub fn run<'c>(&self, columns: impl Into<Columns<'c>>) -> Result<Answers, ExprPlanErrors> {
        let columns = columns.into();
        self.requirements.check(&columns)?;
        // Without a reason to stop, it does not stop.
        Ok(self.evaluate(columns, &|| false).unwrap_or_else(|Cancelled| self.nothing(columns.view())))
    }

    /// As [`ExprPlan::run`], while nobody stops it; the observer is asked before each chunk.
    ///
    /// # Errors
    ///
    /// As [`ExprPlan::run`], and [`RunError::Cancelled`] when the observer stopped it.
    pub fn run_observed<'c>(
        &self,
        columns: impl Into<Columns<'c>>,
        observer: &dyn Observer,
    ) -> Result<Answers, RunError> {
        let columns = columns.into();
        self.requirements.check(&columns)?;
        Ok(self.evaluate(columns, &|| observer.is_cancelled())?)
    }

    fn evaluate(&self, columns: Columns<'_>, stop: &(dyn Fn() -> bool + Sync)) -> Result<Answers, Cancelled> {
        let (view, supply) = (columns.view(), columns.supply());
        let program = Program::new(&self.terms, &self.roots, view.as_of(), view.schema());
        let needs_tree = program.roots.iter().any(|root| program.deep.get(root.index()) == Some(&true));
        let known = if needs_tree {
            let tree = Arc::new(Tree::new(view));
            Deriver::new(view, &program, &tree, supply, stop)
                .derive(&program.roots)
                .map_err(|Stopped| Cancelled)?
        } else {
            HashMap::new()
        };
        let derived: Derived<'_> = known.iter().map(|(id, flat)| (*id, &**flat)).collect();
        let slots = tree::slots_of(view);
        let chunk = |(slot, first): &(u32, u32)| -> Result<(u32, Vec<Part>), Cancelled> {
            if stop() {
                return Err(Cancelled);
            }
            Ok((*slot, self.chunk(view, &program, &derived, *slot, *first)))
        };
        #[cfg(feature = "rayon")]
        let parts: Result<Vec<_>, Cancelled> = if slots.len() > 1 {
            use rayon::prelude::*;
            slots.par_iter().map(chunk).collect()
        } else {
            slots.iter().map(chunk).collect()
        };
        #[cfg(not(feature = "rayon"))]
        let parts: Result<Vec<_>, Cancelled> = slots.iter().map(chunk).collect();
        let mut answers = self.nothing(view);
        answers.parts = vec![Vec::new(); view.inner().chunks.len()];
        for (slot, part) in parts? {
            if let Some(place) = answers.parts.get_mut(slot as usize) {
                *place = part;
            }
        }
        Ok(answers)
    }

    fn chunk(
        &self,
        view: &View,
        program: &Program,
        derived: &Derived<'_>,
        slot: u32,
        first: u32,
    ) -> Vec<Part> {
        let Some(chunk) = view.inner().chunk(slot) else { return Vec::new() };
        let rows = chunk.shape.rows() as usize;
        let hidden = view.scope().set().is_some_and(|set| set.bitmap(slot).is_none());
        if hidden {
            return vec![Part::Nothing; self.len()];
        }
        let rows = Rows {
            program,
            chunk,
            table: None,
            rows,
            derived,
            base: first as usize,
            rates: view.dated_rates(),
            kept: std::cell::RefCell::default(),
        };
        let roots = program.roots.iter().zip(&*self.kinds);
        roots
            .map(|(root, kind)| match kind {
                Type::Bool => Part::Truth(Arc::new(std::rc::Rc::unwrap_or_clone(rows.masks(*root)))),
                _ => Part::Values(Arc::new(rows.flat(*root))),
            })
            .collect()
    }

    fn nothing(&self, view: &View) -> Answers {
        Answers { view: view.clone(), kinds: self.kinds.clone(), parts: Vec::new() }
    }
}

/// Adds the questions of segments to some terms, each after those that it asks; gives the term of each.
fn linked(terms: &mut Terms, segments: &[(&str, &Checked)]) -> Linked {
    let mut linked = Linked::new();
    for (id, segment) in segments {
        let (own, root) = segment.terms();
        let places = terms.join(own, &linked);
        linked.insert(Arc::from(*id), super::resolve::place(&places, root));
    }
    linked
}

/// The answers to one expression for the accounts of one chunk.
#[derive(Debug, Clone)]
enum Part {
    Truth(Arc<Masks>),
    Values(Arc<Flat>),
    Nothing,
}

/// The answers of an [`ExprPlan`] for the accounts of a view.
#[derive(Debug, Clone)]
pub struct Answers {
    view: View,
    kinds: Arc<[Type]>,
    /// By chunk, then by expression.
    parts: Vec<Vec<Part>>,
}

impl Answers {
    /// The view that was asked.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    fn part(&self, number: usize, account: Account<'_>) -> Option<(&Part, usize)> {
        let place = account.place();
        let visible = self.view.sees(place) && self.view.inner().layout.same(&account.view().inner().layout);
        let part = self.parts.get(place.slot as usize)?.get(number).filter(|_| visible)?;
        Some((part, place.row as usize))
    }

    /// The answer of an expression, by its number, to a yes/no question; `None` where there is none.
    #[must_use]
    pub fn truth(&self, number: usize, account: Account<'_>) -> Option<bool> {
        match self.part(number, account)? {
            (Part::Truth(masks), row) => masks.get(row),
            _ => None,
        }
    }

    /// Is the answer true?
    #[must_use]
    pub fn matches(&self, number: usize, account: Account<'_>) -> bool {
        self.truth(number, account) == Some(true)
    }

    /// The answer of an expression, by its number; `None` where there is none.
    #[must_use]
    pub fn value(&self, number: usize, account: Account<'_>) -> Option<ExprValue> {
        let kind = self.kinds.get(number)?;
        match self.part(number, account)? {
            (Part::Truth(masks), row) => masks.get(row).map(ExprValue::Bool),
            (Part::Values(flat), row) => flat.val(row).to_value(kind),
            (Part::Nothing, _) => None,
        }
    }

    /// The visible accounts for which an expression, by its number, is true.
    #[must_use]
    pub fn matching(&self, number: usize) -> AccountSet {
        let inner = self.view.inner();
        let bitmaps = (0_u32..).zip(&self.parts).filter_map(|(slot, parts)| {
            let Part::Truth(masks) = parts.get(number)? else { return None };
            let visible: Option<&Arc<Bitmap>> = match self.view.scope().set() {
                Some(set) => Some(set.bitmap(slot)?),
                None => None,
            };
            Some((slot, masks.matching(visible.map(|bits| &**bits))?))
        });
        AccountSet::from_bitmaps(inner.layout.clone(), bitmaps)
    }
}
