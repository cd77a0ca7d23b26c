//! Queries of react-querybuilder.
//!
//! Groups of rules with a combinator, or with combinators between the rules; its 18 operators, its match modes, values
//! from fields. <https://react-querybuilder.js.org/docs/typescript>

use serde_json::{Map, Value as Json, json};

use super::reader::{MAX_NESTING, Reader, not, op};
use super::{ImportErrors, Imported, Importer, NeededKind};
use crate::expr::{Ast, Type, name_parts};
use crate::model::{Place, hint, shown};

/// The operators, the wire form of those that compare, and whether they turn the answer.
const OPERATORS: [(&str, &str, bool); 18] = [
    ("=", "eq", false),
    ("!=", "ne", false),
    ("<", "lt", false),
    (">", "gt", false),
    ("<=", "le", false),
    (">=", "ge", false),
    ("contains", "contains", false),
    ("beginsWith", "startsWith", false),
    ("endsWith", "endsWith", false),
    ("doesNotContain", "contains", true),
    ("doesNotBeginWith", "startsWith", true),
    ("doesNotEndWith", "endsWith", true),
    ("null", "has", true),
    ("notNull", "has", false),
    ("in", "in", false),
    ("notIn", "in", true),
    ("between", "between", false),
    ("notBetween", "between", true),
];

/// What a rule says, and what changes nothing of it.
const RULE_KEYS: [&str; 10] =
    ["field", "operator", "value", "valueSource", "match", "meta", "muted", "disabled", "id", "path"];

/// What a group says, and what changes nothing of it.
const GROUP_KEYS: [&str; 8] = ["combinator", "rules", "not", "meta", "muted", "disabled", "id", "path"];

impl Importer<'_> {
    /// A query of react-querybuilder, of either form of groups.
    ///
    /// # Errors
    ///
    /// Every rule that is unfinished, unknown or beyond an expression.
    pub fn react_querybuilder(&self, query: &Json) -> Result<Imported, ImportErrors> {
        let mut reader = Reader::new(self);
        let found = reader.rules(query, "", None, 0);
        // What is muted as a whole is the expression that stands for nothing there: it is true.
        let everything = || reader.is_sound().then(|| json!({ "lit": { "bool": true } }));
        let found = found.or_else(everything);
        reader.finish(found)
    }
}

