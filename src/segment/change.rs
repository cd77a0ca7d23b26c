//! Who entered a segment, and who left it?

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{AccountId, DocumentVersion};

/// How the members of a segment differ, between two books, two dates, two definitions, two states of an engine. Each list is in
/// order of id. Who was in before and did not leave has stayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SegmentChange {
    v: DocumentVersion,
    /// The segment.
    pub segment: Arc<str>,
    /// Members that were none before.
    pub entered: Vec<AccountId>,
    /// Members that are none any more, those that left the book or the scope among them.
    pub left: Vec<AccountId>,
}

/// A change does not fit the members that it is applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this change is not one from these members: {} entered who are in, {} left who are not", entered.len(), left.len())]
#[non_exhaustive]
pub struct Unapplicable {
    /// Who entered and was in already.
    pub entered: Vec<AccountId>,
    /// Who left and was not in.
    pub left: Vec<AccountId>,
}

impl SegmentChange {
    /// Nobody entered, nobody left.
    pub(crate) const fn of(segment: Arc<str>) -> Self {
        Self { v: DocumentVersion, segment, entered: Vec::new(), left: Vec::new() }
    }

    /// Between two lists of members in order of id, each once.
    pub(super) fn compare(&mut self, before: &[AccountId], now: &[AccountId]) {
        let (mut old, mut new) = (before.iter().peekable(), now.iter().peekable());
        loop {
            match (old.peek(), new.peek()) {
                (Some(a), Some(b)) if a == b => {
                    old.next();
                    new.next();
                }
                (Some(a), Some(b)) if a < b => self.left.extend(old.next().cloned()),
                (_, Some(_)) => self.entered.extend(new.next().cloned()),
                (Some(_), None) => self.left.extend(old.next().cloned()),
                (None, None) => return,
            }
        }
    }

    /// Does nothing differ?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entered.is_empty() && self.left.is_empty()
    }

    /// The members after it, of those before it; both in order of id.
    ///
    /// # Errors
    ///
    /// [`Unapplicable`] when somebody entered who was in, or left who was not.
    pub fn apply(&self, before: &[AccountId]) -> Result<Vec<AccountId>, Unapplicable> {
        let contains = |id: &&AccountId| before.binary_search(id).is_ok();
        let entered: Vec<AccountId> = self.entered.iter().filter(contains).cloned().collect();
        let left: Vec<AccountId> = self.left.iter().filter(|id| !contains(id)).cloned().collect();
        if !entered.is_empty() || !left.is_empty() {
            return Err(Unapplicable { entered, left });
        }
        // Lists that were read from a document may be in any order.
        let gone: BTreeSet<&AccountId> = self.left.iter().collect();
        let stayed = before.iter().filter(|id| !gone.contains(id));
        let mut now: Vec<AccountId> = stayed.chain(&self.entered).cloned().collect();
        now.sort_unstable();
        Ok(now)
    }
}
