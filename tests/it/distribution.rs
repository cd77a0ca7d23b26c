//! How many rows have each value: what is read of it, what is kept of it, and which names it takes.

use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up};
use crate::common::{as_of, forest, schema, view};
use perennial::aggregate::{Operator, RollUp, RollUpPlan, UsageSchema};
use perennial::catalog::{
    Catalog, Custom, CustomInput, CustomInputs, CustomKind, CustomKinds, CustomOutput, Definition, InputType,
    MemoryHistory, PastValue,
};
use perennial::expr::{Checker, ExprPlan, ExprValue, Type};
use perennial::segment::{GroupBy, Query};
use perennial::testkit::conformance::CustomKindCase;
use perennial::testkit::custom_kind_conformance;
use perennial::{Account, Attribute, AttributeType, EnumValues, Nesting, Policy, Schema};

fn moods() -> RollUp {
    roll_up("moods", Operator::Distribution("mood".into()))
}

fn catalog(definitions: impl IntoIterator<Item = Definition>) -> Result<Catalog, String> {
    Catalog::new(&schema(), &UsageSchema::default(), definitions).map_err(|errors| errors.to_string())
}

fn counts(of: &[(&str, i64)]) -> ExprValue {
    ExprValue::Record(of.iter().map(|(text, count)| ((*text).into(), ExprValue::Int(*count))).collect())
}

/// Of a distribution its counts are read, and nothing else is asked.
#[test]
fn counts_by_value_are_read_one_by_one() {
    let (book, _) = forest(&[[1, 2, 3, 4, 5], [9, 9, 9, 9, 9], [4, 200, 1, 7, 7]]).load(64, Policy::strict());
    let catalog = catalog([moods().into()]).unwrap();
    let checker = Checker::new(catalog.names());
    for text in [
        "moods == moods",
        "moods > moods",
        "moods + 1",
        "moods.happy",
        "moods[0]",
        "moods in [moods]",
        "size(moods)",
        "isNot(moods, moods)",
        "children.sum(c, c.moods)",
        "children.max(c, c.moods)",
        "moods.good.poor",
    ] {
        assert!(checker.check(text).is_err(), "{text}");
    }
    let told = checker.check("moods.goood").unwrap_err().to_string();
    assert!(told.contains("did you mean `good`?"), "{told}");
    for operator in
        [Operator::Sum("moods".into()), Operator::Max("moods".into()), Operator::Distinct("moods".into())]
    {
        let of = RollUp::new("x", operator);
        assert!(RollUpPlan::new(book.schema(), catalog.names(), [of]).is_err());
    }
    assert!(Query::new().sort("moods", true).unwrap().check(&checker).is_err());
    let view = view(&book);
    let derived = catalog.run(&view, None, None);
    let groups = GroupBy::new("moods").unwrap();
    assert!(groups.run(&checker, &derived, &view.visible()).is_err());
    for text in
        ["moods.good + moods.poor", "coalesce(parent.moods, moods).good", "has(moods) ? moods.good : 0"]
    {
        let checked = checker.check(text).unwrap();
        let answers = ExprPlan::new([&checked]).run(&derived).unwrap();
        for account in view.accounts() {
            let count = |account: Account<'_>, of: &str| match derived.value("moods", account) {
                Some(ExprValue::Record(counts)) => match counts.iter().find(|(known, _)| **known == *of) {
                    Some((_, ExprValue::Int(count))) => *count,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            };
            let wanted = match text {
                "moods.good + moods.poor" => count(account, "good") + count(account, "poor"),
                "has(moods) ? moods.good : 0" => count(account, "good"),
                _ => count(account.parent().unwrap_or(account), "good"),
            };
            assert_eq!(answers.value(0, account), Some(ExprValue::Int(wanted)), "{text}");
        }
    }
}

/// Nothing else may have a name by which a count is read, in whatever order they come.
#[test]
fn a_distribution_reserves_the_names_of_its_counts() {
    let other = || attribute("moods.good", "1");
    let wanted = "calculated attribute `moods.good`: the roll-up `moods` reserves all names below `moods.`";
    assert_eq!(catalog([moods().into(), other()]).unwrap_err(), wanted);
    let known = catalog([other()]).unwrap();
    assert_eq!(known.edited([], [moods().into()]).unwrap_err().to_string(), wanted);
    let known = catalog([moods().into()]).unwrap();
    assert_eq!(known.edited([], [other()]).unwrap_err().to_string(), wanted);
    // Another operator takes no such names.
    let most = roll_up("moods", Operator::Max("mood".into()));
    assert!(catalog([most.clone().into(), other()]).is_ok());
    let both = catalog([most.into(), other()]).unwrap();
    assert_eq!(both.edited([], [moods().into()]).unwrap_err().to_string(), wanted);
    let dotted = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("vip", AttributeType::Bool))
        .attribute(Attribute::new("vips.true", AttributeType::Int))
        .build()
        .unwrap();
    let vips = roll_up("vips", Operator::Distribution("vip".into()));
    let errors = Catalog::new(&Arc::new(dotted), &UsageSchema::default(), [vips.into()]).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "roll-up `vips`: it reserves all names below its own, and the schema has an attribute `vips.true`"
    );
}

