//! Which accounts of a view does an expression match, and what does it give for each?
//!
//! Expressions are put into one plan, so that what several ask is asked once; a plan runs over the chunks of a view,
//! each by itself, on several threads with the feature `rayon`, with the same answers.

mod columns;
mod derive;
mod flat;
mod masks;
mod needs;
mod nested;
mod numbers;
mod point;
mod program;
mod row_plan;
mod rows;
mod sight;
mod state;
mod supply;
mod tally;
mod tree;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use self::derive::{Deriver, Stopped};
pub(crate) use self::flat::Flat;
use self::masks::Masks;
pub(crate) use self::needs::{Needs, Whose};
pub use self::point::{AccountExpr, RowExpr};
pub(super) use self::point::{Asked, Points};
use self::program::{Bound, Program};
pub(crate) use self::row_plan::{Asking, RowColumns, RowPlan, RowProgram};
use self::rows::{Derived, Rows};
pub(crate) use self::sight::Sight;
pub(crate) use self::state::{Best, Key, Total, Unit};
pub use self::supply::Columns;
pub(crate) use self::supply::{Supply, UsageAsked};
pub(crate) use self::tally::Tally;
pub(crate) use self::tree::{State, Tree, slots_of};
use super::checked::Checked;
use super::names::{Names, Of};
use super::resolve::Linked;
use super::term::{Op, SlotOf, TermId, Terms};
use super::types::Type;
use super::value::ExprValue;
use crate::book::{Account, View};
use crate::column::Bitmap;
use crate::model::Schema;
use crate::set::AccountSet;

/// What a book cannot answer, by the number of the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprPlanErrors {
    faults: Vec<(usize, String)>,
}

impl ExprPlanErrors {
    pub(crate) fn of(number: usize, faults: Vec<String>) -> Self {
        Self { faults: faults.into_iter().map(|why| (number, why)).collect() }
    }

    /// Each fault: which expression, counted from 0, and what is wrong.
    #[must_use]
    pub fn faults(&self) -> impl ExactSizeIterator<Item = (usize, &str)> {
        self.faults.iter().map(|(number, why)| (*number, why.as_str()))
    }
}

impl fmt::Display for ExprPlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (number, why)) in self.faults.iter().enumerate() {
            write!(f, "{}expression {number}: {why}", if place > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ExprPlanErrors {}

/// The evaluation was stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the evaluation was stopped")
    }
}

impl std::error::Error for Cancelled {}

/// Checked expressions, planned together for books of one schema.
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
/// let plan = ExprPlan::new(book.schema(), [&below_acme, &all_seats])?;
///
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let answers = plan.run(&view);
/// let members: Vec<&str> = view.accounts().filter(|a| answers.matches(0, *a)).map(|a| a.id_str()).collect();
/// assert_eq!(members, ["acme-eu"]);
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(answers.value(1, acme).ok_or("missing")?.to_string(), "42");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ExprPlan {
    schema: Arc<Schema>,
    terms: Arc<Terms>,
    roots: Arc<[TermId]>,
    kinds: Arc<[Type]>,
}

