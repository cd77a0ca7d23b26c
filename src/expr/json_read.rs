//! What does the JSON of an expression say?
//!
//! Every fault is found and named at its place. The depth is counted before anything below is read, so that it bounds
//! the recursion.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::ast::{Ast, BinaryOp, MacroKind, NodeId, Stored};
use super::builder::Builder;
use super::diagnostic::{Code, Span};
use super::functions;
use super::json::{WIRE_VERSION, WireFault};
use super::limits::ExprLimits;
use super::literal::Literal;
use super::parser::{is_operator_word, is_plain};
use crate::model::{Decimal, nearest};

/// Reads a tree, or all that is wrong with it.
pub(super) fn read(json: &Json, limits: &ExprLimits) -> Result<Ast, Vec<WireFault>> {
    let mut reader = Reader { limits, nodes: Builder::new(limits), faults: Vec::new(), stopped: false };
    let root = reader.document(json);
    match reader.nodes.beyond {
        Some(Code::E302) => {
            reader.fault(Code::E302, "/expr", format!("expressions nest at most {} deep", limits.depth));
        }
        Some(code) => {
            reader.fault(code, "/expr", format!("an expression has at most {} parts", limits.nodes));
        }
        None => {}
    }
    match root {
        Some(root) if reader.faults.is_empty() => Ok(reader.nodes.finish_printed(root)),
        _ => Err(reader.faults),
    }
}

