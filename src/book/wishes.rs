//! What is wished for each account, and does the schema allow it?
//!
//! The items of a change, gathered by account, with every conflict and every unknown name reported.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::change::{ChangeItem, ChangeProblem};
use super::{Change, HeldReason, Inner};
use crate::model::{
    AccountId, AccountIdx, AccountRow, ParentLink, Schema, Value, ValueFault, ValueFaultKind,
};
use crate::tree::NO_PRODUCT;

/// The wishes for one account.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// Where the account stands in the old book, if it does.
    pub(super) at: Option<AccountIdx>,
    pub(super) add: bool,
    pub(super) remove: bool,
    pub(super) remove_subtree: bool,
    pub(super) parents: Option<Vec<ParentLink>>,
    pub(super) kind: Option<u16>,
    pub(super) product: Option<u16>,
    pub(super) values: BTreeMap<usize, Option<Value>>,
}

impl Wish {
    pub(super) fn is_structural(&self) -> bool {
        self.add || self.parents.is_some() || self.kind.is_some() || self.product.is_some()
    }
}

pub(super) fn conflict(problems: &mut Vec<ChangeProblem>, account: &AccountId, what: &str) {
    problems.push(ChangeProblem::Conflict { account: account.to_string(), what: what.to_owned() });
}

// The wishes by account, checked against the schema.
pub(super) fn gather(
    old: &Inner,
    change: &Change,
    problems: &mut Vec<ChangeProblem>,
) -> BTreeMap<AccountId, Wish> {
    let schema = &*old.schema;
    let mut wishes: BTreeMap<AccountId, Wish> = BTreeMap::new();
    for item in change.items() {
        match item {
            ChangeItem::Add { row } => {
                let exists = old.find(row.id.as_str()).is_some() || old.held.accounts.contains_key(&row.id);
                if exists {
                    problems.push(ChangeProblem::AccountExists { account: row.id.clone() });
                }
                let kind = kind_code(schema, &row.id, &row.account_type, problems);
                let product = product_code(schema, &row.id, row.product.as_deref(), problems);
                let wish = wishes.entry(row.id.clone()).or_default();
                if wish.add {
                    conflict(problems, &row.id, "added twice");
                }
                wish.add = true;
                wish.kind = Some(kind);
                wish.product = Some(product);
                put(&mut wish.parents, row.parents.clone(), &row.id, "its parents", problems);
                for (name, value) in &row.values {
                    set_value(schema, wish, &row.id, name, Some(value), problems);
                }
            }
            ChangeItem::Set { account, attribute, value } => {
                let wish = wishes.entry(account.clone()).or_default();
                set_value(schema, wish, account, attribute, value.as_ref(), problems);
            }
            ChangeItem::Move { account, parents } => {
                let wish = wishes.entry(account.clone()).or_default();
                put(&mut wish.parents, parents.clone(), account, "its parents", problems);
            }
            ChangeItem::Retype { account, account_type } => {
                let kind = kind_code(schema, account, account_type, problems);
                put(
                    &mut wishes.entry(account.clone()).or_default().kind,
                    kind,
                    account,
                    "its type",
                    problems,
                );
            }
            ChangeItem::SetProduct { account, product } => {
                let product = product_code(schema, account, product.as_deref(), problems);
                put(
                    &mut wishes.entry(account.clone()).or_default().product,
                    product,
                    account,
                    "its product",
                    problems,
                );
            }
            ChangeItem::Remove { account } => wishes.entry(account.clone()).or_default().remove = true,
            ChangeItem::RemoveSubtree { account } => {
                wishes.entry(account.clone()).or_default().remove_subtree = true;
            }
            // Replaced accounts were worked out before; a line of the history moves nothing.
            ChangeItem::Replace { .. }
            | ChangeItem::DeclareSuccession { .. }
            | ChangeItem::RetractSuccession { .. }
            | ChangeItem::AddChild { .. }
            | ChangeItem::SetChild { .. }
            | ChangeItem::MoveChild { .. }
            | ChangeItem::RemoveChild { .. } => {}
        }
    }
    for (account, wish) in &mut wishes {
        wish.at = old.find(account.as_str());
        let exists = wish.at.is_some() || old.held.accounts.contains_key(account);
        if !exists && !wish.add {
            problems.push(ChangeProblem::UnknownAccount { account: account.clone() });
        }
        let gone = wish.remove || wish.remove_subtree;
        if gone && (wish.is_structural() || !wish.values.is_empty()) {
            conflict(problems, account, "removed and changed");
        }
    }
    wishes
}

// One wish of a kind per account; the same wish twice is one.
fn put<T: PartialEq>(
    place: &mut Option<T>,
    value: T,
    account: &AccountId,
    what: &str,
    problems: &mut Vec<ChangeProblem>,
) {
    if place.as_ref().is_some_and(|other| *other != value) {
        conflict(problems, account, what);
    }
    *place = Some(value);
}

