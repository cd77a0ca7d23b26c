//! A real book of business, from files to roll-ups on every parent.
//!
//! ```sh
//! cargo run --release --example book_of_business            # for a terminal
//! cargo run --release --example book_of_business -- --json  # one JSON document
//! ```
//!
//! Read `load.rs` first: schema, mapping, policy and roll-ups, which is what a host writes.

mod figures;
mod json;
mod load;
mod print;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use perennial::{AsOf, Date, Scope};

const USAGE: &str = "\
Loads a book of business and rolls its values up to every parent.

usage: book_of_business [--data NAME] [--json]

  --data NAME  the data set: crm (default), a B2B sales pipeline of 85 accounts
  --json       one JSON document instead of text
  --help       this text
";

/// What the command line asks for.
#[derive(Debug)]
enum Request {
    Help,
    Show { json: bool },
}

fn main() -> ExitCode {
    // An argument that is no UTF-8 is an unknown one.
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let request = match parse(arguments) {
        Ok(request) => request,
        Err(message) => {
            complain(&format!("{message}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match run(&request) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, such as `| head`.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}

// Where even the error stream is closed there is nobody left to tell.
fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut json = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--json" => json = true,
            "--data" => match arguments.next().as_deref() {
                Some("crm") => {}
                Some(other) => return Err(format!("unknown data set `{other}`; known: crm")),
                None => return Err("`--data` needs the name of a data set".to_owned()),
            },
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    Ok(Request::Show { json })
}

fn run(request: &Request) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    let Request::Show { json } = request else {
        out.write_all(USAGE.as_bytes())?;
        return Ok(out.flush()?);
    };
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/crm-sales-opportunities");
    let loaded = load::load(&data)?;
    // Everything is visible to this example; the data ends with the year 2017.
    let view = loaded.book.view(&Scope::all(), AsOf::date_utc(Date::new(2017, 12, 31)?))?;
    let results = figures::Results::new(&loaded, &view)?;
    if *json {
        json::write_json(&mut out, &loaded, &view, &results)?;
    } else {
        print::write_report(&mut out, &loaded)?;
        writeln!(out)?;
        let agrees = print::write_accounts(&mut out, &view, &results)?;
        out.flush()?;
        if !agrees {
            return Err("the roll-ups differ from the sum of the deals".into());
        }
    }
    Ok(out.flush()?)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
    let json = error.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
    io.or(json) == Some(io::ErrorKind::BrokenPipe)
}
