//! A column of texts: the distinct ones in order of appearance, and an index for each row.

use foldhash::HashMap;

use super::{indexes, put_indexes};
use crate::chunk::bytes::{FormError, Reader, put_len};

/// A column that is being written.
#[derive(Default)]
pub(crate) struct TextColumn<'a> {
    known: HashMap<&'a str, u32>,
    distinct: Vec<&'a str>,
    rows: Vec<u32>,
}

impl<'a> TextColumn<'a> {
    /// Creates a column of these values.
    pub(crate) fn of(values: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut column = Self::default();
        values.for_each(|value| column.push(value));
        column
    }

    /// Adds the value of the next row.
    pub(crate) fn push(&mut self, value: Option<&'a str>) {
        let index = value.map_or(0, |value| self.index_of(value));
        self.rows.push(index);
    }

    /// Returns the index of a text, counted from 1.
    fn index_of(&mut self, text: &'a str) -> u32 {
        // Successive rows often have the same value.
        if let Some(last) = self.rows.last()
            && self.distinct.get((*last as usize).wrapping_sub(1)) == Some(&text)
        {
            return *last;
        }
        *self.known.entry(text).or_insert_with(|| {
            self.distinct.push(text);
            u32::try_from(self.distinct.len()).unwrap_or(u32::MAX)
        })
    }

    /// Returns the distinct texts, in order of appearance.
    pub(crate) fn distinct(&self) -> &[&'a str] {
        &self.distinct
    }

    /// Appends the column.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_len(out, self.distinct.len());
        for text in &self.distinct {
            put_len(out, text.len());
        }
        for text in &self.distinct {
            out.extend_from_slice(text.as_bytes());
        }
        put_indexes(out, &self.rows);
    }
}

/// Appends the column of a text that events may have.
pub(crate) fn put_texts<'a, E>(
    out: &mut Vec<u8>,
    events: &[&'a E],
    text: impl Fn(&'a E) -> Option<&'a str>,
) {
    TextColumn::of(events.iter().map(|event| text(event))).write(out);
}

/// A column that was read.
pub(crate) struct Texts<'a> {
    distinct: Vec<&'a str>,
    rows: Vec<u32>,
}

impl<'a> Texts<'a> {
    /// Reads a column of `rows` rows.
    pub(crate) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Self, FormError> {
        let count = reader.count()?;
        let lengths: Vec<usize> = (0..count)
            .map(|_| reader.count())
            .collect::<Result<_, _>>()?;
        let distinct: Vec<&str> = lengths
            .into_iter()
            .map(|length| reader.text_of(length))
            .collect::<Result<_, _>>()?;
        let rows = indexes(reader, rows, distinct.len())?;
        Ok(Self { distinct, rows })
    }

    /// Returns the text of a row.
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        let index = *self.rows.get(row)? as usize;
        self.distinct.get(index.checked_sub(1)?).copied()
    }

    /// Returns a copy of the text of a row.
    pub(crate) fn owned(&self, row: usize) -> Option<String> {
        self.get(row).map(str::to_owned)
    }
}
