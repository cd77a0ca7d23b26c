//! How does each cost grow with the book?
//!
//! Loading, arranging the tree alone, rolling up, one value changed with its roll-ups, one account moved, and
//! bytes: the median of each at growing sizes, per account, and the slope between neighbouring sizes on
//! logarithmic scales: 1 is linear, 0 is the same at any size. `cargo bench --bench scale` goes from 1,000 to
//! 1,000,000 accounts; `-- 10000000` goes one further (10 GB and some minutes), `-- 1000 4000` measures those
//! sizes; `-- --test` measures two small ones once.
//!
//! An allocator counts bytes, which costs a few per cent of time: absolute times are those of `book`.

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use perennial::aggregate::{Operator, RollUp, RollUpPlan};
use perennial::source::{ScanRequest, Source, TableName};
use perennial::testkit::{Random, ReferenceBook};
use perennial::{AccountId, AsOf, Book, Change, Date, Decimal, Nesting, Policy, Schema, Scope, View};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    let mut chosen: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    chosen.sort_unstable();
    let usual = vec![1_000, 10_000, 100_000, 1_000_000];
    let sizes = match (test, &*chosen) {
        (true, _) => vec![1_000, 4_000],
        (false, []) => usual,
        // One size alone has no slope: it follows the usual ones.
        (false, [one]) => usual.into_iter().filter(|size| size < one).chain([*one]).collect(),
        (false, _) => chosen,
    };
    let mut questions: Vec<Question> = Vec::new();
    for size in sizes {
        let rounds = if test { 1 } else { (3_000_000 / size).clamp(3, 101) };
        for (place, (name, unit, amount)) in measure(size, rounds)?.into_iter().enumerate() {
            if place == questions.len() {
                questions.push(Question { name, unit, points: Vec::new() });
            }
            if let Some(question) = questions.get_mut(place) {
                question.points.push((to_f64(size), amount));
            }
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<42} {:>10} {:>12} {:>12} {:>7}",
        "question", "accounts", "in all", "an account", "slope"
    )?;
    for question in &questions {
        write!(out, "{question}")?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    /// Of a change, which costs a path and not the book: seconds, and none an account.
    SecondsOfAChange,
    Bytes,
}

/// One question, and what was measured at each size.
struct Question {
    name: &'static str,
    unit: Unit,
    points: Vec<(f64, f64)>,
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut before: Option<(f64, f64)> = None;
        for (size, amount) in &self.points {
            let (all, each) = match self.unit {
                Unit::Seconds => (
                    format!("{:.1?}", Duration::from_secs_f64(*amount)),
                    format!("{:.1} ns", amount * 1e9 / size),
                ),
                Unit::SecondsOfAChange => {
                    (format!("{:.1?}", Duration::from_secs_f64(*amount)), String::new())
                }
                Unit::Bytes => (format!("{:.1} MB", amount / 1e6), format!("{:.1} B", amount / size)),
            };
            write!(f, "{:<42} {size:>10} {all:>12} {each:>12}", self.name)?;
            match before {
                Some((less, then)) => {
                    writeln!(f, " {:>7.2}", (amount / then).ln() / (size / less).ln())?;
                }
                None => writeln!(f)?,
            }
            before = Some((*size, *amount));
        }
        Ok(())
    }
}

fn to_f64(number: usize) -> f64 {
    // Sizes and bytes are far below 2^53.
    f64::from(u32::try_from(number / 1_000_000).unwrap_or(u32::MAX)) * 1e6
        + f64::from(u32::try_from(number % 1_000_000).unwrap_or(u32::MAX))
}

/// The median time of a job whose result is dropped untimed.
fn time<T>(rounds: usize, mut job: impl FnMut(usize) -> Outcome<T>) -> Outcome<f64> {
    let mut times = Vec::new();
    for round in 0..rounds {
        let start = Instant::now();
        let made = black_box(job(round)?);
        times.push(start.elapsed());
        drop(made);
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64))
}

