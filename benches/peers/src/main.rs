//! How long do other tools take for what `perennial` does, on the same data, in the same run?
//!
//! ```sh
//! cargo run --release                    # 1,000 and 100,000 accounts
//! cargo run --release -- 1000000         # as many as you say
//! cargo run --release -- --markdown      # the table for a page
//! cargo run --release -- --rounds 3      # fewer or more rounds for each median
//! cargo run --release -- --only live      # one question
//! cargo run -- --test                    # everybody once on 1,000 accounts: do they agree?
//! ```
//!
//! Answers are compared before anything is timed; one that differs ends the run with an error that names the
//! account. What each contestant does, and on what terms, stands in the README beside this crate.

mod answer;
mod contest;
mod data;
mod forty;
mod live;
mod ours;
mod ours_live;
mod segment;
mod sqlite_live;
mod table;
mod usage;
mod versions;
mod with_cel;
mod with_differential;
mod with_petgraph;
mod with_polars;
mod with_rhai;
mod with_sqlite;

use std::io::Write;

use contest::{Contest, Timed};
use data::Data;
use live::Script;
use table::Style;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", versions::line())?;
    writeln!(out, "threads of Polars: {}", with_polars::threads())?;
    writeln!(out)?;
    // This thread is a pool of its own: what runs on one thread runs here, and hands nothing over.
    let _here = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?;
    for accounts in &options.sizes {
        let timed = contests(*accounts, &options)?;
        write!(out, "{}", table::render(&timed, options.style))?;
        out.flush()?;
    }
    Ok(())
}

struct Options {
    sizes: Vec<usize>,
    style: Style,
    /// `None`: as many as the size allows.
    rounds: Option<usize>,
    /// The one question that is asked; `None`: all.
    only: Option<String>,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self { sizes: Vec::new(), style: Style::Aligned, rounds: None, only: None };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--test" => (options.sizes, options.rounds) = (vec![1_000], Some(1)),
                "--markdown" => options.style = Style::Markdown,
                "--rounds" => {
                    let rounds = arguments.next().ok_or("`--rounds` wants a number")?;
                    options.rounds = Some(rounds.parse()?);
                }
                "--only" => {
                    let word = arguments.next().ok_or("`--only` wants the word of a question")?;
                    if !QUESTIONS.iter().any(|(known, _)| *known == word) {
                        let known: Vec<&str> = QUESTIONS.iter().map(|(word, _)| *word).collect();
                        return Err(format!("`--only {word}`: the words are {}", known.join(", ")).into());
                    }
                    options.only = Some(word);
                }
                size => {
                    let size = size.replace([',', '_'], "").parse();
                    options.sizes.push(size.map_err(|_| format!("unknown argument `{argument}`"))?);
                }
            }
        }
        if options.sizes.is_empty() {
            options.sizes = vec![1_000, 100_000];
        }
        Ok(options)
    }
}

type Asked = fn(&Data, usize) -> Outcome<Vec<Timed>>;

/// The questions, each with a word by which `--only` chooses it.
const QUESTIONS: [(&str, Asked); 9] = [
    ("roll-up", roll_up),
    ("tree", tree),
    ("segment", segment_of_five),
    ("forty", forty_roll_ups),
    ("people", people),
    ("window", window),
    ("ingest", ingest),
    ("live", live_sums),
    ("parse", parse),
];

fn contests(accounts: usize, options: &Options) -> Outcome<Vec<Timed>> {
    let data = Data::new(accounts)?;
    let rounds = options.rounds.unwrap_or_else(|| (1_000_000 / accounts.max(1)).clamp(3, 51));
    let mut timed = Vec::new();
    for (word, asked) in QUESTIONS {
        if options.only.as_deref().is_none_or(|only| only == word) {
            timed.extend(asked(&data, rounds)?);
        }
    }
    Ok(timed)
}

fn held<A: PartialEq + std::fmt::Debug>(
    data: &Data,
    rounds: usize,
    contest: Contest<'_, A>,
) -> Outcome<Vec<Timed>> {
    contest.hold(rounds, |number| data.book.id(number))
}

fn roll_up(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let mut contestants = ours::roll_up(data)?;
    contestants.extend(with_polars::roll_up(data)?);
    contestants.extend(with_sqlite::roll_up(data)?);
    contestants.extend(with_petgraph::roll_up(data)?);
    let question = "8 sums, count, min, max of every subtree";
    held(data, rounds, Contest { question, expected: data.totals(), contestants })
}

fn tree(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let mut contestants = ours::build(data)?;
    contestants.extend(with_polars::build(data)?);
    contestants.extend(with_sqlite::build(data)?);
    contestants.extend(with_petgraph::build(data)?);
    let question = "the tree from shuffled ids and parents";
    held(data, rounds, Contest { question, expected: data::levels(&data.parents), contestants })
}

fn segment_of_five(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let mut contestants = ours::segment(data)?;
    contestants.extend(with_polars::segment(data)?);
    contestants.extend(with_cel::segment(data)?);
    contestants.extend(with_rhai::segment(data)?);
    let question = "which accounts a segment of five clauses matches";
    held(data, rounds, Contest { question, expected: segment::matching(data), contestants })
}

fn forty_roll_ups(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let mut contestants = ours::forty(data)?;
    contestants.extend(with_polars::forty(data)?);
    contestants.extend(with_sqlite::forty(data)?);
    let question = "40 roll-ups with filters of every subtree";
    held(data, rounds.min(7), Contest { question, expected: forty::expected(data), contestants })
}

fn people(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let uses = usage::Uses::new(data)?;
    let mut contestants = ours::people(data, &uses)?;
    contestants.extend(with_polars::people(data, &uses)?);
    contestants.extend(with_sqlite::people(data, &uses)?);
    let question = "people of 30 days in every subtree, each once";
    held(data, rounds, Contest { question, expected: uses.people(data), contestants })
}

fn window(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let uses = usage::Uses::new(data)?;
    let mut contestants = ours::window(data, &uses)?;
    contestants.extend(with_polars::window(data, &uses)?);
    contestants.extend(with_sqlite::window(data, &uses)?);
    let question = "uses of the last 30 days of every account";
    held(data, rounds, Contest { question, expected: uses.counts(data), contestants })
}

fn ingest(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let uses = usage::Uses::new(data)?;
    let mut contestants = ours::ingest(data, &uses)?;
    contestants.extend(with_sqlite::ingest(data, &uses)?);
    let question = "two rows of usage an account come in";
    let expected = vec![i64::try_from(uses.len())?];
    held(data, rounds, Contest { question, expected, contestants })
}

fn parse(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let contestants = vec![ours::parse(), with_cel::parse(), with_rhai::parse()];
    let question = "a text of 199 bytes, read a hundred times";
    held(data, rounds.max(7), Contest { question, expected: vec![true], contestants })
}

/// What is kept current while the data changes.
fn live_sums(data: &Data, rounds: usize) -> Outcome<Vec<Timed>> {
    let questions = [
        ("one metric changes: 8 sums of every subtree current", Script::metrics(data, rounds)?),
        ("1,000 metrics change: 8 sums of every subtree current", Script::batches(data, rounds)?),
        ("a subtree moves: 8 sums of every subtree current", Script::moves(data, rounds)?),
    ];
    let mut timed = Vec::new();
    for (question, script) in &questions {
        let mut contestants = ours_live::live(data, script)?;
        contestants.extend(sqlite_live::live(data, script)?);
        contestants.extend(with_differential::live(data, script)?);
        let expected = script.expected(data);
        timed.extend(held(data, rounds, Contest { question, expected, contestants })?);
    }
    Ok(timed)
}