impl Reader<'_> {
    /// A group or a rule; `item` is the variable of the list around. `None` for what is muted, and after a fault.
    fn rules(&mut self, json: &Json, path: &str, item: Option<&str>, depth: usize) -> Option<Json> {
        let Json::Object(object) = json else {
            return self.wrong(path, "a group or a rule", json);
        };
        if depth >= MAX_NESTING {
            return self.fault(path, format!("groups nest at most {MAX_NESTING} deep"));
        }
        if self.truth(object, "muted", path)? {
            self.note(path, "what is muted is left out");
            return None;
        }
        if object.contains_key("rules") {
            self.group(object, path, item, depth)
        } else {
            self.rule(object, path, item, depth)
        }
    }

    fn group(
        &mut self,
        object: &Map<String, Json>,
        path: &str,
        item: Option<&str>,
        depth: usize,
    ) -> Option<Json> {
        self.only_known(object, &GROUP_KEYS, path)?;
        let Some(Json::Array(rules)) = object.get("rules") else {
            return self.fault(&format!("{path}/rules"), "expected a list of rules");
        };
        let turned = self.truth(object, "not", path)?;
        let between = rules.iter().any(Json::is_string);
        let muted = |rule: &Json| rule.get("muted") == Some(&Json::Bool(true));
        if !rules.is_empty() && rules.iter().filter(|rule| !rule.is_string()).all(muted) {
            // There, such a group is the expression that stands for nothing, turned or not.
            self.note(path, "a group of which all is muted is true of every account");
            return Some(json!({ "lit": { "bool": true } }));
        }
        let found = if between {
            self.independent(rules, path, item, depth)
        } else {
            let combinator = match object.get("combinator") {
                None | Some(Json::Null) if rules.len() < 2 => Some("and"),
                _ => self.text(object, "combinator", path),
            };
            let combinator = combinator.and_then(|word| self.combinator(word, &format!("{path}/combinator")));
            let parts: Vec<Json> = rules
                .iter()
                .enumerate()
                .filter_map(|(place, rule)| {
                    self.rules(rule, &format!("{path}/rules/{place}"), item, depth + 1)
                })
                .collect();
            if rules.is_empty() {
                self.note(path, "an empty group is true of every account");
                Some(json!({ "lit": { "bool": true } }))
            } else if parts.is_empty() {
                None
            } else {
                combinator.map(|combinator| joined(combinator, parts))
            }
        };
        if turned && found.is_some() {
            self.note(
                path,
                "a negated group leaves out accounts without a value that it asks for, as SQL does",
            );
        }
        found.map(|found| if turned { not(found) } else { found })
    }

    /// Every key that is not known is a fault: it may change who matches.
    fn only_known(&mut self, object: &Map<String, Json>, known: &[&str], path: &str) -> Option<()> {
        let mut sound = true;
        for (key, _) in
            object.iter().filter(|(key, value)| !known.contains(&key.as_str()) && !value.is_null())
        {
            let at = Place::at(path).field(key).to_string();
            let message = match key.as_str() {
                "lhs" => "the left side of a rule is a field here, and no expression".to_owned(),
                _ => {
                    let hint = hint(key, known.iter().copied());
                    let key = shown(key);
                    format!("`{key}` is not known here, and may change who matches{hint}")
                }
            };
            sound = self.unsound(&at, &message);
        }
        sound.then_some(())
    }

    fn combinator(&mut self, word: &str, path: &str) -> Option<&'static str> {
        match word.to_ascii_lowercase().as_str() {
            "and" => Some("and"),
            "or" => Some("or"),
            "xor" => Some("ne"),
            _ => self.fault(path, format!("there is no combinator `{word}`; expected `and`, `or` or `xor`")),
        }
    }

    /// Rules with combinators between them; `and` binds tighter than `xor`, and that than `or`, as in SQL.
    fn independent(&mut self, rules: &[Json], path: &str, item: Option<&str>, depth: usize) -> Option<Json> {
        // Sums of exclusive sums of products.
        let mut sums: Vec<Vec<Vec<Json>>> = vec![vec![Vec::new()]];
        let mut sound = true;
        for (place, rule) in rules.iter().enumerate() {
            let path = format!("{path}/rules/{place}");
            match (place % 2, rule) {
                (1, Json::String(word)) => match self.combinator(word, &path) {
                    Some("or") => sums.push(vec![Vec::new()]),
                    Some("ne") => sums.last_mut()?.push(Vec::new()),
                    Some(_) => {}
                    None => sound = false,
                },
                (0, Json::Object(_)) => match self.rules(rule, &path, item, depth + 1) {
                    Some(part) => sums.last_mut()?.last_mut()?.push(part),
                    None if self.is_sound() => {
                        let message =
                            "a muted rule between combinators leaves open what they join; take it out";
                        sound &= self.unsound(&path, message);
                    }
                    None => sound = false,
                },
                (1, _) => {
                    sound &= self.unsound(&path, "expected a combinator between two rules");
                }
                _ => sound &= self.unsound(&path, "expected a rule between two combinators"),
            }
        }
        if rules.len().is_multiple_of(2) {
            return self.fault(path, "the rules end with a combinator");
        }
        if !sound {
            return None;
        }
        let sums = sums.into_iter().map(|terms| {
            let terms = terms.into_iter().map(|parts| op("and", parts)).collect();
            joined("ne", terms)
        });
        Some(op("or", sums.collect()))
    }

    fn rule(
        &mut self,
        object: &Map<String, Json>,
        path: &str,
        item: Option<&str>,
        depth: usize,
    ) -> Option<Json> {
        self.only_known(object, &RULE_KEYS, path)?;
        let operator = self.text(object, "operator", path)?;
        // What an export could not write as a rule.
        if operator == "expression" {
            let text = self.text(object, "value", path)?;
            return match Ast::parse_within(text, &self.importer.limits) {
                Ok(ast) => ast.to_json().get_mut("expr").map(Json::take),
                Err(errors) => self.fault(&format!("{path}/value"), errors.to_string()),
            };
        }
        let theirs = self.text(object, "field", path)?;
        let field_path = format!("{path}/field");
        if theirs == "~" || operator == "~" {
            return self.fault(path, "the rule is unfinished: a field and an operator are to be chosen");
        }
        let ours = self.renamed(theirs);
        let match_mode = object.get("match").filter(|mode| !mode.is_null());
        let kind = if item.is_some() { None } else { self.type_of(&ours) };
        let found = OPERATORS.iter().find(|(known, ..)| *known == operator);
        let needed = match (&kind, match_mode) {
            (_, Some(_)) | (Some(Type::List(_)), _) => NeededKind::List,
            (Some(kind), _) => needed_of(kind),
            (None, None) => guess(operator, object.get("value")),
        };
        let field = match item {
            Some(variable) if ours.is_empty() => Some(json!({ "attr": [variable] })),
            Some(variable) => {
                let mut parts = vec![variable];
                parts.extend(name_parts(&ours));
                Some(json!({ "attr": parts }))
            }
            None if ours.is_empty() => self.fault(&field_path, "there is no field"),
            None => self.name(&ours, None, needed, &field_path),
        };
        if let Some(mode) = match_mode {
            return self.matching(object, mode, &field?, path, depth);
        }
        let Some((_, word, turned)) = found else {
            let known = OPERATORS.iter().map(|(known, ..)| *known);
            let hint = hint(operator, known);
            let operator = shown(operator);
            return self
                .fault(&format!("{path}/operator"), format!("there is no operator `{operator}` here{hint}"));
        };
        let field = field?;
        if *word == "has" {
            let has = op("has", vec![field]);
            return Some(if *turned { not(has) } else { has });
        }
        let operand = Operand { object, path, kind: kind.as_ref(), item };
        let found = match *word {
            "in" => {
                let values = self.several(&operand)?;
                op("in", vec![field, json!({ "op": "list", "args": values })])
            }
            "between" => return self.range(&field, &operand, *turned),
            "contains" if matches!(kind, Some(Type::List(_))) => {
                let value = self.operand(&operand)?;
                op("in", vec![value, field])
            }
            word => {
                let value = self.operand(&operand)?;
                op(word, vec![field, value])
            }
        };
        Some(if *turned { not(found) } else { found })
    }

    /// The value of a rule: a constant, or another field.
    fn operand(&mut self, of: &Operand<'_>) -> Option<Json> {
        let path = format!("{}/value", of.path);
        let value = self.need(of.object, "value", of.path)?;
        match of.object.get("valueSource").map(|source| source.as_str().unwrap_or("")) {
            None | Some("value") => self.constant(value, of, &path),
            _ if of.object.get("valueSource") == Some(&Json::Null) => self.constant(value, of, &path),
            Some("field") => match value {
                Json::String(name) => match of.item {
                    None => {
                        let name = self.renamed(name);
                        let needed = of.kind.map_or(NeededKind::Any, needed_of);
                        self.name(&name, None, needed, &path)
                    }
                    Some(_) => {
                        self.fault(&path, "an item of a list is compared with a value, not with a field")
                    }
                },
                other => self.wrong(&path, "the name of a field", other),
            },
            Some(other) => {
                let other = shown(other);
                self.fault(
                    &format!("{}/valueSource", of.path),
                    format!("there is no source of values `{other}`"),
                )
            }
        }
    }

    fn constant(&mut self, value: &Json, of: &Operand<'_>, path: &str) -> Option<Json> {
        let said = of.object.get("meta").and_then(|meta| meta.get("type")).and_then(Json::as_str);
        match said {
            Some(kind)
                if matches!(kind, "int" | "decimal" | "double" | "date" | "timestamp" | "duration") =>
            {
                self.typed(value, kind, path)
            }
            _ if value.is_null() => {
                self.fault(path, "there is no null to compare with; take the operator `null` or `notNull`")
            }
            _ => self.literal(value, of.kind, path),
        }
    }

    /// The values of a list: an array, or a text with commas.
    fn several(&mut self, of: &Operand<'_>) -> Option<Vec<Json>> {
        let path = format!("{}/value", of.path);
        if of.object.get("valueSource").and_then(Json::as_str) == Some("field") {
            return self.fault(&path, "a list of fields is not asked; compare with each of them");
        }
        let values: Vec<Json> = match self.need(of.object, "value", of.path)? {
            // As react-querybuilder does.
            Json::Array(values) => values.iter().map(trimmed).collect(),
            Json::String(text) => split(text).into_iter().map(Json::String).collect(),
            number @ Json::Number(_) => vec![number.clone()],
            other => return self.wrong(&path, "a list", other),
        };
        if values.is_empty() {
            return self.fault(&path, "an empty list: nothing is in it");
        }
        let read: Vec<Option<Json>> = values
            .iter()
            .enumerate()
            .map(|(at, value)| self.constant(value, of, &format!("{path}/{at}")))
            .collect();
        read.into_iter().collect()
    }

    /// `between`, both ends included; ends of numbers that are turned round are put in order, as react-querybuilder does.
    fn range(&mut self, field: &Json, of: &Operand<'_>, turned: bool) -> Option<Json> {
        let path = format!("{}/value", of.path);
        let values = self.several(of)?;
        let [low, high] = values.as_slice() else {
            return self.fault(&path, format!("expected two values, not {}", values.len()));
        };
        // Texts that are numbers are taken for numbers where the field tells no type.
        let [low, high] = [low, high].map(|value| as_number(value, of.kind));
        let (low, high) = match (number(&low), number(&high)) {
            (Some(a), Some(b)) if a > b && !self.importer.keeps_value_order => (high, low),
            _ => (low, high),
        };
        Some(if turned {
            op("or", vec![op("lt", vec![field.clone(), low]), op("gt", vec![field.clone(), high])])
        } else {
            op("and", vec![op("ge", vec![field.clone(), low]), op("le", vec![field.clone(), high])])
        })
    }

    /// A question of the items of a list, and of how many it is to be true.
    fn matching(
        &mut self,
        object: &Map<String, Json>,
        mode: &Json,
        list: &Json,
        path: &str,
        depth: usize,
    ) -> Option<Json> {
        let match_path = format!("{path}/match");
        let Json::Object(mode) = mode else {
            return self.wrong(&match_path, "an object with `mode`", mode);
        };
        self.only_known(mode, &["mode", "threshold"], &match_path)?;
        let group = self.need(object, "value", path)?;
        let word = self.text(mode, "mode", &match_path)?;
        let variable = ["x", "y", "z"].get(depth % 3).copied().unwrap_or("x");
        let value_path = format!("{path}/value");
        let body = match self.rules(group, &value_path, Some(variable), depth + 1) {
            None if self.is_sound() => {
                return self.fault(&value_path, "what is asked of the items is muted");
            }
            body => body?,
        };
        let lambda =
            |macro_: &str, body: Json| json!({ "op": macro_, "over": list, "var": variable, "body": body });
        match word.to_ascii_lowercase().as_str() {
            "all" => Some(lambda("all", body)),
            "some" => Some(lambda("exists", body)),
            "none" => Some(not(lambda("exists", body))),
            "atleast" | "atmost" | "exactly" => {
                let comparison = match word.to_ascii_lowercase().as_str() {
                    "atleast" => "ge",
                    "atmost" => "le",
                    _ => "eq",
                };
                let threshold = mode.get("threshold").and_then(Json::as_f64).filter(|share| *share >= 0.0);
                let Some(threshold) = threshold else {
                    return self.fault(&format!("{match_path}/threshold"), "expected a number from 0");
                };
                let size = |list: Json| op("size", vec![list]);
                let kept = size(lambda("filter", body));
                if threshold > 0.0 && threshold < 1.0 {
                    // A share of the items.
                    let share = self.literal(mode.get("threshold")?, None, &match_path)?;
                    let all = op("mul", vec![op("double", vec![size(list.clone())]), share]);
                    return Some(op(comparison, vec![op("double", vec![kept]), all]));
                }
                if threshold.fract() != 0.0 || threshold > 1e9 {
                    return self.fault(
                        &format!("{match_path}/threshold"),
                        "expected a whole number, or a share below 1",
                    );
                }
                let count = self.literal(&json!(format!("{threshold:.0}")), Some(&Type::Int), &match_path)?;
                Some(op(comparison, vec![kept, count]))
            }
            _ => self.fault(&format!("{match_path}/mode"), format!("there is no mode `{word}`")),
        }
    }
}

