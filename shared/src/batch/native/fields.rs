//! Takes the fields of one event, one by one; what is left are its attributes.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Longest text; longer ones are cut.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Longest attribute, as JSON; longer texts are cut, longer structures dropped.
const MAX_ATTRIBUTE_BYTES: usize = 2 * 1024;

/// Most attributes of one event (OpenTelemetry's default limit); further ones are dropped.
const MAX_ATTRIBUTES: usize = 128;

/// Most bytes of all attributes of one event, as JSON: with its texts it fits in
/// a blob of its own, whatever the characters.
const MAX_ATTRIBUTES_BYTES: usize = 256 * 1024;

/// Why an event is dropped: the field, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Reason {
    pub(super) field: String,
    pub(super) reason: String,
}

impl Reason {
    pub(super) fn of_event(reason: String) -> Self {
        Self {
            field: String::new(),
            reason,
        }
    }

    fn new(field: &str, reason: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Whether anything was cut to fit its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut(pub(super) bool);

/// The fields of one event that were not taken yet.
pub(super) struct Fields {
    rest: Map<String, Value>,
    cut: bool,
}

impl Fields {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self {
            rest: object,
            cut: false,
        }
    }

    pub(super) fn cut(&self) -> Cut {
        Cut(self.cut)
    }

    /// Null and absent are the same.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    /// A text, cut to `max` bytes.
    pub(super) fn text(&mut self, name: &str, max: usize) -> Result<Option<String>, Reason> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(self.cut_to(text, max))),
            Some(_) => Err(Reason::new(name, "must be a string")),
        }
    }

    pub(super) fn required_text(&mut self, name: &str, max: usize) -> Result<String, Reason> {
        self.text(name, max)?
            .ok_or_else(|| Reason::new(name, "is missing"))
    }

    /// An id is never cut: two long ids could become one.
    pub(super) fn optional_id(&mut self, name: &str, max: usize) -> Result<Option<String>, Reason> {
        let id = self.text(name, usize::MAX)?.filter(|id| !id.is_empty());
        if id.as_ref().is_some_and(|id| id.len() > max) {
            return Err(Reason::new(name, format!("is longer than {max} bytes")));
        }
        Ok(id)
    }

    pub(super) fn required_id(&mut self, name: &str, max: usize) -> Result<String, Reason> {
        self.optional_id(name, max)?
            .ok_or_else(|| Reason::new(name, "is missing"))
    }

    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, Reason> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => number
                .as_f64()
                .filter(|number| range.contains(number))
                // -0.0 is in range; adding zero makes it 0.0.
                .map(|number| Some(number + 0.0))
                .ok_or_else(|| {
                    Reason::new(
                        name,
                        format!("must be {} to {}", range.start(), range.end()),
                    )
                }),
            Some(_) => Err(Reason::new(name, "must be a number")),
        }
    }

    pub(super) fn integer(
        &mut self,
        name: &str,
        range: RangeInclusive<u16>,
    ) -> Result<Option<u16>, Reason> {
        let bounds = f64::from(*range.start())..=f64::from(*range.end());
        match self.number(name, bounds)? {
            Some(number) if number.fract() != 0.0 => {
                Err(Reason::new(name, "must be a whole number"))
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range"
            )]
            number => Ok(number.map(|number| number as u16)),
        }
    }

    /// A time with any offset and up to nanoseconds; `fallback` when there is
    /// none. Never the server's time: a retry must arrive at the same keys.
    pub(super) fn time(&mut self, name: &str, fallback: Option<Timestamp>) -> Result<i64, Reason> {
        let missing = "is missing, and so is the envelope's timestamp";
        let unreadable = "must be an RFC 3339 time with an offset, like 2026-01-31T12:00:00.000Z";
        let time = match self
            .text(name, MAX_TEXT_BYTES)?
            .filter(|text| !text.is_empty())
        {
            None => fallback.ok_or_else(|| Reason::new(name, missing))?,
            Some(text) => text.parse().map_err(|_| Reason::new(name, unreadable))?,
        };
        // Year 9999 does not fit; no such time is accepted anyway.
        i64::try_from(time.as_nanosecond()).map_err(|_| Reason::new(name, "is out of range"))
    }

    /// A time that is only a fallback for another: unreadable is as good as missing.
    /// It stays among the attributes.
    pub(super) fn lenient_time(&self, name: &str) -> Option<Timestamp> {
        self.rest.get(name)?.as_str()?.parse().ok()
    }

    /// Everything that was not taken, within bounds. Null and absent are the same here too.
    pub(super) fn attributes(&mut self) -> Map<String, Value> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.retain(|_, value| !value.is_null());
        let (mut kept, mut bytes) = (Map::new(), 0);
        for (name, value) in rest {
            let value = self.attribute(&name, value);
            bytes += value.as_ref().map_or(0, |value| json_len(&name, value));
            match value {
                Some(value) if kept.len() < MAX_ATTRIBUTES && bytes <= MAX_ATTRIBUTES_BYTES => {
                    kept.insert(name, value);
                }
                _ => self.cut = true,
            }
        }
        kept
    }

    fn attribute(&mut self, name: &str, value: Value) -> Option<Value> {
        if name.len() > MAX_ATTRIBUTE_BYTES {
            return None;
        }
        match value {
            Value::String(text) => Some(self.cut_to(text, MAX_ATTRIBUTE_BYTES).into()),
            Value::Array(_) | Value::Object(_) => {
                (value.to_string().len() <= MAX_ATTRIBUTE_BYTES).then_some(value)
            }
            scalar => Some(scalar),
        }
    }

    fn cut_to(&mut self, mut text: String, max: usize) -> String {
        if text.len() > max {
            text.truncate(text.floor_char_boundary(max));
            self.cut = true;
        }
        text
    }
}

/// Bytes of an attribute as JSON: an escape makes six of one.
fn json_len(name: &str, value: &Value) -> usize {
    Value::from(name).to_string().len() + value.to_string().len()
}
