//! Do the modules keep their order?
//!
//! Reads every `.rs` file below `src`, finds the paths that leave their module (`crate::..`, `super::..`,
//! in `use` trees and in code), and holds them against the table below. Comments, doc comments, strings
//! and test modules are not read. Names that `lib.rs` re-exports count as imports of the module that they
//! come from.
//!
//! It reads tokens, not types: a method that is only `pub(crate)` and an edge hidden in a macro of another
//! module are not seen.

#![expect(clippy::panic, reason = "a source tree that cannot be read fails the test")]

// --- The table ------------------------------------------------------------------------------------

/// The line, lowest first. A module may import what stands on an earlier row; modules that share a row
/// never import each other.
const LINE: &[&[&str]] = &[
    &["model"],
    // One level of the design, with one direction inside: sets are made of words that columns know.
    &["column"],
    &["set"],
    &["tree"],
    &["book"],
    &["fold", "facts"],
    &["expr"],
    &["aggregate"],
    &["define"],
    &["segment", "team", "health", "revenue"],
    &["engagement"],
    &["catalog"],
    &["error"],
    &["engine"],
];

/// Beside the line: a module, all that it may import, and the lowest module that may import it.
const BESIDE: &[(&str, &[&str], &str)] = &[("source", &["model", "column"], "book")];

/// Outside: use what `lib.rs` makes public, as a host would; nobody imports them.
const OUTSIDE: &[&str] = &["adapter", "testkit"];

/// Only text: imports nothing, is imported by nobody.
const TEXT: &[&str] = &["docs"];

/// The crate root: names everything, defines nothing that others import.
const ROOT: &str = "lib";

// --- The tests ------------------------------------------------------------------------------------

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

#[test]
fn modules_keep_their_order() {
    let src = Path::new(crate::common::ROOT).join("src");
    let (files, entries) = read(&src);
    assert!(files.iter().any(|file| file.path == "lib.rs"), "no lib.rs below {}", src.display());
    let mut faults = unknown(&entries);
    faults.extend(scan(&files));
    let list: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} fault(s) in the order of modules:\n{}", list.len(), list.join("\n"));
}

// --- The rules ------------------------------------------------------------------------------------

/// Why `from` may not import `to`, or `None` when it may.
fn objection(from: &str, to: &str) -> Option<String> {
    if from == to || from == ROOT {
        return None;
    }
    if TEXT.contains(&from) {
        return Some(format!("`{from}` holds text only and imports nothing"));
    }
    if OUTSIDE.contains(&to) {
        return Some(format!("`{to}` stands outside, on the public API; nobody imports it"));
    }
    if TEXT.contains(&to) || to == ROOT {
        return Some(format!("`{to}` names and documents what others define; nobody imports it"));
    }
    if OUTSIDE.contains(&from) {
        // Whether the path is public is judged where the path is known.
        return None;
    }
    if let Some((_, may, _)) = BESIDE.iter().find(|(name, ..)| *name == from) {
        let list = may.join("` and `");
        return (!may.contains(&to))
            .then(|| format!("`{from}` stands beside the line and sees only `{list}`"));
    }
    let from_row = row(from);
    if let Some((_, _, lowest)) = BESIDE.iter().find(|(name, ..)| *name == to) {
        return (from_row < row(lowest))
            .then(|| format!("`{to}` is for `{lowest}` and what stands above it"));
    }
    match (from_row, row(to)) {
        (Some(own), Some(other)) if own == other => Some(String::from(
            "modules of one level never import each other; take an `AccountSet` or a column",
        )),
        (Some(own), Some(other)) if own < other => {
            Some(format!("imports point down the line, and `{to}` stands above `{from}`"))
        }
        (Some(_), Some(_)) => None,
        _ => Some(String::from("not in the layer table of tests/it/layers.rs")),
    }
}

fn row(module: &str) -> Option<usize> {
    LINE.iter().position(|level| level.contains(&module))
}

fn is_known(module: &str) -> bool {
    let beside = BESIDE.iter().any(|(name, ..)| *name == module);
    module == ROOT || row(module).is_some() || beside || OUTSIDE.contains(&module) || TEXT.contains(&module)
}

/// Something that breaks the order, and where.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    place: String,
    edge: String,
    rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.edge, self.rule)
    }
}

