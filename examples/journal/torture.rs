//! Is anything lost that was acknowledged, where the service is killed?
//!
//! A worker starts the service, changes accounts one after the other, and says of each change that it is done once the engine
//! has said so. Its parent kills it at a random moment (SIGKILL, no chance to tidy up), now and then leaves half a record behind,
//! as a failure of power would, and starts the service itself: every change that was said to be done must be there, at most
//! one more, and each with all that it did.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use fastrand::Rng;
use perennial::engine::{Engine, Update};
use perennial::{AccountId, AccountRow, Change, Scope, Value};

/// The word by which the parent starts a worker.
pub const WORK: &str = "torture-worker";

/// Accounts that are changed in turn.
const ACCOUNTS: u64 = 40;
/// A journal of so many bytes is made short again.
const LONG: u64 = 60_000;

/// The account of a change, which carries the number of the change.
fn account(number: u64) -> Result<AccountId, Box<dyn Error>> {
    Ok(AccountId::new(format!("account-{}", number % ACCOUNTS))?)
}

/// Kills `kills` workers, and checks what is found after each.
///
/// # Errors
///
/// What was wrong after which kill.
pub fn run(file: &Path, kills: u64, seed: u64) -> Result<String, Box<dyn Error>> {
    if file.exists() {
        return Err(format!("`{}` is there already; name a new file", file.display()).into());
    }
    let started = Instant::now();
    let mut random = Rng::with_seed(seed);
    let (mut done, mut torn, mut in_doubt) = (0, 0, 0);
    for kill in 1..=kills {
        let said = kill_one(file, &mut random)?.max(done);
        if kill % 3 == 0 && file.exists() {
            let length = 1 + random.u64(..200);
            let half = (0..length).map(|_| u8::try_from(random.u64(..256))).collect::<Result<Vec<_>, _>>()?;
            OpenOptions::new().append(true).open(file)?.write_all(&half)?;
            torn += 1;
        }
        let (_, engine) = super::start(file)?;
        let found = check(&engine).map_err(|error| format!("after kill {kill} of seed {seed}: {error}"))?;
        if found < said || found > said + 1 {
            let wrong =
                format!("after kill {kill} of seed {seed}: change {said} was acknowledged, {found} is there");
            return Err(wrong.into());
        }
        in_doubt += found - said;
        done = found;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(format!(
        "{kills} kills in {seconds:.1} s: {done} changes, none that was acknowledged is lost\n  {torn} times half a record \
         stood at the end; {in_doubt} changes were there that were not acknowledged yet"
    ))
}

/// Starts a worker, kills it, and gives the last change that it said was done; 0 where it said nothing.
fn kill_one(file: &Path, random: &mut Rng) -> Result<u64, Box<dyn Error>> {
    let seed = random.u64(..);
    let mut worker = Command::new(std::env::current_exe()?)
        .arg(file)
        .args([WORK, &seed.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let out = worker.stdout.take().ok_or("the worker has no output")?;
    let lines = listen(BufReader::new(out));
    let end = Instant::now() + Duration::from_micros(random.u64(..80_000));
    let mut said = None;
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => said = Some(line),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return Err("the worker ended by itself".into()),
        }
    }
    worker.kill()?;
    worker.wait()?;
    let said = lines.iter().last().or(said);
    Ok(said.map_or(Ok(0), |line| line.parse())?)
}

// What the worker says, line by line; half a line at the end was not said.
fn listen(mut out: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while matches!(out.read_line(&mut line), Ok(read) if read > 0) {
            if !line.ends_with('\n') || sender.send(line.trim_end().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

/// Works until it is killed: a change of an account with the number of the change, and a note of random length.
pub fn work(file: &Path, seed: u64) -> Result<String, Box<dyn Error>> {
    let mut random = Rng::with_seed(seed);
    let (journal, engine) = super::start(file)?;
    let mut number = check(&engine)?;
    let mut out = std::io::stdout();
    loop {
        number += 1;
        let id = account(number)?;
        let note = "x".repeat(usize::try_from(random.u64(..3_000))?);
        let seats = i64::try_from(number)?;
        let is_new = engine.published().view(&Scope::all())?.account(id.as_str()).is_none();
        let change = if is_new {
            Change::new().add(AccountRow::new(id, "Company").with("seats", seats).with("note", note.as_str()))
        } else {
            Change::new().set(&id, "seats", seats).set(&id, "note", note.as_str())
        };
        engine.apply(Update::from(change).once(&format!("change {number}")))?;
        writeln!(out, "{number}")?;
        out.flush()?;
        if journal.bytes() > LONG {
            engine.compact_journal()?;
        }
    }
}

/// The number of the last change, where all that is known comes from the changes up to it.
fn check(engine: &Engine) -> Result<u64, Box<dyn Error>> {
    let state = engine.published();
    let view = state.view(&Scope::all())?;
    let seats = |number: u64| -> Result<Option<i64>, Box<dyn Error>> {
        let account = view.account(account(number)?.as_str());
        Ok(match account.and_then(|account| account.value("seats")) {
            Some(Value::Int(seats)) => Some(seats),
            _ => None,
        })
    };
    let mut last = 0;
    for number in 0..ACCOUNTS {
        last = last.max(u64::try_from(seats(number)?.unwrap_or(0))?);
    }
    for number in last.saturating_sub(ACCOUNTS - 1).max(1)..=last {
        let found = seats(number)?;
        if found != Some(i64::try_from(number)?) {
            return Err(format!("change {number} of {last} left {found:?} behind").into());
        }
    }
    // A first version for the definition, and one for each change.
    if last > 0 && state.version() != last + 1 {
        return Err(format!("{last} changes led to version {}", state.version()).into());
    }
    Ok(last)
}
