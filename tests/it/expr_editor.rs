//! What an editor is told while a text is written.

use perennial::expr::{Checker, CompletionKind};
use perennial::{Attribute, AttributeType, ChildTable, Currency, EnumValues, Nesting, Schema, TableKind};

fn schema() -> Schema {
    let score = Attribute::new("health_score", AttributeType::Double)
        .label("Health")
        .description("From 0 to 100, higher is better.")
        .unit("points");
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Region", Nesting::Free)
        .product("CRM")
        .attribute(Attribute::new("name", AttributeType::Text))
        .attribute(score)
        .attribute(Attribute::new("region", AttributeType::Enum(EnumValues::new(["EMEA", "APAC"]))))
        .attribute(Attribute::new("renewal_date", AttributeType::Date))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("expansion", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("tags", AttributeType::List))
        .table(
            ChildTable::new("contracts", TableKind::Contracts)
                .column(Attribute::new("end_date", AttributeType::Date))
                .column(Attribute::new("amount", AttributeType::Money(Currency::EUR)))
                .column(Attribute::new("currency", AttributeType::Text))
                .column(Attribute::new(
                    "fee",
                    AttributeType::MixedMoney { currency_column: "currency".into() },
                )),
        )
        .build()
        .unwrap()
}

/// Completions at `|`, and the part that they replace.
fn at(text: &str) -> (Vec<String>, String) {
    let cursor = text.find('|').unwrap();
    let text = text.replacen('|', "", 1);
    let schema = schema();
    let found = Checker::new(&schema).completions(&text, cursor);
    (found.items.iter().map(|item| item.text.to_string()).collect(), found.replaces.text(&text).to_owned())
}

#[test]
fn completions_are_what_may_stand_there() {
    for (text, first, holds, not) in [
        (
            "|",
            "name",
            &["arr", "contracts", "descendants", "parent", "has", "today"][..],
            &["contains", "end_date"][..],
        ),
        ("re|", "region", &["renewal_date"], &["arr", "root"]),
        ("arr > 5 && he|", "health_score", &[], &["arr"]),
        ("region == |", "\"EMEA\"", &["\"APAC\"", "region"], &[]),
        ("region == \"A|", "\"APAC\"", &[], &["\"EMEA\""]),
        ("arr > |", "arr", &["expansion", "name"], &[]),
        ("renewal_date.|", "inLast", &["inNext", "during", "getFullYear"], &["contains", "arr"]),
        ("renewal_date.add|", "addMonths", &[], &["inLast"]),
        ("arr.|", "convertTo", &["convertAt", "convertAtPlan"], &["ifCurrency", "contains"]),
        ("arr.convertTo(\"EU|", "\"EUR\"", &[], &["\"USD\""]),
        // Withdrawn currencies are understood and not proposed.
        ("arr.convertTo(\"B|", "\"BAM\"", &["\"BRL\""], &["\"BGN\"", "\"BEF\""]),
        ("contracts.sum(c, c.fee.|", "ifCurrency", &["convertTo"], &["contains"]),
        ("contracts.sum(c, c.fee.ifCurrency(\"JP|", "\"JPY\"", &[], &["\"EUR\""]),
        // Of rows that are filtered to one currency, the amounts are money of it.
        ("contracts.filter(c, c.currency == \"EUR\").sum(c, c.fee.|", "convertTo", &[], &["ifCurrency"]),
        ("name.st|", "startsWith", &["startsWithFold"], &["contains"]),
        ("tags.|", "containsAll", &["exists", "map"], &["sum"]),
        ("parent.|", "name", &["arr", "children", "owns", "level"], &["exists", "end_date"]),
        ("parent.na|", "name", &[], &["arr"]),
        ("descendants.|", "exists", &["sum", "filter", "count"], &["map", "at", "name"]),
        ("lineage.|", "exists", &["at", "level"], &[]),
        ("lineage.at(|", "\"Company\"", &["\"Region\""], &["name"]),
        ("lineage.at(\"Region\").|", "name", &["arr"], &[]),
        ("owns(|", "\"CRM\"", &[], &["name"]),
        ("renewal_date.during(|", "\"this_day\"", &["\"last_quarter\"", "\"next_fiscal_year\""], &[]),
        ("renewal_date.inLast(30, |", "\"days\"", &["\"months\""], &[]),
        ("contracts.|", "exists", &["count", "sum"], &["amount"]),
        ("contracts.exists(c, c.|", "end_date", &["amount"], &["name", "arr"]),
        ("contracts.exists(c, c.amount > 5 && |", "c", &["arr"], &[]),
        ("children.exists(d, d.|", "name", &["health_score", "children"], &["end_date"]),
        ("children.exists(d, d.contracts.exists(c, c.e|", "end_date", &[], &["amount"]),
        ("children.exists(d, d.name.|", "contains", &[], &["arr"]),
        ("(arr + 5).|", "", &[], &["contains"]),
    ] {
        let (items, _) = at(text);
        assert_eq!(items.first().map_or("", String::as_str), first, "{text}: {items:?}");
        for wanted in holds {
            assert!(items.iter().any(|item| item == wanted), "{text} lacks {wanted}: {items:?}");
        }
        for unwanted in not {
            assert!(!items.iter().any(|item| item == unwanted), "{text} has {unwanted}: {items:?}");
        }
    }
    // Behind an operand an operator stands.
    for text in ["arr |", "arr > 5 |", "(arr > 5) |"] {
        assert!(at(text).0.is_empty(), "{text}");
    }
}

