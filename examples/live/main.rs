//! A book that is kept current: 19,345 banks, what happened to them month by month, and moves besides.
//!
//! ```sh
//! cargo run --release --example live
//! ```
//!
//! The listings of 2016 are loaded, then a century of dated sentences is applied: new names, places and types as changes of
//! values, institutions that are not listed as new roots. A seeded script moves some accounts each month; it is printed. Each
//! month is one update, with its end as the new moment, and says what it changed. In one month an administrator adds an attribute: a fee in
//! dollars, made up, that is rolled up in euros as soon as there is a rate. At last everything is loaded afresh, and must be the same,
//! and the example says how long the changes took: the library reads no clock.

mod events;
#[path = "../book_of_business/numbers.rs"]
#[allow(dead_code, reason = "each example uses its own part")]
mod numbers;
mod timing;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use events::{Event, What};
use fastrand::Rng;
use numbers::count;
use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
use perennial::aggregate::{Operator, RollUp};
use perennial::catalog::{CalculatedAttribute, Definition, DefinitionKind, DefinitionRef};
use perennial::engine::{Engine, EngineError, EngineSettings, LiveView, Update};
use perennial::segment::Segment;
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Currency, Date, Decimal, ExchangeRate,
    FaultKind, Money, Nesting, Policy, Remedy, Schema, SchemaChange, SchemaPart, Scope, SystemAttribute,
};
use timing::{Timing, timed};

/// Months from this year on are told one by one; before it, years are.
const MONTHLY_FROM: i32 = 2_015;
/// The month in which entities get a fee.
const FEES_FROM: (i32, u8) = (2_015, 3);
const SEED: u64 = 7;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bank-hierarchies").join(file)
}

fn schema() -> Result<Arc<Schema>, Box<dyn Error>> {
    let schema = Schema::builder()
        .account_type("Entity", Nesting::Free)
        .system(SystemAttribute::Name)
        .attribute(Attribute::new("location", AttributeType::Text))
        .attribute(Attribute::new("entity_type", AttributeType::Text))
        .attribute(Attribute::new("established", AttributeType::Date));
    Ok(Arc::new(schema.build()?))
}

/// Who owns whom, as it was listed.
fn listings(schema: &Schema) -> Result<CsvSource, Box<dyn Error>> {
    let entities = CsvTable::accounts(CsvInput::path(data("entities.csv")))
        .column("id", "rssd")
        .column("account_type", Column::constant("Entity"));
    let links = CsvTable::links(CsvInput::path(data("ownership_edges.csv")))
        .column("id", "child_rssd")
        .column("parent", "parent_rssd");
    Ok(CsvSource::builder(schema).table(entities).table(links).build()?)
}

fn settings() -> Result<EngineSettings, Box<dyn Error>> {
    let policy = Policy::strict()
        .with(FaultKind::SeveralParents, Remedy::Prefer)?
        .with(FaultKind::LinkCycle, Remedy::Prefer)?
        .with(FaultKind::Cycle, Remedy::Adopt)?;
    Ok(EngineSettings::new().policy(policy).remember(2))
}

fn definitions() -> Result<Vec<Definition>, Box<dyn Error>> {
    let roll_up = RollUp::new;
    Ok(vec![
        roll_up("entities", Operator::Count).into(),
        roll_up("types", Operator::Distinct("entity_type".into())).into(),
        roll_up("newest", Operator::Max("established".into())).into(),
        roll_up("holdings", Operator::Count).filter("inSegment(\"holding\")").into(),
        CalculatedAttribute::new("share_holding", "ratio(holdings, entities)").into(),
        Segment::parse("holding", "entity_type.contains(\"Holding Company\")")?.into(),
        Segment::parse("young", "established.inLast(365, \"days\")")?.into(),
        Segment::parse("large", "entities >= 100")?.into(),
        Segment::parse("growing", "young_in_large > 0")?.into(),
        roll_up("young_in_large", Operator::Count)
            .filter("inSegment(\"young\") && root.entities >= 100")
            .into(),
    ])
}

/// What some months changed.
#[derive(Default)]
struct Told {
    events: usize,
    added: usize,
    moved: usize,
    values: usize,
    derived: usize,
    segments: BTreeMap<Arc<str>, (usize, usize)>,
}

