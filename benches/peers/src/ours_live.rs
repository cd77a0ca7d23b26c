//! How does `perennial` keep sums current?

use perennial::aggregate::{Operator, RollUp, RollUpPlan};
use perennial::engine::{Engine, EngineSettings};
use perennial::expr::ExprValue;
use perennial::{AccountId, AsOf, Book, Change, Date, Decimal, Policy, Scope};

use crate::Outcome;
use crate::contest::Contestant;
use crate::data::{Data, METRICS, number_of};
use crate::live::{Edit, Script, Sums, WARM};

const TOOL: &str = "perennial";

/// The engine, and the same roll-ups worked out anew of the changed book.
pub fn live<'d>(data: &'d Data, script: &'d Script) -> Outcome<Vec<Contestant<'d, Sums>>> {
    Ok(vec![kept(data, script)?, anew(data, script)?])
}

fn kept<'d>(data: &'d Data, script: &'d Script) -> Outcome<Contestant<'d, Sums>> {
    let engine = Engine::new(data.book.schema(), today()?, EngineSettings::new().remember(1))?;
    engine.load(&data.book.source())?;
    engine.define(definitions().map(Into::into).collect::<Vec<_>>())?;
    for edits in &script.steps[..WARM] {
        engine.apply(change(data, edits)?)?;
    }
    let mut steps = script.steps[WARM..].iter();
    let run = move || {
        engine.apply(change(data, steps.next().ok_or("the script has ended")?)?)?;
        let state = engine.published();
        let read = move || {
            let view = state.view(&Scope::all())?;
            let mut read = vec![[0; METRICS]; view.accounts().len()];
            for account in view.accounts().accounts() {
                let own = &mut read[number_of(account.id_str())?];
                for (metric, sum) in own.iter_mut().enumerate() {
                    *sum = units(view.value(&name(metric), account))?;
                }
            }
            Ok(read)
        };
        Ok(Box::new(read) as crate::contest::Reader<'d, Sums>)
    };
    Ok(Contestant { tool: TOOL, way: "Engine::apply", threads: 1, run: Box::new(run) })
}

fn anew<'d>(data: &'d Data, script: &'d Script) -> Outcome<Contestant<'d, Sums>> {
    let (mut book, _) = Book::load(data.book.schema(), &data.book.source(), &Policy::strict())?;
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), definitions())?;
    for edits in &script.steps[..WARM] {
        book = book.apply(&change(data, edits)?)?.0;
    }
    let mut steps = script.steps[WARM..].iter();
    let run = move || {
        book = book.apply(&change(data, steps.next().ok_or("the script has ended")?)?)?.0;
        let answers = plan.run(&book.view(&Scope::all(), today()?)?);
        let read = move || {
            let mut read = vec![[0; METRICS]; answers.view().len()];
            for account in answers.view().accounts() {
                let own = &mut read[number_of(account.id_str())?];
                for (metric, sum) in own.iter_mut().enumerate() {
                    *sum = units(answers.value(&name(metric), account))?;
                }
            }
            Ok(read)
        };
        Ok(Box::new(read) as crate::contest::Reader<'d, Sums>)
    };
    Ok(Contestant {
        tool: TOOL,
        way: "Book::apply, RollUpPlan::run: all anew",
        threads: 1,
        run: Box::new(run),
    })
}

fn definitions() -> impl Iterator<Item = RollUp> {
    (0..METRICS).map(|metric| {
        let sum = Operator::Sum(format!("m{}", metric + 1).as_str().into());
        RollUp::new(&name(metric), sum).with_cancelled()
    })
}

fn name(metric: usize) -> String {
    format!("sum_{metric}")
}

fn change(data: &Data, edits: &[Edit]) -> Outcome<Change> {
    let id = |account: u32| AccountId::new(data.book.id(account as usize));
    let mut change = Change::new();
    for edit in edits {
        change = match *edit {
            Edit::Metric { account, metric, value } => {
                change.set(&id(account)?, &format!("m{}", metric + 1), Decimal::new(value.into(), 2))
            }
            Edit::Move { account, parent } => change.move_under(&id(account)?, &id(parent)?),
        };
    }
    Ok(change)
}

fn today() -> Outcome<AsOf> {
    Ok(AsOf::date_utc(Date::new(2026, 1, 31)?))
}

fn units(value: Option<ExprValue>) -> Outcome<i64> {
    match value {
        None => Ok(0),
        Some(ExprValue::Decimal(sum)) => Ok(i64::try_from(sum.units())?),
        other => Err(format!("unexpected value {other:?}").into()),
    }
}
