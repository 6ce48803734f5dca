//! Reads the JSON objects around the events, without parsing the events.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use super::layout::EventError;
use super::memory::MAX_MEMORY;
use super::{large, surrogates};

/// Why a batch as a whole cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// The body does not have the expected structure; the text says why.
    #[error("{0}")]
    Malformed(String),
    /// The body and its events take more than [`MAX_MEMORY`].
    #[error(
        "the batch takes more than {} MiB of memory once it is decoded; send smaller batches",
        MAX_MEMORY / 1024 / 1024
    )]
    TooLarge,
}

impl EnvelopeError {
    pub(super) fn malformed(problem: &str) -> Self {
        Self::Malformed(format!("the body is not a batch: {problem}"))
    }
}

/// Why one object around the events cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LayerError {
    Malformed(String),
    /// The array has more items than allowed.
    TooMany,
}

/// Field names of an object with an array of items and one value that applies to all of
/// them, such as `scopeSpans` and `resource`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) array: &'static str,
    /// Whether an absent or null array is an error.
    pub(super) is_required: bool,
    pub(super) sibling: &'static str,
    /// Another value that applies to all items; empty for none.
    pub(super) schema: &'static str,
}

/// An object of that [`Shape`]. Its parts are slices of the body, not parsed further.
#[derive(Debug)]
pub(super) struct Layer<T> {
    pub(super) sibling: Option<T>,
    pub(super) schema: Option<T>,
    pub(super) items: Vec<T>,
    /// A field that may have the events instead of the array: without the array, the first with
    /// an unknown name; otherwise the first that has groups of events by its name and its value.
    pub(super) misnamed: Option<String>,
    /// Number of items of [`misnamed`](Self::misnamed) if it is an array.
    pub(super) misnamed_items: usize,
}

impl<T> Layer<T> {
    /// Converts the sibling and the items with the same function.
    pub(super) fn map<U>(self, part: impl Fn(T) -> U) -> Layer<U> {
        Layer {
            sibling: self.sibling.map(&part),
            schema: self.schema.map(&part),
            misnamed: self.misnamed,
            misnamed_items: self.misnamed_items,
            items: self.items.into_iter().map(part).collect(),
        }
    }
}

/// Parses an object of this shape whose array has at most `most` items.
///
/// # Errors
/// When the text is not such an object, or the array has more items.
pub(super) fn parse<'a>(
    text: &'a str,
    shape: &Shape,
    most: usize,
) -> Result<Layer<&'a str>, LayerError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = LayerSeed { shape, most }
        .deserialize(&mut json)
        .and_then(|layer| json.end().map(|()| layer));
    parsed.map_err(|error| match error.to_string() {
        text if text.starts_with(TOO_MANY) => LayerError::TooMany,
        text => LayerError::Malformed(without_value(&text)),
    })
}

/// Parses the fields of one event, and returns whether some were skipped because it is too large. A
/// lone surrogate is replaced and does not invalidate the event.
pub(super) fn object(raw: &str) -> Result<(Map<String, Value>, bool), EventError> {
    let read = large::object(raw).or_else(|error| match surrogates::replace_lone(raw) {
        Some(replaced) => large::object(&replaced),
        None => Err(error),
    });
    read.map_err(|error: serde_json::Error| {
        let is_object = raw.trim_start().starts_with('{');
        EventError::of_event(if is_object {
            error.to_string()
        } else {
            "must be an object".to_owned()
        })
    })
}

/// Returns serde's error message without the value that it may quote, which can be the whole body.
fn without_value(text: &str) -> String {
    match text.rsplit_once(", expected ") {
        Some((_, expected)) if text.starts_with("invalid type: ") => format!("expected {expected}"),
        _ => text.to_owned(),
    }
}

/// Error text that marks an exceeded limit, because serde's errors carry only text.
const TOO_MANY: &str = "too many items";

/// Longest name of a field that an error message quotes, in characters.
const MAX_NAME_CHARS: usize = 40;

#[derive(Clone, Copy)]
struct LayerSeed<'s> {
    shape: &'s Shape,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for LayerSeed<'_> {
    type Value = Layer<&'de str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Layer<&'de str>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LayerSeed<'_> {
    type Value = Layer<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with an array {:?}", self.shape.array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Layer<&'de str>, A::Error> {
        let Shape {
            array,
            is_required,
            sibling: sibling_name,
            schema: schema_name,
        } = *self.shape;
        let mut sibling = None;
        let mut schema = None;
        let mut unknown = None;
        let mut of_events = None;
        let mut misnamed_items = 0;
        let mut has_array = false;
        let mut items = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if name == array {
                has_array = true;
                items = map.next_value_seed(Items(self))?.or(items);
            } else if name == schema_name {
                schema = Some(map.next_value::<&RawValue>()?.get());
            } else if name == sibling_name {
                let raw: &RawValue = map.next_value()?;
                sibling = Some(raw.get()).filter(|text| *text != "null");
            } else {
                let value: &RawValue = map.next_value()?;
                unknown.get_or_insert_with(|| shortened(&name));
                if of_events.is_none() && names_events(&name) && has_items(value.get()) {
                    of_events = Some(shortened(&name));
                    misnamed_items = count_items(value.get());
                }
            }
        }
        if is_required && items.is_none() {
            return Err(de::Error::custom(format_args!(
                "there is no array {array:?}"
            )));
        }
        let items = items.unwrap_or_default();
        Ok(Layer {
            sibling,
            schema,
            items,
            misnamed: unknown.filter(|_| !has_array).or(of_events),
            misnamed_items,
        })
    }
}

/// Returns whether a field of this name may have events, or groups of them, of any signal and version of
/// OTLP. The name may be spelled as in protobuf or as in JSON.
fn names_events(name: &str) -> bool {
    const OF_EVENTS: [&str; 6] = ["spans", "traces", "logs", "records", "metrics", "profiles"];
    let name = name.to_ascii_lowercase();
    name == "batches" || OF_EVENTS.iter().any(|end| name.ends_with(end))
}

/// Returns whether a JSON value is an array with items.
fn has_items(json: &str) -> bool {
    let items = json.strip_prefix('[').map(str::trim_start);
    items.is_some_and(|items| !items.starts_with(']'))
}

/// Returns the number of items of a JSON array; 0 for anything else.
fn count_items(json: &str) -> usize {
    serde_json::from_str::<Vec<IgnoredAny>>(json).map_or(0, |items| items.len())
}

/// Returns the beginning of a name of unknown length, for an error message.
fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

/// Collects each item as a slice of the body, and stops at the limit, so that millions of
/// tiny events do not become millions of slices.
struct Items<'s>(LayerSeed<'s>);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Option<Vec<&'de str>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.0.shape.is_required {
            json.deserialize_seq(self)
        } else {
            json.deserialize_option(self)
        }
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Option<Vec<&'de str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<&RawValue>()? {
            if items.len() == self.0.most {
                return Err(de::Error::custom(TOO_MANY));
            }
            items.push(item.get());
        }
        Ok(Some(items))
    }
}
