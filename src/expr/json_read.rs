//! What does the JSON of an expression say?
//!
//! Every fault is found and named at its place. The depth is counted before anything below is read, so that it bounds
//! the recursion.

use std::sync::Arc;

use serde_json::Value as Json;

use super::ast::{Ast, BinaryOp, MacroKind, NodeId, Stored};
use super::builder::Builder;
use super::diagnostic::{Code, Span};
use super::functions;
use super::json::{WIRE_VERSION, WireErrors, WireFault};
use super::limits::ExprLimits;
use super::literal::Literal;
use super::parser::{is_operator_word, is_plain};
use crate::model::{Date, Decimal, Fields, Place, Timestamp, found, hint, shown};

/// Reads a tree; what is wrong with it is noted.
pub(super) fn read(json: &Json, limits: &ExprLimits, faults: &mut WireErrors) -> Option<Ast> {
    let document = Fields::document(json, WIRE_VERSION, &["v", "expr"], faults)?;
    let node = document.need("expr", faults)?;
    let place = document.at("expr");
    let mut reader = Reader { limits, nodes: Builder::new(limits), faults, stopped: false };
    let root = reader.node(node, &place, 1);
    match reader.nodes.beyond {
        Some(Code::E302) => {
            reader.fault(Code::E302, &place, format!("expressions nest at most {} deep", limits.depth));
        }
        Some(code) => {
            reader.fault(code, &place, format!("an expression has at most {} parts", limits.nodes));
        }
        None => {}
    }
    root.filter(|_| reader.faults.is_empty()).map(|root| reader.nodes.finish_printed(root))
}

struct Reader<'l> {
    limits: &'l ExprLimits,
    nodes: Builder,
    faults: &'l mut WireErrors,
    /// It is nested too deeply.
    stopped: bool,
}

/// The operators with a fixed number of arguments, or `None` for any number from two.
const OPERATORS: [(&str, Option<usize>); 8] = [
    ("and", None),
    ("or", None),
    ("not", Some(1)),
    ("neg", Some(1)),
    ("if", Some(3)),
    ("index", Some(2)),
    ("list", None),
    ("chain", None),
];

