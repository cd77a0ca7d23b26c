//! How does a result look for a screen, without the types of its values?
//!
//! A serialiser around another one: it hands on what it is given, and of the values of attributes and expressions, which say their type,
//! only what they hold. Values are known by the name under which they serialise ([`VALUE`]).

use std::fmt::Display;

use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

/// The name under which values of attributes and of expressions serialise.
pub(crate) const VALUE: &str = "perennial value";

/// A result as a screen shows it: values without their types.
///
/// `{"int": 3}` is `3`, `{"text": "Pro"}` is `"Pro"`, an amount is `{"amount": "614220.00", "currency": "USD"}`. Decimals, days and
/// instants are texts, no value is null. It cannot be read back: the types are gone.
///
/// ```
/// use perennial::report::Plain;
/// use perennial::{Currency, Money, Value};
///
/// let price = Value::from(Money::parse("614220", Currency::USD)?);
/// let values = [("price", Some(price)), ("seats", Some(Value::Int(3))), ("plan", Some(Value::Enum("Pro".into()))), ("since", None)];
/// assert_eq!(serde_json::to_value(Plain(&values[0].1))?, serde_json::json!({"amount": "614220.00", "currency": "USD"}));
/// assert_eq!(serde_json::to_string(&values[2].1)?, r#"{"text":"Pro","of":"enum"}"#);
/// assert_eq!(serde_json::to_string(&Plain(&values[1..]))?, r#"[["seats",3],["plan","Pro"],["since",null]]"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Complexity
///
/// That of serialising the result.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'r, T: ?Sized>(pub &'r T);

impl<T: Serialize + ?Sized> Serialize for Plain<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(WithoutTypes(serializer))
    }
}

struct WithoutTypes<S>(S);

/// Hands a number, a text or the like on.
macro_rules! hand_on {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.0.$method(value)
        })*
    };
}

impl<S: Serializer> Serializer for WithoutTypes<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = WithoutTypes<S::SerializeSeq>;
    type SerializeTuple = WithoutTypes<S::SerializeTuple>;
    type SerializeTupleStruct = WithoutTypes<S::SerializeTupleStruct>;
    type SerializeTupleVariant = WithoutTypes<S::SerializeTupleVariant>;
    type SerializeMap = WithoutTypes<S::SerializeMap>;
    type SerializeStruct = Fields<S>;
    type SerializeStructVariant = WithoutTypes<S::SerializeStructVariant>;

    hand_on! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8], serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Plain(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Plain(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        if name == VALUE {
            return value.serialize(self);
        }
        self.0.serialize_newtype_variant(name, index, variant, &Plain(value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.0.serialize_seq(length).map(WithoutTypes)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.0.serialize_tuple(length).map(WithoutTypes)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.0.serialize_tuple_struct(name, length).map(WithoutTypes)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.0.serialize_tuple_variant(name, index, variant, length).map(WithoutTypes)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.0.serialize_map(length).map(WithoutTypes)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeStruct, S::Error> {
        if name == VALUE {
            return Ok(Fields::OfValue(Some(self.0), None));
        }
        self.0.serialize_struct(name, length).map(Fields::Of)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.0.serialize_struct_variant(name, index, variant, length).map(WithoutTypes)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// The fields of an object; of a value only the first, which is what it holds.
enum Fields<S: Serializer> {
    Of(S::SerializeStruct),
    OfValue(Option<S>, Option<S::Ok>),
}

impl<S: Serializer> SerializeStruct for Fields<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        match self {
            Self::Of(fields) => fields.serialize_field(key, &Plain(value))?,
            Self::OfValue(serializer, held) => {
                if let Some(serializer) = serializer.take() {
                    *held = Some(value.serialize(WithoutTypes(serializer))?);
                }
            }
        }
        Ok(())
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
        match self {
            Self::Of(fields) => fields.skip_field(key),
            Self::OfValue(..) => Ok(()),
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(fields) => fields.end(),
            Self::OfValue(Some(serializer), _) => serializer.serialize_unit(),
            Self::OfValue(None, held) => {
                held.ok_or_else(|| serde::ser::Error::custom("a value without fields"))
            }
        }
    }
}

/// Elements without names, each without the types of its values.
macro_rules! elements {
    ($($of:ident: $method:ident),* $(,)?) => {
        $(impl<S: $of> $of for WithoutTypes<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.0.$method(&Plain(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        })*
    };
}

elements! {
    SerializeSeq: serialize_element, SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field,
}

impl<S: SerializeMap> SerializeMap for WithoutTypes<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Plain(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

impl<S: SerializeStructVariant> SerializeStructVariant for WithoutTypes<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        self.0.serialize_field(key, &Plain(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}
