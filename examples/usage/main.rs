//! Usage of a made-up service, laid over an account tree: adoption per product and family, people counted once.
//!
//! ```sh
//! cargo run --release --example usage
//! cargo run --release --example usage -- --lineage at_risk   # where an answer comes from
//! cargo run --release --example usage -- --impact seats      # who reads an attribute
//! ```
//!
//! `catalog.json` holds the definitions, as an administrator would write them; `data.rs` reads the data set, and says what
//! contradicts itself in it.

mod data;
#[path = "../book_of_business/numbers.rs"]
#[allow(dead_code, reason = "each example uses its own part")]
mod numbers;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use data::{Contradictions, Loaded, PLANS};
use numbers::{count, grouped};
use perennial::aggregate::UsageFaultKind;
use perennial::catalog::{Catalog, Derived, Origin};
use perennial::expr::{Columns, ExplainLimits, ExprValue};
use perennial::{Account, AsOf, Scope, View};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let loaded = data::load()?;
    let definitions = Catalog::read([include_str!("catalog.json")])?;
    let catalog = Catalog::new(loaded.book.schema(), loaded.usage.schema(), definitions)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match arguments {
        [] => {
            let view = loaded.book.view(&Scope::all(), AsOf::date_utc(loaded.today))?;
            let usage = loaded.usage.over(&view, catalog.metrics());
            let derived = catalog.run(&view, Some(&usage), None);
            contradictions(&mut out, &loaded)?;
            adoption(&mut out, &view, &derived)?;
        }
        [option, name] if option == "--lineage" => lineage(&mut out, &catalog, name)?,
        [option, name] if option == "--impact" => {
            for impact in catalog.impact(&Origin::Attribute(name.as_str().into())) {
                writeln!(out, "{impact}")?;
            }
        }
        _ => return Err("usage: usage [--lineage DEFINITION | --impact ATTRIBUTE]".into()),
    }
    Ok(out.flush()?)
}

/// What was measured when the data set was described, and must be found again.
const MEASURED: Contradictions = Contradictions {
    rows: 25_000,
    before_start: 19_142,
    after_end: 290,
    churned_by_event: 352,
    churned_by_flag: 110,
    churned_by_both: 75,
};

/// What is not in the data set.
const MADE_UP: &str = "\
The data set is synthetic, and the people are made up here: it names nobody, so each use is given to one of as many people as the company has seats.
The tree is made up as well: companies are put under their industry and country.";

fn contradictions(out: &mut dyn Write, loaded: &Loaded) -> Result<(), Box<dyn Error>> {
    let (found, report) = (&loaded.contradictions, &loaded.report);
    let faults =
        |of: fn(&UsageFaultKind) -> bool| report.faults.iter().filter(|fault| of(&fault.kind)).count();
    let reused = faults(|kind| matches!(kind, UsageFaultKind::IdReused { .. }));
    let empty = faults(|kind| matches!(kind, UsageFaultKind::NoEvents));
    writeln!(out, "RavenStack, 2023-01-01 to {}", loaded.today)?;
    writeln!(
        out,
        "{} rows of usage: {} counted, {} events",
        count(report.rows),
        count(report.counted),
        grouped(report.events.into())
    )?;
    writeln!(out, "{MADE_UP}")?;
    writeln!(out, "\nWhat contradicts itself")?;
    for (rows, what) in [
        (found.before_start, "rows are dated before their subscription starts; they are counted"),
        (found.after_end, "rows are dated after it ended; they are counted"),
        (reused, "rows have the id of another use; they are left out"),
        (empty, "rows stand for no use at all; they are left out"),
    ] {
        writeln!(out, "  {:>6} {what}", count(rows))?;
    }
    writeln!(
        out,
        "  accounts that churned: {} by event, {} by flag, {} by both",
        count(found.churned_by_event),
        count(found.churned_by_flag),
        count(found.churned_by_both)
    )?;
    if *found != MEASURED || reused != 21 || report.counted + reused + empty != found.rows {
        return Err(format!("this is not what was measured: {found:?}, expected {MEASURED:?}").into());
    }
    Ok(())
}

