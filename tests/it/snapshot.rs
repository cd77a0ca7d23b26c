//! Is a restored book the book that was saved, and is everything else refused?
//!
//! Snapshots are taken apart and put together here by code of its own, with a checksum of its own, so that
//! hostile bytes reach the reader behind the checksums.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::sealed::{FIRST, HEAD, Part, Parts, checksum, sections};
use crate::common::{
    ATTRIBUTES, CHUNK_ROWS, PRODUCTS, Rows, TYPES, answers, as_of, child, child_row_of, forest, id, id_of,
    schema, value_of, view,
};
use perennial::aggregate::{Operator, RollUp, RollUpPlan};
use perennial::source::MemorySource;
use perennial::testkit::{PlainBook, Random, ReferenceBook};
use perennial::{
    AccountId, AccountRow, Attribute, AttributeType, Book, Change, ChildRow, ChildTable, Currency, Date,
    Decimal, Duration, EnumValues, FaultKind, Money, Nesting, Policy, Remedy, Schema, SnapshotError,
    StatusGroup, Succession, SystemAttribute, TableKind, Timestamp, Value, limits,
};
use proptest::prelude::*;

// --- The same book ----------------------------------------------------------------------------------

/// Everything that can be asked of a book, what is held included.
fn everything(book: &Book) -> Vec<String> {
    let mut all = answers(&view(book));
    all.extend(book.held_accounts().map(|held| format!("{held:?}")));
    all.extend(book.held_children().map(|held| format!("{held:?}")));
    all.extend(book.superseded().iter().map(|row| format!("{row:?}")));
    all.extend(book.successions().links().iter().map(|link| format!("{link:?}")));
    all.push(format!("version {}, {} accounts", book.version(), book.len()));
    all
}

/// The first line that differs says more than all of them.
fn same_lines(found: &[String], expected: &[String]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// A book from its own bytes: in order, with the same answers, and with the same bytes again.
fn restored(book: &Book) -> Book {
    let bytes = book.to_snapshot();
    let again = Book::from_snapshot(book.schema().clone(), &bytes).unwrap();
    again.verify().unwrap();
    same_lines(&everything(&again), &everything(book));
    assert!(again.to_snapshot() == bytes, "the bytes of a restored book differ");
    again
}

/// As [`restored`], and the same down to the last block: nobody could tell the two apart.
fn restored_exactly(book: &Book) -> Book {
    let again = restored(book);
    assert!(format!("{again:?}") == format!("{book:?}"), "found:\n{again:?}\n\nexpected:\n{book:?}");
    again
}

/// One schema with every kind of attribute, for accounts and for child rows.
fn every_kind() -> Arc<Schema> {
    let values = || EnumValues::new(["low", "middle", "high"]);
    let kinds = || {
        [
            ("a_bool", AttributeType::Bool),
            ("a_int", AttributeType::Int),
            ("a_decimal", AttributeType::Decimal { scale: 3 }),
            ("a_money", AttributeType::Money(Currency::JPY)),
            ("a_double", AttributeType::Double),
            ("a_text", AttributeType::Text),
            ("a_date", AttributeType::Date),
            ("a_timestamp", AttributeType::Timestamp),
            ("a_duration", AttributeType::Duration),
            ("a_enum", AttributeType::Enum(values())),
            ("a_band", AttributeType::Band(values())),
            ("a_list", AttributeType::List),
            ("a_never", AttributeType::Text),
        ]
    };
    let mut table = ChildTable::new("rows", TableKind::Custom)
        .column(Attribute::new("currency", AttributeType::Text))
        .column(Attribute::new("mixed", AttributeType::MixedMoney { currency_column: "currency".into() }));
    let mut builder = Schema::builder()
        .account_type("Company", Nesting::Free)
        .product("CRM")
        .status([("live", StatusGroup::Paying), ("gone", StatusGroup::Cancelled)]);
    for (name, kind) in kinds() {
        builder = builder.attribute(Attribute::new(name, kind.clone()));
        table = table.column(Attribute::new(name, kind));
    }
    let users = ChildTable::new("users", TableKind::Users);
    Arc::new(builder.table(table).table(users).build().unwrap())
}

/// Values of an attribute of [`every_kind`], the largest and smallest among them.
fn values_of(attribute: &str) -> Vec<Value> {
    let minor = |minor| Value::Money(Money::from_minor(minor, Currency::JPY));
    let most = i128::from(limits::MAX_UNITS);
    let longest = i64::try_from(limits::MAX_DURATION_MICROS).unwrap();
    match attribute.trim_start_matches("a_") {
        "bool" => vec![true.into(), false.into()],
        "int" => [0, limits::MAX_INT, -limits::MAX_INT].map(Value::Int).to_vec(),
        "decimal" => [0, most, -most].map(|units| Value::Decimal(Decimal::new(units, 3))).to_vec(),
        "money" => [0, most, -most].map(minor).to_vec(),
        "double" => [0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 0.1].map(Value::Double).to_vec(),
        "text" => ["", "Ünïcode", "a\nb", &"long ".repeat(400)].map(Value::text).to_vec(),
        "date" => [Date::MIN, Date::MAX, Date::new(2026, 1, 31).unwrap()].map(Value::Date).to_vec(),
        "timestamp" => {
            let last = Timestamp::start_of(Date::MAX).micros() + 86_400_000_000 - 1;
            let micros = [Timestamp::start_of(Date::MIN).micros(), last, 0, -1];
            micros.map(|micros| Value::Timestamp(Timestamp::from_micros(micros).unwrap())).to_vec()
        }
        "duration" => [0, longest, -longest].map(|n| Value::Duration(Duration::from_micros(n))).to_vec(),
        "enum" => ["low", "middle", "high"].map(|text| Value::Enum(text.into())).to_vec(),
        "band" => {
            let band = |(rank, text): (u16, &str)| Value::Band { rank, text: text.into() };
            [(0, "low"), (1, "middle"), (2, "high")].map(band).to_vec()
        }
        "list" => vec![
            Value::list([]),
            Value::list([""]),
            Value::list(["x", "y", "x"]),
            Value::list((0..40).map(|_| "again")),
        ],
        "status" => ["live", "gone"].map(|text| Value::Enum(text.into())).to_vec(),
        _ => Vec::new(),
    }
}

/// A book of [`every_kind`]: `density` of 8 cells have a value.
fn book_of_every_kind(accounts: usize, chunk_rows: u32, density: u64, seed: u64) -> Book {
    let schema = every_kind();
    let mut random = Random::new(seed);
    let mut source = MemorySource::new();
    let mut pick = |attribute: &str| {
        let values = values_of(attribute);
        (random.below(8) < density && !values.is_empty())
            .then(|| values[random.below(values.len() as u64) as usize].clone())
    };
    for number in 0..accounts {
        let mut row = AccountRow::new(id_of(number), "Company");
        if number > 0 && number % 5 != 0 {
            row = row.under(id_of(number / 3));
        }
        for attribute in schema.attributes() {
            if let Some(value) = pick(attribute.name()) {
                row = row.with(attribute.name(), value);
            }
        }
        source = source.account(row);
        for child_row in 0..number % 3 {
            let mut row = ChildRow::new(child(&format!("{number}-{child_row}")), id_of(number))
                .with("currency", "EUR")
                .with("mixed", Money::from_minor(i128::from(limits::MAX_UNITS), Currency::EUR));
            for name in ATTRIBUTES_OF_EVERY_KIND {
                if let Some(value) = pick(name) {
                    row = row.with(name, value);
                }
            }
            source = source.child("rows", row);
        }
    }
    let (book, _) = Book::builder(schema).chunk_rows(chunk_rows).load(&source).unwrap();
    book
}

const ATTRIBUTES_OF_EVERY_KIND: [&str; 12] = [
    "a_bool",
    "a_int",
    "a_decimal",
    "a_money",
    "a_double",
    "a_text",
    "a_date",
    "a_timestamp",
    "a_duration",
    "a_enum",
    "a_band",
    "a_list",
];

#[test]
fn every_kind_of_value_comes_back() {
    for chunk_rows in CHUNK_ROWS {
        for density in [0, 1, 4, 8] {
            restored_exactly(&book_of_every_kind(70, chunk_rows, density, u64::from(chunk_rows)));
        }
    }
}

#[test]
fn books_of_nothing_and_of_one_come_back() {
    let empty = restored_exactly(&Rows::default().load(4_096, Policy::strict()).0);
    let (one, _) = empty.apply(&Change::new().add(AccountRow::new(id("a"), "Company"))).unwrap();
    let none = restored_exactly(&one).apply(&Change::new().remove(&id("a"))).unwrap().0;
    assert_eq!(none.version(), 2);
    // Its one slot is empty, and the next account takes it.
    let (again, _) =
        restored_exactly(&none).apply(&Change::new().add(AccountRow::new(id("b"), "Company"))).unwrap();
    restored_exactly(&again);
}

#[test]
fn a_version_is_kept_and_goes_on() {
    let rows = Rows { accounts: vec![AccountRow::new(id("a"), "Company")], ..Rows::default() };
    for version in [0, 41, u64::MAX] {
        let (book, _) = Book::builder(schema()).version(version).load(&rows.source()).unwrap();
        let again = restored_exactly(&book);
        assert_eq!(again.version(), version);
        let (next, _) = again.apply(&Change::new().set(&id("a"), "seats", 1_i64)).unwrap();
        assert_eq!(next.version(), version.saturating_add(1));
    }
}

#[test]
fn deep_and_wide_trees_come_back() {
    for (shape, chunk_rows) in [
        (PlainBook::chain(100_000), 4_096),
        (PlainBook::chain(20_000), 3),
        (PlainBook::star(100_000), 4_096),
        (PlainBook::star(20_000), 7),
        (PlainBook::forest_of_roots(20_000), 64),
        (PlainBook::one_tree(50_000, 3), 65_534),
    ] {
        let (book, _) = Book::builder(shape.schema()).chunk_rows(chunk_rows).load(&shape).unwrap();
        let bytes = book.to_snapshot();
        let again = Book::from_snapshot(book.schema().clone(), &bytes).unwrap();
        again.verify().unwrap();
        assert!(again.to_snapshot() == bytes);
        let ids = |book: &Book| -> Vec<(AccountId, Option<Value>)> {
            view(book).accounts().map(|account| (account.id(), account.value("amount"))).collect()
        };
        assert!(ids(&again) == ids(&book));
        let (some, other) = (id(&shape.id(15_000)), id(&shape.id(7)));
        let change = Change::new().move_under(&some, &other).set(&other, "amount", 5_i64);
        let (a, b) = (book.apply(&change), again.apply(&change));
        match (a, b) {
            (Ok((a, report_a)), Ok((b, report_b))) => {
                b.verify().unwrap();
                assert_eq!(report_a, report_b);
                assert!(a.to_snapshot() == b.to_snapshot());
            }
            (a, b) => assert_eq!(a.unwrap_err().to_string(), b.unwrap_err().to_string()),
        }
    }
}

#[test]
fn a_reference_book_comes_back() {
    let reference = ReferenceBook::new(5_000, 11);
    let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict()).unwrap();
    let again = restored(&book);
    let roll_ups = [RollUp::new("sum", Operator::Sum("m1".into())), RollUp::new("how_many", Operator::Count)];
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), roll_ups).unwrap();
    let (before, after) = (plan.run(&view(&book)), plan.run(&view(&again)));
    for account in view(&book).accounts() {
        let other = view(&again);
        let other = other.account(account.id_str()).unwrap();
        for name in plan.names() {
            assert_eq!(before.value(name, account), after.value(name, other));
        }
    }
}

