//! Answers that are held, and what is worked out when it is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use super::derivation::Derivation;
use super::share::Share;
use crate::expr::Cancelled;
use crate::model::Observer;

/// So many states on, what was asked of one is given up: it holds the book of its state.
const MAX_AGE: usize = 16;

/// What was known of an earlier state.
pub(super) struct Earlier {
    pub(super) derivation: Arc<Derivation>,
    /// How many states ago.
    pub(super) age: usize,
}

/// What is known of one view of one state: more of it with each question.
pub(super) struct Held {
    /// What was known at first: what is kept current, and nothing else.
    first: Arc<Derivation>,
    now: RwLock<Arc<Derivation>>,
    /// What was known of an earlier state, to be taken over where nothing changed.
    earlier: Option<Earlier>,
    /// What is known of everyone at the same moment, where this is what a scope shows.
    everyone: Option<Arc<Held>>,
    /// How the scope shows the trees.
    share: OnceLock<Share>,
    /// When each step was last asked; subscribed ones do not stand here.
    asked: Mutex<HashMap<usize, u64>>,
}

impl Held {
    pub(super) fn new(now: Derivation, earlier: Option<Earlier>) -> Self {
        let first = Arc::new(now);
        let (now, asked) = (RwLock::new(first.clone()), Mutex::default());
        Self { first, now, earlier, everyone: None, share: OnceLock::new(), asked }
    }

    /// Of what a scope shows, beside what is known of everyone at the same moment.
    pub(super) fn within(now: Derivation, everyone: Arc<Self>) -> Self {
        Self { everyone: Some(everyone), ..Self::new(now, None) }
    }

    /// What is kept current, without what was asked beside it.
    pub(super) const fn first(&self) -> &Arc<Derivation> {
        &self.first
    }

    /// What is known. The lock is held to clone an `Arc`.
    pub(super) fn now(&self) -> Arc<Derivation> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the next state may take over beside what is subscribed: what was asked of this one, else what this one could have
    /// taken over, if that is not too old.
    pub(super) fn to_take_over(&self) -> Option<Earlier> {
        let is_asked = !self.asked.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        // Two locks are never held in this order.
        if is_asked {
            return Some(Earlier { derivation: self.now(), age: 0 });
        }
        let earlier = self.earlier.as_ref().filter(|earlier| earlier.age < MAX_AGE)?;
        Some(Earlier { derivation: earlier.derivation.clone(), age: earlier.age + 1 })
    }

    /// What is known, with some steps and all that they read worked out where they are not; and whether one was not. What is
    /// newly known is held.
    pub(super) fn with(
        &self,
        steps: &[usize],
        tick: u64,
        observer: &dyn Observer,
    ) -> Result<(Arc<Derivation>, bool), Cancelled> {
        let now = self.now();
        if steps.iter().all(|step| now.is_known(*step)) {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            for step in steps {
                asked.entry(*step).and_modify(|asked| *asked = tick);
            }
            return Ok((now, false));
        }
        let wanted = now.inputs.prepared.closed(steps.iter().copied());
        let mut more = (*now).clone();
        let missing: Vec<usize> = wanted.iter().copied().filter(|at| !now.is_known(*at)).collect();
        if let Some(earlier) = self.earlier.as_ref().filter(|_| !missing.is_empty()) {
            let advanced = earlier.derivation.advanced(&now.inputs, &wanted, observer)?;
            for at in &missing {
                if let Some(columns) = advanced.columns(*at) {
                    more.take(*at, columns.into_iter().cloned());
                }
            }
        }
        let everyone = self
            .everyone
            .as_ref()
            .map(|held| (self.share.get_or_init(|| Share::new(&now.inputs.view)), held.now()));
        let shared = everyone.as_ref().map(|(share, everyone)| (*share, &**everyone));
        let more = more.extended(&wanted, shared, observer)?;
        let mut held = self.now.write().unwrap_or_else(PoisonError::into_inner);
        // More is known of it than what is kept current.
        let mut merged = Derivation { kept: None, ..(**held).clone() };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        for at in missing {
            if let Some(columns) = more.columns(at).filter(|_| !merged.is_known(at)) {
                merged.take(at, columns.into_iter().cloned());
                asked.insert(at, tick);
            }
        }
        for step in steps {
            asked.entry(*step).and_modify(|asked| *asked = tick);
        }
        *held = Arc::new(merged);
        Ok((Arc::new(more), true))
    }

    /// The steps that are not subscribed: when each was asked, and how many bytes it takes.
    pub(super) fn beside(&self) -> Vec<(u64, usize, usize)> {
        let now = self.now();
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().map(|(step, tick)| (*tick, *step, now.bytes(*step))).collect()
    }

    /// Drops a step that is not subscribed.
    pub(super) fn drop_step(&self, step: usize) {
        let mut held = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.remove(&step).is_some() {
            let mut less = (**held).clone();
            for column in less.inputs.prepared.catalog.columns_of(step) {
                if let Some(place) = less.columns.get_mut(column) {
                    *place = None;
                }
            }
            *held = Arc::new(less);
        }
    }

    /// Bytes that all steps take.
    pub(super) fn bytes(&self) -> usize {
        let now = self.now();
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        self.first.kept().iter().chain(asked.keys()).map(|step| now.bytes(*step)).sum()
    }
}
