//! Declared parents beside the tree: read from both ends, as a graph, in a scope, after changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{CHUNK_ROWS, Rows, as_of, forest, id, id_of, view};
use perennial::graph::LinkKind;
use perennial::{Account, AccountId, AccountRow, Book, Change, ParentLink, Policy, Scope, View};
use petgraph::Direction;
use petgraph::visit::{EdgeRef, IntoEdgesDirected, IntoNeighborsDirected, IntoNodeIdentifiers};
use proptest::prelude::*;

/// Who declares whom, whatever became of it.
type Declared = BTreeMap<AccountId, Vec<ParentLink>>;
/// Links by account below, with the account above.
type Links = BTreeSet<(AccountId, AccountId)>;

fn ids(accounts: &[Account<'_>]) -> Vec<AccountId> {
    accounts.iter().map(Account::id).collect()
}

/// A forest in which accounts declare further parents: any account, itself included, at any rank.
fn tangled(seeds: &[[u8; 5]], links: &[[u8; 3]]) -> Rows {
    let mut rows = forest(seeds);
    let count = rows.accounts.len();
    for [from, to, rank] in links.iter().filter(|_| count > 0) {
        let parent = rows.accounts[usize::from(*to) % count].id.clone();
        let link = ParentLink { rank: u32::from(rank % 3), parent };
        rows.accounts[usize::from(*from) % count].parents.push(link);
    }
    rows
}

fn declared(rows: &[AccountRow]) -> Declared {
    rows.iter().map(|row| (row.id.clone(), row.parents.clone())).collect()
}

/// The extra links of a view, the slow way: every declaration looked at, tree parents taken from the whole
/// book, hidden accounts left out by the words of the ruling (S68).
fn extra_links(book: &Book, part: &View, declared: &Declared) -> Vec<(AccountId, Vec<AccountId>)> {
    let whole = view(book);
    let visible = |id: &AccountId| part.account(id.as_str()).is_some();
    let mut all = Vec::new();
    for (child, links) in declared.iter().filter(|(child, _)| visible(child)) {
        let above = whole.account(child.as_str()).unwrap().parent().map(|parent| parent.id());
        let mut links = links.clone();
        links.sort();
        let mut extra: Vec<AccountId> = Vec::new();
        for link in links {
            let shows = above.as_ref().is_none_or(&visible) && visible(&link.parent);
            if shows
                && link.parent != *child
                && Some(&link.parent) != above.as_ref()
                && !extra.contains(&link.parent)
            {
                extra.push(link.parent);
            }
        }
        all.push((child.clone(), extra));
    }
    all
}

fn graph_of(part: &View) -> (Links, Links) {
    let name = |place| part.id(place).unwrap();
    let of_kind = |kind| {
        let links = part.link_graph().links().filter(move |link| link.kind() == kind);
        links.map(|link| (name(link.child()), name(link.parent()))).collect()
    };
    (of_kind(LinkKind::Tree), of_kind(LinkKind::Extra))
}

/// Compares everything that can be asked about links with the declarations.
fn check(book: &Book, part: &View, declared: &Declared) -> Result<(), TestCaseError> {
    let expected = extra_links(book, part, declared);
    let pairs: Links = expected
        .iter()
        .flat_map(|(child, above)| above.iter().map(move |parent| (child.clone(), parent.clone())))
        .collect();
    prop_assert_eq!(expected.len(), part.len());
    for (child, above) in &expected {
        let account = part.account(child.as_str()).unwrap();
        prop_assert_eq!(&ids(&account.extra_parents()), above);
        let below: Vec<AccountId> =
            pairs.iter().filter(|(_, parent)| parent == child).map(|(below, _)| below.clone()).collect();
        prop_assert_eq!(ids(&account.extra_children()), below);
    }
    let tree: Links =
        part.accounts().filter_map(|account| Some((account.id(), account.parent()?.id()))).collect();
    prop_assert_eq!(graph_of(part), (tree.clone(), pairs.clone()));

    // The graph from both ends.
    let links = part.link_graph();
    let all: Links = tree.union(&pairs).cloned().collect();
    prop_assert_eq!(links.links().count(), all.len());
    let name = |place| part.id(place).unwrap();
    let mut seen = [Links::new(), Links::new()];
    for node in links.node_identifiers() {
        for (direction, seen) in [Direction::Outgoing, Direction::Incoming].into_iter().zip(&mut seen) {
            let edges: Vec<_> = links.edges_directed(node, direction).collect();
            let other = |edge: &perennial::report::DeclaredLink| match direction {
                Direction::Outgoing => edge.target(),
                Direction::Incoming => edge.source(),
            };
            let neighbors: Vec<_> = links.neighbors_directed(node, direction).collect();
            prop_assert_eq!(edges.iter().map(other).collect::<Vec<_>>(), neighbors);
            seen.extend(edges.iter().map(|edge| (name(edge.target()), name(edge.source()))));
        }
    }
    prop_assert_eq!(seen, [all.clone(), all.clone()]);

    // Algorithms of petgraph, against what can be reached over the pairs step by step.
    let reach = |start: &AccountId, both: bool| {
        let mut reached = BTreeSet::from([start.clone()]);
        loop {
            let before = reached.len();
            for (child, parent) in &all {
                if reached.contains(parent) {
                    reached.insert(child.clone());
                }
                if both && reached.contains(child) {
                    reached.insert(parent.clone());
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    };
    let components: BTreeSet<BTreeSet<AccountId>> = part.accounts().map(|a| reach(&a.id(), true)).collect();
    prop_assert_eq!(petgraph::algo::connected_components(links), components.len());
    let below: BTreeMap<AccountId, BTreeSet<AccountId>> =
        part.accounts().map(|a| (a.id(), reach(&a.id(), false))).collect();
    for ring in petgraph::algo::kosaraju_scc(links) {
        let members: BTreeSet<AccountId> = ring.into_iter().map(name).collect();
        let start = members.first().unwrap();
        let mutual = below[start].iter().filter(|other| below[*other].contains(start)).cloned();
        prop_assert_eq!(&members, &mutual.collect());
    }
    Ok(())
}

fn scoped(book: &Book, visible: &BTreeSet<AccountId>) -> View {
    book.view(&Scope::of(book.accounts(visible.iter().map(AccountId::as_str))), as_of()).unwrap()
}

/// Those that are in the book, by a mask.
fn some(book: &Book, seen: u64) -> BTreeSet<AccountId> {
    let in_book = view(book).accounts().map(|account| account.id()).collect::<BTreeSet<_>>();
    in_book.into_iter().enumerate().filter(|(n, _)| seen >> (n % 64) & 1 == 1).map(|(_, id)| id).collect()
}

proptest! {
    #![proptest_config(crate::common::config(120))]

    #[test]
    fn links_are_the_declared_ones_in_every_scope(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 0..24),
        links in prop::collection::vec(any::<[u8; 3]>(), 0..30),
        seen in any::<u64>(),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let rows = tangled(&seeds, &links);
        let (book, _) = rows.load(CHUNK_ROWS[size], Policy::lenient());
        let declared = declared(&rows.accounts);
        // What is held out of the book has no links in it.
        let held: BTreeSet<AccountId> = book.held_accounts().map(|held| held.row.id.clone()).collect();
        let placed: Declared = declared.into_iter().filter(|(id, _)| !held.contains(id)).collect();
        check(&book, &view(&book), &placed)?;
        check(&book, &scoped(&book, &some(&book, seen)), &placed)?;
    }

    #[test]
    fn changed_links_are_those_of_a_fresh_load(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 2..16),
        links in prop::collection::vec(any::<[u8; 3]>(), 0..20),
        edits in prop::collection::vec(any::<[u8; 4]>(), 1..8),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let mut rows = tangled(&seeds, &links);
        let count = rows.accounts.len();
        let (mut book, _) = rows.load(CHUNK_ROWS[size], Policy::lenient());
        for [who, a, b, what] in edits {
            let place = usize::from(who) % count;
            let mut parents = rows.accounts[place].parents.clone();
            let link = |byte: u8| ParentLink { rank: 1, parent: id_of(usize::from(byte) % count) };
            match what % 3 {
                0 => parents = vec![link(a), link(b)],
                1 => parents.push(link(a)),
                _ => {
                    parents.pop();
                }
            }
            let change = Change::new().declare_parents(&rows.accounts[place].id, parents.clone());
            if let Ok((next, _)) = book.apply(&change) {
                rows.accounts[place].parents = parents;
                book = next;
                let (fresh, _) = rows.load(CHUNK_ROWS[size], Policy::lenient());
                prop_assert_eq!(graph_of(&view(&book)), graph_of(&view(&fresh)));
                prop_assert_eq!(crate::common::answers(&view(&book)), crate::common::answers(&view(&fresh)));
            }
        }
    }

    /// Non-interference: hidden accounts that nobody stands under link wherever they like.
    #[test]
    fn hidden_links_change_no_answer(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..20),
        links in prop::collection::vec(any::<[u8; 3]>(), 0..20),
        seen in any::<u64>(),
        noise in prop::collection::vec(any::<[u8; 4]>(), 1..12),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let rows = tangled(&seeds, &links);
        let (book, _) = rows.load(CHUNK_ROWS[size], Policy::lenient());
        let visible = some(&book, seen);
        let before = crate::common::answers(&scoped(&book, &visible));
        let graph = graph_of(&scoped(&book, &visible));
        let mut other = book.clone();
        for (number, [what, a, b, c]) in noise.into_iter().enumerate() {
            let all: Vec<AccountId> = view(&other).accounts().map(|account| account.id()).collect();
            let pick = |byte: u8| all.get(usize::from(byte) % all.len().max(1)).cloned();
            let parents: Vec<ParentLink> = [pick(a), pick(b)]
                .into_iter()
                .flatten()
                .map(|parent| ParentLink { rank: u32::from(c % 2), parent })
                .collect();
            let named: BTreeSet<&AccountId> =
                rows.accounts.iter().flat_map(|row| &row.parents).map(|link| &link.parent).collect();
            let loose = pick(c).filter(|id| !visible.contains(id) && !named.contains(id));
            let loose = loose.filter(|id| view(&other).account(id.as_str()).is_some_and(|account| {
                !account.has_children() && account.extra_children().is_empty()
            }));
            let change = match (what % 3, loose) {
                (0, Some(loose)) => Change::new().declare_parents(&loose, parents),
                (1, Some(loose)) => Change::new().remove(&loose),
                _ => {
                    let mut row = AccountRow::new(id_of(number + 150), "Team").with("plan", "basic");
                    row.parents = parents;
                    Change::new().add(row)
                }
            };
            if let Ok((next, _)) = other.apply(&change) {
                other = next;
            }
        }
        let after = scoped(&other, &visible);
        prop_assert_eq!(crate::common::answers(&after), before);
        prop_assert_eq!(graph_of(&after), graph);
    }
}

#[test]
fn a_ring_is_broken_in_the_tree_and_whole_in_the_links() {
    let rows = Rows {
        accounts: vec![
            AccountRow::new(id("a"), "Company").under(id("b")).under(id("z")),
            AccountRow::new(id("b"), "Company").under(id("a")).under(id("z")),
            AccountRow::new(id("z"), "Company"),
        ],
        children: vec![],
    };
    let (book, _) = rows.load(2, Policy::lenient());
    let whole = view(&book);
    let [a, b, z] = ["a", "b", "z"].map(|id| whole.account(id).unwrap());
    assert_eq!((a.parent(), b.parent()), (None, Some(a)));
    assert_eq!((a.extra_parents(), a.extra_children()), (vec![b, z], vec![]));
    assert_eq!((b.extra_parents(), b.extra_children()), (vec![z], vec![a]));
    assert_eq!((z.children(), z.extra_children()), (vec![], vec![a, b]));
    let rings = petgraph::algo::kosaraju_scc(whole.link_graph());
    assert_eq!(rings.iter().map(Vec::len).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]));

    // Of `b`, whose place is below a hidden account, nothing tells that the link to `z` is an extra one.
    let part = scoped(&book, &["b", "z"].map(id).into());
    assert_eq!(part.account("b").unwrap().extra_parents(), []);
    assert_eq!(part.account("z").unwrap().extra_children(), []);
    assert_eq!(part.link_graph().links().count(), 0);
    // A place that a scope does not show answers nothing.
    assert_eq!(part.link_graph().above(a.place()).count(), 0);
    assert_eq!(part.link_graph().below(a.place()).filter(|link| link.kind() == LinkKind::Extra).count(), 0);

    let dot = format!("{:?}", petgraph::dot::Dot::new(whole.link_graph()));
    assert_eq!((dot.matches("Tree").count(), dot.matches("Extra").count()), (1, 3));
}
