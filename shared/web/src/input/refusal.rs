//! Why an input was refused.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// Why a value cannot be read into a type. Holds nothing that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Of another type. What is expected is known to the deserializer, which
    /// turns it into [`Refusal::Expected`].
    WrongType,
    /// Of another type than this.
    Expected(&'static str),
    /// None of these words.
    OneOf(&'static [&'static str]),
    /// A field that is not there.
    Missing(&'static str),
    /// A field that is there twice.
    Twice(&'static str),
    /// A field that the type does not have, and does not ignore.
    Unknown,
    /// In the words of the type itself.
    Other(String),
}

impl Refusal {
    /// Names the expected type where it is not named yet.
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
