//! Which accounts are placed anew by a change, and on what ground?
//!
//! The accounts that a change touches and everything that waits for them are resolved as if they were a
//! load; the others are the ground that they stand on (ruling S20 of `docs/semantics`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::wishes::Wish;
use super::{HeldAccount, HeldReason, Inner};
use crate::model::{AccountId, AccountIdx, AttributeId, ParentLink, Schema, TypeId};
use crate::tree::resolve::{Declared, Ground, Link, Place, Resolution, Target, resolve};
use crate::tree::{FaultKind, NO_PRODUCT, Remedy};

/// The accounts that are placed anew, as if they were a load on the ground of the others.
pub(super) struct Placing<'o> {
    pub(super) old: &'o Inner,
    pub(super) ids: Vec<AccountId>,
    pub(super) number: HashMap<AccountId, u32>,
    /// Where each stands in the old book.
    pub(super) before: Vec<Option<AccountIdx>>,
    /// Whether the change speaks of it.
    pub(super) touched: Vec<bool>,
    /// Declared parents.
    pub(super) parents: Vec<Vec<ParentLink>>,
    pub(super) kinds: Vec<u16>,
    pub(super) products: Vec<u16>,
    pub(super) moving: HashMap<AccountIdx, u32>,
    pub(super) removed: &'o HashSet<AccountIdx>,
    pub(super) removed_held: BTreeSet<AccountId>,
}

impl<'o> Placing<'o> {
    pub(super) fn new(
        old: &'o Inner,
        wishes: &BTreeMap<AccountId, Wish>,
        removed: &'o HashSet<AccountIdx>,
        removed_held: BTreeSet<AccountId>,
    ) -> Self {
        let mut affected: BTreeMap<AccountId, bool> = BTreeMap::new();
        let mut seeds: Vec<AccountId> = Vec::new();
        for (id, wish) in wishes {
            if wish.is_structural() || wish.remove || wish.remove_subtree {
                // Who shares a held parent with it may wait because of it.
                let held = old.held.accounts.get(id).map(|held| &held.row.parents);
                let links = held.or_else(|| old.held.links.get(id));
                seeds.extend(links.into_iter().flatten().map(|link| link.parent.clone()));
            }
            if wish.is_structural() {
                affected.insert(id.clone(), true);
                seeds.push(id.clone());
                // Who shares a parent with it may own the same product, or wait because of it.
                let above = old.find(id.as_str()).and_then(|place| old.parent(place));
                seeds.extend(above.map(|place| old.account_id(place)));
                seeds.extend(wish.parents.iter().flatten().map(|link| link.parent.clone()));
            }
            // A value may be what a held account waits for.
            if !wish.values.is_empty() && old.held.accounts.contains_key(id) {
                affected.entry(id.clone()).or_insert(false);
                seeds.push(id.clone());
            }
        }
        for id in &removed_held {
            seeds.push(id.clone());
            let parents = old.held.accounts.get(id).into_iter().flat_map(|held| &held.row.parents);
            seeds.extend(parents.map(|link| link.parent.clone()));
        }
        for place in removed {
            seeds.push(old.account_id(*place));
            seeds.extend(old.parent(*place).map(|above| old.account_id(above)));
        }
        let gone = |id: &AccountId| {
            removed_held.contains(id) || old.find(id.as_str()).is_some_and(|place| removed.contains(&place))
        };
        // Everything that waits for an affected account is affected.
        let mut seen: HashSet<AccountId> = HashSet::new();
        let mut climbed: HashSet<AccountIdx> = HashSet::new();
        while let Some(id) = seeds.pop() {
            if seen.insert(id.clone()) {
                // What it hangs on, where that is held: a held parent is not a missing one.
                let wished = wishes.get(&id).and_then(|wish| wish.parents.as_ref());
                let held = old.held.accounts.get(&id).map(|held| &held.row.parents);
                let links = wished.or(held).or_else(|| old.held.links.get(&id));
                for link in links.into_iter().flatten() {
                    if old.held.accounts.contains_key(&link.parent) && !gone(&link.parent) {
                        affected.entry(link.parent.clone()).or_insert(false);
                        seeds.push(link.parent.clone());
                    }
                }
                // A root only because of a fault may close a ring with what is placed anew, or may have
                // closed one that opens now.
                let adopted = !old.held.adopted.is_empty();
                let above = links.into_iter().flatten().map(|link| &link.parent);
                for start in std::iter::once(&id).chain(above).filter(|_| adopted) {
                    let mut at = old.find(start.as_str());
                    while let Some(place) = at.filter(|place| climbed.insert(*place)) {
                        at = old.parent(place);
                        let top = at.is_none().then(|| old.account_id(place));
                        if let Some(top) = top.filter(|top| old.held.adopted.contains_key(top) && !gone(top))
                        {
                            affected.entry(top.clone()).or_insert(false);
                            seeds.push(top);
                        }
                    }
                }
                for waiting in old.held.naming(id.as_str()).filter(|waiting| !gone(waiting)) {
                    affected.entry(waiting.clone()).or_insert(false);
                    seeds.push(waiting.clone());
                }
            }
        }
        let mut placing = Self {
            old,
            ids: Vec::new(),
            number: HashMap::new(),
            before: Vec::new(),
            touched: Vec::new(),
            parents: Vec::new(),
            kinds: Vec::new(),
            products: Vec::new(),
            moving: HashMap::new(),
            removed,
            removed_held: BTreeSet::new(),
        };
        for (id, touched) in affected {
            placing.add(id, touched, wishes);
        }
        placing.removed_held = removed_held;
        placing
    }

