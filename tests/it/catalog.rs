//! Definitions that read each other: worked out in any order, explained down to their sources, refused with all their
//! faults, and blind to what is not visible.

use std::sync::Arc;

use crate::common::{as_of, config, forest, id, schema};
use perennial::aggregate::{
    Event, EventKind, Metric, Operator, Over, Ranking, RollUp, Usage, UsageSchema, UsageSettings, UsageView,
};
use perennial::catalog::{
    BuiltIn, CalculatedAttribute, Catalog, CatalogEvolveError, CatalogFault, CatalogFaultKind, Definition,
    DefinitionKind, DefinitionRef, Derived, MAX_CYCLE_STEPS, MemoryHistory, Origin, PastValue,
};
use perennial::expr::{Checker, ExprPlan, ExprValue, Type};
use perennial::segment::Segment;
use perennial::testkit::Random;
use perennial::{
    Account, Attribute, AttributeType, Book, Change, Date, Nesting, Policy, Reach, Schema, SchemaChange,
    SchemaPart, Scope, View,
};
use proptest::prelude::*;

fn usage_schema() -> UsageSchema {
    UsageSchema::new([
        EventKind::new("login"),
        EventKind::new("export").measure(Attribute::new("seats", AttributeType::Int)),
    ])
    .unwrap()
}

fn attribute(name: &str, expression: &str) -> Definition {
    CalculatedAttribute::new(name, expression).into()
}

fn segment(id: &str, expression: &str) -> Definition {
    Segment::parse(id, expression).unwrap().into()
}

fn sum(name: &str, of: &str) -> Definition {
    RollUp::new(name, Operator::Sum(of.into())).into()
}

fn metric(name: &str, expression: &str) -> Definition {
    Metric::new(name, expression).into()
}

fn at(kind: DefinitionKind, name: &str) -> DefinitionRef {
    DefinitionRef { kind, name: name.into() }
}

/// Five deep, and across every kind.
fn deep() -> Vec<Definition> {
    vec![
        metric("logins", "events(\"login\").count()"),
        sum("family_logins", "metric(\"logins\").lastDays(7).sum()"),
        attribute("per_seat", "ratio(family_logins, seats)"),
        Ranking::new("place", "per_seat").among("region").into(),
        segment("busy", "per_seat > 0.5 || family_logins > 6"),
        RollUp::new("busy_below", Operator::Count)
            .filter("inSegment(\"busy\")")
            .reach(Reach::Descendants)
            .into(),
        attribute("share_busy", "ratio(busy_below, descendants.count())"),
        segment("mostly_busy", "share_busy >= 0.5 && !inSegment(\"busy\")"),
        attribute("summary", "inSegment(\"mostly_busy\") ? place : share_busy"),
    ]
}

fn run(catalog: &Catalog, view: &View, usage: &Usage) -> Derived {
    catalog.run(view, Some(&usage.over(view, catalog.metrics())), None)
}

fn logins(view: &View, usage: &UsageView, account: Account<'_>) -> i64 {
    let last = view.as_of().date();
    let first = last.plus_days(-6).unwrap();
    let days = usage.series("logins", account, first, last).unwrap();
    days.iter()
        .map(|day| match day.value {
            Some(ExprValue::Int(count)) => count,
            _ => 0,
        })
        .sum()
}

