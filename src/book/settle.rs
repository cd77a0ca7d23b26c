//! What becomes of each account that was placed anew?
//!
//! It moves, comes, stays or is held; and the declarations that the tree does not show are kept.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::placing::{Placing, still_unfit};
use super::restructure::{NewAccount, Plan, Under, restructure};
use super::wishes::Wish;
use super::{ChangeReport, HeldAccount, HeldReason, Inner};
use crate::model::{AccountId, AccountIdx, AccountRow, AttributeId, ParentLink, ProductId, Schema, TypeId};
use crate::tree::NO_PRODUCT;
use crate::tree::resolve::{Ground, Place, Resolution, Up};

// Moves, adds, removes and relabels accounts, and keeps the declarations that the tree does not show.
pub(super) fn build_structure(
    old: &Inner,
    next: &mut Inner,
    placing: &Placing<'_>,
    resolution: &Resolution,
    removed: &HashSet<AccountIdx>,
    wishes: &mut BTreeMap<AccountId, Wish>,
    report: &mut ChangeReport,
) {
    // A change of values of placed accounts leaves all of this as it is.
    let held_values =
        wishes.iter().any(|(id, wish)| !wish.values.is_empty() && old.held.accounts.contains_key(id));
    if placing.ids.is_empty() && removed.is_empty() && placing.removed_held.is_empty() && !held_values {
        return;
    }
    let (newcomers, added) = newcomers(placing, resolution);
    let mut plan = Plan { removed: removed.clone(), added, ..Plan::default() };
    let under = |place: &Place| match place {
        Place::Under(Up::Ground(up)) => Under::Old(*up),
        Place::Under(Up::Here(up)) => {
            let newcomer = newcomers.get(*up as usize).copied().flatten();
            let before = placing.before.get(*up as usize).copied().flatten();
            newcomer.map(Under::New).or(before.map(Under::Old)).unwrap_or(Under::Root)
        }
        _ => Under::Root,
    };
    let mut held = (*old.held).clone();
    for (number, place) in resolution.places.iter().enumerate() {
        let Some(id) = placing.ids.get(number) else { continue };
        let parents = placing.parents.get(number).cloned().unwrap_or_default();
        let row = held.release(id);
        match place {
            Place::Held(_) | Place::Below(_) => {
                let reason = match place {
                    Place::Held(kind) => HeldReason::Fault(*kind),
                    Place::Below(by) => {
                        HeldReason::Below(placing.ids.get(*by as usize).unwrap_or(id).clone())
                    }
                    _ => continue,
                };
                if old.held.accounts.get(id).is_none_or(|before| before.reason != reason) {
                    report.held.push((id.clone(), reason.clone()));
                }
                hold(&mut held, row, id, parents, reason, placing, number, wishes);
            }
            _ => {
                let plain = match place {
                    Place::Under(up) => {
                        parents.len() == 1
                            && parents.first().is_some_and(|link| up_is(placing, *up, &link.parent))
                    }
                    Place::Adopted(_) => false,
                    _ => parents.is_empty(),
                };
                if !plain {
                    held.keep_links(id.clone(), super::held::preferred_first(parents));
                }
                if let Place::Adopted(kind) = place {
                    held.adopted.insert(id.clone(), *kind);
                    if old.held.adopted.get(id) != Some(kind) {
                        report.adopted.push((id.clone(), *kind));
                    }
                }
                let before = placing.before.get(number).copied().flatten();
                let target = under(place);
                match (before, newcomers.get(number).copied().flatten()) {
                    (Some(account), _) => {
                        let stood = old.parent(account).map_or(Under::Root, Under::Old);
                        if stood != target {
                            plan.moved.insert(account, target);
                        }
                        let kind = placing.kinds.get(number).copied().unwrap_or(0);
                        let product = placing.products.get(number).copied().unwrap_or(NO_PRODUCT);
                        let own = placing.product(account).unwrap_or(NO_PRODUCT);
                        if (kind, product) != (placing.kind(account), own) {
                            plan.relabelled.insert(account, (kind, product));
                        }
                    }
                    (None, Some(newcomer)) => {
                        if let Some(added) = plan.added.get_mut(newcomer as usize) {
                            added.under = target;
                        }
                        match row {
                            Some(row) => {
                                report.released.push(id.clone());
                                release_values(&old.schema, row, wishes.entry(id.clone()).or_default());
                            }
                            None => report.accounts.added.push(id.clone()),
                        }
                    }
                    (None, None) => {}
                }
            }
        }
    }
    for id in &placing.removed_held {
        held.release(id);
        report.accounts.removed.push(id.clone());
    }
    for place in removed {
        let id = old.account_id(*place);
        held.release(&id);
        report.accounts.removed.push(id);
    }
    edit_held_values(old, &mut held, wishes, placing);
    next.held = Arc::new(held);
    if !plan.is_empty() {
        restructure(next, &plan);
    }
}

