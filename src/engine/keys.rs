//! Was an update with this idempotency key applied before?
//!
//! A message that is delivered twice must be applied once. For each key the engine remembers the version that its update made, and a digest of the update's content, so
//! that a different update with the same key is an error and not taken for a repetition.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::error::EngineError;
use super::update::Update;
use crate::book::Change;
use crate::catalog::Catalog;

/// Digest of an update's content: FNV-1a, 128 bits, of its JSON with sorted keys. The order of the items of a change, and of the values of a row, does not matter. Against accidents, not against attackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content(u128);

impl Content {
    /// Linear in the update. Its key and expected version are not content.
    pub(super) fn of(update: &Update) -> Self {
        let mut digest = Fnv::new();
        digest.add(&update.schema);
        // The order of a change's items means nothing.
        let items = update.change.iter().flat_map(Change::items);
        let mut items: Vec<String> =
            items.map(|item| serde_json::to_value(item).unwrap_or_default().to_sorted()).collect();
        items.sort_unstable();
        digest.add(&(update.change.is_some(), items));
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

/// JSON whose objects have their keys in order, whatever the order in which they were written.
trait Sorted {
    fn to_sorted(&self) -> String;
}

impl Sorted for Json {
    fn to_sorted(&self) -> String {
        let mut text = String::new();
        // What is still to be written, the next one last.
        let mut left = vec![Piece::Of(self)];
        while let Some(piece) = left.pop() {
            match piece {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Of(Json::Array(items)) => {
                    left.push(Piece::Text("]".into()));
                    for item in items.iter().rev() {
                        left.extend([Piece::Text(",".into()), Piece::Of(item)]);
                    }
                    text.push('[');
                }
                Piece::Of(Json::Object(fields)) => {
                    let mut fields: Vec<_> = fields.iter().collect();
                    fields.sort_unstable_by_key(|(name, _)| *name);
                    left.push(Piece::Text("}".into()));
                    for (name, value) in fields.into_iter().rev() {
                        let name = Json::String(name.clone()).to_string();
                        left.extend([
                            Piece::Text(",".into()),
                            Piece::Of(value),
                            Piece::Text(format!("{name}:").into()),
                        ]);
                    }
                    text.push('{');
                }
                Piece::Of(other) => text.push_str(&other.to_string()),
            }
        }
        text
    }
}

/// A part of a JSON text.
enum Piece<'j> {
    Text(Cow<'static, str>),
    Of(&'j Json),
}

/// FNV-1a with 128 bits (Fowler, Noll, Vo): the same number on every machine and in every version, since journals hold it.
struct Fnv(u128);

impl Fnv {
    const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn add(&mut self, what: &impl Serialize) {
        // Nothing in an update is a map whose keys are not texts.
        let text = serde_json::to_value(what).unwrap_or_default().to_sorted();
        self.add_bytes(text.as_bytes());
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}

/// A remembered key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownKey {
    pub(super) key: Arc<str>,
    /// The version that its update made.
    pub(super) version: u64,
    /// `None` for a key from a journal before format 7.
    pub(super) content: Option<Content>,
}

#[cfg(feature = "snapshot")]
impl KnownKey {
    /// Those of a journal; `contents` is empty before format 7.
    pub(super) fn all(keys: Vec<(Arc<str>, u64)>, contents: Vec<Option<Content>>) -> Vec<Self> {
        let contents = contents.into_iter().chain(std::iter::repeat(None));
        let known = keys.into_iter().zip(contents);
        known.map(|((key, version), content)| Self { key, version, content }).collect()
    }
}

/// The latest keys, up to a limit.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: HashMap<Arc<str>, (u64, Option<Content>)>,
    /// The oldest first.
    order: VecDeque<Arc<str>>,
}

impl Keys {
    /// The version that the update with this key made, if there was one.
    ///
    /// # Errors
    ///
    /// [`EngineError::EmptyKey`], and [`EngineError::OtherContent`] if that update had other content.
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
