//! Ids and times, which both signals have.

use super::hex;
use crate::decode::layout::Reason;

/// An id of `N` bytes, not all zero, in lower-case hexadecimal.
pub(super) fn required<const N: usize>(field: &str, bytes: &[u8]) -> Result<String, Reason> {
    let id = optional::<N>(field, bytes)?;
    id.ok_or_else(|| Reason::new(field, format!("must be {N} bytes, not all zero")))
}

/// The same, or none: empty or all zero.
pub(super) fn optional<const N: usize>(
    field: &str,
    bytes: &[u8],
) -> Result<Option<String>, Reason> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if bytes.len() != N {
        return Err(Reason::new(field, format!("must be {N} bytes")));
    }
    Ok(Some(hex::encode(bytes)))
}

/// Nanoseconds since the Unix epoch; 0 is none.
pub(super) fn time(field: &str, nanos: u64) -> Result<Option<i64>, Reason> {
    let nanos = i64::try_from(nanos).map_err(|_| Reason::new(field, "is out of range"))?;
    Ok(Some(nanos).filter(|nanos| *nanos != 0))
}
