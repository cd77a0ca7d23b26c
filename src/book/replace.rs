//! What becomes of all that hung on an account which is merged or split?
//!
//! Replacing an account is said in one wish and means many: it leaves, what declared it as a parent stands
//! under its heir, its child rows belong to the heir, and its id leads to its successors. Here the one is
//! written out as the many, so that nothing else of a change needs to know of it. Ruling S52 of
//! `docs/semantics`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::change::{ChangeItem, ChangeProblem};
use super::placing::declared_parents;
use super::{Change, Inner, Successions};
use crate::model::{AccountId, AccountIdx, ChildId, Date, ParentLink, Succession};

/// What a change does to the history of mergers and splits.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) added: Vec<Succession>,
    pub(super) removed: Vec<Succession>,
    /// Of replaced accounts: what the history knows already.
    kept: Vec<Succession>,
    /// The accounts that the change replaces.
    replaced: HashSet<AccountId>,
}

impl History {
    /// The change with every replaced account written out, and what it says of the history.
    pub(super) fn gather<'c>(
        old: &Inner,
        change: &'c Change,
        problems: &mut Vec<ChangeProblem>,
    ) -> (Cow<'c, Change>, Self) {
        let mut history = Self::default();
        let mut wanted: BTreeMap<&AccountId, (&[AccountId], Date)> = BTreeMap::new();
        for item in change.items() {
            match item {
                ChangeItem::Replace { account, by, on } => {
                    let wish = (by.as_slice(), *on);
                    if wanted.insert(account, wish).is_some_and(|other| other != wish) {
                        super::wishes::conflict(problems, account, "replaced twice");
                    }
                }
                ChangeItem::DeclareSuccession { succession } => history.added.push(succession.clone()),
                ChangeItem::RetractSuccession { succession } => history.removed.push(succession.clone()),
                _ => {}
            }
        }
        for (account, (by, on)) in &wanted {
            if by.is_empty() {
                problems.push(ChangeProblem::NoSuccessor { account: (*account).clone() });
            }
            history.replaced.insert((*account).clone());
            // A host whose history knew it before states it once.
            let known = old.successions.after(account);
            let links = (0..).zip(*by).map(|(rank, successor)| {
                Succession::new((*account).clone(), successor.clone(), *on).ranked(rank)
            });
            let stays = |link: &Succession| known.contains(link) && !history.removed.contains(link);
            let (kept, added): (Vec<_>, Vec<_>) = links.partition(stays);
            history.kept.extend(kept);
            history.added.extend(added);
        }
        history.check(old, problems);
        if wanted.is_empty() {
            return (Cow::Borrowed(change), history);
        }
        let replacing = Replacing::new(old, change, wanted);
        for (account, (by, _)) in &replacing.wanted {
            if !by.is_empty() && !replacing.heirs.contains_key(account) {
                super::wishes::conflict(problems, account, "replaced in a ring");
            }
        }
        let items = replacing.items();
        (Cow::Owned(items.into_iter().fold(Change::new(), Change::with)), history)
    }

    // Against the history that there is.
    fn check(&mut self, old: &Inner, problems: &mut Vec<ChangeProblem>) {
        self.removed.sort_unstable();
        self.removed.dedup();
        self.added.sort_unstable();
        self.added.dedup();
        for link in &self.removed {
            if !old.successions.after(&link.account).contains(link) {
                let (account, successor, on) = (link.account.clone(), link.successor.clone(), link.on);
                problems.push(ChangeProblem::UnknownSuccession { account, successor, on });
            }
        }
        let mut stated: HashSet<(&AccountId, &AccountId, Date)> = HashSet::new();
        for link in &self.added {
            let (account, successor, on) = (link.account.clone(), link.successor.clone(), link.on);
            if account == successor {
                problems.push(ChangeProblem::SucceedsItself { account });
                continue;
            }
            let same = |other: &&Succession| other.successor == successor && other.on == on;
            let stays = |other: &&Succession| self.removed.binary_search(other).is_err();
            let stands = old.successions.after(&account).iter().filter(same).any(|other| stays(&other));
            if stands || !stated.insert((&link.account, &link.successor, on)) {
                problems.push(ChangeProblem::SuccessionExists { account, successor, on });
            }
        }
        let mut linked = old.successions.same_days(&self.added);
        linked.retain(|link| link.account != link.successor && self.removed.binary_search(link).is_err());
        for ring in Successions::same_day_rings(&linked) {
            let mut members: Vec<AccountId> = ring.iter().map(|link| link.account.clone()).collect();
            members.dedup();
            let on = ring.first().map_or(Date::MIN, |link| link.on);
            problems.push(ChangeProblem::SuccessionRing { members, on });
        }
    }

    /// The accounts that replace others must be there, unless they are replaced themselves.
    pub(super) fn check_successors(
        &self,
        stands: &dyn Fn(&AccountId) -> bool,
        problems: &mut Vec<ChangeProblem>,
    ) {
        let links = self.added.iter().chain(&self.kept);
        for link in links.filter(|link| self.replaced.contains(&link.account)) {
            if !self.replaced.contains(&link.successor) && !stands(&link.successor) {
                let (account, successor) = (link.account.clone(), link.successor.clone());
                problems.push(ChangeProblem::UnknownSuccessor { account, successor });
            }
        }
    }

    /// Brings the history up to date.
    pub(super) fn apply(self, next: &mut Inner, report: &mut super::ChangeReport) {
        if self.added.is_empty() && self.removed.is_empty() {
            return;
        }
        // What is both retracted and declared stays.
        let (added, removed) = (self.added, self.removed);
        let before = Arc::clone(&next.successions);
        next.successions = Arc::new(before.edited(&[], &removed).edited(&added, &[]));
        let stood = |link: &Succession| before.after(&link.account).contains(link);
        let again: HashSet<Succession> = added.iter().filter(|link| stood(link)).cloned().collect();
        report.successions_added = added.into_iter().filter(|link| !again.contains(link)).collect();
        report.successions_removed = removed.into_iter().filter(|link| !again.contains(link)).collect();
    }
}

