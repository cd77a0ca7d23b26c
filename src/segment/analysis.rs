//! Which segments say the same, or nothing?

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cancelled::Counted;
use crate::expr::Columns;
use crate::model::{DocumentVersion, is_default};
use crate::set::AccountSet;

/// What the segments of some columns look like, over the accounts of their view.
///
/// How many accounts are in a segment, or in none, is a figure, which leaves out cancelled accounts and says how many, unless
/// [`Analysis::with_cancelled`] asks for them. Which segments hold nobody, everybody or the same is a question
/// of members, which cancelled accounts are (ruling S118 of [`docs::semantics`](crate::docs::semantics)).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Analysis {
    v: DocumentVersion,
    /// How many accounts are in each, in order of id, cancelled ones apart.
    #[serde(with = "crate::model::pairs::segment_accounts")]
    pub counts: Vec<(Arc<str>, usize)>,
    /// How many cancelled accounts in each are not counted, in the same order; those where there are none are left out.
    #[serde(with = "crate::model::pairs::segment_accounts", default, skip_serializing_if = "Vec::is_empty")]
    pub cancelled: Vec<(Arc<str>, usize)>,
    /// Groups of segments with the same question, whoever is in.
    pub same_question: Vec<Vec<Arc<str>>>,
    /// Groups of segments that hold the same accounts now, and hold any.
    pub same_members: Vec<Vec<Arc<str>>>,
    /// Pairs of which the first holds some accounts, all of them in the second, which holds more. Of pairs that follow
    /// from others, all are named; beyond [`Analysis::MAX_SUBSETS`] they are counted.
    #[serde(with = "crate::model::pairs::segment_within")]
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

    /// Duplicates, subsets, empty segments and accounts in none.
    ///
    /// # Complexity
    ///
    /// O(segments × accounts / 64), and for subsets at most the square of the segments, each pair until the first
    /// account that tells.
    #[must_use]
    pub fn of<'c>(columns: impl Into<Columns<'c>>) -> Self {
        Self::counting(columns.into(), Counted::Current)
    }

    /// The same, and cancelled accounts are counted as others are.
    #[must_use]
    pub fn with_cancelled<'c>(columns: impl Into<Columns<'c>>) -> Self {
        Self::counting(columns.into(), Counted::WithCancelled)
    }

    fn counting(columns: Columns<'_>, counted: Counted) -> Self {
        let view = columns.view();
        let known = columns.segments().into_iter();
        let known = known.filter_map(|id| columns.members(&id).map(|members| (id, members)));
        let (ids, members): (Vec<Arc<str>>, Vec<AccountSet>) = known.unzip();
        let visible = view.len();
        let left_out = counted.left_out_of(view);
        // All are sets of the same view.
        let cancelled = |set: &AccountSet| match &left_out {
            Some(left_out) => set.intersection(left_out).map_or(0, |set| set.len()),
            None => 0,
        };
        // All are sets of the same view.
        let none = |rest: AccountSet, set: &AccountSet| rest.difference(set).unwrap_or(rest);
        let in_none = members.iter().fold(view.visible(), none);
        let in_none_cancelled = cancelled(&in_none);
        let mut found =
            Self { in_none: in_none.len() - in_none_cancelled, in_none_cancelled, ..Self::default() };
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
            let Some(checked) = columns.question(id) else { continue };
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
                    if found.subsets.len() < Self::MAX_SUBSETS {
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
