//! What is different between two states, for whom, and why?

use std::collections::BTreeSet;
use std::sync::Arc;

use super::EngineError;
use super::attribution::{Attribution, Sides, VisibleChanges};
use super::cause::Cause;
use super::column::Column;
use super::definition_pairs::{DefinitionPair, DefinitionPairs};
use super::dirt::Dirt;
use super::live::LiveView;
use super::pairing::Pairing;
use super::published::Published;
use super::report::{DeltaReport, DerivedChange, SegmentDelta};
use super::values::values;
use crate::aggregate::{ANY_EVENT, EventKind, sum_of};
use crate::book::{AccountMove, View};
use crate::catalog::{DefinitionRef, Impact, Origin};
use crate::define::TotalBy;
use crate::expr::{Cell, ExprValue, Summed, Type, Val};
use crate::model::{AccountId, AccountIdx, AttributeId, SystemAttribute};
use crate::set::{Scope, StaleSet};
use crate::tree::AccountTree;

/// Two states, to be asked what differs between them: before and after an update, a branch and what it came from, or any
/// two. Cheap to make and to clone; it holds both states, and works out what it is asked.
///
/// ```
/// use perennial::catalog::{CalculatedAttribute, DefinitionRef};
/// use perennial::engine::{Cause, Engine, EngineSettings, Update};
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .attribute(Attribute::new("renewal", AttributeType::Date))
///     .build()?;
/// let january = |day| Date::new(2026, 1, day);
/// let acme = AccountRow::new(AccountId::new("acme")?, "Company").with("seats", 12_i64).with("renewal", january(20)?);
/// let engine = Engine::new(schema, AsOf::date_utc(january(5)?), EngineSettings::new())?;
/// engine.load(&MemorySource::new().account(acme))?;
/// let urgent = CalculatedAttribute::new("urgent", "seats > 10 && renewal - today() < 10");
/// let id = DefinitionRef::attribute("urgent");
/// engine.apply(Update::new().define(urgent).subscribe(id))?;
///
/// let applied = engine.apply(Update::new().moment(AsOf::date_utc(january(15)?)))?;
/// let report = applied.delta.report(&Scope::all())?;
/// assert_eq!(report.derived[0].account.as_str(), "acme");
/// assert!(report.derived[0].causes.iter().eq([Cause::Moment]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Delta {
    from: Published,
    to: Published,
}

impl Delta {
    /// What differs in one state from another. Where one's schema does not continue the other's, attributes are paired by name.
    #[must_use]
    pub fn between(from: &Published, to: &Published) -> Self {
        Self { from: from.clone(), to: to.clone() }
    }

    /// The state before.
    #[must_use]
    pub const fn from(&self) -> &Published {
        &self.from
    }

    /// The state after.
    #[must_use]
    pub const fn to(&self) -> &Published {
        &self.to
    }

    /// Everything that differs for a user who may see `scope`: accounts, their places and values, and what the definitions
    /// to which either state is subscribed evaluate to. Those that read the whole book, as a ranking does, are left out and named in
    /// [`DeltaReport::left_out`]: where one account goes up, all below it go down. [`Delta::report_of`] tells of them.
    /// A definition that got another name in between ([`Update::rename`](super::Update::rename)) is told by that of the state after, and compared with what it
    /// was; where neither state came from the other, names are compared as they are.
    ///
    /// The scope may belong to either state; it is carried over to the other by id. An account that it shows in one of them
    /// only came, or left, for this user. Nothing else shows of what happened outside it.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the scope belongs to neither.
    ///
    /// # Complexity
    ///
    /// Without a scope, linear in what differs; in a scope, in what is visible. The causes add what the changed definitions read and, where
    /// two branches recorded the same days of a column, all records of that column.
    pub fn report(&self, scope: &Scope) -> Result<DeltaReport, StaleSet> {
        let pairs = self.definition_pairs();
        let before = self.from.subscribed().filter_map(|id| pairs.of_before(id));
        let both: BTreeSet<DefinitionPair> =
            before.chain(self.to.subscribed().map(|id| pairs.of(id))).collect();
        let any = |of: &DefinitionPair, is: &dyn Fn(&Published, &DefinitionRef) -> bool| {
            of.before.as_ref().is_some_and(|id| is(&self.from, id)) || is(&self.to, &of.after)
        };
        let (wide, narrow): (Vec<DefinitionPair>, Vec<DefinitionPair>) =
            both.into_iter().partition(|of| any(of, &|state, id| state.catalog().is_wide(id)));
        // In a scope not even the names of account sets are told.
        let hides =
            |of: &DefinitionPair| !scope.is_all() && any(of, &|state, id| state.catalog().makes_scopes(id));
        let left_out = wide.iter().filter(|of| !hides(of)).map(|of| of.after.clone()).collect();
        let (before, after) = self.scopes(scope)?;
        Ok(DeltaReport { left_out, ..self.compared((&before, &after), (narrow, pairs), Cause::Structure)? })
    }