/// A rule whose value is read.
struct Operand<'r> {
    object: &'r Map<String, Json>,
    path: &'r str,
    kind: Option<&'r Type>,
    item: Option<&'r str>,
}

/// Parts with a combinator between them; `xor` of several is that of pairs, from the left.
fn joined(combinator: &str, parts: Vec<Json>) -> Json {
    if combinator != "ne" {
        return op(combinator, parts);
    }
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |left, right| op("ne", vec![left, right]))
}

/// A text without white space around it; anything else as it is.
fn trimmed(value: &Json) -> Json {
    match value {
        Json::String(text) => Json::String(text.trim().to_owned()),
        other => other.clone(),
    }
}

/// The parts of a text between commas, without white space around them; `\,` is a comma.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(',')) => parts.last_mut().into_iter().for_each(|part| part.push(',')),
            (',', _) => {
                parts.push(String::new());
                continue;
            }
            (c, _) => {
                parts.last_mut().into_iter().for_each(|part| part.push(c));
                continue;
            }
        }
        chars.next();
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn as_number(value: &Json, kind: Option<&Type>) -> Json {
    let text = value.pointer("/lit/text").and_then(Json::as_str).filter(|_| kind.is_none());
    match text.and_then(|text| text.trim().parse::<f64>().ok().map(|_| text.trim())) {
        Some(text) => serde_json::from_str::<Json>(text).ok().filter(Json::is_number).map_or_else(
            || value.clone(),
            |number| match number.as_i64() {
                Some(int) => json!({ "lit": { "int": int.to_string() } }),
                None => json!({ "lit": { "decimal": text } }),
            },
        ),
        None => value.clone(),
    }
}

