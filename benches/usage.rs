//! How long does usage take: coming in, asked over windows, people counted once in every subtree; and forty roll-ups that an
//! administrator defined?
//!
//! `cargo bench --bench usage` measures at 1,000, 100,000 and 1,000,000 accounts on one thread; `-- --test` asks every question
//! once on the smallest book; `-- 100000` measures one size. Each line is the median of some rounds.

#![allow(
    clippy::indexing_slicing,
    reason = "a bench indexes what it has made itself; a wrong index ends the run"
)]

mod table;

use std::io::Write;

use perennial::aggregate::{
    Event, EventKind, Metric, Metrics, Operator, Over, RollUp, RollUpPlan, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{CalculatedAttribute, Catalog, Definition};
use perennial::expr::{Checker, ExprPlan};
use perennial::segment::Segment;
use perennial::testkit::{Random, ReferenceBook};
use perennial::{AsOf, Attribute, AttributeType, Book, Date, Policy, Reach, Scope, View};

use table::{Outcome, Table};

fn main() -> Outcome<()> {
    let (test, sizes) = table::asked();
    // This thread is the pool, so that everything runs on it alone.
    let _here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    let mut out = std::io::stdout().lock();
    table::heads(&mut out)?;
    for size in sizes {
        let rounds = if test { 1 } else { (1_000_000 / size).clamp(3, 31) };
        let mut table = Table { out: &mut out, rounds };
        let reference = ReferenceBook::new(size, 7);
        let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict())?;
        roll_ups(&mut table, &book, size)?;
        let rows = Rows::new(&book, size)?;
        let usage = coming_in(&mut table, &rows, size)?;
        asked(&mut table, &book, &usage, size)?;
    }
    Ok(())
}

fn today() -> Outcome<Date> {
    Ok(Date::new(2026, 1, 31)?)
}

fn view_on(book: &Book, day: Date) -> Outcome<View> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(day))?)
}

/// Two rows an account, on one of sixty days, by one of half as many people as there are accounts.
struct Rows {
    ids: Vec<String>,
    people: Vec<String>,
    /// Account, person, days ago, how often.
    uses: Vec<(usize, usize, i32, u32)>,
    today: Date,
}

impl Rows {
    fn new(book: &Book, size: usize) -> Outcome<Self> {
        let today = today()?;
        let ids: Vec<String> =
            view_on(book, today)?.accounts().map(|account| account.id_str().to_owned()).collect();
        let mut random = Random::new(11);
        let people =
            (0..(size / 2).max(1)).map(|number| format!("u{number}@example.com")).collect::<Vec<_>>();
        let mut pick = |below: usize| usize::try_from(random.below(below as u64));
        let mut rows = Vec::with_capacity(2 * size);
        for _ in 0..2 * size {
            let (account, person) = (pick(ids.len())?, pick(people.len())?);
            rows.push((account, person, i32::try_from(pick(60)?)?, u32::try_from(pick(5)?)? + 1));
        }
        Ok(Self { ids, people, uses: rows, today })
    }

    fn event(&self, (account, person, ago, count): (usize, usize, i32, u32)) -> Outcome<Event<'_>> {
        let day = self.today.plus_days(-ago).ok_or("no day")?;
        let event = Event::on("use", &self.ids[account], day).user(&self.people[person]).count(count);
        Ok(event.value("seconds", i64::from(count) * 7))
    }

    fn events(&self, rows: &[(usize, usize, i32, u32)]) -> Outcome<Vec<Event<'_>>> {
        rows.iter().map(|row| self.event(*row)).collect()
    }
}

fn empty() -> Outcome<Usage> {
    let kind = EventKind::new("use").measure(Attribute::new("seconds", AttributeType::Int));
    Ok(Usage::new(UsageSchema::new([kind])?, UsageSettings::new()))
}

fn coming_in<W: Write>(table: &mut Table<'_, W>, rows: &Rows, size: usize) -> Outcome<Usage> {
    let all = rows.events(&rows.uses)?;
    let mut full = empty()?;
    full.ingest(all.iter().cloned(), rows.today)?;
    table.measure("usage: two rows an account, one batch", size, || {
        let mut usage = empty()?;
        usage.ingest(all.iter().cloned(), rows.today)?;
        Ok(usage)
    })?;
    let thousand: Vec<Event<'_>> = all.iter().step_by((all.len() / 1_000).max(1)).cloned().collect();
    // Whoever holds the state before keeps it, so that what is touched is copied.
    table.measure("usage: a batch of 1,000 rows, the old state kept", size, || {
        let mut usage = full.clone();
        usage.ingest(thousand.iter().cloned(), rows.today)?;
        Ok(usage)
    })?;
    table.measure("usage: one event, the old state kept", size, || {
        let mut usage = full.clone();
        usage.ingest(thousand.first().cloned(), rows.today)?;
        Ok(usage)
    })?;
    let (buckets, bytes) = (full.buckets(), full.heap_bytes());
    writeln!(table.out, "    {buckets} buckets, {} bytes each", bytes / buckets.max(1))?;
    Ok(full)
}

