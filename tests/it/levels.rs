//! Is a tree that was flattened into level columns the tree that it was?

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::common::{as_of, id, view};
use perennial::adapter::csv::{Column, CsvInput, CsvMappingFaultKind, CsvSource, CsvTable};
use perennial::source::{
    Batch, Cells, Emit, Level, LevelColumns, MemorySource, ScanRequest, Source, SourceError, TableName,
};
use perennial::testkit::FaultySource;
use perennial::{
    AccountRow, Attribute, AttributeType, Book, Change, FaultKind, LoadReport, Nesting, Policy, Remedy,
    Schema, Scope, SystemAttribute, Value,
};
use proptest::prelude::*;

fn schema() -> Arc<Schema> {
    let builder = ["Region", "City", "Shop"]
        .iter()
        .fold(Schema::builder(), |builder, name| builder.account_type(name, Nesting::Free));
    let builder =
        builder.system(SystemAttribute::Name).attribute(Attribute::new("people", AttributeType::Int));
    Arc::new(builder.build().unwrap())
}

fn levels() -> [Level; 2] {
    [Level::new("Region", "region"), Level::new("City", "city").value("people", "inhabitants")]
}

/// A row: id, region, city, inhabitants of the city.
type Shop<'s> = (&'s str, &'s str, &'s str, Option<i64>);

