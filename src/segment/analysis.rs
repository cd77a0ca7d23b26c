//! Which segments say the same, or nothing?

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Memberships;
use super::cancelled::Counted;
use crate::model::{DocumentVersion, is_default};
use crate::set::AccountSet;

/// What a portfolio of segments looks like, over the accounts of a view.
///
/// How many accounts are in a segment, or in none, is a figure, which leaves out cancelled accounts and says how many, unless
/// [`Memberships::analyse_with_cancelled`] asks for them. Which segments hold nobody, everybody or the same is a question
/// of members, which cancelled accounts are (ruling S118 of [`docs::semantics`](crate::docs::semantics)).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Analysis {
    v: DocumentVersion,
    /// How many accounts are in each, in the order of the segments, cancelled ones apart.
    pub counts: Vec<(Arc<str>, usize)>,
    /// How many cancelled accounts in each are not counted, in the same order; those where there are none are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancelled: Vec<(Arc<str>, usize)>,
    /// Groups of segments with the same question, whoever is in.
    pub same_question: Vec<Vec<Arc<str>>>,
    /// Groups of segments that hold the same accounts now, and hold any.
    pub same_members: Vec<Vec<Arc<str>>>,
    /// Pairs of which the first holds some accounts, all of them in the second, which holds more. Of pairs that follow
    /// from others, all are named; beyond [`Analysis::MAX_SUBSETS`] they are counted.
    pub subsets: Vec<(Arc<str>, Arc<str>)>,
    /// How many more such pairs there are.
    pub more_subsets: usize,
    /// Segments that hold nobody now.
    pub empty: Vec<Arc<str>>,
    /// Segments whose question is no whatever an account holds.
    pub never: Vec<Arc<str>>,
    /// Segments that hold every visible account.
    pub everybody: Vec<Arc<str>>,
    /// How many visible accounts are in none, cancelled ones apart.
    pub in_none: usize,
    /// How many cancelled accounts in none are not counted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_none_cancelled: usize,
}

impl Analysis {
    /// Pairs of subsets that are named.
    pub const MAX_SUBSETS: usize = 1_000;
}

impl Memberships {
    /// The visible accounts that are in none of the segments.
    #[must_use]
    pub fn in_none(&self) -> AccountSet {
        let visible = self.view().visible();
        let all = (0..self.segments.len()).map(|number| self.answers.matching(number));
        // All are sets of the same view.
        all.fold(visible, |rest, members| rest.difference(&members).unwrap_or(rest))
    }

    /// Duplicates, subsets, empty segments and accounts in none.
    ///
    /// # Complexity
    ///
    /// O(segments × accounts / 64), and for subsets at most the square of the segments, each pair until the first
    /// account that tells.
    #[must_use]
    pub fn analyse(&self) -> Analysis {
        self.analysed(Counted::Current)
    }

    /// The same, and cancelled accounts are counted as others are.
    #[must_use]
    pub fn analyse_with_cancelled(&self) -> Analysis {
        self.analysed(Counted::WithCancelled)
    }

    fn analysed(&self, counted: Counted) -> Analysis {
        let ids: Vec<Arc<str>> = self.segments.ids().map(Arc::from).collect();
        let members: Vec<AccountSet> = (0..ids.len()).map(|number| self.answers.matching(number)).collect();
        let visible = self.view().len();
        let left_out = counted.left_out_of(self.view());
        // All are sets of the same view.
        let cancelled = |set: &AccountSet| match &left_out {
            Some(left_out) => set.intersection(left_out).map_or(0, |set| set.len()),
            None => 0,
        };
        let in_none = self.in_none();
        let in_none_cancelled = cancelled(&in_none);
        let mut found =
            Analysis { in_none: in_none.len() - in_none_cancelled, in_none_cancelled, ..Analysis::default() };
        let mut questions: HashMap<String, Vec<Arc<str>>> = HashMap::new();
        let mut groups: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
        let mut sizes = Vec::with_capacity(ids.len());
        for (number, (id, set)) in ids.iter().zip(&members).enumerate() {
            let size = set.len();
            sizes.push(size);
            let gone = cancelled(set);
            found.counts.push((id.clone(), size - gone));
            if gone > 0 {
                found.cancelled.push((id.clone(), gone));
            }
            let Some(checked) = self.segments.checked(id) else { continue };
            questions.entry(checked.ast().to_string()).or_default().push(id.clone());
            if checked.constant() == Some(false) {
                found.never.push(id.clone());
            }
            if size == 0 {
                found.empty.push(id.clone());
            } else {
                groups.entry((size, set.fingerprint())).or_default().push(number);
                if size == visible {
                    found.everybody.push(id.clone());
                }
            }
        }
        found.same_question = questions.into_values().filter(|group| group.len() > 1).collect();
        let name = |number: &usize| ids.get(*number).cloned();
        for group in groups.into_values().filter(|group| group.len() > 1) {
            // A fingerprint tells most apart; the sets themselves decide.
            let mut left = group;
            while let Some(first) = left.first().copied() {
                let same = |other: &usize| members.get(first) == members.get(*other);
                let (alike, others): (Vec<usize>, Vec<usize>) = left.into_iter().partition(same);
                if alike.len() > 1 {
                    found.same_members.push(alike.iter().filter_map(name).collect());
                }
                left = others;
            }
        }
        found.same_question.sort();
        found.same_members.sort();
        for (small, (set, size)) in members.iter().zip(&sizes).enumerate() {
            if *size == 0 || *size == visible {
                continue;
            }
            for (large, (other, other_size)) in members.iter().zip(&sizes).enumerate() {
                if size < other_size && *other_size < visible && set.is_subset(other) == Ok(true) {
                    if found.subsets.len() < Analysis::MAX_SUBSETS {
                        found.subsets.extend(name(&small).zip(name(&large)));
                    } else {
                        found.more_subsets += 1;
                    }
                }
            }
        }
        found
    }
}
