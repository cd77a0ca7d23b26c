//! Which names does a text mention, before anybody knows what they mean?

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::definition::Definition;
use super::entry::Asked;
use crate::define::Namespace;
use crate::expr::{Ast, Literal, MAX_NAME_PARTS, MacroKind, Node, NodeId, written_name};

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

/// Renames attributes of accounts in a text, all at once, so that names may be exchanged. Names of lambdas, of child rows and of
/// events are not attributes of accounts, and are left alone.
pub(super) fn renamed(text: &str, renames: &HashMap<&str, &str>) -> String {
    let Ok(ast) = Ast::parse(text) else { return text.to_owned() };
    // The place of each name in the text, and its replacement.
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    // Each node with the variables around it: whether each is an account.
    let mut left: Vec<(NodeId, Vec<(String, bool)>)> = vec![(ast.root(), vec![("row".to_owned(), false)])];
    while let Some((node, scope)) = left.pop() {
        let bound =
            |name: &str| scope.iter().rev().find(|(known, _)| known == name).map(|(_, account)| *account);
        let (of, behind) = ast.names_behind(node);
        let (parts, is_bare) = match ast.node(node) {
            Node::Path(parts) => match parts.split_first().map(|(first, rest)| (bound(first), rest)) {
                Some((Some(true), rest)) => (rest, false),
                Some((None, _)) => (parts, true),
                Some((Some(false), _)) | None => (&[][..], false),
            },
            Node::Member { .. } => (&*behind, false),
            _ => (&[][..], false),
        };
        let mut own = parts;
        while let [place, rest @ ..] = own
            && !rest.is_empty()
            && matches!(&**place, "parent" | "root" | "attr")
        {
            own = rest;
        }
        if let Some(new) = renames.get(&*own.join("."))
            && let Some(place) = names_before(text, ast.span(node).end as usize, own)
        {
            let mut written = written_name(new);
            // Bare, the new name would be that of a lambda.
            if is_bare
                && own.len() == parts.len()
                && bound(new.split('.').next().unwrap_or_default()).is_some()
            {
                written.insert_str(0, "attr.");
            }
            places.push((place, written));
        }
        if of != node {
            // All names behind a node were looked at together.
            left.push((of, scope));
            continue;
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
    places.sort_unstable_by_key(|(place, _)| place.start);
    let mut out = text.to_owned();
    for (place, written) in places.into_iter().rev() {
        out.replace_range(place, &written);
    }
    out
}

/// Where the last names before a place stand in a text; `None` where something else stands between them.
fn names_before(text: &str, end: usize, names: &[Arc<str>]) -> Option<Range<usize>> {
    let mut start = end;
    for (place, name) in names.iter().rev().enumerate() {
        let before = text.get(..start)?.trim_end();
        let before = if place == 0 { before } else { before.strip_suffix('.')?.trim_end() };
        let quoted =
            before.strip_suffix('`').and_then(|before| before.strip_suffix(&**name)?.strip_suffix('`'));
        start = match quoted {
            Some(before) => before.len(),
            None => before.strip_suffix(&**name)?.len(),
        };
    }
    Some(start..end)
}

/// Are the rows of a macro accounts?
fn is_accounts(ast: &Ast, over: NodeId) -> bool {
    let mut at = over;
    loop {
        match ast.node(at) {
            Node::Macro { kind: MacroKind::Filter, over, .. } => at = over,
            Node::Call { function, arguments: [over], .. } if &**function == "withCancelled" => at = *over,
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

    fn renamed(text: &str, old: &str, new: &str) -> String {
        super::renamed(text, &HashMap::from([(old, new)]))
    }

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
            (
                "children.withCancelled().filter(c, c.seats > 1).withCancelled().sum(c, c.seats)",
                "children.withCancelled().filter(c, c.places > 1).withCancelled().sum(c, c.places)",
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

    #[test]
    fn a_name_with_dots_or_backticks_is_renamed_wherever_it_is_read() {
        for (text, expected) in [
            ("health.score > 1", "nps > 1"),
            ("lineage.at(\"Region\").health.score", "lineage.at(\"Region\").nps"),
            ("lineage.at(\"Region\").parent . health. score", "lineage.at(\"Region\").parent . nps"),
            ("attr.health.score + parent.attr.`health.score`", "attr.nps + parent.attr.nps"),
            ("children.max(nps, nps.health.score - health.score)", "children.max(nps, nps.nps - attr.nps)"),
            ("contracts.sum(c, c.health.score)", "contracts.sum(c, c.health.score)"),
            ("lineage.at(\"Region\").health.score.late", "lineage.at(\"Region\").health.score.late"),
        ] {
            assert_eq!(renamed(text, "health.score", "nps"), expected);
        }
        let text = "`Success Manager` == \"a\" && parent.`Success Manager` != \"b\"";
        let expected = "crm.manager == \"a\" && parent.crm.manager != \"b\"";
        assert_eq!(renamed(text, "Success Manager", "crm.manager"), expected);
        assert_eq!(renamed(expected, "crm.manager", "Success Manager"), text);
        assert_eq!(renamed("seats > 1", "seats", "in"), "`in` > 1");
    }

    #[test]
    fn names_are_exchanged() {
        let exchanged = HashMap::from([("a", "b"), ("b", "a"), ("c", "d"), ("d", "e")]);
        assert_eq!(super::renamed("a - b * parent.a + c - d", &exchanged), "b - a * parent.b + d - e");
    }
}
