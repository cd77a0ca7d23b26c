//! How long do the main jobs take, as ratios to copying the same bytes?
//!
//! One question a row: loading, arranging the tree alone, rolling up, one change in a usual tree and in
//! one huge tree, a refresh after it, a snapshot written and read. Each is measured in turn with its yardstick (a plain copy), round
//! after round, and the medians are printed with their ratio, at 1,000, 100,000 and 1,000,000 accounts.
//! `cargo bench --bench book` runs all of it; `-- --test` runs every question once on the smallest book;
//! `-- 100000` measures one size.

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use perennial::aggregate::{Operator, RollUp, RollUpPlan};
use perennial::testkit::{PlainBook, ReferenceBook};
use perennial::{AccountId, AccountRow, AsOf, Book, Change, Date, Decimal, Policy, Scope, View};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    let chosen: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = match (test, chosen.is_empty()) {
        (true, _) => vec![1_000],
        (false, true) => vec![1_000, 100_000, 1_000_000],
        (false, false) => chosen,
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<44} {:>10} {:>12} {:>12} {:>9}", "question", "accounts", "median", "copy", "ratio")?;
    for size in sizes {
        let rounds = if test { 1 } else { (2_000_000 / size).clamp(7, 101) };
        for row in questions(size, rounds)? {
            writeln!(out, "{row}")?;
        }
    }
    Ok(())
}

/// One line of the table.
struct Row {
    question: &'static str,
    accounts: usize,
    median: Duration,
    copy: Option<Duration>,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { question, accounts, median, copy } = self;
        write!(f, "{question:<44} {accounts:>10} {:>12}", format!("{median:.1?}"))?;
        match copy {
            Some(copy) => {
                let ratio = median.as_secs_f64() / copy.as_secs_f64();
                write!(f, " {:>12} {ratio:>9.2}", format!("{copy:.1?}"))
            }
            None => Ok(()),
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Times a job and its yardstick in turn. A job answers what it made, which is dropped untimed.
fn measure<T, C>(
    rounds: usize,
    mut job: impl FnMut() -> Outcome<T>,
    mut copy: impl FnMut() -> C,
) -> Outcome<(Duration, Duration)> {
    let (mut jobs, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        let copied = black_box(copy());
        copies.push(start.elapsed());
        drop(copied);
        let start = Instant::now();
        let made = black_box(job()?);
        jobs.push(start.elapsed());
        drop(made);
    }
    Ok((median(jobs), median(copies)))
}

fn view(book: &Book) -> Outcome<View> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?)
}

/// The row of the reference table: 8 sums, a count, a minimum and a maximum for every account.
fn roll_ups() -> Vec<RollUp> {
    let sum = |metric| RollUp::new(&format!("sum{metric}"), Operator::Sum(format!("m{metric}").into()));
    let others = [
        RollUp::new("how_many", Operator::Count),
        RollUp::new("least", Operator::Min("contract_value".into())),
        RollUp::new("greatest", Operator::Max("contract_value".into())),
    ];
    (1..=8).map(sum).chain(others).map(RollUp::with_cancelled).collect()
}

