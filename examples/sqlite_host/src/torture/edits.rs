//! What do others do to the tables?
//!
//! A second connection that knows nothing of the host: an import job, a person with a SQL prompt. Most of
//! its edits are in order, some are not.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use perennial::Book;
use perennial::testkit::Random;
use rusqlite::{Connection, Transaction};

use super::EDITED;
use super::seed::text;
use super::workload::{ids, place};

/// Makes some edits in one transaction, and enters their number.
pub fn make(database: &Path, random: &mut Random, number: u64, book: &Book) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(database)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let ids = ids(book)?;
    let transaction = connection.transaction()?;
    for part in 0..=random.below(3) {
        let mut any = || ids.get(place(random, ids.len()));
        if let (Some(id), Some(other)) = (any(), any()) {
            edit(&transaction, random, &format!("e{number}-{part}"), id, other)?;
        }
    }
    let entered = "UPDATE accounts SET edits = ?1 WHERE id = ?2";
    transaction.execute(entered, (i64::try_from(number)?, EDITED))?;
    transaction.commit()?;
    Ok(())
}

fn edit(
    transaction: &Transaction<'_>,
    random: &mut Random,
    fresh: &str,
    id: &str,
    other: &str,
) -> rusqlite::Result<usize> {
    match random.below(16) {
        0 => transaction.execute(
            "INSERT INTO accounts (id, parent, account_type, name) VALUES (?1, ?2, 'Company', ?3)",
            (fresh, other, text(random)),
        ),
        1 => transaction
            .execute("UPDATE accounts SET name = ?1, mood = 'fair' WHERE id = ?2", (text(random), id)),
        2 => transaction.execute("UPDATE accounts SET tags = NULL, seats = seats + 1 WHERE id = ?1", [id]),
        3 => transaction.execute(
            "INSERT INTO child_tickets (id, account, title) VALUES (?1, ?2, ?3)",
            (fresh, id, text(random)),
        ),
        4 => transaction.execute("DELETE FROM child_tickets WHERE account = ?1", [id]),
        5 => transaction.execute("UPDATE child_tickets SET account = ?1 WHERE account = ?2", (id, other)),
        // Rows that named no account get one.
        6 => transaction.execute("UPDATE child_tickets SET account = ?1 WHERE account IS NULL", [id]),
        7 => transaction.execute("INSERT INTO links (id, parent, rank) VALUES (?1, ?2, 5)", (id, other)),
        8 => transaction.execute("DELETE FROM links WHERE id = ?1", [id]),
        9 => transaction.execute("UPDATE accounts SET parent = ?1 WHERE id = ?2", (other, id)),
        // At fault: no such parent, no such value, a row that nobody owns, children without their parent.
        10 => transaction.execute("UPDATE accounts SET parent = 'nowhere' WHERE id = ?1", [id]),
        11 => transaction.execute("UPDATE accounts SET since = 'soon', plan = 'gold' WHERE id = ?1", [id]),
        12 => transaction.execute("INSERT INTO child_tickets (id, title) VALUES (?1, 'lost')", [fresh]),
        13 => transaction.execute("DELETE FROM accounts WHERE id = ?1", [id]),
        _ => transaction.execute("UPDATE accounts SET growth = ?1 WHERE id = ?2", (random.unit(), id)),
    }
}