// Entries of `src` that the table does not know.
fn unknown(entries: &[String]) -> Vec<Fault> {
    let strange = entries.iter().filter(|entry| !is_known(entry.strip_suffix(".rs").unwrap_or(entry)));
    let fault = |entry: &String| Fault {
        place: format!("src/{entry}"),
        edge: String::from("unknown module"),
        rule: String::from("give it a place in the layer table of tests/it/layers.rs"),
    };
    strange.map(fault).collect()
}

// --- The scanner ----------------------------------------------------------------------------------

/// A source file: its path below `src`, with `/`, and its text.
struct File {
    path: String,
    text: String,
}

fn scan(files: &[File]) -> Vec<Fault> {
    let parsed: Vec<(&File, Parsed)> =
        files.iter().map(|file| (file, Parsed::new(&file.text, &module_of(&file.path)))).collect();
    let test_modules: BTreeSet<&Vec<String>> = parsed.iter().flat_map(|(_, p)| &p.test_files).collect();
    let roots = Roots::new(&parsed);

    let mut faults = Vec::new();
    for (file, parsed) in &parsed {
        let module = module_of(&file.path);
        let in_tests =
            (1..=module.len()).any(|n| module.get(..n).is_some_and(|m| test_modules.contains(&m.to_vec())));
        let Some(from) = module.first().filter(|_| !in_tests) else { continue };
        for import in &parsed.imports {
            let Some((name, target, rule)) = roots.judge(from, &import.path) else { continue };
            let via = if name == target { String::new() } else { format!(" (as `crate::{name}`)") };
            let place = format!("src/{}:{}", file.path, import.line);
            faults.push(Fault { place, edge: format!("`{from}` -> `{target}`{via}"), rule });
        }
    }
    faults
}

/// `tree/build.rs` is `tree::build`, `tree/mod.rs` and `tree.rs` are `tree`, `lib.rs` is the root.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") || stem == ROOT {
        module.pop();
    }
    module
}

/// What can be named directly below `crate::`.
struct Roots {
    // Module -> whether `lib.rs` makes it public.
    modules: BTreeMap<String, bool>,
    // Re-exported name -> its module, and whether the re-export is public.
    names: BTreeMap<String, (String, bool)>,
}

impl Roots {
    fn new(parsed: &[(&File, Parsed)]) -> Self {
        let mut roots = Self { modules: BTreeMap::new(), names: BTreeMap::new() };
        let of = |path: &[String]| parsed.iter().find(|(file, _)| module_of(&file.path) == path);
        if let Some((_, lib)) = of(&[]) {
            roots.modules.extend(lib.modules.iter().cloned());
            for export in &lib.exports {
                let Some(module) = export.path.first() else { continue };
                if export.name != "*" {
                    roots.names.insert(export.name.clone(), (module.clone(), export.public));
                    continue;
                }
                if let Some((_, globbed)) = of(&export.path) {
                    let below = globbed.exports.iter().filter(|e| e.public && e.name != "*").map(|e| &e.name);
                    let own = globbed.public_items.iter();
                    let names = below.chain(own).map(|name| (name.clone(), (module.clone(), export.public)));
                    roots.names.extend(names);
                }
            }
            // The crate root may define things, though nobody should import them.
            for item in &lib.public_items {
                if !roots.modules.contains_key(item) {
                    roots.names.entry(item.clone()).or_insert_with(|| (ROOT.to_owned(), true));
                }
            }
        }
        roots
    }

    // The name after `crate::`, the module it stands for, and the rule that `from` breaks by naming it.
    fn judge(&self, from: &str, path: &[String]) -> Option<(String, String, String)> {
        let name = path.first()?;
        if name == from {
            return None;
        }
        let as_is = |rule: String| Some((name.clone(), name.clone(), rule));
        if name == "*" {
            return as_is(String::from("a glob of the crate root hides which modules are meant; name them"));
        }
        let (target, public) = match (self.modules.get(name), self.names.get(name)) {
            (Some(public), _) => (name, *public),
            (None, Some((module, public))) => (module, *public),
            // A module in the table that `lib.rs` does not declare (yet): judged all the same.
            (None, None) if is_known(name) => (name, false),
            (None, None) => return as_is(String::from("no module, and no name that lib.rs re-exports")),
        };
        let rule = objection(from, target).or_else(|| {
            let hidden = OUTSIDE.contains(&from) && !public && target != from;
            hidden.then(|| format!("`{from}` stands outside and uses only what lib.rs makes public"))
        })?;
        Some((name.clone(), target.clone(), rule))
    }
}

