//! How is an expression stored and sent?
//!
//! The wire form is versioned JSON whose nodes say what they are in `op`, so that it can be read without guessing,
//! and every fault of it named at its place. Reading and writing keep what is left on a stack of their own.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::ast::{Ast, BinaryOp, Builder, MacroKind, Node, NodeId, Stored};
use super::diagnostic::{Code, Span};
use super::functions;
use super::limits::ExprLimits;
use super::literal::Literal;
use super::parser::{is_operator_word, is_plain};
use crate::model::{Decimal, nearest};

/// The version of the wire form that this release writes, and the only one that it reads.
pub const WIRE_VERSION: u64 = 1;

/// Whole numbers beyond this are written as text: JSON numbers of browsers are exact up to here.
const EXACT: i64 = 1 << 53;

/// Everything that is wrong with the JSON of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireErrors {
    faults: Vec<WireFault>,
}

/// One fault of the JSON of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WireFault {
    /// Its code.
    pub code: Code,
    /// Where, as a JSON pointer: `/expr/args/1`.
    pub path: String,
    /// What is wrong, in words.
    pub message: String,
}

impl WireErrors {
    /// Each fault.
    #[must_use]
    pub fn faults(&self) -> &[WireFault] {
        &self.faults
    }
}

impl fmt::Display for WireErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, WireFault { code, path, message }) in self.faults.iter().enumerate() {
            let between = if place > 0 { "\n" } else { "" };
            write!(f, "{between}{code} at `{path}`: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WireErrors {}

impl Serialize for Ast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ast {
    /// Reads the wire form within the default limits; the error names every fault.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(&json, &ExprLimits::default()).map_err(D::Error::custom)
    }
}

impl Ast {
    /// The wire form.
    ///
    /// ```
    /// use perennial::expr::{Ast, ExprLimits};
    ///
    /// let ast = Ast::parse("arr > 10000.5 && descendants.exists(d, d.nps < 0)")?;
    /// let json = ast.to_json();
    /// assert_eq!(
    ///     json.to_string(),
    ///     concat!(
    ///         r#"{"expr":{"args":[{"args":[{"attr":["arr"]},{"lit":{"decimal":"10000.5"}}],"op":"gt"},"#,
    ///         r#"{"body":{"args":[{"attr":["d","nps"]},{"lit":{"int":0}}],"op":"lt"},"#,
    ///         r#""op":"exists","over":"descendants","var":"d"}],"op":"and"},"v":1}"#
    ///     )
    /// );
    /// assert_eq!(Ast::from_json(&json, &ExprLimits::default()).unwrap(), ast);
    /// # Ok::<(), perennial::expr::ExprErrors>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Json {
        // Nodes stand after those below them, so that one pass from the first to the last finds all written.
        let mut done: Vec<Json> = Vec::with_capacity(self.len());
        for place in 0..self.len() {
            let id = NodeId(u32::try_from(place).unwrap_or(u32::MAX));
            let written = write(self, id, &mut done);
            done.push(written);
        }
        let root = done.get_mut(self.root().index()).map(Json::take).unwrap_or_default();
        json!({ "v": WIRE_VERSION, "expr": root })
    }

    /// Reads the wire form.
    ///
    /// # Errors
    ///
    /// Every fault, each at its place.
    pub fn from_json(json: &Json, limits: &ExprLimits) -> Result<Self, WireErrors> {
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
            _ => Err(WireErrors { faults: reader.faults }),
        }
    }
}

// --- Writing --------------------------------------------------------------------------------------

fn write(ast: &Ast, id: NodeId, done: &mut [Json]) -> Json {
    let mut take = |node: NodeId| done.get_mut(node.index()).map(Json::take).unwrap_or_default();
    let mut all = |nodes: &[NodeId]| nodes.iter().map(|node| take(*node)).collect::<Vec<_>>();
    match ast.node(id) {
        Node::Hole => Json::Null,
        Node::Literal(literal) => json!({ "lit": write_literal(literal) }),
        Node::Path(names) => json!({ "attr": names.iter().map(|name| &**name).collect::<Vec<_>>() }),
        Node::List(items) => json!({ "op": "list", "args": all(items) }),
        Node::Member { of, name } => json!({ "op": "member", "args": all(&[of]), "name": &**name }),
        Node::Index { of, at } => json!({ "op": "index", "args": all(&[of, at]) }),
        Node::Not(of) => json!({ "op": "not", "args": all(&[of]) }),
        Node::Negate(of) => json!({ "op": "neg", "args": all(&[of]) }),
        Node::And(items) => json!({ "op": "and", "args": all(items) }),
        Node::Or(items) => json!({ "op": "or", "args": all(items) }),
        Node::Chain { operands, operators } => {
            let first = operators.first().map_or("", |op| op.op());
            if operators.iter().all(|op| op.op() == first) {
                json!({ "op": first, "args": all(operands) })
            } else {
                let ops: Vec<&str> = operators.iter().map(|op| op.op()).collect();
                json!({ "op": "chain", "args": all(operands), "ops": ops })
            }
        }
        Node::Conditional { test, then, otherwise } => {
            json!({ "op": "if", "args": all(&[test, then, otherwise]) })
        }
        Node::Call { function, method, arguments } => {
            if functions::function(function).is_some() {
                json!({ "op": &**function, "args": all(arguments) })
            } else {
                json!({ "op": "call", "name": &**function, "method": method, "args": all(arguments) })
            }
        }
        Node::Macro { kind, over, variable, body } => {
            let body = all(&[body]).pop();
            // A collection is mostly one word.
            let over = match ast.node(over) {
                Node::Path([name]) => Some(json!(&**name)),
                _ => all(&[over]).pop(),
            };
            json!({ "op": kind.op(), "over": over, "var": &**variable, "body": body })
        }
    }
}

fn write_literal(literal: &Literal) -> Json {
    match literal {
        Literal::Bool(truth) => json!({ "bool": truth }),
        Literal::Int(int) if int.abs_diff(0) <= EXACT.unsigned_abs() => json!({ "int": int }),
        Literal::Int(int) => json!({ "int": int.to_string() }),
        Literal::Decimal(decimal) => json!({ "decimal": decimal.to_string() }),
        Literal::Double(double) => json!({ "double": double }),
        Literal::Text(text) => json!({ "text": &**text }),
        Literal::Date(date) => json!({ "date": date.to_string() }),
        Literal::Timestamp(instant) => json!({ "timestamp": instant.to_string() }),
        Literal::Duration(duration) => json!({ "duration": duration.to_string() }),
    }
}

// --- Reading --------------------------------------------------------------------------------------

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