fn shops(rows: &[Shop<'_>]) -> MemorySource {
    rows.iter().fold(MemorySource::new(), |source, (shop, region, city, inhabitants)| {
        let row = AccountRow::new(id(shop), "Shop").with("region", *region).with("city", *city);
        source.account(match inhabitants {
            Some(people) => row.with("inhabitants", *people),
            None => row,
        })
    })
}

fn load(source: &dyn Source, policy: Policy) -> (Book, LoadReport) {
    Book::builder(schema()).policy(policy).load(source).unwrap()
}

fn paths(book: &Book) -> Vec<String> {
    view(book).accounts().map(|account| format!("{} {}", account.account_type(), account.path())).collect()
}

#[test]
fn every_level_becomes_accounts_once() {
    let rows = shops(&[
        ("s1", "North", "Leeds", Some(800)),
        ("s2", "North", "York", None),
        ("s3", "North", "Leeds", None),
        ("s4", "South", "Hove", Some(90)),
    ]);
    let source = LevelColumns::new(rows, levels());
    let (book, report) = load(&source, Policy::strict());
    assert!(report.faults.is_empty(), "{report}");
    assert_eq!(
        paths(&book),
        [
            "Region North",
            "City North › Leeds",
            "Shop North › Leeds › s1",
            "Shop North › Leeds › s3",
            "City North › York",
            "Shop North › York › s2",
            "Region South",
            "City South › Hove",
            "Shop South › Hove › s4",
        ]
    );
    let people = |account: &str| view(&book).account(account).unwrap().value("people");
    assert_eq!((people("Leeds"), people("York"), people("s1")), (Some(Value::Int(800)), None, None));
    // Followed like any other storage.
    let (change, _) = Change::from_source(&book, &source).unwrap();
    assert!(change.is_empty(), "{change:?}");
    let moved = shops(&[
        ("s1", "North", "York", None),
        ("s2", "North", "York", None),
        ("s4", "South", "Hove", Some(90)),
    ]);
    let (change, _) = Change::from_source(&book, &LevelColumns::new(moved, levels())).unwrap();
    let (book, _) = book.apply(&change).unwrap();
    assert_eq!(
        paths(&book),
        [
            "Region North",
            "City North › York",
            "Shop North › York › s1",
            "Shop North › York › s2",
            "Region South",
            "City South › Hove",
            "Shop South › Hove › s4",
        ]
    );
}

#[test]
fn gaps_padding_and_placeholders_leave_a_level_out() {
    let rows = shops(&[
        ("gap", "North", "", None),
        ("none", "North", "n/a", None),
        ("padded", "North", "North", None),
        ("top", "", "", None),
        ("headless", "", "Leeds", None),
        // Flattened with the row itself at its own level, as tools for reports do.
        ("Leeds", "North", "Leeds", None),
        ("South", "South", "", None),
    ]);
    let [region, city] = levels();
    let (book, report) = load(&LevelColumns::new(rows, [region, city.placeholder("n/a")]), Policy::strict());
    assert!(report.faults.is_empty(), "{report}");
    assert_eq!(
        paths(&book),
        [
            "Region North",
            "Shop North › Leeds",
            "Shop North › Leeds › headless",
            "Shop North › gap",
            "Shop North › none",
            "Shop North › padded",
            "Shop South",
            "Shop top",
        ]
    );
}

#[test]
fn keys_are_told_apart_by_prefix_or_by_parent() {
    let rows = || shops(&[("s1", "1", "1", None), ("s2", "2", "1", None)]);
    let named = [
        Level::new("Region", "region").prefix("r"),
        Level::new("City", "city").prefix("c").within_parent("/"),
    ];
    let (book, _) = load(&LevelColumns::new(rows(), named), Policy::strict());
    let expected = [
        "Region r1",
        "City r1 › r1/c1",
        "Shop r1 › r1/c1 › s1",
        "Region r2",
        "City r2 › r2/c1",
        "Shop r2 › r2/c1 › s2",
    ];
    assert_eq!(paths(&book), expected);
    // Numbers name accounts as well.
    let numbered = MemorySource::new()
        .account(AccountRow::new(id("s1"), "Shop").with("region", 1_i64).with("city", 1_i64))
        .account(AccountRow::new(id("s2"), "Shop").with("region", 2_i64).with("city", 1_i64));
    let named = [
        Level::new("Region", "region").prefix("r"),
        Level::new("City", "city").prefix("c").within_parent("/"),
    ];
    assert_eq!(paths(&load(&LevelColumns::new(numbered, named), Policy::strict()).0), expected);
    // Without either, `1` is two accounts of different levels.
    let error = Book::load(schema(), &LevelColumns::new(rows(), levels()), &Policy::strict()).unwrap_err();
    assert!(error.to_string().contains("`1`"), "{error}");
}

#[test]
fn rows_that_disagree_are_faults() {
    let rows = shops(&[
        ("s1", "South", "Leeds", Some(800)),
        ("s2", "North", "Leeds", Some(900)),
        ("s3", "East", "Leeds", None),
        ("s4", "East", "Leeds", Some(100)),
    ]);
    let policy = || {
        let policy = Policy::strict().with(FaultKind::SeveralParents, Remedy::Prefer).unwrap();
        policy.with(FaultKind::InvalidValue, Remedy::Clear).unwrap()
    };
    let (book, report) = load(&LevelColumns::new(&rows, levels()), policy());
    assert_eq!(report.counts, BTreeMap::from([(FaultKind::SeveralParents, 1), (FaultKind::InvalidValue, 1)]));
    let view = view(&book);
    let leeds = view.account("Leeds").unwrap();
    let also: Vec<_> = leeds.extra_parents().iter().map(|parent| parent.id_str().to_owned()).collect();
    assert_eq!(
        (leeds.path(), also),
        ("East › Leeds".to_owned(), vec!["North".to_owned(), "South".to_owned()])
    );
    assert_eq!(leeds.value("people"), None);
    let said = report.faults_of(FaultKind::InvalidValue).next().unwrap().to_string();
    assert!(said.contains("100 | 900"), "{said}");
    // In any order, the same is said.
    let shuffled = FaultySource::shuffled(rows, 3);
    let (again, second) = load(&LevelColumns::new(shuffled, levels()), policy());
    assert_eq!((paths(&again), second.counts), (paths(&book), report.counts));
}

#[test]
fn a_row_of_its_own_says_more_than_the_levels() {
    let rows = shops(&[("s1", "North", "Leeds", Some(800))])
        .account(AccountRow::new(id("Leeds"), "City").with("region", "North").with("people", 812_i64));
    let (book, report) = load(&LevelColumns::new(rows, levels()), Policy::strict());
    assert!(report.faults.is_empty(), "{report}");
    assert_eq!(paths(&book), ["Region North", "City North › Leeds", "Shop North › Leeds › s1"]);
    assert_eq!(view(&book).account("Leeds").unwrap().value("people"), Some(Value::Int(812)));
}

#[test]
fn csv_files_give_their_level_columns_as_texts() {
    let text = "shop,region,city,inhabitants\ns1,North,Leeds,800\ns2,North,-,\n";
    let table = CsvTable::accounts(CsvInput::text("shops.csv", text))
        .column("id", "shop")
        .column("account_type", Column::constant("Shop"))
        .text("region", "region")
        .text("city", Column::from("city").map([("-", "")]));
    let source = CsvSource::builder(&schema()).table(table).build().unwrap();
    let levels = [Level::new("Region", "region"), Level::new("City", "city")];
    let (book, _) = load(&LevelColumns::new(source, levels), Policy::strict());
    assert_eq!(
        paths(&book),
        ["Region North", "City North › Leeds", "Shop North › Leeds › s1", "Shop North › s2"]
    );
    let wrong = CsvTable::accounts(CsvInput::text("shops.csv", text))
        .column("id", "shop")
        .column("account_type", Column::constant("Shop"))
        .text("people", "inhabitants");
    let errors = CsvSource::builder(&schema()).table(wrong).build().unwrap_err();
    assert!(matches!(errors.faults()[0].kind(), CsvMappingFaultKind::KnownTarget), "{errors}");
}

// Shops of CSV files with their level columns as texts.
fn csv(files: &[(&str, &str)]) -> CsvSource {
    let schema = schema();
    let table = |(name, text): &(&str, &str)| {
        CsvTable::accounts(CsvInput::text(name, *text))
            .map_same_names(false)
            .column("id", "shop")
            .column("account_type", Column::constant("Shop"))
            .text("region", "region")
            .text("city", "city")
            .text("inhabitants", Column::from("people").trim())
    };
    files
        .iter()
        .fold(CsvSource::builder(&schema), |builder, file| builder.table(table(file)))
        .build()
        .unwrap()
}

#[test]
fn faults_of_level_keys_name_file_and_line() {
    let first = "shop,region,city,people\ns1,North,Leeds,\ns2,East ,Leeds,9\ns3,So\u{200b}uth,Hove,\n";
    let second = "shop,region,city,people\ns4,South,Hove,many\ns5,South,Hove,few\ns6,North,York,\n";
    let rows = csv(&[("first.csv", first), ("second.csv", second)]);
    let levels = [Level::new("Region", "region"), Level::new("City", "city").value("name", "inhabitants")];
    let (_, report) = load(&LevelColumns::new(rows, levels), Policy::lenient());
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "first.csv:3: id \"East \" begins or ends with white space",
            "first.csv:4: id \"So\\u{200b}uth\" contains the invisible character U+200B (zero width space)",
            "first.csv:4: id \"So\\u{200b}uth\" contains the invisible character U+200B (zero width space)",
            "first.csv:3: id \"East \" begins or ends with white space",
            "first.csv:4: `Hove`: name: `few | many` is no text: rows of the account disagree",
        ]
    );
}

