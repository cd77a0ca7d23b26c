//! What is each customer of a sales team worth, with its subsidiaries?
//!
//! A B2B sales pipeline: 85 accounts and 8,800 deals. Read `load.rs` first: schema, mapping, policy and
//! roll-ups, which is what a host writes.

pub mod figures;
pub mod json;
pub mod load;
pub mod print;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use perennial::{AsOf, Date, Scope, View};

use figures::Results;
use load::Loaded;

/// The files of the data set.
pub fn data() -> PathBuf {
    crate::measured::data("crm-sales-opportunities")
}

/// Writes the load and the accounts for a terminal; fails when the roll-ups differ from the plain sum.
pub fn write_text(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let loaded = load::load(&data())?;
    let view = view(&loaded)?;
    let results = Results::new(&loaded, &view)?;
    print::write_report(out, &loaded)?;
    writeln!(out)?;
    if print::write_accounts(out, &view, &results)? {
        Ok(())
    } else {
        Err("the roll-ups differ from the sum of the deals".into())
    }
}

/// Writes one JSON document.
pub fn write_json(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let loaded = load::load(&data())?;
    let view = view(&loaded)?;
    let results = Results::new(&loaded, &view)?;
    json::write_json(out, &loaded, &view, &results)
}

/// The book for questions; an account is worth what was won.
pub fn ask() -> Result<crate::ask::Book, Box<dyn Error>> {
    let loaded = load::load(&data())?;
    let as_of = view(&loaded)?.as_of().clone();
    // Of each account itself: with those below it, a figure over several accounts would count twice.
    let won = "opportunities.filter(o, o.deal_stage == \"Won\").sum(o, o.close_value)";
    crate::ask::Book::new(loaded.book, as_of, include_str!("definitions.json"), Some(("won", won)))
}

/// Everything is visible to this example; the data ends with the year 2017.
pub fn view(loaded: &Loaded) -> Result<View, Box<dyn Error>> {
    Ok(loaded.book.view(&Scope::all(), AsOf::date_utc(Date::new(2017, 12, 31)?))?)
}
