//! Texts of definitions after renames.

use crate::aggregate::{Metric, Operator, Over, RollUp};
use crate::catalog::{CalculatedAttribute, Catalog, Definition, DefinitionRef};
use crate::model::{
    Attribute, AttributeType, ChildTable, EnumValues, EventKind, Nesting, Schema, SchemaChange, SchemaPart,
    TableKind, UsageSchema,
};

fn catalog(definition: impl Into<Definition>) -> Catalog {
    let int = |name: &str| Attribute::new(name, AttributeType::Int);
    let closed = |name: &str| Attribute::new(name, AttributeType::Enum(EnumValues::new(["Open", "Lost"])));
    let contracts = ChildTable::new("contracts", TableKind::Contracts)
        .column(int("seats"))
        .column(int("health.score"))
        .column(closed("stage"));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Region", Nesting::Free)
        .product("CRM")
        .attribute(Attribute::new("name", AttributeType::Text))
        .attribute(Attribute::new("Success Manager", AttributeType::Text))
        .attribute(Attribute::new("tags", AttributeType::List))
        .attribute(closed("stage"))
        .attribute(closed("phase"));
    let names = ["seats", "health.score", "a", "b", "c", "d"];
    let schema = names.into_iter().fold(schema, |schema, name| schema.attribute(int(name)));
    let schema = schema.table(contracts).build().unwrap();
    let export = EventKind::new("export").property(int("seats")).property(closed("stage"));
    let usage = UsageSchema::new([export, EventKind::new("seats").property(int("seats"))]).unwrap();
    Catalog::new(&schema.into(), &usage, [definition.into()]).unwrap()
}