/// A path from the crate root, and the line it is written on.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    path: Vec<String>,
    line: usize,
}

/// `use path as name` at the top of a file.
#[derive(Debug)]
struct Export {
    name: String,
    path: Vec<String>,
    public: bool,
}

/// What the scanner takes from one file.
#[derive(Debug, Default)]
struct Parsed {
    imports: Vec<Import>,
    exports: Vec<Export>,
    // `mod x` at the top of the file, and whether it is public.
    modules: Vec<(String, bool)>,
    public_items: Vec<String>,
    // Modules in files of their own that exist only under test.
    test_files: Vec<Vec<String>>,
}

const ITEMS: [&str; 9] = ["struct", "enum", "union", "trait", "fn", "type", "const", "static", "mod"];

impl Parsed {
    fn new(text: &str, file_module: &[String]) -> Self {
        let tokens = tokens(text);
        let mut parsed = Self::default();
        // Inline modules around the current token, with the depth of braces they began at.
        let mut inline: Vec<(String, usize)> = Vec::new();
        let (mut depth, mut at) = (0_usize, 0_usize);
        let word = |at: usize| tokens.get(at).map_or("", |(token, _)| token.as_str());
        while at < tokens.len() {
            let mut module = file_module.to_vec();
            module.extend(inline.iter().map(|(name, _)| name.clone()));
            match word(at) {
                "#" if is_cfg_test(&tokens, at) => {
                    let item = after_attributes(&tokens, at);
                    let visibility = |i: &usize| matches!(word(*i), "pub" | "(" | "crate" | "super" | ")");
                    let declared =
                        (item..tokens.len()).find(|i| !visibility(i)).filter(|i| word(*i) == "mod");
                    match declared {
                        Some(m) if word(m + 2) == "{" => {
                            at = matching(&tokens, m + 2) + 1;
                            continue;
                        }
                        Some(m) if word(m + 2) == ";" => {
                            module.push(word(m + 1).to_owned());
                            parsed.test_files.push(module);
                            at = m + 3;
                            continue;
                        }
                        _ => {}
                    }
                }
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    if inline.last().is_some_and(|(_, began)| *began == depth) {
                        inline.pop();
                    }
                }
                "mod" if word(at + 2) == "{" => inline.push((word(at + 1).to_owned(), depth)),
                "use" if depth == 0 => parsed.exports_of(&tokens, at, &module),
                "crate" | "super" | "self" | "perennial"
                    if word(at + 1) == "::" && !is_path_end(&tokens, at) =>
                {
                    let mut leaves = Vec::new();
                    let end = tree(&tokens, at, &[], &mut leaves);
                    for leaf in leaves {
                        // Relative to this file, a path that stays inside begins with its own module.
                        if let Some(path) = resolve(&module, &leaf.path) {
                            parsed.imports.push(Import { path, line: leaf.line });
                        }
                    }
                    at = end;
                    continue;
                }
                _ => {}
            }
            if depth == 0 && ITEMS.contains(&word(at)) {
                let public = at > 0 && is_public(&tokens, at);
                if word(at) == "mod" {
                    parsed.modules.push((word(at + 1).to_owned(), public));
                }
                if public {
                    parsed.public_items.push(word(at + 1).to_owned());
                }
            }
            at += 1;
        }
        parsed
    }

    // The names that a `use` at the top of the file brings, by their path from the crate root.
    fn exports_of(&mut self, tokens: &[Token], at: usize, module: &[String]) {
        let public = at > 0 && is_public(tokens, at);
        let mut leaves = Vec::new();
        tree(tokens, at + 1, &[], &mut leaves);
        for leaf in leaves {
            let first = leaf.path.first().map_or("", String::as_str);
            let path = if ["crate", "super", "self", "perennial"].contains(&first) {
                resolve(module, &leaf.path)
            } else {
                Some(module.iter().chain(&leaf.path).cloned().collect())
            };
            let Some(mut path) = path else { continue };
            let name = leaf.alias.or_else(|| path.last().cloned()).unwrap_or_default();
            if name == "*" {
                path.pop();
            }
            self.exports.push(Export { name, path, public });
        }
    }
}

// `pub` before the item at `at`, past words such as `unsafe` and `const`; not `pub(crate)`.
fn is_public(tokens: &[Token], at: usize) -> bool {
    let before = tokens.get(..at).unwrap_or_default().iter().rev().map(|(token, _)| token.as_str());
    before.take_while(|token| !matches!(*token, ";" | "}" | "]" | "{" | ")")).any(|token| token == "pub")
}

