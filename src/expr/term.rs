//! What is asked, in the terms of an evaluator?
//!
//! The checked form: every name is a slot, every widening stands there, constants are folded, and what is asked
//! twice stands once. Terms lie in one vector, each after those that it is made of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::exchange::Exchange;
use super::types::{DERIVED_DIGITS, MAX_SCALE, Type};
use crate::model::EnumValues;

/// The place of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TermId(pub(super) u32);

impl TermId {
    /// The place of no term.
    pub(super) const NONE: Self = Self(u32::MAX);

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value that a term may hold, apart from its type: dates, codes, ranks and times are whole numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Cell {
    Missing,
    Bool(bool),
    /// Whole numbers, days, microseconds, codes and ranks.
    Int(i64),
    /// Units of decimals and money.
    Wide(i128),
    Double(Bits),
    Text(Arc<str>),
    List(Arc<[Cell]>),
}

/// A double that is equal to another of the same bits. Never NaN or -0.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Bits(u64);

impl Bits {
    pub(crate) fn new(double: f64) -> Self {
        Self((double + 0.0).to_bits())
    }

    pub(crate) const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Conversion {
    /// A whole number as units of a scale.
    IntToWide(u8),
    IntToDouble,
    /// More digits after the point, by this many.
    Rescale(u8),
    /// Units of a scale as a double.
    WideToDouble(u8),
    /// A code or rank as its text.
    CodeToText(Values),
    DoubleToInt,
    /// Units of a scale as a whole number, cut off.
    WideToInt(u8),
    /// An instant as seconds since 1970.
    SecondsOf,
    /// The instant of seconds since 1970.
    FromSeconds,
    /// A number, a day or an instant read from a text; missing where the text is none.
    TextToInt,
    TextToDouble,
    TextToDate,
    TextToTimestamp,
    TextToDuration,
    /// The UTC day of an instant; with a zone in [`Op::DayOf`].
    BoolToText,
    IntToText,
    DoubleToText,
    WideToText(u8),
    DateToText,
    InstantToText,
    DurationToText,
}

/// Values of an enumeration, equal to others of the same values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values(pub(crate) EnumValues);

impl std::hash::Hash for Values {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
    EqualsFold,
    ContainsFold,
    StartsWithFold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rounding {
    Abs,
    Sign,
    Floor,
    Ceil,
    Trunc,
    Round,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TimePart {
    /// The day itself, in days from 1970.
    Day,
    Year,
    Month,
    Date,
    DayOfMonth,
    DayOfYear,
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// What a getter reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Clock {
    Date,
    Duration,
    /// An instant in the zone at this place of the zones.
    Instant(u32),
}

/// A day counted from the day of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Day {
    /// Days after today.
    Today(i32),
    /// Months after today, clamped at the end of the month.
    Months(i32),
    /// The first day of a period, counted from the current one.
    StartOf(Period, i32),
    /// The last day of a period, counted from the current one.
    EndOf(Period, i32),
    /// The first day of the fiscal year that plans reckon with.
    PlanYear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Period {
    Day,
    Week,
    Month,
    Quarter,
    Year,
    FiscalMonth,
    FiscalQuarter,
    FiscalYear,
}

/// What is folded to a constant before anything is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Moment {
    Now,
    Day(Day),
}

/// Where an account stands, seen from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Parent,
    Root,
    /// The nearest of a type: the account itself, or one above.
    AtType(u16),
    /// The one at a level, the root being 1: the account itself, or one above.
    AtLevel(u32),
}

/// Accounts, seen from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Walk {
    Ancestors,
    Lineage,
    Children,
    Descendants,
    Subtree,
    Siblings,
}

impl Walk {
    /// Does it leave out cancelled accounts unless it is asked with them? What stands above an account is no figure.
    pub(crate) const fn leaves_out_cancelled(self) -> bool {
        !matches!(self, Self::Ancestors | Self::Lineage)
    }

