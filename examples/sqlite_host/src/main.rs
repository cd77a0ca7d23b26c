//! A host on the command line: a book of business in a `SQLite` database.

mod demo;
mod print;
mod torture;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use perennial::adapter::csv::{CsvInput, CsvSource, CsvTable};
use perennial::{LoadReport, Schema};
use sqlite_host::{Host, HostError, Opening, Options, Start};

const USAGE: &str = "\
usage: sqlite_host DATABASE COMMAND

  init SCHEMA.json                    makes the tables of a schema
  demo [DIRECTORY]                    makes and fills the tables of the CRM data set of the library's tests
  import TABLE=FILE.csv ...           fills tables (`accounts`, `links`, child tables) from CSV files whose
                                      columns have the names of the schema
  show [ACCOUNT]                      prints the trees, or one account with its rows
  apply CHANGE.json [--expect N]      applies a change, if the book is at version N
  sync                                takes over rows that were edited in the database
  adopt                               takes the tables over as they stand, faults and all
  snapshot                            writes a snapshot of the book
  check                               compares the book of snapshot and log with a fresh load
  torture [N] [SEED]                  makes a database, kills its host N times (100), checks each restart";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(said) => {
            // Who looked at the first lines only has closed the pipe, and wants no more.
            let _ = std::io::stdout().write_all(said.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", print::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let [database, command, rest @ ..] = arguments else { return Err(USAGE.into()) };
    let database = Path::new(database);
    let at = |host: &Host| format!("version {}\n", host.book().version());
    Ok(match (*command, rest) {
        ("init", [schema]) => {
            let schema = Schema::from_json_bytes(&fs::read(schema)?)?;
            at(&Host::create(database, schema, Options::default())?)
        }
        ("demo", rest @ ([] | [_])) => {
            let directory = rest.first().map_or_else(demo::directory, |given| Path::new(given).to_owned());
            demo::make(database, &directory)?
        }
        ("import", files @ [_, ..]) => {
            let host = open(database)?;
            format!("{}{}", import(&host, files)?, at(&host))
        }
        ("show", []) => print::book(&open(database)?.book())?,
        ("show", [account]) => print::account(&open(database)?.book(), account)?,
        ("apply", [change]) => apply(database, change, None)?,
        ("apply", [change, "--expect", version]) => apply(database, change, Some(version.parse()?))?,
        ("sync", []) => {
            let synced = open(database)?.sync()?;
            format!("{}version {}\n", print::reports(&synced.report), synced.version)
        }
        ("adopt", []) => {
            let host = open(database)?;
            format!("{}{}", host.adopt()?, at(&host))
        }
        ("snapshot", []) => {
            let written = open(database)?.snapshot()?;
            let (path, version, bytes) = (written.path.display(), written.version, written.bytes);
            let pruned = written.pruned;
            format!(
                "{path}: version {version}, {bytes} bytes; {pruned} entries of the log are no longer needed\n"
            )
        }
        ("check", []) => {
            let host = open(database)?;
            let differences = host.check()?;
            if !differences.is_empty() {
                return Err(format!("the book and a fresh load differ: {differences}").into());
            }
            format!("version {}: the book equals a fresh load\n", host.book().version())
        }
        ("torture", rest @ ([] | [_] | [_, _])) => {
            let mut numbers = rest.iter().map(|given| given.parse::<u64>());
            let kills = numbers.next().transpose()?.unwrap_or(100);
            let seed = numbers.next().transpose()?.unwrap_or(1);
            torture::run(database, kills, seed)?
        }
        (torture::STEPS, rest) => torture::steps(database, rest).map(|()| String::new())?,
        (torture::WORK, rest) => torture::work(database, rest).map(|()| String::new())?,
        _ => return Err(USAGE.into()),
    })
}

fn import(host: &Host, files: &[&str]) -> Result<LoadReport, Box<dyn Error>> {
    let mut source = CsvSource::builder(host.layout().schema());
    for file in files {
        let (table, path) = file.split_once('=').ok_or("expected TABLE=FILE.csv")?;
        let input = CsvInput::path(path);
        source = source.table(match table {
            "accounts" => CsvTable::accounts(input),
            "links" => CsvTable::links(input),
            child => CsvTable::child(child, input),
        });
    }
    Ok(host.import(&source.build()?)?)
}

fn apply(database: &Path, change: &str, expected: Option<u64>) -> Result<String, Box<dyn Error>> {
    let change = serde_json::from_slice(&fs::read(change)?)?;
    let applied = open(database)?.apply(&change, expected)?;
    Ok(format!("{}version {}\n", print::reports([&applied.report]), applied.version))
}

// Opens, and says on standard error how the book came back.
fn open(database: &Path) -> Result<Host, HostError> {
    let (host, opening) = Host::open(database, Options::default())?;
    tell(&opening);
    Ok(host)
}

fn tell(opening: &Opening) {
    for (path, why) in &opening.unusable {
        eprintln!("warning: snapshot `{}` is not used: {why}", path.display());
    }
    match &opening.start {
        Start::Snapshot { version, changes } => {
            eprintln!("from the snapshot of version {version} and {changes} change(s) since");
        }
        _ => eprintln!("loaded from the tables"),
    }
    if let Some(error) = &opening.edits_refused {
        eprintln!("warning: {error}");
    }
}
