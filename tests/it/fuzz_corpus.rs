//! What the fuzzer found, and what it starts from, replayed: see `tests/fuzz`.

fn replay(target: &str, judge: fn(&[u8])) {
    let folder = format!("{}/tests/fuzz/seeds/{target}", crate::common::ROOT);
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
    replay("text", crate::judge::text);
}

#[test]
fn json() {
    replay("json", crate::judge::json);
}

#[test]
fn check() {
    replay("check", crate::judge::check);
}

#[test]
fn evaluate() {
    replay("evaluate", crate::judge::evaluate);
}

#[test]
fn rules() {
    replay("rules", crate::judge::rules);
}

#[test]
fn logic() {
    replay("logic", crate::judge::logic);
}

#[test]
fn totango() {
    replay("totango", crate::judge::totango);
}

#[test]
fn documents() {
    replay("documents", crate::judge::documents);
}

#[test]
fn catalog() {
    replay("catalog", crate::judge::catalog);
}