    pub(crate) const ALL: [(&'static str, Self); 6] = [
        ("ancestors", Self::Ancestors),
        ("lineage", Self::Lineage),
        ("children", Self::Children),
        ("descendants", Self::Descendants),
        ("subtree", Self::Subtree),
        ("siblings", Self::Siblings),
    ];
}

/// What a macro gathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Gather {
    Exists,
    All,
    ExistsOne,
    Count,
    Sum(Summed),
    Min,
    Max,
    Avg(Mean),
    Filter,
    Map,
}

/// What a mean is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mean {
    /// An amount with so many digits more.
    Money { digits: u8 },
    /// A length of time, in whole microseconds.
    Duration,
    /// A double, of units of a scale.
    Double { scale: u8 },
}

/// What is read of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reading {
    Count,
    Sum(Summed),
    Min,
    Max,
    Avg(Mean, Summed),
    Distinct,
    Days,
    First,
    Last,
    /// Of a series: the value at or below which this many hundredths of a percent lie.
    Percentile(u16),
}

/// Usage by week: what is read of each week is a series, of which something is read in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Weeks {
    /// What is read of the values of the weeks.
    pub(crate) of: Reading,
    /// Are weeks without events passed over?
    pub(crate) is_active: bool,
    /// The first day of the week of the question.
    pub(crate) this_week: TermId,
}

/// In what a sum is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Summed {
    /// Whole numbers.
    Int,
    /// Durations, in microseconds.
    Duration,
    /// Units of decimals and money.
    Wide,
    Double,
}

impl Summed {
    /// Of values of a type; `None` where they have no sum.
    pub(crate) const fn of(kind: &Type) -> Option<Self> {
        match kind {
            Type::Int => Some(Self::Int),
            Type::Duration => Some(Self::Duration),
            Type::Decimal { .. } | Type::Money { .. } => Some(Self::Wide),
            Type::Double => Some(Self::Double),
            _ => None,
        }
    }
}

impl Mean {
    /// Of values of a type, and the type of the mean: of money an amount with more digits, of durations one, of numbers a double.
    pub(crate) fn of(kind: &Type) -> Option<(Self, Type)> {
        Some(match kind {
            Type::Money { currency, scale } => {
                let wider = (*scale).max(MAX_SCALE.min(currency.exponent() + DERIVED_DIGITS));
                let digits = wider.saturating_sub(*scale);
                (Self::Money { digits }, Type::Money { currency: *currency, scale: wider })
            }
            Type::Decimal { scale } => (Self::Double { scale: *scale }, Type::Double),
            Type::Int | Type::Double => (Self::Double { scale: 0 }, Type::Double),
            Type::Duration => (Self::Duration, Type::Duration),
            _ => return None,
        })
    }
}

/// What is gathered over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Over {
    Walk(Walk),
    Table(Arc<str>),
}

/// Whose accounts or rows are gathered over.
///
/// A body is asked with the accounts and rows of all lambdas around it. Where it reads none of them but the asker's, the
/// asker is the account that the operation stands at, and [`Op::Outer`] and [`Op::At`] around the operation lead there:
/// such an operation is answered for all accounts in one pass. Otherwise the operation stands where it was written, and
/// says how the asker is found from there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Asker {
    /// So many accounts or rows around the one that is asked.
    pub(crate) around: u32,
    /// From there, one after the other.
    pub(crate) places: Box<[Place]>,
}

impl Asker {
    /// Is it the account that the operation stands at?
    pub(crate) fn is_here(&self) -> bool {
        self.around == 0 && self.places.is_empty()
    }
}

