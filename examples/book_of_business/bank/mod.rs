//! Who owns whom among banks, where the declarations are as dirty as they come?
//!
//! The ownership of 38 large bank holding companies: 19,345 entities, thousands of them with several parents,
//! some that own each other, beside a century of mergers. Read `load.rs` first: the mapping, the policy that
//! answers each fault, and the one change that mends what a policy cannot know; then `mergers.rs`, which
//! brings the book to the present.

pub mod checks;
pub mod json;
pub mod load;
pub mod mergers;
pub mod print;

use std::error::Error;
use std::io::Write;

use perennial::aggregate::RollUpAnswers;
use perennial::{AsOf, Date, Scope, View};

use load::Loaded;
use mergers::Merged;

use crate::measured::{Check, verdict, write_checks};

/// Everything is visible to this example; the mergers end in 2025.
pub fn view(loaded: &Loaded) -> Result<View, Box<dyn Error>> {
    Ok(loaded.book.view(&Scope::all(), AsOf::date_utc(Date::new(2025, 12, 31)?))?)
}

/// The book for questions; a company is worth its assets.
pub fn ask() -> Result<crate::ask::Book, Box<dyn Error>> {
    let loaded = load::load()?;
    let as_of = view(&loaded)?.as_of().clone();
    let worth = Some(("total_assets", "total_assets"));
    crate::ask::Book::new(loaded.book, as_of, include_str!("definitions.json"), worth)
}

/// What is asked of the loaded book by every output.
pub struct Answers {
    pub view: View,
    pub totals: RollUpAnswers,
    /// The book with the mergers since the listing.
    pub merged: Merged,
    pub checks: Vec<Check>,
}

impl Answers {
    pub fn of(loaded: &Loaded) -> Result<Self, Box<dyn Error>> {
        let view = view(loaded)?;
        let totals = load::totals(&loaded.book)?.run(&view);
        let merged = mergers::apply(&loaded.book)?;
        let checks = checks::all(loaded, &merged, &view, &totals)?;
        Ok(Self { view, totals, merged, checks })
    }
}

/// Writes load, checks and results for a terminal; fails where a figure is not the measured one.
pub fn write_text(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let loaded = load::load()?;
    write_text_of(out, &loaded, &Answers::of(&loaded)?)
}

pub fn write_text_of(out: &mut dyn Write, loaded: &Loaded, answers: &Answers) -> Result<(), Box<dyn Error>> {
    let Answers { view, totals, merged, checks } = answers;
    print::write_report(out, loaded)?;
    write_checks(out, checks)?;
    print::write_companies(out, view, totals)?;
    print::write_family(out, view, totals)?;
    print::write_links(out, view)?;
    print::write_successions(out, loaded, view)?;
    print::write_mergers(out, loaded, merged)?;
    verdict(checks)
}

/// Writes one JSON document; fails where a figure is not the measured one.
pub fn write_json(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let loaded = load::load()?;
    write_json_of(out, &loaded, &Answers::of(&loaded)?)
}

pub fn write_json_of(out: &mut dyn Write, loaded: &Loaded, answers: &Answers) -> Result<(), Box<dyn Error>> {
    json::write_json(out, loaded, &answers.view, &answers.totals, &answers.checks)?;
    verdict(&answers.checks)
}