fn filled(book: &Book, random: &mut Random) -> Usage {
    let today = as_of().date();
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    let view = crate::common::view(book);
    let ids: Vec<&str> = view.accounts().map(|account| account.id_str()).collect();
    let events = (0..ids.len() * 2).map(|_| {
        let id = ids[random.below(ids.len() as u64) as usize];
        let user = ["ann", "bob", "cid"][random.below(3) as usize];
        Event::on("login", id, today.plus_days(-(random.below(20) as i32)).unwrap()).user(user)
    });
    let events: Vec<Event<'_>> = events.collect();
    usage.ingest(events, today).unwrap();
    usage
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn definitions_over_definitions_are_what_they_say(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        seed in any::<u64>(),
        packing in 0_usize..6,
    ) {
        let mut random = Random::new(seed);
        let (book, _) = forest(&seeds).load(crate::common::CHUNK_ROWS[packing], Policy::strict());
        let usage = filled(&book, &mut random);
        let mut definitions = deep();
        random.shuffle(&mut definitions);
        let catalog = Catalog::new(book.schema(), usage.schema(), definitions).unwrap();
        let view = crate::common::view(&book);
        let seen = usage.over(&view, catalog.metrics());
        let derived = catalog.run(&view, Some(&seen), None);
        // The same, account by account and by hand.
        // No walk and no roll-up counts who is cancelled.
        let current = |account: &Account<'_>| !account.is_cancelled();
        let family = |account: Account<'_>| {
            account.subtree().filter(current).map(|below| logins(&view, &seen, below)).sum::<i64>()
        };
        // Where all of them are, there is nothing to sum.
        let any = |account: Account<'_>| account.subtree().any(|below| current(&below));
        let seats = |account: Account<'_>| match account.value("seats") {
            Some(perennial::Value::Int(seats)) => Some(seats),
            _ => None,
        };
        let per_seat = |account: Account<'_>| {
            seats(account).filter(|seats| *seats != 0 && any(account)).map(|seats| family(account) as f64 / seats as f64 + 0.0)
        };
        let busy = |account: Account<'_>| per_seat(account).is_some_and(|per| per > 0.5) || family(account) > 6;
        for account in view.accounts() {
            let double = |name: &str| match derived.value(name, account) {
                Some(ExprValue::Double(v)) => Some(v),
                None => None,
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(derived.value("family_logins", account), any(account).then(|| ExprValue::Int(family(account))));
            prop_assert_eq!(double("per_seat"), per_seat(account));
            prop_assert_eq!(derived.is_member("busy", account), busy(account));
            let below = account.descendants().filter(current).filter(|below| busy(*below)).count();
            prop_assert_eq!(derived.value("busy_below", account), Some(ExprValue::Int(below as i64)));
            let all = account.descendants().filter(current).count();
            let share = (all > 0).then(|| below as f64 / all as f64);
            prop_assert_eq!(double("share_busy"), share);
            let mostly = share.is_some_and(|share| share >= 0.5) && !busy(account);
            prop_assert_eq!(derived.is_member("mostly_busy", account), mostly);
            let peers: Vec<f64> = view.accounts()
                .filter(|peer| account.value("region").is_some() && peer.value("region") == account.value("region"))
                .filter_map(per_seat).collect();
            let place = per_seat(account).filter(|_| account.value("region").is_some()).map(|own| {
                let below = peers.iter().filter(|peer| **peer < own).count() as f64;
                let equal = peers.iter().filter(|peer| peer.total_cmp(&own).is_eq()).count() as f64;
                if peers.len() == 1 { 100.0 } else { (2.0 * below + equal - 1.0) * 50.0 / (peers.len() - 1) as f64 }
            });
            prop_assert_eq!(double("place"), place);
            prop_assert_eq!(double("summary"), if mostly { place } else { share });
        }
        // What is derived is read by further expressions as well, chunk by chunk and account by account.
        let further = Checker::new(catalog.names()).check("children.sum(c, c.family_logins)").unwrap();
        let plan = ExprPlan::new([&further]);
        let answers = plan.run(&derived).unwrap();
        for account in view.accounts() {
            let children: Vec<Account<'_>> = account.children().into_iter().filter(current).collect();
            let expected = (!children.is_empty())
                .then(|| ExprValue::Int(children.iter().map(|child| family(*child)).sum()));
            prop_assert_eq!(&answers.value(0, account), &expected);
            let point = further.for_accounts(&derived).unwrap();
            prop_assert_eq!(&point.value(account), &expected);
        }
    }

    /// Whatever hidden accounts hold, nothing that is derived shows it.
    #[test]
    fn nothing_outside_a_scope_shows_inside_it(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 2..30),
        seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let (book, _) = forest(&seeds).load(7, Policy::strict());
        let mut usage = filled(&book, &mut random);
        let all = crate::common::view(&book);
        let hidden: Vec<String> = all
            .accounts()
            .filter(|_| random.below(3) == 0)
            .map(|account| account.id_str().to_owned())
            .collect();
        let shown: Vec<String> = all
            .accounts()
            .map(|account| account.id_str().to_owned())
            .filter(|id| !hidden.contains(id))
            .collect();
        let catalog = Catalog::new(book.schema(), usage.schema(), deep()).unwrap();
        let told = |book: &Book, usage: &Usage| -> Vec<String> {
            let scope = Scope::of(book.accounts(shown.iter().map(String::as_str)));
            let view = book.view(&scope, as_of()).unwrap();
            let derived = run(&catalog, &view, usage);
            view.accounts().map(|account| {
                let columns = ["family_logins", "per_seat", "place", "busy_below", "share_busy", "summary"];
                let values: Vec<_> = columns.iter().map(|name| derived.value(name, account)).collect();
                let counts = derived.counts("family_logins", account);
                let busy = derived.is_member("busy", account);
                format!("{} {values:?} {counts:?} {busy}", account.id_str())
            }).collect()
        };
        let before = told(&book, &usage);
        let mut change = Change::new();
        for id in &hidden {
            change = change.set(&crate::common::id(id), "seats", 1_i64).set(&crate::common::id(id), "region", "EMEA");
            usage.ingest([Event::on("login", id, as_of().date()).count(9)], as_of().date()).unwrap();
        }
        let (book, _) = book.apply(&change).unwrap();
        prop_assert_eq!(told(&book, &usage), before);
    }
}

// --- Faults ---------------------------------------------------------------------------------------