// Whether the token continues a path (`a::super` cannot be written, `x.self` neither).
fn is_path_end(tokens: &[Token], at: usize) -> bool {
    at > 0 && tokens.get(at - 1).is_some_and(|(token, _)| token == "::")
}

/// The path from the crate root; `None` where `super` leads past it, which does not compile.
fn resolve(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut absolute: Vec<String> = Vec::new();
    for (place, segment) in path.iter().enumerate() {
        match segment.as_str() {
            "crate" | "perennial" if place == 0 => {}
            "self" if place == 0 => absolute = module.to_vec(),
            "super" => {
                if place == 0 {
                    absolute = module.to_vec();
                }
                absolute.pop()?;
            }
            _ => absolute.push(segment.clone()),
        }
    }
    (!absolute.is_empty()).then_some(absolute)
}

/// One path of a tree of paths.
struct Leaf {
    path: Vec<String>,
    alias: Option<String>,
    line: usize,
}

// Reads the path or tree that starts at `at` into `leaves`; returns the place after it. The nesting of
// braces is that of the file, so the recursion is as deep as its author's patience.
fn tree(tokens: &[Token], mut at: usize, before: &[String], leaves: &mut Vec<Leaf>) -> usize {
    let mut path = before.to_vec();
    let mut line = 0;
    while let Some((token, here)) = tokens.get(at) {
        match token.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|(token, _)| token != "}") {
                    let next = tree(tokens, at, &path, leaves);
                    // A comma, or something that is no tree of paths: step over it.
                    at = if next == at { at + 1 } else { next };
                }
                return at + 1;
            }
            "::" if path.len() == before.len() => {}
            "*" => {
                path.push(String::from("*"));
                line = *here;
                at += 1;
                break;
            }
            "self" if !path.is_empty() => {
                line = *here;
                at += 1;
                break;
            }
            word if is_word(word) => {
                path.push(word.to_owned());
                line = if line == 0 { *here } else { line };
                if tokens.get(at + 1).is_none_or(|(token, _)| token != "::") {
                    at += 1;
                    break;
                }
                let next = tokens.get(at + 2).map_or("", |(token, _)| token.as_str());
                if !is_word(next) && next != "{" && next != "*" {
                    // A turbofish.
                    at += 2;
                    break;
                }
                at += 1;
            }
            _ => return at,
        }
        at += 1;
    }
    let renamed = tokens.get(at).is_some_and(|(token, _)| token == "as");
    let alias = if renamed { tokens.get(at + 1).map(|(name, _)| name.clone()) } else { None };
    if path.len() > before.len() || line != 0 {
        leaves.push(Leaf { path, alias, line });
    }
    if renamed { at + 2 } else { at }
}

// `#[cfg(test)]` or `#[cfg(all(test, ..))]` at `at`.
fn is_cfg_test(tokens: &[Token], at: usize) -> bool {
    let words: Vec<&str> = tokens.iter().skip(at).take(7).map(|(token, _)| token.as_str()).collect();
    matches!(
        words.as_slice(),
        ["#", "[", "cfg", "(", "test", ..] | ["#", "[", "cfg", "(", "all", "(", "test"]
    )
}

// The place after the attributes that start at `at`.
fn after_attributes(tokens: &[Token], mut at: usize) -> usize {
    let is = |at: usize, what: &str| tokens.get(at).is_some_and(|(token, _)| token == what);
    while is(at, "#") && is(at + 1, "[") {
        at = matching(tokens, at + 1) + 1;
    }
    at
}

// The place of the bracket that closes the one at `open`; the end of the file where none does.
fn matching(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, (token, _)) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" | "]" | ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

// --- Tokens ---------------------------------------------------------------------------------------

