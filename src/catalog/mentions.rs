//! Which names does a text mention, before anybody knows what they mean?

use std::collections::HashSet;

use super::definition::Definition;
use super::entry::{Asked, Space};
use crate::expr::{Ast, Literal, MacroKind, Node, NodeId};

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
        definition.texts().iter().for_each(|text| mentions.add(text));
        if let Definition::Past(of) = definition {
            mentions.columns.insert(of.of().to_owned());
        }
        mentions
    }

    /// How the names would be read.
    pub(super) fn keys(&self) -> impl Iterator<Item = Asked<'_>> {
        let named = |space| move |name| Asked::new(space, name);
        let columns = self.columns.iter().map(String::as_str).map(named(Space::Columns));
        let metrics = self.metrics.iter().map(String::as_str).map(named(Space::Metrics));
        columns.chain(metrics).chain(self.segments.iter().map(String::as_str).map(named(Space::Segments)))
    }

    fn add(&mut self, text: &str) {
        // What cannot be read is reported where it is checked.
        let Ok(ast) = Ast::parse(text) else { return };
        let mut left: Vec<NodeId> = vec![ast.root()];
        while let Some(node) = left.pop() {
            left.extend(ast.below(node));
            match ast.node(node) {
                Node::Path(parts) => {
                    // A name may have dots, and may stand behind that of an account.
                    for from in 0..parts.len() {
                        for to in from + 1..=parts.len() {
                            let joined: Vec<&str> =
                                parts.get(from..to).unwrap_or_default().iter().map(|part| &**part).collect();
                            self.columns.insert(joined.join("."));
                        }
                    }
                }
                Node::Member { name, .. } => {
                    self.columns.insert(name.to_string());
                }
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
}

/// A text with an attribute of accounts by another name. Names of lambdas, of child rows and of events are others, and stay.
pub(super) fn renamed(text: &str, old: &str, new: &str) -> String {
    let Ok(ast) = Ast::parse(text) else { return text.to_owned() };
    let mut ends: Vec<usize> = Vec::new();
    // Each node with the variables around it: whether each is an account.
    let mut left: Vec<(NodeId, Vec<(String, bool)>)> = vec![(ast.root(), vec![("row".to_owned(), false)])];
    while let Some((node, scope)) = left.pop() {
        let bound =
            |name: &str| scope.iter().rev().find(|(known, _)| known == name).map(|(_, account)| *account);
        match ast.node(node) {
            Node::Path(parts) => {
                let (mut own, first) = (parts, parts.first().map_or("", |part| &**part));
                match bound(first) {
                    Some(true) => own = own.get(1..).unwrap_or_default(),
                    Some(false) => own = &[],
                    None => {}
                }
                while let [place, rest @ ..] = own
                    && !rest.is_empty()
                    && matches!(&**place, "parent" | "root")
                {
                    own = rest;
                }
                if own.iter().map(|part| &**part).collect::<Vec<_>>().join(".") == old {
                    ends.push(ast.span(node).end as usize);
                }
            }
            Node::Member { name, .. } if **name == *old => ends.push(ast.span(node).end as usize),
            _ => {}
        }
        if let Node::Macro { over, variable, body, .. } = ast.node(node) {
            let mut inside = scope.clone();
            inside.push((variable.to_string(), is_accounts(&ast, over)));
            left.push((over, scope));
            left.push((body, inside));
        } else {
            left.extend(ast.below(node).map(|below| (below, scope.clone())));
        }
    }
    ends.sort_unstable();
    ends.dedup();
    let mut out = text.to_owned();
    for end in ends.into_iter().rev() {
        if let Some(start) = end.checked_sub(old.len())
            && out.get(start..end) == Some(old)
        {
            out.replace_range(start..end, new);
        }
    }
    out
}

/// Are the rows of a macro accounts?
fn is_accounts(ast: &Ast, over: NodeId) -> bool {
    let mut at = over;
    loop {
        match ast.node(at) {
            Node::Macro { kind: MacroKind::Filter, over, .. } => at = over,
            Node::Path(parts) => {
                let walks = ["ancestors", "lineage", "children", "descendants", "subtree", "siblings"];
                return parts.last().is_some_and(|last| walks.contains(&&**last));
            }
            Node::Member { name, .. } => {
                return ["ancestors", "lineage", "children", "descendants", "subtree", "siblings"]
                    .contains(&&**name);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_attribute_is_renamed() {
        for (text, expected) in [
            ("seats > 1 && parent.seats < 2", "places > 1 && parent.places < 2"),
            ("children.sum(c, c.seats) + seats", "children.sum(c, c.places) + places"),
            ("contracts.sum(c, c.seats) * seats", "contracts.sum(c, c.seats) * places"),
            ("tags.exists(seats, seats == \"x\")", "tags.exists(seats, seats == \"x\")"),
            ("lineage.at(\"Region\").seats", "lineage.at(\"Region\").places"),
            (
                "children.filter(c, c.seats > 1).exists(d, d.root.seats > 2)",
                "children.filter(c, c.places > 1).exists(d, d.root.places > 2)",
            ),
            ("row.seats + seats", "row.seats + places"),
            ("name == \"seats\"", "name == \"seats\""),
            (
                "events(\"seats\").where(e, e.seats > 1).count() + seats",
                "events(\"seats\").where(e, e.seats > 1).count() + places",
            ),
        ] {
            assert_eq!(renamed(text, "seats", "places"), expected);
        }
    }
}
