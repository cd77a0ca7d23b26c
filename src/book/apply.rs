//! Which book results from a change?
//!
//! First the wishes are gathered by account and checked against the schema; then every account whose
//! place may differ is placed anew on the ground of those that stay (the touched ones, and those that
//! waited for what the change brings); only when nothing is wrong is anything built.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::change::{ChangeItem, ChangeProblem};
use super::restructure::{NewAccount, Plan, Under, restructure};
use super::values::{ChildEdits, apply_children, apply_values};
use super::{
    AccountMove, Book, Change, ChangeError, ChangeReport, HeldAccount, HeldReason, Inner, ValueChange,
};
use crate::column::{Raw, raw_of, value_of};
use crate::model::{
    AccountId, AccountIdx, AccountRow, AttributeId, ParentLink, ProductId, Schema, TypeId, Value, ValueFault,
    ValueFaultKind,
};
use crate::tree::resolve::{Declared, Ground, Link, Place, Resolution, Target, Up, resolve};
use crate::tree::{FaultKind, NO_PRODUCT, Remedy};

/// The wishes for one account.
#[derive(Debug, Default)]
struct Wish {
    add: bool,
    remove: bool,
    remove_subtree: bool,
    parents: Option<Vec<ParentLink>>,
    kind: Option<u16>,
    product: Option<u16>,
    values: BTreeMap<usize, Option<Value>>,
}

impl Wish {
    fn is_structural(&self) -> bool {
        self.add || self.parents.is_some() || self.kind.is_some() || self.product.is_some()
    }
}

impl Book {
    /// The book after a change; this one stays as it is and shares everything untouched.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] with everything that is wrong; nothing is applied then.
    ///
    /// # Complexity
    ///
    /// A value costs a copy of one column of one chunk. A move, an added or a removed account costs the
    /// rows of the chunks that it leaves and enters, whatever the size of the tree.
    pub fn apply(&self, change: &Change) -> Result<(Self, ChangeReport), ChangeError> {
        let old = &*self.0;
        let mut problems = Vec::new();
        let mut wishes = gather(old, change, &mut problems);
        let child_edits = ChildEdits::gather(old, change, &mut problems);
        let removed = removed_accounts(old, &wishes, &mut problems);
        let placing = Placing::new(old, &wishes, &removed);
        let resolution = placing.resolve(old);
        check_places(old, &placing, &resolution, &mut problems);
        check_below(old, &placing, &removed, &mut problems);
        check_required(old, &wishes, &placing, &mut problems);
        child_edits.check(old, &|id| placing.will_stand(id), &removed, &mut problems);
        if !problems.is_empty() {
            problems.sort_by_cached_key(ToString::to_string);
            problems.dedup();
            return Err(ChangeError::new(problems));
        }
        let mut report = ChangeReport::default();
        let mut next = old.clone();
        next.version += 1;
        build_structure(old, &mut next, &placing, &resolution, &removed, &mut wishes, &mut report);
        let edits = edits_of(&next_places(&next, &wishes), &wishes, old);
        apply_values(old, &mut next, edits);
        apply_children(old, &mut next, &child_edits, &removed, &mut report);
        describe(old, &next, &wishes, &placing, &mut report);
        report.finish();
        Ok((Self(Arc::new(next)), report))
    }
}

fn conflict(problems: &mut Vec<ChangeProblem>, account: &AccountId, what: &str) {
    problems.push(ChangeProblem::Conflict { account: account.to_string(), what: what.to_owned() });
}

