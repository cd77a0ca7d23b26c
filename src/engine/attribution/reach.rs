//! What does a definition depend on, through all that it reads?

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::touched::Numbers;
use crate::catalog::{Catalog, Records, Step};
use crate::column::Bitmap;
use crate::engine::cause::{Cause, Causes};
use crate::engine::derivation::Inputs;
use crate::engine::live::LiveView;
use crate::engine::since::says_the_same;
use crate::expr::Whose;
use crate::model::{AccountId, Redeclared};

/// What a step depends on.
#[derive(Clone)]
pub(super) struct Reach {
    /// Of the account alone.
    pub(super) own: Bitmap,
    /// Of the accounts of its tree.
    pub(super) tree: Bitmap,
    /// Of all accounts.
    pub(super) book: Bitmap,
    /// What is the same for all accounts, and differs.
    pub(super) causes: Causes,
}

fn join(bits: &mut Bitmap, other: &Bitmap) {
    *bits = bits.combine(other, |one, other| one | other);
}

/// What the steps of one state depend on, and what of it differs in the other.
pub(super) struct Reaches<'r> {
    numbers: Numbers,
    catalog: Catalog,
    /// The inputs of this state, and of the other.
    inputs: (&'r Inputs, &'r Inputs),
    views: (&'r LiveView, &'r LiveView),
    /// Is this the newer state?
    is_newer: bool,
    redeclared: Option<&'r Redeclared>,
    known: HashMap<usize, Reach>,
    /// By column, whether what was recorded of it differs.
    records: HashMap<Arc<str>, bool>,
}

impl<'r> Reaches<'r> {
    pub(super) fn new(
        numbers: Numbers,
        inputs: (&'r Inputs, &'r Inputs),
        views: (&'r LiveView, &'r LiveView),
        is_newer: bool,
        redeclared: Option<&'r Redeclared>,
    ) -> Self {
        let catalog = inputs.0.prepared.catalog.clone();
        let (known, records) = (HashMap::new(), HashMap::new());
        Self { numbers, catalog, inputs, views, is_newer, redeclared, known, records }
    }

