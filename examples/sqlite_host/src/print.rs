//! What does a terminal show?

use std::error::Error;
use std::fmt::Write;

use perennial::hierarchy::{AccountTree, TreeText, render_tree};
use perennial::{Account, AsOf, Book, ChangeReport, Date, Scope};

/// An error with its causes.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A cause that is shown as its own error says the same.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Every tree of the book, and what is held out of it.
pub fn book(book: &Book) -> Result<String, Box<dyn Error>> {
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::MIN))?;
    let mut roots = Vec::new();
    AccountTree::roots_into(&view, &mut roots);
    let label = |place| view.at(place).map(|account| account.name()).unwrap_or_default();
    let mut text = render_tree(&view, &roots, &TreeText::default(), label);
    writeln!(
        text,
        "version {}: {} accounts; {} accounts and {} rows are held",
        book.version(),
        book.len(),
        book.held_accounts().count(),
        book.held_children().count()
    )?;
    Ok(text)
}

/// One account: where it stands, its values, its rows.
pub fn account(book: &Book, id: &str) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::MIN))?;
    let Some(account) = view.account(id) else {
        let held = book.held_accounts().find(|held| held.row.id.as_str() == id);
        return Err(match held {
            Some(held) => format!("`{id}` is held out of the book: {:?}", held.reason).into(),
            None => format!("there is no account `{id}`").into(),
        });
    };
    writeln!(text, "{} ({}, version {})", account.path(), account.account_type(), book.version())?;
    let below: Vec<String> = account.children().iter().map(Account::name).collect();
    if !below.is_empty() {
        writeln!(text, "  below it: {}", below.join(", "))?;
    }
    for attribute in view.schema().attributes() {
        if let Some(value) = account.value(attribute.name()) {
            writeln!(text, "  {}: {value}", attribute.name())?;
        }
    }
    for table in view.schema().tables() {
        for row in account.child_rows(table.name()) {
            let columns = table
                .columns()
                .filter_map(|column| Some(format!("{} {}", column.name(), row.value(column.name())?)));
            writeln!(text, "  {} {}: {}", table.name(), row.id(), columns.collect::<Vec<_>>().join(", "))?;
        }
    }
    Ok(text)
}

/// What changes did, in a line for each thing.
pub fn reports<'r>(reports: impl IntoIterator<Item = &'r ChangeReport>) -> String {
    let shown = |value: &Option<perennial::Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
    let mut lines = Vec::new();
    for report in reports {
        lines.extend(report.accounts.added.iter().map(|id| format!("added {id}\n")));
        lines.extend(report.released.iter().map(|id| format!("released {id}\n")));
        lines.extend(report.accounts.removed.iter().map(|id| format!("removed {id}\n")));
        lines.extend(report.accounts.moves.iter().map(|moved| format!("moved {}\n", moved.account)));
        for change in &report.accounts.values {
            let row = change.child.as_ref().map_or(String::new(), |(table, id)| format!(" {table} {id}"));
            let (from, to) = (shown(&change.from), shown(&change.to));
            lines.push(format!("{}{row} {}: {from} -> {to}\n", change.account, change.attribute));
        }
        lines.extend(report.children_added.iter().map(|(table, id)| format!("added {table} {id}\n")));
        lines.extend(report.children_removed.iter().map(|(table, id)| format!("removed {table} {id}\n")));
    }
    lines.concat()
}
