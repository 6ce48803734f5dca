//! Cuts the largest values of an event until it fits.
//!
//! An event consists of texts and of structure: names, numbers, lists and objects. Texts are cut to
//! the largest common length with which the event fits, so short ones stay whole. Structure is cut
//! only if it takes more than half of the room: lists and objects then keep their first elements.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::parts::{Bounded, Part, Place};
use super::{Bounds, MAX_NAME_BYTES, MAX_VALUE_BYTES};

/// Size of a value without its texts and elements, in bytes: about that of its JSON.
const SCALAR: usize = 8;
/// Size of a number with a fraction, in bytes.
const FRACTION: usize = 20;
/// Size of a part in a list, such as an event of a span, without its texts and attributes.
const PART: usize = 48;

/// Attribute that is always kept, because it names the service.
const SERVICE_NAME: &str = "service.name";

/// Returns the size of a value as JSON, in bytes.
pub(super) fn json_len(value: &impl Serialize) -> usize {
    let mut length = Length(0);
    // Only maps whose keys are not texts cannot be written, and there are none.
    let written = serde_json::to_writer(&mut length, value);
    written.map_or(0, |()| length.0)
}

/// Number of bytes that were written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts the largest values so that all parts together take at most `most` bytes.
pub(super) fn fit(bounded: &mut impl Bounded, most: usize, bounds: &mut Bounds) {
    let size = Size::of(bounded, usize::MAX);
    if size.total() <= most && size.longest <= MAX_VALUE_BYTES && !size.has_long_name {
        return;
    }
    let mut cuts = BTreeMap::new();
    let for_structure = most - size.texts.min(most / 2);
    let mut elements = usize::MAX;
    if size.structure > for_structure {
        // Lists of parts are cut before anything is counted again: they may be fifty times as long as
        // what fits.
        elements = longest_list(bounded, size.elements, for_structure);
        let limited = bounded.limit_lists(elements);
        cuts.extend(limited.into_iter().map(of_list));
        elements = most_elements(bounded, elements, for_structure);
        for (list, bytes) in bounded.limit_lists(elements).into_iter().map(of_list) {
            cuts.entry(list).or_insert(bytes);
        }
    }
    let size = Size::of(bounded, elements);
    let text = longest_text(bounded, elements, most.saturating_sub(size.structure));
    let limits = Limits { elements, text };
    for (place, part) in bounded.parts() {
        limits.cut(place, part, &mut cuts);
    }
    report(cuts, bounds);
}

/// Reports the largest cuts first, as an event lists only some of them.
fn report(cuts: BTreeMap<String, usize>, bounds: &mut Bounds) {
    let mut cuts: Vec<_> = cuts.into_iter().collect();
    cuts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    for (field, bytes) in cuts {
        bounds.cut(field, bytes);
    }
}

/// The size of all parts if each list and object keeps this many elements.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    structure: usize,
    texts: usize,
    /// Longest text.
    longest: usize,
    /// Largest number of elements of a list or object.
    elements: usize,
    has_long_name: bool,
}

impl Size {
    fn of(bounded: &mut impl Bounded, elements: usize) -> Self {
        let mut size = Self {
            elements: bounded.longest_list(),
            ..Self::default()
        };
        for (place, part) in bounded.parts() {
            if let Place::InList(_, index, _) = place {
                if index >= elements {
                    continue;
                }
                size.structure += PART;
            }
            match part {
                Part::Text(text) => size.add_text(text),
                Part::Values(values) => size.add_map(values, elements),
            }
        }
        size
    }

    fn total(&self) -> usize {
        self.structure + self.texts
    }

    fn add_text(&mut self, text: &str) {
        self.texts += text.len();
        self.longest = self.longest.max(text.len());
    }

    fn add_map(&mut self, values: &Map<String, Value>, elements: usize) {
        self.elements = self.elements.max(values.len());
        for (name, value) in values.iter().take(elements) {
            self.structure += SCALAR + name.len().min(MAX_NAME_BYTES);
            self.has_long_name |= name.len() > MAX_NAME_BYTES;
            self.add(value, elements);
        }
    }

    fn add(&mut self, value: &Value, elements: usize) {
        match value {
            Value::String(text) => self.add_text(text),
            Value::Number(number) if number.is_f64() => self.structure += FRACTION,
            Value::Null | Value::Bool(_) | Value::Number(_) => self.structure += SCALAR,
            Value::Array(values) => {
                self.elements = self.elements.max(values.len());
                for value in values.iter().take(elements) {
                    self.structure += SCALAR;
                    self.add(value, elements);
                }
            }
            Value::Object(values) => self.add_map(values, elements),
        }
    }
}

