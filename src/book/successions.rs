//! Which account is it today?
//!
//! Accounts merge and split; their old ids live on in contracts, exports and people's heads. The book
//! keeps the dated links from each account to those that came after it, and follows them forward in time:
//! a link counts from the day on which it was made, and from an account that was reached on one day only
//! its later ends lead on. Two accounts that absorbed each other in different years are therefore no
//! endless loop. Rulings S49 to S51 of `docs/semantics`.
//!
//! The links are history beside the tree: no value is rolled up along them, and they may name accounts
//! that never were in the book.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::model::{AccountId, Date, Succession};
use crate::tree::hash_of;

/// Shards of a store; a change copies the shards that it touches.
const SHARDS: usize = 1_024;

/// The links of some accounts, by account.
type Shard = BTreeMap<AccountId, Arc<[Succession]>>;

/// The dated links from accounts to those that came after them. Cloning is cheap; `Send + Sync`.
///
/// Part of a [`Book`](crate::Book), and like it **outside any scope**: [`View::successors`](crate::View::successors)
/// answers within one.
///
/// ```
/// use perennial::{AccountId, Date, Succession, Successions};
///
/// let id = |text: &str| AccountId::new(text).unwrap();
/// let day = |year| Date::new(year, 1, 1).unwrap();
/// let history = Successions::new([
///     Succession::new(id("a"), id("b"), day(1990)),
///     Succession::new(id("b"), id("c"), day(2000)),
///     // The charter of `c` went back to `a`, which is there again: no endless loop.
///     Succession::new(id("c"), id("a"), day(2010)),
/// ]);
/// assert_eq!(history.heirs(&id("a"), day(1989)), [id("a")]);
/// assert_eq!(history.heirs(&id("a"), day(1995)), [id("b")]);
/// assert_eq!(history.heirs(&id("a"), day(2005)), [id("c")]);
/// assert_eq!(history.heirs(&id("b"), day(2020)), [id("a")]);
/// assert_eq!(history.rings().len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Successions {
    // INVARIANT: both maps hold the same links, those of one account in their order, each once; the ends
    // of one day form no ring. No shards while there is no link.
    by_account: Vec<Arc<Shard>>,
    by_successor: Vec<Arc<Shard>>,
    links: usize,
}

impl Successions {
    /// The history of some links; a link that stands twice counts once.
    ///
    /// Links that end accounts in a ring on one day (`a` into `b` and `b` into `a`) lead nowhere and are
    /// left out, as [`same_day_rings`](Self::same_day_rings) would name them; so are links of an account
    /// to itself.
    ///
    /// # Complexity
    ///
    /// O(links × log).
    #[must_use]
    pub fn new(links: impl IntoIterator<Item = Succession>) -> Self {
        let mut links: Vec<Succession> = links.into_iter().collect();
        links.retain(|link| link.account != link.successor);
        links.sort_unstable();
        links.dedup();
        let lost: HashSet<Succession> = Self::same_day_rings(&links).into_iter().flatten().cloned().collect();
        links.retain(|link| !lost.contains(link));
        Self::default().edited(&links, &[])
    }