// --- Faults and scripts -----------------------------------------------------------------------------

/// Rows with faults of every kind among them, by the bytes.
fn faulty(seeds: &[[u8; 5]], faults: &[[u8; 3]]) -> (Rows, Vec<AccountRow>) {
    let mut rows = forest(seeds);
    let mut withheld = Vec::new();
    for (number, [what, which, byte]) in faults.iter().enumerate() {
        if rows.accounts.is_empty() {
            break;
        }
        let place = usize::from(*which) % rows.accounts.len();
        let other = rows.accounts[usize::from(*byte) % rows.accounts.len()].id.clone();
        let new = |name: &str| AccountRow::new(id(&format!("{name}-{number}")), "Company");
        match what % 16 {
            0 | 1 => withheld.push(rows.accounts.remove(place)),
            2 => rows.accounts.push(rows.accounts[place].clone()),
            3 => rows.accounts.push(rows.accounts[place].clone().with("seats", i64::from(*byte) + 1_000)),
            4 | 5 => rows.accounts[place] = rows.accounts[place].clone().under(other),
            6 => rows.accounts.push(new("martian").under(other).with("seats", 1_i64).product("CRM")),
            7 => rows.accounts.push(AccountRow::new(id(&format!("planet-{number}")), "Planet").under(other)),
            8 => rows.accounts.push(new("many").under(other).with("seats", "many").with("rate", 0.5)),
            9 => rows.accounts.push(AccountRow::new(id(&format!("planless-{number}")), "Team").under(other)),
            10 => {
                let (table, row) = child_row_of(&id("nobody"), 500 + number, *byte);
                rows.children.push((table, row));
                rows.children.push(child_row_of(&id(&format!("later-{number}")), 600 + number, *byte));
            }
            11 => {
                let (table, mut row) = child_row_of(&other, 700 + number, *byte);
                row.account = None;
                rows.children.push((table, row));
            }
            12 => {
                let again = rows.children.get(usize::from(*byte)).cloned();
                rows.children.extend(again);
            }
            13 => rows.accounts.push(new("floored").under(other).with("floor", 3_i64)),
            14 => {
                let (a, b) = (format!("ring-a-{number}"), format!("ring-b-{number}"));
                rows.accounts.push(AccountRow::new(id(&a), "Company").under(id(&b)).under(other));
                rows.accounts.push(AccountRow::new(id(&b), "Company").under(id(&a)));
            }
            _ => rows.accounts.push(new("soap").under(other).product("Soap")),
        }
    }
    (rows, withheld)
}

/// A remedy for each kind of fault, never refusing.
fn policy(bytes: &[u8]) -> Policy {
    FaultKind::ALL.into_iter().zip(bytes.iter().cycle()).fold(Policy::lenient(), |policy, (kind, byte)| {
        let remedies: Vec<Remedy> =
            kind.remedies().iter().copied().filter(|remedy| *remedy != Remedy::Reject).collect();
        policy.with(kind, remedies[usize::from(*byte) % remedies.len()]).unwrap()
    })
}

/// The rows with a history: of accounts in the book and of others, with links that cannot be followed.
fn with_history(rows: &Rows, history: &[[u8; 4]]) -> MemorySource {
    let links = history.iter().map(|[a, b, day, byte]| link_of(rows, *a, *b, *day, *byte));
    rows.source().successions(links)
}

fn link_of(rows: &Rows, a: u8, b: u8, day: u8, byte: u8) -> Succession {
    let name = |n: u8| match rows.accounts.get(usize::from(n) % (rows.accounts.len() + 3)) {
        Some(row) => row.id.clone(),
        None => id(&format!("gone-{}", n % 4)),
    };
    let link = Succession::new(name(a), name(b), Date::from_days(10_000 + i32::from(day % 3)).unwrap());
    let link = link.ranked(u32::from(byte % 2));
    if byte.is_multiple_of(5) { link.of_part() } else { link }
}

