//! What did a check find?

use std::fmt;
use std::sync::Arc;

use super::ast::{Ast, MacroKind, Node, NodeId};
use super::check::{Mention, Rename, Unwritten, Written};
use super::diagnostic::Diagnostic;
use super::names::Names;
use super::rate_missing::is_rate_missing_column;
use super::record::{RecordExpr, UnboundNames};
use super::record_json::JsonExpr;
use super::term::{Cell, Conversion, Op, Place, SlotInfo, SlotOf, TermId, Terms};
use super::types::Type;
use crate::model::{AsOf, EnumValues};

/// A checked expression: it makes sense against the names that it was checked with, and evaluating it cannot fail.
///
/// ```
/// use perennial::expr::{Checker, Type};
/// use perennial::{Attribute, AttributeType, Nesting, Schema};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("logins", AttributeType::Int))
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let usage = Checker::new(&schema).check("ratio(logins, seats)")?;
/// assert_eq!(*usage.kind(), Type::Double);
/// assert_eq!(usage.reads().collect::<Vec<_>>(), ["logins", "seats"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checked {
    ast: Ast,
    kind: Type,
    terms: Arc<Terms>,
    root: TermId,
    /// Whether a rate is missing; `None` if none is needed.
    lacks: Option<Lacks>,
    kinds: Arc<[Option<Type>]>,
    /// The terms of every node, also of those that are folded away: for explanations.
    every: Arc<Every>,
    /// The account types and the products, where its terms hold places among them; and the metrics.
    coded: Arc<[(Source, Type)]>,
    lints: Vec<Diagnostic>,
}

/// Two terms that say whether a rate is missing for a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lacks {
    /// There is no value, and a rate is missing.
    pub(super) value: TermId,
    /// A rate is missing for an amount that the value is computed from; there may be a value all the same.
    pub(super) amount: TermId,
}

/// Something that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    Attribute(Arc<str>),
    Table(Arc<str>),
    Column(Arc<str>, Arc<str>),
    Event(Arc<str>),
    Field(Arc<str>, Arc<str>),
    Metric(Arc<str>),
    Segment(Arc<str>),
}

impl Source {
    fn of_slot(slot: &SlotInfo) -> Self {
        match &slot.of {
            SlotOf::Account => Self::Attribute(slot.name.clone()),
            SlotOf::Table(table) => Self::Column(table.clone(), slot.name.clone()),
            SlotOf::Event(event) => Self::Field(event.clone(), slot.name.clone()),
        }
    }

    /// What an operation reads beside its slots.
    fn of_op(op: &Op) -> Option<Self> {
        match op {
            Op::Usage(_, usage, _) if usage.is_metric => Some(Self::Metric(usage.name.clone())),
            Op::Usage(_, usage, _) => Some(Self::Event(usage.name.clone())),
            Op::InSegment(id) => Some(Self::Segment(id.clone())),
            op => op.table().map(|table| Self::Table(Arc::from(table))),
        }
    }

    /// Its own name, without that of the table or event that it is of.
    pub(crate) const fn name(&self) -> &Arc<str> {
        match self {
            Self::Attribute(name)
            | Self::Table(name)
            | Self::Column(_, name)
            | Self::Event(name)
            | Self::Field(_, name)
            | Self::Metric(name)
            | Self::Segment(name) => name,
        }
    }
}

/// The account types and the products of names, where terms hold places among them; and the metrics that they read.
fn coded(names: &dyn Names, terms: &Terms) -> Arc<[(Source, Type)]> {
    let mut places = terms.ops.iter().flat_map(Op::places);
    let types = places.any(|place| matches!(place, Place::AtType(_)));
    let products = terms.ops.iter().any(|op| matches!(op, Op::Owns(_)));
    let types = names.account_types().filter(|_| types).map(|types| ("account_type", types));
    let products = names.products().filter(|_| products).map(|products| ("product", products));
    let of_accounts = types.into_iter().chain(products);
    let of_accounts = of_accounts.map(|(name, values)| (Source::Attribute(name.into()), Type::Enum(values)));
    let mut metrics: Vec<&Arc<str>> = terms
        .ops
        .iter()
        .filter_map(|op| match op {
            Op::Usage(_, usage, _) if usage.is_metric => Some(&usage.name),
            _ => None,
        })
        .collect();
    metrics.sort_unstable();
    metrics.dedup();
    let metrics = metrics
        .into_iter()
        .filter_map(|name| Some((Source::Metric(name.clone()), names.metric(name)?.kind().clone())));
    of_accounts.chain(metrics).collect()
}

