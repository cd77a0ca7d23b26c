//! What of a definition is computed, and what does it read?
//!
//! Each definition that gives a column or a set is a step, of whatever kind it is; [`super::round`] computes steps.

use std::sync::{Arc, Weak};

use super::Catalog;
use super::answers::Answers;
use super::definition::{Definition, DefinitionKind};
use super::entry::{Asked, Compiled, Entry, Space};
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind, DefinitionRef};
use super::names::CatalogNames;
use super::past::Recorded;
use super::peers::Peers;
use super::readers::{Lists, Readers};
use super::round::needed;
use crate::aggregate::{LinearOf, RollUpErrors, RollUpPlan};
use crate::book::View;
use crate::expr::{Checked, ExprPlanFaultKind, Flat, Needs, RowPlan, RowProgram, Sight, Type, Whose};
use crate::model::{AsOf, AttributeId, Date, SystemAttribute, TableId};

/// One definition that gives a column or a set.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: DefinitionRef,
    /// The type of its column; `None` for a segment.
    pub(crate) kind: Option<Type>,
    pub(crate) work: Work,
    pub(crate) reads: Reads,
}

/// What a step reads, by number; which steps it reads, [`Readers`] know.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says of one thing whether it is read")]
pub(crate) struct Reads {
    /// Attributes of the schema.
    pub(crate) attributes: Vec<usize>,
    /// Child tables of the schema.
    pub(crate) tables: Vec<usize>,
    pub(crate) usage: bool,
    pub(crate) moment: bool,
    /// A metric that it asks reads a day, a zone or a calendar itself, of which its own program does not tell.
    pub(crate) dated_metric: bool,
    pub(crate) whose: Whose,
    /// Of whom its rows depend beside their own account.
    pub(crate) sight: Sight,
    /// It, or a step that it reads, reads the whole book.
    pub(crate) is_wide: bool,
}

/// What is computed.
#[derive(Debug)]
pub(crate) enum Work {
    /// Expressions of accounts, and what their answers become.
    Rows(RowPlan, Output),
    Past(Recorded),
    RollUp(RollUpWork),
}

/// What the answers of expressions become.
#[derive(Debug)]
pub(crate) enum Output {
    Values,
    Members,
    /// The places of values among peers; the second expression says who these are, where they are in groups.
    Places(Peers),
}

/// A roll-up, and in which ways it can be kept current.
#[derive(Debug)]
pub(crate) struct RollUpWork {
    pub(crate) plan: RollUpPlan,
    /// What makes answers of its states, where these can be taken away again.
    pub(crate) linear: Option<LinearOf>,
    /// Is it the least of what is below, or the greatest?
    pub(crate) extreme: Option<bool>,
}

/// A step at one moment.
#[derive(Debug, Clone)]
pub(crate) enum StepProgram {
    Rows(RowProgram),
    RollUp(Arc<[RowProgram]>),
    Past(Option<Date>),
}

impl StepProgram {
    /// Does it say the same as that of the same step at another moment?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rows(own), Self::Rows(other)) => own.is_same(other),
            (Self::RollUp(own), Self::RollUp(other)) => {
                own.len() == other.len() && own.iter().zip(&**other).all(|(own, other)| own.is_same(other))
            }
            (Self::Past(own), Self::Past(other)) => own == other,
            _ => false,
        }
    }
}

impl Output {
    /// Takes the answers of the expressions of one step, the next of all.
    pub(super) fn of(
        &self,
        columns: &mut impl Iterator<Item = Flat>,
        view: &View,
        slots: &[(u32, u32)],
    ) -> Answers {
        let Some(first) = columns.next() else { return Answers::none() };
        match self {
            Self::Values => Answers::Values(first),
            Self::Members => Answers::Members(first),
            Self::Places(peers) => {
                let within = if peers.in_groups { columns.next() } else { None };
                Answers::Values(peers.places(view, slots, &first, within.as_ref()))
            }
        }
    }

    /// What is read, where the expressions read `needs` and look as far as `sight`.
    fn reads(&self, needs: Needs, sight: Sight) -> (Needs, Sight) {
        match self {
            Self::Values | Self::Members => (needs, sight),
            // The whole book.
            Self::Places(peers) => {
                let standing = needs.standing || !peers.with_cancelled;
                (Needs { whose: Whose::Book, standing, ..needs }, Sight::default())
            }
        }
    }
}