/// A change by the bytes; it may well be refused.
fn change_of(rows: &Rows, withheld: &[AccountRow], step: &[[u8; 4]], round: usize) -> Change {
    let ids: Vec<&AccountId> = rows.accounts.iter().chain(withheld).map(|row| &row.id).collect();
    let mut change = Change::new();
    for (number, [what, a, b, byte]) in step.iter().enumerate() {
        let pick = |n: u8| ids[usize::from(n) % ids.len()].clone();
        let (one, other) = (pick(*a), pick(*b));
        let new = id(&format!("{b:02x}-new-{round}-{number}"));
        let children = &rows.children;
        let picked = (!children.is_empty()).then(|| &children[usize::from(*b) % children.len()]);
        let attribute = ATTRIBUTES[usize::from(*byte) % ATTRIBUTES.len()];
        let day = Date::from_days(10_000 + i32::from(*byte % 3)).unwrap();
        change = match what % 20 {
            0 | 1 => change.set(&one, attribute, value_of(attribute, *b).unwrap()),
            2 => change.clear(&one, attribute),
            3 | 4 => change.move_under(&one, &other),
            5 => change.move_to_root(&one),
            6 => change.add(AccountRow::new(new, TYPES[usize::from(*byte) % 2]).under(one)),
            // What others wait for.
            7 | 14 | 15 if !withheld.is_empty() => {
                change.add(withheld[usize::from(*a) % withheld.len()].clone())
            }
            8 => change.remove(&one),
            9 => change.remove_subtree(&one),
            10 => match picked {
                Some((table, row)) if byte.is_multiple_of(2) => change.remove_child(table, &row.id),
                Some((table, row)) => change.move_child(table, &row.id, &one),
                None => change,
            },
            11 => {
                let (table, row) = child_row_of(&one, 900 + round * 9 + number, *byte);
                change.add_child(table, row)
            }
            12 => change.retype(&one, TYPES[usize::from(*byte) % 3]),
            16 => change.merge(&one, &other, day),
            17 => change.split(&one, [other, pick(*byte)], day),
            18 => change.declare_succession(link_of(rows, *a, *b, *byte, *byte)),
            19 => change.retract_succession(link_of(rows, *a, *b, *byte, *byte)),
            _ => change.set_product(&one, PRODUCTS.get(usize::from(*byte) % 6).copied()),
        };
    }
    change
}

