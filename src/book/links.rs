//! Which accounts do the declared parents join, be it in the tree or beside it?
//!
//! The tree shows one parent of each account. The other declared ones are kept as extra links, which can
//! be walked from both ends and are, together with the tree, a graph for petgraph: one in which an account
//! may have several parents, and rings may occur. Rulings S11 and S68 of `docs/semantics`. Nothing is
//! copied and nothing is rolled up here.

use petgraph::Direction;
use petgraph::visit::{
    Data, EdgeRef, GraphBase, GraphProp, GraphRef, IntoEdgeReferences, IntoEdges, IntoEdgesDirected,
    IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, IntoNodeReferences, NodeCompactIndexable,
    NodeCount, NodeIndexable, Visitable,
};

use super::{NodeReferences, View, VisitedAccounts};
use crate::model::AccountIdx;
use crate::tree::{AccountTree, Descendants};

/// The links of a view as a directed graph: from each visible account to those directly below it and to
/// those that declare it as a further parent. From [`View::link_graph`]; one word, copy it freely.
///
/// It implements the visit traits of petgraph, so that its algorithms run on it without a copy. Nodes are
/// places of accounts, node weights are accounts, edge weights say whether the tree shows the link.
///
/// ```
/// use perennial::graph::LinkKind;
/// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope};
/// use perennial::source::MemorySource;
///
/// // Two companies that own parts of each other, below a third.
/// let [top, left, right] = ["top", "left", "right"].map(|id| AccountId::new(id).expect("is no id"));
/// let source = MemorySource::new()
///     .account(AccountRow::new(left.clone(), "Company").under(top.clone()).under(right.clone()))
///     .account(AccountRow::new(right, "Company").under(top.clone()).under(left))
///     .account(AccountRow::new(top, "Company"));
/// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
/// let (book, report) = Book::load(schema, &source, &Policy::lenient())?;
///
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let links = view.link_graph();
/// assert_eq!(links.links().count(), 4);
/// assert_eq!(links.links().filter(|link| link.kind() == LinkKind::Extra).count(), 2);
/// let rings = petgraph::algo::kosaraju_scc(links);
/// assert_eq!(rings.iter().filter(|ring| ring.len() > 1).count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LinkGraph<'v> {
    view: &'v View,
}

/// Whether the tree shows a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkKind {
    /// The account below stands under the one above.
    Tree,
    /// A further declared parent.
    Extra,
}

/// The link from an account to one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeclaredLink {
    parent: AccountIdx,
    child: AccountIdx,
    kind: LinkKind,
}

impl DeclaredLink {
    /// The account above.
    #[must_use]
    pub const fn parent(&self) -> AccountIdx {
        self.parent
    }

    /// The account below.
    #[must_use]
    pub const fn child(&self) -> AccountIdx {
        self.child
    }

    /// Whether the tree shows it.
    #[must_use]
    pub const fn kind(&self) -> LinkKind {
        self.kind
    }
}

impl View {
    /// All links between visible accounts as a graph: those of the tree, and the extra ones.
    ///
    /// In a scope the links of the tree are those of the view, where hidden accounts in between are left
    /// out. An extra link is there where both its ends are visible, and so is the parent that the account
    /// below stands under: where that one is hidden, which of the others is an extra one would tell that
    /// it exists.
    ///
    /// # Complexity
    ///
    /// Making it costs nothing. The links of one account cost a look-up each; walking all of them is
    /// O(accounts + links × log).
    #[must_use]
    pub const fn link_graph(&self) -> LinkGraph<'_> {
        LinkGraph { view: self }
    }

    // In order of preference.
    pub(crate) fn extra_parents_of(&self, place: AccountIdx) -> impl Iterator<Item = AccountIdx> + '_ {
        let inner = self.inner();
        let links = if inner.held.links.is_empty() { None } else { inner.held.links.get(inner.id(place)) };
        let declared = links.into_iter().flatten().filter_map(|link| inner.find(link.parent.as_str()));
        declared.filter(move |parent| self.is_extra(*parent, place))
    }

    // By id.
    pub(super) fn extra_children_of(&self, place: AccountIdx) -> impl Iterator<Item = AccountIdx> + '_ {
        let inner = self.inner();
        let naming = inner.held.naming(inner.id(place)).filter_map(|child| inner.find(child.as_str()));
        naming.filter(move |child| self.is_extra(place, *child))
    }

    // Whether a declared parent shows as an extra one.
    fn is_extra(&self, parent: AccountIdx, child: AccountIdx) -> bool {
        let stands_under = self.inner().parent(child);
        parent != child
            && self.sees(parent)
            && self.sees(child)
            && stands_under.is_none_or(|above| above != parent && self.sees(above))
    }
}