impl Work {
    /// What is read, and how far its rows look up and down the tree.
    fn reads(&self) -> (Needs, Sight) {
        match self {
            Self::Rows(plan, output) => output.reads(plan.needs(), plan.sight()),
            Self::RollUp(of) => (of.plan.needs(), of.plan.sight()),
            // What the host recorded of each account.
            Self::Past(_) => (Needs { moment: true, ..Needs::default() }, Sight::default()),
        }
    }
}

impl Step {
    /// Does it ask the host's history?
    pub(crate) const fn asks_history(&self) -> bool {
        matches!(self.work, Work::Past(_))
    }

    /// The step at a moment.
    pub(crate) fn at(&self, as_of: &AsOf, catalog: &Catalog) -> StepProgram {
        match &self.work {
            Work::Rows(plan, _) => StepProgram::Rows(plan.at(as_of, catalog.schema())),
            Work::RollUp(of) => StepProgram::RollUp(of.plan.at(as_of).into()),
            Work::Past(of) => StepProgram::Past(of.on(as_of)),
        }
    }
}

/// The steps of definitions that are valid together.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) all: Vec<Arc<Step>>,
    /// By entry; metrics have none.
    pub(super) numbers: Vec<Option<usize>>,
    pub(super) readers: Readers,
    /// By step the one of the catalog before, where both share it.
    pub(super) taken: Vec<Option<usize>>,
}

/// Which steps a catalog shares with the one that it was made from. That one may be gone: only its address is kept.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) from: Weak<CatalogNames>,
    pub(super) steps: Vec<Option<usize>>,
}

/// The steps of entries, in their order. Those of entries that are also in `before` are taken over.
pub(super) fn steps(names: &CatalogNames, before: Option<&Catalog>) -> Result<Steps, CatalogErrors> {
    let entries = &names.entries;
    let mut steps: Vec<Arc<Step>> = Vec::with_capacity(entries.len());
    let mut numbers: Vec<Option<usize>> = Vec::with_capacity(entries.len());
    let mut reads = Lists::default();
    // Where the steps of the catalog before are now.
    let mut moved: Vec<Option<usize>> = vec![None; before.map_or(0, |before| before.steps.len())];
    let mut taken: Vec<Option<usize>> = Vec::with_capacity(entries.len());
    // Entries that are taken over stand in the same order as before: mostly the next one is it.
    let mut next = 0;
    let mut faults: Vec<(usize, CatalogFault)> = Vec::new();
    for (key, placed) in entries.keyed() {
        let entry = &placed.entry;
        if let Some(before) = before
            && let Some(old) = before.names.entries.shared(key, entry, next)
        {
            next = old + 1;
            let old = before.numbers.get(old).copied().flatten();
            let step = old.and_then(|old| Some((old, before.steps.get(old)?)));
            numbers.push(step.map(|_| steps.len()));
            if let Some((old, step)) = step {
                if let Some(moved) = moved.get_mut(old) {
                    *moved = Some(steps.len());
                }
                let own = before.readers.reads(old).iter();
                reads.push(own.filter_map(|read| moved.get(*read).copied().flatten()));
                steps.push(step.clone());
                taken.push(Some(old));
            }
            continue;
        }
        let work = match work(names, entry) {
            Ok(work) => work,
            Err(errors) => {
                faults.extend(errors.into_iter().map(|fault| (placed.place, fault)));
                None
            }
        };
        let Some(work) = work else {
            numbers.push(None);
            continue;
        };
        let (mut own, columns) = reads_of(names, &work);
        let column = |name: &Arc<str>| entries.place_of(Asked::new(Space::Columns, name));
        let number = |name| column(name).and_then(|at| numbers.get(at).copied().flatten());
        let mut read: Vec<usize> = columns.iter().filter_map(number).collect();
        read.sort_unstable();
        let wide = |at: &usize| steps.get(*at).is_some_and(|step| step.reads.is_wide);
        own.is_wide = own.whose == Whose::Book || read.iter().any(wide);
        numbers.push(Some(steps.len()));
        reads.push(read.into_iter());
        let (id, kind) = (entry.id.clone(), entry.compiled.kind());
        steps.push(Arc::new(Step { id, kind, work, reads: own }));
        taken.push(None);
    }
    if !faults.is_empty() {
        faults.sort_by_key(|(place, _)| *place);
        return Err(CatalogErrors::new(faults.into_iter().map(|(_, fault)| fault).collect()));
    }
    let readers = Readers::of(&steps, reads);
    Ok(Steps { all: steps, numbers, readers, taken })
}

