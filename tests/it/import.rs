//! Queries of other tools: read as what they say, or refused where they cannot be, at their place; never wider, never
//! narrower.

use crate::common::config;
use perennial::expr::{Ast, Checker};
use perennial::segment::{Importer, NeededKind, TotangoTarget, export_react_querybuilder};
use perennial::{
    Attribute, AttributeType, ChildTable, Currency, EnumValues, Nesting, Schema, SystemAttribute, TableKind,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn schema() -> Schema {
    Schema::builder()
        .account_type("Client", Nesting::Free)
        .system(SystemAttribute::Name)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("rate", AttributeType::Double))
        .attribute(Attribute::new("active", AttributeType::Bool))
        .attribute(Attribute::new("renewal", AttributeType::Date))
        .attribute(Attribute::new("seen", AttributeType::Timestamp))
        .attribute(Attribute::new("tags", AttributeType::List))
        .attribute(Attribute::new("region", AttributeType::Enum(EnumValues::new(["EMEA", "APAC"]))))
        .product("CRM")
        .build()
        .unwrap()
}

// --- react-querybuilder ---------------------------------------------------------------------------

fn rqb(query: &Json) -> Result<String, Vec<String>> {
    let schema = schema();
    let read = Importer::new().with_names(&schema).react_querybuilder(query);
    read.map(|read| read.expression.to_string()).map_err(|errors| {
        errors.faults().iter().map(|fault| format!("{} {}", fault.path, fault.message)).collect()
    })
}

fn rule(field: &str, operator: &str, value: &Json) -> Json {
    json!({ "combinator": "and", "rules": [{ "field": field, "operator": operator, "value": value }] })
}

#[test]
fn every_operator_of_a_rule_is_read() {
    let read = |field: &str, operator: &str, value: Json| rqb(&rule(field, operator, &value)).unwrap();
    let all = [
        (read("seats", "=", json!(5)), "seats == 5"),
        (read("seats", "!=", json!("5")), "seats != 5"),
        (read("arr", "<", json!("10.50")), "arr < 10.5"),
        (read("arr", ">", json!(1e3)), "arr > 1000.0"),
        (read("rate", "<=", json!(0.25)), "rate <= 0.25"),
        (read("renewal", ">=", json!("2026-01-31")), "renewal >= date(\"2026-01-31\")"),
        (read("seen", "<", json!("2026-01-31")), "seen < date(\"2026-01-31\")"),
        (read("seen", "<", json!("2026-01-31T10:00:00Z")), "seen < timestamp(\"2026-01-31T10:00:00Z\")"),
        (read("active", "=", json!(true)), "active == true"),
        (read("active", "=", json!("false")), "active == false"),
        (read("name", "contains", json!("a")), "name.contains(\"a\")"),
        (read("name", "beginsWith", json!("a")), "name.startsWith(\"a\")"),
        (read("name", "endsWith", json!("a")), "name.endsWith(\"a\")"),
        (read("name", "doesNotContain", json!("a")), "!name.contains(\"a\")"),
        (read("name", "doesNotBeginWith", json!("a")), "!name.startsWith(\"a\")"),
        (read("name", "doesNotEndWith", json!("a")), "!name.endsWith(\"a\")"),
        (read("name", "null", json!(null)), "!has(name)"),
        (read("name", "notNull", json!(null)), "has(name)"),
        (read("region", "in", json!(["EMEA", "APAC"])), "region in [\"EMEA\", \"APAC\"]"),
        (read("name", "in", json!("a, b\\,c ,d")), "name in [\"a\", \"b,c\", \"d\"]"),
        (read("seats", "notIn", json!("1,2")), "!(seats in [1, 2])"),
        (read("seats", "between", json!([30, 10])), "seats >= 10 && seats <= 30"),
        (read("seats", "notBetween", json!("-10,10")), "seats < -10 || seats > 10"),
        (
            read("renewal", "between", json!(["2026-01-01", "2026-02-01"])),
            "renewal >= date(\"2026-01-01\") && renewal <= date(\"2026-02-01\")",
        ),
        (read("tags", "contains", json!("vip")), "\"vip\" in tags"),
        (read("tags", "doesNotContain", json!("vip")), "!(\"vip\" in tags)"),
        (read("unknown", "=", json!("x")), "unknown == \"x\""),
        (read("Success Manager", "=", json!("\" || true //")), "`Success Manager` == \"\\\" || true //\""),
        (read("name", "=", json!("\\")), "name == \"\\\\\""),
    ];
    for (found, wanted) in all {
        assert_eq!(found, wanted);
    }
}

