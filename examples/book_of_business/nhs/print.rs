//! The results for a terminal of 100 columns.

use std::io::{self, Write};

use perennial::aggregate::RollUpAnswers;
use perennial::expr::ExprValue;
use perennial::hierarchy::{TreeText, render_tree};
use perennial::{Account, View};

use super::checks::{in_two_groups, practices_of_groups};
use super::load::{LEVELS, Loaded, PLACEHOLDERS};
use crate::numbers::{count, grouped, short};

/// A group that fits a screen.
const SHOWN: &str = "01T";

/// Writes what was loaded, and what was done about each fault.
pub fn write_report(out: &mut dyn Write, loaded: &Loaded, view: &View) -> io::Result<()> {
    writeln!(out, "LOAD")?;
    for (table, rows) in &loaded.report.tables {
        let [offered, kept, held] = [rows.offered, rows.loaded, rows.quarantined].map(count);
        writeln!(out, "  {table:<13} {offered:>7} offered {kept:>7} loaded {held:>5} held out")?;
    }
    writeln!(out, "\n  Levels, from columns of practice_map_2022-01.csv")?;
    for (kind, code, name, _) in LEVELS {
        let found = view.accounts().filter(|account| account.account_type() == kind).count();
        writeln!(out, "    {kind:<8} {:>6}  {code}, named by {name}", count(found))?;
    }
    let direct = count(practices_of_groups(view).count());
    let none = PLACEHOLDERS.join(", ");
    writeln!(
        out,
        "  Placeholder: network `{none}` stands for none; its {direct} practices stand under their groups"
    )?;
    for (kind, found) in &loaded.report.counts {
        writeln!(out, "  Fault: {kind}: {}; under the smaller code, the other is a link", count(*found))?;
        if let Some(fault) = loaded.report.faults_of(*kind).next() {
            writeln!(out, "    such as {}", short(&fault.to_string(), 86))?;
        }
    }
    Ok(())
}

/// Writes what each region holds, and how safe its groups are.
pub fn write_regions(out: &mut dyn Write, view: &View, totals: &RollUpAnswers) -> io::Result<()> {
    writeln!(out, "\nREGIONS  with all that is below them; groups by their security status")?;
    writeln!(
        out,
        "  {:<24} {:>8} {:>6} {:>9} {:>10}  exceeded / met / approaching / none",
        "", "systems", "groups", "networks", "practices"
    )?;
    for region in view.root_accounts() {
        let of = |kind: &str| count(region.of_type(kind).count());
        let practices = totals.value("practices", region).and_then(|value| value.as_int()).unwrap_or(0);
        let status = Status::of(region, totals);
        writeln!(
            out,
            "  {:<24} {:>8} {:>6} {:>9} {:>10}  {} / {} / {} / {}",
            short(&region.name(), 24),
            of("System"),
            of("Group"),
            of("Network"),
            grouped(practices.unsigned_abs().into()),
            status.exceeded,
            status.met,
            status.approaching,
            status.unknown(region)
        )?;
    }
    Ok(())
}

/// Groups below an account by their status.
struct Status {
    exceeded: i64,
    met: i64,
    approaching: i64,
}

impl Status {
    fn of(account: Account<'_>, totals: &RollUpAnswers) -> Self {
        let value = totals.value("groups_by_security", account);
        let counts = value.as_ref().and_then(ExprValue::as_record).unwrap_or_default();
        let of = |status: &str| {
            counts
                .iter()
                .find(|(text, _)| &**text == status)
                .and_then(|(_, count)| count.as_int())
                .unwrap_or(0)
        };
        Self {
            exceeded: of("Standards Exceeded"),
            met: of("Standards Met"),
            approaching: of("Approaching Standards"),
        }
    }

    /// Groups below an account that have none of these.
    fn unknown(&self, account: Account<'_>) -> usize {
        let known = usize::try_from(self.exceeded + self.met + self.approaching).unwrap_or(0);
        account.of_type("Group").count().saturating_sub(known)
    }
}

/// Writes the networks that no tree can hold, and what that means for their practices.
pub fn write_networks(out: &mut dyn Write, view: &View) -> io::Result<()> {
    writeln!(out, "\nNETWORKS IN TWO GROUPS  a practice counts where its network stands")?;
    for network in in_two_groups(view) {
        let code = |group: Account<'_>| group.id_str().to_owned();
        let parent = network.parent().map(code).unwrap_or_default();
        let others: Vec<String> = network.extra_parents().into_iter().map(code).collect();
        let strangers = network
            .children()
            .into_iter()
            .filter(|practice| practice.value("commissioner").is_some_and(|own| own.to_string() != parent))
            .count();
        writeln!(
            out,
            "  {} {:<32} under {parent:<6} also {:<6} {strangers} of {} practices are of that",
            network.id_str(),
            short(&network.name(), 32),
            others.join(", "),
            network.children().len()
        )?;
    }
    Ok(())
}

/// Writes one group as a tree.
pub fn write_group(out: &mut dyn Write, view: &View, totals: &RollUpAnswers) -> io::Result<()> {
    let Some(top) = view.account(SHOWN) else { return Ok(()) };
    writeln!(out, "\nONE GROUP  {}", top.path())?;
    let label = |place| {
        let Some(account) = view.at(place) else { return String::new() };
        let name = short(&account.name(), 60);
        match totals.value("practices", account).and_then(|value| value.as_int()) {
            Some(practices) if account.has_children() => {
                format!("{name}  {}", grouped(practices.unsigned_abs().into()))
            }
            _ => name,
        }
    };
    let limits = TreeText::default().with_max_children(4).with_max_lines(24);
    for line in render_tree(view, &[top.place()], &limits, label).lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