fn questions(size: usize, rounds: usize) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    let mut row = |question, (median, copy): (Duration, Option<Duration>)| {
        rows.push(Row { question, accounts: size, median, copy });
    };
    let reference = ReferenceBook::new(size, 7);
    let source = reference.source();
    let schema = reference.schema();
    let (book, _) = Book::load(schema.clone(), &source, &Policy::strict())?;
    let bytes = vec![1_u8; book.heap_bytes()];
    let few = (rounds / 5).max(if rounds == 1 { 1 } else { 3 });

    // What the source itself takes to make its batches is measured apart.
    let scanned = scan(&schema, &source, few)?;
    let (load, copy) =
        measure(few, || Ok(Book::load(schema.clone(), &source, &Policy::strict())?), || bytes.clone())?;
    row("load 20 attributes (with generating them)", (load, Some(copy)));
    row("  of which the source takes", (scanned, None));

    let saved = book.to_snapshot();
    let schema = book.schema();
    let written = measure(few, || Ok(book.to_snapshot()), || saved.clone())?;
    row("snapshot written", (written.0, Some(written.1)));
    let read = measure(few, || Ok(Book::from_snapshot(schema.clone(), &saved)?), || saved.clone())?;
    row("snapshot read", (read.0, Some(read.1)));

    let bare = PlainBook::one_tree(size, 7);
    let tree_schema = bare.schema();
    let links = vec![1_u32; 4 * size];
    let tree =
        measure(few, || Ok(Book::load(tree_schema.clone(), &bare, &Policy::strict())?), || links.clone())?;
    row("load one tree of this size, few attributes", (tree.0, Some(tree.1)));

    let difference = measure(few, || Ok(Change::from_source(&book, &source)?), || bytes.clone())?;
    row("difference to an unchanged source", (difference.0, Some(difference.1)));

    let columns: Vec<Vec<i64>> = (0..8).map(|_| vec![1_i64; size]).collect();
    let view_now = view(&book)?;
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), roll_ups())?;
    let fold = measure(rounds, || Ok(plan.run(&view_now)), || columns.clone())?;
    row("8 sums, count, min, max for every account", (fold.0, Some(fold.1)));

    let answers = plan.run(&view_now);
    let usual = view_now.accounts().nth(size / 2).map(|account| account.id());
    let usual = usual.ok_or("an empty book")?;
    changes(&book, &usual, "m1", rounds, &mut |question, time| row(question, (time, None)))?;
    let mut next = 0;
    let refreshed = measure(
        rounds,
        || {
            next += 1;
            let (after, _) = book.apply(&Change::new().set(&usual, "m1", Decimal::new(next, 2)))?;
            Ok(plan.refresh(&view(&after)?, &answers))
        },
        || (),
    )?;
    row("value and 11 roll-ups current to the root", (refreshed.0, None));

    let (one, _) = Book::load(tree_schema.clone(), &bare, &Policy::strict())?;
    let inside = view(&one)?.accounts().nth(size / 2).map(|account| account.id()).ok_or("an empty tree")?;
    changes(&one, &inside, "revenue", rounds, &mut |question, time| {
        let question = match question {
            "one value" => "one value, one tree of this size",
            "one account added" => "one account added, one tree of this size",
            _ => "one account moved, one tree of this size",
        };
        row(question, (time, None));
    })?;
    Ok(rows)
}

fn scan(
    schema: &perennial::Schema,
    source: &dyn perennial::source::Source,
    rounds: usize,
) -> Outcome<Duration> {
    use perennial::source::{ScanRequest, TableName};
    let request = ScanRequest::for_schema(schema, TableName::Accounts);
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        source.scan(&request, &mut |batch| {
            black_box(batch);
            std::ops::ControlFlow::Continue(())
        })?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

/// One value, one account more, one account moved away and its report.
fn changes(
    book: &Book,
    account: &AccountId,
    attribute: &str,
    rounds: usize,
    row: &mut dyn FnMut(&'static str, Duration),
) -> Outcome<()> {
    let now = view(book)?;
    let found = now.account(account.as_str()).ok_or("not there")?;
    let value = found.value(attribute);
    let mut number = 0_i64;
    let (time, _) = measure(
        rounds,
        || {
            number += 1;
            let change = match value {
                Some(perennial::Value::Int(_)) => Change::new().set(account, attribute, number),
                Some(perennial::Value::Money(money)) => {
                    let amount = perennial::Money::from_minor(i128::from(number), money.currency());
                    Change::new().set(account, attribute, amount)
                }
                _ => Change::new().set(account, attribute, Decimal::new(i128::from(number), 2)),
            };
            Ok(book.apply(&change)?)
        },
        || (),
    )?;
    row("one value", time);
    let root = found.root();
    let below = book.schema().account_types().nth(1).or_else(|| book.schema().account_types().next());
    let kind = below.map(|kind| kind.name().to_owned()).ok_or("no account types")?;
    let (time, _) = measure(
        rounds,
        || {
            number += 1;
            let id = AccountId::new(format!("{}-new-{number}", root.id()))?;
            Ok(book.apply(&Change::new().add(AccountRow::new(id, &kind).under(root.id())))?)
        },
        || (),
    )?;
    row("one account added", time);
    let (time, _) = measure(rounds, || Ok(book.apply(&Change::new().move_to_root(account))?), || ())?;
    row("one account moved", time);
    Ok(())
}