#[test]
fn groups_nest_turn_and_stand_with_combinators_between() {
    let r = |field: &str| json!({ "field": field, "operator": "=", "value": 1 });
    let read = |query: Json| rqb(&query).unwrap();
    let nested = json!({ "combinator": "or", "not": true, "rules": [r("a"), { "combinator": "AND", "rules": [r("b"), r("c")] }] });
    assert_eq!(read(nested), "!(a == 1 || b == 1 && c == 1)");
    // As in SQL, `and` binds tighter.
    let between = json!({ "rules": [r("a"), "or", r("b"), "and", r("c"), "xor", r("d")] });
    assert_eq!(read(between), "a == 1 || (b == 1 && c == 1) != (d == 1)");
    let xor = json!({ "combinator": "xor", "rules": [r("a"), r("b"), r("c")] });
    assert_eq!(read(xor), "((a == 1) != (b == 1)) != (c == 1)");
    let muted = json!({ "combinator": "and", "rules": [r("a"), { "field": "b", "operator": "=", "value": 1, "muted": true }] });
    let schema = schema();
    let muted = Importer::new().with_names(&schema).react_querybuilder(&muted).unwrap();
    assert_eq!(muted.expression.to_string(), "a == 1");
    assert_eq!((muted.notes.len(), muted.notes[0].path.as_str()), (1, "/rules/1"));
    let empty = Importer::new().react_querybuilder(&json!({ "combinator": "and", "rules": [] })).unwrap();
    assert_eq!((empty.expression.to_string().as_str(), empty.notes.len()), ("true", 1));
    let turned = json!({ "combinator": "and", "rules": [{ "combinator": "or", "not": true, "rules": [r("a"), r("b")] }] });
    let turned = Importer::new().react_querybuilder(&turned).unwrap();
    let notes: Vec<String> =
        turned.notes.iter().map(|note| format!("{}: {}", note.path, note.message)).collect();
    assert_eq!(
        notes,
        ["/rules/0: a negated group leaves out accounts without a value that it asks for, as SQL does"]
    );
}

#[test]
fn match_modes_ask_the_items_of_a_list() {
    let read = |mode: &str, threshold: Json| {
        rqb(&json!({ "combinator": "and", "rules": [{
            "field": "tags", "operator": "=", "match": { "mode": mode, "threshold": threshold },
            "value": { "combinator": "and", "rules": [{ "field": "", "operator": "contains", "value": "S" }] },
        }] }))
    };
    let has = |found: Result<String, Vec<String>>, wanted: &str| assert_eq!(found.unwrap(), wanted);
    has(read("all", json!(null)), "tags.all(y, y.contains(\"S\"))");
    has(read("some", json!(null)), "tags.exists(y, y.contains(\"S\"))");
    has(read("none", json!(null)), "!tags.exists(y, y.contains(\"S\"))");
    has(read("atLeast", json!(2)), "size(tags.filter(y, y.contains(\"S\"))) >= 2");
    has(
        read("exactly", json!(0.5)),
        "double(size(tags.filter(y, y.contains(\"S\")))) == double(size(tags)) * 0.5",
    );
    assert_eq!(read("atMost", json!(1.5)).unwrap_err().len(), 1);
    assert_eq!(read("most", json!(1)).unwrap_err().len(), 1);
    assert_eq!(read("atLeast", json!(-1)).unwrap_err().len(), 1);
}

#[test]
fn what_a_rule_cannot_say_is_told_at_its_place() {
    let query = json!({ "combinator": "and", "rules": [
        { "field": "seats", "operator": "between", "value": [1, null] },
        { "field": "seats", "operator": "between", "value": [1] },
        { "field": "seats", "operator": "in", "value": [] },
        { "field": "seats", "operator": "=", "value": null },
        { "field": "seats", "operator": "=", "value": "many" },
        { "field": "seats", "operator": "equals", "value": 1 },
        { "field": "~", "operator": "~", "value": 1 },
        { "field": "", "operator": "=", "value": 1 },
        { "field": "renewal", "operator": "=", "value": "soon" },
        { "field": "seats", "operator": "=" },
        { "operator": "=" },
        { "combinator": "nor", "rules": [{ "field": "a", "operator": "=", "value": 1 }] },
        { "rules": [{ "field": "a", "operator": "=", "value": 1 }, { "field": "b", "operator": "=", "value": 1 }] },
        { "rules": [{ "field": "a", "operator": "=", "value": 1 }, "and"] },
        7,
        { "field": "a`b", "operator": "=", "value": 1 },
        { "field": "x", "operator": "expression", "value": "a >" },
        { "field": "seats", "operator": "=", "value": "name", "valueSource": "moon" },
    ] });
    let faults = rqb(&query).unwrap_err();
    let at: Vec<&str> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    assert_eq!(
        at,
        [
            "/rules/0/value/1",
            "/rules/1/value",
            "/rules/2/value",
            "/rules/3/value",
            "/rules/4/value",
            "/rules/5/operator",
            "/rules/6",
            "/rules/7/field",
            "/rules/8/value",
            "/rules/9",
            "/rules/10",
            "/rules/11/combinator",
            "/rules/12",
            "/rules/13",
            "/rules/14",
            "/rules/15/field",
            "/rules/16/value",
            "/rules/17/valueSource",
        ],
        "{faults:#?}"
    );
    let mut deep = json!({ "combinator": "and", "rules": [] });
    for _ in 0..200 {
        deep = json!({ "combinator": "and", "rules": [deep] });
    }
    assert!(rqb(&deep).unwrap_err()[0].contains("at most 64 deep"));
}

