//! Which book results from a change?
//!
//! First the wishes are gathered by account and checked against the schema; then every account whose
//! place may differ is placed anew on the ground of those that stay (the touched ones, and those that
//! waited for what the change brings); only when nothing is wrong is anything built.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::judge::{check_below, check_places, check_required};
use super::link_rings::check_link_rings;
use super::placing::Placing;
use super::replace::History;
use super::settle::build_structure;
use super::usage_places::UsagePlaces;
use super::values::{ChildEdits, apply_children, apply_values};
use super::wishes::{Wish, gather, removed_accounts, removed_held};
use super::{AccountMove, Book, Change, ChangeError, ChangeReport, Inner, UsageMove, ValueChange};
use crate::column::{Raw, raw_of, value_of};
use crate::model::{AccountId, AccountIdx, AttributeId};

impl Book {
    /// The book after a change; this one stays as it is and shares everything untouched.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] with everything that is wrong; nothing is applied then.
    ///
    /// # Complexity
    ///
    /// A value costs a copy of one column of one chunk. A move, an added or a removed account costs the
    /// rows of the chunks that it leaves and enters, whatever the size of the tree; and, in a book that
    /// holds accounts back, has adopted some, or keeps extra links, the number of those, and where the policy refuses
    /// rings of links, the accounts above. The report names both paths of every moved account.
    pub fn apply(&self, change: &Change) -> Result<(Self, ChangeReport), ChangeError> {
        let old = &*self.0;
        let mut problems = Vec::new();
        let (change, history) = History::gather(old, change, &mut problems);
        let change = &*change;
        let mut wishes = gather(old, change, &mut problems);
        let child_edits = ChildEdits::gather(old, change, &mut problems);
        let removed = removed_accounts(old, &wishes, &mut problems);
        let removed_held = removed_held(old, &wishes, &mut problems);
        let placing = Placing::new(old, &wishes, &removed, removed_held);
        let resolution = placing.resolve(old, &wishes);
        check_places(old, &placing, &resolution, &mut problems);
        check_link_rings(old, &placing, &mut problems);
        check_below(old, &placing, &removed, &mut problems);
        check_required(old, &wishes, &placing, &mut problems);
        child_edits.check(old, &|id| placing.will_stand(id, &resolution), &removed, &mut problems);
        history.check_successors(&|id| placing.will_stand(id, &resolution), &mut problems);
        if !problems.is_empty() {
            problems.sort_by_cached_key(ToString::to_string);
            problems.dedup();
            return Err(ChangeError::new(problems));
        }
        let mut report = ChangeReport::default();
        let mut next = old.clone();
        // A host may start from any version; past the last one there is none.
        next.version = next.version.saturating_add(1);
        build_structure(old, &mut next, &placing, &resolution, &removed, &mut wishes, &mut report);
        let edits = edits_of(&next_places(old, &next, &wishes), old);
        apply_values(old, &mut next, edits);
        apply_children(old, &mut next, &child_edits, &removed, &mut report);
        history.apply(&mut next, &mut report);
        describe(old, &next, &wishes, &placing, &mut report);
        report.usage_moves = usage_moves(old, &next, &report);
        report.finish();
        Ok((Self(Arc::new(next)), report))
    }
}

// Where an account with a wish stands in the new book: where it did, unless its chunk is another one.
fn next_place(old: &Inner, next: &Inner, id: &AccountId, wish: &Wish) -> Option<AccountIdx> {
    let stays = |at: &AccountIdx| match (old.chunk(at.slot), next.chunk(at.slot)) {
        (Some(before), Some(after)) => Arc::ptr_eq(&before.shape, &after.shape),
        _ => false,
    };
    wish.at.filter(stays).or_else(|| next.find(id.as_str()))
}

// Where the accounts with wishes stand in the new book.
fn next_places<'w>(
    old: &Inner,
    next: &Inner,
    wishes: &'w BTreeMap<AccountId, Wish>,
) -> Vec<(AccountIdx, &'w Wish)> {
    let with_values = wishes.iter().filter(|(_, wish)| !wish.values.is_empty());
    with_values.filter_map(|(id, wish)| Some((next_place(old, next, id, wish)?, wish))).collect()
}

