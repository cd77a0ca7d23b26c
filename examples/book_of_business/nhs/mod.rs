//! Where does each general practice of England belong, when the files only have columns for it?
//!
//! One row for each of 6,527 practices, with its network, commissioning group, care system and region in
//! columns. Read `load.rs` first: the levels, their placeholder, and the policy for networks that stand in two
//! groups.

pub mod checks;
pub mod json;
pub mod load;
pub mod print;

use std::error::Error;
use std::io::Write;

use perennial::expr::Columns;
use perennial::hierarchy::DiagramLimits;
use perennial::segment::ColourBy;
use perennial::{AsOf, Date, Scope, View};

use load::Loaded;

use crate::measured::{verdict, write_checks};

/// The region of the diagram.
const DRAWN: &str = "Y62";

/// Everything is visible to this example; the map is of January 2022.
pub fn view(loaded: &Loaded) -> Result<View, Box<dyn Error>> {
    Ok(loaded.book.view(&Scope::all(), AsOf::date_utc(Date::new(2022, 1, 1)?))?)
}

/// The book for questions; nothing here has a value.
pub fn ask() -> Result<crate::ask::Book, Box<dyn Error>> {
    let loaded = load::load(&load::PLACEHOLDERS)?;
    let as_of = view(&loaded)?.as_of().clone();
    crate::ask::Book::new(loaded.book, as_of, include_str!("definitions.json"), None)
}

/// Writes load, checks and results for a terminal; fails where a figure is not the measured one.
pub fn write_text(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let loaded = load::load(&load::PLACEHOLDERS)?;
    let view = view(&loaded)?;
    let totals = load::totals(&loaded.book)?.run(&view);
    let checks = checks::all(&view, &totals)?;
    print::write_report(out, &loaded, &view)?;
    write_checks(out, &checks)?;
    print::write_regions(out, &view, &totals)?;
    print::write_networks(out, &view)?;
    print::write_group(out, &view, &totals)?;
    verdict(&checks)
}

/// Writes one JSON document; fails where a figure is not the measured one.
pub fn write_json(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let loaded = load::load(&load::PLACEHOLDERS)?;
    let view = view(&loaded)?;
    let totals = load::totals(&loaded.book)?.run(&view);
    let checks = checks::all(&view, &totals)?;
    json::write_json(out, &loaded, &view, &totals, &checks)?;
    verdict(&checks)
}

/// Writes one region as a Mermaid flowchart, coloured by how well its groups keep data safe.
pub fn write_mermaid(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let loaded = load::load(&load::PLACEHOLDERS)?;
    let view = view(&loaded)?;
    let top = view.account(DRAWN).map(|region| region.place());
    let limits = DiagramLimits::default().with_max_children(8).with_max_levels(4);
    let colours = ColourBy::column("security");
    let diagram = Columns::from(&view).diagram(top, &limits, &colours, |account| account.name())?;
    out.write_all(diagram.left_to_right().to_mermaid().as_bytes())?;
    Ok(())
}
