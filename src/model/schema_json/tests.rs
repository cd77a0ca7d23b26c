//! Do schema documents say what schemas say, and does every fault of one have its path?

use crate::model::limits::MAX_SCHEMA_BYTES;
use crate::model::{
    Attribute, AttributeType, CaseRule, ChildTable, Currency, EnumValues, Nesting, Schema, SchemaFaultKind,
    StatusGroup, SystemAttribute, TableKind,
};

/// A schema that uses everything.
fn full() -> Schema {
    let own = Attribute::new;
    let allowed = || EnumValues::new(["low", "mid", "high"]);
    let decorated = own("tier", AttributeType::Band(allowed()))
        .label("Tier \"A\"")
        .description("Which offer,\nin two lines")
        .unit("step")
        .dimension("Value")
        .case(CaseRule::Folded)
        .max_bytes(40)
        .applies_to(["Company", "Site"])
        .required_at(["Site"]);
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .label("Deals")
        .column(own("amount", AttributeType::MixedMoney { currency_column: "currency".into() }).required())
        .column(own("currency", AttributeType::Text).max_bytes(3))
        .column(own("phase", AttributeType::Enum(allowed())).case(CaseRule::Folded));
    let kinds =
        [TableKind::Users, TableKind::Contracts, TableKind::Events, TableKind::Tickets, TableKind::Custom];
    let mut builder = Schema::builder()
        .account_type("Company", Nesting::Ordered)
        .account_type("Région / Nord", Nesting::Free)
        .account_type("Site", Nesting::Free)
        .product("CRM")
        .product("Löhne & Gehälter")
        .attribute(own("first", AttributeType::Bool))
        .status([
            ("trial", StatusGroup::Free),
            ("live", StatusGroup::Paying),
            ("gone", StatusGroup::Cancelled),
        ])
        .contract_value(Currency::JPY)
        .attribute(own("scale 0", AttributeType::Decimal { scale: 0 }))
        .journey_stages(["onboarding", "adoption"])
        .attribute(own("amount", AttributeType::Money(Currency::EUR)).required())
        .attribute(decorated)
        .attribute(SystemAttribute::Name.attribute().unwrap().label("Called").required())
        .attribute(SystemAttribute::SuccessManager.attribute().unwrap().unit("person").applies_to(["Site"]));
    let plain = [
        ("an int", AttributeType::Int),
        ("a double", AttributeType::Double),
        ("a text", AttributeType::Text),
        ("a date", AttributeType::Date),
        ("an instant", AttributeType::Timestamp),
        ("a length", AttributeType::Duration),
        ("a list", AttributeType::List),
        ("a decimal", AttributeType::Decimal { scale: 9 }),
    ];
    for (name, kind) in plain {
        builder = builder.attribute(own(name, kind));
    }
    for which in
        SystemAttribute::ALL.into_iter().skip(2).filter(|which| *which != SystemAttribute::SuccessManager)
    {
        builder = builder.system(which);
    }
    for kind in kinds {
        builder = builder.table(ChildTable::new(&format!("{kind:?}"), kind));
    }
    builder.table(deals).build().unwrap()
}

fn faults(text: &str) -> String {
    Schema::from_json(text).expect_err("has faults").to_string()
}

#[test]
fn a_written_schema_reads_back() {
    let schema = full();
    let text = schema.to_json();
    let read = Schema::from_json(&text).unwrap();
    assert_eq!(read, schema);
    // Maps compare without regard to order, texts do not.
    assert_eq!(read.to_json(), text);
    assert_eq!(Schema::from_json_bytes(format!("\u{feff}{text}").as_bytes()).unwrap(), schema);
}

#[test]
fn licences_without_their_unit_read_back() {
    let own = Attribute::new("licenses", AttributeType::Int);
    let schema = Schema::builder().account_type("A", Nesting::Free).attribute(own).build().unwrap();
    assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
}

#[test]
fn a_small_schema_is_written_like_this() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .status([("live", StatusGroup::Paying)])
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)).required())
        .build()
        .unwrap();
    let expected = r#"{
  "perennial_schema": 1,
  "account_types": [
    {
      "name": "Company",
      "nesting": "free"
    }
  ],
  "attributes": [
    {
      "system": "status",
      "values": [
        {
          "value": "live",
          "group": "paying"
        }
      ]
    },
    {
      "name": "arr",
      "type": "money",
      "currency": "USD",
      "required": true
    }
  ]
}
"#;
    assert_eq!(schema.to_json(), expected);
}

