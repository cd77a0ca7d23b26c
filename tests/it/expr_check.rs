//! The checker: what it finds, in which words, and what it takes.

use perennial::expr::{Ast, Checked, Checker, Code, ExprLimits, Name, Names, Of, Type};
use perennial::{Attribute, AttributeType, ChildTable, Currency, EnumValues, Nesting, Schema, TableKind};

fn schema() -> Schema {
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Region", Nesting::Free)
        .account_type("Site", Nesting::Ordered)
        .product("CRM")
        .product("Billing")
        .attribute(Attribute::new("name", AttributeType::Text).required())
        .attribute(Attribute::new("health_score", AttributeType::Double))
        .attribute(Attribute::new("band", AttributeType::Band(EnumValues::new(["red", "yellow", "green"]))))
        .attribute(Attribute::new("region", AttributeType::Enum(EnumValues::new(["EMEA", "APAC"]))))
        .attribute(Attribute::new("industry", AttributeType::Text))
        .attribute(Attribute::new("tier", AttributeType::Text))
        .attribute(Attribute::new("csm", AttributeType::Text))
        .attribute(Attribute::new("renewal_date", AttributeType::Date))
        .attribute(Attribute::new("last_seen", AttributeType::Timestamp))
        .attribute(Attribute::new("response_time", AttributeType::Duration))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("arr_eur", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("arr_usd", AttributeType::Money(Currency::USD)))
        .attribute(Attribute::new("expansion_arr", AttributeType::Money(Currency::EUR)))
        .attribute(Attribute::new("logins_30d", AttributeType::Int))
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("score", AttributeType::Decimal { scale: 2 }))
        .attribute(Attribute::new("strategic", AttributeType::Bool))
        .attribute(Attribute::new("tags", AttributeType::List))
        .table(
            ChildTable::new("contracts", TableKind::Contracts)
                .column(Attribute::new("end_date", AttributeType::Date))
                .column(Attribute::new("amount", AttributeType::Money(Currency::EUR)))
                .column(Attribute::new("title", AttributeType::Text))
                .column(Attribute::new("currency", AttributeType::Text))
                .column(Attribute::new(
                    "fee",
                    AttributeType::MixedMoney { currency_column: "currency".into() },
                )),
        )
        .build()
        .unwrap()
}

