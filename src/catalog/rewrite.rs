//! What does a definition say, where what it reads has another name?

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::definition::Definition;
use super::entry::Entry;
use super::fault::{CatalogFault, CatalogFaultKind};
use crate::define::{DefinitionFault, Named, Renames};
use crate::expr::{Checked, Rename, Source, Type, Unwritten, Written};
use crate::model::{ClosedSet, EnumValues, SchemaRenames};

/// New names of what definitions read: of parts of the schema, and of definitions.
#[derive(Debug)]
pub(super) struct NewNames<'r> {
    schema: &'r SchemaRenames,
    /// Of columns of definitions.
    pub(super) columns: HashMap<Arc<str>, Arc<str>>,
    pub(super) metrics: HashMap<Arc<str>, Arc<str>>,
    pub(super) segments: HashMap<Arc<str>, Arc<str>>,
}

impl<'r> NewNames<'r> {
    pub(super) fn of_schema(schema: &'r SchemaRenames) -> Self {
        Self { schema, columns: HashMap::new(), metrics: HashMap::new(), segments: HashMap::new() }
    }
}

/// A definition with the new names in the places of the old ones that it reads.
pub(super) fn rewritten(entry: &Entry, names: &NewNames<'_>) -> Result<Definition, CatalogFault> {
    let (known, renames) = (expressions(entry), names.schema);
    let problem: RefCell<Option<String>> = RefCell::new(None);
    let object = |what: String| {
        problem.borrow_mut().get_or_insert(what);
    };
    let expression = |text: &str| -> Arc<str> {
        let of_text = known.iter().filter(|checked| checked.ast().source_text() == text);
        let mut all: Vec<Option<String>> = Vec::new();
        for checked in of_text {
            match checked.rewritten(&|written| renamed(names, written)) {
                Ok(now) => all.push(now),
                Err(Unwritten::Gone(name)) => object(gone(&name)),
                Err(Unwritten::Unplaced(name)) => object(format!(
                    "`{name}` is called otherwise from now on, and is written here in a way that cannot be rewritten; define it anew"
                )),
            }
        }
        if all.iter().any(|other| Some(other) != all.first()) {
            object("one of its expressions reads, by the same text, rows of which only some are called otherwise; define it anew".to_owned());
        }
        all.pop().flatten().map_or_else(|| Arc::from(text), Arc::from)
    };
    let named = |of: Named, name: &str| {
        if let Some(now) = names.columns.get(name).filter(|_| of == Named::Column) {
            return Some(now.clone());
        }
        let (names, missing) = match of {
            Named::Column => (&renames.attributes, renames.gone.attributes.contains(name)),
            Named::Table => (&renames.tables, renames.gone.tables.contains(name)),
            Named::Event => (&renames.events, renames.gone.events.contains(name)),
            Named::AccountType => (&renames.types, false),
        };
        if missing && !names.contains_key(name) {
            object(gone(name));
        }
        names.get(name).cloned()
    };
    let value = |text: &str, value: &str| {
        let of_text = known.iter().find(|checked| checked.ast().source_text() == text)?;
        match renamed(names, Written::Value(closed(of_text.kind())?, &Arc::from(value))) {
            Rename::To(now) => Some(now),
            Rename::Gone => {
                object(gone(value));
                None
            }
            Rename::Kept => None,
        }
    };
    let mut now = (*entry.definition).clone();
    now.as_define_mut().rename(&Renames { expression: &expression, named: &named, value: &value });
    // What is put together of several texts, and what could not be put back, is seen by the texts that come out.
    let texts = |definition: &Definition| {
        let mut texts: Vec<Arc<str>> = Vec::new();
        definition.as_define().expressions(&mut |text| texts.push(Arc::from(text)));
        texts
    };
    let expected: Vec<Arc<str>> = texts(&entry.definition).iter().map(|text| expression(text)).collect();
    if expected != texts(&now) {
        object(
            "one of its expressions cannot be rewritten with the names from now on; define it anew"
                .to_owned(),
        );
    }
    match problem.take() {
        Some(what) => Err(fault(entry, what)),
        None => Ok(now),
    }
}

