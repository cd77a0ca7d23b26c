//! How do definitions depend on each other, and what do they come to?
//!
//! Rulings S89 to S94 of [`docs::semantics`](crate::docs::semantics).
//!
//! | question | type |
//! |---|---|
//! | What may an administrator define? | [`Definition`]: [`CalculatedAttribute`], [`PastValue`], [`RollUp`](crate::aggregate::RollUp), [`Metric`](crate::aggregate::Metric), [`Ranking`](crate::aggregate::Ranking), [`Segment`](crate::segment::Segment) |
//! | Do they make sense together, also those that read each other? | [`Catalog::new`], [`CatalogErrors`] |
//! | What are their values, for every account? | [`Catalog::run`], [`Derived`] |
//! | How are they stored? | [`Catalog::to_json`], [`Catalog::read`]; with kinds of event and how usage is kept, a [`Manifest`] |
//! | Where does this number come from? | [`Catalog::lineage`] |
//! | Who reads this attribute, and what would break without it? | [`Catalog::impact`], [`Catalog::without`], [`Catalog::retyped`] |
//! | The schema changes: does everything still make sense? | [`Catalog::evolve`] |
//! | A definition gets another name: who must say it? | [`Catalog::renamed`] |
//! | Which definitions are read by nobody, or say the same? | [`Catalog::report`] |
//! | How do I bring a kind of definition of my own? | [`CustomKind`], [`Custom`] |
//! | Who is looking, and which answers depend on it? | [`Parameter`], [`AsOf::with_parameter`](crate::AsOf::with_parameter) |
//! | What was a value some days ago? | [`History`], [`PastValue`] |
//! | Which definitions come with the library? | [`BuiltIn`] |

mod answers;
mod check;
mod compile;
mod components;
mod cycle;
mod definition;
mod derived;
mod diagnose;
mod differing;
mod document;
mod edit;
mod entry;
mod evolve;
mod exactly;
mod fault;
mod history;
mod identity;
mod inputs;
mod lineage;
mod manifest;
mod mentions;
mod names;
mod pending;
mod provenance;
mod readers;
mod recorded;
mod records;
mod rename;
mod report;
mod rewrite;
mod round;
mod row;
mod status;
mod step;
mod still_read;
mod touched;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

pub(crate) use self::answers::Answers;
use self::compile::{Candidate, Validated};
pub(crate) use self::compile::{Words, reserved_words};
pub use self::cycle::{CyclePath, MAX_CYCLE_STEPS};
pub use self::definition::{BuiltIn, Definition, DefinitionKind, DefinitionRef};
pub use self::derived::Derived;
pub use self::document::{CATALOG_VERSION, DocumentErrors, DocumentFault};
pub(crate) use self::edit::{Ground, Removed};
pub use self::evolve::{CatalogEvolveError, Evolved, Retyped};
pub use self::exactly::{CatalogChanges, FewerDays};
pub use self::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
pub use self::history::{History, MemoryHistory};
use self::identity::Identities;
pub use self::inputs::RunInputs;
pub use self::lineage::{Impact, LineageStep, Origin};
pub use self::manifest::{Manifest, ManifestErrors};
use self::names::Assumed;
pub use self::names::CatalogNames;
pub(crate) use self::provenance::ProvenanceSources;
use self::readers::Readers;
pub(crate) use self::records::is_same_record;
pub use self::records::{RecordFault, RecordFaultKind, RecordedColumn, RecordedDay, Records, RecordsInScope};
pub use self::report::CatalogReport;
pub(crate) use self::report::Reader;
use self::round::Round;
pub(crate) use self::round::{Given, RoundProgram};
pub(crate) use self::row::{RowAt, RowSources, RowWork};
use self::step::{Number, Numbering, Steps, Taken};
pub(crate) use self::step::{Reads, Step, StepProgram, TreeWork, Work};
use crate::aggregate::{Keep, Metrics, UsageSchema, UsageView};
use crate::book::View;
pub use crate::define::{
    Brought, CalculatedAttribute, Custom, CustomInput, CustomInputs, CustomKind, CustomKinds, CustomOutput,
    CustomPart, DefinitionFault, InputType, InputValue, MAX_BROUGHT, MAX_CUSTOM_INPUTS, MAX_CUSTOM_OUTPUTS,
    MAX_CUSTOM_PARTS, Parameter, ParameterType, PartPlace, PastValue, Recorded, TakenKind,
};
use crate::expr::{Cancelled, ExprLimits, Type, Whose};
use crate::model::{FixedZones, Observer, Schema, Zones};

