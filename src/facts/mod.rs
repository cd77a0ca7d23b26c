//! What was said of accounts and people, since when, and until when?
//!
//! Facts are typed rows beside the book: that a play fired for an account, that it sleeps until a day, that somebody belongs to a team. A row is appended, and perhaps ended;
//! it is never changed and never removed, so that what was so on any day can be asked ever after. Ruling S133 of `docs/semantics`.

mod fact;
mod fault;
mod kind;
mod rows;
mod step;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

pub use self::fact::{Fact, FactKey, Subject};
pub use self::fault::{FactFault, FactFaultKind};
pub use self::kind::FactKind;
use self::rows::Rows;
pub use self::step::FactStep;
use crate::model::{AccountId, Faults, Timestamp};

/// Parts of a store; an update copies those that it touches.
const SHARDS: usize = 1_024;
/// Most kinds of facts.
pub const MAX_FACT_KINDS: usize = 4_096;

/// The rows of some keys.
type Shard = BTreeMap<FactKey, Rows>;

/// Facts of accounts and of people: a part of the state of an engine. Cloning is cheap: what neither side changes is shared.
///
/// **Outside any scope**; [`LiveView::facts`](crate::engine::LiveView::facts) are those of an account that is seen.
///
/// ```
/// use perennial::engine::{Fact, FactKey, FactKind, FactStep, Facts};
/// use perennial::{AccountId, Attribute, AttributeType, Timestamp};
///
/// let acme = AccountId::new("acme")?;
/// let at = |time: &str| time.parse::<Timestamp>();
/// let snoozed = FactKind::of_accounts("snoozed").field(Attribute::new("by", AttributeType::Text).required());
/// let play = FactKey::account("snoozed", &acme, "renewal play");
/// let facts = Facts::new().with([
///     FactStep::declare(snoozed),
///     FactStep::append(Fact::since(play.clone(), at("2026-01-31T09:00:00Z")?).with("by", "ann")),
///     FactStep::end(play.clone(), at("2026-02-07T00:00:00Z")?),
/// ])?;
/// assert!(facts.current(&play, at("2026-02-01T00:00:00Z")?).is_some());
/// assert!(facts.current(&play, at("2026-02-07T00:00:00Z")?).is_none());
/// assert_eq!(facts.of_account(&acme).count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Facts {
    kinds: Arc<IndexMap<Arc<str>, FactKind>>,
    // INVARIANT: none, or `SHARDS` of them.
    shards: Arc<Vec<Arc<Shard>>>,
    rows: usize,
}

impl Facts {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The kinds, as they were declared.
    #[must_use]
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = &FactKind> {
        self.kinds.values()
    }