/// What is wrong with a definition that stays under another schema, though it makes sense there: it reads something else than before, or
/// takes values as texts that are other texts.
pub(super) fn changed_meaning(
    before: &Arc<Entry>,
    now: &Arc<Entry>,
    names: &NewNames<'_>,
) -> Option<CatalogFault> {
    let renames = names.schema;
    let (old, new) = (expressions(before), expressions(now));
    let as_text = |checked: &&Checked| {
        renames.sets.iter().filter(|set| !set.said.is_empty()).any(|set| {
            checked.takes_as_text(&set.before)
                || set.after.as_ref().is_some_and(|after| checked.takes_as_text(after))
        })
    };
    if old.iter().chain(&new).any(as_text) {
        let what = "it takes allowed values as texts, and some are other texts from now on; define it anew in the same update";
        return Some(fault(before, what.to_owned()));
    }
    if Arc::ptr_eq(before, now) {
        return None;
    }
    for (old, new) in old.iter().zip(&new) {
        let was = old.mentioned().map(|source| source_after(source, names));
        let mut pairs = was.zip(new.mentioned());
        if let Some((was, is)) = pairs.find(|(was, is)| was != *is) {
            let what = format!("it would read `{}` in the place of `{}`", is.name(), was.name());
            return Some(fault(before, what));
        }
    }
    None
}

fn fault(entry: &Entry, what: String) -> CatalogFault {
    let kind = CatalogFaultKind::Invalid(DefinitionFault::Other(what));
    CatalogFault { definition: entry.id.clone(), kind }.of_written(entry.bringer.as_ref())
}

fn gone(name: &str) -> String {
    format!("it reads `{name}`, which is removed; what has that name from now on is something else")
}

/// The expressions of a definition, that of a metric among them.
fn expressions(entry: &Entry) -> Vec<&Checked> {
    let metric = entry.compiled.metric().map(|metric| metric.checked());
    entry.compiled.expressions().into_iter().chain(metric).collect()
}

/// The closed set that values of a type are of.
pub(super) fn closed(kind: &Type) -> Option<&EnumValues> {
    match kind {
        Type::Counts(values) => Some(values),
        Type::List(of) => of.values(),
        kind => kind.values(),
    }
}

/// What became of a closed set.
pub(super) fn set_of<'s>(renames: &'s SchemaRenames, values: &EnumValues) -> Option<&'s ClosedSet> {
    renames.sets.iter().find(|set| set.before.is_same(values))
}

/// What is written from now on in the place of something that a text writes.
fn renamed(names: &NewNames<'_>, written: Written<'_>) -> Rename {
    fn of<K: Hash + Eq>(names: &HashMap<K, Arc<str>>, gone: &HashSet<K>, name: &K) -> Rename {
        match names.get(name) {
            Some(now) => Rename::To(now.clone()),
            None if gone.contains(name) => Rename::Gone,
            None => Rename::Kept,
        }
    }
    let (renames, none) = (names.schema, HashSet::new());
    let gone = &renames.gone;
    match written {
        Written::Name(Source::Attribute(name)) if names.columns.contains_key(name) => {
            of(&names.columns, &none, name)
        }
        Written::Name(Source::Metric(name)) => of(&names.metrics, &none, name),
        Written::Name(Source::Segment(name)) => of(&names.segments, &none, name),
        Written::Name(Source::Attribute(name)) => of(&renames.attributes, &gone.attributes, name),
        Written::Name(Source::Table(name)) => of(&renames.tables, &gone.tables, name),
        Written::Name(Source::Event(name)) => of(&renames.events, &gone.events, name),
        Written::Name(Source::Column(table, name)) => {
            of(&renames.columns, &gone.columns, &(table.clone(), name.clone()))
        }
        Written::Name(Source::Field(event, name)) => {
            of(&renames.fields, &gone.fields, &(event.clone(), name.clone()))
        }
        Written::Value(values, value) => {
            set_of(renames, values).map_or(Rename::Kept, |set| of(&set.said, &set.gone, value))
        }
    }
}