/// What was recorded of another enumeration is no count of this one.
#[test]
fn a_record_of_something_else_is_missing() {
    let (book, _) = forest(&[[1, 2, 3, 4, 5]]).load(64, Policy::strict());
    let view = view(&book);
    let account = view.accounts().next().unwrap();
    let past = PastValue::new("before", "moods", 9);
    let catalog = catalog([moods().into(), past.into(), attribute("good_before", "before.good")]).unwrap();
    let day = as_of().date().plus_days(-9).unwrap();
    let good = |kept: ExprValue| {
        let mut history = MemoryHistory::new();
        history.record(account.id_str(), "moods", day, Some(kept));
        catalog.run(&view, None, Some(&history)).value("good_before", account)
    };
    assert_eq!(good(counts(&[("poor", 2), ("good", 3)])), Some(ExprValue::Int(3)));
    // A value that was not declared then came never; one that is declared no more says nothing.
    assert_eq!(good(counts(&[("poor", 2)])), Some(ExprValue::Int(0)));
    assert_eq!(good(counts(&[("good", 3), ("awful", 1)])), Some(ExprValue::Int(3)));
    for other in [
        counts(&[("EMEA", 3)]),
        counts(&[]),
        ExprValue::Int(3),
        ExprValue::Record([("good".into(), ExprValue::Double(3.0))].into()),
    ] {
        assert_eq!(good(other.clone()), None, "{other:?}");
    }
}

/// A kind of a host that gives counts, of some values.
#[derive(Debug)]
struct Tally(&'static [&'static str]);

impl CustomKind for Tally {
    fn word(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> u64 {
        1
    }

    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::own(Type::Counts(EnumValues::new(self.0.iter().copied())))]
    }

    fn check(&self, inputs: &[InputType]) -> Result<(), String> {
        if matches!(inputs, [InputType::Value(Type::Int)]) {
            Ok(())
        } else {
            Err("it takes a number".to_owned())
        }
    }

    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let Some(ExprValue::Int(number)) = inputs.value(0) else { return vec![None] };
        vec![Some(counts(&[(self.0[0], *number), (self.0[1], 1)]))]
    }
}

custom_kind_conformance!(tally, || CustomKindCase::new(Tally(&["high", "low"]), as_of())
    .given([perennial::catalog::InputValue::Value(Some(ExprValue::Int(4)))]));

#[test]
fn a_kind_of_a_host_gives_counts() {
    let kind: Arc<dyn CustomKind> = Arc::new(Tally(&["high", "low"]));
    let tally = Custom::new("tally", &kind).reading(CustomInput::value("seats"));
    let catalog = catalog([tally.into(), attribute("highs", "tally.high + tally.low")]).unwrap();
    let (book, _) = forest(&[[1, 2, 3, 4, 5], [9, 9, 9, 9, 9]]).load(64, Policy::strict());
    let view = view(&book);
    let derived = catalog.run(&view, None, None);
    for account in view.accounts() {
        let wanted = match account.value("seats") {
            Some(perennial::Value::Int(seats)) => Some(ExprValue::Int(seats + 1)),
            _ => None,
        };
        assert_eq!(derived.value("highs", account), wanted);
    }
    // The same kind and version with other values is another.
    let text = catalog.to_json().to_string();
    let other = CustomKinds::new().with(Arc::new(Tally(&["low", "middle"]))).unwrap();
    let same = CustomKinds::new().with(kind).unwrap();
    assert!(Catalog::read_with(&same, [text.as_str()]).is_ok());
    let error = Catalog::read_with(&other, [text.as_str()]).unwrap_err().to_string();
    assert!(error.contains(r#"the kind `tally` gave counts by value["high","low"]"#), "{error}");
}

/// A completion is written as it is read.
#[test]
fn completions_of_a_distribution_are_its_values() {
    let stages = EnumValues::new(["Open", "Closed Won", "v1.2", "in"]);
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("stage", AttributeType::Enum(stages)))
        .build()
        .unwrap();
    let stages = roll_up("stages", Operator::Distribution("stage".into()));
    let catalog = Catalog::new(&Arc::new(schema), &UsageSchema::default(), [stages.into()]).unwrap();
    let checker = Checker::new(catalog.names());
    let found = checker.completions("stages.", "stages.".len());
    let texts: Vec<&str> = found.items.iter().map(|item| &*item.text).collect();
    for wanted in ["Open", "`Closed Won`", "`v1.2`", "`in`"] {
        assert!(texts.contains(&wanted), "{wanted} in {texts:?}");
        let text = format!("stages.{wanted} + 1");
        let checked = checker.check(&text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
        assert_eq!(checked.ast().to_string(), text);
    }
}
