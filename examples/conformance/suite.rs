//! Reads the cases of a suite, and runs each: parse or import, check, evaluate, compare.

use std::collections::BTreeMap;
use std::sync::Arc;

use perennial::expr::{Ast, Checker, ExprLimits, ExprValue, Name, Names, Of, Type};
use perennial::segment::{Importer, TotangoQuery, export_react_querybuilder};
use perennial::{AsOf, Date, Duration, Timestamp};
use serde_json::{Map, Value as Json};

use crate::zones::IanaZones;

/// What became of the cases of a file.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many passed.
    pub passed: usize,
    /// Each case that failed, and how.
    pub failures: Vec<String>,
}

/// Runs a file of cases.
///
/// # Errors
///
/// When the text is no JSON, or of a format that is not known.
pub fn run(text: &str) -> Result<Outcome, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    // One table of rows stands alone.
    let entries = match &json {
        Json::Array(entries) => entries.as_slice(),
        table => std::slice::from_ref(table),
    };
    let mut outcome = Outcome::default();
    for entry in entries {
        if entry.get("rows").is_some() {
            table(entry, &mut outcome)?;
        } else if entry.get("expr").is_some() {
            let name = format!("{} / {}", text_of(entry, "suite"), text_of(entry, "name"));
            let both = expression(entry, text_of(entry, "expr")).and_then(|()| rule(entry));
            match both {
                Ok(()) => outcome.passed += 1,
                Err(why) => {
                    outcome.failures.push(format!("FAIL {name}\n  {}\n  {why}", text_of(entry, "expr")));
                }
            }
        } else if let Some(query) = entry.get("query") {
            match totango(text_of(entry, "endpoint"), query) {
                Ok(()) => outcome.passed += 1,
                Err(why) => {
                    outcome.failures.push(format!("FAIL {}\n  {query}\n  {why}", text_of(entry, "source")));
                }
            }
        } else {
            return Err("this has neither `expr` nor `rows` nor `query`".to_owned());
        }
    }
    Ok(outcome)
}

fn text_of<'j>(json: &'j Json, field: &str) -> &'j str {
    json.get(field).and_then(Json::as_str).unwrap_or_default()
}

/// The names that a case declares.
struct Env(BTreeMap<String, Type>);

impl Names for Env {
    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        self.0.get(name).filter(|_| of == Of::Account).map(|kind| Name::new(kind.clone()))
    }

    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
        if of == Of::Account {
            self.0.keys().map(String::as_str).for_each(seen);
        }
    }
}

fn env(json: Option<&Json>) -> Result<Env, String> {
    let empty = Map::new();
    let declared = json.and_then(Json::as_object).unwrap_or(&empty);
    let names = declared.iter().map(|(name, kind)| Ok((name.clone(), kind_of(kind)?)));
    names.collect::<Result<_, String>>().map(Env)
}

fn kind_of(json: &Json) -> Result<Type, String> {
    match json {
        Json::String(word) => match word.as_str() {
            "bool" => Ok(Type::Bool),
            "int" => Ok(Type::Int),
            "double" => Ok(Type::Double),
            "string" => Ok(Type::Text),
            "timestamp" => Ok(Type::Timestamp),
            "duration" => Ok(Type::Duration),
            "date" => Ok(Type::Date),
            other => Err(format!("there is no type `{other}`")),
        },
        Json::Object(object) => match (object.get("list"), object.get("record")) {
            (Some(of), None) => Ok(Type::list(kind_of(of)?)),
            (None, Some(Json::Object(fields))) => {
                let fields = fields.iter().map(|(name, kind)| Ok((Arc::from(name.as_str()), kind_of(kind)?)));
                Ok(Type::Record(fields.collect::<Result<_, String>>()?))
            }
            _ => Err(format!("there is no type {json}")),
        },
        _ => Err(format!("there is no type {json}")),
    }
}

/// A tagged value.
fn value_of(json: &Json) -> Result<ExprValue, String> {
    let tagged = json.as_object().and_then(|object| object.iter().next());
    let (tag, value) = tagged.ok_or_else(|| format!("{json} is no tagged value"))?;
    let text = || value.as_str().ok_or_else(|| format!("{value} is no text"));
    let known = match tag.as_str() {
        "bool" => value.as_bool().map(ExprValue::Bool),
        "int" => value.as_i64().or_else(|| value.as_str()?.parse().ok()).map(ExprValue::Int),
        "double" => value.as_f64().or_else(|| value.as_str()?.parse().ok()).map(ExprValue::Double),
        "string" => value.as_str().map(|text| ExprValue::Text(Arc::from(text))),
        "timestamp" => text()?.parse::<Timestamp>().ok().map(ExprValue::Timestamp),
        "duration" => seconds(text()?).map(ExprValue::Duration),
        "date" => text()?.parse::<Date>().ok().map(ExprValue::Date),
        "list" => {
            let items = value.as_array().ok_or("a list is an array")?;
            Some(ExprValue::List(items.iter().map(value_of).collect::<Result<_, _>>()?))
        }
        "record" => {
            let fields = value.as_object().ok_or("a record is an object")?;
            let fields = fields.iter().map(|(name, value)| Ok((Arc::from(name.as_str()), value_of(value)?)));
            Some(ExprValue::Record(fields.collect::<Result<_, String>>()?))
        }
        _ => None,
    };
    known.ok_or_else(|| format!("{json} is no tagged value"))
}

