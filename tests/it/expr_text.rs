//! Text and JSON of expressions: what is read, how it is written, what is refused.

use perennial::expr::{Ast, Code, ExprLimits, Literal, Node};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn printed(text: &str) -> String {
    Ast::parse(text).unwrap_or_else(|errors| panic!("{errors}")).to_string()
}

#[test]
fn canonical_text() {
    for (text, canonical) in [
        ("a&&b||!c", "a && b || !c"),
        ("(a && (b)) || c", "a && b || c"),
        ("a && (b || c)", "a && (b || c)"),
        ("(a && b) && c", "(a && b) && c"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a - b) - c", "(a - b) - c"),
        ("a-b-c", "a - b - c"),
        ("-a * -2", "-a * -2"),
        ("- - 2", "--2"),
        ("-(2)", "-2"),
        ("(-2).f()", "(-2).f()"),
        ("a ? b : c ? d : e", "a ? b : c ? d : e"),
        ("(a ? b : c) ? d : e", "(a ? b : c) ? d : e"),
        ("a ? (b ? c : d) : e", "a ? b ? c : d : e"),
        ("a in ['x', \"y\", r'\\z']", r#"a in ["x", "y", "\\z"]"#),
        ("a. b .c", "a.b.c"),
        ("attr.`Success Manager`", "attr.`Success Manager`"),
        ("a.in.`not`", "a.`in`.`not`"),
        ("`größe` > 1", "`größe` > 1"),
        ("0x10 + 007", "16 + 7"),
        ("1.50 + .5 + 1e3 + 1e30 + 2.5e-3", "1.5 + 0.5 + 1000.0 + 1e30 + 0.0025"),
        ("1e300", "1e300"),
        ("-0.0", "0.0"),
        ("x.size()", "size(x)"),
        ("contains(name, 'x')", "name.contains(\"x\")"),
        ("has ( x )", "has(x)"),
        ("math.abs( x )", "math.abs(x)"),
        (
            "date('2026-03-31') < timestamp('2026-03-31T12:00:00+02:00')",
            "date(\"2026-03-31\") < timestamp(\"2026-03-31T10:00:00Z\")",
        ),
        ("duration('1h30m')", "duration(\"5400s\")"),
        ("xs.map(x, x > 1, x * 2)", "xs.filter(x, x > 1).map(x, x * 2)"),
        ("a[0][b+1]", "a[0][b + 1]"),
        ("a // why\n + b", "a + b"),
        ("'''it's \"so\"\n'''", r#""it's \"so\"\n""#),
        (r"'\a\b\f\v\?\`\101\x41\u0041\U00000041\u00e4'", "\"\\x07\\x08\\x0c\\x0b?`AAAAä\""),
        ("under('x') && parent.under('y')", "under(\"x\") && parent.under(\"y\")"),
        ("events('e').between(a, b).count()", "between(events(\"e\"), a, b).count()"),
    ] {
        assert_eq!(printed(text), canonical);
        assert_eq!(printed(canonical), canonical, "from its own text");
        let ast = Ast::parse(text).unwrap();
        assert_eq!(Ast::parse(canonical).unwrap(), ast);
        assert_eq!(Ast::from_json(&ast.to_json(), &ExprLimits::default()).unwrap(), ast);
    }
}

#[test]
fn spans_are_bytes_and_utf16_units() {
    let errors = Ast::parse("name == \"😀é\" & b").unwrap_err();
    let error = &errors.all()[0];
    assert_eq!(error.span().text("name == \"😀é\" & b"), "&");
    assert_eq!((error.span().start, error.utf16().start, error.utf16().end), (17, 14, 15));
}

/// Each text with the codes of its errors, and the text below the carets.
#[test]
fn what_is_refused() {
    for (text, wanted) in [
        ("", &[("E110", "")][..]),
        ("a +", &[("E110", "")]),
        ("a AND b OR NOT c <> d", &[("E105", "AND"), ("E105", "OR"), ("E105", "NOT"), ("E105", "<>")]),
        ("a & b | c = d", &[("E105", "&"), ("E105", "|"), ("E105", "=")]),
        ("not(a)", &[("E105", "not")]),
        ("a == null && b != null", &[("E107", "null"), ("E107", "null")]),
        ("a b", &[("E110", "b")]),
        ("(a", &[("E110", "(")]),
        ("a)", &[("E110", ")")]),
        ("[1, 2", &[("E110", "[")]),
        ("f(a", &[("E110", "(")]),
        ("a ? b", &[("E110", "")]),
        ("a.", &[("E110", "")]),
        ("a..b", &[("E110", ".")]),
        ("'abc", &[("E110", "'abc")]),
        ("a.`b", &[("E110", "`b")]),
        ("'a\nb'", &[("E110", "'a")]),
        ("1u", &[("E111", "1u")]),
        ("12ab", &[("E111", "12ab")]),
        ("b'x'", &[("E111", "b'x'")]),
        (
            "'\\q' + '\\ud800' + '\\x4' + '\\400'",
            &[("E111", "\\q"), ("E111", "\\ud800"), ("E111", "\\x"), ("E111", "\\4")],
        ),
        ("9223372036854775808", &[("E111", "9223372036854775808")]),
        ("1e400", &[("E111", "1e400")]),
        ("for + while", &[("E110", "for"), ("E110", "while")]),
        ("xs.exists(1, 2)", &[("E112", "xs.exists(1, 2)")]),
        ("``", &[("E111", "``")]),
        ("a.`` > 1", &[("E111", "``")]),
        ("xs.exists(x)", &[("E112", "xs.exists(x)")]),
        ("# && $", &[("E110", "#"), ("E110", "$")]),
    ] {
        let errors = Ast::parse(text).expect_err(text);
        let found: Vec<(&str, &str)> =
            errors.all().iter().map(|error| (error.code().as_str(), error.span().text(text))).collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn edits_mend_what_they_speak_of() {
    for (text, mended) in [
        ("region = \"EMEA\"", "region == \"EMEA\""),
        ("a AND b", "a && b"),
        ("NOT a", "!a"),
        ("csm == null", "!has(csm)"),
        ("health.score != null", "has(health.score)"),
        ("(a || b", "(a || b)"),
        ("a)", "a"),
        ("5u == x", "5 == x"),
    ] {
        let errors = Ast::parse(text).unwrap_err();
        let edit = errors.all()[0].edit().expect(text);
        let mut now = text.to_owned();
        now.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        assert_eq!(now, mended);
        assert!(Ast::parse(&now).is_ok());
    }
}

#[test]
fn every_limit_has_its_error() {
    let code = |text: &str, limits: &ExprLimits| {
        Ast::parse_within(text, limits).map_or_else(|errors| Some(errors.all()[0].code()), |_| None)
    };
    let default = ExprLimits::default();
    assert_eq!(code(&format!("a{}", " ".repeat(16 << 10)), &default), Some(Code::E301));
    assert_eq!(code(&format!("a{}", " ".repeat((16 << 10) - 1)), &default), None);
    assert_eq!(code(&"a+".repeat(2_100), &default), Some(Code::E301), "tokens");
    assert_eq!(code("a + b", &default.clone().with_tokens(3)), None);
    assert_eq!(code("a + b", &default.clone().with_tokens(2)), Some(Code::E301));
    assert_eq!(code("a + b", &default.clone().with_nodes(3)), None);
    assert_eq!(code("a + b", &default.clone().with_nodes(2)), Some(Code::E301));
    assert_eq!(code(&format!("'{}'", "x".repeat(1 << 10)), &default), None);
    assert_eq!(code(&format!("'{}'", "x".repeat((1 << 10) + 1)), &default), Some(Code::E303));
    assert_eq!(code("x in [1, 2, 3]", &default.clone().with_list_items(3)), None);
    assert_eq!(code("x in [1, 2, 3]", &default.clone().with_list_items(2)), Some(Code::E303));
    // The floor of the CEL specification.
    for deep in [
        format!("{}1{}", "(".repeat(32), ")".repeat(32)),
        format!("{}true", "!".repeat(32)),
        format!("{}a", "-".repeat(32)),
        format!("{}3", "x ? 2 : ".repeat(24)),
        format!("{}a{}", "size(".repeat(12), ")".repeat(12)),
        format!("a{}", ".b".repeat(400)),
        format!("a{}", "[0]".repeat(30)),
        format!("{}1", "a + ".repeat(900)),
        format!("{}a", "a < b || ".repeat(300)),
    ] {
        let ast = Ast::parse(&deep).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(Ast::parse(&ast.to_string()).unwrap(), ast);
    }
    for deep in [
        format!("{}1{}", "(".repeat(65), ")".repeat(65)),
        format!("{}true", "!".repeat(65)),
        format!("{}3", "x ? 2 : ".repeat(300)),
        format!("{}a{}", "size(".repeat(65), ")".repeat(65)),
        format!("a{}", "[0]".repeat(65)),
        format!("a{}", ".f()".repeat(300)),
        "(".repeat(4_000),
        "[".repeat(4_000),
        "!".repeat(4_000),
    ] {
        let errors = Ast::parse(&deep).unwrap_err();
        assert!(errors.all().iter().any(|error| error.code() == Code::E302), "{errors}");
    }
    let many = Ast::parse(&"$ && ".repeat(100)).unwrap_err();
    assert_eq!(many.all().len(), 20);
}

#[test]
fn json_says_what_it_is() {
    let read = |expr: Json| Ast::from_json(&json!({ "v": 1, "expr": expr }), &ExprLimits::default());
    let ast = read(json!({ "op": "and", "args": [
        { "op": "gt", "args": [{ "attr": ["arr"] }, { "lit": { "decimal": "10000" } }] },
        { "op": "exists", "over": "descendants", "var": "d",
          "body": { "op": "lt", "args": [{ "attr": ["d", "nps"] }, { "lit": { "int": 0 } }] } },
        { "op": "inLast", "args": [{ "attr": ["renewal"] }, { "lit": { "int": 30 } }, { "lit": { "text": "days" } }] },
    ] }))
    .unwrap();
    assert_eq!(
        ast.to_string(),
        "arr > 10000.0 && descendants.exists(d, d.nps < 0) && renewal.inLast(30, \"days\")"
    );
    // Its diagnostics speak of the canonical text.
    assert_eq!(ast.source_text(), ast.to_string());
    let Node::And(terms) = ast.node(ast.root()) else { panic!() };
    assert_eq!(ast.span(terms[0]).text(ast.source_text()), "arr > 10000.0");
    let text = serde_json::to_string(&ast).unwrap();
    assert_eq!(serde_json::from_str::<Ast>(&text).unwrap(), ast);
}

#[test]
fn every_fault_of_json_is_said_at_its_place() {
    let broken = json!({ "v": "1", "expr": { "op": "and", "args": [
        { "op": "gt", "args": [{ "attr": [] }, { "lit": { "decimal": "much" } }] },
        { "op": "exsts", "args": [] },
        { "op": "not", "args": [{ "attr": ["a"] }, { "attr": ["b"] }] },
        { "attr": ["a"], "extra": 1 },
        { "lit": { "int": 1, "text": "x" } },
        7,
    ] } });
    let errors = Ast::from_json(&broken, &ExprLimits::default()).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "E114 at `/v`: expected a whole number from 0, found the text `1`\n\
         E114 at `/expr/args/0/args/0`: `attr` is a list of names, one at least\n\
         E114 at `/expr/args/0/args/1`: the text `much` is no decimal\n\
         E114 at `/expr/args/1`: there is no `op` called `exsts`; did you mean `exists`?\n\
         E114 at `/expr/args/2`: `not` takes 1 argument, not 2\n\
         E114 at `/expr/args/3`: unknown field `extra`; known: attr\n\
         E114 at `/expr/args/4`: `lit` has one field, such as `int` or `text`\n\
         E114 at `/expr/args/5`: expected an object with `op`, `attr` or `lit`, found 7"
    );
    for (lit, said) in [
        (json!({ "date": "2024-02-30" }), "the text `2024-02-30` is no date: there is no such day"),
        (json!({ "date": "30.2.2024" }), "the text `30.2.2024` is no date"),
        (
            json!({ "timestamp": "2024-02-30T08:00:00Z" }),
            "the text `2024-02-30T08:00:00Z` is no timestamp: there is no such day",
        ),
    ] {
        let errors =
            Ast::from_json(&json!({ "v": 1, "expr": { "lit": lit } }), &ExprLimits::default()).unwrap_err();
        assert_eq!(errors.to_string(), format!("E114 at `/expr`: {said}"));
    }
    let other = json!({ "v": 2, "expr": 7 });
    let errors = Ast::from_json(&other, &ExprLimits::default()).unwrap_err();
    assert_eq!(errors.to_string(), "E114 at `/v`: unsupported version 2 (this release reads 1)");
    // Faults beyond the limit are counted, of which there may be none.
    let silent = ExprLimits::default().with_diagnostics(0);
    let errors = Ast::from_json(&json!({ "v": 1, "expr": 7 }), &silent).unwrap_err();
    assert_eq!((errors.faults().len(), errors.more()), (0, 1));
    assert!(Ast::from_json(&json!({ "v": 1, "expr": { "attr": ["a"] } }), &silent).is_ok());
}

#[test]
fn json_is_read_to_a_limited_depth() {
    let nested = |depth: usize| {
        let mut node = json!({ "attr": ["a"] });
        for _ in 1..depth {
            node = json!({ "op": "not", "args": [node] });
        }
        json!({ "v": 1, "expr": node })
    };
    let limits = ExprLimits::default();
    assert_eq!(Ast::from_json(&nested(64), &limits).unwrap().depth(), 64);
    let errors = Ast::from_json(&nested(65), &limits).unwrap_err();
    assert_eq!(errors.faults()[0].code, Code::E302);
    let few = ExprLimits::default().with_nodes(3);
    assert!(Ast::from_json(&nested(3), &few).is_ok());
    assert_eq!(Ast::from_json(&nested(4), &few).unwrap_err().faults()[0].code, Code::E301);
}

#[test]
fn literals_have_one_form() {
    let literal = |text: &str| match Ast::parse(text).unwrap().node(Ast::parse(text).unwrap().root()) {
        Node::Literal(literal) => literal.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(literal("0.10"), literal("1e-1"));
    assert_eq!(literal("100000000.0"), literal("1e8"));
    assert_eq!(literal("-9223372036854775808"), Literal::Int(i64::MIN));
    assert_eq!(Literal::number(0.1), Some(literal("0.1")));
    assert_eq!(Literal::number(-0.0), Some(literal("0.0")));
    assert_eq!(Literal::number(f64::NAN), None);
    assert_eq!(Literal::number(1e300), Some(Literal::Double(1e300)));
    assert_eq!(literal("0.1").to_f64(), Some(0.1));
    assert_eq!(literal("123456789012345678.123456789").to_f64(), Some(123_456_789_012_345_678.123_456_789));
}

// --- Any tree -------------------------------------------------------------------------------------

/// Any JSON of an expression, sound or not in its meaning.
fn tree() -> impl Strategy<Value = Json> {
    let name =
        prop::sample::select(vec!["a", "b", "arr", "x", "Success Manager", "in", "not", "größe", "math"]);
    let path = prop::collection::vec(name.clone(), 1..4).prop_map(|names| json!({ "attr": names }));
    let literal = prop_oneof![
        any::<bool>().prop_map(|v| json!({ "lit": { "bool": v } })),
        any::<i64>().prop_map(|v| json!({ "lit": { "int": v.to_string() } })),
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(|v| json!({ "lit": { "double": v } })),
        (-1_000_000_i64..1_000_000, 0_u8..9).prop_map(|(units, scale)| {
            json!({ "lit": { "decimal": perennial::Decimal::new(units.into(), scale).to_string() } })
        }),
        "\\PC{0,8}".prop_map(|v| json!({ "lit": { "text": v } })),
        (0_i32..30_000).prop_map(|days| {
            json!({ "lit": { "date": perennial::Date::from_days(days).unwrap().to_string() } })
        }),
        (-1_000_000_000_i64..1_000_000_000).prop_map(|micros| {
            json!({ "lit": { "duration": perennial::Duration::from_micros(micros).to_string() } })
        }),
    ];
    prop_oneof![path, literal].prop_recursive(6, 48, 4, move |inner| {
        let many = prop::collection::vec(inner.clone(), 2..4);
        let binary = prop::sample::select(vec![
            "eq", "ne", "lt", "le", "gt", "ge", "in", "add", "sub", "mul", "div", "mod", "and", "or",
        ]);
        let function = prop::sample::select(vec![
            "contains", "has", "size", "under", "today", "between", "math.abs", "count", "getHours", "date",
        ]);
        let lambda = prop::sample::select(vec!["exists", "all", "map", "filter", "count", "sum", "where"]);
        prop_oneof![
            (binary, many.clone()).prop_map(|(op, args)| json!({ "op": op, "args": args })),
            inner.clone().prop_map(|arg| json!({ "op": "not", "args": [arg] })),
            inner.clone().prop_map(|arg| json!({ "op": "neg", "args": [arg] })),
            many.clone().prop_map(|args| json!({ "op": "list", "args": args })),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({ "op": "index", "args": [a, b] })),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| json!({ "op": "if", "args": [a, b, c] })),
            (inner.clone(), name.clone())
                .prop_map(|(of, name)| json!({ "op": "member", "args": [of], "name": name })),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| json!({ "op": "chain", "args": [a, b, c], "ops": ["add", "sub"] })),
            (function.clone(), prop::collection::vec(inner.clone(), 0..3)).prop_map(|(op, args)| {
                let args = if op == "count" { args.into_iter().take(1).collect() } else { args };
                json!({ "op": op, "args": args })
            }),
            (any::<bool>(), prop::collection::vec(inner.clone(), 0..3)).prop_map(|(method, args)| {
                json!({ "op": "call", "name": "frobnicate", "method": method, "args": args })
            }),
            (lambda, inner.clone(), name.clone(), inner.clone()).prop_map(|(op, over, var, body)| {
                json!({ "op": op, "over": over, "var": var, "body": body })
            }),
        ]
    })
}

proptest! {
    #![proptest_config(crate::common::config(512))]

    #[test]
    fn what_is_printed_is_read_back(expr in tree()) {
        let limits = ExprLimits::default();
        // A `count` without its one argument is refused; nothing else here is.
        if let Ok(ast) = Ast::from_json(&json!({ "v": 1, "expr": expr }), &limits) {
            let text = ast.to_string();
            let again = Ast::parse(&text);
            prop_assert!(again.is_ok(), "{text}\n{}", again.unwrap_err());
            prop_assert_eq!(&again.unwrap(), &ast, "{}", text);
            prop_assert_eq!(&Ast::from_json(&ast.to_json(), &limits).unwrap(), &ast);
        }
    }

    #[test]
    fn no_text_panics(text in "[a-d0-9 .,()\\[\\]!&|<>=+*/%?:'\"`\\\\\n-]{0,60}") {
        if let Ok(ast) = Ast::parse(&text) {
            prop_assert_eq!(Ast::parse(&ast.to_string()).unwrap(), ast);
        }
    }

    #[test]
    fn no_unicode_text_panics(text in "\\PC{0,40}") {
        let _ = Ast::parse(&text).map_err(|errors| errors.to_string());
    }
}