fn of_list((list, bytes): (&'static str, usize)) -> (String, usize) {
    (list.to_owned(), bytes)
}

/// Returns the largest number of elements, up to a factor of two, with which the longest list of parts
/// fits.
fn longest_list(bounded: &impl Bounded, mut elements: usize, room: usize) -> usize {
    let longest = bounded.longest_list();
    while elements > 1 && elements.min(longest) * PART > room {
        elements /= 2;
    }
    elements
}

/// Returns the largest number of elements, up to a factor of two, with which the structure fits.
fn most_elements(bounded: &mut impl Bounded, mut elements: usize, room: usize) -> usize {
    while elements > 1 && Size::of(bounded, elements).structure > room {
        elements /= 2;
    }
    elements
}

/// Returns the largest common length with which all texts together take at most `room` bytes.
fn longest_text(bounded: &mut impl Bounded, elements: usize, room: usize) -> usize {
    let mut lengths = Vec::new();
    for (_, part) in bounded.parts() {
        match part {
            Part::Text(text) => lengths.push(text.len()),
            Part::Values(values) => lengths_in_map(values, elements, &mut lengths),
        }
    }
    lengths.sort_unstable();
    let mut room = room;
    let mut left = lengths.len();
    for length in lengths {
        let share = room / left;
        if length > share {
            return share.min(MAX_VALUE_BYTES);
        }
        room -= length;
        left -= 1;
    }
    MAX_VALUE_BYTES
}

fn lengths_in_map(values: &Map<String, Value>, elements: usize, lengths: &mut Vec<usize>) {
    for value in values.values().take(elements) {
        lengths_in(value, elements, lengths);
    }
}

fn lengths_in(value: &Value, elements: usize, lengths: &mut Vec<usize>) {
    match value {
        Value::String(text) => lengths.push(text.len()),
        Value::Array(values) => {
            for value in values.iter().take(elements) {
                lengths_in(value, elements, lengths);
            }
        }
        Value::Object(values) => lengths_in_map(values, elements, lengths),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Limits that all values of an event share.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Maximum number of elements of a list or object.
    elements: usize,
    /// Longest text, in bytes.
    text: usize,
}

impl Limits {
    /// Cuts a part, and adds what was cut with its original size.
    fn cut(self, place: Place, part: Part<'_>, cuts: &mut BTreeMap<String, usize>) {
        match part {
            Part::Text(text) => {
                let bytes = text.len();
                if self.cut_text(text) {
                    cuts.insert(place.to_string(), bytes);
                }
            }
            Part::Values(values) => {
                for (name, value) in values.iter_mut() {
                    if self.is_exceeded_by(value) {
                        cuts.insert(format!("{place}/{name}"), original_size(value));
                        self.cut_value(value);
                    }
                }
                if self.is_exceeded_by_map(values) {
                    cuts.insert(place.to_string(), json_len(values));
                    self.cut_map(values);
                }
            }
        }
    }

    fn is_exceeded_by(self, value: &Value) -> bool {
        match value {
            Value::String(text) => text.len() > self.text,
            Value::Array(values) => {
                values.len() > self.elements || values.iter().any(|v| self.is_exceeded_by(v))
            }
            Value::Object(values) => {
                self.is_exceeded_by_map(values) || values.values().any(|v| self.is_exceeded_by(v))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Returns whether there are too many values, or a name is too long.
    fn is_exceeded_by_map(self, values: &Map<String, Value>) -> bool {
        values.len() > self.elements || values.keys().any(|name| name.len() > MAX_NAME_BYTES)
    }

    fn cut_value(self, value: &mut Value) {
        match value {
            Value::String(text) => {
                self.cut_text(text);
            }
            Value::Array(values) => {
                if values.len() > self.elements {
                    values.truncate(self.elements);
                    values.shrink_to_fit();
                }
                values.iter_mut().for_each(|value| self.cut_value(value));
            }
            Value::Object(values) => {
                self.cut_map(values);
                values.values_mut().for_each(|value| self.cut_value(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Cuts a text. Returns whether it was too long.
    fn cut_text(self, text: &mut String) -> bool {
        let is_long = text.len() > self.text;
        if is_long {
            text.truncate(text.floor_char_boundary(self.text));
            text.shrink_to_fit();
        }
        is_long
    }

    fn cut_map(self, values: &mut Map<String, Value>) {
        let mut kept = 0;
        values.retain(|name, _| {
            kept += 1;
            kept <= self.elements || name == SERVICE_NAME
        });
        let long = values.keys().filter(|name| name.len() > MAX_NAME_BYTES);
        for name in long.cloned().collect::<Vec<_>>() {
            let value = values.remove(&name).unwrap_or_default();
            let short = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
            values.insert(short.to_owned(), value);
        }
    }
}

/// Returns the size of a value: of a text itself, and of anything else as JSON.
fn original_size(value: &Value) -> usize {
    value.as_str().map_or_else(|| json_len(value), str::len)
}
