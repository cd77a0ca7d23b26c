//! Which names does a text mention, before anybody knows what they mean?

use std::collections::HashSet;
use std::sync::Arc;

use super::definition::Definition;
use super::entry::Asked;
use crate::define::Namespace;
use crate::expr::{Ast, Literal, MAX_NAME_PARTS, Node, NodeId};

/// Names that a text mentions: more than it reads, since a name may be that of a lambda or of a child row.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    columns: HashSet<String>,
    segments: HashSet<String>,
    metrics: HashSet<String>,
}

impl Mentions {
    pub(super) fn of(definition: &Definition) -> Self {
        let mut mentions = Self::default();
        definition.as_define().expressions(&mut |text| mentions.add(text));
        definition.as_define().columns(&mut |name| {
            mentions.columns.insert(name.to_owned());
        });
        mentions
    }

    /// How the names would be read.
    pub(super) fn keys(&self) -> impl Iterator<Item = Asked<'_>> {
        let named = |namespace| move |name| Asked::new(namespace, name);
        let columns = self.columns.iter().map(String::as_str).map(named(Namespace::Columns));
        let metrics = self.metrics.iter().map(String::as_str).map(named(Namespace::Metrics));
        columns.chain(metrics).chain(self.segments.iter().map(String::as_str).map(named(Namespace::Segments)))
    }

    fn add(&mut self, text: &str) {
        // What cannot be read is reported where it is checked.
        let Ok(ast) = Ast::parse(text) else { return };
        let mut left: Vec<NodeId> = vec![ast.root()];
        while let Some(node) = left.pop() {
            if let Node::Member { .. } = ast.node(node) {
                let (of, parts) = ast.names_behind(node);
                self.add_names(&parts);
                left.push(of);
                continue;
            }
            left.extend(ast.below(node));
            match ast.node(node) {
                Node::Path(parts) => self.add_names(parts),
                Node::Call { function, arguments: [id], .. } => {
                    if let Node::Literal(Literal::Text(id)) = ast.node(*id) {
                        match &**function {
                            "inSegment" => self.segments.insert(id.to_string()),
                            "metric" => self.metrics.insert(id.to_string()),
                            _ => false,
                        };
                    }
                }
                _ => {}
            }
        }
    }

    /// A name may have dots, and may stand behind that of an account.
    fn add_names(&mut self, parts: &[Arc<str>]) {
        for from in 0..parts.len() {
            for many in 1..=MAX_NAME_PARTS.min(parts.len() - from) {
                self.columns.insert(parts.get(from..from + many).unwrap_or_default().join("."));
            }
        }
    }
}
