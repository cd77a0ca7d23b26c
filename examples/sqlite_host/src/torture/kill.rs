//! What does the parent do to the worker, and what does it check afterwards?

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use perennial::testkit::Random;
use rusqlite::Connection;
use sqlite_host::{Host, HostError, Opening, Options, Start, Window};

use super::workload::number;
use super::{ANCHOR, EDITED, WORK, seed};

/// What was seen over all kills.
#[derive(Debug, Default)]
struct Tally {
    /// Kills at each window, and after a random time.
    kills: BTreeMap<String, u64>,
    from_snapshot: u64,
    replayed: usize,
    loaded: u64,
    damaged: u64,
    refused: u64,
    adopted: u64,
    serial: u64,
    edit: u64,
}

/// Kills `kills` workers, and checks the restart after each.
///
/// # Errors
///
/// What was wrong after which kill.
pub fn run(database: &Path, kills: u64, seed: u64) -> Result<String, Box<dyn Error>> {
    let started = Instant::now();
    let mut random = create(database, seed)?;
    let mut tally = Tally::default();
    for kill in 0..kills {
        let round = round(database, kill, &mut random, &mut tally);
        round.map_err(|error| format!("after kill {} of seed {seed}: {error}", kill + 1))?;
    }
    // Each kind of kill must have happened, or nothing is proven about it.
    let windows = u64::try_from(Window::ALL.len())?;
    let hit = |window: &Window| tally.kills.contains_key(&window.to_string());
    if kills >= 2 * windows && !Window::ALL.iter().all(hit) {
        return Err("a window was never hit".into());
    }
    let version = Host::open(database, Options::default())?.0.book().version();
    let seconds = started.elapsed().as_secs_f64();
    Ok(format!("{kills} kills in {seconds:.1} s, up to version {version}: every restart was right\n{tally}"))
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kills.iter().try_for_each(|(at, count)| writeln!(f, "  {count:3} {at}"))?;
        writeln!(f, "  {} changes and {} edits past the host, none lost", self.serial, self.edit)?;
        writeln!(f, "  {} changes refused; faulty edits adopted after {} kills", self.refused, self.adopted)?;
        writeln!(
            f,
            "  {} restarts from a snapshot, with {} changes replayed",
            self.from_snapshot, self.replayed
        )?;
        writeln!(f, "  {} restarts from the tables; {} snapshots damaged", self.loaded, self.damaged)
    }
}

/// Makes a database with rows of a seed, and goes on with its random numbers.
pub fn create(database: &Path, seed: u64) -> Result<Random, Box<dyn Error>> {
    let mut random = Random::new(seed);
    let host = Host::create(database, seed::schema()?, Options::default())?;
    host.import(&seed::rows(&mut random)?)?;
    Ok(random)
}

fn round(database: &Path, kill: u64, random: &mut Random, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    let worker_seed = random.next_u64();
    let windows = Window::ALL;
    let window = windows.get(usize::try_from(kill / 2)? % windows.len()).filter(|_| kill.is_multiple_of(2));
    let passage =
        1 + random.below(if window.is_some_and(|w| *w < Window::SnapshotHalfWritten) { 12 } else { 2 });
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(database).arg(WORK).arg(worker_seed.to_string());
    if let Some(window) = window {
        command.args([window.to_string(), passage.to_string()]);
    }
    let mut worker = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let lines = listen(&mut worker)?;
    let mut seen = Vec::new();
    let how = match window {
        Some(window) => {
            let awaited = format!("at {window}");
            while seen.last() != Some(&awaited) {
                match lines.recv_timeout(Duration::from_secs(30)) {
                    Ok(line) => seen.push(line),
                    Err(error) => return Err(failed(worker, &format!("never was {awaited}: {error}"))),
                }
            }
            window.to_string()
        }
        None => {
            let end = Instant::now() + Duration::from_micros(random.below(120_000));
            loop {
                match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                    Ok(line) => seen.push(line),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Err(failed(worker, "ended by itself")),
                }
            }
            "after a random time".to_owned()
        }
    };
    worker.kill()?;
    let status = worker.wait()?;
    if status.success() {
        return Err("the worker ended by itself".into());
    }
    seen.extend(lines.iter());
    *tally.kills.entry(how).or_default() += 1;
    let damaged = if kill % 10 == 9 { damage(database, random)? } else { None };
    tally.damaged += u64::from(damaged.is_some());
    check(database, &seen, damaged.as_deref(), tally)
}

