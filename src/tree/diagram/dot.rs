//! How is a diagram written for Graphviz?
//!
//! As a petgraph graph of the drawn nodes, printed by petgraph's `Dot`, which escapes quotes and backslashes.
//! Two things are ours: `&`, with which Graphviz begins an entity, and the frame around the lines of `Dot`,
//! which has no word for the box around a legend.

use std::fmt::{self, Write as _};
use std::hash::Hash;

use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, NodeIndex};

use super::TreeDiagram;
use super::legend::Class;

pub(super) fn print<N: Copy + Eq + Hash>(diagram: &TreeDiagram<N>) -> String {
    let mut graph: DiGraph<Labelled, &'static str> = DiGraph::new();
    let mut add = |label: &str, class: Option<Class>| {
        graph.add_node(Labelled { label: entities(label), look: class.map_or_else(String::new, look) })
    };
    let accounts = diagram.labels.iter().enumerate();
    let accounts: Vec<NodeIndex> = accounts.map(|(place, label)| add(label, diagram.class(place))).collect();
    let counts: Vec<NodeIndex> =
        diagram.counts.iter().map(|(_, label)| add(label, Some(Class::More))).collect();
    let rows = diagram.legend_rows();
    let rows: Vec<NodeIndex> = rows.iter().map(|(label, class)| add(label, *class)).collect();

    let mut join = |above: Option<&NodeIndex>, below: Option<&NodeIndex>, look| {
        if let (Some(above), Some(below)) = (above, below) {
            graph.add_edge(*above, *below, look);
        }
    };
    for (above, below) in &diagram.edges {
        join(accounts.get(*above), accounts.get(*below), "");
    }
    for ((above, _), count) in diagram.counts.iter().zip(&counts) {
        join(above.and_then(|above| accounts.get(above)), Some(count), "dir=none ");
    }
    for (above, below) in &diagram.links {
        join(accounts.get(*above), accounts.get(*below), "style=dashed ");
    }

    let content = [Config::GraphContentOnly, Config::EdgeNoLabel];
    let dot =
        Dot::with_attr_getters(&graph, &content, &|_, edge| (*edge.weight()).to_owned(), &|_, (_, node)| {
            node.look.clone()
        });
    let direction = if diagram.to_the_right { "LR" } else { "TB" };
    let mut text = format!("digraph {{\n    rankdir=\"{direction}\"\n    node [ shape=box ]\n{dot}");
    if !rows.is_empty() {
        let title = entities(diagram.legend_title()).replace('\\', "\\\\");
        let title = title.replace('"', "\\\"").replace('\n', "\\n");
        let numbers: Vec<String> = rows.iter().map(|row| row.index().to_string()).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    subgraph cluster_legend {{ label=\"{title}\" {} }}", numbers.join(" "));
    }
    text + "}\n"
}

/// A node: what it says, and how it looks.
struct Labelled {
    label: String,
    look: String,
}

impl fmt::Display for Labelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

fn entities(label: &str) -> String {
    label.replace('&', "&amp;")
}

fn look(class: Class) -> String {
    let (fill, text) = (class.fill(), class.text());
    match class {
        Class::More => format!("shape=plaintext fontcolor=\"{text}\" "),
        Class::Missing => format!("style=\"filled,dashed\" fillcolor=\"{fill}\" fontcolor=\"{text}\" "),
        _ => format!("style=filled fillcolor=\"{fill}\" fontcolor=\"{text}\" "),
    }
}