fn shown(derived: &Derived, column: &str, account: Account<'_>) -> String {
    match derived.value(column, account) {
        None => "-".to_owned(),
        Some(ExprValue::Double(value)) => format!("{value:.3}"),
        Some(ExprValue::Int(value)) => people(value),
        Some(value) => format!("{value:#}"),
    }
}

/// A count, for people.
fn people(number: i64) -> String {
    grouped(number.unsigned_abs().into())
}

fn number(derived: &Derived, column: &str, account: Account<'_>) -> i64 {
    match derived.value(column, account) {
        Some(ExprValue::Int(value)) => value,
        _ => 0,
    }
}

fn adoption(out: &mut dyn Write, view: &View, derived: &Derived) -> Result<(), Box<dyn Error>> {
    let all = view.account("RavenStack").ok_or("the portfolio is not there")?;
    let of_plan = |plan: &str, account| number(derived, &format!("people_{}", plan.to_lowercase()), account);
    writeln!(out, "\nAdoption per product, last 90 days")?;
    for plan in PLANS {
        let (users, accounts) =
            (of_plan(plan, all), view.accounts().filter(|own| own.product() == Some(plan)).count());
        writeln!(out, "  {plan:<12} {:>6} people in {:>4} accounts", people(users), count(accounts))?;
    }
    let summed: i64 = PLANS.iter().map(|plan| of_plan(plan, all)).sum();
    let once = number(derived, "people", all);
    writeln!(
        out,
        "  together     {:>6} people, each once; the products add up to {}",
        people(once),
        people(summed)
    )?;

    writeln!(out, "\nPer family, the ten with most people")?;
    writeln!(
        out,
        "  {:<18} {:>9} {:>7} {:>9} {:>8} {:>9} {:>7} {:>7}  most used",
        "", "companies", "people", "(summed)", "adoption", "features", "errors", "place"
    )?;
    let mut families: Vec<Account<'_>> =
        view.accounts().filter(|own| own.account_type() == "Family").collect();
    families.sort_by_key(|family| (std::cmp::Reverse(number(derived, "people", *family)), family.id()));
    for family in families.iter().take(10).copied().chain([all]) {
        let summed: i64 = PLANS.iter().map(|plan| of_plan(plan, family)).sum();
        let shown = |column| shown(derived, column, family);
        writeln!(
            out,
            "  {:<18} {:>9} {:>7} {:>9} {:>8} {:>9} {:>7} {:>7}  {}",
            family.id_str(),
            shown("companies"),
            shown("people"),
            people(summed),
            shown("adoption"),
            shown("features"),
            shown("error_rate"),
            shown("place"),
            shown("top_features"),
        )?;
        if number(derived, "people", family) > summed {
            return Err(format!("{}: more people than its products have", family.id_str()).into());
        }
    }
    writeln!(out, "\nSegments")?;
    for (id, members) in derived.segments() {
        writeln!(out, "  {id:<10} {:>4} accounts", count(members.len()))?;
    }
    writeln!(out, "\nWhy")?;
    for id in ["at_risk", "fading"] {
        let Some(first) = view.accounts().find(|account| derived.is_member(id, *account)) else { continue };
        let limits = ExplainLimits::default().with_width(4);
        let why = Columns::from(derived).explain(id, first, &limits).ok_or("the segment is not there")??;
        writeln!(out, "{id}: {why:#}")?;
    }
    Ok(())
}

fn lineage(out: &mut dyn Write, catalog: &Catalog, name: &str) -> Result<(), Box<dyn Error>> {
    let id = catalog
        .order()
        .find(|id| &*id.name == name)
        .ok_or_else(|| format!("nothing defined is named {name}"))?;
    writeln!(out, "{id}")?;
    for step in catalog.lineage(id).unwrap_or_default() {
        writeln!(out, "{}{} reads {}", "  ".repeat(step.depth), step.read_by, step.origin)?;
    }
    Ok(())
}
