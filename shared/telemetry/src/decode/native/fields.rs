//! Reads the fields of one event by name. The fields that remain are its attributes.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::decode::bounds::{Bounds, MAX_TEXT_BYTES};
use crate::decode::layout::EventError;

/// The fields of one event that have not been read yet.
pub(super) struct Fields {
    rest: Map<String, Value>,
    bounds: Bounds,
}

impl Fields {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self {
            rest: object,
            bounds: Bounds::of_event(),
        }
    }

    /// Whether anything was truncated or dropped.
    pub(super) fn is_cut(&self) -> bool {
        self.bounds.is_cut()
    }

    /// Removes a field. Null counts as absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a text field, truncated to `max` bytes.
    pub(super) fn text(&mut self, name: &str, max: usize) -> Result<Option<String>, EventError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(self.bounds.text(text, max))),
            Some(_) => Err(EventError::new(name, "must be a string")),
        }
    }

    pub(super) fn required_text(&mut self, name: &str, max: usize) -> Result<String, EventError> {
        self.text(name, max)?
            .ok_or_else(|| EventError::new(name, "is missing"))
    }

    /// Takes an id of at most `max` bytes. A longer one is an error and not truncated,
    /// because two long ids could become the same.
    pub(super) fn optional_id(
        &mut self,
        name: &str,
        max: usize,
    ) -> Result<Option<String>, EventError> {
        let id = self.text(name, usize::MAX)?.filter(|id| !id.is_empty());
        if id.as_ref().is_some_and(|id| id.len() > max) {
            return Err(EventError::new(name, format!("is longer than {max} bytes")));
        }
        Ok(id)
    }

    pub(super) fn required_id(&mut self, name: &str, max: usize) -> Result<String, EventError> {
        self.optional_id(name, max)?
            .ok_or_else(|| EventError::new(name, "is missing"))
    }

    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, EventError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => number
                .as_f64()
                .filter(|number| range.contains(number))
                // -0.0 is in range; adding zero turns it into 0.0.
                .map(|number| Some(number + 0.0))
                .ok_or_else(|| {
                    EventError::new(
                        name,
                        format!("must be {} to {}", range.start(), range.end()),
                    )
                }),
            Some(_) => Err(EventError::new(name, "must be a number")),
        }
    }

    pub(super) fn integer(
        &mut self,
        name: &str,
        range: RangeInclusive<u16>,
    ) -> Result<Option<u16>, EventError> {
        let bounds = f64::from(*range.start())..=f64::from(*range.end());
        match self.number(name, bounds)? {
            Some(number) if number.fract() != 0.0 => {
                Err(EventError::new(name, "must be a whole number"))
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range"
            )]
            number => Ok(number.map(|number| number as u16)),
        }
    }

    /// Takes a time, with any offset and up to nanoseconds; `fallback` if absent. Never
    /// the server's time, because a retry must be stored under the same keys.
    pub(super) fn time(
        &mut self,
        name: &str,
        fallback: Option<Timestamp>,
    ) -> Result<i64, EventError> {
        let missing = "is missing, and so is the envelope's timestamp";
        let unreadable = "must be an RFC 3339 time with an offset, like 2026-01-31T12:00:00.000Z";
        let time = match self
            .text(name, MAX_TEXT_BYTES)?
            .filter(|text| !text.is_empty())
        {
            None => fallback.ok_or_else(|| EventError::new(name, missing))?,
            Some(text) => text
                .parse()
                .map_err(|_| EventError::new(name, unreadable))?,
        };
        // The year 9999 does not fit into 64 bits. Such times are rejected anyway.
        i64::try_from(time.as_nanosecond()).map_err(|_| EventError::new(name, "is out of range"))
    }

    /// Reads a time that is only a fallback for another; `None` if unreadable. The field
    /// stays among the attributes.
    pub(super) fn lenient_time(&self, name: &str) -> Option<Timestamp> {
        self.rest.get(name)?.as_str()?.parse().ok()
    }

    /// The remaining fields, within the limits.
    pub(super) fn attributes(&mut self) -> Map<String, Value> {
        self.bounds.attributes(std::mem::take(&mut self.rest))
    }
}