fn check(text: &str) -> Checked {
    Checker::new(&schema()).check(text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(text: &str) -> String {
    Checker::new(&schema()).check_predicate(text).expect_err(text).to_string()
}

fn lints(text: &str) -> String {
    let checked = check(text);
    let lints: Vec<String> = checked.lints().iter().map(|lint| lint.beside(text)).collect();
    lints.join("\n")
}

/// The examples that the language was designed with, and others of the same kind.
#[test]
fn errors_are_in_the_words_of_the_user() {
    for (text, wanted) in [
        (
            "healt_score < 60",
            "E101 healt_score < 60\n     ^^^^^^^^^^^ did you mean `health_score` (double)? [replace by `health_score`]",
        ),
        (
            "band == \"yelow\"",
            "E102 band == \"yelow\"\n             ^^^^^^^ not a value of `band` (red, yellow, green); did you mean \"yellow\"? [replace by `\"yellow\"`]",
        ),
        (
            "renewal_date < \"2026-03-31\"",
            "E103 renewal_date < \"2026-03-31\"\n                    ^^^^^^^^^^^^ text compared with a date; write date(\"2026-03-31\") [replace by `date(\"2026-03-31\")`]",
        ),
        (
            "arr_eur > arr_usd",
            "E104 arr_eur > arr_usd\n     ^^^^^^^^^^^^^^^^^ money(EUR) against money(USD); convert one of them, as in x.convertTo(\"EUR\")",
        ),
        ("region = \"EMEA\"", "E105 region = \"EMEA\"\n            ^ comparison is `==` [replace by `==`]"),
        (
            "arr + expansion_arr",
            "E106 arr + expansion_arr\n     ^^^^^^^^^^^^^^^^^^^ a segment must be true or false; did you mean to compare this with a number?",
        ),
        (
            "csm == null",
            "E107 csm == null\n            ^^^^ there is no null; write !has(csm) [replace by `!has(csm)`]",
        ),
        (
            "descendants.exists(d, health_score < 40)",
            "E108 descendants.exists(d, health_score < 40)\n                           ^^^^^^^^^^^^ this is the outer account; did you mean `d.health_score`? [replace by `d.health_score`]",
        ),
        (
            "descendants.exists(d, d.descendants.exists(e, e.children.exists(f, f.arr > 1)))",
            "E109 descendants.exists(d, d.descendants.exists(e, e.children.exists(f, f.arr > 1)))\n                                                   ^^^^^^^^^^ third nested hierarchy walk (limit 2)",
        ),
        (
            "(tier == \"A\" || arr > 1e6",
            "E110 (tier == \"A\" || arr > 1e6\n     ^ this bracket is never closed; expected `)` after `1e6` [insert `)`]",
        ),
        (
            "contracts.exists(c, end_date < today())",
            "E101 contracts.exists(c, end_date < today())\n                         ^^^^^^^^ did you mean `c.end_date`? [replace by `c.end_date`]",
        ),
        (
            "contracts.exists(c, c.end_dat < today())",
            "E101 contracts.exists(c, c.end_dat < today())\n                           ^^^^^^^ did you mean `end_date` (date)? [replace by `end_date`]",
        ),
        (
            "name.contians(\"x\")",
            "E101 name.contians(\"x\")\n          ^^^^^^^^ there is no function `contians`; did you mean `text.contains(part)`? [replace by `contains`]",
        ),
        (
            "arr == \"5000\"",
            "E103 arr == \"5000\"\n            ^^^^^^ text compared with money(EUR); write 5000 [replace by `5000`]",
        ),
        (
            "tags == [\"a\"]",
            "E103 tags == [\"a\"]\n     ^^^^^^^^^^^^^ lists are not compared; ask `containsAll` or `containsAny`",
        ),
        (
            "region < \"EMEA\"",
            "E103 region < \"EMEA\"\n     ^^^^^^^^^^^^^^^ these values have no order; a band has",
        ),
        (
            "owns(\"Biling\")",
            "E102 owns(\"Biling\")\n          ^^^^^^^^ no product of this name; did you mean \"Billing\"?",
        ),
        (
            "children",
            "E103 children\n     ^^^^^^^^ `children` are accounts; ask `children.exists(x, ..)`, `.count()` or the like",
        ),
        (
            "parent == \"x\"",
            "E103 parent == \"x\"\n     ^^^^^^ `parent` is an account; ask one of its attributes: `parent.name`",
        ),
        (
            "last_seen < renewal_date",
            "E103 last_seen < renewal_date\n                 ^^^^^^^^^^^^ date compared with a timestamp; write date(..) of the timestamp",
        ),
        (
            "last_seen.getHours(\"Mars/Base\") > 3",
            "E101 last_seen.getHours(\"Mars/Base\") > 3\n                        ^^^^^^^^^^^ unknown time zone; a host brings the database of zones",
        ),
        (
            "renewal_date.during(\"this_quater\")",
            "E102 renewal_date.during(\"this_quater\")\n                         ^^^^^^^^^^^^^ no period is called this (this_quarter, last_month, next_year, this_week, this_fiscal_year); did you mean \"this_quarter\"? [replace by `\"this_quarter\"`]",
        ),
        (
            "contracts.sum(c, c.fee) > 5",
            "E104 contracts.sum(c, c.fee) > 5\n                      ^^^^^ these amounts are of several currencies; take those of one, as in x.ifCurrency(\"EUR\"), or convert each, as in x.convertTo(\"EUR\")",
        ),
        ("arr * arr > 5", "E104 arr * arr > 5\n     ^^^^^^^^^ an amount times an amount means nothing"),
        (
            "tags.exists(t, children.exists(c, c.name == t))",
            "E113 tags.exists(t, children.exists(c, c.name == t))\n                                                 ^ an item of a list cannot be read inside a lambda over accounts or rows; turn it round: ask of each row whether it is `in` the list",
        ),
    ] {
        assert_eq!(errors(text), wanted);
    }
}

/// Codes alone, each with the text below the carets.
#[test]
fn what_does_not_fit_is_found_where_it_stands() {
    for (text, wanted) in [
        // Everything at once, in the order of the text.
        (
            "nme == 1 && band == \"x\" && renewal_date < 3",
            &[("E101", "nme"), ("E102", "\"x\""), ("E103", "3")][..],
        ),
        ("a.b.c == 1", &[("E101", "a.b.c")]),
        ("name.x == 1", &[("E101", "name.x")]),
        ("!seats", &[("E103", "seats")]),
        ("seats && strategic", &[("E103", "seats")]),
        ("-name == 1", &[("E103", "name")]),
        ("strategic ? 1 : \"x\"", &[("E103", "\"x\"")]),
        ("seats ? true : false", &[("E103", "seats")]),
        ("seats + name > 1", &[("E103", "name")]),
        ("seats % 2.5 == 1", &[("E103", "2.5")]),
        ("5 / arr > 1", &[("E103", "5")]),
        ("arr > seats", &[("E103", "seats")]),
        ("arr > score", &[("E103", "score")]),
        (
            "score * score * score * score * score * score * score * score * score * score > 1",
            &[("E103", "score * score * score * score * score * score * score * score * score * score")],
        ),
        ("seats in 5", &[("E103", "5")]),
        ("seats in [\"a\"]", &[("E103", "\"a\"")]),
        ("region in [\"EMEA\", \"LATAM\"]", &[("E102", "\"LATAM\"")]),
        ("seats in [seats]", &[("E112", "seats")]),
        ("tags[\"a\"] == \"x\"", &[("E103", "\"a\"")]),
        ("name[0] == \"x\"", &[("E103", "name")]),
        ("name.contains(seats)", &[("E103", "seats")]),
        ("name.like(industry)", &[("E112", "industry")]),
        ("math.floor(seats) > 1", &[("E103", "seats")]),
        ("size(seats) > 1", &[("E103", "seats")]),
        ("has()", &[("E112", "has()")]),
        ("between(seats, 1)", &[("E112", "between(seats, 1)")]),
        ("daysAgo(seats) < renewal_date", &[("E112", "seats")]),
        ("renewal_date.inLast(3, \"decades\")", &[("E102", "\"decades\"")]),
        ("seats.inLast(3, \"days\")", &[("E103", "seats")]),
        ("date(\"2026-02-30\") < renewal_date", &[("E111", "\"2026-02-30\"")]),
        ("lineage.at(\"Reigon\").name == \"x\"", &[("E102", "\"Reigon\"")]),
        ("lineage.level(0).name == \"x\"", &[("E112", "0")]),
        ("children.at(\"Region\").name == \"x\"", &[("E112", "children")]),
        ("children.name == \"x\"", &[("E103", "children.name")]),
        ("children.sum() > 1", &[("E112", "children.sum()")]),
        ("children.sum(c, c.name) > 1", &[("E103", "c.name")]),
        ("children.map(c, c.arr) > 1", &[("E112", "children.map(c, c.arr)")]),
        ("children.exists(c, c.arr)", &[("E103", "c.arr")]),
        ("children.exists(c, true)", &[("E108", "true")]),
        ("descendants.exists(d, d.arr > arr)", &[("E113", "arr")]),
        ("siblings.exists(s, s.arr > arr && s.name != name)", &[("E113", "arr"), ("E113", "name")]),
        ("inSegment(\"x\")", &[("E101", "\"x\"")]),
        ("events(\"x\").count() > 1", &[("E101", "\"x\"")]),
        ("frobnicate(seats)", &[("E101", "frobnicate")]),
        ("seats.exists(x, x)", &[("E103", "seats")]),
    ] {
        let found = Checker::new(&schema()).check(text).expect_err(text);
        let found: Vec<(&str, &str)> =
            found.all().iter().map(|error| (error.code().as_str(), error.span().text(text))).collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn a_day_that_the_calendar_does_not_have_is_told_as_that() {
    let said = |text: &str| {
        let found = Checker::new(&schema()).check(text).expect_err(text);
        found.all().iter().map(|error| error.message().to_owned()).collect::<Vec<_>>()
    };
    for text in ["date(\"2024-02-30\")", "date(\"2023-02-29\")", "timestamp(\"2024-02-30T08:00:00Z\")"] {
        let question = format!("{text} < last_seen");
        assert_eq!(said(&question), ["there is no such day"], "{text}");
    }
    assert_eq!(said("date(\"30.2.2024\") < last_seen"), ["a day is written `date(\"2026-03-31\")`"]);
}

#[test]
fn every_edit_mends() {
    for text in [
        "healt_score < 60",
        "band == \"yelow\"",
        "renewal_date < \"2026-03-31\"",
        "descendants.exists(d, health_score < 40)",
        "contracts.exists(c, end_date < today())",
        "name.contians(\"x\")",
        "arr == \"5000\"",
        "last_seen > \"2026-03-31T00:00:00Z\"",
        "response_time > \"36h\"",
    ] {
        let errors = Checker::new(&schema()).check_predicate(text).unwrap_err();
        let edit = errors.all()[0].edit().expect(text);
        let mut mended = text.to_owned();
        mended.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        let _ = check(&mended);
    }
}

#[test]
fn lints_say_what_is_probably_not_meant() {
    for (text, wanted) in [
        (
            "industry != \"Retail\"",
            "W201 industry != \"Retail\"\n     ^^^^^^^^^^^^^^^^^^^^ leaves out accounts with no `industry`; isNot(industry, \"Retail\") keeps them [replace by `isNot(industry, \"Retail\")`]",
        ),
        (
            "!(region in [\"EMEA\"])",
            "W201 !(region in [\"EMEA\"])\n     ^^^^^^^^^^^^^^^^^^^^^ leaves out accounts with no `region`; !isTrue(region in [\"EMEA\"]) keeps them [replace by `!isTrue(region in [\"EMEA\"])`]",
        ),
        (
            "!industry.contains(\"x\")",
            "W201 !industry.contains(\"x\")\n     ^^^^^^^^^^^^^^^^^^^^^^^ leaves out accounts with no `industry`; !isTrue(industry.contains(\"x\")) keeps them [replace by `!isTrue(industry.contains(\"x\"))`]",
        ),
        (
            "logins_30d / seats > 0.5",
            "W202 logins_30d / seats > 0.5\n     ^^^^^^^^^^^^^^^^^^ gives whole numbers; use ratio(logins_30d, seats) [replace by `ratio(logins_30d, seats)`]",
        ),
        (
            "size(tags) < 0",
            "W203 size(tags) < 0\n     ^^^^^^^^^^^^^^ this is always false: the value is 0 or more",
        ),
        (
            "0 <= children.count()",
            "W203 0 <= children.count()\n     ^^^^^^^^^^^^^^^^^^^^^ this is always true: the value is 0 or more",
        ),
        ("seats > 1 || 1 > 2", "W203 seats > 1 || 1 > 2\n                  ^^^^^ this is always false"),
        ("seats > 1 / 0", "W205 seats > 1 / 0\n             ^^^^^ this never has a value"),
        (
            "tags.exists(t, industry == \"x\")",
            "W204 tags.exists(t, industry == \"x\")\n                    ^^^^^^^^^^^^^^^ `t` is never asked",
        ),
        (
            "children.count(c, c.arr > 1) == 0",
            "W206 children.count(c, c.arr > 1) == 0\n     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ true also where `arr` has no value; ask has(..) beside it if that matters",
        ),
        // Nothing to say.
        ("has(industry) && industry != \"Retail\"", ""),
        ("name != \"x\"", ""),
        ("isNot(industry, \"Retail\")", ""),
        ("ratio(logins_30d, seats) > 0.5", ""),
        ("logins_30d / 2.0 > 0.5", ""),
        ("arr / 2 > 0.5", ""),
    ] {
        assert_eq!(lints(text), wanted, "{text}");
    }
}

/// Every negation that has no answer where a value is missing says so, by name.
#[test]
fn negations_that_leave_accounts_out_are_told() {
    let told = |text: &str| -> Vec<String> {
        let checked = check(text);
        let lints = checked.lints().iter().filter(|lint| lint.code() == Code::W201);
        lints.map(|lint| lint.message().to_owned()).collect()
    };
    let one = |name: &str, kept: &str| format!("leaves out accounts with no `{name}`; {kept} keeps them");
    for (text, names) in [
        ("!(industry == \"x\" || region == \"EMEA\")", &["industry", "region"][..]),
        ("!(arr > 5)", &["arr"]),
        ("!(5 == seats)", &["seats"]),
        ("!renewal_date.inLast(5, \"days\")", &["renewal_date"]),
        ("!(\"x\" in tags)", &["tags"]),
        ("!(seats > logins_30d)", &["seats", "logins_30d"]),
        ("!(seats > 5 && (has(arr) && arr > 3))", &["seats"]),
        ("!((has(seats) ? arr : arr) > 5)", &["arr"]),
        ("has(region) && !(seats > 5 || region == \"EMEA\")", &["seats"]),
        ("!(coalesce(arr, arr) > 5)", &["arr"]),
        ("!((seats > 5 || seats < 3) && seats > 1)", &["seats"]),
        ("!(industry).contains(\")\")", &["industry"]),
        // Nobody is left out.
        ("!has(seats)", &[]),
        ("!isTrue(seats > 5)", &[]),
        ("!isNot(industry, \"x\")", &[]),
        ("!(has(seats) && seats > 5)", &[]),
        ("!has(seats) || !(seats > 5)", &[]),
        ("!(!has(seats) || seats > 5)", &[]),
        ("!(coalesce(seats, 0) > 5)", &[]),
        ("!(name == \"x\")", &[]),
        ("seats > 5 || region == \"EMEA\"", &[]),
    ] {
        let kept = text.find('!').map(|at| {
            let of = text.get(at + 1..).unwrap();
            let is_call = of.starts_with("(industry).");
            let of =
                of.strip_prefix('(').and_then(|of| of.strip_suffix(')')).filter(|_| !is_call).unwrap_or(of);
            format!("!isTrue({of})")
        });
        let wanted: Vec<String> = names.iter().map(|name| one(name, kept.as_deref().unwrap())).collect();
        assert_eq!(told(text), wanted, "{text}");
        // What is proposed stands in the place of what it is proposed for, brackets and all.
        for lint in check(text).lints() {
            let edit = lint.edit().unwrap();
            let mut mended = text.to_owned();
            mended.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
            assert_eq!(told(&mended), Vec::<String>::new(), "{mended}");
        }
    }
    assert_eq!(
        told("!(parent.seats > 5)"),
        ["leaves out accounts where `parent.seats` has no value; !isTrue(parent.seats > 5) keeps them"]
    );
    let long = format!("!({})", ["seats > 5"; 12].join(" || "));
    assert_eq!(told(&long), ["leaves out accounts with no `seats`; !isTrue(..) keeps them"]);
    // A row is left out of what is asked of rows.
    assert_eq!(
        told("contracts.exists(c, !(c.end_date < today()))"),
        ["leaves out rows with no `end_date`; !isTrue(c.end_date < today()) keeps them"]
    );
}

#[test]
fn declared_bounds_are_known() {
    struct Bounded;
    impl Names for Bounded {
        fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
            let score = of == Of::Account && name == "health.score";
            score.then(|| Name::new(Type::Double).between(0.0, 100.0))
        }
        fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
            if of == Of::Account {
                seen("health.score");
            }
        }
    }
    let lints = |text: &str| {
        let checked = Checker::new(&Bounded).check(text).unwrap();
        checked.lints().iter().map(perennial::expr::Diagnostic::code).collect::<Vec<_>>()
    };
    for text in ["health.score > 100", "health.score >= -1", "health.score == 101", "101 <= health.score"] {
        assert_eq!(lints(text), [Code::W203], "{text}");
    }
    for text in ["health.score >= 100", "health.score < 0.5", "health.score != 50"] {
        assert!(!lints(text).contains(&Code::W203), "{text}");
    }
    // Without a hierarchy its words mean nothing.
    let errors = Checker::new(&Bounded).check("parent.name == \"x\" || under(\"x\")").unwrap_err();
    assert_eq!(errors.all().len(), 2, "{errors}");
}

#[test]
fn types_are_those_of_the_field() {
    let money = |scale| Type::Money { currency: Currency::EUR, scale };
    for (text, kind) in [
        ("1", Type::Int),
        ("1.5", Type::Double),
        ("1 + 1.5", Type::Double),
        ("seats + 1", Type::Int),
        ("seats + 1.5", Type::Double),
        ("seats / 2", Type::Int),
        ("ratio(seats, 2)", Type::Double),
        ("score + 1", Type::Decimal { scale: 2 }),
        ("score + 0.125", Type::Decimal { scale: 3 }),
        ("score + seats", Type::Decimal { scale: 2 }),
        ("score * score", Type::Decimal { scale: 4 }),
        ("score * 0.125", Type::Decimal { scale: 5 }),
        ("score * health_score", Type::Double),
        ("score / 2", Type::Double),
        ("arr + 1", money(2)),
        ("arr + expansion_arr", money(2)),
        ("arr * 2", money(2)),
        ("2 * arr", money(2)),
        ("arr * 0.125", money(5)),
        ("arr * score", money(4)),
        ("arr * health_score", money(11)),
        ("arr / 2", Type::Double),
        ("arr / arr_eur", Type::Double),
        ("children.avg(c, c.arr)", money(11)),
        ("children.sum(c, c.arr)", money(2)),
        ("children.avg(c, c.seats)", Type::Double),
        ("children.max(c, c.renewal_date)", Type::Date),
        ("renewal_date - today()", Type::Int),
        ("renewal_date + 30", Type::Date),
        ("last_seen - now()", Type::Duration),
        ("last_seen + response_time", Type::Timestamp),
        ("name + region", Type::Text),
        ("coalesce(seats, 0.5)", Type::Double),
        ("coalesce(arr, 0)", money(2)),
        ("coalesce(region, \"EMEA\")", Type::Enum(EnumValues::new(["EMEA", "APAC"]))),
        ("strategic ? 1 : 2.5", Type::Double),
        ("math.least(seats, 0.5)", Type::Double),
        ("math.round(arr)", money(2)),
        ("date(last_seen)", Type::Date),
        ("level", Type::Int),
        ("id", Type::Text),
        ("parent.parent.name", Type::Text),
        ("tags[0]", Type::Text),
        ("tags.filter(t, t != \"x\")", Type::list(Type::Text)),
        ("tags.map(t, size(t))", Type::list(Type::Int)),
    ] {
        assert_eq!(*check(text).kind(), kind, "{text}");
    }
}

#[test]
fn what_the_language_is_for_is_accepted() {
    for text in [
        // By account type, by name at a place, by name at any level, by product.
        "account_type == \"Site\"",
        "lineage.at(\"Region\").name == \"EMEA\" || lineage.level(2).name == \"EMEA\"",
        "lineage.exists(a, a.name.equalsFold(\"acme\"))",
        "owns(\"CRM\") && !owns(\"Billing\")",
        "under(\"acc-42\") && !strictlyUnder(\"acc-43\")",
        "descendants.exists(d, d.account_type == \"Site\" && d.health_score < 40)",
        "children.all(c, c.health_score >= 30)",
        "descendants.sum(d, d.arr) > 250000 && children.count(c, c.band == \"red\") > 3",
        "descendants.filter(d, d.strategic).min(d, d.renewal_date).inNext(90, \"days\")",
        "children.exists(c, c.arr > arr)",
        "children.exists(c, c.children.exists(e, e.arr > c.arr))",
        "contracts.exists(c, c.end_date < today() && c.amount > arr * 0.1)",
        "contracts.filter(c, c.amount > 5).count() > 1",
        "parent.contracts.count() > 1",
        "last_seen >= daysAgo(7) && last_seen.inLast(30, \"days\") && last_seen.during(\"this_quarter\")",
        "arr > 2 * 50000 && arr > 1e6",
        "band >= \"yellow\" && band in [\"red\", \"green\"]",
        "seats in [1, 2.5] && arr in [100, 200.5]",
        "has(parent) && has(tags[0])",
        "attr.region == \"EMEA\"",
        "children.exists(c, c.tags.exists(t, t == c.name))",
    ] {
        let schema = schema();
        let checker = Checker::new(&schema);
        let checked = checker.check_predicate(text).unwrap_or_else(|errors| panic!("{errors}"));
        // From its JSON as from its text.
        let ast = Ast::from_json(&checked.ast().to_json(), &ExprLimits::default()).unwrap();
        assert!(checker.check_ast_predicate(ast).is_ok());
    }
    let checked = check("contracts.exists(c, c.amount > arr) && parent.seats > 1 && renewal_date > today()");
    assert_eq!(checked.reads().collect::<Vec<_>>(), ["arr", "seats", "renewal_date"]);
    assert_eq!(checked.reads_tables().collect::<Vec<_>>(), ["contracts"]);
    assert!(checked.depends_on_time() && checked.is_predicate());
}

#[test]
fn segments_events_and_metrics_are_typed() {
    struct Usage;
    impl Names for Usage {
        fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
            match (of, name) {
                (Of::Event("export"), "rows") => Some(Name::new(Type::Int)),
                (Of::Event("export"), "plan" | "user") => Some(Name::new(Type::Text)),
                _ => None,
            }
        }
        fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
            if of == Of::Event("export") {
                ["rows", "plan", "user"].into_iter().for_each(seen);
            }
        }
        fn has_event(&self, event: &str) -> bool {
            event == "export"
        }
        fn metric(&self, metric: &str) -> Option<Name> {
            (metric == "logins").then(|| Name::new(Type::Int))
        }
        fn segment_chain(&self, id: &str) -> Option<usize> {
            match id {
                "big" => Some(1),
                "long" => Some(9),
                _ => None,
            }
        }
        fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
            ["big", "long"].into_iter().for_each(seen);
        }
    }
    let checker = Checker::new(&Usage);
    for (text, kind) in [
        ("events(\"export\").lastDays(30).count()", Type::Int),
        ("events(\"export\").lastDays(30).where(e, e.plan == \"pro\").sum(e, e.rows)", Type::Int),
        ("events(\"export\").prevDays(30, 30).distinct(e, e.user)", Type::Int),
        ("events(\"export\").between(startOf(\"month\"), today()).days()", Type::Int),
        ("events(\"export\").last()", Type::Timestamp),
        ("events(\"export\").avg(e, e.rows)", Type::Double),
        ("metric(\"logins\").lastDays(14).sum()", Type::Int),
        (
            "change(metric(\"logins\").lastDays(7).sum(), metric(\"logins\").prevDays(7, 7).sum())",
            Type::Double,
        ),
        ("inSegment(\"big\")", Type::Bool),
        ("events(\"export\").weekly().lastWeeks(12).count().median()", Type::Int),
        ("events(\"export\").lastWeeks(12).weekly(\"active\").sum(e, e.rows).percentile(99.9)", Type::Int),
        ("events(\"export\").weekly().prevWeeks(4, 4).last().max()", Type::Timestamp),
        ("events(\"export\").weekly().distinct(e, e.user).avg()", Type::Double),
        ("metric(\"logins\").weekly().sum().count()", Type::Int),
        ("metric(\"logins\").lastDays(30).median() > metric(\"logins\").percentile(0.01)", Type::Bool),
    ] {
        let checked = checker.check(text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(*checked.kind(), kind, "{text}");
        assert_eq!(Ast::parse(&checked.to_string()).unwrap(), *checked.ast());
        assert_eq!(Ast::from_json(&checked.ast().to_json(), &ExprLimits::default()).unwrap(), *checked.ast());
    }
    for (text, code) in [
        ("events(\"exprt\").count()", Code::E101),
        ("metric(\"login\").sum()", Code::E101),
        ("inSegment(\"bg\")", Code::E101),
        ("inSegment(\"long\")", Code::E304),
        ("events(\"export\").lastDays(0).count()", Code::E112),
        ("events(\"export\").lastDays(1).lastDays(2).count()", Code::E112),
        ("events(\"export\").sum()", Code::E112),
        ("events(\"export\").where(e, e.rows)", Code::E103),
        ("metric(\"logins\").sum(m, m.x)", Code::E112),
        ("events(\"export\").weekly().lastWeeks(12).count()", Code::E103),
        ("events(\"export\").weekly().lastWeeks(12)", Code::E103),
        ("events(\"export\").weekly().lastWeeks(12).count() > 3", Code::E103),
        ("events(\"export\").weekly().weekly().count().sum()", Code::E112),
        ("events(\"export\").weekly(\"busy\").count().sum()", Code::E102),
        ("events(\"export\").weekly().lastWeeks(0).count().sum()", Code::E112),
        ("events(\"export\").lastWeeks(2).lastDays(2).count()", Code::E112),
        ("events(\"export\").median()", Code::E112),
        ("events(\"export\").weekly().median()", Code::E112),
        ("events(\"export\").weekly().first().sum()", Code::E103),
        ("events(\"export\").weekly().count().sum(w, w)", Code::E112),
        ("metric(\"logins\").percentile(0)", Code::E112),
        ("metric(\"logins\").percentile(100.01)", Code::E112),
        ("metric(\"logins\").percentile(99.999)", Code::E112),
        ("metric(\"logins\").percentile(\"p90\")", Code::E112),
        ("metric(\"logins\").percentile()", Code::E112),
        ("metric(\"logins\").days()", Code::E103),
        ("(3).weekly()", Code::E112),
    ] {
        let errors = checker.check(text).expect_err(text);
        assert_eq!(errors.all()[0].code(), code, "{errors}");
    }
}

