//! Is the book what the data set is known to be?
//!
//! The shape of the declared links, the mergers and the control totals, all computed from the loaded book
//! through the public API, beside the figures of `measured.json` and of the data set's README: those were
//! computed from the files by somebody else.

use std::collections::HashSet;
use std::error::Error;

use perennial::aggregate::RollUpAnswers;
use perennial::{Account, Value, View};

use super::load::Loaded;
use super::mergers::Merged;
use crate::measured::{Check, field, measured};
use crate::shape::Shape;

/// Every check of the example.
pub fn all(
    loaded: &Loaded,
    merged: &Merged,
    view: &View,
    totals: &RollUpAnswers,
) -> Result<Vec<Check>, Box<dyn Error>> {
    let shape = measured("bank-hierarchies")?;
    let name = |account: Account<'_>| account.id_str().to_owned();
    let mut checks = Shape::of(view, name).checks(view, field(&shape, "both_dates_together"))?;
    checks.push(Check::new("entities under several top companies", under_several(view), 141));

    let history = loaded.book.successions();
    let links = history.links();
    let pairs: HashSet<_> = links.iter().map(|link| (&link.account, &link.successor)).collect();
    let accounts: HashSet<_> = links.iter().flat_map(|link| [&link.account, &link.successor]).collect();
    let measured = measured("bank-mergers")?;
    checks.push(Check::new("lines of mergers", links.len(), 58_625));
    checks.push(Check::new("pairs of merged institutions", pairs.len(), field(&measured, "distinct_edges")));
    checks.push(Check::new("institutions in mergers", accounts.len(), field(&measured, "nodes")));
    let rings = field(&measured, "cycles").as_array().map_or(0, Vec::len);
    checks.push(Check::new("loops of mergers", history.rings().len(), rings));

    let [entities, assets] = control(view, totals);
    let after = super::load::everything(&merged.book)?;
    let [_, assets_after] = control(&after, &super::load::totals(&merged.book)?.run(&after));
    checks.push(Check::new(
        "entities left, and mergers since 2016",
        after.len() + merged.mergers,
        view.len(),
    ));
    checks.push(Check::new("total assets after them, in cents", &assets_after.ours, &assets.measured));
    checks.extend([entities, assets]);
    Ok(checks)
}

// What the roots add up to, and the plain sum over the entities.
fn control(view: &View, totals: &RollUpAnswers) -> [Check; 2] {
    let roots = view.root_accounts();
    let count: i64 = roots.iter().filter_map(|root| totals.value("entities", *root)?.as_int()).sum();
    let at_roots: i128 =
        roots.iter().filter_map(|root| Some(totals.value("assets", *root)?.as_money()?.minor())).sum();
    let one_by_one: i128 =
        view.accounts().filter_map(|account| Some(account.value("total_assets")?.as_money()?.minor())).sum();
    [
        Check::new("entities, rolled up to the top companies", count, view.len()),
        Check::new("total assets in cents, rolled up", at_roots, one_by_one),
    ]
}

// Top companies whose published listing names an entity, over all its links.
fn under_several(view: &View) -> usize {
    let several = view.accounts().filter(|account| {
        let mut holders: HashSet<String> = HashSet::new();
        for link in account.child_rows("ownership") {
            if let Some(Value::List(listed)) = link.value("holders") {
                holders.extend(listed.iter().map(ToString::to_string));
            }
        }
        holders.len() > 1
    });
    several.count()
}
