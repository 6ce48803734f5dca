//! Size limits of the parts of an event. Longer texts are truncated; the report counts
//! the events to which that happened.

use std::time::Duration;

use serde_json::{Map, Value};

/// Longest text; longer ones are truncated.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Longest method, level or type; longer ones are truncated.
pub(super) const MAX_WORD_BYTES: usize = 128;

/// Longest attribute, as JSON. Longer texts are truncated; longer arrays and objects are
/// dropped.
pub(super) const MAX_ATTRIBUTE_BYTES: usize = 2 * 1024;

/// Largest number of attributes of one event (OpenTelemetry's default limit); further
/// ones are dropped.
pub(super) const MAX_ATTRIBUTES: usize = 128;

/// Largest total size of the attributes of one event, as JSON. With its texts, the event
/// then fits into one chunk, regardless of its characters.
const MAX_ATTRIBUTES_BYTES: usize = 256 * 1024;

/// Longest duration of a span, in days.
pub(super) const MAX_DURATION_DAYS: u16 = 7;

/// [`MAX_DURATION_DAYS`] as a duration.
pub(super) const MAX_DURATION: Duration =
    Duration::from_secs(MAX_DURATION_DAYS as u64 * 24 * 60 * 60);

/// [`MAX_DURATION_DAYS`] in milliseconds.
pub(super) const MAX_DURATION_MS: f64 = MAX_DURATION_DAYS as f64 * 24.0 * 60.0 * 60.0 * 1000.0;

/// Truncates the parts of one event to their limits, and records whether any was too large.
#[derive(Debug)]
pub(super) struct Bounds {
    is_cut: bool,
    room: usize,
}

impl Bounds {
    /// The limits of an event.
    pub(super) fn of_event() -> Self {
        Self::with_room(MAX_ATTRIBUTES_BYTES)
    }

    /// Limits under which all attributes together take at most `room` bytes as JSON.
    pub(super) fn with_room(room: usize) -> Self {
        Self {
            is_cut: false,
            room,
        }
    }

    /// Whether anything was truncated or dropped.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Number of bytes that further attributes may take.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Records that something was dropped.
    pub(super) fn mark_cut(&mut self) {
        self.is_cut = true;
    }

    /// Truncates a text to at most `max` bytes, at a character boundary.
    pub(super) fn text(&mut self, mut text: String, max: usize) -> String {
        if text.len() > max {
            text.truncate(text.floor_char_boundary(max));
            self.is_cut = true;
        }
        text
    }

    /// Keeps the first `max` items of a list.
    pub(super) fn first<T>(&mut self, mut list: Vec<T>, max: usize) -> Vec<T> {
        self.is_cut |= list.len() > max;
        list.truncate(max);
        list
    }

    /// Keeps the attributes within the limits. A null attribute counts as absent.
    pub(super) fn attributes(
        &mut self,
        attributes: impl IntoIterator<Item = (String, Value)>,
    ) -> Map<String, Value> {
        let mut kept = Map::new();
        let present = attributes.into_iter().filter(|(_, value)| !value.is_null());
        for (name, value) in present {
            let value = self.attribute(&name, value);
            match value.filter(|_| kept.len() < MAX_ATTRIBUTES) {
                Some(value) if self.take_room(json_len(&name, &value)) => {
                    kept.insert(name, value);
                }
                _ => self.is_cut = true,
            }
        }
        kept
    }

    /// Takes `bytes` of the remaining room; false, and nothing taken, if there is less.
    pub(super) fn take_room(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    fn attribute(&mut self, name: &str, value: Value) -> Option<Value> {
        if name.len() > MAX_ATTRIBUTE_BYTES {
            return None;
        }
        match value {
            Value::String(text) => Some(self.text(text, MAX_ATTRIBUTE_BYTES).into()),
            Value::Array(_) | Value::Object(_) => {
                (value.to_string().len() <= MAX_ATTRIBUTE_BYTES).then_some(value)
            }
            scalar => Some(scalar),
        }
    }
}

/// Size of an attribute as JSON, in bytes. An escaped byte takes up to six.
pub(super) fn json_len(name: &str, value: &Value) -> usize {
    Value::from(name).to_string().len() + value.to_string().len()
}