/// Edits by slot and column.
pub(super) type ValueEdits = BTreeMap<(u32, usize), Vec<(usize, Option<Raw<'static>>)>>;

fn edits_of(places: &[(AccountIdx, &Wish)], old: &Inner) -> ValueEdits {
    let mut edits: ValueEdits = BTreeMap::new();
    for (place, wish) in places {
        for (attribute, value) in &wish.values {
            let Some(described) = old.schema.attribute_at(AttributeId::new(*attribute)) else { continue };
            let raw = value.as_ref().and_then(|value| raw_of(value, described));
            edits.entry((place.slot, *attribute)).or_default().push((place.row as usize, raw));
        }
    }
    edits
}

// Values and moves, for the report.
fn describe(
    old: &Inner,
    next: &Inner,
    wishes: &BTreeMap<AccountId, Wish>,
    placing: &Placing<'_>,
    report: &mut ChangeReport,
) {
    let value = |inner: &Inner, place: AccountIdx, attribute: usize| {
        let described = inner.schema.attribute_at(AttributeId::new(attribute))?;
        value_of(inner.chunk(place.slot)?.column(attribute)?.get(place.row as usize)?, described.kind())
    };
    for (id, wish) in wishes {
        let (Some(before), Some(after)) = (wish.at, next_place(old, next, id, wish)) else { continue };
        for attribute in wish.values.keys() {
            let (from, to) = (value(old, before, *attribute), value(next, after, *attribute));
            let Some(described) =
                old.schema.attribute_at(AttributeId::new(*attribute)).filter(|_| from != to)
            else {
                continue;
            };
            let attribute = Arc::from(described.name());
            report.accounts.values.push(ValueChange {
                account: id.clone(),
                child: None,
                attribute,
                from,
                to,
            });
        }
    }
    // Accounts that leave or enter one parent share its path.
    let (mut left, mut entered) = (HashMap::new(), HashMap::new());
    for (id, before) in placing.ids.iter().zip(&placing.before) {
        let (Some(before), Some(after)) = (before, next.find(id.as_str())) else { continue };
        let above = |inner: &Inner, place| inner.parent(place).map(|up| inner.account_id(up));
        if above(old, *before) != above(next, after) {
            let (from, to) = (path(old, *before, &mut left), path(next, after, &mut entered));
            report.accounts.moves.push(AccountMove { account: id.clone(), from, to });
        }
    }
}

// The ids whose usage is read of another account: those that came or left, those whose successions did, and all that lead to
// them.
fn usage_moves(old: &Inner, next: &Inner, report: &ChangeReport) -> Vec<UsageMove> {
    if old.successions.is_empty() && next.successions.is_empty() {
        return Vec::new();
    }
    let links = report.successions_added.iter().chain(&report.successions_removed);
    let accounts = report.accounts.added.iter().chain(&report.released).chain(&report.accounts.removed);
    let mut work: Vec<&AccountId> = links.map(|link| &link.account).chain(accounts).collect();
    let mut known: HashSet<&AccountId> = HashSet::new();
    let mut moves = Vec::new();
    let (mut places_before, mut places_after) = (UsagePlaces::new(old), UsagePlaces::new(next));
    while let Some(account) = work.pop() {
        if !known.insert(account) {
            continue;
        }
        for history in [&old.successions, &next.successions] {
            work.extend(history.before(account).iter().filter(|link| !link.part).map(|link| &link.account));
        }
        let from = places_before.of(account.as_str()).map(|at| old.account_id(at));
        let to = places_after.of(account.as_str()).map(|at| next.account_id(at));
        let by_another = |reader: &Option<AccountId>| reader.as_ref().is_some_and(|own| own != account);
        if from != to && (by_another(&from) || by_another(&to)) {
            moves.push(UsageMove { account: account.clone(), from, to });
        }
    }
    moves
}

// The accounts above a place, nearest first.
fn path(
    inner: &Inner,
    place: AccountIdx,
    known: &mut HashMap<Option<AccountIdx>, Arc<[AccountId]>>,
) -> Arc<[AccountId]> {
    let parent = inner.parent(place);
    let above = || std::iter::successors(parent, |above| inner.parent(*above));
    Arc::clone(known.entry(parent).or_insert_with(|| above().map(|place| inner.account_id(place)).collect()))
}
