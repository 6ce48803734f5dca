//! The envelope around the events, read without reading the events.

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::batch::{MAX_EVENTS, Signal};

/// Why the envelope cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Not JSON, not an object, or the array is none.
    #[error("{0}")]
    Malformed(String),
    /// More than [`MAX_EVENTS`].
    #[error("a batch has at most {MAX_EVENTS} events; send smaller batches")]
    TooManyEvents,
}

/// The events as they were sent, and when the SDK says it sent them.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) sent_at: Option<Timestamp>,
    pub(super) events: Vec<&'a RawValue>,
}

pub(super) fn parse(text: &str, signal: Signal) -> Result<Envelope<'_>, EnvelopeError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = EnvelopeSeed(signal)
        .deserialize(&mut json)
        .and_then(|envelope| json.end().map(|()| envelope));
    parsed.map_err(|error| match error.to_string() {
        text if text.starts_with(TOO_MANY) => EnvelopeError::TooManyEvents,
        text => EnvelopeError::Malformed(format!("the body is not a batch: {}", told(&text))),
    })
}

/// serde's words, without the value they may quote: it may be the whole body.
fn told(text: &str) -> String {
    match text.rsplit_once(", expected ") {
        Some((_, expected)) if text.starts_with("invalid type: ") => format!("expected {expected}"),
        _ => text.to_owned(),
    }
}

/// How a bound that was hit travels through serde's error, which holds only text.
const TOO_MANY: &str = "too many events";

struct EnvelopeSeed(Signal);

impl<'de> DeserializeSeed<'de> for EnvelopeSeed {
    type Value = Envelope<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Envelope<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with an array {:?}", self.0.as_str())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
        let (mut sent_at, mut events) = (None, None);
        while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if name == self.0.as_str() {
                events = Some(map.next_value_seed(Events)?);
            } else if name == "timestamp" {
                // Unreadable is as good as missing: events have their own times.
                let raw: &RawValue = map.next_value()?;
                sent_at = serde_json::from_str::<&str>(raw.get())
                    .ok()
                    .and_then(|t| t.parse().ok());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let events = events.ok_or_else(|| {
            de::Error::custom(format_args!("there is no array {:?}", self.0.as_str()))
        })?;
        Ok(Envelope { sent_at, events })
    }
}

/// Keeps each event as a slice of the body, and stops at the bound: millions
/// of tiny events must not become millions of slices.
struct Events;

impl<'de> DeserializeSeed<'de> for Events {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Events {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(event) = seq.next_element::<&RawValue>()? {
            if events.len() == MAX_EVENTS {
                return Err(de::Error::custom(TOO_MANY));
            }
            events.push(event);
        }
        Ok(events)
    }
}
