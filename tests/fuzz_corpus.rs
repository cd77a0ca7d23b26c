//! What the fuzzer found, and what it starts from, replayed: see `tests/fuzz`.

#[path = "fuzz/judge.rs"]
mod judge;

fn replay(target: &str, judge: fn(&[u8])) {
    let folder = format!("{}/tests/fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        // Where one fails, its name is the last that was said.
        println!("{}", file.display());
        judge(&std::fs::read(file).unwrap());
    }
}

#[test]
fn text() {
    replay("text", judge::text);
}

#[test]
fn json() {
    replay("json", judge::json);
}

#[test]
fn check() {
    replay("check", judge::check);
}

#[test]
fn evaluate() {
    replay("evaluate", judge::evaluate);
}

#[test]
fn rules() {
    replay("rules", judge::rules);
}

#[test]
fn logic() {
    replay("logic", judge::logic);
}

#[test]
fn totango() {
    replay("totango", judge::totango);
}

#[test]
fn documents() {
    replay("documents", judge::documents);
}

#[test]
fn catalog() {
    replay("catalog", judge::catalog);
}
