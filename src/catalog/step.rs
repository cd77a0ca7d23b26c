//! What of a definition is computed, and what does it read?
//!
//! Each definition that gives columns or sets is a step, of whatever kind it is; [`super::round`] computes steps. Columns are numbered
//! through: those of a step stand side by side. Who reads a column reads it by its number, so that a change of one output of a step
//! concerns nobody who reads another.

use std::ops::Range;
use std::sync::{Arc, Weak};

use super::Catalog;
use super::definition::DefinitionRef;
use super::entry::{Asked, Entry, Placed};
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
use super::names::CatalogNames;
use super::readers::{Lists, Readers};
use super::round::needed;
use super::row::{RowAt, RowWork};
use crate::aggregate::{CheckedRollUp, LinearOf, RollUpPlan};
use crate::book::View;
use crate::define::{DefinitionFault, Form, Namespace, Output, TotalBy, WholeFunction};
use crate::expr::{
    Cancelled, Checked, MissingRateLog, Needs, RowPlan, RowProgram, Sight, Supply, Type, Whose,
    is_rate_missing_column,
};
use crate::model::{AccountIdx, AsOf, AttributeId, Schema, SystemAttribute, TableId};
use crate::tree::AccountTree;

/// One definition that gives columns or sets.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: DefinitionRef,
    pub(crate) outputs: Vec<StepOutput>,
    pub(crate) work: Work,
    pub(crate) reads: Reads,
}

/// A column or a set that a step gives.
#[derive(Debug)]
pub(crate) struct StepOutput {
    /// The name by which it is read.
    pub(crate) name: Arc<str>,
    /// The type of the column; `None` for a set of members.
    pub(crate) kind: Option<Type>,
    pub(crate) total: TotalBy,
    /// Is it an account set: evaluated over the whole book, and read by scopes only?
    pub(crate) makes_scopes: bool,
}

impl StepOutput {
    /// Is it visible in a view? An account set is visible only where everything is.
    pub(crate) fn is_asked_in(&self, view: &View) -> bool {
        !self.makes_scopes || view.scope().is_all()
    }
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
    /// What was recorded on earlier days.
    pub(crate) history: bool,
    /// The columns of whose records it reads.
    pub(crate) records: Vec<Arc<str>>,
    /// It, or a step that it reads, reads records.
    pub(crate) past: bool,
    /// Rates of exchange.
    pub(crate) rates: bool,
    /// It converts amounts at the rate of the day, or of its fiscal year, of which its program does not tell; the program of an
    /// expression that converts does.
    pub(crate) rate_of_day: bool,
    /// A metric that it asks reads a day, a zone or a calendar itself, of which its own program does not tell.
    pub(crate) dated: bool,
    /// The account type, the product or the status.
    pub(crate) standing: bool,
    pub(crate) whose: Whose,
    /// Of whom its rows depend beside their own account.
    pub(crate) sight: Sight,
    /// It, or a step that it reads, reads what comes with the question.
    pub(crate) parameters: bool,
    /// It, or a step that it reads, reads the whole book.
    pub(crate) is_wide: bool,
}

/// What is computed.
#[derive(Debug)]
pub(crate) enum Work {
    Row(RowWork),
    Tree(TreeWork),
    Whole(WholeWork),
}

/// A merge up the tree, and in which ways it can be kept current.
#[derive(Debug)]
pub(crate) struct TreeWork {
    pub(crate) plan: RollUpPlan,
    /// What makes answers of its states, where these can be taken away again.
    pub(crate) linear: Option<LinearOf>,
    /// Is it the least of what is below, or the greatest?
    pub(crate) extreme: Option<bool>,
}

/// A function of the whole book.
#[derive(Debug)]
pub(crate) struct WholeWork {
    pub(super) plan: RowPlan,
    /// How many expressions it asks.
    pub(super) values: usize,
    pub(super) function: Arc<dyn WholeFunction>,
}

/// A step at one moment.
#[derive(Debug, Clone)]
pub(crate) enum StepProgram {
    Row(RowAt),
    Tree(Arc<[RowProgram]>),
    Whole(RowProgram),
}

impl StepProgram {
    /// Does it say the same as that of the same step at another moment?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Row(own), Self::Row(other)) => own.is_same(other),
            (Self::Tree(own), Self::Tree(other)) => {
                own.len() == other.len() && own.iter().zip(&**other).all(|(own, other)| own.is_same(other))
            }
            (Self::Whole(own), Self::Whole(other)) => own.is_same(other),
            _ => false,
        }
    }
}