/// Definitions of every kind that make sense together, over one schema. Immutable; cloning is cheap; `Send + Sync`.
///
/// ```
/// use perennial::aggregate::{Event, EventKind, Metric, Operator, RollUp, Usage, UsageSchema, UsageSettings};
/// use perennial::catalog::{CalculatedAttribute, Catalog, Definition, DefinitionKind, DefinitionRef, Origin};
/// use perennial::segment::Segment;
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("licences", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company").with("licences", 10_i64))
///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme).with("licences", 2_i64));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
///
/// // A segment over an attribute over a roll-up over a metric over events.
/// let definitions: [Definition; 5] = [
///     Segment::parse("idle", "use_of_family < 0.5")?.into(),
///     CalculatedAttribute::new("use_of_family", "ratio(family_logins, family_licences)").into(),
///     RollUp::new("family_logins", Operator::Sum("metric(\"logins\").lastDays(7).sum()".into())).into(),
///     RollUp::new("family_licences", Operator::Sum("licences".into())).into(),
///     Metric::new("logins", "events(\"login\").count()").into(),
/// ];
/// let today = Date::new(2026, 1, 31)?;
/// let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")])?, UsageSettings::new());
/// usage.ingest([Event::on("login", "acme-eu", today).count(3)], today)?;
///
/// let catalog = Catalog::new(book.schema(), usage.schema(), definitions)?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(today))?;
/// let derived = catalog.run(&view, Some(&usage.over(&view, catalog.metrics())), None);
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(derived.value("use_of_family", acme).ok_or("missing")?.to_string(), "0.25");
/// assert!(derived.segment("idle").is_some_and(|idle| idle.len() == 1));
///
/// // What would change with the licences, and how?
/// let impact = catalog.impact(&Origin::Attribute("licences".into()));
/// assert_eq!(
///     impact[2].to_string(),
///     "attribute `licences` -> roll-up `family_licences` -> calculated attribute `use_of_family` -> segment `idle`"
/// );
/// # let _ = (DefinitionKind::Segment, DefinitionRef { kind: DefinitionKind::Metric, name: "logins".into() });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Catalog {
    /// With an entry for each definition.
    names: Arc<CatalogNames>,
    /// As they were given, once they are asked for.
    definitions: Arc<OnceLock<Vec<Definition>>>,
    /// Planned when all definitions are first computed together.
    rounds: Arc<OnceLock<Vec<Round>>>,
    steps: Arc<[Arc<Step>]>,
    numbering: Arc<Numbering>,
    /// The step and the column of each name of the entries.
    numbers: Arc<[Option<Number>]>,
    readers: Arc<Readers>,
    taken: Option<Arc<Taken>>,
    limits: Arc<ExprLimits>,
    identities: Arc<Identities>,
    compiled: usize,
}

impl Catalog {
    /// Checks definitions together, with the default limits and no zones but fixed ones. They may stand in any order and
    /// read each other across kinds.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them: unknown names with the nearest, types that differ, names given twice, and
    /// rings with the way around.
    ///
    /// # Complexity
    ///
    /// Linear in the expressions and in the names that they look up: among definitions that mention each other, one is
    /// checked again when all that it looked up in vain was found to be valid. Where names with dots could be read in two
    /// ways (`a.b` of the attribute `a.b`, or of `a`), those among them that read one are checked once more for each such name.
    pub fn new(
        schema: &Arc<Schema>,
        usage: &UsageSchema,
        definitions: impl IntoIterator<Item = Definition>,
    ) -> Result<Self, CatalogErrors> {
        Self::within(schema, usage, &FixedZones, &ExprLimits::default(), definitions)
    }

    /// The same with zones and limits of the host.
    ///
    /// # Errors
    ///
    /// As [`Catalog::new`].
    pub fn within(
        schema: &Arc<Schema>,
        usage: &UsageSchema,
        zones: &dyn Zones,
        limits: &ExprLimits,
        definitions: impl IntoIterator<Item = Definition>,
    ) -> Result<Self, CatalogErrors> {
        let ground = Ground { schema, usage, zones, limits };
        Self::fresh(ground, definitions, Words::Refused)
    }

    /// The same; what becomes of names that are words of the language is said. Those that are kept are told by
    /// [`Catalog::report`].
    pub(crate) fn fresh(
        ground: Ground<'_>,
        definitions: impl IntoIterator<Item = Definition>,
        words: Words,
    ) -> Result<Self, CatalogErrors> {
        let given = definitions.into_iter().flat_map(|definition| Candidate::all_of(definition, words));
        Self::compile(ground, &given.collect::<Vec<_>>(), None)
    }