impl Change {
    /// This change with every merger and split written out: what each removes, moves and hands over in
    /// `book`, and the successions.
    ///
    /// For hosts that write changes to their own tables: what is left are items that each touch the rows
    /// that they name (and those that the report lists as removed). Applied to `book` it does what this
    /// change does. A change that the book would refuse is written out as far as it goes; apply decides.
    ///
    /// # Complexity
    ///
    /// O(items + what hangs directly on the replaced accounts).
    ///
    /// ```
    /// # use perennial::report::ChangeItem;
    /// # use perennial::{
    /// #     AccountId, AccountRow, Book, Change, Date, Nesting, Policy, Schema, source::MemorySource,
    /// # };
    /// # let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// # let id = |text| AccountId::new(text);
    /// # let source = MemorySource::new()
    /// #     .account(AccountRow::new(id("acme")?, "Company"))
    /// #     .account(AccountRow::new(id("globex")?, "Company"))
    /// #     .account(AccountRow::new(id("globex-eu")?, "Company").under(id("globex")?));
    /// # let (book, _) = Book::load(schema, &source, &Policy::strict())?;
    /// let merger = Change::new().merge(&id("globex")?, &id("acme")?, Date::new(2026, 3, 1)?);
    /// let plain = merger.expand(&book);
    /// assert!(plain.items().iter().any(|item| *item == ChangeItem::Remove { account: id("globex").unwrap() }));
    /// assert_eq!(plain.items().len(), 3); // `globex` goes, `globex-eu` moves, and the succession
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn expand(&self, book: &super::Book) -> Self {
        let (plain, history) = History::gather(&book.0, self, &mut Vec::new());
        let replaced = |link: &&Succession| history.replaced.contains(&link.account);
        let links = history.added.iter().filter(replaced).cloned();
        let declared = links.map(|succession| ChangeItem::DeclareSuccession { succession });
        // One that was declared by hand beside the merger stands among the items already.
        let known: HashSet<&Succession> = plain.items().iter().filter_map(declared_by).collect();
        let declared: Vec<ChangeItem> =
            declared.filter(|item| declared_by(item).is_some_and(|link| !known.contains(link))).collect();
        declared.into_iter().fold(plain.into_owned(), Self::with)
    }
}