/// Expressions of all sorts, of which some are rules and others are not.
fn any_question() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "arr > 10.5",
        "seats == 5",
        "seats == 1.0",
        "rate == 1e30",
        "rate == 2.5e-30",
        "seats != -9007199254740993",
        "name == \"a\\\"b\\\\c\"",
        "name != other",
        "region in [\"EMEA\", \"APAC\"]",
        "seats in [1, 2]",
        "rate < 1e300",
        "rate >= 0.1",
        "has(name)",
        "parent.name == \"x\"",
        "`Success Manager` == \"kim\"",
        "`a.b` == 1",
        "name.startsWith(\"a\")",
        "name.contains(other)",
        "renewal < date(\"2026-01-31\")",
        "seen > timestamp(\"2026-01-31T10:00:00Z\")",
        "renewal.inNext(30, \"days\")",
        "descendants.exists(d, d.seats > 1)",
        "\"vip\" in tags",
        "true",
        "false",
        "active",
        "seats + 1 > 2",
        "5 < seats",
        "duration(\"36h\") > spent",
        "spent > duration(\"36h\")",
        "renewal in [date(\"2026-01-31\")]",
        "seats in [1, 2.5]",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" && "))),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" || "))),
                inner.clone().prop_map(|inner| format!("!({inner})")),
                (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            ]
        })
        .boxed()
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn what_is_exported_is_imported_as_the_same(text in any_question()) {
        let ast = Ast::parse(&text).unwrap();
        let query = export_react_querybuilder(&ast);
        let read = Importer::new().react_querybuilder(&query).unwrap();
        prop_assert_eq!(&read.expression, &ast, "{}\n{}", query, read.expression);
        // And so is what is written as text.
        let again: Json = serde_json::from_str(&query.to_string()).unwrap();
        prop_assert_eq!(&Importer::new().react_querybuilder(&again).unwrap().expression, &ast);
    }
}

#[test]
fn a_rule_whose_left_side_is_an_expression_is_refused() {
    let rule = |more: &str| {
        let mut rule = json!({ "field": "seats", "operator": "=", "value": 1 });
        rule[more] = json!({ "op": "upper", "args": ["name"] });
        rqb(&json!({ "combinator": "and", "rules": [rule] })).unwrap_err()
    };
    assert_eq!(rule("lhs"), ["/rules/0/lhs the left side of a rule is a field here, and no expression"]);
    assert_eq!(
        rule("valueFunction"),
        ["/rules/0/valueFunction `valueFunction` is not known here, and may change who matches"]
    );
    let told = |query: Json| rqb(&query).unwrap_err();
    assert_eq!(
        told(json!({ "combinator": "and", "rules": [], "nott": true })),
        ["/nott `nott` is not known here, and may change who matches; did you mean `not`?"]
    );
    let r = |more: Json| {
        let mut rule = json!({ "field": "seats", "operator": "=", "value": 1 });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "combinator": "and", "rules": [rule] })
    };
    assert_eq!(told(r(json!({ "valueSource": 5 }))).len(), 1);
    assert_eq!(
        told(r(json!({ "muted": "yes" }))),
        ["/rules/0/muted expected true or false, found the text `yes`"]
    );
    // What says nothing of who matches is passed over.
    let kept = r(
        json!({ "id": "r1", "path": [0], "disabled": true, "meta": { "colour": "red" }, "lhs": null, "valueSource": null }),
    );
    assert_eq!(rqb(&kept).unwrap(), "seats == 1");
}

#[test]
fn the_order_of_values_is_kept_where_the_query_is_meant_so() {
    let between = |operator: &str| rule("seats", operator, &json!([100, 0]));
    let read = |query: &Json| {
        let read = Importer::new().preserve_value_order().react_querybuilder(query).unwrap();
        read.expression.to_string()
    };
    assert_eq!(read(&between("between")), "seats >= 100 && seats <= 0");
    assert_eq!(read(&between("notBetween")), "seats < 100 || seats > 0");
    assert_eq!(rqb(&between("between")).unwrap(), "seats >= 0 && seats <= 100");
}

#[test]
fn texts_in_lists_are_trimmed_and_muted_groups_are_true() {
    assert_eq!(rqb(&rule("name", "in", &json!([" a ", "b\t"]))).unwrap(), "name in [\"a\", \"b\"]");
    assert_eq!(rqb(&rule("name", "=", &json!(" a "))).unwrap(), "name == \" a \"");
    assert_eq!(
        rqb(&rule("name", "between", &json!([" a", "b "]))).unwrap(),
        "name >= \"a\" && name <= \"b\""
    );
    let muted = || json!({ "field": "b", "operator": "=", "value": 1, "muted": true });
    let r = || json!({ "field": "a", "operator": "=", "value": 1 });
    let read = |query: Json| rqb(&query).unwrap();
    let group = |more: Json| json!({ "combinator": "or", "rules": [r(), more] });
    assert_eq!(read(group(json!({ "combinator": "and", "rules": [muted(), muted()] }))), "a == 1 || true");
    assert_eq!(
        read(group(json!({ "combinator": "and", "not": true, "rules": [muted()] }))),
        "a == 1 || true"
    );
    assert_eq!(read(group(json!({ "rules": [muted(), "and", muted()] }))), "a == 1 || true");
    // A group that is muted itself is left out; of a whole query that leaves everybody.
    assert_eq!(read(group(json!({ "combinator": "and", "muted": true, "rules": [r()] }))), "a == 1");
    assert_eq!(read(json!({ "combinator": "and", "rules": [muted()] })), "true");
    assert_eq!(read(json!({ "combinator": "and", "muted": true, "rules": [r()] })), "true");
}

// --- JSONLogic ------------------------------------------------------------------------------------

fn logic(rule: &Json) -> Result<String, Vec<String>> {
    let schema = schema();
    let read = Importer::new().with_names(&schema).json_logic(rule);
    read.map(|read| read.expression.to_string())
        .map_err(|errors| errors.faults().iter().map(|fault| fault.path.clone()).collect())
}

