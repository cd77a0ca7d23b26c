//! Which fields and items does a value have, without those that were found to be wrong?

use std::iter::Enumerate;
use std::{slice, vec};

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};
use serde_json::{Map, Value};

use super::edits::Edits;
use super::error::TypedError;
use super::reader::Reader;
use crate::model::json::Place;

/// The items of a list.
pub(super) struct Items<'j, 'p> {
    left: Enumerate<slice::Iter<'j, Value>>,
    place: &'p Place<'p>,
    edits: &'p Edits,
}

impl<'j, 'p> Items<'j, 'p> {
    pub(super) fn of(items: &'j [Value], place: &'p Place<'p>, edits: &'p Edits) -> Self {
        Self { left: items.iter().enumerate(), place, edits }
    }
}

impl<'j> SeqAccess<'j> for Items<'j, '_> {
    type Error = TypedError;

    fn next_element_seed<T: DeserializeSeed<'j>>(&mut self, seed: T) -> Result<Option<T::Value>, TypedError> {
        let (place, edits) = (self.place, self.edits);
        let next = self.left.by_ref().find(|(number, _)| !edits.is_dropped(&place.item(*number)));
        let Some((number, item)) = next else { return Ok(None) };
        let read = Reader::at(item, place.item(number), edits).read(seed);
        read.map(Some).map_err(TypedError::out_of_item)
    }
}

/// So many gaps.
pub(super) struct Gaps<'p> {
    pub(super) left: usize,
    pub(super) gap: Reader<'static, 'p>,
}

impl<'de> SeqAccess<'de> for Gaps<'_> {
    type Error = TypedError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TypedError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.gap).map(Some)
    }
}

/// The fields of an object.
pub(super) struct ObjectFields<'j, 'p> {
    left: vec::IntoIter<(&'j str, Option<&'j Value>)>,
    next: Option<(&'j str, Option<&'j Value>)>,
    place: &'p Place<'p>,
    edits: &'p Edits,
    /// The text of fields that are made up.
    text: &'static str,
}

impl<'j, 'p> ObjectFields<'j, 'p> {
    /// Those of an object; of its `known` fields also those that were found to be missing.
    pub(super) fn of(
        fields: &'j Map<String, Value>,
        known: &'static [&'static str],
        place: &'p Place<'p>,
        edits: &'p Edits,
    ) -> Self {
        let own = fields.iter().filter(|(name, _)| !edits.is_dropped(&place.field(name)));
        let own = own.map(|(name, value)| (name.as_str(), Some(value)));
        let missing = known.iter().filter(|name| !fields.contains_key(**name));
        let missing = missing.filter(|name| edits.gap(&place.field(name)).is_some());
        let all: Vec<_> = own.chain(missing.map(|name| (*name, None))).collect();
        Self { left: all.into_iter(), next: None, place, edits, text: "x" }
    }

    /// Those that a gap has, all of which are gaps.
    pub(super) fn gaps(
        known: &'static [&'static str],
        text: &'static str,
        place: &'p Place<'p>,
        edits: &'p Edits,
    ) -> Self {
        let all: Vec<_> = known.iter().map(|name| (*name, None)).collect();
        Self { left: all.into_iter(), next: None, place, edits, text }
    }
}

impl<'j> MapAccess<'j> for ObjectFields<'j, '_> {
    type Error = TypedError;

    fn next_key_seed<K: DeserializeSeed<'j>>(&mut self, seed: K) -> Result<Option<K::Value>, TypedError> {
        self.next = self.left.next();
        let Some((name, _)) = self.next else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'j>>(&mut self, seed: V) -> Result<V::Value, TypedError> {
        let (name, value) = self.next.take().unwrap_or_default();
        let place = self.place.field(name);
        let reader = match value {
            Some(value) => Reader::at(value, place, self.edits),
            None => Reader::gap(self.edits.gap(&place).unwrap_or(self.text), place, self.edits),
        };
        reader.read(seed).map_err(|error| error.out_of_field(self.place))
    }
}
