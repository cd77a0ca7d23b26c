//! Rules of JSONLogic: the part that is a question of types.
//!
//! <https://jsonlogic.com/operations.html>

use serde_json::{Value as Json, json};

use super::kinds::{Kind, as_text};
use super::reader::{MAX_NESTING, Reader, not, op};
use super::{ImportErrors, Imported, Importer, NeededKind};
use crate::expr::Type;
use crate::model::{Place, hint, shown};

/// Operations that have a counterpart.
const KNOWN: [&str; 29] = [
    "var", "==", "===", "!=", "!==", ">", ">=", "<", "<=", "!", "!!", "or", "and", "if", "?:", "in", "cat",
    "%", "max", "min", "+", "-", "*", "/", "filter", "map", "all", "none", "some",
];

/// What the operation reads is missing there, and 0, "" or false for JSONLogic.
const MISSING: &str =
    "an account without a value has no answer here, where JSONLogic takes null, and in comparisons 0";

/// Why an operation on truth values is refused.
const TRUTHY: &str = "expected a yes/no question: nothing else is truthy here";

/// Why an operation on numbers is refused.
const NUMBERS: &str =
    "expected a number: neither a text nor a truth value is taken for one; write the number";

impl Importer<'_> {
    /// A rule of JSONLogic. Values of different types are not compared; a constant beside a known name is of its type.
    /// Null is asked for by `==` alone, and an account without a value has no answer where JSONLogic reckons with null; the note says so.
    ///
    /// # Errors
    ///
    /// Every operation without a counterpart, and every value that has none.
    ///
    /// ```
    /// use perennial::segment::Importer;
    ///
    /// let rule = Importer::parse(r#"{"and":[{"<":[{"var":"temp"},110]},{"==":[{"var":"pie.filling"},"apple"]}]}"#)?;
    /// let imported = Importer::new().json_logic(&rule)?;
    /// assert_eq!(imported.expression.to_string(), "temp < 110 && pie.filling == \"apple\"");
    ///
    /// let rule = Importer::parse(r#"{"and":[{"merge":[1]},{"some":[{"var":"tags"},{"substr":["a",1]}]}]}"#)?;
    /// let errors = Importer::new().json_logic(&rule).unwrap_err();
    /// assert_eq!(errors.faults()[1].path, "/and/1/some/1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json_logic(&self, rule: &Json) -> Result<Imported, ImportErrors> {
        let mut reader = Reader::new(self);
        let found = reader.logic(rule, "", None, 0);
        reader.finish(found)
    }
}