    /// A kind by name.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&FactKind> {
        self.kinds.get(name)
    }

    /// How many rows there are, ended or not.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Are there no rows?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// All rows of a key, in order of time; none for a key of which nothing was said.
    ///
    /// # Complexity
    ///
    /// O(log + rows).
    pub fn rows(&self, key: &FactKey) -> impl DoubleEndedIterator<Item = &Fact> {
        self.of_key(key).into_iter().flat_map(Rows::iter)
    }

    fn of_key(&self, key: &FactKey) -> Option<&Rows> {
        self.shards.get(key.subject.shard(SHARDS))?.get(key)
    }

    /// The row of a key that holds at an instant: since then or before, and not ended by then. One that ends when it begins never holds.
    ///
    /// # Complexity
    ///
    /// O(log).
    #[must_use]
    pub fn current(&self, key: &FactKey, at: Timestamp) -> Option<&Fact> {
        let begun = self.of_key(key)?.begun(at)?;
        Some(begun).filter(|row| row.until.is_none_or(|until| at < until))
    }

    /// All rows of a subject, by kind and key, then in order of time; none for a subject of which nothing was said.
    ///
    /// # Complexity
    ///
    /// O(log + rows).
    pub fn of<'f>(&'f self, subject: &Subject) -> impl Iterator<Item = &'f Fact> + use<'f> {
        let shard = self.shards.get(subject.shard(SHARDS));
        let first = FactKey { subject: subject.clone(), kind: Arc::from(""), key: Arc::from("") };
        let own = subject.clone();
        let rows = shard.into_iter().flat_map(move |shard| shard.range(first.clone()..));
        rows.take_while(move |(key, _)| key.subject == own).flat_map(|(_, rows)| rows.iter())
    }

    /// All rows of an account: [`Facts::of`] it.
    pub fn of_account<'f>(&'f self, account: &AccountId) -> impl Iterator<Item = &'f Fact> + use<'f> {
        self.of(&Subject::Account(account.clone()))
    }

    /// All rows of a person: [`Facts::of`] it.
    pub fn of_person<'f>(&'f self, person: &str) -> impl Iterator<Item = &'f Fact> + use<'f> {
        self.of(&Subject::Person(Arc::from(person)))
    }

    /// Every row, by subject, kind and key, then in order of time.
    ///
    /// # Complexity
    ///
    /// O(keys × log): they are kept in shards, and sorted for this answer.
    #[must_use]
    pub fn all(&self) -> Vec<&Fact> {
        let mut keys: Vec<(&FactKey, &Rows)> = self.shards.iter().flat_map(|shard| shard.iter()).collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        keys.into_iter().flat_map(|(_, rows)| rows.iter()).collect()
    }

    /// Are they the same, as far as that is known at once?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let shared = Arc::ptr_eq(&self.shards, &other.shards) || self.is_empty() && other.is_empty();
        shared && (Arc::ptr_eq(&self.kinds, &other.kinds) || self.kinds.iter().eq(&*other.kinds))
    }

    /// With some steps, one after the other, all of them or none.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them, each judged after those before it.
    ///
    /// # Complexity
    ///
    /// O(steps × log), and once for each part of the store that is touched O(its keys + its rows / 128): there are 1,024 parts, and all keys of
    /// a subject are in one.
    pub fn with(&self, steps: impl IntoIterator<Item = FactStep>) -> Result<Self, Faults<FactFault>> {
        let mut next = self.clone();
        let mut faults = Faults::none();
        for (number, step) in steps.into_iter().enumerate() {
            let key = step.key().cloned();
            if let Err(kind) = next.take(step) {
                faults.add(|| FactFault { step: number, key, kind });
            }
        }
        if faults.is_empty() { Ok(next) } else { Err(faults) }
    }

    fn take(&mut self, step: FactStep) -> Result<(), FactFaultKind> {
        match step {
            FactStep::Declare(kind) => self.declare(kind),
            FactStep::Append(fact) => self.append(fact),
            FactStep::End { key, at } => self.end(&key, at),
        }
    }

    fn declare(&mut self, kind: FactKind) -> Result<(), FactFaultKind> {
        kind.check()?;
        if let Some(known) = self.kinds.get(kind.name()) {
            kind.goes_on_from(known)?;
        } else if self.kinds.len() == MAX_FACT_KINDS {
            return Err(FactFaultKind::TooManyKinds);
        }
        Arc::make_mut(&mut self.kinds).insert(Arc::from(kind.name()), kind);
        Ok(())
    }

    fn append(&mut self, mut fact: Fact) -> Result<(), FactFaultKind> {
        fact.key.check()?;
        let kinds = self.kinds.clone();
        let kind =
            kinds.get(&fact.key.kind).ok_or_else(|| FactFaultKind::unknown(&fact.key.kind, kinds.keys()))?;
        fact.values = kind.accept(&fact)?;
        if fact.until.is_some_and(|until| until < fact.since) {
            return Err(FactFaultKind::EndsBefore);
        }
        match self.of_key(&fact.key).and_then(Rows::last) {
            Some(last) if last.until.is_none() => return Err(FactFaultKind::Open { since: last.since }),
            Some(last) if last.until > Some(fact.since) => {
                return Err(FactFaultKind::Overlaps { until: last.until });
            }
            _ => {}
        }
        self.rows += 1;
        self.write(fact.key.clone(), |rows| rows.push(fact));
        Ok(())
    }

    fn end(&mut self, key: &FactKey, at: Timestamp) -> Result<(), FactFaultKind> {
        let open = self.of_key(key).and_then(Rows::last).filter(|row| row.until.is_none());
        let open = open.ok_or(FactFaultKind::NotOpen)?;
        if at < open.since {
            return Err(FactFaultKind::EndsBefore);
        }
        self.write(key.clone(), |rows| {
            if let Some(open) = rows.last_mut() {
                open.until = Some(at);
            }
        });
        Ok(())
    }

    /// Writes the rows of a key: the last of them are copied with their shard where somebody else has them, once for all steps of an update.
    fn write(&mut self, key: FactKey, edit: impl FnOnce(&mut Rows)) {
        let shards = Arc::make_mut(&mut self.shards);
        if shards.is_empty() {
            *shards = vec![Arc::default(); SHARDS];
        }
        if let Some(shard) = shards.get_mut(key.subject.shard(SHARDS)) {
            edit(Arc::make_mut(shard).entry(key).or_default());
        }
    }

    /// The steps that lead to them.
    #[cfg(feature = "snapshot")]
    pub(crate) fn to_steps(&self) -> Vec<FactStep> {
        let kinds = self.kinds().cloned().map(FactStep::Declare);
        kinds.chain(self.all().into_iter().cloned().map(FactStep::Append)).collect()
    }
}

impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.kinds.iter().eq(&*other.kinds) && self.all() == other.all()
    }
}
