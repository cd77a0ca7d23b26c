//! What an explanation names is what has to change: over attributes that are read once, changing it turns the answer.

use std::sync::Arc;

use perennial::expr::{Checker, Explanation, ExprPlan, Origin, PartKind};
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Change, ChildId, ChildRow, ChildTable, Date,
    Nesting, Policy, Schema, Scope, TableKind, View,
};
use proptest::prelude::*;

const NAMES: usize = 12;

fn schema() -> Arc<Schema> {
    let mut builder = Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Team", Nesting::Free)
        .attribute(Attribute::new("name", AttributeType::Text))
        .product("CRM");
    for number in 0..NAMES {
        builder = builder.attribute(Attribute::new(&format!("a{number}"), AttributeType::Int));
    }
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("size", AttributeType::Int))
        .column(Attribute::new("open", AttributeType::Bool));
    Arc::new(builder.table(deals).build().unwrap())
}

fn as_of() -> AsOf {
    AsOf::date_utc(Date::new(2026, 1, 31).unwrap())
}

/// A question whose leaves are `@`, to be filled with attributes that are read once.
fn shape() -> BoxedStrategy<String> {
    let leaf = Just("@".to_owned());
    leaf.prop_recursive(5, 10, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" && "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" || "))),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            inner.clone().prop_map(|inner| format!("isTrue({inner})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
    .boxed()
}

/// A question about one attribute.
fn leaf(kind: u8, name: &str) -> String {
    match kind % 5 {
        0 => format!("{name} > 5"),
        1 => format!("{name} == 5"),
        2 => format!("{name} in [3, 5]"),
        3 => format!("has({name})"),
        _ => format!("isNot({name}, 5)"),
    }
}

/// A value of the attribute for which the question has this answer.
fn value_for(kind: u8, to: bool) -> Option<i64> {
    match (kind % 5, to) {
        (0, true) => Some(6),
        (1 | 2, true) | (4, false) => Some(5),
        (3, true) => Some(0),
        (3, false) => None,
        _ => Some(4),
    }
}

/// How few questions have to be answered otherwise for another membership: every way is tried, each as an account.
fn fewest(text: &str, kinds: &[u8], values: &[Option<i64>], is_member: bool) -> Option<usize> {
    let mut source = MemorySource::new();
    for way in 0..3_usize.pow(u32::try_from(kinds.len()).unwrap()) {
        let mut row = AccountRow::new(AccountId::new(format!("w{way}")).unwrap(), "Company");
        let mut rest = way;
        for (number, kind) in kinds.iter().enumerate() {
            let value = [values[number], value_for(*kind, true), value_for(*kind, false)][rest % 3];
            rest /= 3;
            if let Some(value) = value {
                row = row.with(&format!("a{number}"), value);
            }
        }
        source = source.account(row);
    }
    let (book, _) = Book::load(schema(), &source, &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let rule = Checker::new(&**book.schema()).check_predicate(text).unwrap();
    let answers = ExprPlan::new([&rule]).run(&view).unwrap();
    let turned = view.accounts().filter(|account| answers.matches(0, *account) != is_member);
    let changed = turned.map(|account| {
        let mut way: usize = account.id_str()[1..].parse().unwrap();
        let mut count = 0;
        while way > 0 {
            count += usize::from(!way.is_multiple_of(3));
            way /= 3;
        }
        count
    });
    changed.min()
}

proptest! {
    #![proptest_config(crate::common::config(400))]

    #[test]
    fn what_is_named_turns_the_answer(
        shape in shape(),
        kinds in prop::collection::vec(any::<u8>(), NAMES),
        values in prop::collection::vec(prop::option::of(3_i64..8), NAMES),
    ) {
        let mut text = String::new();
        let mut used = 0;
        for part in shape.split_inclusive('@') {
            match part.strip_suffix('@') {
                Some(before) if used < NAMES => {
                    text.push_str(before);
                    text.push_str(&leaf(kinds[used], &format!("a{used}")));
                    used += 1;
                }
                // More leaves than attributes.
                Some(before) => {
                    text.push_str(before);
                    text.push_str("true");
                }
                None => text.push_str(part),
            }
        }
        let mut row = AccountRow::new(AccountId::new("x").unwrap(), "Company");
        for (number, value) in values.iter().enumerate() {
            if let Some(value) = value {
                row = row.with(&format!("a{number}"), *value);
            }
        }
        let (book, _) = Book::load(schema(), &MemorySource::new().account(row), &Policy::strict()).unwrap();
        let rule = Checker::new(&**book.schema()).check_predicate(&text).unwrap();
        let member = |book: &Book| {
            let view = book.view(&Scope::all(), as_of()).unwrap();
            let plan = ExprPlan::new([&rule]);
            let account = view.account("x").unwrap();
            (plan.run(&view).unwrap().matches(0, account), rule.explain(&view, account).unwrap())
        };
        let (is_member, why) = member(&book);
        prop_assert_eq!(why.truth() == Some(true), is_member);
        let Some(flip) = why.flip() else {
            // Only what holds whatever the values are is beyond change.
            if used <= 5 {
                prop_assert_eq!(None, fewest(&text, &kinds[..used], &values, is_member), "{}", why);
            }
            return Ok(());
        };
        prop_assert_eq!(flip.to, !is_member);
        prop_assert!(!flip.shared, "{}", why);
        let mut change = Change::new();
        for (part, to) in &flip.parts {
            let part = &why.parts()[*part];
            prop_assert_eq!(part.kind, PartKind::Term);
            let number = (0..used).find(|number| *part.text == leaf(kinds[*number], &format!("a{number}"))).unwrap();
            let (name, id) = (format!("a{number}"), AccountId::new("x").unwrap());
            change = match value_for(kinds[number], *to) {
                Some(value) => change.set(&id, &name, value),
                None => change.clear(&id, &name),
            };
        }
        if used <= 5 {
            prop_assert_eq!(Some(flip.parts.len()), fewest(&text, &kinds[..used], &values, is_member), "{}", why);
        }
        let (changed, _) = book.apply(&change).unwrap();
        let (now, after) = member(&changed);
        prop_assert!(now != is_member, "{}\n{}\n{}", text, why, after);
    }
}

fn family() -> Book {
    let id = |text: &str| AccountId::new(text).unwrap();
    let mut source = MemorySource::new()
        .account(AccountRow::new(id("acme"), "Company").with("name", "Acme").with("a0", 1_i64))
        .account(
            AccountRow::new(id("eu"), "Team").under(id("acme")).with("name", "Acme EU").with("a0", 7_i64),
        )
        .account(AccountRow::new(id("crm"), "Team").under(id("eu")).product("CRM"));
    for number in 0..25_i64 {
        let row = ChildRow::new(ChildId::new(format!("d{number:02}")).unwrap(), id("eu"));
        let row = if number == 3 { row } else { row.with("open", number % 2 == 0) };
        source = source.child("deals", row.with("size", number));
    }
    Book::load(schema(), &source, &Policy::strict()).unwrap().0
}

fn view(book: &Book) -> View {
    book.view(&Scope::all(), as_of()).unwrap()
}

fn why(view: &View, text: &str, account: &str) -> Explanation {
    let rule = Checker::new(&**view.schema()).check(text).unwrap();
    rule.explain(view, view.account(account).unwrap()).unwrap()
}

#[test]
fn where_values_are_from_is_said() {
    let book = family();
    let view = view(&book);
    let text = "parent.name == \"Acme\" && deals.exists(d, d.open && d.size > 3) && owns(\"CRM\") \
                && ancestors.all(a, a.a0 > 5) && a0 > daysAgo(3).daysUntil(today())";
    let text = text.replace("daysAgo(3).daysUntil(today())", "2");
    let found = why(&view, &text, "eu");
    assert_eq!(
        found.to_string(),
        "eu on 2026-01-31: no\n\
         no   all of\n\
         \x20 yes  parent.name == \"Acme\"\n\
         \x20        parent.name = Acme (of acme)\n\
         \x20 yes  deals.exists(d, d.open && d.size > 3)\n\
         \x20        deals.exists(d, d.open && d.size > 3) = true (of 25 rows: d04, d06, d08, d10, d12, d14, d16, \
         d18, d20, d22 and 1 more)\n\
         \x20 yes  owns(\"CRM\")\n\
         \x20        owns(\"CRM\") = true (of 2 accounts: crm)\n\
         \x20 no   ancestors.all(a, a.a0 > 5)\n\
         \x20        ancestors.all(a, a.a0 > 5) = false (of 1 account: acme)\n\
         \x20 yes  a0 > 2\n\
         \x20        a0 = 7\n\
         it would be yes if:\n\
         \x20 `ancestors.all(a, a.a0 > 5)` were true (it is false)\n\
         \x20 (other parts read the same values)\n"
    );
}

#[test]
fn sums_extremes_and_days_are_explained() {
    let book = family();
    let view = view(&book);
    let found =
        why(&view, "deals.max(d, d.size) > deals.sum(d, d.size) && parent.parent.name == \"x\"", "eu");
    let reads: Vec<_> = found.parts().iter().flat_map(|part| &part.reads).collect();
    let Origin::Rows(max) = &reads[0].from else { panic!("{reads:?}") };
    assert_eq!((max.asked, max.decisive, max.witnesses[0].0.as_str()), (25, 1, "d24"));
    let Origin::Rows(sum) = &reads[1].from else { panic!("{reads:?}") };
    assert_eq!((sum.asked, sum.decisive, sum.witnesses.len()), (25, 25, perennial::expr::MAX_WITNESSES));
    assert_eq!(reads[1].value.as_ref().unwrap().to_string(), "300");
    assert_eq!((&reads[2].from, &reads[2].value), (&Origin::Nowhere, &None));

    let found = why(&view, "daysAgo(3) < today()", "eu");
    assert_eq!(found.truth(), Some(true));
    assert_eq!(found.parts()[0].reads[0].from, Origin::Day);
    // Nothing of the account would change that.
    assert_eq!(found.flip(), None);
    assert_eq!(why(&view, "a0 + 1", "eu").to_string(), "eu on 2026-01-31: 8\n8    a0 + 1\n       a0 = 7\n");
}

#[test]
fn a_scope_bounds_what_is_named() {
    let book = family();
    let scope = Scope::of(book.accounts(["eu"]));
    let view = book.view(&scope, as_of()).unwrap();
    let found =
        why(&view, "parent.name == \"Acme\" || owns(\"CRM\") || ancestors.exists(a, a.a0 == 1)", "eu");
    // The parent is not there, so that its name is not known.
    assert_eq!(found.truth(), None);
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("\"acme\"") && !text.contains("\"crm\""), "{text}");
}

#[test]
fn a_document_of_another_version_is_refused() {
    let book = family();
    let mut json = serde_json::to_value(why(&view(&book), "a0 > 1", "eu")).unwrap();
    assert_eq!(json["v"], 1);
    json["v"] = 2.into();
    let error = serde_json::from_value::<Explanation>(json).unwrap_err();
    assert!(error.to_string().contains("unsupported version 2 (this release reads 1)"), "{error}");
}
