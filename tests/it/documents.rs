//! Documents that people write: what are they told, and does the page list every word?

use std::collections::BTreeSet;
use std::sync::Arc;

use perennial::aggregate::{EventKind, UsageSchema};
use perennial::catalog::{Catalog, CustomKinds, Definition, Manifest};
use perennial::engine::{Fact, FactStep};
use perennial::expr::ExprLimits;
use perennial::segment::{Query, Segment};
use perennial::{
    Attribute, AttributeType, Change, ExchangeRate, FiscalCalendar, FixedZones, Nesting, Schema,
    SchemaChange, read_json,
};
use serde_json::{Value as Json, json};

use crate::common::definitions::definitions;
use crate::common::kinds::{customs, kinds};

/// What only serde says, or Rust.
const FOREIGN: [&str; 16] = [
    "newtype",
    "variant",
    "u8",
    "u16",
    "u32",
    "u64",
    "i64",
    "f64",
    "untagged",
    "single key",
    "expected value at",
    "invalid type",
    "struct ",
    "a string",
    "a sequence",
    "EOF",
];

fn all() -> Vec<Definition> {
    let mut all = definitions(false);
    all.extend(definitions(true));
    all.extend(customs(false).into_iter().map(Definition::from));
    all
}

fn is_foreign(text: &str) -> bool {
    FOREIGN.iter().any(|word| text.contains(word))
}

/// The places below a place, deepest last.
fn places(json: &Json, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match json {
        Json::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{path}/{name}"), found));
        }
        Json::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(at, item)| places(item, &format!("{path}/{at}"), found));
        }
        _ => {}
    }
}

/// A fault is of the document: its path leads to something in it.
fn is_in(document: &Json, path: &str) -> bool {
    document.pointer(path).is_some()
}

#[test]
fn every_definition_comes_back_and_every_change_of_its_document_is_told_in_our_words() {
    let mut refused = 0;
    for definition in all() {
        let document = Catalog::document([&definition]);
        let read = |json: &Json| Catalog::read_with(&kinds(), [json.to_string().as_str()]);
        assert_eq!(read(&document).unwrap(), [definition]);
        let mut all = Vec::new();
        places(&document, "", &mut all);
        for path in all.iter().filter(|path| path.len() > 1) {
            let (above, name) = path.rsplit_once('/').unwrap();
            let mut changed: Vec<Json> = Vec::new();
            for other in
                [json!(7), json!(-1.5), json!("zzzzzz"), json!([]), json!({}), json!(true), Json::Null]
            {
                let mut one = document.clone();
                *one.pointer_mut(path).unwrap() = other;
                changed.push(one);
            }
            if let Some(Json::Object(fields)) = document.clone().pointer_mut(above) {
                let mut misspelt = fields.clone();
                let value = misspelt.remove(name).unwrap();
                for fields in [misspelt.clone(), {
                    misspelt.insert(format!("{name}x"), value);
                    misspelt
                }] {
                    let mut one = document.clone();
                    *one.pointer_mut(above).unwrap() = Json::Object(fields);
                    changed.push(one);
                }
            }
            for one in changed {
                let Err(errors) = read(&one) else { continue };
                refused += 1;
                for fault in &errors {
                    assert!(!is_foreign(&fault.message), "{fault}\n{one}");
                    assert!(is_in(&one, &fault.path), "{fault}\n{one}");
                    assert!(!fault.message.contains("cannot be read"), "{fault}\n{one}");
                }
            }
            // A misspelt field is never ignored.
            if let Some(Json::Object(fields)) = document.clone().pointer_mut(above) {
                let mut one = document.clone();
                fields.insert("zzzzzz".to_owned(), json!(1));
                *one.pointer_mut(above).unwrap() = Json::Object(fields.clone());
                assert!(read(&one).is_err(), "{one}");
            }
        }
        let text = document.to_string();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let errors = Catalog::read_with(&kinds(), [&text[..end]]).unwrap_err().to_string();
            assert!(errors.contains("not JSON at line 1, column"), "{errors}");
            assert!(!is_foreign(&errors), "{errors}");
        }
    }
    assert!(refused > 1_000, "{refused}");
}

