//! What does the worker do until it is killed?
//!
//! Random changes, one in a few refused; edits past the host, with a synchronisation; snapshots. Every
//! change carries a number, and the number is reported when the host says that it is done.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use perennial::testkit::Random;
use perennial::{AccountId, AccountRow, AsOf, Book, Change, ChildId, Date, Scope, Succession, Value, View};
use sqlite_host::{Host, HostError, Options, Window};

use super::seed::{ATTRIBUTES, TYPES, child, ghost, kind, mixed, pick, text, value};
use super::{ANCHOR, EDITED, edits};

/// Works until it is killed, and stands still where it is told to.
pub fn run(database: &Path, seed: u64, stop: Option<(String, u64)>) -> Result<(), Box<dyn Error>> {
    let mut worker = Worker::new(database, seed, options(stop), say)?;
    loop {
        worker.step()?;
    }
}

/// Works for some steps, and compares the book with a fresh load after each.
pub fn steps(database: &Path, seed: u64, steps: u64) -> Result<(), Box<dyn Error>> {
    let mut worker = Worker::new(database, seed, Options::default(), |_| {})?;
    for step in 0..steps {
        worker.step()?;
        let differences = worker.host.check()?;
        if !differences.is_empty() {
            return Err(format!("after step {step} of seed {seed}: {}: {differences}", worker.last).into());
        }
    }
    Ok(())
}

struct Worker<'d> {
    database: &'d Path,
    host: Host,
    random: Random,
    seed: u64,
    /// Number of the last change, and of the last edit past the host.
    serial: u64,
    edit: u64,
    /// What was done last.
    last: String,
    say: fn(&str),
}

impl<'d> Worker<'d> {
    fn new(database: &'d Path, seed: u64, options: Options, say: fn(&str)) -> Result<Self, Box<dyn Error>> {
        let (host, _) = Host::open(database, options)?;
        let book = host.book();
        let (serial, edit) = (number(&book, ANCHOR, "serial")?, number(&book, EDITED, "edits")?);
        Ok(Self { database, host, random: Random::new(seed), seed, serial, edit, last: String::new(), say })
    }

    fn step(&mut self) -> Result<(), Box<dyn Error>> {
        match self.random.below(12) {
            0 => self.edit(),
            1 => {
                let written = self.host.snapshot()?;
                self.done(format!("snapshot {}", written.version));
                Ok(())
            }
            _ => self.change(),
        }
    }

    fn edit(&mut self) -> Result<(), Box<dyn Error>> {
        self.edit += 1;
        edits::make(self.database, &mut self.random, self.edit, &self.host.book())?;
        self.done(format!("edit {}", self.edit));
        match self.host.sync() {
            // Some edits are at fault: taken over as they stand.
            Err(HostError::EditsRefused(_)) => self.host.adopt().map(|_| ())?,
            other => other.map(|_| ())?,
        }
        self.done(format!("synced {}", self.edit));
        Ok(())
    }