    fn add(&mut self, id: AccountId, touched: bool, wishes: &BTreeMap<AccountId, Wish>) {
        let number = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let before = self.old.find(id.as_str());
        let held = self.old.held.accounts.get(&id);
        let wish = wishes.get(&id);
        let chunk = before.and_then(|place| Some((self.old.chunk(place.slot)?, place.row)));
        let kind_before = match (&chunk, held) {
            (Some((chunk, row)), _) => chunk.shape.kind(*row),
            (None, Some(held)) => {
                code(self.old.schema.account_type(&held.row.account_type).map(TypeId::index))
            }
            (None, None) => 0,
        };
        let product_before = match (&chunk, held) {
            (Some((chunk, row)), _) => chunk.shape.product(*row).unwrap_or(NO_PRODUCT),
            (None, Some(held)) => {
                let product = held.row.product.as_deref().and_then(|name| self.old.schema.product(name));
                product.map_or(NO_PRODUCT, |product| code(Some(product.index())))
            }
            (None, None) => NO_PRODUCT,
        };
        self.kinds.push(wish.and_then(|wish| wish.kind).unwrap_or(kind_before));
        self.products.push(wish.and_then(|wish| wish.product).unwrap_or(product_before));
        let parents = match wish.and_then(|wish| wish.parents.clone()) {
            Some(parents) => parents,
            None => declared_parents(self.old, &id, before, held),
        };
        self.parents.push(parents);
        self.number.insert(id.clone(), number);
        if let Some(place) = before {
            self.moving.insert(place, number);
        }
        self.ids.push(id);
        self.before.push(before);
        self.touched.push(touched);
    }

    fn target(&self, parent: &AccountId) -> Target {
        if let Some(number) = self.number.get(parent) {
            return Target::Here(*number);
        }
        match self.old.find(parent.as_str()) {
            Some(place) if !self.removed.contains(&place) => Target::Ground(place),
            _ => Target::Missing(parent.clone()),
        }
    }

    pub(super) fn resolve(&self, old: &Inner, wishes: &BTreeMap<AccountId, Wish>) -> Resolution {
        let mut links: Vec<Link> = Vec::new();
        for (account, parents) in (0_u32..).zip(&self.parents) {
            for link in parents {
                links.push(Link { account, rank: link.rank, target: self.target(&link.parent) });
            }
        }
        let numbered = self.ids.iter().zip(&self.kinds);
        let held: Vec<Option<FaultKind>> =
            numbered.map(|(id, kind)| own_fault(old, id, *kind, wishes.get(id))).collect();
        let id = |account: u32| self.ids.get(account as usize).map_or("", |id| id.as_str());
        let declared = Declared {
            id: &id,
            kinds: &self.kinds,
            products: &self.products,
            held: &held,
            links: &mut links,
        };
        resolve(declared, self, &old.schema, &old.policy)
    }
}

