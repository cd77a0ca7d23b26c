//! Which of some places lead to each other?

use std::collections::HashMap;

use petgraph::graph::{DiGraph, NodeIndex};

/// The strongly connected components of places and what they read, each after those that it reads.
pub(super) fn components(places: &[usize], reads: &HashMap<usize, Vec<usize>>) -> Vec<Vec<usize>> {
    let mut graph: DiGraph<usize, ()> = DiGraph::new();
    let nodes: HashMap<usize, NodeIndex> =
        places.iter().map(|place| (*place, graph.add_node(*place))).collect();
    for place in places {
        for read in reads.get(place).into_iter().flatten() {
            if let (Some(from), Some(to)) = (nodes.get(place), nodes.get(read)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let weight = |node: NodeIndex| graph.node_weight(node).copied();
    petgraph::algo::kosaraju_scc(&graph)
        .into_iter()
        .map(|component| component.into_iter().filter_map(weight).collect())
        .collect()
}
