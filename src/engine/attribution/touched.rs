//! Of which visible accounts does what differ between two states?

use std::collections::HashMap;
use std::sync::Arc;

use super::root::Roots;
use crate::book::{Account, AccountChanges, ValueChange, View};
use crate::column::Bitmap;
use crate::engine::cause::{Cause, Causes};
use crate::engine::live::LiveView;
use crate::engine::pairing::Pairing;
use crate::model::{
    AccountId, AccountIdx, Attribute, AttributeType, Redeclared, Schema, TableId, Value, retyped,
};

/// What may differ of an account, by number: these, then the attributes and the tables of the newer schema.
const CAME_OR_LEFT: usize = 0;
const MOVED: usize = 1;
const LABEL: usize = 2;
const USAGE: usize = 3;
/// Usage of ids that lead to another account than before.
const USAGE_LED: usize = 4;
const FIXED: usize = 5;

/// The numbers of what may differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    attributes: usize,
    tables: usize,
}

impl Numbers {
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

    /// What every answer of an account depends on: that it is there, and what it is.
    pub(super) fn standing(self) -> Bitmap {
        let mut bits = self.none();
        bits.set(CAME_OR_LEFT, true);
        bits.set(LABEL, true);
        bits
    }

    pub(super) fn add_usage(bits: &mut Bitmap) {
        bits.set(USAGE, true);
        bits.set(USAGE_LED, true);
    }

    /// Where accounts stand, for who looks at others.
    pub(super) fn add_places(bits: &mut Bitmap) {
        bits.set(MOVED, true);
    }
}

/// What differs, of the accounts that are visible in one of the states.
pub(super) struct Touched {
    numbers: Numbers,
    /// Why accounts came or left.
    coming: Causes,
    accounts: HashMap<AccountId, Bitmap>,
    /// All of them together.
    all: Bitmap,
    /// By the root of a tree, in either state; made when it is first asked.
    trees: Option<[HashMap<AccountIdx, Bitmap>; 2]>,
}

/// What a delta tells of accounts.
pub(in crate::engine) struct Told<'t> {
    pub(in crate::engine) accounts: &'t AccountChanges,
    /// Accounts and tables of which a child row came or went.
    pub(in crate::engine) rows: &'t [(AccountId, TableId)],
}

impl Touched {
    /// `coming` is why accounts are visible in one of the states only.
    pub(super) fn new(
        (old, new): (&LiveView, &LiveView),
        pairing: &Pairing<'_>,
        told: &Told<'_>,
        coming: Causes,
        redeclared: Option<&Redeclared>,
    ) -> Self {
        let numbers = Numbers::new(pairing.new.schema());
        let all = numbers.none();
        let mut touched = Self { numbers, coming, accounts: HashMap::new(), all, trees: None };
        let AccountChanges { added, removed, moves, values } = told.accounts;
        for id in added.iter().chain(removed) {
            touched.add(id, CAME_OR_LEFT);
        }
        let is_new = |id: &AccountId| added.binary_search(id).is_ok();
        let is_gone = |id: &AccountId| removed.binary_search(id).is_ok();
        for step in moves {
            // Where the scope shows other accounts, who stands elsewhere since one above came or left may not have moved at all.
            let is_shown_elsewhere = coming.contains(Cause::Scope)
                && (step.from.first().is_some_and(is_gone) || step.to.first().is_some_and(is_new));
            if !is_shown_elsewhere {
                touched.add(&step.account, MOVED);
            }
        }
        let schemas = (pairing.old.schema(), pairing.new.schema());
        for change in values.iter().filter(|change| !is_new(&change.account) && !is_gone(&change.account)) {
            let at = numbers.of(change, schemas, redeclared);
            at.into_iter().for_each(|at| touched.add(&change.account, at));
        }
        for (account, table) in told.rows {
            if !is_new(account) && !is_gone(account) {
                touched.add(account, numbers.table(table.index()));
            }
        }
        let label = |view: &View, place: AccountIdx| {
            let account = Account::new(view, place);
            (account.account_type().to_owned(), account.product().map(str::to_owned))
        };
        for (id, before, after) in &pairing.loose {
            if let (Some(before), Some(after)) = (before, after)
                && label(pairing.old, *before) != label(pairing.new, *after)
            {
                touched.add(id, LABEL);
            }
        }
        touched.add_usage(old, new);
        touched
    }

    fn add_usage(&mut self, old: &LiveView, new: &LiveView) {
        let (before, after) = (old.inputs().usage, new.inputs().usage);
        let (events, led) = match (&before, &after) {
            (Some(before), Some(after)) => after.differing_apart(before),
            (None, None) => return,
            (Some(usage), None) | (None, Some(usage)) => (usage.with_usage(), Vec::new()),
        };
        let seen = |id: &AccountId| [old, new].iter().any(|view| view.account(id.as_str()).is_some());
        for (ids, number) in [(events, USAGE), (led, USAGE_LED)] {
            ids.iter().filter(|id| seen(id)).for_each(|id| self.add(id, number));
        }
    }

