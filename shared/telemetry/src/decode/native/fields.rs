//! Takes the fields of one event, one by one; what is left are its attributes.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::decode::bounds::{Bounds, MAX_TEXT_BYTES};
use crate::decode::layout::Reason;

/// The fields of one event that were not taken yet.
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

    /// Whether anything was cut to fit its bound.
    pub(super) fn is_cut(&self) -> bool {
        self.bounds.is_cut()
    }

    /// Null and absent are the same.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    /// A text, cut to `max` bytes.
    pub(super) fn text(&mut self, name: &str, max: usize) -> Result<Option<String>, Reason> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(self.bounds.text(text, max))),
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

    /// Everything that was not taken, within bounds.
    pub(super) fn attributes(&mut self) -> Map<String, Value> {
        self.bounds.attributes(std::mem::take(&mut self.rest))
    }
}
