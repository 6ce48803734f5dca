//! Reads the fields of one event by name. The fields that remain are its attributes.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::time;
use crate::decode::bounds::{Bounded, Bounds, MAX_EVENT_BYTES, MAX_WORD_BYTES};
use crate::decode::layout::EventError;
use crate::event::{Note, Truncation};

/// The fields of one event that have not been read yet.
pub(super) struct Fields {
    rest: Map<String, Value>,
    bounds: Bounds,
}

impl Fields {
    /// Creates the fields of an object. `bounds` has what was already cut from it.
    pub(super) fn new(object: Map<String, Value>, bounds: Bounds) -> Self {
        Self {
            rest: object,
            bounds,
        }
    }

    /// Cuts the event to the limits. Returns what was cut, and the notes about the event.
    pub(super) fn fit(self, event: &mut impl Bounded) -> (Vec<Truncation>, Vec<Note>) {
        self.bounds.fit(event, MAX_EVENT_BYTES)
    }

    /// Records something unusual about the event.
    pub(super) fn note(&mut self, note: Note) {
        self.bounds.note(note);
    }

    /// Removes a field. Null counts as absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a text field.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, EventError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(EventError::new(name, "must be a string")),
        }
    }

    /// Takes a text field, cut to [`MAX_WORD_BYTES`].
    pub(super) fn word(&mut self, name: &str) -> Result<Option<String>, EventError> {
        let text = self.text(name)?;
        Ok(text.map(|text| self.bounds.text(name, text, MAX_WORD_BYTES)))
    }

    pub(super) fn required_word(&mut self, name: &str) -> Result<String, EventError> {
        self.word(name)?.ok_or_else(|| missing(name))
    }

    /// Takes a field of any type: a text unchanged, anything else as JSON.
    pub(super) fn required_json_text(&mut self, name: &str) -> Result<String, EventError> {
        let value = self.take(name).ok_or_else(|| missing(name))?;
        Ok(self.bounds.json_text(name, value))
    }

    /// Takes an id of at most `max` bytes; `None` if absent or empty. A longer one is an error and
    /// not truncated, because two long ids could become the same.
    pub(super) fn optional_id(
        &mut self,
        name: &str,
        max: usize,
    ) -> Result<Option<String>, EventError> {
        let id = self.text(name)?.filter(|id| !id.is_empty());
        if id.as_ref().is_some_and(|id| id.len() > max) {
            return Err(EventError::new(name, format!("is longer than {max} bytes")));
        }
        Ok(id)
    }

    pub(super) fn required_id(&mut self, name: &str, max: usize) -> Result<String, EventError> {
        self.optional_id(name, max)?.ok_or_else(|| missing(name))
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

    /// Takes a time in nanoseconds since the Unix epoch; `None` if absent or empty.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<i64>, EventError> {
        let value = self.take(name).filter(|value| *value != "");
        let read = value.map(|value| time::read(&value)).transpose();
        read.map_err(|reason| EventError::new(name, reason))
    }

    /// Reads a time that is only a fallback for another; `None` if unreadable. The field
    /// stays among the attributes.
    pub(super) fn lenient_time(&self, name: &str) -> Option<i64> {
        time::read(self.rest.get(name)?).ok()
    }

    /// Takes the remaining fields. Null counts as absent.
    pub(super) fn attributes(&mut self) -> Map<String, Value> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.retain(|_, value| !value.is_null());
        rest
    }
}

fn missing(name: &str) -> EventError {
    EventError::new(name, "is missing")
}