fn kind_code(schema: &Schema, account: &AccountId, name: &str, problems: &mut Vec<ChangeProblem>) -> u16 {
    let code = schema.account_type(name).and_then(|id| u16::try_from(id.index()).ok());
    code.unwrap_or_else(|| {
        problems.push(ChangeProblem::UnknownType { account: account.clone(), name: name.to_owned() });
        0
    })
}

fn product_code(
    schema: &Schema,
    account: &AccountId,
    name: Option<&str>,
    problems: &mut Vec<ChangeProblem>,
) -> u16 {
    let Some(name) = name else { return NO_PRODUCT };
    schema.product_values().code(name).unwrap_or_else(|| {
        problems.push(ChangeProblem::UnknownProduct { account: account.clone(), name: name.to_owned() });
        NO_PRODUCT
    })
}

fn set_value(
    schema: &Schema,
    wish: &mut Wish,
    account: &AccountId,
    name: &str,
    value: Option<&Value>,
    problems: &mut Vec<ChangeProblem>,
) {
    let mut wrong = |kind| {
        let fault = ValueFault { attribute: name.to_owned(), kind };
        problems.push(ChangeProblem::Value { account: account.to_string(), fault });
    };
    let Some((id, attribute)) = schema.attribute(name).and_then(|id| Some((id, schema.attribute_at(id)?)))
    else {
        wrong(ValueFaultKind::Unknown { hint: String::new() });
        return;
    };
    let accepted = match value.cloned().map(|value| attribute.accept(value)).transpose() {
        Ok(accepted) => accepted,
        Err(kind) => {
            wrong(kind);
            return;
        }
    };
    if wish.values.get(&id.index()).is_some_and(|other| *other != accepted) {
        conflict(problems, account, name);
    }
    wish.values.insert(id.index(), accepted);
}

// Every placed account that goes: those named, and what stands below a removed subtree and stays there.
pub(super) fn removed_accounts(
    old: &Inner,
    wishes: &BTreeMap<AccountId, Wish>,
    problems: &mut Vec<ChangeProblem>,
) -> HashSet<AccountIdx> {
    let mut removed = HashSet::new();
    let mut stack = Vec::new();
    let mut staying: HashSet<AccountIdx> = HashSet::new();
    for wish in wishes.values() {
        let Some(place) = wish.at else { continue };
        if wish.parents.is_some() {
            staying.insert(place);
        }
        if wish.remove || wish.remove_subtree {
            removed.insert(place);
        }
        if wish.remove_subtree {
            stack.push(place);
        }
    }
    while let Some(place) = stack.pop() {
        let first = stack.len();
        old.children_into(place, &mut stack);
        let below = stack.split_off(first);
        for child in below.into_iter().filter(|child| !staying.contains(child)) {
            if removed.insert(child) {
                let id = old.account_id(child);
                if wishes.get(&id).is_some_and(|wish| wish.is_structural() || !wish.values.is_empty()) {
                    conflict(problems, &id, "removed and changed");
                }
                stack.push(child);
            }
        }
    }
    removed
}

/// Every held account that goes: those named, and what is held below a removed subtree.
pub(super) fn removed_held(
    old: &Inner,
    wishes: &BTreeMap<AccountId, Wish>,
    problems: &mut Vec<ChangeProblem>,
) -> BTreeSet<AccountId> {
    let mut removed = BTreeSet::new();
    let mut subtrees: Vec<&AccountId> = Vec::new();
    for (id, wish) in wishes.iter().filter(|(id, _)| old.held.accounts.contains_key(*id)) {
        if wish.remove || wish.remove_subtree {
            removed.insert(id.clone());
        }
        if wish.remove_subtree {
            subtrees.push(id);
        }
    }
    // What is held only because of an account above it, and stays where it is.
    let below = |id: &AccountId| -> Vec<&AccountRow> {
        let waiting = old.held.naming(id.as_str()).filter_map(|waiting| old.held.accounts.get(waiting));
        let hangs = waiting.filter(|held| matches!(held.reason, HeldReason::Below(_))).map(|held| &held.row);
        hangs.filter(|row| wishes.get(&row.id).is_none_or(|wish| wish.parents.is_none())).collect()
    };
    while let Some(id) = subtrees.pop() {
        for row in below(id) {
            if row.parents.iter().all(|link| removed.contains(&link.parent)) && removed.insert(row.id.clone())
            {
                subtrees.push(&row.id);
            }
        }
    }
    for id in &removed {
        let orphans: Vec<&AccountId> =
            below(id).into_iter().map(|row| &row.id).filter(|orphan| !removed.contains(*orphan)).collect();
        if let (Some(first), Some(true)) = (orphans.first(), wishes.get(id).map(|wish| !wish.remove_subtree))
        {
            let (account, example) = (id.clone(), (*first).clone());
            problems.push(ChangeProblem::HasChildren { account, count: orphans.len(), example });
        }
    }
    removed
}
