//! A small part of what the torture does; `.ci/run` kills a hundred times.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

use tempfile::TempDir;

fn run(arguments: &[&str]) -> String {
    let directory = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sqlite_host"));
    let output = command.arg(directory.path().join("book.db")).args(arguments).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out.into_owned()
}

#[test]
fn after_a_kill_at_each_window_the_book_is_right() {
    let said = run(&["torture", "20", "7"]);
    assert!(said.starts_with("20 kills in "), "{said}");
}

#[test]
fn after_each_step_the_book_equals_a_fresh_load() {
    for seed in ["101", "102", "103"] {
        run(&["torture-steps", "150", seed]);
    }
}