#[test]
fn rules_of_json_logic_are_read() {
    let all = [
        (json!({ "==": [{ "var": "name" }, null] }), "!has(name)"),
        (json!({ "!=": [null, { "var": "name" }] }), "has(name)"),
        (json!({ "in": [{ "var": "name" }, ["a", "b"]] }), "name in [\"a\", \"b\"]"),
        (json!({ "in": ["vip", { "var": "tags" }] }), "\"vip\" in tags"),
        (json!({ "in": ["vip", { "var": "name" }] }), "name.contains(\"vip\")"),
        (json!({ "/": [{ "var": "seats" }, 2] }), "ratio(seats, 2)"),
        (json!({ "!!": { "var": "active" } }), "isTrue(active)"),
        (json!({ "<": [1, { "var": "seats" }, 3] }), "1 < seats && seats < 3"),
        (json!({ "var": ["seats", 2] }), "coalesce(seats, 2)"),
        (
            json!({ "some": [{ "var": "tags" }, { "in": ["S", { "var": "" }] }] }),
            "tags.exists(x, x.contains(\"S\"))",
        ),
        (
            json!({ "all": [{ "var": "tags" }, { "==": [{ "var": "" }, "S"] }] }),
            "size(tags) > 0 && tags.all(x, x == \"S\")",
        ),
        (json!({ "if": [{ "var": "active" }, 1, { ">": [2, 1] }, 2, 3] }), "active ? 1 : 2 > 1 ? 2 : 3"),
    ];
    for (rule, wanted) in all {
        assert_eq!(logic(&rule).unwrap(), wanted, "{rule}");
    }
    let read = Importer::new().json_logic(&json!({ "<": [{ "var": "a" }, { "var": "b" }] })).unwrap();
    assert_eq!(
        read.names.iter().map(|name| (&*name.name, name.kind)).collect::<Vec<_>>(),
        [("a", NeededKind::Any), ("b", NeededKind::Any)]
    );
    assert_eq!(read.notes.len(), 1);
}

#[test]
fn what_has_no_counterpart_is_told_at_its_place() {
    let rule = json!({ "and": [
        { "merge": [1, 2] },
        { "in": ["a", { "var": "unknown" }] },
        { "<": [1] },
        { "var": 3 },
        { "var": "" },
        null,
        { "a": 1, "b": 2 },
        { "==": [{ "substr": ["x", 1] }, "x"] },
        { "if": [true, 1] },
        { "+": ["3.14"] },
        [1, { "var": "a" }],
        { "in": ["x", []] },
    ] });
    assert_eq!(
        logic(&rule).unwrap_err(),
        [
            "/and/0",
            "/and/1/in/1",
            "/and/2/<",
            "/and/3/var",
            "/and/4/var",
            "/and/5",
            "/and/6",
            "/and/7/==/0",
            "/and/8/if",
            "/and/9/+/0",
            "/and/10/1",
            "/and/11/in/1",
        ]
    );
    let mut deep = json!(true);
    for _ in 0..100 {
        deep = json!({ "!": [deep] });
    }
    assert_eq!(logic(&deep).unwrap_err().len(), 1);
}

#[test]
fn an_operation_that_is_not_known_is_never_proposed_for_itself() {
    let said = |name: &str| {
        let rule = json!({ name: [] });
        let errors = Importer::new().json_logic(&rule).unwrap_err();
        errors.faults().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said("missing"), "`missing` has no counterpart here");
    for name in ["==", "===", "!", "or", "if", "in", "cat", "filter", "some", "missing_some", "merge", "log"]
    {
        let said = said(name);
        assert!(!said.contains(&format!("did you mean `{name}`")), "{said}");
    }
}

