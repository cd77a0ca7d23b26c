//! What does each roll-up come to, for every account of a view?

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use indexmap::IndexMap;

use super::checked::CheckedRollUp;
use super::convert::Converting;
use super::definition::{Nulls, Over, RollUp};
use super::evaluate::{ReadPlaces, Rows, Standing};
use super::events::EventTerms;
use super::fault::{RollUpErrors, RollUpFault, RollUpFaultKind};
use super::linear::LinearOf;
use super::own::{OwnRows, RollUpAt, Source};
use super::plain::{Plain, PlainOf};
use super::spec::Spec;
use crate::aggregate::usage::UsageView;
use crate::book::View;
use crate::expr::{
    Cell, Checked, ExprLimits, MissingRate, MissingRateLog, MissingRates, Names, Needs, Of, RowColumns,
    RowPlan, RowProgram, Sight, Supply, Whose,
};
use crate::fold::Reach;
use crate::model::{AccountIdx, AsOf, FixedZones, Rates, Schema, SystemAttribute, Zones};
use crate::tree::AccountTree;

/// Roll-ups that were checked together, planned for books of one schema.
///
/// ```
/// use perennial::aggregate::{Operator, RollUp, RollUpPlan};
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("renewal", AttributeType::Date))
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64))
///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme.clone()).with("seats", 12_i64))
///     .account(AccountRow::new(AccountId::new("acme-us")?, "Company").under(acme).with("renewal", Date::new(2026, 5, 1)?));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
///
/// let next = RollUp::new("next_renewal", Operator::Min("renewal".into())).filter("renewal >= today()");
/// let median = RollUp::new("median", Operator::Percentile { of: "seats".into(), hundredths: 5_000 });
/// let plan = RollUpPlan::new(book.schema(), &**book.schema(), [next, median])?;
///
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let answers = plan.run(&view);
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(answers.value("next_renewal", acme).ok_or("none")?.to_string(), "2026-05-01");
/// assert_eq!(answers.value("median", acme).ok_or("none")?.to_string(), "12");
/// assert_eq!((answers.counted("median", acme), answers.skipped("median", acme)), (2, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RollUpPlan {
    pub(super) roll_ups: Arc<IndexMap<Arc<str>, Entry>>,
    /// Expressions over rows of one kind, read together.
    pub(super) groups: Arc<[Group]>,
    pub(super) schema: Arc<Schema>,
    pub(super) rates: Option<Arc<dyn Rates>>,
    pub(super) split: Option<Arc<Split>>,
}

/// Roll-ups over plain columns, which are folded where these lie, and the others.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) plain: Plain,
    /// By roll-up.
    pub(super) places: Vec<Option<PlainOf>>,
    pub(super) others: RollUpPlan,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) checked: CheckedRollUp,
    pub(super) group: usize,
    /// The numbers of the columns that it reads, in the group.
    pub(super) places: ReadPlaces,
}

impl Entry {
    /// What makes an answer of a state, where states can be taken away again.
    pub(super) fn linear(&self) -> Option<LinearOf> {
        let definition = &self.checked.definition;
        // A value of an account's own would hide those below it, and an amount without a rate hides all.
        let adds_up = definition.reached() != Reach::PreferSelf && !self.checked.may_lack_rates();
        LinearOf::new(&self.checked.spec, definition.nulls).filter(|_| adds_up)
    }
}

/// What roll-ups read, beside the accounts.
#[derive(Clone, Copy)]
pub(crate) struct RollUpInputs<'i> {
    /// Their expressions at the moment of the view.
    pub(crate) programs: &'i [RowProgram],
    pub(crate) usage: Option<&'i UsageView>,
    pub(crate) supply: Option<&'i dyn Supply>,
    pub(crate) rates: Option<&'i dyn Rates>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) over: Kind,
    pub(super) plan: RowPlan,
}

