//! How long does it take to change the schema of a living engine?
//!
//! `cargo bench --bench schema` measures at 1,000, 100,000 and 1,000,000 accounts on one thread; `-- --test` does everything once on the
//! smallest book; `-- 100000` measures one size. Each line is the median of some rounds. Forty definitions are kept current: calculated
//! attributes, roll-ups and segments over them. Each change is applied to a branch of the same state.

mod table;

use std::io::Write;

use perennial::aggregate::{Operator, RollUp};
use perennial::catalog::{CalculatedAttribute, Definition};
use perennial::engine::{Delta, Engine, EngineSettings, Update};
use perennial::segment::Segment;
use perennial::testkit::ReferenceBook;
use perennial::{AccountId, AsOf, Attribute, AttributeType, Change, Date, SchemaChange, SchemaPart, Scope};

use table::{Outcome, Table};

fn main() -> Outcome<()> {
    let (test, sizes) = table::asked();
    // This thread is the pool, so that everything runs on it alone.
    let _here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    let mut out = std::io::stdout().lock();
    table::heads(&mut out)?;
    for size in sizes {
        let mut table = Table { out: &mut out, rounds: if test { 1 } else { 5 } };
        changes(&mut table, size)?;
    }
    Ok(())
}

fn definitions() -> Outcome<Vec<Definition>> {
    let mut all: Vec<Definition> = Vec::new();
    for number in 1..=10 {
        let metric = format!("m{}", number % 6 + 1);
        let (half, sum) = (format!("half_{number}"), format!("sum_{number}"));
        all.push(CalculatedAttribute::new(&half, &format!("ratio({metric}, 2) + {number}")).into());
        all.push(RollUp::new(&sum, Operator::Sum(metric.as_str().into())).into());
        all.push(
            RollUp::new(&format!("count_{number}"), Operator::Count).filter(&format!("{half} > 100")).into(),
        );
        all.push(Segment::parse(&format!("large_{number}"), &format!("{sum} > {number}000"))?.into());
    }
    Ok(all)
}

fn changes<W: Write>(table: &mut Table<'_, W>, size: usize) -> Outcome<()> {
    let book = ReferenceBook::new(size, 7);
    let day = AsOf::date_utc(Date::new(2026, 1, 31)?);
    let engine = Engine::new(book.schema(), day, EngineSettings::new().remember(1))?;
    engine.load(&book.source())?;
    engine.define(definitions()?)?;
    let state = engine.published();
    let seats = || Attribute::new("seats", AttributeType::Int);
    let after = |update: Update| -> Outcome<_> {
        let mut branch = state.branch();
        branch.apply(update)?;
        Ok(branch)
    };
    let of = |change: SchemaChange| Update::new().schema(change);
    let mut values = Change::new();
    for number in 0..size {
        values = values.set(&AccountId::new(book.id(number))?, "seats", i64::try_from(number)?);
    }
    let with_seats = after(of(SchemaChange::new().attribute(seats())))?;
    let mut rounds =
        |question: &str, update: &dyn Fn() -> Update| table.measure(question, size, || after(update()));
    rounds("an attribute is added", &|| of(SchemaChange::new().attribute(seats())))?;
    rounds("an attribute that is not read is renamed", &|| {
        of(SchemaChange::new().rename(SchemaPart::attribute("m8"), "score"))
    })?;
    rounds("an attribute that definitions read is renamed", &|| {
        of(SchemaChange::new().rename(SchemaPart::attribute("m1"), "score"))
    })?;
    rounds("an attribute is removed: all rows are read again", &|| {
        of(SchemaChange::new().remove(SchemaPart::attribute("m8")))
    })?;
    rounds("an attribute is added, with a value for every account", &|| {
        of(SchemaChange::new().attribute(seats())).change(values.clone())
    })?;
    table.measure("the values by themselves", size, || {
        let mut branch = with_seats.published().branch();
        branch.apply(values.clone())?;
        Ok(branch)
    })?;
    table.measure("the delta over an added attribute", size, || {
        Ok(Delta::between(&state, with_seats.published()).report(&Scope::all())?)
    })?;
    Ok(())
}
