//! Ids: as raw bytes if all are lower-case hexadecimal of the same length, as OpenTelemetry's
//! are; otherwise as texts.

use data_encoding::HEXLOWER;

use crate::chunk::bytes::{FormError, Reader, put_len};

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

    /// The id at an index; `None` beyond the end.
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

    /// Index of an id.
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
}