proptest! {
    #![proptest_config(crate::common::config(300))]

    /// A restored book is the book that was saved, whatever was wrong with its rows, however it is packed,
    /// and whatever changed since it was loaded; and both go on alike.
    #[test]
    fn a_restored_book_is_the_same_book(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        faults in prop::collection::vec(any::<[u8; 3]>(), 0..10),
        history in prop::collection::vec(any::<[u8; 4]>(), 0..6),
        remedies in prop::collection::vec(any::<u8>(), 20),
        script in prop::collection::vec(prop::collection::vec(any::<[u8; 4]>(), 1..4), 1..10),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let (rows, withheld) = faulty(&seeds, &faults);
        prop_assume!(!rows.accounts.is_empty());
        let builder = Book::builder(schema()).policy(policy(&remedies)).chunk_rows(CHUNK_ROWS[size]);
        let (mut book, _) = builder.load(&with_history(&rows, &history)).unwrap();
        let mut other = restored_exactly(&book);
        for (round, step) in script.iter().enumerate() {
            let change = change_of(&rows, &withheld, step, round);
            match (book.apply(&change), other.apply(&change)) {
                (Ok((next, report)), Ok((next_other, report_other))) => {
                    prop_assert_eq!(report, report_other);
                    next_other.verify().map_err(TestCaseError::fail)?;
                    prop_assert!(next.to_snapshot() == next_other.to_snapshot());
                    // By turns the book that goes on was itself restored.
                    other = if round % 2 == 0 { restored_exactly(&next_other) } else { next_other };
                    book = next;
                    same_lines(&everything(&book), &everything(&other));
                }
                (Err(error), Err(error_other)) => {
                    prop_assert_eq!(error.to_string(), error_other.to_string());
                }
                (one, another) => prop_assert!(false, "{:?}\n{:?}", one.err(), another.err()),
            }
        }
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_in_any_order() {
    let seeds: Vec<[u8; 5]> =
        (0..60_u8).map(|n| [7, 11, 13, 17, 5].map(|step: u8| n.wrapping_mul(step))).collect();
    let rows = forest(&seeds);
    for chunk_rows in CHUNK_ROWS {
        let bytes = rows.load(chunk_rows, Policy::strict()).0.to_snapshot();
        for seed in 0..3 {
            assert!(rows.shuffled(seed).load(chunk_rows, Policy::strict()).0.to_snapshot() == bytes);
        }
    }
    // Equal answers, other packing: other bytes, as the documentation says.
    let (a, b) = (rows.load(7, Policy::strict()).0, rows.load(64, Policy::strict()).0);
    assert_eq!(answers(&view(&a)), answers(&view(&b)));
    assert_ne!(a.to_snapshot(), b.to_snapshot());
}

// --- What is refused --------------------------------------------------------------------------------

/// A book with something of everything, small enough to break at every byte.
fn something_of_everything(chunk_rows: u32) -> Book {
    let seeds: Vec<[u8; 5]> = (0..14_u8).map(|n| [n * 7 + 1, n * 11, n * 13, n * 17, n * 5 + 1]).collect();
    let faults: Vec<[u8; 3]> = (0..16_u8).map(|n| [n, n * 3, n * 5]).collect();
    let (rows, _) = faulty(&seeds, &faults);
    let policy = Policy::lenient()
        .with(FaultKind::MissingParent, Remedy::Quarantine)
        .and_then(|policy| policy.with(FaultKind::InvalidValue, Remedy::Quarantine))
        .and_then(|policy| policy.with(FaultKind::MissingValue, Remedy::Quarantine))
        .unwrap();
    let history: Vec<[u8; 4]> = (0..7_u8).map(|n| [n * 3, n * 5 + 1, n, n]).collect();
    let builder = Book::builder(schema()).policy(policy).chunk_rows(chunk_rows);
    let (book, _) = builder.load(&with_history(&rows, &history)).unwrap();
    assert!(book.successions().len() > 3, "{}", book.successions().len());
    let held = book.held_accounts().count();
    assert!(book.len() > 9 && held > 3 && !book.superseded().is_empty(), "{} {held}", book.len());
    assert!(book.held_children().count() > 2 && view(&book).accounts().any(|a| a.adopted().is_some()));
    assert!(view(&book).accounts().any(|a| !a.extra_parents().is_empty()));
    book
}

fn sealed(sections: &[Part]) -> Vec<u8> {
    crate::common::sealed::sealed(*b"\x8ePNL\r\n\x1a\n", sections)
}

fn refusal(schema: &Arc<Schema>, bytes: &[u8]) -> SnapshotError {
    match Book::from_snapshot(schema.clone(), bytes) {
        Err(error) => error,
        Ok(book) => panic!("taken for a book of {} accounts", book.len()),
    }
}

#[test]
fn the_format_is_what_its_documentation_says() {
    let book = something_of_everything(3);
    let bytes = book.to_snapshot();
    assert!(sealed(&sections(&bytes)) == bytes);
    let names: Vec<String> =
        sections(&bytes).iter().map(|(name, _)| name.escape_ascii().to_string()).collect();
    assert_eq!(names, ["SCHM", "BOOK", "ACCT", "VALS", "ROWS", "HELD", "SUCC"]);
    assert_eq!(sections(&bytes)[0].1, book.schema().to_json().into_bytes());
    restored_exactly(&book);
}

#[test]
fn a_snapshot_cut_off_anywhere_is_refused() {
    let book = something_of_everything(3);
    let bytes = book.to_snapshot();
    for end in 0..bytes.len() {
        let error = refusal(book.schema(), &bytes[..end]);
        match end {
            0 => assert_eq!(error, SnapshotError::NotASnapshot),
            _ => {
                let expected = if end < HEAD { HEAD } else { bytes.len() } as u64;
                assert_eq!(error, SnapshotError::Truncated { expected, found: end as u64 });
            }
        }
    }
    let mut longer = bytes.clone();
    longer.extend([0; 3]);
    assert_eq!(
        refusal(book.schema(), &longer).to_string(),
        "the snapshot is malformed: head at byte 16: 3 bytes follow its end"
    );
}

#[test]
fn every_changed_byte_is_found() {
    let book = something_of_everything(3);
    let bytes = book.to_snapshot();
    let starts = {
        let mut ends = vec![FIRST];
        for (_, own) in sections(&bytes) {
            ends.push(ends.last().unwrap() + own.len());
        }
        ends.pop();
        ends
    };
    let words =
        ["schema", "policy and version", "accounts", "values", "child rows", "held rows", "successions"];
    for place in 0..bytes.len() {
        for change in [1_u8, 0x80, 0xFF] {
            let mut broken = bytes.clone();
            broken[place] ^= change;
            let error = refusal(book.schema(), &broken);
            match place {
                0..8 => assert_eq!(error, SnapshotError::NotASnapshot),
                8..12 => {
                    assert!(matches!(
                        error,
                        SnapshotError::NewerVersion { .. } | SnapshotError::Checksum { .. }
                    ));
                }
                _ => {
                    let SnapshotError::Checksum { section, start, end } = error else {
                        panic!("byte {place}: {error}")
                    };
                    let own = starts.partition_point(|start| *start <= place);
                    let expected = match place {
                        12..32 => "head",
                        _ if own == 0 => "table of sections",
                        _ => words[own - 1],
                    };
                    assert_eq!(section, expected, "byte {place}");
                    // The checksum of the head stands behind what it covers.
                    assert!(start <= place as u64 && (place as u64) < end.max(32));
                }
            }
        }
    }
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let (schema, bytes) = (schema(), something_of_everything(3).to_snapshot());
    for other in [&b""[..], b"{}", b"id,parent\na,b\n", b"\x89PNG\r\n\x1a\n", &[0; 4_096]] {
        assert_eq!(refusal(&schema, other).to_string(), "these bytes are no snapshot of this kind");
    }
    // Line ends changed by a transfer as text.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
    assert_eq!(refusal(&schema, &text), SnapshotError::NotASnapshot);
    let mut newer = bytes.clone();
    newer[8] = 7;
    assert_eq!(
        refusal(&schema, &newer).to_string(),
        "the snapshot is in format 7 and this release reads format 1; \
         read it with the release that wrote it, or load again from your storage"
    );
    assert_eq!(
        refusal(&schema, &bytes[..bytes.len() - 1]).to_string(),
        format!("the snapshot is cut off: {} of at least {} bytes are there", bytes.len() - 1, bytes.len())
    );
    let mut broken = bytes.clone();
    *broken.last_mut().unwrap() ^= 1;
    let last = sections(&bytes)[6].1.len();
    assert_eq!(
        refusal(&schema, &broken).to_string(),
        format!(
            "the snapshot is damaged: the checksum of its successions (bytes {} to {}) does not match",
            bytes.len() - last,
            bytes.len()
        )
    );
}

#[test]
fn sections_that_this_release_does_not_know_are_refused() {
    let book = something_of_everything(3);
    let parts = sections(&book.to_snapshot());
    let refused = |parts: &[Part]| refusal(book.schema(), &sealed(parts)).to_string();
    let mut more = parts.clone();
    more.push((*b"MORE", vec![1, 2, 3]));
    assert_eq!(refused(&more), "the snapshot is malformed: head at byte 12: format 1 has 7 sections");
    let mut other = parts.clone();
    other[5].0 = *b"SOUP";
    assert_eq!(
        refused(&other),
        "the snapshot is malformed: table of sections at byte 112: \
         section `SOUP` stands where format 1 has `HELD`"
    );
    let mut swapped = parts.clone();
    swapped.swap(2, 3);
    assert_eq!(
        refused(&swapped),
        "the snapshot is malformed: table of sections at byte 64: \
         section `VALS` stands where format 1 has `ACCT`"
    );
    let mut old = book.to_snapshot();
    old[8] = 0;
    let sum = checksum(&old[..28]);
    old[28..32].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(
        refusal(book.schema(), &old).to_string(),
        "the snapshot is malformed: head at byte 8: there is no format 0"
    );
}

#[test]
fn another_schema_is_refused_with_what_differs() {
    let base = || {
        Schema::builder()
            .account_type("Company", Nesting::Free)
            .product("CRM")
            .system(SystemAttribute::Name)
            .status([("live", StatusGroup::Paying)])
            .attribute(Attribute::new("seats", AttributeType::Int))
    };
    let source = MemorySource::new().account(AccountRow::new(id("a"), "Company"));
    let (book, _) = Book::load(base().build().unwrap(), &source, &Policy::strict()).unwrap();
    let bytes = book.to_snapshot();
    let same = |builder: perennial::SchemaBuilder| Arc::new(builder.build().unwrap());
    assert!(Book::from_snapshot(same(base()), &bytes).is_ok());
    let differs = |schema| refusal(&schema, &bytes).to_string();
    let more = base().attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)));
    assert_eq!(
        differs(same(more.product("Desk").table(ChildTable::new("users", TableKind::Users)))),
        "the snapshot is of another schema: product `Desk` is not in the snapshot; \
         attribute `arr` is not in the snapshot; child table `users` is not in the snapshot"
    );
    let other = Schema::builder()
        .account_type("Company", Nesting::Ordered)
        .account_type("Site", Nesting::Free)
        .product("CRM")
        .attribute(Attribute::new("seats", AttributeType::Double))
        .system(SystemAttribute::Name);
    assert_eq!(
        differs(same(other)),
        "the snapshot is of another schema: account type `Company` is declared otherwise; \
         account type `Site` is not in the snapshot; attribute `status` is in the snapshot only; \
         attribute `seats` is declared otherwise"
    );
    let turned = Schema::builder()
        .account_type("Company", Nesting::Free)
        .product("CRM")
        .attribute(Attribute::new("seats", AttributeType::Int))
        .system(SystemAttribute::Name)
        .status([("live", StatusGroup::Paying)]);
    assert_eq!(
        differs(same(turned)),
        "the snapshot is of another schema: the order of its attributes differs"
    );
    let regrouped = Schema::builder()
        .account_type("Company", Nesting::Free)
        .product("CRM")
        .system(SystemAttribute::Name)
        .status([("live", StatusGroup::Cancelled)])
        .attribute(Attribute::new("seats", AttributeType::Int));
    assert_eq!(
        differs(same(regrouped)),
        "the snapshot is of another schema: the groups of its statuses differ"
    );
    let many = (0..20).fold(base(), |b, n| b.attribute(Attribute::new(&format!("x{n}"), AttributeType::Int)));
    let many = differs(same(many));
    assert!(many.ends_with("attribute `x7` is not in the snapshot; 12 more"), "{many}");
    let mut parts = sections(&bytes);
    parts[0].1 = b"{ \"perennial_schema\": 1 }".to_vec();
    assert_eq!(
        refusal(book.schema(), &sealed(&parts)).to_string(),
        "the snapshot is malformed: schema at byte 144: \
         it cannot be read: at `/account_types`: no account types; declare at least one"
    );
}

// --- Hostile bytes with right checksums -------------------------------------------------------------

/// Whatever was taken for a book must be one in every respect.
fn use_it(book: &Book) -> Result<(), TestCaseError> {
    book.verify().map_err(TestCaseError::fail)?;
    let all = everything(book);
    prop_assert_eq!(view(book).accounts().count(), book.len());
    let text = book.to_snapshot();
    let again = Book::from_snapshot(book.schema().clone(), &text);
    let again = again.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(again.to_snapshot() == text);
    same_lines(&everything(&again), &all);
    for account in view(book).accounts() {
        let _ = (account.level(), account.leaves().len());
        for table in book.schema().tables() {
            let ids: Vec<_> = account.child_rows(table.name()).map(|row| row.id()).collect();
            prop_assert!(ids.is_sorted(), "{:?}", ids);
        }
    }
    let numbers = book.schema().attributes().filter(|attribute| {
        matches!(attribute.kind(), AttributeType::Int | AttributeType::Double | AttributeType::Money(_))
    });
    let sum = |(number, attribute): (usize, &Attribute)| {
        RollUp::new(&format!("sum{number}"), Operator::Sum(attribute.name().into()))
    };
    let sums = numbers.enumerate().map(sum);
    let roll_ups = sums.chain([RollUp::new("how_many", Operator::Count)]);
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), roll_ups).unwrap();
    let _ = plan.run(&view(book));
    let ids: Vec<AccountId> = view(book).accounts().map(|account| account.id()).collect();
    let kind = book.schema().account_types().next().unwrap().name().to_owned();
    for change in [
        Change::new().add(AccountRow::new(id("nobody"), &kind)),
        ids.first().map_or(Change::new(), |first| Change::new().remove_subtree(first)),
        ids.last().map_or(Change::new(), |last| Change::new().move_to_root(last)),
        ids.get(ids.len() / 2).map_or(Change::new(), |middle| Change::new().move_under(middle, &ids[0])),
    ] {
        if let Ok((next, _)) = book.apply(&change) {
            next.verify().map_err(TestCaseError::fail)?;
        }
    }
    Ok(())
}

