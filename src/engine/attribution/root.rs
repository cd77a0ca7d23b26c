//! At the top of which tree does a visible account stand?

use std::collections::HashMap;

use crate::book::View;
use crate::model::{AccountId, AccountIdx};
use crate::tree::AccountTree;

/// The roots of visible accounts, each way up gone once.
pub(super) struct Roots<'v> {
    view: &'v View,
    known: HashMap<AccountIdx, AccountIdx>,
}

impl<'v> Roots<'v> {
    pub(super) fn new(view: &'v View) -> Self {
        Self { view, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, place: AccountIdx) -> AccountIdx {
        let mut way: Vec<AccountIdx> = Vec::new();
        let mut at = place;
        let root = loop {
            if let Some(root) = self.known.get(&at) {
                break *root;
            }
            way.push(at);
            match self.view.parent(at) {
                Some(above) => at = above,
                None => break at,
            }
        };
        self.known.extend(way.into_iter().map(|passed| (passed, root)));
        root
    }

    /// Of an account by id; `None` where it is not visible.
    pub(super) fn of_id(&mut self, id: &AccountId) -> Option<AccountIdx> {
        let place = self.view.account(id.as_str())?.place();
        Some(self.of(place))
    }
}