#[test]
fn every_fault_is_reported_at_once() {
    let document = r#"{
        "perennial_schema": 1,
        "acount_types": [],
        "tables": [
            { "name": "deals", "kind": "deals", "columns": [
                { "name": "amount", "type": "mixed_money", "currency_column": "code" },
                { "name": "amount", "type": "int", "required": ["Company"] },
                { "system": "name" },
                7
            ] },
            { "name": "people", "kind": "users", "columns": [
                { "name": "fee", "type": "mixed_money", "currency_column": "code" }
            ] },
            { "name": "subtree", "kind": "custom" }
        ],
        "account_types": [
            { "name": "Company", "nesting": "nested" },
            { "name": "Site", "nesting": "free", "name": "Office" },
            { "name": "Site", "nesting": "free" }
        ],
        "products": ["CRM", 3, "CRM", ""],
        "attributes": [
            { "system": "status", "values": [
                { "value": "live", "group": "paid" }, "gone", { "value": "live", "group": "paying", "colour": 1 }
            ] },
            { "system": "nmae" },
            { "name": "arr", "type": "money", "currency": "usd", "lable": "ARR" },
            { "name": "tier", "type": "enum", "values": ["low", 5, "low"], "scale": 2 },
            { "name": "share", "type": "decimal", "scale": 300 },
            { "name": "score", "type": "decimal" },
            { "name": "arr", "type": "number", "max_bytes": -1 },
            { "type": "text", "label": null, "max_bytes": 0 },
            { "name": "note", "type": "text", "applies_to": ["Compny"], "required": [], "case": "lower" },
            { "system": "journey_stage", "values": ["a", "b", "a"], "name": "stage" },
            { "name": "band", "type": "band", "values": [] },
            { "name": "status", "type": "int", "required": "yes", "max_bytes": 1e9 }
        ]
    }"#;
    let expected = "\
unknown field `acount_types`; did you mean `account_types`?
at `/tables/0/kind`: unknown kind of table `deals`; allowed: users, contracts, opportunities, events, tickets, custom
at `/tables/0/columns/1`: columns of child tables apply to every account type
at `/tables/0/columns/1`: `amount` is declared twice
at `/tables/0/columns/2/system`: does not belong to a column of a child table
at `/tables/0/columns/3`: expected an object, found 7
at `/tables/1/columns/0`: currency column `code` is no text or enumeration column of this table
at `/tables/2`: missing field `columns`
at `/tables/2`: name `subtree` is reserved
at `/account_types/0/nesting`: unknown nesting `nested`; allowed: ordered, free
at `/account_types/1/name`: duplicate field
at `/account_types/2`: `Site` is declared twice
at `/products/1`: expected a text, found 3
at `/products/2`: `CRM` is declared twice
at `/products/3`: name is empty
at `/attributes/0/values/0/group`: unknown group `paid`; did you mean `paying`?
at `/attributes/0/values/1`: expected an object, found the text `gone`
at `/attributes/0/values/2`: unknown field `colour`; known: value, group
at `/attributes/0/values/2`: `live` is declared twice
at `/attributes/1/system`: unknown system attribute `nmae`; did you mean `name`?
at `/attributes/2`: unknown field `lable`; did you mean `label`?
at `/attributes/2/currency`: unknown currency `usd`; expected an ISO 4217 code such as `EUR`
at `/attributes/3/scale`: does not belong to type `enum`
at `/attributes/3/values/1`: expected a text, found 5
at `/attributes/3/values/2`: `low` is declared twice
at `/attributes/4/scale`: scale 300 is out of range; 0 to 9 digits after the point are possible
at `/attributes/5`: missing field `scale`
at `/attributes/6/type`: unknown type `number`; allowed: bool, int, decimal, money, double, text, date, \
timestamp, duration, enum, band, list, mixed_money
at `/attributes/6/max_bytes`: expected a whole number from 0, found -1
at `/attributes/6`: `arr` is declared twice
at `/attributes/7`: missing field `name`
at `/attributes/7/label`: expected a text, found null
at `/attributes/8/case`: unknown case rule `lower`; allowed: exact, folded
at `/attributes/8/required`: no account types; leave the field out or name some
at `/attributes/8/applies_to`: unknown account type `Compny`; known: Company, Site
at `/attributes/9/name`: does not belong to system attribute `journey_stage`
at `/attributes/9/values/2`: `a` is declared twice
at `/attributes/10/values`: no allowed values
at `/attributes/11/max_bytes`: expected a whole number from 0, found 1000000000.0
at `/attributes/11/required`: expected true or a list of account types, found the text `yes`
at `/attributes/11`: `status` is a system attribute of another type
at `/attributes/11`: `status` is declared twice";
    assert_eq!(faults(document), expected);
}

#[test]
fn parts_that_cannot_be_read_cause_no_further_faults() {
    let document = r#"{
        "perennial_schema": 1,
        "account_types": {},
        "attributes": [{ "name": "a", "type": "text", "applies_to": ["Company"] }]
    }"#;
    assert_eq!(faults(document), "at `/account_types`: expected a list, found an object");
}