#[test]
fn the_place_of_a_level_account_does_not_depend_on_the_order_of_files() {
    let first = "shop,region,city,people\ns1,North ,Leeds,\n";
    let second = "shop,region,city,people\ns2,North ,Leeds,\n";
    for files in
        [[("first.csv", first), ("second.csv", second)], [("second.csv", second), ("first.csv", first)]]
    {
        let levels = [Level::new("Region", "region"), Level::new("City", "city")];
        let (_, report) = load(&LevelColumns::new(csv(&files), levels), Policy::lenient());
        let places: Vec<String> =
            report.faults.iter().filter_map(|fault| Some(fault.location.as_ref()?.to_string())).collect();
        assert!(!places.is_empty());
        assert!(places.iter().all(|place| place == "first.csv:2"), "{places:?}");
    }
}

#[test]
fn keys_within_a_parent_that_come_to_one_id_are_not_one_account() {
    let text = "shop,region,city,people\ns1,A/B,C,\ns2,A,B/C,\ns3,A,D,\n";
    let levels = |separator: &str| {
        [Level::new("Region", "region"), Level::new("City", "city").within_parent(separator)]
    };
    let rows = || csv(&[("shops.csv", text)]);
    let error = Book::load(schema(), &LevelColumns::new(rows(), levels("/")), &Policy::strict()).unwrap_err();
    let faults: Vec<String> = error.report().unwrap().faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "shops.csv:2: id `A/B/C` stands in 2 different rows: shops.csv:2 (parent A/B), shops.csv:3 (parent A)"
        ]
    );
    // The shops of neither are put under the other.
    let policy = Policy::lenient().with(FaultKind::RepeatedId, Remedy::Quarantine).unwrap();
    let (book, report) = load(&LevelColumns::new(rows(), levels("/")), policy);
    assert_eq!(report.count(FaultKind::RepeatedId), 1, "{report}");
    assert!(paths(&book).contains(&"Shop A › A/D › s3".to_owned()));
    assert!(paths(&book).iter().all(|path| !path.contains("A/B/C")), "{:?}", paths(&book));
    // Another separator keeps them apart.
    let (book, _) = load(&LevelColumns::new(rows(), levels(" > ")), Policy::strict());
    assert!(paths(&book).contains(&"Shop A/B › A/B > C › s1".to_owned()), "{:?}", paths(&book));
    assert!(paths(&book).contains(&"Shop A › A > B/C › s2".to_owned()));
    // Keys that repeat a pair are one account.
    let rows = csv(&[("shops.csv", "shop,region,city,people\ns1,A,C,\ns2,A,C,\n")]);
    assert_eq!(load(&LevelColumns::new(rows, levels("/")), Policy::strict()).0.len(), 4);
}

