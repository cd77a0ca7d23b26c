//! Numbers for the accounts that were recorded.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::AccountId;

/// The accounts that came together, from a number on.
#[derive(Debug)]
struct Block {
    first: u32,
    list: Vec<AccountId>,
    places: HashMap<AccountId, u32>,
}

impl Block {
    fn new(first: u32, list: Vec<AccountId>) -> Self {
        let places = list.iter().cloned().zip(first..).collect();
        Self { first, list, places }
    }
}

/// Accounts by number, the first from 0. What is shared with an earlier state stays shared: blocks are only merged with ones of their
/// size.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    blocks: Vec<Arc<Block>>,
}

impl Ids {
    /// # Complexity
    ///
    /// A look-up in each of the blocks, whose number is logarithmic.
    pub(super) fn number(&self, account: &str) -> Option<u32> {
        self.blocks.iter().find_map(|block| block.places.get(account).copied())
    }

    pub(super) fn account(&self, number: u32) -> Option<&AccountId> {
        let at = self.blocks.partition_point(|block| block.first <= number).checked_sub(1)?;
        let block = self.blocks.get(at)?;
        block.list.get((number - block.first) as usize)
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.first as usize + block.list.len())
    }

    /// With those of some accounts that are not known yet.
    pub(super) fn add<'a>(&mut self, accounts: impl Iterator<Item = &'a AccountId>) {
        let mut list: Vec<AccountId> =
            accounts.filter(|account| self.number(account.as_str()).is_none()).cloned().collect();
        list.sort_unstable();
        list.dedup();
        if list.is_empty() {
            return;
        }
        let mut first = u32::try_from(self.len()).unwrap_or(u32::MAX);
        while let Some(last) = self.blocks.pop_if(|last| last.list.len() <= list.len()) {
            first = last.first;
            list.splice(0..0, last.list.iter().cloned());
        }
        self.blocks.push(Arc::new(Block::new(first, list)));
    }
}