#[test]
fn a_document_of_another_version_or_kind_is_refused() {
    let newer = r#"{ "perennial_schema": 2, "account_kinds": [] }"#;
    let text = "at `/perennial_schema`: unsupported version 2 (this release reads 1)";
    assert_eq!(faults(newer), text);
    assert_eq!(faults("[]"), "expected an object, found a list");
    let text = "missing field `perennial_schema`\n\
                at `/account_types`: no account types; declare at least one";
    assert_eq!(faults("{}"), text);
}

#[test]
fn text_that_is_no_json_is_one_fault_with_its_place() {
    let text = "document is not JSON at line 2, column 8: expected a value: an object, a list, a text in quotes, a number, \
                true, false or null, found `}`";
    assert_eq!(faults("{\n  \"a\": }"), text);
    let deep = "[".repeat(100_000);
    let text = "document is not JSON at line 1, column 128: nested deeper than 128 levels";
    assert_eq!(faults(&deep), text);
    assert_eq!(faults(&"{\"a\":".repeat(100_000)).lines().count(), 1);
    assert_eq!(faults("").lines().count(), 1);
    assert_eq!(faults("{} {}").lines().count(), 1);
    assert_eq!(faults(r#"{ "perennial_schema": 1e999 }"#).lines().count(), 1);
}

#[test]
fn large_numbers_are_out_of_range_and_no_crash() {
    for number in ["18446744073709551615", "18446744073709551616", "1e300", "-9223372036854775808", "2.5"] {
        let attribute =
            format!(r#"{{ "name": "a", "type": "decimal", "scale": {number}, "max_bytes": {number} }}"#);
        let head = r#""perennial_schema": 1, "account_types": [{ "name": "A", "nesting": "free" }]"#;
        let text = faults(&format!(r#"{{ {head}, "attributes": [{attribute}] }}"#));
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(Schema::from_json(&format!(r#"{{ "perennial_schema": {number} }}"#)).is_err());
    }
}

#[test]
fn numbers_that_serde_json_hands_over_as_text_are_numbers() {
    // With the feature `arbitrary_precision`, which another crate may switch on, every number looks so.
    let head = r#""account_types": [{ "name": "A", "nesting": "free" }]"#;
    let text = format!(r#"{{ "perennial_schema": {{ "$serde_json::private::Number": "1" }}, {head} }}"#);
    assert!(Schema::from_json(&text).is_ok());
}

#[test]
fn a_document_cut_anywhere_is_refused() {
    let text = full().to_json();
    let whole = text.trim_end().as_bytes();
    for end in 0..whole.len() {
        assert!(Schema::from_json_bytes(&whole[..end]).is_err(), "cut at {end}");
    }
    // Bytes changed anywhere give a schema or faults, never a crash.
    for place in 0..whole.len() {
        for byte in [b'"', b'{', b'0', b' ', 0xff] {
            let mut changed = whole.to_vec();
            changed[place] = byte;
            let _ = Schema::from_json_bytes(&changed);
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_a_fault() {
    let error = Schema::from_json_bytes(b"{\"a\": \"\xff\"}").unwrap_err();
    assert_eq!(error.faults()[0].kind(), &SchemaFaultKind::NotUtf8 { at: 7 });
}

#[test]
fn large_documents_and_many_faults_stay_within_limits() {
    let bytes = MAX_SCHEMA_BYTES + 1;
    let large = " ".repeat(bytes);
    let error = Schema::from_json(&large).unwrap_err();
    assert_eq!(error.faults()[0].kind(), &SchemaFaultKind::DocumentTooLarge { bytes });
    assert_eq!(Schema::from_json_bytes(large.as_bytes()).unwrap_err(), error);

    let many = format!(r#"{{ "perennial_schema": 1, "products": [{}0] }}"#, "0,".repeat(100_000));
    let error = Schema::from_json(&many).unwrap_err();
    assert_eq!((error.faults().len(), error.more()), (1_000, 99_002));
    assert_eq!(error.to_string().lines().last(), Some("and 99002 more"));
}

#[test]
fn repeated_values_are_a_fault_in_code_as_well() {
    let plan = Attribute::new("plan", AttributeType::Enum(EnumValues::new(["a", "b", "a"])));
    let columns = ChildTable::new("users", TableKind::Users).column(plan.clone());
    let builder = Schema::builder().account_type("A", Nesting::Free).attribute(plan).table(columns);
    let builder = builder.status([("x", StatusGroup::Free), ("x", StatusGroup::Paying)]);
    let text = "at `/attributes/0/values/2`: `a` is declared twice\n\
                at `/attributes/1/values/1`: `x` is declared twice\n\
                at `/tables/0/columns/0/values/2`: `a` is declared twice";
    assert_eq!(builder.build().unwrap_err().to_string(), text);
}