fn hostile_books() -> Vec<(Book, Parts)> {
    let every = [2, 64].map(|rows| book_of_every_kind(9, rows, 5, 9));
    let books = every.into_iter().chain([something_of_everything(3)]);
    books.map(|book| (sections(&book.to_snapshot()), book)).map(|(parts, book)| (book, parts)).collect()
}

proptest! {
    #![proptest_config(crate::common::config(60))]

    /// Bytes changed, put in and taken out behind right checksums: an error, or a book in order.
    #[test]
    fn hostile_bytes_are_refused_or_a_book(seed in any::<u64>()) {
        thread_local! {
            static BOOKS: Vec<(Book, Parts)> = hostile_books();
        }
        BOOKS.with(|books| {
            let mut random = Random::new(seed);
            for (book, parts) in books {
                for _ in 0..60 {
                    let mut parts = parts.clone();
                    for _ in 0..=random.below(3) {
                        // The schema is compared as a whole; it is changed elsewhere.
                        let own = &mut parts[1 + random.below(6) as usize].1;
                        if own.is_empty() {
                            continue;
                        }
                        let at = random.below(own.len() as u64) as usize;
                        match random.below(10) {
                            0..6 => own[at] = own[at].wrapping_add([1, 255, 128, 2][random.below(4) as usize]),
                            6 => own[at] = random.below(256) as u8,
                            7 => {
                                own.remove(at);
                            }
                            8 => own.insert(at, random.below(256) as u8),
                            _ => {
                                let word = [u32::MAX, 0, 1, u32::MAX - 1, 1 << 31][random.below(5) as usize];
                                let end = (at + 4).min(own.len());
                                own[at..end].copy_from_slice(&word.to_le_bytes()[..end - at]);
                            }
                        }
                    }
                    if let Ok(book) = Book::from_snapshot(book.schema().clone(), &sealed(&parts)) {
                        use_it(&book)?;
                    }
                }
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

/// Every byte of a small book, in every section, changed in the ways most likely to pass.
#[test]
fn every_byte_changed_behind_its_checksum_is_refused_or_a_book() {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for (book, parts) in hostile_books() {
        for section in 0..parts.len() {
            for at in 0..parts[section].1.len() {
                for change in [1_u8, 128] {
                    let mut parts = parts.clone();
                    let own = &mut parts[section].1;
                    own[at] = own[at].wrapping_add(change);
                    match Book::from_snapshot(book.schema().clone(), &sealed(&parts)) {
                        Ok(taken) => {
                            let number = told.entry("a book".to_owned()).or_default();
                            *number += 1;
                            taken.verify().unwrap();
                            if number.is_multiple_of(7) {
                                use_it(&taken).unwrap();
                            }
                        }
                        Err(SnapshotError::Malformed { section, reason, .. }) => {
                            let kind: String =
                                reason.chars().filter(|c| !c.is_ascii_digit()).take(24).collect();
                            *told.entry(format!("{section}: {kind}")).or_default() += 1;
                        }
                        Err(SnapshotError::OtherSchema { .. }) => assert_eq!(section, 0),
                        Err(error) => panic!("section {section}, byte {at}: {error}"),
                    }
                }
            }
        }
    }
    assert!(told["a book"] > 100 && told.len() > 40, "{told:#?}");
}

/// Little-endian bytes in the making.
#[derive(Default, Clone)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u8(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    fn u16s(mut self, numbers: &[u16]) -> Self {
        self.0.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self
    }

    fn u32s(mut self, numbers: &[u32]) -> Self {
        self.0.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn texts(self, texts: &[&str]) -> Self {
        let joined = texts.concat();
        let ends = texts.iter().scan(0, |end, text| {
            *end += text.len() as u32;
            Some(*end)
        });
        let mut all = self.u64(joined.len() as u64).u32s(&ends.collect::<Vec<_>>());
        all.0.extend(joined.as_bytes());
        all
    }

    fn text(self, text: &str) -> Self {
        let mut all = self.u64(text.len() as u64);
        all.0.extend(text.as_bytes());
        all
    }
}

const NOTHING: u32 = u32::MAX;
const TOP: (u32, u32) = (NOTHING, NOTHING);

/// One chunk as it should not be: where it hangs, limbs (anchor, before, slot), local parents, ids.
type Crafted = ((u32, u32), &'static [(u32, u32, u32)], &'static [u16], &'static [&'static str]);

const ROOT: u16 = u16::MAX;

fn crafted(trunk: &[u32], chunks: &[Crafted]) -> Vec<u8> {
    let rows: Vec<u32> = chunks.iter().map(|(_, _, parents, _)| parents.len() as u32).collect();
    let mut bytes = Bytes::default().u64(chunks.len() as u64).u32s(&rows);
    bytes = bytes.u64(trunk.len() as u64).u32s(trunk);
    for ((slot, row), limbs, parents, ids) in chunks.iter().filter(|chunk| !chunk.2.is_empty()) {
        let column = |of: fn(&(u32, u32, u32)) -> u32| limbs.iter().map(of).collect::<Vec<u32>>();
        bytes = bytes.u32s(&[*slot, *row]).u64(limbs.len() as u64);
        bytes = bytes.u32s(&column(|limb| limb.0)).u32s(&column(|limb| limb.1)).u32s(&column(|limb| limb.2));
        bytes = bytes.u16s(parents).u16s(&vec![0; parents.len()]).u8(0).texts(ids);
    }
    bytes.0
}

/// A schema of one type with at most one attribute, and the sections of its book without accounts.
fn bare(attribute: Option<Attribute>) -> (Arc<Schema>, Parts) {
    let builder = Schema::builder().account_type("Company", Nesting::Free);
    let builder = attribute.into_iter().fold(builder, perennial::SchemaBuilder::attribute);
    let schema = Arc::new(builder.build().unwrap());
    let empty = Book::builder(schema.clone()).chunk_rows(4).load(&MemorySource::new()).unwrap().0;
    (schema, sections(&empty.to_snapshot()))
}

fn with_accounts(trunk: &[u32], chunks: &[Crafted]) -> Result<Book, SnapshotError> {
    let (schema, mut parts) = bare(None);
    parts[2].1 = crafted(trunk, chunks);
    Book::from_snapshot(schema, &sealed(&parts))
}

#[test]
fn chunks_that_form_no_forest_are_refused() {
    // As they should be: `a` with `b`, a limb of `d` before `e`, an empty slot, `c` under `b` far away.
    let good: [Crafted; 4] = [
        (TOP, &[(1, 2, 3), (0, 2, 1)], &[ROOT, 0, 0], &["a", "b", "e"]),
        ((0, 0), &[], &[ROOT, 0], &["d", "x"]),
        (TOP, &[], &[], &[]),
        ((0, 1), &[], &[ROOT], &["c"]),
    ];
    let book = with_accounts(&[0], &good).unwrap();
    use_it(&book).unwrap();
    let ids: Vec<String> = view(&book).accounts().map(|account| account.id().to_string()).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "x", "e"]);

    let cases: &[(&str, &[u32], &[Crafted])] = &[
        ("chunk 7 cannot stand in the trunk", &[7], &[(TOP, &[], &[ROOT], &["a"])]),
        ("chunk 0 cannot stand in the trunk", &[0, 0], &[(TOP, &[], &[ROOT], &["a"])]),
        ("chunk 0 cannot stand in the trunk", &[0], &[((0, 0), &[], &[ROOT], &["a"])]),
        ("chunk 1 cannot stand in the trunk", &[0, 1], &[(TOP, &[], &[ROOT], &["a"]), (TOP, &[], &[], &[])]),
        ("some chunk hangs nowhere", &[], &[(TOP, &[], &[ROOT], &["a"])]),
        // A ring beside the tree.
        (
            "some chunk hangs nowhere",
            &[0],
            &[
                (TOP, &[], &[ROOT], &["a"]),
                ((2, 0), &[(0, 1, 2)], &[ROOT], &["b"]),
                ((1, 0), &[(0, 1, 1)], &[ROOT], &["c"]),
            ],
        ),
        // A chunk that hangs on itself, and one that hangs twice.
        ("chunk 0 cannot hang here", &[0], &[(TOP, &[(0, 1, 0)], &[ROOT], &["a"])]),
        (
            "chunk 1 cannot hang here",
            &[0],
            &[(TOP, &[(0, 1, 1), (0, 1, 1)], &[ROOT], &["a"]), ((0, 0), &[], &[ROOT], &["b"])],
        ),
        (
            "chunk 1 cannot hang here",
            &[0],
            &[(TOP, &[(0, 2, 1)], &[ROOT, 0], &["a", "b"]), ((0, 1), &[], &[ROOT], &["c"])],
        ),
        ("chunk 5 cannot hang here", &[0], &[(TOP, &[(0, 1, 5)], &[ROOT], &["a"])]),
        // Rows that are no pre-order.
        ("row 0 stands before its parent", &[0], &[(TOP, &[], &[0], &["a"])]),
        ("row 1 stands before its parent", &[0], &[(TOP, &[], &[ROOT, 2, 0], &["a", "b", "c"])]),
        ("row 3 is out of order", &[0], &[(TOP, &[], &[ROOT, 0, 0, 1], &["a", "b", "c", "d"])]),
        ("row 2 is out of order", &[0], &[(TOP, &[], &[ROOT, ROOT, 0], &["a", "b", "c"])]),
        // Limbs outside their account, or against the order of the tree.
        (
            "chunk 1 stands outside its account",
            &[0],
            &[(TOP, &[(1, 1, 1)], &[ROOT, 0], &["a", "b"]), ((0, 1), &[], &[ROOT], &["c"])],
        ),
        (
            "chunk 1 stands outside its account",
            &[0],
            &[(TOP, &[(0, 2, 1)], &[ROOT, ROOT], &["a", "b"]), ((0, 0), &[], &[ROOT], &["c"])],
        ),
        (
            "chunk 1 stands out of order",
            &[0],
            &[(TOP, &[(0, 3, 1)], &[ROOT], &["a"]), ((0, 0), &[], &[ROOT], &["b"])],
        ),
        (
            "chunk 2 stands out of order",
            &[0],
            &[
                (TOP, &[(0, 2, 1), (0, 1, 2)], &[ROOT, 0], &["a", "b"]),
                ((0, 0), &[], &[ROOT], &["c"]),
                ((0, 0), &[], &[ROOT], &["d"]),
            ],
        ),
        (
            "chunk 2 stands outside its account",
            &[0],
            &[
                (TOP, &[(0, 2, 1), (1, 2, 2)], &[ROOT, 0], &["a", "b"]),
                ((0, 0), &[], &[ROOT], &["c"]),
                ((0, 1), &[], &[ROOT], &["d"]),
            ],
        ),
        // Siblings and roots against the order of their ids, within a chunk and across chunks.
        ("`b` stands after `c`", &[0], &[(TOP, &[], &[ROOT, 0, 0], &["a", "c", "b"])]),
        ("`a` stands after `b`", &[0], &[(TOP, &[], &[ROOT, ROOT], &["b", "a"])]),
        ("`a` stands after `b`", &[0, 1], &[(TOP, &[], &[ROOT], &["b"]), (TOP, &[], &[ROOT], &["a"])]),
        (
            "`b` stands after `c`",
            &[0],
            &[(TOP, &[(0, 2, 1)], &[ROOT, 0], &["a", "c"]), ((0, 0), &[], &[ROOT], &["b"])],
        ),
        (
            "`c` stands after `d`",
            &[0],
            &[(TOP, &[(0, 1, 1)], &[ROOT, 0], &["a", "c"]), ((0, 0), &[], &[ROOT, ROOT], &["b", "d"])],
        ),
        // One id twice, where no order shows it.
        ("`b` stands twice", &[0], &[(TOP, &[], &[ROOT, 0, ROOT], &["a", "b", "b"])]),
        (
            "`x` stands twice",
            &[0, 1],
            &[(TOP, &[], &[ROOT, 0], &["a", "x"]), (TOP, &[], &[ROOT, 0], &["b", "x"])],
        ),
        ("more rows than a chunk or a book may have", &[0], &[(TOP, &[], &[ROOT; 5], &["a"; 5])]),
        ("id is empty", &[0], &[(TOP, &[], &[ROOT], &[""])]),
        ("id \" a\" begins or ends with white space", &[0], &[(TOP, &[], &[ROOT], &[" a"])]),
    ];
    for (expected, trunk, chunks) in cases {
        match with_accounts(trunk, chunks) {
            Err(SnapshotError::Malformed { section: "accounts", reason, .. }) => {
                assert_eq!(reason, *expected);
            }
            other => panic!("{expected}: {:?}", other.map(|book| book.len())),
        }
    }
}

#[test]
fn values_that_no_book_holds_are_refused() {
    let one = || Bytes::default().u8(1);
    let some = || Bytes::default().u8(2);
    let [high, low] = [limits::MAX_INT + 1, -limits::MAX_INT - 1].map(i64::cast_unsigned);
    let units = limits::MAX_UNITS.cast_unsigned() + 1;
    let double = |value: f64| one().u64(0).u64(value.to_bits());
    let plan = || AttributeType::Enum(EnumValues::new(["basic", "pro"]));
    let fits = "the value of row 1 does not fit";
    let cases = [
        (AttributeType::Int, one().u64(0).u64(high), fits),
        (AttributeType::Int, one().u64(0).u64(low), fits),
        (AttributeType::Int, some().u64(1).u64(7).u64(7), "rows without a value have one"),
        (AttributeType::Int, some().u64(0).u64(0).u64(0), "rows without a value have one"),
        (
            AttributeType::Int,
            some().u64(3).u64(0).u64(0),
            "a row is said to have no value, and every one has",
        ),
        (AttributeType::Int, Bytes::default().u8(3), "there is no form 3 of a column"),
        (AttributeType::Decimal { scale: 2 }, one().u64(0).u64(units), fits),
        (AttributeType::Money(Currency::EUR), one().u64(0).u64(units), fits),
        (AttributeType::Duration, one().u64(0).u64(1 << 63), fits),
        (AttributeType::Timestamp, one().u64(0).u64(1 << 62), fits),
        (AttributeType::Double, double(f64::NAN), fits),
        (AttributeType::Double, double(f64::INFINITY), fits),
        (AttributeType::Double, double(-0.0), fits),
        (AttributeType::Date, one().u32s(&[0, Date::MAX.days().cast_unsigned() + 1]), fits),
        (AttributeType::Date, one().u32s(&[0, (Date::MIN.days() - 1).cast_unsigned()]), fits),
        (plan(), one().u16s(&[1, 2]), fits),
        (AttributeType::Bool, some().u64(1).u64(2), "rows without a value have one"),
        (AttributeType::Bool, some().u64(0).u64(0), "rows without a value have one"),
        (AttributeType::Text, one().texts(&["a", "b\0"]), "text contains U+0000"),
        (AttributeType::Text, one().texts(&["a", &"b".repeat(9)]), "text of 9 bytes; the limit is 8"),
        (AttributeType::Text, some().u64(1).texts(&["a", "b"]), "rows without a value have one"),
        (AttributeType::Text, some().u64(0).texts(&["", ""]), "rows without a value have one"),
        // Texts coded otherwise than as they first occur, twice, not at all, or more than pays.
        (
            AttributeType::Text,
            Bytes::default().u8(3).u16s(&[1, 0]).u64(2).texts(&["a", "b"]),
            "texts are not coded as they occur",
        ),
        (
            AttributeType::Text,
            Bytes::default().u8(3).u16s(&[0, 0]).u64(2).texts(&["a", "b"]),
            "the texts are not those that are coded",
        ),
        (
            AttributeType::Text,
            Bytes::default().u8(3).u16s(&[0, 1]).u64(2).texts(&["a", "b"]),
            "the texts are not those that are coded",
        ),
        (AttributeType::List, one().u32s(&[1, 0]).u8(0), "lists do not end one after the other"),
        (AttributeType::List, one().u32s(&[0, 1]).u8(0), "lists do not end one after the other"),
        (
            AttributeType::List,
            some().u64(1).u32s(&[0, 1]).u8(1).texts(&["a"]),
            "lists do not end one after the other",
        ),
        (
            AttributeType::List,
            one().u32s(&[0, 2]).u8(2).u64(1).texts(&["a", ""]),
            "lists do not end one after the other",
        ),
        (AttributeType::List, one().u32s(&[0, 4_097]).u8(1).texts(&vec!["a"; 4_097]), "a list is too long"),
    ];
    for (kind, bytes, expected) in cases {
        let attribute = Attribute::new("it", kind.clone());
        let short = matches!(kind, AttributeType::Text);
        let (schema, mut parts) = bare(Some(if short { attribute.max_bytes(8) } else { attribute }));
        parts[2].1 = crafted(&[0], &[(TOP, &[], &[ROOT, ROOT], &["a", "b"])]);
        let start = FIRST + parts[..3].iter().map(|(_, own)| own.len()).sum::<usize>();
        parts[3].1 = bytes.0;
        assert_eq!(
            refusal(&schema, &sealed(&parts)).to_string(),
            format!("the snapshot is malformed: values at byte {start}: `it`: {expected}"),
            "{kind:?}"
        );
        // Without any value the same book is one.
        parts[3].1 = vec![0];
        assert_eq!(Book::from_snapshot(schema, &sealed(&parts)).unwrap().len(), 2);
    }
}

#[test]
fn texts_are_coded_in_one_way_only() {
    let (schema, mut parts) = bare(Some(Attribute::new("it", AttributeType::Text)));
    parts[2].1 = crafted(&[0], &[(TOP, &[], &[ROOT; 4], &["a", "b", "c", "d"])]);
    let coded = |codes: &[u16], texts: &[&str]| {
        Bytes::default().u8(3).u16s(codes).u64(texts.len() as u64).texts(texts).0
    };
    parts[3].1 = coded(&[0, 1, 1, 0], &["x", "y"]);
    let book = Book::from_snapshot(schema.clone(), &sealed(&parts)).unwrap();
    assert!(sections(&book.to_snapshot())[3].1 == parts[3].1);
    for (codes, texts, expected) in [
        ([0, 1, 1, 0], vec!["x", "x"], "the texts are not those that are coded"),
        ([0, 1, 2, 0], vec!["x", "y", "z"], "the texts are not those that are coded"),
        ([0, 0, 0, 0], vec!["x", "y"], "the texts are not those that are coded"),
        ([0, 1, 1, 0], vec!["x"], "the texts are not those that are coded"),
        ([1, 0, 0, 0], vec!["x", "y"], "texts are not coded as they occur"),
    ] {
        parts[3].1 = coded(&codes, &texts);
        match refusal(&schema, &sealed(&parts)) {
            SnapshotError::Malformed { section: "values", reason, .. } => {
                assert_eq!(reason, format!("`it`: {expected}"));
            }
            other => panic!("{expected}: {other}"),
        }
    }
}

#[test]
fn labels_outside_the_schema_are_refused() {
    let schema = Schema::builder().account_type("Company", Nesting::Free).product("CRM").build().unwrap();
    let source = MemorySource::new()
        .account(AccountRow::new(id("a"), "Company"))
        .account(AccountRow::new(id("b"), "Company").under(id("a")).product("CRM"));
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let parts = sections(&book.to_snapshot());
    // Slots, rows, trunk, home, no limbs, parents: then types, whether there are products, products.
    let at = 8 + 4 + 8 + 4 + 8 + 8 + 4;
    let kinds_and_products = Bytes::default().u16s(&[0, 0]).u8(1).u16s(&[u16::MAX, 0]).0;
    assert_eq!(parts[2].1[at..at + 9], kinds_and_products);
    for (kinds, flag, products, expected) in [
        ([0, 1], 1, [u16::MAX, 0], "the schema has no account type 1"),
        ([0, 0], 1, [u16::MAX, 1], "the schema has no product 1"),
        ([0, 0], 1, [u16::MAX; 2], "no account names a product where some are said to"),
        ([0, 0], 2, [u16::MAX, 0], "2 says nothing about products"),
    ] {
        let mut parts = parts.clone();
        let labels = Bytes::default().u16s(&kinds).u8(flag).u16s(&products).0;
        parts[2].1.splice(at..at + 9, labels);
        match refusal(book.schema(), &sealed(&parts)) {
            SnapshotError::Malformed { section: "accounts", reason, .. } => assert_eq!(reason, expected),
            other => panic!("{expected}: {other}"),
        }
    }
}

#[test]
fn child_rows_out_of_order_are_refused() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .table(ChildTable::new("users", TableKind::Users));
    let schema = Arc::new(schema.build().unwrap());
    let (empty, _) = Book::builder(schema.clone()).chunk_rows(2).load(&MemorySource::new()).unwrap();
    let mut parts = sections(&empty.to_snapshot());
    let chunks: [Crafted; 2] = [(TOP, &[], &[ROOT; 2], &["a", "b"]), (TOP, &[], &[ROOT], &["c"])];
    parts[2].1 = crafted(&[0, 1], &chunks);
    // Where the rows of each account end, and the ids.
    let table = |ends: &[u32], ids: &[&str]| {
        let bytes = Bytes::default().u64(ids.len() as u64);
        if ids.is_empty() { bytes.0 } else { bytes.u32s(ends).texts(ids).0 }
    };
    let mut read = |first: Vec<u8>, second: Vec<u8>| {
        parts[4].1 = [first, second].concat();
        Book::from_snapshot(schema.clone(), &sealed(&parts))
    };
    let book = read(table(&[1, 3], &["z", "x", "y"]), table(&[1], &["w"])).unwrap();
    use_it(&book).unwrap();
    let rows: Vec<String> = view(&book)
        .accounts()
        .flat_map(|account| account.child_rows("users").map(move |row| format!("{account:?} {row:?}")))
        .collect();
    assert_eq!(rows, ["\"a\" users \"z\"", "\"b\" users \"x\"", "\"b\" users \"y\"", "\"c\" users \"w\""]);
    assert!(read(table(&[], &[]), table(&[], &[])).is_ok());
    let none = || table(&[], &[]);
    let belong = "`users`: rows do not belong to accounts one after the other";
    for (first, second, expected) in [
        (table(&[0, 2], &["y", "x"]), none(), "`users`: `x` stands after `y`"),
        (table(&[0, 2], &["x", "x"]), none(), "`users`: `x` stands after `x`"),
        (table(&[1, 2], &["x", "x"]), none(), "`x` stands twice in `users`"),
        (table(&[1, 1], &["x"]), table(&[1], &["x"]), "`x` stands twice in `users`"),
        (table(&[2, 1], &["x"]), none(), belong),
        (table(&[1, 1], &["x", "y"]), none(), belong),
        (table(&[0, 3], &["x", "y"]), none(), belong),
        (table(&[1, 1], &[" x"]), none(), "`users`: id \" x\" begins or ends with white space"),
        (table(&[1, 1], &[""]), none(), "`users`: id is empty"),
    ] {
        match read(first, second) {
            Err(SnapshotError::Malformed { section: "child rows", reason, .. }) => {
                assert_eq!(reason, expected);
            }
            other => panic!("{expected}: {:?}", other.map(|book| book.len())),
        }
    }
}

