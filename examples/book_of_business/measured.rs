//! Is the book what the data set is known to be?
//!
//! Each data set comes with figures that somebody else computed from its files: `measured.json`. A check is one
//! of them beside the same figure of the loaded book.

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::numbers::{digits, short};

/// The directory of a data set. Two crates ask, this example and the tests of it: the data is in the root of both.
pub fn data(name: &str) -> PathBuf {
    let above =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|root| root.join("tests/data").join(name));
    above.clone().find(|data| data.is_dir()).or_else(|| above.last()).unwrap_or_default()
}

/// The figures of a data set.
pub fn measured(name: &str) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(data(name).join("measured.json"))?)?)
}

/// One of them; null where there is none, which equals nothing that we have.
pub fn field<'m>(measured: &'m Value, name: &str) -> &'m Value {
    measured.get(name).unwrap_or(&Value::Null)
}

/// One figure, ours and theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub what: String,
    pub ours: String,
    pub measured: String,
}

impl Check {
    pub fn new(what: &str, ours: impl Display, measured: impl Display) -> Self {
        let (ours, measured) = (format!("{ours}"), format!("{measured}"));
        Self { what: what.to_owned(), ours, measured }
    }

    pub fn agrees(&self) -> bool {
        self.ours == self.measured
    }
}

/// A check in a JSON document.
#[derive(Serialize)]
pub struct CheckEntry<'c> {
    what: &'c str,
    ours: &'c str,
    measured: &'c str,
    equal: bool,
}

impl<'c> From<&'c Check> for CheckEntry<'c> {
    fn from(check: &'c Check) -> Self {
        let Check { what, ours, measured } = check;
        Self { what, ours, measured, equal: check.agrees() }
    }
}

/// Writes each figure of the book beside the measured one.
pub fn write_checks(out: &mut dyn Write, checks: &[Check]) -> io::Result<()> {
    writeln!(out, "\nCHECKS  the book, and what somebody else measured on the files")?;
    for check in checks {
        let verdict = if check.agrees() { "equal" } else { "DIFFERS" };
        let shown = short(&digits(&check.ours), 44);
        writeln!(out, "  {:<41} {shown:>44}  {verdict}", check.what)?;
        if !check.agrees() {
            writeln!(out, "    measured: {}", check.measured)?;
        }
    }
    Ok(())
}

/// Fails where a figure is not the measured one.
pub fn verdict(checks: &[Check]) -> Result<(), Box<dyn Error>> {
    let wrong: Vec<&str> = checks.iter().filter(|check| !check.agrees()).map(|check| &*check.what).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("not as measured: {}", wrong.join(", ")).into()) }
}
