//! How long after a change is everything current that reads it?
//!
//! Forty roll-ups, a hundred segments and ten calculated attributes, all kept current; one metric changes, which ten of them
//! read. `cargo bench --bench engine` measures at 1,000, 100,000 and 1,000,000 accounts on one thread; `-- --test` asks every
//! question once on the smallest book; `-- 10000000` measures one size, `-- 100000 moves` moves only, and `-- 100000 kinds` one
//! definition of each kind by itself. Each line is the median of some rounds.

#![allow(
    clippy::indexing_slicing,
    reason = "a bench indexes what it has made itself; a wrong index ends the run"
)]

mod table;

use std::io::Write;

use perennial::aggregate::{Operator, RollUp};
use perennial::catalog::{CalculatedAttribute, Definition, DefinitionKind, DefinitionRef};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::segment::Segment;
use perennial::testkit::{Random, ReferenceBook};
use perennial::{AccountId, AsOf, Change, Currency, Date, Decimal, ExchangeRate, Scope};

use table::{Outcome, Table};

fn main() -> Outcome<()> {
    let (test, sizes) = table::asked();
    // This thread is the pool, so that everything runs on it alone.
    let _here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    let mut out = std::io::stdout().lock();
    table::heads(&mut out)?;
    let only_moves = std::env::args().any(|argument| argument == "moves");
    let only_kinds = std::env::args().any(|argument| argument == "kinds");
    for size in sizes {
        let rounds = if test { 1 } else { 51 };
        let mut table = Table { out: &mut out, rounds };
        if only_moves {
            moves(&mut table, size, test)?;
            continue;
        }
        if only_kinds {
            kinds(&mut table, size)?;
            continue;
        }
        for tree in [10, 1_000, 20_000, 1_000_000].into_iter().filter(|tree| *tree <= size) {
            let book = ReferenceBook::with_first_tree(size, 7, tree);
            let engine = Engine::new(book.schema(), today()?, EngineSettings::new().remember(1))?;
            engine.load(&book.source())?;
            if size <= 1_000_000 {
                engine.define(definitions()?)?;
            } else {
                // What does not read the metric costs nothing while it stays; ten times ten million answers of it would
                // only fill the memory.
                engine.define(readers()?)?;
            }
            one_metric(&mut table, &engine, &book, size, tree)?;
            if tree == size || tree == 20_000 && size != 1_000_000 {
                rest(&mut table, &engine, &book, size, test)?;
            }
        }
        moves(&mut table, size, test)?;
        if size <= 1_000_000 {
            kinds(&mut table, size)?;
        }
    }
    Ok(())
}

fn today() -> Outcome<AsOf> {
    Ok(AsOf::date_utc(Date::new(2026, 1, 31)?))
}

fn sum(name: &str, of: &str) -> RollUp {
    RollUp::new(name, Operator::Sum(of.into()))
}

/// The ten that read the metric `m1`, directly or through another.
fn readers() -> Outcome<Vec<Definition>> {
    Ok(vec![
        sum("m1_sum", "m1").into(),
        RollUp::new("m1_mean", Operator::Average("m1".into())).into(),
        RollUp::new("m1_most", Operator::Max("m1".into())).into(),
        RollUp::new("m1_high", Operator::Count).filter("m1 > 60.0").into(),
        CalculatedAttribute::new("m1_share", "ratio(m1, m2)").into(),
        CalculatedAttribute::new("m1_of_all", "ratio(m1, m1_sum)").into(),
        Segment::parse("m1_large", "m1 > 50.0 && nps > 10")?.into(),
        Segment::parse("m1_busy", "m1_sum > 1000.0 && region == \"EMEA\"")?.into(),
        Segment::parse("m1_rare", "m1_share < 0.5 || m1_of_all > 0.9")?.into(),
        Segment::parse("m1_mixed", "m1_mean > 40.0 && m1_high > 3")?.into(),
    ])
}

