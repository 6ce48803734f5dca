//! Ids: as raw bytes if all are lower-case hexadecimal of the same length, as OpenTelemetry's
//! are; otherwise as texts.

use std::cmp::Ordering;

use data_encoding::HEXLOWER;
use foldhash::HashSet;

use super::{distinct, indexes, put_indexes};
use crate::chunk::bytes::{FormError, Reader, put_len};
use crate::chunk::codec::Rows;

/// Appends a list of ids. Its length is stored elsewhere.
pub(crate) fn put_ids(out: &mut Vec<u8>, ids: &[&str]) {
    let start = out.len();
    let width = ids.first().map_or(0, |id| id.len() / 2);
    if let Ok(width @ 1..) = u8::try_from(width)
        && ids.iter().all(|id| id.len() == 2 * usize::from(width))
    {
        out.push(width);
        let first = out.len();
        out.resize(first + usize::from(width) * ids.len(), 0);
        let slots = out[first..].chunks_mut(width.into());
        let mut packed = slots.zip(ids).map(|(slot, id)| {
            HEXLOWER
                .decode_mut(id.as_bytes(), slot)
                .is_ok_and(|bytes| bytes == slot.len())
        });
        if packed.all(|is_hex| is_hex) {
            return;
        }
        out.truncate(start);
    }
    out.push(0);
    for id in ids {
        put_len(out, id.len());
    }
    for id in ids {
        out.extend_from_slice(id.as_bytes());
    }
}

/// Ids that [`put_ids`] wrote.
pub(crate) enum IdList<'a> {
    /// Raw bytes, `width` for each id.
    Raw { bytes: &'a [u8], width: usize },
    /// Ids of any other format, as texts.
    Texts(Vec<&'a str>),
}

impl<'a> IdList<'a> {
    /// Reads `count` ids.
    pub(crate) fn read(reader: &mut Reader<'a>, count: usize) -> Result<Self, FormError> {
        let width = usize::from(reader.byte()?);
        if width > 0 {
            let bytes = reader.bytes(width.saturating_mul(count))?;
            return Ok(Self::Raw { bytes, width });
        }
        let lengths: Vec<usize> = (0..count)
            .map(|_| reader.count())
            .collect::<Result<_, _>>()?;
        let texts = lengths.into_iter().map(|length| reader.text_of(length));
        Ok(Self::Texts(texts.collect::<Result<_, _>>()?))
    }

    /// Returns the number of ids.
    fn len(&self) -> usize {
        match self {
            Self::Raw { bytes, width } => bytes.len() / width,
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Returns the id at an index; `None` beyond the end.
    pub(crate) fn get(&self, index: usize) -> Option<String> {
        match self {
            Self::Raw { bytes, width } => {
                let start = index.checked_mul(*width)?;
                let id = bytes.get(start..start + width)?;
                Some(HEXLOWER.encode(id))
            }
            Self::Texts(texts) => texts.get(index).copied().map(str::to_owned),
        }
    }

    /// Returns bytes that distinguish the id at an index from the others of this list; empty beyond
    /// the end.
    pub(crate) fn key(&self, index: usize) -> &[u8] {
        match self {
            Self::Raw { bytes, width } => bytes.chunks(*width).nth(index).unwrap_or_default(),
            Self::Texts(texts) => texts.get(index).copied().unwrap_or_default().as_bytes(),
        }
    }

    /// Returns the index of an id.
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        match self {
            Self::Raw { bytes, width } => {
                let wanted = HEXLOWER.decode(id.as_bytes()).ok()?;
                let same_width = wanted.len() == *width;
                same_width
                    .then(|| bytes.chunks(*width).position(|id| id == wanted))
                    .flatten()
            }
            Self::Texts(texts) => texts.iter().position(|text| *text == id),
        }
    }

    /// Compares the ids at two indexes as their texts compare.
    pub(crate) fn compare(&self, one: usize, other: usize) -> Ordering {
        self.key(one).cmp(self.key(other))
    }
}

/// Appends the distinct ids, and an index for each row.
pub(crate) fn put_id_column<'a>(out: &mut Vec<u8>, rows: impl Iterator<Item = Option<&'a str>>) {
    let (ids, codes) = distinct(rows, |id| id);
    put_len(out, ids.len());
    put_ids(out, &ids);
    put_indexes(out, &codes);
}

/// Ids by row; a row may have none.
pub(crate) struct IdColumn<'a> {
    ids: IdList<'a>,
    rows: Vec<u32>,
}

impl<'a> IdColumn<'a> {
    /// Reads what [`put_id_column`] wrote for `rows` rows.
    pub(crate) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Self, FormError> {
        let count = reader.count()?;
        let ids = IdList::read(reader, count)?;
        let rows = indexes(reader, rows, count)?;
        Ok(Self { ids, rows })
    }

    /// Returns the id of a row.
    pub(crate) fn get(&self, row: usize) -> Option<String> {
        let index = self.rows.get(row)?.checked_sub(1)?;
        self.ids.get(index as usize)
    }

    /// Returns the code of each row: the same for rows with the same id, 0 for rows without one.
    pub(crate) fn codes(&self) -> &[u32] {
        &self.rows
    }

    /// Returns whether each row is wanted.
    pub(crate) fn wanted(&self, rows: Rows<'_>) -> Vec<bool> {
        match rows {
            Rows::All => vec![true; self.rows.len()],
            Rows::OfTrace(id) => self.rows_with(id),
            Rows::OfTraces(ids) => self.rows_among(ids),
        }
    }

    /// Returns whether the id of each row is in the set.
    fn rows_among(&self, ids: &HashSet<&str>) -> Vec<bool> {
        let ids = (0..self.ids.len()).map(|index| {
            let id = self.ids.get(index);
            id.is_some_and(|id| ids.contains(&*id))
        });
        // Code 0 is that of rows without an id.
        let by_code: Vec<bool> = [false].into_iter().chain(ids).collect();
        let codes = self.rows.iter();
        codes
            .map(|code| by_code.get(*code as usize) == Some(&true))
            .collect()
    }

    /// Returns whether each row has this id.
    fn rows_with(&self, id: &str) -> Vec<bool> {
        let code = self.ids.position(id);
        let code = code.and_then(|place| u32::try_from(place + 1).ok());
        self.rows.iter().map(|row| Some(*row) == code).collect()
    }
}
