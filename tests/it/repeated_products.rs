//! Products that an account holds twice: a fault, kept by the policy, or allowed by the schema.

use std::collections::BTreeMap;

use crate::common::{CHUNK_ROWS, as_of, config, id, view};
use perennial::aggregate::{Operator, RollUp, UsageSchema};
use perennial::catalog::Catalog;
use perennial::engine::{Engine, EngineSettings, MemoryJournal, Update};
use perennial::segment::{ProfileQuery, Segment};
use perennial::source::MemorySource;
use perennial::testkit::Oracle;
use perennial::{
    AccountId, AccountRow, Attribute, AttributeType, Book, Change, FaultKind, LoadError, Nesting, Policy,
    Remedy, RepeatedProducts, Schema, SchemaChange, StatusGroup,
};
use proptest::prelude::*;

fn schema(answer: RepeatedProducts) -> Schema {
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Workspace", Nesting::Free)
        .product("CRM")
        .product("Billing")
        .repeated_products(answer)
        .status([("Paying", StatusGroup::Paying), ("Gone", StatusGroup::Cancelled)])
        .attribute(Attribute::new("seats", AttributeType::Int))
        .build()
        .unwrap()
}

fn keep() -> Policy {
    Policy::strict().with(FaultKind::RepeatedProduct, Remedy::Keep).unwrap()
}

fn workspace(text: &str, parent: &str, product: &str, seats: i64) -> AccountRow {
    AccountRow::new(id(text), "Workspace").under(id(parent)).product(product).with("seats", seats)
}

/// Acme has a CRM in production and one for staging, one that it gave up, and Billing.
fn rows() -> Vec<AccountRow> {
    vec![
        AccountRow::new(id("acme"), "Company"),
        workspace("acme-prod", "acme", "CRM", 40),
        workspace("acme-staging", "acme", "CRM", 2),
        workspace("acme-old", "acme", "CRM", 7).with("status", "Gone"),
        workspace("acme-bills", "acme", "Billing", 5),
    ]
}

fn load(schema: Schema, rows: &[AccountRow], policy: &Policy) -> Result<Book, LoadError> {
    let source = rows.iter().cloned().fold(MemorySource::new(), MemorySource::account);
    Book::builder(schema).policy(policy.clone()).chunk_rows(2).load(&source).map(|(book, _)| book)
}

/// Each account with the one above it.
fn places(book: &Book) -> BTreeMap<String, Option<String>> {
    let name = |id: &AccountId| id.to_string();
    let oracle = Oracle::from_view(&view(book));
    oracle.accounts.iter().map(|(id, own)| (name(id), own.parent.as_ref().map(name))).collect()
}

#[test]
fn two_workspaces_of_one_product_are_two_accounts_and_one_product() {
    let book = load(schema(RepeatedProducts::Allow), &rows(), &Policy::strict()).unwrap();
    let segments = ["owns(\"CRM\")", "children.count(c, c.product == \"CRM\") == 2", "product == \"CRM\""];
    let segments = segments.iter().enumerate().map(|(number, text)| {
        perennial::catalog::Definition::from(Segment::parse(&format!("s{number}"), text).unwrap())
    });
    let sums = [
        RollUp::new("seats_below", Operator::Sum("seats".into())).into(),
        RollUp::new("paying", Operator::Count).into(),
    ];
    let catalog = Catalog::new(book.schema(), &UsageSchema::default(), segments.chain(sums)).unwrap();
    let view = view(&book);
    let answers = catalog.run(&view, None, None);
    let members = |name: &str| -> Vec<String> {
        let all = view.accounts().filter(|account| answers.is_member(name, *account));
        all.map(|account| account.id().to_string()).collect()
    };
    assert_eq!(members("s0"), ["acme", "acme-prod", "acme-staging"]);
    assert_eq!(members("s1"), ["acme"]);
    assert_eq!(members("s2"), ["acme-old", "acme-prod", "acme-staging"]);
    let acme = view.account("acme").unwrap();
    assert_eq!(acme.products(), ["CRM", "Billing"]);
    assert_eq!(acme.products_in_subtree(), ["CRM", "Billing"]);
    let figure = |name: &str| answers.value(name, acme).unwrap().to_string();
    assert_eq!([figure("seats_below"), figure("paying")], ["47", "4"]);
    let profile = ProfileQuery::new().run(&answers, acme).unwrap();
    let listed = |all: &[perennial::segment::OwnedProduct]| -> Vec<String> {
        all.iter().map(|owned| format!("{} {}", owned.product, owned.account)).collect()
    };
    assert_eq!(listed(&profile.products), ["Billing acme-bills", "CRM acme-prod", "CRM acme-staging"]);
    assert_eq!(listed(&profile.cancelled_products), ["CRM acme-old"]);
}