    fn change(&mut self) -> Result<(), Box<dyn Error>> {
        let book = self.host.book();
        let change = change(&mut self.random, &book, self.seed, self.serial)?;
        let change = change.set(&AccountId::new(ANCHOR)?, "serial", i64::try_from(self.serial + 1)?);
        match self.host.apply(&change, Some(book.version())) {
            Ok(_) => {
                self.serial += 1;
                self.done(format!("serial {}", self.serial));
                self.last = format!("{change:?}");
            }
            Err(HostError::Refused(_) | HostError::StrayLinks { .. }) => self.done("refused".to_owned()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn done(&mut self, what: String) {
        (self.say)(&what);
        self.last = what;
    }
}

// Stands still at a window, for ever: the parent kills.
fn options(stop: Option<(String, u64)>) -> Options {
    let Some((window, passage)) = stop else { return Options::default() };
    let passed = AtomicU64::new(0);
    Options::default().passing(move |at: Window| {
        if at.to_string() == window && passed.fetch_add(1, Ordering::Relaxed) + 1 == passage {
            say(&format!("at {at}"));
            loop {
                std::thread::sleep(Duration::from_secs(60));
            }
        }
    })
}

// A line that the parent sees, whatever happens next.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to be told that nobody listens.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A whole number of an account.
pub fn number(book: &Book, account: &str, attribute: &str) -> Result<u64, Box<dyn Error>> {
    let view = view(book)?;
    let value = view.account(account).and_then(|account| account.value(attribute));
    match value {
        Some(Value::Int(number)) => Ok(u64::try_from(number)?),
        other => Err(format!("`{account}` has {other:?} as `{attribute}`").into()),
    }
}

fn view(book: &Book) -> Result<View, Box<dyn Error>> {
    Ok(book.view(&Scope::all(), AsOf::date_utc(Date::MIN))?)
}

/// Ids of accounts that may come to harm.
pub fn ids(book: &Book) -> Result<Vec<String>, Box<dyn Error>> {
    let view = view(book)?;
    let ids = view.accounts().map(|account| account.id_str().to_owned());
    Ok(ids.filter(|id| id != ANCHOR && id != EDITED).collect())
}

/// A place in a list, at random; 0 in an empty one.
pub fn place(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64)).unwrap_or(0)
}

fn change(random: &mut Random, book: &Book, seed: u64, serial: u64) -> Result<Change, Box<dyn Error>> {
    let view = view(book)?;
    let ids = ids(book)?;
    let any = |random: &mut Random| ids.get(place(random, ids.len())).cloned().unwrap_or(ANCHOR.to_owned());
    let mut change = Change::new();
    for part in 0..=random.below(3) {
        let id = AccountId::new(any(random))?;
        let other = AccountId::new(any(random))?;
        let fresh = format!("s{seed}-{serial}-{part}");
        // Neither without end nor empty.
        let (crowded, sparse) = (ids.len() > 220, ids.len() < 60);
        let day = Date::from_days(20_000 + i32::try_from(serial)?).ok_or("a day out of range")?;
        change = match random.below(15) {
            0..=2 if !crowded && (sparse || part == 0) => {
                let new = if random.below(4) == 0 { ghost(random)? } else { AccountId::new(fresh)? };
                let mut row = AccountRow::new(new, kind(random)).under(other);
                if random.below(4) == 0 {
                    row = row.under(id);
                }
                change.add(row.with("name", text(random).as_str()))
            }
            0..=2 => {
                let small = view.account(id.as_str()).is_some_and(|account| account.subtree().count() < 9);
                if small && !sparse { change.remove_subtree(&id) } else { change.clear(&id, "name") }
            }
            3 if !sparse => change.remove(&id),
            4 | 5 => change.move_under(&id, &other),
            6 => change.move_to_root(&id),
            14 if !sparse && random.below(3) > 0 => change.merge(&id, &other, day),
            14 if !sparse => change.split(&id, [other, AccountId::new(any(random))?], day),
            14 => change.declare_succession(Succession::new(id, other, day).of_part()),
            7 if random.below(3) == 0 => change.retype(&id, pick(random, &TYPES)),
            7 => change.set_product(&id, pick(random, &[None, Some("CRM"), Some("Billing")])),
            8 => {
                let (table, row) = child(random, ChildId::new(fresh)?, id);
                change.add_child(table, row)
            }
            9 | 10 => edit_child(random, &view, change, &id, &other),
            _ => {
                let attribute = pick(random, &ATTRIBUTES);
                if random.below(5) == 0 {
                    change.clear(&id, attribute)
                } else {
                    let value = Some(value(random, attribute));
                    let (account, attribute) = (id, attribute.into());
                    change.with(perennial::report::ChangeItem::Set { account, attribute, value })
                }
            }
        };
    }
    Ok(change)
}

fn edit_child(random: &mut Random, view: &View, change: Change, id: &AccountId, other: &AccountId) -> Change {
    let account = view.account(id.as_str());
    if let Some(row) = account.and_then(|account| account.child_rows("tickets").next()) {
        return match random.below(4) {
            0 => change.remove_child("tickets", &row.id()),
            1 => change.move_child("tickets", &row.id(), other),
            2 => change.clear_child("tickets", &row.id(), "weight"),
            _ => change.set_child("tickets", &row.id(), "title", text(random).as_str()),
        };
    }
    if let Some(row) = account.and_then(|account| account.child_rows("invoices").next()) {
        let money = mixed(random);
        return change.set_child("invoices", &row.id(), "currency", money.currency().code()).set_child(
            "invoices",
            &row.id(),
            "amount",
            money,
        );
    }
    // One that waits for an account that may never come.
    match view.book().held_children().next() {
        Some(held) if random.below(20) == 0 => change.remove_child(&held.table, &held.row.id),
        _ => change,
    }
}
