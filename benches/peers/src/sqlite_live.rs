//! How does SQLite keep sums current?
//!
//! As one would write it by hand: a closure table, a table of sums, and triggers that keep both. A metric that changes adds
//! its difference to the sums of all above it; a move takes the sums of the subtree from those above it before, replaces the
//! pairs of the closure, and adds them to those above it now. A batch is one transaction.

use std::fmt::Write as _;

use rusqlite::Connection;

use crate::Outcome;
use crate::contest::Contestant;
use crate::data::{Data, METRICS};
use crate::live::{Edit, Script, Sums, WARM};
use crate::with_sqlite::{fill, open, store_closure};

pub fn live<'d>(data: &'d Data, script: &'d Script) -> Outcome<Vec<Contestant<'d, Sums>>> {
    let connection = open()?;
    fill(&connection, data)?;
    store_closure(&connection)?;
    connection.execute_batch(&triggers()?)?;
    for edits in &script.steps[..WARM] {
        apply(&connection, edits)?;
    }
    // What is read needs the connection too.
    let connection = std::rc::Rc::new(connection);
    let mut steps = script.steps[WARM..].iter();
    let len = data.len();
    let run = move || {
        apply(&connection, steps.next().ok_or("the script has ended")?)?;
        let connection = connection.clone();
        Ok(Box::new(move || read(&connection, len)) as crate::contest::Reader<'d, Sums>)
    };
    let way = "closure table and sums kept by triggers";
    Ok(vec![Contestant { tool: "SQLite", way, threads: 1, run: Box::new(run) }])
}

fn apply(connection: &Connection, edits: &[Edit]) -> Outcome<()> {
    if edits.len() > 1 {
        connection.prepare_cached("BEGIN")?.execute([])?;
    }
    for edit in edits {
        match *edit {
            Edit::Metric { account, metric, value } => {
                connection.prepare_cached(SET[metric])?.execute((value, account))?
            }
            Edit::Move { account, parent } => connection
                .prepare_cached("UPDATE account SET parent = ? WHERE number = ?")?
                .execute((parent, account))?,
        };
    }
    if edits.len() > 1 {
        connection.prepare_cached("COMMIT")?.execute([])?;
    }
    Ok(())
}

const SET: [&str; METRICS] = [
    "UPDATE account SET m1 = ? WHERE number = ?",
    "UPDATE account SET m2 = ? WHERE number = ?",
    "UPDATE account SET m3 = ? WHERE number = ?",
    "UPDATE account SET m4 = ? WHERE number = ?",
    "UPDATE account SET m5 = ? WHERE number = ?",
    "UPDATE account SET m6 = ? WHERE number = ?",
    "UPDATE account SET m7 = ? WHERE number = ?",
    "UPDATE account SET m8 = ? WHERE number = ?",
];

fn triggers() -> Outcome<String> {
    let list = |item: fn(usize) -> String| (1..=METRICS).map(item).collect::<Vec<_>>().join(", ");
    let mut sql = format!(
        "CREATE UNIQUE INDEX above ON closure(descendant, ancestor);
         CREATE TABLE total(number INTEGER PRIMARY KEY, {columns});
         INSERT INTO total
         SELECT closure.ancestor, {sums} FROM closure JOIN account ON account.number = closure.descendant
         GROUP BY closure.ancestor;",
        columns = list(|metric| format!("m{metric} INTEGER")),
        sums = list(|metric| format!("coalesce(sum(account.m{metric}), 0)")),
    );
    for metric in 1..=METRICS {
        write!(
            sql,
            "CREATE TRIGGER metric_{metric} AFTER UPDATE OF m{metric} ON account BEGIN
                 UPDATE total SET m{metric} = m{metric} + coalesce(new.m{metric}, 0) - coalesce(old.m{metric}, 0)
                 WHERE number IN (SELECT ancestor FROM closure WHERE descendant = new.number);
             END;"
        )?;
    }
    let above = "SELECT ancestor FROM closure WHERE descendant = new.number AND ancestor <> new.number";
    let moved = |sign: char| {
        let columns: Vec<String> =
            (1..=METRICS).map(|metric| format!("m{metric} = total.m{metric} {sign} own.m{metric}")).collect();
        format!(
            "UPDATE total SET {} FROM total AS own WHERE own.number = new.number AND total.number IN ({above});",
            columns.join(", ")
        )
    };
    write!(
        sql,
        "CREATE TRIGGER moved AFTER UPDATE OF parent ON account BEGIN
             {taken}
             DELETE FROM closure WHERE ancestor IN ({above})
                 AND descendant IN (SELECT descendant FROM closure WHERE ancestor = new.number);
             INSERT INTO closure SELECT up.ancestor, down.descendant FROM closure AS up, closure AS down
                 WHERE up.descendant = new.parent AND down.ancestor = new.number;
             {added}
         END;
         ANALYZE;",
        taken = moved('-'),
        added = moved('+'),
    )?;
    Ok(sql)
}

fn read(connection: &Connection, len: usize) -> Outcome<Vec<Sums>> {
    let mut all = vec![[0; METRICS]; len];
    let mut statement = connection.prepare_cached("SELECT * FROM total")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let own = &mut all[usize::try_from(row.get::<_, i64>(0)?)?];
        for (metric, sum) in own.iter_mut().enumerate() {
            *sum = row.get(metric + 1)?;
        }
    }
    Ok(all)
}
