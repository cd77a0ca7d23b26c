//! Constants beside values: what is computed from them is exact, and what can never be read is refused. Rulings S103 and
//! S104 of `docs::semantics`.

use crate::common::{id, schema, view};
use crate::expr_book::agree;
use perennial::aggregate::{Operator, RollUp, RollUpPlan};
use perennial::expr::{Checker, ExprPlan, ExprValue, Type};
use perennial::source::MemorySource;
use perennial::{
    AccountRow, AsOf, Attribute, AttributeType, Book, Date, Decimal, Nesting, Policy, Schema, Scope, Value,
};

/// One account with a score of 0.30, and tags; without seats and without a floor.
fn book() -> Book {
    let row = AccountRow::new(id("a"), "Company")
        .with("score", Value::Decimal(Decimal::new(30, 2)))
        .with("name", "Acme")
        .with("tags", Value::list(["x", "yy", "x"]));
    Book::load(schema(), &MemorySource::new().account(row), &Policy::strict()).unwrap().0
}

/// The answer of every evaluator.
fn answer(text: &str) -> String {
    let book = book();
    let checked =
        Checker::new(&**book.schema()).check(text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    let view = view(&book);
    agree(&view, std::slice::from_ref(&checked));
    let plan = ExprPlan::new([&checked]);
    let value = plan.run(&view).unwrap().value(0, view.account("a").unwrap());
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[test]
fn constants_of_decimals_are_decimals() {
    for (text, wanted) in [
        ("score == 0.1 + 0.2", "true"),
        ("score == 0.1 * 3", "true"),
        ("score == 1.5 * 0.2", "true"),
        ("score == 1 - 0.7", "true"),
        ("score == -(0.4 - 0.7)", "true"),
        ("score in [0.1 + 0.2, 5]", "true"),
        ("score + 0.1 + 0.2 == 0.6", "true"),
        // Alone, and beside doubles, they are doubles.
        ("0.1 + 0.2", "0.30000000000000004"),
        ("double(score) == 0.1 + 0.2", "false"),
        // The type is as fine as the finest constant, wherever it stands.
        ("math.least(0.5, 0.125, score)", "0.125"),
        ("math.least(score, 0.125, 0.5)", "0.125"),
        ("math.greatest(0.125, 0.0625, score)", "0.3000"),
        ("coalesce(0.5 + 0.0625, score, 1)", "0.5625"),
        // A sign does not go through a double.
        ("score - -5555555555550.1555", "5555555555550.4555"),
        ("score - (-(5555555555550.1555))", "5555555555550.4555"),
        // Quotients with a fraction are doubles, and the number that they are written as.
        ("score < 1 / 3.0", "true"),
        ("score == 1.5 / 5", "true"),
        ("1.0 / 0.0 > score", "-"),
        // More digits than a constant has: doubles.
        ("0.1 / 5105 + score > 0.3", "true"),
        ("0.123456789 * 0.1234567891 < score", "true"),
    ] {
        assert_eq!(answer(text), wanted, "{text}");
    }
    let text = "score + 4 / 0.42 * 6 - 0.42 * score + 8 / 0.42 - 0.4 - 5555555555550.155552 - 0.1 / 5105";
    assert_eq!(answer(text), "-5555555555474.191");
}

#[test]
fn the_type_beside_constants_does_not_depend_on_their_order() {
    let schema = schema();
    let check = |text: &str| Checker::new(&*schema).check(text).unwrap();
    for text in
        ["math.least(seats, 0.5, score)", "math.least(0.5, seats, score)", "coalesce(score, seats, 0.5)"]
    {
        assert_eq!(*check(text).kind(), Type::Decimal { scale: 2 }, "{text}");
    }
    assert_eq!(*check("math.least(seats, 0.5)").kind(), Type::Double);
}

#[test]
fn a_count_over_a_list_counts_the_items_whose_answer_is_yes() {
    // Seats are missing, so that the answer is open for all but `x`.
    assert_eq!(answer("tags.count(t, t == \"x\" || seats > 3)"), "2");
    assert_eq!(answer("tags.count(t, seats > 3)"), "0");
    assert_eq!(answer("tags.exists_one(t, t == \"yy\" || seats > 3)"), "-");
    assert_eq!(answer("size(tags.filter(t, t == \"x\" || seats > 3))"), "-");
}

#[test]
fn a_missing_value_is_not_another() {
    assert_eq!(answer("isNot(seats, floor)"), "true");
    assert_eq!(answer("isNot(seats, seats)"), "true");
    assert_eq!(answer("isNot(seats, 5)"), "true");
    assert_eq!(answer("isNot(score, seats)"), "true");
    assert_eq!(answer("isNot(score, score)"), "false");
    assert_eq!(answer("isNot(parent.name, name)"), "true");
}

#[test]
fn a_constant_that_can_never_be_read_is_refused() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seen", AttributeType::Timestamp))
        .attribute(Attribute::new("wait", AttributeType::Duration))
        .build()
        .unwrap();
    for (text, named) in [
        ("seen > timestamp(\"2026-01-31\")", "\"2026-01-31\""),
        ("seen > timestamp(\"2026-01-31T12:00:00\")", "\"2026-01-31T12:00:00\""),
        ("seen > timestamp(\"2026-02-30T12:00:00Z\")", "\"2026-02-30T12:00:00Z\""),
        ("seen > timestamp(\"soon\")", "\"soon\""),
        ("seen > timestamp(\"2026-01-31\" + \"Z\")", "\"2026-01-31\" + \"Z\""),
        ("wait > duration(\"1d\")", "\"1d\""),
        ("wait > duration(\"36\")", "\"36\""),
        ("wait > duration(\"\")", "\"\""),
    ] {
        let errors = Checker::new(&schema).check(text).expect_err(text);
        let error = &errors.all()[0];
        assert_eq!((error.code().as_str(), error.span().text(text)), ("E111", named), "{text}");
    }
    let errors = Checker::new(&schema).check("wait > duration(\"1d\")").unwrap_err();
    assert!(errors.to_string().contains("`duration(\"36h\")`; a day is 24h"), "{errors}");
    // Well written and out of range: missing.
    for text in [
        "timestamp(\"0000-01-01T00:00:00Z\")",
        "timestamp(\"10000-01-01T00:00:00Z\")",
        "duration(\"320000000000s\")",
    ] {
        assert!(Checker::new(&schema).check(text).is_ok(), "{text}");
    }
}

#[test]
fn a_ratio_of_sums_is_never_negative_zero() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("won", AttributeType::Double))
        .attribute(Attribute::new("lost", AttributeType::Double))
        .build()
        .unwrap();
    let row = AccountRow::new(id("a"), "Company").with("won", 0.0).with("lost", -2.5);
    let (book, _) = Book::load(schema, &MemorySource::new().account(row), &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31).unwrap())).unwrap();
    let account = view.account("a").unwrap();
    let ratio = Operator::Ratio { numerator: "won".into(), denominator: "lost".into() };
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), [RollUp::new("won_by_lost", ratio)]).unwrap();
    match plan.run(&view).value("won_by_lost", account) {
        Some(ExprValue::Double(ratio)) => assert_eq!(ratio.to_bits(), 0.0_f64.to_bits()),
        other => panic!("{other:?}"),
    }
    for text in [
        "subtree.sum(a, a.won) / subtree.sum(a, a.lost)",
        "ratio(won, lost)",
        "subtree.avg(a, a.won * a.lost)",
    ] {
        let checked = Checker::new(&**book.schema()).check(text).unwrap();
        let value = checked.for_accounts(&view).unwrap().value(account).unwrap();
        assert_eq!(value.to_string(), "0", "{text}");
    }
}

