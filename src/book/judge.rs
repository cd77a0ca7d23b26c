//! May the accounts stand where a change would put them?
//!
//! A change is judged strictly on its final state, whatever the policy of loads: a fault of an account
//! that it touches refuses it, and so does anything that would put a placed account out of the book. A fault
//! of any account that the policy of the book refuses, refuses it as well: no load would take the outcome.
//! Rulings S19 and S21 of `docs/semantics`.

use std::collections::{BTreeMap, HashSet};

use super::change::ChangeProblem;
use super::placing::Placing;
use super::wishes::Wish;
use super::{HeldReason, Inner};
use crate::model::{AccountId, AccountIdx, AttributeId, TypeId, ValueFault, ValueFaultKind, other_form};
use crate::tree::resolve::{Ground, Place, Resolution};
use crate::tree::{FaultKind, NO_PRODUCT, Remedy, TreeFault};

// Refuses faults of touched accounts, faults that a load refuses, and faults that would put a placed account
// out of the book.
pub(super) fn check_places(
    old: &Inner,
    placing: &Placing<'_>,
    resolution: &Resolution,
    problems: &mut Vec<ChangeProblem>,
) {
    let touched = |id: &AccountId| {
        let number = placing.number.get(id).copied();
        number.is_some_and(|number| placing.touched.get(number as usize) == Some(&true))
    };
    for (fault, remedy) in &resolution.faults {
        // A fault whose accounts the policy of the book leaves in their places does not refuse a change either.
        let is_taken = matches!(
            (fault.kind(), remedy),
            (FaultKind::SeveralParents, Remedy::Prefer) | (FaultKind::RepeatedProduct, Remedy::Keep)
        );
        // A ring that a load would break at an account which is to stay where it is.
        let stays = |id: &&AccountId| !placing.number.contains_key(*id);
        let breaks_ground = fault.kind() == FaultKind::Cycle
            && match remedy {
                Remedy::Adopt => fault.account().iter().any(stays),
                _ => fault.accounts().iter().any(stays),
            };
        // A product that a load would give to another account than the one that stays.
        let breaks_ground = breaks_ground
            || matches!(fault, TreeFault::RepeatedProduct { account, kept, .. } if account < kept && !is_taken);
        // The book holds no account at such a fault, so that the change would bring it in.
        let no_load_takes_it = *remedy == Remedy::Reject;
        if no_load_takes_it || breaks_ground || (!is_taken && fault.accounts().into_iter().any(touched)) {
            let mut fault = fault.clone();
            if let TreeFault::MissingParent { parent, same_record, .. } = &mut fault {
                let is_there = |other: &str| placing.number.contains_key(other) || old.find(other).is_some();
                let other = other_form(parent.as_str()).filter(|other| is_there(other));
                *same_record = other.map(|other| AccountId::trusted(&other));
            }
            problems.push(ChangeProblem::Tree(fault));
        }
    }
    for ((id, place), before) in placing.ids.iter().zip(&resolution.places).zip(&placing.before) {
        match place {
            Place::Below(by) if touched(id) => {
                let above = placing.ids.get(*by as usize).cloned().unwrap_or_else(|| id.clone());
                problems.push(ChangeProblem::UnderHeld { account: id.clone(), above });
            }
            Place::Held(kind) if before.is_some() => {
                let reason = HeldReason::Fault(*kind);
                problems.push(ChangeProblem::WouldBeHeld { account: id.clone(), reason });
            }
            Place::Below(by) if before.is_some() => {
                let above = placing.ids.get(*by as usize).cloned().unwrap_or_else(|| id.clone());
                let reason = HeldReason::Below(above);
                problems.push(ChangeProblem::WouldBeHeld { account: id.clone(), reason });
            }
            Place::Adopted(kind)
                if before.is_some() && !touched(id) && !old.held.adopted.contains_key(id) =>
            {
                problems.push(ChangeProblem::WouldBeAdopted { account: id.clone(), reason: *kind });
            }
            _ => {}
        }
    }
}