#[test]
fn limits_of_what_an_expression_costs() {
    let code = |text: &str, limits: ExprLimits| {
        let schema = schema();
        let checked = Checker::new(&schema).with_limits(limits).check(text);
        checked.map_or_else(|errors| Some(errors.all()[0].code()), |_| None)
    };
    let nested = "tags.exists(a, tags.exists(b, b == a))";
    let thrice = "tags.exists(a, tags.exists(b, tags.exists(c, c == a)))";
    assert_eq!(code(nested, ExprLimits::default()), None);
    assert_eq!(code(thrice, ExprLimits::default()), Some(Code::E109));
    assert_eq!(code(thrice, ExprLimits::default().with_lambdas(3)), Some(Code::E109), "its cost");
    assert_eq!(
        code(
            thrice,
            ExprLimits::default().with_lambdas(3).with_account_cost(10_000_000).with_run_cost(u64::MAX)
        ),
        None
    );
    assert_eq!(code(nested, ExprLimits::default().with_list_length(1_000)), Some(Code::E109));
    assert_eq!(code(nested, ExprLimits::default().with_account_cost(100)), Some(Code::E109));
    let walk = "descendants.exists(d, d.children.exists(e, e.arr > 1))";
    assert_eq!(code(walk, ExprLimits::default()), None);
    assert_eq!(code(walk, ExprLimits::default().with_walks(1)), Some(Code::E109));
    let rows = "contracts.exists(c, c.amount > 1)";
    assert_eq!(code(rows, ExprLimits::default().with_rows_per_account(100_000)), Some(Code::E109));
    let many = ExprLimits::default().with_accounts(1_000_000).with_run_cost(10_000_000);
    assert_eq!(code("seats > 1", many.clone()), None);
    assert_eq!(code("seats > 1 && seats > 2 && seats > 3", many), Some(Code::E305));
    // A tree that was read under wider limits.
    let wide =
        Ast::parse_within(&format!("{}strategic", "!".repeat(100)), &ExprLimits::default().with_depth(128))
            .unwrap();
    let schema = schema();
    let errors = Checker::new(&schema).check_ast(wide).unwrap_err();
    assert_eq!(errors.all()[0].code(), Code::E302);
    let few = ExprLimits::default().with_diagnostics(3);
    let errors =
        Checker::new(&schema).with_limits(few).check("a == 1 && b == 1 && c == 1 && d == 1 && e == 1");
    let errors = errors.unwrap_err();
    assert_eq!((errors.all().len(), errors.more()), (3, 2));
    assert!(errors.to_string().ends_with("and 2 more"));
}

/// The deepest nesting that a host may allow takes little stack, through all of parsing, checking and evaluating.
#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    let run = || {
        let schema = schema();
        let limits = ExprLimits::default().with_depth(perennial::expr::MAX_DEPTH);
        let checker = Checker::new(&schema).with_limits(limits.clone());
        for text in [
            format!("{}strategic", "!".repeat(126)),
            format!("{}1{} > seats", "(".repeat(126), ")".repeat(126)),
            format!("{}seats{}", "math.abs(".repeat(126), ")".repeat(126)),
            format!("{}3", "strategic ? 2 : ".repeat(120)),
            format!("{}strategic{}", "(strategic && (seats > 1 || ".repeat(60), "))".repeat(60)),
        ] {
            let checked = checker.check(&text).unwrap_or_else(|errors| panic!("{errors}"));
            let ast = Ast::from_json(&checked.ast().to_json(), &limits).unwrap();
            assert_eq!(&ast, checked.ast());
            let today = perennial::AsOf::date_utc(perennial::Date::new(2026, 1, 31).unwrap());
            let _ = checked.for_json(&today).unwrap().value(&serde_json::json!({ "seats": 1 })).unwrap();
            let _ = checker.completions(&text, text.len());
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}
