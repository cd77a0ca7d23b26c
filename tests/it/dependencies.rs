//! Does the default dependency tree stay light?
//!
//! Asks cargo which crates a host gets with default features, and compares their names with a list that
//! is kept here by hand. Versions are not compared: they are cargo's and the lock file's affair. Crates
//! that only features, tests or benches bring are not counted.

#![expect(clippy::panic, reason = "without cargo there is nothing to test")]

use std::collections::BTreeSet;
use std::process::{Command, Output};

/// What a host compiles with default features: each dependency of `Cargo.toml`, then what it brings.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("serde", &["serde_core", "serde_derive", "proc-macro2", "quote", "syn", "unicode-ident"]),
    ("serde_json", &["itoa", "memchr", "ryu", "serde_core", "zmij"]),
    ("thiserror", &["thiserror-impl", "proc-macro2", "quote", "syn", "unicode-ident"]),
    ("petgraph", &["equivalent", "fixedbitset", "foldhash", "hashbrown", "indexmap"]),
    ("chrono", &["num-traits"]),
    ("indexmap", &["equivalent", "hashbrown"]),
    ("strsim", &[]),
];

#[test]
fn default_tree_is_light() {
    let found = default_tree();
    let allowed: BTreeSet<&str> =
        ALLOWED.iter().flat_map(|(name, brings)| brings.iter().chain([name])).copied().collect();

    let own = "perennial";
    let new: Vec<&str> =
        found.iter().map(String::as_str).filter(|name| *name != own && !allowed.contains(name)).collect();
    assert!(
        new.is_empty(),
        "new in the default dependency tree: {}\n\
         Say why beside the dependency in Cargo.toml and extend `ALLOWED`, or put it behind a feature.\n\
         `cargo tree -e normal -i NAME` tells who brings it.",
        new.join(", "),
    );

    let gone: Vec<&str> =
        ALLOWED.iter().map(|(name, _)| *name).filter(|name| !found.contains(*name)).collect();
    assert!(gone.is_empty(), "no longer a dependency; take it off the list: {}", gone.join(", "));
}

// Names of the crates in the normal, default-feature tree of this package.
fn default_tree() -> BTreeSet<String> {
    // Without the network first: the lock file and the crates are there once this test was compiled.
    let mut output = tree(&["--offline"]);
    if !output.status.success() {
        output = tree(&[]);
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "`cargo tree` failed:\n{err}");
    out.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn tree(further: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["tree", "--package", "perennial", "--edges", "normal", "--prefix", "none", "--color", "never"])
        .args(further)
        .current_dir(crate::common::ROOT)
        .output()
        .unwrap_or_else(|error| panic!("cannot start cargo: {error}"))
}
