//! Kinds of definitions that a host brings, and values that come with a question.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::definitions::{attribute, definitions, same_faults, segment};
use crate::common::kinds::{Hysteresis, Lines, Points, customs, kinds};
use crate::common::{Rows, as_of, config, forest, id_of, import, schema};
use crate::engine::{engine_over, is_of_definitions, past, step};
use perennial::aggregate::{Event, EventKind, Usage, UsageSchema, UsageSettings};
use perennial::catalog::{
    Catalog, Custom, CustomInput, CustomInputs, CustomKind, CustomKinds, CustomOutput, CustomPart,
    Definition, DefinitionKind, DefinitionRef, History, InputType, InputValue, MAX_CUSTOM_INPUTS,
    MAX_CUSTOM_OUTPUTS, MAX_CUSTOM_PARTS, MemoryHistory, Origin, Parameter, ParameterType, RunInputs,
};
use perennial::engine::{Engine, EngineSettings, JournalError, MemoryJournal, Update};
use perennial::expr::{Columns, ExplainLimits, Explanation, ExprValue, Names, Of, Type};
use perennial::source::MemorySource;
use perennial::testkit::conformance::CustomKindCase;
use perennial::testkit::{OracleCatalog, OracleUsage, custom_kind_conformance};
use perennial::{
    AccountId, AccountRow, Attribute, AttributeType, Book, Change, Currency, Date, Decimal, ExchangeRate,
    Nesting, Policy, Rates, Schema, SchemaChange, SchemaPart, Scope,
};
use proptest::prelude::*;

fn int(value: i64) -> InputValue {
    InputValue::Value(Some(ExprValue::Int(value)))
}

custom_kind_conformance!(hysteresis, || {
    let day = Date::new(2026, 1, 3).unwrap();
    let high = InputValue::Records(vec![(day, Some(ExprValue::Text("high".into())))]);
    CustomKindCase::new(Hysteresis, as_of()).given([int(70), high.clone()]).given([int(30), high])
});

custom_kind_conformance!(lines, || {
    let hours = |tenths| Some(ExprValue::Decimal(perennial::Decimal::new(tenths, 1)));
    let contracts = InputValue::Rows(vec![vec![None], vec![None]]);
    let tickets = InputValue::Rows(vec![vec![hours(15)], vec![None], vec![hours(7)]]);
    CustomKindCase::new(Lines, as_of()).given([contracts, tickets])
});

custom_kind_conformance!(family_kind, || CustomKindCase::new(crate::common::kinds::Family, as_of())
    .given([int(4), int(2)])
    .defined([CustomInput::value("seats"), CustomInput::value("1"), CustomInput::value("2")]));

custom_kind_conformance!(points, || CustomKindCase::new(Points, as_of()).given([int(4), int(-2)]));

/// A kind of so many outputs, which gives its first inputs.
#[derive(Debug)]
struct Gives(&'static str, u64, Vec<CustomOutput>);

impl CustomKind for Gives {
    fn word(&self) -> &str {
        self.0
    }
    fn version(&self) -> u64 {
        self.1
    }
    fn outputs(&self) -> Vec<CustomOutput> {
        self.2.clone()
    }
    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        (0..self.2.len()).map(|input| inputs.value(input).cloned()).collect()
    }
}

fn gives(word: &'static str, version: u64, outputs: Vec<CustomOutput>) -> Arc<dyn CustomKind> {
    Arc::new(Gives(word, version, outputs))
}

/// Reads what another gives, and counts how often it is asked.
#[derive(Debug)]
struct Counts(AtomicUsize);

impl CustomKind for Counts {
    fn word(&self) -> &'static str {
        "counts"
    }
    fn version(&self) -> u64 {
        1
    }
    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::own(Type::Text)]
    }
    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        vec![inputs.value(0).cloned()]
    }
}

fn catalog(definitions: impl IntoIterator<Item = Definition>) -> Result<Catalog, String> {
    let usage = UsageSchema::new([EventKind::new("login")]).unwrap();
    Catalog::new(&schema(), &usage, definitions).map_err(|errors| errors.to_string())
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn what_gives_its_input_is_what_a_calculated_attribute_is(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        steps in prop::collection::vec(any::<[u8; 5]>(), 1..8),
        packing in 0_usize..6,
        visible in any::<u64>(),
    ) {
        let engine = engine_over(&seeds, packing);
        let all = definitions(false);
        engine.define(all.clone()).unwrap();
        let names = engine.published().catalog().names().clone();
        let mut pairs = Vec::new();
        let mut more: Vec<Definition> = Vec::new();
        for definition in &all {
            let Definition::Attribute(of) = definition else { continue };
            let kind = names.name(Of::Account, of.name()).unwrap().kind().clone();
            // By its own name, and as the second of two below it.
            let own = format!("own_{}", of.name());
            more.push(Custom::new(&own, &gives("own", 1, vec![CustomOutput::own(kind.clone())])).reading(CustomInput::value(of.expression())).into());
            let two = format!("two_{}", of.name());
            let outputs = vec![CustomOutput::new("first", Type::Int), CustomOutput::new("second", kind)];
            let kind = gives("two", 1, outputs);
            let part = |name: &str| CustomPart::new(name).reading(CustomInput::value("1")).reading(CustomInput::value(of.expression()));
            // In parts that say the same, so that it does not matter which is for an account.
            more.push(Custom::new(&two, &kind).part(part("a").when("seats > 20")).part(part("b").when("active")).part(part("c")).into());
            pairs.push((of.name().to_owned(), own, format!("{two}.second")));
        }
        engine.define(more).unwrap();
        for (number, bytes) in steps.iter().enumerate() {
            // The definitions themselves stay.
            if !is_of_definitions(*bytes) {
                let _ = step(&engine, *bytes, number);
            }
            let state = engine.published();
            let shown = state.book().view(&Scope::all(), as_of()).unwrap();
            let ids: BTreeSet<AccountId> = shown.accounts().enumerate().filter(|(place, _)| visible >> (place % 64) & 1 == 1).map(|(_, account)| account.id()).collect();
            for scope in [Scope::all(), Scope::of(state.book().accounts(ids.iter().map(AccountId::as_str)))] {
                let view = state.view(&scope).unwrap();
                for account in view.accounts().accounts() {
                    for (name, own, second) in &pairs {
                        let value = view.value(name, account);
                        prop_assert_eq!(&view.value(own, account), &value, "{} of {}", own, account.id());
                        prop_assert_eq!(&view.value(second, account), &value, "{} of {}", second, account.id());
                    }
                }
            }
        }
    }
}

#[test]
fn a_set_gives_each_account_what_its_first_part_says() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int));
    let id = |id: &str| AccountId::new(id).unwrap();
    let row = |name: &str, seats: i64| AccountRow::new(id(name), "Company").with("seats", seats);
    let source = MemorySource::new()
        .account(row("large-top", 50))
        .account(row("small-top", 5))
        .account(row("large-below", 10).under(id("large-top")))
        .account(row("small-below", 9).under(id("small-top")))
        .account(AccountRow::new(id("nothing-known"), "Company").under(id("small-top")));
    let (book, _) = Book::load(schema.build().unwrap(), &source, &Policy::strict()).unwrap();
    let kind: Arc<dyn CustomKind> = Arc::new(Points);
    let set = Custom::new("grade", &kind)
        .part(CustomPart::new("large").when("seats >= 10").reading(CustomInput::value("1")))
        .part(CustomPart::new("below").when("has(parent.id)").reading(CustomInput::value("20")))
        .part(CustomPart::new("top").when("!has(parent.id)").reading(CustomInput::value("300")));
    let catalog = Catalog::new(book.schema(), &UsageSchema::default(), [set.into()]).unwrap();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let derived = catalog.run(&view, None, None);
    // The large ones are below or at the top as well: the first part that holds counts.
    let expected = [
        ("large-top", 1.0),
        ("small-top", 300.0),
        ("large-below", 1.0),
        ("small-below", 20.0),
        ("nothing-known", 20.0),
    ];
    for (id, points) in expected {
        let account = view.account(id).unwrap();
        assert_eq!(derived.value("grade", account), Some(ExprValue::Double(points)), "{id}");
    }
}

