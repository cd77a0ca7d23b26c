//! Is a restored book the book that was saved, and is everything else refused?
//!
//! Snapshots are taken apart and put together here by code of its own, with a checksum of its own, so that
//! hostile bytes reach the reader behind the checksums.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::too_many_lines,
    reason = "a test fails by panicking, in its helpers as well; its numbers are small, its scripts long"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{
    ATTRIBUTES, CHUNK_ROWS, PRODUCTS, Rows, TYPES, answers, as_of, child, child_row_of, forest, id, id_of,
    schema, value_of, view,
};
use perennial::source::MemorySource;
use perennial::testkit::{PlainBook, Random, ReferenceBook};
use perennial::{
    AccountId, AccountRow, Attribute, AttributeType, Book, Change, ChildRow, ChildTable, Currency, Date,
    Decimal, Duration, EnumValues, FaultKind, FoldPlan, Money, Nesting, Policy, Remedy, RollUp, Schema,
    SnapshotError, StatusGroup, SystemAttribute, TableKind, Timestamp, Value, limits,
};
use proptest::prelude::*;

// --- The same book ----------------------------------------------------------------------------------

/// Everything that can be asked of a book, what is held included.
fn everything(book: &Book) -> Vec<String> {
    let mut all = answers(&view(book));
    all.extend(book.held_accounts().map(|held| format!("{held:?}")));
    all.extend(book.held_children().map(|held| format!("{held:?}")));
    all.extend(book.superseded().iter().map(|row| format!("{row:?}")));
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
    "a_bool", "a_int", "a_decimal", "a_money", "a_double", "a_text", "a_date", "a_timestamp", "a_duration",
    "a_enum", "a_band", "a_list",
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
    let plan = FoldPlan::new(book.schema(), [RollUp::sum("m1"), RollUp::count()]).unwrap();
    let (before, after) = (plan.all(&view(&book)), plan.all(&view(&again)));
    for account in view(&book).accounts() {
        let other = view(&again);
        let other = other.account(account.id_str()).unwrap();
        for number in 0..2 {
            assert_eq!(before.value_of(account, number), after.value_of(other, number));
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
        change = match what % 14 {
            0 | 1 => change.set(&one, attribute, value_of(attribute, *b).unwrap()),
            2 => change.clear(&one, attribute),
            3 | 4 => change.move_under(&one, &other),
            5 => change.move_to_root(&one),
            6 => change.add(AccountRow::new(new, TYPES[usize::from(*byte) % 2]).under(one)),
            7 if !withheld.is_empty() => change.add(withheld[usize::from(*a) % withheld.len()].clone()),
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
            _ => change.set_product(&one, PRODUCTS.get(usize::from(*byte) % 6).copied()),
        };
    }
    change
}

proptest! {
    #![proptest_config(common::config(300))]

    /// A restored book is the book that was saved, whatever was wrong with its rows, however it is packed,
    /// and whatever changed since it was loaded; and both go on alike.
    #[test]
    fn a_restored_book_is_the_same_book(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        faults in prop::collection::vec(any::<[u8; 3]>(), 0..10),
        remedies in prop::collection::vec(any::<u8>(), 18),
        script in prop::collection::vec(prop::collection::vec(any::<[u8; 4]>(), 1..4), 1..10),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let (rows, withheld) = faulty(&seeds, &faults);
        prop_assume!(!rows.accounts.is_empty());
        let (mut book, _) = rows.load(CHUNK_ROWS[size], policy(&remedies));
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
    let seeds: Vec<[u8; 5]> = (0..60_u8).map(|n| [7, 11, 13, 17, 5].map(|step: u8| n.wrapping_mul(step))).collect();
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
    let (book, _) = rows.load(chunk_rows, policy);
    let held = book.held_accounts().count();
    assert!(book.len() > 9 && held > 3 && !book.superseded().is_empty(), "{} {held}", book.len());
    assert!(book.held_children().count() > 2 && view(&book).accounts().any(|a| a.adopted().is_some()));
    assert!(view(&book).accounts().any(|a| !a.extra_parents().is_empty()));
    book
}

/// CRC-32, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

const HEAD: usize = 32;
const ENTRY: usize = 16;

/// The sections of a snapshot with their names.
fn sections(bytes: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let count = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let mut at = HEAD + ENTRY * count;
    let entries = bytes[HEAD..at].chunks(ENTRY);
    entries
        .map(|entry| {
            let length = u64::from_le_bytes(entry[8..16].try_into().unwrap()) as usize;
            let own = bytes[at..at + length].to_vec();
            at += length;
            (entry[..4].try_into().unwrap(), own)
        })
        .collect()
}

/// A snapshot with these sections, checksums and lengths right.
fn sealed(sections: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut table = Vec::new();
    for (name, own) in sections {
        table.extend(name);
        table.extend(checksum(own).to_le_bytes());
        table.extend((own.len() as u64).to_le_bytes());
    }
    let own: Vec<u8> = sections.iter().flat_map(|(_, own)| own.iter().copied()).collect();
    let mut bytes = b"\x8ePNL\r\n\x1a\n".to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend((sections.len() as u32).to_le_bytes());
    bytes.extend(((HEAD + table.len() + own.len()) as u64).to_le_bytes());
    bytes.extend(checksum(&table).to_le_bytes());
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes.extend(table);
    bytes.extend(own);
    bytes
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
    assert_eq!(names, ["SCHM", "BOOK", "ACCT", "VALS", "ROWS", "HELD"]);
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
        let mut ends = vec![HEAD + ENTRY * 6];
        for (_, own) in sections(&bytes) {
            ends.push(ends.last().unwrap() + own.len());
        }
        ends.pop();
        ends
    };
    let words = ["schema", "policy and version", "accounts", "values", "child rows", "held rows"];
    for place in 0..bytes.len() {
        for change in [1_u8, 0x80, 0xFF] {
            let mut broken = bytes.clone();
            broken[place] ^= change;
            let error = refusal(book.schema(), &broken);
            match place {
                0..8 => assert_eq!(error, SnapshotError::NotASnapshot),
                8..12 => {
                    assert!(matches!(error, SnapshotError::NewerVersion { .. } | SnapshotError::Checksum { .. }));
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
        assert_eq!(refusal(&schema, other).to_string(), "these bytes are no snapshot of a book");
    }
    // Line ends changed by a transfer as text.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
    assert_eq!(refusal(&schema, &text), SnapshotError::NotASnapshot);
    let mut newer = bytes.clone();
    newer[8] = 7;
    assert_eq!(
        refusal(&schema, &newer).to_string(),
        "the snapshot is in format 7 and this release reads format 1; \
         read it with the release that wrote it, or load the book from its storage"
    );
    assert_eq!(
        refusal(&schema, &bytes[..bytes.len() - 1]).to_string(),
        format!("the snapshot is cut off: {} of at least {} bytes are there", bytes.len() - 1, bytes.len())
    );
    let mut broken = bytes.clone();
    *broken.last_mut().unwrap() ^= 1;
    let held = sections(&bytes)[5].1.len();
    assert_eq!(
        refusal(&schema, &broken).to_string(),
        format!(
            "the snapshot is damaged: the checksum of its held rows (bytes {} to {}) does not match",
            bytes.len() - held,
            bytes.len()
        )
    );
}

#[test]
fn sections_that_this_release_does_not_know_are_refused() {
    let book = something_of_everything(3);
    let parts = sections(&book.to_snapshot());
    let refused = |parts: &[([u8; 4], Vec<u8>)]| refusal(book.schema(), &sealed(parts)).to_string();
    let mut more = parts.clone();
    more.push((*b"MORE", vec![1, 2, 3]));
    assert_eq!(refused(&more), "the snapshot is malformed: head at byte 12: format 1 has 6 sections");
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
        "the snapshot is malformed: schema at byte 128: \
         it cannot be read: account_types: no account types; declare at least one"
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
    }
    let numbers = book.schema().attributes().filter(|attribute| {
        matches!(attribute.kind(), AttributeType::Int | AttributeType::Double | AttributeType::Money(_))
    });
    let sums = numbers.map(|attribute| RollUp::sum(attribute.name()).named(attribute.name()));
    let plan = FoldPlan::new(book.schema(), sums.chain([RollUp::count().named("count")])).unwrap();
    let _ = plan.all(&view(book));
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

fn hostile_books() -> Vec<(Book, Vec<([u8; 4], Vec<u8>)>)> {
    let every = [2, 64].map(|rows| book_of_every_kind(18, rows, 5, 9));
    let faulty = [1, 3, 4_096].map(something_of_everything);
    let books = every.into_iter().chain(faulty);
    books.map(|book| (sections(&book.to_snapshot()), book)).map(|(parts, book)| (book, parts)).collect()
}

proptest! {
    #![proptest_config(common::config(60))]

    /// Bytes changed, put in and taken out behind right checksums: an error, or a book in order.
    #[test]
    fn hostile_bytes_are_refused_or_a_book(seed in any::<u64>()) {
        thread_local! {
            static BOOKS: Vec<(Book, Vec<([u8; 4], Vec<u8>)>)> = hostile_books();
        }
        BOOKS.with(|books| {
            let mut random = Random::new(seed);
            for (book, parts) in books {
                for _ in 0..60 {
                    let mut parts = parts.clone();
                    for _ in 0..=random.below(3) {
                        // The schema is compared as a whole; it is changed elsewhere.
                        let own = &mut parts[1 + random.below(5) as usize].1;
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
                for change in [1_u8, 255, 128] {
                    let mut parts = parts.clone();
                    let own = &mut parts[section].1;
                    own[at] = own[at].wrapping_add(change);
                    match Book::from_snapshot(book.schema().clone(), &sealed(&parts)) {
                        Ok(taken) => {
                            *told.entry("a book".to_owned()).or_default() += 1;
                            use_it(&taken).unwrap();
                        }
                        Err(SnapshotError::Malformed { section, reason, .. }) => {
                            let kind: String = reason.chars().filter(|c| !c.is_ascii_digit()).take(24).collect();
                            *told.entry(format!("{section}: {kind}")).or_default() += 1;
                        }
                        Err(SnapshotError::OtherSchema { .. }) => assert_eq!(section, 0),
                        Err(error) => panic!("section {section}, byte {at}: {error}"),
                    }
                }
            }
        }
    }
    println!("{told:#?}");
    assert!(told["a book"] > 100 && told.len() > 40, "{told:#?}");
}

/// A number of bytes that nobody could allocate is refused before anything is.
#[test]
fn counts_are_bounded_by_the_bytes_that_are_left() {
    let book = something_of_everything(3);
    let parts = sections(&book.to_snapshot());
    for (section, at, left) in [(2, 0, ""), (5, 0, ""), (4, 0, "")] {
        for count in [u64::MAX, 1 << 62, 1 << 40] {
            let mut parts = parts.clone();
            parts[section].1[at..at + 8].copy_from_slice(&count.to_le_bytes());
            let error = refusal(book.schema(), &sealed(&parts)).to_string();
            let expected = format!("{count} entries are said to follow, in ");
            assert!(error.contains(&expected) && error.contains(left), "{error}");
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