impl Work {
    fn new(names: &CatalogNames, entry: &Entry) -> Result<Option<Self>, Vec<DefinitionFault>> {
        let segments = needed(&names.entries, entry.compiled.expressions().into_iter());
        let unplanned = |errors: crate::expr::ExprPlanErrors| -> Vec<DefinitionFault> {
            errors.iter().map(|found| DefinitionFault::Other(found.kind.to_string())).collect()
        };
        Ok(Some(match &entry.compiled.form {
            Form::Row(of) => Self::Row(RowWork::new(of, entry, (names, &segments)).map_err(unplanned)?),
            Form::Whole(of) => {
                let inputs: Vec<&Checked> = of.inputs.iter().collect();
                let plan = RowPlan::new(None, &names.schema, names, &segments, &inputs).map_err(unplanned)?;
                Self::Whole(WholeWork { plan, values: inputs.len(), function: of.function.clone() })
            }
            Form::Tree(checked) => {
                let plan = RollUpPlan::planned(&names.schema, names, &segments, [(**checked).clone()]);
                let plan = plan.map_err(|errors| -> Vec<DefinitionFault> {
                    errors.iter().map(|found| DefinitionFault::RollUp(found.kind.clone())).collect()
                })?;
                let (linear, extreme) = (plan.linear(), plan.extreme());
                Self::Tree(TreeWork { plan, linear, extreme })
            }
            Form::Named(_) | Form::Recorded(_) => return Ok(None),
        }))
    }

    /// What is read, and how far its rows look up and down the tree.
    fn reads(&self) -> (Needs, Sight) {
        match self {
            Self::Row(of) => of.reads(),
            Self::Tree(of) => (of.plan.needs(), of.plan.sight()),
            // Who is compared may be anybody, and whoever is cancelled may be left out.
            Self::Whole(of) => {
                (Needs { whose: Whose::Book, standing: true, ..of.plan.needs() }, Sight::default())
            }
        }
    }

    fn asks_rates(&self) -> bool {
        match self {
            Self::Row(of) => of.asks_rates(),
            Self::Tree(of) => of.plan.checked().any(CheckedRollUp::converts),
            Self::Whole(_) => false,
        }
    }

    /// How many columns of expressions of accounts it takes of those that are computed together.
    pub(super) fn values(&self) -> usize {
        match self {
            Self::Row(of) => of.values(),
            Self::Whole(of) => of.values,
            Self::Tree(_) => 0,
        }
    }
}

impl WholeWork {
    /// Tells of the amounts of visible accounts that its expressions convert and that lack a rate.
    pub(crate) fn tell_unrated(
        &self,
        (view, schema): (&View, &Schema),
        supply: &dyn Supply,
        recorder: &MissingRateLog,
    ) -> Result<(), Cancelled> {
        let all: Vec<AccountIdx> = AccountTree::walk(view).collect();
        self.plan.tell_unrated((view, schema), Some(supply), recorder, &all, &mut |_, value| {
            (0..self.values).for_each(|number| drop(value(number)));
        })
    }
}

impl Step {
    /// Is it the step of a definition, and not of its boolean column of missing rates?
    pub(crate) fn is_definition(&self) -> bool {
        !is_rate_missing_column(&self.id.name)
    }

    /// The step at a moment.
    pub(crate) fn at(&self, as_of: &AsOf, catalog: &Catalog) -> StepProgram {
        match &self.work {
            Work::Row(of) => StepProgram::Row(of.at(as_of, &catalog.names)),
            Work::Tree(of) => StepProgram::Tree(of.plan.at(as_of).into()),
            Work::Whole(of) => StepProgram::Whole(of.plan.at(as_of, catalog.schema())),
        }
    }

    /// Is it a set of those for whom an expression is true?
    pub(super) fn is_set(&self) -> bool {
        matches!((&*self.outputs, &self.work), ([StepOutput { kind: None, .. }], Work::Row(_)))
    }

    fn outputs(entry: &Entry) -> Vec<StepOutput> {
        let output = |output: &Output| StepOutput {
            name: match &output.suffix {
                Some(suffix) => Arc::from(format!("{}.{suffix}", entry.id.name)),
                None => entry.id.name.clone(),
            },
            kind: output.kind.clone(),
            total: output.total,
            makes_scopes: entry.makes_scopes(),
        };
        entry.compiled.outputs.iter().map(output).collect()
    }
}

/// The step of a definition that has a name, and the column of that name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    pub(super) step: usize,
    /// `None` of a name that only reserves those below it.
    pub(super) column: Option<usize>,
}

/// Which columns are of which step.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// The first column of each step; at last how many there are.
    firsts: Vec<usize>,
    /// The step of each column.
    steps: Vec<usize>,
}