/// The terms of an expression as they were built, and the term of each node that is a value.
#[derive(Debug)]
pub(super) struct Every {
    pub(super) terms: Terms,
    pub(super) of: Vec<Option<TermId>>,
    /// What the text writes of names and of values of closed sets.
    pub(super) mentions: Vec<Mention>,
}

impl Checked {
    pub(super) fn new(
        names: &dyn Names,
        ast: Ast,
        every: Every,
        (root, lacks): (TermId, Option<Lacks>),
        kind: Type,
        kinds: Vec<Option<Type>>,
        lints: Vec<Diagnostic>,
    ) -> Self {
        let roots: Vec<TermId> =
            [root].into_iter().chain(lacks.iter().flat_map(|lacks| [lacks.value, lacks.amount])).collect();
        let (terms, roots) = every.terms.clone().pruned(&roots);
        let root = roots.first().copied().unwrap_or(root);
        let lacks = match roots.get(1..) {
            Some([value, amount]) => Some(Lacks { value: *value, amount: *amount }),
            _ => None,
        };
        let coded = coded(names, &terms);
        let every = Arc::new(every);
        Self { ast, kind, terms: Arc::new(terms), root, lacks, kinds: kinds.into(), every, coded, lints }
    }

    pub(super) fn every(&self) -> &Every {
        &self.every
    }

    /// Its text with other names and values in the places of some that it reads; `None` where it writes none of these.
    pub(crate) fn rewritten(&self, new: &dyn Fn(Written<'_>) -> Rename) -> Result<Option<String>, Unwritten> {
        super::check::rewritten(&self.ast, &self.every.mentions, new)
    }

    /// What its text mentions by name, also what is folded away.
    pub(crate) fn mentioned(&self) -> impl Iterator<Item = &Source> {
        self.every.mentions.iter().filter_map(Mention::source)
    }

    /// Does it take the values of a closed set as texts?
    pub(crate) fn takes_as_text(&self, set: &EnumValues) -> bool {
        self.every.terms.ops.iter().any(|op| match op {
            Op::Convert(Conversion::CodeToText(values), _) => values.0.is_same(set),
            _ => false,
        })
    }

    /// Which terms are reachable from the root, by number. Without guards, those of the text alone; with them, all that are evaluated.
    fn reached(&self, with_guards: bool) -> Vec<bool> {
        let mut reached = vec![false; self.terms.ops.len()];
        let mut left = vec![self.root];
        while let Some(id) = left.pop() {
            match reached.get_mut(id.index()) {
                Some(known) if !*known => *known = true,
                _ => continue,
            }
            match self.terms.op(id) {
                Op::Guarded { of, .. } if !with_guards => left.push(*of),
                op @ Op::Usage(_, usage, _) if !with_guards => {
                    left.extend(op.parts().into_iter().filter(|part| Some(*part) != usage.lacks));
                }
                op => left.extend(op.parts()),
            }
        }
        reached
    }

    /// The operations that are evaluated.
    fn evaluated_ops(&self) -> impl Iterator<Item = &Op> {
        self.terms.ops.iter().zip(self.reached(true)).filter(|(_, reached)| *reached).map(|(op, _)| op)
    }

    /// The operations of what is written, in the order of the text.
    fn written_ops(&self) -> impl Iterator<Item = &Op> {
        self.terms.ops.iter().zip(self.reached(false)).filter(|(_, reached)| *reached).map(|(op, _)| op)
    }

    /// The segments that it asks.
    pub fn reads_segments(&self) -> impl Iterator<Item = &str> {
        let mut segments: Vec<&str> = self.written_ops().filter_map(Op::segment).collect();
        segments.sort_unstable();
        segments.dedup();
        segments.into_iter()
    }

    /// The expression as written.
    #[must_use]
    pub const fn ast(&self) -> &Ast {
        &self.ast
    }

    /// The type of its answer.
    #[must_use]
    pub const fn kind(&self) -> &Type {
        &self.kind
    }

    /// Is its answer true or false?
    #[must_use]
    pub fn is_predicate(&self) -> bool {
        self.kind == Type::Bool
    }

    /// The type of the value that a node of [`Checked::ast`] gives; `None` for one that is no value, such as an
    /// account.
    #[must_use]
    pub fn kind_of(&self, node: NodeId) -> Option<&Type> {
        self.kinds.get(node.index()).and_then(Option::as_ref)
    }

    /// What is allowed, but probably not meant.
    #[must_use]
    pub fn lints(&self) -> &[Diagnostic] {
        &self.lints
    }

    /// The attributes that it reads, in the order of the text.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        let of_accounts = self.written_slots().filter(|slot| slot.of == SlotOf::Account);
        of_accounts.map(|slot| &*slot.name)
    }