    /// The same for some definitions, kept current or not.
    ///
    /// # Errors
    ///
    /// As [`Delta::report`].
    pub fn report_of(&self, scope: &Scope, definitions: &[DefinitionRef]) -> Result<DeltaReport, StaleSet> {
        let (before, after) = self.scopes(scope)?;
        let pairs = self.definition_pairs();
        let definitions = definitions.iter().map(|id| self.named(&pairs, id)).collect();
        self.compared((&before, &after), (definitions, pairs), Cause::Structure)
    }

    /// The same for a user whose scope is another one in each state: `before` belongs to the state before, `after` to the
    /// one after. That an account is visible in one of them only is put down to the scope, whatever became of the account.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when one belongs to another state.
    pub fn report_between(
        &self,
        before: &Scope,
        after: &Scope,
        definitions: &[DefinitionRef],
    ) -> Result<DeltaReport, StaleSet> {
        let both_all = before.is_all() && after.is_all();
        let arrival = if both_all { Cause::Structure } else { Cause::Scope };
        let pairs = self.definition_pairs();
        let definitions = definitions.iter().map(|id| self.named(&pairs, id)).collect();
        self.compared((before, after), (definitions, pairs), arrival)
    }

    /// `arrival` is why accounts are visible in one of the states only.
    fn compared(
        &self,
        (before, after): (&Scope, &Scope),
        (mut definitions, pairs): (Vec<DefinitionPair>, DefinitionPairs),
        arrival: Cause,
    ) -> Result<DeltaReport, StaleSet> {
        let (old, new) = (self.from.view(before)?, self.to.view(after)?);
        // Whether there was anything before is told to who sees everything.
        let is_first = self.from.book().is_empty() && before.is_all() && after.is_all();
        let arrival = if is_first { Cause::FirstLoad } else { arrival };
        let pairing = Pairing::new(old.accounts(), new.accounts());
        let mut report = DeltaReport::new(self.from.version(), self.to.version());
        for (id, old, new) in &pairing.loose {
            match (old, new) {
                (None, Some(_)) => report.accounts.added.push(id.clone()),
                (Some(_), None) => report.accounts.removed.push(id.clone()),
                _ => {}
            }
        }
        report.accounts.moves = moves(&pairing);
        let (values, rows) = values(&pairing);
        report.accounts.values = values;
        // In a scope not even the names of account sets are told.
        let is_told = |(was, is): &&(DefinitionRef, DefinitionRef)| {
            before.is_all() && after.is_all()
                || !self.from.catalog().makes_scopes(was) && !self.to.catalog().makes_scopes(is)
        };
        report.renamed = pairs.renamed().iter().filter(is_told).cloned().collect();
        let sides = Sides::new(&old, &new, pairs);
        let told = VisibleChanges { accounts: &report.accounts, rows: &rows, arrival };
        let mut attribution: Option<Attribution<'_>> = None;
        definitions.sort();
        definitions.dedup();
        for of in definitions {
            let definition = &of.after;
            for output in OutputPair::of(&old, &new, &of) {
                let mut changes = output.changes(&pairing);
                if changes.is_empty() {
                    continue;
                }
                changes.sort_by(|a, b| a.0.cmp(&b.0));
                let attribution =
                    attribution.get_or_insert_with(|| Attribution::new(&sides, &pairing, &told));
                let why = attribution.column(definition, output.steps);
                if output.is_set() {
                    let is = |value: &Option<ExprValue>| *value == Some(ExprValue::Bool(true));
                    let mut change = SegmentDelta::of(output.name.clone());
                    for (id, from, to, places) in changes {
                        let members = match (is(&from), is(&to)) {
                            (false, true) => &mut change.entered,
                            (true, false) => &mut change.left,
                            _ => continue,
                        };
                        let causes = attribution.of(&why, &id, places);
                        members.insert(id, causes);
                    }
                    if !change.is_empty() {
                        report.segments.push(change);
                    }
                    continue;
                }
                report.derived.extend(changes.into_iter().map(|(account, from, to, places)| {
                    let causes = attribution.of(&why, &account, places);
                    let (definition, column) = (definition.clone(), output.name.clone());
                    DerivedChange { definition, column, account, from, to, causes }
                }));
            }
        }
        Ok(report)
    }