fn work(names: &CatalogNames, entry: &Entry) -> Result<Option<Work>, CatalogErrors> {
    let segments = needed(&names.entries, entry.compiled.expressions().into_iter());
    let rows = |expressions: &[&Checked]| {
        RowPlan::new(None, &names.schema, names, &segments, expressions).map_err(|errors| {
            let fault = |what: &ExprPlanFaultKind| CatalogFault {
                definition: entry.id.clone(),
                kind: CatalogFaultKind::Other(what.to_string()),
            };
            CatalogErrors::new(errors.faults().iter().map(|found| fault(&found.kind)).collect())
        })
    };
    let rows =
        |output: Output| Ok::<_, CatalogErrors>(Work::Rows(rows(&entry.compiled.expressions())?, output));
    Ok(Some(match (&entry.compiled, &*entry.definition) {
        (Compiled::Attribute(_), _) => rows(Output::Values)?,
        (Compiled::Segment(_), _) => rows(Output::Members)?,
        (Compiled::Ranking(of), Definition::Ranking(ranking)) => {
            rows(Output::Places(Peers::of(ranking, of.0.kind())))?
        }
        (Compiled::Past(kind), Definition::Past(past)) => {
            Work::Past(Recorded { of: past.of.clone(), days_ago: past.days_ago, kind: kind.clone() })
        }
        (Compiled::RollUp(checked), _) => {
            let plan = RollUpPlan::planned(&names.schema, names, &segments, [(**checked).clone()]);
            let plan = plan.map_err(|errors| roll_up_faults(&errors))?;
            let (linear, extreme) = (plan.linear(), plan.extreme());
            Work::RollUp(RollUpWork { plan, linear, extreme })
        }
        _ => return Ok(None),
    }))
}

/// Faults of roll-ups, as those of a catalog.
fn roll_up_faults(errors: &RollUpErrors) -> CatalogErrors {
    let faults = errors.faults().iter().map(|found| CatalogFault {
        definition: DefinitionRef { kind: DefinitionKind::RollUp, name: found.roll_up.clone() },
        kind: CatalogFaultKind::RollUp(found.kind.clone()),
    });
    CatalogErrors::new(faults.collect())
}

/// What a step reads, and by name the columns among it that are derived.
fn reads_of(names: &CatalogNames, work: &Work) -> (Reads, Vec<Arc<str>>) {
    let (needs, sight) = work.reads();
    let schema = &names.schema;
    let status = schema.system_attribute(SystemAttribute::Status).filter(|_| needs.standing);
    let own = needs.names.iter().filter_map(|name| schema.attribute(name));
    let mut attributes: Vec<usize> = own.chain(status).map(AttributeId::index).collect();
    attributes.sort_unstable();
    attributes.dedup();
    let derived = needs.names.iter().filter(|name| schema.attribute(name).is_none());
    let derived: Vec<Arc<str>> = derived.cloned().collect();
    let dated = |metric: &Arc<str>| names.metrics.checked(metric).is_some_and(Checked::reads_days);
    let dated_metric = needs.metrics.iter().any(dated);
    let tables = needs.tables.iter().filter_map(|table| schema.table(table).map(TableId::index));
    let reads = Reads {
        attributes,
        tables: tables.collect(),
        usage: needs.usage,
        moment: needs.moment,
        dated_metric,
        whose: needs.whose,
        sight,
        is_wide: false,
    };
    (reads, derived)
}

impl Catalog {
    pub(crate) fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// The step of a definition; `None` for a metric, and for what is not defined.
    pub(crate) fn step(&self, id: &DefinitionRef) -> Option<usize> {
        self.numbers.get(self.names.entries.index_of(id)?).copied().flatten()
    }

    /// The step that gives a column.
    pub(crate) fn column_step(&self, name: &str) -> Option<usize> {
        self.read_step(Asked::new(Space::Columns, name))
    }

    /// The step of a segment.
    pub(crate) fn segment_step(&self, id: &str) -> Option<usize> {
        self.read_step(Asked::new(Space::Segments, id))
    }

    fn read_step(&self, asked: Asked<'_>) -> Option<usize> {
        self.numbers.get(self.names.entries.place_of(asked)?).copied().flatten()
    }

    /// The step of another catalog that says the same as one of this, with all that it reads: that which both share.
    pub(crate) fn same_step(&self, at: usize, other: &Self) -> Option<usize> {
        if self.is_same(other) {
            return Some(at);
        }
        if let Some(taken) = &self.taken
            && taken.from.as_ptr() == Arc::as_ptr(&other.names)
        {
            return taken.steps.get(at).copied().flatten();
        }
        let step = self.steps.get(at)?;
        let found = other.step(&step.id)?;
        other.steps.get(found).filter(|other| Arc::ptr_eq(step, other)).map(|_| found)
    }
}