#[test]
fn without_a_word_of_the_schema_the_policy_decides() {
    let fault = || schema(RepeatedProducts::Fault);
    let error = load(fault(), &rows(), &Policy::strict()).unwrap_err().to_string();
    assert!(error.contains("`acme` holds product `CRM` twice: `acme-old` and `acme-prod`"), "{error}");
    let held = load(fault(), &rows(), &Policy::lenient()).unwrap();
    assert_eq!(places(&held).len(), 3);
    let source = rows().into_iter().fold(MemorySource::new(), MemorySource::account);
    let (kept, report) = Book::load(fault(), &source, &keep()).unwrap();
    assert_eq!(
        places(&kept),
        places(&load(schema(RepeatedProducts::Allow), &rows(), &Policy::strict()).unwrap())
    );
    let faults: Vec<String> =
        report.faults.iter().map(|fault| format!("{:?} {}", fault.remedy, fault.problem)).collect();
    assert_eq!(
        faults,
        [
            "Keep `acme` holds product `CRM` twice: `acme-old` and `acme-prod`",
            "Keep `acme` holds product `CRM` twice: `acme-old` and `acme-staging`"
        ]
    );
    // The other remedies of a fault do not keep.
    for kind in FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::RepeatedProduct) {
        assert!(Policy::strict().with(kind, Remedy::Keep).is_err(), "{kind:?}");
    }
}

#[test]
fn changes_hold_a_product_twice_where_a_load_may() {
    let third = Change::new().add(workspace("acme-eu", "acme", "CRM", 1));
    let relabelled = Change::new().set_product(&id("acme-bills"), Some("CRM"));
    let kept = load(schema(RepeatedProducts::Fault), &rows(), &keep()).unwrap();
    let allowed = load(schema(RepeatedProducts::Allow), &rows(), &Policy::strict()).unwrap();
    for book in [kept, allowed] {
        for change in [&third, &relabelled] {
            let (next, _) = book.apply(change).unwrap();
            next.verify().unwrap();
            assert_eq!(places(&next)["acme-bills"].as_deref(), Some("acme"));
        }
        let source = rows().into_iter().fold(MemorySource::new(), MemorySource::account);
        assert!(Change::from_source(&book, &source).unwrap().0.is_empty());
        let bytes = book.to_snapshot();
        let back = Book::from_snapshot(book.schema().clone(), &bytes).unwrap();
        assert_eq!(places(&back), places(&book));
        assert!(back.apply(&third).is_ok());
    }
    let once = &rows()[..2];
    let book = load(schema(RepeatedProducts::Fault), once, &Policy::strict()).unwrap();
    let error = book.apply(&third).unwrap_err().to_string();
    assert_eq!(error, "`acme` holds product `CRM` twice: `acme-prod` and `acme-eu`");
}

#[test]
fn a_snapshot_says_that_the_host_allows_what_it_did_not() {
    let bytes = load(schema(RepeatedProducts::Allow), &rows(), &Policy::strict()).unwrap().to_snapshot();
    let error = Book::from_snapshot(schema(RepeatedProducts::Fault), &bytes).unwrap_err().to_string();
    assert!(error.contains("whether an account may hold a product twice differs"), "{error}");
}

#[test]
fn the_document_of_a_schema_allows_it() {
    let text = r#"{
      "perennial_schema": 1,
      "account_types": [{"name": "Company", "nesting": "free"}],
      "products": ["CRM"],
      "repeated_products": "allow"
    }"#;
    let read = Schema::from_json(text).unwrap();
    assert_eq!(read.repeated_products(), RepeatedProducts::Allow);
    assert_eq!(Schema::from_json(&read.to_json()).unwrap(), read);
    assert!(!schema(RepeatedProducts::Fault).to_json().contains("repeated_products"));
    assert_ne!(schema(RepeatedProducts::Fault), schema(RepeatedProducts::Allow));
    let error = Schema::from_json(&text.replace("\"allow\"", "\"allowed\"")).unwrap_err().to_string();
    assert_eq!(error, "at `/repeated_products`: unknown answer `allowed`; did you mean `allow`?");
}

