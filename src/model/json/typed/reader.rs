//! What does a value of JSON say to a type that serde knows?

use serde::de::{DeserializeSeed, Deserializer, Expected, Visitor};
use serde_json::{Number, Value};

use super::edits::Edits;
use super::error::{TypedError, words};
use super::objects::{Gaps, Items, ObjectFields};
use super::variant::{Choice, GapChoice};
use crate::model::json::{JsonFaultKind, Place, wrong_type};

/// A value at its place, or a gap.
#[derive(Clone, Copy)]
pub(super) struct Reader<'j, 'p> {
    said: Said<'j>,
    place: Place<'p>,
    edits: &'p Edits,
}

#[derive(Clone, Copy)]
enum Said<'j> {
    Value(&'j Value),
    /// A gap, with its text.
    Gap(&'static str),
}

/// The numbers of a type that are whole.
struct Whole {
    least: i128,
    most: i128,
}

impl Whole {
    fn words(&self) -> String {
        let is_all = |bound: i128| bound == i128::from(i64::MIN) || bound == i128::from(u64::MAX);
        match (self.least, self.most) {
            (least, most) if is_all(least) || (least < 0 && most == i128::from(i64::MAX)) => {
                "a whole number".to_owned()
            }
            (least, most) if is_all(most) => format!("a whole number from {least}"),
            (least, most) => format!("a whole number from {least} to {most}"),
        }
    }

    fn of(&self, number: &Number) -> Option<i128> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))?;
        (self.least..=self.most).contains(&whole).then_some(whole)
    }
}

impl<'j, 'p> Reader<'j, 'p> {
    /// What is at a place: the value, or a gap where that was found to be wrong.
    pub(super) fn at(value: &'j Value, place: Place<'p>, edits: &'p Edits) -> Self {
        let said = edits.gap(&place).map_or(Said::Value(value), Said::Gap);
        Self { said, place, edits }
    }

    pub(super) const fn gap(text: &'static str, place: Place<'p>, edits: &'p Edits) -> Self {
        Self { said: Said::Gap(text), place, edits }
    }

    /// Hands itself to what is to be made of it: also what that finds wrong afterwards is at this place.
    pub(super) fn read<S: DeserializeSeed<'j>>(self, seed: S) -> Result<S::Value, TypedError> {
        self.done(seed.deserialize(self))
    }

    fn done<T>(&self, read: Result<T, TypedError>) -> Result<T, TypedError> {
        read.map_err(|error| error.at(&self.place, matches!(self.said, Said::Gap(_))))
    }

    /// A value of another type: what the type says of itself is expected, or `usual`.
    fn wrong<T>(&self, own: &dyn Expected, usual: &str, found: &Value) -> Result<T, TypedError> {
        let generic = ["a text", "a list", "an object", "a number", "true or false", "something else"];
        let own = words(own).filter(|own| !generic.contains(&own.as_str()) && !own.starts_with("a whole"));
        let expected = own.unwrap_or_else(|| usual.to_owned());
        self.done(Err(TypedError::new(wrong_type(expected, found))))
    }

    fn refuse<T>(&self, kind: JsonFaultKind) -> Result<T, TypedError> {
        self.done(Err(TypedError::new(kind)))
    }

    fn whole<V: Visitor<'j>>(self, visitor: V, whole: &Whole) -> Result<V::Value, TypedError> {
        let number = match self.said {
            Said::Gap(_) => 1,
            Said::Value(Value::Number(number)) if whole.of(number).is_some() => {
                whole.of(number).unwrap_or_default()
            }
            Said::Value(other) => return self.wrong(&visitor, &whole.words(), other),
        };
        self.done(match (u64::try_from(number), i64::try_from(number)) {
            (Ok(number), _) => visitor.visit_u64(number),
            (_, Ok(number)) => visitor.visit_i64(number),
            _ => visitor.visit_i128(number),
        })
    }

    fn fields<V: Visitor<'j>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        let read = match self.said {
            Said::Gap(text) => visitor.visit_map(ObjectFields::gaps(known, text, &self.place, self.edits)),
            Said::Value(Value::Object(fields)) => {
                visitor.visit_map(ObjectFields::of(fields, known, &self.place, self.edits))
            }
            Said::Value(other) => return self.wrong(&visitor, "an object", other),
        };
        self.done(read)
    }

    /// The fields of a variant, or nothing where it has a value of another form.
    pub(super) fn variant_fields<V: Visitor<'j>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.fields(known, visitor)
    }
}