impl Told {
    fn write(&mut self, out: &mut dyn Write, when: &str) -> Result<(), Box<dyn Error>> {
        let told = std::mem::take(self);
        write!(
            out,
            "{when:<8} {:>5} events {:>4} new {:>3} moved {:>5} values {:>6} answers ",
            count(told.events),
            count(told.added),
            count(told.moved),
            count(told.values),
            count(told.derived)
        )?;
        for (segment, (entered, left)) in &told.segments {
            write!(out, " {segment} +{} -{}", count(*entered), count(*left))?;
        }
        Ok(writeln!(out)?)
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    let all = events::read(&data("institution_events.csv"))?;
    let schema = schema()?;
    let first = all.first().ok_or("no events")?.on;
    let engine = Engine::new(schema.clone(), AsOf::date_utc(first), settings()?)?;
    engine.load(&listings(&schema)?)?;
    engine.define(definitions()?)?;
    let listed = engine.published().view(&Scope::all())?;
    let roots = listed.accounts().root_accounts().len();
    writeln!(out, "{} entities under {} roots\n", count(listed.accounts().len()), count(roots))?;

    let mut random = Rng::with_seed(SEED);
    let (mut told, mut other, mut unknown) = (Told::default(), Vec::new(), 0);
    let mut timing = Timing::default();
    let month = |event: &Event| (event.on.year(), event.on.month());
    let mut months = all.chunk_by(|a, b| month(a) == month(b)).peekable();
    while let Some(events) = months.next() {
        let Some((year, number)) = events.first().map(month) else { continue };
        let end =
            Date::new(year, number, 1)?.plus_months(1).and_then(|day| day.plus_days(-1)).ok_or("no day")?;
        let ids = Known { engine: &engine };
        let change = ids.change(events, &mut other, &mut unknown);
        let update = Update::from(change).moment(AsOf::date_utc(end));
        let (applied, took) = timed(|| engine.apply(update));
        let report = applied?.delta.report(&Scope::all())?;
        let kind = match (report.accounts.added.is_empty(), report.accounts.values.is_empty()) {
            (false, _) => "a month with new accounts",
            (true, false) => "a month with changed values",
            (true, true) => "a month with nothing but another day",
        };
        timing.add(kind, took);
        tell(&mut told, &report, events.len());
        if (year, number) == FEES_FROM {
            fees(&mut out, &engine, &mut random, end, &mut timing)?;
        }
        if year >= MONTHLY_FROM {
            for line in moves(&engine, &mut random, &mut told, &mut timing)? {
                writeln!(out, "{line}")?;
            }
            told.write(&mut out, &format!("{year}-{number:02}"))?;
        } else if months.peek().is_none_or(|next| next.first().is_some_and(|event| event.on.year() != year)) {
            told.write(&mut out, &year.to_string())?;
        }
    }
    writeln!(out, "\n{} sentences tell of something else:", count(other.len()))?;
    for sentence in &other {
        writeln!(out, "  {sentence}")?;
    }
    writeln!(
        out,
        "{} tell of institutions that were never established and are not listed; they came as roots",
        count(unknown)
    )?;
    timing.write(&mut out)?;
    afresh(&mut out, &engine)?;
    Ok(out.flush()?)
}

fn tell(told: &mut Told, report: &perennial::engine::DeltaReport, events: usize) {
    told.events += events;
    told.added += report.accounts.added.len();
    told.moved += report.accounts.moves.len();
    told.values += report.accounts.values.len();
    told.derived += report.derived.len();
    for change in &report.segments {
        let (entered, left) = told.segments.entry(change.segment.clone()).or_default();
        *entered += change.entered.len();
        *left += change.left.len();
    }
}

/// The accounts that are there.
struct Known<'e> {
    engine: &'e Engine,
}

impl Known<'_> {
    /// The events of one month as one change: of two values of one day the later sentence counts.
    fn change(&self, events: &[Event], other: &mut Vec<String>, unknown: &mut usize) -> Change {
        let state = self.engine.published();
        let Ok(view) = state.view(&Scope::all()) else { return Change::new() };
        let mut new: BTreeSet<&str> = BTreeSet::new();
        let mut values: BTreeMap<(&str, &str), String> = BTreeMap::new();
        let mut since: BTreeMap<&str, Date> = BTreeMap::new();
        for event in events {
            let id = event.id.as_str();
            let says = !matches!(event.what, What::Other(_));
            if says && view.account(id).is_none() && new.insert(id) {
                *unknown += usize::from(!matches!(event.what, What::Established { .. }));
            }
            match &event.what {
                What::Established { name, location, kind } => {
                    for (attribute, value) in [("name", name), ("location", location), ("entity_type", kind)]
                    {
                        values.insert((id, attribute), value.clone());
                    }
                    since.insert(id, event.on);
                }
                What::Changed(changes) => {
                    for (attribute, value) in changes {
                        values.insert((id, attribute), value.clone());
                    }
                }
                What::Other(sentence) => other.push(sentence.clone()),
            }
        }
        let mut change = Change::new();
        for id in new.iter().filter_map(|id| AccountId::new(*id).ok()) {
            change = change.add(AccountRow::new(id, "Entity"));
        }
        for ((id, attribute), value) in &values {
            if let Ok(id) = AccountId::new(*id) {
                change = change.set(&id, attribute, value.as_str());
            }
        }
        for (id, on) in &since {
            if let Ok(id) = AccountId::new(*id) {
                change = change.set(&id, "established", *on);
            }
        }
        change
    }
}