/// Everywhere where there is a mean: in whole microseconds, half to even (ruling S32).
#[test]
fn a_mean_of_durations_is_a_duration() {
    use perennial::Duration;
    use perennial::aggregate::{Event, EventKind, Metrics, Usage, UsageSchema, UsageSettings};
    use perennial::segment::{GroupBy, MeasureKind};

    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("waited", AttributeType::Duration))
        .build()
        .unwrap();
    let row = |name: &str, micros: i64| {
        AccountRow::new(id(name), "Company").with("waited", Duration::from_micros(micros))
    };
    let source = MemorySource::new()
        .account(row("a", 4))
        .account(row("b", -1).under(id("a")))
        .account(row("c", 6).under(id("b")))
        .account(AccountRow::new(id("d"), "Company").under(id("a")));
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31).unwrap())).unwrap();
    let micros = |of: i64| Some(ExprValue::Duration(Duration::from_micros(of)));
    let (a, b) = (view.account("a").unwrap(), view.account("b").unwrap());

    let checker = Checker::new(&**book.schema());
    let mean = checker.check("subtree.avg(s, s.waited)").unwrap();
    assert_eq!(*mean.kind(), Type::Duration);
    // 9 by 3, and 5 by 2.
    let of = |account| mean.for_accounts(&view).unwrap().value(account);
    assert_eq!((of(a), of(b), of(view.account("d").unwrap())), (micros(3), micros(2), None));
    agree(&view, &[mean, checker.check("children.avg(c, c.waited) < waited").unwrap()]);

    let plan = RollUp::new("mean", Operator::Average("waited".into()));
    let answers = RollUpPlan::new(book.schema(), &**book.schema(), [plan]).unwrap().run(&view);
    assert_eq!((answers.value("mean", a), answers.value("mean", b)), (micros(3), micros(2)));

    let by = GroupBy::new("level").unwrap().measure("mean", MeasureKind::Avg, "waited").unwrap();
    let groups = by.run(&checker, &view, &view.visible()).unwrap();
    assert_eq!(groups.whole.values, [micros(3)]);

    let solved = EventKind::new("solved").measure(Attribute::new("took", AttributeType::Duration));
    let mut usage = Usage::new(UsageSchema::new([solved]).unwrap(), UsageSettings::new());
    let today = view.as_of().date();
    for micros in [3, 4, 8] {
        let event = Event::on("solved", "a", today).value("took", Duration::from_micros(micros));
        usage.ingest([event], today).unwrap();
    }
    let metrics = Metrics::none();
    let checked = Checker::new(&usage.names(&**book.schema(), &metrics))
        .check("events(\"solved\").lastDays(1).avg(e, e.took)")
        .unwrap();
    let answers = ExprPlan::new([&checked]).run(&usage.over(&view, &metrics)).unwrap();
    assert_eq!(answers.value(0, a), micros(5));
}
