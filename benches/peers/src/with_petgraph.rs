//! How does one answer with petgraph?
//!
//! The graph of accounts, an edge from each parent to its children, walked in post-order; the totals of each
//! node in a hash map as most would write it, and in a vector by node, which is as fast as it gets here.

use std::collections::HashMap;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::DfsPostOrder;

use crate::Outcome;
use crate::answer::Total;
use crate::contest::Contestant;
use crate::data::{Data, number_of, to_u32};

const TOOL: &str = "petgraph";

pub fn roll_up(data: &Data) -> Outcome<Vec<Contestant<'_, Total>>> {
    let graph = graph(data)?;
    let roots: Vec<NodeIndex> =
        (0..data.len()).filter(|number| data.parents[*number].is_none()).map(NodeIndex::new).collect();
    let (other, other_roots) = (graph.clone(), roots.clone());
    let len = data.len();
    let by_hash = Contestant {
        tool: TOOL,
        way: "post-order, a hash map by node",
        threads: 1,
        run: Box::new(move || {
            let mut totals: HashMap<NodeIndex, Total> = HashMap::with_capacity(len);
            post_order(&graph, &roots, |node| {
                let mut total = graph[node];
                for child in graph.neighbors(node) {
                    total.merge(&totals[&child]);
                }
                totals.insert(node, total);
            });
            Ok(Box::new(move || Ok((0..len).map(|number| totals[&NodeIndex::new(number)]).collect())))
        }),
    };
    let by_place = Contestant {
        tool: TOOL,
        way: "post-order, a vector by node",
        threads: 1,
        run: Box::new(move || {
            let mut totals: Vec<Total> = vec![Total::default(); len];
            post_order(&other, &other_roots, |node| {
                let mut total = other[node];
                for child in other.neighbors(node) {
                    total.merge(&totals[child.index()]);
                }
                totals[node.index()] = total;
            });
            Ok(Box::new(move || Ok(totals)))
        }),
    };
    Ok(vec![by_hash, by_place])
}

/// The graph from ids, parents first (a topological order fails on a cycle), and the level of each account.
pub fn build(data: &Data) -> Outcome<Vec<Contestant<'_, u32>>> {
    let build = Contestant {
        tool: TOOL,
        way: "hash map of ids, DiGraph, toposort",
        threads: 1,
        run: Box::new(move || {
            let mut graph: DiGraph<u32, ()> = DiGraph::with_capacity(data.len(), data.len());
            let mut nodes: HashMap<&str, NodeIndex> = HashMap::with_capacity(data.len());
            for (id, _) in &data.arrivals {
                if nodes.insert(id, graph.add_node(1)).is_some() {
                    return Err(format!("`{id}` stands twice").into());
                }
            }
            for (id, parent) in &data.arrivals {
                if let Some(parent) = parent {
                    let parent = nodes.get(parent.as_str()).ok_or("a parent that does not exist")?;
                    graph.add_edge(*parent, nodes[id.as_str()], ());
                }
            }
            let order = toposort(&graph, None).map_err(|_| "a cycle")?;
            for node in order {
                let level = graph[node] + 1;
                let mut children = graph.neighbors(node).detach();
                while let Some(child) = children.next_node(&graph) {
                    graph[child] = level;
                }
            }
            Ok(Box::new(move || {
                let mut levels = vec![0; data.len()];
                for ((id, _), level) in data.arrivals.iter().zip(graph.node_weights()) {
                    levels[number_of(id)?] = *level;
                }
                Ok(levels)
            }))
        }),
    };
    Ok(vec![build])
}

fn graph(data: &Data) -> Outcome<DiGraph<Total, ()>> {
    let mut graph = DiGraph::with_capacity(data.len(), data.len());
    for number in 0..data.len() {
        graph.add_node(data.own(number));
    }
    for (number, parent) in data.parents.iter().enumerate() {
        if let Some(parent) = parent {
            graph.add_edge(NodeIndex::from(*parent), NodeIndex::from(to_u32(number)?), ());
        }
    }
    Ok(graph)
}

fn post_order(graph: &DiGraph<Total, ()>, roots: &[NodeIndex], mut visit: impl FnMut(NodeIndex)) {
    let mut walk = DfsPostOrder::empty(graph);
    for root in roots {
        walk.move_to(*root);
        while let Some(node) = walk.next(graph) {
            visit(node);
        }
    }
}