/// Emits rows one by one and counts them.
struct Counted(MemorySource, std::cell::Cell<usize>);

impl Source for Counted {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        FaultySource::split(self.0.clone(), 1).scan(request, &mut |batch| {
            self.1.set(self.1.get() + batch.rows());
            emit(batch)
        })
    }
}

#[test]
fn a_break_ends_the_scan_of_rows_and_of_levels() {
    let rows = shops(&[("s1", "North", "Leeds", None), ("s2", "South", "Leeds", None)]);
    let source = LevelColumns::new(Counted(rows, std::cell::Cell::new(0)), levels());
    let taken = |table: TableName, batches: usize| {
        let mut got: Vec<usize> = Vec::new();
        source
            .scan(&ScanRequest::for_schema(&schema(), table), &mut |batch: Batch| {
                batch.check().unwrap();
                got.push(batch.rows());
                if got.len() < batches { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .unwrap();
        got
    };
    assert_eq!(taken(TableName::Accounts, 1), [1]);
    assert_eq!(taken(TableName::Accounts, 3), [1, 1, 2]);
    assert_eq!(taken(TableName::Accounts, 9), [1, 1, 2, 1]);
    // The rows have links of their own, of which there are none.
    assert_eq!(taken(TableName::Links, 1), [0]);
    assert_eq!(taken(TableName::Links, 9), [0, 1]);
}

#[test]
fn a_failure_of_the_rows_is_a_failure() {
    let rows = || shops(&[("s1", "North", "Leeds", None), ("s2", "South", "Leeds", None)]);
    for call in 1..=2 {
        let source = LevelColumns::new(FaultySource::fails_on_scan(rows(), call), levels());
        assert!(Book::load(schema(), &source, &Policy::strict()).is_err(), "{call}");
    }
}

proptest! {
    #![proptest_config(crate::common::config(128))]

    /// Any rows: the tree is that of the accounts written out by hand.
    #[test]
    fn flattened_rows_are_the_tree_written_out(
        rows in prop::collection::vec((0_u8..4, 0_u8..5, 0_u8..6, 0_u8..4), 0..40),
        seed in any::<u64>(),
    ) {
        let key = |level: char, key: u8| if key == 0 { String::new() } else { format!("{level}{key}") };
        let levels = || [
            Level::new("Region", "a").value("people", "n"),
            Level::new("City", "b"),
            Level::new("City", "c").placeholder("c1"),
        ];
        let mut flat = MemorySource::new();
        // By account: what rows declare above it.
        let mut above: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut people: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for (number, (a, b, c, n)) in rows.iter().enumerate() {
            let shop = format!("s{number}");
            let keys = [key('a', *a), key('b', *b), key('c', *c)];
            let mut row = AccountRow::new(id(&shop), "Shop");
            for (column, key) in ["a", "b", "c"].iter().zip(&keys) {
                row = row.with(column, key.as_str());
            }
            flat = flat.account(if *n == 0 { row } else { row.with("n", i64::from(*n)) });
            let named: Vec<&String> = keys.iter().filter(|key| !key.is_empty() && *key != "c1").collect();
            let line: Vec<&String> = named.into_iter().chain([&shop]).collect();
            above.entry(line[0].clone()).or_default();
            for pair in line.windows(2) {
                above.entry(pair[1].clone()).or_default().insert(pair[0].clone());
            }
            if *a > 0 && *n > 0 {
                people.entry(keys[0].clone()).or_default().insert(i64::from(*n));
            }
        }
        let policy = Policy::strict().with(FaultKind::SeveralParents, Remedy::Prefer).unwrap();
        let policy = policy.with(FaultKind::InvalidValue, Remedy::Clear).unwrap();
        let mut plain = MemorySource::new();
        for (account, parents) in &above {
            let kind = match &account[..1] { "a" => "Region", "s" => "Shop", _ => "City" };
            let mut row = AccountRow::new(id(account), kind);
            for parent in parents {
                row = row.under(id(parent));
            }
            if let Some(one) = people.get(account).filter(|said| said.len() == 1) {
                row = row.with("people", one.first().copied().unwrap());
            }
            plain = plain.account(row);
        }
        let (expected, _) = load(&plain, policy.clone());
        for source in [FaultySource::shuffled(flat.clone(), seed), FaultySource::split(flat, 3)] {
            let (book, report) = load(&LevelColumns::new(source, levels()), policy.clone());
            book.verify().unwrap();
            prop_assert_eq!(paths(&book), paths(&expected));
            let all = |book: &Book| -> Vec<String> {
                let view = book.view(&Scope::all(), as_of()).unwrap();
                view.accounts().map(|account| {
                    let extra: Vec<String> = account.extra_parents().iter().map(|p| p.id().to_string()).collect();
                    format!("{} {extra:?} {:?}", account.id(), account.value("people"))
                }).collect()
            };
            prop_assert_eq!(all(&book), all(&expected));
            let disagree = people.values().filter(|said| said.len() > 1).count();
            prop_assert_eq!(report.count(FaultKind::InvalidValue), disagree);
        }
    }
}

#[test]
fn cells_of_other_kinds_pass_through() {
    struct Typed;
    impl Source for Typed {
        fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
            if request.table() == &TableName::Accounts {
                let batch = Batch::new(TableName::Accounts)
                    .column("people", Cells::Int(vec![Some(5), None]))
                    .column("id", Cells::text([Some("s1"), Some("s2")]))
                    .column("account_type", Cells::text([Some("Shop"), Some("Shop")]))
                    .column("parent", Cells::text([Some("s2"), None]))
                    .column("inhabitants", Cells::Int(vec![None, Some(9)]))
                    .column("city", Cells::Int(vec![None, Some(7)]));
                let _ = emit(batch);
            }
            Ok(())
        }
        fn provides(&self, table: &TableName) -> bool {
            table == &TableName::Accounts
        }
    }
    let (book, _) = load(&LevelColumns::new(Typed, levels()), Policy::strict());
    assert_eq!(paths(&book), ["City 7", "Shop 7 › s2", "Shop 7 › s2 › s1"]);
    assert_eq!(view(&book).account("7").unwrap().value("people"), Some(Value::Int(9)));
    assert_eq!(view(&book).account("s1").unwrap().value("people"), Some(Value::Int(5)));
}
