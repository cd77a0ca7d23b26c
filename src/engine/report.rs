//! What differs between two states, as plain data.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cause::Causes;
use crate::book::AccountChanges;
use crate::catalog::DefinitionRef;
use crate::expr::ExprValue;
use crate::model::AccountId;
use crate::segment::SegmentChange;

/// One answer of a definition that is another one. An account that came had none before, one that left has none now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DerivedChange {
    /// The definition.
    pub definition: DefinitionRef,
    /// The name by which the answer is read: that of the definition, or of one of its columns below it.
    pub column: Arc<str>,
    /// The account.
    pub account: AccountId,
    /// Before; `None` when there was no answer.
    pub from: Option<ExprValue>,
    /// After; `None` when there is no answer.
    pub to: Option<ExprValue>,
    /// Of what differs between the states, what this answer depends on.
    pub causes: Causes,
}

/// How the members of a segment differ, each with the causes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SegmentDelta {
    /// The segment.
    pub segment: Arc<str>,
    /// Members that were none before.
    pub entered: BTreeMap<AccountId, Causes>,
    /// Members that are none any more, those that left the book or the scope among them.
    pub left: BTreeMap<AccountId, Causes>,
}

impl SegmentDelta {
    pub(super) const fn of(segment: Arc<str>) -> Self {
        Self { segment, entered: BTreeMap::new(), left: BTreeMap::new() }
    }

    /// Does nothing differ?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entered.is_empty() && self.left.is_empty()
    }

    /// Without the causes: what lists of members are brought up to date with ([`SegmentChange::apply`]).
    #[must_use]
    pub fn to_change(&self) -> SegmentChange {
        let mut change = SegmentChange::of(self.segment.clone());
        change.entered = self.entered.keys().cloned().collect();
        change.left = self.left.keys().cloned().collect();
        change
    }
}

/// Everything that differs between two states for one user, each list in order of definition, column and id. Serialisable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeltaReport {
    /// The version of the state before.
    pub from: u64,
    /// The version of the state after.
    pub to: u64,
    /// Accounts that came, left and moved, and values, those of accounts and rows that came, and of those that left, among them.
    #[serde(flatten)]
    pub accounts: AccountChanges,
    /// Answers of calculated attributes, past values, roll-ups and rankings.
    pub derived: Vec<DerivedChange>,
    /// Segments whose members differ.
    pub segments: Vec<SegmentDelta>,
    /// Definitions that were renamed, with the name in the state before and that by which they are told.
    #[serde(with = "crate::model::pairs::from_to", default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<(DefinitionRef, DefinitionRef)>,
    /// Subscribed definitions of which nothing is told, since they read the whole book ([`Delta::report`](super::Delta::report)), in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<DefinitionRef>,
}

impl DeltaReport {
    pub(super) fn new(from: u64, to: u64) -> Self {
        let accounts = AccountChanges::default();
        let (derived, segments, renamed, left_out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { from, to, accounts, derived, segments, renamed, left_out }
    }

    /// Is nothing different, of what it tells?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.derived.is_empty()
            && self.segments.is_empty()
            && self.renamed.is_empty()
    }

    /// This report and the one of the states after it as one: what differs between the first state and the last. What
    /// changed back is not in it, nor is what one of the two leaves out. What is in both has the causes of both.
    ///
    /// Both must be of one user and of the same definitions, and this one end where the other begins; else it means nothing.
    /// An account that moved twice has the path before the first move and that after the second, each as it was then.
    ///
    /// # Complexity
    ///
    /// O(what is in both × log).
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let own = self.called_as_after(next);
        let mut all = Self::new(own.from, next.to);
        all.accounts = own.accounts.then(&next.accounts);
        all.renamed.clone_from(&own.renamed);
        let left_out: BTreeSet<&DefinitionRef> = own.left_out.iter().chain(&next.left_out).collect();
        all.left_out = left_out.iter().copied().cloned().collect();
        let mut derived: BTreeMap<(DefinitionRef, Arc<str>, AccountId), DerivedChange> = BTreeMap::new();
        for change in own.derived.iter().chain(&next.derived) {
            let key = (change.definition.clone(), change.column.clone(), change.account.clone());
            let to = change.to.clone();
            let entry = derived.entry(key);
            let own = entry.and_modify(|own| {
                own.to = to;
                own.causes = own.causes.union(change.causes);
            });
            own.or_insert_with(|| change.clone());
        }
        let is_told = |change: &DerivedChange| !left_out.contains(&change.definition);
        all.derived =
            derived.into_values().filter(|change| change.from != change.to && is_told(change)).collect();
        // +1 for each time someone entered, -1 for each time someone left.
        let mut members: BTreeMap<(Arc<str>, AccountId), (i32, Causes)> = BTreeMap::new();
        for change in own.segments.iter().chain(&next.segments) {
            let mut count = |ids: &BTreeMap<AccountId, Causes>, by: i32| {
                for (id, causes) in ids {
                    let (count, own) = members.entry((change.segment.clone(), id.clone())).or_default();
                    *count += by;
                    *own = own.union(*causes);
                }
            };
            count(&change.entered, 1);
            count(&change.left, -1);
        }
        let hides = |segment: &str| left_out.contains(&DefinitionRef::segment(segment));
        let changed = members.into_iter().filter(|((segment, _), (count, _))| *count != 0 && !hides(segment));
        for ((segment, id), (count, causes)) in changed {
            if all.segments.last().is_none_or(|last| last.segment != segment) {
                all.segments.push(SegmentDelta::of(segment));
            }
            if let Some(last) = all.segments.last_mut() {
                let of = if count > 0 { &mut last.entered } else { &mut last.left };
                of.insert(id, causes);
            }
        }
        all
    }

    /// The same by the names that definitions have after the next report, whose renames come behind its own.
    fn called_as_after(&self, next: &Self) -> Cow<'_, Self> {
        if next.renamed.is_empty() {
            return Cow::Borrowed(self);
        }
        let names: HashMap<&DefinitionRef, &DefinitionRef> =
            next.renamed.iter().map(|(was, is)| (was, is)).collect();
        let now = |id: &DefinitionRef| names.get(id).copied().unwrap_or(id).clone();
        let mut own = self.clone();
        for change in &mut own.derived {
            let (was, is) = (change.definition.clone(), now(&change.definition));
            if let Some(column) = was.renamed(&change.column, &is.name) {
                change.column = column;
            }
            change.definition = is;
        }
        for change in &mut own.segments {
            change.segment = now(&DefinitionRef::segment(&change.segment)).name;
        }
        own.left_out = own.left_out.iter().map(now).collect();
        let mut renamed: BTreeMap<DefinitionRef, DefinitionRef> =
            next.renamed.iter().map(|(was, is)| (was.clone(), is.clone())).collect();
        for (was, is) in &self.renamed {
            let last = renamed.remove(is).unwrap_or_else(|| is.clone());
            renamed.insert(was.clone(), last);
        }
        own.renamed = renamed.into_iter().filter(|(was, is)| was != is).collect();
        Cow::Owned(own)
    }
}