impl Reader<'_> {
    /// A value or an operation; `item` is the variable of the list around.
    fn logic(&mut self, json: &Json, path: &str, item: Option<&'static str>, depth: usize) -> Option<Json> {
        if depth >= MAX_NESTING {
            return self.fault(path, format!("rules nest at most {MAX_NESTING} deep"));
        }
        match json {
            Json::Object(object) => {
                let mut all = object.iter();
                match (all.next(), all.next()) {
                    (Some((name, arguments)), None) => {
                        let path = Place::at(path).field(name).to_string();
                        self.operation(name, arguments, &path, item, depth)
                    }
                    _ => self.fault(path, format!("an operation has one name, not {}", object.len())),
                }
            }
            Json::Array(items) => {
                let items: Vec<Option<Json>> = items
                    .iter()
                    .enumerate()
                    .map(|(at, value)| self.literal(value, None, &format!("{path}/{at}")))
                    .collect();
                let items: Option<Vec<Json>> = items.into_iter().collect();
                items.map(|items| json!({ "op": "list", "args": items }))
            }
            Json::Null => self.fault(path, "null is asked for by `==` or `!=` alone"),
            value => self.literal(value, None, path),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    fn operation(
        &mut self,
        name: &str,
        json: &Json,
        path: &str,
        item: Option<&'static str>,
        depth: usize,
    ) -> Option<Json> {
        let single = std::slice::from_ref(json);
        let arguments: &[Json] = match json {
            Json::Array(arguments) => arguments,
            _ => single,
        };
        if name == "var" {
            return self.variable(arguments, path, item, depth);
        }
        let whole = path.rsplit_once('/').map_or("", |(before, _)| before).to_owned();
        let at = |place: usize| if json.is_array() { format!("{path}/{place}") } else { path.to_owned() };
        let exactly = |reader: &mut Self, least: usize, most: usize| {
            let fits = (least..=most).contains(&arguments.len());
            if !fits {
                let message =
                    format!("`{name}` takes {least} to {most} arguments here, not {}", arguments.len());
                reader.fault::<()>(path, message);
            }
            fits
        };
        match name {
            "==" | "===" | "!=" | "!==" => {
                if !exactly(self, 2, 2) {
                    return None;
                }
                let turned = name.starts_with('!');
                let nulls = arguments.iter().position(Json::is_null);
                if let Some(null) = nulls {
                    let other = self.logic(arguments.get(1 - null)?, &at(1 - null), item, depth + 1)?;
                    let has = op("has", vec![other]);
                    return Some(if turned { has } else { not(has) });
                }
                let strict = name.len() == 3;
                self.compared(arguments, &at, item, depth, strict)
                    .map(|parts| op(if turned { "ne" } else { "eq" }, parts))
            }
            ">" | ">=" | "<" | "<=" => {
                if !exactly(self, 2, 3) {
                    return None;
                }
                let word = match name {
                    ">" => "gt",
                    ">=" => "ge",
                    "<" => "lt",
                    _ => "le",
                };
                let parts = self.compared(arguments, &at, item, depth, false)?;
                match parts.as_slice() {
                    [low, middle, high] => Some(op(
                        "and",
                        vec![
                            op(word, vec![low.clone(), middle.clone()]),
                            op(word, vec![middle.clone(), high.clone()]),
                        ],
                    )),
                    _ => Some(op(word, parts)),
                }
            }
            "!" | "!!" => {
                if !exactly(self, 1, 1) {
                    return None;
                }
                let inner = self.all_of(arguments, &at, item, depth)?;
                self.all_are(Kind::Bool, &inner, &at, item.is_some(), TRUTHY)?;
                Some(op(if name == "!" { "not" } else { "isTrue" }, inner))
            }
            "and" | "or" => {
                if !exactly(self, 1, 1_000) {
                    return None;
                }
                let parts = self.all_of(arguments, &at, item, depth)?;
                self.all_are(Kind::Bool, &parts, &at, item.is_some(), TRUTHY)?;
                Some(self.joined_questions(name, parts, item.is_some()))
            }
            "cat" => {
                if !exactly(self, 1, 1_000) {
                    return None;
                }
                let parts = arguments.iter().enumerate().map(|(place, argument)| match as_text(argument) {
                    Some(text) => Some(text),
                    None => self.logic(argument, &at(place), item, depth + 1),
                });
                let parts: Vec<Option<Json>> = parts.collect();
                let parts: Vec<Json> = parts.into_iter().collect::<Option<_>>()?;
                self.all_are(
                    Kind::Text,
                    &parts,
                    &at,
                    item.is_some(),
                    "`cat` joins texts here, and nothing else",
                )?;
                Some(self.joined_texts(parts, item.is_some()))
            }
            "max" | "min" | "+" | "*" => {
                if !exactly(self, 1, 1_000) {
                    return None;
                }
                let parts = self.all_of(arguments, &at, item, depth)?;
                self.all_are(Kind::Number, &parts, &at, item.is_some(), NUMBERS)?;
                Some(match name {
                    "max" => op("math.greatest", parts),
                    "min" => op("math.least", parts),
                    "*" => op("mul", parts),
                    _ => self.sum(parts, item.is_some()),
                })
            }
            "-" | "/" | "%" => {
                if !exactly(self, if name == "-" { 1 } else { 2 }, 2) {
                    return None;
                }
                let parts = self.all_of(arguments, &at, item, depth)?;
                self.all_are(Kind::Number, &parts, &at, item.is_some(), NUMBERS)?;
                let word = match (name, parts.len()) {
                    ("-", 1) => "neg",
                    ("-", _) => "sub",
                    ("/", _) => "ratio",
                    _ => "mod",
                };
                Some(op(word, parts))
            }
            "if" | "?:" => self.choice(arguments, path, &at, item, depth),
            "in" => {
                if exactly(self, 2, 2) {
                    self.within(arguments, &at, item, depth)
                } else {
                    None
                }
            }
            "filter" | "map" | "all" | "none" | "some" => {
                if exactly(self, 2, 2) {
                    self.lambda(name, arguments, &at, item, depth)
                } else {
                    None
                }
            }
            _ => {
                let known = KNOWN.iter().copied();
                let hint = hint(name, known);
                let name = shown(name);
                self.fault(&whole, format!("`{name}` has no counterpart here{hint}"))
            }
        }
    }

    /// Arguments that are compared with each other. A constant is of the type of the name beside it, where that is
    /// known: a text is then a day, and, but for `===`, a number.
    fn compared(
        &mut self,
        arguments: &[Json],
        at: &dyn Fn(usize) -> String,
        item: Option<&'static str>,
        depth: usize,
        strict: bool,
    ) -> Option<Vec<Json>> {
        let is_constant = |argument: &Json| !argument.is_object() && !argument.is_array();
        let read: Vec<Option<Json>> =
            arguments
                .iter()
                .enumerate()
                .map(|(place, argument)| {
                    if is_constant(argument) {
                        None
                    } else {
                        self.logic(argument, &at(place), item, depth + 1)
                    }
                })
                .collect();
        let kind = read.iter().flatten().find_map(|part| self.type_of_node(part, item.is_some()));
        // What is computed of numbers is a number, of whatever type.
        let is_number = |part: &Json| self.kind_of(part, item.is_some()) == Some(Kind::Number);
        let computed = || read.iter().flatten().any(is_number).then_some(Type::Double);
        let kind = kind.or_else(computed).filter(Type::is_scalar);
        let parts: Vec<Option<Json>> = arguments
            .iter()
            .zip(read)
            .enumerate()
            .map(|(place, (argument, read))| match (is_constant(argument), &kind) {
                (false, Some(kind)) => self.with_typed_arms(read?, kind, &at(place)),
                (false, None) => read,
                (true, Some(kind)) => self.constant_of(argument, kind, &at(place), strict),
                (true, None) => self.logic(argument, &at(place), item, depth + 1),
            })
            .collect();
        parts.into_iter().collect()
    }

    /// A constant beside a name of a type.
    fn constant_of(&mut self, value: &Json, kind: &Type, path: &str, strict: bool) -> Option<Json> {
        let is_number = kind.is_number() || matches!(kind, Type::Money { .. });
        // JavaScript takes no text for true or false, not even "true".
        if value.is_string() && (strict && is_number || *kind == Type::Bool) {
            return self.fault(path, format!("a text is never the same as a {kind}; write the value itself"));
        }
        if value.is_null() {
            return self.fault(path, "null is asked for by `==` or `!=` alone");
        }
        self.literal(value, Some(kind), path)
    }

    /// The same part, with the constants that a choice in it gives read as of a type. As in `===`, no text is a number there.
    fn with_typed_arms(&mut self, part: Json, kind: &Type, path: &str) -> Option<Json> {
        let is_choice = |part: &Json| part.get("op").and_then(Json::as_str) == Some("if");
        let mut part = part;
        let mut sound = true;
        // Each further choice of a chain is in the last arm of the one before.
        let mut left: Vec<&mut Json> = vec![&mut part];
        while let Some(node) = left.pop() {
            if is_choice(node)
                && let Some(arms) = node.get_mut("args").and_then(Json::as_array_mut)
            {
                for arm in arms.iter_mut().skip(1) {
                    match arm.pointer("/lit/text").cloned() {
                        Some(text) => match self.constant_of(&text, kind, path, true) {
                            Some(read) => *arm = read,
                            None => sound = false,
                        },
                        None => left.push(arm),
                    }
                }
            }
        }
        sound.then_some(part)
    }

    /// Every argument, whatever is wrong with some.
    fn all_of(
        &mut self,
        arguments: &[Json],
        at: &dyn Fn(usize) -> String,
        item: Option<&'static str>,
        depth: usize,
    ) -> Option<Vec<Json>> {
        let parts = arguments.iter().enumerate();
        let parts: Vec<Option<Json>> =
            parts.map(|(place, argument)| self.logic(argument, &at(place), item, depth + 1)).collect();
        parts.into_iter().collect()
    }

    fn variable(
        &mut self,
        arguments: &[Json],
        path: &str,
        item: Option<&'static str>,
        depth: usize,
    ) -> Option<Json> {
        let name = match arguments.first() {
            Some(Json::String(name)) => name.as_str(),
            None if item.is_some() => "",
            Some(other) => {
                return self.wrong(path, "the name of a variable", other);
            }
            None => return self.fault(path, "there is no name of a variable"),
        };
        let read = match item {
            Some(variable) if name.is_empty() => json!({ "attr": [variable] }),
            Some(variable) => {
                let mut parts = vec![variable];
                parts.extend(name.split('.'));
                json!({ "attr": parts })
            }
            None if name.is_empty() => return self.fault(path, "the whole record is no value here"),
            None => {
                let ours = self.renamed(name);
                self.note(path, MISSING);
                self.name(&ours, None, NeededKind::Any, path)?
            }
        };
        match arguments.get(1) {
            None | Some(Json::Null) => Some(read),
            Some(default) => {
                let path = format!("{path}/1");
                let kind = self.type_of_node(&read, item.is_some()).filter(Type::is_scalar);
                let default = match kind {
                    Some(kind) if !default.is_object() && !default.is_array() => {
                        self.constant_of(default, &kind, &path, false)?
                    }
                    _ => self.logic(default, &path, item, depth + 1)?,
                };
                Some(op("coalesce", vec![read, default]))
            }
        }
    }

    /// `if` of any length: questions and what each gives, then what is left.
    fn choice(
        &mut self,
        arguments: &[Json],
        path: &str,
        at: &dyn Fn(usize) -> String,
        item: Option<&'static str>,
        depth: usize,
    ) -> Option<Json> {
        if arguments.len().is_multiple_of(2) {
            return self.fault(path, "what it is when no question holds must be said: there is no null");
        }
        if arguments.len() > 2 * MAX_NESTING {
            return self.fault(path, format!("at most {MAX_NESTING} questions follow each other"));
        }
        // Each further question is nested in the last arm of the one before, so that its depth is counted.
        let last = (arguments.len() / 2).saturating_sub(1);
        let read =
            |(place, argument)| self.logic(argument, &at(place), item, depth + 1 + last.min(place / 2));
        let parts: Vec<Option<Json>> = arguments.iter().enumerate().map(read).collect();
        let parts: Vec<Json> = parts.into_iter().collect::<Option<_>>()?;
        for (place, test) in parts.iter().enumerate().step_by(2).take(parts.len() / 2) {
            self.all_are(Kind::Bool, std::slice::from_ref(test), &|_| at(place), item.is_some(), TRUTHY)?;
        }
        let mut parts = parts.into_iter().rev();
        let mut found = parts.next()?;
        while let (Some(then), Some(test)) = (parts.next(), parts.next()) {
            found = op("if", vec![test, then, found]);
        }
        match self.type_of_node(&found, item.is_some()).filter(Type::is_scalar) {
            Some(kind) => self.with_typed_arms(found, &kind, path),
            None => Some(found),
        }
    }

    /// One of a list, or part of a text.
    fn within(
        &mut self,
        arguments: &[Json],
        at: &dyn Fn(usize) -> String,
        item: Option<&'static str>,
        depth: usize,
    ) -> Option<Json> {
        let (needle, haystack) = (arguments.first()?, arguments.get(1)?);
        let is_list = match haystack {
            Json::Array(items) if items.is_empty() => {
                return self.fault(&at(1), "an empty list: nothing is in it");
            }
            Json::Array(_) => Some(true),
            Json::String(_) => Some(false),
            Json::Object(object) => match object.iter().next() {
                Some((name, Json::String(variable))) if name == "var" && item.is_none() => {
                    let ours = self.renamed(variable);
                    self.type_of(&ours).map(|kind| matches!(kind, Type::List(_)))
                }
                Some((name, _)) if name == "cat" => Some(false),
                Some((name, _)) if name == "filter" || name == "map" => Some(true),
                // An item of a list of texts is a text.
                Some((name, _)) if name == "var" && item.is_some() => Some(false),
                _ => None,
            },
            _ => None,
        };
        let (needle, haystack) = match haystack {
            // As in `===`, no text is a number there.
            Json::Array(items) => {
                let needle = self.logic(needle, &at(0), item, depth + 1)?;
                let kind = self.type_of_node(&needle, item.is_some()).filter(Type::is_scalar);
                let list_at = at(1);
                let items: Vec<Option<Json>> = items
                    .iter()
                    .enumerate()
                    .map(|(place, value)| match &kind {
                        Some(kind) => self.constant_of(value, kind, &format!("{list_at}/{place}"), true),
                        None => self.literal(value, None, &format!("{list_at}/{place}")),
                    })
                    .collect();
                let items: Vec<Json> = items.into_iter().collect::<Option<_>>()?;
                (needle, json!({ "op": "list", "args": items }))
            }
            _ => {
                let parts = self.all_of(&[needle.clone(), haystack.clone()], at, item, depth)?;
                let [needle, haystack]: [Json; 2] = parts.try_into().ok()?;
                (needle, haystack)
            }
        };
        match is_list {
            Some(true) => Some(op("in", vec![needle, haystack])),
            Some(false) => Some(op("contains", vec![haystack, needle])),
            None => {
                let message = "whether this is a list or a text is not known; import it with names";
                self.fault(&at(1), message)
            }
        }
    }

    fn lambda(
        &mut self,
        name: &str,
        arguments: &[Json],
        at: &dyn Fn(usize) -> String,
        item: Option<&'static str>,
        depth: usize,
    ) -> Option<Json> {
        let list = self.logic(arguments.first()?, &at(0), item, depth + 1);
        let variable = match item {
            None => "x",
            Some("x") => "y",
            Some("y") => "z",
            Some(_) => "w",
        };
        let body = self.logic(arguments.get(1)?, &at(1), Some(variable), depth + 1);
        let (list, body) = (list?, body?);
        if name != "map" {
            self.all_are(Kind::Bool, std::slice::from_ref(&body), &|_| at(1), true, TRUTHY)?;
        }
        let made = |word: &str| json!({ "op": word, "over": list, "var": variable, "body": body });
        Some(match name {
            "filter" | "map" => made(name),
            "some" => made("exists"),
            "none" => not(made("exists")),
            // Of an empty list, `all` is false there.
            _ => {
                let some = op("gt", vec![op("size", vec![list.clone()]), json!({ "lit": { "int": 0 } })]);
                op("and", vec![some, made("all")])
            }
        })
    }
}
