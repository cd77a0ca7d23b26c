//! What does a terminal show?

use std::error::Error;

use perennial::{Account, AccountTree, AsOf, Book, ChangeReport, Date, Scope, TreeText, render_tree};

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
pub fn book(book: &Book) -> Result<(), Box<dyn Error>> {
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::MIN))?;
    let mut roots = Vec::new();
    AccountTree::roots_into(&view, &mut roots);
    let label = |place| view.at(place).map(|account| account.name()).unwrap_or_default();
    print!("{}", render_tree(&view, &roots, &TreeText::default(), label));
    println!(
        "version {}: {} accounts; {} accounts and {} rows are held",
        book.version(),
        book.len(),
        book.held_accounts().count(),
        book.held_children().count()
    );
    Ok(())
}

/// One account: where it stands, its values, its rows.
pub fn account(book: &Book, id: &str) -> Result<(), Box<dyn Error>> {
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::MIN))?;
    let Some(account) = view.account(id) else {
        let held = book.held_accounts().find(|held| held.row.id.as_str() == id);
        return Err(match held {
            Some(held) => format!("`{id}` is held out of the book: {:?}", held.reason).into(),
            None => format!("there is no account `{id}`").into(),
        });
    };
    println!("{} ({}, version {})", account.path(), account.account_type(), book.version());
    let below: Vec<String> = account.children().iter().map(Account::name).collect();
    if !below.is_empty() {
        println!("  below it: {}", below.join(", "));
    }
    for attribute in view.schema().attributes() {
        if let Some(value) = account.value(attribute.name()) {
            println!("  {}: {value}", attribute.name());
        }
    }
    for table in view.schema().tables() {
        for row in account.child_rows(table.name()) {
            let columns = table
                .columns()
                .filter_map(|column| Some(format!("{} {}", column.name(), row.value(column.name())?)));
            println!("  {} {}: {}", table.name(), row.id(), columns.collect::<Vec<_>>().join(", "));
        }
    }
    Ok(())
}

/// What a change did, in a line for each thing.
pub fn report(report: &ChangeReport) {
    let shown = |value: &Option<perennial::Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
    report.added.iter().for_each(|id| println!("added {id}"));
    report.released.iter().for_each(|id| println!("released {id}"));
    report.removed.iter().for_each(|id| println!("removed {id}"));
    report.moves.iter().for_each(|moved| println!("moved {}", moved.account));
    for change in &report.values {
        let row = change.child.as_ref().map_or(String::new(), |(table, id)| format!(" {table} {id}"));
        let (from, to) = (shown(&change.from), shown(&change.to));
        println!("{}{row} {}: {from} -> {to}", change.account, change.attribute);
    }
    report.children_added.iter().for_each(|(table, id)| println!("added {table} {id}"));
    report.children_removed.iter().for_each(|(table, id)| println!("removed {table} {id}"));
}