fn schema() -> Arc<Schema> {
    let builder = Schema::builder().account_type("Company", Nesting::Free);
    Arc::new(builder.attribute(Attribute::new("seats", AttributeType::Int)).build().unwrap())
}

fn load(text: &str) -> String {
    let (kinds, limits) = (CustomKinds::new(), ExprLimits::default());
    let usage = UsageSchema::new([EventKind::new("login")]).unwrap();
    Catalog::load(&schema(), &usage, &FixedZones, &limits, &kinds, [text]).unwrap_err().to_string()
}

#[test]
fn faults_of_form_of_expressions_and_of_the_check_are_told_together() {
    let text = r#"{ "v": 1,
        "rollups": [],
        "roll_ups": [
            { "name": "a", "operator": 5 },
            { "name": "b", "operator": "sum" },
            { "name": "c", "operator": { "ratio": { "numerator": 5, "denominatr": "seats" } }, "reach": "below" },
            { "name": "d", "operator": { "percentile": { "of": "seats", "hundredths": 70000 } }, "colour": 1 },
            { "name": "e", "operator": { "count": 1 }, "over": { "events": { "event": "login", "last_day": 7 } } },
            { "name": "f", "operator": { "sum": "seats", "count": null }, "convert": { "to": "EURO", "plan": 1 } },
            { "name": "g", "operator": "count", "filter": "seats >" }
        ],
        "attributes": [
            { "name": "reads_broken", "expression": "a + b + 1" },
            { "name": "reads_reader", "expression": "reads_broken * 2" },
            { "name": "unknown", "expression": "seatz" },
            { "name": "ring", "expression": "round_it" },
            { "name": "round_it", "expression": "ring" },
            { "name": "fine", "expression": "seats" },
            { "name": "fine", "expression": "seats" },
            { "expression": 7 }
        ],
        "past": [{ "name": "p", "of": "seats", "days_ago": 70000000000 }],
        "parameters": [{ "name": "q", "type": "txt" }],
        "segments": [{ "id": "s", "expression": "inSegment(\"t\")", "account_set": "yes" }, { "id": "t", "expression": "seats > \"x\"" }]
    }"#;
    let expected = r#"document 0: unknown field `rollups`; did you mean `roll_ups`?
