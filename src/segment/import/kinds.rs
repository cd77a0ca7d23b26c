//! Of which kind is a part of a query, as far as it is known?
//!
//! Other tools take a text for a number, and anything for true or false, where it suits them. Operations are read
//! only where their parts are of the kind that they mean here; what is not known is written so that the checker
//! refuses another kind. Ruling S113 of `docs/semantics`.

use serde_json::{Value as Json, json};

use super::reader::{Reader, op};
use crate::expr::Type;

/// A kind of values that operations tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Number,
    Text,
    /// Days, instants, lists and lengths of time.
    Other,
}

impl Kind {
    fn of(kind: &Type) -> Self {
        match kind {
            Type::Bool => Self::Bool,
            Type::Int | Type::Decimal { .. } | Type::Double | Type::Money { .. } => Self::Number,
            Type::Text | Type::Enum(_) | Type::Band(_) => Self::Text,
            _ => Self::Other,
        }
    }
}

impl Reader<'_> {
    /// The kind of a part in its wire form; `in_list` says that names are those of an item of a list. `None` where it
    /// is not known. The recursion is as deep as a query nests, which is counted.
    pub(super) fn kind_of(&self, node: &Json, in_list: bool) -> Option<Kind> {
        if let Some(literal) = node.get("lit").and_then(Json::as_object) {
            let kind = literal.keys().next()?;
            return Some(match kind.as_str() {
                "bool" => Kind::Bool,
                "int" | "decimal" | "double" => Kind::Number,
                "text" => Kind::Text,
                _ => Kind::Other,
            });
        }
        if node.get("attr").is_some() {
            return self.type_of_node(node, in_list).map(|kind| Kind::of(&kind));
        }
        let arguments = node.get("args").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        match node.get("op")?.as_str()? {
            "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "and" | "or" | "not" | "has" | "in" | "contains"
            | "exists" | "all" | "isTrue" => Some(Kind::Bool),
            "sub" | "mul" | "ratio" | "mod" | "neg" | "size" => Some(Kind::Number),
            "add" | "math.greatest" | "math.least" => {
                arguments.iter().find_map(|part| self.kind_of(part, in_list))
            }
            "if" => arguments.iter().skip(1).find_map(|part| self.kind_of(part, in_list)),
            "coalesce" => arguments.iter().find_map(|part| self.kind_of(part, in_list)),
            "list" | "filter" | "map" => Some(Kind::Other),
            _ => None,
        }
    }

    /// The type of a part that is a name, or one with a default.
    pub(super) fn type_of_node(&self, node: &Json, in_list: bool) -> Option<Type> {
        if in_list {
            return None;
        }
        if let Some(names) = node.get("attr").and_then(Json::as_array) {
            let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
            return self.type_of(&names.join("."));
        }
        let arguments = node.get("args").and_then(Json::as_array)?;
        match node.get("op")?.as_str()? {
            "coalesce" => self.type_of_node(arguments.first()?, in_list),
            "if" => arguments.iter().skip(1).find_map(|part| self.type_of_node(part, in_list)),
            _ => None,
        }
    }

    /// Parts that are to be of a kind, or are not known; those of another are faults at their places.
    pub(super) fn all_are(
        &mut self,
        kind: Kind,
        parts: &[Json],
        at: &dyn Fn(usize) -> String,
        in_list: bool,
        message: &str,
    ) -> Option<()> {
        let mut sound = true;
        for (place, part) in parts.iter().enumerate() {
            if self.kind_of(part, in_list).is_some_and(|found| found != kind) {
                sound = self.unsound(&at(place), message);
            }
        }
        sound.then_some(())
    }

    /// A sum of numbers. Where no part is known to be one, 0 stands before them, so that texts are not joined.
    pub(super) fn sum(&self, mut parts: Vec<Json>, in_list: bool) -> Json {
        let known = parts.iter().any(|part| self.kind_of(part, in_list) == Some(Kind::Number));
        if !known {
            parts.insert(0, json!({ "lit": { "int": 0 } }));
        }
        op("add", parts)
    }

    /// Texts one behind the other. Where none is known to be one, an empty one stands before them, so that numbers
    /// are not added up.
    pub(super) fn joined_texts(&self, mut parts: Vec<Json>, in_list: bool) -> Json {
        let known = parts.iter().any(|part| self.kind_of(part, in_list) == Some(Kind::Text));
        if !known {
            parts.insert(0, json!({ "lit": { "text": "" } }));
        }
        op("add", parts)
    }

    /// `and`, `or` of yes/no questions: a single part that may be something else keeps the operation.
    pub(super) fn joined_questions(&self, word: &str, mut parts: Vec<Json>, in_list: bool) -> Json {
        let single = match parts.as_slice() {
            [only] => self.kind_of(only, in_list) != Some(Kind::Bool),
            _ => false,
        };
        if single {
            parts.push(json!({ "lit": { "bool": word == "and" } }));
        }
        op(word, parts)
    }
}

/// A number or a truth value as JSONLogic joins it to a text; `None` for what is none, or would look another way.
pub(super) fn as_text(value: &Json) -> Option<Json> {
    let text = match value {
        Json::Bool(truth) => truth.to_string(),
        Json::Number(number) => {
            let text = number.to_string();
            let plain = text.strip_suffix(".0").unwrap_or(&text);
            if plain.contains(['e', 'E']) || plain.len() > 16 || plain == "-0" {
                return None;
            }
            plain.to_owned()
        }
        _ => return None,
    };
    Some(json!({ "lit": { "text": text } }))
}
