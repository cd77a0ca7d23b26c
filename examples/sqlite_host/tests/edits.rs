//! Rows that somebody edits past the host.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod common;

use common::{Database, chain, id, value, view};
use perennial::{Change, Value};
use sqlite_host::{HostError, Start};

#[test]
fn a_synchronisation_takes_edits_over_and_a_second_one_finds_nothing() {
    let (database, host) = Database::with_acme();
    database.sql(
        "INSERT INTO accounts (id, parent, account_type, growth) VALUES ('apac', 'acme', 'Company', 0.1);
         UPDATE accounts SET seats = NULL, name = '' WHERE id = 'eu';
         UPDATE accounts SET parent = 'apac' WHERE id = 'us';
         INSERT INTO links (id, parent, rank) VALUES ('us', 'eu', 2);
         INSERT INTO child_deals (id, account, stage, amount) VALUES ('d2', 'apac', 'won', 5);
         UPDATE child_deals SET account = 'us', stage = 'lost' WHERE id = 'd1'",
    );
    let synced = host.sync().unwrap();
    assert_eq!((synced.version, synced.report.is_some()), (2, true));
    assert_eq!(synced.report.unwrap().accounts.added, [id("apac")]);
    let book = host.book();
    let us = view(&book).account("us").unwrap().path();
    assert_eq!(us, "Acme › apac › us");
    assert_eq!((value(&book, "eu", "seats"), value(&book, "eu", "name")), (None, Some(Value::text(""))));
    let before = database.dump();
    let again = host.sync().unwrap();
    assert_eq!((again.version, again.report.is_some()), (2, false));
    assert_eq!(database.dump(), before);
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn edits_come_before_the_change_that_finds_them() {
    let (database, host) = Database::with_acme();
    database.sql("UPDATE accounts SET seats = 50 WHERE id = 'eu'");
    let change = Change::new().set(&id("eu"), "name", "Europe");
    // Who has not seen them is told.
    assert!(matches!(host.apply(&change, Some(1)), Err(HostError::Conflict { expected: 1, current: 2 })));
    assert_eq!(value(&host.book(), "eu", "seats"), Some(Value::Int(50)));
    database.sql("UPDATE accounts SET seats = 51 WHERE id = 'eu'");
    assert_eq!(host.apply(&change, None).unwrap().version, 4);
    assert_eq!(value(&host.book(), "eu", "seats"), Some(Value::Int(51)));
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn edits_survive_a_restart_and_a_refusal() {
    let (database, host) = Database::with_acme();
    host.snapshot().unwrap();
    database.sql("UPDATE accounts SET seats = 50 WHERE id = 'eu'");
    // What was caught up with stays, though the change is refused.
    assert!(matches!(host.apply(&Change::new().remove(&id("acme")), None), Err(HostError::Refused(_))));
    assert_eq!(host.book().version(), 2);
    database.sql("UPDATE accounts SET seats = 51 WHERE id = 'eu'");
    drop(host);
    let (host, opening) = database.open();
    assert_eq!(opening.start, Start::Snapshot { version: 1, changes: 1 });
    assert_eq!((host.book().version(), value(&host.book(), "eu", "seats")), (3, Some(Value::Int(51))));
}

#[test]
fn a_row_that_was_held_is_taken_in_when_it_is_put_right() {
    let (database, host) = Database::with_acme();
    database.sql("INSERT INTO child_deals (id, stage) VALUES ('d9', 'open')");
    host.adopt().unwrap();
    assert_eq!(host.book().held_children().count(), 1);
    database.sql("UPDATE child_deals SET account = 'us' WHERE id = 'd9'");
    assert_eq!(host.sync().unwrap().version, 3);
    assert_eq!(host.book().held_children().count(), 0);
    assert_eq!(view(&host.book()).account("us").unwrap().child_rows("deals").count(), 1);
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn edits_at_fault_stop_writing_until_they_are_put_right_or_adopted() {
    let (database, host) = Database::with_acme();
    host.snapshot().unwrap();
    database.sql("UPDATE accounts SET parent = 'nowhere' WHERE id = 'us'");
    assert_eq!(
        host.sync().unwrap_err().to_string(),
        "rows edited in the database do not fit the book; put them right, or `adopt` them: \n  \
         accounts row 3: parent `nowhere` of `us` does not exist"
    );
    let change = Change::new().set(&id("eu"), "seats", 1_i64);
    assert!(matches!(host.apply(&change, None), Err(HostError::EditsRefused(_))));
    assert_eq!(host.book().version(), 1);
    // A restart has the book of its version, and says so.
    let (other, opening) = database.open();
    assert!(matches!(opening.edits_refused, Some(HostError::EditsRefused(_))));
    assert_eq!(view(&other.book()).account("us").unwrap().path(), "Acme › us");
    // Put right by hand.
    database.sql("UPDATE accounts SET parent = 'acme' WHERE id = 'us'");
    assert_eq!(host.apply(&change, Some(1)).unwrap().version, 2);
    // Or adopted: then the tables are the truth, faults and all.
    database.sql("UPDATE accounts SET parent = 'nowhere' WHERE id = 'us'");
    let report = host.adopt().unwrap();
    assert_eq!(report.faults.len(), 1, "{report}");
    assert_eq!(host.book().version(), 3);
    assert!(view(&host.book()).account("us").unwrap().is_root());
    assert!(host.check().unwrap().is_empty());
    // Others follow by a load, and so does a restart.
    other.refresh().unwrap();
    assert_eq!(other.book().version(), 3);
    assert!(other.check().unwrap().is_empty());
    drop((host, other));
    let (_, opening) = database.open();
    assert_eq!(opening.start, Start::Load);
    assert_eq!(opening.unusable[0].1.to_string(), "at version 3 the tables were taken over as they stood");
}

#[test]
fn an_edit_that_only_a_load_can_express_is_refused() {
    let (database, host) = Database::with_acme();
    database.sql("INSERT INTO child_deals (id, stage) VALUES ('d9', 'open')");
    let error = chain(&host.sync().unwrap_err());
    assert!(error.contains("d9"), "{error}");
}

#[test]
fn links_that_were_left_behind_stop_an_account_that_would_inherit_them() {
    let (database, host) = Database::with_acme();
    database.sql("INSERT INTO links (id, parent, rank) VALUES ('late', 'eu', 1)");
    host.adopt().unwrap();
    let change = Change::new().add(perennial::AccountRow::new(id("late"), "Company"));
    let error = host.apply(&change, None).unwrap_err();
    assert!(matches!(&error, HostError::StrayLinks { rows: 1, .. }), "{error:?}");
    assert!(host.check().unwrap().is_empty());
}