fn rewritten(text: &str, change: &SchemaChange) -> String {
    let evolved = catalog(CalculatedAttribute::new("it", text)).evolve(change).unwrap();
    let id = DefinitionRef::attribute("it");
    match evolved.catalog.definition(&id) {
        Some(Definition::Attribute(now)) => now.expression().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn renamed(text: &str, part: SchemaPart, to: &str) -> String {
    rewritten(text, &SchemaChange::new().rename(part, to))
}

#[test]
fn only_the_attribute_is_renamed() {
    for (text, expected) in [
        ("seats > 1 && parent.seats < 2", "places > 1 && parent.places < 2"),
        ("children.sum(c, c.seats) + seats", "children.sum(c, c.places) + places"),
        ("contracts.sum(c, c.seats) * seats", "contracts.sum(c, c.seats) * places"),
        ("tags.exists(seats, seats == \"x\")", "tags.exists(seats, seats == \"x\")"),
        ("lineage.at(\"Region\").seats", "lineage.at(\"Region\").places"),
        (
            "children.filter(c, c.seats > 1).exists(d, d.root.seats > 2)",
            "children.filter(c, c.places > 1).exists(d, d.root.places > 2)",
        ),
        (
            "children.withCancelled().filter(c, c.seats > 1).withCancelled().sum(c, c.seats)",
            "children.withCancelled().filter(c, c.places > 1).withCancelled().sum(c, c.places)",
        ),
        ("name == \"seats\"", "name == \"seats\""),
        (
            "events(\"seats\").where(e, e.seats > 1).count() + seats",
            "events(\"seats\").where(e, e.seats > 1).count() + places",
        ),
        ("children.sum(places, places.seats * seats)", "children.sum(places, places.places * attr.places)"),
    ] {
        assert_eq!(renamed(text, SchemaPart::attribute("seats"), "places"), expected);
    }
}

#[test]
fn a_name_with_dots_or_backticks_is_renamed_wherever_it_is_read() {
    for (text, expected) in [
        ("health.score > 1", "nps > 1"),
        ("lineage.at(\"Region\").health.score", "lineage.at(\"Region\").nps"),
        ("lineage.at(\"Region\").parent . health. score", "lineage.at(\"Region\").parent . nps"),
        ("attr.health.score + parent.attr.`health.score`", "attr.nps + parent.attr.nps"),
        ("children.max(nps, nps.health.score - health.score)", "children.max(nps, nps.nps - attr.nps)"),
        ("contracts.sum(c, c.health.score)", "contracts.sum(c, c.health.score)"),
    ] {
        assert_eq!(renamed(text, SchemaPart::attribute("health.score"), "nps"), expected);
    }
    let text = "`Success Manager` == \"a\" && parent.`Success Manager` != \"b\"";
    let expected = "crm.manager == \"a\" && parent.crm.manager != \"b\"";
    assert_eq!(renamed(text, SchemaPart::attribute("Success Manager"), "crm.manager"), expected);
    assert_eq!(renamed("a > 1", SchemaPart::attribute("a"), "or"), "`or` > 1");
}

#[test]
fn names_are_exchanged() {
    let rename = |change: SchemaChange, from: &str, to: &str| change.rename(SchemaPart::attribute(from), to);
    let change = rename(rename(rename(SchemaChange::new(), "a", "away"), "b", "a"), "away", "b");
    let change = rename(rename(change, "d", "e"), "c", "d");
    assert_eq!(rewritten("a - b * parent.a + c - d", &change), "b - a * parent.b + d - e");
}

#[test]
fn tables_columns_events_and_values_are_renamed_where_they_are_meant() {
    let table = SchemaPart::table("contracts");
    let of_rows = "contracts.filter(x, x.seats > seats).sum(x, x.seats) + parent.contracts.count()";
    assert_eq!(
        renamed(of_rows, table.clone(), "deals"),
        "deals.filter(x, x.seats > seats).sum(x, x.seats) + parent.deals.count()"
    );
    assert_eq!(renamed("contracts.count()", table, "all.deals"), "`all.deals`.count()");
    assert_eq!(
        renamed(of_rows, SchemaPart::column("contracts", "seats"), "health.seats"),
        "contracts.filter(x, x.health.seats > seats).sum(x, x.health.seats) + parent.contracts.count()"
    );
    let of_events =
        "events(\"export\").where(seats, seats.seats > 1).count() + events(\"seats\").max(e, e.seats)";
    assert_eq!(
        renamed(of_events, SchemaPart::event("seats"), "say \"x\""),
        "events(\"export\").where(seats, seats.seats > 1).count() + events(\"say \\\"x\\\"\").max(e, e.seats)"
    );
    assert_eq!(
        renamed(of_events, SchemaPart::event_field("export", "seats"), "places"),
        "events(\"export\").where(seats, seats.places > 1).count() + events(\"seats\").max(e, e.seats)"
    );
    let of_values = "stage == \"Lost\" && phase == \"Lost\" && name != \"Lost\" && parent.stage in [\"Open\", 'Lost'] && \
                     contracts.exists(x, x.stage == \"Lost\") && (has(name) ? stage : parent.stage) != \"Open\"";
    assert_eq!(
        renamed(of_values, SchemaPart::value("stage", "Lost"), "Gone"),
        "stage == \"Gone\" && phase == \"Lost\" && name != \"Lost\" && parent.stage in [\"Open\", \"Gone\"] && \
         contracts.exists(x, x.stage == \"Lost\") && (has(name) ? stage : parent.stage) != \"Open\""
    );
    assert_eq!(
        renamed(
            "contracts.exists(x, x.stage == \"Lost\") && stage != \"Lost\"",
            SchemaPart::column_value("contracts", "stage", "Lost"),
            "Gone"
        ),
        "contracts.exists(x, x.stage == \"Gone\") && stage != \"Lost\""
    );
    let of_types = "account_type == \"Region\" && has(lineage.at(\"Region\").seats) && owns(\"CRM\") && name == \"Region\"";
    let types = SchemaPart::account_type("Region");
    assert_eq!(
        renamed(of_types, types, "Land"),
        "account_type == \"Land\" && has(lineage.at(\"Land\").seats) && owns(\"CRM\") && name == \"Region\""
    );
    assert_eq!(
        renamed("owns(\"CRM\") && product == \"CRM\" && name == \"CRM\"", SchemaPart::product("CRM"), "Hub"),
        "owns(\"Hub\") && product == \"Hub\" && name == \"CRM\""
    );
}

fn refused(text: &str, change: &SchemaChange) -> String {
    match catalog(CalculatedAttribute::new("it", text)).evolve(change) {
        Err(errors) => errors.to_string(),
        Ok(evolved) => panic!("{text}: {:?}", evolved.catalog.definitions()),
    }
}

#[test]
fn what_cannot_be_rewritten_or_would_mean_something_else_is_refused() {
    let rename = |part: SchemaPart, to: &str| SchemaChange::new().rename(part, to);
    let lost = || SchemaPart::value("stage", "Lost");
    let seats = || SchemaPart::attribute("seats");
    for (text, change, told) in [
        // Values that are compared as texts, before or after.
        ("stage == phase", rename(lost(), "Gone"), "takes allowed values as texts"),
        ("(has(name) ? stage : phase) == \"Lost\"", rename(lost(), "Gone"), "takes allowed values as texts"),
        ("coalesce(stage, \"none\") == \"Lost\"", rename(lost(), "Gone"), "takes allowed values as texts"),
        ("string(stage) + name", rename(lost(), "Gone"), "takes allowed values as texts"),
        ("[\"Lost\"].exists(x, x == stage)", rename(lost(), "Gone"), "takes allowed values as texts"),
        ("stage == \"Lo\" + \"st\"", rename(lost(), "Gone"), "`Lost` is called otherwise"),
        ("owns(\"C\" + \"RM\")", rename(SchemaPart::product("CRM"), "Hub"), "`CRM` is called otherwise"),
        // A name that has no place, or would be that of a lambda.
        ("(health) . score > 1", rename(SchemaPart::attribute("health.score"), "nps"), ""),
        (
            "children.exists(attr, attr.tags.exists(places, places == name))",
            rename(SchemaPart::attribute("name"), "places"),
            "",
        ),
        (
            "children.sum(attr, attr.seats * seats)",
            rename(seats(), "row.seats"),
            "`seats` is called otherwise",
        ),
        // What has the name of something that is gone is something else.
        (
            "b * 2",
            SchemaChange::new().remove(SchemaPart::attribute("b")).rename(SchemaPart::attribute("a"), "b"),
            "it reads `b`, which is removed",
        ),
        (
            "b * 2",
            SchemaChange::new()
                .remove(SchemaPart::attribute("b"))
                .attribute(Attribute::new("b", AttributeType::Int)),
            "it reads `b`, which is removed",
        ),
        (
            "stage == \"Lost\"",
            SchemaChange::new().remove(lost()).rename(SchemaPart::value("stage", "Open"), "Lost"),
            "it reads `Lost`, which is removed",
        ),
        (
            "contracts.count()",
            SchemaChange::new()
                .remove(SchemaPart::table("contracts"))
                .table(ChildTable::new("contracts", TableKind::Custom)),
            "it reads `contracts`, which is removed",
        ),
        (
            "events(\"export\").count()",
            SchemaChange::new().remove(SchemaPart::event("export")).event(EventKind::new("export")),
            "it reads `export`, which is removed",
        ),
        // What is only removed is not there.
        (
            "b * 2",
            SchemaChange::new().remove(SchemaPart::attribute("b")),
            "still reads what is removed: attribute `b`",
        ),
        ("stage == \"Lost\"", SchemaChange::new().replace(lost(), "Open"), "E102"),
    ] {
        let refused = refused(text, &change);
        assert!(refused.contains(told), "{text}: {refused}");
    }
    // Comments are no names.
    let of = SchemaPart::attribute("health.score");
    assert_eq!(renamed("health // a\n.score > a", of, "nps"), "nps > a");
    // A variable between backticks is one name.
    let text = "tags.exists(`a b`, `a b` == `Success Manager`)";
    assert_eq!(
        renamed(text, SchemaPart::attribute("Success Manager"), "a b"),
        "tags.exists(`a b`, `a b` == attr.`a b`)"
    );
    // A longer name that begins with that of a column with counts would be read in its place.
    let counts = RollUp::new("n", Operator::Distribution("stage".into()));
    let past = crate::catalog::PastValue::new("n_then", "n", 3);
    let daily = crate::catalog::Recorded::new("daily", ["n"], 9);
    let reader = CalculatedAttribute::new("x", "n_then.Lost > 1");
    let all = catalog(counts).edited([], [past.into(), daily.into(), reader.into()]).unwrap();
    for change in [
        rename(seats(), "n_then.Lost"),
        SchemaChange::new().attribute(Attribute::new("n_then.Lost", AttributeType::Int)),
    ] {
        let refused = all.evolve(&change).unwrap_err().to_string();
        assert!(refused.contains("it would read `n_then.Lost` in the place of `n_then`"), "{refused}");
    }
}

#[test]
fn values_are_those_of_one_declaration_whatever_a_host_shares() {
    let shared = EnumValues::new(["Open", "Lost"]);
    let closed = |name: &str| Attribute::new(name, AttributeType::Enum(shared.clone()));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(closed("stage"))
        .attribute(closed("phase"));
    let schema = schema.table(ChildTable::new("deals", TableKind::Custom).column(closed("stage")));
    let usage = UsageSchema::new([EventKind::new("moved").property(closed("stage"))]).unwrap();
    let text = "stage == \"Lost\" && phase == \"Lost\" && deals.exists(d, d.stage == \"Lost\") && \
                events(\"moved\").where(e, e.stage == \"Lost\").count() > 0";
    let catalog =
        Catalog::new(&schema.build().unwrap().into(), &usage, [CalculatedAttribute::new("it", text).into()])
            .unwrap();
    // Declared anew as it is, and with one more of the same values: it is what it was.
    let catalog = catalog
        .evolve(&SchemaChange::new().attribute(closed("stage")).attribute(closed("new")))
        .unwrap()
        .catalog;
    let evolved =
        catalog.evolve(&SchemaChange::new().rename(SchemaPart::value("stage", "Lost"), "Gone")).unwrap();
    let expected = text.replacen("Lost", "Gone", 1);
    assert_eq!(evolved.catalog.definitions(), [CalculatedAttribute::new("it", &expected).into()]);
    let evolved = catalog
        .evolve(&SchemaChange::new().rename(SchemaPart::column_value("deals", "stage", "Lost"), "Gone"));
    let expected = text.replace("d.stage == \"Lost\"", "d.stage == \"Gone\"");
    assert_eq!(evolved.unwrap().catalog.definitions(), [CalculatedAttribute::new("it", &expected).into()]);
}

#[test]
fn roll_ups_and_metrics_are_rewritten_with_what_they_name() {
    let change = SchemaChange::new()
        .rename(SchemaPart::table("contracts"), "deals")
        .rename(SchemaPart::column("contracts", "seats"), "places")
        .rename(SchemaPart::account_type("Region"), "Land")
        .rename(SchemaPart::event("export"), "download")
        .rename(SchemaPart::attribute("seats"), "licences")
        .rename(SchemaPart::value("stage", "Lost"), "Gone");
    let now = |definition: Definition| {
        let evolved = catalog(definition).evolve(&change);
        evolved.map(|evolved| evolved.catalog.definitions()[0].clone())
    };
    let change_order = now(RollUp::new(
        "r",
        Operator::WeightedAverage { of: "row.seats + seats".into(), weight: "row.seats".into() },
    )
    .over(Over::Table("contracts".into()))
    .filter("seats > 1")
    .levels(["Region"])
    .into());
    // The table was renamed before its column is named: the steps see what those before them left.
    assert!(change_order.is_err());
    let change = SchemaChange::new()
        .rename(SchemaPart::column("contracts", "seats"), "places")
        .rename(SchemaPart::table("contracts"), "deals")
        .rename(SchemaPart::account_type("Region"), "Land")
        .rename(SchemaPart::event("export"), "download")
        .rename(SchemaPart::attribute("seats"), "licences")
        .rename(SchemaPart::value("stage", "Lost"), "Gone");
    let now = |definition: Definition| {
        let evolved = catalog(definition).evolve(&change).unwrap();
        evolved.catalog.definitions()[0].clone()
    };
    let weighted = Operator::WeightedAverage { of: "row.seats + seats".into(), weight: "row.seats".into() };
    let weighted = RollUp::new("r", weighted)
        .over(Over::Table("contracts".into()))
        .filter("seats > 1")
        .levels(["Region"]);
    let expected =
        Operator::WeightedAverage { of: "row.places + licences".into(), weight: "row.places".into() };
    let expected =
        RollUp::new("r", expected).over(Over::Table("deals".into())).filter("licences > 1").levels(["Land"]);
    assert_eq!(now(weighted.into()), expected.into());
    let share = |value: &str| RollUp::new("s", Operator::Share { of: "stage".into(), value: value.into() });
    assert_eq!(now(share("Lost").into()), share("Gone").into());
    let over = |event: &str| Over::Events { event: event.into(), last_days: None };
    let events = |event: &str| RollUp::new("e", Operator::Max("row.seats".into())).over(over(event));
    assert_eq!(now(events("export").into()), events("download").into());
    let metric = |event: &str| Metric::new("m", &format!("events(\"{event}\").count()"));
    assert_eq!(now(metric("export").into()), metric("download").into());
    // A count of a value is read by its name.
    let counts = RollUp::new("n", Operator::Distribution("stage".into()));
    let catalog =
        catalog(counts).edited([], [CalculatedAttribute::new("lost", "n.Lost + n.Open").into()]).unwrap();
    let evolved = catalog
        .evolve(&SchemaChange::new().rename(SchemaPart::value("stage", "Lost"), "Closed lost"))
        .unwrap();
    let lost = CalculatedAttribute::new("lost", "n.`Closed lost` + n.Open");
    assert!(evolved.catalog.definitions().contains(&lost.into()));
}