/// All: the ten, and those that read other attributes.
fn definitions() -> Outcome<Vec<Definition>> {
    let mut all = readers()?;
    for number in 0..36 {
        let metric = format!("m{}", 2 + number % 7);
        let (name, of) = (format!("other_{number}"), metric.as_str());
        let operator = match number / 7 {
            0 => Operator::Sum(of.into()),
            1 => Operator::Average(of.into()),
            2 => Operator::Max(of.into()),
            3 => Operator::Ratio { numerator: of.into(), denominator: "m8".into() },
            4 => Operator::Min(of.into()),
            _ => Operator::Count,
        };
        let filter = ["nps > 20", "region != \"APAC\"", "has(industry)"][number % 3];
        all.push(RollUp::new(&name, operator).filter(filter).into());
    }
    for number in 0..8 {
        let name = format!("calculated_{number}");
        all.push(
            CalculatedAttribute::new(&name, &format!("ratio(m{}, other_{number})", 2 + number % 7)).into(),
        );
    }
    for number in 0..96 {
        let text = match number % 4 {
            0 => format!("m{} > {}.0 && nps > {}", 2 + number % 7, number, number % 50),
            1 => format!("other_{} > {number} && region == \"EMEA\"", 7 * (number % 2)),
            2 => format!("calculated_{} > 0.{number} || nps < {}", number % 8, number % 30),
            _ => format!("m{} < {}.0 && industry in [\"Banking\", \"Energy\"]", 2 + number % 7, 10 + number),
        };
        all.push(Segment::parse(&format!("other_segment_{number}"), &text)?.into());
    }
    Ok(all)
}

fn one_metric<W: Write>(
    table: &mut Table<'_, W>,
    engine: &Engine,
    book: &ReferenceBook,
    size: usize,
    tree: usize,
) -> Outcome<()> {
    let mut random = Random::new(3);
    let mut pick = || usize::try_from(random.below(tree as u64));
    let mut value = 0_i32;
    let name = format!("one metric, in a tree of {tree}: all current");
    table.measure(&name, size, || {
        let id = AccountId::new(book.id(pick()?))?;
        value = (value + 137) % 10_000;
        Ok(engine.apply(Change::new().set(&id, "m1", Decimal::new(value.into(), 2)))?)
    })?;
    let plain = engine.published().book().clone();
    table.measure("    of which the book", size, || {
        let id = AccountId::new(book.id(pick()?))?;
        value = (value + 137) % 10_000;
        Ok(plain.apply(&Change::new().set(&id, "m1", Decimal::new(value.into(), 2)))?)
    })
}

/// One definition that reads the metric, of each kind by itself.
fn kinds<W: Write>(table: &mut Table<'_, W>, size: usize) -> Outcome<()> {
    let roll_up = |operator| RollUp::new("of_m1", operator).into();
    let attribute = |text: &str| CalculatedAttribute::new("of_m1", text).into();
    let metric = || "m1".into();
    let kinds: [(&str, Definition); 12] = [
        ("a sum", roll_up(Operator::Sum(metric()))),
        ("the greatest", roll_up(Operator::Max(metric()))),
        ("different values", roll_up(Operator::Distinct(metric()))),
        ("whether it is large, counted once", roll_up(Operator::Distinct("m1 > 50.0".into()))),
        ("a percentile", roll_up(Operator::Percentile { of: metric(), hundredths: 9_000 })),
        ("the most frequent", roll_up(Operator::Mode(metric()))),
        ("the third largest", roll_up(Operator::Largest { of: metric(), k: 3 })),
        ("the standard deviation", roll_up(Operator::StandardDeviation { of: metric(), sample: true })),
        ("the parent's", attribute("parent.m1 - m1")),
        ("the root's", attribute("ratio(m1, root.m1)")),
        ("the children's", attribute("children.sum(child, child.m1)")),
        ("the subtree's", attribute("subtree.sum(account, account.m1)")),
    ];
    for tree in [10, 1_000, 20_000, 1_000_000].into_iter().filter(|tree| *tree <= size) {
        // What reads all rows of such a tree takes a while.
        let rounds = table.rounds;
        table.rounds = if tree > 100_000 { rounds.min(5) } else { rounds };
        let book = ReferenceBook::with_first_tree(size, 7, tree);
        let first = Engine::new(book.schema(), today()?, EngineSettings::new().remember(1))?;
        first.load(&book.source())?;
        for (what, kind) in &kinds {
            let engine = Engine::new(book.schema(), today()?, EngineSettings::new().remember(1))?;
            engine.replace(first.published().book().clone())?;
            engine.define([kind.clone()])?;
            let mut random = Random::new(3);
            let mut value = 0_i32;
            table.measure(&format!("one metric, in a tree of {tree}: {what}"), size, || {
                let id = AccountId::new(book.id(usize::try_from(random.below(tree as u64))?))?;
                value = (value + 137) % 10_000;
                Ok(engine.apply(Change::new().set(&id, "m1", Decimal::new(value.into(), 2)))?)
            })?;
        }
        table.rounds = rounds;
    }
    Ok(())
}