    /// That of a step, with all that it reads.
    pub(super) fn of(&mut self, step: usize) -> Reach {
        if let Some(known) = self.known.get(&step) {
            return known.clone();
        }
        let catalog = self.catalog.clone();
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
                let reach = self.reach(at, of);
                self.known.insert(at, reach);
            }
        }
        self.known.get(&step).cloned().unwrap_or_else(|| self.nothing())
    }

    fn nothing(&self) -> Reach {
        let none = self.numbers.none();
        Reach { own: none.clone(), tree: none.clone(), book: none, causes: Causes::NONE }
    }

    fn reach(&mut self, at: usize, step: &Step) -> Reach {
        let numbers = self.numbers;
        let reads = &step.reads;
        let mut own = numbers.standing();
        for attribute in reads.attributes.iter().filter_map(|at| self.attribute(*at)) {
            own.set(Numbers::attribute(attribute), true);
        }
        for table in reads.tables.iter().filter_map(|at| self.table(*at)) {
            own.set(numbers.table(table), true);
        }
        if reads.usage {
            Numbers::add_usage(&mut own);
        }
        let mut reach = Reach { own, causes: self.causes(at, step), ..self.nothing() };
        let catalog = self.catalog.clone();
        let read = catalog.readers().reads(at).iter().filter_map(|column| catalog.step_of(*column));
        for below in read {
            if let Some(below) = self.known.get(&below) {
                join(&mut reach.own, &below.own);
                join(&mut reach.tree, &below.tree);
                join(&mut reach.book, &below.book);
                reach.causes = reach.causes.union(below.causes);
            }
        }
        match reads.whose {
            Whose::Own => {}
            Whose::Tree => {
                Numbers::add_places(&mut reach.tree);
                join(&mut reach.tree, &reach.own);
            }
            Whose::Book => {
                Numbers::add_places(&mut reach.book);
                join(&mut reach.book, &reach.own);
                join(&mut reach.book, &reach.tree);
            }
        }
        reach
    }

    /// The number in the newer schema of an attribute of this state's.
    fn attribute(&self, at: usize) -> Option<usize> {
        match self.redeclared.filter(|_| !self.is_newer) {
            Some(of) => of.attributes.iter().position(|place| *place == Some(at)),
            None => Some(at),
        }
    }

    fn table(&self, at: usize) -> Option<usize> {
        match self.redeclared.filter(|_| !self.is_newer) {
            Some(of) => of.tables.iter().position(|place| *place == Some(at)),
            None => Some(at),
        }
    }

    /// What of a step itself differs that is the same for all accounts.
    fn causes(&mut self, at: usize, step: &Step) -> Causes {
        let (own, other) = self.inputs;
        let reads = &step.reads;
        let mut causes = Causes::NONE;
        let counterpart = self.catalog.same_step(at, &other.prepared.catalog);
        if reads.moment && !own.prepared.as_of.is_same(&other.prepared.as_of) {
            let same = counterpart.is_some_and(|there| says_the_same(step, (own, at), (other, there)));
            if !same {
                causes = causes.union(Causes::one(Cause::Moment));
            }
        }
        if reads.rates && !own.rates.is_same(&other.rates) {
            causes = causes.union(Causes::one(Cause::Rates));
        }
        if reads.history && reads.records.iter().any(|column| self.records_differ(column)) {
            causes = causes.union(Causes::one(Cause::Records));
        }
        if self.reads_redeclared(step, counterpart.is_some()) {
            causes = causes.union(Causes::one(Cause::Schema));
        }
        causes
    }

    fn reads_redeclared(&self, step: &Step, is_shared: bool) -> bool {
        let (own, other) = (&self.catalog, &self.inputs.1.prepared.catalog);
        if step.reads.usage && own.usage_schema() != other.usage_schema() {
            return true;
        }
        let Some(of) = self.redeclared else { return false };
        let other = |place: Option<usize>, others: &[bool]| {
            place.is_none_or(|at| others.get(at).copied().unwrap_or(true))
        };
        of.standing && !is_shared
            || step.reads.attributes.iter().any(|at| other(self.attribute(*at), &of.others))
            || step.reads.tables.iter().any(|at| other(self.table(*at), &of.other_tables))
    }

    /// Is what was recorded of a column different, as far as it is visible?
    fn records_differ(&mut self, column: &Arc<str>) -> bool {
        if let Some(known) = self.records.get(column) {
            return *known;
        }
        let (own, other) = self.inputs;
        let differs = differ(&own.records, &other.records, column, self.views, self.redeclared.is_some());
        self.records.insert(column.clone(), differs);
        differs
    }
}

/// A closed day stays as it is, so that on the way from one state to the other days only come and go; of two branches the same days may
/// tell otherwise.
fn differ(
    own: &Records,
    other: &Records,
    column: &str,
    (view, other_view): (&LiveView, &LiveView),
    is_converted: bool,
) -> bool {
    let in_scope = [view, other_view].iter().any(|view| !view.accounts().scope().is_all());
    if own.shares(other, column) {
        return false;
    }
    if own.days_read(column, in_scope) != other.days_read(column, in_scope) {
        return true;
    }
    // Records go over to another schema by the new types.
    if is_converted {
        return false;
    }
    if !in_scope {
        return own.ids().chain(other.ids()).any(|id| own.tells_otherwise(other, id, column, false));
    }
    let ids = |view: &LiveView| -> Vec<AccountId> {
        view.accounts().accounts().map(|account| account.id()).collect()
    };
    let all = ids(view).into_iter().chain(ids(other_view));
    all.into_iter().any(|id| own.tells_otherwise(other, &id, column, true))
}
