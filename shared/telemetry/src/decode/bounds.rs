//! How large the parts of an event may be. What is larger is cut, and the
//! answer tells how many events that happened to.

use serde_json::{Map, Value};

/// Longest text; longer ones are cut.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Longest method, level or type; longer ones are cut.
pub(super) const MAX_WORD_BYTES: usize = 128;

/// Longest attribute, as JSON; longer texts are cut, longer structures dropped.
pub(super) const MAX_ATTRIBUTE_BYTES: usize = 2 * 1024;

/// Most attributes of one event (OpenTelemetry's default limit); further ones are dropped.
pub(super) const MAX_ATTRIBUTES: usize = 128;

/// Most bytes of all attributes of one event, as JSON: with its texts it fits in
/// a blob of its own, whatever the characters.
const MAX_ATTRIBUTES_BYTES: usize = 256 * 1024;

/// Longest span, in days.
pub(super) const MAX_DURATION_DAYS: u16 = 7;

/// The same in milliseconds.
pub(super) const MAX_DURATION_MS: f64 = MAX_DURATION_DAYS as f64 * 24.0 * 60.0 * 60.0 * 1000.0;

/// Cuts the parts of one event to their bounds, and remembers whether it had to.
#[derive(Debug)]
pub(super) struct Bounds {
    is_cut: bool,
    room: usize,
}

impl Bounds {
    /// Those of an event.
    pub(super) fn of_event() -> Self {
        Self::with_room(MAX_ATTRIBUTES_BYTES)
    }

    /// All attributes together may take `room` bytes as JSON.
    pub(super) fn with_room(room: usize) -> Self {
        Self {
            is_cut: false,
            room,
        }
    }

    /// Whether anything was cut or dropped.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Bytes that further attributes may take.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Notes that something was dropped.
    pub(super) fn note_cut(&mut self) {
        self.is_cut = true;
    }

    /// A text of at most `max` bytes.
    pub(super) fn text(&mut self, mut text: String, max: usize) -> String {
        if text.len() > max {
            text.truncate(text.floor_char_boundary(max));
            self.is_cut = true;
        }
        text
    }

    /// The first `max` of a list.
    pub(super) fn first<T>(&mut self, mut list: Vec<T>, max: usize) -> Vec<T> {
        self.is_cut |= list.len() > max;
        list.truncate(max);
        list
    }

    /// The attributes that there is room for. Null and absent are the same.
    pub(super) fn attributes(
        &mut self,
        attributes: impl IntoIterator<Item = (String, Value)>,
    ) -> Map<String, Value> {
        let mut kept = Map::new();
        let told = attributes.into_iter().filter(|(_, value)| !value.is_null());
        for (name, value) in told {
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

    /// Whether there was room for something else of `bytes`, which is taken now.
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

/// Bytes of an attribute as JSON: an escape makes six of one.
pub(super) fn json_len(name: &str, value: &Value) -> usize {
    Value::from(name).to_string().len() + value.to_string().len()
}