// What the worker says, line by line; half a line at the end was not said.
fn listen(worker: &mut Child) -> Result<Receiver<String>, Box<dyn Error>> {
    let out = worker.stdout.take().ok_or("the worker has no output")?;
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut out = BufReader::new(out);
        let mut line = String::new();
        while matches!(out.read_line(&mut line), Ok(read) if read > 0) {
            if !line.ends_with('\n') || sender.send(line.trim_end().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    Ok(lines)
}

fn failed(mut worker: Child, what: &str) -> Box<dyn Error> {
    // It may be gone already.
    let _ = worker.kill();
    let said = worker.wait_with_output().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    format!("the worker {what}: {}", said.unwrap_or_default()).into()
}

fn check(
    database: &Path,
    seen: &[String],
    damaged: Option<&Path>,
    tally: &mut Tally,
) -> Result<(), Box<dyn Error>> {
    let (host, opening) = Host::open(database, Options::default())?;
    let Opening { start, unusable, edits_refused, .. } = &opening;
    match start {
        Start::Snapshot { changes, .. } => {
            tally.from_snapshot += 1;
            tally.replayed += changes;
        }
        _ => tally.loaded += 1,
    }
    if let Some(damaged) = damaged
        && !unusable.iter().any(|(path, _)| path == damaged)
    {
        return Err(format!("`{}` was damaged, and nobody noticed", damaged.display()).into());
    }
    // Edits at fault that the worker had no time to adopt.
    if edits_refused.is_some() {
        if !matches!(edits_refused, Some(HostError::EditsRefused(_))) {
            return Err(format!("{edits_refused:?}").into());
        }
        host.adopt()?;
        tally.adopted += 1;
    }
    let differences = host.check()?;
    if !differences.is_empty() {
        return Err(format!("{opening:?}: the book and a fresh load differ: {differences}").into());
    }
    if host.sync()?.report.is_some() {
        return Err("a synchronisation found something after the restart".into());
    }
    let last = |word: &str| {
        let said = seen.iter().filter_map(|line| line.strip_prefix(word)?.trim().parse::<u64>().ok());
        said.max()
    };
    let serial = number(&host.book(), ANCHOR, "serial")?;
    let reported = last("serial ").unwrap_or(tally.serial);
    if serial < reported || serial > reported + 1 {
        return Err(format!("change {reported} was reported, the book has {serial}").into());
    }
    let edit = number(&host.book(), EDITED, "edits")?;
    let reported = last("edit ").unwrap_or(tally.edit);
    if edit < reported || edit > reported + 1 {
        return Err(format!("edit {reported} was reported, the book has {edit}").into());
    }
    (tally.serial, tally.edit) = (serial, edit);
    tally.refused += u64::try_from(seen.iter().filter(|line| *line == "refused").count())?;
    drop(host);
    let connection = Connection::open(database)?;
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(format!("SQLite finds: {verdict}").into()) }
}

// Damages the newest snapshot: another bit, the end cut off, or a newer format.
fn damage(database: &Path, random: &mut Random) -> Result<Option<PathBuf>, Box<dyn Error>> {
    let mut directory = database.as_os_str().to_owned();
    directory.push(".snapshots");
    let Ok(entries) = fs::read_dir(directory) else { return Ok(None) };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "snapshot"));
    paths.sort();
    let Some(path) = paths.pop() else { return Ok(None) };
    let mut bytes = fs::read(&path)?;
    let place = usize::try_from(random.below(bytes.len() as u64))?;
    match random.below(3) {
        0 => bytes.truncate(place),
        1 => bytes.iter_mut().skip(8).take(4).for_each(|byte| *byte = 0xff),
        _ => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << (place % 8)),
    }
    fs::write(&path, bytes)?;
    Ok(Some(path))
}
