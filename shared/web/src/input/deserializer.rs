//! Serde deserializer of an [`Input`]. Each method names the type it expects in its
//! refusals, in place of serde's messages.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Input;
use super::refusal::Refusal;

impl Input {
    /// Makes a list of the values of a query parameter.
    fn list_of(values: Vec<String>) -> Self {
        Self::List(values.into_iter().map(Self::Parameter).collect())
    }

    /// Parses a parameter as a number if possible. Leaves other inputs unchanged.
    fn with_number(self) -> Self {
        let Self::Parameter(text) = self else {
            return self;
        };
        let whole = text.parse().map(Self::Unsigned);
        let whole = whole.or_else(|_| text.parse().map(Self::Signed));
        whole
            .or_else(|_| text.parse().map(Self::Float))
            .unwrap_or(Self::Parameter(text))
    }

    /// Turns a JSON number without a fraction, such as `80.0`, into the integer it equals, as
    /// JSON Schema does. A parameter is an integer only if it is written as one.
    fn with_integer(self) -> Self {
        match self {
            Self::Float(float) if float.fract() == 0.0 && float.abs() <= MAX_EXACT => {
                #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
                let integer = float as i64;
                u64::try_from(integer).map_or(Self::Signed(integer), Self::Unsigned)
            }
            other => other.with_number(),
        }
    }
}

/// Largest integer up to which a float represents every integer: 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Deserializes integers. Their visitors check range and type.
macro_rules! integers {
    ($($method:ident: $expected:literal,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            let number = self.with_integer().deserialize_any(visitor);
            number.map_err(|refusal| refusal.expecting($expected))
        }
    )*};
}

impl<'de> Deserializer<'de> for Input {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Unsigned(value) => visitor.visit_u64(value),
            Self::Signed(value) => visitor.visit_i64(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::Text(text) | Self::Parameter(text) => visitor.visit_string(text),
            Self::Repeated(_) => Err(Refusal::Repeated),
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Fields(fields) => visitor.visit_map(MapDeserializer::new(fields.into_iter())),
        }
    }

    integers! {
        deserialize_u8: "a whole number from 0 to 255",
        deserialize_u16: "a whole number from 0 to 65535",
        deserialize_u32: "a whole number from 0 to 4294967295",
        deserialize_u64: "a whole number, 0 or more",
        deserialize_i64: "a whole number",
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let number = self.with_number().deserialize_any(visitor);
        number.map_err(|refusal| refusal.expecting("a number"))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self {
            Self::Text(_) | Self::Parameter(_) | Self::Repeated(_) => self.deserialize_any(visitor),
            _ => Err(Refusal::Expected("a string")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_string(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self {
            Self::List(_) => self.deserialize_any(visitor),
            Self::Parameter(value) => Self::list_of(vec![value]).deserialize_any(visitor),
            Self::Repeated(values) => Self::list_of(values).deserialize_any(visitor),
            _ => Err(Refusal::Expected("an array")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self {
            Self::Fields(_) => self.deserialize_any(visitor),
            _ => Err(Refusal::Expected("an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self {
            Self::Text(text) | Self::Parameter(text) => {
                visitor.visit_enum(text.into_deserializer())
            }
            Self::Repeated(_) => Err(Refusal::Repeated),
            _ => Err(Refusal::OneOf(variants)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct tuple
        tuple_struct identifier
    }
}

impl IntoDeserializer<'_, Refusal> for Input {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