impl Numbering {
    fn of(steps: &[Arc<Step>]) -> Self {
        let mut all =
            Self { firsts: Vec::with_capacity(steps.len() + 1), steps: Vec::with_capacity(steps.len()) };
        for (at, step) in steps.iter().enumerate() {
            all.firsts.push(all.steps.len());
            all.steps.resize(all.steps.len() + step.outputs.len(), at);
        }
        all.firsts.push(all.steps.len());
        all
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn columns(&self, step: usize) -> Range<usize> {
        let bound = |at: usize| self.firsts.get(at).copied().unwrap_or(self.steps.len());
        bound(step)..bound(step + 1)
    }

    pub(super) fn step(&self, column: usize) -> Option<usize> {
        self.steps.get(column).copied()
    }
}

/// The steps of definitions that are valid together.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) all: Vec<Arc<Step>>,
    pub(super) numbering: Numbering,
    /// By name of the entries; metrics have none.
    pub(super) numbers: Vec<Option<Number>>,
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
    let mut all = Numbered::with_capacity(entries.len());
    let mut reads = Lists::default();
    // Where the columns of the catalog before are now.
    let mut moved: Vec<Option<usize>> = vec![None; before.map_or(0, |before| before.numbering.len())];
    let mut taken: Vec<Option<usize>> = Vec::with_capacity(entries.len());
    // Entries that are taken over mostly stand in the same order as before: the next one is it.
    let mut next = 0;
    let mut faults: Vec<(usize, CatalogFault)> = Vec::new();
    for (key, placed) in entries.names() {
        if !placed.is_main {
            all.name(placed);
            continue;
        }
        let entry = &placed.entry;
        if let Some(before) = before
            && let Some(old) = before.names.entries.shared(key, entry, next)
        {
            next = old + entry.names();
            let old = before.numbers.get(old).copied().flatten();
            let step = old.and_then(|old| Some((old.step, before.steps.get(old.step)?)));
            match step {
                Some((old, step)) => {
                    let own = before.readers.reads(old).iter();
                    let moved_to = |read: &usize| moved.get(*read).copied().flatten();
                    let mut own: Vec<usize> = own.filter_map(moved_to).collect();
                    // Definitions may stand in another order than before.
                    own.sort_unstable();
                    reads.push(own.into_iter());
                    let first = all.add(step.clone());
                    for (place, column) in before.numbering.columns(old).zip(first..) {
                        if let Some(moved) = moved.get_mut(place) {
                            *moved = Some(column);
                        }
                    }
                    taken.push(Some(old));
                }
                None => all.skip(),
            }
            all.name(placed);
            continue;
        }
        let work = match Work::new(names, entry) {
            Ok(work) => work,
            Err(found) => {
                let fault = |fault| {
                    let kind = CatalogFaultKind::Invalid(fault);
                    let fault = CatalogFault { definition: entry.id.clone(), kind };
                    (placed.place, fault.of_written(entry.bringer.as_ref()))
                };
                faults.extend(found.into_iter().map(fault));
                None
            }
        };
        let Some(work) = work else {
            all.skip();
            all.name(placed);
            continue;
        };
        let (mut own, columns) = reads_of(names, &work);
        let number = |name: &Arc<str>| {
            let at = entries.place_of(Asked::new(Namespace::Columns, name))?;
            all.numbers.get(at).copied().flatten()?.column
        };
        let mut read: Vec<usize> = columns.iter().filter_map(number).collect();
        read.sort_unstable();
        let wide = |column: &usize| all.of_column(*column).is_some_and(|step| step.reads.is_wide);
        own.is_wide = own.whose == Whose::Book || read.iter().any(wide);
        let asked = |column: &usize| all.of_column(*column).is_some_and(|step| step.reads.parameters);
        own.parameters |= read.iter().any(asked);
        own.past |= read.iter().any(|column| all.of_column(*column).is_some_and(|step| step.reads.past));
        reads.push(read.into_iter());
        all.add(Arc::new(Step { id: entry.id.clone(), outputs: Step::outputs(entry), work, reads: own }));
        all.name(placed);
        taken.push(None);
    }
    if !faults.is_empty() {
        faults.sort_by_key(|(place, _)| *place);
        return Err(CatalogErrors::new(faults.into_iter().map(|(_, fault)| fault).collect()));
    }
    let Numbered { steps, of_columns, numbers, .. } = all;
    let numbering = Numbering::of(&steps);
    let readers = Readers::of(&steps, reads, of_columns.len());
    Ok(Steps { all: steps, numbering, numbers, readers, taken })
}

/// Steps, numbered as they come.
#[derive(Default)]
struct Numbered {
    steps: Vec<Arc<Step>>,
    of_columns: Vec<usize>,
    numbers: Vec<Option<Number>>,
    /// The step of the definition whose names come now, and its first column.
    current: Option<(usize, usize)>,
}

