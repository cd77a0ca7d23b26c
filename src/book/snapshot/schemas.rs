//! How does the schema of a snapshot differ from that of the host?

use crate::model::{Attribute, Schema};

/// Differences that are described; the others are counted.
const MAX_DESCRIBED: usize = 8;

/// In the order of the schema, what the snapshot has first.
pub(super) fn differences(snapshot: &Schema, host: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    named("account type", snapshot.account_types(), host.account_types(), |kind| kind.name(), &mut found);
    named("product", snapshot.products(), host.products(), |product| product.name(), &mut found);
    named("attribute", snapshot.attributes(), host.attributes(), Attribute::name, &mut found);
    named("child table", snapshot.tables(), host.tables(), |table| table.name(), &mut found);
    if snapshot.repeated_products() != host.repeated_products() {
        found.push("whether an account may hold a product twice differs".to_owned());
    }
    if found.is_empty() {
        // What is left.
        found.push("the groups of its statuses differ".to_owned());
    }
    if found.len() > MAX_DESCRIBED {
        let more = found.len() - MAX_DESCRIBED;
        found.truncate(MAX_DESCRIBED);
        found.push(format!("{more} more"));
    }
    found
}

fn named<'s, T: PartialEq + 's>(
    what: &str,
    snapshot: impl Iterator<Item = &'s T>,
    host: impl Iterator<Item = &'s T>,
    name: impl Fn(&'s T) -> &'s str,
    found: &mut Vec<String>,
) {
    let theirs: indexmap::IndexMap<&str, &T> = snapshot.map(|item| (name(item), item)).collect();
    let ours: indexmap::IndexMap<&str, &T> = host.map(|item| (name(item), item)).collect();
    let before = found.len();
    for (name, item) in &theirs {
        match ours.get(name) {
            None => found.push(format!("{what} `{name}` is in the snapshot only")),
            Some(own) if own != item => found.push(format!("{what} `{name}` is declared otherwise")),
            Some(_) => {}
        }
    }
    let new = ours.keys().filter(|name| !theirs.contains_key(*name));
    found.extend(new.map(|name| format!("{what} `{name}` is not in the snapshot")));
    if found.len() == before && !theirs.keys().eq(ours.keys()) {
        found.push(format!("the order of its {what}s differs"));
    }
}
