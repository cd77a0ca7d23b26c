//! The results for a terminal of 100 columns.

use std::cmp::Reverse;
use std::io::{self, Write};

use perennial::aggregate::RollUpAnswers;
use perennial::hierarchy::{TreeText, render_tree};
use perennial::{Account, AccountId, Date, View};

use super::load::{ANSWERS, Loaded, everything};
use super::mergers::Merged;
use crate::numbers::{count, grouped, short};
use crate::shape::{by_kind, levels};

/// Columns of a name.
const NAME: usize = 44;
/// A family that fits a screen.
const FAMILY: &str = "1026632";
/// An entity with parents in several places.
const TANGLED: &str = "3958924";
/// Institutions of the mergers, and what came of each.
const FORMER: [&str; 5] = ["763109", "998004", "412902", "1423978", "994378"];

/// Writes what was loaded, and what was done about each fault.
pub fn write_report(out: &mut dyn Write, loaded: &Loaded) -> io::Result<()> {
    writeln!(out, "LOAD")?;
    for (table, rows) in &loaded.report.tables {
        let [offered, kept, held] = [rows.offered, rows.loaded, rows.quarantined].map(count);
        writeln!(out, "  {table:<13} {offered:>7} offered {kept:>7} loaded {held:>5} held out")?;
    }
    writeln!(out, "\n  Faults, and what the policy says of each; any other would refuse the load")?;
    for (kind, remedy, why) in ANSWERS {
        let found = count(loaded.report.count(kind));
        writeln!(out, "    {:<31} {found:>6}  {remedy:?}: {why}", kind.to_string())?;
        if let Some(fault) = loaded.report.faults_of(kind).next() {
            writeln!(out, "      such as {}", short(&fault.to_string(), 84))?;
        }
    }
    for (account, parent) in &loaded.mended {
        writeln!(out, "  Mended: `{account}`, a root because of a ring, stands under `{parent}` again")?;
    }
    for file in &loaded.unread {
        writeln!(out, "  {file}")?;
    }
    Ok(())
}

/// Writes the largest top companies, and the sum of all.
pub fn write_companies(out: &mut dyn Write, view: &View, totals: &RollUpAnswers) -> io::Result<()> {
    writeln!(
        out,
        "\nTOP COMPANIES  each entity counted once; assets of their latest quarter in millions of USD"
    )?;
    writeln!(out, "  {:<NAME$} {:>9} {:>13} {:>15}", "", "entities", "listed rows", "total assets")?;
    let mut roots = view.root_accounts();
    roots.sort_by_key(|root| Reverse(entities(totals, *root)));
    for root in roots.iter().take(12) {
        row(out, &short(&root.name(), NAME - 2), &[*root], totals)?;
    }
    row(
        out,
        &format!("… {} more", count(roots.len().saturating_sub(12))),
        roots.get(12..).unwrap_or(&[]),
        totals,
    )?;
    row(out, &format!("all {}", count(roots.len())), &roots, totals)?;
    writeln!(
        out,
        "  A listing has a row for every path to an entity: who adds those up counts many entities again."
    )
}

fn row(out: &mut dyn Write, name: &str, roots: &[Account<'_>], totals: &RollUpAnswers) -> io::Result<()> {
    let sum = |of: fn(&RollUpAnswers, Account<'_>) -> u128| {
        grouped(roots.iter().map(|root| of(totals, *root)).sum())
    };
    // Cents are added up; what is shown is rounded at the end.
    let assets: Vec<i128> = roots.iter().filter_map(|root| cents(totals, *root)).collect();
    let assets = if assets.is_empty() { "-".to_owned() } else { grouped(millions(assets.iter().sum())) };
    writeln!(out, "  {name:<NAME$} {:>9} {:>13} {assets:>15}", sum(entities), sum(listed))
}

fn entities(totals: &RollUpAnswers, account: Account<'_>) -> u128 {
    totals
        .value("entities", account)
        .and_then(|value| value.as_int())
        .map_or(0, |count| count.unsigned_abs().into())
}

/// Writes what the mergers since the listing did to the book.
pub fn write_mergers(out: &mut dyn Write, loaded: &Loaded, merged: &Merged) -> io::Result<()> {
    let (before, after) = (loaded.book.len(), merged.book.len());
    writeln!(
        out,
        "\nSINCE THE LISTING  {} mergers on {} days, each day one change: {} entities, now {}",
        count(merged.mergers),
        count(merged.days),
        count(before),
        count(after)
    )?;
    writeln!(out, "  {} entities moved to those that took over what they hung on", count(merged.moved))?;
    for (day, why) in &merged.refused {
        writeln!(out, "  {day}: {}", why.replace('\n', " "))?;
    }
    let (Ok(then), Ok(now)) = (everything(&loaded.book), everything(&merged.book)) else { return Ok(()) };
    // SunTrust and BB&T became Truist.
    for id in ["1131787", "1074156"] {
        let name = |account: Account<'_>| {
            format!("{} with {} entities", short(&account.name(), 30), count(account.subtree().count()))
        };
        let [then, now] =
            [then.account(id), now.account(id)].map(|account| account.map_or("gone".to_owned(), name));
        writeln!(out, "  {id} in 2016: {then}; now: {now}")?;
    }
    Ok(())
}