/// The reader of one output is not woken by another.
#[test]
fn who_reads_one_output_is_not_woken_by_another() {
    let counts = Arc::new(Counts(AtomicUsize::new(0)));
    let kind: Arc<dyn CustomKind> = counts.clone();
    let mut past = MemoryHistory::new();
    let on = as_of().date().plus_days(-3).unwrap();
    past.record("acme", "steady.band", on, Some(ExprValue::Text("high".into())));
    let engine = steady_engine(past);
    let reader = Custom::new("reader", &kind).reading(CustomInput::value("steady.band"));
    let of_days = Arc::new(Counts(AtomicUsize::new(0)));
    let days_kind: Arc<dyn CustomKind> = of_days.clone();
    let days_reader =
        Custom::new("days_reader", &days_kind).reading(CustomInput::value("string(steady.days)"));
    engine.define([reader.into(), days_reader.into()]).unwrap();
    let acme = AccountId::new("acme").unwrap();
    let set = |seats: i64| engine.apply(Change::new().set(&acme, "seats", seats)).unwrap();
    let asked = |work: &dyn Fn()| {
        let before = counts.0.load(Ordering::Relaxed);
        work();
        counts.0.load(Ordering::Relaxed) - before
    };
    let before = of_days.0.load(Ordering::Relaxed);
    assert_eq!(asked(&|| drop(set(3))), 1, "the band is another one");
    assert_eq!(of_days.0.load(Ordering::Relaxed), before, "the days are the same");
    assert_eq!(asked(&|| drop(set(4))), 0, "the band is the same");
    // A day later the days since the last record are others, and nothing else.
    let days = || {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.account("acme").and_then(|account| view.value("steady.days", account))
    };
    assert_eq!(days(), Some(ExprValue::Int(3)));
    let next = perennial::AsOf::date_utc(as_of().date().plus_days(1).unwrap());
    assert_eq!(asked(&|| drop(engine.apply(Update::new().moment(next.clone())).unwrap())), 0);
    assert_eq!(days(), Some(ExprValue::Int(4)));
    assert_eq!(of_days.0.load(Ordering::Relaxed), before + 1, "the days differ");
}

/// One account of 40 seats, and its hysteresis.
fn steady_engine(past: MemoryHistory) -> Engine {
    let settings = EngineSettings::new();
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int));
    let engine = Engine::new(schema.build().unwrap(), as_of(), settings).unwrap();
    let row = AccountRow::new(AccountId::new("acme").unwrap(), "Company").with("seats", 40_i64);
    engine.load(&MemorySource::new().account(row)).unwrap();
    let kind: Arc<dyn CustomKind> = Arc::new(Hysteresis);
    let steady = Custom::new("steady", &kind)
        .reading(CustomInput::value("seats"))
        .reading(CustomInput::last("steady.band"));
    engine.define([steady.into(), segment("high", "steady.band == \"high\"")]).unwrap();
    import(&engine, &past, &[AccountId::new("acme").unwrap()]);
    engine
}

#[test]
fn a_record_of_its_own_is_no_ring_and_a_value_is() {
    let [steady, ..] = customs(false);
    let word = |outputs| gives("word", 1, outputs);
    // Each reads what was recorded of the other, and one reads what the other is.
    let text = || vec![CustomOutput::new("word", Type::Text)];
    let left = Custom::new("left", &word(text())).reading(CustomInput::value("coalesce(right.word, \"\")"));
    let right = Custom::new("right", &word(text())).reading(CustomInput::last("left.word"));
    let known = catalog([steady.clone().into(), left.clone().into(), right.clone().into()]).unwrap();
    let order: Vec<&str> = known.order().map(|id| &*id.name).collect();
    assert_eq!(order, ["steady", "right", "left"]);
    // What each comes from is told all the same, and nobody changes itself.
    let right_ref = DefinitionRef { kind: DefinitionKind::Custom("word".into()), name: "right".into() };
    let changed: Vec<String> = known
        .impact(&Origin::Definition(right_ref))
        .iter()
        .map(|impact| impact.definition().to_string())
        .collect();
    assert_eq!(changed, ["word `left`"]);

    let ring = Custom::new("right", &word(text())).reading(CustomInput::value("left.word"));
    let errors = catalog([left.into(), ring.into()]).unwrap_err();
    assert!(errors.contains("word `left`: it reads itself: left -> right -> left"), "{errors}");

    // One column by its own name is declared as well; that of a calculated attribute is not, and must stand before.
    let own = Custom::new("own", &gives("own", 1, vec![CustomOutput::own(Type::Int)]));
    assert!(catalog([own.clone().reading(CustomInput::last("own")).into()]).is_ok());
    let errors =
        catalog([own.reading(CustomInput::last("reads")).into(), attribute("reads", "own + 1")]).unwrap_err();
    assert!(errors.contains("own `own`: it reads itself"), "{errors}");
}

#[test]
fn hysteresis_over_the_record_that_a_host_keeps() {
    let engine = |past: MemoryHistory| {
        let engine = steady_engine(past);
        let view = engine.published().view(&Scope::all()).unwrap();
        let acme = view.account("acme").unwrap();
        (view.value("steady.band", acme), view.value("steady.days", acme), view.is_member("high", acme))
    };
    let text = |text: &str| Some(ExprValue::Text(text.into()));
    let on = |ago: i32| as_of().date().plus_days(-ago).unwrap();
    // 40 is neither: it stays what it was, and was low where nobody knows.
    assert_eq!(engine(MemoryHistory::new()), (text("low"), None, false));
    let mut past = MemoryHistory::new();
    past.record("acme", "steady.band", on(3), text("high"));
    // Today's own record would be the question itself.
    past.record("acme", "steady.band", on(0), text("low"));
    assert_eq!(engine(past.clone()), (text("high"), Some(ExprValue::Int(3)), true));
    past.record("acme", "steady.band", on(1), None);
    assert_eq!(engine(past), (text("low"), Some(ExprValue::Int(1)), false));
}

#[test]
fn documents_hold_them_and_tell_what_is_not_known() {
    let all: Vec<Definition> = customs(false)
        .map(Definition::from)
        .into_iter()
        .chain([
            Parameter::new("viewer", ParameterType::Text).into(),
            Parameter::new("limit", ParameterType::Int).into(),
            attribute("seats_sum", "1"),
        ])
        .collect();
    let catalog = catalog(all).unwrap();
    let text = catalog.to_json().to_string();
    let read = Catalog::read_with(&kinds(), [text.as_str()]).unwrap();
    let by_name = |all: &[Definition]| {
        let mut all = all.to_vec();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    };
    assert_eq!(by_name(&read), by_name(catalog.definitions()));

    let refused = |kinds: &CustomKinds, text: &str| -> Vec<String> {
        let errors = Catalog::read_with(kinds, [text]).unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    };
    let errors = refused(&CustomKinds::new(), &text);
    assert_eq!(errors.len(), 4);
    assert_eq!(
        errors[0],
        "document 0: at `/custom/0/kind`: unknown kind of definition `hysteresis`; allowed: none"
    );
    let one = r#"{"v":1,"custom":[{"kind":"line","name":"x"},{"kind":"lines","kind_version":2,"gives":["text"],"name":"y","read":[]},
        {"kind":"lines","name":"z","reads":[{"valu":"seats"},{"value":"seats"},{"rows":{"table":"t"}}],"parts":[{"nam":"x"}]}]}"#;
    assert_eq!(
        refused(&kinds(), one),
        [
            "document 0: at `/custom/0/kind`: unknown kind of definition `line`; did you mean `lines`?",
            "document 0: at `/custom/1`: unknown field `read`; did you mean `reads`?",
            "document 0: at `/custom/1/kind_version`: it was written with version 2 of the kind `lines`, and here is 3",
            "document 0: at `/custom/2/reads/0`: unknown input `valu`; did you mean `value`?",
            "document 0: at `/custom/2/reads/2/rows`: missing field `columns`",
            "document 0: at `/custom/2/parts/0`: unknown field `nam`; did you mean `name`?",
            "document 0: at `/custom/2/parts/0`: missing field `name`",
            "document 0: at `/custom/2/parts/0`: missing field `reads`",
        ]
    );
    assert_eq!(
        kinds().with(Arc::new(Lines)).unwrap_err().to_string(),
        "there is version 3 of a kind `lines` already"
    );
}

