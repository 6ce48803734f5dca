//! Size limits of an event. An event that exceeds them is cut at its largest values, never
//! dropped, and says what was cut.

mod fit;
mod parts;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::event::{Note, Truncation};
use parts::Body;
pub(super) use parts::{Bounded, Part};

/// Longest text, in bytes; longer ones are cut, even within an array or object.
pub(super) const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Longest method, level or type, in bytes; longer ones are cut.
pub(super) const MAX_WORD_BYTES: usize = 128;

/// Longest name of an attribute, in bytes; longer ones are cut.
pub(super) const MAX_NAME_BYTES: usize = 2 * 1024;

/// Largest event, in bytes. With its resource and scope, it then fits into one item of the table.
pub(super) const MAX_EVENT_BYTES: usize = 256 * 1024;

/// Largest resource, in bytes.
pub(super) const MAX_RESOURCE_BYTES: usize = 64 * 1024;

/// Largest scope, in bytes.
pub(super) const MAX_SCOPE_BYTES: usize = 16 * 1024;

/// Maximum number of truncations that an event lists.
const MAX_TRUNCATIONS: usize = 50;

/// Longest name of a truncated part, in bytes.
const MAX_PLACE_BYTES: usize = 256;

/// Longest duration of a span, in days.
pub(super) const MAX_DURATION_DAYS: u16 = 7;

/// [`MAX_DURATION_DAYS`] as a duration.
pub(super) const MAX_DURATION: Duration =
    Duration::from_secs(MAX_DURATION_DAYS as u64 * 24 * 60 * 60);

/// [`MAX_DURATION_DAYS`] in milliseconds.
pub(super) const MAX_DURATION_MS: f64 = MAX_DURATION_DAYS as f64 * 24.0 * 60.0 * 60.0 * 1000.0;

/// What was cut from an event while it was decoded, and notes about it.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    truncations: Vec<Truncation>,
    notes: Vec<Note>,
}

impl Bounds {
    /// Records something unusual about the event.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Records that a part of the event was cut or dropped; `bytes` is its original size.
    pub(super) fn cut(&mut self, field: impl Into<String>, bytes: usize) {
        if self.truncations.len() >= MAX_TRUNCATIONS {
            return;
        }
        let mut field: String = field.into();
        field.truncate(field.floor_char_boundary(MAX_PLACE_BYTES));
        self.truncations.push(Truncation {
            field,
            bytes: bytes as u64,
        });
    }

    /// Cuts the text of a field to at most `most` bytes, at a character boundary.
    pub(super) fn text(&mut self, field: &str, mut text: String, most: usize) -> String {
        if text.len() > most {
            self.cut(field, text.len());
            text.truncate(text.floor_char_boundary(most));
            text.shrink_to_fit();
        }
        text
    }

    /// Converts a value to text: a text is unchanged, null becomes empty, and anything else becomes
    /// JSON, which stays JSON if it is cut.
    pub(super) fn json_text(&mut self, field: &str, value: Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            value => {
                let json = value.to_string();
                if json.len() <= MAX_VALUE_BYTES {
                    return json;
                }
                self.cut(field, json.len());
                shortened(value)
            }
        }
    }

    /// Cuts the largest values so that all together take at most `most` bytes, and returns what
    /// was cut from the event so far, and the notes about it.
    pub(super) fn fit(
        mut self,
        bounded: &mut impl Bounded,
        most: usize,
    ) -> (Vec<Truncation>, Vec<Note>) {
        fit::fit(bounded, most, &mut self);
        (self.truncations, self.notes)
    }
}

/// Returns the JSON of a value after its largest values were cut, of at most [`MAX_VALUE_BYTES`]. Names
/// and characters that JSON escapes take more bytes than were counted, so several attempts may be needed.
fn shortened(value: Value) -> String {
    const ATTEMPTS: usize = 8;
    let mut body = Body(Map::from_iter([(String::new(), value)]));
    let mut room = MAX_VALUE_BYTES;
    let mut json = String::new();
    for _ in 0..ATTEMPTS {
        fit::fit(&mut body, room, &mut Bounds::default());
        json = body.0.values().map(Value::to_string).collect();
        if json.len() <= MAX_VALUE_BYTES {
            return json;
        }
        room = room / 2 * MAX_VALUE_BYTES / json.len();
    }
    json.truncate(json.floor_char_boundary(MAX_VALUE_BYTES));
    json
}

#[cfg(test)]
mod tests;
