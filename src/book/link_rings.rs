//! Which declared links form a ring that the choice of parents leaves open?
//!
//! A ring is a strongly connected component of the graph of declared links, held accounts included, in which
//! some account declares several parents. A ring in which everybody declares one parent is a cycle of the
//! tree, and is reported as that only. Whether a ring is a fault therefore depends on its members alone, and a
//! change has to look no further than the accounts above those that it places. Ruling S12 of
//! `docs/semantics`.

use std::collections::HashMap;

use super::Inner;
use super::change::ChangeProblem;
use super::placing::{Placing, declared_parents};
use crate::model::{AccountId, ParentLink};
use crate::tree::{FaultKind, Remedy, TreeFault};

/// The rings among `accounts` numbered accounts, by the links from an account to a parent.
///
/// `declares_several` says of an account whether it declares more than one parent. Members are in order of
/// number, rings in no order.
pub(super) fn link_rings(
    accounts: u32,
    links: impl Iterator<Item = (u32, u32)>,
    declares_several: &dyn Fn(u32) -> bool,
) -> Vec<Vec<u32>> {
    let mut graph = petgraph::graph::DiGraph::<(), ()>::with_capacity(accounts as usize, links.size_hint().0);
    for _ in 0..accounts {
        graph.add_node(());
    }
    for (account, parent) in links.filter(|(account, parent)| account != parent) {
        graph.add_edge(account.into(), parent.into(), ());
    }
    // Kosaraju's algorithm, since petgraph's version of Tarjan's recurses on the depth of the data.
    let components = petgraph::algo::kosaraju_scc(&graph).into_iter().filter(|members| members.len() > 1);
    let numbers = components.map(|members| {
        let mut members: Vec<u32> =
            members.into_iter().filter_map(|node| u32::try_from(node.index()).ok()).collect();
        members.sort_unstable();
        members
    });
    numbers.filter(|members| members.iter().any(|member| declares_several(*member))).collect()
}

/// Refuses rings that a load would refuse.
///
/// A book whose policy refuses such rings has none, so that each ring passes through an account that is placed
/// anew, and lies among the accounts above those.
pub(super) fn check_link_rings(old: &Inner, placing: &Placing<'_>, problems: &mut Vec<ChangeProblem>) {
    let several = |links: &[ParentLink]| links.iter().any(|link| Some(&link.parent) != first_parent(links));
    let held = &old.held;
    let declared_anywhere = placing.parents.iter().any(|links| several(links))
        || held.links.values().any(|links| several(links))
        || held.accounts.values().any(|account| several(&account.row.parents));
    if old.policy.remedy(FaultKind::LinkCycle) != Remedy::Reject || !declared_anywhere {
        return;
    }
    let mut ids: Vec<AccountId> = placing.ids.clone();
    let mut number: HashMap<AccountId, u32> = (0..).zip(&ids).map(|(at, id)| (id.clone(), at)).collect();
    let mut declares_several: Vec<bool> = Vec::new();
    let mut links: Vec<(u32, u32)> = Vec::new();
    let mut at = 0_u32;
    while let Some(id) = ids.get(at as usize).cloned() {
        let declared = match placing.parents.get(at as usize) {
            Some(parents) => parents.clone(),
            None => declared_parents(old, &id, old.find(id.as_str()), held.accounts.get(&id)),
        };
        declares_several.push(several(&declared));
        for link in declared.into_iter().filter(|link| exists(old, placing, &link.parent)) {
            let above = *number.entry(link.parent.clone()).or_insert_with(|| {
                ids.push(link.parent);
                u32::try_from(ids.len() - 1).unwrap_or(u32::MAX)
            });
            links.push((at, above));
        }
        at += 1;
    }
    let several = |account: u32| declares_several.get(account as usize) == Some(&true);
    for ring in link_rings(at, links.into_iter(), &several) {
        let mut members: Vec<AccountId> =
            ring.into_iter().filter_map(|member| ids.get(member as usize).cloned()).collect();
        members.sort();
        problems.push(ChangeProblem::Tree(TreeFault::LinkCycle { members }));
    }
}

fn first_parent(links: &[ParentLink]) -> Option<&AccountId> {
    links.first().map(|link| &link.parent)
}

// Whether an account is declared after the change, be it placed or held.
fn exists(old: &Inner, placing: &Placing<'_>, id: &AccountId) -> bool {
    placing.number.contains_key(id)
        || old.find(id.as_str()).is_some_and(|place| !placing.removed.contains(&place))
        || (old.held.accounts.contains_key(id) && !placing.removed_held.contains(id))
}
