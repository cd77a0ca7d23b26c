//! Does the example arrange the general practices as the data set is known to be, and say so?
//!
//! The code of the example itself is run here; the figures are those of `measured.json` and of the data set's
//! own README.

use std::collections::BTreeMap;
use std::fs;

use crate::nhs::load::{self, Loaded, PLACEHOLDERS};
use crate::nhs::{checks, view};
use perennial::testkit::FaultySource;
use perennial::{Book, Change, FaultKind, LoadError, Policy, View};

fn loaded() -> Loaded {
    load::load(&PLACEHOLDERS).unwrap_or_else(|error| panic!("{error}"))
}

/// The columns of the map by name, split here and now: no field of it holds a comma in quotes but names.
fn rows() -> Vec<BTreeMap<String, String>> {
    let text =
        fs::read_to_string(crate::measured::data("nhs-organisations").join("practice_map_2022-01.csv"))
            .unwrap();
    let mut lines = text.lines();
    let fields = |line: &str| {
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        for letter in line.chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                other => field.push(other),
            }
        }
        fields.push(field);
        fields
    };
    let header = fields(lines.next().unwrap());
    lines.map(|line| header.iter().cloned().zip(fields(line)).collect()).collect()
}

#[test]
fn every_figure_is_the_measured_one() {
    let loaded = loaded();
    loaded.book.verify().unwrap();
    let view = view(&loaded).unwrap();
    let totals = load::totals(&loaded.book).unwrap().run(&view);
    let checks = checks::all(&view, &totals).unwrap();
    for check in &checks {
        assert!(check.agrees(), "{check:?}");
    }
    // The figures by which this data set is known, whatever the files say.
    let ours = |what: &str| checks.iter().find(|check| check.what == what).map(|check| check.ours.clone());
    for (what, expected) in
        [("accounts", "7937"), ("declared links", "7974"), ("accounts with several parents", "12")]
    {
        assert_eq!(ours(what).as_deref(), Some(expected), "{what}");
    }
    assert_eq!(loaded.report.counts, BTreeMap::from([(FaultKind::SeveralParents, 11)]));
}

#[test]
fn every_practice_stands_where_its_row_says() {
    let loaded = loaded();
    let view = view(&loaded).unwrap();
    let (mut direct, mut elsewhere) = (0, 0);
    for row in rows() {
        let practice = view.account(&row["PRACTICE_CODE"]).unwrap();
        let above: Vec<&str> = practice.ancestors().map(|account| account.id_str()).collect();
        let group = row["CCG_CODE"].as_str();
        if row["PCN_CODE"] == "U" {
            direct += 1;
            assert_eq!(above[0], group);
            continue;
        }
        assert_eq!(above[0], row["PCN_CODE"]);
        let network = practice.parent().unwrap();
        assert_eq!(network.name(), row["PCN_NAME"]);
        if above[1] == group {
            let (system, region) = (row["STP_CODE"].as_str(), row["COMM_REGION_CODE"].as_str());
            assert_eq!(above[2..], [system, region]);
        } else {
            elsewhere += 1;
            assert!(
                network.extra_parents().iter().any(|parent| parent.id_str() == group),
                "{}",
                row["PRACTICE_CODE"]
            );
        }
    }
    assert_eq!((direct, elsewhere), (68, 34));
}

#[test]
fn a_strict_policy_names_the_networks_in_two_groups() {
    let schema = load::schema().unwrap();
    let refused = |placeholders: &[&str]| {
        let source = load::source(&schema, placeholders).unwrap();
        let LoadError::Rejected { report } =
            Book::load(schema.clone(), &source, &Policy::strict()).unwrap_err()
        else {
            panic!("not rejected")
        };
        report.counts[&FaultKind::SeveralParents]
    };
    assert_eq!((refused(&PLACEHOLDERS), refused(&[])), (11, 12));
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let loaded = loaded();
    let schema = load::schema().unwrap();
    let policy = Policy::strict().with(FaultKind::SeveralParents, perennial::Remedy::Prefer).unwrap();
    let shuffled = FaultySource::shuffled(load::source(&schema, &PLACEHOLDERS).unwrap(), 5);
    let (other, report) = Book::load(schema.clone(), &shuffled, &policy).unwrap();
    let places = |view: &View| -> Vec<String> {
        view.accounts().map(|account| format!("{} {:?}", account.path(), account.value("security"))).collect()
    };
    let again = Loaded { book: other, report };
    assert_eq!(places(&view(&again).unwrap()), places(&view(&loaded).unwrap()));
    // Nothing differs from the files.
    let (change, _) =
        Change::from_source(&again.book, &load::source(&schema, &PLACEHOLDERS).unwrap()).unwrap();
    assert!(change.is_empty());
}

#[test]
fn text_json_and_diagram_say_the_same() {
    let (mut text, mut json, mut mermaid) = (Vec::new(), Vec::new(), Vec::new());
    crate::nhs::write_text(&mut text).unwrap();
    crate::nhs::write_json(&mut json).unwrap();
    crate::nhs::write_mermaid(&mut mermaid).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("DIFFERS"), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let accounts = document["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 7_936);
    let roots = accounts.iter().filter(|entry| entry["parent"].is_null());
    assert_eq!(roots.map(|entry| entry["rolled_up"]["practices"].as_u64().unwrap()).sum::<u64>(), 6_527);
    assert!(document["checks"].as_array().unwrap().iter().all(|check| check["equal"] == true));
    let mermaid = String::from_utf8(mermaid).unwrap();
    assert!(mermaid.starts_with("flowchart LR\n    n0[\"North West\"]:::missing\n"), "{mermaid}");
    for said in ["Standards Exceeded", "Approaching Standards", "dashed line"] {
        assert!(mermaid.contains(said), "{said}");
    }
    assert!(mermaid.len() < 50_000, "{}", mermaid.len());
}

#[test]
fn a_segment_is_asked() {
    let book = crate::nhs::ask().unwrap_or_else(|error| panic!("{error}"));
    let question = crate::ask::Question {
        segment: Some("security >= \"Standards Met\"".to_owned()),
        ..crate::ask::Question::default()
    };
    let mut out = Vec::new();
    crate::ask::answer(&mut out, &book, &question).unwrap_or_else(|error| panic!("{error}"));
    let out = String::from_utf8(out).unwrap_or_default();
    assert!(out.contains("members   ") && out.contains("members   "), "{out}");
}