fn refused(definitions: impl IntoIterator<Item = Definition>) -> String {
    Catalog::new(&schema(), &usage_schema(), definitions).unwrap_err().to_string()
}

#[test]
fn rings_are_named_with_the_way_around() {
    assert_eq!(refused([attribute("a", "a + 1")]), "calculated attribute `a`: it reads itself: a -> a");
    let text = refused([
        attribute("a", "b + 1"),
        RollUp::new("b", Operator::Count).filter("inSegment(\"s\")").into(),
        segment("s", "a > 2"),
        attribute("reads_a", "a * 2"),
        attribute("sound", "seats"),
    ]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "calculated attribute `a`: it reads itself: a -> b -> s -> a",
            "roll-up `b`: it reads itself: b -> s -> a -> b",
            "segment `s`: it reads itself: s -> a -> b -> s",
            "calculated attribute `reads_a`: it reads the calculated attribute `a`, which is at fault",
        ]
    );
}

#[test]
fn a_name_that_is_mentioned_and_not_read_makes_no_ring() {
    // `hours` is a column of the tickets in one, and a calculated attribute in the other.
    let catalog = Catalog::new(
        &schema(),
        &usage_schema(),
        [
            RollUp::new("total", Operator::Sum("row.hours".into()))
                .over(Over::Table("tickets".into()))
                .into(),
            attribute("hours", "total * 2"),
        ],
    )
    .unwrap();
    let order: Vec<&str> = catalog.order().map(|id| &*id.name).collect();
    assert_eq!(order, ["total", "hours"]);
}

/// Beyond this many definitions, whatever is not linear takes minutes and gigabytes.
const MANY: usize = 10_000;

#[test]
fn a_ring_of_thousands_is_refused_without_ways_as_long_as_the_ring() {
    let ring = (0..MANY).map(|at| attribute(&format!("r{at}"), &format!("r{} + 1", (at + 1) % MANY)));
    let errors = Catalog::new(&schema(), &usage_schema(), ring).unwrap_err();
    assert_eq!(errors.faults().len(), MANY);
    let steps = |fault: &CatalogFault| match &fault.kind {
        CatalogFaultKind::Cycle(path) => (path.first.len(), path.left_out, path.last.len()),
        other => panic!("{other:?}"),
    };
    for fault in errors.faults() {
        let (first, left_out, last) = steps(fault);
        assert!(first <= MAX_CYCLE_STEPS && last <= MAX_CYCLE_STEPS, "{fault}");
        // There and back is the whole ring, and the definition itself at both ends.
        assert_eq!(first + left_out + last, MANY + 1, "{fault}");
    }
    assert_eq!(
        errors.faults()[5_000].to_string(),
        "calculated attribute `r5000`: it reads itself: r5000 -> r5001 -> r5002 -> r5003 -> r5004 -> r5005 -> r5006 \
         -> r5007 -> (9985 more) -> r4993 -> r4994 -> r4995 -> r4996 -> r4997 -> r4998 -> r4999 -> r5000"
    );
}