// The wishes by account, checked against the schema.
fn gather(old: &Inner, change: &Change, problems: &mut Vec<ChangeProblem>) -> BTreeMap<AccountId, Wish> {
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
            ChangeItem::AddChild { .. }
            | ChangeItem::SetChild { .. }
            | ChangeItem::MoveChild { .. }
            | ChangeItem::RemoveChild { .. } => {}
        }
    }
    for (account, wish) in &wishes {
        let exists = old.find(account.as_str()).is_some() || old.held.accounts.contains_key(account);
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
fn removed_accounts(
    old: &Inner,
    wishes: &BTreeMap<AccountId, Wish>,
    problems: &mut Vec<ChangeProblem>,
) -> HashSet<AccountIdx> {
    let mut removed = HashSet::new();
    let mut stack = Vec::new();
    let mut staying: HashSet<AccountIdx> = HashSet::new();
    for (id, wish) in wishes {
        let Some(place) = old.find(id.as_str()) else { continue };
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

/// The accounts that are placed anew, as if they were a load on the ground of the others.
struct Placing<'o> {
    old: &'o Inner,
    ids: Vec<AccountId>,
    number: HashMap<AccountId, u32>,
    /// Where each stands in the old book.
    before: Vec<Option<AccountIdx>>,
    /// Whether the change speaks of it.
    touched: Vec<bool>,
    /// Declared parents.
    parents: Vec<Vec<ParentLink>>,
    kinds: Vec<u16>,
    products: Vec<u16>,
    moving: HashMap<AccountIdx, u32>,
    removed: &'o HashSet<AccountIdx>,
    removed_held: BTreeSet<AccountId>,
}

impl<'o> Placing<'o> {
    fn new(old: &'o Inner, wishes: &BTreeMap<AccountId, Wish>, removed: &'o HashSet<AccountIdx>) -> Self {
        let mut affected: BTreeMap<AccountId, bool> = BTreeMap::new();
        let mut seeds: Vec<AccountId> = Vec::new();
        let mut removed_held = BTreeSet::new();
        for (id, wish) in wishes {
            if wish.is_structural() {
                affected.insert(id.clone(), true);
                seeds.push(id.clone());
                // Who shares a parent with it may own the same product, or wait because of it.
                let above = old.find(id.as_str()).and_then(|place| old.parent(place));
                seeds.extend(above.map(|place| old.account_id(place)));
                seeds.extend(wish.parents.iter().flatten().map(|link| link.parent.clone()));
            }
            if (wish.remove || wish.remove_subtree) && old.held.accounts.contains_key(id) {
                removed_held.insert(id.clone());
                seeds.push(id.clone());
            }
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
        while let Some(id) = seeds.pop() {
            if seen.insert(id.clone()) {
                for waiting in old.held.naming(&id).filter(|waiting| !gone(waiting)) {
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
            removed_held: removed_held.clone(),
        };
        for (id, touched) in affected {
            placing.add(id, touched, wishes);
        }
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

    fn resolve(&self, old: &Inner) -> Resolution {
        let mut links: Vec<Link> = Vec::new();
        for (account, parents) in (0_u32..).zip(&self.parents) {
            for link in parents {
                links.push(Link { account, rank: link.rank, target: self.target(&link.parent) });
            }
        }
        // A row that is at fault in itself stays held until the change gives it what it lacks.
        let held: Vec<Option<FaultKind>> = self
            .ids
            .iter()
            .zip(&self.touched)
            .map(|(id, touched)| match old.held.accounts.get(id).map(|held| &held.reason) {
                Some(HeldReason::Fault(
                    kind @ (FaultKind::InvalidValue
                    | FaultKind::MissingValue
                    | FaultKind::UnknownProduct
                    | FaultKind::UnknownType),
                )) if !touched => Some(*kind),
                _ => None,
            })
            .collect();
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

    fn product_child(&self, parent: AccountIdx, product: u16) -> Option<AccountIdx> {
        let mut children = Vec::new();
        self.old.children_into(parent, &mut children);
        let stays = |child: &AccountIdx| !self.moving.contains_key(child) && !self.removed.contains(child);
        children.into_iter().filter(stays).find(|child| self.product(*child) == Some(product))
    }
}

fn code(place: Option<usize>) -> u16 {
    place.and_then(|place| u16::try_from(place).ok()).unwrap_or(0)
}

fn declared_parents(
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

// Refuses faults of touched accounts, and faults that would put a placed account out of the book.
fn check_places(
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
        let preferred = fault.kind() == FaultKind::SeveralParents && *remedy == Remedy::Prefer;
        if !preferred && fault.accounts().into_iter().any(touched) {
            problems.push(ChangeProblem::Tree(fault.clone()));
        }
    }
    for ((id, place), before) in placing.ids.iter().zip(&resolution.places).zip(&placing.before) {
        match place {
            Place::Below(by) if touched(id) => {
                let above = placing.ids.get(*by as usize).cloned().unwrap_or_else(|| id.clone());
                problems.push(ChangeProblem::UnderHeld { account: id.clone(), above });
            }
            Place::Held(_) | Place::Below(_) if before.is_some() => {
                problems.push(ChangeProblem::WouldBeHeld { account: id.clone() });
            }
            Place::Adopted(_) if before.is_some() && !touched(id) && !old.held.adopted.contains_key(id) => {
                problems.push(ChangeProblem::WouldBeHeld { account: id.clone() });
            }
            _ => {}
        }
    }
}

// Accounts that stay must not lose their parent, nor stand under what it has become.
fn check_below(
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
                crate::tree::TreeFault::UnderProduct { account, parent }
            } else if old.schema.may_nest(above, below) {
                continue;
            } else {
                let (account_type, parent_type) = (name(below), name(above));
                crate::tree::TreeFault::TypeOrder { account, account_type, parent, parent_type }
            };
            problems.push(ChangeProblem::Tree(fault));
        }
    }
}

// Values that an account must have and would not, and values where the attribute does not apply.
fn check_required(
    old: &Inner,
    wishes: &BTreeMap<AccountId, Wish>,
    placing: &Placing<'_>,
    problems: &mut Vec<ChangeProblem>,
) {
    for (id, wish) in wishes {
        if wish.remove || wish.remove_subtree || (wish.values.is_empty() && wish.kind.is_none()) {
            continue;
        }
        let before = old.find(id.as_str());
        let number = placing.number.get(id).map(|number| *number as usize);
        let kind = match number.and_then(|number| placing.kinds.get(number)) {
            Some(kind) => *kind,
            None => before.map_or(0, |place| placing.kind(place)),
        };
        let kind = TypeId::new(usize::from(kind));
        for (attribute, described) in (0..).map(AttributeId::new).zip(old.schema.attributes()) {
            let wished = wish.values.get(&attribute.index());
            if wished.is_none() && wish.kind.is_none() {
                continue;
            }
            let present = match wished {
                Some(value) => value.is_some(),
                None => has_value(old, id, before, attribute),
            };
            let fault = if !present && old.schema.requires(attribute, kind) {
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

// Moves, adds, removes and relabels accounts, and keeps the declarations that the tree does not show.
fn build_structure(
    old: &Inner,
    next: &mut Inner,
    placing: &Placing<'_>,
    resolution: &Resolution,
    removed: &HashSet<AccountIdx>,
    wishes: &mut BTreeMap<AccountId, Wish>,
    report: &mut ChangeReport,
) {
    let mut plan = Plan { removed: removed.clone(), ..Plan::default() };
    let mut newcomers: Vec<Option<u32>> = vec![None; placing.ids.len()];
    for (number, (place, before)) in resolution.places.iter().zip(&placing.before).enumerate() {
        let stands = !matches!(place, Place::Held(_) | Place::Below(_));
        if stands && before.is_none() {
            if let Some(newcomer) = newcomers.get_mut(number) {
                *newcomer = u32::try_from(plan.added.len()).ok();
            }
            let kind = placing.kinds.get(number).copied().unwrap_or(0);
            let product = placing.products.get(number).copied().unwrap_or(NO_PRODUCT);
            if let Some(id) = placing.ids.get(number) {
                plan.added.push(NewAccount { id: id.clone(), kind, product, under: Under::Root });
            }
        }
    }
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
    let mut held_changed = !placing.ids.is_empty() || !removed.is_empty();
    for (number, place) in resolution.places.iter().enumerate() {
        let Some(id) = placing.ids.get(number) else { continue };
        let parents = placing.parents.get(number).cloned().unwrap_or_default();
        let row = held.release(id);
        match place {
            Place::Held(kind) => {
                hold(&mut held, row, id, parents, HeldReason::Fault(*kind), placing, number, wishes)
            }
            Place::Below(by) => {
                let above = placing.ids.get(*by as usize).cloned().unwrap_or_else(|| id.clone());
                hold(&mut held, row, id, parents, HeldReason::Below(above), placing, number, wishes);
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
                    held.keep_links(id.clone(), sorted_links(parents));
                }
                if let Place::Adopted(kind) = place {
                    held.adopted.insert(id.clone(), *kind);
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
                            None => report.added.push(id.clone()),
                        }
                    }
                    (None, None) => {}
                }
            }
        }
    }
    for id in &placing.removed_held {
        held.release(id);
        held_changed = true;
        report.removed.push(id.clone());
    }
    for place in removed {
        let id = old.account_id(*place);
        held.release(&id);
        report.removed.push(id);
    }
    held_changed |= edit_held_values(old, &mut held, wishes, placing);
    if held_changed {
        next.held = Arc::new(held);
    }
    if !plan.is_empty() {
        restructure(next, &plan);
    }
}

fn up_is(placing: &Placing<'_>, up: Up, id: &AccountId) -> bool {
    match up {
        Up::Here(number) => placing.ids.get(number as usize) == Some(id),
        Up::Ground(place) => placing.old.id(place) == id.as_str(),
    }
}

fn sorted_links(mut links: Vec<ParentLink>) -> Vec<ParentLink> {
    links.sort();
    links.dedup_by(|a, b| a.parent == b.parent);
    links
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
    row.parents = parents;
    if wishes.get(id).is_some_and(Wish::is_structural) {
        let kind = placing.kinds.get(number).map_or(0, |kind| usize::from(*kind));
        let schema = &placing.old.schema;
        row.account_type = Arc::from(schema.type_at(TypeId::new(kind)).map_or("", |kind| kind.name()));
        let product = placing.products.get(number).copied().filter(|p| *p != NO_PRODUCT);
        let product = product.and_then(|p| schema.product_at(ProductId::new(usize::from(p))));
        row.product = product.map(|product| Arc::from(product.name()));
    }
    held.hold(HeldAccount { row, reason });
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
) -> bool {
    let mut changed = false;
    for (id, wish) in
        wishes.iter().filter(|(id, wish)| !wish.values.is_empty() && !placing.removed_held.contains(*id))
    {
        let Some(account) = held.accounts.get_mut(id) else { continue };
        changed = true;
        for (attribute, value) in &wish.values {
            let Some(described) = old.schema.attribute_at(AttributeId::new(*attribute)) else { continue };
            account.row.values.retain(|(name, _)| &**name != described.name());
            account.row.values.extend(value.clone().map(|value| (Arc::from(described.name()), value)));
        }
    }
    changed
}

// Where the accounts with wishes stand in the new book.
fn next_places(next: &Inner, wishes: &BTreeMap<AccountId, Wish>) -> Vec<(AccountIdx, AccountId)> {
    let with_values = wishes.iter().filter(|(_, wish)| !wish.values.is_empty());
    with_values.filter_map(|(id, _)| Some((next.find(id.as_str())?, id.clone()))).collect()
}

/// Edits by slot and column.
pub(super) type ValueEdits = BTreeMap<(u32, usize), Vec<(usize, Option<Raw<'static>>)>>;

fn edits_of(
    places: &[(AccountIdx, AccountId)],
    wishes: &BTreeMap<AccountId, Wish>,
    old: &Inner,
) -> ValueEdits {
    let mut edits: ValueEdits = BTreeMap::new();
    for (place, id) in places {
        for (attribute, value) in wishes.get(id).into_iter().flat_map(|wish| &wish.values) {
            let Some(described) = old.schema.attribute_at(AttributeId::new(*attribute)) else { continue };
            let raw = value.as_ref().and_then(|value| raw_of(value, described));
            edits.entry((place.slot, *attribute)).or_default().push((place.row as usize, raw));
        }
    }
    edits
}

// Values and moves, for the report.
fn describe(
    old: &Inner,
    next: &Inner,
    wishes: &BTreeMap<AccountId, Wish>,
    placing: &Placing<'_>,
    report: &mut ChangeReport,
) {
    let value = |inner: &Inner, place: AccountIdx, attribute: usize| {
        let described = inner.schema.attribute_at(AttributeId::new(attribute))?;
        value_of(inner.chunk(place.slot)?.column(attribute)?.get(place.row as usize)?, described.kind())
    };
    for (id, wish) in wishes {
        let (Some(before), Some(after)) = (old.find(id.as_str()), next.find(id.as_str())) else { continue };
        for attribute in wish.values.keys() {
            let (from, to) = (value(old, before, *attribute), value(next, after, *attribute));
            let Some(described) =
                old.schema.attribute_at(AttributeId::new(*attribute)).filter(|_| from != to)
            else {
                continue;
            };
            let attribute = Arc::from(described.name());
            report.values.push(ValueChange { account: id.clone(), child: None, attribute, from, to });
        }
    }
    let path = |inner: &Inner, place: AccountIdx| {
        let mut ids = Vec::new();
        let mut at = inner.parent(place);
        while let Some(above) = at {
            ids.push(inner.account_id(above));
            at = inner.parent(above);
        }
        ids
    };
    for (id, before) in placing.ids.iter().zip(&placing.before) {
        let (Some(before), Some(after)) = (before, next.find(id.as_str())) else { continue };
        let above = |inner: &Inner, place| inner.parent(place).map(|up| inner.account_id(up));
        if above(old, *before) != above(next, after) {
            let (from, to) = (path(old, *before), path(next, after));
            report.moves.push(AccountMove { account: id.clone(), from, to });
        }
    }
}

impl Placing<'_> {
    /// Whether an account will be in the book after the change.
    pub(super) fn will_stand(&self, id: &AccountId) -> bool {
        self.number.contains_key(id)
            || self.old.find(id.as_str()).is_some_and(|place| !self.removed.contains(&place))
    }
}