fn seconds(text: &str) -> Option<Duration> {
    let (sign, digits) = text.strip_suffix('s').map(|text| match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    })?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let micros: i64 = format!("{part:0<6}").get(..6)?.parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    Some(Duration::from_micros(sign * (whole.checked_mul(1_000_000)?.checked_add(micros)?)))
}

fn moment() -> Result<AsOf, String> {
    // No case asks for today; any day will do.
    Date::new(2026, 1, 31).map(AsOf::date_utc).map_err(|error| error.to_string())
}

/// The rule of JSONLogic that a case is taken from: imported, it gives the same.
fn rule(case: &Json) -> Result<(), String> {
    let Some(rule) = case.get("rule") else { return Ok(()) };
    let env = env(case.get("env"))?;
    let imported = Importer::new().with_names(&env).json_logic(rule);
    let imported = imported.map_err(|errors| format!("the rule {rule} is not read:\n{errors}"))?;
    again(&imported.expression)?;
    expression(case, &imported.expression.to_string())
        .map_err(|why| format!("the rule {rule} is read as {}:\n  {why}", imported.expression))
}

/// What was imported is printed and read again as the same, and so is what is exported.
fn again(ast: &Ast) -> Result<(), String> {
    let printed = Ast::parse(&ast.to_string()).map_err(|errors| errors.to_string())?;
    let exported = export_react_querybuilder(ast);
    let exported = Importer::new().react_querybuilder(&exported).map_err(|errors| errors.to_string())?;
    if printed == *ast && exported.expression == *ast {
        Ok(())
    } else {
        Err(format!("{ast} is read again as {printed}, exported as {}", exported.expression))
    }
}

/// A query of the Totango Search API: it is read, printed, and read again as the same; one for events is refused by name.
fn totango(endpoint: &str, query: &Json) -> Result<(), String> {
    match Importer::new().totango(endpoint, query) {
        Ok(read) => {
            again(&read.expression)?;
            let text = serde_json::to_string(&read).map_err(|error| error.to_string())?;
            let copy: TotangoQuery = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let second = Importer::new().totango(endpoint, query).map_err(|errors| errors.to_string())?;
            if copy == read && second == read {
                Ok(())
            } else {
                Err("it is read differently again".to_owned())
            }
        }
        Err(errors) => {
            let what = ["events", "tasks"].into_iter().find(|what| endpoint.contains(what));
            let named =
                what.is_some_and(|what| errors.to_string().contains(&format!("{what} is out of scope")));
            if named { Ok(()) } else { Err(errors.to_string()) }
        }
    }
}

/// One expression with its bindings.
fn expression(case: &Json, text: &str) -> Result<(), String> {
    let env = env(case.get("env"))?;
    let expect = case.get("expect").ok_or("there is no `expect`")?;
    let checker = Checker::new(&env).with_zones(&IanaZones).with_limits(ExprLimits::default());
    let checked = checker.check(text);
    let wanted = text_of(expect, "error");
    let checked = match (checked, wanted) {
        (Ok(_), "type" | "syntax") => return Err(format!("expected a {wanted} error; it was accepted")),
        (Ok(checked), _) => checked,
        (Err(errors), "syntax") => {
            let of_text = errors
                .all()
                .iter()
                .any(|error| matches!(error.code().as_str(), "E105" | "E107" | "E110" | "E111"));
            return if of_text { Ok(()) } else { Err(format!("expected a syntax error:\n{errors}")) };
        }
        (Err(_), "type") => return Ok(()),
        (Err(errors), _) => return Err(errors.to_string()),
    };
    if let Some(kind) = expect.get("type") {
        let kind = kind_of(kind)?;
        if *checked.kind() != kind {
            return Err(format!("expected the type {kind}, not {}", checked.kind()));
        }
    }
    let bindings = case.get("bindings").and_then(Json::as_object);
    let mut names: Vec<String> = Vec::new();
    let mut values: Vec<Option<ExprValue>> = Vec::new();
    for (name, value) in bindings.into_iter().flatten() {
        names.push(name.clone());
        values.push(Some(value_of(value)?));
    }
    // A declared name that is not bound has no value: any number beyond the record.
    let bind = |name: &str| Some(names.iter().position(|known| known == name).unwrap_or(names.len()));
    let rule = checked.for_records(&moment()?, bind).map_err(|error| error.to_string())?;
    let found = rule.value(values.as_slice());
    match (expect.get("value"), found) {
        (None, None) if wanted == "missing" => Ok(()),
        (None, found) => Err(format!("expected no value, found {found:?}")),
        (Some(value), found) => {
            let value = value_of(value)?;
            if found.as_ref() == Some(&value) {
                Ok(())
            } else {
                Err(format!("expected {value:?}, found {found:?}"))
            }
        }
    }
}