/// Two accounts are moved under others, where that makes no ring.
fn moves(
    engine: &Engine,
    random: &mut Rng,
    told: &mut Told,
    timing: &mut Timing,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut lines = Vec::new();
    for _ in 0..2 {
        let state = engine.published();
        let view = state.view(&Scope::all())?;
        let accounts: Vec<AccountId> = view.accounts().accounts().map(|account| account.id()).collect();
        let mut pick = || -> Result<AccountId, Box<dyn Error>> {
            let at = random.usize(..accounts.len());
            Ok(accounts.get(at).ok_or("no account")?.clone())
        };
        let (account, parent) = (pick()?, pick()?);
        let (applied, took) = timed(|| engine.apply(Change::new().move_under(&account, &parent)));
        match applied {
            Ok(applied) => {
                timing.add("a move of an account with all below it", took);
                let report = applied.delta.report(&Scope::all())?;
                let answers = report.derived.len();
                tell(told, &report, 0);
                lines.push(format!(
                    "         {account} moves under {parent}: {} answers differ",
                    count(answers)
                ));
            }
            Err(EngineError::Change(error)) => {
                lines.push(format!("         {account} cannot move under {parent}: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(lines)
}

/// Another schema in mid-run: an attribute with a value for every entity, a roll-up that converts it, then the rate, then another name.
fn fees(
    out: &mut dyn Write,
    engine: &Engine,
    random: &mut Rng,
    today: Date,
    timing: &mut Timing,
) -> Result<(), Box<dyn Error>> {
    let view = engine.published().view(&Scope::all())?;
    let mut fees = Change::new();
    for account in view.accounts().accounts() {
        let fee = Money::from_minor(i128::from(random.u32(10_000..100_000)), Currency::USD);
        fees = fees.set(&account.id(), "fee", fee);
    }
    let in_euros = RollUp::new("fees", Operator::Sum("fee".into())).convert_to(Currency::EUR);
    let fees_id = DefinitionRef::roll_up("fees");
    let rate = ExchangeRate::market(Currency::USD, Currency::EUR, today, Decimal::new(93, 2));
    let renamed = SchemaChange::new().rename(SchemaPart::attribute("fee"), "yearly_fee");
    let steps = [
        (
            "an attribute, with a value for every entity",
            Update::from(fees)
                .schema(
                    SchemaChange::new().attribute(Attribute::new("fee", AttributeType::Money(Currency::USD))),
                )
                .define(in_euros)
                .subscribe(fees_id.clone()),
        ),
        ("the rate of the day", Update::new().rates([rate])),
        ("another name for the attribute", Update::new().schema(renamed)),
    ];
    for (what, update) in steps {
        let (applied, took) = timed(|| engine.apply(update));
        let applied = applied?;
        timing.add(what, took);
        let (_, total) = applied.delta.totals(&fees_id, &Scope::all())?;
        let missing = applied.delta.to().view(&Scope::all())?.missing_rates("fees");
        let total = match (total, missing.first()) {
            (_, Some(missing)) => format!("not known: {missing}"),
            (Some(total), None) => format!("{total:#}"),
            (None, None) => "nothing".to_owned(),
        };
        writeln!(out, "         {what} took {}; all fees: {total}", timing::shown(took))?;
    }
    Ok(())
}

/// Loads what is there now into an engine of its own, and compares every answer.
fn afresh(out: &mut dyn Write, engine: &Engine) -> Result<(), Box<dyn Error>> {
    let now = engine.published();
    let view = now.view(&Scope::all())?;
    let rows = view.accounts().accounts().map(|account| {
        let mut row = AccountRow::new(account.id(), account.account_type());
        row.parents = account.declared_parents();
        for attribute in view.accounts().schema().attributes() {
            if let Some(value) = account.value(attribute.name()) {
                row = row.with(attribute.name(), value);
            }
        }
        row
    });
    let fresh = Engine::new(now.book().schema().clone(), now.as_of().clone(), settings()?)?;
    fresh.apply(Update::new().rates(now.rates().iter()))?;
    fresh.define(now.catalog().definitions().iter().cloned())?;
    fresh.load(&MemorySource::new().accounts(rows))?;
    let other = fresh.published().view(&Scope::all())?;
    let (mut same, mut differ) = (0_usize, 0_usize);
    for account in view.accounts().accounts() {
        let twin = other.account(account.id_str()).ok_or("an account is missing")?;
        for id in now.catalog().order() {
            let answer = |view: &LiveView, account| match id.kind {
                DefinitionKind::Segment => view.is_member(&id.name, account).to_string(),
                _ => format!("{:?}", view.value(&id.name, account)),
            };
            if answer(&view, account) == answer(&other, twin) { same += 1 } else { differ += 1 }
        }
    }
    writeln!(out, "\n{} entities after {} versions; loaded afresh:", count(now.book().len()), now.version())?;
    writeln!(out, "{} answers are the same, {} differ", count(same), count(differ))?;
    if differ > 0 { Err("a fresh load says something else".into()) } else { Ok(()) }
}
