//! Where does each declared account stand, and what is wrong?
//!
//! A pure function of the declarations and the policy: the same for a whole load and for the accounts
//! that a change touches, which then stand on the [`Ground`] of those that stay. Several parents are
//! decided before cycles; cycles before types; everything that hangs below a quarantined account is
//! quarantined with it. Nothing depends on the order of the declarations. Rulings S10 to S17 of
//! `docs/semantics`.

use std::collections::{HashMap, HashSet};

use super::{FaultKind, NO_PRODUCT, Policy, Remedy, TreeFault};
use crate::model::{AccountId, AccountIdx, RepeatedProducts, Schema, TypeId};

/// What a declared parent is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// Another of the accounts being placed.
    Here(u32),
    /// An account that stays where it is.
    Ground(AccountIdx),
    /// Nobody.
    Missing(AccountId),
}

/// One declared parent of one account.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) account: u32,
    pub(crate) rank: u32,
    pub(crate) target: Target,
}

/// Accounts to be placed.
pub(crate) struct Declared<'d> {
    pub(crate) id: &'d dyn Fn(u32) -> &'d str,
    pub(crate) kinds: &'d [u16],
    pub(crate) products: &'d [u16],
    /// Accounts that are quarantined for what their own row says.
    pub(crate) held: &'d [Option<FaultKind>],
    /// Sorted by account.
    pub(crate) links: &'d mut [Link],
}

/// Accounts that stay where they are while others are placed.
pub(crate) trait Ground {
    fn id(&self, account: AccountIdx) -> AccountId;
    fn parent(&self, account: AccountIdx) -> Option<AccountIdx>;
    fn kind(&self, account: AccountIdx) -> u16;
    fn product(&self, account: AccountIdx) -> Option<u16>;
    /// The account being placed that this account of the old tree is.
    fn moving(&self, account: AccountIdx) -> Option<u32>;
    /// Where one of the accounts being placed stands in the old tree.
    fn stood(&self, account: u32) -> Option<AccountIdx>;
    /// A staying child of `parent` that is the account of a product.
    fn product_children(&self, parent: AccountIdx) -> HashMap<u16, AccountIdx>;
}

/// No account stays: a whole load.
pub(crate) struct NoGround;

impl Ground for NoGround {
    fn id(&self, _: AccountIdx) -> AccountId {
        AccountId::trusted("")
    }
    fn parent(&self, _: AccountIdx) -> Option<AccountIdx> {
        None
    }
    fn kind(&self, _: AccountIdx) -> u16 {
        0
    }
    fn product(&self, _: AccountIdx) -> Option<u16> {
        None
    }
    fn moving(&self, _: AccountIdx) -> Option<u32> {
        None
    }
    fn stood(&self, _: u32) -> Option<AccountIdx> {
        None
    }
    fn product_children(&self, _: AccountIdx) -> HashMap<u16, AccountIdx> {
        HashMap::new()
    }
}

/// An account that a placed account may stand under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Up {
    Here(u32),
    Ground(AccountIdx),
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Root,
    /// A root only because of a fault.
    Adopted(FaultKind),
    Under(Up),
    /// Quarantined for a fault of its own.
    Held(FaultKind),
    /// Quarantined because an account above it is.
    Below(u32),
}

/// Where every account stands, and what is wrong.
#[derive(Debug)]
pub(crate) struct Resolution {
    pub(crate) places: Vec<Place>,
    pub(crate) faults: Vec<(TreeFault, Remedy)>,
}

/// Places every account.
///
/// # Complexity
///
/// O(accounts + links + ancestors on the ground of those that move), plus the sorting of links.
pub(crate) fn resolve<'d>(
    declared: Declared<'d>,
    ground: &'d dyn Ground,
    schema: &'d Schema,
    policy: &'d Policy,
) -> Resolution {
    let place = |held: &Option<FaultKind>| held.map_or(Place::Root, Place::Held);
    let places = declared.held.iter().map(place).collect();
    let mut run = Run { declared, ground, schema, policy, places, faults: Vec::new() };
    run.choose_parents();
    run.break_cycles();
    run.check_types();
    run.check_products();
    run.cascade();
    Resolution { places: run.places, faults: run.faults }
}