// Accounts that stay must not lose their parent, nor stand under what it has become.
pub(super) fn check_below(
    old: &Inner,
    placing: &Placing<'_>,
    removed: &HashSet<AccountIdx>,
    problems: &mut Vec<ChangeProblem>,
) {
    let stays = |child: &AccountIdx| !placing.moving.contains_key(child) && !removed.contains(child);
    let mut children = Vec::new();
    for place in removed {
        children.clear();
        old.children_into(*place, &mut children);
        children.retain(stays);
        if let Some(first) = children.first() {
            let (account, example) = (old.account_id(*place), old.account_id(*first));
            problems.push(ChangeProblem::HasChildren { account, count: children.len(), example });
        }
    }
    for (number, before) in placing.before.iter().enumerate() {
        let Some(place) = before else { continue };
        let (kind, product) = (placing.kinds.get(number).copied(), placing.products.get(number).copied());
        let same = kind == Some(placing.kind(*place))
            && product == Some(placing.product(*place).unwrap_or(NO_PRODUCT));
        if same {
            continue;
        }
        children.clear();
        old.children_into(*place, &mut children);
        for child in children.iter().filter(|child| stays(child)) {
            let above = TypeId::new(usize::from(kind.unwrap_or(0)));
            let below = TypeId::new(usize::from(placing.kind(*child)));
            let (account, parent) = (old.account_id(*child), old.account_id(*place));
            let name = |id: TypeId| old.schema.type_at(id).map_or_else(String::new, |t| t.name().to_owned());
            let fault = if product != Some(NO_PRODUCT) {
                TreeFault::UnderProduct { account, parent }
            } else if old.schema.may_nest(above, below) {
                continue;
            } else {
                let (account_type, parent_type) = (name(below), name(above));
                TreeFault::TypeOrder { account, account_type, parent, parent_type }
            };
            problems.push(ChangeProblem::Tree(fault));
        }
    }
}

// Values that an account must have and would not, and values where the attribute does not apply.
pub(super) fn check_required(
    old: &Inner,
    wishes: &BTreeMap<AccountId, Wish>,
    placing: &Placing<'_>,
    problems: &mut Vec<ChangeProblem>,
) {
    for (id, wish) in wishes {
        if wish.remove || wish.remove_subtree || (wish.values.is_empty() && wish.kind.is_none()) {
            continue;
        }
        let before = wish.at;
        let number = placing.number.get(id).map(|number| *number as usize);
        let kind = match number.and_then(|number| placing.kinds.get(number)) {
            Some(kind) => *kind,
            None => before.map_or(0, |place| placing.kind(place)),
        };
        let kind = TypeId::new(usize::from(kind));
        // A held account is judged with all its values, or a release would bring in what a load refused.
        let held = before.is_none() && old.policy.remedy(FaultKind::InvalidValue) != Remedy::Clear;
        let attributes: Vec<AttributeId> = if wish.kind.is_some() || held {
            (0..old.schema.attributes().len()).map(AttributeId::new).collect()
        } else {
            wish.values.keys().copied().map(AttributeId::new).collect()
        };
        for attribute in attributes {
            let Some(described) = old.schema.attribute_at(attribute) else { continue };
            let wished = wish.values.get(&attribute.index());
            let present = match wished {
                Some(value) => value.is_some(),
                None => has_value(old, id, before, attribute),
            };
            let spoken = wished.is_some() || wish.kind.is_some();
            let fault = if !present && spoken && old.schema.requires(attribute, kind) {
                ValueFaultKind::Required
            } else if present && !old.schema.applies(attribute, kind) {
                let account_type = old.schema.type_at(kind).map_or_else(String::new, |t| t.name().to_owned());
                ValueFaultKind::NotApplicable { account_type }
            } else {
                continue;
            };
            let fault = ValueFault { attribute: described.name().to_owned(), kind: fault };
            problems.push(ChangeProblem::Value { account: id.to_string(), fault });
        }
    }
}

fn has_value(old: &Inner, id: &AccountId, before: Option<AccountIdx>, attribute: AttributeId) -> bool {
    match before.and_then(|place| Some((old.chunk(place.slot)?, place.row))) {
        Some((chunk, row)) => {
            chunk.column(attribute.index()).is_some_and(|block| block.get(row as usize).is_some())
        }
        None => {
            let name = old.schema.attribute_at(attribute).map_or("", |attribute| attribute.name());
            let held = old.held.accounts.get(id);
            held.is_some_and(|held| held.row.values.iter().any(|(own, _)| &**own == name))
        }
    }
}
