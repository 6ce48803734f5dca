//! Attributes of all events of a chunk: a column for each key, with the rows that have it.

use foldhash::{HashMap, HashMapExt as _};
use serde_json::{Map, Value};

use super::bytes::{FormError, Reader, put_len, put_signed, put_text};
use super::columns::{TextColumn, Texts, bits, presence, put_bits, put_presence};
use super::{json, memory};

const TEXTS: u8 = 1;
const INTEGERS: u8 = 2;
/// One integer that is the value of all rows.
const SAME_INTEGER: u8 = 3;
const BOOLEANS: u8 = 4;
const DOUBLES: u8 = 5;
/// Values of different types, or lists and objects, as JSON.
const JSON: u8 = 6;

/// The values of one attribute.
pub(super) struct AttributeColumn<'a> {
    pub(super) key: &'a str,
    /// Rows that have the attribute, in ascending order.
    rows: Vec<u32>,
    pub(super) values: Vec<&'a Value>,
}

/// Sorts the attributes of all rows into columns, in order of the keys' first appearance.
pub(super) fn columns<'a>(
    attributes: impl Iterator<Item = &'a Map<String, Value>>,
) -> Vec<AttributeColumn<'a>> {
    let mut known = HashMap::<&str, usize>::new();
    let mut columns: Vec<AttributeColumn<'a>> = Vec::new();
    for (row, attributes) in (0..).zip(attributes) {
        for (place, (key, value)) in attributes.iter().enumerate() {
            // Successive rows often have the same keys.
            let at = match columns.get(place) {
                Some(column) if column.key == key => place,
                _ => *known.entry(key).or_insert(columns.len()),
            };
            match columns.get_mut(at) {
                Some(column) => {
                    column.rows.push(row);
                    column.values.push(value);
                }
                None => columns.push(AttributeColumn {
                    key,
                    rows: vec![row],
                    values: vec![value],
                }),
            }
        }
    }
    columns
}

/// Appends the columns of `rows` rows.
pub(super) fn put(out: &mut Vec<u8>, columns: &[AttributeColumn<'_>], rows: usize) {
    put_len(out, columns.len());
    for column in columns {
        put_text(out, column.key);
    }
    for column in columns {
        put_presence(out, &column.rows, rows);
        column.put_values(out);
    }
}

impl AttributeColumn<'_> {
    fn put_values(&self, out: &mut Vec<u8>) {
        if let Some(texts) = self.all(Value::as_str) {
            out.push(TEXTS);
            TextColumn::of(texts.into_iter().map(Some)).write(out);
        } else if let Some(integers) = self.all(Value::as_i64) {
            put_integers(out, &integers);
        } else if let Some(booleans) = self.all(Value::as_bool) {
            out.push(BOOLEANS);
            let set: Vec<u32> = (0..)
                .zip(&booleans)
                .filter_map(|(row, value)| value.then_some(row))
                .collect();
            put_bits(out, &set, booleans.len());
        } else if let Some(doubles) = self.all(as_double) {
            out.push(DOUBLES);
            for double in doubles {
                out.extend_from_slice(&double.to_le_bytes());
            }
        } else {
            out.push(JSON);
            for value in &self.values {
                put_text(out, &value.to_string());
            }
        }
    }

    /// Returns the values, if `read` accepts all of them.
    fn all<'b, T>(&'b self, read: impl Fn(&'b Value) -> Option<T>) -> Option<Vec<T>> {
        self.values.iter().map(|value| read(value)).collect()
    }
}

/// Returns a number that JSON writes with a fraction. Integers beyond 64 bits stay JSON.
fn as_double(value: &Value) -> Option<f64> {
    value.as_f64().filter(|_| value.is_f64())
}

fn put_integers(out: &mut Vec<u8>, integers: &[i64]) {
    let first = integers.first().copied().unwrap_or_default();
    if integers.iter().all(|integer| *integer == first) {
        out.push(SAME_INTEGER);
        put_signed(out, first);
    } else {
        out.push(INTEGERS);
        for integer in integers {
            put_signed(out, *integer);
        }
    }
}

/// Reads the attributes of those of `rows` rows that are `wanted`; the others stay empty.
pub(super) fn read(
    reader: &mut Reader<'_>,
    rows: usize,
    wanted: &[bool],
) -> Result<Vec<Map<String, Value>>, FormError> {
    let count = reader.count()?;
    let keys: Vec<&str> = (0..count)
        .map(|_| reader.text())
        .collect::<Result<_, _>>()?;
    let mut read = vec![Map::new(); rows];
    for key in keys {
        let rows = presence(reader, rows)?;
        // Unwanted rows are charged too, because the limit also bounds the time.
        reader.take_memory(rows.len().saturating_mul(memory::ENTRY))?;
        let mut target = Target {
            key,
            rows,
            wanted,
            read: &mut read,
        };
        target.read_values(reader)?;
    }
    for attributes in &read {
        let entries = attributes.len();
        reader.take_memory(memory::of_nodes(entries) - entries * memory::ENTRY)?;
    }
    Ok(read)
}

/// Destination of the values of one attribute.
struct Target<'a> {
    key: &'a str,
    /// Rows that have the attribute.
    rows: Vec<usize>,
    wanted: &'a [bool],
    read: &'a mut [Map<String, Value>],
}

impl Target<'_> {
    fn read_values(&mut self, reader: &mut Reader<'_>) -> Result<(), FormError> {
        let count = self.rows.len();
        match reader.byte()? {
            TEXTS => {
                let texts = Texts::read(reader, count)?;
                for place in 0..count {
                    self.insert(reader, place, || Ok(texts.get(place).into()))?;
                }
            }
            INTEGERS => {
                for place in 0..count {
                    let integer = reader.signed()?;
                    self.insert(reader, place, || Ok(integer.into()))?;
                }
            }
            SAME_INTEGER => {
                let integer = reader.signed()?;
                for place in 0..count {
                    self.insert(reader, place, || Ok(integer.into()))?;
                }
            }
            BOOLEANS => {
                let set = bits(reader, count)?;
                for place in 0..count {
                    self.insert(reader, place, || {
                        Ok(set.binary_search(&place).is_ok().into())
                    })?;
                }
            }
            DOUBLES => {
                for place in 0..count {
                    let mut bytes = [0; 8];
                    bytes.copy_from_slice(reader.bytes(8)?);
                    self.insert(reader, place, || Ok(f64::from_le_bytes(bytes).into()))?;
                }
            }
            JSON => {
                for place in 0..count {
                    let json = reader.text()?;
                    self.insert(reader, place, || {
                        json::read(json, FormError::Damaged("an attribute is not JSON"))
                    })?;
                }
            }
            _ => return Err(FormError::Damaged("the type of an attribute")),
        }
        Ok(())
    }

    /// Sets the attribute of the row at `place`, if that row is wanted.
    fn insert(
        &mut self,
        reader: &mut Reader<'_>,
        place: usize,
        value: impl FnOnce() -> Result<Value, FormError>,
    ) -> Result<(), FormError> {
        let row = self.rows.get(place).copied();
        if let Some(row) = row.filter(|row| self.wanted.get(*row) == Some(&true))
            && let Some(attributes) = self.read.get_mut(row)
        {
            let value = value()?;
            reader.take_memory(memory::of_text(self.key) + memory::of_value(&value))?;
            attributes.insert(self.key.to_owned(), value);
        }
        Ok(())
    }
}
