//! Which of the parts that differ between two states does an answer depend on?
//!
//! Nothing is recorded while an update is applied: what differs is found in the two states, and what a definition reads, through all that it
//! reads, is what the engine recomputes it by. What is read of the account itself differs for that account, what is read of its tree for
//! all accounts of the tree. In a scope only what it shows is looked at: of the accounts that a delta tells of.

mod reach;
mod root;
mod touched;

use std::collections::HashSet;

pub(super) use self::touched::Told;

use self::reach::{Reach, Reaches};
use self::root::Roots;
use self::touched::{Numbers, Touched};
use super::cause::{Cause, Causes};
use super::derivation::Inputs;
use super::live::LiveView;
use super::pairing::Pairing;
use crate::catalog::DefinitionRef;
use crate::model::{AccountId, AccountIdx, Redeclared};

/// Two views, and what they are computed from.
pub(super) struct Sides<'s> {
    pub(super) old: &'s LiveView,
    pub(super) new: &'s LiveView,
    pub(super) inputs: [Inputs; 2],
    pub(super) redeclared: Option<Redeclared>,
}

impl<'s> Sides<'s> {
    pub(super) fn new(old: &'s LiveView, new: &'s LiveView) -> Self {
        let schemas = (old.accounts().schema(), new.accounts().schema());
        let same = std::sync::Arc::ptr_eq(schemas.0, schemas.1) || schemas.0 == schemas.1;
        let redeclared = (!same).then(|| Redeclared::since(schemas.0, schemas.1));
        Self { old, new, inputs: [old.inputs(), new.inputs()], redeclared }
    }
}

/// Why are answers different?
pub(super) struct Attribution<'a> {
    /// Definitions that say something else, and those that read one.
    differing: HashSet<DefinitionRef>,
    touched: Touched,
    roots: [Roots<'a>; 2],
    /// By state.
    reaches: [Reaches<'a>; 2],
}

impl<'a> Attribution<'a> {
    /// `coming` is why accounts are visible in one of the states only.
    pub(super) fn new(sides: &'a Sides<'_>, pairing: &Pairing<'a>, told: &Told<'_>, coming: Causes) -> Self {
        let (old, new) = (sides.old, sides.new);
        let redeclared = sides.redeclared.as_ref();
        let [before, after] = &sides.inputs;
        let numbers = Numbers::new(pairing.new.schema());
        let of = |inputs, views, is_newer| Reaches::new(numbers, inputs, views, is_newer, redeclared);
        Self {
            differing: new.catalog().differing_since(old.catalog()),
            touched: Touched::new((old, new), pairing, told, coming, redeclared),
            roots: [Roots::new(pairing.old), Roots::new(pairing.new)],
            reaches: [of((before, after), (old, new), false), of((after, before), (new, old), true)],
        }
    }

    /// What an output of a definition depends on: by the step that gives it in the older and in the newer state.
    pub(super) fn output(&mut self, definition: &DefinitionRef, steps: [Option<usize>; 2]) -> Output {
        let [before, after] = steps;
        let [old, new] = &mut self.reaches;
        let mut causes = Causes::NONE;
        if before.is_none() || after.is_none() || self.differing.contains(definition) {
            causes = Causes::one(Cause::Definition);
        }
        let reach = after.map(|step| new.of(step)).or_else(|| before.map(|step| old.of(step)));
        Output { causes, reach }
    }

    /// Why the answer of an account is another one.
    pub(super) fn of(
        &mut self,
        output: &Output,
        account: &AccountId,
        places: [Option<AccountIdx>; 2],
    ) -> Causes {
        let Some(reach) = &output.reach else { return output.causes };
        let mut causes = output.causes.union(reach.causes);
        causes = causes.union(self.touched.of_account(account, &reach.own));
        if !reach.tree.is_empty() {
            causes = causes.union(self.touched.of_trees(&mut self.roots, places, &reach.tree));
        }
        if !reach.book.is_empty() {
            causes = causes.union(self.touched.of_all(&reach.book));
        }
        causes
    }
}

/// What an output of a definition depends on.
pub(super) struct Output {
    /// What differs of the definition itself.
    causes: Causes,
    reach: Option<Reach>,
}
