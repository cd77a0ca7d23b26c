//! How does `perennial` answer?

use std::ops::ControlFlow;
use std::sync::Arc;

use perennial::aggregate::{
    Event, EventKind, Metrics, Operator, Over, RollUp, RollUpAnswers, RollUpPlan, Usage, UsageSchema,
    UsageSettings,
};
use perennial::expr::{Checker, ExprPlan, ExprValue};
use perennial::source::{Batch, Cells, Emit, ScanRequest, Source, SourceError, TableName};
use perennial::{AsOf, Book, Date, Nesting, Policy, Reach, Schema, Scope, View};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Outcome;
use crate::answer::Total;
use crate::contest::Contestant;
use crate::data::{Data, METRICS, number_of};
use crate::forty::{self, Forty};
use crate::segment;
use crate::usage::{Uses, WINDOW};

const TOOL: &str = "perennial";

/// Roll-ups over plain columns on a loaded book, on this thread and on two others.
pub fn roll_up(data: &Data) -> Outcome<Vec<Contestant<'_, Total>>> {
    let (book, _) = Book::load(data.book.schema(), &data.book.source(), &Policy::strict())?;
    let sum = |metric| RollUp::new(&format!("sum{metric}"), Operator::Sum(format!("m{metric}").into()));
    let others = [
        RollUp::new("how_many", Operator::Count),
        RollUp::new("least", Operator::Min("contract_value".into())),
        RollUp::new("greatest", Operator::Max("contract_value".into())),
    ];
    let all = (1..=METRICS).map(sum).chain(others).map(RollUp::with_cancelled);
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), all)?;
    let view = view(&book)?;
    let on = |threads: usize| -> Outcome<Contestant<'_, Total>> {
        // None for one thread: it is this one.
        let pool = (threads > 1).then(|| pool(threads)).transpose()?;
        let (plan, view) = (plan.clone(), view.clone());
        Ok(Contestant {
            tool: TOOL,
            way: "RollUpPlan::run, plain columns",
            threads,
            run: Box::new(move || {
                let answers = match &pool {
                    Some(pool) => pool.install(|| plan.run(&view)),
                    None => plan.run(&view),
                };
                Ok(Box::new(move || read(&answers)))
            }),
        })
    };
    Ok(vec![on(1)?, on(2)?])
}

/// `ExprPlan::run` on a loaded book, on this thread and on two others.
pub fn segment(data: &Data) -> Outcome<Vec<Contestant<'_, bool>>> {
    let (book, _) = Book::load(data.book.schema(), &data.book.source(), &Policy::strict())?;
    let checked = Checker::new(&**book.schema()).check_predicate(segment::OURS)?;
    let plan = ExprPlan::new([&checked]);
    let view = view(&book)?;
    let on = |threads: usize| -> Outcome<Contestant<'_, bool>> {
        let pool = (threads > 1).then(|| pool(threads)).transpose()?;
        let (plan, view) = (plan.clone(), view.clone());
        Ok(Contestant {
            tool: TOOL,
            way: "ExprPlan::run, to a set",
            threads,
            run: Box::new(move || {
                let set = match &pool {
                    Some(pool) => pool.install(|| plan.run(&view))?.matching(0),
                    None => plan.run(&view)?.matching(0),
                };
                let view = view.clone();
                Ok(Box::new(move || {
                    let mut matching = vec![false; view.len()];
                    for place in set.iter() {
                        let id = view.id(place).ok_or("an account that is not there")?;
                        matching[number_of(id.as_str())?] = true;
                    }
                    Ok(matching)
                }))
            }),
        })
    };
    Ok(vec![on(1)?, on(2)?])
}

