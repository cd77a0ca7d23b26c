//! A change reaches the book and the tables, or neither.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test fails by panicking, in its helpers as well; a double comes back bit by bit"
)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Database, chain, child, euro, id, value, view};
use perennial::report::ChangeProblem;
use perennial::{AccountRow, Change, ChildRow, Value};
use sqlite_host::{Host, HostError, Options, Start, Window};

#[test]
fn a_change_is_in_the_book_and_in_the_tables() {
    let (database, host) = Database::with_acme();
    let before = host.book();
    let change = Change::new()
        .add(AccountRow::new(id("apac"), "Company").under(id("acme")).with("name", ""))
        .set(&id("eu"), "seats", 13_i64)
        .clear(&id("acme"), "name")
        .move_under(&id("us"), &id("apac"))
        .add_child("deals", ChildRow::new(child("d2"), id("apac")).with("amount", euro(250)))
        .move_child("deals", &child("d1"), &id("us"));
    let applied = host.apply(&change, Some(1)).unwrap();
    assert_eq!((applied.version, host.book().version(), before.version()), (2, 2, 1));
    assert_eq!(applied.report.accounts.added, [id("apac")]);
    assert_eq!(value(&before, "eu", "seats"), Some(Value::Int(12)), "who holds the old book keeps it");
    assert_eq!(database.number("SELECT seats FROM accounts WHERE id = 'eu'"), 13);
    assert_eq!(
        database.number("SELECT name = '' FROM accounts WHERE id = 'apac'"),
        1,
        "empty text is a text"
    );
    assert_eq!(database.number("SELECT name IS NULL FROM accounts WHERE id = 'acme'"), 1);
    assert_eq!(database.number("SELECT count(*) FROM accounts WHERE id = 'us' AND parent = 'apac'"), 1);
    assert_eq!(database.number("SELECT count(*) FROM child_deals WHERE id = 'd1' AND account = 'us'"), 1);
    assert!(host.check().unwrap().is_empty());
    drop(host);
    let (again, opening) = database.open();
    assert_eq!((again.book().version(), opening.start), (2, Start::Load));
    assert_eq!(view(&again.book()).account("us").unwrap().parent().unwrap().id(), id("apac"));
}