/// A word, `::` or a sign, and its line.
type Token = (String, usize);

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The tokens of a Rust source without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let get = |at: usize| chars.get(at).copied().unwrap_or('\0');
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        match get(at) {
            '/' if get(at + 1) == '/' => at = find(&chars, at, |i| get(i) == '\n'),
            '/' if get(at + 1) == '*' => at = block_comment(&chars, at),
            '"' => at = string(&chars, at),
            '\'' if get(at + 1) == '\\' => at = find(&chars, at + 3, |i| get(i) == '\'') + 1,
            '\'' if get(at + 2) == '\'' => at += 3,
            '\'' => at += 1 + word_length(&chars, at + 1),
            ':' if get(at + 1) == ':' => {
                found.push((String::from("::"), line));
                at += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = at + word_length(&chars, at);
                let word: String = chars.get(at..end).unwrap_or_default().iter().collect();
                let hashes = find(&chars, end, |i| get(i) != '#');
                let prefix = matches!(word.as_str(), "r" | "b" | "br" | "c" | "cr");
                if prefix && word.ends_with('r') && get(hashes) == '"' {
                    let close =
                        |i: usize| get(i) == '"' && (end..hashes).all(|h| get(i + 1 + h - end) == '#');
                    at = find(&chars, hashes + 1, close) + 1 + hashes - end;
                } else if prefix && matches!(get(end), '"' | '\'') {
                    // The string or character follows as if it had no prefix.
                    at = end;
                } else if word == "r" && hashes == end + 1 {
                    // A raw word, `r#type`: the word follows.
                    at = hashes;
                } else {
                    found.push((word, line));
                    at = end;
                }
            }
            c if c.is_whitespace() => at += 1,
            c => {
                found.push((c.to_string(), line));
                at += 1;
            }
        }
        let passed = chars.get(start..at.min(chars.len())).unwrap_or_default();
        line += passed.iter().filter(|c| **c == '\n').count();
    }
    found
}

fn find(chars: &[char], from: usize, is: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|i| is(*i)).unwrap_or(chars.len())
}

fn word_length(chars: &[char], from: usize) -> usize {
    chars.iter().skip(from).take_while(|c| c.is_alphanumeric() || **c == '_').count()
}