#[test]
fn of_many_rings_through_one_definition_each_is_the_shortest() {
    let spokes = (0..MANY).map(|at| attribute(&format!("spoke{at}"), "hub + 1"));
    let all: Vec<String> = (0..40).map(|at| format!("spoke{at}")).collect();
    let text = refused(spokes.chain([attribute("hub", &all.join(" + "))]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[7], "calculated attribute `spoke7`: it reads itself: spoke7 -> hub -> spoke7");
    assert_eq!(
        lines[50],
        "calculated attribute `spoke50`: it reads the calculated attribute `hub`, which is at fault"
    );
    assert_eq!(lines[MANY], "calculated attribute `hub`: it reads itself: hub -> spoke0 -> hub");
}

#[test]
fn thousands_that_only_mention_each_other_are_sorted_out_in_any_order() {
    // The variable of the last has the name of the first, so that all stand in a ring of mentions; each reads the next.
    let text = |at: usize| match at + 1 {
        MANY => "subtree.count(r0, r0.seats > 1)".to_owned(),
        next => format!("r{next} + 1"),
    };
    let backwards: Vec<Definition> = (0..MANY).map(|at| attribute(&format!("r{at}"), &text(at))).collect();
    let catalog = Catalog::new(&schema(), &usage_schema(), backwards).unwrap();
    let first = catalog.order().next().unwrap();
    assert_eq!(*first.name, *format!("r{}", MANY - 1));
}

#[test]
fn ways_of_an_impact_are_shared() {
    let chain = (0..MANY).map(|at| match at {
        0 => attribute("r0", "seats + 1"),
        _ => attribute(&format!("r{at}"), &format!("r{} + 1", at - 1)),
    });
    let catalog = Catalog::new(&schema(), &usage_schema(), chain).unwrap();
    let impact = catalog.impact(&Origin::Attribute("seats".into()));
    assert_eq!(impact.len(), MANY);
    assert_eq!(
        impact[2].to_string(),
        "attribute `seats` -> calculated attribute `r0` -> calculated attribute `r1` -> calculated attribute `r2`"
    );
    assert_eq!(impact[MANY - 1].path().len(), MANY + 1);
}

#[test]
fn all_faults_of_all_definitions_are_said_at_once() {
    let text = refused([
        attribute("a", "seatz + 1"),
        attribute("seats", "1"),
        attribute("b", "seats"),
        sum("b", "seats"),
        attribute("", "seats"),
        sum("c", "name"),
        metric("m", "events(\"logn\").count()"),
        metric("n", "seats"),
        attribute("d", "metric(\"mm\").lastDays(3).sum()"),
        segment("s", "a > 1"),
        segment("t", "inSegment(\"x\")"),
        Ranking::new("e", "region").into(),
        PastValue::new("f", "seets", 30).into(),
        attribute("g", "name + seats"),
    ]);
    for part in [
        "calculated attribute `a`: E101 seatz",
        "did you mean `seats`",
        "calculated attribute `seats`: an attribute of the schema has the name",
        "roll-up `b`: another definition has the name",
        "calculated attribute ``:",
        "roll-up `c`: there is no sum of text",
        "metric `m`: E101",
        "did you mean \"login\"?",
        "metric `n`:",
        "calculated attribute `d`: E101",
        "segment `s`: it reads the calculated attribute `a`, which is at fault",
        "segment `t`: E101",
        "ranking `e`: enumeration value has no order to rank by",
        "past value `f`: there is no attribute `seets`; did you mean `seats`?",
        "calculated attribute `g`: E103",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

// --- Lineage --------------------------------------------------------------------------------------

#[test]
fn lineage_goes_down_to_the_sources_and_impact_up() {
    let catalog = Catalog::new(&schema(), &usage_schema(), deep()).unwrap();
    let lineage = catalog.lineage(&at(DefinitionKind::Segment, "mostly_busy")).unwrap();
    let shown: Vec<String> = lineage
        .iter()
        .map(|step| format!("{} {} <- {}", step.depth, step.read_by.name, step.origin))
        .collect();
    assert_eq!(
        shown,
        [
            "1 mostly_busy <- calculated attribute `share_busy`",
            "1 mostly_busy <- segment `busy`",
            "2 share_busy <- roll-up `busy_below`",
            "2 share_busy <- attribute `status`",
            "2 busy <- calculated attribute `per_seat`",
            "2 busy <- roll-up `family_logins`",
            "3 busy_below <- segment `busy`",
            "3 per_seat <- roll-up `family_logins`",
            "3 per_seat <- attribute `seats`",
            "3 family_logins <- metric `logins`",
            "4 logins <- event `login`",
        ]
    );
    assert!(catalog.lineage(&at(DefinitionKind::Metric, "nobody")).is_none());

    let impact = catalog.impact(&Origin::Attribute("seats".into()));
    let names: Vec<&str> = impact.iter().map(|impact| &*impact.definition().name).collect();
    assert_eq!(names, ["per_seat", "place", "busy", "summary", "busy_below", "mostly_busy", "share_busy"]);
    assert_eq!(
        impact[5].to_string(),
        "attribute `seats` -> calculated attribute `per_seat` -> segment `busy` -> segment `mostly_busy`"
    );
    assert_eq!(catalog.impact(&Origin::Event("login".into())).len(), 9);
    assert!(catalog.impact(&Origin::Attribute("name".into())).is_empty());

    let broken = catalog.without(&Origin::Attribute("seats".into()));
    let first = broken[0].to_string();
    assert!(
        first.starts_with("calculated attribute `per_seat`: E101 ratio(family_logins, seats)"),
        "{first}"
    );
    // Every definition that is touched is named, and no other.
    assert_eq!(broken.len(), impact.len());
    let without = |kind, name: &str| catalog.without(&Origin::Definition(at(kind, name))).len();
    assert_eq!(without(DefinitionKind::Segment, "mostly_busy"), 1);
    assert_eq!(without(DefinitionKind::Attribute, "summary"), 0);
    assert_eq!(without(DefinitionKind::Metric, "logins"), 8);
    assert!(catalog.retyped("seats", Type::Text).iter().any(|fault| fault.to_string().contains("E103")));
    assert!(catalog.retyped("seats", Type::Double).is_empty());
    assert_eq!(catalog.without(&Origin::Event("login".into())).len(), 9);
}

#[test]
fn what_is_unused_or_said_twice_is_reported() {
    let catalog = Catalog::new(
        &schema(),
        &usage_schema(),
        [
            attribute("a", "seats*2"),
            attribute("b", "seats * 2"),
            sum("c", "seats"),
            RollUp::new("d", Operator::Sum("seats".into()))
                .reach(Reach::SelfAndDescendants)
                .description("x")
                .into(),
            segment("s", "a > 1 && c > 1"),
        ],
    )
    .unwrap();
    let report = catalog.report();
    let names = |all: &[DefinitionRef]| all.iter().map(|id| id.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&report.unused), ["b", "d"]);
    let twice: Vec<(&str, &str)> = report.duplicates.iter().map(|(a, b)| (&*a.name, &*b.name)).collect();
    assert_eq!(twice, [("b", "a"), ("d", "c")]);
}

// --- Documents, schemas, the past -----------------------------------------------------------------

#[test]
fn documents_come_back_and_may_be_many() {
    let mut definitions = deep();
    definitions.extend(BuiltIn::usage(28));
    definitions.push(BuiltIn::licence_utilisation("seats", 28));
    definitions.extend(BuiltIn::engagement("region", "since"));
    definitions.push(PastValue::new("then", "family_logins", 30).into());
    definitions.push(CalculatedAttribute::new("seventh", "seats").at_version(7).into());
    let catalog = Catalog::new(&schema(), &usage_schema(), definitions).unwrap();
    let text = catalog.to_json().to_string();
    let read = Catalog::read([text.as_str()]).unwrap();
    let again = Catalog::new(&schema(), &usage_schema(), read.clone()).unwrap();
    assert_eq!(again.to_json(), catalog.to_json());
    assert_eq!(read.len(), catalog.definitions().len());
    let versions: Vec<u64> = read.iter().map(Definition::version).filter(|version| *version != 1).collect();
    assert_eq!(versions, [7]);
    let (a, b) = (Catalog::document(&read[..3]), Catalog::document(&read[3..]));
    assert_eq!(Catalog::read([a.to_string().as_str(), b.to_string().as_str()]).unwrap(), read);

    let errors = Catalog::read([
        r#"{"v":1,"atributes":[],"segments":[{"id":"a","expression":"seats >"}]}"#,
        r#"{"v":"1","metrics":{},"roll_ups":[{"name":"x","operator":{"sum":"seats"},"reech":"self_only"}],"roll_ups":[]}"#,
        "[",
    ])
    .unwrap_err()
    .to_string();
    for part in [
        "document 0: unknown field `atributes`; did you mean `attributes`?",
        "document 0: at `/segments/0/expression`: segment `a`",
        "document 1: at `/roll_ups`: duplicate field",
        "document 1: at `/v`: expected a whole number from 0, found the text `1`",
        "document 1: at `/metrics`: expected a list, found an object",
        "document 2: document is not JSON at line 1, column 1: ",
    ] {
        assert!(errors.contains(part), "{part} is not in\n{errors}");
    }

    let errors = Catalog::read([
        r#"{"v":1,"roll_ups":[{"nam":"x","operator":"summ","levels":[1],"version":-1},{"name":"y","operator":"count"}],
            "attributes":[7,{"name":"z","expression":5,"label":false}],"past":[{"name":"p","of":"x","days_ago":-3}]}"#,
    ])
    .unwrap_err();
    let at: Vec<&str> = errors.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        at,
        [
            "/attributes/0",
            "/attributes/1/expression",
            "/attributes/1/label",
            "/past/0/days_ago",
            "/roll_ups/0/levels/0",
            "/roll_ups/0",
            "/roll_ups/0/operator",
            "/roll_ups/0/version",
            "/roll_ups/0",
        ],
        "{errors}"
    );
}

