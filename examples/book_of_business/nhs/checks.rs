//! Is the book what the data set is known to be?
//!
//! The shape is measured on the files as they stand, where the placeholder is an account like any other; what it
//! stands for, and the roll-up, on the book of the example.

use std::collections::BTreeSet;
use std::error::Error;

use perennial::aggregate::RollUpAnswers;
use perennial::{Account, View};

use super::load::{LEVELS, PLACEHOLDERS, load};
use crate::measured::{Check, measured};
use crate::shape::Shape;

/// Every check of the example.
pub fn all(view: &View, totals: &RollUpAnswers) -> Result<Vec<Check>, Box<dyn Error>> {
    let as_it_stands = super::view(&load(&[])?)?;
    // Codes are told apart by the kind of their column there.
    let name = |account: Account<'_>| {
        let level = LEVELS.iter().find(|(kind, ..)| *kind == account.account_type());
        format!("{}:{}", level.map_or("practice", |(.., short)| *short), account.id_str())
    };
    let mut checks = Shape::of(&as_it_stands, name).checks(&as_it_stands, &measured("nhs-organisations")?)?;
    let unallocated: Vec<Account<'_>> =
        as_it_stands.account("U").map(|none| none.children()).unwrap_or_default();
    let direct: Vec<Account<'_>> = practices_of_groups(view).collect();
    let groups: BTreeSet<&str> =
        direct.iter().filter_map(|practice| Some(practice.parent()?.id_str())).collect();
    let practices: i64 =
        view.root_accounts().iter().filter_map(|root| totals.value("practices", *root)?.as_int()).sum();
    checks.extend([
        Check::new("practices without a network", direct.len(), 68),
        Check::new("the same as children of the placeholder", unallocated.len(), 68),
        Check::new("groups that they stand in", groups.len(), 34),
        Check::new("networks in two groups", in_two_groups(view).count(), 11),
        Check::new("accounts without the placeholder", view.len(), 7_937 - PLACEHOLDERS.len()),
        Check::new("practices, rolled up to the regions", practices, 6_527),
    ]);
    Ok(checks)
}

/// Practices that stand under their group and in no network.
pub fn practices_of_groups(view: &View) -> impl Iterator<Item = Account<'_>> {
    let practices = view.accounts().filter(|account| account.account_type() == "Practice");
    practices.filter(|practice| practice.parent().is_some_and(|parent| parent.account_type() == "Group"))
}

/// Networks with a second group.
pub fn in_two_groups(view: &View) -> impl Iterator<Item = Account<'_>> {
    view.accounts().filter(|account| !account.extra_parents().is_empty())
}
