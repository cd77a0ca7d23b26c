//! What does an expression give for a record of the host, without a book?

use std::fmt;
use std::sync::Arc;

use super::eval::{Eval, Slots};
use super::rate_missing::is_rate_missing_column;
use super::term::{Cell, Op, Over, SlotInfo, SlotOf, TermId, Terms};
use super::types::Type;
use super::value::{ExprValue, Field, Val};
use crate::model::{AsOf, Rates};

/// One account as the host holds it: a struct, a row of a cursor, a message.
///
/// # What implementors must guarantee
///
/// * A number always means the same name: the one for which `bind` of
///   [`Checked::for_records`](super::Checked::for_records) gave it.
/// * The same record gives the same values while it is asked.
pub trait Record {
    /// The value of a name, by its number; [`Field::Missing`] for a number that is none.
    fn field(&self, number: usize) -> Field<'_>;
}

impl<R: Record + ?Sized> Record for &R {
    fn field(&self, number: usize) -> Field<'_> {
        (**self).field(number)
    }
}

/// Values by number.
impl Record for [Option<ExprValue>] {
    fn field(&self, number: usize) -> Field<'_> {
        self.get(number).and_then(Option::as_ref).into()
    }
}

/// What one record cannot answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnboundNames {
    names: Vec<Arc<str>>,
    terms: Vec<&'static str>,
}

impl UnboundNames {
    /// Names that records do not have.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// What asks more than a record: `the hierarchy`, `child tables`, `segments`, `usage`.
    #[must_use]
    pub fn terms(&self) -> &[&'static str] {
        &self.terms
    }
}

impl fmt::Display for UnboundNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one record cannot answer this:")?;
        let mut between = " ";
        if !self.names.is_empty() {
            write!(f, " it has no `{}`", self.names.join("`, `"))?;
            between = "; ";
        }
        if !self.terms.is_empty() {
            write!(f, "{between}the expression asks {}", self.terms.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for UnboundNames {}

/// A checked expression for records of a host, at the moment of a question.
#[derive(Debug, Clone)]
pub struct RecordExpr {
    terms: Arc<Terms>,
    root: TermId,
    kind: Type,
    numbers: Arc<[usize]>,
    rates: Option<Arc<dyn Rates>>,
}

impl RecordExpr {
    pub(super) fn new(
        terms: &Terms,
        root: TermId,
        kind: Type,
        as_of: &AsOf,
        mut bind: impl FnMut(&str) -> Option<usize>,
    ) -> Result<Self, UnboundNames> {
        let (mut terms, roots) = terms.as_of(as_of, &[root]);
        // A record says what is known: the value of a column, or that there is none.
        let is_question = |slot: &SlotInfo| is_rate_missing_column(&slot.name);
        for op in &mut terms.ops {
            if matches!(op, Op::Slot(slot) if terms.slots.get(*slot as usize).is_some_and(is_question)) {
                *op = Op::Const(Cell::Bool(false));
            }
        }
        let (terms, roots) = terms.pruned(&roots);
        let root = roots.first().copied().unwrap_or(root);
        let mut unbound = UnboundNames { names: Vec::new(), terms: Vec::new() };
        for op in &terms.ops {
            if let Some(asks) = op.asks().filter(|asks| !unbound.terms.contains(asks)) {
                unbound.terms.push(asks);
            }
        }
        let mut numbers = Vec::with_capacity(terms.slots.len());
        for slot in &terms.slots {
            match bind(&slot.name) {
                Some(number) if slot.of == SlotOf::Account => numbers.push(number),
                _ if slot.of == SlotOf::Account => unbound.names.push(slot.name.clone()),
                _ => {}
            }
        }
        if !unbound.names.is_empty() || !unbound.terms.is_empty() {
            return Err(unbound);
        }
        Ok(Self { terms: Arc::new(terms), root, kind, numbers: numbers.into(), rates: None })
    }

    /// With the rates at which amounts are converted; without them no amount that is converted is known.
    #[must_use]
    pub fn with_rates(mut self, rates: Arc<dyn Rates>) -> Self {
        self.rates = Some(rates);
        self
    }

    /// The type of its answer.
    #[must_use]
    pub const fn kind(&self) -> &Type {
        &self.kind
    }

    fn eval<'a, R: Record + ?Sized>(&'a self, record: &'a R) -> Eval<'a, FromRecord<'a, R>> {
        let rates = self.rates.as_deref();
        let slots = FromRecord { record, numbers: &self.numbers, terms: &self.terms, rates };
        Eval { terms: &self.terms, slots }
    }

    /// Its answer for a record; `None` where it has none.
    #[must_use]
    pub fn value<R: Record + ?Sized>(&self, record: &R) -> Option<ExprValue> {
        self.eval(record).value(self.root).to_value(&self.kind)
    }

    /// Its answer to a yes/no question; `None` where there is none, or where it is no such question.
    #[must_use]
    pub fn truth<R: Record + ?Sized>(&self, record: &R) -> Option<bool> {
        self.eval(record).truth_of(self.root)
    }

    /// Is the answer true? A record without an answer does not match.
    #[must_use]
    pub fn matches<R: Record + ?Sized>(&self, record: &R) -> bool {
        self.truth(record) == Some(true)
    }
}

struct FromRecord<'a, R: ?Sized> {
    record: &'a R,
    numbers: &'a [usize],
    terms: &'a Terms,
    rates: Option<&'a dyn Rates>,
}

impl<'a, R: Record + ?Sized> Slots<'a> for FromRecord<'a, R> {
    fn slot(&self, slot: u32) -> Val<'a> {
        let place = slot as usize;
        match (self.numbers.get(place), self.terms.slots.get(place)) {
            (Some(number), Some(slot)) => Val::of_field(self.record.field(*number), &slot.kind),
            _ => Val::Missing,
        }
    }

    fn rates(&self) -> Option<&dyn Rates> {
        self.rates
    }
}

impl Op {
    /// What it asks beyond a record.
    fn asks(&self) -> Option<&'static str> {
        Some(match self {
            Self::Level
            | Self::AccountId
            | Self::At(..)
            | Self::Under { .. }
            | Self::Owns(_)
            | Self::Gather { over: Over::Walk(_), .. } => "the hierarchy",
            Self::Gather { over: Over::Table(_), .. } => "child tables",
            Self::InSegment(_) => "segments",
            Self::Usage(..) => "usage",
            _ => return None,
        })
    }

    /// The segment that it asks.
    pub(super) fn segment(&self) -> Option<&str> {
        match self {
            Self::InSegment(id) => Some(id),
            _ => None,
        }
    }

    /// The child table that it gathers, of whichever account.
    pub(super) fn table(&self) -> Option<&str> {
        match self {
            Self::Gather { over: Over::Table(table), .. } => Some(table),
            _ => None,
        }
    }
}
