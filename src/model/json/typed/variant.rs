//! How are an enum's variants read?
//!
//! A variant without content is a text, `"count"`; one with content is an object with one field, `{"sum": "arr"}`.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};
use serde_json::Value;

use super::edits::Edits;
use super::error::TypedError;
use super::objects::Gaps;
use super::reader::Reader;
use crate::model::json::{JsonFaultKind, Place};

/// A word that is known, and its value.
pub(super) struct Choice<'j, 'p> {
    pub(super) noun: &'static str,
    pub(super) word: &'j str,
    pub(super) payload: Option<&'j Value>,
    /// The place of the word.
    pub(super) place: &'p Place<'p>,
    pub(super) edits: &'p Edits,
}

impl Choice<'_, '_> {
    /// A word without the value that it needs.
    fn bare<T>(&self, form: &str) -> Result<T, TypedError> {
        let Self { noun, word, .. } = self;
        let message = format!("{noun} `{word}` needs more than its name: {{\"{word}\": {form}}}");
        Err(TypedError::new(JsonFaultKind::Other { message }))
    }
}

impl<'j> EnumAccess<'j> for Choice<'j, '_> {
    type Error = TypedError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'j>>(self, seed: V) -> Result<(V::Value, Self), TypedError> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.word))?, self))
    }
}

impl<'j> VariantAccess<'j> for Choice<'j, '_> {
    type Error = TypedError;

    fn unit_variant(self) -> Result<(), TypedError> {
        match self.payload {
            None | Some(Value::Null) => Ok(()),
            Some(_) => {
                let Self { noun, word, .. } = self;
                let message = format!("{noun} `{word}` has no value: write \"{word}\"");
                Err(TypedError::new(JsonFaultKind::Other { message }))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'j>>(self, seed: T) -> Result<T::Value, TypedError> {
        let Some(value) = self.payload else { return self.bare("..") };
        let read = Reader::at(value, self.place.field(self.word), self.edits).read(seed);
        read.map_err(|error| error.out_of_field(self.place))
    }

    fn tuple_variant<V: Visitor<'j>>(self, len: usize, visitor: V) -> Result<V::Value, TypedError> {
        let Some(value) = self.payload else { return self.bare("[..]") };
        let read = Reader::at(value, self.place.field(self.word), self.edits).deserialize_tuple(len, visitor);
        read.map_err(|error| error.out_of_field(self.place))
    }

    fn struct_variant<V: Visitor<'j>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        let Some(value) = self.payload else {
            let fields: Vec<String> = fields.iter().map(|field| format!("\"{field}\": ..")).collect();
            return self.bare(&format!("{{{}}}", fields.join(", ")));
        };
        let read = Reader::at(value, self.place.field(self.word), self.edits).variant_fields(fields, visitor);
        read.map_err(|error| error.out_of_field(self.place))
    }
}

/// The word of a gap.
pub(super) struct GapChoice<'p> {
    pub(super) word: &'static str,
    pub(super) gap: Reader<'static, 'p>,
}

impl<'de> EnumAccess<'de> for GapChoice<'_> {
    type Error = TypedError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), TypedError> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.word))?, self))
    }
}

impl<'de> VariantAccess<'de> for GapChoice<'_> {
    type Error = TypedError;

    fn unit_variant(self) -> Result<(), TypedError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, TypedError> {
        seed.deserialize(self.gap)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, TypedError> {
        visitor.visit_seq(Gaps { left: len, gap: self.gap })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.gap.variant_fields(fields, visitor)
    }
}