#[test]
fn held_rows_that_no_book_holds_are_refused() {
    let zero = |bytes: Bytes, lists: usize| (0..lists).fold(bytes, |bytes, _| bytes.u64(0));
    // One account in quarantine: its id, then no parents, no type, no product, no values.
    let held = |id: &str| zero(Bytes::default().u64(1).text(id).u64(0).text("").u8(0).u64(0), 0);
    let fault = |bytes: Bytes| bytes.u8(0).u8(1).u64(0);
    let none = zero(Bytes::default(), 5);
    let links = |id: &str, links: &[(u32, &str)]| {
        let bytes = zero(Bytes::default(), 3).u64(1).text(id).u64(links.len() as u64);
        let bytes = links.iter().fold(bytes, |bytes, (rank, parent)| bytes.u32s(&[*rank]).text(parent));
        bytes.u64(0)
    };
    let adopted = |id: &str| zero(Bytes::default(), 4).u64(1).text(id).u8(5);
    let superseded = |table: &str, reason| {
        zero(Bytes::default().u64(0).u64(1).text(table).text(" any id\0 ").u8(reason), 3)
    };
    let value = |name: &str, value: u64| {
        Bytes::default().u64(1).text("q").u64(0).text("Company").u8(0).u64(1).text(name).u64(value)
    };
    let (schema, parts) = bare(Some(Attribute::new("it", AttributeType::Int)));
    let read = |bytes: &Bytes| {
        let mut parts = parts.clone();
        parts[2].1 = crafted(&[0], &[(TOP, &[], &[ROOT, 0], &["a", "b"])]);
        parts[3].1 = vec![0];
        parts[5].1.clone_from(&bytes.0);
        Book::from_snapshot(schema.clone(), &sealed(&parts))
    };
    for good in [
        none.clone(),
        zero(fault(held("q")), 4),
        links("b", &[(0, "z"), (1, "a")]),
        adopted("a"),
        superseded("accounts", 0),
        zero(fault(value("it", 5)), 4),
    ] {
        let book = read(&good).unwrap();
        assert!(sections(&book.to_snapshot())[5].1 == good.0);
        use_it(&book).unwrap();
    }
    let cases = [
        (held("a").u8(0).u8(1).u64(0), "`a` is held and in the book"),
        (held("q").u8(0).u8(99), "there is no fault 99"),
        (held("q").u8(7), "7 is neither there nor missing"),
        (held("q").u8(1).text(" x"), "id \" x\" begins or ends with white space"),
        (held("q").u8(0).u8(1).u64(1).text("them"), "the schema has no attribute `them`"),
        (
            Bytes::default().u64(1).text("q").u64(0).text("Plan\net"),
            "the schema has no account type `Plan\\net`",
        ),
        (
            Bytes::default().u64(1).text("q").u64(0).text("").u8(1).text("CRM"),
            "the schema has no product `CRM`",
        ),
        (links("c", &[(0, "a")]), "`c` has links and is not in the book"),
        (links("b", &[(1, "a"), (0, "z")]), "declared parents are out of order"),
        (links("b", &[(0, "a"), (1, "a")]), "declared parents are out of order"),
        (adopted("b"), "`b` is adopted and no root"),
        (adopted("c"), "`c` is adopted and no root"),
        (superseded("users", 0), "the schema has no table `users`"),
        (superseded("successions", 20), "there is no fault 20"),
        (value("them", 5), "`them` is no attribute, or stands twice"),
        (value("it", 1 << 60), "`it`: `1152921504606846976` is out of range"),
        (zero(Bytes::default(), 6), "8 bytes are left over"),
    ];
    for (bytes, expected) in cases {
        match read(&bytes) {
            Err(SnapshotError::Malformed { section: "held rows", reason, .. }) => {
                assert_eq!(reason, expected);
            }
            other => panic!("{expected}: {:?}", other.map(|book| book.len())),
        }
    }
}

