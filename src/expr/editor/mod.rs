//! What may be written here, and what does this word mean?
//!
//! For editors: completions at a cursor, what a word is, and a text in its canonical form. An unfinished text is the
//! usual one, so that all of this works on texts with errors.

mod cursor;
mod found;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::cursor::{Asks, Place, lambda_at};
use self::found::Found;

use crate::expr::ast::{Ast, MacroKind, Node, NodeId};
use crate::expr::check::{Checker, Receiver};
use crate::expr::diagnostic::{Collector, ExprErrors, Span};
use crate::expr::functions::{self, Style};
use crate::expr::lexer::{Token, TokenKind, tokens};
use crate::expr::names::{NameText, Of};
use crate::expr::parser;
use crate::expr::print::{written_name, written_part};
use crate::expr::term::{SlotOf, Walk};
use crate::expr::types::Type;
use crate::model::{Currency, EnumValues};

/// What a completion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CompletionKind {
    /// An attribute of an account, or a column of a row.
    Name,
    /// A function, called with what it is asked of before its name or between its brackets.
    Function,
    /// A macro: `exists`, `sum` and their like.
    Macro,
    /// Other accounts: `parent`, `descendants`.
    Account,
    /// A child table.
    Table,
    /// The variable of a lambda.
    Variable,
    /// A value of an enumeration, an account type, a product, a segment.
    Value,
}

/// Something that may be written at a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Completion {
    /// What to write.
    pub text: Arc<str>,
    /// What it is.
    pub kind: CompletionKind,
    /// Its type in words, or how it is called.
    pub detail: String,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<Arc<str>>,
}

/// What may be written at a cursor, and what it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Completions {
    /// The part of the text that a completion replaces: the word that the cursor stands in.
    pub replaces: Span,
    /// In the order in which an editor shows them: what fits the expected type first.
    pub items: Vec<Completion>,
}

/// What a word means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hover {
    /// The part of the text that it speaks of.
    pub span: Span,
    /// Its type in words, or how it is called.
    pub kind: String,
    /// The name as people see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Arc<str>>,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<Arc<str>>,
    /// The unit of its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
}

