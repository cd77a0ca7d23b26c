//! A profile shows one account with what stands around it, and no more than its limits.

use perennial::aggregate::{Operator, RollUp, UsageSchema};
use perennial::catalog::Catalog;
use perennial::segment::{MAX_PROFILE_ROWS, Profile, ProfileQuery, Segment};
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Date,
    Nesting, Policy, Reach, Schema, Scope, StatusGroup, SystemAttribute, TableKind, View,
};

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

fn schema() -> Schema {
    let users =
        ChildTable::new("users", TableKind::Users).column(Attribute::new("email", AttributeType::Text));
    let deals =
        ChildTable::new("deals", TableKind::Opportunities).column(Attribute::new("size", AttributeType::Int));
    let offers = ChildTable::new("offers", TableKind::Opportunities);
    Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Product", Nesting::Free)
        .product("CRM")
        .product("Billing")
        .system(SystemAttribute::Name)
        .status([("Paying", StatusGroup::Paying), ("Gone", StatusGroup::Cancelled)])
        .system(SystemAttribute::SuccessManager)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("csm_backup", AttributeType::Text))
        .table(users)
        .table(deals)
        .table(offers)
        .build()
        .unwrap()
}

fn book(children: usize) -> Book {
    let mut source = MemorySource::new()
        .account(AccountRow::new(id("top"), "Group").with("name", "Top").with("seats", 1_i64))
        .account(
            AccountRow::new(id("acme"), "Group")
                .under(id("top"))
                .with("name", "Acme")
                .with("seats", 30_i64)
                .with("success_manager", "kim")
                .with("csm_backup", "lee"),
        )
        .account(
            AccountRow::new(id("acme-crm"), "Product")
                .under(id("acme"))
                .product("CRM")
                .with("status", "Paying")
                .with("seats", 12_i64),
        )
        .account(
            AccountRow::new(id("acme-bill"), "Product")
                .under(id("acme"))
                .product("Billing")
                .with("status", "Gone"),
        );
    for number in 0..children {
        source =
            source.account(AccountRow::new(id(&format!("child-{number:05}")), "Group").under(id("acme")));
    }
    let child = |text: &str| ChildId::new(text).unwrap();
    let source = source
        .child("users", ChildRow::new(child("ann"), id("acme")).with("email", "ann@acme"))
        .child("users", ChildRow::new(child("bob"), id("acme-crm")))
        .child("deals", ChildRow::new(child("d1"), id("acme-crm")).with("size", 5_i64))
        .child("offers", ChildRow::new(child("o1"), id("acme")))
        .child("deals", ChildRow::new(child("d0"), id("top")));
    Book::load(schema(), &source, &Policy::strict()).unwrap().0
}

fn view(book: &Book, scope: &Scope) -> View {
    book.view(scope, AsOf::date_utc(Date::new(2026, 1, 31).unwrap())).unwrap()
}

#[test]
fn what_is_known_of_an_account_stands_together() {
    let book = book(0);
    let view = view(&book, &Scope::all());
    let sum = RollUp::new("seats_below", Operator::Sum("seats".into())).reach(Reach::Descendants);
    let large = Segment::parse("large", "seats_below > 10").unwrap();
    let small = Segment::parse("small", "seats_below < 10").unwrap();
    let none = UsageSchema::new([]).unwrap();
    let catalog = Catalog::new(book.schema(), &none, [sum.into(), large.into(), small.into()]).unwrap();
    let query = ProfileQuery::new().column("seats_below").segment("large").segment("small");
    let query = query.role("csm_backup").role("nobody");
    let acme = view.account("acme").unwrap();
    let profile = query.run(&catalog.run(&view, None, None), acme).unwrap();
    let errors = query.run(&view, acme).unwrap_err();
    assert_eq!(errors.faults().len(), 3, "{errors}");

    assert_eq!((profile.account.name.as_ref(), profile.level), ("Acme", 2));
    assert_eq!(profile.path.iter().map(|above| above.id.as_str()).collect::<Vec<_>>(), ["top"]);
    assert_eq!(
        profile
            .children
            .iter()
            .map(|child| (child.id.as_str(), child.product.as_deref()))
            .collect::<Vec<_>>(),
        [("acme-bill", Some("Billing")), ("acme-crm", Some("CRM"))]
    );
    let products: Vec<&str> = profile.products.iter().map(|owned| owned.account.as_str()).collect();
    let cancelled: Vec<&str> =
        profile.cancelled_products.iter().map(|owned| owned.account.as_str()).collect();
    assert_eq!((products, cancelled), (vec!["acme-crm"], vec!["acme-bill"]));
    // Deals of the whole subtree, people of the account itself.
    let deals: Vec<&str> = profile.opportunities.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(deals, ["o1", "d1"]);
    assert_eq!(profile.opportunities.rows[1].values[0].1.to_string(), "5");
    assert_eq!(profile.users.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["ann"]);
    let roles: Vec<(&str, String)> =
        profile.roles.iter().map(|(role, who)| (&**role, who.to_string())).collect();
    assert_eq!(roles, [("success_manager", "kim".to_owned()), ("csm_backup", "lee".to_owned())]);
    assert_eq!(
        profile.values.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["name", "success_manager", "seats", "csm_backup"]
    );
    assert_eq!(profile.columns[0].1.as_ref().unwrap().to_string(), "12");
    assert_eq!(profile.segments.iter().map(|id| &**id).collect::<Vec<_>>(), ["large"]);

    let mut json = serde_json::to_value(&profile).unwrap();
    assert_eq!(serde_json::from_value::<Profile>(json.clone()).unwrap(), profile);
    json["v"] = 9.into();
    assert!(
        serde_json::from_value::<Profile>(json)
            .unwrap_err()
            .to_string()
            .contains("unsupported version 9 (this release reads 1)")
    );
}

#[test]
fn a_scope_bounds_a_profile() {
    let book = book(0);
    let scope = Scope::of(book.accounts(["acme", "acme-bill"]));
    let view = view(&book, &scope);
    let profile = ProfileQuery::new().run(&view, view.account("acme").unwrap()).unwrap();
    assert_eq!((profile.level, profile.path.len(), profile.children.len()), (1, 0, 1));
    assert!(profile.products.is_empty());
    assert_eq!(profile.opportunities.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["o1"]);
}

#[test]
fn what_is_beyond_the_limits_is_counted() {
    let book = book(MAX_PROFILE_ROWS + 20);
    let view = view(&book, &Scope::all());
    let profile = ProfileQuery::new().run(&view, view.account("acme").unwrap()).unwrap();
    assert_eq!((profile.children.len(), profile.more_children), (MAX_PROFILE_ROWS, 22));
    let all = ProfileQuery::new().all(&view, &book.accounts(["top", "acme-crm"])).unwrap();
    assert_eq!(
        all.iter().map(|profile| profile.account.id.as_str()).collect::<Vec<_>>(),
        ["top", "acme-crm"]
    );
}
