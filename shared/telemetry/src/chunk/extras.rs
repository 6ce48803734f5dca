//! Fields that few events have. Each has a column only if some event of the chunk has it.

use foldhash::HashMap;

use super::bytes::{FormError, Reader};
use super::columns::{
    TextColumn, Texts, numbers, optional, put_numbers, put_optional, put_sparse, sparse,
};
use super::json;
use crate::event::{Note, Truncation};

/// Texts that were cut, as JSON. The same tag for both signals.
const TRUNCATIONS: u8 = 64;

/// Notes, each as the bit of its place in [`Note::ALL`]. The same tag for both signals.
const NOTES: u8 = 65;

const TEXTS: u8 = 0;
const NUMBERS: u8 = 1;
const TIMES: u8 = 2;
const SPARSE: u8 = 3;

/// Columns that are being written, each with a tag that names its field.
#[derive(Default)]
pub(super) struct Extras {
    count: u8,
    columns: Vec<u8>,
}

impl Extras {
    pub(super) fn texts<'a>(&mut self, tag: u8, values: impl Iterator<Item = Option<&'a str>>) {
        let column = TextColumn::of(values);
        if !column.distinct().is_empty() {
            self.begin(tag, TEXTS);
            column.write(&mut self.columns);
        }
    }

    pub(super) fn numbers(&mut self, tag: u8, values: impl Iterator<Item = Option<u32>> + Clone) {
        if values.clone().any(|value| value.is_some()) {
            self.begin(tag, NUMBERS);
            put_optional(&mut self.columns, values);
        }
    }

    /// Times in nanoseconds since the Unix epoch; 0 for none.
    pub(super) fn times(&mut self, tag: u8, values: &[i64]) {
        if values.iter().any(|value| *value != 0) {
            self.begin(tag, TIMES);
            put_numbers(&mut self.columns, values);
        }
    }

    pub(super) fn truncations<'a>(&mut self, values: impl Iterator<Item = &'a [Truncation]>) {
        let cut = values.enumerate().filter(|(_, cut)| !cut.is_empty());
        let cut: Vec<_> = cut
            .map(|(row, cut)| (row, serde_json::to_string(cut).unwrap_or_default()))
            .collect();
        if !cut.is_empty() {
            self.begin(TRUNCATIONS, SPARSE);
            put_sparse(&mut self.columns, &cut);
        }
    }

    pub(super) fn notes<'a>(&mut self, values: impl Iterator<Item = &'a [Note]> + Clone) {
        let bits = values.map(|notes| {
            let places = (0_u32..).zip(Note::ALL);
            let set = places.filter(|(_, note)| notes.contains(note));
            let bits: u32 = set.map(|(place, _)| 1 << place).sum();
            Some(bits).filter(|bits| *bits > 0)
        });
        self.numbers(NOTES, bits);
    }

    fn begin(&mut self, tag: u8, kind: u8) {
        self.count += 1;
        self.columns.extend([tag, kind]);
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.push(self.count);
        out.extend(self.columns);
    }
}

/// Columns that were read, by tag.
#[derive(Default)]
pub(super) struct ReadExtras<'a> {
    texts: HashMap<u8, Texts<'a>>,
    numbers: HashMap<u8, Vec<Option<u32>>>,
    times: HashMap<u8, Vec<i64>>,
    truncations: HashMap<usize, Vec<Truncation>>,
}

impl<'a> ReadExtras<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Self, FormError> {
        let mut read = Self::default();
        for _ in 0..reader.byte()? {
            let tag = reader.byte()?;
            match reader.byte()? {
                TEXTS => {
                    read.texts.insert(tag, Texts::read(reader, rows)?);
                }
                NUMBERS => {
                    read.numbers.insert(tag, optional(reader, rows)?);
                }
                TIMES => {
                    read.times.insert(tag, numbers(reader, rows)?);
                }
                SPARSE if tag == TRUNCATIONS => {
                    for (row, text) in sparse(reader, rows)? {
                        let cut = json::read(text, FormError::Damaged("truncations"))?;
                        read.truncations.insert(row, cut);
                    }
                }
                _ => return Err(FormError::Damaged("a column of an unknown field")),
            }
        }
        Ok(read)
    }

    pub(super) fn text(&self, tag: u8, row: usize) -> Option<String> {
        self.texts.get(&tag)?.owned(row)
    }

    pub(super) fn number(&self, tag: u8, row: usize) -> Option<u32> {
        *self.numbers.get(&tag)?.get(row)?
    }

    pub(super) fn time(&self, tag: u8, row: usize) -> Option<i64> {
        let time = *self.times.get(&tag)?.get(row)?;
        Some(time).filter(|time| *time != 0)
    }

    pub(super) fn notes(&self, row: usize) -> Vec<Note> {
        let bits = self.number(NOTES, row).unwrap_or_default();
        let places = (0_u32..).zip(Note::ALL);
        let set = places.filter(|(place, _)| bits >> place & 1 == 1);
        set.map(|(_, note)| note).collect()
    }

    pub(super) fn truncations(&mut self, row: usize) -> Vec<Truncation> {
        self.truncations.remove(&row).unwrap_or_default()
    }
}
