//! Does the default dependency tree stay light?
//!
//! Asks cargo which crates a host gets with default features, and compares their names with a list that
//! is kept here by hand. Versions are not compared: they are cargo's and the lock file's affair. Crates
//! that only features, tests or benches bring are not counted. Without the default features chrono is not among them.

#![expect(clippy::panic, reason = "without cargo there is nothing to test")]

use std::collections::BTreeSet;
use std::process::{Command, Output};

/// What a host compiles with default features: each dependency of `Cargo.toml`, then what it brings.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("serde", &["serde_core", "serde_derive", "proc-macro2", "quote", "syn", "unicode-ident"]),
    ("serde_json", &["itoa", "memchr", "serde_core", "zmij"]),
    ("thiserror", &["thiserror-impl", "proc-macro2", "quote", "syn", "unicode-ident"]),
    ("petgraph", &["equivalent", "fixedbitset", "foldhash", "hashbrown", "indexmap"]),
    ("chrono", &["num-traits"]),
    ("indexmap", &["equivalent", "hashbrown"]),
    ("strsim", &[]),
];

/// When each crate of the default tree was last released, as the registry's index had it on 2026-12-01.
///
/// On that day each name was looked up in a copy of the `RustSec` advisory database. It has no accepted advisory
/// `unmaintained` for any of them. It does have two drafts without a number that call `serde` and `serde_derive`
/// unmaintained (2024), which were not accepted, and two vulnerabilities that do not reach us: RUSTSEC-2020-0159 (chrono, before
/// 0.4.20) and RUSTSEC-2024-0402 (hashbrown 0.15.0). The copy was a stored one, of which the last day is not known, and `cargo
/// audit` was not run: it fetches the database, which that machine could not reach. Whether the repositories are
/// archived was not looked up, but for `strsim`, whose maintainer answered in 2024 that it is maintained.
///
/// The two oldest releases, of `num-traits` and `strsim`, are of small crates that are finished.
const RELEASES: [(&str, &str); 22] = [
    ("chrono", "2026-06-04"),
    ("equivalent", "2026-10-13"),
    ("fixedbitset", "2026-11-08"),
    ("foldhash", "2025-08-23"),
    ("hashbrown", "2026-11-22"),
    ("indexmap", "2026-09-05"),
    ("itoa", "2026-11-09"),
    ("memchr", "2026-07-08"),
    ("num-traits", "2024-05-03"),
    ("petgraph", "2025-09-30"),
    ("proc-macro2", "2026-07-19"),
    ("quote", "2026-07-19"),
    ("serde", "2026-07-18"),
    ("serde_core", "2026-07-18"),
    ("serde_derive", "2026-07-18"),
    ("serde_json", "2026-10-11"),
    ("strsim", "2024-04-02"),
    ("syn", "2026-11-09"),
    ("thiserror", "2026-09-23"),
    ("thiserror-impl", "2026-09-23"),
    ("unicode-ident", "2026-10-12"),
    ("zmij", "2026-07-13"),
];

/// A crate that comes into the tree is looked up before it is put on the list.
#[test]
fn no_crate_of_the_default_tree_is_unmaintained() {
    let mut tree = tree_of(&[]);
    tree.remove("perennial");
    let looked_up: BTreeSet<String> = RELEASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        tree, looked_up,
        "look up the release and the advisories of what is new; take off what is gone"
    );
    let old: Vec<&str> =
        RELEASES.iter().filter(|(_, released)| *released < "2023-12-01").map(|(name, _)| *name).collect();
    assert!(old.is_empty(), "without a release for three years: {}", old.join(", "));
}

#[test]
fn without_default_features_no_calendar_library_is_built() {
    let (all, light) = (tree_of(&[]), tree_of(&["--no-default-features"]));
    let gone: Vec<&str> = all.difference(&light).map(String::as_str).collect();
    assert_eq!(gone, ["chrono", "num-traits"]);
    let jiff = tree_of(&["--no-default-features", "--features", "jiff_1"]);
    let new: Vec<&str> = jiff.difference(&light).map(String::as_str).collect();
    assert_eq!(new, ["jiff", "jiff-core"], "no database of time zones, no macros");
}

#[test]
fn default_tree_is_light() {
    let found = tree_of(&[]);
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

// Names of the crates in the normal tree of this package, with these features.
fn tree_of(features: &[&str]) -> BTreeSet<String> {
    // Without the network first: the lock file and the crates are there once this test was compiled.
    let mut output = tree(&[features, &["--offline"]].concat());
    if !output.status.success() {
        output = tree(features);
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