/// Forty roll-ups with expressions, on this thread and on two others.
pub fn forty(data: &Data) -> Outcome<Vec<Contestant<'_, Forty>>> {
    let (book, _) = Book::load(data.book.schema(), &data.book.source(), &Policy::strict())?;
    let mut definitions = Vec::with_capacity(forty::ALL);
    for (kind, filter) in forty::OURS.iter().enumerate() {
        for metric in 1..=METRICS {
            let name = format!("r{}", kind * METRICS + metric - 1);
            let sum = Operator::Sum(format!("m{metric}").into());
            let definition = RollUp::new(&name, sum).with_cancelled();
            definitions.push(filter.map_or(definition.clone(), |filter| definition.filter(filter)));
        }
    }
    let plan = RollUpPlan::new(book.schema(), &**book.schema(), definitions)?;
    let view = view(&book)?;
    let on = |threads: usize| -> Outcome<Contestant<'_, Forty>> {
        let pool = (threads > 1).then(|| pool(threads)).transpose()?;
        let (plan, view) = (plan.clone(), view.clone());
        Ok(Contestant {
            tool: TOOL,
            way: "RollUpPlan::run",
            threads,
            run: Box::new(move || {
                let answers = match &pool {
                    Some(pool) => pool.install(|| plan.run(&view)),
                    None => plan.run(&view),
                };
                Ok(Box::new(move || {
                    let mut read = vec![[0; forty::ALL]; answers.view().len()];
                    for account in answers.view().accounts() {
                        let own = &mut read[number_of(account.id_str())?];
                        for (place, sum) in own.iter_mut().enumerate() {
                            *sum = match answers.value(&format!("r{place}"), account) {
                                None => 0,
                                Some(ExprValue::Decimal(sum)) => i64::try_from(sum.units())?,
                                other => return Err(format!("unexpected value {other:?}").into()),
                            };
                        }
                    }
                    Ok(read)
                }))
            }),
        })
    };
    Ok(vec![on(1)?, on(2)?])
}

/// Different people in every subtree, over usage beside a loaded book.
pub fn people<'d>(data: &'d Data, uses: &Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let (book, _) = Book::load(data.book.schema(), &data.book.source(), &Policy::strict())?;
    let metrics = Metrics::none();
    let usage = ingested(data, uses)?;
    let names = usage.names(&**book.schema(), &metrics);
    let over = Over::Events { event: "use".into(), last_days: Some(u32::try_from(WINDOW)?) };
    let people = RollUp::new("people", Operator::Distinct("row.user".into()))
        .over(over)
        .reach(Reach::SelfAndDescendants)
        .with_cancelled();
    let plan = RollUpPlan::new(book.schema(), &names, [people])?;
    let seen = usage.over(&view(&book)?, &metrics);
    let run = move || {
        let answers = plan.run_with(&seen);
        let read = move || {
            let mut counts = vec![0; answers.view().len()];
            for account in answers.view().accounts() {
                counts[number_of(account.id_str())?] = whole(answers.value("people", account))?;
            }
            Ok(counts)
        };
        Ok(Box::new(read) as crate::contest::Reader<'d, i64>)
    };
    Ok(vec![Contestant { tool: TOOL, way: "RollUpPlan::run_with", threads: 1, run: Box::new(run) }])
}

/// A window over usage beside a loaded book.
pub fn window<'d>(data: &'d Data, uses: &Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let (book, _) = Book::load(data.book.schema(), &data.book.source(), &Policy::strict())?;
    let metrics = Metrics::none();
    let usage = ingested(data, uses)?;
    let names = usage.names(&**book.schema(), &metrics);
    let checked = Checker::new(&names).check(&format!("events(\"use\").lastDays({WINDOW}).count()"))?;
    let plan = ExprPlan::new([&checked]);
    let seen = usage.over(&view(&book)?, &metrics);
    let run = move || {
        let answers = plan.run(&seen)?;
        let read = move || {
            let mut counts = vec![0; answers.view().len()];
            for account in answers.view().accounts() {
                counts[number_of(account.id_str())?] = whole(answers.value(0, account))?;
            }
            Ok(counts)
        };
        Ok(Box::new(read) as crate::contest::Reader<'d, i64>)
    };
    Ok(vec![Contestant { tool: TOOL, way: "ExprPlan::run", threads: 1, run: Box::new(run) }])
}

/// `Usage::ingest` of all rows in one batch.
pub fn ingest<'d>(data: &'d Data, uses: &'d Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let texts = texts(data);
    let run = move || {
        let usage = of_texts(&texts, uses)?;
        let read = move || {
            // Every row is in a bucket; what is alike shares one.
            let held = i64::try_from(usage.buckets())?;
            let all = i64::try_from(uses.len())?;
            Ok(vec![if held > 0 && held <= all { all } else { held }])
        };
        Ok(Box::new(read) as crate::contest::Reader<'d, i64>)
    };
    Ok(vec![Contestant { tool: TOOL, way: "Usage::ingest", threads: 1, run: Box::new(run) }])
}

fn ingested(data: &Data, uses: &Uses) -> Outcome<Usage> {
    of_texts(&texts(data), uses)
}