fn listed(totals: &RollUpAnswers, account: Account<'_>) -> u128 {
    totals
        .value("listed", account)
        .and_then(|rows| rows.as_int())
        .map_or(0, |rows| rows.unsigned_abs().into())
}

fn cents(totals: &RollUpAnswers, account: Account<'_>) -> Option<i128> {
    Some(totals.value("assets", account)?.as_money()?.minor())
}

/// Millions of an amount in cents, rounded half to even.
fn millions(cents: i128) -> u128 {
    let (cents, one) = (cents.unsigned_abs(), 100_000_000);
    let (down, rest) = (cents / one, cents % one);
    down + u128::from(rest * 2 > one || rest * 2 == one && down % 2 == 1)
}

/// Writes one family as a tree.
pub fn write_family(out: &mut dyn Write, view: &View, totals: &RollUpAnswers) -> io::Result<()> {
    let Some(top) = view.account(FAMILY) else { return Ok(()) };
    writeln!(out, "\nONE FAMILY  (the tree has {} levels; entities below each)", levels(view))?;
    let label = |place| {
        let Some(account) = view.at(place) else { return String::new() };
        let below = entities(totals, account) - 1;
        let name = short(&account.name(), 56);
        if below == 0 { name } else { format!("{name}  {}", grouped(below)) }
    };
    let limits = TreeText::default().with_max_children(5).with_max_levels(5).with_max_lines(24);
    for line in render_tree(view, &[top.place()], &limits, label).lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// Writes where an entity hangs besides its place in the tree.
pub fn write_links(out: &mut dyn Write, view: &View) -> io::Result<()> {
    let (tree, extra) = by_kind(view);
    writeln!(out, "\nLINKS BESIDE THE TREE  {} in the tree, {} beside it", count(tree), count(extra))?;
    let Some(account) = view.account(TANGLED) else { return Ok(()) };
    let named = |account: Account<'_>| format!("{} {}", account.id_str(), short(&account.name(), 46));
    writeln!(out, "  {}", named(account))?;
    if let Some(parent) = account.parent() {
        writeln!(out, "    stands under      {}", named(parent))?;
    }
    for parent in account.extra_parents() {
        writeln!(out, "    also owned by     {}", named(parent))?;
    }
    for child in account.children() {
        let ring = if account.extra_parents().contains(&child) { " (a loop)" } else { "" };
        writeln!(out, "    owns              {}{ring}", named(child))?;
    }
    for child in account.extra_children() {
        writeln!(out, "    also owns         {}", named(child))?;
    }
    Ok(())
}

/// Writes where old ids lead.
pub fn write_successions(out: &mut dyn Write, loaded: &Loaded, view: &View) -> io::Result<()> {
    let history = loaded.book.successions();
    writeln!(out, "\nOLD IDS  where they lead, by {} lines of mergers since 1936", count(history.len()))?;
    let days = ["1990-12-31", "2000-12-31", "2010-12-31", "2025-12-31"];
    for former in FORMER {
        let Ok(id) = AccountId::new(former) else { continue };
        let heirs = days.map(|day| {
            let heirs = day.parse::<Date>().map(|day| history.heirs(&id, day)).unwrap_or_default();
            let more = if heirs.len() > 1 { format!(" +{}", heirs.len() - 1) } else { String::new() };
            heirs.first().map_or_else(String::new, |heir| format!("{heir}{more}"))
        });
        let now = view.successor(former).map_or_else(String::new, |account| short(&account.name(), 24));
        let [a, b, c, d] = heirs;
        writeln!(out, "  {former:<9} in 1990 {a:<9} 2000 {b:<9} 2010 {c:<9} 2025 {d:<9} {now}")?;
    }
    let entities = view.accounts().map(|account| account.id());
    let absorbed: usize =
        entities.map(|id| history.before(&id).iter().filter(|link| !link.part).count()).sum();
    writeln!(out, "  {} former ids lead straight to an entity that is listed here", count(absorbed))
}
