//! A service that keeps its journal in a file, and is killed a hundred times.
//!
//! ```sh
//! cargo run --release --example journal -- book.journal set acme 30      # acknowledged once it is on the disk
//! cargo run --release --example journal -- book.journal show             # a new process goes on where the last one was
//! cargo run --release --example journal -- book.journal compact
//! cargo run --release --example journal -- torture.journal torture 100   # is anything acknowledged ever lost?
//! ```
//!
//! What to copy: `start`, and when `work` compacts.

mod torture;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use perennial::adapter::journal::FileJournal;
use perennial::aggregate::{Operator, RollUp};
use perennial::engine::{Engine, EngineSettings};
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope,
};

const USAGE: &str = "\
usage: journal FILE COMMAND

  show                     prints the accounts
  set ACCOUNT SEATS        adds an account, or changes it
  compact                  makes the journal short again
  torture [KILLS] [SEED]   kills a service that works on a new journal, and checks what it finds when it starts again";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(said) => {
            println!("{}", said.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let [file, command, rest @ ..] = arguments else { return Err(USAGE.into()) };
    let file = Path::new(file);
    match (*command, rest) {
        ("show", []) => show(&start(file)?.1),
        ("set", [account, seats]) => {
            let (_, engine) = start(file)?;
            let version = set(&engine, account, seats.parse()?)?;
            Ok(format!("version {version}"))
        }
        ("compact", []) => {
            let (journal, engine) = start(file)?;
            let before = journal.bytes();
            engine.compact_journal()?;
            Ok(format!("{before} bytes, now {}", journal.bytes()))
        }
        ("torture", rest @ ([] | [_] | [_, _])) => {
            let mut numbers = rest.iter().map(|given| given.parse::<u64>());
            let kills = numbers.next().transpose()?.unwrap_or(100);
            let seed = numbers.next().transpose()?.unwrap_or(1);
            torture::run(file, kills, seed)
        }
        (torture::WORK, [seed]) => torture::work(file, seed.parse()?),
        _ => Err(USAGE.into()),
    }
}

/// Starts the service: its engine in the state of the journal, or a new one where there is none yet.
fn start(file: &Path) -> Result<(FileJournal, Engine), Box<dyn Error>> {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("note", AttributeType::Text));
    let schema = Arc::new(schema.build()?);
    let journal = FileJournal::open(file)?;
    // The host's clock; an example has none.
    let today = AsOf::date_utc(Date::new(2026, 1, 31)?);
    let (engine, restored) = journal.engine(schema, today, EngineSettings::new())?;
    if let Some(damage) = restored.and_then(|restored| restored.damage) {
        eprintln!("{damage}; put aside");
    }
    // A service that was killed between its first record and this one has none yet.
    if engine.published().catalog().definitions().is_empty() {
        let all = RollUp::new("all_seats", Operator::Sum("seats".into()));
        engine.define([all.into()])?;
    }
    Ok((journal, engine))
}

/// Sets the seats of an account, which is added where it is not there; the version that is acknowledged.
fn set(engine: &Engine, account: &str, seats: i64) -> Result<u64, Box<dyn Error>> {
    let id = AccountId::new(account)?;
    let is_known = engine.published().view(&Scope::all())?.account(account).is_some();
    let change = if is_known {
        Change::new().set(&id, "seats", seats)
    } else {
        Change::new().add(AccountRow::new(id, "Company").with("seats", seats))
    };
    Ok(engine.apply(change)?.version)
}

fn show(engine: &Engine) -> Result<String, Box<dyn Error>> {
    let state = engine.published();
    let view = state.view(&Scope::all())?;
    let mut lines = vec![format!("version {}", state.version())];
    for account in view.accounts().accounts() {
        let seats = account.value("seats").map(|seats| seats.to_string()).unwrap_or_default();
        lines.push(format!("{:20} {seats}", account.id_str()));
    }
    Ok(lines.join("\n"))
}