/// A window over usage events or a daily metric, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Usage {
    pub(crate) name: Arc<str>,
    pub(crate) is_metric: bool,
    /// First and last day.
    pub(crate) window: Option<(TermId, TermId)>,
    /// Is it read by week?
    pub(crate) weeks: Option<Weeks>,
    pub(crate) filters: Box<[TermId]>,
    /// Of each event: is it without a rate that the filters or the value ask? One of them leaves the whole without an answer.
    pub(crate) lacks: Option<TermId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Const(Cell),
    /// An attribute of the account, or a column of the row, that is asked.
    Slot(u32),
    /// A value of the account that is not in the book: a slot of a plan.
    Supplied(u32),
    /// Asked of the account around the account or row that is asked.
    Outer(TermId),
    /// The element of the list lambda that has so many others inside it, around what reads it: what is asked within other lambdas asks the same.
    Element(u32),
    /// A field of a record.
    Field(TermId, Arc<str>),
    /// The item of a list at a place.
    Item(TermId, TermId),
    Convert(Conversion, TermId),
    Not(TermId),
    And(Box<[TermId]>),
    Or(Box<[TermId]>),
    If(TermId, TermId, TermId),
    /// The value of `of`; missing unless the guard is false: an amount that `of` gathers lacks a rate.
    Guarded {
        guard: TermId,
        of: TermId,
    },
    Has(TermId),
    Coalesce(Box<[TermId]>),
    IsNot(TermId, TermId),
    Compare(Comparison, TermId, TermId),
    /// Is it one of these constants? Sorted, without repetition.
    OneOf(TermId, Arc<[Cell]>),
    /// Is it in this list?
    InList(TermId, TermId),
    /// Of whole numbers.
    IntMath(Arithmetic, TermId, TermId),
    /// Of units of equal scale, or for products of any.
    WideMath(Arithmetic, TermId, TermId),
    DoubleMath(Arithmetic, TermId, TermId),
    /// Units by a double, with this many digits more.
    WideByDouble(TermId, TermId, u8),
    /// A day and whole days; or the days between two.
    DayMath(Arithmetic, TermId, TermId),
    DaysBetween(TermId, TermId),
    /// A day and whole months after it.
    MonthsAfter(TermId, TermId),
    /// An instant and a length of time.
    InstantMath(Arithmetic, TermId, TermId),
    DurationMath(Arithmetic, TermId, TermId),
    TimeBetween(TermId, TermId),
    Negate(TermId),
    Join(TermId, TermId),
    Text(TextTest, TermId, TermId),
    Like(TermId, Arc<[Arc<str>]>),
    Lower(TermId),
    Upper(TermId),
    Size(TermId),
    Rounding(Rounding, TermId),
    /// To whole numbers, of units of a scale.
    WideRounding(Rounding, u8, TermId),
    Least(Box<[TermId]>),
    Greatest(Box<[TermId]>),
    Part(TimePart, Clock, TermId),
    /// An amount in another currency, at the rate of a day.
    Exchange {
        what: Exchange,
        amount: TermId,
        /// What says in which currency it is, where that is not always the same.
        currency: Option<TermId>,
        day: TermId,
    },
    /// The day of an instant in the zone of the question.
    DayOf(TermId),
    /// The first instant of a day, and of days after it, in the zone of the question.
    StartOfDay(TermId, i32),
    /// Does the list hold all, or any, of these?
    Holds {
        all: bool,
        list: TermId,
        values: TermId,
    },
    /// A macro over a list.
    Each(Gather, TermId, TermId),
    Moment(Moment),
    // --- what needs a book ---
    Level,
    AccountId,
    At(Place, TermId),
    /// Of each account or row for which all filters are true.
    Gather {
        asker: Asker,
        what: Gather,
        over: Over,
        filters: Box<[TermId]>,
        body: Option<TermId>,
    },
    Under {
        id: Arc<str>,
        strict: bool,
    },
    Owns(u16),
    InSegment(Arc<str>),
    Usage(Reading, Arc<Usage>, Option<TermId>),
}

impl Op {
    /// The steps by which it goes to another account.
    pub(crate) fn places(&self) -> &[Place] {
        match self {
            Self::At(place, _) => std::slice::from_ref(place),
            Self::Gather { asker, .. } => &asker.places,
            _ => &[],
        }
    }
}

/// Whose name a slot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SlotOf {
    Account,
    Table(Arc<str>),
    Event(Arc<str>),
}

/// A name that an expression reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlotInfo {
    pub(crate) of: SlotOf,
    pub(crate) name: Arc<str>,
    pub(crate) kind: Type,
}