#[test]
fn a_journal_asks_the_settings_for_the_kinds() {
    let journal = MemoryJournal::new();
    let settings = |kinds: CustomKinds| EngineSettings::new().kinds(kinds);
    let engine = Engine::new(schema(), as_of(), settings(kinds()).journal(journal.clone())).unwrap();
    engine.load(&forest(&[[0, 0, 9, 3, 4], [1, 0, 40, 3, 4]]).source()).unwrap();
    import(&engine, &past(), &[id_of(0), id_of(1)]);
    let [steady, lines, ..] = customs(false);
    engine.define([steady.clone().into(), lines.into(), segment("high", "steady.band == \"high\"")]).unwrap();
    engine.apply(Change::new().set(&id_of(0), "seats", 75_i64)).unwrap();
    let high = DefinitionRef { kind: DefinitionKind::Custom("hysteresis".into()), name: "steady".into() };
    engine.apply(Update::new().unsubscribe(high.clone())).unwrap();
    engine.apply(Update::new().subscribe(high)).unwrap();

    let restore = |kinds| Engine::restore(settings(kinds), &journal.bytes(), None);
    let (again, restored) = restore(kinds()).unwrap();
    assert_eq!(restored.version, engine.published().version());
    let by_name = |engine: &Engine| {
        let mut all = engine.published().catalog().definitions().to_vec();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    };
    assert_eq!(by_name(&again), by_name(&engine));
    assert_eq!(
        again.published().subscribed().collect::<Vec<_>>(),
        engine.published().subscribed().collect::<Vec<_>>()
    );
    let view = again.published().view(&Scope::all()).unwrap();
    let account = view.account(id_of(0).as_str()).unwrap();
    assert_eq!(view.value("steady.band", account), Some(ExprValue::Text("high".into())));

    let why = |kinds| match restore(kinds) {
        Err(JournalError::Definitions { errors, offset }) => {
            assert!(offset > 0 && offset < journal.bytes().len());
            errors.to_string()
        }
        other => panic!("{other:?}"),
    };
    let lines: Arc<dyn CustomKind> = Arc::new(Lines);
    let only_lines = CustomKinds::new().with(lines.clone()).unwrap();
    assert_eq!(
        why(only_lines.clone()),
        "document 0: at `/custom/0/kind`: unknown kind of definition `hysteresis`; allowed: lines"
    );
    let newer = gives("hysteresis", 2, Hysteresis.outputs());
    assert_eq!(
        why(only_lines.clone().with(newer.clone()).unwrap()),
        "document 0: at `/custom/0/kind_version`: it was written with version 1 of the kind `hysteresis`, and here is 2"
    );
    // With both versions it is read, and a new definition is of the newer one.
    let both = kinds().with(newer.clone()).unwrap();
    assert_eq!(both.get("hysteresis").unwrap().version(), 2);
    assert!(restore(both).is_ok());
    // What could not be restored is not taken; without a journal it is.
    let other = Custom::new("other", &newer).reading(CustomInput::value("\"x\""));
    let error = engine.define([other.clone().into()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hysteresis `other`: `EngineSettings::kinds` has no version 2 of its kind with the same outputs, so that no journal could be restored with it"
    );
    assert!(Engine::new(schema(), as_of(), EngineSettings::new()).unwrap().define([other.into()]).is_ok());
    let others = gives("hysteresis", 1, vec![CustomOutput::own(Type::Text)]);
    assert_eq!(
        why(only_lines.with(others).unwrap()),
        "document 0: at `/custom/0/gives`: the kind `hysteresis` gave band: text, previous: text, days: whole number, and gives text here"
    );
}

#[test]
fn a_name_reserves_all_below_it() {
    let [steady, ..] = customs(false);
    let errors =
        catalog([steady.clone().into(), attribute("steady.other", "1"), attribute("steadyish", "1")])
            .unwrap_err();
    assert_eq!(
        errors,
        "calculated attribute `steady.other`: the hysteresis `steady` reserves all names below `steady.`"
    );
    // In whatever order they come.
    let first = catalog([attribute("steady.other", "1"), attribute("reads", "steady.other + 1")]).unwrap();
    let later = first.edited([], [steady.clone().into()]).unwrap_err();
    let fresh = catalog([
        attribute("steady.other", "1"),
        attribute("reads", "steady.other + 1"),
        steady.clone().into(),
    ]);
    assert_eq!(later.to_string(), fresh.unwrap_err());
    let below =
        catalog([steady.clone().into()]).unwrap().edited([], [attribute("steady.band", "1")]).unwrap_err();
    assert_eq!(
        below.to_string(),
        "calculated attribute `steady.band`: the hysteresis `steady` reserves all names below `steady.`"
    );
    let dotted = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("steady.owner", AttributeType::Text));
    let errors =
        Catalog::new(&Arc::new(dotted.build().unwrap()), &UsageSchema::default(), [steady.clone().into()])
            .unwrap_err();
    assert_eq!(
        errors.to_string(),
        "hysteresis `steady`: it reserves all names below its own, and the schema has an attribute `steady.owner`"
    );
    // The name itself is no column.
    let errors = catalog([steady.clone().into(), attribute("reads", "steady + 1")]).unwrap_err();
    assert!(errors.starts_with("calculated attribute `reads`: E101"), "{errors}");
    // What stands at the end of a walk is read as everywhere.
    let of_others = [
        "parent.steady.days",
        "lineage.at(\"Group\").steady.days",
        "children.sum(c, c.steady.days)",
        "root.`steady.days`",
    ];
    for text in of_others {
        catalog([steady.clone().into(), attribute("reads", text)])
            .unwrap_or_else(|errors| panic!("{text}: {errors}"));
    }
}