#[test]
fn a_schema_grows_under_a_live_catalog() {
    let with = |attributes: &[(&str, AttributeType)]| -> Arc<Schema> {
        let mut builder = Schema::builder().account_type("Company", Nesting::Free);
        for (name, kind) in attributes {
            builder = builder.attribute(Attribute::new(name, kind.clone()));
        }
        Arc::new(builder.build().unwrap())
    };
    let old = with(&[
        ("seats", AttributeType::Int),
        ("region", AttributeType::Text),
        ("idle", AttributeType::Bool),
    ]);
    let usage = usage_schema();
    let definitions = [
        sum("all_seats", "seats"),
        attribute("share", "ratio(seats, root.all_seats)"),
        segment("large", "seats > 100 && children.all(c, c.seats > 1)"),
        attribute("exported", "events(\"export\").sum(e, e.seats)"),
    ];
    let catalog = Catalog::new(&old, &usage, definitions).unwrap();
    let new = with(&[
        ("licences", AttributeType::Int),
        ("region", AttributeType::Int),
        ("since", AttributeType::Date),
    ]);
    let change = SchemaChange::new().rename(SchemaPart::attribute("seats"), "licences").exactly(&new);
    let evolved = catalog.evolve(&change).unwrap();
    assert_eq!((&*evolved.added, &*evolved.removed), (&["since".into()][..], &["idle".into()][..]));
    assert_eq!(evolved.renamed[0].2.len(), 3);
    assert_eq!((&*evolved.retyped[0].attribute, evolved.retyped[0].impact.len()), ("region", 0));
    let json = evolved.catalog.to_json().to_string();
    assert!(json.contains("licences > 100 && children.all(c, c.licences > 1)"), "{json}");
    // The measure of the event has the old name, and keeps it.
    assert!(json.contains("events(\\\"export\\\").sum(e, e.seats)"), "{json}");

    let errors = match catalog.evolve(&SchemaChange::new().exactly(&new)) {
        Err(CatalogEvolveError::Definitions(errors)) => errors,
        other => panic!("{other:?}"),
    };
    assert_eq!(errors.faults().len(), 3, "{errors}");
}