/// Ids of accounts and of people, as a host has them.
fn texts(data: &Data) -> (Vec<String>, Vec<String>) {
    let ids = (0..data.len()).map(|number| data.book.id(number)).collect();
    (ids, (0..data.len()).map(|number| format!("u{number}")).collect())
}

fn of_texts((ids, people): &(Vec<String>, Vec<String>), uses: &Uses) -> Outcome<Usage> {
    let today = Date::new(2026, 1, 31)?;
    let mut usage = Usage::new(UsageSchema::new([EventKind::new("use")])?, UsageSettings::new());
    let mut events = Vec::with_capacity(uses.len());
    for row in 0..uses.len() {
        let day = today.plus_days(-uses.days_ago[row]).ok_or("no day")?;
        let event = Event::on("use", &ids[uses.accounts[row] as usize], day);
        let count = u32::try_from(uses.counts[row])?;
        events.push(event.user(&people[uses.people[row] as usize]).count(count));
    }
    usage.ingest(events, today)?;
    Ok(usage)
}

fn whole(value: Option<ExprValue>) -> Outcome<i64> {
    match value {
        Some(ExprValue::Int(count)) => Ok(count),
        other => Err(format!("unexpected value {other:?}").into()),
    }
}

/// Parsing and checking.
pub fn parse<'d>() -> Contestant<'d, bool> {
    let schema = perennial::testkit::ReferenceBook::new(1, 7).schema();
    Contestant {
        tool: TOOL,
        way: "Checker::check_predicate: parsed and checked",
        threads: 1,
        run: Box::new(move || {
            let checker = Checker::new(&*schema);
            let read = (0..segment::TIMES).all(|_| checker.check_predicate(segment::LONG).is_ok());
            Ok(Box::new(move || Ok(vec![read])))
        }),
    }
}

/// `Book::load` of ids and parents.
pub fn build(data: &Data) -> Outcome<Vec<Contestant<'_, u32>>> {
    let schema = Arc::new(Schema::builder().account_type("Account", Nesting::Free).build()?);
    let load = Contestant {
        tool: TOOL,
        way: "Book::load",
        threads: 1,
        run: Box::new(move || {
            let (book, _) = Book::load(Arc::clone(&schema), &Links(data), &Policy::strict())?;
            Ok(Box::new(move || levels(&book)))
        }),
    };
    Ok(vec![load])
}

fn pool(threads: usize) -> Outcome<ThreadPool> {
    Ok(ThreadPoolBuilder::new().num_threads(threads).build()?)
}

fn view(book: &Book) -> Outcome<View> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?)
}

/// The rows of the book with nothing but their ids and parents.
struct Links<'d>(&'d Data);

impl Source for Links<'_> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if request.table() != &TableName::Accounts {
            return Ok(());
        }
        for rows in self.0.arrivals.chunks(4_096) {
            let batch = Batch::new(TableName::Accounts)
                .column("id", Cells::text(rows.iter().map(|(id, _)| Some(id.as_str()))))
                .column("parent", Cells::text(rows.iter().map(|(_, parent)| parent.as_deref())));
            if let ControlFlow::Break(()) = emit(batch) {
                break;
            }
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        table == &TableName::Accounts
    }
}

fn levels(book: &Book) -> Outcome<Vec<u32>> {
    let mut levels = vec![0; book.len()];
    for account in view(book)?.accounts() {
        levels[number_of(account.id_str())?] = u32::try_from(account.level())?;
    }
    Ok(levels)
}

fn read(answers: &RollUpAnswers) -> Outcome<Vec<Total>> {
    let view = answers.view();
    let mut read = vec![Total::default(); view.len()];
    for account in view.accounts() {
        let total = &mut read[number_of(account.id_str())?];
        for (place, sum) in total.sums.iter_mut().enumerate() {
            *sum = answers.value(&format!("sum{}", place + 1), account).map_or(Ok(0), units)?;
        }
        let at = |name| answers.value(name, account).ok_or("no value");
        total.count = units(at("how_many")?)?;
        total.least = units(at("least")?)?;
        total.most = units(at("greatest")?)?;
    }
    Ok(read)
}

fn units(value: ExprValue) -> Outcome<i64> {
    Ok(match value {
        ExprValue::Int(count) => count,
        ExprValue::Decimal(number) | ExprValue::Money(number, _) => i64::try_from(number.units())?,
        other => return Err(format!("unexpected value {other:?}").into()),
    })
}