/// The terms of one or more expressions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(super) ops: Vec<Op>,
    /// Where what is asked twice stands once: the place of each operation.
    known: Option<HashMap<Op, TermId>>,
    pub(super) slots: Vec<SlotInfo>,
    pub(super) zones: Vec<Arc<dyn crate::model::Zone>>,
}

impl Terms {
    /// Do they say the same as those of the same expressions at another moment?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let names =
            |of: &Self| -> Vec<String> { of.zones.iter().map(|zone| zone.name().to_owned()).collect() };
        self.ops == other.ops && names(self) == names(other)
    }

    pub(crate) fn op(&self, id: TermId) -> &Op {
        const NONE: Op = Op::Const(Cell::Missing);
        self.ops.get(id.index()).unwrap_or(&NONE)
    }

    pub(crate) fn constant(&self, id: TermId) -> Option<&Cell> {
        match self.op(id) {
            Op::Const(cell) => Some(cell),
            _ => None,
        }
    }

    /// The operand of a guard against missing rates; the term itself if it is no guard.
    pub(super) fn unguarded(&self, id: TermId) -> TermId {
        match self.op(id) {
            Op::Guarded { of, .. } => *of,
            _ => id,
        }
    }

    /// No terms; of operations that are added twice, one stands.
    pub(super) fn sharing() -> Self {
        Self { known: Some(HashMap::new()), ..Self::default() }
    }

    /// No terms, with the slots and zones of others, and sharing as they do.
    pub(super) fn beside(&self) -> Self {
        let known = self.known.as_ref().map(|known| HashMap::with_capacity(known.len()));
        Self {
            ops: Vec::with_capacity(self.ops.len()),
            known,
            slots: self.slots.clone(),
            zones: self.zones.clone(),
        }
    }

    /// The term of an operation.
    pub(super) fn add(&mut self, op: Op) -> TermId {
        let id = TermId(u32::try_from(self.ops.len()).unwrap_or(u32::MAX));
        if let Some(known) = &mut self.known {
            match known.entry(op) {
                Entry::Occupied(known) => return *known.get(),
                Entry::Vacant(free) => {
                    self.ops.push(free.key().clone());
                    free.insert(id);
                }
            }
        } else {
            self.ops.push(op);
        }
        id
    }

    /// Is there no value?
    pub(super) fn missing(&mut self, value: TermId) -> TermId {
        let has = self.add(Op::Has(value));
        self.add(Op::Not(has))
    }

    /// A yes/no question, with no where it has no answer.
    pub(super) fn or_no(&mut self, question: TermId) -> TermId {
        let no = self.add(Op::Const(Cell::Bool(false)));
        self.add(Op::Coalesce([question, no].into()))
    }

    /// Are all of these true?
    pub(super) fn all(&mut self, questions: impl IntoIterator<Item = TermId>) -> TermId {
        let all: Box<[TermId]> = questions.into_iter().collect();
        match &*all {
            [only] => *only,
            _ => self.add(Op::And(all)),
        }
    }

    /// Is one of these true? `None` if there are none.
    pub(super) fn any(&mut self, mut questions: Vec<TermId>) -> Option<TermId> {
        questions.sort_unstable();
        questions.dedup();
        match &*questions {
            [] => None,
            [only] => Some(*only),
            _ => Some(self.add(Op::Or(questions.into()))),
        }
    }

    pub(super) fn slot(&mut self, of: &SlotOf, name: &Arc<str>, kind: &Type) -> TermId {
        let known = self.slots.iter().position(|slot| slot.name == *name && slot.of == *of);
        let place = known.unwrap_or_else(|| {
            self.slots.push(SlotInfo { of: of.clone(), name: name.clone(), kind: kind.clone() });
            self.slots.len() - 1
        });
        self.add(Op::Slot(u32::try_from(place).unwrap_or(u32::MAX)))
    }

    pub(super) fn zone(&mut self, zone: Arc<dyn crate::model::Zone>) -> u32 {
        let known = self.zones.iter().position(|known| known.name() == zone.name());
        let place = known.unwrap_or_else(|| {
            self.zones.push(zone);
            self.zones.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }
}
