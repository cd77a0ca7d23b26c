//! What do the answers of a definition depend on, through all that it reads?

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Sides;
use super::account_diffs::DiffBits;
use crate::catalog::{Catalog, Step};
use crate::column::Bitmap;
use crate::engine::cause::{Cause, Causes};
use crate::engine::derivation::Inputs;
use crate::engine::since::says_the_same;
use crate::expr::Whose;
use crate::model::AccountId;

/// What the answers of a step depend on.
#[derive(Clone)]
pub(super) struct Dependence {
    /// Of the account itself.
    pub(super) own: Bitmap,
    /// Of the accounts of its tree.
    pub(super) tree: Bitmap,
    /// Of all accounts.
    pub(super) book: Bitmap,
    /// What differs for all accounts alike.
    pub(super) causes: Causes,
}

fn join(bits: &mut Bitmap, other: &Bitmap) {
    *bits = bits.or(other);
}

/// Of the steps of one state: what they depend on, and what of it differs in the other state.
pub(super) struct Dependences<'d> {
    layout: DiffBits,
    sides: &'d Sides<'d>,
    /// Which of the states it is: 0 the older, 1 the newer.
    side: usize,
    other_moment: bool,
    other_rates: bool,
    known: HashMap<usize, Dependence>,
    /// By column, how what was recorded of it differs.
    records: HashMap<Arc<str>, Causes>,
}

impl<'d> Dependences<'d> {
    pub(super) fn new(layout: DiffBits, sides: &'d Sides<'d>, side: usize) -> Self {
        let [before, after] = &sides.inputs;
        Self {
            layout,
            sides,
            side,
            other_moment: !before.prepared.as_of.is_same(&after.prepared.as_of),
            other_rates: !before.rates.is_same(&after.rates),
            known: HashMap::new(),
            records: HashMap::new(),
        }
    }