fn string(chars: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn block_comment(chars: &[char], open: usize) -> usize {
    let (mut at, mut depth) = (open, 0_usize);
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => (at, depth) = (at + 2, depth + 1),
            (Some('*'), Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

// --- Files ----------------------------------------------------------------------------------------

/// Every `.rs` file below `src`, and the names of the entries of `src` itself that hold code.
fn read(src: &Path) -> (Vec<File>, Vec<String>) {
    let (mut files, mut entries, mut folders) = (Vec::new(), Vec::new(), vec![src.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        let listed =
            std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("cannot list {}: {e}", folder.display()));
        let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let below = path.strip_prefix(src).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let is_code = path.extension().is_some_and(|end| end == "rs");
            if !below.contains('/') && (is_code || path.is_dir()) {
                entries.push(below.clone());
            }
            if path.is_dir() {
                folders.push(path);
            } else if is_code {
                let text = std::fs::read_to_string(&path)
                    .unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
                files.push(File { path: below, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    (files, entries)
}

// --- Tests of the scanner -------------------------------------------------------------------------

#[cfg(test)]
mod scanner {
    use super::{BESIDE, File, LINE, OUTSIDE, TEXT, is_known, module_of, scan, tokens, unknown};

    const LIB: &str = "pub mod adapter; mod book; mod model; mod tree; pub mod source; pub mod testkit;
        pub use book::{Book, View as Window}; pub use model::*; pub(crate) use tree::Hidden;";
    const MODEL: &str = "mod id; pub mod limits; pub use id::{AccountId, AccountIdx}; pub struct Date;";

    // The faults of one file beside a small `lib.rs` and `model`.
    fn faults(path: &str, text: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let files = [file("lib.rs", LIB), file("model/mod.rs", MODEL), file(path, text)];
        scan(&files).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn fine(path: &str, text: &str) {
        assert_eq!(faults(path, text), Vec::<String>::new(), "{text}");
    }

    #[track_caller]
    fn edges(path: &str, text: &str, expected: &[&str]) {
        let found = faults(path, text);
        let edges: Vec<&str> = found.iter().filter_map(|f| f.split(": ").nth(1)).collect();
        assert_eq!(edges, expected, "{text}\n{found:#?}");
    }

    #[test]
    fn the_table_names_each_module_once() {
        let line = LINE.iter().flat_map(|level| level.iter());
        let all: Vec<&str> =
            line.chain(BESIDE.iter().map(|(name, ..)| name)).chain(OUTSIDE).chain(TEXT).copied().collect();
        for (place, name) in all.iter().enumerate() {
            assert!(!all.iter().take(place).any(|other| other == name), "{name} stands twice");
        }
        assert!(BESIDE.iter().all(|(_, may, lowest)| may.iter().chain([lowest]).all(|name| is_known(name))));
    }

    #[test]
    fn upward_is_caught_with_its_line_and_rule() {
        let found =
            faults("tree/build.rs", "//! How?\n\nuse crate::model::AccountId;\nuse crate::book::Book;\n");
        let line = "src/tree/build.rs:4: `tree` -> `book`: imports point down the line, and `book` stands above `tree`";
        assert_eq!(found, [line]);
    }

    #[test]
    fn downward_is_fine() {
        fine("book/mod.rs", "use crate::{model::{AccountId, Date}, tree::Tree, set, column::{Block, self}};");
        fine("engine.rs", "use crate::{segment::Segment, team::Team, catalog, error::Error};");
        fine("set/mod.rs", "use crate::column::Mask;");
    }

    #[test]
    fn column_and_set_have_one_direction() {
        edges("column/mod.rs", "use crate::set::AccountSet;", &["`column` -> `set`"]);
    }

    #[test]
    fn nested_braces_are_read() {
        let text = "use crate::{\n    model::{id::{AccountId, AccountIdx}, Date},\n    fold::{self, plan::{FoldPlan}},\n};";
        let found = faults("tree/mod.rs", text);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found.iter().all(|f| f.starts_with("src/tree/mod.rs:3: `tree` -> `fold`")), "{found:#?}");
        edges("tree/mod.rs", "use {std::fmt, crate::{book::*, model::*}};", &["`tree` -> `book`"]);
    }

    #[test]
    fn sideways_is_caught() {
        edges("health/score.rs", "use crate::segment::Segment;", &["`health` -> `segment`"]);
        edges("team/mod.rs", "fn f(x: &crate::revenue::Forecast) {}", &["`team` -> `revenue`"]);
    }

    #[test]
    fn inline_paths_are_read() {
        edges("tree/mod.rs", "fn f() { let x = crate::book::Book::load::<u8>(1); }", &["`tree` -> `book`"]);
        edges("model/id.rs", "impl crate::set::Member for Id {}", &["`model` -> `set`"]);
        edges("model/id.rs", "macro_rules! m { () => { $crate::tree::build() } }", &["`model` -> `tree`"]);
        fine("book/mod.rs", "fn f() -> crate::model::Date { crate::tree::go::<crate::model::Date>() }");
    }

    #[test]
    fn super_is_followed_out_of_the_module() {
        edges("tree/mod.rs", "use super::book::Book;", &["`tree` -> `book`"]);
        edges(
            "tree/deep/er.rs",
            "use super::super::super::{model::Date, book::Book};",
            &["`tree` -> `book`"],
        );
        fine("tree/build.rs", "use super::book::Book; use super::super::model::Date; use self::fold::X;");
        fine(
            "tree/build.rs",
            "mod sealed { use super::super::book::X; pub trait Sealed {} } use super::Tree;",
        );
        edges("tree/build.rs", "mod inner { use super::super::super::book::X; }", &["`tree` -> `book`"]);
        edges("tree/mod.rs", "mod a {} use super::fold::X;", &["`tree` -> `fold`"]);
    }

    #[test]
    fn comments_strings_and_characters_are_not_read() {
        fine("tree/mod.rs", "//! See crate::book::Book.\n/// Or [`Book`](crate::book::Book).\nfn f() {}");
        fine("tree/mod.rs", "/* crate::book::A /* crate::book::B */ crate::book::C */ // crate::book::D");
        fine(
            "tree/mod.rs",
            r##"const A: &str = "crate::book \" crate::book"; const B: &str = r#"" crate::book"#;"##,
        );
        fine("tree/mod.rs", r"const A: [char; 3] = ['\'', '\u{1F600}', '/']; fn f<'a>(x: &'a str) {}");
        edges("tree/mod.rs", "const A: char = '\"'; use crate::book::Book; // \"", &["`tree` -> `book`"]);
        edges(
            "tree/mod.rs",
            "fn f<'a>() {} const B: u8 = b'\"'; use crate::book::Book;",
            &["`tree` -> `book`"],
        );
    }

    #[test]
    fn tests_may_look_at_anything() {
        fine(
            "tree/mod.rs",
            "#[cfg(test)]\nmod tests { use crate::engine::Engine; mod more { use crate::book; } }",
        );
        fine("tree/mod.rs", "#[cfg(test)] #[allow(dead_code)] pub(crate) mod tests { use crate::testkit; }");
        edges("tree/mod.rs", "#[cfg(test)] mod tests {} use crate::book::Book;", &["`tree` -> `book`"]);
        edges("tree/mod.rs", "#[cfg(test)] use std::fmt; mod x { use crate::book; }", &["`tree` -> `book`"]);
        edges(
            "tree/mod.rs",
            "#[cfg(feature = \"x\")] mod t { use crate::book::Book; }",
            &["`tree` -> `book`"],
        );
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let own = file("tree/tests.rs", "use crate::engine::Engine;");
        let declared = file("tree/mod.rs", "#[cfg(test)]\nmod tests;");
        assert!(scan(&[file("lib.rs", LIB), declared, own]).is_empty());
        edges("tree/tests.rs", "use crate::engine::Engine;", &["`tree` -> `engine`"]);
    }

    #[test]
    fn names_of_the_crate_root_count_for_their_module() {
        edges("tree/mod.rs", "use crate::Book;", &["`tree` -> `book` (as `crate::Book`)"]);
        edges("tree/mod.rs", "fn f(w: &crate::Window) {}", &["`tree` -> `book` (as `crate::Window`)"]);
        fine("tree/mod.rs", "use crate::{AccountId, Date, limits::MAX_ACCOUNTS};");
        edges("tree/mod.rs", "use crate::Nobody;", &["`tree` -> `Nobody`"]);
        edges("tree/mod.rs", "use super::*;", &["`tree` -> `*`"]);
    }

    #[test]
    fn source_stands_beside_the_line() {
        fine("source/mod.rs", "use crate::{model::Date, column::Mask};");
        edges("source/mod.rs", "use crate::{set::A, tree::B};", &["`source` -> `set`", "`source` -> `tree`"]);
        edges("tree/mod.rs", "use crate::source::Batch;", &["`tree` -> `source`"]);
        edges("model/mod.rs", "use crate::source::Batch;", &["`model` -> `source`"]);
        fine("book/mod.rs", "use crate::source::Batch;");
        fine("engine/mod.rs", "use crate::source::Source;");
    }

    #[test]
    fn the_outside_uses_what_is_public() {
        fine(
            "adapter/csv.rs",
            "use crate::{AccountId, Book, Window, source::{Batch, Source}}; use super::other;",
        );
        fine("testkit/oracle.rs", "use crate::{limits, Date, testkit::books};");
        edges("adapter/csv.rs", "use crate::book::Book;", &["`adapter` -> `book`"]);
        edges("testkit/mod.rs", "use crate::Hidden;", &["`testkit` -> `tree` (as `crate::Hidden`)"]);
        edges("testkit/mod.rs", "use crate::adapter::csv;", &["`testkit` -> `adapter`"]);
        edges("book/mod.rs", "use crate::testkit::books;", &["`book` -> `testkit`"]);
        edges("engine/mod.rs", "use crate::adapter::csv::CsvSource;", &["`engine` -> `adapter`"]);
    }

    #[test]
    fn docs_hold_text() {
        edges("docs/mod.rs", "use crate::model::Date;", &["`docs` -> `model`"]);
        edges("book/mod.rs", "use crate::docs::semantics;", &["`book` -> `docs`"]);
    }

    #[test]
    fn unknown_modules_are_named() {
        let entries = ["lib.rs", "model", "tree.rs", "utils.rs", "helpers", "docs"].map(str::to_owned);
        let found: Vec<String> = unknown(&entries).iter().map(|f| f.place.clone()).collect();
        assert_eq!(found, ["src/utils.rs", "src/helpers"]);
        edges("tree/mod.rs", "use crate::utils::x;", &["`tree` -> `utils`"]);
    }

    #[test]
    fn paths_and_tokens() {
        assert_eq!(module_of("lib.rs"), Vec::<String>::new());
        assert_eq!(module_of("tree.rs"), ["tree"]);
        assert_eq!(module_of("tree/mod.rs"), ["tree"]);
        assert_eq!(module_of("tree/build/walk.rs"), ["tree", "build", "walk"]);
        let found = tokens("a::r#type\n/* \n */ 'b' x<'c>");
        let expected = [("a", 1), ("::", 1), ("type", 1), ("x", 3), ("<", 3), (">", 3)];
        assert_eq!(found, expected.map(|(token, line)| (token.to_owned(), line)));
    }
}