impl ExprPlan {
    /// Plans expressions together, in the order in which their answers are asked.
    ///
    /// # Errors
    ///
    /// [`ExprPlanErrors`] lists what books of this schema cannot answer: names that it does not have, or has with
    /// another type, segments, and usage.
    ///
    /// # Complexity
    ///
    /// Linear in the terms of all expressions.
    pub fn new<'c>(
        schema: &Arc<Schema>,
        expressions: impl IntoIterator<Item = &'c Checked>,
    ) -> Result<Self, ExprPlanErrors> {
        Self::with_segments(schema, [], expressions)
    }

    /// Plans expressions that ask segments, with the segments by id. One that asks others stands after them.
    ///
    /// # Errors
    ///
    /// As [`ExprPlan::new`], and segments that are not among those given. What a segment itself cannot be asked counts
    /// against the expressions that ask it.
    pub fn with_segments<'c>(
        schema: &Arc<Schema>,
        segments: impl IntoIterator<Item = (&'c str, &'c Checked)>,
        expressions: impl IntoIterator<Item = &'c Checked>,
    ) -> Result<Self, ExprPlanErrors> {
        Self::planned(schema, None, segments, expressions)
    }

    /// Plans expressions that ask what is not in the book: usage, and derived columns. `names` are those that they were
    /// checked with.
    ///
    /// # Errors
    ///
    /// As [`ExprPlan::new`], for what neither the schema nor the names have.
    pub fn with_names<'c>(
        schema: &Arc<Schema>,
        names: &dyn Names,
        expressions: impl IntoIterator<Item = &'c Checked>,
    ) -> Result<Self, ExprPlanErrors> {
        Self::planned(schema, Some(names), [], expressions)
    }

    pub(crate) fn planned<'c>(
        schema: &Arc<Schema>,
        names: Option<&dyn Names>,
        segments: impl IntoIterator<Item = (&'c str, &'c Checked)>,
        expressions: impl IntoIterator<Item = &'c Checked>,
    ) -> Result<Self, ExprPlanErrors> {
        let expressions: Vec<&Checked> = expressions.into_iter().collect();
        let (mut terms, linked) = link(Known { schema, names }, segments, &expressions)?;
        let roots = expressions.iter().map(|expression| {
            let (own, root) = expression.terms();
            super::resolve::place(&terms.join(own, &linked), root)
        });
        let roots: Vec<TermId> = roots.collect();
        let kinds: Vec<Type> = expressions.iter().map(|expression| expression.kind().clone()).collect();
        Ok(Self { schema: schema.clone(), terms: Arc::new(terms), roots: roots.into(), kinds: kinds.into() })
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
    /// On a view of a book with another schema, nothing has an answer.
    ///
    /// # Complexity
    ///
    /// One pass over the rows for each different term; one over the tree, or a child table, for each that asks
    /// other accounts or rows.
    #[must_use]
    pub fn run(&self, view: &View) -> Answers {
        // Without a reason to stop, it does not stop.
        self.run_until(view, &|| false).unwrap_or_else(|Cancelled| self.nothing(view))
    }

    /// As [`ExprPlan::run`], while `stop` says `false`; it is asked before each chunk.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] when `stop` said `true`. That is the only way in which an evaluation fails.
    pub fn run_until(&self, view: &View, stop: &(dyn Fn() -> bool + Sync)) -> Result<Answers, Cancelled> {
        self.evaluate(view, None, stop)
    }

    /// As [`ExprPlan::run`], for the view of columns that are not in the book.
    #[must_use]
    pub fn run_with(&self, columns: Columns<'_>) -> Answers {
        let done = self.evaluate(columns.view, Some(columns.supply), &|| false);
        done.unwrap_or_else(|Cancelled| self.nothing(columns.view))
    }

    /// As [`ExprPlan::run_with`], while `stop` says `false`.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] when `stop` said `true`.
    pub fn run_with_until(
        &self,
        columns: Columns<'_>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Answers, Cancelled> {
        self.evaluate(columns.view, Some(columns.supply), stop)
    }

    fn evaluate(
        &self,
        view: &View,
        supply: Option<&dyn Supply>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Answers, Cancelled> {
        if !(Arc::ptr_eq(&self.schema, view.schema()) || self.schema == *view.schema()) {
            return Ok(self.nothing(view));
        }
        let program = Program::new(&self.terms, &self.roots, view.as_of(), &self.schema);
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

/// What can be answered: the columns of a schema, and what is supplied beside them.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) schema: &'k Schema,
    pub(super) names: Option<&'k dyn Names>,
}

/// The terms of segments, and where each stands; each is given after those that it asks itself. Refuses expressions that
/// books of a schema cannot answer, by their number.
pub(super) fn link<'c>(
    known: Known<'_>,
    segments: impl IntoIterator<Item = (&'c str, &'c Checked)>,
    expressions: &[&Checked],
) -> Result<(Terms, Linked), ExprPlanErrors> {
    let mut terms = Terms::sharing();
    let mut linked = Linked::new();
    let mut broken: HashMap<Arc<str>, Vec<String>> = HashMap::new();
    for (id, segment) in segments {
        let (own, root) = segment.terms();
        let faults = unanswered(known, own, &linked, &broken);
        let places = terms.join(own, &linked);
        linked.insert(Arc::from(id), super::resolve::place(&places, root));
        if !faults.is_empty() {
            broken.insert(Arc::from(id), faults);
        }
    }
    let numbered = expressions.iter().enumerate();
    let faults: Vec<(usize, String)> = numbered
        .flat_map(|(number, expression)| {
            let faults = unanswered(known, expression.terms().0, &linked, &broken);
            faults.into_iter().map(move |why| (number, why))
        })
        .collect();
    if faults.is_empty() { Ok((terms, linked)) } else { Err(ExprPlanErrors { faults }) }
}

/// What books of a schema cannot answer.
fn unanswered(
    Known { schema, names }: Known<'_>,
    terms: &Terms,
    segments: &Linked,
    broken: &HashMap<Arc<str>, Vec<String>>,
) -> Vec<String> {
    let mut faults = Vec::new();
    for slot in &terms.slots {
        let kind = match program::bind(schema, &slot.of, &slot.name) {
            Bound::Attribute(_) | Bound::Column(_) => {
                let name = match &slot.of {
                    SlotOf::Table(table) => Names::name(schema, Of::Table(table), &slot.name),
                    _ => Names::name(schema, Of::Account, &slot.name),
                };
                name.map(|name| name.kind().clone())
            }
            Bound::Kind => Some(Type::Enum(schema.type_values().clone())),
            Bound::Product => Some(Type::Enum(schema.product_values().clone())),
            // It stands beside the book, or with the events that are asked, which are looked at below.
            Bound::Nothing => names.and_then(|names| {
                let of = match &slot.of {
                    SlotOf::Account => Of::Account,
                    SlotOf::Table(table) => Of::Table(table),
                    SlotOf::Event(event) => Of::Event(event),
                };
                names.name(of, &slot.name).map(|name| name.kind().clone())
            }),
        };
        match kind {
            None => faults.push(format!("books of this schema have no `{}`", slot.name)),
            Some(kind) if kind != slot.kind => {
                faults.push(format!("`{}` is {kind} in this schema, not {}", slot.name, slot.kind));
            }
            Some(_) => {}
        }
    }
    for op in &terms.ops {
        let found = match op {
            Op::InSegment(id) if !segments.contains_key(id) => {
                vec![format!("the segment `{id}` was not given to the plan")]
            }
            Op::InSegment(id) => broken.get(id).cloned().unwrap_or_default(),
            Op::Usage(_, usage, _) => {
                let known = match names {
                    None => false,
                    Some(names) if usage.is_metric => names.metric(&usage.name).is_some(),
                    Some(names) => names.has_event(&usage.name),
                };
                if known {
                    continue;
                }
                vec![format!("no usage `{}` is known here", usage.name)]
            }
            _ => continue,
        };
        for what in found {
            if !faults.contains(&what) {
                faults.push(what);
            }
        }
    }
    faults
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