    fn catalog(&self) -> &'d Catalog {
        &self.inputs().0.prepared.catalog
    }

    /// The inputs of this state and of the other.
    fn inputs(&self) -> (&'d Inputs, &'d Inputs) {
        let [before, after] = &self.sides.inputs;
        if self.side == 0 { (before, after) } else { (after, before) }
    }

    /// That of a step, with all that it reads.
    pub(super) fn of(&mut self, step: usize) -> Dependence {
        if let Some(known) = self.known.get(&step) {
            return known.clone();
        }
        let catalog = self.catalog();
        // Each stands behind those that it reads.
        let (mut unknown, mut left) = (BTreeSet::new(), vec![step]);
        while let Some(at) = left.pop() {
            if !self.known.contains_key(&at) && unknown.insert(at) {
                let read = catalog.readers().reads(at).iter();
                left.extend(read.filter_map(|column| catalog.step_of(*column)));
            }
        }
        for at in unknown {
            if let Some(of) = catalog.steps().get(at) {
                let found = self.found(at, of);
                self.known.insert(at, found);
            }
        }
        self.known.get(&step).cloned().unwrap_or_else(|| self.nothing())
    }

    fn nothing(&self) -> Dependence {
        let none = self.layout.none();
        Dependence { own: none.clone(), tree: none.clone(), book: none, causes: Causes::NONE }
    }

    fn found(&mut self, at: usize, step: &Step) -> Dependence {
        let reads = &step.reads;
        let mut own = self.layout.arrival();
        for attribute in reads.attributes.iter().filter_map(|at| self.attribute(*at)) {
            own.set(DiffBits::attribute(attribute), true);
        }
        for table in reads.tables.iter().filter_map(|at| self.table(*at)) {
            own.set(self.layout.table(table), true);
        }
        if reads.standing {
            DiffBits::add_type(&mut own);
        }
        if reads.usage {
            DiffBits::add_usage(&mut own);
        }
        let mut found = Dependence { own, causes: self.causes(at, step), ..self.nothing() };
        let catalog = self.catalog();
        let read = catalog.readers().reads(at).iter().filter_map(|column| catalog.step_of(*column));
        for below in read {
            if let Some(below) = self.known.get(&below) {
                join(&mut found.own, &below.own);
                join(&mut found.tree, &below.tree);
                join(&mut found.book, &below.book);
                found.causes = found.causes.union(below.causes);
            }
        }
        match reads.whose {
            Whose::Own => {}
            Whose::Tree => {
                DiffBits::add_moves(&mut found.tree);
                join(&mut found.tree, &found.own);
            }
            Whose::Book => {
                DiffBits::add_moves(&mut found.book);
                join(&mut found.book, &found.own);
                join(&mut found.book, &found.tree);
            }
        }
        found
    }

    /// The place in the newer schema of an attribute of this state's.
    fn attribute(&self, at: usize) -> Option<usize> {
        match self.sides.redeclared.as_ref().filter(|_| self.side == 0) {
            Some(of) => of.attribute_now(at),
            None => Some(at),
        }
    }

    fn table(&self, at: usize) -> Option<usize> {
        match self.sides.redeclared.as_ref().filter(|_| self.side == 0) {
            Some(of) => of.table_now(at),
            None => Some(at),
        }
    }

    /// What a step reads itself and differs for all accounts alike.
    fn causes(&mut self, at: usize, step: &Step) -> Causes {
        let (own, other) = self.inputs();
        let reads = &step.reads;
        let mut causes = Causes::NONE;
        if reads.moment && self.other_moment {
            let (now, then) = (&own.prepared.as_of, &other.prepared.as_of);
            let then_program = step.at(then, self.catalog());
            let same = own
                .prepared
                .programs
                .get(at)
                .is_some_and(|program| says_the_same(step, (now, program), (then, &then_program)));
            if !same {
                causes = causes.union(Causes::one(Cause::Moment));
            }
        }
        if reads.rates && self.other_rates {
            causes = causes.union(Causes::one(Cause::Rates));
        }
        if reads.usage && own.usage.is_some() != other.usage.is_some() {
            causes = causes.union(Causes::one(Cause::Usage));
        }
        if self.reads_changed_schema(step, self.catalog().same_step(at, &other.prepared.catalog).is_some()) {
            causes = causes.union(Causes::one(Cause::Schema));
        }
        reads.records.iter().fold(causes, |all, column| all.union(self.of_records(column)))
    }

    fn reads_changed_schema(&self, step: &Step, is_shared: bool) -> bool {
        let Some(of) = &self.sides.redeclared else { return false };
        let is_changed = |place: Option<usize>| {
            place.is_none_or(|at| of.attributes.get(at).is_none_or(|attribute| attribute.is_changed))
        };
        let is_changed_table = |place: Option<usize>| {
            place.is_none_or(|at| of.tables.get(at).is_none_or(|(table, _)| table.is_changed))
        };
        // A value that is allowed from now on is a further number of a distribution.
        let catalog = &self.inputs().1.prepared.catalog;
        let there = |name: &str| catalog.output(catalog.column(name)?).map(|output| &output.kind);
        let mut outputs = step.outputs.iter();
        outputs.any(|output| there(&output.name).is_some_and(|kind| *kind != output.kind))
            || of.types && step.reads.standing && !is_shared
            || step.reads.attributes.iter().any(|at| is_changed(self.attribute(*at)))
            || step.reads.tables.iter().any(|at| is_changed_table(self.table(*at)))
    }

    /// Why what is read of the records of a column differs.
    fn of_records(&mut self, column: &Arc<str>) -> Causes {
        if let Some(known) = self.records.get(column) {
            return *known;
        }
        let found = self.records_differ(column);
        self.records.insert(column.clone(), found);
        found
    }

    fn records_differ(&self, column: &str) -> Causes {
        let (own, other) = self.inputs();
        let (own, other) = (&own.records, &other.records);
        let in_scope = [self.sides.old, self.sides.new].map(|view| !view.accounts().scope().is_all());
        if in_scope == [true, false] || in_scope == [false, true] {
            // Who sees everything is told what is withheld in a scope.
            if own.is_withheld(column) || other.is_withheld(column) {
                return Causes::one(Cause::Scope);
            }
        }
        let in_scope = in_scope.contains(&true);
        let (there, is_changed) = self.recorded_there(column);
        let there: &str = &there;
        let days = [own.days_read(column, in_scope), other.days_read(there, in_scope)];
        if days.iter().all(Vec::is_empty) {
            return Causes::NONE;
        }
        let [here, elsewhere] = &days;
        let changed = if is_changed { Causes::one(Cause::Schema) } else { Causes::NONE };
        if here != elsewhere {
            return changed.union(Causes::one(Cause::Records));
        }
        // Records go over to another type as values do.
        if is_changed || column == there && own.shares(other, column) {
            return changed;
        }
        // A day that is closed stays as it is, so that the same days tell otherwise in two branches only.
        let tells_otherwise = |id: &AccountId| own.tells_otherwise((id, column), (other, there), in_scope);
        let differs = if in_scope {
            let ids = self.sides.new.accounts().accounts().map(|account| account.id());
            ids.filter(|id| self.sides.old.account(id.as_str()).is_some()).any(|id| tells_otherwise(&id))
        } else {
            own.ids().chain(other.ids()).any(tells_otherwise)
        };
        if differs { Causes::one(Cause::Records) } else { Causes::NONE }
    }

    /// By which name the records of a column are read in the other state, and whether the column is of another type there.
    fn recorded_there(&self, column: &str) -> (Arc<str>, bool) {
        let same = || (Arc::from(column), false);
        let catalogs = (self.catalog(), &self.inputs().1.prepared.catalog);
        let Some(id) = catalogs.0.schema().attribute(column) else {
            let there = self.sides.pairs.column_elsewhere(column, self.side == 1);
            let kind = |catalog: &Catalog, name: &str| catalog.output(catalog.column(name)?)?.kind.clone();
            let is_changed =
                self.sides.redeclared.is_some() && kind(catalogs.0, column) != kind(catalogs.1, &there);
            return (there, is_changed);
        };
        let Some(of) = &self.sides.redeclared else { return same() };
        let now = self.attribute(id.index());
        let Some(of) = now.and_then(|at| of.attributes.get(at)) else { return same() };
        let place = if self.side == 0 { now } else { of.before };
        let there = place.and_then(|at| catalogs.1.schema().attributes().nth(at));
        (Arc::from(there.map_or(column, |attribute| attribute.name())), of.is_changed)
    }
}