#[test]
fn types_decide_what_a_constant_of_a_rule_is() {
    let renewal = || json!({ "var": "renewal" });
    let all = [
        (json!({ ">=": [renewal(), "2022-09-22"] }), "renewal >= date(\"2022-09-22\")"),
        (json!({ "==": ["2022-09-22", renewal()] }), "date(\"2022-09-22\") == renewal"),
        (json!({ "===": [renewal(), "2022-09-22"] }), "renewal == date(\"2022-09-22\")"),
        (
            json!({ "<": ["2022-01-01", renewal(), "2023-01-01"] }),
            "date(\"2022-01-01\") < renewal && renewal < date(\"2023-01-01\")",
        ),
        (json!({ "in": [renewal(), ["2022-09-22"]] }), "renewal in [date(\"2022-09-22\")]"),
        (
            json!({ "<": [{ "var": ["renewal", "2022-01-01"] }, "2023-01-01"] }),
            "coalesce(renewal, date(\"2022-01-01\")) < date(\"2023-01-01\")",
        ),
        (
            json!({ "<": [{ "var": "parent.renewal" }, "2023-01-01"] }),
            "parent.renewal < date(\"2023-01-01\")",
        ),
        (
            json!({ "<": [{ "var": "seen" }, "2022-09-22T10:00:00Z"] }),
            "seen < timestamp(\"2022-09-22T10:00:00Z\")",
        ),
        (json!({ ">": [{ "var": "seats" }, "15"] }), "seats > 15"),
        (json!({ "==": [{ "var": "region" }, "EMEA"] }), "region == \"EMEA\""),
        (json!({ "==": [{ "var": "name" }, "15"] }), "name == \"15\""),
        // A choice is of the type of what it gives, and its constants are, too.
        (
            json!({ "<": [{ "if": [{ "var": "active" }, renewal(), "2022-01-01"] }, "2023-01-01"] }),
            "(active ? renewal : date(\"2022-01-01\")) < date(\"2023-01-01\")",
        ),
        (
            json!({ "<": [renewal(), { "if": [{ "var": "active" }, "2022-01-01", { "var": "active" }, "2023-01-01", "2024-01-01"] }] }),
            "renewal < (active ? date(\"2022-01-01\") : active ? date(\"2023-01-01\") : date(\"2024-01-01\"))",
        ),
        // What is computed of numbers is a number.
        (json!({ "==": [{ "+": [{ "var": "seats" }, 1] }, "5"] }), "seats + 1 == 5"),
        (json!({ ">": ["2.5", { "/": [{ "var": "seats" }, 2] }] }), "2.5 > ratio(seats, 2)"),
    ];
    let schema = schema();
    for (rule, wanted) in all {
        let read = Importer::new().with_names(&schema).json_logic(&rule).unwrap();
        assert_eq!(read.expression.to_string(), wanted, "{rule}");
        assert!(Checker::new(&schema).check_ast_predicate(read.expression).is_ok(), "{rule}");
    }
    for (rule, at) in [
        (json!({ ">=": [renewal(), "soon"] }), "/>=/1"),
        (json!({ "===": [{ "var": "seats" }, "15"] }), "/===/1"),
        (json!({ "in": [{ "var": "seats" }, ["15"]] }), "/in/1/0"),
        (json!({ "==": [{ "var": "active" }, 1] }), "/==/1"),
        // To JavaScript no text is true: not even this one.
        (json!({ "==": [{ "var": "active" }, "true"] }), "/==/1"),
        (json!({ "==": [{ "+": [{ "var": "seats" }, 1] }, "x"] }), "/==/1"),
        (json!({ "if": [{ "var": "active" }, renewal(), "soon"] }), "/if"),
        (json!({ ">": [{ "if": [{ "var": "active" }, { "var": "seats" }, "5"] }, 4] }), "/>/0/if"),
        (json!({ "==": [{ "var": "name" }, 15] }), "/==/1"),
    ] {
        assert_eq!(logic(&rule).unwrap_err(), [at], "{rule}");
    }
    // Without names, a value is of the type that it is written with.
    let bare = Importer::new().json_logic(&json!({ ">=": [renewal(), "2022-09-22"] })).unwrap();
    assert_eq!(bare.expression.to_string(), "renewal >= \"2022-09-22\"");
}

#[test]
fn operations_on_the_wrong_types_are_refused_or_converted() {
    for (rule, at) in [
        (json!({ "+": ["1", "2"] }), vec!["/+/0", "/+/1"]),
        (json!({ "+": [1, "2"] }), vec!["/+/1"]),
        (json!({ "-": ["3", 1] }), vec!["/-/0"]),
        (json!({ "*": [2, "2"] }), vec!["/*/1"]),
        (json!({ "%": ["5", 2] }), vec!["/%/0"]),
        (json!({ "max": ["10", "9"] }), vec!["/max/0", "/max/1"]),
        (json!({ "min": [{ "var": "name" }, 9] }), vec!["/min/0"]),
        (json!({ "+": [{ "var": "name" }, { "var": "name" }] }), vec!["/+/0", "/+/1"]),
        (json!({ "-": [{ "var": "renewal" }, { "var": "renewal" }] }), vec!["/-/0", "/-/1"]),
        (json!({ "and": 5 }), vec!["/and"]),
        (json!({ "and": [true, "x"] }), vec!["/and/1"]),
        (json!({ "or": [{ "var": "seats" }, false] }), vec!["/or/0"]),
        (json!({ "!": 0 }), vec!["/!"]),
        (json!({ "!!": ["0"] }), vec!["/!!/0"]),
        (json!({ "if": [{ "var": "seats" }, 1, 2] }), vec!["/if/0"]),
        (json!({ "filter": [{ "var": "tags" }, 1] }), vec!["/filter/1"]),
        (json!({ "cat": [{ "var": "seats" }, "x"] }), vec!["/cat/0"]),
        (json!({ "cat": [[1], "x"] }), vec!["/cat/0"]),
    ] {
        assert_eq!(logic(&rule).unwrap_err(), at, "{rule}");
    }
    for (rule, wanted) in [
        (json!({ "cat": [1, 2] }), "\"1\" + \"2\""),
        (json!({ "cat": [1.0, true, 2.5] }), "\"1\" + \"true\" + \"2.5\""),
        (json!({ "cat": ["a", { "var": "name" }] }), "\"a\" + name"),
        (json!({ "+": [{ "var": "seats" }, 1] }), "seats + 1"),
        (json!({ "max": [{ "var": "seats" }, 1] }), "math.greatest(seats, 1)"),
        (json!({ "and": [{ "var": "active" }] }), "active"),
    ] {
        assert_eq!(logic(&rule).unwrap(), wanted, "{rule}");
    }
    // What is not known is written so that the checker refuses what the other tool would take for something else.
    let bare = |rule: Json| Importer::new().json_logic(&rule).unwrap().expression.to_string();
    let pair = || json!([{ "var": "a" }, { "var": "b" }]);
    assert_eq!(bare(json!({ "+": pair() })), "0 + a + b");
    assert_eq!(bare(json!({ "cat": pair() })), "\"\" + a + b");
    assert_eq!(bare(json!({ "and": [{ "var": "a" }] })), "a && true");
    assert_eq!(bare(json!({ "or": { "var": "a" } })), "a || false");
    let schema = schema();
    for text in [
        "0 + name + name",
        "\"\" + seats + seats",
        "seats && true",
        "math.greatest(\"a\", \"b\")",
        "math.least(name, name)",
    ] {
        assert!(Checker::new(&schema).check(text).is_err(), "{text}");
    }
    assert!(Checker::new(&schema).check("math.greatest(renewal, today())").is_ok());
}

