//! Do these segments make sense together?

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Segment, SegmentErrors, SegmentFault, SegmentFaultKind};
use crate::book::Account;
use crate::expr::{
    Ast, Checked, Checker, ExplainLimits, Explainer, Explanation, ExprLimits, ExprPlanErrors, Literal, Name,
    Names, Node, NodeId, Of,
};
use crate::model::{AccountId, FixedZones, Zones};

/// Segments that were checked together: every name means something, and none asks itself.
///
/// Cloning is cheap; `Send + Sync`.
///
/// ```
/// use perennial::segment::{Segment, Segments};
/// use perennial::{Attribute, AttributeType, Nesting, Schema};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let large = Segment::parse("large", "seats > 100")?;
/// let huge = Segment::parse("huge", "inSegment(\"large\") && seats > 1000")?;
/// let segments = Segments::new(&schema, [huge, large])?;
/// assert_eq!(segments.ids().collect::<Vec<_>>(), ["huge", "large"]);
///
/// let ring = [Segment::parse("a", "inSegment('b')")?, Segment::parse("b", "seats > 1 || inSegment('a')")?];
/// let errors = Segments::new(&schema, ring).unwrap_err();
/// assert_eq!(errors.to_string(), "segment `a`: it asks itself: a -> b -> a");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Segments {
    all: Arc<IndexMap<Arc<str>, Entry>>,
    /// How many segments are asked one after the other to answer each, itself included.
    chains: Arc<IndexMap<Arc<str>, usize>>,
    /// By place in `all`: each after those that it asks.
    order: Arc<[usize]>,
}

#[derive(Debug)]
struct Entry {
    segment: Segment,
    checked: Checked,
}

impl Segments {
    /// Checks segments against names, with the default limits and no zones but fixed ones.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    pub fn new(
        names: &dyn Names,
        segments: impl IntoIterator<Item = Segment>,
    ) -> Result<Self, SegmentErrors> {
        Self::within(names, &FixedZones, &ExprLimits::default(), segments)
    }

    /// Checks segments against names, with the zones and limits of the host.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    ///
    /// # Complexity
    ///
    /// Linear in the expressions and in the segments that each asks.
    pub fn within(
        names: &dyn Names,
        zones: &dyn Zones,
        limits: &ExprLimits,
        segments: impl IntoIterator<Item = Segment>,
    ) -> Result<Self, SegmentErrors> {
        let mut faults = Vec::new();
        let mut known: IndexMap<Arc<str>, Segment> = IndexMap::new();
        for segment in segments {
            let fault = |kind| SegmentFault::new(&segment.id, kind);
            if segment.id.len() > super::MAX_SEGMENT_ID_BYTES || AccountId::check(&segment.id).is_err() {
                faults.push(fault(SegmentFaultKind::Id));
            }
            if known.contains_key(&segment.id) {
                faults.push(fault(SegmentFaultKind::Duplicate));
                continue;
            }
            known.insert(segment.id.clone(), segment);
        }
        let asks: Vec<Vec<usize>> = known
            .values()
            .map(|segment| asked(&segment.expression).filter_map(|id| known.get_index_of(id)).collect())
            .collect();
        let order = Order::of(&asks);
        for path in order.cycles {
            let names: Vec<Arc<str>> =
                path.iter().filter_map(|at| known.get_index(*at)).map(|(id, _)| id.clone()).collect();
            if let Some(first) = names.first() {
                faults.push(SegmentFault::new(&first.clone(), SegmentFaultKind::Cycle(names)));
            }
        }
        let chains: IndexMap<Arc<str>, usize> = known.keys().cloned().zip(order.chains).collect();
        let with = WithSegments { names, chains: &chains };
        let checker = Checker::new(&with).with_zones(zones).with_limits(limits.clone());
        let mut all = IndexMap::with_capacity(known.len());
        for (id, segment) in known {
            match checker.check_ast_predicate(segment.expression.clone()) {
                Ok(checked) => {
                    all.insert(id, Entry { segment, checked });
                }
                Err(errors) => {
                    faults.push(SegmentFault::new(&id, SegmentFaultKind::Expression(errors)));
                }
            }
        }
        if faults.is_empty() {
            Ok(Self { all: Arc::new(all), chains: Arc::new(chains), order: order.sorted.into() })
        } else {
            Err(SegmentErrors::new(faults))
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Their ids, in the order in which they were given.
    #[must_use]
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.all.keys().map(|id| &**id)
    }

    /// The place of a segment among all.
    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.all.get_index_of(id)
    }

    /// A segment by id.
    #[must_use]
    pub fn segment(&self, id: &str) -> Option<&Segment> {
        self.all.get(id).map(|entry| &entry.segment)
    }

    /// The checked question of a segment.
    #[must_use]
    pub fn checked(&self, id: &str) -> Option<&Checked> {
        self.all.get(id).map(|entry| &entry.checked)
    }

    /// Names with these segments, so that other expressions may ask `inSegment("id")`.
    #[must_use]
    pub fn names<'a>(&'a self, names: &'a dyn Names) -> WithSegments<'a> {
        WithSegments { names, chains: &self.chains }
    }

    /// Each with its question, after those that it asks.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&str, &Checked)> {
        let found = self.order.iter().filter_map(|at| self.all.get_index(*at));
        found.map(|(id, entry)| (&**id, &entry.checked))
    }

    /// Why an account is in a segment, or not; `None` for an unknown segment.
    ///
    /// # Errors
    ///
    /// What a book cannot answer, as [`ExprPlan::run`](crate::expr::ExprPlan::run) says.
    #[must_use]
    pub fn explain(&self, id: &str, account: Account<'_>) -> Option<Result<Explanation, ExprPlanErrors>> {
        self.checked(id).map(|checked| self.explain_expression(checked, account))
    }

    /// Why an expression that may ask these segments says what it says of an account.
    ///
    /// # Errors
    ///
    /// What a book cannot answer, and segments that are not among these.
    pub fn explain_expression<'c>(
        &'c self,
        checked: &'c Checked,
        account: Account<'c>,
    ) -> Result<Explanation, ExprPlanErrors> {
        let needed = self.needed(checked);
        Ok(Explainer::new(account.view().into(), needed, checked, &ExplainLimits::default())?
            .explain(account))
    }

    /// The segments that an expression asks, directly or not, each after those that it asks.
    fn needed(&self, checked: &Checked) -> Vec<(&str, &Checked)> {
        let mut wanted = vec![false; self.all.len()];
        let mut left: Vec<usize> =
            checked.reads_segments().filter_map(|id| self.all.get_index_of(id)).collect();
        while let Some(at) = left.pop() {
            let Some(flag) = wanted.get_mut(at).filter(|flag| !**flag) else { continue };
            *flag = true;
            let entry = self.all.get_index(at).map(|(_, entry)| entry);
            let asks = entry.into_iter().flat_map(|entry| entry.checked.reads_segments());
            left.extend(asks.filter_map(|id| self.all.get_index_of(id)));
        }
        let found = self.order.iter().filter(|at| wanted.get(**at) == Some(&true));
        let found = found.filter_map(|at| self.all.get_index(*at));
        found.map(|(id, entry)| (&**id, &entry.checked)).collect()
    }
}