/// What is read from now on by who read something.
fn source_after(source: &Source, names: &NewNames<'_>) -> Source {
    let renames = names.schema;
    let now = |names: &HashMap<Arc<str>, Arc<str>>, name: &Arc<str>| names.get(name).unwrap_or(name).clone();
    let part = |names: &HashMap<(Arc<str>, Arc<str>), Arc<str>>, of: &Arc<str>, name: &Arc<str>| {
        names.get(&(of.clone(), name.clone())).unwrap_or(name).clone()
    };
    match source {
        Source::Attribute(name) => Source::Attribute(match names.columns.get(name) {
            Some(column) => column.clone(),
            None => now(&renames.attributes, name),
        }),
        Source::Table(name) => Source::Table(now(&renames.tables, name)),
        Source::Event(name) => Source::Event(now(&renames.events, name)),
        Source::Column(table, name) => {
            Source::Column(now(&renames.tables, table), part(&renames.columns, table, name))
        }
        Source::Field(event, name) => {
            Source::Field(now(&renames.events, event), part(&renames.fields, event, name))
        }
        Source::Metric(name) => Source::Metric(now(&names.metrics, name)),
        Source::Segment(name) => Source::Segment(now(&names.segments, name)),
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::{Metric, Operator, Over, RollUp};
    use crate::catalog::{CalculatedAttribute, Catalog, Definition, DefinitionKind, DefinitionRef};
    use crate::model::{
        Attribute, AttributeType, ChildTable, EnumValues, EventKind, Nesting, Schema, SchemaChange,
        SchemaPart, TableKind, UsageSchema,
    };

    fn catalog(definition: impl Into<Definition>) -> Catalog {
        let int = |name: &str| Attribute::new(name, AttributeType::Int);
        let closed =
            |name: &str| Attribute::new(name, AttributeType::Enum(EnumValues::new(["Open", "Lost"])));
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
        let id = DefinitionRef { kind: DefinitionKind::Attribute, name: "it".into() };
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
            (
                "children.sum(places, places.seats * seats)",
                "children.sum(places, places.places * attr.places)",
            ),
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
        let rename =
            |change: SchemaChange, from: &str, to: &str| change.rename(SchemaPart::attribute(from), to);
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
            renamed(
                "owns(\"CRM\") && product == \"CRM\" && name == \"CRM\"",
                SchemaPart::product("CRM"),
                "Hub"
            ),
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
            (
                "(has(name) ? stage : phase) == \"Lost\"",
                rename(lost(), "Gone"),
                "takes allowed values as texts",
            ),
            (
                "coalesce(stage, \"none\") == \"Lost\"",
                rename(lost(), "Gone"),
                "takes allowed values as texts",
            ),
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
                SchemaChange::new()
                    .remove(SchemaPart::attribute("b"))
                    .rename(SchemaPart::attribute("a"), "b"),
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
            ("b * 2", SchemaChange::new().remove(SchemaPart::attribute("b")), "E101"),
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
        let catalog = Catalog::new(
            &schema.build().unwrap().into(),
            &usage,
            [CalculatedAttribute::new("it", text).into()],
        )
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
        assert_eq!(
            evolved.unwrap().catalog.definitions(),
            [CalculatedAttribute::new("it", &expected).into()]
        );
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
        let weighted =
            Operator::WeightedAverage { of: "row.seats + seats".into(), weight: "row.seats".into() };
        let weighted = RollUp::new("r", weighted)
            .over(Over::Table("contracts".into()))
            .filter("seats > 1")
            .levels(["Region"]);
        let expected =
            Operator::WeightedAverage { of: "row.places + licences".into(), weight: "row.places".into() };
        let expected = RollUp::new("r", expected)
            .over(Over::Table("deals".into()))
            .filter("licences > 1")
            .levels(["Land"]);
        assert_eq!(now(weighted.into()), expected.into());
        let share =
            |value: &str| RollUp::new("s", Operator::Share { of: "stage".into(), value: value.into() });
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
}