impl Numbered {
    fn with_capacity(steps: usize) -> Self {
        Self {
            steps: Vec::with_capacity(steps),
            of_columns: Vec::with_capacity(steps),
            numbers: Vec::with_capacity(steps),
            current: None,
        }
    }

    /// A step, and the number of its first column.
    fn add(&mut self, step: Arc<Step>) -> usize {
        let (at, first) = (self.steps.len(), self.of_columns.len());
        self.of_columns.resize(first + step.outputs.len(), at);
        self.steps.push(step);
        self.current = Some((at, first));
        first
    }

    /// A definition without a step.
    fn skip(&mut self) {
        self.current = None;
    }

    /// The next name of the definition.
    fn name(&mut self, placed: &Placed) {
        let number = |(step, first)| Number { step, column: placed.output.map(|output| first + output) };
        self.numbers.push(self.current.map(number));
    }

    fn of_column(&self, column: usize) -> Option<&Arc<Step>> {
        self.steps.get(*self.of_columns.get(column)?)
    }
}

/// What is read of the standing of accounts by name.
const BUILT_IN: [&str; 2] = ["account_type", "product"];

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
    let dated = needs.metrics.iter().any(dated);
    let converts = |metric: &Arc<str>| names.metrics.checked(metric).is_some_and(Checked::converts);
    let rates = needs.rates || needs.metrics.iter().any(converts) || work.asks_rates();
    let tables = needs.tables.iter().filter_map(|table| schema.table(table).map(TableId::index));
    let reads = Reads {
        attributes,
        tables: tables.collect(),
        usage: needs.usage,
        moment: needs.moment,
        history: matches!(work, Work::Row(of) if of.asks_history()),
        records: match work {
            Work::Row(of) => of.recorded_columns(),
            _ => Vec::new(),
        },
        past: matches!(work, Work::Row(of) if of.asks_history()),
        rates,
        parameters: matches!(work, Work::Row(of) if of.asks_parameters()),
        rate_of_day: matches!(work, Work::Tree(of) if of.plan.converts_today()),
        dated,
        standing: needs.standing || BUILT_IN.iter().any(|name| needs.names.contains(*name)),
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

    /// The steps of a definition, and of those that it brings.
    pub(crate) fn steps_of<'c>(&'c self, id: &DefinitionRef) -> impl Iterator<Item = usize> + use<'c> {
        let brought = self.names.entries.brought_by(id);
        let own = self.step(id).filter(|_| brought.is_some());
        own.into_iter().chain(brought.into_iter().flatten().filter_map(|entry| self.step(&entry.id)))
    }

    /// The step of a definition; `None` for a metric, and for what is not defined.
    pub(crate) fn step(&self, id: &DefinitionRef) -> Option<usize> {
        Some(self.number(self.names.entries.index_of(id)?)?.step)
    }

    /// Does a definition, or one that it brings, read the whole book?
    pub(crate) fn is_wide(&self, id: &DefinitionRef) -> bool {
        self.steps_of(id).any(|at| self.steps.get(at).is_some_and(|step| step.reads.is_wide))
    }

    /// Is a definition an account set, or does it bring one?
    pub(crate) fn makes_scopes(&self, id: &DefinitionRef) -> bool {
        let makes = |step: &Arc<Step>| step.outputs.iter().any(|output| output.makes_scopes);
        self.steps_of(id).any(|at| self.steps.get(at).is_some_and(makes))
    }

    fn number(&self, name: usize) -> Option<Number> {
        self.numbers.get(name).copied().flatten()
    }

    /// How many columns and sets there are.
    pub(crate) fn columns(&self) -> usize {
        self.numbering.len()
    }

    /// The columns of a step.
    pub(crate) fn columns_of(&self, step: usize) -> Range<usize> {
        self.numbering.columns(step)
    }

    /// The step that gives a column.
    pub(crate) fn step_of(&self, column: usize) -> Option<usize> {
        self.numbering.step(column)
    }

    /// What a column is.
    pub(crate) fn output(&self, column: usize) -> Option<&StepOutput> {
        let step = self.step_of(column)?;
        self.steps.get(step)?.outputs.get(column - self.columns_of(step).start)
    }

    /// A column by the name by which it is read.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.column_of(Asked::new(Namespace::Columns, name))
    }

    /// The set of a segment.
    pub(crate) fn set_of(&self, segment: &str) -> Option<usize> {
        self.column_of(Asked::new(Namespace::Segments, segment))
    }

    fn column_of(&self, asked: Asked<'_>) -> Option<usize> {
        self.number(self.names.entries.place_of(asked)?)?.column
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