#[test]
fn histories_that_no_book_keeps_are_refused() {
    let (schema, parts) = bare(None);
    // Accounts, successors, days, ranks, and which are of a part.
    let history = |accounts: &[&str], successors: &[&str], days: &[u32], ranks: &[u32], of_part: u64| {
        let bytes = Bytes::default().u64(accounts.len() as u64).texts(accounts).texts(successors);
        bytes.u32s(days).u32s(ranks).u64(of_part)
    };
    let read = |bytes: &Bytes| {
        let mut parts = parts.clone();
        parts[6].1.clone_from(&bytes.0);
        Book::from_snapshot(schema.clone(), &sealed(&parts))
    };
    // Back and forth in different years, a part on the same day, a split.
    let good = history(&["a", "a", "a", "b"], &["b", "c", "b", "a"], &[5, 5, 9, 5], &[0, 1, 0, 0], 0b1000);
    let book = read(&good).unwrap();
    assert!(sections(&book.to_snapshot())[6].1 == good.0);
    assert_eq!(book.successions().len(), 4);
    restored_exactly(&book);
    let last = Date::MAX.days().cast_unsigned();
    for (bytes, expected) in [
        (history(&["a"], &["a"], &[5], &[0], 0), "`a` succeeds itself"),
        (history(&["a"], &["b"], &[last + 1], &[0], 0), "there is no day 2932897"),
        (history(&["b", "a"], &["c"; 2], &[5; 2], &[0; 2], 0), "a succession of `a` is out of order"),
        (history(&["a"; 2], &["b"; 2], &[5; 2], &[0; 2], 0), "a succession of `a` is out of order"),
        (history(&["a"; 2], &["b"; 2], &[5; 2], &[0, 1], 0), "`b` succeeds `a` twice on a day"),
        (history(&["a", "b"], &["b", "a"], &[5; 2], &[0; 2], 0), "`a` ends in a ring on one day"),
        (history(&["a"], &[""], &[5], &[0], 0), "id is empty"),
        (history(&["a"], &["b"], &[5], &[0], 2), "bits past the last row are set"),
        (history(&["a"], &["b"], &[5], &[0], 0).u8(0), "1 bytes are left over"),
    ] {
        match read(&bytes) {
            Err(SnapshotError::Malformed { section: "successions", reason, .. }) => {
                assert_eq!(reason, expected);
            }
            other => panic!("{expected}: {:?}", other.map(|book| book.len())),
        }
    }
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let (schema, parts) = bare(None);
    let changed = |at: usize, byte: u8| {
        let mut parts = parts.clone();
        parts[1].1[at] = byte;
        let error = refusal(&schema, &sealed(&parts)).to_string();
        error.split_once(": policy and version at byte ").unwrap().1.split_once(": ").unwrap().1.to_owned()
    };
    // Version, rows of a chunk, number of remedies, remedies.
    assert_eq!(changed(8, 0), "chunks cannot have up to 0 rows");
    assert_eq!(changed(10, 1), "chunks cannot have up to 65540 rows");
    assert_eq!(changed(12, 17), "a policy has 20 remedies, not 17");
    assert_eq!(changed(20, 9), "there is no remedy 9");
    assert_eq!(changed(20, 2), "remedy Adopt does not fit fault InvalidId; possible: [Reject, Quarantine]");
}