#[test]
fn all_faults_are_told_with_their_part_and_input() {
    let kind: Arc<dyn CustomKind> = Arc::new(Points);
    let wrong = Custom::new("wrong", &kind)
        .part(
            CustomPart::new("a")
                .when("seat > 1")
                .reading(CustomInput::value("1 + true"))
                .reading(CustomInput::rows("ticket", &[])),
        )
        .part(
            CustomPart::new("b")
                .when("seats")
                .reading(CustomInput::rows("tickets", &["row.hour", "row.x"]))
                .reading(CustomInput::last("seets"))
                .reading(CustomInput::events("logon", 3, &[]))
                .reading(CustomInput::events("login", 3, &["row.day", "row.hours"]))
                .reading(CustomInput::events("login", 0, &["row.day"])),
        );
    let errors = catalog([wrong.into()]).unwrap_err();
    let starts = [
        "points `wrong`: part `a`: its question: E101",
        "points `wrong`: part `a`: input 1: E103",
        "points `wrong`: part `a`: input 2: there is no child table `ticket`; did you mean `tickets`?",
        "points `wrong`: part `b`: its question: E1",
        "points `wrong`: part `b`: input 1, column 1: E101",
        "points `wrong`: part `b`: input 1, column 2: E101",
        "points `wrong`: part `b`: input 2: there is no attribute `seets`; did you mean `seats`?",
        "points `wrong`: part `b`: input 3: there is no event `logon`; did you mean `login`?",
        "points `wrong`: part `b`: input 4, column 2: E101",
        "points `wrong`: part `b`: input 5: a window has a day at least",
    ];
    let told: Vec<&str> = errors.lines().filter(|line| line.starts_with("points")).collect();
    assert_eq!(told.len(), starts.len(), "{errors}");
    for (line, start) in told.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}: not {start}");
    }

    let say = |definition: Custom| catalog([definition.into()]).unwrap_err();
    let part = |name: &str| CustomPart::new(name).reading(CustomInput::value("1"));
    let own = || vec![CustomOutput::own(Type::Int)];
    let named = |name: &str| CustomOutput::new(name, Type::Int);
    let twice = gives("k", 1, vec![named("x"), named("x"), CustomOutput::new("", Type::Int)]);
    assert_eq!(say(Custom::new("c", &gives("k", 1, vec![]))), "k `c`: the kind `k` gives nothing");
    let told = say(Custom::new("c", &twice));
    assert!(
        told.contains("the kind `k` has two outputs `x`") && told.contains("has an output whose"),
        "{told}"
    );
    assert_eq!(
        say(Custom::new("c", &gives("k", 1, [own(), own()].concat()))),
        "k `c`: the kind `k` has several outputs, so that each needs a name"
    );
    for word in ["metric", "roll-up", "past value"] {
        assert_eq!(
            say(Custom::new("c", &gives(word, 1, own())).reading(CustomInput::value("1"))),
            format!("{word} `c`: `{word}` is a kind of the library")
        );
    }
    for kind in [Type::MixedMoney, Type::Decimal { scale: 19 }, Type::list(Type::Record(Arc::new([])))] {
        let told =
            say(Custom::new("c", &gives("k", 1, vec![CustomOutput::own(kind)]))
                .reading(CustomInput::value("1")));
        assert!(told.ends_with("which no column holds"), "{told}");
    }
    let mixed = Custom::new("c", &kind)
        .reading(CustomInput::value("1"))
        .part(part("a"))
        .part(part("a").when("active"));
    assert_eq!(
        say(mixed),
        "points `c`: it has inputs of its own beside parts\npoints `c`: two parts are named `a`\n\
         points `c`: part `a` is for all accounts, so that no part after it applies"
    );
    // Limits, and one less.
    let inputs =
        |many: usize| (0..many).fold(Custom::new("c", &kind), |of, _| of.reading(CustomInput::value("1")));
    assert_eq!(say(inputs(MAX_CUSTOM_INPUTS + 1)), "points `c`: 65 inputs in one list, and 64 are allowed");
    assert!(catalog([inputs(MAX_CUSTOM_INPUTS).into()]).is_ok());
    let columns =
        |many: usize| Custom::new("c", &kind).reading(CustomInput::rows("tickets", &vec!["row.hours"; many]));
    assert_eq!(
        say(columns(MAX_CUSTOM_INPUTS + 1)),
        "points `c`: an input has 65 columns, and 64 are allowed"
    );
    assert!(catalog([columns(MAX_CUSTOM_INPUTS).into()]).is_ok());
    let parts = |many: usize| {
        (0..many).fold(Custom::new("c", &kind), |of, at| of.part(part(&format!("p{at}")).when("active")))
    };
    assert_eq!(say(parts(MAX_CUSTOM_PARTS + 1)), "points `c`: it has 1001 parts, and 1000 are allowed");
    assert!(catalog([parts(MAX_CUSTOM_PARTS).into()]).is_ok());
    let outputs = |many: usize| {
        Custom::new("c", &gives("k", 1, (0..many).map(|at| named(&format!("o{at}"))).collect()))
    };
    assert_eq!(
        say(outputs(MAX_CUSTOM_OUTPUTS + 1)),
        "k `c`: the kind `k` has 65 outputs, and 64 are allowed"
    );
    assert!(catalog([outputs(MAX_CUSTOM_OUTPUTS).into()]).is_ok());
    assert_eq!(
        say(Custom::new("c", kinds().get("hysteresis").unwrap()).reading(CustomInput::value("seats"))),
        "hysteresis `c`: it takes a number, and the last record of its own band"
    );
}

/// Attributes are renamed in every text, in the names of records as well.
#[test]
fn a_schema_with_other_names_evolves_them() {
    let of = |attribute: &str| {
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new(attribute, AttributeType::Int));
        Arc::new(schema.build().unwrap())
    };
    let kind: Arc<dyn CustomKind> = Arc::new(Points);
    let points = Custom::new("points", &kind).part(
        CustomPart::new("a")
            .when("seats > 1")
            .reading(CustomInput::value("seats"))
            .reading(CustomInput::ago("seats", 3)),
    );
    let first = Catalog::new(&of("seats"), &UsageSchema::default(), [points.into()]).unwrap();
    let change = SchemaChange::new().rename(SchemaPart::attribute("seats"), "places");
    let next = first.evolve(&change).unwrap().catalog;
    let renamed = Custom::new("points", &kind).part(
        CustomPart::new("a")
            .when("places > 1")
            .reading(CustomInput::value("places"))
            .reading(CustomInput::ago("places", 3)),
    );
    assert_eq!(next.definitions(), [renamed.into()]);
}

#[test]
fn why_names_the_part_and_explains_its_inputs() {
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4]], 3);
    let all = customs(false).map(Definition::from).into_iter().chain([
        Parameter::new("viewer", ParameterType::Text).into(),
        Parameter::new("limit", ParameterType::Int).into(),
        attribute("seats_sum", "subtree.sum(a, a.seats)"),
        segment("good", "points > 5.0"),
    ]);
    engine.define(all).unwrap();
    engine.apply(Change::new().set(&id_of(1), "seats", 75_i64).set_product(&id_of(1), Some("CRM"))).unwrap();
    let asked = engine.published().as_of().clone().with_parameter("viewer", "kim");
    let view = engine.published().view_at(&Scope::all(), &asked).unwrap();
    let account = view.account(id_of(1).as_str()).unwrap();
    let columns = Columns::from(&view);
    let why = columns.explain("points", account, &ExplainLimits::default()).unwrap().unwrap();
    let text = why.to_string();
    assert!(text.contains("points = 78, computed by `points`, part `crm`, from"), "{text}");
    assert!(
        text.contains("product == \"CRM\"") && text.contains("viewer = kim, which came with the question"),
        "{text}"
    );
    let json = serde_json::to_string(&why).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), why);
    let why =
        columns.explain("steady.band", account, &ExplainLimits::default()).unwrap().unwrap().to_string();
    assert!(why.contains("steady.band = high, computed by `hysteresis` from"), "{why}");
    // The last record is that of the day before.
    let days = "what was recorded of steady.band: 2026-01-30 low\n";
    assert!(why.contains(days) && why.contains("seats = 75"), "{why}");
    // What is beyond the width is counted.
    let width = ExplainLimits::default().with_width(1);
    let long = Custom::new("long", kinds().get("points").unwrap()).reading(CustomInput::each("seats", 20));
    engine.define([long.into()]).unwrap();
    let view = engine.published().view(&Scope::all()).unwrap();
    let account = view.account(id_of(1).as_str()).unwrap();
    let told = Columns::from(&view).explain("long", account, &width).unwrap().unwrap().to_string();
    assert!(told.contains("what was recorded of seats: ") && told.contains(" and 2 days before"), "{told}");
    let lines = columns.explain("lines", account, &ExplainLimits::default()).unwrap().unwrap().to_string();
    assert!(lines.contains("of contracts") && lines.contains("of tickets"), "{lines}");
}

#[test]
fn answers_are_kept_by_the_values_of_parameters() {
    let rows: Vec<AccountRow> = ["kim", "lee", "kim"]
        .iter()
        .enumerate()
        .map(|(at, manager)| {
            AccountRow::new(AccountId::new(format!("a{at}")).unwrap(), "Company").with("manager", *manager)
        })
        .collect();
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("manager", AttributeType::Text));
    let engine =
        Engine::new(schema.build().unwrap(), as_of().with_parameter("viewer", "lee"), EngineSettings::new())
            .unwrap();
    engine.load(&rows.into_iter().fold(MemorySource::new(), MemorySource::account)).unwrap();
    engine
        .define([
            Parameter::new("viewer", ParameterType::Text).into(),
            segment("mine", "manager == viewer"),
            segment("not_mine", "!inSegment(\"mine\")"),
        ])
        .unwrap();
    let state = engine.published();
    assert_eq!(state.as_of().parameter("viewer"), None, "a state has no parameters");
    let mine = |viewer: Option<perennial::Value>, scope: &Scope| {
        let as_of = state.as_of().clone();
        let as_of = match viewer {
            Some(viewer) => as_of.with_parameter("viewer", viewer),
            None => as_of,
        };
        let view = state.view_at(scope, &as_of).unwrap();
        let members = |id: &str| view.segment(id).unwrap().len();
        (members("mine"), members("not_mine"))
    };
    let two = Scope::of(state.book().accounts(["a0", "a1"]));
    for _ in 0..2 {
        assert_eq!(mine(Some("kim".into()), &Scope::all()), (2, 1));
        assert_eq!(mine(Some("lee".into()), &Scope::all()), (1, 2));
        assert_eq!(mine(Some("kim".into()), &two), (1, 1));
        // Without a value, and with one of another type, nobody knows.
        assert_eq!(mine(None, &Scope::all()), (0, 3));
        assert_eq!(mine(Some(perennial::Value::Int(3)), &two), (0, 2));
    }
    // Neither is kept current, though both are subscribed.
    assert_eq!(state.stats().kept_current, 0);
    // A change comes to each as it would to a fresh one.
    engine.apply(Change::new().set(&AccountId::new("a1").unwrap(), "manager", "kim")).unwrap();
    let later = engine.published();
    let asked = later.as_of().clone().with_parameter("viewer", "kim");
    assert_eq!(later.view_at(&Scope::all(), &asked).unwrap().segment("mine").unwrap().len(), 3);
    // And journals hold none of them.
    let moved = engine.apply(Update::new().moment(asked)).unwrap();
    assert_eq!(moved.delta.to().as_of().parameter("viewer"), None);
}