// --- Totango --------------------------------------------------------------------------------------

fn accounts(terms: &Json) -> Result<String, Vec<String>> {
    let schema = schema();
    let read =
        Importer::new().with_names(&schema).totango("/api/v1/search/accounts", &json!({ "terms": terms }));
    read.map(|read| read.expression.to_string())
        .map_err(|errors| errors.faults().iter().map(|fault| fault.path.clone()).collect())
}

#[test]
fn terms_are_read() {
    let all = [
        (
            json!({ "type": "string", "term": "status_group", "in_list": ["paying"] }),
            "status_group in [\"paying\"]",
        ),
        (
            json!({ "type": "string_attribute", "attribute": "Region", "not_in_list": ["x"] }),
            "!(Region in [\"x\"])",
        ),
        (
            json!({ "type": "string", "term": "search_name", "contains": "Acme" }),
            "name.containsFold(\"Acme\")",
        ),
        (json!({ "type": "string_attribute", "attribute": "region", "exists": "false" }), "!has(region)"),
        (json!({ "type": "string", "term": "identifier", "eq": "acc-1" }), "id == \"acc-1\""),
        (json!({ "type": "number", "term": "score", "eq": 0 }), "engagement_score == 0"),
        (
            json!({ "type": "number_attribute", "attribute": "seats", "gte": 1, "lt": 9 }),
            "seats >= 1 && seats < 9",
        ),
        (
            json!({ "type": "named_aggregation", "aggregation": "unique_users", "duration": 14, "gt": 3 }),
            "unique_users_14d > 3",
        ),
        (
            json!({ "type": "simple_date_attribute", "attribute": "renewal", "joker": "yesterday" }),
            "renewal == daysAgo(1)",
        ),
        (
            json!({ "type": "simple_date_attribute", "attribute": "renewal", "joker": "last_30_days" }),
            "renewal.inLast(30, \"days\")",
        ),
        (
            json!({ "type": "date_attribute", "attribute": "renewal", "gt": 1_587_859_200_000_i64 }),
            "renewal > date(\"2020-04-26\")",
        ),
        (
            json!({ "type": "date", "term": "last_activity_time", "lte": 1_688_567_961_000_i64 }),
            "last_activity_time <= timestamp(\"2023-07-05T14:39:21Z\")",
        ),
        (json!({ "type": "date", "term": "seen", "joker": "more_than_90_days_ago" }), "seen < daysAgo(90)"),
        (
            json!({ "type": "date", "term": "seen", "joker": "this_quarter" }),
            "seen >= startOf(\"quarter\", 0) && seen <= endOf(\"quarter\", 0)",
        ),
        (
            json!({ "type": "active_list", "is_in_one_of": [10, "11"] }),
            "inSegment(\"10\") || inSegment(\"11\")",
        ),
        (json!({ "type": "active_list", "is_not_in": [10] }), "!inSegment(\"10\")"),
        (json!({ "type": "products", "direct": false, "in_list": ["CRM"] }), "owns(\"CRM\")"),
        (json!({ "type": "products", "direct": "false", "in_list": ["CRM"] }), "owns(\"CRM\")"),
        (
            json!({ "type": "products", "in_list": ["CRM"] }),
            "isTrue(product == \"CRM\" || children.exists(c, c.product == \"CRM\"))",
        ),
        (
            json!({ "type": "list_attribute", "attribute": "tags", "in_list": ["a", "b"] }),
            "tags.containsAny([\"a\", \"b\"])",
        ),
        (
            json!({ "type": "lifecycle_attribute_stage_by_id", "attribute": "Stage", "not_in_list": ["8", 1] }),
            "!(Stage in [\"8\", \"1\"])",
        ),
        (
            json!({ "type": "or", "or": [{ "type": "number", "term": "contract_value", "gt": 5 }, { "type": "totango_user_scope", "is_one_of": ["a@b.c"] }] }),
            "contract_value > 5 || success_manager in [\"a@b.c\"]",
        ),
    ];
    for (term, wanted) in all {
        assert_eq!(accounts(&json!([term])).unwrap(), wanted, "{term}");
    }
    assert_eq!(accounts(&json!([])).unwrap(), "true");
}

