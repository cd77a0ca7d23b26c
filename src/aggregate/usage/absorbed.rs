//! Which account shows the usage of an id that is no longer in the book?
//!
//! Events stay under the id that they came with. The id of an account that merged, or was split, leads to its first successor
//! when usage is read: nothing is copied, so that withdrawing a succession undoes it, and nothing is read of two accounts.
//! Only ids that ended, have usage and are not in the book are kept here. Ruling S105 of
//! [`docs::semantics`](crate::docs::semantics).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Usage;
use super::dictionary::Dictionary;
use super::store::{AccountUsage, Store};
use crate::book::{Inner, Successions, UsagePlaces};
use crate::model::{AccountId, AccountIdx};

/// Ids that lead to another account, in one book.
#[derive(Debug, Clone, Default)]
pub(super) struct Absorbed {
    successions: Arc<Successions>,
    /// Ids that ended and have usage, each with its number.
    ended: Arc<[(AccountId, u32)]>,
    /// Of each such id that is not in the book: the account that shows its usage.
    readers: BTreeMap<AccountId, AccountId>,
    /// The numbers whose usage each account shows beside its own.
    by_account: HashMap<AccountIdx, Vec<u32>>,
}

impl Absorbed {
    /// Those of a book. `before` is what was found with the same numbers of accounts.
    pub(super) fn of(book: &Inner, accounts: &Dictionary<Arc<str>>, before: Option<&Self>) -> Self {
        let successions = book.successions.clone();
        let ended = match before.filter(|before| Arc::ptr_eq(&before.successions, &successions)) {
            Some(before) => before.ended.clone(),
            None => {
                let with_usage = |id: &AccountId| Some((id.clone(), accounts.find(id.as_str())?));
                successions.ended().filter_map(with_usage).collect()
            }
        };
        let mut absorbed = Self { successions, ended: ended.clone(), ..Self::default() };
        let mut places = UsagePlaces::new(book);
        for (id, number) in ended.iter().filter(|(id, _)| book.find(id.as_str()).is_none()) {
            if let Some(place) = places.of(id.as_str()) {
                absorbed.readers.insert(id.clone(), book.account_id(place));
                absorbed.by_account.entry(place).or_default().push(*number);
            }
        }
        absorbed
    }

    pub(super) fn is_of(&self, successions: &Arc<Successions>) -> bool {
        Arc::ptr_eq(&self.successions, successions)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_account.is_empty()
    }

    /// Does an account show the usage of other ids?
    pub(super) fn has(&self, place: AccountIdx) -> bool {
        self.by_account.contains_key(&place)
    }

    /// The accounts that show the usage of other ids.
    pub(super) fn places(&self) -> impl Iterator<Item = AccountIdx> {
        self.by_account.keys().copied()
    }

    /// The usage that an account shows on some days: its own, and that of the ids that lead to it.
    pub(super) fn usage<'s>(
        &self,
        store: &'s Store,
        place: AccountIdx,
        own: Option<&'s AccountUsage>,
        days: (i32, i32),
        width: usize,
    ) -> Option<Cow<'s, AccountUsage>> {
        let Some(numbers) = self.by_account.get(&place) else { return own.map(Cow::Borrowed) };
        let others = numbers.iter().filter_map(|number| store.account(*number));
        let all: Vec<&AccountUsage> = own.into_iter().chain(others).collect();
        Some(Cow::Owned(AccountUsage::merged(&all, days, width)))
    }

    /// The ids whose events count towards a different account than in the other book, or towards none in one of them; each with that account,
    /// of either book.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> Vec<(&'a AccountId, AccountId)> {
        let mut found: Vec<(&AccountId, AccountId)> = Vec::new();
        for (these, those) in [(self, other), (other, self)] {
            let changed = these.readers.iter().filter(|(id, reader)| those.readers.get(*id) != Some(*reader));
            found.extend(changed.map(|(id, reader)| (id, reader.clone())));
        }
        found
    }
}

impl Usage {
    /// The ids of all accounts that have usage.
    pub(crate) fn all_ids(&self) -> Vec<Arc<str>> {
        self.differing(&Self::new(self.schema.clone(), self.settings.clone()))
    }
}
