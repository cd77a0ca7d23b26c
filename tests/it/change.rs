//! Books after changes: what the oracle says, what a fresh load says, and the old book as before.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{
    ATTRIBUTES, CHUNK_ROWS, PRODUCTS, Rows, TYPES, answers, child, child_row_of, forest, id, id_of, schema,
    value_of, view,
};
use perennial::report::{ChangeProblem, HeldReason};
use perennial::testkit::{Oracle, OracleAccount, PlainBook};
use perennial::{
    AccountId, AccountRow, Book, Change, ChangeError, ChildId, ChildRow, FaultKind, ParentLink, Policy,
    Remedy, Value,
};
use proptest::prelude::*;

/// One wish, in the words of the model.
#[derive(Debug, Clone, PartialEq)]
enum Wish {
    Add(AccountRow),
    Set(AccountId, String, Option<Value>),
    Move(AccountId, Option<AccountId>),
    Retype(AccountId, String),
    Product(AccountId, Option<String>),
    Remove(AccountId),
    RemoveSubtree(AccountId),
    AddChild(&'static str, ChildRow),
    SetChild(&'static str, ChildId, &'static str, Option<Value>),
    MoveChild(&'static str, ChildId, AccountId),
    RemoveChild(&'static str, ChildId),
}

fn change_of(wishes: &[Wish]) -> Change {
    wishes.iter().fold(Change::new(), |change, wish| match wish {
        Wish::Add(row) => change.add(row.clone()),
        Wish::Set(id, name, Some(value)) => change.set(id, name, value.clone()),
        Wish::Set(id, name, None) => change.clear(id, name),
        Wish::Move(id, Some(parent)) => change.move_under(id, parent),
        Wish::Move(id, None) => change.move_to_root(id),
        Wish::Retype(id, kind) => change.retype(id, kind),
        Wish::Product(id, product) => change.set_product(id, product.as_deref()),
        Wish::Remove(id) => change.remove(id),
        Wish::RemoveSubtree(id) => change.remove_subtree(id),
        Wish::AddChild(table, row) => change.add_child(table, row.clone()),
        Wish::SetChild(table, child, column, Some(value)) => {
            change.set_child(table, child, column, value.clone())
        }
        Wish::SetChild(table, child, column, None) => change.clear_child(table, child, column),
        Wish::MoveChild(table, child, account) => change.move_child(table, child, account),
        Wish::RemoveChild(table, child) => change.remove_child(table, child),
    })
}

/// The oracle after the wishes, or `None` when they cannot be granted.
fn granted(old: &Oracle, wishes: &[Wish]) -> Option<Oracle> {
    let mut next = old.clone();
    let mut parents: BTreeMap<&AccountId, &Option<AccountId>> = BTreeMap::new();
    let mut kinds: BTreeMap<&AccountId, &str> = BTreeMap::new();
    let mut products: BTreeMap<&AccountId, Option<&str>> = BTreeMap::new();
    let mut values: BTreeMap<(&AccountId, &str), Option<&Value>> = BTreeMap::new();
    let mut removed: BTreeSet<&AccountId> = BTreeSet::new();
    let mut tops: Vec<&AccountId> = Vec::new();
    let mut added: BTreeMap<&AccountId, Option<AccountId>> = BTreeMap::new();
    for wish in wishes {
        if let Wish::Add(row) = wish {
            if old.accounts.contains_key(&row.id) || added.contains_key(&row.id) {
                return None;
            }
            added.insert(&row.id, row.parents.first().map(|link| link.parent.clone()));
            let mut own = OracleAccount::default();
            own.account_type = row.account_type.to_string();
            own.product = row.product.as_deref().map(str::to_owned);
            next.accounts.insert(row.id.clone(), own);
        }
    }
    // The same wish twice is one; two different ones of a kind are a conflict.
    fn once<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, V>, key: K, value: V) -> Option<()> {
        match map.get(&key) {
            Some(other) if *other != value => None,
            _ => {
                map.insert(key, value);
                Some(())
            }
        }
    }
    for (id, parent) in &added {
        once(&mut parents, *id, parent)?;
    }
    for wish in wishes {
        match wish {
            Wish::Add(row) => {
                for (name, value) in &row.values {
                    once(&mut values, (&row.id, name), Some(value))?;
                }
                once(&mut kinds, &row.id, &row.account_type)?;
                once(&mut products, &row.id, row.product.as_deref())?;
            }
            Wish::Set(id, name, value) => once(&mut values, (id, name), value.as_ref())?,
            Wish::Move(id, parent) => once(&mut parents, id, parent)?,
            Wish::Retype(id, kind) => once(&mut kinds, id, kind)?,
            Wish::Product(id, product) => once(&mut products, id, product.as_deref())?,
            Wish::Remove(id) => {
                removed.insert(id);
            }
            Wish::RemoveSubtree(id) => {
                removed.insert(id);
                tops.push(id);
            }
            _ => {}
        }
    }
    let named = values.keys().map(|(id, _)| *id).chain(parents.keys().copied());
    let named: BTreeSet<&AccountId> =
        named.chain(kinds.keys().copied()).chain(products.keys().copied()).collect();
    if named.iter().any(|id| !next.accounts.contains_key(*id)) {
        return None;
    }
    if removed.iter().any(|id| !old.accounts.contains_key(*id)) {
        return None;
    }
    while let Some(top) = tops.pop() {
        for below in old.children(Some(top)) {
            if !parents.contains_key(below) && removed.insert(below) {
                tops.push(below);
            }
        }
    }
    if removed.iter().any(|id| named.contains(id)) {
        return None;
    }
    for (id, parent) in parents {
        next.accounts.get_mut(id)?.parent.clone_from(parent);
    }
    for (id, kind) in kinds {
        kind.clone_into(&mut next.accounts.get_mut(id)?.account_type);
    }
    for (id, product) in products {
        next.accounts.get_mut(id)?.product = product.map(str::to_owned);
    }
    for ((id, name), value) in values {
        let own = &mut next.accounts.get_mut(id)?.values;
        match value {
            Some(value) => own.insert(name.to_owned(), value.clone()),
            None => own.remove(name),
        };
    }
    next = children_granted(old, next, &removed, wishes)?;
    for id in removed {
        next.accounts.remove(id);
    }
    is_legal(&next).then_some(next)
}

type ChildKey = (&'static str, ChildId);

fn children_granted(
    old: &Oracle,
    mut next: Oracle,
    removed: &BTreeSet<&AccountId>,
    wishes: &[Wish],
) -> Option<Oracle> {
    let mut rows: BTreeMap<ChildKey, (AccountId, BTreeMap<String, Value>)> = BTreeMap::new();
    for (id, own) in &mut next.accounts {
        for (table, own_rows) in std::mem::take(&mut own.children) {
            let table = if table == "tickets" { "tickets" } else { "contracts" };
            for (child, values) in own_rows {
                rows.insert((table, child), (id.clone(), values));
            }
        }
    }
    let before = rows.clone();
    let mut owners: BTreeMap<ChildKey, AccountId> = BTreeMap::new();
    let mut cells: BTreeMap<(ChildKey, String), Option<Value>> = BTreeMap::new();
    let mut gone: BTreeSet<ChildKey> = BTreeSet::new();
    let mut added: BTreeSet<ChildKey> = BTreeSet::new();
    for wish in wishes {
        let (key, owner, values) = match wish {
            Wish::AddChild(table, row) => {
                let key = (*table, row.id.clone());
                if !added.insert(key.clone()) || before.contains_key(&key) {
                    return None;
                }
                let values = row.values.iter().map(|(name, value)| (name.to_string(), Some(value.clone())));
                (key, row.account.clone(), values.collect())
            }
            Wish::SetChild(table, child, column, value) => {
                ((*table, child.clone()), None, vec![(String::from(*column), value.clone())])
            }
            Wish::MoveChild(table, child, account) => {
                ((*table, child.clone()), Some(account.clone()), vec![])
            }
            Wish::RemoveChild(table, child) => {
                gone.insert((*table, child.clone()));
                continue;
            }
            _ => continue,
        };
        if let Some(owner) = owner {
            if owners.get(&key).is_some_and(|other| *other != owner) {
                return None;
            }
            owners.insert(key.clone(), owner);
        }
        for (column, value) in values {
            let cell = (key.clone(), column);
            if cells.get(&cell).is_some_and(|other| *other != value) {
                return None;
            }
            cells.insert(cell, value);
        }
    }
    for key in &gone {
        if !before.contains_key(key)
            || owners.contains_key(key)
            || cells.keys().any(|(other, _)| other == key)
        {
            return None;
        }
        rows.remove(key);
    }
    let stands = |id: &AccountId| next.accounts.contains_key(id) && !removed.contains(id);
    for key in added {
        rows.insert(key.clone(), (owners.get(&key)?.clone(), BTreeMap::new()));
    }
    for (key, owner) in &owners {
        if !stands(owner) {
            return None;
        }
        rows.get_mut(key)?.0 = owner.clone();
    }
    for ((key, column), value) in cells {
        let row = rows.get_mut(&key)?;
        // A row that goes with its account cannot be changed.
        if removed.contains(&row.0) {
            return None;
        }
        match value {
            Some(value) => row.1.insert(column, value),
            None => row.1.remove(&column),
        };
    }
    for ((table, child), (owner, values)) in rows {
        if table == "tickets" && !values.contains_key("hours") {
            return None;
        }
        if let Some(Value::Money(money)) = values.get("amount")
            && values.get("currency").and_then(Value::as_text) != Some(money.currency().code())
        {
            return None;
        }
        let own = next.accounts.get_mut(&owner)?;
        own.children.entry(table.to_owned()).or_default().insert(child, values);
    }
    let _ = old;
    Some(next)
}

fn is_legal(book: &Oracle) -> bool {
    let schema = schema();
    let mut owned = BTreeSet::new();
    book.accounts.iter().all(|(id, own)| {
        let Some(kind) = schema.account_type(&own.account_type) else { return false };
        if kind == schema.account_type("Team").unwrap() && !own.values.contains_key("plan") {
            return false;
        }
        if own.product.as_deref().is_some_and(|product| schema.product(product).is_none()) {
            return false;
        }
        let Some(parent) = &own.parent else { return true };
        let Some(above) = book.accounts.get(parent) else { return false };
        let ring = book.lineage(parent).contains(&id) || {
            let top = *book.lineage(id).last().unwrap();
            book.parent(top).is_some()
        };
        let above_kind = schema.account_type(&above.account_type).unwrap();
        let twice = own.product.as_ref().is_some_and(|product| !owned.insert((parent, product)));
        !ring && !twice && above.product.is_none() && schema.may_nest(above_kind, kind)
    })
}

// A wish from five bytes, mostly one that can be granted.
fn wish_of(book: &Oracle, bytes: [u8; 5], next_number: &mut usize) -> Vec<Wish> {
    let [what, a, b, c, d] = bytes.map(usize::from);
    let ids: Vec<&AccountId> = book.accounts.keys().collect();
    let pick = |n: usize| match ids.get(n % ids.len().max(1)) {
        Some(id) if n != 255 => (*id).clone(),
        _ => id("nobody"),
    };
    let mut children: Vec<(&'static str, ChildId)> = Vec::new();
    for own in book.accounts.values() {
        for (table, rows) in &own.children {
            let table = if table == "tickets" { "tickets" } else { "contracts" };
            children.extend(rows.keys().map(|child| (table, child.clone())));
        }
    }
    let pick_child = |n: usize| match children.get(n % children.len().max(1)) {
        Some(child) if n != 255 => child.clone(),
        _ => ("tickets", child("no-row")),
    };
    let attribute = ATTRIBUTES[b % ATTRIBUTES.len()];
    let mut new_row = |above: Option<AccountId>, n: usize| {
        let kind =
            above.as_ref().and_then(|id| book.accounts.get(id)).map_or("Group", |own| &own.account_type);
        let least = TYPES.iter().position(|t| *t == kind).unwrap_or(0);
        let kind = if n.is_multiple_of(16) { n / 16 % 3 } else { (n % 3).max(least) };
        *next_number += 1;
        let mut row = AccountRow::new(id_of(*next_number + 100), TYPES[kind]);
        if let Some(above) = above {
            row = row.under(above);
        }
        if n.is_multiple_of(5) {
            row = row.product(PRODUCTS[n % 3]);
        }
        if kind == 2 && !n.is_multiple_of(7) {
            row = row.with("plan", "basic");
        }
        if n.is_multiple_of(2) {
            row = row.with("seats", n as i64).with("name", "New");
        }
        row
    };
    match what % 17 {
        0 => vec![Wish::Add(new_row((d % 4 != 0).then(|| pick(a)), b))],
        1 => {
            // A subtree: a new account with one below it, and a child row.
            let top = new_row(Some(pick(a)), 1 + b % 2 * 2);
            let below = new_row(None, 2);
            let below = below.under(top.id.clone());
            let (table, row) = child_row_of(&below.id, *next_number + 100, d as u8);
            vec![Wish::AddChild(table, row), Wish::Add(below), Wish::Add(top)]
        }
        2 | 3 => vec![Wish::Set(pick(a), attribute.to_owned(), value_of(attribute, c as u8))],
        4 => vec![Wish::Set(pick(a), attribute.to_owned(), None)],
        5 | 6 => vec![Wish::Move(pick(a), Some(pick(b)))],
        7 => vec![Wish::Move(pick(a), None)],
        8 => {
            // Parent and child swap places.
            let low = pick(a);
            match book.parent(&low) {
                Some(high) => vec![
                    Wish::Move(low.clone(), book.parent(high).cloned()),
                    Wish::Move(high.clone(), Some(low)),
                ],
                None => vec![],
            }
        }
        9 => vec![Wish::Remove(pick(a))],
        10 => {
            let mut wishes = vec![Wish::RemoveSubtree(pick(a))];
            if b % 2 == 0 {
                wishes.push(Wish::Move(pick(c), Some(pick(d))));
            }
            wishes
        }
        11 => {
            let kind = TYPES[b % 3];
            let mut wishes = vec![Wish::Retype(pick(a), kind.to_owned())];
            if kind == "Team" {
                wishes.push(Wish::Set(pick(a), "plan".to_owned(), value_of("plan", c as u8)));
            }
            wishes
        }
        12 => vec![Wish::Product(pick(a), PRODUCTS.get(b % 4).map(|p| (*p).to_owned()))],
        13 => {
            *next_number += 1;
            let (table, row) = child_row_of(&pick(a), *next_number + 100, b as u8);
            vec![Wish::AddChild(table, row)]
        }
        14 => {
            let (table, child) = pick_child(a);
            let value = Some(Value::text(["USD", "late"][b % 2]));
            match (table, b % 3) {
                ("tickets", 0) => vec![Wish::SetChild(
                    table,
                    child,
                    "hours",
                    (c % 4 != 0).then(|| Value::Decimal(perennial::Decimal::new(c as i128, 1))),
                )],
                ("tickets", _) => vec![Wish::SetChild(table, child, "title", value)],
                (_, 0) => vec![Wish::SetChild(table, child, "currency", value)],
                _ => vec![Wish::SetChild(table, child, "amount", None)],
            }
        }
        15 => {
            let (table, child) = pick_child(a);
            vec![Wish::MoveChild(table, child, pick(b))]
        }
        _ => {
            let (table, child) = pick_child(a);
            vec![Wish::RemoveChild(table, child)]
        }
    }
}

fn load_oracle(oracle: &Oracle, chunk_rows: u32) -> Book {
    let (accounts, children) = oracle.rows();
    let children = children
        .into_iter()
        .map(|(table, row)| (if table == "tickets" { "tickets" } else { "contracts" }, row))
        .collect();
    Rows { accounts, children }.load(chunk_rows, Policy::strict()).0
}

proptest! {
    #![proptest_config(crate::common::config(160))]

    #[test]
    fn scripts_of_changes_answer_as_the_oracle(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 0..24),
        script in prop::collection::vec(prop::collection::vec(any::<[u8; 5]>(), 1..5), 1..10),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let rows = forest(&seeds);
        let mut oracle = Oracle::from_rows(&schema(), &rows.accounts, &rows.children).unwrap();
        let (mut book, _) = rows.load(CHUNK_ROWS[size], Policy::strict());
        let mut number = 0;
        for step in script {
            let wishes: Vec<Wish> =
                step.iter().flat_map(|bytes| wish_of(&oracle, *bytes, &mut number)).collect();
            let before = answers(&view(&book));
            let applied = book.apply(&change_of(&wishes));
            match (granted(&oracle, &wishes), applied) {
                (Some(next), Ok((changed, report))) => {
                    changed.verify().map_err(TestCaseError::fail)?;
                    next.compare(&view(&changed)).map_err(TestCaseError::fail)?;
                    let fresh = load_oracle(&next, CHUNK_ROWS[(size + 1) % 6]);
                    prop_assert_eq!(answers(&view(&changed)), answers(&view(&fresh)));
                    check_report(&oracle, &next, &report)?;
                    prop_assert_eq!(changed.held_accounts().count(), 0);
                    // Point in time: the old book answers as before.
                    book.verify().map_err(TestCaseError::fail)?;
                    prop_assert_eq!(&answers(&view(&book)), &before);
                    oracle = next;
                    book = changed;
                }
                (None, Err(error)) => {
                    prop_assert!(!error.faults().is_empty());
                    prop_assert_eq!(&answers(&view(&book)), &before);
                }
                (Some(_), Err(error)) => prop_assert!(false, "refused: {error}\n{wishes:?}"),
                (None, Ok(_)) => prop_assert!(false, "granted: {wishes:?}"),
            }
        }
    }
}

// The report names what differs between the two oracles, and nothing else.
fn check_report(old: &Oracle, new: &Oracle, report: &perennial::ChangeReport) -> Result<(), TestCaseError> {
    let added: Vec<AccountId> =
        new.accounts.keys().filter(|id| !old.accounts.contains_key(*id)).cloned().collect();
    let removed: Vec<AccountId> =
        old.accounts.keys().filter(|id| !new.accounts.contains_key(*id)).cloned().collect();
    prop_assert_eq!(&report.accounts.added, &added);
    prop_assert_eq!(&report.accounts.removed, &removed);
    let both = || old.accounts.iter().filter_map(|(id, own)| Some((id, own, new.accounts.get(id)?)));
    let moved: Vec<&AccountId> = both().filter(|(_, a, b)| a.parent != b.parent).map(|(id, ..)| id).collect();
    prop_assert_eq!(report.accounts.moves.iter().map(|m| &m.account).collect::<Vec<_>>(), moved);
    for moved in &report.accounts.moves {
        prop_assert_eq!(moved.from.iter().collect::<Vec<_>>(), old.ancestors(&moved.account));
        prop_assert_eq!(moved.to.iter().collect::<Vec<_>>(), new.ancestors(&moved.account));
    }
    let mut values = Vec::new();
    for (id, a, b) in both() {
        let names: BTreeSet<&String> = a.values.keys().chain(b.values.keys()).collect();
        for name in names.into_iter().filter(|name| a.values.get(*name) != b.values.get(*name)) {
            values.push((id.clone(), name.clone(), a.values.get(name).cloned(), b.values.get(name).cloned()));
        }
    }
    let reported: Vec<_> = report
        .accounts
        .values
        .iter()
        .filter(|change| change.child.is_none())
        .map(|c| (c.account.clone(), c.attribute.to_string(), c.from.clone(), c.to.clone()))
        .collect();
    prop_assert_eq!(reported, values);
    let rows = |book: &Oracle| -> BTreeSet<(String, ChildId)> {
        let all = book.accounts.values().flat_map(|own| &own.children);
        all.flat_map(|(table, rows)| rows.keys().map(move |row| (table.clone(), row.clone()))).collect()
    };
    let (before, after) = (rows(old), rows(new));
    let named = |list: &[(std::sync::Arc<str>, ChildId)]| -> Vec<(String, ChildId)> {
        list.iter().map(|(table, row)| (table.to_string(), row.clone())).collect()
    };
    let mut came: Vec<_> = after.difference(&before).cloned().collect();
    let mut left: Vec<_> = before.difference(&after).cloned().collect();
    came.sort();
    left.sort();
    prop_assert_eq!(named(&report.children_added), came);
    prop_assert_eq!(named(&report.children_removed), left);
    Ok(())
}

fn policy(kind: FaultKind, remedy: Remedy) -> Policy {
    Policy::lenient()
        .with(kind, remedy)
        .unwrap()
        .with(FaultKind::ChildOfUnknownAccount, Remedy::Quarantine)
        .unwrap()
}

// Everything that can be asked of a book, what is held included.
fn everything(book: &Book) -> (Vec<String>, Vec<String>, Vec<String>) {
    let held = book.held_accounts().map(|held| format!("{held:?}")).collect();
    let mut children: Vec<String> = book.held_children().map(|held| format!("{held:?}")).collect();
    children.sort();
    (answers(&view(book)), held, children)
}

proptest! {
    #![proptest_config(crate::common::config(200))]

    /// Accounts are withheld from a load and brought by changes, one by one: whoever waited for them is
    /// released or moves under them, as if everything had been loaded at once.
    #[test]
    fn incremental_is_rebuild_with_waiting_orphans(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        withheld in prop::collection::vec(any::<u8>(), 1..4),
        adopt in any::<bool>(),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let rows = forest(&seeds);
        let remedy = if adopt { Remedy::Adopt } else { Remedy::Quarantine };
        let policy = policy(FaultKind::MissingParent, remedy);
        let gone: BTreeSet<usize> = withheld.iter().map(|n| usize::from(*n) % rows.accounts.len()).collect();
        let mut known = rows.clone();
        let mut later: Vec<AccountRow> = Vec::new();
        for place in gone.iter().rev() {
            later.push(known.accounts.remove(*place));
        }
        let (mut book, _) = known.load(CHUNK_ROWS[size], policy.clone());
        for row in later {
            let change = Change::new().add(row.clone());
            let applied = book.apply(&change);
            known.accounts.push(row.clone());
            let parent_waits = row.parents.first().is_some_and(|link| view(&book).account(link.parent.as_str()).is_none());
            if parent_waits {
                // Judged strictly: the new account itself would be an orphan.
                prop_assert!(applied.is_err());
                known.accounts.pop();
                continue;
            }
            let (next, report) = applied.map_err(|e| TestCaseError::fail(e.to_string()))?;
            next.verify().map_err(TestCaseError::fail)?;
            let (fresh, _) = known.shuffled(7).load(4_096, policy.clone());
            prop_assert_eq!(everything(&next), everything(&fresh));
            prop_assert_eq!(report.accounts.added.len(), 1);
            book = next;
        }
    }

    /// The same the other way round: a removed parent leaves nobody behind, and comes back.
    #[test]
    fn a_removed_subtree_can_come_back(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        which in any::<u8>(),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let rows = forest(&seeds);
        let (book, _) = rows.load(CHUNK_ROWS[size], Policy::strict());
        let top = rows.accounts[usize::from(which) % rows.accounts.len()].id.clone();
        let oracle = Oracle::from_view(&view(&book));
        let below: BTreeSet<AccountId> = oracle.subtree(&top).into_iter().cloned().collect();
        let (without, report) = book.apply(&Change::new().remove_subtree(&top)).unwrap();
        without.verify().map_err(TestCaseError::fail)?;
        prop_assert_eq!(report.accounts.removed.iter().cloned().collect::<BTreeSet<_>>(), below.clone());
        let back = rows.accounts.iter().filter(|row| below.contains(&row.id));
        let back = back.fold(Change::new(), |change, row| change.add(row.clone()));
        let rows_back = rows.children.iter().filter(|(_, row)| below.contains(row.account.as_ref().unwrap()));
        let back = rows_back.fold(back, |change, (table, row)| change.add_child(table, row.clone()));
        let (again, _) = without.apply(&back).map_err(|e| TestCaseError::fail(e.to_string()))?;
        again.verify().map_err(TestCaseError::fail)?;
        prop_assert_eq!(answers(&view(&again)), answers(&view(&book)));
    }
}

// --- What a load would refuse ------------------------------------------------------------------------

/// A policy that refuses some kinds of fault and answers the others, whatever it is asked.
fn any_policy(bits: u64) -> Policy {
    FaultKind::ALL.into_iter().enumerate().fold(Policy::strict(), |policy, (number, kind)| {
        let remedies = kind.remedies();
        policy.with(kind, remedies[(bits >> (number * 3)) as usize % 8 % remedies.len()]).unwrap()
    })
}

/// An edit of declared rows, and the same as an item of a change. Rows of an account that goes go with it, but for
/// those that wait with one that is held.
fn edit(rows: &mut Rows, held: &BTreeSet<AccountId>, number: usize, bytes: [u8; 4]) -> Option<Change> {
    let [what, a, b, byte] = bytes.map(usize::from);
    let count = rows.accounts.len();
    let (a, b) = (a % count.max(1), b % count.max(1));
    let other = rows.accounts.get(b).map(|row| row.id.clone());
    // Some parents are not there yet, or never.
    let parent = |byte: usize| match byte % 4 {
        0 => id_of(200 + byte % 3),
        _ => other.clone().unwrap_or_else(|| id("nobody")),
    };
    match what % 7 {
        0 | 1 => {
            let at = if what % 2 == 0 { 200 + number % 3 } else { 210 + number };
            let mut row = AccountRow::new(id_of(at), TYPES[byte % 3]);
            if byte % 5 > 0 {
                row = row.under(parent(byte / 3));
            }
            if byte % 7 == 0 {
                row = row.product(PRODUCTS[byte % 2]);
            }
            if byte % 3 == 2 {
                row = row.with("plan", "basic");
            }
            if rows.accounts.iter().any(|other| other.id == row.id) {
                return None;
            }
            rows.accounts.push(row.clone());
            Some(Change::new().add(row))
        }
        2 => {
            let row = rows.accounts.get_mut(a)?;
            let mut parents: Vec<ParentLink> = vec![ParentLink { rank: 0, parent: parent(byte) }];
            if byte % 3 == 0 {
                parents.push(ParentLink { rank: 1, parent: id_of(200 + byte % 2) });
            }
            row.parents.clone_from(&parents);
            Some(Change::new().declare_parents(&row.id, parents))
        }
        3 => {
            let row = rows.accounts.get_mut(a)?;
            row.account_type = TYPES[byte % 2].into();
            Some(Change::new().retype(&row.id, TYPES[byte % 2]))
        }
        4 => {
            let row = rows.accounts.get_mut(a)?;
            let product = PRODUCTS.get(byte % 4).copied();
            row.product = product.map(Into::into);
            Some(Change::new().set_product(&row.id, product))
        }
        5 => {
            let row = (count > 0).then(|| rows.accounts.remove(a))?;
            if !held.contains(&row.id) {
                rows.children.retain(|(_, child)| child.account.as_ref() != Some(&row.id));
            }
            Some(Change::new().remove(&row.id))
        }
        _ => {
            let row = rows.accounts.get_mut(a)?;
            row.values.retain(|(name, _)| &**name != "plan");
            if byte % 2 == 0 {
                row.values.push(("plan".into(), Value::text("pro")));
                return Some(Change::new().set(&row.id, "plan", "pro"));
            }
            Some(Change::new().clear(&row.id, "plan"))
        }
    }
}

proptest! {
    #![proptest_config(crate::common::config(300))]

    /// Whatever the policy refuses, adopts or holds back: a change that is granted makes the book that a load
    /// of the same rows makes, and that load is not refused.
    #[test]
    fn what_is_granted_is_what_a_load_would_take(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 0..14),
        dirt in prop::collection::vec(any::<[u8; 4]>(), 0..8),
        script in prop::collection::vec(any::<[u8; 4]>(), 1..8),
        policy in any::<u64>(),
        size in 0..CHUNK_ROWS.len(),
    ) {
        let policy = any_policy(policy);
        let load = |rows: &Rows| Book::builder(schema()).policy(policy.clone()).chunk_rows(CHUNK_ROWS[size]).load(&rows.source());
        // What is at fault from the beginning is what the policy takes.
        let mut rows = forest(&seeds);
        for (number, bytes) in dirt.into_iter().enumerate() {
            let mut dirty = rows.clone();
            if edit(&mut dirty, &BTreeSet::new(), number, bytes).is_some() && load(&dirty).is_ok() {
                rows = dirty;
            }
        }
        let (mut book, _) = load(&rows).unwrap();
        for (number, bytes) in script.into_iter().enumerate() {
            let mut next_rows = rows.clone();
            let held: BTreeSet<AccountId> = book.held_accounts().map(|held| held.row.id.clone()).collect();
            let Some(change) = edit(&mut next_rows, &held, number, bytes) else { continue };
            let Ok((next, report)) = book.apply(&change) else { continue };
            next.verify().map_err(TestCaseError::fail)?;
            let fresh = load(&next_rows);
            prop_assert!(fresh.is_ok(), "granted: {:?}\n{}", change, fresh.unwrap_err());
            let (fresh, _) = fresh.unwrap();
            prop_assert_eq!(everything(&next), everything(&fresh), "{:?}", change);
            // What is held for another reason than before, and who became a root by a fault, is said.
            let reasons = |book: &Book| -> BTreeMap<AccountId, HeldReason> {
                book.held_accounts().map(|held| (held.row.id.clone(), held.reason.clone())).collect()
            };
            let before = reasons(&book);
            let held: Vec<_> = reasons(&next).into_iter().filter(|(id, reason)| before.get(id) != Some(reason)).collect();
            prop_assert_eq!(&report.held, &held);
            let adopted = |book: &Book| -> BTreeMap<AccountId, FaultKind> {
                view(book).accounts().filter_map(|account| Some((account.id(), account.adopted()?))).collect()
            };
            let before = adopted(&book);
            let roots: Vec<_> = adopted(&next).into_iter().filter(|(id, kind)| before.get(id) != Some(kind)).collect();
            prop_assert_eq!(&report.adopted, &roots);
            book = next;
            rows = next_rows;
        }
    }
}

fn waits() -> Policy {
    Policy::strict().with(FaultKind::MissingParent, Remedy::Quarantine).unwrap()
}

fn account(text: &str, kind: &str) -> AccountRow {
    AccountRow::new(id(text), kind)
}

fn book_of(accounts: Vec<AccountRow>, policy: &Policy) -> Book {
    Rows { accounts, ..Rows::default() }.load(4, policy.clone()).0
}

#[test]
fn a_parent_that_brings_a_fault_which_a_load_refuses_is_refused() {
    // The type of who waited.
    let book = book_of(vec![account("g", "Group").under(id("p"))], &waits());
    let error = refused(&book, &Change::new().add(account("p", "Company")));
    assert_eq!(error.to_string(), "`g` of type `Group` may not stand under `p` of type `Company`");
    // One product twice: one that waited, one that comes.
    let crm = |text: &str| account(text, "Company").under(id("p")).product("CRM");
    let book = book_of(vec![crm("g"), crm("h")], &waits());
    let error = refused(&book, &Change::new().add(account("p", "Company")));
    assert_eq!(error.to_string(), "`p` holds product `CRM` twice: `g` and `h`");
    // Something under a product account.
    let book = book_of(vec![account("top", "Company"), account("g", "Company").under(id("p"))], &waits());
    let error = refused(&book, &Change::new().add(account("p", "Company").under(id("top")).product("CRM")));
    assert_eq!(error.to_string(), "`g` stands under the product account `p`");
    // Two parents, of which one was awaited.
    let both = waits().with(FaultKind::MissingParent, Remedy::Adopt).unwrap();
    let g = account("g", "Company").under(id("p")).under(id("q"));
    let book = book_of(vec![g], &both);
    let error = refused(&book, &Change::new().add(account("p", "Company")).add(account("q", "Company")));
    assert!(error.to_string().contains("`g` has 2 parents: `p`, `q`"), "{error}");
    // A parent beside the tree that goes.
    let strict = Policy::strict().with(FaultKind::SeveralParents, Remedy::Prefer).unwrap();
    let g = account("g", "Company").under(id("p")).under(id("q"));
    let book = book_of(vec![account("p", "Company"), account("q", "Company"), g], &strict);
    let error = refused(&book, &Change::new().remove(&id("q")));
    assert_eq!(error.to_string(), "parent `q` of `g` does not exist; it stands under another of its parents");
}

#[test]
fn a_ring_of_links_that_a_load_refuses_is_refused() {
    let prefer = Policy::strict().with(FaultKind::SeveralParents, Remedy::Prefer).unwrap();
    let company = |text: &str| account(text, "Company");
    let book = book_of(vec![company("a"), company("b").under(id("a")), company("c").under(id("b"))], &prefer);
    let link = |rank, parent: &str| ParentLink { rank, parent: id(parent) };
    // `b` stands under `a`, and declares `c` as well, which stands below it.
    let change = Change::new().declare_parents(&id("b"), vec![link(0, "a"), link(1, "c")]);
    assert_eq!(refused(&book, &change).to_string(), "links of 2 accounts form a ring: `b`, `c`");
    // Where the policy lets rings of links be, it is granted; without a ring, too.
    let rings = prefer.with(FaultKind::LinkCycle, Remedy::Prefer).unwrap();
    let book_with =
        book_of(vec![company("a"), company("b").under(id("a")), company("c").under(id("b"))], &rings);
    assert!(book_with.apply(&change).is_ok());
    let (next, _) = book.apply(&Change::new().add(company("d"))).unwrap();
    let both = Change::new().declare_parents(&id("b"), vec![link(0, "a"), link(1, "d")]);
    assert!(next.apply(&both).is_ok());
}

#[test]
fn what_a_change_holds_for_another_reason_it_says() {
    let holds = waits().with(FaultKind::TypeOrder, Remedy::Quarantine).unwrap();
    let g = account("g", "Group").under(id("p"));
    let book = book_of(vec![g.clone(), account("h", "Company").under(id("g"))], &holds);
    let (next, report) = book.apply(&Change::new().add(account("p", "Company"))).unwrap();
    assert_eq!(report.held, [(id("g"), HeldReason::Fault(FaultKind::TypeOrder))]);
    assert_eq!((report.released.len(), next.held_accounts().count()), (0, 2));
    // Or makes a root.
    let adopts = waits().with(FaultKind::TypeOrder, Remedy::Adopt).unwrap();
    let book = book_of(vec![g], &adopts);
    let (_, report) = book.apply(&Change::new().add(account("p", "Company"))).unwrap();
    assert_eq!(report.adopted, [(id("g"), FaultKind::TypeOrder)]);
    assert_eq!(report.released, [id("g")]);
}

fn refused(book: &Book, change: &Change) -> ChangeError {
    let before = everything(book);
    let error = book.apply(change).expect_err("the change cannot be granted");
    assert_eq!(everything(book), before);
    error
}

#[test]
fn every_problem_of_a_change_is_named() {
    let team = AccountRow::new(id("team"), "Team").under(id("acme")).with("plan", "basic");
    let rows = Rows {
        accounts: vec![
            AccountRow::new(id("acme"), "Company"),
            team,
            AccountRow::new(id("crm"), "Team").under(id("acme")).product("CRM").with("plan", "basic"),
        ],
        children: vec![child_row_of(&id("acme"), 1, 1)],
    };
    let (book, _) = rows.load(2, Policy::strict());
    let change = Change::new()
        .add(AccountRow::new(id("acme"), "Company"))
        .add(AccountRow::new(id("bad"), "Planet"))
        .add(AccountRow::new(id("orphan"), "Company").under(id("nowhere")))
        .add(AccountRow::new(id("self"), "Company").under(id("self")))
        .add(AccountRow::new(id("low"), "Company").under(id("crm")))
        .add(AccountRow::new(id("crm2"), "Company").under(id("acme")).product("CRM"))
        .add(AccountRow::new(id("odd"), "Company").product("Soap"))
        .set(&id("ghost"), "seats", 1_i64)
        .set(&id("team"), "seats", "many")
        .set(&id("team"), "colour", "red")
        .set(&id("acme"), "floor", 3_i64)
        .clear(&id("team"), "plan")
        .move_under(&id("acme"), &id("team"))
        .remove(&id("team"))
        .add_child("mails", ChildRow::new(child("m"), id("acme")))
        .add_child("tickets", ChildRow::new(child("t"), id("ghost")))
        .remove_child("tickets", &child("none"));
    let error = refused(&book, &change);
    same_text(&error.to_string(), EVERY_PROBLEM);
    let error = refused(&book, &Change::new().remove(&id("acme")));
    same_text(
        &error.to_string(),
        "`acme` cannot be removed: 2 account(s) stand below it, such as `crm`; move them or remove the subtree",
    );
    assert!(matches!(error.faults(), [ChangeProblem::HasChildren { count: 2, .. }]));
}

// Whole text, side by side.
fn same_text(found: &str, expected: &str) {
    assert!(found == expected, "found:\n{found}\n\nexpected:\n{expected}");
}

const EVERY_PROBLEM: &str = "\
`acme` holds product `CRM` twice: `crm` and `crm2`
`acme` would be held out of the book: parent does not exist
`low` stands under the product account `crm`
`self` names itself as parent
account `acme` is changed in two ways: its parents
account `acme` is in the book already
account `acme`: floor: does not apply to accounts of type `Company`
account `ghost` is not in the book
account `t`: hours: required value is missing
account `team` is changed in two ways: removed and changed
account `team`: colour: no such attribute
account `team`: seats: expected whole number, found text
parent `nowhere` of `orphan` does not exist
parent `team` of `acme` does not exist
row `none` is not in table `tickets`
unknown account type `Planet` for `bad`
unknown child table `mails`
unknown product `Soap` for `odd`";

#[test]
fn a_value_of_one_account_copies_one_block() {
    for (shape, name) in [(PlainBook::one_tree(50_000, 1), "tree"), (PlainBook::chain(50_000), "chain")] {
        let (book, _) = Book::load(shape.schema(), &shape, &Policy::strict()).unwrap();
        let (some, other) = (id(&shape.id(40_000)), id(&shape.id(17)));
        let (next, _) = book.apply(&Change::new().set(&some, "amount", 5_i64)).unwrap();
        let (shared, all) = next.shared_blocks(&book);
        assert_eq!(shared + 1, all, "{name}");
        // The same value again: nothing is copied at all.
        let (same, report) = next.apply(&Change::new().set(&some, "amount", 5_i64)).unwrap();
        assert_eq!(same.shared_blocks(&next), (all, all), "{name}");
        assert!(report.accounts.values.is_empty());
        let (moved, _) = book.apply(&Change::new().move_under(&some, &other)).unwrap();
        let (shared, all) = moved.shared_blocks(&book);
        assert!(shared * 2 > all, "{name}: {shared} of {all}");
    }
}

#[test]
fn thousands_of_changes_leave_a_book_that_is_in_order() {
    let shape = PlainBook::one_tree(3_000, 5);
    let (mut book, _) = Book::builder(shape.schema()).chunk_rows(64).load(&shape).unwrap();
    let mut random = perennial::testkit::Random::new(3);
    let mut slots = Vec::new();
    for step in 0..3_000 {
        let pick = |random: &mut perennial::testkit::Random| id(&shape.id(random.below(3_000) as usize));
        let (a, b) = (pick(&mut random), pick(&mut random));
        let change = match step % 4 {
            3 => Change::new().move_to_root(&a),
            _ => Change::new().move_under(&a, &b),
        };
        if let Ok((next, _)) = book.apply(&change) {
            book = next;
        }
        if step % 250 == 0 {
            book.verify().unwrap();
            slots.push(book.shared_blocks(&book).1);
        }
    }
    book.verify().unwrap();
    assert_eq!(book.len(), 3_000);
    // Chunks do not crumble: three blocks each, 47 chunks when packed fully.
    println!("blocks: {slots:?}");
    assert!(slots.last().unwrap() < &(3 * 47 * 8), "{slots:?}");
}

#[test]
fn a_version_goes_on_where_the_storage_left_it() {
    let rows = Rows { accounts: vec![AccountRow::new(id("a"), "Company")], ..Rows::default() };
    let (book, _) = Book::builder(schema()).version(41).load(&rows.source()).unwrap();
    assert_eq!(book.version(), 41);
    let (next, _) = book.apply(&Change::new().set(&id("a"), "seats", 1_i64)).unwrap();
    assert_eq!((book.version(), next.version()), (41, 42));
}