    /// What a definition comes to in all, before and after, by its first column where it has several: of a roll-up the sum over the accounts without a visible parent,
    /// of another column the sum over the visible accounts that are not cancelled (ruling S115 of
    /// [`docs::semantics`](crate::docs::semantics)), of a segment the number of members, cancelled ones as others. `None` where nothing has a
    /// value, where the sum is out of range, where an amount has no rate, and for a definition whose type has no sum.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the scope belongs to neither state.
    pub fn totals(
        &self,
        definition: &DefinitionRef,
        scope: &Scope,
    ) -> Result<(Option<ExprValue>, Option<ExprValue>), StaleSet> {
        self.summed(definition, scope, false)
    }

    /// As [`Delta::totals`], with the values of cancelled accounts; a roll-up says itself whether it counts them.
    ///
    /// # Errors
    ///
    /// As [`Delta::totals`].
    pub fn totals_with_cancelled(
        &self,
        definition: &DefinitionRef,
        scope: &Scope,
    ) -> Result<(Option<ExprValue>, Option<ExprValue>), StaleSet> {
        self.summed(definition, scope, true)
    }

    fn summed(
        &self,
        definition: &DefinitionRef,
        scope: &Scope,
        with_cancelled: bool,
    ) -> Result<(Option<ExprValue>, Option<ExprValue>), StaleSet> {
        let (before, after) = self.scopes(scope)?;
        let of = self.named(&self.definition_pairs(), definition);
        let summed = |view: LiveView, id: &DefinitionRef| total(&view, id, with_cancelled);
        let (from, to) = (self.from.view(&before)?, self.to.view(&after)?);
        Ok((of.before.as_ref().and_then(|id| summed(from, id)), summed(to, &of.after)))
    }

    /// What became of the names of definitions between the states.
    fn definition_pairs(&self) -> DefinitionPairs {
        DefinitionPairs::between(self.from.catalog(), self.to.catalog())
    }

    /// A definition that is asked for: by its name in the state after, or, where no other has that, in the state before.
    fn named(&self, pairs: &DefinitionPairs, id: &DefinitionRef) -> DefinitionPair {
        let is_there = self.to.catalog().definition(id).is_some();
        let before = if is_there { None } else { pairs.of_before(id) };
        before.unwrap_or_else(|| pairs.of(id))
    }

    /// A scope of either state, in both.
    fn scopes(&self, scope: &Scope) -> Result<(Scope, Scope), StaleSet> {
        let Some(set) = scope.set() else { return Ok((Scope::all(), Scope::all())) };
        Ok(match self.from.book().rebase(set, self.to.book()) {
            Ok(old) => (Scope::of(old), scope.clone()),
            Err(StaleSet) => (scope.clone(), Scope::of(self.to.book().rebase(set, self.from.book())?)),
        })
    }

