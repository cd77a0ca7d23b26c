//! How does one answer with SQLite?
//!
//! A database in memory, filled in one transaction with prepared statements, without a journal, with a cache
//! larger than the data. Rows of an answer are read into columns, since a statement has no result otherwise;
//! that is a few per cent of the time.

use std::fmt::Write as _;

use rusqlite::{Connection, Row};

use crate::Outcome;
use crate::answer::Total;
use crate::contest::Contestant;
use crate::data::{Data, METRICS, number_of};
use crate::forty::{self, Forty};
use crate::usage::{Uses, WINDOW};

const TOOL: &str = "SQLite";

/// Every account with each of its ancestors and itself, by climbing: a look-up by primary key for each step.
const CLIMB: &str = "WITH RECURSIVE up(ancestor, descendant) AS (
        SELECT number, number FROM account
        UNION ALL
        SELECT account.parent, up.descendant FROM up JOIN account ON account.number = up.ancestor
        WHERE account.parent IS NOT NULL)
    ";

pub fn roll_up(data: &Data) -> Outcome<Vec<Contestant<'_, Total>>> {
    let recursive = open()?;
    fill(&recursive, data)?;
    let closure = open()?;
    fill(&closure, data)?;
    store_closure(&closure)?;
    let len = data.len();
    let aggregates = aggregates();
    let climb = format!(
        "{CLIMB} SELECT up.ancestor, {aggregates} FROM up JOIN account ON account.number = up.descendant
         GROUP BY up.ancestor"
    );
    let stored = format!(
        "SELECT closure.ancestor, {aggregates} FROM closure JOIN account ON account.number = closure.descendant
         GROUP BY closure.ancestor"
    );
    let ask = |way, connection: Connection, query: String| Contestant {
        tool: TOOL,
        way,
        threads: 1,
        run: Box::new(move || {
            let mut statement = connection.prepare_cached(&query)?;
            let totals = statement
                .query_map([], |row| Ok((row.get::<_, i64>(0)?, total(row)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Box::new(move || by_number(len, totals)))
        }),
    };
    Ok(vec![
        ask("recursive query, group by", recursive, climb),
        ask("stored closure table, group by", closure, stored),
    ])
}

/// Insert, index, and the level of every account; and the closure table that the roll-up above needs.
pub fn build(data: &Data) -> Outcome<Vec<Contestant<'_, u32>>> {
    let plain = Contestant {
        tool: TOOL,
        way: "insert, index, recursive query of levels",
        threads: 1,
        run: Box::new(move || {
            let connection = open()?;
            let rows = levels(&connection, data)?;
            Ok(Box::new(move || {
                drop(connection);
                by_arrival(data, rows)
            }))
        }),
    };
    let with_closure = Contestant {
        tool: TOOL,
        way: "the same, and a closure table stored",
        threads: 1,
        run: Box::new(move || {
            let connection = open()?;
            let rows = levels(&connection, data)?;
            connection.execute_batch(
                "CREATE TABLE closure(ancestor INTEGER, descendant INTEGER, PRIMARY KEY (ancestor, descendant))
                 WITHOUT ROWID;
                 INSERT INTO closure
                 WITH RECURSIVE up(ancestor, descendant) AS (
                     SELECT number, number FROM account
                     UNION ALL
                     SELECT above.number, up.descendant FROM up
                     JOIN account ON account.number = up.ancestor
                     JOIN account AS above ON above.id = account.parent)
                 SELECT ancestor, descendant FROM up ORDER BY ancestor, descendant;",
            )?;
            Ok(Box::new(move || {
                let pairs: i64 =
                    connection.query_row("SELECT count(*) FROM closure", [], |row| row.get(0))?;
                let levels: i64 = rows.iter().map(|(_, level)| i64::from(*level)).sum();
                // An account has as many pairs as levels.
                if pairs != levels {
                    return Err(format!("{pairs} pairs in the closure, not {levels}").into());
                }
                by_arrival(data, rows)
            }))
        }),
    };
    Ok(vec![plain, with_closure])
}

