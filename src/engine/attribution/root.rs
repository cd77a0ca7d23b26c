//! At the top of which visible tree is an account?

use std::collections::HashMap;

use crate::book::View;
use crate::model::{AccountId, AccountIdx};

/// The topmost visible accounts above others; each way up is walked once, hidden accounts on it included.
pub(super) struct Roots<'v> {
    view: &'v View,
    /// By account, hidden ones too, the topmost visible one of it and those above it.
    known: HashMap<AccountIdx, Option<AccountIdx>>,
}

impl<'v> Roots<'v> {
    pub(super) fn new(view: &'v View) -> Self {
        Self { view, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, place: AccountIdx) -> Option<AccountIdx> {
        let book = self.view.inner();
        let (mut way, mut at, mut found) = (Vec::new(), Some(place), None);
        while let Some(account) = at {
            if let Some(known) = self.known.get(&account) {
                found = *known;
                break;
            }
            way.push(account);
            at = book.parent(account);
        }
        for account in way.into_iter().rev() {
            if found.is_none() && self.view.sees(account) {
                found = Some(account);
            }
            self.known.insert(account, found);
        }
        found
    }

    /// Of an account by id; `None` where it is not visible.
    pub(super) fn of_id(&mut self, id: &AccountId) -> Option<AccountIdx> {
        let place = self.view.account(id.as_str())?.place();
        self.of(place)
    }
}
