//! Real data, from files to roll-ups on every parent.
//!
//! ```sh
//! cargo run --release --example book_of_business            # for a terminal
//! cargo run --release --example book_of_business -- --json  # one JSON document
//! cargo run --release --example book_of_business -- --data bank
//! cargo run --release --example book_of_business -- --data nhs --mermaid
//! cargo run --release --example book_of_business -- --segment 'sector == "software" && employees > 1000'
//! cargo run --release --example book_of_business -- --segment 'employees > 1000' --why Acme\ Corporation
//! cargo run --release --example book_of_business -- --profile Acme\ Corporation
//! ```
//!
//! Each data set has a directory of its own: `crm` is a sales pipeline, `bank` the ownership of banks, `nhs` the
//! general practices of England. Read its `load.rs` first: what a host writes.

mod ask;
mod bank;
mod crm;
mod measured;
mod nhs;
mod numbers;
mod shape;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use ask::Question;

/// A data set: its name on the command line, what it is, and what is written of it.
struct DataSet {
    name: &'static str,
    about: &'static str,
    text: Writer,
    ask: fn() -> Result<ask::Book, Box<dyn Error>>,
    /// What else than text, by an option of the command line.
    others: &'static [Format],
}

struct Format {
    option: &'static str,
    about: &'static str,
    write: Writer,
}

type Writer = fn(&mut dyn Write) -> Result<(), Box<dyn Error>>;

/// The first one is shown when none is named.
const DATA_SETS: &[DataSet] = &[
    DataSet {
        name: "crm",
        about: "a B2B sales pipeline of 85 accounts and 8,800 deals",
        text: crm::write_text,
        ask: crm::ask,
        others: &[json(crm::write_json)],
    },
    DataSet {
        name: "bank",
        about: "who owns whom among 19,345 banks, and a century of their mergers",
        text: bank::write_text,
        ask: bank::ask,
        others: &[json(bank::write_json)],
    },
    DataSet {
        name: "nhs",
        about: "6,527 general practices of England, from level columns",
        text: nhs::write_text,
        ask: nhs::ask,
        others: &[
            json(nhs::write_json),
            Format { option: "--mermaid", about: "a diagram for Mermaid", write: nhs::write_mermaid },
        ],
    },
];

const fn json(write: Writer) -> Format {
    Format { option: "--json", about: "one JSON document", write }
}

/// What the command line asks for.
enum Request {
    Help,
    Write(Writer),
    Ask(fn() -> Result<ask::Book, Box<dyn Error>>, Question),
}

fn main() -> ExitCode {
    // An argument that is no UTF-8 is an unknown one.
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let request = match parse(arguments) {
        Ok(request) => request,
        Err(message) => {
            complain(&format!("{message}\n\n{}", usage()));
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
    let mut data = None;
    let mut option: Option<String> = None;
    let mut question = Question::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--segment" | "--why" | "--profile" | "--query" => {
                let value = arguments.next().ok_or_else(|| format!("`{argument}` needs a value"))?;
                match argument.as_str() {
                    "--segment" => question.segment = Some(value),
                    "--why" => question.why = Some(value),
                    "--profile" => question.profile = Some(value),
                    _ => question.query = Some(value.into()),
                }
            }
            "--data" => {
                let name = arguments.next().ok_or("`--data` needs the name of a data set")?;
                let found = DATA_SETS.iter().find(|data| data.name == name);
                data = Some(found.ok_or_else(|| format!("unknown data set `{name}`; known: {}", known()))?);
            }
            other if DATA_SETS.iter().any(|data| data.has(other)) => match option.replace(argument) {
                Some(before) if option.as_ref() != Some(&before) => {
                    return Err(format!("`{before}` and another format at once"));
                }
                _ => {}
            },
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    let data = data.or(DATA_SETS.first()).ok_or("no data set")?;
    if !question.is_none() {
        return match option {
            Some(option) => Err(format!("`{option}` and a question at once")),
            None => Ok(Request::Ask(data.ask, question)),
        };
    }
    let Some(option) = option else { return Ok(Request::Write(data.text)) };
    let format = data.others.iter().find(|format| format.option == option);
    let format = format.ok_or_else(|| format!("data set `{}` has no `{option}`", data.name))?;
    Ok(Request::Write(format.write))
}

impl DataSet {
    fn has(&self, option: &str) -> bool {
        self.others.iter().any(|format| format.option == option)
    }
}

fn known() -> String {
    DATA_SETS.iter().map(|data| data.name).collect::<Vec<_>>().join(", ")
}

fn usage() -> String {
    let mut lines = vec![
        "Loads real data and rolls its values up to every parent.".to_owned(),
        String::new(),
        "usage: book_of_business [--data NAME] [FORMAT | QUESTION]".to_owned(),
        String::new(),
        "  --help       this text".to_owned(),
        "  --data NAME  the data set, one of these, and the formats that it has beside text:".to_owned(),
    ];
    for (place, data) in DATA_SETS.iter().enumerate() {
        let default = if place == 0 { " (default)" } else { "" };
        lines.push(format!("    {:<8} {}{default}", data.name, data.about));
        lines
            .extend(data.others.iter().map(|format| format!("      {:<10} {}", format.option, format.about)));
    }
    lines.push("  QUESTION".to_owned());
    for (option, about) in [
        ("--segment EXPR", "who is in it, how many, and what they are worth"),
        ("--why ACCOUNT", "with --segment or --query: why it is in, or not"),
        ("--profile ACCOUNT", "what is known of it"),
        ("--query FILE", "a query of Totango or react-querybuilder, as JSON"),
    ] {
        lines.push(format!("    {option:<19} {about}"));
    }
    lines.join("\n") + "\n"
}

fn run(request: &Request) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match request {
        Request::Help => out.write_all(usage().as_bytes()).map_err(Into::into),
        Request::Write(write) => write(&mut out),
        Request::Ask(load, question) => load().and_then(|book| ask::answer(&mut out, &book, question)),
    };
    // What was written before something failed is shown, too.
    let flushed = out.flush();
    written?;
    Ok(flushed?)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
    let json = error.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
    io.or(json) == Some(io::ErrorKind::BrokenPipe)
}
