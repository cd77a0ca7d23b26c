//! An attribute with dots in its name is read wherever an attribute is: bare, behind every account, of variables and rows;
//! by every evaluator alike, and in documents, editors, catalogs and changes of the schema.

use std::sync::Arc;

use crate::common::{child, id};
use crate::expr_book::{agree, view};
use perennial::aggregate::UsageSchema;
use perennial::catalog::{CalculatedAttribute, Catalog, Definition};
use perennial::expr::{Ast, Checked, Checker, ExprErrors, ExprLimits, ExprPlan};
use perennial::source::MemorySource;
use perennial::{
    AccountRow, Attribute, AttributeType, Book, ChildRow, ChildTable, Nesting, Policy, Schema, SchemaChange,
    SchemaPart, TableKind,
};

fn schema(score: &str) -> Arc<Schema> {
    let contracts = ChildTable::new("contracts", TableKind::Contracts)
        .column(Attribute::new("fee", AttributeType::Int))
        .column(Attribute::new("fee.net", AttributeType::Int));
    let schema = Schema::builder()
        .account_type("Region", Nesting::Free)
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new(score, AttributeType::Int))
        .attribute(Attribute::new("score", AttributeType::Int))
        .attribute(Attribute::new("crm.owner", AttributeType::Text))
        .attribute(Attribute::new("crm.owner.Full Name", AttributeType::Text))
        .table(contracts);
    Arc::new(schema.build().unwrap())
}

/// r (a region, 1 point) over m (2) over l (no score) and k (4).
fn book() -> Book {
    let row = |name: &str, points: Option<i64>, kind: &str| {
        let row = AccountRow::new(id(name), kind).with("score", 70_i64).with("crm.owner", "kim");
        points.map_or(row.clone(), |points| row.with("health.score", points))
    };
    let contract = |name: &str, of: &str, fee: i64| {
        ChildRow::new(child(name), id(of)).with("fee", fee).with("fee.net", fee / 2)
    };
    let source = MemorySource::new()
        .account(row("r", Some(1), "Region").with("crm.owner.Full Name", "Kim Lee"))
        .account(row("m", Some(2), "Company").under(id("r")))
        .account(row("l", None, "Company").under(id("m")))
        .account(row("k", Some(4), "Company").under(id("m")))
        .child("contracts", contract("m1", "m", 10))
        .child("contracts", contract("k1", "k", 20));
    Book::load(schema("health.score"), &source, &Policy::strict()).unwrap().0
}