impl Checker<'_> {
    /// What may be written at a cursor, in bytes of the text.
    ///
    /// ```
    /// use perennial::expr::Checker;
    /// use perennial::{Attribute, AttributeType, EnumValues, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("region", AttributeType::Enum(EnumValues::new(["EMEA", "APAC"]))))
    ///     .attribute(Attribute::new("renewal", AttributeType::Date))
    ///     .build()?;
    /// let checker = Checker::new(&schema);
    /// let found = checker.completions("re", 2);
    /// let names: Vec<&str> = found.items.iter().map(|item| &*item.text).take(2).collect();
    /// assert_eq!(names, ["region", "renewal"]);
    /// // Beside a closed set, its values.
    /// let found = checker.completions("region == ", 10);
    /// assert_eq!(&*found.items[0].text, "\"EMEA\"");
    /// # Ok::<(), perennial::SchemaErrors>(())
    /// ```
    #[must_use]
    pub fn completions(&self, source: &str, cursor: usize) -> Completions {
        let cursor = floor_boundary(source, cursor);
        let Some(read) = tokens(source, self.limits().tokens) else {
            return Completions { replaces: Span::default(), items: Vec::new() };
        };
        let place = Place::of(source, &read, cursor);
        let mut found = Found { start: place.typed.clone(), items: Vec::new() };
        match &place.asks {
            Asks::Nothing => {}
            Asks::Member(of) => self.members(source, *of, &mut found),
            Asks::Start { beside } => self.starts(source, cursor, *beside, &mut found),
            Asks::Text { function } => self.constant_texts(function, &mut found),
        }
        Completions { replaces: place.replaces, items: found.items }
    }

    /// What stands at a place, in bytes of the text; `None` where nothing has a meaning.
    #[must_use]
    pub fn hover(&self, source: &str, at: usize) -> Option<Hover> {
        let at = floor_boundary(source, at);
        let (ast, faults) = parser::parse(source, self.limits());
        let mut check = self.start(&ast, faults);
        let _ = check.term(ast.root());
        let node = with_all_names(&ast, smallest(&ast, at)?);
        let span = ast.span(node);
        if let Node::Call { function, .. } = ast.node(node) {
            let entry = functions::function(function)?;
            let documentation = Some(Arc::from(entry.text));
            return Some(Hover {
                span,
                kind: entry.usage.to_owned(),
                label: None,
                documentation,
                unit: None,
            });
        }
        let kind = check.kinds.get(node.index()).and_then(Option::as_ref)?.to_string();
        // The name that the node reads; behind a variable or another account, its end.
        let mut text = NameText::default();
        let names = match ast.node(node) {
            Node::Path(names) => names.to_vec(),
            Node::Member { .. } => ast.names_behind(node).1,
            _ => Vec::new(),
        };
        if !names.is_empty() {
            let rests = (0..names.len()).filter_map(|from| names.get(from..)).map(|names| names.join("."));
            for name in rests {
                let owners = self.owners();
                let found =
                    owners.iter().map(SlotOf::as_of).find(|of| self.names().name(*of, &name).is_some());
                if let Some(of) = found {
                    text = self.names().text(of, &name);
                    break;
                }
            }
        }
        let NameText { label, documentation, unit } = text;
        Some(Hover { span, kind, label, documentation, unit })
    }

    /// The text in its canonical form, one line.
    ///
    /// # Errors
    ///
    /// All that is wrong with the text.
    pub fn format(&self, source: &str) -> Result<String, ExprErrors> {
        Ast::parse_within(source, self.limits()).map(|ast| ast.to_string())
    }

    fn owners(&self) -> Vec<SlotOf> {
        let mut owners = vec![SlotOf::Account];
        self.names().each_table(&mut |table| owners.push(SlotOf::Table(Arc::from(table))));
        self.names().each_event(&mut |event| owners.push(SlotOf::Event(Arc::from(event))));
        owners
    }

    /// What a value, an account or a collection before a dot has.
    fn members(&self, source: &str, of: Span, found: &mut Found) {
        // The part before the dot, asked where it stands: variables of the lambdas around it are known there.
        let asked = of.text(source);
        let around = self.around(source, of.start as usize);
        let mut text = String::new();
        for (over, variable) in &around {
            text.push_str(over);
            text.push_str(".exists(");
            text.push_str(variable);
            text.push_str(", ");
        }
        let start = text.len();
        text.push_str(asked);
        let end = text.len();
        text.extend(around.iter().map(|_| ')'));
        let (ast, _) = parser::parse(&text, self.limits());
        let node = ast_node(&ast, start, end);
        let mut check = self.start(&ast, Collector::new(ast.source(), self.limits().diagnostics));
        let Some(receiver) = node.and_then(|node| check.receiver_at(node)) else { return };
        match receiver {
            Receiver::Account(_) => {
                self.names_of(Of::Account, None, found);
                self.words(found);
                found.functions(|style| style == Style::OfAccount);
            }
            Receiver::Row => {
                if let Some(of) = check.row_of() {
                    self.names_of(of.as_of(), None, found);
                }
            }
            Receiver::Accounts(_, walk, _) => {
                let macros = MacroKind::ALL
                    .iter()
                    .filter(|kind| !matches!(kind, MacroKind::Map | MacroKind::Where | MacroKind::Distinct));
                found.macros(macros);
                found.named(&["count"]);
                if walk.leaves_out_cancelled() && self.names().cancelled_when().is_some() {
                    found.named(&["withCancelled"]);
                }
                if walk == Walk::Lineage {
                    found.named(&["at", "level"]);
                }
            }
            Receiver::Rows(..) => {
                let macros = MacroKind::ALL
                    .iter()
                    .filter(|kind| !matches!(kind, MacroKind::Map | MacroKind::Where | MacroKind::Distinct));
                found.macros(macros);
                found.named(&["count"]);
            }
            Receiver::Usage(..) => {
                found.named(&[
                    "lastDays",
                    "prevDays",
                    "lastWeeks",
                    "prevWeeks",
                    "weekly",
                    "count",
                    "sum",
                    "avg",
                    "min",
                    "max",
                    "median",
                    "percentile",
                    "days",
                    "first",
                    "last",
                ]);
                found.macros([MacroKind::Where, MacroKind::Sum, MacroKind::Distinct].iter());
            }
            Receiver::Weeks(_) => {
                found.named(&["count", "sum", "avg", "min", "max", "median", "percentile", "first", "last"]);
            }
            Receiver::Value(term) => match &term.kind {
                Type::Record(fields) => {
                    for (name, kind) in fields.iter() {
                        found.add(name.clone(), CompletionKind::Name, kind.to_string(), None);
                    }
                }
                Type::Counts(values) => {
                    for text in values.iter() {
                        found.add(
                            written_part(text).into(),
                            CompletionKind::Name,
                            Type::Int.to_string(),
                            None,
                        );
                    }
                }
                kind => found.methods_of(kind),
            },
        }
    }

    /// The lambdas around a place: what each walks over, and its variable.
    fn around(&self, source: &str, at: usize) -> Vec<(String, String)> {
        let Some(read) = tokens(source, self.limits().tokens) else { return Vec::new() };
        let before: Vec<Token> = read.into_iter().filter(|token| (token.span.end as usize) <= at).collect();
        let mut open: Vec<Option<(String, String)>> = Vec::new();
        for (place, token) in before.iter().enumerate() {
            match token.kind {
                TokenKind::LeftParen | TokenKind::LeftBracket => {
                    open.push(lambda_at(source, &before, place));
                }
                TokenKind::RightParen | TokenKind::RightBracket => {
                    open.pop();
                }
                _ => {}
            }
        }
        open.into_iter().flatten().collect()
    }

    /// What an expression may begin with.
    fn starts(&self, source: &str, cursor: usize, beside: Option<Span>, found: &mut Found) {
        let expected = beside.and_then(|beside| self.kind_at(source, beside));
        if let Some(values) = expected.as_ref().and_then(Type::values) {
            for value in values.iter() {
                found.text(value, "value");
            }
        }
        for (over, variable) in self.around(source, cursor) {
            found.add(Arc::from(variable), CompletionKind::Variable, format!("one of {over}"), None);
        }
        self.names_of(Of::Account, expected.as_ref(), found);
        self.names().each_table(&mut |table| {
            found.add(Arc::from(table), CompletionKind::Table, "child table".to_owned(), None);
        });
        self.words(found);
        found.functions(|style| style != Style::Method);
    }

    /// Words of the hierarchy.
    fn words(&self, found: &mut Found) {
        if self.names().account_types().is_none() {
            return;
        }
        for (word, _) in Walk::ALL {
            found.add(Arc::from(word), CompletionKind::Account, "accounts".to_owned(), None);
        }
        for word in ["parent", "root"] {
            found.add(Arc::from(word), CompletionKind::Account, "account".to_owned(), None);
        }
        for (word, kind) in [("level", "whole number"), ("id", "text")] {
            found.add(Arc::from(word), CompletionKind::Name, kind.to_owned(), None);
        }
        for word in ["account_type", "product"] {
            found.add(Arc::from(word), CompletionKind::Name, "enumeration value".to_owned(), None);
        }
    }

    /// The type of a part of the text.
    fn kind_at(&self, source: &str, part: Span) -> Option<Type> {
        let (ast, faults) = parser::parse(part.text(source), self.limits());
        let mut check = self.start(&ast, faults);
        let term = check.term(ast.root())?;
        Some(term.kind)
    }

    fn names_of(&self, of: Of<'_>, expected: Option<&Type>, found: &mut Found) {
        let mut names: Vec<(bool, Completion)> = Vec::new();
        self.names().each(of, &mut |name| {
            let Some(known) = self.names().name(of, name) else { return };
            let text = written_name(name);
            let fits = expected.is_some_and(|expected| expected == known.kind());
            let NameText { documentation, label, .. } = self.names().text(of, name);
            let completion = Completion {
                text: Arc::from(text),
                kind: CompletionKind::Name,
                detail: known.kind().to_string(),
                documentation: documentation.or(label),
            };
            names.push((!fits, completion));
        });
        // Stable: of equal fit, as declared.
        names.sort_by_key(|(unfit, _)| *unfit);
        names.into_iter().for_each(|(_, completion)| found.push(completion));
    }

    /// The constant texts that a function takes.
    fn constant_texts(&self, function: &str, found: &mut Found) {
        let periods = super::check::PERIODS;
        match function {
            "at" => self
                .names()
                .account_types()
                .iter()
                .flat_map(EnumValues::iter)
                .for_each(|name| found.text(name, "account type")),
            "owns" => self
                .names()
                .products()
                .iter()
                .flat_map(EnumValues::iter)
                .for_each(|name| found.text(name, "product")),
            "inSegment" => self.names().each_segment(&mut |id| found.text(id, "segment")),
            "events" => self.names().each_event(&mut |name| found.text(name, "event")),
            "metric" => self.names().each_metric(&mut |name| found.text(name, "metric")),
            "startOf" | "endOf" => periods.iter().for_each(|name| found.text(name, "period")),
            "during" => {
                for which in ["this", "last", "next"] {
                    periods.iter().for_each(|name| found.text(&format!("{which}_{name}"), "period"));
                }
            }
            "weekly" => ["all", "active"].iter().for_each(|name| found.text(name, "weeks")),
            "inLast" | "inNext" => {
                ["days", "weeks", "months", "quarters", "years"]
                    .iter()
                    .for_each(|name| found.text(name, "unit"));
            }
            "convertTo" | "convertAt" | "convertAtPlan" | "ifCurrency" => {
                Currency::codes().for_each(|code| found.text(code, "currency"));
            }
            _ => {}
        }
    }
}