/// The segments that an expression names.
fn asked(ast: &Ast) -> impl Iterator<Item = &str> {
    let mut found: Vec<&str> = Vec::new();
    let mut left: Vec<NodeId> = vec![ast.root()];
    while let Some(node) = left.pop() {
        left.extend(ast.below(node));
        if let Node::Call { function, arguments: [id], .. } = ast.node(node)
            && &**function == "inSegment"
            && let Node::Literal(Literal::Text(id)) = ast.node(*id)
        {
            found.push(id);
        }
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter()
}

/// In which order segments are answered.
struct Order {
    sorted: Vec<usize>,
    chains: Vec<usize>,
    /// Each way back to where it began, first and last the same.
    cycles: Vec<Vec<usize>>,
}

impl Order {
    /// A walk into what each asks, with a stack of its own.
    fn of(asks: &[Vec<usize>]) -> Self {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut states = vec![State::New; asks.len()];
        let mut found = Self { sorted: Vec::new(), chains: vec![1; asks.len()], cycles: Vec::new() };
        for start in 0..asks.len() {
            if states.get(start) != Some(&State::New) {
                continue;
            }
            // Who is open, and how many of those that it asks were seen.
            let mut path: Vec<(usize, usize)> = vec![(start, 0)];
            while let Some((at, seen)) = path.last_mut() {
                let at = *at;
                if let Some(state) = states.get_mut(at) {
                    *state = State::Open;
                }
                let Some(next) = asks.get(at).and_then(|asks| asks.get(*seen)).copied() else {
                    let below = asks.get(at).into_iter().flatten().filter_map(|at| found.chains.get(*at));
                    let chain = 1 + below.max().copied().unwrap_or(0);
                    if let (Some(own), Some(state)) = (found.chains.get_mut(at), states.get_mut(at)) {
                        (*own, *state) = (chain, State::Done);
                    }
                    found.sorted.push(at);
                    path.pop();
                    continue;
                };
                *seen += 1;
                match states.get(next) {
                    Some(State::New) => path.push((next, 0)),
                    Some(State::Open) => {
                        let from = path.iter().position(|(open, _)| *open == next).unwrap_or(0);
                        let ring = path.iter().skip(from).map(|(open, _)| *open);
                        found.cycles.push(ring.chain([next]).collect());
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

/// Names with segments: what [`Segments::names`] gives.
#[derive(Clone, Copy)]
pub struct WithSegments<'a> {
    names: &'a dyn Names,
    chains: &'a IndexMap<Arc<str>, usize>,
}

impl std::fmt::Debug for WithSegments<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WithSegments").field("segments", &self.chains.len()).finish_non_exhaustive()
    }
}

impl Names for WithSegments<'_> {
    fn beneath(&self) -> Option<&dyn Names> {
        Some(self.names)
    }

    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        self.names.name(of, name)
    }

    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
        self.names.each(of, seen);
    }

    fn segment_chain(&self, id: &str) -> Option<usize> {
        self.chains.get(id).copied()
    }

    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        self.chains.keys().for_each(|id| seen(id));
    }
}