fn checked(book: &Book, text: &str) -> Checked {
    let schema = book.schema();
    Checker::new(&**schema).check(text).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

/// The answers for r, m, l and k, of every evaluator and of the expression that went through a document.
fn answers(text: &str) -> [String; 4] {
    let book = book();
    let expression = checked(&book, text);
    let whole = view(&book);
    agree(&whole, std::slice::from_ref(&expression));
    let json = expression.ast().to_json();
    let read = Ast::from_json(&json, &ExprLimits::default()).unwrap();
    assert_eq!(read, *expression.ast(), "{text}");
    assert_eq!(Ast::parse(&read.to_string()).unwrap(), read, "{text}");
    let again = Checker::new(&**book.schema()).check_ast(read).unwrap();
    let plan = ExprPlan::new([&expression, &again]);
    let answers = plan.run(&whole).unwrap();
    ["r", "m", "l", "k"].map(|name| {
        let account = whole.account(name).unwrap();
        let value = answers.value(0, account);
        assert_eq!(value, answers.value(1, account), "{text}");
        value.map_or_else(|| "-".to_owned(), |value| value.to_string())
    })
}

#[test]
fn a_dotted_attribute_is_read_behind_every_account() {
    for (text, wanted) in [
        ("health.score", ["1", "2", "-", "4"]),
        ("attr.health.score", ["1", "2", "-", "4"]),
        ("`health.score`", ["1", "2", "-", "4"]),
        ("parent.health.score", ["-", "1", "2", "2"]),
        ("parent.attr.health.score", ["-", "1", "2", "2"]),
        ("root.health.score", ["1", "1", "1", "1"]),
        ("root.parent.health.score", ["-", "-", "-", "-"]),
        ("lineage.at(\"Region\").health.score", ["1", "1", "1", "1"]),
        ("lineage.at(\"Region\").attr.health.score", ["1", "1", "1", "1"]),
        ("lineage.at(\"Region\").`health.score`", ["1", "1", "1", "1"]),
        ("lineage.level(2).health.score", ["-", "2", "2", "2"]),
        ("lineage.level(3).parent.health.score", ["-", "-", "2", "2"]),
        ("lineage.at(\"Region\").children.max(c, c.health.score)", ["2", "2", "2", "2"]),
        ("parent.lineage.at(\"Region\").health.score", ["-", "1", "1", "1"]),
        ("(lineage.at(\"Company\")).health.score + 1", ["-", "3", "-", "5"]),
        ("children.sum(c, c.health.score)", ["2", "4", "-", "-"]),
        ("children.sum(c, c.attr.health.score)", ["2", "4", "-", "-"]),
        ("children.sum(c, c.parent.health.score)", ["1", "4", "-", "-"]),
        ("children.sum(c, c.lineage.at(\"Region\").health.score)", ["1", "2", "-", "-"]),
        ("children.max(health, health.health.score + attr.health.score)", ["3", "6", "-", "-"]),
        ("contracts.max(r, r.fee.net)", ["-", "5", "-", "10"]),
        ("contracts.max(r, r.fee.net * health.score)", ["-", "10", "-", "40"]),
        ("lineage.level(2).contracts.max(r, r.fee.net + r.fee)", ["-", "15", "15", "15"]),
        ("has(health.score)", ["true", "true", "false", "true"]),
        ("has(parent.health.score)", ["false", "true", "true", "true"]),
        ("has(lineage.at(\"Region\").health.score)", ["true", "true", "true", "true"]),
        ("has(lineage.level(3).health.score)", ["false", "false", "false", "true"]),
        ("children.count(c, has(c.health.score))", ["1", "1", "0", "0"]),
        ("contracts.exists(r, has(r.fee.net))", ["false", "true", "false", "true"]),
        ("coalesce(lineage.level(3).health.score, health.score, 0)", ["1", "2", "0", "4"]),
        ("isNot(lineage.level(2).health.score, 2)", ["true", "false", "false", "false"]),
        ("lineage.at(\"Region\").health.score in [1, 2]", ["true", "true", "true", "true"]),
        // The longest name that is declared.
        ("lineage.at(\"Region\").crm.owner", ["kim", "kim", "kim", "kim"]),
        ("lineage.at(\"Region\").crm.owner.`Full Name`", ["Kim Lee", "Kim Lee", "Kim Lee", "Kim Lee"]),
        ("lineage.at(\"Region\").crm.owner.contains(\"i\")", ["true", "true", "true", "true"]),
        ("parent.`crm.owner.Full Name`", ["-", "Kim Lee", "-", "-"]),
    ] {
        assert_eq!(answers(text), wanted, "{text}");
    }
}

/// The text as the edits of its errors of one code mend it.
fn mended(text: &str, errors: &ExprErrors, code: &str) -> Vec<String> {
    let edits = errors.all().iter().filter(|error| error.code().as_str() == code);
    edits
        .filter_map(|error| error.edit())
        .map(|edit| {
            let mut now = text.to_owned();
            now.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
            now
        })
        .collect()
}

#[test]
fn what_is_no_attribute_is_refused_where_it_stands() {
    let schema = schema("health.score");
    let checker = Checker::new(&*schema);
    for (text, message) in [
        ("lineage.at(\"Region\").health.scor > 1", "did you mean `health.score` (whole number)?"),
        ("parent.health.scor > 1", "did you mean `health.score` (whole number)?"),
        (
            "lineage.at(\"Region\").health.score.late > 1",
            "a whole number has no parts; `late` cannot be asked of it",
        ),
        ("attr > 1", "`attr` is an account; ask one of its attributes: `attr.name`"),
    ] {
        let errors = checker.check(text).expect_err(text);
        assert_eq!(errors.all()[0].message(), message, "{text}");
    }
    let errors = checker.check("lineage.at(\"Region\").health.scor > 1").unwrap_err();
    let mended = mended("lineage.at(\"Region\").health.scor > 1", &errors, "E101");
    assert_eq!(mended, ["lineage.at(\"Region\").health.score > 1"]);
}

#[test]
fn there_is_no_null_behind_any_account() {
    for (text, wanted) in [
        ("health.score == null", "!has(health.score)"),
        ("lineage.at(\"Region\").health.score != null", "has(lineage.at(\"Region\").health.score)"),
        ("a > 1 && lineage.level(2).`x y` == null", "a > 1 && !has(lineage.level(2).`x y`)"),
    ] {
        let errors = Ast::parse(text).unwrap_err();
        let mended = mended(text, &errors, "E107");
        assert_eq!(mended, [wanted], "{text}");
    }
}

#[test]
fn an_editor_says_what_a_dotted_attribute_is() {
    let text = Attribute::new("health.score", AttributeType::Int).label("Health").unit("points");
    let schema = Schema::builder().account_type("Region", Nesting::Free).attribute(text).build().unwrap();
    let checker = Checker::new(&schema);
    for text in [
        "health.score > 1",
        "parent.health.score > 1",
        "lineage.at(\"Region\").health.score > 1",
        "children.exists(c, c.health.score > 1)",
        "children.exists(c, c.lineage.at(\"Region\").health.score > 1)",
    ] {
        for part in ["health", "score"] {
            let found = checker.hover(text, text.find(part).unwrap() + 1).expect(text);
            assert_eq!((&*found.kind, found.label.as_deref()), ("whole number", Some("Health")), "{text}");
        }
    }
}

#[test]
fn a_definition_with_dots_is_found_in_any_order_and_renamed_wherever_it_is_read() {
    let usage = UsageSchema::new([]).unwrap();
    let reader = CalculatedAttribute::new("twice", "2 * lineage.at(\"Region\").points.all");
    let read = CalculatedAttribute::new("points.all", "lineage.at(\"Region\").health.score + score");
    // 40 that read it, before it and behind it: without an edge between them they come in any order.
    let all = |first: bool| {
        let others = (0..40).map(|number| {
            let text = format!("{number} + lineage.at(\"Region\").points.all");
            Definition::from(CalculatedAttribute::new(&format!("other_{number}"), &text))
        });
        let (read, mut all) = (Definition::from(read.clone()), others.collect::<Vec<_>>());
        all.push(reader.clone().into());
        all.insert(if first { 0 } else { 41 }, read);
        Catalog::new(&schema("health.score"), &usage, all)
    };
    for first in [true, false] {
        assert_eq!(
            all(first).unwrap().order().next().map(|id| id.name.to_string()),
            Some("points.all".into())
        );
    }
    let catalog = Catalog::new(&schema("health.score"), &usage, [reader.into(), read.into()]).unwrap();
    let rename = |from: &str, to: &str| SchemaChange::new().rename(SchemaPart::attribute(from), to);
    let evolved = catalog.evolve(&rename("health.score", "nps.of all")).unwrap();
    let text = serde_json::to_string(&evolved.catalog.to_json()).unwrap();
    assert!(text.contains(r#"lineage.at(\"Region\").`nps.of all` + score"#), "{text}");
    let back = evolved.catalog.evolve(&rename("nps.of all", "health.score"));
    assert_eq!(back.unwrap().catalog.to_json(), catalog.to_json());
}

/// 5,000 names in a row would have been twelve million names that may be meant.
#[test]
fn a_path_of_thousands_of_names_takes_no_time() {
    let usage = UsageSchema::new([]).unwrap();
    let text = vec!["parent"; 4_000].join(".");
    let attribute = CalculatedAttribute::new("far", &format!("{text}.health.score"));
    let _ = Catalog::new(&schema("health.score"), &usage, [attribute.into()]);
}

/// Nine parts are one more than a bare name has: whoever writes the name puts it in backticks.
#[test]
fn a_name_of_many_parts_is_written_so_that_it_is_read() {
    use perennial::segment::Importer;
    let long = "a.b.c.d.e.f.g.h.i";
    let of = |name: &str| {
        let builder = Schema::builder().account_type("Company", Nesting::Free);
        Arc::new(builder.attribute(Attribute::new(name, AttributeType::Int)).build().unwrap())
    };
    let schema = of(long);
    let checker = Checker::new(&*schema);
    assert!(checker.check(&format!("{long} > 1")).is_err());
    let completions = checker.completions("", 0);
    let offered = completions.items.iter().find(|item| item.text.contains("a.b")).unwrap();
    assert_eq!(&*offered.text, "`a.b.c.d.e.f.g.h.i`");
    assert!(checker.check(&format!("{} > 1", offered.text)).is_ok());

    let usage = UsageSchema::default();
    let catalog = Catalog::new(&of("seats"), &usage, [CalculatedAttribute::new("x", "seats + 1").into()]);
    let change = SchemaChange::new().rename(SchemaPart::attribute("seats"), long);
    assert!(catalog.unwrap().evolve(&change).is_ok());

    let rule = serde_json::json!({ ">": [{ "var": long }, 1] });
    let read = Importer::new().with_names(&*schema).json_logic(&rule).unwrap();
    assert!(checker.check(&read.expression.to_string()).is_ok());
}