#[test]
fn terms_that_cannot_be_read_are_told_at_their_place() {
    let terms = json!([
        { "type": "strng", "term": "status" },
        { "type": "string", "term": "status" },
        { "type": "string", "term": "status", "inlist": ["x"] },
        { "type": "string", "term": "status", "in_list": [] },
        { "type": "string", "in_list": ["x"] },
        { "type": "number", "term": "score", "eq": "many" },
        { "type": "date", "term": "seen", "joker": "some_day" },
        { "type": "simple_date_attribute", "attribute": "renewal", "eq": 1_587_859_200_001_i64 },
        { "type": "simple_date_attribute", "attribute": "renewal", "joker": "between_next_9_and_3_days" },
        { "type": "event_property", "name": "event_type", "eq": "note" },
        { "type": "parent_account", "terms": [] },
        { "type": "or", "or": [] },
        { "type": "active_list" },
        { "type": "string_attribute", "attribute": "region", "exists": "maybe" },
        "term",
        { "type": "or", "or": [{ "type": "number", "term": "score", "eq": [] }, 5] },
        { "type": "date", "term": "seen", "gt": i64::MAX },
        { "type": "products", "direct": 0, "in_list": ["CRM"] },
        { "type": "activity_aggregation", "activity": "a", "duration": 7, "module": 3, "gt": 1 },
    ]);
    assert_eq!(
        accounts(&terms).unwrap_err(),
        [
            "/terms/0/type",
            "/terms/1",
            "/terms/2/inlist",
            "/terms/3/in_list",
            "/terms/4",
            "/terms/5/eq",
            "/terms/6/joker",
            "/terms/7/eq",
            "/terms/8/joker",
            "/terms/9",
            "/terms/10",
            "/terms/11/or",
            "/terms/12",
            "/terms/13/exists",
            "/terms/14",
            "/terms/15/or/0/eq",
            "/terms/15/or/1",
            "/terms/16/gt",
            "/terms/17/direct",
            "/terms/18/module",
        ]
    );
}

#[test]
fn users_are_rows_of_the_accounts_that_match() {
    let query = json!({ "terms": [
        { "type": "parent_account", "terms": [{ "type": "string", "term": "status_group", "in_list": ["paying"] }] },
        { "type": "or", "or": [{ "type": "string", "term": "identifier", "eq": "joe" }, { "type": "string_attribute", "attribute": "Alternate Email", "eq": "joe@x" }] },
    ], "fields": [{ "type": "date", "term": "last_activity_time", "field_display_name": "Last activity ", "desc": true }],
       "parent_account_fields": [{ "type": "number_attribute", "attribute": "Contract Value" }],
       "count": 500_000, "offset": 3, "sort_by": "display_name", "sort_order": "DESC", "extra": 1 });
    let read = Importer::new()
        .rename("users", "people")
        .totango("https://api.totango.com/api/v1/search/users", &query)
        .unwrap();
    assert_eq!(read.target, TotangoTarget::Users);
    assert_eq!(
        read.expression.to_string(),
        "status_group in [\"paying\"] && people.exists(u, u.identifier == \"joe\" || u.`Alternate Email` == \"joe@x\")"
    );
    assert_eq!(
        read.rows.as_ref().unwrap().to_string(),
        "people.exists(u, u.identifier == \"joe\" || u.`Alternate Email` == \"joe@x\")"
    );
    let columns: Vec<(String, String, bool)> = read
        .columns
        .iter()
        .map(|column| (column.label.to_string(), column.value.to_string(), column.of_account))
        .collect();
    assert_eq!(
        columns,
        [
            ("Last activity".to_owned(), "u.last_activity_time".to_owned(), false),
            ("Contract Value".to_owned(), "contract_value".to_owned(), true),
        ]
    );
    let (by, descending) = read.sort.clone().unwrap();
    assert_eq!((by.to_string().as_str(), descending, read.count, read.offset), ("name", true, 1_000, 3));
    assert_eq!(read.notes.iter().map(|note| note.path.as_str()).collect::<Vec<_>>(), ["", "/count"]);
    let of_rows: Vec<&str> =
        read.names.iter().filter(|name| name.table.is_some()).map(|name| &*name.name).collect();
    assert_eq!(of_rows, ["identifier", "Alternate Email", "last_activity_time"]);
    assert_eq!(read.to_query().columns().len(), 1);
}

#[test]
fn a_query_for_users_asks_that_there_are_users() {
    let of_account =
        json!({ "type": "parent_account", "terms": [{ "type": "number", "term": "score", "gt": 5 }] });
    let read = |terms: Json| Importer::new().totango("users", &json!({ "terms": terms })).unwrap();
    assert_eq!(read(json!([of_account])).expression.to_string(), "engagement_score > 5 && users.count() > 0");
    let all = read(json!([]));
    assert_eq!((all.expression.to_string().as_str(), &all.rows), ("users.count() > 0", &None));
    // It means something where there is such a table.
    let users = ChildTable::new("users", TableKind::Users);
    let schema = Schema::builder().account_type("Client", Nesting::Free).table(users).build().unwrap();
    assert!(Checker::new(&schema).check_ast_predicate(all.expression).is_ok());
}

#[test]
fn saved_segments_that_a_query_needs_are_among_its_names() {
    let terms = json!([
        { "type": "active_list", "is_in_one_of": [10, "11"] },
        { "type": "string", "term": "10", "eq": "x" },
        { "type": "active_list", "is_not_in": [11] },
    ]);
    let read = Importer::new().totango("accounts", &json!({ "terms": terms })).unwrap();
    let names: Vec<(&str, NeededKind, &str)> =
        read.names.iter().map(|name| (&*name.name, name.kind, name.path.as_str())).collect();
    assert_eq!(
        names,
        [
            ("10", NeededKind::Segment, "/terms/0/is_in_one_of/0"),
            ("11", NeededKind::Segment, "/terms/0/is_in_one_of/1"),
            ("10", NeededKind::Text, "/terms/1"),
        ]
    );
    let text = serde_json::to_string(&read.names[0]).unwrap();
    assert!(text.contains("\"kind\":\"segment\""), "{text}");
}

