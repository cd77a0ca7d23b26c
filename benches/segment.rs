//! How long do segments and the queries of screens take: a portfolio, what changed, why, and one page of many accounts?
//!
//! `cargo bench --bench segment` measures at 1,000, 100,000 and 1,000,000 accounts on one thread; `-- --test` asks every
//! question once on the smallest book; `-- 100000` measures one size. Each line is the median of some rounds.

#![allow(
    clippy::indexing_slicing,
    reason = "a bench indexes what it has made itself; a wrong index ends the run"
)]

mod table;

use std::hint::black_box;
use std::io::Write;

use perennial::aggregate::UsageSchema;
use perennial::catalog::{Catalog, Derived};
use perennial::expr::{Ast, Checker};
use perennial::segment::{
    Analysis, GroupBy, Histogram, Importer, MeasureKind, Members, Query, Segment, SegmentChange,
};
use perennial::testkit::ReferenceBook;
use perennial::{AsOf, Book, Change, Date, Policy, Scope, View};

use table::{Outcome, Table};

fn main() -> Outcome<()> {
    let (test, sizes) = table::asked();
    // This thread is the pool, so that everything runs on it alone.
    let _here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    let mut out = std::io::stdout().lock();
    table::heads(&mut out)?;
    for size in sizes {
        let rounds = if test { 1 } else { (2_000_000 / size).clamp(5, 51) };
        let mut table = Table { out: &mut out, rounds };
        let reference = ReferenceBook::new(size, 7);
        let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict())?;
        portfolio(&mut table, &book, size, if test { 50 } else { 1_000 })?;
        screens(&mut table, &book, size)?;
        explained(&mut table, &book)?;
    }
    imports(&mut Table { out: &mut out, rounds: if test { 1 } else { 51 } })
}

fn view_on(book: &Book, day: Date) -> Outcome<View> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(day))?)
}

fn view(book: &Book) -> Outcome<View> {
    view_on(book, Date::new(2026, 1, 31)?)
}

/// Segments as a platform has them: of a few clauses each, drawn from common ones; a tenth asks another.
fn segments(count: usize) -> Outcome<Vec<Segment>> {
    let regions = ["AMER", "APAC", "EMEA", "LATAM"];
    let stages = ["Onboarding", "Adoption", "Value", "Renewal", "Advocacy"];
    let industries = ["Banking", "Software", "Retail", "Health", "Energy", "Media", "Travel"];
    let all = (0..count).map(|n| {
        let mut text = format!(
            "region == \"{}\" && journey_stage != \"{}\" && (industry == \"{}\" || nps > {}) && m{} > {} && contract_value > {}",
            regions[n % 4],
            stages[n / 4 % 5],
            industries[n % 7],
            n % 11 * 10,
            n % 8 + 1,
            n % 13 * 20,
            n % 17 * 1_000,
        );
        if n % 10 == 9 {
            text = format!("inSegment(\"s{}\") && {text}", n - 1);
        }
        Segment::parse(&format!("s{n}"), &text)
    });
    Ok(all.collect::<Result<_, _>>()?)
}

fn catalog(book: &Book, segments: Vec<Segment>) -> Outcome<Catalog> {
    Ok(Catalog::new(book.schema(), &UsageSchema::default(), segments.into_iter().map(Into::into))?)
}

/// Who entered and left.
fn changed_since(now: &Derived, before: &Derived) -> Option<SegmentChange> {
    Some(Members::of(now, "due")?.since(&Members::of(before, "due")?))
}

fn portfolio<W: Write>(table: &mut Table<'_, W>, book: &Book, size: usize, count: usize) -> Outcome<()> {
    let first = view(book)?;
    let many = catalog(book, segments(count)?)?;
    table.measure(&format!("{count} segments: who is in each"), size, || Ok(many.run(&first, None, None)))?;
    let members = catalog(book, segments(100)?)?.run(&first, None, None);
    table.measure("100 segments: duplicates, subsets, accounts in none", size, || {
        Ok(Analysis::of(&members))
    })?;

    let due = Segment::parse("due", "contract_renewal_date.inNext(90, 'days') && contract_value > 10000")?;
    let due = catalog(book, vec![due])?;
    let now = due.run(&first, None, None);
    let later = due.run(&view_on(book, Date::new(2026, 2, 28)?)?, None, None);
    table.measure("one segment: entered, left, stayed between two dates", size, || {
        Ok(changed_since(&later, &now))
    })?;
    // A change of values keeps the layout; an account more is another.
    let ids: Vec<_> =
        first.accounts().step_by(size.div_ceil(1_000).max(1)).map(|account| account.id()).collect();
    let values = ids.iter().fold(Change::new(), |change, id| {
        change.set(id, "contract_value", perennial::Money::from_minor(1, perennial::Currency::USD))
    });
    let (changed, _) = book.apply(&values)?;
    let after = due.run(&view(&changed)?, None, None);
    table.measure("one segment: between two books, 1,000 values changed", size, || {
        Ok(changed_since(&after, &now))
    })?;
    let gone =
        ids.iter().rev().find(|id| first.account(id.as_str()).is_some_and(|account| !account.has_children()));
    let (moved, _) = book.apply(&gone.iter().fold(Change::new(), |change, id| change.remove(id)))?;
    let after = due.run(&view(&moved)?, None, None);
    table.measure("one segment: between two books of other structure", size, || {
        Ok(changed_since(&after, &now))
    })
}