// The accounts that come into the book, and the number of each among them.
fn newcomers(placing: &Placing<'_>, resolution: &Resolution) -> (Vec<Option<u32>>, Vec<NewAccount>) {
    let mut numbers: Vec<Option<u32>> = vec![None; placing.ids.len()];
    let mut added = Vec::new();
    for (number, (place, before)) in resolution.places.iter().zip(&placing.before).enumerate() {
        if before.is_some() || matches!(place, Place::Held(_) | Place::Below(_)) {
            continue;
        }
        if let (Some(newcomer), Some(id)) = (numbers.get_mut(number), placing.ids.get(number)) {
            *newcomer = u32::try_from(added.len()).ok();
            let kind = placing.kinds.get(number).copied().unwrap_or(0);
            let product = placing.products.get(number).copied().unwrap_or(NO_PRODUCT);
            added.push(NewAccount { id: id.clone(), kind, product, under: Under::Root });
        }
    }
    (numbers, added)
}

fn up_is(placing: &Placing<'_>, up: Up, id: &AccountId) -> bool {
    match up {
        Up::Here(number) => placing.ids.get(number as usize) == Some(id),
        Up::Ground(place) => placing.old.id(place) == id.as_str(),
    }
}

#[expect(clippy::too_many_arguments, reason = "one account's facts, used once for each of two reasons")]
fn hold(
    held: &mut super::Held,
    row: Option<AccountRow>,
    id: &AccountId,
    parents: Vec<ParentLink>,
    reason: HeldReason,
    placing: &Placing<'_>,
    number: usize,
    wishes: &BTreeMap<AccountId, Wish>,
) {
    let mut row = row.unwrap_or_else(|| AccountRow::new(id.clone(), ""));
    row.parents = super::held::preferred_first(parents);
    let schema = &placing.old.schema;
    let wish = wishes.get(id);
    if wish.is_some_and(|wish| wish.kind.is_some()) {
        let kind = placing.kinds.get(number).map_or(0, |kind| usize::from(*kind));
        row.account_type = Arc::from(schema.type_at(TypeId::new(kind)).map_or("", |kind| kind.name()));
    }
    if wish.is_some_and(|wish| wish.product.is_some()) {
        let product = placing.products.get(number).copied().filter(|p| *p != NO_PRODUCT);
        let product = product.and_then(|p| schema.product_at(ProductId::new(usize::from(p))));
        row.product = product.map(|product| Arc::from(product.name()));
    }
    let kind = TypeId::new(placing.kinds.get(number).map_or(0, |kind| usize::from(*kind)));
    let before = placing.old.held.accounts.get(id);
    let unfit = before.map(|before| still_unfit(schema, before, kind, wish)).unwrap_or_default();
    held.hold(HeldAccount { row, reason, unfit });
}

// Values that waited with an account, under those that the change brings.
fn release_values(schema: &Schema, row: AccountRow, wish: &mut Wish) {
    for (name, value) in row.values {
        if let Some(attribute) = schema.attribute(&name) {
            wish.values.entry(attribute.index()).or_insert(Some(value));
        }
    }
}

// Values of accounts that stay in quarantine.
fn edit_held_values(
    old: &Inner,
    held: &mut super::Held,
    wishes: &BTreeMap<AccountId, Wish>,
    placing: &Placing<'_>,
) {
    for (id, wish) in
        wishes.iter().filter(|(id, wish)| !wish.values.is_empty() && !placing.removed_held.contains(*id))
    {
        let Some(account) = held.accounts.get_mut(id) else { continue };
        for (attribute, value) in &wish.values {
            let Some(described) = old.schema.attribute_at(AttributeId::new(*attribute)) else { continue };
            account.row.values.retain(|(name, _)| &**name != described.name());
            account.row.values.extend(value.clone().map(|value| (Arc::from(described.name()), value)));
        }
        // In the order of the schema, as a load has them.
        account.row.values.sort_by_key(|(name, _)| old.schema.attribute(name).map(AttributeId::index));
    }
}