impl SlotOf {
    pub(in crate::expr) fn as_of(&self) -> Of<'_> {
        match self {
            Self::Account => Of::Account,
            Self::Table(table) => Of::Table(table),
            Self::Event(event) => Of::Event(event),
        }
    }
}

fn floor_boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The smallest node that a place stands in.
fn smallest(ast: &Ast, at: usize) -> Option<NodeId> {
    let mut best: Option<(u32, NodeId)> = None;
    let mut left = vec![ast.root()];
    while let Some(node) = left.pop() {
        let span = ast.span(node);
        if (span.start as usize) <= at && at <= span.end as usize {
            let size = span.end - span.start;
            if best.is_none_or(|(known, _)| size <= known) {
                best = Some((size, node));
            }
        }
        left.extend(ast.below(node));
    }
    best.map(|(_, node)| node)
}

/// The whole of `lineage.at("Region").health.score` for a part of its names: they may be one name with dots.
fn with_all_names(ast: &Ast, node: NodeId) -> NodeId {
    let mut whole = node;
    if matches!(ast.node(node), Node::Member { .. }) {
        // Nodes stand after those below them.
        for longer in (node.0..).take(ast.len() - node.index()).map(NodeId) {
            if matches!(ast.node(longer), Node::Member { of, .. } if of == whole) {
                whole = longer;
            }
        }
    }
    whole
}

/// The node that covers a part of the text exactly.
fn ast_node(ast: &Ast, start: usize, end: usize) -> Option<NodeId> {
    let mut left = vec![ast.root()];
    while let Some(node) = left.pop() {
        let span = ast.span(node);
        if (span.start as usize, span.end as usize) == (start, end) {
            return Some(node);
        }
        left.extend(ast.below(node));
    }
    None
}