#[test]
fn a_kind_is_checked_by_the_types_of_its_inputs() {
    #[derive(Debug)]
    struct Picky;
    impl CustomKind for Picky {
        fn word(&self) -> &'static str {
            "picky"
        }
        fn version(&self) -> u64 {
            1
        }
        fn outputs(&self) -> Vec<CustomOutput> {
            vec![CustomOutput::own(Type::Bool)]
        }
        fn check(&self, inputs: &[InputType]) -> Result<(), String> {
            Err(format!("{inputs:?}"))
        }
        fn compute(&self, _: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
            Vec::new()
        }
    }
    let kind: Arc<dyn CustomKind> = Arc::new(Picky);
    let picky = Custom::new("p", &kind)
        .reading(CustomInput::value("seats"))
        .reading(CustomInput::rows("tickets", &["row.open", "row.title"]))
        .reading(CustomInput::ago("active", 2))
        .reading(CustomInput::each("active", 2));
    let errors = catalog([picky.into()]).unwrap_err();
    assert_eq!(errors, "picky `p`: [Value(Int), Rows([Bool, Text]), Value(Bool), Records(Bool)]");
}

#[test]
fn a_value_of_another_type_is_missing() {
    let (book, _) = Rows::default().load(64, Policy::strict());
    assert!(book.is_empty());
    let kind = gives("k", 1, vec![CustomOutput::own(Type::Int)]);
    let text = Custom::new("text", &kind).reading(CustomInput::value("name"));
    let (book, _): (Book, _) = forest(&[[0, 0, 9, 3, 4]]).load(64, Policy::strict());
    let catalog = Catalog::new(book.schema(), &UsageSchema::default(), [text.into()]).unwrap();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let derived = catalog.run(&view, None, None);
    assert!(view.accounts().all(|account| derived.value("text", account).is_none()));
}

/// Every day on which a value was recorded is a record, also where it stayed; days past the calendar are none.
#[test]
fn records_are_of_the_days_on_which_they_were_made() {
    let engine = steady_engine(MemoryHistory::new());
    let today = as_of().date();
    let mut past = MemoryHistory::new();
    for ago in (1..=40).rev() {
        let then = perennial::AsOf::date_utc(today.plus_days(-ago).unwrap());
        let view = engine.published().view_at(&Scope::all(), &then).unwrap();
        past.record_all(&view.catalog().run(view.accounts(), None, None), ["steady.band"]);
    }
    let kind: Arc<dyn CustomKind> = Arc::new(Points);
    let of = |name: &str, input: CustomInput| Custom::new(name, &kind).reading(input).into();
    let last = |within| CustomInput::Last { column: "steady.band".into(), within };
    let definitions = [
        of("week", CustomInput::each("steady.band", 7)),
        of("none", CustomInput::each("steady.band", 0)),
        of("all", CustomInput::each("steady.band", u32::MAX)),
        of("recent", last(Some(3))),
        of("ever", last(Some(u32::MAX))),
        of("never", last(Some(0))),
    ];
    let all = definitions.into_iter().chain(engine.published().catalog().definitions().to_vec());
    let view = engine.published().view(&Scope::all()).unwrap();
    let catalog = Catalog::new(view.accounts().schema(), &UsageSchema::default(), all).unwrap();
    let derived = catalog.run(view.accounts(), None, Some(&past));
    let acme = view.accounts().account("acme").unwrap();
    for (name, expected) in
        [("week", 7.0), ("none", 0.0), ("all", 40.0), ("recent", 1.0), ("ever", 1.0), ("never", 0.0)]
    {
        assert_eq!(derived.value(name, acme), Some(ExprValue::Double(expected)), "{name}");
    }
    assert_eq!(past.last("acme", "steady.band", today).unwrap().0, today.plus_days(-1).unwrap());
    // Who is not recorded on a day has no record of it, and a late record says nothing of later days.
    let day = |ago: i32| today.plus_days(-ago).unwrap();
    let text = |text: &str| Some(ExprValue::Text(text.into()));
    past.record("acme", "steady.band", day(20), text("late"));
    assert_eq!(past.value("acme", "steady.band", day(20)), text("late"));
    assert_eq!(past.value("acme", "steady.band", day(19)), text("low"));
    let nobody = Scope::of(view.accounts().set([]));
    let hidden = view.published().view_at(&nobody, &perennial::AsOf::date_utc(today)).unwrap();
    past.record_all(&hidden.catalog().run(hidden.accounts(), None, None), ["steady.band"]);
    assert_eq!(past.last("acme", "steady.band", today).unwrap().0, day(1));
}

/// A kind that reads the moment does not see what comes with the question: in a scope some answers are those for everyone.
#[test]
fn the_moment_of_a_kind_has_no_parameters() {
    #[derive(Debug)]
    struct Peeks;
    impl CustomKind for Peeks {
        fn word(&self) -> &'static str {
            "peeks"
        }
        fn version(&self) -> u64 {
            1
        }
        fn outputs(&self) -> Vec<CustomOutput> {
            vec![CustomOutput::own(Type::Bool)]
        }
        fn reads_moment(&self) -> bool {
            true
        }
        fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
            vec![inputs.as_of().map(|as_of| ExprValue::Bool(as_of.parameter("viewer").is_some()))]
        }
    }
    let kind: Arc<dyn CustomKind> = Arc::new(Peeks);
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4]], 3);
    engine.define([Custom::new("peeks", &kind).into()]).unwrap();
    let state = engine.published();
    let asked = state.as_of().clone().with_parameter("viewer", "kim");
    // Of everyone, of a tree that is shown in part, and of a catalog by itself.
    for scope in [Scope::all(), Scope::of(state.book().accounts([id_of(1).as_str()]))] {
        let view = state.view_at(&scope, &asked).unwrap();
        let derived = state.catalog().run(view.accounts(), None, None);
        assert!(!view.accounts().is_empty());
        for account in view.accounts().accounts() {
            assert_eq!(view.value("peeks", account), Some(ExprValue::Bool(false)));
            assert_eq!(derived.value("peeks", account), Some(ExprValue::Bool(false)));
        }
    }
    // What is no number is found again among the views that are held.
    let nan = || engine.published().as_of().clone().with_parameter("viewer", f64::NAN);
    let views = || {
        let _ = engine.published().view_at(&Scope::all(), &nan()).unwrap();
        engine.published().stats().views
    };
    assert_eq!(views(), views());
}

/// Usage that was counted before it was known who asks is of the same moment.
#[test]
fn usage_of_a_moment_is_that_of_whoever_asks() {
    let (book, _) = forest(&[[0, 0, 9, 3, 4]]).load(64, Policy::strict());
    let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new());
    let today = as_of().date();
    usage.ingest([Event::on("login", id_of(0).as_str(), today)], today).unwrap();
    let logins = attribute("logins", "events(\"login\").count()");
    let catalog = Catalog::new(book.schema(), usage.schema(), [logins]).unwrap();
    let counted = usage.over(&book.view(&Scope::all(), as_of()).unwrap(), catalog.metrics());
    let view = book.view(&Scope::all(), as_of().with_parameter("viewer", "kim")).unwrap();
    let derived = catalog.run(&view, Some(&counted), None);
    let account = view.account(id_of(0).as_str()).unwrap();
    assert_eq!(derived.value("logins", account), Some(ExprValue::Int(1)));
}

