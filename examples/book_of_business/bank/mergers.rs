//! What became of these companies since their listing?
//!
//! The listing ends with the year 2016; the history of mergers goes on. Every later merger between two
//! entities of the book is applied to it, a change for each day: what the one owned hangs on the other, and
//! the old id leads there.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;

use perennial::{AccountId, Book, Change, Currency, Date, Money, Succession, View};

/// The day of the listing.
const LISTED: &str = "2016-12-28";

/// The book after all mergers.
#[derive(Debug)]
pub struct Merged {
    pub book: Book,
    /// Mergers applied, on how many days.
    pub mergers: usize,
    pub days: usize,
    /// Accounts that moved with them.
    pub moved: usize,
    /// Days whose change was refused, and why.
    pub refused: Vec<(Date, String)>,
}

/// Applies the mergers of the book's own history, day by day.
pub fn apply(book: &Book) -> Result<Merged, Box<dyn Error>> {
    let listed: Date = LISTED.parse()?;
    let mut days: BTreeMap<Date, Vec<Succession>> = BTreeMap::new();
    for link in book.successions().links() {
        if link.on > listed && !link.part {
            days.entry(link.on).or_default().push(link.clone());
        }
    }
    let mut merged = Merged { book: book.clone(), mergers: 0, days: 0, moved: 0, refused: Vec::new() };
    for (day, links) in days {
        let change = of_day(&merged.book, &links)?;
        if change.is_empty() {
            continue;
        }
        match merged.book.apply(&change) {
            Ok((next, report)) => {
                merged.book = next;
                merged.mergers += report.accounts.removed.len();
                merged.days += 1;
                merged.moved += report.accounts.moves.len();
            }
            Err(refused) => merged.refused.push((day, refused.to_string())),
        }
    }
    Ok(merged)
}

// Mergers of one day between accounts that are in the book, or merged on that day as well.
fn of_day(book: &Book, links: &[Succession]) -> Result<Change, Box<dyn Error>> {
    let view = super::load::everything(book)?;
    let is_there = |id: &AccountId| view.account(id.as_str()).is_some();
    let ends: Vec<&Succession> =
        links.iter().filter(|link| is_there(&link.account) && is_there(&link.successor)).collect();
    let ending: HashSet<&AccountId> = ends.iter().map(|link| &link.account).collect();
    let mut change = Change::new();
    let mut taken: BTreeMap<&AccountId, i128> = BTreeMap::new();
    for link in &ends {
        change = change.merge(&link.account, &link.successor, link.on);
        // Assets go to whoever is left at the end of the day.
        let mut heir = &link.successor;
        let mut steps = 0;
        while let Some(next) = ends.iter().find(|next| next.account == *heir).filter(|_| steps < ends.len()) {
            (heir, steps) = (&next.successor, steps + 1);
        }
        *taken.entry(heir).or_default() += assets(&view, &link.account).unwrap_or(0);
    }
    for (heir, taken) in taken.into_iter().filter(|(heir, taken)| *taken != 0 && !ending.contains(*heir)) {
        let own = assets(&view, heir).unwrap_or(0);
        change = change.set(heir, "total_assets", Money::from_minor(own + taken, Currency::USD));
    }
    Ok(change)
}

fn assets(view: &View, account: &AccountId) -> Option<i128> {
    Some(view.account(account.as_str())?.value("total_assets")?.as_money()?.minor())
}