fn screens<W: Write>(table: &mut Table<'_, W>, book: &Book, size: usize) -> Outcome<()> {
    let view = view(book)?;
    let checker = Checker::new(&**book.schema());
    let sorted = |by: &str| Query::new().sort(by, true);
    let queries = [
        ("a page of 50 by value, 6 columns", sorted("contract_value")?),
        ("a page of 50 by name", Query::new().sort("name", false)?),
        ("a page of 50 by a sum over descendants", sorted("descendants.sum(d, d.contract_value)")?),
        ("a page of 50 of a segment", sorted("contract_value")?.filter("region == 'EMEA' && nps < 0")?),
        ("a search in ids and names", Query::new().search("account 12")),
    ];
    for (name, mut query) in queries {
        for column in ["name", "region", "nps", "contract_value", "parent.name", "level"] {
            query = query.column(column, column)?;
        }
        let query = query.check(&checker)?;
        table.measure(name, size, || Ok(query.run(&view, None)?))?;
        if name.contains("by value") {
            let first = query.run(&view, None)?;
            table.measure("the page after it", size, || Ok(query.run(&view, first.next.as_ref())?))?;
        }
    }
    let everybody = view.visible();
    let groups = GroupBy::new("region")?.measure("value", MeasureKind::Sum, "contract_value")?.measure(
        "nps",
        MeasureKind::Avg,
        "nps",
    )?;
    table.measure("groups by region: count, sum, mean", size, || {
        Ok(groups.run(&checker, &view, &everybody)?)
    })?;
    let nps = Ast::parse("nps")?;
    let edges: Vec<f64> = (-10..=10).map(|edge| f64::from(edge) * 10.0).collect();
    table.measure("a histogram of 20 ranges", size, || {
        Ok(Histogram::of(&checker, &view, &everybody, &nps, &edges)?)
    })
}

fn explained<W: Write>(table: &mut Table<'_, W>, book: &Book) -> Outcome<()> {
    let view = view(book)?;
    let checker = Checker::new(&**book.schema());
    let accounts: Vec<_> = view.accounts().step_by(view.len().div_ceil(64).max(1)).collect();
    let ten = r#"region in ["EMEA", "AMER"] && industry != "Mining" && nps > -50 && contract_value > 1000 && m1 > 10
        && m2 < 900 && m3 >= 5 && journey_stage != "Onboarding" && contract_renewal_date > date("2026-02-01")
        && parent.name == "Account 12""#;
    let walks = r#"lineage.exists(a, a.name == "Account 12") && children.all(c, c.nps >= 30) && owns("CRM")"#;
    for (name, text) in [("explain ten clauses", ten), ("explain a lineage, children and products", walks)] {
        let rule = checker.check_predicate(text)?;
        table.measure(name, accounts.len(), || {
            for account in &accounts {
                black_box(rule.explain(&view, *account)?);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn imports<W: Write>(table: &mut Table<'_, W>) -> Outcome<()> {
    let rules = r#"{"combinator":"and","rules":[{"field":"region","operator":"in","value":["EMEA","AMER"]},
        {"field":"nps","operator":"<","value":"0"},{"combinator":"or","rules":[
        {"field":"m1","operator":"between","value":[10,20]},{"field":"name","operator":"contains","value":"a"}]}]}"#;
    let terms = r#"{"terms":[{"type":"string","term":"status_group","in_list":["paying"]},
        {"type":"simple_date_attribute","attribute":"Contract Renewal Date","joker":"next_90_days"},
        {"type":"or","or":[{"type":"number","term":"score","lt":5},{"type":"active_list","is_in_one_of":[7]}]}]}"#;
    let (rules, terms) = (Importer::parse(rules)?, Importer::parse(terms)?);
    let importer = Importer::new();
    table
        .measure("import four rules of react-querybuilder", 1, || Ok(importer.react_querybuilder(&rules)?))?;
    table.measure("import four terms of Totango", 1, || Ok(importer.totango("search/accounts", &terms)?))
}
