//! Values of `name=value`, in query strings, connection strings, cookies and messages.

use super::names::is_credential_of_query;
use super::{REDACTED, Replaced};

/// Longest name that is read, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Replaces the values of credentials.
pub(super) fn scrubbed(text: &str) -> Replaced<'_> {
    let bytes = text.as_bytes();
    let mut replaced = Replaced::new(text);
    let mut from = 0;
    while let Some(found) = bytes[from..].iter().position(|byte| *byte == b'=') {
        let equals = from + found;
        from = equals + 1;
        if !is_credential_of_query(name_before(text, equals)) {
            continue;
        }
        let (start, end) = value_after(bytes, from);
        if start < end {
            replaced.replace(start, end, REDACTED);
        }
        from = end;
    }
    replaced
}

/// The name that ends at a position; empty if it is too long.
fn name_before(text: &str, end: usize) -> &str {
    let bytes = text.as_bytes();
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.[]%".contains(byte);
    let length = bytes[..end]
        .iter()
        .rev()
        .take(MAX_NAME_BYTES + 1)
        .take_while(|byte| is_of_name(byte))
        .count();
    if length > MAX_NAME_BYTES {
        return "";
    }
    &text[end - length..end]
}

/// Start and end of the value at a position, without its quotes.
fn value_after(bytes: &[u8], start: usize) -> (usize, usize) {
    let quote = bytes.get(start).filter(|byte| b"\"'".contains(byte));
    let start = start + usize::from(quote.is_some());
    let is_end = |byte: &u8| match quote {
        Some(quote) => byte == quote,
        None => byte.is_ascii_whitespace() || b"&;#\"'<>".contains(byte),
    };
    let end_after = |at: usize| {
        let length = bytes[at..].iter().position(is_end);
        length.map_or(bytes.len(), |length| at + length)
    };
    let end = end_after(start);
    // The scheme of `Authorization`, with the credential after a space.
    let is_scheme = ["Basic", "Bearer", "Digest"]
        .iter()
        .any(|scheme| bytes[start..end].eq_ignore_ascii_case(scheme.as_bytes()));
    if is_scheme && bytes.get(end) == Some(&b' ') {
        return (start, end_after(end + 1));
    }
    (start, end)
}
