//! The commands, as a person types them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::Command;

use common::Database;

/// Whether it succeeded, and what it said on both outputs.
fn run(database: &Database, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sqlite_host"));
    let output = command.arg(&database.path).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), said.concat())
}

#[test]
fn a_book_from_the_first_command_to_the_last() {
    let database = Database::empty();
    let good = |arguments: &[&str]| {
        let (success, said) = run(&database, arguments);
        assert!(success, "{arguments:?}: {said}");
        said
    };
    let bad = |arguments: &[&str]| {
        let (success, said) = run(&database, arguments);
        assert!(!success, "{arguments:?}: {said}");
        said
    };
    assert!(bad(&["show"]).contains("unable to open database file"));
    assert!(good(&["demo"]).contains("opportunities: 8800 offered, 7375 loaded, 1425 held"));
    assert!(good(&["show"]).contains("version 1: 85 accounts; 0 accounts and 1425 rows are held"));
    let change = database.directory.path().join("change.json");
    let change = change.to_str().unwrap();
    let set =
        r#"[{ "set": { "account": "Acme Corporation", "attribute": "employees", "value": { "int": 7 } } }]"#;
    fs::write(change, set).unwrap();
    let said = good(&["apply", change, "--expect", "1"]);
    assert!(said.contains("Acme Corporation employees: 2822 -> 7\nversion 2"), "{said}");
    assert!(bad(&["apply", change, "--expect", "1"]).contains("version 1, the book is at version 2"));
    assert!(good(&["show", "Acme Corporation"]).contains("employees: 7\n"));
    assert!(bad(&["show", "nobody"]).contains("there is no account `nobody`"));
    assert!(good(&["snapshot"]).contains("version 2"));
    let said = good(&["check"]);
    assert!(said.contains("version 2: the book equals a fresh load"), "{said}");
    assert!(said.contains("from the snapshot of version 2 and 0 change(s) since"), "{said}");
    database.sql("UPDATE accounts SET employees = 8 WHERE id = 'Acme Corporation'");
    // Opening has taken the edit over already.
    assert!(good(&["sync"]).contains("version 3"));
    assert!(good(&["adopt"]).contains("version 4"));
    assert!(bad(&["demo"]).contains("holds a book already"));
    assert!(bad(&["fly"]).contains("usage: sqlite_host DATABASE COMMAND"));
}

#[test]
fn a_schema_and_a_file() {
    let database = Database::empty();
    let path = |name: &str| database.directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("schema.json"), common::schema().to_json()).unwrap();
    fs::write(path("accounts.csv"), "id,account_type,parent,name,seats\na,Company,,A,1\nb,Company,a,B,\n")
        .unwrap();
    fs::write(path("deals.csv"), "id,account,stage,amount\nd,b,won,12.50\n").unwrap();
    let (success, said) = run(&database, &["init", &path("schema.json")]);
    assert!(success, "{said}");
    let files = [format!("accounts={}", path("accounts.csv")), format!("deals={}", path("deals.csv"))];
    let (success, said) = run(&database, &["import", &files[0], &files[1]]);
    assert!(success, "{said}");
    let (_, said) = run(&database, &["show", "b"]);
    assert!(
        said.contains("A › B (Company, version 1)\n  name: B\n  deals d: stage won, amount 12.50 EUR"),
        "{said}"
    );
    assert_eq!(database.number("SELECT amount FROM child_deals"), 1_250);
}