struct Run<'d> {
    declared: Declared<'d>,
    ground: &'d dyn Ground,
    schema: &'d Schema,
    policy: &'d Policy,
    places: Vec<Place>,
    faults: Vec<(TreeFault, Remedy)>,
}

#[expect(clippy::indexing_slicing, reason = "accounts are numbered below the length of `places`")]
impl Run<'_> {
    fn account_id(&self, account: u32) -> AccountId {
        AccountId::trusted((self.declared.id)(account))
    }

    fn up_id(&self, up: Up) -> AccountId {
        match up {
            Up::Here(account) => self.account_id(account),
            Up::Ground(account) => self.ground.id(account),
        }
    }

    // Records a fault and does to the account what the policy says.
    fn fault(&mut self, account: u32, fault: TreeFault) {
        let kind = fault.kind();
        let remedy = self.policy.remedy(kind);
        self.faults.push((fault, remedy));
        self.places[account as usize] = match remedy {
            Remedy::Keep => return,
            Remedy::Adopt => Place::Adopted(kind),
            _ => Place::Held(kind),
        };
    }

    fn choose_parents(&mut self) {
        let mut links = std::mem::take(&mut self.declared.links);
        while let Some(first) = links.first() {
            let account = first.account;
            let own = links.iter().take_while(|link| link.account == account).count();
            let (own, rest) = links.split_at_mut(own);
            links = rest;
            if !matches!(self.places[account as usize], Place::Held(_)) {
                self.choose_parent(account, own);
            }
        }
    }

    // Orders the links of one account by preference and stands it under the first that exists.
    fn choose_parent(&mut self, account: u32, links: &mut [Link]) {
        // The usual case: one parent, and it is there.
        if let [Link { target: Target::Here(parent), .. }] = links
            && *parent != account
        {
            self.places[account as usize] = Place::Under(Up::Here(*parent));
            return;
        }
        if links.len() > 1 {
            let name = |target: &Target| match target {
                Target::Here(other) => self.account_id(*other),
                Target::Ground(other) => self.ground.id(*other),
                Target::Missing(id) => id.clone(),
            };
            links.sort_by_cached_key(|link| (link.rank, name(&link.target)));
        }
        let mut existing: Vec<Up> = Vec::new();
        let mut missing: Vec<AccountId> = Vec::new();
        let mut own_parent = false;
        let mut seen: HashSet<&Target> = HashSet::new();
        for link in links.iter().filter(|link| seen.insert(&link.target)) {
            match &link.target {
                Target::Here(other) if *other == account => own_parent = true,
                Target::Here(other) => existing.push(Up::Here(*other)),
                Target::Ground(other) => existing.push(Up::Ground(*other)),
                Target::Missing(id) => missing.push(id.clone()),
            }
        }
        if let Some(first) = existing.first() {
            self.places[account as usize] = Place::Under(*first);
        }
        if own_parent {
            let before = self.places[account as usize];
            let id = self.account_id(account);
            self.fault(account, TreeFault::SelfParent { account: id });
            // The link to itself is left out; another parent takes its place.
            if matches!(self.places[account as usize], Place::Adopted(_)) && before != Place::Root {
                self.places[account as usize] = before;
            }
        }
        for parent in missing {
            let fault = TreeFault::MissingParent {
                account: self.account_id(account),
                parent,
                placed_elsewhere: !existing.is_empty(),
                same_record: None,
            };
            if existing.is_empty() {
                self.fault(account, fault);
            } else {
                self.faults.push((fault, self.policy.remedy(FaultKind::MissingParent)));
            }
        }
        if existing.len() > 1 {
            let parents = existing.iter().map(|up| self.up_id(*up)).collect();
            let fault = TreeFault::SeveralParents { account: self.account_id(account), parents };
            let before = self.places[account as usize];
            self.fault(account, fault);
            if self.policy.remedy(FaultKind::SeveralParents) == Remedy::Prefer {
                self.places[account as usize] = before;
            }
        }
    }

    // The next step up from an account, through those being placed and the ground alike.
    fn step(&self, from: Up) -> Option<Up> {
        match from {
            Up::Here(account) => match self.places[account as usize] {
                Place::Under(up) => Some(up),
                _ => None,
            },
            Up::Ground(account) => {
                let parent = self.ground.parent(account)?;
                Some(self.ground.moving(parent).map_or(Up::Ground(parent), Up::Here))
            }
        }
    }

    // Walks up from every account once; a walk that meets itself has found a cycle.
    fn break_cycles(&mut self) {
        const NEW: u32 = 0;
        let mut walk_of: Vec<u32> = vec![NEW; self.places.len()];
        let mut ground_walk: HashMap<AccountIdx, u32> = HashMap::new();
        let mut path: Vec<Up> = Vec::new();
        for start in 0..self.places.len() {
            let Ok(start) = u32::try_from(start) else { return };
            let walk = start + 1;
            path.clear();
            let mut at = Some(Up::Here(start));
            while let Some(up) = at {
                let seen = match up {
                    Up::Here(account) => &mut walk_of[account as usize],
                    Up::Ground(account) => ground_walk.entry(account).or_insert(NEW),
                };
                if *seen == walk {
                    let from = path.iter().position(|other| *other == up).unwrap_or(0);
                    self.cycle(&path[from..]);
                    break;
                }
                if *seen != NEW {
                    break;
                }
                *seen = walk;
                path.push(up);
                at = self.step(up);
            }
        }
    }

    fn cycle(&mut self, members: &[Up]) {
        let mut ids: Vec<(AccountId, Up)> = members.iter().map(|up| (self.up_id(*up), *up)).collect();
        ids.sort();
        let remedy = self.policy.remedy(FaultKind::Cycle);
        let here = ids.iter().filter_map(|(_, up)| match up {
            Up::Here(account) => Some(*account),
            Up::Ground(_) => None,
        });
        match remedy {
            // Broken at the smallest id: the rest of the family keeps hanging below it.
            Remedy::Adopt => {
                for account in here.take(1) {
                    self.places[account as usize] = Place::Adopted(FaultKind::Cycle);
                }
            }
            _ => {
                for account in here {
                    self.places[account as usize] = Place::Held(FaultKind::Cycle);
                }
            }
        }
        let members = ids.into_iter().map(|(id, _)| id).collect();
        self.faults.push((TreeFault::Cycle { members }, remedy));
    }

    fn kind_of(&self, up: Up) -> u16 {
        match up {
            Up::Here(account) => self.declared.kinds[account as usize],
            Up::Ground(account) => self.ground.kind(account),
        }
    }

    fn is_product(&self, up: Up) -> bool {
        match up {
            Up::Here(account) => self.declared.products[account as usize] != NO_PRODUCT,
            Up::Ground(account) => self.ground.product(account).is_some(),
        }
    }

    fn type_name(&self, kind: u16) -> String {
        let name = self.schema.type_at(TypeId::new(usize::from(kind))).map(|t| t.name().to_owned());
        name.unwrap_or_default()
    }

    // Judged on the places before this step, all at once: no order of accounts may show.
    fn check_types(&mut self) {
        let mut found: Vec<(u32, TreeFault)> = Vec::new();
        for account in 0..self.places.len() {
            let Place::Under(up) = self.places[account] else { continue };
            let Ok(account) = u32::try_from(account) else { break };
            // What hangs below a quarantined account is judged when that is mended.
            if matches!(up, Up::Here(parent) if matches!(self.places[parent as usize], Place::Held(_))) {
                continue;
            }
            let (kind, above) = (self.declared.kinds[account as usize], self.kind_of(up));
            let nests = self.schema.may_nest(TypeId::new(usize::from(above)), TypeId::new(usize::from(kind)));
            if self.is_product(up) {
                let fault =
                    TreeFault::UnderProduct { account: self.account_id(account), parent: self.up_id(up) };
                found.push((account, fault));
            } else if !nests {
                let fault = TreeFault::TypeOrder {
                    account: self.account_id(account),
                    account_type: self.type_name(kind),
                    parent: self.up_id(up),
                    parent_type: self.type_name(above),
                };
                found.push((account, fault));
            }
        }
        for (account, fault) in found {
            self.fault(account, fault);
        }
    }

    // Under one parent the product account with the smallest id is kept, where a product may be held once.
    fn check_products(&mut self) {
        if self.schema.repeated_products() == RepeatedProducts::Allow {
            return;
        }
        // Plain numbers sort fastest; ids decide only between accounts of one product under one parent.
        let mut owned: Vec<(u128, Up, u16, u32)> = Vec::new();
        for (account, (place, product)) in (0_u32..).zip(self.places.iter().zip(self.declared.products)) {
            if let (Place::Under(up), true) = (place, *product != NO_PRODUCT) {
                let above = match up {
                    Up::Here(number) => u128::from(*number),
                    Up::Ground(place) => 1 << 64 | u128::from(place.slot) << 32 | u128::from(place.row),
                };
                owned.push((above << 16 | u128::from(*product), *up, *product, account));
            }
        }
        owned.sort_unstable_by_key(|(key, ..)| *key);
        let id = self.declared.id;
        for same in owned.chunk_by_mut(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            same.sort_unstable_by(|a, b| id(a.3).cmp(id(b.3)));
        }
        // The staying product accounts under one parent, looked up once for all that enter it.
        let mut staying: (Option<AccountIdx>, HashMap<u16, AccountIdx>) = (None, HashMap::new());
        let mut kept: Option<(Up, u16, Up)> = None;
        for (_, up, product, account) in owned {
            let first = match kept {
                Some((other, same, first)) if other == up && same == product => Some(first),
                _ => {
                    // An account that is placed anew keeps the children that stay.
                    let above = match up {
                        Up::Ground(parent) => Some(parent),
                        Up::Here(parent) => self.ground.stood(parent),
                    };
                    if above != staying.0 {
                        staying = (
                            above,
                            above.map(|above| self.ground.product_children(above)).unwrap_or_default(),
                        );
                    }
                    staying.1.get(&product).copied().map(Up::Ground)
                }
            };
            kept = Some((up, product, first.unwrap_or(Up::Here(account))));
            if let Some(first) = first {
                let name = self.schema.product_values().text(product).map(ToString::to_string);
                let fault = TreeFault::RepeatedProduct {
                    account: self.account_id(account),
                    kept: self.up_id(first),
                    parent: self.up_id(up),
                    product: name.unwrap_or_default(),
                };
                self.fault(account, fault);
            }
        }
    }

    // What hangs below a quarantined account is quarantined with it.
    fn cascade(&mut self) {
        // For each account: not known yet, stands, or the account that holds it back.
        const UNKNOWN: u32 = u32::MAX;
        const STANDS: u32 = u32::MAX - 1;
        if !self.places.iter().any(|place| matches!(place, Place::Held(_))) {
            return;
        }
        let mut held_by = vec![UNKNOWN; self.places.len()];
        let mut path: Vec<u32> = Vec::new();
        for start in 0..self.places.len() {
            let Ok(start) = u32::try_from(start) else { return };
            path.clear();
            let mut at = start;
            let verdict = loop {
                if held_by[at as usize] != UNKNOWN {
                    break held_by[at as usize];
                }
                path.push(at);
                match self.places[at as usize] {
                    Place::Held(_) | Place::Below(_) => break at,
                    Place::Under(Up::Here(up)) => at = up,
                    // The ground stands: a change never quarantines what is placed (it is refused).
                    Place::Root | Place::Adopted(_) | Place::Under(Up::Ground(_)) => break STANDS,
                }
            };
            for account in path.drain(..) {
                held_by[account as usize] = verdict;
                if verdict != STANDS && !matches!(self.places[account as usize], Place::Held(_)) {
                    self.places[account as usize] = Place::Below(verdict);
                }
            }
        }
    }
}