fn rest<W: Write>(
    table: &mut Table<'_, W>,
    engine: &Engine,
    book: &ReferenceBook,
    size: usize,
    test: bool,
) -> Outcome<()> {
    let rounds = std::mem::replace(&mut table.rounds, if test { 1 } else { 5 });
    let mut random = Random::new(5);
    let mut round = 0_i32;
    table.measure("1,000 metrics anywhere: all current", size, || {
        round += 1;
        let mut change = Change::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000.min(size) {
            let number = usize::try_from(random.below(size as u64))?;
            if seen.insert(number) {
                let id = AccountId::new(book.id(number))?;
                change = change.set(&id, "m1", Decimal::new((round * 31 % 9_999).into(), 2));
            }
        }
        Ok(engine.apply(change)?)
    })?;
    let delta = engine.published();
    table.measure("    the report of such a change", size, || {
        let states = engine.published();
        Ok(perennial::engine::Delta::between(&delta, &states).report(&Scope::all())?)
    })?;
    let mut day = Date::new(2026, 1, 31)?;
    table.measure("another day: all current", size, || {
        day = day.plus_days(1).ok_or("no day")?;
        Ok(engine.advance(AsOf::date_utc(day))?)
    })?;
    let renewal = Segment::parse("renews", "contract_renewal_date < daysFromNow(90)");
    engine.define([renewal?.into()])?;
    let name = "another day, where a segment of 90 days reads it";
    table.measure(name, size, || {
        day = day.plus_days(1).ok_or("no day")?;
        Ok(engine.advance(AsOf::date_utc(day))?)
    })?;
    let euros = RollUp::new("euros", Operator::Sum("contract_value".into())).convert_to(Currency::EUR);
    engine.define([euros.into()])?;
    table.measure("a rate that changes: a converted total is current", size, || {
        round += 1;
        let rate = Decimal::new(i128::from(round % 99) + 1, 2);
        Ok(engine.apply(Update::new().rates([ExchangeRate::market(
            Currency::USD,
            Currency::EUR,
            today()?.date(),
            rate,
        )]))?)
    })?;
    engine
        .apply(Update::new().remove(DefinitionRef { kind: DefinitionKind::RollUp, name: "euros".into() }))?;
    table.measure("a definition more", size, || {
        round += 1;
        let text = format!("m3 > {round}.0 && nps > 3");
        Ok(engine.define([Segment::parse("fresh", &text)?.into()])?)
    })?;
    branches(table, engine, book, size)?;
    reads(table, engine, size)?;
    scopes(table, engine, size)?;
    table.measure("everything from scratch", size, || {
        let state = engine.published();
        let fresh = Engine::new(state.book().schema().clone(), state.as_of().clone(), EngineSettings::new())?;
        fresh.define(state.catalog().definitions().iter().cloned())?;
        fresh.replace(state.book().clone())?;
        Ok(fresh)
    })?;
    table.rounds = rounds;
    Ok(())
}

/// A page of values of one roll-up: by its name each time, and by its column, which was found once.
fn reads<W: Write>(table: &mut Table<'_, W>, engine: &Engine, size: usize) -> Outcome<()> {
    let view = engine.published().view(&Scope::all())?;
    let accounts: Vec<_> = view.accounts().accounts().take(1_000).collect();
    table.measure("1,000 values of a roll-up, by its name", size, || {
        Ok(accounts.iter().filter(|account| view.value("m1_sum", **account).is_some()).count())
    })?;
    let column = view.column("m1_sum").ok_or("there is no column `m1_sum`")?;
    table.measure("    by its column", size, || {
        Ok(accounts.iter().filter(|account| column.value(**account).is_some()).count())
    })
}

