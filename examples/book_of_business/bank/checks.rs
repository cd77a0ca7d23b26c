//! Is the book what the data set is known to be?
//!
//! The shape of the declared links, the mergers and the control totals, all computed from the loaded book
//! through the public API, beside the figures of `measured.json` and of the data set's README: those were
//! computed from the files by somebody else.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::error::Error;
use std::fmt::Display;
use std::fs;

use perennial::{AccountIdx, AccountTree, LinkGraph, LinkKind, Totals, Value, View};
use petgraph::unionfind::UnionFind;
use petgraph::visit::NodeIndexable;

use super::data;
use super::load::Loaded;
use super::mergers::Merged;

/// One figure, ours and theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub what: String,
    pub ours: String,
    pub measured: String,
}

impl Check {
    fn new(what: &str, ours: impl Display, measured: impl Display) -> Self {
        let (ours, measured) = (format!("{ours}"), format!("{measured}"));
        Self { what: what.to_owned(), ours, measured }
    }

    pub fn agrees(&self) -> bool {
        self.ours == self.measured
    }
}

/// Every check of the example.
pub fn all(
    loaded: &Loaded,
    merged: &Merged,
    view: &View,
    totals: &Totals,
) -> Result<Vec<Check>, Box<dyn Error>> {
    let measured = measured("bank-hierarchies")?;
    let measured = field(&measured, "both_dates_together");
    let mut checks = Vec::new();
    let shape = Shape::of(view);
    let same = |what: &str, ours: serde_json::Value, key: &str| Check::new(what, ours, field(measured, key));
    checks.push(same("entities", view.len().into(), "nodes"));
    checks.push(same("declared links", view.link_graph().links().count().into(), "distinct_edges"));
    checks.push(same("top companies", shape.roots.len().into(), "roots"));
    checks.push(same("entities that own nothing", shape.leaves.into(), "leaves"));
    checks.push(same("entities with several parents", shape.several.into(), "nodes_with_several_parents"));
    checks.push(same("most parents of one", shape.most_parents.into(), "max_parents"));
    checks.push(same(
        "entities that no top company reaches",
        shape.unreached.into(),
        "not_reachable_from_a_root",
    ));
    checks.push(same("separate groups", shape.components.len().into(), "weak_components"));
    let largest: Vec<usize> = shape.components.iter().copied().take(5).collect();
    checks.push(same("largest groups", largest.into(), "largest_components"));
    checks.push(same("loops", serde_json::to_value(&shape.rings)?, "cycles"));
    checks.push(same(
        "levels, by the shortest way",
        serde_json::to_value(&shape.levels)?,
        "min_depth_histogram",
    ));
    checks.push(same("levels, by the longest way", shape.longest.into(), "longest_chain_ignoring_cycles"));
    checks.push(same("largest owners", serde_json::to_value(&shape.owners)?, "largest_fan_outs"));
    checks.push(Check::new("entities under several top companies", under_several(view), 141));

    let history = loaded.book.successions();
    let links = history.links();
    let pairs: HashSet<_> = links.iter().map(|link| (&link.account, &link.successor)).collect();
    let accounts: HashSet<_> = links.iter().flat_map(|link| [&link.account, &link.successor]).collect();
    let measured = self::measured("bank-mergers")?;
    checks.push(Check::new("lines of mergers", links.len(), 58_625));
    checks.push(Check::new("pairs of merged institutions", pairs.len(), field(&measured, "distinct_edges")));
    checks.push(Check::new("institutions in mergers", accounts.len(), field(&measured, "nodes")));
    let rings = field(&measured, "cycles").as_array().map_or(0, Vec::len);
    checks.push(Check::new("loops of mergers", history.rings().len(), rings));

    let [entities, assets] = control(view, totals);
    let after = super::load::everything(&merged.book)?;
    let [_, assets_after] = control(&after, &super::load::totals(&merged.book)?.all(&after));
    checks.push(Check::new(
        "entities left, and mergers since 2016",
        after.len() + merged.mergers,
        view.len(),
    ));
    checks.push(Check::new("total assets after them, in cents", &assets_after.ours, &assets.measured));
    checks.extend([entities, assets]);
    Ok(checks)
}

fn measured(name: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(data(name).join("measured.json"))?)?)
}

// Null where there is none, which equals nothing that we have.
fn field<'m>(measured: &'m serde_json::Value, name: &str) -> &'m serde_json::Value {
    measured.get(name).unwrap_or(&serde_json::Value::Null)
}

// What the roots add up to, and the plain sum over the entities.
fn control(view: &View, totals: &Totals) -> [Check; 2] {
    let roots = view.root_accounts();
    let count: u64 = roots.iter().filter_map(|root| totals.value(*root, "entities")?.as_count()).sum();
    let at_roots: i128 =
        roots.iter().filter_map(|root| Some(totals.value(*root, "total_assets")?.as_money()?.minor())).sum();
    let one_by_one: i128 =
        view.accounts().filter_map(|account| Some(account.value("total_assets")?.as_money()?.minor())).sum();
    [
        Check::new("entities, rolled up to the top companies", count, view.len()),
        Check::new("total assets in cents, rolled up", at_roots, one_by_one),
    ]
}

// Top companies whose published listing names an entity, over all its links.
fn under_several(view: &View) -> usize {
    let several = view.accounts().filter(|account| {
        let mut holders: HashSet<String> = HashSet::new();
        for link in account.child_rows("ownership") {
            if let Some(Value::List(listed)) = link.value("holders") {
                holders.extend(listed.iter().map(ToString::to_string));
            }
        }
        holders.len() > 1
    });
    several.count()
}

/// The shape of all declared links, be they in the tree or beside it.
#[derive(Debug, Default)]
struct Shape {
    roots: Vec<AccountIdx>,
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
    fn of(view: &View) -> Self {
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
            owners.push((account.id_str().to_owned(), below));
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