#[test]
fn the_past_is_a_column() {
    let (book, _) = forest(&[[0, 0, 9, 3, 0], [8, 1, 9, 3, 0]]).load(7, Policy::strict());
    let catalog = Catalog::new(
        book.schema(),
        &usage_schema(),
        [
            sum("all_seats", "seats"),
            PastValue::new("all_seats_30d_ago", "all_seats", 30).into(),
            attribute("growth", "change(all_seats, all_seats_30d_ago)"),
        ],
    )
    .unwrap();
    let day = as_of().date();
    let earlier = day.plus_days(-40).unwrap();
    let mut history = MemoryHistory::new();
    let then = book.view(&Scope::all(), perennial::AsOf::date_utc(earlier)).unwrap();
    history.record_all(&catalog.run(&then, None, None), ["all_seats"]);
    let view = crate::common::view(&book);
    let root = view.accounts().next().unwrap();
    let before = catalog.run(&view, None, Some(&history));
    let seats = before.value("all_seats", root).unwrap();
    assert_eq!(before.value("all_seats_30d_ago", root), Some(seats.clone()));
    assert_eq!(before.value("growth", root), Some(ExprValue::Double(0.0)));
    // Without a history nothing is known of it.
    assert_eq!(catalog.run(&view, None, None).value("growth", root), None);
    history.record(root.id_str(), "all_seats", day.plus_days(-30).unwrap(), Some(ExprValue::Int(1)));
    let after = catalog.run(&view, None, Some(&history));
    let ExprValue::Int(now) = seats else { panic!("{seats}") };
    assert_eq!(after.value("growth", root), Some(ExprValue::Double((now - 1) as f64)));
}

#[test]
fn built_in_definitions_answer_what_they_are_named_after() {
    let schema: Arc<Schema> = Arc::new(
        Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("stage", AttributeType::Text))
            .attribute(Attribute::new("since", AttributeType::Date))
            .attribute(Attribute::new("licences", AttributeType::Int))
            .table(
                perennial::ChildTable::new("contacts", perennial::TableKind::Users)
                    .column(Attribute::new("email", AttributeType::Text)),
            )
            .build()
            .unwrap(),
    );
    let today = Date::new(2026, 1, 31).unwrap();
    let day = |back: i32| today.plus_days(-back).unwrap();
    let row = |name: &str, since: i32, licences: i64| {
        perennial::AccountRow::new(id(name), "Company")
            .with("stage", "paying")
            .with("since", day(since))
            .with("licences", licences)
    };
    let contact = |number: &str, account: &str, email: &str| {
        perennial::ChildRow::new(crate::common::child(number), id(account)).with("email", email)
    };
    let source = perennial::source::MemorySource::new()
        .account(row("top", 400, 10))
        .account(row("crm", 400, 4).under(id("top")))
        .account(row("new", 4, 2).under(id("top")))
        .child("contacts", contact("1", "top", "Ann@x.example"))
        .child("contacts", contact("2", "crm", "ann@x.example"))
        .child("contacts", contact("3", "crm", "bob@x.example"));
    let (book, _) = Book::load(schema.clone(), &source, &Policy::strict()).unwrap();
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    let event =
        |account, back: i32, user, count| Event::on("login", account, day(back)).user(user).count(count);
    usage
        .ingest(
            [
                event("crm", 1, "ann", 14),
                event("crm", 14, "bob", 14),
                // Today, and more than 14 days ago: not among the full days.
                event("crm", 0, "ann", 99),
                event("crm", 15, "ann", 99),
                event("new", 2, "ann", 8),
                event("top", 3, "cid", 13),
            ],
            today,
        )
        .unwrap();
    let mut definitions: Vec<Definition> = BuiltIn::usage(28).collect();
    definitions.push(BuiltIn::licence_utilisation("licences", 28));
    definitions.push(BuiltIn::unified_contacts("contacts", "email"));
    definitions.extend(BuiltIn::engagement("stage", "since"));
    let catalog = Catalog::new(&schema, usage.schema(), definitions).unwrap();
    let view = book.view(&Scope::all(), perennial::AsOf::date_utc(today)).unwrap();
    let derived = run(&catalog, &view, &usage);
    let shown = |name: &str, account: &str| {
        derived.value(name, view.account(account).unwrap()).map(|value| value.to_string()).unwrap_or_default()
    };
    // Ann is one person in two products.
    assert_eq!(
        [shown("active_users", "top"), shown("active_users", "crm"), shown("active_users", "new")],
        ["3", "2", "1"]
    );
    assert_eq!(shown("activity_days", "top"), "6");
    assert_eq!(shown("first_activity", "top"), "2026-01-16T00:00:00Z");
    assert_eq!(shown("last_activity", "new"), "2026-01-29T00:00:00Z");
    // Four users of sixteen licences, by account: one, two and one.
    assert_eq!(shown("licence_utilisation", "top"), "0.25");
    assert_eq!(shown("unified_contacts", "top"), "2");
    // 28 in 14 days; 8 in the 4 days since it began; 13 in 14 days are less than one a day.
    assert_eq!([shown("daily_actions", "crm"), shown("daily_actions", "new")], ["2", "2"]);
    assert_eq!(
        [shown("engagement", "crm"), shown("engagement", "new"), shown("engagement", "top")],
        ["75", "75", "0"]
    );
}

