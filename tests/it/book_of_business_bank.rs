//! Does the example arrange the banks as the data set is known to be, and say so?
//!
//! The code of the example itself is run here; the figures are those of `measured.json` and of the data set's
//! own README.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use crate::bank::Answers;
use crate::bank::load::{self, Loaded};
use crate::measured::Check;
use perennial::source::{Batch, Cells, Emit, ScanRequest, Source, SourceError, TableName};
use perennial::testkit::FaultySource;
use perennial::{Book, Change, FaultKind, LoadError, ParentLink, Policy, Remedy, Scope, View};

// One load for all tests: a debug build takes its time.
fn loaded() -> &'static Loaded {
    static LOADED: OnceLock<Loaded> = OnceLock::new();
    LOADED.get_or_init(|| load::load().unwrap_or_else(|error| panic!("{error}")))
}

fn answers() -> &'static Answers {
    static ANSWERS: OnceLock<Answers> = OnceLock::new();
    ANSWERS.get_or_init(|| Answers::of(loaded()).unwrap_or_else(|error| panic!("{error}")))
}

/// Who stands where, and beside which others.
fn places(view: &View) -> Vec<(String, Option<String>, Vec<String>)> {
    let place = |account: perennial::Account<'_>| {
        let parent = account.parent().map(|parent| parent.id().to_string());
        let extra = account.extra_parents().iter().map(|other| other.id().to_string()).collect();
        (account.id().to_string(), parent, extra)
    };
    view.accounts().map(place).collect()
}

#[test]
fn every_figure_is_the_measured_one() {
    let (loaded, Answers { merged, checks, .. }) = (loaded(), answers());
    for check in checks {
        assert!(check.agrees(), "{check:?}");
    }
    // The figures by which this data set is known, whatever the files say.
    let ours = |what: &str| checks.iter().find(|check| check.what == what).map(|check| check.ours.clone());
    for (what, expected) in [
        ("accounts", "19345"),
        ("declared links", "22864"),
        ("roots", "38"),
        ("accounts with several parents", "2307"),
        ("entities under several top companies", "141"),
        ("levels, by the longest way", "22"),
        ("lines of mergers", "58625"),
        ("loops of mergers", "11"),
        ("entities, rolled up to the top companies", "19345"),
    ] {
        assert_eq!(ours(what).as_deref(), Some(expected), "{what}");
    }
    assert_eq!(ours("loops").unwrap().matches("],[").count() + 1, 8);
    // A check that differs is a failure of the example.
    let wrong = Check { what: "accounts".to_owned(), ours: "1".to_owned(), measured: "2".to_owned() };
    assert!(!wrong.agrees());
    merged.book.verify().unwrap();
    assert_eq!((merged.mergers, merged.refused.len()), (642, 0));
    // What merged since leads to an entity of the book, or to one that the listing never had.
    let after = load::everything(&merged.book).unwrap();
    assert!(after.account("1131787").is_none());
    let today = crate::bank::view(&Loaded {
        book: merged.book.clone(),
        report: loaded.report.clone(),
        unread: Vec::new(),
        mended: Vec::new(),
    })
    .unwrap();
    assert_eq!(today.successor("1131787").unwrap().id_str(), "1074156");
    assert_eq!(after.account("1074156").unwrap().subtree().count(), 903);
}

#[test]
fn a_strict_policy_refuses_with_every_fault_counted() {
    let schema = load::schema().unwrap();
    let source = load::source(&schema).unwrap();
    let LoadError::Rejected { report } = Book::load(schema, &source, &Policy::strict()).unwrap_err() else {
        panic!("not rejected")
    };
    let counts: Vec<(FaultKind, usize)> = report.counts.clone().into_iter().collect();
    assert_eq!(
        counts,
        [
            (FaultKind::SeveralParents, 2_307),
            (FaultKind::LinkCycle, 8),
            (FaultKind::InvalidValue, 1),
            (FaultKind::ChildOfUnknownAccount, 9_758),
        ]
    );
    // Whose parents are not settled has no place, nor what hangs below: so there is no ring of the tree, and
    // no account for the figures of many.
    assert_eq!(report.faults.len(), 2_307 + 8 + 1 + 9_758);
}

#[test]
fn a_quarantine_holds_what_hangs_below_and_releases_it() {
    let schema = load::schema().unwrap();
    let source = load::source(&schema).unwrap();
    let policy = load::policy().unwrap().with(FaultKind::Cycle, Remedy::Quarantine).unwrap();
    let (held, report) = Book::load(schema, &source, &policy).unwrap();
    held.verify().unwrap();
    let rows = report.tables["accounts"];
    assert_eq!(rows.offered, rows.loaded + rows.quarantined);
    assert!(held.held_accounts().any(|held| held.row.id.as_str() == "4854359"));
    // The same mend as of the adopted one, and everything is where it is there.
    let ring = loaded().book.view(&Scope::all(), view_of(&held).as_of().clone()).unwrap();
    let parents = ring.account("4854359").unwrap().declared_parents();
    let id = ring.account("4854359").unwrap().id();
    let (mended, report) = held.apply(&Change::new().declare_parents(&id, parents)).unwrap();
    mended.verify().unwrap();
    assert_eq!(report.released.len(), rows.quarantined);
    assert_eq!(places(&view_of(&mended)), places(&view_of(&loaded().book)));
}