/// The whole numbers of some types.
macro_rules! whole_numbers {
    ($($method:ident: $type:ident,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
            self.whole(visitor, &Whole { least: i128::from($type::MIN), most: i128::from($type::MAX) })
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = TypedError;

    whole_numbers! {
        deserialize_u8: u8,
        deserialize_u16: u16,
        deserialize_u32: u32,
        deserialize_u64: u64,
        deserialize_i8: i8,
        deserialize_i16: i16,
        deserialize_i32: i32,
        deserialize_i64: i64,
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.whole(visitor, &Whole { least: 0, most: i128::from(u64::MAX) })
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.whole(visitor, &Whole { least: i128::from(i64::MIN), most: i128::from(u64::MAX) })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        let read = match self.said {
            Said::Gap(_) | Said::Value(Value::Null) => visitor.visit_unit(),
            Said::Value(Value::Bool(value)) => visitor.visit_bool(*value),
            Said::Value(Value::Number(number)) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (_, Some(number)) => visitor.visit_i64(number),
                _ => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Said::Value(Value::String(text)) => visitor.visit_borrowed_str(text),
            Said::Value(Value::Array(items)) => visitor.visit_seq(Items::of(items, &self.place, self.edits)),
            Said::Value(Value::Object(fields)) => {
                visitor.visit_map(ObjectFields::of(fields, &[], &self.place, self.edits))
            }
        };
        self.done(read)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        let read = match self.said {
            Said::Gap(_) => visitor.visit_bool(false),
            Said::Value(Value::Bool(value)) => visitor.visit_bool(*value),
            Said::Value(other) => return self.wrong(&visitor, "true or false", other),
        };
        self.done(read)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        let read = match self.said {
            Said::Gap(_) => visitor.visit_f64(1.0),
            Said::Value(Value::Number(number)) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            Said::Value(other) => return self.wrong(&visitor, "a number", other),
        };
        self.done(read)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        let read = match self.said {
            Said::Gap(text) => visitor.visit_borrowed_str(text),
            Said::Value(Value::String(text)) => visitor.visit_borrowed_str(text),
            Said::Value(other) => return self.wrong(&visitor, "a text", other),
        };
        self.done(read)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        match self.said {
            Said::Gap(_) | Said::Value(Value::Null) => self.done(visitor.visit_none()),
            Said::Value(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        match self.said {
            Said::Gap(_) | Said::Value(Value::Null) => self.done(visitor.visit_unit()),
            Said::Value(other) => self.wrong(&visitor, "null", other),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.done(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        let read = match self.said {
            Said::Gap(_) => visitor.visit_seq(Items::of(&[], &self.place, self.edits)),
            Said::Value(Value::Array(items)) => visitor.visit_seq(Items::of(items, &self.place, self.edits)),
            Said::Value(other) => return self.wrong(&visitor, "a list", other),
        };
        self.done(read)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, TypedError> {
        let expected = format!("a list of {len}");
        let read = match self.said {
            Said::Gap(text) => {
                visitor.visit_seq(Gaps { left: len, gap: Reader::gap(text, self.place, self.edits) })
            }
            Said::Value(Value::Array(items)) if items.len() == len => {
                visitor.visit_seq(Items::of(items, &self.place, self.edits))
            }
            Said::Value(Value::Array(items)) => {
                let found = format!("a list of {}", items.len());
                return self.refuse(JsonFaultKind::WrongType { expected, found });
            }
            Said::Value(other) => return self.wrong(&visitor, &expected, other),
        };
        self.done(read)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.fields(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.fields(fields, visitor)
    }

    /// A word, or an object with one field, which is the word. `name` is the noun of the words, where the type has one: it then begins with
    /// a small letter (`#[serde(rename = "operator")]`).
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        let noun = if name.starts_with(char::is_lowercase) { name } else { "word" };
        let unknown =
            |word: &str| self.refuse(JsonFaultKind::unknown_word(noun, word, words.iter().copied()));
        let is_known = |word: &str| words.contains(&word);
        let choice = match self.said {
            Said::Gap(text) => {
                let word = words.first().copied().unwrap_or_default();
                let gap = Reader::gap(text, self.place, self.edits);
                return self.done(visitor.visit_enum(GapChoice { word, gap }));
            }
            Said::Value(Value::String(word)) if is_known(word) => (word, None),
            Said::Value(Value::String(word)) => return unknown(word),
            Said::Value(Value::Object(fields)) => match fields.iter().next() {
                Some((word, payload)) if fields.len() == 1 && is_known(word) => (word, Some(payload)),
                Some((word, _)) if fields.len() == 1 => return unknown(word),
                _ => {
                    let expected = format!("an object with one field, the {noun}");
                    let found = format!("one with {}", fields.len());
                    return self.refuse(JsonFaultKind::WrongType { expected, found });
                }
            },
            Said::Value(other) => {
                let usual = format!("one of {}", words.join(", "));
                return self.wrong(&visitor, &usual, other);
            }
        };
        let (word, payload) = choice;
        let (place, edits) = (&self.place, self.edits);
        self.done(visitor.visit_enum(Choice { noun, word, payload, place, edits }))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.done(visitor.visit_unit())
    }
}