/// A table of rows, and expressions that some of them match.
fn table(entry: &Json, outcome: &mut Outcome) -> Result<(), String> {
    let env = env(entry.get("env"))?;
    let rows = entry.get("rows").and_then(Json::as_array).ok_or("`rows` is a list")?;
    let names: Vec<&String> = env.0.keys().collect();
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        let values = names.iter().map(|name| plain(row.get(name.as_str()), env.0.get(*name)));
        records.push(values.collect::<Vec<Option<ExprValue>>>());
    }
    let cases = entry.get("cases").and_then(Json::as_array).ok_or("`cases` is a list")?;
    for case in cases {
        let name = format!("{} / {}", text_of(entry, "suite"), text_of(case, "name"));
        let keys = |matched: Vec<usize>| {
            let keys =
                matched.into_iter().filter_map(|row| rows.get(row)?.get(text_of(entry, "key")).cloned());
            Json::Array(keys.collect())
        };
        let found = matching(&env, &names, &records, text_of(case, "expr")).map(keys);
        // The query that it is taken from, imported, matches the same rows.
        let found = found.and_then(|found| {
            let Some(query) = case.get("query") else { return Ok(found) };
            let imported = Importer::new().with_names(&env).react_querybuilder(query);
            let imported = imported.map_err(|errors| format!("the query {query} is not read:\n{errors}"))?;
            again(&imported.expression)?;
            let text = imported.expression.to_string();
            let matched = matching(&env, &names, &records, &text).map(keys)?;
            if matched == found {
                Ok(found)
            } else {
                Err(format!("the query {query} is read as {text}, which matches {matched}"))
            }
        });
        match found {
            Ok(found) if Some(&found) == case.get("expect_rows") => outcome.passed += 1,
            Ok(found) => outcome.failures.push(format!(
                "FAIL {name}\n  {}\n  expected {}, found {found}",
                text_of(case, "expr"),
                case.get("expect_rows").unwrap_or(&Json::Null)
            )),
            Err(why) => outcome.failures.push(format!("FAIL {name}\n  {}\n  {why}", text_of(case, "expr"))),
        }
    }
    Ok(())
}

fn matching(
    env: &Env,
    names: &[&String],
    records: &[Vec<Option<ExprValue>>],
    expr: &str,
) -> Result<Vec<usize>, String> {
    let checker = Checker::new(env).with_zones(&IanaZones);
    let checked = checker.check_predicate(expr).map_err(|errors| errors.to_string())?;
    let bind = |name: &str| names.iter().position(|known| *known == name);
    let rule = checked.for_records(&moment()?, bind).map_err(|error| error.to_string())?;
    let matched = records.iter().enumerate().filter(|(_, record)| rule.matches(record.as_slice()));
    Ok(matched.map(|(row, _)| row).collect())
}

/// A plain JSON value as a value of the declared type.
fn plain(json: Option<&Json>, kind: Option<&Type>) -> Option<ExprValue> {
    match (json?, kind?) {
        (Json::Bool(truth), Type::Bool) => Some(ExprValue::Bool(*truth)),
        (json, Type::Int) => json.as_i64().map(ExprValue::Int),
        (json, Type::Double) => json.as_f64().map(ExprValue::Double),
        (Json::String(text), Type::Text) => Some(ExprValue::Text(Arc::from(text.as_str()))),
        (Json::String(text), Type::Date) => text.parse().ok().map(ExprValue::Date),
        (Json::String(text), Type::Timestamp) => text.parse().ok().map(ExprValue::Timestamp),
        (Json::Array(items), Type::List(of)) => {
            let items = items.iter().map(|item| plain(Some(item), Some(of)));
            items.collect::<Option<_>>().map(ExprValue::List)
        }
        (Json::Object(object), Type::Record(fields)) => {
            let known = fields
                .iter()
                .filter_map(|(name, kind)| Some((name.clone(), plain(object.get(&**name), Some(kind))?)));
            Some(ExprValue::Record(known.collect()))
        }
        _ => None,
    }
}