const fn declared_by(item: &ChangeItem) -> Option<&Succession> {
    match item {
        ChangeItem::DeclareSuccession { succession } => Some(succession),
        _ => None,
    }
}

/// Replaced accounts, and what the change says otherwise.
struct Replacing<'o> {
    old: &'o Inner,
    change: &'o Change,
    wanted: BTreeMap<&'o AccountId, (&'o [AccountId], Date)>,
    /// The account that takes over from each: the first successor that is not replaced itself.
    heirs: BTreeMap<&'o AccountId, &'o AccountId>,
    /// Accounts that the change moves or removes itself.
    spoken: HashSet<&'o AccountId>,
    /// Child rows that the change moves or removes itself.
    spoken_rows: HashSet<(&'o str, &'o ChildId)>,
}

impl<'o> Replacing<'o> {
    fn new(
        old: &'o Inner,
        change: &'o Change,
        wanted: BTreeMap<&'o AccountId, (&'o [AccountId], Date)>,
    ) -> Self {
        let (mut spoken, mut spoken_rows) = (HashSet::new(), HashSet::new());
        for item in change.items() {
            match item {
                ChangeItem::Move { account, .. }
                | ChangeItem::Remove { account }
                | ChangeItem::RemoveSubtree { account }
                | ChangeItem::Replace { account, .. } => {
                    spoken.insert(account);
                }
                ChangeItem::MoveChild { table, child, .. } | ChangeItem::RemoveChild { table, child } => {
                    spoken_rows.insert((&**table, child));
                }
                _ => {}
            }
        }
        let heirs = heirs(&wanted);
        Self { old, change, wanted, heirs, spoken, spoken_rows }
    }

    fn items(&self) -> Vec<ChangeItem> {
        let mut items: Vec<ChangeItem> = self
            .change
            .items()
            .iter()
            .filter(|item| !matches!(item, ChangeItem::Replace { .. }))
            .cloned()
            .collect();
        let removed = self.wanted.keys().map(|account| ChangeItem::Remove { account: (*account).clone() });
        items.extend(removed);
        let mut moved: BTreeMap<AccountId, Vec<ParentLink>> = BTreeMap::new();
        for account in self.dependents() {
            moved.insert(account.clone(), self.parents_of(&account, self.declared(&account)));
        }
        // An heir that would stand below what it replaces takes the place of the highest such account.
        for (heir, (top, place)) in self.risen() {
            if self.spoken.contains(heir) {
                continue;
            }
            let parents = moved.get(heir).cloned().unwrap_or_else(|| self.declared(heir));
            let parent = parents.first().and_then(|link| self.old.find(link.parent.as_str()));
            if parent.is_some_and(|parent| self.old.is_under(parent, place)) {
                moved.insert(heir.clone(), self.parents_of(heir, self.declared(top)));
            }
        }
        items.extend(moved.into_iter().map(|(account, parents)| ChangeItem::Move { account, parents }));
        self.child_items(&mut items);
        items
    }

    fn declared(&self, account: &AccountId) -> Vec<ParentLink> {
        let before = self.old.find(account.as_str());
        declared_parents(self.old, account, before, self.old.held.accounts.get(account))
    }

    // Whoever declares a replaced account as a parent, and is not spoken of.
    fn dependents(&self) -> HashSet<AccountId> {
        let mut dependents: HashSet<AccountId> = HashSet::new();
        let mut children: Vec<AccountIdx> = Vec::new();
        for account in self.wanted.keys().filter(|account| self.heirs.contains_key(*account)) {
            children.clear();
            if let Some(place) = self.old.find(account.as_str()) {
                self.old.children_into(place, &mut children);
            }
            let placed = children.iter().map(|child| self.old.account_id(*child));
            let naming = self.old.held.naming(account.as_str()).cloned();
            dependents.extend(placed.chain(naming).filter(|id| !self.spoken.contains(id)));
        }
        dependents
    }

    // Declared parents with the heir of each that is replaced. An account that replaces its own parent
    // stands where that one stood.
    fn parents_of(&self, account: &AccountId, declared: Vec<ParentLink>) -> Vec<ParentLink> {
        let mut parents: Vec<ParentLink> = Vec::new();
        let mut seen: HashSet<AccountId> = HashSet::new();
        let mut work = declared;
        work.reverse();
        while let Some(link) = work.pop() {
            let Some((by, _)) = self.wanted.get(&link.parent) else {
                parents.push(link);
                continue;
            };
            let heir = self.heirs.get(&link.parent).copied();
            if heir == Some(account) || by.contains(account) {
                if seen.insert(link.parent.clone()) {
                    let above = self.declared(&link.parent).into_iter().rev();
                    work.extend(above.map(|above| ParentLink { rank: link.rank, parent: above.parent }));
                }
            } else if let Some(heir) = heir {
                parents.push(ParentLink { rank: link.rank, parent: heir.clone() });
            }
        }
        super::held::preferred_first(parents)
    }

    // Heirs that stand below an account which they replace, each with the highest such account.
    fn risen(&self) -> BTreeMap<&'o AccountId, (&'o AccountId, AccountIdx)> {
        let mut risen: BTreeMap<&AccountId, (&AccountId, AccountIdx)> = BTreeMap::new();
        for (account, heir) in &self.heirs {
            let (Some(place), Some(below)) = (self.old.find(account.as_str()), self.old.find(heir.as_str()))
            else {
                continue;
            };
            if !self.old.is_under(below, place) {
                continue;
            }
            let top = risen.entry(*heir).or_insert((*account, place));
            if self.old.is_under(top.1, place) {
                *top = (*account, place);
            }
        }
        risen
    }

    // Child rows go to the heir, those that were held for the account too.
    fn child_items(&self, items: &mut Vec<ChangeItem>) {
        for (account, heir) in &self.heirs {
            let place = self.old.find(account.as_str());
            let chunk = place.and_then(|place| Some((self.old.chunk(place.slot)?, place.row)));
            for (number, table) in self.old.schema.tables().enumerate() {
                let block = chunk.and_then(|(chunk, row)| Some((chunk.table(number)?, row)));
                let rows = block.into_iter().flat_map(|(block, row)| {
                    block.rows_of(row).filter_map(|row| Some(ChildId::trusted(block.id(row)?)))
                });
                let held = self.old.held.children.get(&Some((*account).clone())).into_iter().flatten();
                let held = held.filter(|held| {
                    let waits = held.reason == crate::tree::FaultKind::ChildOfUnknownAccount;
                    &*held.table == table.name() && waits
                });
                let rows = rows.chain(held.map(|held| held.row.id.clone()));
                items.extend(rows.filter(|row| !self.spoken_rows.contains(&(table.name(), row))).map(
                    |child| ChangeItem::MoveChild {
                        table: Arc::from(table.name()),
                        child,
                        account: (*heir).clone(),
                    },
                ));
            }
        }
    }
}

// Follows first successors through accounts that are replaced themselves. Who would go round has no heir;
// that is a ring of one change, and reported as such where its days are one.
fn heirs<'o>(
    wanted: &BTreeMap<&'o AccountId, (&'o [AccountId], Date)>,
) -> BTreeMap<&'o AccountId, &'o AccountId> {
    let mut heirs: HashMap<&AccountId, Option<&AccountId>> = HashMap::new();
    let mut path: Vec<&AccountId> = Vec::new();
    for start in wanted.keys().copied() {
        path.clear();
        let mut on_path: HashSet<&AccountId> = HashSet::new();
        let mut at = start;
        let heir = loop {
            if let Some(known) = heirs.get(at) {
                break *known;
            }
            let Some((by, _)) = wanted.get(at) else { break Some(at) };
            let Some(first) = by.first() else { break None };
            if !on_path.insert(at) {
                break None;
            }
            path.push(at);
            at = first;
        };
        for account in path.drain(..) {
            heirs.insert(account, heir);
        }
    }
    heirs.into_iter().filter_map(|(account, heir)| Some((account, heir?))).collect()
}