impl<'v> LinkGraph<'v> {
    /// The view.
    #[must_use]
    pub const fn view(self) -> &'v View {
        self.view
    }

    /// Every link once, by the order of the accounts below; of one account the link of the tree first, then
    /// the others by preference.
    #[must_use]
    pub fn links(self) -> LinkReferences<'v> {
        LinkReferences { view: self.view, walk: self.view.walk(), found: Vec::new().into_iter() }
    }

    /// The links to the accounts above one: that of the tree first, then the others by preference.
    pub fn above(self, child: AccountIdx) -> impl Iterator<Item = DeclaredLink> + use<'v> {
        let link = move |parent, kind| DeclaredLink { parent, child, kind };
        let tree = AccountTree::parent(self.view, child).map(move |parent| link(parent, LinkKind::Tree));
        let extra = self.view.extra_parents_of(child).map(move |parent| link(parent, LinkKind::Extra));
        tree.into_iter().chain(extra)
    }

    /// The links to the accounts below one: those of the tree by id, then the others by id.
    pub fn below(self, parent: AccountIdx) -> impl Iterator<Item = DeclaredLink> + use<'v> {
        let link = move |child, kind| DeclaredLink { parent, child, kind };
        let tree = self.view.children(parent).into_iter().map(move |child| link(child, LinkKind::Tree));
        let extra = self.view.extra_children_of(parent).map(move |child| link(child, LinkKind::Extra));
        tree.chain(extra)
    }

    fn directed(self, node: AccountIdx, direction: Direction) -> std::vec::IntoIter<DeclaredLink> {
        let links: Vec<DeclaredLink> = match direction {
            Direction::Outgoing => self.below(node).collect(),
            Direction::Incoming => self.above(node).collect(),
        };
        links.into_iter()
    }
}

/// The links of a view; see [`LinkGraph::links`].
#[derive(Debug)]
pub struct LinkReferences<'v> {
    view: &'v View,
    walk: Descendants<'v, View>,
    found: std::vec::IntoIter<DeclaredLink>,
}

impl Iterator for LinkReferences<'_> {
    type Item = DeclaredLink;

    fn next(&mut self) -> Option<DeclaredLink> {
        loop {
            if let Some(link) = self.found.next() {
                return Some(link);
            }
            let child = self.walk.next()?;
            self.found = self.view.link_graph().directed(child, Direction::Incoming);
        }
    }
}

impl EdgeRef for DeclaredLink {
    type NodeId = AccountIdx;
    type EdgeId = (AccountIdx, AccountIdx);
    type Weight = LinkKind;

    fn source(&self) -> AccountIdx {
        self.parent
    }

    fn target(&self) -> AccountIdx {
        self.child
    }

    fn weight(&self) -> &LinkKind {
        &self.kind
    }

    /// No two links join the same two accounts in the same direction.
    fn id(&self) -> (AccountIdx, AccountIdx) {
        (self.parent, self.child)
    }
}

impl GraphBase for LinkGraph<'_> {
    type NodeId = AccountIdx;
    type EdgeId = (AccountIdx, AccountIdx);
}

impl GraphRef for LinkGraph<'_> {}

impl GraphProp for LinkGraph<'_> {
    type EdgeType = petgraph::Directed;
}

impl<'v> Data for LinkGraph<'v> {
    type NodeWeight = super::Account<'v>;
    type EdgeWeight = LinkKind;
}

impl NodeCount for LinkGraph<'_> {
    fn node_count(&self) -> usize {
        self.view.len()
    }
}

impl NodeIndexable for LinkGraph<'_> {
    fn node_bound(&self) -> usize {
        self.view.bound()
    }

    fn to_index(&self, node: AccountIdx) -> usize {
        self.view.dense(node)
    }

    fn from_index(&self, number: usize) -> AccountIdx {
        NodeIndexable::from_index(self.view, number)
    }
}

impl NodeCompactIndexable for LinkGraph<'_> {}

impl Visitable for LinkGraph<'_> {
    type Map = VisitedAccounts;

    fn visit_map(&self) -> VisitedAccounts {
        self.view.visit_map()
    }

    fn reset_map(&self, map: &mut VisitedAccounts) {
        self.view.reset_map(map);
    }
}

impl IntoNeighbors for LinkGraph<'_> {
    type Neighbors = std::vec::IntoIter<AccountIdx>;

    fn neighbors(self, node: AccountIdx) -> Self::Neighbors {
        self.neighbors_directed(node, Direction::Outgoing)
    }
}

impl IntoNeighborsDirected for LinkGraph<'_> {
    type NeighborsDirected = std::vec::IntoIter<AccountIdx>;

    fn neighbors_directed(self, node: AccountIdx, direction: Direction) -> Self::NeighborsDirected {
        let nodes: Vec<AccountIdx> = match direction {
            Direction::Outgoing => self.below(node).map(|link| link.child).collect(),
            Direction::Incoming => self.above(node).map(|link| link.parent).collect(),
        };
        nodes.into_iter()
    }
}

impl<'v> IntoNodeIdentifiers for LinkGraph<'v> {
    type NodeIdentifiers = Descendants<'v, View>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        self.view.walk()
    }
}

impl<'v> IntoNodeReferences for LinkGraph<'v> {
    type NodeRef = super::AccountNode<'v>;
    type NodeReferences = NodeReferences<'v>;

    fn node_references(self) -> NodeReferences<'v> {
        self.view.node_references()
    }
}

impl<'v> IntoEdgeReferences for LinkGraph<'v> {
    type EdgeRef = DeclaredLink;
    type EdgeReferences = LinkReferences<'v>;

    fn edge_references(self) -> LinkReferences<'v> {
        self.links()
    }
}

impl IntoEdges for LinkGraph<'_> {
    type Edges = std::vec::IntoIter<DeclaredLink>;

    fn edges(self, node: AccountIdx) -> Self::Edges {
        self.directed(node, Direction::Outgoing)
    }
}

impl IntoEdgesDirected for LinkGraph<'_> {
    type EdgesDirected = std::vec::IntoIter<DeclaredLink>;

    fn edges_directed(self, node: AccountIdx, direction: Direction) -> Self::EdgesDirected {
        self.directed(node, direction)
    }
}
