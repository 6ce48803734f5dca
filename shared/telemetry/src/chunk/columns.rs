//! Columns of the stored form: the values of one field of all events of a chunk, one after
//! the other, so that they compress well and can be read without the other fields.

mod ids;
mod numbers;
mod texts;

pub(super) use ids::{IdColumn, IdList, put_id_column, put_ids};
pub(super) use numbers::{Durations, numbers, optional, put_durations, put_numbers, put_optional};
pub(super) use texts::{TextColumn, Texts, put_texts};

use std::hash::Hash;

use foldhash::{HashMap, HashMapExt as _};

use super::bytes::{FormError, Reader, put, put_len};

/// Returns the index of a value among all values, counted from 1; 0 for none.
pub(super) fn code_of<T: PartialEq>(all: &[T], value: Option<T>) -> u32 {
    let place = value.and_then(|value| (1..).zip(all).find(|(_, other)| **other == value));
    place.map_or(0, |(code, _)| code)
}

/// Returns the value with a code of [`code_of`]; `None` for code 0.
pub(super) fn value_of<T: Copy>(all: &[T], code: Option<&u32>) -> Option<T> {
    let place = code?.checked_sub(1)?;
    all.get(place as usize).copied()
}

/// Returns the distinct values of a column in order of appearance, identified by their keys, and the
/// code of each row: the index of its value, counted from 1; 0 for none.
pub(super) fn distinct<T: Copy, K: Eq + Hash>(
    rows: impl Iterator<Item = Option<T>>,
    key: impl Fn(T) -> K,
) -> (Vec<T>, Vec<u32>) {
    let mut known = HashMap::<K, u32>::new();
    let mut distinct = Vec::new();
    let code = |row: Option<T>| {
        row.map_or(0, |value| {
            *known.entry(key(value)).or_insert_with(|| {
                distinct.push(value);
                u32::try_from(distinct.len()).unwrap_or(u32::MAX)
            })
        })
    };
    let codes = rows.map(code).collect();
    (distinct, codes)
}

/// All rows have the same index.
const SAME: u8 = 1;
/// Row `n` has index `n + 1`: every row is the first of its value.
const COUNTING: u8 = 2;
/// An index for each row.
const EACH: u8 = 0;

/// Appends an index for each row.
pub(super) fn put_indexes(out: &mut Vec<u8>, rows: &[u32]) {
    let first = rows.first().copied().unwrap_or_default();
    if rows.iter().all(|row| *row == first) {
        out.push(SAME);
        put(out, first.into());
    } else if rows.iter().zip(1..).all(|(row, counting)| *row == counting) {
        out.push(COUNTING);
    } else {
        out.push(EACH);
        for row in rows {
            put(out, (*row).into());
        }
    }
}

/// Reads an index for each of `rows` rows, none above `most`.
pub(super) fn indexes(
    reader: &mut Reader<'_>,
    rows: usize,
    most: usize,
) -> Result<Vec<u32>, FormError> {
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    match reader.byte()? {
        EACH => (0..rows).map(|_| reader.small(most)).collect(),
        SAME => Ok(vec![reader.small(most)?; rows]),
        COUNTING if rows <= most as usize => Ok((1..=most).take(rows).collect()),
        _ => Err(FormError::Damaged("a column of indexes")),
    }
}

/// Every row is present.
const ALL: u8 = 1;
/// A bit for each row follows.
const BITS: u8 = 0;

/// Appends which of `rows` rows have a value; `present` is in ascending order.
pub(super) fn put_presence(out: &mut Vec<u8>, present: &[u32], rows: usize) {
    if present.len() == rows {
        out.push(ALL);
    } else {
        out.push(BITS);
        put_bits(out, present, rows);
    }
}

/// Appends a bit for each of `rows` rows.
pub(super) fn put_bits(out: &mut Vec<u8>, set: &[u32], rows: usize) {
    let start = out.len();
    out.resize(start + rows.div_ceil(8), 0);
    for row in set {
        if let Some(byte) = out.get_mut(start + *row as usize / 8) {
            *byte |= 1 << (row % 8);
        }
    }
}

/// Reads which of `rows` rows have a value, in ascending order.
pub(super) fn presence(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<usize>, FormError> {
    match reader.byte()? {
        ALL => Ok((0..rows).collect()),
        BITS => bits(reader, rows),
        _ => Err(FormError::Damaged("a column's presence")),
    }
}

/// Reads which of `rows` bits are set, in ascending order.
pub(super) fn bits(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<usize>, FormError> {
    let bits = reader.bytes(rows.div_ceil(8))?;
    let is_set = |row: &usize| bits[row / 8] >> (row % 8) & 1 == 1;
    Ok((0..rows).filter(is_set).collect())
}

/// Appends values that few rows have: for each its row, and the text of the value.
pub(super) fn put_sparse(out: &mut Vec<u8>, values: &[(usize, String)]) {
    put_len(out, values.len());
    for (row, text) in values {
        put_len(out, *row);
        super::bytes::put_text(out, text);
    }
}

/// Reads what [`put_sparse`] wrote.
pub(super) fn sparse<'a>(
    reader: &mut Reader<'a>,
    rows: usize,
) -> Result<Vec<(usize, &'a str)>, FormError> {
    let count = reader.count()?;
    (0..count)
        .map(|_| Ok((reader.small(rows.saturating_sub(1))?, reader.text()?)))
        .collect()
}
