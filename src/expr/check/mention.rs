//! Which names, and which values of closed sets, does a text write, and where?
//!
//! Noted where the check finds out what they mean, so that a part of a schema gets another name wherever it is read, and nothing else
//! that is called so. What cannot be put in its place is told, and nothing is rewritten then.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use crate::expr::ast::{Ast, Node, NodeId};
use crate::expr::checked::Source;
use crate::expr::lexer::{Token, TokenKind, tokens};
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

/// What is to be written in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rename {
    Kept,
    To(Arc<str>),
    /// It is no longer there, though something else has its name.
    Gone,
}

/// Why is a text not rewritten?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// It mentions what is gone.
    Gone(Arc<str>),
    /// It writes a name or value in a way that has no place for another.
    Unplaced(Arc<str>),
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

    const fn name(&self) -> &Arc<str> {
        match self {
            Self::Source(source) => source.name(),
            Self::Value(_, value) => value,
        }
    }
}

impl Mention {
    /// The name of something that is read.
    pub(in crate::expr) const fn source(&self) -> Option<&Source> {
        match &self.what {
            Mentioned::Source(source) => Some(source),
            Mentioned::Value(..) => None,
        }
    }
}

/// The text of an expression with the names and values that it mentions replaced; `None` where none is replaced.
pub(in crate::expr) fn rewritten(
    ast: &Ast,
    mentions: &[Mention],
    new: &dyn Fn(Written<'_>) -> Rename,
) -> Result<Option<String>, Unwritten> {
    let text = ast.source_text();
    let mut writer: Option<Writer<'_>> = None;
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    for mention in mentions {
        let new = match new(mention.what.written()) {
            Rename::Kept => continue,
            Rename::Gone => return Err(Unwritten::Gone(mention.what.name().clone())),
            Rename::To(new) => new,
        };
        let writer = writer.get_or_insert_with(|| Writer::of(ast));
        match writer.write(mention, &new) {
            Some(written) => places.push(written),
            None => return Err(Unwritten::Unplaced(mention.what.name().clone())),
        }
    }
    if places.is_empty() {
        return Ok(None);
    }
    places.sort_by(|one, other| (one.0.start, &one.1).cmp(&(other.0.start, &other.1)));
    places.dedup();
    let mut out = text.to_owned();
    for (place, written) in places.into_iter().rev() {
        out.replace_range(place, &written);
    }
    Ok(Some(out))
}

/// Where things are in a text.
struct Writer<'a> {
    ast: &'a Ast,
    tokens: Vec<Token>,
    variables: HashSet<&'a str>,
}

impl<'a> Writer<'a> {
    fn of(ast: &'a Ast) -> Self {
        let tokens = tokens(ast.source_text(), usize::MAX).unwrap_or_default();
        Self { ast, tokens, variables: ast.variables() }
    }

    /// The place of a mention, and what is written there.
    fn write(&self, mention: &Mention, new: &str) -> Option<(Range<usize>, String)> {
        let span = self.ast.span(mention.node);
        if let Node::Literal(literal) = self.ast.node(mention.node) {
            let Literal::Text(_) = literal else { return None };
            let mut quoted = String::new();
            // Writing to a text cannot fail.
            let _ = write_text(&mut quoted, new);
            return Some((span.start as usize..span.end as usize, quoted));
        }
        let (is_path, names) = match self.ast.node(mention.node) {
            Node::Path(names) => (true, names.len()),
            Node::Member { .. } => (false, self.ast.names_behind(mention.node).1.len()),
            _ => return None,
        };
        let last = names.checked_sub(mention.behind)?;
        let first = last.checked_sub(mention.names).filter(|first| *first < last)?;
        let places = self.names(span.start as usize..span.end as usize, names)?;
        let place = places.get(first)?.start..places.get(last - 1)?.end;
        // A child table, and a value of which there are counts, are one name of a path.
        let mut written = match &mention.what {
            Mentioned::Source(Source::Table(_)) | Mentioned::Value(..) => written_part(new),
            Mentioned::Source(_) => written_name(new),
        };
        // By itself, the new name could be that of a lambda around it.
        let own = if written.starts_with('`') { new } else { new.split('.').next().unwrap_or(new) };
        if is_path && first == 0 && self.variables.contains(own) {
            if self.variables.contains("attr") {
                return None;
            }
            written.insert_str(0, "attr.");
        }
        Some((place, written))
    }

    /// The places of the last names of a part of the text, in order; `None` where something else is between them.
    fn names(&self, within: Range<usize>, many: usize) -> Option<Vec<Range<usize>>> {
        let is_within = |token: &&Token| {
            token.span.start as usize >= within.start && token.span.end as usize <= within.end
        };
        let inside: Vec<&Token> =
            self.tokens.iter().filter(is_within).filter(|token| token.kind != TokenKind::End).collect();
        let mut places = Vec::with_capacity(many);
        let mut tokens = inside.into_iter().rev();
        while places.len() < many {
            if !places.is_empty() {
                tokens.next().filter(|token| token.kind == TokenKind::Dot)?;
            }
            let name =
                tokens.next().filter(|token| matches!(token.kind, TokenKind::Ident | TokenKind::Quoted))?;
            places.push(name.span.start as usize..name.span.end as usize);
        }
        places.reverse();
        Some(places)
    }
}