    /// Steps are taken over from the catalog before, for all entries that are known from it.
    fn compile(
        ground: Ground<'_>,
        given: &[Candidate],
        before: Option<&Self>,
    ) -> Result<Self, CatalogErrors> {
        let bare = CatalogNames::bare(ground.schema, ground.usage, Assumed::default());
        let Validated { names, faults, compiled } =
            compile::validate(&bare, ground.zones, ground.limits, given);
        if !faults.is_empty() {
            return Err(CatalogErrors::new(faults));
        }
        let Steps { all, numbering, numbers, readers, taken } = step::steps(&names, before)?;
        let identities = Identities::of(&names.entries, before.map(|before| &before.identities));
        Ok(Self {
            names: Arc::new(names),
            definitions: Arc::default(),
            rounds: Arc::default(),
            steps: all.into(),
            numbering: Arc::new(numbering),
            numbers: numbers.into(),
            readers: Arc::new(readers),
            taken: before.map(|before| Arc::new(Taken { from: Arc::downgrade(&before.names), steps: taken })),
            limits: before.map_or_else(|| Arc::new(ground.limits.clone()), |before| before.limits.clone()),
            identities,
            compiled,
        })
    }

    /// Is it the same catalog, not only one that is equal?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.names, &other.names)
    }

    /// The definitions, as they were given.
    ///
    /// # Complexity
    ///
    /// When it is first asked, a copy of each; then none.
    #[must_use]
    pub fn definitions(&self) -> &[Definition] {
        self.definitions.get_or_init(|| self.given().cloned().collect())
    }

    /// The same, without a copy.
    fn given(&self) -> impl Iterator<Item = &Definition> {
        self.names
            .entries
            .given()
            .into_iter()
            .filter(|entry| entry.bringer.is_none())
            .map(|entry| &*entry.definition)
    }

    /// How many definitions there are, without those that others bring.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.entries.written()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many definitions, brought ones among them, were compiled to make this catalog; all others were reused from the catalog that
    /// it was edited from ([`Catalog::edited`]). An edit that changes nothing gives the same catalog, with its number.
    #[must_use]
    pub const fn compiled(&self) -> usize {
        self.compiled
    }

    /// A definition.
    #[must_use]
    pub fn definition(&self, id: &DefinitionRef) -> Option<&Definition> {
        let entry = self.names.entries.get(id).filter(|entry| entry.bringer.is_none())?;
        Some(&entry.definition)
    }

    /// The definitions in order of evaluation: each after all that it reads. A definition that is brought by another may be evaluated
    /// before that one.
    pub fn order(&self) -> impl Iterator<Item = &DefinitionRef> {
        self.names.entries.iter().filter(|entry| entry.bringer.is_none()).map(|entry| &entry.id)
    }

    /// The names that definitions give and read: for checkers and editors of further expressions.
    #[must_use]
    pub fn names(&self) -> &CatalogNames {
        &self.names
    }

    /// Its metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.names.metrics
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.names.schema
    }

    /// The kinds of event.
    #[must_use]
    pub fn usage_schema(&self) -> &UsageSchema {
        &self.names.usage
    }

    /// The columns that are recorded, by name, each with the days for which it is kept: the most of those that are said.
    pub(crate) fn recorded(&self) -> BTreeMap<Arc<str>, u32> {
        let mut all = BTreeMap::new();
        for entry in self.names.entries.given() {
            let Definition::Recorded(of) = &*entry.definition else { continue };
            for column in of.columns() {
                let kept = all.entry(Arc::from(column)).or_insert(0);
                *kept = of.keep_days().max(*kept);
            }
        }
        all
    }

    /// The definitions that read more days of a column than are kept of it: of whom, how many, and how many are kept.
    pub(crate) fn beyond_kept(&self) -> Vec<(DefinitionRef, Arc<str>, u32, u32)> {
        let recorded = self.recorded();
        let mut found = Vec::new();
        for entry in self.names.entries.given().into_iter().filter(|_| !recorded.is_empty()) {
            for (column, days) in entry.compiled.recorded_days() {
                if let Some(kept) = recorded.get(column).filter(|kept| days > **kept) {
                    found.push((entry.written().clone(), column.clone(), days, *kept));
                }
            }
        }
        found
    }

    /// Is each value of a column that of its account alone, through all that it reads: of its attributes, child rows, usage, and of
    /// `records` that are of that account alone, on all their days?
    pub(crate) fn reads_alone(&self, column: &str, records: &Records) -> bool {
        let mut seen: HashSet<usize> = HashSet::new();
        let mut left: Vec<Arc<str>> = vec![Arc::from(column)];
        while let Some(name) = left.pop() {
            let Some(number) = self.column(&name) else {
                // An attribute of the schema, what every account has, or nothing at all.
                if self.schema().attribute(&name).is_none() {
                    return false;
                }
                continue;
            };
            let Some(at) = self.step_of(number).filter(|at| seen.insert(*at)) else { continue };
            let Some(step) = self.steps.get(at) else { return false };
            if step.reads.whose != Whose::Own || step.reads.parameters {
                return false;
            }
            // What it reads of the past is what was recorded then, whatever the column is now.
            if step.reads.records.iter().any(|column| records.is_withheld(column)) {
                return false;
            }
            left.extend(step.reads.records.iter().cloned());
            let read = self.readers.reads(at).iter().filter_map(|column| self.output(*column));
            left.extend(read.map(|output| output.name.clone()));
        }
        true
    }

    /// What all definitions come to for every visible account, as if what is not visible did not exist. `usage` must be of
    /// the same view; without it nothing that asks events has a value, and without `history` no past value. Rates are those of the view
    /// ([`View::with_rates`](crate::View::with_rates), [`Catalog::run_observed`] takes others).
    ///
    /// # Complexity
    ///
    /// That of [`ExprPlan::run`](crate::expr::ExprPlan::run) and [`RollUpPlan::run`](crate::aggregate::RollUpPlan::run),
    /// once for each step of the longest chain of columns. The first time, the definitions are planned together: linear in
    /// their expressions.
    #[must_use]
    pub fn run(&self, view: &View, usage: Option<&UsageView>, history: Option<&dyn History>) -> Derived {
        let done = self.run_observed(view, RunInputs { usage, history, rates: None }, &());
        done.unwrap_or_else(|Cancelled| Derived::nothing(self, view))
    }

    /// The same with all that a catalog may be run with, the rates at which amounts are converted among it, while nobody stops it.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] when the observer stopped it.
    pub fn run_observed(
        &self,
        view: &View,
        inputs: RunInputs<'_>,
        observer: &dyn Observer,
    ) -> Result<Derived, Cancelled> {
        let RunInputs { usage, history, rates } = inputs;
        let known = Arc::ptr_eq(self.schema(), view.schema()) || **self.schema() == **view.schema();
        // Usage of other accounts, or of another moment, says nothing about these.
        let usage = usage.filter(|usage| {
            let seen = usage.view();
            let same_accounts =
                seen.inner().layout.same(&view.inner().layout) && seen.scope() == view.scope();
            same_accounts && seen.as_of().is_same_moment(view.as_of())
        });
        // Expressions read the rates of their view.
        let at_rates = rates.map(|rates| view.clone().with_rates(rates.clone()));
        let view = at_rates.as_ref().unwrap_or(view);
        let rates = view.rates();
        // Metrics are those of the catalog, whichever the usage was given with.
        let usage = usage.map(|usage| usage.clone().with_metrics(self.metrics()).at_rates_of(view));
        let usage = usage.as_ref();
        if known {
            let rounds = self.rounds.get_or_init(|| {
                let rounds = self.in_rounds(0..self.steps.len());
                rounds.into_iter().map(|steps| Round::new(self, steps, Keep::Values)).collect()
            });
            let inputs = RunInputs { usage, history, rates };
            derived::run(self, rounds, view, inputs, &|| observer.is_cancelled())
        } else {
            Ok(Derived::nothing(self, view))
        }
    }

    /// What would be wrong if something were not there: an attribute, a table, a column, an event, a property, or a
    /// definition. Nothing changes.
    #[must_use]
    pub fn without(&self, origin: &Origin) -> Vec<CatalogFault> {
        let mut assumed = Assumed::default();
        match origin {
            Origin::Attribute(name) => {
                assumed.gone.insert(name.clone());
            }
            Origin::Table(name) => {
                assumed.gone_tables.insert(name.clone());
            }
            Origin::Event(name) => {
                assumed.gone_events.insert(name.clone());
            }
            Origin::Column { table: of, column: field } | Origin::EventField { event: of, field } => {
                assumed.gone_fields.insert((of.clone(), field.clone()));
            }
            // No definition is wrong without rates: amounts are missing.
            Origin::Rates => return Vec::new(),
            Origin::Definition(id) => return self.without_definition(id),
        }
        self.faults_assuming(assumed)
    }

    /// What would be wrong if an attribute were of another type. Nothing changes. Zones are fixed ones only, as in
    /// [`Catalog::new`].
    #[must_use]
    pub fn retyped(&self, attribute: &str, kind: Type) -> Vec<CatalogFault> {
        let mut assumed = Assumed::default();
        assumed.retyped.insert(Arc::from(attribute), kind);
        self.faults_assuming(assumed)
    }

    fn faults_assuming(&self, assumed: Assumed) -> Vec<CatalogFault> {
        let bare = CatalogNames::bare(self.schema(), self.usage_schema(), assumed);
        let entries = self.names.entries.given();
        let given = entries.into_iter().map(Candidate::of_entry);
        compile::validate(&bare, &FixedZones, &self.limits, &given.collect::<Vec<_>>()).faults
    }
}