document 0: at `/parameters/0/type`: unknown type `txt`; did you mean `text`?
document 0: at `/attributes/7/expression`: expected a text, found 7
document 0: at `/attributes/7`: missing field `name`
document 0: at `/past/0/days_ago`: expected a whole number from 0 to 4294967295, found 70000000000
document 0: at `/roll_ups/0/operator`: expected an operator such as `count` or {"sum": "arr"}, found 5
document 0: at `/roll_ups/1/operator`: operator `sum` needs more than its name: {"sum": ..}"#;
    let told = load(text);
    assert!(told.starts_with(expected), "{told}");
    for part in [
        "/roll_ups/2/operator/ratio`: unknown field `denominatr`; did you mean `denominator`?",
        "/roll_ups/2/operator/ratio`: missing field `denominator`",
        "/roll_ups/2/operator/ratio/numerator`: expected a text, found 5",
        "/roll_ups/2/reach`: unknown reach `below`; allowed: self_only, descendants, self_and_descendants, prefer_self",
        "/roll_ups/3`: unknown field `colour`; known: name, over, operator",
        "/roll_ups/3/operator/percentile/hundredths`: expected a whole number from 0 to 65535, found 70000",
        "/roll_ups/4/operator`: operator `count` has no value: write \"count\"",
        "/roll_ups/4/over/events`: unknown field `last_day`; did you mean `last_days`?",
        "/roll_ups/5/operator`: expected an object with one field, the operator, found one with 2",
        "/roll_ups/5/convert/to`: unknown currency `EURO`",
        "/roll_ups/5/convert/plan`: expected true or false, found 1",
        "/segments/0/account_set`: expected true or false, found the text `yes`",
        // Of the check, at the places of the definitions.
        "/roll_ups/6`: filter: E11",
        "/attributes/2`: E101 seatz",
        "/attributes/3`: it reads itself: ",
        "/attributes/6`: another definition has the name",
        "/segments/1`: E10",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(!is_foreign(&told), "{told}");
    // What reads a definition that cannot be read has no fault for it, nor what reads that.
    assert!(!told.contains("/attributes/0`") && !told.contains("/attributes/1`"), "{told}");

    let manifest = |text: &str| {
        let (kinds, limits) = (CustomKinds::new(), ExprLimits::default());
        Manifest::load(&schema(), &UsageSchema::default(), &FixedZones, &limits, &kinds, text)
    };
    let text = r#"{"v":1,"events":[{"name":"export"}],"usage":{"keep":1},
        "metrics":[{"name":"m","expression":"events(\"export\").count()"},{"name":"n","expression":"events(\"login\").count()"}]}"#;
    let told = manifest(text).unwrap_err().to_string();
    let expected = "at `/usage`: unknown field `keep`; known: zone, keep_days, ids_for_days, ahead_days, too_old, faulty\n\
                    at `/metrics/1`: E101";
    assert!(told.starts_with(expected), "{told}");
    assert!(manifest(&text.replace(r#"{"keep":1}"#, "{}").replace("login", "export")).is_ok());
}

#[test]
fn other_documents_are_told_in_our_words() {
    fn told<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        let told = read_json::<T>(text).unwrap_err().to_string();
        assert!(!is_foreign(&told), "{told}");
        told
    }
    assert_eq!(
        told::<Vec<ExchangeRate>>(
            r#"[{"kind":"markt","from":"EURO","to":5,"since":"2024-02-30","rate":0.9,"x":1},7,{"from":"USD","to":"EUR","since":"2024-02-29","rate":"1"}]"#
        ),
        "at `/0/from`: unknown currency `EURO`; expected an ISO 4217 code such as `EUR`\n\
         at `/0/kind`: unknown kind of rate `markt`; did you mean `market`?\n\
         at `/0/rate`: expected a text, found 0.9\n\
         at `/0/since`: `2024-02-30` is no date: there is no such day\n\
         at `/0/to`: expected a text, found 5\n\
         at `/0`: unknown field `x`; known: kind, from, to, since, rate\n\
         at `/1`: expected an object, found 7"
            .replace(
                "`2024-02-30` is no date: there is no such day",
                &"2024-02-30".parse::<perennial::Date>().unwrap_err().to_string()
            )
    );
    assert_eq!(
        told::<FiscalCalendar>(r#"{"weeks":{"pattern":"445","weekday":"satturday","end":1,"month":1}}"#),
        "at `/weeks/end`: expected the end of a year, `last` or `nearest`, found 1\n\
         at `/weeks/pattern`: unknown pattern of weeks `445`; did you mean `4-4-5`?\n\
         at `/weeks/weekday`: unknown weekday `satturday`; did you mean `saturday`?\n\
         at `/weeks`: missing field `extra_week`"
    );
    assert_eq!(told::<FiscalCalendar>(r#"{"months_from":13}"#), "13 is no month; expected 1 to 12");
    assert_eq!(
        told::<SchemaChange>(
            r#"[{"attribute":{"name":"a","type":"txt"}},{"remov":{}},{"rename":{"part":{"attribut":"x"}}}]"#
        ),
        "at `/0/attribute/type`: unknown type `txt`; did you mean `text`?\n\
         at `/1`: unknown step `remov`; did you mean `remove`?\n\
         at `/2/rename/part`: unknown part of a schema `attribut`; did you mean `attribute`?\n\
         at `/2/rename`: missing field `to`"
    );
    let facts = told::<Vec<FactStep>>(r#"[{"appnd":1},5]"#);
    assert!(facts.contains("at `/0`: unknown step of facts `appnd`"), "{facts}");
    let fact = told::<Fact>(r#"{"key":{"subject":{"acount":"a"},"kind":1},"since":"yesterday"}"#);
    assert!(fact.contains("at `/key/subject`: unknown subject `acount`; did you mean `account`?"), "{fact}");
    assert!(fact.contains("at `/key/kind`: expected a text, found 1"), "{fact}");
    assert!(fact.contains("at `/since`: "), "{fact}");
    assert!(told::<Change>(r#"[{"sett":{}}]"#).contains("at `/0`: unknown change `sett`"));
    for (text, why) in [
        ("", "line 1, column 0: the text is empty"),
        ("[1,]", "line 1, column 4: a comma follows the last item; remove it"),
        ("[1 2]", "line 1, column 4: expected a comma or `]` after an item, found `2`"),
        ("[\n  1", "line 2, column 3: the text ends inside a list; `]` is missing"),
        ("{\"a\": nul}", "line 1, column 10: expected a value"),
        ("[] []", "line 1, column 4: expected the end of the text, found `[`"),
        ("{a: 1}", "line 1, column 2: expected the name of a field in quotes, found `a`"),
    ] {
        let told = told::<Vec<u16>>(text);
        assert!(told.contains(why), "{text}: {told}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped_by_every_reader_of_text() {
    let marked = |text: &str| format!("\u{feff}{text}");
    let schema = r#"{"perennial_schema":1,"account_types":[{"name":"A","nesting":"free"}]}"#;
    assert!(Schema::from_json(&marked(schema)).is_ok());
    assert!(Schema::from_json_bytes(marked(schema).as_bytes()).is_ok());
    let empty = marked(r#"{"v":1}"#);
    assert!(Catalog::read([empty.as_str()]).is_ok());
    assert!(Manifest::read(&empty).is_ok());
    let limits = ExprLimits::default();
    assert!(Query::from_json_text(&empty, &limits).is_ok());
    assert!(Segment::from_json_text(&marked(r#"{"v":1,"segments":[]}"#), &limits).is_ok());
    assert!(perennial::segment::Importer::parse(&marked("{}")).is_ok());
    assert_eq!(read_json::<Vec<u8>>(&marked("[1]")).unwrap(), [1]);
}

/// The names behind a word of a message: what a reader accepts in a place.
fn accepted(errors: &str, path: &str) -> Vec<String> {
    let line = errors.lines().find(|line| line.contains("zzzzzzzzzzzz") && line.contains(path));
    let line = line.unwrap_or_else(|| panic!("nothing of {path} in\n{errors}"));
    let (_, names) = line.rsplit_once(": ").unwrap();
    names.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_page_has_every_word_that_the_readers_accept() {
    const ODD: &str = "zzzzzzzzzzzz";
    let page = include_str!("../../src/docs/documents.md");
    let mut words: BTreeSet<String> = BTreeSet::new();
    // Of the catalog: unknown fields and words, of which the faults list what is known.
    let lists = [
        "parameters",
        "attributes",
        "past",
        "recorded",
        "metrics",
        "roll_ups",
        "rankings",
        "segments",
        "events",
    ];
    for list in lists {
        let text = json!({ "v": 1, list: [{ ODD: 1 }] }).to_string();
        words.extend(accepted(&Manifest::read(&text).unwrap_err().to_string(), &format!("/{list}/0`")));
    }
    let manifest =
        |json: Json| Manifest::read_with(&kinds(), &FixedZones, &json.to_string()).unwrap_err().to_string();
    words.extend(accepted(&manifest(json!({ "v": 1, ODD: 1 })), "unknown field"));
    words.extend(accepted(&manifest(json!({ "v": 1, "usage": { ODD: 1 } })), "/usage`"));
    for field in ["too_old", "faulty"] {
        words.extend(accepted(&manifest(json!({ "v": 1, "usage": { field: ODD } })), field));
    }
    words.extend(accepted(&manifest(json!({ "v": 1, "parameters": [{ "type": ODD }] })), "/type`"));
    let roll_up = |field: &str, value: Json| manifest(json!({ "v": 1, "roll_ups": [{ field: value }] }));
    for field in ["over", "operator", "reach", "nulls"] {
        let found = accepted(&roll_up(field, json!(ODD)), field);
        assert!(found.len() > 2, "{found:?}");
        for word in &found {
            // The fields of those that have some.
            let errors = roll_up(field, json!({ word: { ODD: 1 } }));
            if errors.contains(&format!("unknown field `{ODD}`")) {
                words.extend(accepted(&errors, &format!("/{field}/{word}`")));
            }
        }
        words.extend(found);
    }
    words.extend(accepted(&roll_up("convert", json!({ ODD: 1 })), "/convert`"));
    let custom = |json: Json| manifest(json!({ "v": 1, "custom": [json] }));
    words.extend(accepted(&custom(json!({ ODD: 1 })), "/custom/0`"));
    words.extend(accepted(&custom(json!({ "parts": [{ ODD: 1 }] })), "/parts/0`"));
    let inputs = accepted(&custom(json!({ "reads": [ODD] })), "/reads/0`");
    for word in inputs.iter().filter(|word| *word != "value") {
        let errors = custom(json!({ "reads": [{ word: { ODD: 1 } }] }));
        words.extend(accepted(&errors, &format!("/{word}`")));
    }
    words.extend(inputs);
    // Of the schema.
    let schema = |json: Json| {
        let mut document = json!({ "perennial_schema": 1 });
        document.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        Schema::from_json(&document.to_string()).unwrap_err().to_string()
    };
    words.extend(accepted(&schema(json!({ ODD: 1 })), "unknown field"));
    for (list, word) in [
        ("account_types", "nesting"),
        ("attributes", "type"),
        ("attributes", "system"),
        ("attributes", "case"),
        ("tables", "kind"),
    ] {
        words.extend(accepted(&schema(json!({ list: [{ ODD: 1 }] })), &format!("/{list}/0`")));
        words.extend(accepted(&schema(json!({ list: [{ word: ODD }] })), &format!("/{word}`")));
    }
    let status = |entry: Json| schema(json!({ "attributes": [{ "system": "status", "values": [entry] }] }));
    words.extend(accepted(&status(json!({ ODD: 1 })), "/values/0`"));
    words.extend(accepted(&status(json!({ "value": "x", "group": ODD })), "/group`"));
    assert!(words.len() > 110, "{}: {words:?}", words.len());
    let missing: Vec<&String> = words
        .iter()
        .filter(|word| !page.contains(&format!("`{word}`")) && !page.contains(&format!("\"{word}\"")))
        .collect();
    assert_eq!(missing, Vec::<&String>::new());
}

/// Who still reads what goes is told as that: never as a misspelt name, though a near one comes in the same edit.
#[test]
fn a_definition_that_goes_names_its_readers() {
    let text = r#"{ "v": 1,
        "attributes": [{ "name": "twice", "expression": "seats * 2" }, { "name": "more", "expression": "twice + 1" }],
        "metrics": [{ "name": "logins", "expression": "events(\"login\").count()" }],
        "roll_ups": [{ "name": "sum", "operator": { "sum": "twice" } }, { "name": "recent", "operator": { "sum": "metric(\"logins\").lastDays(7).sum()" } }],
        "past": [{ "name": "was", "of": "twice", "days_ago": 7 }],
        "segments": [{ "id": "big", "expression": "twice > 5" }, { "id": "bigger", "expression": "inSegment(\"big\") && sum > 9" }]
    }"#;
    let usage = UsageSchema::new([EventKind::new("login")]).unwrap();
    let all = Catalog::read([text]).unwrap();
    let catalog = Catalog::new(&schema(), &usage, all.clone()).unwrap();
    let attribute = perennial::catalog::DefinitionRef::attribute;
    let segment = perennial::catalog::DefinitionRef::segment;
    let twice = "calculated attribute `twice`: still read by calculated attribute `more`, past value `was`, roll-up `sum`, segment `big`";
    let near: Definition = perennial::catalog::CalculatedAttribute::new("twise", "seats * 2").into();
    let gone = |removed: Vec<_>, put: Vec<Definition>| catalog.edited(removed, put).unwrap_err().to_string();
    assert_eq!(gone(vec![attribute("twice")], vec![near.clone()]), twice);
    assert_eq!(gone(vec![segment("big")], vec![]), "segment `big`: still read by segment `bigger`");
    let logins = perennial::catalog::DefinitionRef::metric("logins");
    assert_eq!(gone(vec![logins], vec![]), "metric `logins`: still read by roll-up `recent`");
    // A reader that is edited and reads it still, and a fault that has nothing to do with it.
    let edited: Definition = perennial::catalog::CalculatedAttribute::new("more", "twice + 2").into();
    let wrong: Definition = perennial::catalog::CalculatedAttribute::new("wrong", "seatz").into();
    let told = gone(vec![attribute("twice")], vec![edited, wrong]);
    assert!(told.starts_with(twice), "{told}");
    assert!(told.contains("\ncalculated attribute `wrong`: E101") && told.lines().count() == 3, "{told}");
    // The same of a list that leaves it out.
    let without: Vec<Definition> =
        all.iter().filter(|of| of.id() != attribute("twice")).cloned().chain([near]).collect();
    assert_eq!(catalog.exactly(without.clone()).unwrap_err().to_string(), twice);
    let breaks = catalog.changes_to(without).breaks;
    assert_eq!(breaks.iter().map(ToString::to_string).collect::<Vec<_>>(), [twice]);
    // With its readers it goes.
    let readers = [attribute("more"), segment("big"), segment("bigger"), attribute("twice")];
    let others = ["sum"].map(perennial::catalog::DefinitionRef::roll_up);
    let past = perennial::catalog::DefinitionRef::past("was");
    assert!(catalog.edited(readers.into_iter().chain(others).chain([past]), []).is_ok());
}

/// The same of parts of the schema and of kinds of event, though others of near names come.
#[test]
fn a_part_of_the_schema_that_goes_is_told_by_its_readers() {
    let text = r#"{ "v": 1,
        "attributes": [{ "name": "twice", "expression": "seats * 2" }, { "name": "more", "expression": "twice + 1" }],
        "metrics": [{ "name": "logins", "expression": "events(\"login\").count()" }],
        "segments": [{ "id": "big", "expression": "seats > 5 || seats < 2" }]
    }"#;
    let usage = UsageSchema::new([EventKind::new("login")]).unwrap();
    let catalog = Catalog::new(&schema(), &usage, Catalog::read([text]).unwrap()).unwrap();
    let seats = perennial::SchemaPart::attribute("seats");
    let change =
        SchemaChange::new().remove(seats.clone()).attribute(Attribute::new("seat", AttributeType::Int));
    let told = catalog.evolve(&change).unwrap_err().to_string();
    assert_eq!(
        told,
        "calculated attribute `twice`: still reads what is removed: attribute `seats`\n\
         calculated attribute `more`: it reads the calculated attribute `twice`, which is at fault\n\
         segment `big`: still reads what is removed: attribute `seats`"
    );
    let change = SchemaChange::new().exactly_events(&UsageSchema::new([EventKind::new("logon")]).unwrap());
    let told = catalog.evolve(&change).unwrap_err().to_string();
    assert_eq!(told, "metric `logins`: still reads what is removed: event `login`");
    // A rename is none, and neither is another type.
    assert!(catalog.evolve(&SchemaChange::new().rename(seats, "seat")).is_ok());
    let retyped = SchemaChange::new().attribute(Attribute::new("seats", AttributeType::Text));
    assert!(catalog.evolve(&retyped).unwrap_err().to_string().contains("`twice`: E103"));
}

/// Many definitions with many faults each cost a read for each fault that is listed, and no more.
#[test]
fn documents_full_of_faults_are_read_few_times() {
    let fields: Vec<String> = (0..200).map(|at| format!("\"a{at}\":0")).collect();
    let metric = format!(r#"{{"name":"m","expression":"1",{}}}"#, fields.join(","));
    let text = format!(r#"{{"v":1,"metrics":[{}]}}"#, vec![metric; 400].join(","));
    let errors = Manifest::read(&text).unwrap_err();
    assert!(errors.to_string().contains("unknown field `a0`"), "{}", &errors.to_string()[..200]);
}

/// A field that is missing in a type with parts of another is told once.
#[test]
fn a_fault_that_cannot_be_mended_is_told_once() {
    let errors = read_json::<perennial::engine::DeltaReport>("{}").unwrap_err();
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let different: std::collections::BTreeSet<&String> = lines.iter().collect();
    assert_eq!(different.len(), lines.len(), "{lines:?}");
    assert!(!lines.is_empty());
}
