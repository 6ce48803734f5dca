//! Reads bodies and queries into types with the same rules. Both are parsed into an
//! [`Input`] first, so that error messages name the field and never contain a value, which
//! may be a secret.

mod deserializer;
mod refusal;

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment};

use self::refusal::Refusal;
use crate::error::Error;

/// A JSON value, or the parameters of a query. Keeps the order of fields and duplicates,
/// which the target type refuses.
pub(crate) enum Input {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    /// Value of a query parameter: text, or a number if the type expects one.
    Parameter(String),
    /// Values of a query parameter that is given several times. Only a list accepts them.
    Repeated(Vec<String>),
    List(Vec<Input>),
    Fields(Vec<(String, Input)>),
}

/// Part of the request that an input comes from, for error messages.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Body,
    Query,
}

impl Input {
    /// Parses the parameters of a query string (`application/x-www-form-urlencoded`).
    pub(crate) fn from_query(query: &str) -> Self {
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        let mut places = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = *places.entry(name.clone()).or_insert(fields.len());
            match fields.get_mut(place) {
                Some((_, values)) => values.push(value.into_owned()),
                None => fields.push((name.into_owned(), vec![value.into_owned()])),
            }
        }
        let fields = fields.into_iter().map(|(name, mut values)| {
            let only = if values.len() == 1 {
                values.pop()
            } else {
                None
            };
            (name, only.map_or(Self::Repeated(values), Self::Parameter))
        });
        Self::Fields(fields.collect())
    }

    /// Parses a JSON object.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything else.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, Error> {
        match serde_json::from_slice(body) {
            Ok(object @ Self::Fields(_)) => Ok(object),
            Ok(_) => Err(Error::Malformed(
                "the body must be a JSON object".to_owned(),
            )),
            // Grammar errors of serde_json contain a position and no value.
            Err(error) => Err(Error::Malformed(format!("the body is not JSON: {error}"))),
        }
    }

    /// Reads the input into a type.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] with the field that is not valid, or [`Error::Malformed`] if a field
    /// of the top level is missing or occurs twice.
    pub(crate) fn read<T: DeserializeOwned>(self, part: Part) -> Result<T, Error> {
        serde_path_to_error::deserialize(self).map_err(|error| {
            let pointer = pointer(error.path());
            match error.into_inner() {
                Refusal::Repeated => {
                    let name = pointer.trim_start_matches('/');
                    Error::Malformed(format!("the {part} has `{name}` twice"))
                }
                refusal if pointer.is_empty() => Error::Malformed(format!("the {part} {refusal}")),
                refusal => Error::invalid_field(&pointer, refusal),
            }
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Body => "body",
            Self::Query => "query",
        })
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Input, E> {
        Ok(Input::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Input, E> {
        Ok(Input::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Input, E> {
        Ok(Input::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Input, E> {
        Ok(Input::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Input, E> {
        Ok(Input::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Input, E> {
        Ok(Input::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Input, E> {
        Ok(Input::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Input::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Input, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Input::Fields(fields))
    }
}

/// Formats the path of a field as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
