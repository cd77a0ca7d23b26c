//! Runs public test suites against the expression language.
//!
//! ```sh
//! cargo run --release --example conformance -- tests/conformance/cel.json
//! ```
//!
//! prints each case that fails, then `N passed, M failed`. The formats stand in `tests/conformance/README.md`.

mod suite;
mod zones;

use std::process::ExitCode;

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: cargo run --release --example conformance -- FILE..");
        return ExitCode::from(2);
    }
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::from(2);
            }
        };
        match suite::run(&text) {
            Ok(outcome) => {
                for failure in &outcome.failures {
                    println!("{failure}\n");
                }
                passed += outcome.passed;
                failed += outcome.failures.len();
            }
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::from(2);
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