    /// Why what a definition comes to may differ: the ways to it through other definitions, from each attribute or child table
    /// of which something differs in the states, from events where usage does, from rates, and from each definition that says something
    /// else. An empty way stands for trees in which accounts came, went or moved. That days have passed has no way. Of the
    /// whole book, **outside any scope**; in a scope, and of one account, the causes of an entry of a report tell
    /// ([`DerivedChange::causes`]).
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`] for a definition that is not in the catalog of the state after.
    ///
    /// # Complexity
    ///
    /// That of what differs, and of [`Catalog::impact`](crate::catalog::Catalog::impact) for each origin.
    pub fn reasons(&self, definition: &DefinitionRef) -> Result<Vec<Impact>, EngineError> {
        let catalog = self.to.catalog();
        if catalog.definition(definition).is_none() {
            return Err(EngineError::Unknown(definition.clone()));
        }
        let (schema, book) = (catalog.schema(), self.to.book());
        let (from, to) = (self.from.0.held.now(), self.to.0.held.now());
        let usage = (from.inputs.usage.as_ref(), to.inputs.usage.as_ref());
        let dirt = Dirt::between(self.from.book(), book).with_usage(usage.0, usage.1, book);
        let mut origins: BTreeSet<Origin> = BTreeSet::new();
        let attributes = dirt.attributes.keys().filter_map(|at| schema.attribute_at(AttributeId::new(*at)));
        origins.extend(attributes.map(|attribute| Origin::Attribute(Arc::from(attribute.name()))));
        let tables = schema.tables().enumerate().filter(|(at, _)| dirt.tables.contains_key(at));
        origins.extend(tables.map(|(_, table)| Origin::Table(Arc::from(table.name()))));
        if !dirt.usage.is_empty() {
            let events = catalog.usage_schema().kinds().map(EventKind::name).chain([ANY_EVENT]);
            origins.extend(events.map(|event| Origin::Event(Arc::from(event))));
        }
        let differing = self.from.0.beside.differing(&self.to.0.beside);
        if differing.contains(&"rates") {
            origins.insert(Origin::Rates);
        }
        let mut found = Vec::new();
        for id in catalog.saying_otherwise(self.from.catalog(), self.definition_pairs().renamed()) {
            if *id == *definition {
                found.push(Impact::by(id, [Origin::Definition(id.clone())]));
            }
            origins.insert(Origin::Definition(id.clone()));
        }
        let ways = catalog.impact_of_each(&origins).into_iter();
        found.extend(ways.filter(|impact| impact.definition() == definition));
        if dirt.is_structure() {
            found.push(Impact::by(definition, []));
        }
        Ok(found)
    }
}

/// The sum of the first column of a definition, or the number of members.
fn total(view: &LiveView, definition: &DefinitionRef, with_cancelled: bool) -> Option<ExprValue> {
    let catalog = view.catalog();
    catalog.definition(definition)?;
    let number = catalog.columns_of(catalog.step(definition)?).next()?;
    let (output, column, accounts) = (catalog.output(number)?, view.numbered(number)?, view.accounts());
    let Some(kind) = &output.kind else {
        return i64::try_from(column.members(accounts.book()).len()).ok().map(ExprValue::Int);
    };
    let summed = Summed::of(kind)?;
    let status = accounts.schema().system_attribute(SystemAttribute::Status).filter(|_| !with_cancelled);
    let left_out =
        |place: &AccountIdx| status.is_some_and(|status| accounts.inner().has_cancelled(*place, status));
    let cells: Vec<Cell> = match output.total {
        TotalBy::Roots => accounts.roots().into_iter().map(|place| column.cell(place)).collect(),
        TotalBy::Accounts => {
            accounts.walk().filter(|place| !left_out(place)).map(|place| column.cell(place)).collect()
        }
    };
    // A total that leaves out what has no rate would be too small.
    if view.total_lacks_rates(catalog.step_of(number)?, cells.contains(&Cell::Missing)) {
        return None;
    }
    let cell = sum_of(&cells, summed);
    Val::of_cell(&cell).to_value(kind)
}

/// Accounts whose nearest visible account above is another one.
fn moves(pairing: &Pairing<'_>) -> Vec<AccountMove> {
    let (old, new) = (pairing.old, pairing.new);
    if old.inner().layout.same(&new.inner().layout) && old.scope() == new.scope() {
        return Vec::new();
    }
    let parent = |view: &View, place: AccountIdx| view.parent(place).map(|up| view.inner().account_id(up));
    let path = |view: &View, place: AccountIdx| -> Arc<[AccountId]> {
        view.ancestors(place).map(|up| view.inner().account_id(up)).collect()
    };
    let mut found = Vec::new();
    let mut look = |id: &AccountId, before: AccountIdx, after: AccountIdx| {
        if parent(old, before) != parent(new, after) {
            let (from, to) = (path(old, before), path(new, after));
            found.push(AccountMove { account: id.clone(), from, to });
        }
    };
    for (id, before, after) in &pairing.loose {
        if let (Some(before), Some(after)) = (before, after) {
            look(id, *before, *after);
        }
    }
    // Rows that are where they were may hang on something else: those at the top of a chunk, and in a scope those below
    // accounts that it does not show.
    let chunks = (0_u32..).zip(&new.inner().chunks);
    for (slot, chunk) in chunks.filter(|(slot, _)| pairing.is_aligned(*slot)) {
        let Some(chunk) = chunk else { continue };
        let top = chunk.home.is_some() || old.inner().chunk(slot).is_some_and(|old| old.home.is_some());
        for row in (0..chunk.shape.rows()).filter(|_| top) {
            let place = AccountIdx::new(slot, row);
            let above = chunk.shape.parent(row);
            let inside = above.is_some_and(|up| pairing.sees(AccountIdx::new(slot, up)));
            if !inside && pairing.sees(place) {
                look(&new.inner().account_id(place), place, place);
            }
        }
    }
    found.sort_by(|a, b| a.account.cmp(&b.account));
    found
}

/// One output of a definition in two states.
struct OutputPair {
    /// The name by which it is read.
    name: Arc<str>,
    /// The column and its type in each, where it is there; a set has none.
    columns: [Option<(Column, Option<Type>)>; 2],
    /// The step that gives it in each.
    steps: [Option<usize>; 2],
}

/// An account whose answer differs: its id, the answer before and after, and its place in each state.
type Changed = (AccountId, Option<ExprValue>, Option<ExprValue>, [Option<AccountIdx>; 2]);

impl OutputPair {
    /// The outputs that a definition has in either state, by the names of the state after.
    fn of(old: &LiveView, new: &LiveView, compared: &DefinitionPair) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let definitions = [compared.before.as_ref(), Some(&compared.after)];
        for (state, (view, definition)) in [old, new].into_iter().zip(definitions).enumerate() {
            let (catalog, Some(definition)) = (view.catalog(), definition) else { continue };
            let numbers = catalog.steps_of(definition).flat_map(|step| catalog.columns_of(step));
            for number in numbers {
                let (Some(output), Some(column)) = (catalog.output(number), view.numbered(number)) else {
                    continue;
                };
                // What makes scopes tells of nothing to who does not see everything, before and after.
                if ![old, new].iter().all(|view| output.is_asked_in(view.accounts())) {
                    continue;
                }
                let name = if state == 0 { compared.renamed(&output.name) } else { output.name.clone() };
                let at = match found.iter().position(|known| known.name == name) {
                    Some(at) => at,
                    None => {
                        found.push(Self { name, columns: [None, None], steps: [None, None] });
                        found.len() - 1
                    }
                };
                let Some(pair) = found.get_mut(at) else { continue };
                if let (Some(place), Some(step)) = (pair.columns.get_mut(state), pair.steps.get_mut(state)) {
                    *place = Some((column, output.kind.clone()));
                    *step = catalog.step_of(number);
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    fn is_set(&self) -> bool {
        self.columns.iter().flatten().all(|(_, kind)| kind.is_none())
    }

    fn value(&self, state: usize, place: Option<AccountIdx>) -> Option<ExprValue> {
        let (column, kind) = self.columns.get(state)?.as_ref()?;
        let cell: Cell = column.cell(place?);
        Val::of_cell(&cell).to_value(kind.as_ref().unwrap_or(&Type::Bool))
    }

    /// Where it differs.
    fn changes(&self, pairing: &Pairing<'_>) -> Vec<Changed> {
        let mut found: Vec<Changed> = Vec::new();
        let mut look = |id: AccountId, old: Option<AccountIdx>, new: Option<AccountIdx>| {
            let (from, to) = (self.value(0, old), self.value(1, new));
            if from != to {
                found.push((id, from, to, [old, new]));
            }
        };
        for (id, old, new) in &pairing.loose {
            look(id.clone(), *old, *new);
        }
        let [before, after] = &self.columns;
        let same_kind = match (before, after) {
            (Some((_, before)), Some((_, after))) => before == after,
            _ => false,
        };
        let empty = Column::default();
        let [before, after] = [before, after].map(|of| of.as_ref().map_or(&empty, |(column, _)| column));
        for slot in before.differing(after).into_iter().filter(|slot| pairing.is_aligned(*slot)) {
            let rows = pairing.new.inner().layout.rows(slot);
            let rows = match (before.part(slot), after.part(slot)) {
                (Some(before), Some(after)) if same_kind => before.differing(after, rows),
                _ => (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect(),
            };
            for place in rows.into_iter().map(|row| AccountIdx::new(slot, row)) {
                if pairing.sees(place) {
                    look(pairing.new.inner().account_id(place), Some(place), Some(place));
                }
            }
        }
        found
    }
}
