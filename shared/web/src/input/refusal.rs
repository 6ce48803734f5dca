//! Errors of reading an input into a type.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// Why a value cannot be read into a type. Never contains the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The value has the wrong type. The deserializer knows which is expected, and turns
    /// this into [`Refusal::Expected`].
    WrongType,
    /// The value is not of this type.
    Expected(&'static str),
    /// The value is none of these.
    OneOf(&'static [&'static str]),
    /// A required field is missing.
    Missing(&'static str),
    /// A field occurs twice.
    Twice(&'static str),
    /// A query parameter that has one value is given several times.
    Repeated,
    /// A field is unknown to a type that refuses unknown fields.
    Unknown,
    /// A message of the type itself.
    Other(String),
}

impl Refusal {
    /// Names the expected type, unless the refusal is more specific.
    pub(super) fn expecting(self, expected: &'static str) -> Self {
        match self {
            Self::WrongType => Self::Expected(expected),
            named => named,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongType => f.write_str("is not of the expected type"),
            Self::Expected(expected) => write!(f, "expected {expected}"),
            Self::OneOf([]) => f.write_str("no value is accepted"),
            Self::OneOf([only]) => write!(f, "must be {only}"),
            Self::OneOf([first @ .., last]) => write!(f, "must be {} or {last}", first.join(", ")),
            Self::Missing(name) => write!(f, "must have `{name}`"),
            Self::Twice(name) => write!(f, "has `{name}` twice"),
            Self::Repeated => f.write_str("is given twice"),
            Self::Unknown => f.write_str("is not known here"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::Other(words.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::WrongType
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::WrongType
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::WrongType
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::OneOf(known)
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::Twice(name)
    }
}