#[test]
fn a_schema_that_allows_it_releases_who_was_held_and_one_that_forbids_it_moves_nobody() {
    let allow = SchemaChange::new().repeated_products(RepeatedProducts::Allow);
    let forbid = SchemaChange::new().repeated_products(RepeatedProducts::Fault);
    let held = load(schema(RepeatedProducts::Fault), &rows(), &Policy::lenient()).unwrap();
    let (allowed, report) = held.evolve(&allow).unwrap();
    assert_eq!(report.released, [id("acme-prod"), id("acme-staging")]);
    assert_eq!(places(&allowed).len(), 5);
    let error = allowed.evolve(&forbid).unwrap_err().to_string();
    assert!(error.contains("product held twice"), "{error}");
    // Kept by the policy, it is a fault that is told.
    let kept = load(schema(RepeatedProducts::Allow), &rows(), &keep()).unwrap();
    let (next, report) = kept.evolve(&forbid).unwrap();
    assert_eq!(places(&next), places(&kept));
    assert_eq!(report.load.faults.len(), 2);
    // In a living engine, and after a restart from its journal; the whole schema at once says the same.
    let journal = MemoryJournal::new();
    let settings = || EngineSettings::new().policy(Policy::lenient()).journal(journal.clone());
    let engine = Engine::new(schema(RepeatedProducts::Fault), as_of(), settings()).unwrap();
    engine.load(&rows().into_iter().fold(MemorySource::new(), MemorySource::account)).unwrap();
    let count = |engine: &Engine| view(engine.published().book()).len();
    assert_eq!(count(&engine), 3);
    engine
        .apply(Update::new().schema(SchemaChange::new().exactly(&schema(RepeatedProducts::Allow))))
        .unwrap();
    assert_eq!(count(&engine), 5);
    let text = serde_json::to_string(&allow).unwrap();
    assert_eq!(text, r#"[{"repeated_products":"allow"}]"#);
    assert_eq!(serde_json::from_str::<SchemaChange>(&text).unwrap(), allow);
}

/// Every subscription of the public data set stays an account of its own.
#[test]
fn five_thousand_subscriptions_of_three_plans_are_all_held() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/ravenstack-saas/ravenstack_subscriptions.csv");
    let mut schema = Schema::builder().account_type("Company", Nesting::Free);
    for plan in ["Basic", "Pro", "Enterprise"] {
        schema = schema.product(plan);
    }
    let schema = schema.repeated_products(RepeatedProducts::Allow).build().unwrap();
    let mut source = MemorySource::new();
    let mut companies = std::collections::BTreeSet::new();
    for line in std::fs::read_to_string(path).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if companies.insert(cells[1].to_owned()) {
            source = source.account(AccountRow::new(id(cells[1]), "Company"));
        }
        source =
            source.account(AccountRow::new(id(cells[0]), "Company").under(id(cells[1])).product(cells[4]));
    }
    let (book, report) = Book::load(schema, &source, &Policy::strict()).unwrap();
    assert!(report.faults.is_empty());
    let view = view(&book);
    assert_eq!(view.accounts().filter(|account| account.product().is_some()).count(), 5_000);
    let pro =
        view.root_accounts().into_iter().filter(|account| account.products_in_subtree().contains(&"Pro"));
    assert_eq!((companies.len(), pro.count()), (500, 474));
    assert_eq!(view.account("A-d4ac0e").unwrap().children().len(), 19);
}

proptest! {
    #![proptest_config(config(150))]

    /// Kept by the policy or allowed by the schema, it is one book; and changes come to what a load says.
    #[test]
    fn kept_is_allowed_and_incremental_is_rebuild(
        seeds in prop::collection::vec((0_u8..4, 0_u8..3), 2..24),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, 0_u8..4, any::<bool>()), 1..12),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let companies = ["c0", "c1", "c2", "c3"];
        let product = |byte: u8| ["CRM", "Billing"].get(usize::from(byte)).copied();
        let mut rows: Vec<AccountRow> = companies.iter().map(|name| AccountRow::new(id(name), "Company")).collect();
        for (number, (parent, held)) in seeds.iter().enumerate() {
            let row = AccountRow::new(id(&format!("w{number:02}")), "Workspace").under(id(companies[usize::from(*parent)]));
            rows.push(match product(*held) { Some(product) => row.product(product), None => row });
        }
        let load = |answer, policy: Policy, rows: &[AccountRow]| {
            let source = rows.iter().cloned().fold(MemorySource::new(), MemorySource::account);
            Book::builder(schema(answer)).policy(policy).chunk_rows(CHUNK_ROWS[size]).load(&source).unwrap().0
        };
        let mut kept = load(RepeatedProducts::Fault, keep(), &rows);
        let mut allowed = load(RepeatedProducts::Allow, Policy::strict(), &rows);
        prop_assert_eq!(places(&kept).len(), rows.len());
        for (which, parent, held, moves) in edits {
            let at = companies.len() + which.index(seeds.len());
            let row = &mut rows[at];
            let change = if moves {
                let parent = id(companies[usize::from(parent)]);
                row.parents.clear();
                *row = row.clone().under(parent.clone());
                Change::new().move_under(&row.id, &parent)
            } else {
                row.product = product(held).map(Into::into);
                Change::new().set_product(&row.id, product(held))
            };
            kept = kept.apply(&change).unwrap().0;
            allowed = allowed.apply(&change).unwrap().0;
            kept.verify().unwrap();
            let fresh = Oracle::from_view(&view(&load(RepeatedProducts::Allow, Policy::strict(), &rows)));
            prop_assert_eq!(fresh.compare(&view(&kept)), Ok(()));
            prop_assert_eq!(fresh.compare(&view(&allowed)), Ok(()));
        }
    }
}