/// Forty conditional sums over the stored closure.
pub fn forty(data: &Data) -> Outcome<Vec<Contestant<'_, Forty>>> {
    let connection = open()?;
    fill(&connection, data)?;
    store_closure(&connection)?;
    connection.execute_batch(
        "ALTER TABLE account ADD COLUMN region TEXT; ALTER TABLE account ADD COLUMN nps INTEGER; BEGIN;",
    )?;
    let mut update = connection.prepare("UPDATE account SET region = ?, nps = ? WHERE number = ?")?;
    for number in 0..data.len() {
        update.execute((&data.regions[number], data.nps[number], i64::try_from(number)?))?;
    }
    drop(update);
    connection.execute_batch("COMMIT; ANALYZE;")?;
    let sums: Vec<String> = forty::SQL
        .iter()
        .flat_map(|kind| (1..=METRICS).map(move |metric| format!("sum(CASE WHEN {kind} THEN m{metric} END)")))
        .collect();
    let query = format!(
        "SELECT closure.ancestor, {} FROM closure JOIN account ON account.number = closure.descendant
         GROUP BY closure.ancestor",
        sums.join(", ")
    );
    let len = data.len();
    Ok(vec![Contestant {
        tool: TOOL,
        way: "stored closure table, conditional sums",
        threads: 1,
        run: Box::new(move || {
            let mut statement = connection.prepare_cached(&query)?;
            let read = |row: &Row<'_>| {
                let mut sums = [0; forty::ALL];
                for (place, sum) in sums.iter_mut().enumerate() {
                    *sum = row.get::<_, Option<i64>>(place + 1)?.unwrap_or(0);
                }
                Ok((row.get::<_, i64>(0)?, sums))
            };
            let rows = statement.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
            Ok(Box::new(move || {
                let mut all = vec![[0; forty::ALL]; len];
                for (number, sums) in rows {
                    all[usize::try_from(number)?] = sums;
                }
                Ok(all)
            }))
        }),
    }])
}

/// Different people in every subtree: the stored closure joined with the uses of the window.
pub fn people<'d>(data: &'d Data, uses: &Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let connection = open()?;
    fill(&connection, data)?;
    store_closure(&connection)?;
    store_uses(&connection, uses)?;
    let query = format!(
        "SELECT closure.ancestor, count(DISTINCT uses.person) FROM closure
         JOIN uses ON uses.account = closure.descendant AND uses.days_ago < {WINDOW}
         GROUP BY closure.ancestor"
    );
    Ok(vec![counts(data.len(), "stored closure, count distinct", connection, query)])
}

/// A window over the uses, clustered by account and day.
pub fn window<'d>(data: &'d Data, uses: &Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let connection = open()?;
    store_uses(&connection, uses)?;
    let query = format!("SELECT account, sum(count) FROM uses WHERE days_ago < {WINDOW} GROUP BY account");
    Ok(vec![counts(data.len(), "table by account and day, group by", connection, query)])
}

/// All rows into a table by account, day and person; what is alike is added up.
pub fn ingest<'d>(_: &'d Data, uses: &'d Uses) -> Outcome<Vec<Contestant<'d, i64>>> {
    let run = move || {
        let connection = open()?;
        store_uses(&connection, uses)?;
        let read = move || {
            let held: i64 = connection.query_row("SELECT count(*) FROM uses", [], |row| row.get(0))?;
            let all = i64::try_from(uses.len())?;
            Ok(vec![if held > 0 && held <= all { all } else { held }])
        };
        Ok(Box::new(read) as crate::contest::Reader<'d, i64>)
    };
    let way = "prepared upsert, primary key account, day, person";
    Ok(vec![Contestant { tool: TOOL, way, threads: 1, run: Box::new(run) }])
}

fn counts<'d>(len: usize, way: &'static str, connection: Connection, query: String) -> Contestant<'d, i64> {
    Contestant {
        tool: TOOL,
        way,
        threads: 1,
        run: Box::new(move || {
            let mut statement = connection.prepare_cached(&query)?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Box::new(move || {
                let mut counts = vec![0; len];
                for (number, count) in rows {
                    counts[usize::try_from(number)?] = count;
                }
                Ok(counts)
            }))
        }),
    }
}

fn store_uses(connection: &Connection, uses: &Uses) -> Outcome<()> {
    connection.execute_batch(
        "BEGIN; CREATE TABLE uses(account INTEGER, days_ago INTEGER, person INTEGER, count INTEGER,
         PRIMARY KEY (account, days_ago, person)) WITHOUT ROWID;",
    )?;
    let mut insert = connection.prepare(
        "INSERT INTO uses VALUES (?, ?, ?, ?)
         ON CONFLICT (account, days_ago, person) DO UPDATE SET count = count + excluded.count",
    )?;
    for row in 0..uses.len() {
        insert.execute((uses.accounts[row], uses.days_ago[row], uses.people[row], uses.counts[row]))?;
    }
    connection.execute_batch("COMMIT; ANALYZE;")?;
    Ok(())
}