    fn add(&mut self, account: &AccountId, number: usize) {
        let numbers = self.numbers;
        match self.accounts.get_mut(account) {
            Some(bits) => bits.set(number, true),
            None => {
                let mut bits = numbers.none();
                bits.set(number, true);
                self.accounts.insert(account.clone(), bits);
            }
        }
        self.all.set(number, true);
    }

    /// What of it is in what is read, as causes.
    fn causes(&self, touched: Option<&Bitmap>, read: &Bitmap) -> Causes {
        let Some(touched) = touched else { return Causes::NONE };
        let found = touched.words().iter().zip(read.words()).map(|(one, other)| one & other);
        if found.clone().all(|word| word == 0) {
            return Causes::NONE;
        }
        let rows = touched.and(read);
        rows.rows().fold(Causes::NONE, |all, number| {
            all.union(match number as usize {
                CAME_OR_LEFT => self.coming,
                USAGE => Causes::one(Cause::Usage),
                _ => Causes::one(Cause::Data),
            })
        })
    }

    /// The causes of what is read of an account alone.
    pub(super) fn of_account(&self, account: &AccountId, read: &Bitmap) -> Causes {
        self.causes(self.accounts.get(account), read)
    }

    /// The causes of what is read of the trees in which an account stands in either state.
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
                        let tree = trees.entry(root).or_insert_with(|| self.numbers.none());
                        *tree = tree.combine(bits, |one, other| one | other);
                    }
                }
            }
            self.trees = Some(trees);
        }
        let both = roots.iter_mut().zip(places).map(|(roots, place)| place.map(|place| roots.of(place)));
        let both: Vec<Option<AccountIdx>> = both.collect();
        let trees = self.trees.iter().flatten().zip(both);
        let bits = trees.filter_map(|(trees, root)| trees.get(&root?));
        bits.fold(Causes::NONE, |all, bits| all.union(self.causes(Some(bits), read)))
    }

    /// The causes of what is read of anybody.
    pub(super) fn of_all(&self, read: &Bitmap) -> Causes {
        self.causes(Some(&self.all), read)
    }
}

impl Numbers {
    /// The number of an attribute or table of which a value differs, unless only its type or its allowed values do.
    fn of(
        self,
        change: &ValueChange,
        (old, new): (&Arc<Schema>, &Arc<Schema>),
        redeclared: Option<&Redeclared>,
    ) -> Option<usize> {
        let (from, to) = (change.from.as_ref(), change.to.as_ref());
        match &change.child {
            None => {
                let id = new.attribute(&change.attribute)?;
                let now = new.attribute_at(id)?;
                let is_converted = redeclared.is_some_and(|of| {
                    let was = of.attributes.get(id.index()).copied().flatten();
                    let was = was.and_then(|at| old.attributes().nth(at));
                    of.others.get(id.index()) == Some(&true) && comes_of_the_schema(from, to, was, now)
                });
                (!is_converted).then(|| Self::attribute(id.index()))
            }
            Some((table, _)) => {
                let id = new.table(table)?;
                let now = new.table_at(id)?;
                let is_converted = redeclared.is_some_and(|of| {
                    let was = of.tables.get(id.index()).copied().flatten();
                    let was = was.and_then(|at| old.table_at(TableId::new(at)));
                    let column = now.columns().position(|column| *column.name() == *change.attribute);
                    let column = column.and_then(|at| Some((at, now.columns().nth(at)?)));
                    of.other_tables.get(id.index()) == Some(&true)
                        && column.is_some_and(|(at, now_column)| {
                            let before = was.and_then(|was| {
                                let place = now.columns_in(was).get(at).copied().flatten()?;
                                was.columns().nth(place)
                            });
                            comes_of_the_schema(from, to, before, now_column)
                        })
                });
                (!is_converted).then(|| self.table(id.index()))
            }
        }
    }
}

/// Is a value another one since its attribute is declared otherwise: converted, replaced, or dropped?
fn comes_of_the_schema(
    from: Option<&Value>,
    to: Option<&Value>,
    was: Option<&Attribute>,
    now: &Attribute,
) -> bool {
    let Some(from) = from else { return false };
    let converted = retyped(from, now).ok();
    if converted.as_ref() == to {
        return true;
    }
    let goes_on = was.is_some_and(|was| was.line().is_same(now.line()));
    match (from, to, now.kind()) {
        (_, None, _) => !goes_on,
        // A value that is no longer allowed was replaced.
        (
            Value::Enum(text) | Value::Band { text, .. },
            Some(_),
            AttributeType::Enum(values) | AttributeType::Band(values),
        ) => !values.iter().any(|value| value == text),
        _ => false,
    }
}
