//! What comes back after a restart, and from what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod common;

use std::fs;

use common::{Database, id, schema, value};
use perennial::{Change, Policy, Value};
use sqlite_host::{Differences, Host, HostError, Opening, Options, SNAPSHOT_FORMAT, SnapshotError, Start};

fn seats(count: i64) -> Change {
    Change::new().set(&id("eu"), "seats", count)
}

/// Snapshots of versions 1 and 3, and the book at version 5.
fn two_snapshots() -> (Database, Host) {
    let (database, host) = Database::with_acme();
    host.snapshot().unwrap();
    for version in 2..=5 {
        host.apply(&seats(version), None).unwrap();
        if version == 3 {
            host.snapshot().unwrap();
        }
    }
    (database, host)
}

fn reopened(database: &Database, expected: &Host) -> Opening {
    let (host, opening) = database.open();
    assert_eq!(host.book().version(), expected.book().version());
    let differences = Differences::between(&host.book(), &expected.book());
    assert!(differences.is_empty(), "{differences}");
    assert!(host.check().unwrap().is_empty());
    opening
}

#[test]
fn the_newest_snapshot_and_the_changes_since() {
    let (database, host) = two_snapshots();
    let opening = reopened(&database, &host);
    assert_eq!(opening.start, Start::Snapshot { version: 3, changes: 2 });
    assert!(opening.unusable.is_empty() && opening.report.is_none());
}

#[test]
fn a_damaged_snapshot_is_named_and_the_one_before_is_used() {
    for place in [0_usize, 9, 13, 21, 30, 40, 200, usize::MAX] {
        let (database, host) = two_snapshots();
        let newest = database.snapshots().pop().unwrap();
        let mut bytes = fs::read(&newest).unwrap();
        let place = place.min(bytes.len() - 1);
        bytes[place] ^= 4;
        fs::write(&newest, bytes).unwrap();
        let opening = reopened(&database, &host);
        assert_eq!(opening.start, Start::Snapshot { version: 1, changes: 4 }, "byte {place}");
        assert_eq!(opening.unusable[0].0, newest);
    }
}

#[test]
fn a_snapshot_that_was_cut_off_is_refused_at_every_length() {
    let (database, host) = two_snapshots();
    let newest = database.snapshots().pop().unwrap();
    let bytes = fs::read(&newest).unwrap();
    for length in (0..bytes.len()).step_by(bytes.len() / 40) {
        fs::write(&newest, &bytes[..length]).unwrap();
        let opening = reopened(&database, &host);
        assert_eq!(opening.start, Start::Snapshot { version: 1, changes: 4 }, "{length} bytes");
    }
}

#[test]
fn a_newer_snapshot_is_refused_and_without_any_the_tables_are_loaded() {
    let (database, host) = two_snapshots();
    for path in database.snapshots() {
        let mut bytes = fs::read(&path).unwrap();
        bytes[8..12].copy_from_slice(&(SNAPSHOT_FORMAT + 1).to_le_bytes());
        fs::write(&path, bytes).unwrap();
    }
    let opening = reopened(&database, &host);
    assert_eq!(opening.start, Start::Load);
    assert!(opening.report.is_some());
    let said: Vec<String> = opening.unusable.iter().map(|(_, error)| error.to_string()).collect();
    assert_eq!(said, ["it has format 2, and this program knows formats up to 1"; 2]);
}

#[test]
fn a_snapshot_of_another_policy_is_refused() {
    let (database, host) = two_snapshots();
    drop(host);
    let (_, opening) = Host::open(&database.path, Options::default().policy(Policy::strict())).unwrap();
    assert_eq!(opening.start, Start::Load);
    assert!(matches!(opening.unusable[0].1, SnapshotError::OtherPolicy));
}

#[test]
fn a_snapshot_of_another_history_is_refused() {
    let (database, host) = Database::with_acme();
    database.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    drop(host);
    let backup = fs::read(&database.path).unwrap();
    let (host, _) = database.open();
    host.apply(&seats(20), None).unwrap();
    host.snapshot().unwrap();
    host.apply(&seats(21), None).unwrap();
    host.snapshot().unwrap();
    drop(host);
    // The backup is put back, and goes on differently. Another history has version 2, and none has 3.
    fs::write(&database.path, backup).unwrap();
    let (host, _) = database.open();
    host.apply(&seats(30), None).unwrap();
    let opening = reopened(&database, &host);
    assert_eq!(opening.start, Start::Load);
    let said: Vec<String> = opening.unusable.iter().map(|(_, error)| error.to_string()).collect();
    let expected = ["it is of version 3, the database of 2", "version 2 came about in another way here"];
    assert_eq!(said, expected);
    host.apply(&seats(31), None).unwrap();
    host.apply(&seats(32), None).unwrap();
    let opening = reopened(&database, &host);
    assert_eq!(opening.unusable[0].1.to_string(), "version 3 came about in another way here");
    assert_eq!(value(&host.book(), "eu", "seats"), Some(Value::Int(32)));
}

#[test]
fn a_log_that_was_tampered_with_is_not_followed() {
    let (database, host) = two_snapshots();
    database.sql("UPDATE perennial_log SET change = replace(change, ':4', ':7') WHERE version = 4");
    let opening = reopened(&database, &host);
    assert_eq!(opening.start, Start::Load);
    database.sql("DELETE FROM perennial_log WHERE version = 5");
    let opening = reopened(&database, &host);
    assert_eq!(opening.start, Start::Load);
}

#[test]
fn snapshots_and_log_do_not_grow_without_end() {
    let (database, host) = two_snapshots();
    let written = host.snapshot().unwrap();
    assert_eq!((written.version, written.pruned), (5, 2));
    assert_eq!(database.snapshots().len(), 2);
    assert_eq!(database.number("SELECT min(version) FROM perennial_log"), 4);
    // Both that are left lead to the present.
    let newest = database.snapshots().pop().unwrap();
    fs::remove_file(newest).unwrap();
    let opening = reopened(&database, &host);
    assert_eq!(opening.start, Start::Snapshot { version: 3, changes: 2 });
    // What an interrupted one left behind goes with the next.
    let unfinished = database.snapshots()[0].with_extension("snapshot.unfinished");
    fs::write(&unfinished, "half").unwrap();
    host.snapshot().unwrap();
    assert!(!unfinished.exists());
}

#[test]
fn a_newer_database_is_refused() {
    let (database, host) = Database::with_acme();
    drop(host);
    database.sql("UPDATE perennial_meta SET format = 2, schema = 'a word of the future'");
    let error = Host::open(&database.path, Options::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the database has format 2, this program knows formats up to 1; use a newer one"
    );
}

#[test]
fn a_database_without_a_book_and_one_with() {
    let database = Database::empty();
    assert!(matches!(Host::open(&database.path, Options::default()), Err(HostError::Sqlite { .. })));
    database.sql("CREATE TABLE invoices (id INTEGER)");
    assert!(matches!(Host::open(&database.path, Options::default()), Err(HostError::NotInitialised { .. })));
    // The host's own tables stay where they are.
    drop(Host::create(&database.path, schema(), Options::default()).unwrap());
    assert_eq!(database.number("SELECT count(*) FROM invoices"), 0);
    let again = Host::create(&database.path, schema(), Options::default());
    assert!(matches!(again, Err(HostError::Initialised { .. })));
    fs::write(&database.path, "no database at all, but long enough to be looked at").unwrap();
    assert!(matches!(Host::open(&database.path, Options::default()), Err(HostError::Sqlite { .. })));
}