fn number(value: &Json) -> Option<f64> {
    let literal = value.get("lit")?;
    let text = literal.get("int").or_else(|| literal.get("decimal"));
    text.and_then(Json::as_str).and_then(|text| text.parse().ok()).or_else(|| literal.get("double")?.as_f64())
}

pub(super) const fn needed_of(kind: &Type) -> NeededKind {
    match kind {
        Type::Bool => NeededKind::Bool,
        Type::Int | Type::Decimal { .. } | Type::Money { .. } | Type::Double => NeededKind::Number,
        Type::Text | Type::Enum(_) | Type::Band(_) => NeededKind::Text,
        Type::Date => NeededKind::Date,
        Type::Timestamp => NeededKind::Timestamp,
        Type::List(_) => NeededKind::List,
        _ => NeededKind::Any,
    }
}

/// What a rule takes a field to be.
fn guess(operator: &str, value: Option<&Json>) -> NeededKind {
    match (operator, value) {
        (
            "contains" | "beginsWith" | "endsWith" | "doesNotContain" | "doesNotBeginWith" | "doesNotEndWith",
            _,
        ) => NeededKind::Text,
        ("null" | "notNull", _) => NeededKind::Any,
        (_, Some(Json::Number(_))) => NeededKind::Number,
        (_, Some(Json::Bool(_))) => NeededKind::Bool,
        (_, Some(Json::Array(values))) => match values.first() {
            Some(Json::Number(_)) => NeededKind::Number,
            Some(Json::String(_)) => NeededKind::Text,
            _ => NeededKind::Any,
        },
        _ => NeededKind::Any,
    }
}