fn view_of(book: &Book) -> View {
    load::everything(book).unwrap()
}

/// The files, but for one link that comes second.
struct Mended<S>(S);

impl<S: Source> Source for Mended<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if request.table() != &TableName::Links {
            return self.0.scan(request, emit);
        }
        self.0.scan(request, &mut |batch: Batch| {
            let text = |column: &str, row: usize| batch.cells(column).unwrap().cell(row);
            let ring = |row: usize| {
                let is = |column: &str, id: &str| text(column, row) == Some(id).into();
                is("id", "4854359") && is("parent", "5058912")
            };
            let rows = 0..batch.rows();
            let ranked = Batch::new(TableName::Links)
                .column("id", Cells::any(rows.clone().map(|row| text("id", row))))
                .column("parent", Cells::any(rows.clone().map(|row| text("parent", row))))
                .column("rank", Cells::Int(rows.map(|row| Some(i64::from(ring(row)))).collect()));
            match emit(ranked) {
                ControlFlow::Break(()) => ControlFlow::Break(()),
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
            }
        })
    }

    fn provides(&self, table: &TableName) -> bool {
        self.0.provides(table)
    }
}

#[test]
fn a_mended_ring_is_where_a_load_of_mended_files_has_it() {
    let schema = load::schema().unwrap();
    let source = Mended(load::source(&schema).unwrap());
    let (fresh, report) = Book::load(schema, &source, &load::policy().unwrap()).unwrap();
    assert_eq!((report.count(FaultKind::Cycle), report.count(FaultKind::LinkCycle)), (0, 8));
    assert_eq!(places(&view_of(&fresh)), places(&view_of(&loaded().book)));
    // In any order of rows and batches of any size.
    let schema = load::schema().unwrap();
    let shuffled = FaultySource::shuffled(load::source(&schema).unwrap(), 7);
    let (other, _) = Book::load(schema, &shuffled, &load::policy().unwrap()).unwrap();
    let (change, mended) = load::mend(&view_of(&other));
    assert_eq!(mended, loaded().mended);
    let (other, _) = other.apply(&change).unwrap();
    assert_eq!(places(&view_of(&other)), places(&view_of(&fresh)));
    // Taking the link away altogether leaves one loop less.
    let id = view_of(&fresh).account("4854359").unwrap().id();
    let parents: Vec<ParentLink> = view_of(&fresh).account("4854359").unwrap().declared_parents();
    let parents = parents.into_iter().filter(|link| link.parent.as_str() != "5058912").collect();
    let (opened, _) = fresh.apply(&Change::new().declare_parents(&id, parents)).unwrap();
    let rings = petgraph::algo::kosaraju_scc(view_of(&opened).link_graph());
    assert_eq!(rings.iter().filter(|ring| ring.len() > 1).count(), 7);
}

#[test]
fn text_and_json_say_the_same() {
    let (mut text, mut json) = (Vec::new(), Vec::new());
    crate::bank::write_text_of(&mut text, loaded(), answers()).unwrap();
    crate::bank::write_json_of(&mut json, loaded(), answers()).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("DIFFERS"), "{text}");
    // The sum of all companies, not of their figures in whole millions: that was 16,106,172.
    assert!(text.contains(" 16,106,182\n"), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let accounts = document["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 19_345);
    let rolled_up = |entry: &serde_json::Value| entry["rolled_up"]["entities"].as_u64().unwrap();
    let roots = accounts.iter().filter(|entry| entry["parent"].is_null());
    assert_eq!(roots.map(rolled_up).sum::<u64>(), 19_345);
    let extra: usize = accounts.iter().map(|entry| entry["extra_parents"].as_array().unwrap().len()).sum();
    assert_eq!(extra, 22_864 - (19_345 - 38));
    assert_eq!(document["report"]["faults"]["several_parents"]["count"], 2_307);
    assert!(document["checks"].as_array().unwrap().iter().all(|check| check["equal"] == true));
}

#[test]
fn a_segment_is_asked() {
    let book = crate::bank::ask().unwrap_or_else(|error| panic!("{error}"));
    let question = crate::ask::Question {
        segment: Some("total_assets > 1000000".to_owned()),
        ..crate::ask::Question::default()
    };
    let mut out = Vec::new();
    crate::ask::answer(&mut out, &book, &question).unwrap_or_else(|error| panic!("{error}"));
    let out = String::from_utf8(out).unwrap_or_default();
    assert!(out.contains("members   ") && out.contains("(total_assets)"), "{out}");
}