#[test]
fn events_and_tasks_are_out_of_scope_by_name() {
    for (path, word) in
        [("/api/v2/events/search", "events"), ("/api/v3/tasks/export/csv", "tasks"), ("/api/v9/x", "no path")]
    {
        let errors = Importer::new().totango(path, &json!({ "terms": [] })).unwrap_err();
        assert!(errors.to_string().contains(word), "{errors}");
    }
    for query in [
        json!({}),
        json!([]),
        json!({ "terms": 1 }),
        json!({ "terms": [], "sort_order": "up" }),
        json!({ "terms": [], "count": -1 }),
        json!({ "terms": [], "scope": "mine" }),
    ] {
        assert!(Importer::new().totango("accounts", &query).is_err(), "{query}");
    }
}

#[test]
fn text_that_is_no_json_is_told_why() {
    let told = |text: &str| Importer::parse(text).unwrap_err().to_string();
    assert!(told("{\"metric\"\"sum__contract_value\"}").contains("a colon is missing"));
    assert!(told("{\"type\":\"date\",”term\":\"x\"}").contains("typographic"));
    assert!(told("{'terms':[]}").contains("JSON quotes with \" and not with '"));
    assert!(told("{\"a\":1,}").contains("a comma follows the last item"));
    assert!(told("").contains("line"));
    assert!(Importer::parse("{\"terms\":[]}").is_ok());
    // A map would keep the last of the two, and ask something else.
    let twice = Importer::parse("{\"terms\":[{\"type\":\"number\",\"term\":\"score\",\"eq\":1,\"eq\":2}]}")
        .unwrap_err();
    assert_eq!(twice.to_string(), "at `/terms/0/eq`: duplicate field");
}

// --- Salesforce -----------------------------------------------------------------------------------

#[test]
fn relative_days_of_salesforce_are_ranges_of_days() {
    let read = |text: &str| Importer::new().date_condition(text).map(|read| read.expression.to_string());
    let all = [
        ("d = TODAY", "d == today()"),
        ("d != yesterday", "d != daysAgo(1)"),
        ("d = TOMORROW", "d == daysFromNow(1)"),
        ("d = LAST_WEEK", "d >= startOf(\"week\", -1) && d <= endOf(\"week\", -1)"),
        ("d > THIS_MONTH", "d > endOf(\"month\", 0)"),
        ("d <= NEXT_YEAR", "d <= endOf(\"year\", 1)"),
        ("d >= LAST_N_QUARTERS:2", "d >= startOf(\"quarter\", -2)"),
        ("d = NEXT_N_FISCAL_YEARS:2", "d >= startOf(\"fiscal_year\", 1) && d <= endOf(\"fiscal_year\", 2)"),
        ("d = N_DAYS_AGO:5", "d == daysAgo(5)"),
        ("d = N_WEEKS_AGO:5", "d >= startOf(\"week\", -5) && d <= endOf(\"week\", -5)"),
        ("d = LAST_90_DAYS", "d >= daysAgo(90) && d <= today()"),
        ("d <> NEXT_N_DAYS:7", "d < daysFromNow(1) || d > daysFromNow(7)"),
        (
            "d = NEXT_FISCAL_QUARTER",
            "d >= startOf(\"fiscal_quarter\", 1) && d <= endOf(\"fiscal_quarter\", 1)",
        ),
    ];
    for (text, wanted) in all {
        assert_eq!(read(text).unwrap(), wanted, "{text}");
    }
    for text in [
        "d = SOON",
        "d = LAST_N_DAYS",
        "d = LAST_N_DAYS:0",
        "d = LAST_N_DAYS:x",
        "d LIKE TODAY",
        "= TODAY",
        "d = LAST_DAY",
        "d = THIS_DAY",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

/// A choice of many in the last arm of a choice of many: the whole chain is counted, and nothing is read or dropped as deep as
/// it nests.
#[test]
fn choices_in_choices_nest_as_deep_as_the_whole_chain() {
    let question = serde_json::json!({ ">": [{ "var": "seats" }, 1] });
    let chain = |many: usize, last: serde_json::Value| {
        let mut arguments: Vec<serde_json::Value> = Vec::new();
        for _ in 0..many {
            arguments.extend([question.clone(), serde_json::json!(1)]);
        }
        arguments.push(last);
        serde_json::json!({ "if": arguments })
    };
    let rule = |choice: serde_json::Value| serde_json::json!({ "==": [choice, 1] });
    let read = |rule: serde_json::Value| Importer::new().json_logic(&rule);
    assert!(read(rule(chain(60, serde_json::json!(2)))).is_ok());
    assert!(read(rule(chain(30, chain(28, serde_json::json!(2))))).is_ok());
    let deep = (0..50).fold(serde_json::json!(2), |last, _| chain(60, last));
    let errors = read(rule(deep)).unwrap_err().to_string();
    assert!(errors.contains("rules nest at most 64 deep"), "{errors}");
}
