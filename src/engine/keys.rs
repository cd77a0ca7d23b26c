//! Which updates came already, and what did they say?
//!
//! A message that is delivered twice must not be applied twice. So an update may have an idempotency key; of each key the version that its update
//! made is remembered, and a digest of what the update said, so that two different updates with one key are told apart.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::EngineError;
use super::update::Update;
use crate::book::Change;
use crate::catalog::Catalog;

/// What an update said, as a number that is the same for updates that say the same, whatever the order of the wishes of its change. Two different updates
/// have the same one only by chance, of one in 2^128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content(u128);

impl Content {
    /// That of an update; its key and the version that it expects say nothing of what it does.
    pub(super) fn of(update: &Update) -> Self {
        let mut digest = Fnv::new();
        digest.add(&update.schema);
        // The order of wishes means nothing.
        let wishes = update.change.iter().flat_map(Change::items);
        let mut wishes: Vec<String> =
            wishes.map(|wish| serde_json::to_string(wish).unwrap_or_default()).collect();
        wishes.sort_unstable();
        digest.add(&(update.change.is_some(), wishes));
        digest.add(&(&update.renamed, Catalog::in_order(&update.defined), &update.removed, update.exactly));
        digest.add(&(&update.subscribed, &update.unsubscribed, &update.close_days, &update.steps));
        let moment = update.moment.as_ref();
        digest.add(&moment.map(|moment| {
            (moment.instant(), moment.zone().name().to_owned(), moment.week_start(), moment.fiscal().clone())
        }));
        Self(digest.0)
    }
}

/// In hexadecimal digits.
impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(D::Error::custom)
    }
}

/// FNV-1a with 128 bits (Fowler, Noll, Vo): the same number on every machine and in every version, since journals hold it.
struct Fnv(u128);

impl Fnv {
    const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn add(&mut self, what: &impl Serialize) {
        // Writing to it does not fail, and nothing in an update is a map whose keys are no text.
        serde_json::to_writer(&mut *self, what).unwrap_or_default();
    }
}

impl io::Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A key that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownKey {
    pub(super) key: Arc<str>,
    /// The version that its update made.
    pub(super) version: u64,
    /// What the update said; `None` of one from a journal that does not tell.
    pub(super) content: Option<Content>,
}

#[cfg(feature = "snapshot")]
impl KnownKey {
    /// Those of a journal, whose contents it may not tell.
    pub(super) fn all(keys: Vec<(Arc<str>, u64)>, contents: Vec<Option<Content>>) -> Vec<Self> {
        let contents = contents.into_iter().chain(std::iter::repeat(None));
        let known = keys.into_iter().zip(contents);
        known.map(|((key, version), content)| Self { key, version, content }).collect()
    }
}

/// The latest keys that came.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: HashMap<Arc<str>, (u64, Option<Content>)>,
    /// The oldest first.
    order: VecDeque<Arc<str>>,
}

impl Keys {
    /// The version that the update of a key made, if it came already.
    ///
    /// # Errors
    ///
    /// [`EngineError::EmptyKey`], and [`EngineError::OtherContent`] where another update came with the key.
    pub(super) fn version_of(&self, key: &str, content: Content) -> Result<Option<u64>, EngineError> {
        if key.is_empty() {
            return Err(EngineError::EmptyKey);
        }
        match self.known.get(key) {
            Some((version, Some(known))) if *known != content => {
                Err(EngineError::OtherContent { key: Arc::from(key), version: *version })
            }
            found => Ok(found.map(|(version, _)| *version)),
        }
    }

    /// Remembers a key, and forgets the oldest beyond so many.
    pub(super) fn remember(&mut self, KnownKey { key, version, content }: KnownKey, most: usize) {
        if self.known.insert(key.clone(), (version, content)).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > most {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// Those that are remembered, the oldest first.
    #[cfg(feature = "snapshot")]
    pub(super) fn to_list(&self) -> Vec<KnownKey> {
        let known = |key: &Arc<str>| {
            let (version, content) = *self.known.get(key)?;
            Some(KnownKey { key: key.clone(), version, content })
        };
        self.order.iter().filter_map(known).collect()
    }
}
