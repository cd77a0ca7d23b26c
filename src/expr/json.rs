//! How is an expression stored and sent?
//!
//! The wire form is versioned JSON whose nodes say what they are in `op`, so that it can be read without guessing,
//! and every fault of it named at its place. Reading and writing keep what is left on a stack of their own.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::ast::{Ast, Node, NodeId};
use super::diagnostic::{Code, ExprErrors};
use super::functions;
use super::limits::ExprLimits;
use super::literal::Literal;
use crate::model::{At, Faults, Fields, JsonDocument, JsonFault, JsonFaultKind};

/// The version of the wire form that this release writes, and the only one that it reads.
pub const WIRE_VERSION: u64 = 1;

/// Whole numbers beyond this are written as text: JSON numbers of browsers are exact up to here.
const EXACT: i64 = 1 << 53;

/// Everything that is wrong with the JSON of an expression.
pub type WireErrors = Faults<WireFault>;

/// One fault of the JSON of an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {}{message}", At(path))]
#[non_exhaustive]
pub struct WireFault {
    /// Its code.
    pub code: Code,
    /// Where, as a JSON pointer: `/expr/args/1`.
    pub path: String,
    /// What is wrong, in words.
    pub message: String,
}

impl From<JsonFault> for WireFault {
    fn from(fault: JsonFault) -> Self {
        Self { code: Code::E114, path: fault.path, message: fault.kind.to_string() }
    }
}

impl Serialize for Ast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ast {
    /// Reads the wire form within the default limits; the error names every fault.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonDocument::read(deserializer, |json, faults: &mut WireErrors| {
            let read = Self::from_json(json, &ExprLimits::default());
            read.map_err(|errors| faults.append(errors, |fault| fault)).ok()
        })
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
        let mut faults = WireErrors::within(limits.diagnostics);
        let read = super::json_read::read(json, limits, &mut faults);
        faults.or(read)
    }

    /// An expression in the field of a document: its text, or its wire form. What is wrong with a text is one fault.
    pub(crate) fn in_field<F: From<JsonFault>>(
        fields: &Fields<'_, '_>,
        name: &str,
        limits: &ExprLimits,
        faults: &mut Faults<F>,
        of_text: impl FnOnce(String, ExprErrors) -> F,
    ) -> Option<Self> {
        let place = fields.at(name);
        match fields.need(name, faults)? {
            Json::String(text) => match Self::parse_within(text, limits) {
                Ok(ast) => Some(ast),
                Err(errors) => {
                    faults.add(|| of_text(place.to_string(), errors));
                    None
                }
            },
            object @ Json::Object(_) => match Self::from_json(object, limits) {
                Ok(ast) => Some(ast),
                Err(errors) => {
                    faults.append(errors, |WireFault { code, path, message }| {
                        let kind = JsonFaultKind::Other { message: format!("{code} {message}") };
                        JsonFault { path: format!("{place}{path}"), kind }.into()
                    });
                    None
                }
            },
            other => fields.wrong(name, "an expression: a text, or its wire form", other, faults),
        }
    }
}

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