#[test]
fn a_completion_replaces_the_word_it_stands_in() {
    assert_eq!(at("arr > 5 && re|gion").1, "region");
    assert_eq!(at("region == \"E|").1, "\"E");
    assert_eq!(at("parent.|").1, "");
    let schema = schema();
    let found = Checker::new(&schema).completions("hea", 3);
    let score = found.items.first().unwrap();
    assert_eq!((score.kind, score.detail.as_str()), (CompletionKind::Name, "double"));
    assert_eq!(score.documentation.as_deref(), Some("From 0 to 100, higher is better."));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["items"][0]["kind"], "name");
}

#[test]
fn hover_says_what_a_word_means() {
    let schema = schema();
    let checker = Checker::new(&schema);
    let hover = |text: &str| {
        let at = text.find('|').unwrap();
        checker.hover(&text.replacen('|', "", 1), at)
    };
    let score = hover("health_|score < 60").unwrap();
    assert_eq!(
        (score.kind.as_str(), score.unit.as_deref(), score.label.as_deref()),
        ("double", Some("points"), Some("Health"))
    );
    assert_eq!(score.documentation.as_deref(), Some("From 0 to 100, higher is better."));
    assert_eq!(hover("parent.health_sc|ore < 60").unwrap().unit.as_deref(), Some("points"));
    assert_eq!(hover("children.sum(c, c.ar|r) > 5").unwrap().kind, "money(EUR)");
    assert_eq!(hover("contracts.exists(c, c.end_da|te < today())").unwrap().kind, "date");
    assert_eq!(hover("name.startsW|ith(\"x\")").unwrap().kind, "text.startsWith(part)");
    assert_eq!(
        hover("contracts.sum(c, c.fee.ifCur|rency(\"EUR\"))").unwrap().kind,
        "amount.ifCurrency(\"EUR\")"
    );
    assert_eq!(hover("contracts.sum(c, c.fe|e) > 5").unwrap().kind, "money of several currencies");
    let filtered = "contracts.filter(c, c.currency == \"EUR\").sum(c, c.fe|e) > 5";
    assert_eq!(hover(filtered).unwrap().kind, "money(EUR)");
    // In an unfinished text as well.
    assert_eq!(hover("ar|r > 5 && (").unwrap().kind, "money(EUR)");
    assert!(hover("nonsen|se").is_none());
}

#[test]
fn formatting_is_the_canonical_text() {
    let schema = schema();
    let checker = Checker::new(&schema);
    assert_eq!(checker.format("  arr>5&&( region==\"EMEA\" )").unwrap(), "arr > 5 && region == \"EMEA\"");
    assert!(checker.format("arr >").is_err());
}

#[test]
fn no_cursor_panics() {
    let schema = schema();
    let checker = Checker::new(&schema);
    let text =
        "children.exists(d, d.contracts.exists(c, c.amount > 5)) && name == \"Ü😀\" && lineage.at(\"Re";
    for cursor in 0..text.len() + 3 {
        let cut = text.get(..cursor).unwrap_or(text);
        for source in [text, cut] {
            let _ = checker.completions(source, cursor);
            let _ = checker.hover(source, cursor);
        }
    }
}