impl Group {
    pub(super) fn rows<'g>(
        &'g self,
        columns: Option<&'g RowColumns>,
        usage: Option<&'g UsageView>,
        rates: Option<&'g dyn Rates>,
    ) -> Rows<'g> {
        match (&self.over, columns, usage) {
            (Kind::Accounts | Kind::Table(_), Some(columns), _) => Rows::Columns(columns, rates),
            (Kind::Events(event, last_days), _, Some(usage)) => {
                Rows::Events { usage, plan: &self.plan, event, last_days: *last_days, rates }
            }
            _ => Rows::None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Accounts,
    Table(Arc<str>),
    Events(Arc<str>, Option<u32>),
}

impl Kind {
    fn of(over: &Over) -> Self {
        match over {
            Over::Accounts => Self::Accounts,
            Over::Table(table) => Self::Table(table.clone()),
            Over::Events { event, last_days } => Self::Events(event.clone(), *last_days),
        }
    }
}

impl RollUpPlan {
    /// Checks roll-ups against a schema and names: the schema itself, or more where they read usage or derived columns.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    pub fn new(
        schema: &Arc<Schema>,
        names: &dyn Names,
        roll_ups: impl IntoIterator<Item = RollUp>,
    ) -> Result<Self, RollUpErrors> {
        Self::within(schema, names, &FixedZones, &ExprLimits::default(), roll_ups)
    }

    /// The same with zones and limits of the host.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    pub fn within(
        schema: &Arc<Schema>,
        names: &dyn Names,
        zones: &dyn Zones,
        limits: &ExprLimits,
        roll_ups: impl IntoIterator<Item = RollUp>,
    ) -> Result<Self, RollUpErrors> {
        let mut faults = Vec::new();
        let mut all: IndexMap<Arc<str>, CheckedRollUp> = IndexMap::new();
        for definition in roll_ups {
            let roll_up = definition.name.clone();
            if all.contains_key(&roll_up) {
                faults.push(RollUpFault { roll_up: roll_up.clone(), kind: RollUpFaultKind::Duplicate });
            }
            if crate::model::is_reserved(&roll_up) {
                faults.push(RollUpFault {
                    roll_up: roll_up.clone(),
                    kind: RollUpFaultKind::Reserved(roll_up.clone()),
                });
            }
            if names.name(Of::Account, &roll_up).is_some() {
                faults.push(RollUpFault { roll_up: roll_up.clone(), kind: RollUpFaultKind::Taken });
            }
            match CheckedRollUp::new(&definition, schema, names, zones, limits) {
                Ok(checked) => {
                    all.entry(roll_up).or_insert(checked);
                }
                Err(kinds) => {
                    faults
                        .extend(kinds.into_iter().map(|kind| RollUpFault { roll_up: roll_up.clone(), kind }));
                }
            }
        }
        if !faults.is_empty() {
            return Err(RollUpErrors::new(faults));
        }
        Self::planned(schema, names, &[], all.into_values())?.split(names, &[])
    }

    /// The same; roll-ups over plain columns are folded where all accounts are asked.
    pub(crate) fn split(
        mut self,
        names: &dyn Names,
        segments: &[(&str, &Checked)],
    ) -> Result<Self, RollUpErrors> {
        if let Some((plain, places)) = Plain::of(&self.schema, self.checked()) {
            let others = self.checked().zip(&places).filter(|(_, of)| of.is_none());
            let others: Vec<CheckedRollUp> = others.map(|(roll_up, _)| roll_up.clone()).collect();
            let others = Self::planned(&self.schema, names, segments, others)?;
            self.split = Some(Arc::new(Split { plain, places, others }));
        }
        Ok(self)
    }

    pub(crate) fn planned(
        schema: &Arc<Schema>,
        names: &dyn Names,
        segments: &[(&str, &Checked)],
        roll_ups: impl IntoIterator<Item = CheckedRollUp>,
    ) -> Result<Self, RollUpErrors> {
        let roll_ups: Vec<CheckedRollUp> = roll_ups.into_iter().collect();
        let mut kinds: Vec<(Kind, Vec<&Checked>)> = Vec::new();
        let mut placed: Vec<(usize, ReadPlaces)> = Vec::with_capacity(roll_ups.len());
        for roll_up in &roll_ups {
            let kind = Kind::of(&roll_up.definition.over);
            let group = kinds.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
                kinds.push((kind, Vec::new()));
                kinds.len() - 1
            });
            let places = roll_up.read().map(|checked| {
                let (_, expressions) = kinds.get_mut(group)?;
                expressions.push(checked?);
                Some(expressions.len() - 1)
            });
            placed.push((group, ReadPlaces::new(places)));
        }
        let mut faults = Vec::new();
        let mut groups = Vec::with_capacity(kinds.len());
        for (over, expressions) in &kinds {
            let table = match over {
                Kind::Table(table) => Some(&**table),
                _ => None,
            };
            match RowPlan::new(table, schema, names, segments, expressions) {
                Ok(plan) => groups.push(Group { over: over.clone(), plan }),
                Err(errors) => {
                    for fault in errors.faults() {
                        // Whose expression it is.
                        let whose = roll_ups.iter().find(|roll_up| {
                            let wanted = expressions.get(fault.expression).copied();
                            roll_up
                                .expressions()
                                .any(|own| wanted.is_some_and(|wanted| std::ptr::eq(own, wanted)))
                        });
                        if let Some(roll_up) = whose {
                            let kind = RollUpFaultKind::Unanswered(fault.kind.to_string());
                            faults.push(RollUpFault { roll_up: roll_up.definition.name.clone(), kind });
                        }
                    }
                }
            }
        }
        drop(kinds);
        if !faults.is_empty() {
            return Err(RollUpErrors::new(faults));
        }
        let entries = roll_ups.into_iter().zip(placed).map(|(checked, (group, places))| {
            (checked.definition.name.clone(), Entry { checked, group, places })
        });
        Ok(Self {
            roll_ups: Arc::new(entries.collect()),
            groups: groups.into(),
            schema: schema.clone(),
            rates: None,
            split: None,
        })
    }

    /// With the rates at which amounts are converted ([`RollUp::convert_to`]), in the place of those of the view
    /// ([`View::with_rates`](crate::View::with_rates)); without any no amount that is converted is known.
    #[must_use]
    pub fn with_rates(mut self, rates: Arc<dyn Rates>) -> Self {
        self.rates = Some(rates);
        self
    }

    /// The names of the roll-ups, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.roll_ups.keys().map(|name| &**name)
    }

    /// What the roll-ups read.
    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for group in &*self.groups {
            needs = needs.and(group.plan.needs());
            match &group.over {
                Kind::Accounts => {}
                Kind::Table(table) => {
                    needs.tables.insert(table.clone());
                }
                Kind::Events(..) => {
                    needs.usage = true;
                    needs.moment = true;
                }
            }
        }
        for entry in self.roll_ups.values() {
            let definition = &entry.checked.definition;
            needs.standing |= !definition.with_cancelled || entry.checked.levels.is_some();
            needs.moment |= entry.checked.converts_today();
            if definition.reached() != Reach::SelfOnly {
                needs.whose = needs.whose.max(Whose::Tree);
            }
        }
        needs
    }

    /// Does one convert amounts at the rate of the day of the question?
    pub(crate) fn converts_today(&self) -> bool {
        self.checked().any(CheckedRollUp::converts_today)
    }

    /// The expressions at a moment, for [`Self::results`]: those of what is not folded.
    pub(crate) fn at(&self, as_of: &AsOf) -> Vec<RowProgram> {
        let groups = self.split.as_ref().map_or(&self.groups, |split| &split.others.groups);
        groups.iter().map(|group| group.plan.at(as_of, &self.schema)).collect()
    }

    /// What makes an answer of a state, where it is one roll-up whose states can be taken away again.
    pub(crate) fn linear(&self) -> Option<LinearOf> {
        let (_, entry) = self.roll_ups.first().filter(|_| self.roll_ups.len() == 1)?;
        entry.linear()
    }

    /// The roll-ups, in the order in which they were given.
    pub(crate) fn checked(&self) -> impl Iterator<Item = &CheckedRollUp> {
        self.roll_ups.values().map(|entry| &entry.checked)
    }

    /// Is the answer the greatest of what stands at and below an account, or (`Some(true)`) the least, and all that is known?
    pub(crate) fn extreme(&self) -> Option<bool> {
        let (_, entry) = self.roll_ups.first().filter(|_| self.roll_ups.len() == 1)?;
        let CheckedRollUp { definition, spec, levels, .. } = &entry.checked;
        let all_below = definition.reached() == Reach::SelfAndDescendants;
        let skips = definition.nulls == Nulls::Skip && !entry.checked.may_lack_rates();
        let is_state = all_below && levels.is_none() && skips;
        match **spec {
            Spec::Extreme { least } if is_state => Some(least),
            _ => None,
        }
    }

    /// What the first roll-up asks of events at a moment; `None` where it asks none.
    pub(crate) fn event_terms(&self, as_of: &AsOf) -> Option<EventTerms<'_>> {
        self.terms_of(self.roll_ups.first()?.1, as_of)
    }

    /// The rows of single accounts, as the first roll-up reads them.
    pub(crate) fn own_rows<'r>(
        &'r self,
        at: RollUpAt<'r>,
        events: Option<&'r EventTerms<'_>>,
    ) -> Option<OwnRows<'r>> {
        let (_, entry) = self.roll_ups.first()?;
        self.rows_of(entry, (at.programs.get(entry.group), entry.places), at, events)
    }

    /// The rows of single accounts, as a roll-up reads them by a program, in which its columns have these numbers.
    pub(super) fn rows_of<'r>(
        &'r self,
        entry: &'r Entry,
        (program, places): (Option<&'r RowProgram>, ReadPlaces),
        at: RollUpAt<'r>,
        events: Option<&'r EventTerms<'_>>,
    ) -> Option<OwnRows<'r>> {
        let conversion = entry.checked.conversion.as_ref();
        let converting = conversion.map(|of| Converting::new(of, at.rates, at.view.as_of()));
        let source = match self.groups.get(entry.group)?.over {
            Kind::Events(..) => Source::events(events, at.usage),
            Kind::Accounts | Kind::Table(_) => Source::Columns(program?.asking(at.view, at.supply)),
        };
        let roll_up = &entry.checked;
        let status = at.view.schema().system_attribute(SystemAttribute::Status);
        let status = status.filter(|_| !roll_up.definition.with_cancelled);
        Some(OwnRows { roll_up, places, at, source, status, converting, cells: RefCell::default() })
    }

    /// A view and usage at the rates of the plan, where it has some.
    pub(super) fn at_own_rates<'v>(
        &self,
        view: &'v View,
        usage: Option<&'v UsageView>,
    ) -> (Cow<'v, View>, Option<Cow<'v, UsageView>>) {
        let Some(rates) = &self.rates else { return (Cow::Borrowed(view), usage.map(Cow::Borrowed)) };
        let view = view.clone().with_rates(rates.clone());
        let usage = usage.map(|usage| Cow::Owned(usage.clone().at_rates_of(&view)));
        (Cow::Owned(view), usage)
    }

    /// The rates that the first roll-up lacks for the accounts that are visible.
    pub(crate) fn missing_rates(&self, at: RollUpAt<'_>) -> Vec<MissingRate> {
        let Some((_, entry)) = self.roll_ups.first() else { return Vec::new() };
        let Some(group) = self.groups.get(entry.group) else { return Vec::new() };
        let mut missing = MissingRates::default();
        let all: Vec<AccountIdx> = AccountTree::walk(at.view).collect();
        self.tell_unrated(at, &all, &mut missing);
        let Some(to) = entry.checked.conversion_to() else { return missing.into_list() };
        if !group.plan.sight().is_far() || matches!(group.over, Kind::Events(..)) {
            let terms = self.event_terms(at.view.as_of());
            if let Some(own) = self.own_rows(at, terms.as_ref()) {
                own.missing_rates(all.into_iter(), &mut missing);
            }
            return missing.into_list();
        }
        // Account by account what reads many others would be read many times.
        let Ok(columns) = group.plan.run(at.view, at.supply, &|| false) else { return Vec::new() };
        let standing = Standing::new(at.view);
        let rows = Rows::Columns(&columns, at.rates);
        standing.each(&entry.checked, &rows, entry.places, &mut |row, read| {
            if let Some(place) = standing.tree.place_of(row) {
                read.told(&mut |lacks| missing.add(at.view.inner().id(place), to, lacks));
            }
        });
        missing.into_list()
    }

    /// Adds the rates that the expressions of the first roll-up lack for the rows of some accounts, where they convert amounts themselves.
    pub(super) fn tell_unrated<'r>(
        &self,
        at: RollUpAt<'r>,
        accounts: &[AccountIdx],
        missing: &mut MissingRates<'r>,
    ) {
        let Some((_, entry)) = self.roll_ups.first() else { return };
        let Some(group) = self.groups.get(entry.group) else { return };
        let needs = group.plan.needs();
        // What a metric converts is known where it is read.
        let converts = |metric: &Arc<str>| {
            let checked = at.usage.and_then(|usage| usage.metrics().checked(metric));
            checked.is_some_and(Checked::converts)
        };
        if !needs.rates && !needs.metrics.iter().any(converts) {
            return;
        }
        let status = at.view.schema().system_attribute(SystemAttribute::Status);
        let status = status.filter(|_| !entry.checked.definition.with_cancelled);
        let adds =
            |place: &AccountIdx| !status.is_some_and(|status| at.view.inner().has_cancelled(*place, status));
        let accounts: Vec<AccountIdx> = accounts.iter().copied().filter(adds).collect();
        let recorder = MissingRateLog::default();
        match &group.over {
            Kind::Events(..) => {
                let terms = self.event_terms(at.view.as_of());
                for (terms, usage) in terms.iter().zip(at.usage) {
                    let Some(first) = accounts.first() else { continue };
                    let mut rows = terms.telling(usage, &recorder, *first);
                    for place in accounts.iter().copied() {
                        rows.tell_of(place);
                        if let Some(own) = usage.account(place, rows.days()) {
                            rows.each(&own, None, &mut |_| {});
                        }
                    }
                }
            }
            Kind::Accounts | Kind::Table(_) => {
                let (columns, places) = entry.places.apart();
                let ReadPlaces { first, second, date, currencies: [of_first, of_second], .. } = places;
                let plan = group.plan.only(&columns);
                let told = plan.tell_unrated(
                    (at.view, &self.schema),
                    at.supply,
                    &recorder,
                    &accounts,
                    &mut |_, value| {
                        if places.filter.is_none_or(|filter| value(filter) == Cell::Bool(true)) {
                            let read = [first, second, date, of_first, of_second];
                            read.into_iter().flatten().for_each(|read| drop(value(read)));
                        }
                    },
                );
                // Nobody stops it.
                told.unwrap_or_default();
            }
        }
        missing.add_told(recorder, at.view);
    }

    /// The terms of events of a roll-up at a moment; `None` where it asks none.
    pub(super) fn terms_of(&self, entry: &Entry, as_of: &AsOf) -> Option<EventTerms<'_>> {
        let group = self.groups.get(entry.group)?;
        match &group.over {
            Kind::Events(event, last_days) => {
                Some(EventTerms::new(&group.plan, (event, *last_days), entry.places, as_of))
            }
            Kind::Accounts | Kind::Table(_) => None,
        }
    }

    /// Of whom what a row adds depends beside its own account.
    pub(crate) fn sight(&self) -> Sight {
        self.groups.iter().fold(Sight::default(), |all, group| all.and(group.plan.sight()))
    }

    /// Do accounts of a type receive the first roll-up?
    pub(crate) fn receives(&self, kind: u16) -> bool {
        let levels = self.roll_ups.first().and_then(|(_, entry)| entry.checked.levels.as_ref());
        levels.is_none_or(|levels| levels.iter().any(|level| u16::try_from(level.index()) == Ok(kind)))
    }

    /// The accounts above one that receive what it adds, and whether it does itself.
    pub(crate) fn reach(&self) -> Reach {
        self.roll_ups.first().map_or(Reach::SelfOnly, |(_, entry)| entry.checked.definition.reached())
    }
}