fn view(book: &Book) -> Outcome<View> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?)
}

/// The roll-ups of the reference table: 8 sums, a count, a minimum and a maximum.
fn roll_ups() -> impl Iterator<Item = RollUp> {
    let sum = |metric| RollUp::new(&format!("sum{metric}"), Operator::Sum(format!("m{metric}").into()));
    let others = [
        RollUp::new("how_many", Operator::Count),
        RollUp::new("least", Operator::Min("contract_value".into())),
        RollUp::new("greatest", Operator::Max("contract_value".into())),
    ];
    (1..=8).map(sum).chain(others).map(RollUp::with_cancelled)
}

/// The types and products of a schema without its attributes: a load of it arranges the tree and no more.
fn bare(schema: &Schema) -> Outcome<Arc<Schema>> {
    let mut builder = Schema::builder();
    for kind in schema.account_types() {
        builder = builder.account_type(kind.name(), Nesting::Ordered);
    }
    for product in schema.products() {
        builder = builder.product(product.name());
    }
    Ok(Arc::new(builder.build()?))
}

/// What the source itself takes to make its batches.
fn scan(schema: &Schema, source: &dyn Source) -> Outcome<()> {
    let request = ScanRequest::for_schema(schema, TableName::Accounts);
    source.scan(&request, &mut |batch| {
        black_box(batch);
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// Every question at one size: its name, its unit and the amount.
fn measure(size: usize, rounds: usize) -> Outcome<Vec<(&'static str, Unit, f64)>> {
    let mut found = Vec::new();
    let reference = ReferenceBook::new(size, 7);
    let (source, schema) = (reference.source(), reference.schema());
    let few = rounds.min(11);

    let load = |schema: &Arc<Schema>| Ok(Book::load(Arc::clone(schema), &source, &Policy::strict())?.0);
    found.push(("load 20 attributes, generator included", Unit::Seconds, time(few, |_| load(&schema))?));
    found.push(("  the generator alone", Unit::Seconds, time(few, |_| scan(&schema, &source))?));
    let structure = bare(&schema)?;
    found.push(("load ids, parents, types and products", Unit::Seconds, time(few, |_| load(&structure))?));
    found.push(("  the generator alone", Unit::Seconds, time(few, |_| scan(&structure, &source))?));

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let book = load(&schema)?;
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    let held = ALLOCATOR.current_usage().saturating_sub(before);

    let now = view(&book)?;
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), roll_ups())?;
    found.push(("8 sums, count, min, max", Unit::Seconds, time(rounds, |_| Ok(plan.run(&now)))?));

    // Every round another account: one tree would be in the processor's cache.
    let mut random = Random::new(11);
    let accounts: Vec<AccountId> = (0..rounds.max(101))
        .map(|_| {
            usize::try_from(random.below(size as u64)).map(|number| AccountId::new(reference.id(number)))
        })
        .collect::<Result<Result<_, _>, _>>()??;
    let chosen = |round: usize| accounts.get(round).ok_or("more rounds than accounts");
    let rounds = accounts.len().min(if rounds == 1 { 1 } else { usize::MAX });
    let answers = plan.run(&now);
    let value = time(rounds, |round| {
        let number = i128::try_from(round)? + 1_000_000_000;
        let (after, _) = book.apply(&Change::new().set(chosen(round)?, "m1", Decimal::new(number, 2)))?;
        Ok(plan.refresh(&view(&after)?, &answers))
    })?;
    found.push(("one value and its 11 roll-ups", Unit::SecondsOfAChange, value));
    let moved = time(rounds, |round| Ok(book.apply(&Change::new().move_to_root(chosen(round)?))?))?;
    found.push(("one account moved", Unit::SecondsOfAChange, moved));

    found.push(("bytes held after a load", Unit::Bytes, to_f64(held)));
    found.push(("bytes at the peak of a load", Unit::Bytes, to_f64(peak)));
    Ok(found)
}