/// The rows that it is given, as they stand.
#[derive(Debug)]
struct Listed;

impl CustomKind for Listed {
    fn word(&self) -> &'static str {
        "listed"
    }
    fn version(&self) -> u64 {
        1
    }
    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::own(Type::Text)]
    }
    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let shown = |value: &Option<ExprValue>| value.as_ref().map_or("-".to_owned(), ExprValue::to_string);
        let row = |row: &Vec<Option<ExprValue>>| row.iter().map(shown).collect::<Vec<_>>().join(" ");
        vec![Some(ExprValue::Text(inputs.rows(0).iter().map(row).collect::<Vec<_>>().join(", ").into()))]
    }
}

#[test]
fn rows_of_events_are_in_the_order_of_their_days_and_values_however_they_came() {
    let today = as_of().date();
    let sent = |ago: i32, user: Option<&'static str>, count: u32| {
        let event = Event::on("login", "acme", today.plus_days(-ago).unwrap()).count(count);
        user.map_or(event.clone(), |user| event.user(user))
    };
    let events =
        || vec![sent(0, Some("kim"), 2), sent(1, Some("zoe"), 1), sent(1, None, 4), sent(1, Some("ann"), 3)];
    let old = sent(2, Some("old"), 9);
    let kind: Arc<dyn CustomKind> = Arc::new(Listed);
    let listed =
        Custom::new("listed", &kind).reading(CustomInput::events("login", 2, &["row.count", "row.user"]));
    // A list has an order, too, and nothing comes first.
    let text = r#"row.user == "kim" ? ["q"] : (row.user == "ann" ? ["r"] : ["p"])"#;
    let pages = CustomInput::events("login", 2, &[text]);
    let pages = Custom::new("pages", &kind).reading(pages);
    let mut lists: Vec<String> = Vec::new();
    let row = AccountRow::new(AccountId::new("acme").unwrap(), "Company");
    for turned in [false, true] {
        let mut all = events();
        if turned {
            all.reverse();
        }
        let usage = Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new());
        let settings = EngineSettings::new().usage(usage);
        let engine = Engine::new(schema(), as_of(), settings).unwrap();
        engine.load(&MemorySource::new().account(row.clone())).unwrap();
        engine.define([listed.clone().into(), pages.clone().into()]).unwrap();
        let subscribed = engine.published().catalog().order().next().unwrap().clone();
        engine.apply(Update::new().subscribe(subscribed)).unwrap();
        let said = || {
            let view = engine.published().view(&Scope::all()).unwrap();
            view.value("listed", view.account("acme").unwrap()).unwrap().to_string()
        };
        assert_eq!(said(), "");
        engine.ingest(all).unwrap();
        engine.ingest([old.clone()]).unwrap();
        assert_eq!(said(), "1 zoe, 3 ann, 4 -, 2 kim");
        let view = engine.published().view(&Scope::all()).unwrap();
        let account = view.account("acme").unwrap();
        let why =
            Columns::from(&view).explain("listed", account, &ExplainLimits::default()).unwrap().unwrap();
        assert!(why.to_string().contains("4 rows of events of login in 2 days"), "{why}");
        let json = serde_json::to_string(&why).unwrap();
        assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), why, "{json}");
        let view = engine.published().view(&Scope::all()).unwrap();
        lists.push(view.value("pages", view.account("acme").unwrap()).unwrap().to_string());
        // Tomorrow they are others.
        engine.advance(perennial::AsOf::date_utc(today.plus_days(1).unwrap())).unwrap();
        assert_eq!(said(), "2 kim");
    }
    assert_eq!(lists[0], lists[1]);
}

fn family(texts: &[&str]) -> Custom {
    let of = Custom::new("family", kinds().get("family").unwrap());
    texts.iter().fold(of, |of, text| of.reading(CustomInput::value(text)))
}

#[test]
fn what_a_definition_brings_is_there_and_is_listed_nowhere() {
    let shares = || family(&["seats", "family.below", "1"]);
    let reader = attribute("reader", "family.share > 0.5");
    let with = catalog([shares().into(), reader.clone()]).unwrap();
    let names = |of: &Catalog| of.order().map(|id| id.name.to_string()).collect::<Vec<_>>();
    assert_eq!(
        (with.len(), with.definitions().len(), names(&with)),
        (2, 2, vec!["family".into(), "reader".into()])
    );
    assert_eq!(with.to_json()["roll_ups"], serde_json::Value::Null);
    let kind = |of: &Catalog, name: &str| of.names().name(Of::Account, name).map(|name| name.kind().clone());
    assert_eq!(kind(&with, "family.below"), Some(Type::Int));
    assert_eq!(kind(&with, "family.share"), Some(Type::Double));

    // It goes where the definition goes, or brings it no longer; whoever reads it is told.
    let without = || family(&["seats", "family.below"]);
    let told = with.edited([], [without().into()]).unwrap_err().to_string();
    assert!(
        told.contains("still read by calculated attribute `reader`") && told.contains("family.share"),
        "{told}"
    );
    let fewer = with.edited(with.order().skip(1).cloned(), [without().into()]).unwrap();
    assert_eq!(
        (fewer.len(), kind(&fewer, "family.share"), kind(&fewer, "family.below")),
        (1, None, Some(Type::Int))
    );
    let gone = fewer.edited(fewer.order().cloned(), []).unwrap();
    assert_eq!((gone.len(), kind(&gone, "family.below")), (0, None));
    // An edit is what a new catalog is, also in its order.
    let back = gone.edited([], [reader.clone()]).unwrap_err();
    assert!(back.to_string().contains("family"), "{back}");
    let back = fewer.edited([], [shares().into(), reader]).unwrap();
    assert_eq!((names(&back), back.to_json()), (names(&with), with.to_json()));
    // What it brought before is the same.
    assert_eq!(back.compiled(), 3);

    // It is no definition of its own.
    let brought = DefinitionRef { kind: DefinitionKind::RollUp, name: "family.below".into() };
    assert_eq!(with.definition(&brought), None);
    assert_eq!(with.lineage(&brought), None);
    assert_eq!(
        with.edited([brought.clone()], []).unwrap_err().to_string(),
        "roll-up `family.below`: the family `family` brings it, with which it comes and goes"
    );
    let own = perennial::aggregate::RollUp::new("family.below", perennial::aggregate::Operator::Count);
    assert_eq!(
        with.edited([], [own.into()]).unwrap_err().to_string(),
        "roll-up `family.below`: the family `family` reserves all names below `family.`"
    );
    // Who reads it reads what somebody wrote, and so does what it reads.
    let family_id = with.order().next().unwrap();
    let reads = |of: &str| {
        let id = with.order().find(|id| *id.name == *of).unwrap();
        with.lineage(id).unwrap().iter().map(|step| step.origin.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(reads("reader"), ["family `family`", "attribute `seats`"]);
    assert_eq!(reads("family"), ["attribute `seats`"]);
    let changed = with.impact(&Origin::Attribute("seats".into()));
    let changed: Vec<String> = changed.iter().map(|impact| impact.definition().name.to_string()).collect();
    assert_eq!(changed, ["family", "reader"]);
    assert_eq!(with.report().unused.iter().map(|id| &*id.name).collect::<Vec<_>>(), ["reader"]);
    assert!(fewer.report().unused.contains(family_id));
}

#[test]
fn what_is_wrong_with_what_a_definition_brings_is_wrong_with_it() {
    let told = |definitions: Vec<Definition>| crate::custom::catalog(definitions).unwrap_err();
    // Whether it reads what it brings or not, this is all that is wrong.
    let reads_it = told(vec![family(&["name", "family.below"]).into()]);
    assert_eq!(
        reads_it,
        "family `family`: of what it brings, roll-up `family.below`: there is no sum of text"
    );
    let both = told(vec![family(&["name", "family.below + seatz"]).into()]);
    assert_eq!(both, reads_it);
    let catalog = catalog([family(&["seats", "family.below"]).into()]).unwrap();
    let gone: Vec<String> =
        catalog.without(&Origin::Attribute("seats".into())).iter().map(ToString::to_string).collect();
    assert!(gone.iter().all(|fault| fault.contains("E101")), "{gone:?}");
    let wrong = told(vec![family(&["name"]).into()]);
    assert_eq!(wrong, "family `family`: of what it brings, roll-up `family.below`: there is no sum of text");
    let ring = told(vec![family(&["family.below"]).into()]);
    assert_eq!(
        ring,
        "family `family`: of what it brings, roll-up `family.below`: it reads itself: family -> family"
    );
    let one = Custom::new("fam", kinds().get("family").unwrap()).reading(CustomInput::value("seatz"));
    let faults = told(vec![one.into()]);
    assert_eq!(faults.lines().filter(|line| line.starts_with("family `fam`")).count(), 2, "{faults}");

    // Below what is brought nothing else is, either.
    #[derive(Debug)]
    struct Counted;
    impl CustomKind for Counted {
        fn word(&self) -> &'static str {
            "counted"
        }
        fn version(&self) -> u64 {
            1
        }
        fn outputs(&self) -> Vec<CustomOutput> {
            vec![CustomOutput::own(Type::Int)]
        }
        fn brings(&self, _: &Custom) -> Vec<perennial::catalog::Brought> {
            let counts = perennial::aggregate::Operator::Distribution("region".into());
            let counts = perennial::aggregate::RollUp::new("here.regions", counts);
            vec![counts.into(), perennial::catalog::CalculatedAttribute::new("here.regions.EMEA", "1").into()]
        }
        fn compute(&self, _: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
            Vec::new()
        }
    }
    let kind: Arc<dyn CustomKind> = Arc::new(Counted);
    let below = told(vec![Custom::new("here", &kind).into()]);
    assert!(below.contains("the roll-up `here.regions` reserves all names below `here.regions.`"), "{below}");

    // A name that is not below that of the definition.
    #[derive(Debug)]
    struct Astray;
    impl CustomKind for Astray {
        fn word(&self) -> &'static str {
            "astray"
        }
        fn version(&self) -> u64 {
            1
        }
        fn outputs(&self) -> Vec<CustomOutput> {
            vec![CustomOutput::own(Type::Int)]
        }
        fn brings(&self, of: &Custom) -> Vec<perennial::catalog::Brought> {
            let named = |name: &str| perennial::catalog::CalculatedAttribute::new(name, "1").into();
            vec![named("elsewhere"), named(&format!("{}.fine", of.name()))]
        }
        fn compute(&self, _: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
            Vec::new()
        }
    }
    let kind: Arc<dyn CustomKind> = Arc::new(Astray);
    assert_eq!(
        told(vec![Custom::new("here", &kind).into()]),
        "astray `here`: of what it brings, calculated attribute `elsewhere`: \
         its name is not below the name of the definition that brings it"
    );
}

