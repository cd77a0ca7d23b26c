//! Which names, and which values of closed sets, does a text write, and where?
//!
//! Noted where the check finds out what they mean, so that a part of a schema gets another name wherever it is read, and nothing else
//! that is called so.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use crate::expr::ast::{Ast, Node, NodeId};
use crate::expr::checked::Source;
use crate::expr::literal::{Literal, write_text};
use crate::expr::names::Of;
use crate::expr::print::{written_name, written_part};
use crate::model::EnumValues;

/// Something that is written at a node.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    pub(super) node: NodeId,
    pub(super) what: Mentioned,
    /// How many names of a path it is: a name may have dots.
    pub(super) names: usize,
    /// How many names are behind it in its path.
    pub(super) behind: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Mentioned {
    Source(Source),
    /// A value of a closed set.
    Value(EnumValues, Arc<str>),
}

/// What a text writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Written<'w> {
    /// The name of something that is read.
    Name(&'w Source),
    /// A value of a closed set.
    Value(&'w EnumValues, &'w Arc<str>),
}

impl Mentioned {
    /// An attribute, a column, or a property of an event.
    pub(super) fn field(of: Of<'_>, name: &Arc<str>) -> Self {
        Self::Source(match of {
            Of::Account => Source::Attribute(name.clone()),
            Of::Table(table) => Source::Column(Arc::from(table), name.clone()),
            Of::Event(event) => Source::Field(Arc::from(event), name.clone()),
        })
    }

    const fn written(&self) -> Written<'_> {
        match self {
            Self::Source(source) => Written::Name(source),
            Self::Value(values, value) => Written::Value(values, value),
        }
    }
}

/// The text of an expression with others in the places of what it mentions; `None` where nothing is another.
pub(in crate::expr) fn rewritten(
    ast: &Ast,
    mentions: &[Mention],
    new: &dyn Fn(Written<'_>) -> Option<Arc<str>>,
) -> Option<String> {
    let text = ast.source_text();
    let mut variables: Option<HashSet<&str>> = None;
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    for mention in mentions {
        let Some(new) = new(mention.what.written()) else { continue };
        let end = ast.span(mention.node).end as usize;
        if let Node::Literal(literal) = ast.node(mention.node) {
            if matches!(literal, Literal::Text(_)) {
                let mut quoted = String::new();
                // Writing to a text cannot fail.
                let _ = write_text(&mut quoted, &new);
                places.push((ast.span(mention.node).start as usize..end, quoted));
            }
            continue;
        }
        let names = match ast.node(mention.node) {
            Node::Path(names) => names.to_vec(),
            _ => ast.names_behind(mention.node).1,
        };
        let Some(last) = names.len().checked_sub(mention.behind) else { continue };
        let Some(first) = last.checked_sub(mention.names) else { continue };
        let Some(place) = place_of(text, end, &names, first..last) else { continue };
        let mut written = match &mention.what {
            // A child table, and a value of which there are counts, are one name of a path.
            Mentioned::Source(Source::Table(_)) | Mentioned::Value(..) => written_part(&new),
            Mentioned::Source(_) => written_name(&new),
        };
        // By itself, the new name could be that of a lambda around it.
        if first == 0 && matches!(ast.node(mention.node), Node::Path(_)) {
            let known = variables.get_or_insert_with(|| ast.variables());
            if written.split('.').next().is_some_and(|first| known.contains(first)) {
                written.insert_str(0, "attr.");
            }
        }
        places.push((place, written));
    }
    if places.is_empty() {
        return None;
    }
    places.sort_by(|one, other| (one.0.start, &one.1).cmp(&(other.0.start, &other.1)));
    places.dedup();
    let mut out = text.to_owned();
    for (place, written) in places.into_iter().rev() {
        out.replace_range(place, &written);
    }
    Some(out)
}

/// Where some of the names of a path are in a text; the path ends at `end`.
fn place_of(text: &str, end: usize, names: &[Arc<str>], wanted: Range<usize>) -> Option<Range<usize>> {
    let (mut start, mut stop) = (end, end);
    for (place, name) in names.iter().enumerate().rev() {
        if place < wanted.start {
            break;
        }
        let before = text.get(..start)?.trim_end();
        let before = if place + 1 == names.len() { before } else { before.strip_suffix('.')?.trim_end() };
        if place + 1 == wanted.end {
            stop = before.len();
        }
        let quoted =
            before.strip_suffix('`').and_then(|before| before.strip_suffix(&**name)?.strip_suffix('`'));
        start = match quoted {
            Some(before) => before.len(),
            None => before.strip_suffix(&**name)?.len(),
        };
    }
    Some(start..stop)
}