/// All definitions for a user who sees a part of the trees, and for one who sees a part of nearly every tree.
fn scopes<W: Write>(table: &mut Table<'_, W>, engine: &Engine, size: usize) -> Outcome<()> {
    let state = engine.published();
    let view = state.book().view(&Scope::all(), state.as_of().clone())?;
    let every: Vec<_> = state.catalog().order().cloned().collect();
    let mut round = 0;
    table.measure("all asked in a scope of every other tree", size, || {
        round += 1;
        let roots = view.accounts().filter(|account| account.level() == 1).map(|root| root.id_str());
        let roots = roots.enumerate().filter(|(place, _)| (place * (2 * round + 1) / 8).is_multiple_of(2));
        let scope = Scope::of(state.book().subtrees(roots.map(|(_, id)| id)));
        let seen = state.view(&scope)?;
        seen.prepare(&every, &())?;
        Ok(seen)
    })?;
    table.measure("all asked in a scope of every other account", size, || {
        round += 1;
        let accounts =
            view.accounts().enumerate().filter(|(place, _)| (place * (2 * round + 1) / 8).is_multiple_of(2));
        let scope = Scope::of(state.book().accounts(accounts.map(|(_, account)| account.id_str())));
        let seen = state.view(&scope)?;
        seen.prepare(&every, &())?;
        Ok(seen)
    })
}

/// What if: 100 metrics and a definition are other ones, compared with what is, and dropped.
fn branches<W: Write>(
    table: &mut Table<'_, W>,
    engine: &Engine,
    book: &ReferenceBook,
    size: usize,
) -> Outcome<()> {
    let mut random = Random::new(9);
    table.measure("a branch of 100 metrics, compared", size, || {
        let mut edits = Change::new();
        for number in 0..100 {
            // One in each part of the book, so that none is named twice.
            let at = (number * size + usize::try_from(random.below(size as u64))?) / 100;
            edits =
                edits.set(&AccountId::new(book.id(at))?, "m1", Decimal::new(random.below(9_999).into(), 2));
        }
        let mut branch = engine.published().branch();
        branch.apply(edits)?;
        Ok(branch.difference().report(&Scope::all())?)
    })?;
    table.measure("a branch of another definition, compared", size, || {
        let text = format!("m1 > {}.0 && nps > 10", 40 + random.below(20));
        let mut branch = engine.published().branch();
        branch.apply(Update::new().define(Segment::parse("m1_large", &text)?))?;
        Ok(branch.difference().report(&Scope::all())?)
    })
}

/// A part of a tree of half the book moves under the root of another, and back.
fn moves<W: Write>(table: &mut Table<'_, W>, size: usize, test: bool) -> Outcome<()> {
    let half = size / 2;
    let book = ReferenceBook::with_first_tree(size, 7, half);
    let mut below = vec![1_usize; half];
    for number in (1..half).rev() {
        if let Some(parent) = book.parent(number) {
            below[parent] += below[number];
        }
    }
    let engine = Engine::new(book.schema(), today()?, EngineSettings::new().remember(1))?;
    engine.load(&book.source())?;
    engine.define(if size <= 1_000_000 { definitions()? } else { readers()? })?;
    let other = AccountId::new(book.id(half))?;
    for wanted in [10, 1_000, 50_000].into_iter().filter(|wanted| 4 * wanted <= half) {
        // Not of the root, and as near as there is one.
        let nearest = (1..half).min_by_key(|number| below[*number].abs_diff(wanted)).ok_or("no account")?;
        let (id, home) = (book.id(nearest), book.id(book.parent(nearest).ok_or("a root")?));
        let (id, home) = (AccountId::new(id)?, AccountId::new(home)?);
        let mut away = false;
        let rounds = std::mem::replace(&mut table.rounds, if test { 1 } else { 11 });
        table.measure(&format!("a move of {}: all current", below[nearest]), size, || {
            away = !away;
            Ok(engine.apply(Change::new().move_under(&id, if away { &other } else { &home }))?)
        })?;
        let plain = engine.published().book().clone();
        let to = if away { &home } else { &other };
        table.measure("    of which the book", size, || {
            Ok(plain.apply(&Change::new().move_under(&id, to))?)
        })?;
        table.rounds = rounds;
    }
    Ok(())
}