struct Reader<'l> {
    limits: &'l ExprLimits,
    nodes: Builder,
    faults: Vec<WireFault>,
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
    fn fault(&mut self, code: Code, path: &str, message: impl Into<String>) {
        if self.faults.len() < self.limits.diagnostics {
            self.faults.push(WireFault { code, path: path.to_owned(), message: message.into() });
        }
        self.stopped |= self.faults.len() >= self.limits.diagnostics;
    }

    fn malformed(&mut self, path: &str, message: impl Into<String>) {
        self.fault(Code::E114, path, message);
    }

    fn document(&mut self, json: &Json) -> Option<NodeId> {
        let Json::Object(document) = json else {
            self.malformed("", "expected an object with `v` and `expr`");
            return None;
        };
        match document.get("v") {
            Some(version) if version.as_u64() == Some(WIRE_VERSION) => {}
            Some(version) => {
                let message = format!("this release reads version {WIRE_VERSION}, not {}", brief(version));
                self.malformed("/v", message);
            }
            None => self.malformed("", "there is no `v`, the version"),
        }
        self.known("", document, &["v", "expr"]);
        match document.get("expr") {
            Some(node) => self.node(node, "/expr", 1),
            None => {
                self.malformed("", "there is no `expr`");
                None
            }
        }
    }

    fn known(&mut self, path: &str, object: &Map<String, Json>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = nearest(key, known.iter().copied());
            let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            self.malformed(path, format!("there is no field `{}` here{hint}", shortened(key)));
        }
    }

    /// Reads a node. The depth is counted before anything below is read, so that it bounds the recursion.
    fn node(&mut self, json: &Json, path: &str, depth: usize) -> Option<NodeId> {
        if self.stopped {
            return None;
        }
        if depth > self.limits.depth {
            self.fault(Code::E302, path, format!("expressions nest at most {} deep", self.limits.depth));
            self.stopped = true;
            return None;
        }
        let Json::Object(object) = json else {
            self.malformed(
                path,
                format!("expected an object with `op`, `attr` or `lit`, not {}", brief(json)),
            );
            return None;
        };
        if let Some(attribute) = object.get("attr") {
            self.known(path, object, &["attr"]);
            return self.path(attribute, path);
        }
        if let Some(literal) = object.get("lit") {
            self.known(path, object, &["lit"]);
            return self.literal(literal, path);
        }
        match object.get("op") {
            Some(Json::String(op)) => self.operation(op, object, path, depth),
            Some(other) => {
                self.malformed(path, format!("`op` is a text, not {}", brief(other)));
                None
            }
            None => {
                self.malformed(path, "expected one of the fields `op`, `attr` or `lit`");
                None
            }
        }
    }

    fn path(&mut self, json: &Json, path: &str) -> Option<NodeId> {
        let names: Option<Vec<Arc<str>>> = match json {
            Json::Array(names) if !names.is_empty() => {
                names.iter().map(|name| name.as_str().map(Arc::from)).collect()
            }
            _ => None,
        };
        let Some(names) = names else {
            self.malformed(path, "`attr` is a list of names, one at least");
            return None;
        };
        for name in &names {
            self.name(name, path)?;
        }
        Some(self.nodes.path(names, Span::default()))
    }

    fn name(&mut self, name: &str, path: &str) -> Option<()> {
        if name.is_empty() || name.contains(['`', '\n', '\r']) {
            let message = "a name has a character at least, and neither backticks nor line breaks";
            self.malformed(path, message);
            return None;
        }
        Some(())
    }

    fn literal(&mut self, json: &Json, path: &str) -> Option<NodeId> {
        let said = match json {
            Json::Object(literal) if literal.len() == 1 => literal.iter().next(),
            _ => None,
        };
        let Some((kind, value)) = said else {
            self.malformed(path, "`lit` has one field, such as `int` or `text`");
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
                let hint = nearest(kind, kinds.iter().copied());
                let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
                self.malformed(path, format!("there is no literal `{}`{hint}", shortened(kind)));
                return None;
            }
        };
        // A decimal of more digits than text has is none.
        let literal = literal.filter(|literal| match literal {
            Literal::Decimal(decimal) => decimal.units().unsigned_abs() < 10_u128.pow(36),
            _ => true,
        });
        let Some(literal) = literal else {
            self.malformed(path, format!("{} is no {kind}", brief(value)));
            return None;
        };
        if matches!(&literal, Literal::Text(text) if text.len() > self.limits.text_bytes) {
            self.fault(Code::E303, path, format!("a text has at most {} bytes", self.limits.text_bytes));
        }
        Some(self.nodes.literal(literal, Span::default()))
    }

    fn operation(
        &mut self,
        op: &str,
        object: &Map<String, Json>,
        path: &str,
        depth: usize,
    ) -> Option<NodeId> {
        if object.contains_key("over") {
            return self.lambda(op, object, path, depth);
        }
        let fields: &[&str] = match op {
            "chain" => &["op", "args", "ops"],
            "member" => &["op", "args", "name"],
            "call" => &["op", "args", "name", "method"],
            _ => &["op", "args"],
        };
        self.known(path, object, fields);
        let arguments = self.arguments(object, path, depth)?;
        let exactly = |reader: &mut Self, wanted: usize| {
            if arguments.len() == wanted {
                return Some(());
            }
            let s = if wanted == 1 { "" } else { "s" };
            reader.malformed(path, format!("`{op}` takes {wanted} argument{s}, not {}", arguments.len()));
            None
        };
        let at_least_two = |reader: &mut Self| {
            if arguments.len() >= 2 {
                return Some(());
            }
            reader.malformed(path, format!("`{op}` takes two arguments or more, not {}", arguments.len()));
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
                    self.fault(Code::E303, path, message);
                }
                Some(self.nodes.list(items, at))
            }
            ("member", [of]) => {
                let name: Arc<str> = Arc::from(self.text_field(object, "name", path)?);
                self.name(&name, path)?;
                Some(self.nodes.member(*of, name, at))
            }
            ("member", _) => exactly(self, 1).and(None),
            ("chain", items) => {
                let operators = self.operators(object, items.len(), path)?;
                Some(self.nodes.chain(items, &operators, at))
            }
            ("call", items) => {
                let name: Arc<str> = Arc::from(self.text_field(object, "name", path)?);
                self.function_name(&name, path)?;
                let written = object.get("method").and_then(Json::as_bool).unwrap_or(false);
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
                    return self.function(entry, items, path);
                }
                self.unknown_op(op, path);
                None
            }
        }
    }

    /// The name of a function that this release does not know.
    fn function_name(&mut self, name: &str, path: &str) -> Option<()> {
        if functions::function(name).is_some() || MacroKind::from_op(name).is_some() {
            self.malformed(path, format!("`{}` is an `op` of its own", shortened(name)));
            return None;
        }
        if !is_plain(name) || is_operator_word(name) {
            self.malformed(path, format!("no function is called `{}`", shortened(name)));
            return None;
        }
        Some(())
    }

    fn function(&mut self, entry: &functions::Entry, items: &[NodeId], path: &str) -> Option<NodeId> {
        if MacroKind::from_op(entry.name).is_some() && items.len() != 1 {
            self.malformed(path, format!("`{}` takes 1 argument, or `over`, `var` and `body`", entry.name));
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

    fn unknown_op(&mut self, op: &str, path: &str) {
        let known = OPERATORS.iter().map(|(op, _)| *op).chain(["member", "call"]);
        let known = known.chain(BinaryOp::ALL.iter().map(|op| op.op()));
        let known = known.chain(functions::TABLE.iter().map(|entry| entry.name));
        let known = known.chain(MacroKind::ALL.iter().map(|kind| kind.op()));
        let hint = nearest(op, known).map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
        self.malformed(path, format!("there is no `op` called `{}`{hint}", shortened(op)));
    }

    fn operators(
        &mut self,
        object: &Map<String, Json>,
        operands: usize,
        path: &str,
    ) -> Option<Vec<BinaryOp>> {
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
            self.malformed(path, "`ops` lists the operators between the arguments, all of one precedence");
            return None;
        };
        Some(operators)
    }

    fn text_field<'j>(&mut self, object: &'j Map<String, Json>, field: &str, path: &str) -> Option<&'j str> {
        let text = object.get(field).and_then(Json::as_str);
        if text.is_none() {
            self.malformed(path, format!("there is no text `{field}`"));
        }
        text
    }

    fn arguments(&mut self, object: &Map<String, Json>, path: &str, depth: usize) -> Option<Vec<NodeId>> {
        let Some(Json::Array(arguments)) = object.get("args") else {
            self.malformed(path, "there is no list `args`");
            return None;
        };
        let mut read = Vec::with_capacity(arguments.len());
        for (place, argument) in arguments.iter().enumerate() {
            // All are read, so that the faults of all are found.
            read.push(self.node(argument, &format!("{path}/args/{place}"), depth + 1));
        }
        read.into_iter().collect()
    }

    fn lambda(&mut self, op: &str, object: &Map<String, Json>, path: &str, depth: usize) -> Option<NodeId> {
        self.known(path, object, &["op", "over", "var", "body"]);
        let kind = MacroKind::from_op(op);
        if kind.is_none() {
            self.unknown_op(op, path);
        }
        // `"over": "descendants"` is short for the path.
        let over = match object.get("over") {
            Some(Json::String(name)) => {
                self.name(name, path).map(|()| self.nodes.path([Arc::from(name.as_str())], Span::default()))
            }
            Some(over) => self.node(over, &format!("{path}/over"), depth + 1),
            None => None,
        };
        let variable: Option<Arc<str>> = self.text_field(object, "var", path).map(Arc::from);
        if let Some(variable) = &variable {
            self.name(variable, path)?;
        }
        let body = match object.get("body") {
            Some(body) => self.node(body, &format!("{path}/body"), depth + 1),
            None => {
                self.malformed(path, "there is no `body`");
                None
            }
        };
        Some(self.nodes.lambda(kind?, over?, variable?, body?, Span::default()))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A JSON value in a message.
fn brief(json: &Json) -> String {
    match json {
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) => format!("the text `{}`", shortened(text)),
        other => format!("`{other}`"),
    }
}