#[test]
fn a_document_says_what_was_brought() {
    let text = catalog([family(&["seats", "family.below"]).into()]).unwrap().to_json().to_string();
    assert_eq!(
        Catalog::read_with(&kinds(), [text.as_str()]).unwrap(),
        [family(&["seats", "family.below"]).into()]
    );
    let other = text.replace("descendants", "self_only");
    let told = Catalog::read_with(&kinds(), [other.as_str()]).unwrap_err().to_string();
    assert!(
        told.contains("/custom/0/brings") && told.contains("the kind `family` brings other definitions here"),
        "{told}"
    );
}

#[test]
fn a_delta_speaks_of_the_definition_that_brings() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let row = |name: &str| AccountRow::new(AccountId::new(name).unwrap(), "Company").with("seats", 2_i64);
    let top = AccountId::new("top").unwrap();
    engine.load(&MemorySource::new().account(row("top")).account(row("low").under(top))).unwrap();
    let seats = |seats: i64| Change::new().set(&AccountId::new("low").unwrap(), "seats", seats);
    engine.define([family(&["seats", "family.below", "1"]).into()]).unwrap();
    let id = engine.published().catalog().order().next().unwrap().clone();
    let brought = DefinitionRef { kind: DefinitionKind::RollUp, name: "family.below".into() };
    let refused = engine.apply(Update::new().subscribe(brought)).unwrap_err().to_string();
    assert!(refused.contains("family.below"), "{refused}");
    engine.apply(Update::new().subscribe(id.clone())).unwrap();
    assert_eq!(engine.published().stats().kept_current, 4);
    let report = engine.apply(seats(6)).unwrap().delta.report(&Scope::all()).unwrap();
    assert!(report.derived.iter().all(|change| change.definition == id), "{report:?}");
    let told: Vec<String> = report
        .derived
        .iter()
        .map(|change| format!("{} {} {}", change.account, change.column, change.to.as_ref().unwrap()))
        .collect();
    let all = [
        "low family.all 6",
        "top family.all 8",
        "top family.below 6",
        "low family.own 6",
        "top family.share 0.25",
    ];
    assert_eq!(told, all);
}

/// A dollar in euros on a day, and nothing else is known.
#[derive(Debug)]
struct Dollars;

impl Rates for Dollars {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let known = from == Currency::USD && to == Currency::EUR;
        known.then(|| Decimal::new(i128::from(on.days() % 7) + 90, 2))
    }
}

/// Contracts in euros, each at the rate of its day.
#[derive(Debug)]
struct Worth(bool);

impl CustomKind for Worth {
    fn word(&self) -> &'static str {
        "worth"
    }
    fn version(&self) -> u64 {
        1
    }
    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::own(Type::Double)]
    }
    fn reads_moment(&self) -> bool {
        true
    }
    fn reads_rates(&self) -> bool {
        self.0
    }
    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let Some(ExprValue::Money(amount, currency)) = inputs.value(0) else { return vec![None] };
        let today = inputs.as_of().map(perennial::AsOf::date);
        let rate = today.and_then(|today| inputs.rate(*currency, Currency::EUR, today));
        vec![rate.map(|rate| ExprValue::Double(amount.to_f64() * rate.to_f64()))]
    }
}

#[test]
fn a_kind_asks_the_rates_that_it_says_that_it_reads() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("dollars", AttributeType::Money(Currency::USD)))
        .attribute(Attribute::new("pounds", AttributeType::Money(Currency::GBP)))
        .attribute(Attribute::new("euros", AttributeType::Money(Currency::EUR)))
        .build()
        .unwrap();
    let money = |currency| perennial::Money::from_minor(1_000, currency);
    let row = AccountRow::new(AccountId::new("acme").unwrap(), "Company")
        .with("dollars", money(Currency::USD))
        .with("pounds", money(Currency::GBP))
        .with("euros", money(Currency::EUR));
    let source = MemorySource::new().account(row);
    let (book, _) = Book::load(schema.clone(), &source, &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let account = view.account("acme").unwrap();
    let worth = |says: bool| -> Vec<Definition> {
        let kind: Arc<dyn CustomKind> = Arc::new(Worth(says));
        let of = |column: &str| {
            Custom::new(&format!("in_{column}"), &kind).reading(CustomInput::value(column)).into()
        };
        ["dollars", "pounds", "euros"].map(of).into()
    };
    let rates: Arc<dyn Rates> = Arc::new(Dollars);
    let said = |says: bool, rates: Option<&Arc<dyn Rates>>| {
        let catalog = Catalog::new(book.schema(), &UsageSchema::default(), worth(says)).unwrap();
        let inputs = rates.map_or(RunInputs::new(), |rates| RunInputs::new().rates(rates));
        let derived = catalog.run_observed(&view, inputs, &()).unwrap();
        let oracle = OracleCatalog::new(catalog.names(), catalog.definitions()).unwrap();
        let usage = OracleUsage::new();
        let slow = oracle.over(&view, &usage, None);
        let slow = if rates.is_some() { slow.with_rates(&Dollars) } else { slow };
        ["in_dollars", "in_pounds", "in_euros"].map(|name| {
            assert_eq!(derived.value(name, account), slow.value(name, account), "{name}");
            derived.value(name, account)
        })
    };
    let rate = f64::from(as_of().date().days() % 7 + 90) / 100.0;
    let double = |value: f64| Some(ExprValue::Double(value));
    assert_eq!(said(true, Some(&rates)), [double(10.0 * rate), None, double(10.0)]);
    // Without rates, and where it does not say that it reads them, nothing is known of any.
    assert_eq!(said(true, None), [None, None, None]);
    assert_eq!(said(false, Some(&rates)), [None, None, None]);

    let engine = Engine::new(schema, as_of(), EngineSettings::new()).unwrap();
    engine.load(&source).unwrap();
    engine.define(worth(true)).unwrap();
    let live = |name: &str| {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.value(name, view.account("acme").unwrap())
    };
    assert_eq!((live("in_dollars"), live("in_euros")), (None, double(10.0)));
    let known = ExchangeRate::market(Currency::USD, Currency::EUR, as_of().date(), Decimal::new(92, 2));
    engine.apply(perennial::engine::Update::new().rates([known])).unwrap();
    assert_eq!((live("in_dollars"), live("in_pounds")), (double(10.0 * 0.92), None));
    let told = engine.apply(
        perennial::engine::Update::new().rates([ExchangeRate { rate: Some(Decimal::new(920, 3)), ..known }]),
    );
    // It says the same, and a kind that shows its digits would not.
    assert_eq!(told.unwrap().delta.to().rates().iter().next().unwrap().rate.unwrap().scale(), 3);
}