/// A number of things that nobody could allocate is refused before anything is.
#[test]
fn counts_are_bounded_by_the_bytes_that_are_left() {
    let book = something_of_everything(3);
    let parts = sections(&book.to_snapshot());
    for (section, word) in [(2, "accounts"), (4, "child rows"), (5, "held rows")] {
        for count in [u64::MAX, 1 << 62, 1 << 40] {
            let mut parts = parts.clone();
            parts[section].1[..8].copy_from_slice(&count.to_le_bytes());
            let at = FIRST + parts[..section].iter().map(|(_, own)| own.len()).sum::<usize>() + 8;
            assert_eq!(
                refusal(book.schema(), &sealed(&parts)).to_string(),
                format!(
                    "the snapshot is malformed: {word} at byte {at}: \
                     {count} entries are said to follow, in {} bytes",
                    parts[section].1.len() - 8
                )
            );
        }
    }
}

#[test]
fn nothing_but_the_moment_of_a_view_is_left_out() {
    // The moment belongs to the question, so two books asked at one moment answer alike.
    let book = something_of_everything(64);
    let again = restored(&book);
    let scope = perennial::Scope::of(again.subtrees([id_of(0).as_str()]));
    assert!(again.view(&scope, as_of()).is_ok());
    // A set belongs to the layout of one book; of a restored one it is another.
    assert!(book.view(&scope, as_of()).is_err());
}
