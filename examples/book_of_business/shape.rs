//! Which shape do all declared links have, those in the tree and those beside it?

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::error::Error;

use perennial::graph::LinkGraph;
use perennial::graph::LinkKind;
use perennial::hierarchy::AccountTree;
use perennial::{Account, AccountIdx, View};
use petgraph::unionfind::UnionFind;
use petgraph::visit::NodeIndexable;
use serde_json::Value;

use crate::measured::{Check, field};

/// The shape of all declared links, be they in the tree or beside it.
#[derive(Debug, Default)]
pub struct Shape {
    pub roots: Vec<AccountIdx>,
    leaves: usize,
    several: usize,
    most_parents: usize,
    /// Owners of the most, with how many.
    owners: Vec<(String, usize)>,
    /// Loops by their ids.
    rings: Vec<Vec<String>>,
    /// Sizes of the groups that hang together, the largest first.
    components: Vec<usize>,
    /// How many stand at each level, by the shortest way from a top company.
    levels: BTreeMap<usize, usize>,
    unreached: usize,
    longest: usize,
}

impl Shape {
    /// The shape of a view; `name` says how accounts are called in the measured figures.
    pub fn of(view: &View, name: impl Fn(Account<'_>) -> String) -> Self {
        let links = view.link_graph();
        let mut shape = Self::default();
        let mut owners: Vec<(String, usize)> = Vec::new();
        for account in view.accounts() {
            let (above, below) = (links.above(account.place()).count(), links.below(account.place()).count());
            if above == 0 {
                shape.roots.push(account.place());
            }
            shape.leaves += usize::from(below == 0);
            shape.several += usize::from(above > 1);
            shape.most_parents = shape.most_parents.max(above);
            owners.push((name(account), below));
        }
        owners.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        owners.truncate(5);
        shape.owners = owners;
        shape.find_components(view, links);
        shape.find_levels(view, links);
        let components = petgraph::algo::kosaraju_scc(links);
        for ring in components.iter().filter(|ring| ring.len() > 1) {
            let mut ids: Vec<String> =
                ring.iter().filter_map(|place| Some(view.id(*place)?.to_string())).collect();
            ids.sort();
            shape.rings.push(ids);
        }
        shape.rings.sort();
        shape.longest = longest(view, links, &components);
        shape
    }

    /// Each figure of the shape beside the measured one.
    pub fn checks(&self, view: &View, measured: &Value) -> Result<Vec<Check>, Box<dyn Error>> {
        let same = |what: &str, ours: Value, key: &str| Check::new(what, ours, field(measured, key));
        let largest: Vec<usize> = self.components.iter().copied().take(5).collect();
        Ok(vec![
            same("accounts", view.len().into(), "nodes"),
            same("declared links", view.link_graph().links().count().into(), "distinct_edges"),
            same("roots", self.roots.len().into(), "roots"),
            same("leaves", self.leaves.into(), "leaves"),
            same("accounts with several parents", self.several.into(), "nodes_with_several_parents"),
            same("most parents of one", self.most_parents.into(), "max_parents"),
            same("accounts that no root reaches", self.unreached.into(), "not_reachable_from_a_root"),
            same("separate groups", self.components.len().into(), "weak_components"),
            same("largest groups", largest.into(), "largest_components"),
            same("loops", serde_json::to_value(&self.rings)?, "cycles"),
            same("levels, by the shortest way", serde_json::to_value(&self.levels)?, "min_depth_histogram"),
            same("levels, by the longest way", self.longest.into(), "longest_chain_ignoring_cycles"),
            same("most below one", serde_json::to_value(&self.owners)?, "largest_fan_outs"),
        ])
    }

    fn find_components(&mut self, view: &View, links: LinkGraph<'_>) {
        let mut groups = UnionFind::<usize>::new(view.bound());
        for link in links.links() {
            groups.union(links.to_index(link.parent()), links.to_index(link.child()));
        }
        let mut sizes: HashMap<usize, usize> = HashMap::new();
        for group in groups.into_labeling() {
            *sizes.entry(group).or_default() += 1;
        }
        self.components = sizes.into_values().collect();
        self.components.sort_unstable_by(|a, b| b.cmp(a));
    }

    // Breadth first, from all top companies at once.
    fn find_levels(&mut self, view: &View, links: LinkGraph<'_>) {
        let mut level: HashMap<AccountIdx, usize> = self.roots.iter().map(|root| (*root, 1)).collect();
        let mut queue: VecDeque<AccountIdx> = self.roots.iter().copied().collect();
        while let Some(place) = queue.pop_front() {
            let next = level.get(&place).map_or(1, |level| level + 1);
            for link in links.below(place) {
                level.entry(link.child()).or_insert_with(|| {
                    queue.push_back(link.child());
                    next
                });
            }
        }
        self.unreached = view.len() - level.len();
        for level in level.into_values() {
            *self.levels.entry(level).or_default() += 1;
        }
    }
}

// The longest way down, each loop taken as one entity: the loops come in the order in which no link leads
// back (Kosaraju's algorithm answers children before parents).
fn longest(view: &View, links: LinkGraph<'_>, components: &[Vec<AccountIdx>]) -> usize {
    let mut component: Vec<usize> = vec![0; view.bound()];
    for (number, members) in components.iter().enumerate() {
        for place in members {
            if let Some(own) = component.get_mut(links.to_index(*place)) {
                *own = number;
            }
        }
    }
    let of = |place: AccountIdx| component.get(links.to_index(place)).copied().unwrap_or(0);
    let mut lengths: Vec<usize> = Vec::with_capacity(components.len());
    for (number, members) in components.iter().enumerate() {
        let below = members.iter().flat_map(|place| links.below(*place)).map(|link| of(link.child()));
        let deepest = below.filter(|other| *other != number).filter_map(|other| lengths.get(other)).max();
        lengths.push(1 + deepest.copied().unwrap_or(0));
    }
    lengths.into_iter().max().unwrap_or(0)
}

/// Links of the tree and links beside it.
pub fn by_kind(view: &View) -> (usize, usize) {
    let kinds = view.link_graph().links();
    let (tree, extra): (Vec<_>, Vec<_>) = kinds.partition(|link| link.kind() == LinkKind::Tree);
    (tree.len(), extra.len())
}

/// How deep the tree of the book is.
pub fn levels(view: &View) -> usize {
    let mut deepest = 0;
    let mut level: HashMap<AccountIdx, usize> = HashMap::new();
    for place in view.walk() {
        let own = AccountTree::parent(view, place).and_then(|up| level.get(&up).copied()).unwrap_or(0) + 1;
        level.insert(place, own);
        deepest = deepest.max(own);
    }
    deepest
}
