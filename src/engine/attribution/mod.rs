//! Which of the parts that differ between two states does an answer depend on?
//!
//! Nothing is recorded while an update is applied: what differs is found in the two states, and what a definition reads, through all that it
//! reads, is what the engine recomputes it by. What is read of the account itself concerns that account, what is read of its tree
//! all accounts of the tree. In a scope nothing is looked at but what the delta tells of visible accounts.

mod account_diffs;
mod dependence;
mod root;

use std::collections::HashSet;
use std::sync::Arc;

pub(super) use self::account_diffs::VisibleChanges;

use self::account_diffs::{AccountDiffs, DiffBits};
use self::dependence::{Dependence, Dependences};
use self::root::Roots;
use super::cause::{Cause, Causes};
use super::definition_pairs::DefinitionPairs;
use super::derivation::Inputs;
use super::live::LiveView;
use super::pairing::Pairing;
use crate::catalog::DefinitionRef;
use crate::model::{AccountId, AccountIdx, Redeclared};

/// Two views, and what they are computed from.
pub(super) struct Sides<'s> {
    pub(super) old: &'s LiveView,
    pub(super) new: &'s LiveView,
    /// Of the older and the newer state.
    inputs: [Inputs; 2],
    /// Where the schemas differ.
    redeclared: Option<Redeclared>,
    pairs: DefinitionPairs,
}

impl<'s> Sides<'s> {
    pub(super) fn new(old: &'s LiveView, new: &'s LiveView, pairs: DefinitionPairs) -> Self {
        let (before, after) = (old.accounts().schema(), new.accounts().schema());
        let same = Arc::ptr_eq(before, after) || before == after;
        let redeclared = (!same).then(|| Redeclared::since(before, after));
        Self { old, new, inputs: [old.inputs(), new.inputs()], redeclared, pairs }
    }
}

/// Why do answers differ?
pub(super) struct Attribution<'a> {
    /// Definitions that say something else, and those that read one.
    differing: HashSet<DefinitionRef>,
    /// Definitions that read kinds of event which are declared otherwise.
    changed_events: HashSet<DefinitionRef>,
    accounts: AccountDiffs,
    /// By state, as what follows.
    roots: [Roots<'a>; 2],
    dependences: [Dependences<'a>; 2],
}

impl<'a> Attribution<'a> {
    pub(super) fn new(sides: &'a Sides<'a>, pairing: &Pairing<'a>, told: &VisibleChanges<'_>) -> Self {
        let layout = DiffBits::new(pairing.new.schema());
        let (before, after) = (sides.old.catalog(), sides.new.catalog());
        Self {
            differing: after.differing_since(before, sides.pairs.renamed()),
            changed_events: after.reading_changed_events(before),
            accounts: AccountDiffs::new(sides, pairing, told),
            roots: [Roots::new(pairing.old), Roots::new(pairing.new)],
            dependences: [0, 1].map(|side| Dependences::new(layout, sides, side)),
        }
    }

    /// What a column of a definition depends on, by the step that gives it in the older and in the newer state: in the newer one, where it
    /// is there.
    pub(super) fn column(
        &mut self,
        definition: &DefinitionRef,
        [before, after]: [Option<usize>; 2],
    ) -> ColumnCauses {
        let mut causes = Causes::NONE;
        if before.is_none() || after.is_none() || self.differing.contains(definition) {
            causes = Causes::one(Cause::Definition);
        }
        if self.changed_events.contains(definition) {
            causes = causes.union(Causes::one(Cause::Schema));
        }
        let [old, new] = &mut self.dependences;
        let dependence = after.map(|step| new.of(step)).or_else(|| before.map(|step| old.of(step)));
        ColumnCauses { causes, dependence }
    }

    /// Why the answer of an account differs.
    pub(super) fn of(
        &mut self,
        column: &ColumnCauses,
        account: &AccountId,
        places: [Option<AccountIdx>; 2],
    ) -> Causes {
        let Some(depends) = &column.dependence else { return column.causes };
        let mut causes = column.causes.union(depends.causes);
        causes = causes.union(self.accounts.of_account(account, &depends.own));
        if !depends.tree.is_empty() {
            causes = causes.union(self.accounts.of_trees(&mut self.roots, places, &depends.tree));
        }
        if !depends.book.is_empty() {
            causes = causes.union(self.accounts.of_all(&depends.book));
        }
        causes
    }
}

/// What a column depends on.
pub(super) struct ColumnCauses {
    /// What differs of the definition itself.
    causes: Causes,
    dependence: Option<Dependence>,
}
