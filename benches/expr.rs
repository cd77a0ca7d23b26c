//! How long do expressions take: segments over a book, the hierarchy, child tables, one record, parsing?
//!
//! `cargo bench --bench expr` measures at 1,000, 100,000 and 1,000,000 accounts on one thread; `-- --test` runs every
//! question once on the smallest book; `-- 100000` measures one size. Each line is the median of some rounds, in all
//! and for each account. What other tools take for the same stands in `benches/peers`.

#![allow(
    clippy::indexing_slicing,
    reason = "a bench indexes what it has made itself; a wrong index ends the run"
)]

mod table;

use std::hint::black_box;
use std::io::Write;

use perennial::expr::{Checked, Checker, ExprPlan, Field, Record};
use perennial::source::MemorySource;
use perennial::testkit::ReferenceBook;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Currency,
    Date, Money, Nesting, Policy, Schema, Scope, TableKind, View,
};

use table::{Outcome, Table};

/// The segments of the design, with a name for each.
const SEGMENTS: [(&str, &str); 9] = [
    ("1 region", r#"region == "EMEA""#),
    ("2 type, product, NPS", r#"account_type == "Level 3" && has(product) && nps < 0"#),
    (
        "3 industry in 3, contract value range",
        r#"industry in ["Banking", "Software", "Retail"] && between(contract_value, 10000, 50000)"#,
    ),
    ("4 product account, renewal in 90 days", r#"has(product) && contract_renewal_date.inNext(90, "days")"#),
    (
        "5 (stage or NPS or metric) and not region",
        r#"(journey_stage == "Adoption" || nps < -20 || m1 > 500) && region != "APAC""#,
    ),
    (
        "6 ten clauses",
        r#"region in ["EMEA", "AMER"] && industry != "Mining" && nps > -50 && contract_value > 1000 && m1 > 10
           && m2 < 900 && m3 >= 5 && journey_stage != "Onboarding" && contract_renewal_date > date("2026-02-01")
           && contract_start_date < date("2026-01-01")"#,
    ),
    ("7 name contains, case-blind, and region", r#"name.containsFold("ACCOUNT 12") && region == "EMEA""#),
    ("8 arithmetic over metrics", "ratio(m1 - m2, m3 + 1) > 0.5 && m4 * 2 > m5 + m6"),
    (
        "five clauses",
        r#"contract_value > 50000 && (industry == "Software" || industry == "Banking") && nps < 60
           && region in ["EMEA", "APAC"]"#,
    ),
];

const HIERARCHY: [(&str, &str); 6] = [
    ("lineage.exists(name)", r#"lineage.exists(a, a.name == "Account 12")"#),
    ("lineage.at(type).name", r#"lineage.at("Level 1").name == "Account 12""#),
    ("descendants.sum", "descendants.sum(d, d.contract_value) > 250000"),
    ("owns", r#"owns("CRM") && !owns("Billing")"#),
    ("children.all", "children.all(c, c.nps >= 30)"),
    ("children.exists, against the parent", "children.exists(c, c.contract_value > contract_value)"),
];

fn main() -> Outcome<()> {
    let (test, sizes) = table::asked();
    // This thread is the pool, so that everything runs on it alone.
    let _here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    let mut out = std::io::stdout().lock();
    table::heads(&mut out)?;
    for size in sizes {
        let rounds = if test { 1 } else { (5_000_000 / size).clamp(7, 101) };
        let mut table = Table { out: &mut out, rounds };
        books(&mut table, size)?;
        child_tables(&mut table, size.min(100_000))?;
    }
    let mut table = Table { out: &mut out, rounds: if test { 1 } else { 31 } };
    many(&mut table, if test { 1_000 } else { 100_000 }, if test { 50 } else { 1_000 })?;
    alone(&mut table, if test { 10 } else { 100_000 })
}

fn view(book: &Book) -> Outcome<View> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?)
}

fn books<W: Write>(table: &mut Table<'_, W>, size: usize) -> Outcome<()> {
    let reference = ReferenceBook::new(size, 7);
    let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict())?;
    let view = view(&book)?;
    let checker = Checker::new(&**book.schema());
    let check = |text: &str| checker.check_predicate(text);
    for (name, text) in SEGMENTS {
        let plan = ExprPlan::new([&check(text)?]);
        table.measure(name, size, || Ok(plan.run(&view)?.matching(0)))?;
    }
    let all: Vec<Checked> = SEGMENTS.iter().take(8).map(|(_, text)| check(text)).collect::<Result<_, _>>()?;
    let plan = ExprPlan::new(&all);
    table.measure("the eight together", size, || Ok(plan.run(&view)?))?;
    for (name, text) in HIERARCHY {
        let plan = ExprPlan::new([&check(text)?]);
        table.measure(name, size, || Ok(plan.run(&view)?.matching(0)))?;
    }
    Ok(())
}

/// Two contracts an account.
fn child_tables<W: Write>(table: &mut Table<'_, W>, size: usize) -> Outcome<()> {
    let contracts = ChildTable::new("contracts", TableKind::Contracts)
        .column(Attribute::new("amount", AttributeType::Money(Currency::EUR)))
        .column(Attribute::new("end_date", AttributeType::Date));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
        .table(contracts)
        .build()?;
    let mut source = MemorySource::new();
    for number in 0..size {
        let id = AccountId::new(format!("a{number}"))?;
        let amount = |minor: usize| Money::from_minor(i128::try_from(minor).unwrap_or(0), Currency::EUR);
        source = source.account(AccountRow::new(id.clone(), "Company").with("arr", amount(number * 100)));
        for part in 0..2 {
            let days = 20_000 + i32::try_from((number * 7 + part * 400) % 2_000)?;
            let row = ChildRow::new(ChildId::new(format!("c{number}-{part}"))?, id.clone())
                .with("amount", amount(number * 37 % 90_000))
                .with("end_date", Date::from_days(days).ok_or("no day")?);
            source = source.child("contracts", row);
        }
    }
    let (book, _) = Book::load(schema, &source, &Policy::strict())?;
    let view = view(&book)?;
    let checker = Checker::new(&**book.schema());
    for (name, text) in [
        ("contracts.exists", "contracts.exists(c, c.end_date < today() && c.amount > 500)"),
        ("contracts.exists, against the account", "contracts.exists(c, c.amount > arr * 0.1)"),
    ] {
        let plan = ExprPlan::new([&checker.check_predicate(text)?]);
        table.measure(name, size, || Ok(plan.run(&view)?.matching(0)))?;
    }
    Ok(())
}

/// Many segments at once, as a platform has them: of a few clauses each, drawn from common ones.
fn many<W: Write>(table: &mut Table<'_, W>, size: usize, expressions: usize) -> Outcome<()> {
    let reference = ReferenceBook::new(size, 7);
    let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict())?;
    let view = view(&book)?;
    let checker = Checker::new(&**book.schema());
    let regions = ["AMER", "APAC", "EMEA", "LATAM"];
    let stages = ["Onboarding", "Adoption", "Value", "Renewal", "Advocacy"];
    let industries = ["Banking", "Software", "Retail", "Health", "Energy", "Media", "Travel"];
    let checked: Vec<Checked> = (0..expressions)
        .map(|n| {
            let text = format!(
                "region == \"{}\" && journey_stage != \"{}\" && (industry == \"{}\" || nps > {}) && m{} > {} && contract_value > {}",
                regions[n % 4],
                stages[n / 4 % 5],
                industries[n % 7],
                n % 11 * 10 - if n % 11 < 5 { 0 } else { 50 },
                n % 8 + 1,
                n % 13 * 20,
                n % 17 * 1_000,
            );
            checker.check_predicate(&text)
        })
        .collect::<Result<_, _>>()?;
    let plan = ExprPlan::new(&checked);
    table.measure(&format!("{expressions} segments at once"), size, || Ok(plan.run(&view)?))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
    table.measure(&format!("{expressions} segments at once, two threads"), size, || {
        Ok(pool.install(|| plan.run(&view))?)
    })
}

/// An account as a service holds it.
struct Lead {
    contract_value: Money,
    industry: &'static str,
    nps: i64,
    region: &'static str,
}

impl Record for Lead {
    fn field(&self, number: usize) -> Field<'_> {
        match number {
            0 => self.contract_value.into(),
            1 => self.industry.into(),
            2 => self.nps.into(),
            _ => self.region.into(),
        }
    }
}

/// One record, and one text.
fn alone<W: Write>(table: &mut Table<'_, W>, times: usize) -> Outcome<()> {
    let reference = ReferenceBook::new(10, 7);
    let schema = reference.schema();
    let checker = Checker::new(&*schema);
    let (_, five) = SEGMENTS[8];
    let bind =
        |name: &str| ["contract_value", "industry", "nps", "region"].iter().position(|known| *known == name);
    let rule = checker.check_predicate(five)?.for_records(&AsOf::date_utc(Date::new(2026, 1, 31)?), bind)?;
    let industries = ["Banking", "Software", "Retail"];
    let leads: Vec<Lead> = (0..64)
        .map(|n: i64| Lead {
            contract_value: Money::from_minor(i128::from(n) * 300_000, Currency::USD),
            industry: industries[usize::try_from(n).unwrap_or(0) % 3],
            nps: n,
            region: if n % 2 == 0 { "EMEA" } else { "LATAM" },
        })
        .collect();
    table.measure("one record, five clauses", times, || {
        Ok(leads.iter().cycle().take(times).filter(|lead| rule.matches(*lead)).count())
    })?;
    let json = checker.check_predicate(five)?.for_json(&AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    let object =
        serde_json::json!({ "contract_value": 60000, "industry": "Software", "nps": 10, "region": "EMEA" });
    let few = times.div_ceil(10);
    table.measure("one JSON object, five clauses", few, || {
        let mut matched = 0;
        for _ in 0..few {
            matched += usize::from(json.truth(&object)? == Some(true));
        }
        Ok(matched)
    })?;
    let text = r#"contract_value > 50000 && (industry == "Software" || industry == "Banking") && nps < 60 && region in ["EMEA", "APAC"] && contract_renewal_date.inNext(90, "days") && name.contains("Account") && m1 > 5"#;
    let few = times.div_ceil(100);
    table.measure(&format!("parse and check {} bytes", text.len()), few, || {
        for _ in 0..few {
            black_box(checker.check_predicate(black_box(text))?);
        }
        Ok(())
    })
}
