//! How does an expression become a query of react-querybuilder?

use serde_json::{Value as Json, json};

use crate::expr::{Ast, BinaryOp, Literal, Node, NodeId};

/// A query of react-querybuilder that [`Importer::react_querybuilder`](super::Importer::react_querybuilder) reads as the
/// same expression. What no rule says stands in a rule with the operator `expression` as text, for a text field of the
/// form; constants that JSON does not have say their type in `meta`.
///
/// ```
/// use perennial::expr::Ast;
/// use perennial::segment::{Importer, export_react_querybuilder};
///
/// let ast = Ast::parse("region in ['EMEA'] && !(has(nps) || descendants.exists(d, d.nps < 0))")?;
/// let query = export_react_querybuilder(&ast);
/// assert_eq!(
///     query.to_string(),
///     concat!(
///         r#"{"combinator":"and","rules":[{"field":"region","operator":"in","value":["EMEA"]},"#,
///         r#"{"combinator":"or","not":true,"rules":[{"field":"nps","operator":"notNull","value":null},"#,
///         r#"{"field":"expression","operator":"expression","value":"descendants.exists(d, d.nps < 0)"}]}]}"#
///     )
/// );
/// assert_eq!(Importer::new().react_querybuilder(&query).unwrap().expression, ast);
/// # Ok::<(), perennial::expr::ExprErrors>(())
/// ```
#[must_use]
pub fn export_react_querybuilder(ast: &Ast) -> Json {
    let root = part(ast, ast.root());
    // A query is a group.
    if root.get("rules").is_some() { root } else { json!({ "combinator": "and", "rules": [root] }) }
}

/// A group or a rule. The recursion is as deep as the expression nests, which is counted.
fn part(ast: &Ast, node: NodeId) -> Json {
    let group = |word: &str, items: &[NodeId]| {
        let rules: Vec<Json> = items.iter().map(|item| part(ast, *item)).collect();
        json!({ "combinator": word, "rules": rules })
    };
    match ast.node(node) {
        Node::And(items) => group("and", items),
        Node::Or(items) => group("or", items),
        Node::Literal(Literal::Bool(true)) => json!({ "combinator": "and", "rules": [] }),
        Node::Not(inner) => match (ast.node(inner), rule(ast, inner, true)) {
            (_, Some(rule)) => rule,
            (Node::And(items), None) => turned(group("and", items)),
            (Node::Or(items), None) => turned(group("or", items)),
            (_, None) => turned(json!({ "combinator": "and", "rules": [part(ast, inner)] })),
        },
        _ => rule(ast, node, false).unwrap_or_else(|| text(ast, node)),
    }
}

fn turned(mut group: Json) -> Json {
    if let Json::Object(object) = &mut group {
        object.insert("not".to_owned(), json!(true));
    }
    group
}

fn text(ast: &Ast, node: NodeId) -> Json {
    json!({ "field": "expression", "operator": "expression", "value": ast.text_of(node) })
}

/// A rule, where one says the same; of the contrary where the answer is turned.
fn rule(ast: &Ast, node: NodeId, turned: bool) -> Option<Json> {
    match ast.node(node) {
        Node::Chain { operands: [left, right], operators: [op] } => {
            let field = field(ast, *left)?;
            match (op, turned) {
                (BinaryOp::In, turned) => {
                    let Node::List(items) = ast.node(*right) else { return None };
                    let values: Option<Vec<(Json, Option<&str>)>> =
                        items.iter().map(|item| literal(ast, *item)).collect();
                    let values = values.filter(|values| !values.is_empty())?;
                    let kind = values.first().and_then(|(_, kind)| *kind);
                    if values.iter().any(|(_, other)| *other != kind) {
                        return None;
                    }
                    let values: Vec<Json> = values.into_iter().map(|(value, _)| value).collect();
                    let operator = if turned { "notIn" } else { "in" };
                    Some(with_kind(json!({ "field": field, "operator": operator, "value": values }), kind))
                }
                (_, true) => None,
                (op, false) => {
                    let operator = match op {
                        BinaryOp::Equal => "=",
                        BinaryOp::NotEqual => "!=",
                        BinaryOp::Less => "<",
                        BinaryOp::LessEqual => "<=",
                        BinaryOp::Greater => ">",
                        BinaryOp::GreaterEqual => ">=",
                        _ => return None,
                    };
                    valued(ast, &field, operator, *right)
                }
            }
        }
        Node::Call { function, arguments, .. } => match (&**function, arguments) {
            ("has", [inner]) => {
                let operator = if turned { "null" } else { "notNull" };
                Some(json!({ "field": field(ast, *inner)?, "operator": operator, "value": null }))
            }
            (word, [inner, value]) => {
                let operator = match (word, turned) {
                    ("contains", false) => "contains",
                    ("contains", true) => "doesNotContain",
                    ("startsWith", false) => "beginsWith",
                    ("startsWith", true) => "doesNotBeginWith",
                    ("endsWith", false) => "endsWith",
                    ("endsWith", true) => "doesNotEndWith",
                    _ => return None,
                };
                valued(ast, &field(ast, *inner)?, operator, *value)
            }
            _ => None,
        },
        _ => None,
    }
}

fn valued(ast: &Ast, left: &str, operator: &str, value: NodeId) -> Option<Json> {
    if let Some(other) = field(ast, value) {
        return Some(json!({ "field": left, "operator": operator, "value": other, "valueSource": "field" }));
    }
    let (value, kind) = literal(ast, value)?;
    Some(with_kind(json!({ "field": left, "operator": operator, "value": value }), kind))
}

fn with_kind(mut rule: Json, kind: Option<&str>) -> Json {
    if let (Json::Object(object), Some(kind)) = (&mut rule, kind) {
        object.insert("meta".to_owned(), json!({ "type": kind }));
    }
    rule
}

/// The name of a field; `None` for what is none, or would be read as another.
fn field(ast: &Ast, node: NodeId) -> Option<String> {
    let Node::Path(names) = ast.node(node) else { return None };
    if names.iter().any(|name| name.contains('.')) {
        return None;
    }
    let field = names.join(".");
    (field != "~").then_some(field)
}

/// A constant, and its type where JSON has none.
fn literal(ast: &Ast, node: NodeId) -> Option<(Json, Option<&'static str>)> {
    let Node::Literal(literal) = ast.node(node) else { return None };
    Some(match literal {
        Literal::Bool(truth) => (json!(truth), None),
        Literal::Text(text) => (json!(&**text), None),
        Literal::Int(int) if int.unsigned_abs() <= 1 << 53 => (json!(int), None),
        Literal::Int(int) => (json!(int.to_string()), Some("int")),
        Literal::Decimal(decimal) => (json!(decimal.to_string()), Some("decimal")),
        Literal::Double(double) => (json!(format!("{double:e}")), Some("double")),
        Literal::Date(date) => (json!(date.to_string()), Some("date")),
        Literal::Timestamp(instant) => (json!(instant.to_string()), Some("timestamp")),
        Literal::Duration(duration) => (json!(duration.to_string()), Some("duration")),
    })
}