    /// The names of what is written, each once, in the order of the text.
    fn written_slots(&self) -> impl Iterator<Item = &SlotInfo> {
        let mut seen = vec![false; self.terms.slots.len()];
        let mut read: Vec<&SlotInfo> = Vec::new();
        for op in self.written_ops() {
            if let Op::Slot(slot) = op
                && let Some(seen) = seen.get_mut(*slot as usize).filter(|seen| !**seen)
            {
                *seen = true;
                read.extend(self.terms.slots.get(*slot as usize));
            }
        }
        read.into_iter()
    }

    /// All that it reads, each once: attributes, columns, events, metrics and segments.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let slots = self.written_slots().map(Source::of_slot);
        let mut found: Vec<Source> = slots.chain(self.written_ops().filter_map(Source::of_op)).collect();
        let mut seen = std::collections::HashSet::new();
        found.retain(|source| seen.insert(source.clone()));
        found
    }

    /// Everything that evaluation needs, with the types that names were checked with. The boolean columns of missing rates are not required: they exist with their columns, and
    /// without one no rate is missing.
    pub(super) fn requirements(&self) -> Vec<(Source, Option<Type>)> {
        let read = self.evaluated_ops().filter_map(|op| match op {
            Op::Slot(slot) => {
                let slot = self.terms.slots.get(*slot as usize)?;
                let is_asked = !is_rate_missing_column(&slot.name);
                is_asked.then(|| (Source::of_slot(slot), Some(slot.kind.clone())))
            }
            op => Source::of_op(op).map(|source| (source, None)),
        });
        let read = read.filter(|(source, _)| !matches!(source, Source::Metric(_)));
        let coded = self.coded.iter().map(|(source, kind)| (source.clone(), Some(kind.clone())));
        let mut found: Vec<(Source, Option<Type>)> = read.chain(coded).collect();
        let mut seen = std::collections::HashSet::new();
        found.retain(|(source, _)| seen.insert(source.clone()));
        found
    }

    /// The attributes and segments that it reads of the account for which it is evaluated, not of accounts that it walks to.
    pub(crate) fn reads_of_asker(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut attributes, mut segments) = (Vec::new(), Vec::new());
        // Each term with the number of lambdas around it.
        let mut left = vec![(self.root, 0_usize)];
        let mut seen = std::collections::HashSet::new();
        while let Some((term, lambdas)) = left.pop() {
            if !seen.insert((term, lambdas)) {
                continue;
            }
            match self.terms.op(term) {
                Op::Slot(slot) if lambdas == 0 => {
                    let slot = self.terms.slots.get(*slot as usize);
                    attributes.extend(slot.filter(|slot| slot.of == SlotOf::Account).map(|slot| &*slot.name));
                }
                Op::InSegment(id) if lambdas == 0 => segments.push(&**id),
                // Evaluated for another account.
                Op::At(..) => {}
                Op::Outer(of) => left.extend(lambdas.checked_sub(1).map(|lambdas| (*of, lambdas))),
                op @ (Op::Gather { .. } | Op::Usage(..)) => {
                    left.extend(op.parts().into_iter().map(|part| (part, lambdas + 1)));
                }
                op => left.extend(op.parts().into_iter().map(|part| (part, lambdas))),
            }
        }
        (attributes, segments)
    }

    /// The child tables that it reads.
    pub fn reads_tables(&self) -> impl Iterator<Item = &str> {
        let mut tables: Vec<&str> = self.written_ops().filter_map(Op::table).collect();
        tables.sort_unstable();
        tables.dedup();
        tables.into_iter()
    }

    /// The child table that it asks the rows of, where it is `table.exists(row, ..)` or another macro by itself, seen
    /// from the account that asks.
    #[must_use]
    pub fn rows_asked(&self, kind: MacroKind) -> Option<&str> {
        match self.ast.node(self.ast.root()) {
            Node::Macro { kind: found, .. } if found == kind => {
                match self.terms.op(self.terms.unguarded(self.root)) {
                    op @ Op::Gather { asker, .. } if asker.is_here() => op.table(),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The answer of a yes/no question that is the same for every account at every moment.
    #[must_use]
    pub fn constant(&self) -> Option<bool> {
        match self.terms.constant(self.root)? {
            Cell::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The whole number that a node is, where it is the same for every account.
    pub(super) fn whole(&self, node: NodeId) -> Option<i64> {
        let term = self.every.of.get(node.index()).copied().flatten()?;
        match self.every.terms.constant(term)? {
            Cell::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Does it ask what happened?
    pub(crate) fn asks_usage(&self) -> bool {
        self.evaluated_ops().any(|op| matches!(op, Op::Usage(..)))
    }

    /// Does its answer for an account take more than a look at that account and a few above it?
    pub(crate) fn asks_others(&self) -> bool {
        self.evaluated_ops().any(|op| matches!(op, Op::Gather { .. } | Op::Owns(_) | Op::InSegment(_)))
    }

    /// Does it convert amounts, so that rates are needed?
    pub(crate) fn converts(&self) -> bool {
        self.written_ops().any(|op| matches!(op, Op::Exchange { .. }))
    }

    /// The boolean expression: is a rate missing for an amount that its value is computed from? `None` if no rate is needed. It may be true although there is a value.
    pub(crate) fn rate_missing(&self) -> Option<Self> {
        Some(Self { root: self.lacks?.amount, lacks: None, kind: Type::Bool, ..self.clone() })
    }

    /// A boolean expression with other terms. Its text and nodes are those of this one, so it is never explained.
    pub(super) fn with_terms(&self, names: &dyn Names, terms: &Terms, root: TermId) -> Self {
        let (terms, roots) = terms.clone().pruned(&[root]);
        let root = roots.first().copied().unwrap_or(TermId::NONE);
        let coded = coded(names, &terms);
        Self { terms: Arc::new(terms), root, lacks: None, kind: Type::Bool, coded, ..self.clone() }
    }

    /// The question whether it has no value for want of a rate; `None` where it needs none.
    pub(crate) fn lacking(&self) -> Option<Self> {
        Some(Self { root: self.lacks?.value, lacks: None, kind: Type::Bool, ..self.clone() })
    }

    /// Does it depend on the moment of the question?
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        let timely =
            |op: &Op| matches!(op, Op::Moment(_) | Op::StartOfDay(..) | Op::DayOf(_) | Op::Usage(..));
        self.evaluated_ops().any(timely)
    }

    /// Does it read a day, a zone or a calendar, apart from the days of the events that it asks?
    pub(crate) fn reads_days(&self) -> bool {
        self.evaluated_ops().any(|op| matches!(op, Op::Moment(_) | Op::StartOfDay(..) | Op::DayOf(_)))
    }

    /// The expression for records of a host, asked at a moment. `bind` gives the number by which a record knows a
    /// name; it is asked once for each name, not for each record.
    ///
    /// # Errors
    ///
    /// [`UnboundNames`] lists what one record cannot answer: names that are not bound, and all that asks the
    /// hierarchy, child tables, segments or usage.
    ///
    /// ```
    /// use perennial::expr::{Checker, Field, Name, Names, Of, Record, Type};
    /// use perennial::{AsOf, Date};
    ///
    /// struct Deal {
    ///     amount: f64,
    ///     stage: Option<String>,
    /// }
    /// impl Record for Deal {
    ///     fn field(&self, number: usize) -> Field<'_> {
    ///         match number {
    ///             0 => self.amount.into(),
    ///             _ => self.stage.as_deref().into(),
    ///         }
    ///     }
    /// }
    /// # struct Deals;
    /// # impl Names for Deals {
    /// #     fn name(&self, _: Of<'_>, name: &str) -> Option<Name> {
    /// #         match name {
    /// #             "amount" => Some(Name::new(Type::Double).required()),
    /// #             "stage" => Some(Name::new(Type::Text)),
    /// #             _ => None,
    /// #         }
    /// #     }
    /// #     fn each(&self, _: Of<'_>, seen: &mut dyn FnMut(&str)) {
    /// #         ["amount", "stage"].into_iter().for_each(seen);
    /// #     }
    /// # }
    /// let rule = Checker::new(&Deals).check_predicate("amount > 5000 && stage != \"lost\"")?;
    /// let today = AsOf::date_utc(Date::new(2026, 1, 31)?);
    /// let rule = rule.for_records(&today, |name| match name {
    ///     "amount" => Some(0),
    ///     "stage" => Some(1),
    ///     _ => None,
    /// })?;
    /// assert_eq!(rule.truth(&Deal { amount: 7_000.0, stage: Some("won".to_owned()) }), Some(true));
    /// // Without a stage there is no answer, so that the rule does not match.
    /// assert_eq!(rule.truth(&Deal { amount: 7_000.0, stage: None }), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_records(
        &self,
        as_of: &AsOf,
        bind: impl FnMut(&str) -> Option<usize>,
    ) -> Result<RecordExpr, UnboundNames> {
        RecordExpr::new(&self.terms, self.root, self.kind.clone(), as_of, bind)
    }

    /// The expression for JSON objects, asked at a moment.
    ///
    /// # Errors
    ///
    /// [`UnboundNames`] when it asks the hierarchy, child tables, segments or usage.
    ///
    /// ```
    /// use perennial::expr::Checker;
    /// use perennial::{AsOf, Attribute, AttributeType, Currency, Date, Nesting, Schema};
    /// use serde_json::json;
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
    ///     .attribute(Attribute::new("renewal", AttributeType::Date))
    ///     .build()?;
    /// let due = Checker::new(&schema).check_predicate("arr > 999.5 && renewal.inNext(90, \"days\")")?;
    /// let due = due.for_json(&AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    /// assert_eq!(due.truth(&json!({ "arr": "1000.00", "renewal": "2026-04-01" }))?, Some(true));
    /// assert_eq!(due.truth(&json!({ "arr": 1000 }))?, None);
    /// let faults = due.truth(&json!({ "arr": 1000, "renewal": "soon" })).unwrap_err();
    /// assert_eq!(faults.to_string(), "at `/renewal`: expected date, found the text `soon`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_json(&self, as_of: &AsOf) -> Result<JsonExpr, UnboundNames> {
        let mut names: Vec<(Arc<str>, Type)> = Vec::new();
        let read = self.evaluated_ops().filter_map(|op| match op {
            Op::Slot(slot) => self.terms.slots.get(*slot as usize),
            _ => None,
        });
        let of_accounts =
            read.filter(|slot| slot.of == SlotOf::Account && !is_rate_missing_column(&slot.name));
        for slot in of_accounts {
            if !names.iter().any(|(known, _)| *known == slot.name) {
                names.push((slot.name.clone(), slot.kind.clone()));
            }
        }
        let bind = |name: &str| names.iter().position(|(known, _)| &**known == name);
        let expr = self.for_records(as_of, bind)?;
        Ok(JsonExpr::new(expr, names))
    }

    pub(crate) fn terms(&self) -> (&Terms, TermId) {
        (&self.terms, self.root)
    }
}

impl fmt::Display for Checked {
    /// The canonical text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ast.fmt(f)
    }
}
