//! Which visible accounts differ between two states, and in what?

use std::collections::HashMap;

use super::Sides;
use super::root::Roots;
use crate::book::{Account, AccountChanges, ValueChange, View};
use crate::column::Bitmap;
use crate::engine::cause::{Cause, Causes};
use crate::engine::pairing::Pairing;
use crate::model::{AccountId, AccountIdx, Attribute, AttributeType, Schema, TableId, Value, retyped};

/// The bits of what may differ of an account: these, then its attributes and the child tables by their places in the newer schema.
const ARRIVAL: usize = 0;
const MOVE: usize = 1;
/// Its account type or product.
const TYPE: usize = 2;
/// The same, since the one that it had is gone from the schema.
const TYPE_REPLACED: usize = 3;
const USAGE: usize = 4;
/// Events of a merged or split id that now count, or no longer count, towards this account.
const USAGE_BY_SUCCESSION: usize = 5;
const FIXED: usize = 6;

/// Where the bits of attributes and tables are.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiffBits {
    attributes: usize,
    tables: usize,
}

impl DiffBits {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { attributes: schema.attributes().len(), tables: schema.tables().len() }
    }

    pub(super) fn none(self) -> Bitmap {
        Bitmap::zeros(FIXED + self.attributes + self.tables)
    }

    pub(super) const fn attribute(at: usize) -> usize {
        FIXED + at
    }

    pub(super) const fn table(self, at: usize) -> usize {
        FIXED + self.attributes + at
    }

    /// What every answer depends on.
    pub(super) fn arrival(self) -> Bitmap {
        let mut bits = self.none();
        bits.set(ARRIVAL, true);
        bits
    }

    pub(super) fn add_type(bits: &mut Bitmap) {
        bits.set(TYPE, true);
        bits.set(TYPE_REPLACED, true);
    }

    pub(super) fn add_usage(bits: &mut Bitmap) {
        bits.set(USAGE, true);
        bits.set(USAGE_BY_SUCCESSION, true);
    }

    pub(super) fn add_moves(bits: &mut Bitmap) {
        bits.set(MOVE, true);
    }
}

/// What is told of visible accounts.
pub(in crate::engine) struct VisibleChanges<'t> {
    pub(in crate::engine) accounts: &'t AccountChanges,
    /// Accounts and tables of which a child row came or went.
    pub(in crate::engine) rows: &'t [(AccountId, TableId)],
    /// Why accounts are visible in one of the states only.
    pub(in crate::engine) arrival: Cause,
}

/// What differs, of the accounts that are visible in one of the states.
pub(super) struct AccountDiffs {
    layout: DiffBits,
    arrival: Causes,
    accounts: HashMap<AccountId, Bitmap>,
    /// All of them together.
    all: Bitmap,
    /// By the root of a tree, in either state; made when it is first asked.
    trees: Option<[HashMap<AccountIdx, Bitmap>; 2]>,
}

impl AccountDiffs {
    pub(super) fn new(sides: &Sides<'_>, pairing: &Pairing<'_>, told: &VisibleChanges<'_>) -> Self {
        let layout = DiffBits::new(pairing.new.schema());
        let (arrival, all) = (Causes::one(told.arrival), layout.none());
        let mut diffs = Self { layout, arrival, accounts: HashMap::new(), all, trees: None };
        let AccountChanges { added, removed, moves, values } = told.accounts;
        for id in added.iter().chain(removed) {
            diffs.add(id, ARRIVAL);
        }
        let is_new = |id: &AccountId| added.binary_search(id).is_ok();
        let is_gone = |id: &AccountId| removed.binary_search(id).is_ok();
        for step in moves {
            // Its visible parent may be the same when only accounts visible in both states are compared.
            let from = step.from.iter().find(|id| !is_gone(id));
            let to = step.to.iter().find(|id| !is_new(id));
            if told.arrival != Cause::Scope || from != to {
                diffs.add(&step.account, MOVE);
            }
        }
        for change in values.iter().filter(|change| !is_new(&change.account) && !is_gone(&change.account)) {
            if let Some(bit) = layout.of(change, sides) {
                diffs.add(&change.account, bit);
            }
        }
        for (account, table) in told.rows {
            if !is_new(account) && !is_gone(account) {
                diffs.add(account, layout.table(table.index()));
            }
        }
        for (id, before, after) in &pairing.loose {
            if let (Some(before), Some(after)) = (before, after) {
                let bit = type_change((pairing.old, *before), (pairing.new, *after));
                bit.into_iter().for_each(|bit| diffs.add(id, bit));
            }
        }
        diffs.add_usage(sides);
        diffs
    }

    fn add_usage(&mut self, sides: &Sides<'_>) {
        let [before, after] = &sides.inputs;
        let (events, by_succession) = match (&before.usage, &after.usage) {
            (Some(before), Some(after)) => after.differing_apart(before),
            // Without any, nothing is counted; with some, nobody has none.
            (None, _) | (_, None) => return,
        };
        // Events of an account that was not visible in one of the states are not reported.
        let is_seen =
            |id: &AccountId| [sides.old, sides.new].iter().all(|view| view.account(id.as_str()).is_some());
        for (ids, bit) in [(events, USAGE), (by_succession, USAGE_BY_SUCCESSION)] {
            ids.iter().filter(|id| is_seen(id)).for_each(|id| self.add(id, bit));
        }
    }

    fn add(&mut self, account: &AccountId, bit: usize) {
        match self.accounts.get_mut(account) {
            Some(bits) => bits.set(bit, true),
            None => {
                let mut bits = self.layout.none();
                bits.set(bit, true);
                self.accounts.insert(account.clone(), bits);
            }
        }
        self.all.set(bit, true);
    }