// --- Any definitions ------------------------------------------------------------------------------

fn random_definitions(random: &mut Random) -> Vec<Definition> {
    let names: Vec<String> = (0..6).map(|number| format!("n{number}")).collect();
    let mut definitions = Vec::new();
    for name in &names {
        let mut other = || {
            let number = random.below(9) as usize;
            names.get(number).cloned().unwrap_or_else(|| "seats".to_owned())
        };
        let (a, b) = (other(), other());
        let expression = match random.below(7) {
            0 => format!("{a} + {b}"),
            1 => format!("coalesce({a}, {b}, 1)"),
            2 => format!("children.sum(c, c.{a}) - {b}"),
            3 => format!("inSegment(\"{a}\") ? 1 : {b}"),
            4 => format!("metric(\"{a}\").lastDays(5).sum()"),
            5 => format!("tickets.count() + {a}"),
            _ => "seats".to_owned(),
        };
        definitions.push(match random.below(6) {
            0 => Segment::parse(name, &format!("{expression} > 3")).unwrap().into(),
            1 => Metric::new(name, "events(\"login\").count()").into(),
            2 => sum(name, &expression),
            3 => RollUp::new(name, Operator::Max(expression.into()))
                .filter(&format!("!inSegment(\"{b}\")"))
                .reach(Reach::PreferSelf)
                .into(),
            4 => Ranking::new(name, &expression).into(),
            _ => attribute(name, &expression),
        });
    }
    definitions
}

proptest! {
    #![proptest_config(config(256))]

    /// Whether definitions make sense, and what they come to, does not depend on their order; each comes after what it reads.
    #[test]
    fn any_definitions_in_any_order(seeds in prop::collection::vec(any::<[u8; 5]>(), 1..12), seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let (book, _) = forest(&seeds).load(7, Policy::strict());
        let usage = filled(&book, &mut random);
        let definitions = random_definitions(&mut random);
        let mut shuffled = definitions.clone();
        random.shuffle(&mut shuffled);
        let one = Catalog::new(book.schema(), usage.schema(), definitions);
        let other = Catalog::new(book.schema(), usage.schema(), shuffled);
        let faulty = |errors: &perennial::catalog::CatalogErrors| {
            let mut at: Vec<DefinitionRef> = errors.faults().iter().map(|fault| fault.definition.clone()).collect();
            at.sort();
            at.dedup();
            at
        };
        match (one, other) {
            (Err(a), Err(b)) => prop_assert_eq!(faulty(&a), faulty(&b), "{}\n\n{}", a, b),
            (Ok(a), Ok(b)) => {
                let view = crate::common::view(&book);
                let (derived, shuffled) = (run(&a, &view, &usage), run(&b, &view, &usage));
                let order: Vec<&DefinitionRef> = a.order().collect();
                for (place, id) in order.iter().enumerate() {
                    for step in a.lineage(id).unwrap().iter().filter(|step| step.depth == 1) {
                        if let Origin::Definition(read) = &step.origin {
                            prop_assert!(order[..place].contains(&read), "{} before {}", id, read);
                        }
                    }
                    for account in view.accounts() {
                        prop_assert_eq!(derived.value(&id.name, account), shuffled.value(&id.name, account));
                        prop_assert_eq!(derived.is_member(&id.name, account), shuffled.is_member(&id.name, account));
                    }
                }
            }
            (one, _) => prop_assert!(false, "accepted in one order only: {:?}", one.err().map(|e| e.to_string())),
        }
    }
}