impl Ground for Placing<'_> {
    fn id(&self, account: AccountIdx) -> AccountId {
        self.old.account_id(account)
    }

    fn parent(&self, account: AccountIdx) -> Option<AccountIdx> {
        self.old.parent(account)
    }

    fn kind(&self, account: AccountIdx) -> u16 {
        self.old.chunk(account.slot).map_or(0, |chunk| chunk.shape.kind(account.row))
    }

    fn product(&self, account: AccountIdx) -> Option<u16> {
        self.old.chunk(account.slot)?.shape.product(account.row)
    }

    fn moving(&self, account: AccountIdx) -> Option<u32> {
        self.moving.get(&account).copied()
    }

    fn stood(&self, account: u32) -> Option<AccountIdx> {
        self.before.get(account as usize).copied().flatten()
    }

    fn product_children(&self, parent: AccountIdx) -> HashMap<u16, AccountIdx> {
        let mut children = Vec::new();
        self.old.children_into(parent, &mut children);
        let stays = |child: &AccountIdx| !self.moving.contains_key(child) && !self.removed.contains(child);
        let mut first = HashMap::new();
        // Children are in the order of their ids: of several with one product, the first has the smallest.
        for child in children.iter().filter(|child| stays(child)) {
            if let Some(product) = self.product(*child) {
                first.entry(product).or_insert(*child);
            }
        }
        first
    }
}

// A row that is at fault in itself stays held until the change gives it what it lacks.
fn own_fault(old: &Inner, id: &AccountId, kind: u16, wish: Option<&Wish>) -> Option<FaultKind> {
    let held = old.held.accounts.get(id)?;
    let HeldReason::Fault(fault) = held.reason else { return None };
    let mended = match fault {
        FaultKind::UnknownType => wish.is_some_and(|wish| wish.kind.is_some()),
        FaultKind::UnknownProduct => wish.is_some_and(|wish| wish.product.is_some()),
        // What did not fit is looked at below, whatever else was wrong.
        FaultKind::InvalidValue | FaultKind::MissingValue => true,
        _ => return None,
    };
    if !mended {
        return Some(fault);
    }
    let kind = TypeId::new(usize::from(kind));
    if !still_unfit(&old.schema, held, kind, wish).is_empty() {
        return Some(FaultKind::InvalidValue);
    }
    let lacks = |(attribute, described): (AttributeId, &crate::model::Attribute)| {
        let present = match wish.and_then(|wish| wish.values.get(&attribute.index())) {
            Some(value) => value.is_some(),
            None => held.row.values.iter().any(|(own, _)| &**own == described.name()),
        };
        !present && old.schema.requires(attribute, kind)
    };
    let waits = old.policy.remedy(FaultKind::MissingValue) == Remedy::Quarantine
        && (0..).map(AttributeId::new).zip(old.schema.attributes()).any(lacks);
    waits.then_some(FaultKind::MissingValue)
}

/// The attributes of a held account whose value is still none that a load would take: the change does not
/// speak of it, and neither does another type make it apply.
pub(super) fn still_unfit(
    schema: &Schema,
    held: &HeldAccount,
    kind: TypeId,
    wish: Option<&Wish>,
) -> Vec<Arc<str>> {
    let unfit = |name: &&Arc<str>| {
        let Some(attribute) = schema.attribute(name) else { return false };
        let spoken = wish.is_some_and(|wish| wish.values.contains_key(&attribute.index()));
        // A value that is there did not apply; one that did not fit is not there.
        let applies = held.row.value(name).is_some() && schema.applies(attribute, kind);
        !spoken && !applies
    };
    held.unfit.iter().filter(unfit).cloned().collect()
}

fn code(place: Option<usize>) -> u16 {
    place.and_then(|place| u16::try_from(place).ok()).unwrap_or(0)
}

pub(super) fn declared_parents(
    old: &Inner,
    id: &AccountId,
    before: Option<AccountIdx>,
    held: Option<&HeldAccount>,
) -> Vec<ParentLink> {
    if let Some(held) = held {
        return held.row.parents.clone();
    }
    if let Some(links) = old.held.links.get(id) {
        return links.clone();
    }
    let above = before.and_then(|place| old.parent(place));
    above.map(|above| ParentLink { rank: 0, parent: old.account_id(above) }).into_iter().collect()
}

/// Of several declared parents the one that travels in the `parent` column: a reader gives it rank 0.
pub(super) fn in_column(declared: &[ParentLink]) -> Option<&ParentLink> {
    declared.iter().find(|link| link.rank == 0)
}

impl Placing<'_> {
    /// Whether an account will be in the book after the change.
    pub(super) fn will_stand(&self, id: &AccountId, resolution: &Resolution) -> bool {
        match self.number.get(id).and_then(|number| resolution.places.get(*number as usize)) {
            Some(place) => !matches!(place, Place::Held(_) | Place::Below(_)),
            None => self.old.find(id.as_str()).is_some_and(|place| !self.removed.contains(&place)),
        }
    }
}
