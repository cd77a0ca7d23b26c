//! How do petgraph's algorithms and `Dot` run on our tree without a copy?
//!
//! `&View` is a directed graph with an edge from each visible account to each account directly below.
//! Node weights are the accounts, edge weights are empty.

use petgraph::Direction;
use petgraph::visit::{
    Data, EdgeRef, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges, IntoNeighbors, IntoNeighborsDirected,
    IntoNodeIdentifiers, IntoNodeReferences, NodeCompactIndexable, NodeCount, NodeIndexable, NodeRef,
    VisitMap, Visitable,
};

use super::{Account, View};
use crate::column::Bitmap;
use crate::model::AccountIdx;
use crate::tree::AccountTree;

/// The edge from an account to one directly below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParentEdge {
    parent: AccountIdx,
    child: AccountIdx,
}

impl EdgeRef for ParentEdge {
    type NodeId = AccountIdx;
    type EdgeId = AccountIdx;
    type Weight = ();

    fn source(&self) -> AccountIdx {
        self.parent
    }

    fn target(&self) -> AccountIdx {
        self.child
    }

    fn weight(&self) -> &() {
        &()
    }

    /// An edge is known by the account below.
    fn id(&self) -> AccountIdx {
        self.child
    }
}

/// A node with its account.
#[derive(Debug, Clone, Copy)]
pub struct AccountNode<'v>(Account<'v>);

impl<'v> NodeRef for AccountNode<'v> {
    type NodeId = AccountIdx;
    type Weight = Account<'v>;

    fn id(&self) -> AccountIdx {
        self.0.place()
    }

    fn weight(&self) -> &Account<'v> {
        &self.0
    }
}

/// Which accounts an algorithm has visited.
#[derive(Debug, Clone)]
pub struct VisitedAccounts {
    slots: std::collections::BTreeMap<u32, Bitmap>,
    rows: Vec<usize>,
}

impl VisitMap<AccountIdx> for VisitedAccounts {
    fn visit(&mut self, place: AccountIdx) -> bool {
        let rows = self.rows.get(place.slot as usize).copied().unwrap_or(0);
        let bits = self.slots.entry(place.slot).or_insert_with(|| Bitmap::zeros(rows));
        let new = !bits.get(place.row as usize);
        bits.set(place.row as usize, true);
        new
    }

    fn is_visited(&self, place: &AccountIdx) -> bool {
        self.slots.get(&place.slot).is_some_and(|bits| bits.get(place.row as usize))
    }

    fn unvisit(&mut self, place: AccountIdx) -> bool {
        let was = self.is_visited(&place);
        if let Some(bits) = self.slots.get_mut(&place.slot) {
            bits.set(place.row as usize, false);
        }
        was
    }
}

impl GraphBase for View {
    type NodeId = AccountIdx;
    type EdgeId = AccountIdx;
}

impl GraphProp for View {
    type EdgeType = petgraph::Directed;
}

impl<'v> Data for &'v View {
    type NodeWeight = Account<'v>;
    type EdgeWeight = ();
}

impl NodeCount for View {
    fn node_count(&self) -> usize {
        self.len()
    }
}

impl NodeIndexable for View {
    fn node_bound(&self) -> usize {
        self.bound()
    }

    fn to_index(&self, node: AccountIdx) -> usize {
        self.dense(node)
    }

    fn from_index(&self, number: usize) -> AccountIdx {
        self.place_of(number).unwrap_or(AccountIdx::new(u32::MAX, u32::MAX))
    }
}

// Numbers of visible accounts leave no gap.
impl NodeCompactIndexable for View {}

impl Visitable for View {
    type Map = VisitedAccounts;

    fn visit_map(&self) -> VisitedAccounts {
        let rows = self.inner().layout.slots().map(|(_, rows)| rows).collect();
        VisitedAccounts { slots: std::collections::BTreeMap::new(), rows }
    }

    fn reset_map(&self, map: &mut VisitedAccounts) {
        *map = self.visit_map();
    }
}

impl IntoNeighbors for &View {
    type Neighbors = std::vec::IntoIter<AccountIdx>;

    fn neighbors(self, node: AccountIdx) -> Self::Neighbors {
        AccountTree::children(self, node).into_iter()
    }
}

impl IntoNeighborsDirected for &View {
    type NeighborsDirected = std::vec::IntoIter<AccountIdx>;

    fn neighbors_directed(self, node: AccountIdx, direction: Direction) -> Self::NeighborsDirected {
        match direction {
            Direction::Outgoing => AccountTree::children(self, node).into_iter(),
            Direction::Incoming => {
                AccountTree::parent(self, node).into_iter().collect::<Vec<_>>().into_iter()
            }
        }
    }
}

impl<'v> IntoNodeIdentifiers for &'v View {
    type NodeIdentifiers = crate::tree::Descendants<'v, View>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        self.walk()
    }
}

impl<'v> IntoNodeReferences for &'v View {
    type NodeRef = AccountNode<'v>;
    type NodeReferences = NodeReferences<'v>;

    fn node_references(self) -> NodeReferences<'v> {
        NodeReferences { view: self, walk: self.walk() }
    }
}

/// The visible accounts as nodes, in the order of the tree.
#[derive(Debug)]
pub struct NodeReferences<'v> {
    view: &'v View,
    walk: crate::tree::Descendants<'v, View>,
}

impl<'v> Iterator for NodeReferences<'v> {
    type Item = AccountNode<'v>;

    fn next(&mut self) -> Option<AccountNode<'v>> {
        self.walk.next().map(|place| AccountNode(Account::new(self.view, place)))
    }
}

impl<'v> IntoEdgeReferences for &'v View {
    type EdgeRef = ParentEdge;
    type EdgeReferences = EdgeReferences<'v>;

    fn edge_references(self) -> EdgeReferences<'v> {
        EdgeReferences { view: self, walk: self.walk() }
    }
}

/// The edges of a view, by the order of the accounts below.
#[derive(Debug)]
pub struct EdgeReferences<'v> {
    view: &'v View,
    walk: crate::tree::Descendants<'v, View>,
}

impl Iterator for EdgeReferences<'_> {
    type Item = ParentEdge;

    fn next(&mut self) -> Option<ParentEdge> {
        self.walk
            .by_ref()
            .find_map(|child| Some(ParentEdge { parent: AccountTree::parent(self.view, child)?, child }))
    }
}

impl IntoEdges for &View {
    type Edges = std::vec::IntoIter<ParentEdge>;

    fn edges(self, node: AccountIdx) -> Self::Edges {
        let edges =
            AccountTree::children(self, node).into_iter().map(|child| ParentEdge { parent: node, child });
        edges.collect::<Vec<_>>().into_iter()
    }
}