#[test]
fn threads_and_packing_change_no_bit() {
    let seeds: Vec<[u8; 5]> = (0..120_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
        .map(|b| [b[0], b[1], b[2], b[3], b[0] ^ b[2]])
        .collect();
    let mut definitions = deep();
    definitions.extend(BuiltIn::usage(28));
    let mut told: Vec<Vec<String>> = Vec::new();
    for chunk_rows in crate::common::CHUNK_ROWS {
        let (book, _) = forest(&seeds).load(chunk_rows, Policy::strict());
        let usage = filled(&book, &mut Random::new(5));
        let catalog = Catalog::new(book.schema(), usage.schema(), definitions.clone()).unwrap();
        let view = crate::common::view(&book);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let derived = pool.install(|| run(&catalog, &view, &usage));
            let mut lines: Vec<String> = Vec::new();
            for account in view.accounts() {
                let values = catalog.order().map(|id| {
                    let value = derived.value(&id.name, account);
                    let bits = match &value {
                        Some(ExprValue::Double(double)) => double.to_bits(),
                        _ => 0,
                    };
                    format!("{value:?} {bits} {}", derived.is_member(&id.name, account))
                });
                lines.push(format!("{} {}", account.id_str(), values.collect::<Vec<_>>().join(" ")));
            }
            told.push(lines);
        }
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]));
}

// --- Names of the language ---------------------------------------------------------------------------

const WORDS: [&str; 56] = [
    "links",
    "successions",
    "id",
    "parent",
    "account_type",
    "product",
    "level",
    "root",
    "ancestors",
    "lineage",
    "children",
    "descendants",
    "subtree",
    "siblings",
    "under",
    "strictlyUnder",
    "owns",
    "products",
    "inSegment",
    "health",
    "usage",
    "roll",
    "attr",
    "has",
    "coalesce",
    "isNot",
    "isTrue",
    "between",
    "ratio",
    "today",
    "now",
    "daysAgo",
    "daysFromNow",
    "startOf",
    "endOf",
    "date",
    "timestamp",
    "duration",
    "int",
    "double",
    "string",
    "bool",
    "math",
    "size",
    "true",
    "false",
    "null",
    "in",
    "account",
    "accounts",
    "rank",
    "row",
    "like",
    "self",
    // Names behind a word that leads to another account.
    "parent.seats",
    "root.name",
];

#[test]
fn no_definition_changes_what_a_word_of_the_language_means() {
    let schema = schema();
    let refused = |definition: Definition| {
        let kind = definition.kind();
        let name = definition.name().to_owned();
        let error = Catalog::new(&schema, &usage_schema(), [definition]).unwrap_err();
        assert_eq!(error.to_string(), format!("{} `{name}`: name `{name}` is reserved", kind.word()));
    };
    for word in WORDS {
        refused(attribute(word, "seats"));
        refused(PastValue::new(word, "seats", 7).into());
        refused(metric(word, "events(\"login\").count()"));
        refused(sum(word, "seats"));
        refused(Ranking::new(word, "seats").into());
        refused(segment(word, "seats > 1"));
        // With the words of the schema.
        let own = Schema::builder().account_type("Company", Nesting::Free);
        let error = own.attribute(Attribute::new(word, AttributeType::Int)).build().unwrap_err();
        assert!(error.to_string().contains(&format!("name `{word}` is reserved")), "{error}");
        // And without a catalog.
        let roll_up = RollUp::new(word, Operator::Count);
        let error = perennial::aggregate::RollUpPlan::new(&schema, &*schema, [roll_up]).unwrap_err();
        assert_eq!(error.to_string(), format!("roll-up `{word}`: name `{word}` is reserved"));
        let error = perennial::aggregate::Metrics::new(
            &usage_schema(),
            [Metric::new(word, "events(\"login\").count()")],
        );
        assert_eq!(error.unwrap_err().to_string(), format!("metric `{word}`: name `{word}` is reserved"));
    }
    // `level == 1` means what it meant: a root.
    let (book, _) = Book::load(schema.clone(), &deep_rows(), &Policy::strict()).unwrap();
    let rules = [segment("top", "level == 1"), attribute("levels", "level")];
    let catalog = Catalog::new(&schema, &usage_schema(), rules).unwrap();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let derived = catalog.run(&view, None, None);
    let top: Vec<String> =
        view.accounts().filter(|a| derived.is_member("top", *a)).map(|a| a.id().to_string()).collect();
    assert_eq!(top, ["p"]);
    // A dotted name in a namespace is no word, and neither is a child table's name an attribute's.
    assert!(Catalog::new(&schema, &usage_schema(), [attribute("health.score", "seats")]).is_ok());
    let error = Catalog::new(&schema, &usage_schema(), [attribute("tickets", "seats")]).unwrap_err();
    assert_eq!(error.to_string(), "calculated attribute `tickets`: a child table of the schema has the name");
}

/// p with 2 seats over x with 1.
fn deep_rows() -> perennial::source::MemorySource {
    let row = |text: &str, seats: i64| perennial::AccountRow::new(id(text), "Company").with("seats", seats);
    perennial::source::MemorySource::new().account(row("p", 2)).account(row("x", 1).under(id("p")))
}