    /// How many links.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.links
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.links == 0
    }

    /// Every link, by the text of the account, then by day, rank and successor.
    ///
    /// # Complexity
    ///
    /// O(links × log): they are kept in shards, and sorted for this answer.
    #[must_use]
    pub fn links(&self) -> Vec<&Succession> {
        let mut links: Vec<&Succession> =
            self.by_account.iter().flat_map(|shard| shard.values()).flat_map(|links| links.iter()).collect();
        links.sort_unstable();
        links
    }

    /// The links from an account to those that came after it, by day.
    #[must_use]
    pub fn after(&self, account: &AccountId) -> &[Succession] {
        look_up(&self.by_account, account)
    }

    /// The links to an account from those that it came after, by their ids, then by day.
    #[must_use]
    pub fn before(&self, account: &AccountId) -> &[Succession] {
        look_up(&self.by_successor, account)
    }

    /// The accounts that stand for an account at the end of a day, the first in rank first, each once. An
    /// account that did not end by then stands for itself.
    ///
    /// Parts that went over while the account went on do not count; [`Self::after`] names them. An account
    /// that another one merges into is there on that day: where it had ended before, it is taken to have
    /// been there again.
    ///
    /// # Complexity
    ///
    /// O(links on the way × log).
    #[must_use]
    pub fn heirs(&self, account: &AccountId, on: Date) -> Vec<AccountId> {
        let mut heirs: Vec<AccountId> = Vec::new();
        let mut known: HashSet<AccountId> = HashSet::new();
        let mut followed: HashSet<(AccountId, Date)> = HashSet::new();
        let mut stack: Vec<(AccountId, Date)> = vec![(account.clone(), Date::MIN)];
        while let Some((account, since)) = stack.pop() {
            let ends = || self.after(&account).iter().filter(|link| !link.part);
            let Some(end) = ends().map(|link| link.on).find(|end| *end >= since && *end <= on) else {
                if known.insert(account.clone()) {
                    heirs.push(account);
                }
                continue;
            };
            if followed.insert((account.clone(), end)) {
                let next = ends().filter(|link| link.on == end).rev();
                stack.extend(next.map(|link| (link.successor.clone(), end)));
            }
        }
        heirs
    }

    /// The accounts that ended on some day, in any order.
    pub(crate) fn ended(&self) -> impl Iterator<Item = &AccountId> {
        let all = self.by_account.iter().flat_map(|shard| shard.iter());
        all.filter(|(_, links)| links.iter().any(|link| !link.part)).map(|(account, _)| account)
    }

    /// The first successor of an account that was reached on a day, and the day on which it took over; `None` for one that
    /// did not end on that day or later.
    pub(super) fn first_after(&self, account: &AccountId, since: Date) -> Option<(&AccountId, Date)> {
        // Links stand by day, then by rank.
        let end = self.after(account).iter().find(|link| !link.part && link.on >= since)?;
        Some((&end.successor, end.on))
    }

    /// The rings that who follows the links without looking at days or parts would go round in: each with
    /// its accounts by id. They are no fault ([`Self::heirs`] looks at the days), and worth a look.
    ///
    /// # Complexity
    ///
    /// O(links × log).
    #[must_use]
    pub fn rings(&self) -> Vec<Vec<AccountId>> {
        let links = self.by_account.iter().flat_map(|shard| shard.values()).flat_map(|links| links.iter());
        components(links)
    }

    /// Among some links, those that end accounts in a ring on one day: such accounts have no successor.
    /// Each ring by its links, in order.
    ///
    /// # Complexity
    ///
    /// O(links × log).
    #[must_use]
    pub fn same_day_rings(links: &[Succession]) -> Vec<Vec<&Succession>> {
        let mut by_day: BTreeMap<Date, Vec<&Succession>> = BTreeMap::new();
        for link in links.iter().filter(|link| !link.part) {
            by_day.entry(link.on).or_default().push(link);
        }
        let mut rings = Vec::new();
        for links in by_day.values().filter(|links| links.len() > 1) {
            for members in components(links.iter().copied()) {
                let members: HashSet<&AccountId> = members.iter().collect();
                let inside = |link: &&&Succession| {
                    members.contains(&link.account) && members.contains(&link.successor)
                };
                let mut ring: Vec<&Succession> = links.iter().filter(inside).copied().collect();
                ring.sort_unstable();
                rings.push(ring);
            }
        }
        rings
    }

    /// With links added and others taken away; what is there already, or is not, changes nothing.
    pub(super) fn edited(&self, added: &[Succession], removed: &[Succession]) -> Self {
        let mut next = self.clone();
        if next.by_account.is_empty() && !added.is_empty() {
            next.by_account = vec![Arc::default(); SHARDS];
            next.by_successor = vec![Arc::default(); SHARDS];
        }
        edit(&mut next.by_account, added, removed, |link| &link.account);
        edit(&mut next.by_successor, added, removed, |link| &link.successor);
        next.links = next.by_account.iter().flat_map(|shard| shard.values()).map(|links| links.len()).sum();
        // As if there had never been one.
        if next.links == 0 { Self::default() } else { next }
    }

    /// The links that end accounts on the days of `links` and hang together with them, `links` included.
    pub(super) fn same_days(&self, links: &[Succession]) -> Vec<Succession> {
        let mut found: HashSet<Succession> = links.iter().filter(|link| !link.part).cloned().collect();
        let mut work: Vec<Succession> = found.iter().cloned().collect();
        while let Some(link) = work.pop() {
            for next in self.after(&link.successor).iter().filter(|next| !next.part && next.on == link.on) {
                if found.insert(next.clone()) {
                    work.push(next.clone());
                }
            }
        }
        found.into_iter().collect()
    }
}

fn shard_of(account: &AccountId) -> usize {
    usize::try_from(hash_of(account.as_str()) % SHARDS as u64).unwrap_or(0)
}

fn look_up<'s>(shards: &'s [Arc<Shard>], account: &AccountId) -> &'s [Succession] {
    shards.get(shard_of(account)).and_then(|shard| shard.get(account)).map_or(&[], |links| links)
}

// Links that hang together are edited together, so that each list is copied once.
fn edit(
    shards: &mut [Arc<Shard>],
    added: &[Succession],
    removed: &[Succession],
    key: impl Fn(&Succession) -> &AccountId,
) {
    let mut edits: HashMap<&AccountId, (Vec<&Succession>, HashSet<&Succession>)> = HashMap::new();
    added.iter().for_each(|link| edits.entry(key(link)).or_default().0.push(link));
    removed.iter().for_each(|link| {
        edits.entry(key(link)).or_default().1.insert(link);
    });
    for (account, (added, removed)) in edits {
        let Some(shard) = shards.get_mut(shard_of(account)) else { continue };
        let own = shard.get(account).map_or(&[][..], |links| links);
        let mut links: Vec<Succession> = own.iter().chain(added).cloned().collect();
        links.retain(|link| !removed.contains(link));
        links.sort_unstable();
        links.dedup();
        let shard = Arc::make_mut(shard);
        if links.is_empty() {
            shard.remove(account);
        } else {
            shard.insert(account.clone(), links.into());
        }
    }
}

// The sets of accounts that lead to each other, of two and more.
fn components<'l>(links: impl Iterator<Item = &'l Succession>) -> Vec<Vec<AccountId>> {
    let mut graph = petgraph::graph::DiGraph::<&AccountId, ()>::new();
    let mut nodes: HashMap<&AccountId, petgraph::graph::NodeIndex> = HashMap::new();
    for link in links {
        let from = *nodes.entry(&link.account).or_insert_with(|| graph.add_node(&link.account));
        let to = *nodes.entry(&link.successor).or_insert_with(|| graph.add_node(&link.successor));
        graph.add_edge(from, to, ());
    }
    // Kosaraju's algorithm, since petgraph's version of Tarjan's recurses on the depth of the data.
    let mut rings: Vec<Vec<AccountId>> = petgraph::algo::kosaraju_scc(&graph)
        .into_iter()
        .filter(|members| members.len() > 1)
        .map(|members| {
            let mut ids: Vec<AccountId> =
                members.iter().filter_map(|node| graph.node_weight(*node).copied().cloned()).collect();
            ids.sort();
            ids
        })
        .collect();
    rings.sort();
    rings
}