impl Reader<'_> {
    fn fault(&mut self, code: Code, place: &Place<'_>, message: impl Into<String>) {
        self.faults.add(|| WireFault { code, path: place.to_string(), message: message.into() });
    }

    fn malformed(&mut self, place: &Place<'_>, message: impl Into<String>) {
        self.fault(Code::E114, place, message);
    }

    /// Is nothing further read, since nothing would be told of it?
    const fn is_done(&self) -> bool {
        self.stopped || (self.faults.is_full() && !self.faults.is_empty())
    }

    /// Reads a node. The depth is counted before anything below is read, so that it bounds the recursion.
    fn node(&mut self, json: &Json, place: &Place<'_>, depth: usize) -> Option<NodeId> {
        if self.is_done() {
            return None;
        }
        if depth > self.limits.depth {
            self.fault(Code::E302, place, format!("expressions nest at most {} deep", self.limits.depth));
            self.stopped = true;
            return None;
        }
        let Json::Object(fields) = json else {
            let found = found(json);
            self.malformed(place, format!("expected an object with `op`, `attr` or `lit`, found {found}"));
            return None;
        };
        let object = Fields::of(fields, *place);
        if let Some(attribute) = object.get("attr") {
            object.only(&["attr"], self.faults);
            return self.path(attribute, place);
        }
        if let Some(literal) = object.get("lit") {
            object.only(&["lit"], self.faults);
            return self.literal(literal, place);
        }
        if !object.has("op") {
            self.malformed(place, "expected one of the fields `op`, `attr` or `lit`");
            return None;
        }
        let op = object.text("op", self.faults)?;
        self.operation(op, &object, depth)
    }

    fn path(&mut self, json: &Json, place: &Place<'_>) -> Option<NodeId> {
        let names: Option<Vec<Arc<str>>> = match json {
            Json::Array(names) if !names.is_empty() => {
                names.iter().map(|name| name.as_str().map(Arc::from)).collect()
            }
            _ => None,
        };
        let Some(names) = names else {
            self.malformed(place, "`attr` is a list of names, one at least");
            return None;
        };
        for name in &names {
            self.name(name, place)?;
        }
        Some(self.nodes.path(names, Span::default()))
    }

    fn name(&mut self, name: &str, place: &Place<'_>) -> Option<()> {
        if name.is_empty() || name.contains(['`', '\n', '\r']) {
            let message = "a name has a character at least, and neither backticks nor line breaks";
            self.malformed(place, message);
            return None;
        }
        Some(())
    }

    fn literal(&mut self, json: &Json, place: &Place<'_>) -> Option<NodeId> {
        let said = match json {
            Json::Object(literal) if literal.len() == 1 => literal.iter().next(),
            _ => None,
        };
        let Some((kind, value)) = said else {
            self.malformed(place, "`lit` has one field, such as `int` or `text`");
            return None;
        };
        let text = value.as_str();
        let literal = match kind.as_str() {
            "bool" => value.as_bool().map(Literal::Bool),
            "int" => value.as_i64().or_else(|| text?.parse().ok()).map(Literal::Int),
            "decimal" => text.and_then(|text| text.parse::<Decimal>().ok()).map(Literal::decimal),
            "double" => value.as_f64().and_then(Literal::number),
            "text" => text.map(|text| Literal::Text(Arc::from(text))),
            "date" | "timestamp" | "duration" => text.and_then(|text| super::parser::constant(kind, text)),
            _ => {
                let kinds = ["bool", "int", "decimal", "double", "text", "date", "timestamp", "duration"];
                let hint = hint(kind, kinds.iter().copied());
                self.malformed(place, format!("there is no literal `{}`{hint}", shown(kind)));
                return None;
            }
        };
        // A decimal of more digits than text has is none.
        let literal = literal.filter(|literal| match literal {
            Literal::Decimal(decimal) => decimal.units().unsigned_abs() < 10_u128.pow(36),
            _ => true,
        });
        let Some(literal) = literal else {
            let error = match kind.as_str() {
                "date" => text.and_then(|text| text.parse::<Date>().err()),
                "timestamp" => text.and_then(|text| text.parse::<Timestamp>().err()),
                _ => None,
            };
            let no_such_day = error.is_some_and(|error| error.is_no_such_day());
            let why = if no_such_day { ": there is no such day" } else { "" };
            self.malformed(place, format!("{} is no {kind}{why}", found(value)));
            return None;
        };
        if matches!(&literal, Literal::Text(text) if text.len() > self.limits.text_bytes) {
            self.fault(Code::E303, place, format!("a text has at most {} bytes", self.limits.text_bytes));
        }
        Some(self.nodes.literal(literal, Span::default()))
    }

    fn operation(&mut self, op: &str, object: &Fields<'_, '_>, depth: usize) -> Option<NodeId> {
        if object.has("over") {
            return self.lambda(op, object, depth);
        }
        let place = object.place();
        let fields: &[&str] = match op {
            "chain" => &["op", "args", "ops"],
            "member" => &["op", "args", "name"],
            "call" => &["op", "args", "name", "method"],
            _ => &["op", "args"],
        };
        object.only(fields, self.faults);
        let arguments = self.arguments(object, depth)?;
        let exactly = |reader: &mut Self, wanted: usize| {
            if arguments.len() == wanted {
                return Some(());
            }
            let s = if wanted == 1 { "" } else { "s" };
            reader.malformed(place, format!("`{op}` takes {wanted} argument{s}, not {}", arguments.len()));
            None
        };
        let at_least_two = |reader: &mut Self| {
            if arguments.len() >= 2 {
                return Some(());
            }
            reader.malformed(place, format!("`{op}` takes two arguments or more, not {}", arguments.len()));
            None
        };
        if let Some((_, wanted)) = OPERATORS.iter().find(|(known, _)| *known == op) {
            match (wanted, op) {
                (Some(wanted), _) => exactly(self, *wanted)?,
                (None, "list") => {}
                (None, _) => at_least_two(self)?,
            }
        }
        let at = Span::default();
        match (op, arguments.as_slice()) {
            ("and" | "or", items) => Some(self.nodes.junction(op == "and", items, at)),
            ("not", [of]) => Some(self.nodes.not(*of, at)),
            ("neg", [of]) => Some(self.nodes.negate(*of, at)),
            ("if", [test, then, otherwise]) => Some(self.nodes.conditional([*test, *then, *otherwise], at)),
            ("index", [of, place]) => Some(self.nodes.index(*of, *place, at)),
            ("list", items) => {
                if items.len() > self.limits.list_items {
                    let message = format!("a list has at most {} items", self.limits.list_items);
                    self.fault(Code::E303, place, message);
                }
                Some(self.nodes.list(items, at))
            }
            ("member", [of]) => {
                let name: Arc<str> = Arc::from(object.needed_text("name", self.faults)?);
                self.name(&name, place)?;
                Some(self.nodes.member(*of, name, at))
            }
            ("member", _) => exactly(self, 1).and(None),
            ("chain", items) => {
                let operators = self.operators(object, items.len())?;
                Some(self.nodes.chain(items, &operators, at))
            }
            ("call", items) => {
                let name: Arc<str> = Arc::from(object.needed_text("name", self.faults)?);
                self.function_name(&name, place)?;
                let written = object.truth("method", self.faults)?;
                let method = functions::is_method(&name, items.len(), written);
                Some(self.nodes.call(name, method, items, at))
            }
            (op, items) => {
                if let Some(binary) = BinaryOp::from_op(op) {
                    at_least_two(self)?;
                    let operators = vec![binary; items.len() - 1];
                    return Some(self.nodes.chain(items, &operators, at));
                }
                if let Some(entry) = functions::function(op) {
                    return self.function(entry, items, place);
                }
                self.unknown_op(op, place);
                None
            }
        }
    }

    /// The name of a function that this release does not know.
    fn function_name(&mut self, name: &str, place: &Place<'_>) -> Option<()> {
        if functions::function(name).is_some() || MacroKind::from_op(name).is_some() {
            self.malformed(place, format!("`{}` is an `op` of its own", shown(name)));
            return None;
        }
        if !is_plain(name) || is_operator_word(name) {
            self.malformed(place, format!("no function is called `{}`", shown(name)));
            return None;
        }
        Some(())
    }

    fn function(&mut self, entry: &functions::Entry, items: &[NodeId], place: &Place<'_>) -> Option<NodeId> {
        if MacroKind::from_op(entry.name).is_some() && items.len() != 1 {
            self.malformed(place, format!("`{}` takes 1 argument, or `over`, `var` and `body`", entry.name));
            return None;
        }
        // `date(".")` of a text that is a date is a constant, as in text.
        if let [only] = items {
            let said = match self.nodes.stored(*only) {
                Some(Stored::Literal(Literal::Text(text))) => super::parser::constant(entry.name, text),
                _ => None,
            };
            if let Some(literal) = said {
                return Some(self.nodes.literal(literal, Span::default()));
            }
        }
        let method = functions::is_method(entry.name, items.len(), false);
        Some(self.nodes.call(Arc::from(entry.name), method, items, Span::default()))
    }

    fn unknown_op(&mut self, op: &str, place: &Place<'_>) {
        let known = OPERATORS.iter().map(|(op, _)| *op).chain(["member", "call"]);
        let known = known.chain(BinaryOp::ALL.iter().map(|op| op.op()));
        let known = known.chain(functions::TABLE.iter().map(|entry| entry.name));
        let known = known.chain(MacroKind::ALL.iter().map(|kind| kind.op()));
        let hint = hint(op, known);
        self.malformed(place, format!("there is no `op` called `{}`{hint}", shown(op)));
    }

    fn operators(&mut self, object: &Fields<'_, '_>, operands: usize) -> Option<Vec<BinaryOp>> {
        let listed = match object.get("ops") {
            Some(Json::Array(ops)) => {
                ops.iter().map(|op| op.as_str().and_then(BinaryOp::from_op)).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        let operators = listed.filter(|ops| ops.len() + 1 == operands);
        let one_level =
            |ops: &Vec<BinaryOp>| ops.windows(2).all(|two| matches!(two, [a, b] if a.level() == b.level()));
        let Some(operators) = operators.filter(one_level) else {
            self.malformed(
                object.place(),
                "`ops` lists the operators between the arguments, all of one precedence",
            );
            return None;
        };
        Some(operators)
    }

    fn arguments(&mut self, object: &Fields<'_, '_>, depth: usize) -> Option<Vec<NodeId>> {
        object.need("args", self.faults)?;
        let list = object.at("args");
        let arguments = object.list("args", self.faults)?;
        // All are read, so that the faults of all are found.
        let read: Vec<Option<NodeId>> = arguments
            .iter()
            .enumerate()
            .map(|(number, argument)| self.node(argument, &list.item(number), depth + 1))
            .collect();
        read.into_iter().collect()
    }

    fn lambda(&mut self, op: &str, object: &Fields<'_, '_>, depth: usize) -> Option<NodeId> {
        let place = object.place();
        object.only(&["op", "over", "var", "body"], self.faults);
        let kind = MacroKind::from_op(op);
        if kind.is_none() {
            self.unknown_op(op, place);
        }
        // `"over": "descendants"` is short for the path.
        let over = match object.get("over") {
            Some(Json::String(name)) => {
                self.name(name, place).map(|()| self.nodes.path([Arc::from(name.as_str())], Span::default()))
            }
            Some(over) => self.node(over, &object.at("over"), depth + 1),
            None => None,
        };
        let variable: Option<Arc<str>> = object.needed_text("var", self.faults).map(Arc::from);
        if let Some(variable) = &variable {
            self.name(variable, place)?;
        }
        let body = object.need("body", self.faults);
        let body = body.and_then(|body| self.node(body, &object.at("body"), depth + 1));
        Some(self.nodes.lambda(kind?, over?, variable?, body?, Span::default()))
    }
}
