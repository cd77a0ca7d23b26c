//! How long does it take to close a day, and how much room does a year take?
//!
//! `cargo bench --bench records` measures at 1,000, 100,000 and 1,000,000 accounts on one thread; `-- --test` does everything once on the
//! smallest book, with a week instead of a year; `-- 100000` measures one size. Each line is the median of some rounds. Twenty columns are
//! recorded, sixteen attributes and calculated attributes, two roll-ups and two past values; a day changes them for one account in a hundred.

#![allow(
    clippy::indexing_slicing,
    reason = "a bench indexes what it has made itself; a wrong index ends the run"
)]

mod table;

use std::io::Write;
use std::time::Instant;

use perennial::aggregate::{Operator, RollUp};
use perennial::catalog::{CalculatedAttribute, Definition, PastValue, Recorded};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::testkit::{Random, ReferenceBook};
use perennial::{AccountId, AsOf, Change, Date, Decimal};

use table::{Outcome, Table};

fn main() -> Outcome<()> {
    let (test, sizes) = table::asked();
    // This thread is the pool, so that everything runs on it alone.
    let _here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    let mut out = std::io::stdout().lock();
    table::heads(&mut out)?;
    for size in sizes {
        let rounds = if test { 1 } else { 5 };
        let mut table = Table { out: &mut out, rounds };
        days(&mut table, size)?;
        if size <= 100_000 {
            year(table.out, size, if test { 7 } else { 365 })?;
        }
    }
    Ok(())
}

fn definitions() -> Vec<Definition> {
    let mut names: Vec<String> = (1..=8).map(|number| format!("m{number}")).collect();
    let mut all: Vec<Definition> = Vec::new();
    for number in 1..=8 {
        let name = format!("half_{number}");
        all.push(CalculatedAttribute::new(&name, &format!("ratio(m{number}, 2)")).into());
        names.push(name);
    }
    for number in 1..=2 {
        let (sum, past) = (format!("sum_{number}"), format!("past_{number}"));
        all.push(RollUp::new(&sum, Operator::Sum(format!("m{number}").as_str().into())).into());
        all.push(PastValue::new(&past, &format!("m{number}"), 1).into());
        names.extend([sum, past]);
    }
    all.push(Recorded::new("daily", names.iter().map(String::as_str), 400).into());
    all
}

/// An engine, and what changes its book from day to day.
struct Days {
    engine: Engine,
    book: ReferenceBook,
    random: Random,
    day: Date,
    round: i64,
}

impl Days {
    fn new(size: usize) -> Outcome<Self> {
        let book = ReferenceBook::new(size, 7);
        let day = Date::new(2026, 1, 31)?;
        let engine = Engine::new(book.schema(), AsOf::date_utc(day), EngineSettings::new().remember(1))?;
        engine.load(&book.source())?;
        engine.define(definitions())?;
        Ok(Self { engine, book, random: Random::new(5), day, round: 0 })
    }

    /// Changes one account in a hundred.
    fn change(&mut self, size: usize) -> Outcome<()> {
        self.round += 1;
        let mut change = Change::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..size / 100 {
            let number = usize::try_from(self.random.below(size as u64))?;
            if seen.insert(number) {
                let id = AccountId::new(self.book.id(number))?;
                for metric in 1..=8 {
                    let value = Decimal::new((self.round * 31 % 9_999 + metric).into(), 2);
                    change = change.set(&id, &format!("m{metric}"), value);
                }
            }
        }
        self.engine.apply(change)?;
        Ok(())
    }

    fn close(&mut self) -> Outcome<usize> {
        self.day = self.day.plus_days(1).ok_or("no day")?;
        let applied = self.engine.apply(Update::new().moment(AsOf::date_utc(self.day)))?;
        Ok(applied.closed.iter().flat_map(|day| &day.columns).map(|column| column.changed.len()).sum())
    }
}

fn days<W: Write>(table: &mut Table<'_, W>, size: usize) -> Outcome<()> {
    let mut days = Days::new(size)?;
    let start = Instant::now();
    let rows = days.close()?;
    writeln!(table.out, "    the first day: {rows} rows in {:.1?}", start.elapsed())?;
    table.measure("a day is closed on which nothing changed", size, || days.close())?;
    // What changes is applied beforehand, and is not measured.
    let mut changed = Vec::new();
    for _ in 0..table.rounds {
        days.change(size)?;
        let start = Instant::now();
        days.close()?;
        changed.push(start.elapsed());
    }
    changed.sort_unstable();
    writeln!(table.out, "    a day on which 1 % changed: {:.1?}", changed[changed.len() / 2])?;
    Ok(())
}

fn year<W: Write>(out: &mut W, size: usize, length: usize) -> Outcome<()> {
    let mut days = Days::new(size)?;
    let start = Instant::now();
    for _ in 0..length {
        days.change(size)?;
        days.close()?;
    }
    let bytes = days.engine.published().records().heap_bytes();
    writeln!(
        out,
        "    {length} days of {size} accounts: {} MB in {:.1?}",
        bytes / 1_000_000,
        start.elapsed()
    )?;
    Ok(())
}
