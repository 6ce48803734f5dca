//! Conversion of ids and times, shared by both signals.

use crate::decode::layout::EventError;
use data_encoding::HEXLOWER;

/// Converts an id of `N` bytes, not all zero, to lower-case hexadecimal.
pub(super) fn required<const N: usize>(field: &str, bytes: &[u8]) -> Result<String, EventError> {
    let id = optional::<N>(field, bytes)?;
    id.ok_or_else(|| EventError::new(field, format!("must be {N} bytes, not all zero")))
}

/// Like [`required`], but `None` if empty or all zero.
pub(super) fn optional<const N: usize>(
    field: &str,
    bytes: &[u8],
) -> Result<Option<String>, EventError> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if bytes.len() != N {
        return Err(EventError::new(field, format!("must be {N} bytes")));
    }
    Ok(Some(HEXLOWER.encode(bytes)))
}

/// Converts nanoseconds since the Unix epoch; 0 means absent.
pub(super) fn time(field: &str, nanos: u64) -> Result<Option<i64>, EventError> {
    let nanos = i64::try_from(nanos).map_err(|_| EventError::new(field, "is out of range"))?;
    Ok(Some(nanos).filter(|nanos| *nanos != 0))
}