    /// What of `differing` is in what is read, as causes.
    fn causes(&self, differing: Option<&Bitmap>, read: &Bitmap) -> Causes {
        let Some(differing) = differing else { return Causes::NONE };
        let mut words = differing.words().iter().zip(read.words());
        if words.all(|(one, other)| one & other == 0) {
            return Causes::NONE;
        }
        differing.and(read).rows().fold(Causes::NONE, |all, bit| {
            all.union(match bit as usize {
                ARRIVAL => self.arrival,
                TYPE_REPLACED => Causes::one(Cause::Schema),
                USAGE => Causes::one(Cause::Usage),
                MOVE | USAGE_BY_SUCCESSION => Causes::one(Cause::Structure),
                _ => Causes::one(Cause::Data),
            })
        })
    }

    /// The causes of what is read of an account alone.
    pub(super) fn of_account(&self, account: &AccountId, read: &Bitmap) -> Causes {
        self.causes(self.accounts.get(account), read)
    }

    /// The causes of what is read of the trees that an account is in, in either state.
    pub(super) fn of_trees(
        &mut self,
        roots: &mut [Roots<'_>; 2],
        places: [Option<AccountIdx>; 2],
        read: &Bitmap,
    ) -> Causes {
        if self.trees.is_none() {
            let mut trees: [HashMap<AccountIdx, Bitmap>; 2] = Default::default();
            for (id, bits) in &self.accounts {
                for (roots, trees) in roots.iter_mut().zip(&mut trees) {
                    if let Some(root) = roots.of_id(id) {
                        let tree = trees.entry(root).or_insert_with(|| self.layout.none());
                        *tree = tree.or(bits);
                    }
                }
            }
            self.trees = Some(trees);
        }
        let mut causes = Causes::NONE;
        for ((roots, trees), place) in roots.iter_mut().zip(self.trees.iter().flatten()).zip(places) {
            let root = place.and_then(|place| roots.of(place));
            causes = causes.union(self.causes(root.and_then(|root| trees.get(&root)), read));
        }
        causes
    }

    /// The causes of what is read of anybody.
    pub(super) fn of_all(&self, read: &Bitmap) -> Causes {
        self.causes(Some(&self.all), read)
    }
}

/// Is an account of another type or product?
fn type_change((old, before): (&View, AccountIdx), (new, after): (&View, AccountIdx)) -> Option<usize> {
    let (was, is) = (Account::new(old, before), Account::new(new, after));
    if was.account_type() == is.account_type() && was.product() == is.product() {
        return None;
    }
    let is_known = new.schema().account_type(was.account_type()).is_some()
        && was.product().is_none_or(|product| new.schema().product(product).is_some());
    Some(if is_known { TYPE } else { TYPE_REPLACED })
}

impl DiffBits {
    /// The bit of the attribute or table of a value that differs, unless it does only by the schema.
    fn of(self, change: &ValueChange, sides: &Sides<'_>) -> Option<usize> {
        let (old, new) = (sides.old.accounts().schema(), sides.new.accounts().schema());
        let (from, to) = (change.from.as_ref(), change.to.as_ref());
        match &change.child {
            None => {
                let id = new.attribute(&change.attribute)?;
                let bit = Self::attribute(id.index());
                let Some(of) = sides.redeclared.as_ref().and_then(|all| all.attributes.get(id.index()))
                else {
                    return Some(bit);
                };
                let was = of.before.and_then(|at| old.attributes().nth(at));
                let is_converted = of.is_changed && comes_of_the_schema(from, to, was, new.attribute_at(id)?);
                (!is_converted).then_some(bit)
            }
            Some((table, _)) => {
                let id = new.table(table)?;
                let bit = self.table(id.index());
                let Some((of, columns)) =
                    sides.redeclared.as_ref().and_then(|all| all.tables.get(id.index()))
                else {
                    return Some(bit);
                };
                let column = new.table_at(id)?.columns().enumerate();
                let (at, now) = column.into_iter().find(|(_, column)| *column.name() == *change.attribute)?;
                let place = columns.get(at).and_then(|column| column.before);
                let was =
                    of.before.and_then(|before| old.table_at(TableId::new(before))?.columns().nth(place?));
                let is_converted = of.is_changed && comes_of_the_schema(from, to, was, now);
                (!is_converted).then_some(bit)
            }
        }
    }
}

/// Does a value differ only since its attribute is declared otherwise: was it converted, renamed, replaced, or dropped?
fn comes_of_the_schema(
    from: Option<&Value>,
    to: Option<&Value>,
    was: Option<&Attribute>,
    now: &Attribute,
) -> bool {
    let Some(from) = from else { return false };
    if retyped(from, now).ok().as_ref() == to {
        return true;
    }
    let allowed = |of: &Attribute| match of.kind() {
        AttributeType::Enum(values) | AttributeType::Band(values) => Some(values.clone()),
        _ => None,
    };
    match (from, to) {
        (_, None) => !was.is_some_and(|was| was.line().is_same(now.line())),
        (
            Value::Enum(text) | Value::Band { text, .. },
            Some(Value::Enum(by) | Value::Band { text: by, .. }),
        ) => {
            let (Some(old), Some(new)) = (was.and_then(allowed), allowed(now)) else { return false };
            if new.iter().any(|value| value == text) {
                return false;
            }
            // A value that is called otherwise keeps its place; one that was replaced by another is gone.
            let called = old.code(text).and_then(|code| new.iter().nth(usize::from(code)));
            called.is_none_or(|called| old.iter().any(|value| value == called) || called == by)
        }
        _ => false,
    }
}