#[test]
fn what_goes_with_an_account_goes_from_the_tables() {
    let (database, host) = Database::with_acme();
    let change = Change::new().remove_subtree(&id("acme")).move_to_root(&id("us"));
    let applied = host.apply(&change, None).unwrap();
    assert_eq!(applied.report.accounts.removed, [id("acme"), id("eu")]);
    assert_eq!(database.number("SELECT count(*) FROM accounts"), 1);
    assert_eq!(database.number("SELECT count(*) FROM child_deals"), 0);
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn several_parents_are_kept_with_their_ranks() {
    let (database, host) = Database::with_acme();
    let row = AccountRow::new(id("joint"), "Company").under(id("us")).under(id("eu"));
    host.apply(&Change::new().add(row), None).unwrap();
    assert_eq!(database.number("SELECT rank FROM links WHERE id = 'joint' AND parent = 'eu'"), 1);
    assert!(host.check().unwrap().is_empty());
    host.apply(&Change::new().move_under(&id("joint"), &id("eu")), None).unwrap();
    assert_eq!(database.number("SELECT count(*) FROM links"), 0);
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn of_two_writers_the_slower_one_is_told() {
    let (database, first) = Database::with_acme();
    let (second, _) = database.open();
    let name = |name: &str| Change::new().set(&id("acme"), "name", name);
    first.apply(&name("first"), Some(1)).unwrap();
    let error = second.apply(&name("second"), Some(1)).unwrap_err();
    assert!(matches!(error, HostError::Conflict { expected: 1, current: 2 }), "{error:?}");
    assert_eq!(error.to_string(), "the change was made for version 1, the book is at version 2; look again");
    // It has seen what the other did, and tries again with open eyes.
    assert_eq!(value(&second.book(), "acme", "name"), Some(Value::text("first")));
    second.apply(&name("second"), Some(2)).unwrap();
    assert!(first.refresh().unwrap());
    assert!(!first.refresh().unwrap());
    assert_eq!(value(&first.book(), "acme", "name"), Some(Value::text("second")));
    // A version that never was is a conflict like any other.
    assert!(matches!(first.apply(&name("third"), Some(9)), Err(HostError::Conflict { .. })));
}

#[test]
fn writers_take_turns_and_lose_nothing() {
    let (database, host) = Database::with_acme();
    let rounds = 25;
    std::thread::scope(|scope| {
        for account in ["eu", "us"] {
            let (path, database) = (&database.path, &database);
            scope.spawn(move || {
                let (host, _) = Host::open(path, Options::default()).unwrap();
                for _ in 0..rounds {
                    // Count up, at whatever version the book is.
                    loop {
                        let book = host.book();
                        let now = match value(&book, account, "seats") {
                            Some(Value::Int(seats)) => seats,
                            _ => 0,
                        };
                        let change = Change::new().set(&id(account), "seats", now + 1);
                        match host.apply(&change, Some(book.version())) {
                            Ok(_) => break,
                            Err(HostError::Conflict { .. }) => {}
                            Err(error) => panic!("{}: {}", database.path.display(), chain(&error)),
                        }
                    }
                }
            });
        }
    });
    host.refresh().unwrap();
    let book = host.book();
    assert_eq!(book.version(), 1 + 2 * rounds);
    assert_eq!(value(&book, "eu", "seats"), Some(Value::Int(12 + 25)));
    assert_eq!(value(&book, "us", "seats"), Some(Value::Int(25)));
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn what_the_book_refuses_is_not_written() {
    let (database, host) = Database::with_acme();
    let before = database.dump();
    let change = Change::new()
        .set(&id("eu"), "seats", 99_i64)
        .set(&id("nobody"), "seats", 1_i64)
        .remove(&id("acme"))
        .set(&id("us"), "growth", "much");
    let HostError::Refused(error) = host.apply(&change, None).unwrap_err() else { panic!("not refused") };
    assert_eq!(error.faults().len(), 3, "{error}");
    assert!(matches!(&error.faults()[0], ChangeProblem::Value { .. } | ChangeProblem::HasChildren { .. }));
    assert_eq!(database.dump(), before);
    assert_eq!(host.book().version(), 1);
    assert_eq!(value(&host.book(), "eu", "seats"), Some(Value::Int(12)));
}

#[test]
fn what_sqlite_refuses_is_not_in_the_book() {
    let (database, host) = Database::with_acme();
    database.sql(
        "CREATE TRIGGER no BEFORE UPDATE ON accounts WHEN new.seats = 13
         BEGIN SELECT raise(ABORT, 'thirteen is not allowed'); END",
    );
    let before = database.dump();
    let change = Change::new().set(&id("us"), "name", "US").set(&id("eu"), "seats", 13_i64);
    let error = host.apply(&change, None).unwrap_err();
    assert!(chain(&error).contains("thirteen is not allowed"), "{}", chain(&error));
    assert_eq!(database.dump(), before);
    assert_eq!((host.book().version(), value(&host.book(), "us", "name")), (1, None));
    // The host goes on.
    host.apply(&Change::new().set(&id("eu"), "seats", 14_i64), Some(1)).unwrap();
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn a_commit_that_fails_changes_nothing() {
    let (database, host) = Database::with_acme();
    // A constraint that is looked at when everything is written.
    database.sql(
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY);
         CREATE TABLE keys (room INTEGER REFERENCES rooms (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER late AFTER UPDATE ON accounts WHEN new.seats = 13
         BEGIN INSERT INTO keys VALUES (13); END",
    );
    let before = database.dump();
    let error = host.apply(&Change::new().set(&id("eu"), "seats", 13_i64), None).unwrap_err();
    assert!(chain(&error).starts_with("cannot commit: FOREIGN KEY"), "{}", chain(&error));
    assert_eq!(database.dump(), before);
    assert_eq!((host.book().version(), value(&host.book(), "eu", "seats")), (1, Some(Value::Int(12))));
    assert_eq!(host.apply(&Change::new().set(&id("eu"), "seats", 14_i64), Some(1)).unwrap().version, 2);
}

#[test]
fn a_row_that_is_not_there_stops_the_change() {
    let (database, host) = Database::with_acme();
    // Gone without a trace: the trigger that counts edits is off.
    database.sql("DROP TRIGGER accounts_delete; DELETE FROM accounts WHERE id = 'us'");
    let error = host.apply(&Change::new().set(&id("us"), "name", "US"), None).unwrap_err();
    assert_eq!(error.to_string(), "table `accounts`: 0 rows have id `us`, where the book expects one");
    assert_eq!(host.book().version(), 1);
    // A synchronisation looks at every row.
    assert_eq!(host.sync().unwrap().report.unwrap().accounts.removed, [id("us")]);
}

#[test]
fn a_panic_in_mid_change_leaves_all_as_it_was() {
    static ARMED: AtomicBool = AtomicBool::new(true);
    let (database, host) = Database::with_acme();
    drop(host);
    let options = Options::default().passing(|window| {
        assert!(window != Window::Logged || !ARMED.swap(false, Ordering::Relaxed), "in mid change");
    });
    let (host, _) = Host::open(&database.path, options).unwrap();
    let before = database.dump();
    let change = Change::new().set(&id("us"), "name", "US");
    assert!(catch_unwind(AssertUnwindSafe(|| host.apply(&change, None))).is_err());
    assert_eq!(database.dump(), before);
    assert_eq!(host.book().version(), 1);
    assert_eq!(host.apply(&change, Some(1)).unwrap().version, 2);
}

#[test]
fn doubles_are_replayed_bit_by_bit() {
    let (database, host) = Database::with_acme();
    host.snapshot().unwrap();
    // Read as JSON without `float_roundtrip`, some of these come back one bit off.
    let mut random = perennial::testkit::Random::new(3);
    let doubles: Vec<f64> = (0..200).map(|_| random.unit() * 1e3 - 500.0).collect();
    for double in &doubles {
        host.apply(&Change::new().set(&id("eu"), "growth", *double), None).unwrap();
        let (again, opening) = database.open();
        assert!(matches!(opening.start, Start::Snapshot { version: 1, .. }));
        assert_eq!(value(&again.book(), "eu", "growth"), Some(Value::Double(*double)));
    }
}