fn asked<W: Write>(table: &mut Table<'_, W>, book: &Book, usage: &Usage, size: usize) -> Outcome<()> {
    let (today, schema) = (today()?, book.schema());
    let view = view_on(book, today)?;
    let metrics = Metrics::new(usage.schema(), [Metric::new("uses", "events(\"use\").count()")])?;
    table.measure("usage meets a view", size, || Ok(usage.over(&view, &metrics)))?;
    let seen = usage.over(&view, &metrics);
    let tomorrow = view_on(book, today.plus_days(1).ok_or("no day")?)?;
    table.measure("usage meets the view of the next day", size, || Ok(seen.refresh(usage, &tomorrow)))?;

    let names = usage.names(&**schema, &metrics);
    let checker = Checker::new(&names);
    let next = seen.refresh(usage, &tomorrow);
    for (name, text) in [
        ("window of 30 days: count", "events(\"use\").lastDays(30).count()"),
        ("window of 30 days: people", "events(\"use\").lastDays(30).distinct(e, e.user)"),
        ("window of 30 days: sum of a measure", "events(\"use\").lastDays(30).sum(e, e.seconds)"),
        ("window of 30 days: mean of a daily series", "metric(\"uses\").lastDays(30).avg()"),
    ] {
        let checked = checker.check(text)?;
        let plan = ExprPlan::new([&checked]);
        table.measure(name, size, || Ok(plan.run(&seen)?))?;
        table.measure("    and after a day has passed", size, || Ok(plan.run(&next)?))?;
    }
    let over = Over::Events { event: "use".into(), last_days: Some(30) };
    let of = |name: &str, operator| {
        RollUp::new(name, operator).over(over.clone()).reach(Reach::SelfAndDescendants)
    };
    for (name, roll_up) in [
        (
            "people of 30 days, each once, in every subtree",
            of("people", Operator::Distinct("row.user".into())),
        ),
        ("uses of 30 days in every subtree", of("uses", Operator::Count)),
        (
            "90th percentile of seconds in every subtree",
            of("p90", Operator::Percentile { of: "row.seconds".into(), hundredths: 9_000 }),
        ),
    ] {
        let plan = RollUpPlan::new(schema, &names, [roll_up])?;
        table.measure(name, size, || Ok(plan.run_with(&seen)))?;
    }
    let definitions: [Definition; 5] = [
        Metric::new("uses", "events(\"use\").count()").into(),
        RollUp::new("family_uses", Operator::Sum("metric(\"uses\").lastDays(7).sum()".into())).into(),
        RollUp::new("all_accounts", Operator::Count).into(),
        CalculatedAttribute::new("uses_each", "ratio(family_uses, all_accounts)").into(),
        Segment::parse("quiet", "uses_each < 0.5 && contract_value > 10000")?.into(),
    ];
    let catalog = Catalog::new(schema, usage.schema(), definitions)?;
    table
        .measure("a catalog five deep: segment to events", size, || Ok(catalog.run(&view, Some(&seen), None)))
}

/// Forty, as an administrator of a large platform has them.
fn forty() -> Vec<RollUp> {
    let mut all: Vec<RollUp> = Vec::new();
    let mut add = |operator: Operator, filter: Option<&str>| {
        let definition = RollUp::new(&format!("r{}", all.len()), operator);
        all.push(match filter {
            Some(filter) => definition.filter(filter),
            None => definition,
        });
    };
    for metric in 1..=8 {
        let of = || -> std::sync::Arc<str> { format!("m{metric}").into() };
        add(Operator::Sum(of()), None);
        add(Operator::Average(of()), Some("region == \"EMEA\""));
    }
    for region in ["AMER", "APAC", "EMEA", "LATAM"] {
        let filter = format!("region == \"{region}\"");
        add(Operator::Count, Some(&filter));
        add(Operator::Sum("contract_value".into()), Some(&filter));
        add(Operator::Max("nps".into()), Some(&filter));
    }
    add(Operator::Ratio { numerator: "m1".into(), denominator: "m2".into() }, None);
    add(Operator::WeightedAverage { of: "contract_value".into(), weight: "nps".into() }, None);
    add(Operator::Variance { of: "nps".into(), sample: true }, None);
    add(Operator::Min("contract_renewal_date".into()), None);
    add(Operator::Last { of: "journey_stage".into(), by: "contract_renewal_date".into() }, None);
    add(Operator::Distinct("industry".into()), None);
    add(Operator::Mode("industry".into()), None);
    add(Operator::Top { of: "region".into(), k: 3 }, None);
    add(Operator::Percentile { of: "m3".into(), hundredths: 5_000 }, None);
    add(Operator::ApproximatePercentile { of: "m4".into(), hundredths: 9_000 }, None);
    add(Operator::Share { of: "journey_stage".into(), value: "Value".into() }, None);
    add(Operator::Largest { of: "contract_value".into(), k: 3 }, None);
    all
}

fn roll_ups<W: Write>(table: &mut Table<'_, W>, book: &Book, size: usize) -> Outcome<()> {
    let view = view_on(book, today()?)?;
    let all = forty();
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), all.clone())?;
    table.measure(&format!("{} roll-ups, from scratch", all.len()), size, || Ok(plan.run(&view)))?;
    for definition in [0, 1, 16, 18, 28, 31, 33, 34, 35, 36, 37, 39] {
        let Some(definition) = all.get(definition) else { continue };
        let name = format!("    {:?}", definition.operator());
        let plan = RollUpPlan::new(book.schema(), &**book.schema(), [definition.clone()])?;
        table.measure(&name.chars().take(56).collect::<String>(), size, || Ok(plan.run(&view)))?;
    }
    Ok(())
}