pub fn open() -> Outcome<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000000; PRAGMA threads = 2;",
    )?;
    Ok(connection)
}

pub fn fill(connection: &Connection, data: &Data) -> Outcome<()> {
    let columns: String = (1..=METRICS).fold(String::new(), |mut columns, metric| {
        let _ = write!(columns, "m{metric} INTEGER, ");
        columns
    });
    connection.execute_batch(&format!(
        "BEGIN; CREATE TABLE account(number INTEGER PRIMARY KEY, parent INTEGER, {columns} contract_value INTEGER);"
    ))?;
    let holes = ["?"; METRICS + 3].join(", ");
    let mut insert = connection.prepare(&format!("INSERT INTO account VALUES ({holes})"))?;
    for (number, parent) in data.parents.iter().enumerate() {
        insert.raw_bind_parameter(1, i64::try_from(number)?)?;
        insert.raw_bind_parameter(2, parent)?;
        for (metric, values) in data.metrics.iter().enumerate() {
            insert.raw_bind_parameter(metric + 3, values[number])?;
        }
        insert.raw_bind_parameter(METRICS + 3, data.contract_values[number])?;
        insert.raw_execute()?;
    }
    connection.execute_batch("COMMIT; ANALYZE;")?;
    Ok(())
}

pub fn store_closure(connection: &Connection) -> Outcome<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE closure(ancestor INTEGER, descendant INTEGER, PRIMARY KEY (ancestor, descendant))
         WITHOUT ROWID;
         INSERT INTO closure {CLIMB} SELECT ancestor, descendant FROM up ORDER BY ancestor, descendant; ANALYZE;"
    ))?;
    Ok(())
}

fn levels(connection: &Connection, data: &Data) -> Outcome<Vec<(i64, u32)>> {
    connection
        .execute_batch("BEGIN; CREATE TABLE account(number INTEGER PRIMARY KEY, id TEXT, parent TEXT);")?;
    let mut insert = connection.prepare("INSERT INTO account(id, parent) VALUES (?, ?)")?;
    for (id, parent) in &data.arrivals {
        insert.execute((id, parent))?;
    }
    connection.execute_batch(
        "CREATE UNIQUE INDEX by_id ON account(id); CREATE INDEX by_parent ON account(parent, id); COMMIT;",
    )?;
    let mut query = connection.prepare(
        "WITH RECURSIVE down(number, id, level) AS (
             SELECT number, id, 1 FROM account WHERE parent IS NULL
             UNION ALL
             SELECT account.number, account.id, down.level + 1 FROM down JOIN account ON account.parent = down.id)
         SELECT number, level FROM down",
    )?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<Vec<_>, _>>()?;
    // Accounts of a cycle, and those under a parent that does not exist, are not reached.
    if rows.len() == data.len() { Ok(rows) } else { Err("accounts without a level".into()) }
}

fn aggregates() -> String {
    let sums: Vec<String> = (1..=METRICS).map(|metric| format!("sum(m{metric})")).collect();
    format!("{}, count(*), min(contract_value), max(contract_value)", sums.join(", "))
}

fn total(row: &Row<'_>) -> rusqlite::Result<Total> {
    let mut total = Total::default();
    for (place, sum) in total.sums.iter_mut().enumerate() {
        *sum = row.get::<_, Option<i64>>(place + 1)?.unwrap_or(0);
    }
    total.count = row.get(METRICS + 1)?;
    total.least = row.get::<_, Option<i64>>(METRICS + 2)?.unwrap_or(i64::MAX);
    total.most = row.get::<_, Option<i64>>(METRICS + 3)?.unwrap_or(i64::MIN);
    Ok(total)
}

fn by_number(len: usize, rows: Vec<(i64, Total)>) -> Outcome<Vec<Total>> {
    let mut totals = vec![Total::default(); len];
    for (number, total) in rows {
        totals[usize::try_from(number)?] = total;
    }
    Ok(totals)
}

// Rows are numbered from 1 as they arrive.
fn by_arrival(data: &Data, rows: Vec<(i64, u32)>) -> Outcome<Vec<u32>> {
    let mut levels = vec![0; data.len()];
    for (arrival, level) in rows {
        let (id, _) = &data.arrivals[usize::try_from(arrival - 1)?];
        levels[number_of(id)?] = level;
    }
    Ok(levels)
}