/// Whatever is put in and taken out: what is edited is what is made anew, in its faults, its order and its ways.
#[test]
fn an_edit_of_what_brings_is_a_new_catalog() {
    let usage = UsageSchema::new([EventKind::new("login")]).unwrap();
    let kind = kinds().get("family").unwrap().clone();
    let family = |name: &str, texts: &[&str]| -> Definition {
        let of = Custom::new(name, &kind);
        texts.iter().fold(of, |of, text| of.reading(CustomInput::value(text))).into()
    };
    let all = [
        attribute("base", "seats"),
        attribute("base", "seats + 1"),
        attribute("other", "level"),
        attribute("other", "level * 2"),
        family("one", &["base + other", "one.below", "1"]),
        family("one", &["other", "one.below"]),
        family("one", &["base", "one.share", "1"]),
        family("two", &["seats", "two.below", "1"]),
        family("two", &["one.own", "one.below"]),
        family("two", &["name"]),
        attribute("reader", "one.share + two.own"),
        attribute("reader", "one.below"),
        attribute("two.more", "1"),
    ];
    let said = |catalog: &Catalog| {
        let ways = |id: &DefinitionRef| format!("{id}: {:?}", catalog.lineage(id));
        let ids: Vec<String> = catalog.order().map(ways).collect();
        (ids, catalog.to_json(), catalog.len(), format!("{:?}", catalog.report()))
    };
    let mut random = perennial::testkit::Random::new(11);
    let mut pick = |below: usize| random.below(below as u64) as usize;
    let (mut valid, mut refused) = (0, 0);
    let mut catalog = Catalog::new(&schema(), &usage, []).unwrap();
    for _ in 0..1_500 {
        let definitions = catalog.definitions().to_vec();
        let removed: Vec<DefinitionRef> =
            definitions.iter().filter(|_| pick(6) == 0).map(Definition::id).collect();
        let put: Vec<Definition> = (0..pick(4)).map(|_| all[pick(all.len())].clone()).collect();
        // In the place of the one of its kind and name, or behind all others; twice in one edit is a fault.
        let mut left: Vec<Definition> =
            definitions.iter().filter(|of| !removed.contains(&of.id())).cloned().collect();
        let mut replaced: Vec<usize> = Vec::new();
        for definition in &put {
            match left.iter().position(|of| of.id() == definition.id()) {
                Some(at) if !replaced.contains(&at) => {
                    left[at] = definition.clone();
                    replaced.push(at);
                }
                _ => {
                    replaced.push(left.len());
                    left.push(definition.clone());
                }
            }
        }
        let fresh = Catalog::new(&schema(), &usage, left);
        match (catalog.edited(removed, put), fresh) {
            (Ok(edited), Ok(fresh)) => {
                assert_eq!(said(&edited), said(&fresh));
                catalog = edited;
                valid += 1;
            }
            (Err(edited), Err(fresh)) => {
                same_faults(&edited, &fresh).unwrap();
                refused += 1;
            }
            (edited, fresh) => panic!("{edited:?} and {fresh:?}"),
        }
    }
    assert!(valid > 100 && refused > 100, "{valid} and {refused}");
}

#[test]
fn what_is_brought_keeps_its_order_when_an_edit_compiles_a_part_of_it_again() {
    /// Brings two sums, each of an attribute that it does not read itself.
    #[derive(Debug)]
    struct Sums;
    impl CustomKind for Sums {
        fn word(&self) -> &'static str {
            "sums"
        }
        fn version(&self) -> u64 {
            1
        }
        fn outputs(&self) -> Vec<CustomOutput> {
            vec![CustomOutput::new("own", Type::Int)]
        }
        fn brings(&self, of: &Custom) -> Vec<perennial::catalog::Brought> {
            let sum = |text: &str| {
                let sum = perennial::aggregate::Operator::Sum(text.into());
                perennial::aggregate::RollUp::new(&format!("{}.{text}", of.name()), sum).into()
            };
            ["first", "second"].map(sum).into()
        }
        fn compute(&self, _: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
            vec![None]
        }
    }
    let kind: Arc<dyn CustomKind> = Arc::new(Sums);
    let usage = UsageSchema::default();
    let sums = || -> Definition { Custom::new("sums", &kind).reading(CustomInput::value("seats")).into() };
    let with = |first: &str, second: &str| [attribute("first", first), attribute("second", second), sums()];
    let lineage = |catalog: &Catalog| catalog.lineage(&sums().id());

    let before = Catalog::new(&schema(), &usage, with("seats", "level")).unwrap();
    let edits = [("first", with("seats + 1", "level")), ("second", with("seats", "level + 1"))];
    for (name, after) in edits {
        let put: Vec<Definition> = after.iter().filter(|of| of.name() == name).cloned().collect();
        let edited = before.edited([], put).unwrap();
        let fresh = Catalog::new(&schema(), &usage, after).unwrap();
        assert_eq!(lineage(&edited), lineage(&fresh), "{name}");
        // What reads the other attribute was not compiled again.
        assert!(edited.compiled() < fresh.compiled(), "{} of {}", edited.compiled(), fresh.compiled());
    }
}

#[test]
fn a_new_name_does_not_change_what_is_brought_in_silence() {
    /// Brings the sum of an attribute that no definition names.
    #[derive(Debug)]
    struct Fixed;
    impl CustomKind for Fixed {
        fn word(&self) -> &'static str {
            "fixed"
        }
        fn version(&self) -> u64 {
            1
        }
        fn outputs(&self) -> Vec<CustomOutput> {
            vec![CustomOutput::own(Type::Int)]
        }
        fn brings(&self, of: &Custom) -> Vec<perennial::catalog::Brought> {
            let sum = perennial::aggregate::Operator::Sum("seats".into());
            vec![perennial::aggregate::RollUp::new(&format!("{}.below", of.name()), sum).into()]
        }
        fn compute(&self, _: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
            Vec::new()
        }
    }
    let two = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("licences", AttributeType::Int))
        .build()
        .unwrap();
    let (two, usage): (Arc<Schema>, UsageSchema) = (two.into(), UsageSchema::default());
    let kind: Arc<dyn CustomKind> = Arc::new(Fixed);
    let catalog = Catalog::new(&two, &usage, [Custom::new("fixed", &kind).into()]).unwrap();
    let rename = |change: SchemaChange, from: &str, to: &str| change.rename(SchemaPart::attribute(from), to);
    let turned = rename(SchemaChange::new(), "seats", "away");
    let turned = rename(rename(turned, "licences", "seats"), "away", "licences");
    let told = catalog.evolve(&turned).unwrap_err();
    assert!(told.to_string().starts_with("fixed `fixed`: what it brings names attributes"), "{told}");
    let catalog = Catalog::new(&two, &usage, [family(&["seats", "family.below"]).into()]).unwrap();
    let evolved = catalog.evolve(&turned).unwrap();
    let id = evolved.catalog.order().next().unwrap();
    let reads: Vec<String> =
        evolved.catalog.lineage(id).unwrap().iter().map(|step| step.origin.to_string()).collect();
    assert_eq!(reads, ["attribute `licences`"]);
}
