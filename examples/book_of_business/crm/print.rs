//! The results for a terminal of 100 columns.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use perennial::hierarchy::{TreeText, render_tree};
use perennial::{Account, Currency, Money, View};

use super::figures::{Figures, Results};
use super::load::{Loaded, MAPPED, PRODUCTS, UNUSED};
use crate::numbers::{count, grouped, whole};

/// Single accounts that are shown.
const SINGLES: usize = 12;
/// Columns of an account's name with the branches of its tree.
const NAME_WIDTH: usize = 32;

/// Writes what was loaded, what was left out, and why.
pub fn write_report(out: &mut dyn Write, loaded: &Loaded) -> io::Result<()> {
    let report = &loaded.report;
    writeln!(out, "LOAD")?;
    for (table, rows) in &report.tables {
        let [offered, loaded, held] = [rows.offered, rows.loaded, rows.quarantined].map(count);
        writeln!(out, "  {table:<13} {offered:>6} offered {loaded:>7} loaded {held:>7} held out")?;
    }
    let (below, parents) = (count(report.subsidiaries), count(report.parents));
    writeln!(
        out,
        "  {below} of the accounts stand under {parents} parents; the tree has {} levels.",
        report.levels
    )?;

    writeln!(out, "\n  Mapped")?;
    for (file, what) in MAPPED {
        writeln!(out, "    {file:<19} {what}")?;
    }

    writeln!(out, "\n  Left out")?;
    for (kind, found) in &report.counts {
        let example = report.faults.iter().find(|fault| fault.kind == *kind);
        writeln!(out, "    {kind}: {}", count(*found))?;
        if let Some(fault) = example {
            writeln!(out, "      such as {fault}")?;
        }
    }
    let held = held_by_stage(loaded);
    if !held.is_empty() {
        writeln!(out, "      by stage: {}; held out, so in no figure below", held.join(", "))?;
    }
    for file in &loaded.unread {
        writeln!(out, "    {file}")?;
    }
    for (file, why) in UNUSED {
        writeln!(out, "    {file:<19} not read: {why}")?;
    }
    Ok(())
}

/// Writes the families as trees, then the largest of the accounts that stand alone, then the total.
///
/// Answers whether the total is that of the deals one by one.
pub fn write_accounts(out: &mut dyn Write, view: &View, results: &Results) -> io::Result<bool> {
    let roots = view.root_accounts();
    let (families, mut singles): (Vec<Account<'_>>, Vec<_>) =
        roots.iter().copied().partition(|root| !root.children().is_empty());
    let won = |account: &Account<'_>| results.rolled_up(*account).won_value;
    let open = |account: &Account<'_>| results.rolled_up(*account).open_value;
    singles.sort_by_key(|account| Reverse(won(account).map(|won| won.minor())));

    writeln!(out, "ACCOUNTS")?;
    writeln!(
        out,
        "  USD; open deals at list price; win rate is won of all decided; products are those won."
    )?;
    writeln!(out, "  `own won` is the account's alone; the other columns take in everything below it.")?;
    writeln!(
        out,
        "\n{:NAME_WIDTH$} {:>11} {:>11} {:>11} {:>5}  products",
        "", "own won", "won", "open", "rate"
    )?;
    let tops: Vec<_> = families.iter().map(Account::place).collect();
    // A tab parts the name from the figures, so that they align whatever the branches take.
    let label = |place| match view.at(place) {
        Some(account) => format!("{}\t{}", account.name(), figures(results, account)),
        None => String::new(),
    };
    for line in render_tree(view, &tops, &TreeText::default(), label).lines() {
        write_row(out, line)?;
    }

    writeln!(out, "\nwithout family, by value won")?;
    for account in singles.iter().take(SINGLES) {
        write_row(out, &label(account.place()))?;
    }
    let rest = singles.get(SINGLES..).unwrap_or_default();
    if !rest.is_empty() {
        let (won, open) = (sum(rest, won), sum(rest, open));
        write_row(out, &format!("… {} more\t{:>11} {won:>11} {open:>11}", count(rest.len()), ""))?;
    }

    let control = won_deals(view);
    let (total, open) = (sum(&roots, won), sum(&roots, open));
    writeln!(out)?;
    write_row(out, &format!("total of the {} roots\t{:>11} {total:>11} {open:>11}", count(roots.len()), ""))?;
    let agrees = total == control;
    let verdict = if agrees { "the same" } else { "NOT the same" };
    writeln!(out, "The won deals, added one by one without any roll-up: {control} USD, {verdict}.")?;
    Ok(agrees)
}

// Deals without a place in the book are still there to be read.
fn held_by_stage(loaded: &Loaded) -> Vec<String> {
    let mut stages: BTreeMap<&str, u128> = BTreeMap::new();
    for held in loaded.book.held_children() {
        let stage = held.row.values.iter().find(|(column, _)| &**column == "deal_stage");
        let stage = stage.and_then(|(_, value)| value.as_text()).unwrap_or("no stage");
        *stages.entry(stage).or_default() += 1;
    }
    stages.into_iter().map(|(stage, count)| format!("{} {stage}", grouped(count))).collect()
}

fn sum(accounts: &[Account<'_>], value: impl Fn(&Account<'_>) -> Option<Money>) -> String {
    let minor = accounts.iter().filter_map(value).map(|money| money.minor()).sum();
    whole(Some(Money::from_minor(minor, Currency::USD)))
}

// The sum that everything must agree with, without any roll-up.
fn won_deals(view: &View) -> String {
    let deals = view.accounts().flat_map(|account| account.child_rows("opportunities"));
    let won =
        deals.filter(|deal| deal.value("deal_stage").is_some_and(|stage| stage.as_text() == Some("Won")));
    let minor = won.filter_map(|deal| Some(deal.value("close_value")?.as_money()?.minor())).sum();
    whole(Some(Money::from_minor(minor, Currency::USD)))
}

fn figures(results: &Results, account: Account<'_>) -> String {
    let (own, all) = (results.own(account), results.rolled_up(account));
    let rate = all.win_rate().map_or_else(|| "-".to_owned(), |rate| format!("{:.0}%", rate * 100.0));
    format!(
        "{:>11} {:>11} {:>11} {rate:>5}  {}",
        whole(own.won_value),
        whole(all.won_value),
        whole(all.open_value),
        products(&all)
    )
}

// Most accounts own most products: what is not owned says more, and is shorter.
fn products(figures: &Figures) -> String {
    let owned = |product: &&str| figures.products.iter().any(|own| own == product);
    let missing: Vec<&str> = PRODUCTS.into_iter().filter(|product| !owned(product)).collect();
    match missing.len() {
        0 => format!("all {}", PRODUCTS.len()),
        few if few < PRODUCTS.len() / 2 => format!("all but {}", missing.join(", ")),
        _ if figures.products.is_empty() => "none".to_owned(),
        _ => figures.products.join(", "),
    }
}

fn write_row(out: &mut dyn Write, line: &str) -> io::Result<()> {
    match line.split_once('\t') {
        Some((name, figures)) => writeln!(out, "{name:NAME_WIDTH$} {figures}"),
        None => writeln!(out, "{line}"),
    }
}
