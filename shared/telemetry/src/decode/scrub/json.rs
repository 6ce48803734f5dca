//! Values of JSON in texts, such as messages of structured logs. The text is not parsed, as JSON may be
//! a part of it, cut, or quoted in other JSON.

use super::names::is_credential;
use super::{Replaced, SCRUBBED};

/// Replaces the values of credentials by a text.
pub(super) fn scrubbed(text: &str) -> Replaced<'_> {
    let bytes = text.as_bytes();
    let mut replaced = Replaced::new(text);
    let mut from = 0;
    while let Some(found) = bytes[from..].iter().position(|byte| *byte == b':') {
        let colon = from + found;
        from = colon + 1;
        if !name_before(text, colon).is_some_and(is_credential) {
            continue;
        }
        let start = from + white(&bytes[from..]);
        match bytes.get(start) {
            Some(b'"') => {
                let end = start + 1 + string_len(&bytes[start + 1..]);
                if end > start + 1 {
                    replaced.replace(start + 1, end, SCRUBBED);
                }
                from = (end + 1).min(bytes.len());
            }
            Some(b'\\') if bytes.get(start + 1) == Some(&b'"') => {
                let start = start + 2;
                let end = start + quoted_len(&bytes[start..]);
                if end > start {
                    replaced.replace(start, end, SCRUBBED);
                }
                from = end;
            }
            Some(b'{' | b'[' | b'-' | b'0'..=b'9') => {
                let end = start + value_len(&bytes[start..]);
                replaced.replace(start, end, "\"[scrubbed]\"");
                from = end;
            }
            // Booleans and null, or no JSON.
            _ => {}
        }
    }
    replaced
}

/// The name in quotes before a colon.
fn name_before(text: &str, colon: usize) -> Option<&str> {
    let before = text[..colon].trim_ascii_end().strip_suffix('"')?;
    // Names of credentials are short.
    let window = &before.as_bytes()[before.len().saturating_sub(64)..];
    let length = window.iter().rev().position(|byte| *byte == b'"')?;
    before.get(before.len() - length..)
}

fn white(bytes: &[u8]) -> usize {
    let is_white = |byte: &&u8| byte.is_ascii_whitespace();
    bytes.iter().take_while(is_white).count()
}

/// Length of a string after its opening quote, without the closing one.
fn string_len(bytes: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = bytes.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.unwrap_or(bytes.len())
}

/// Length of a string in quoted JSON, before its closing `\\"`.
fn quoted_len(bytes: &[u8]) -> usize {
    let end = bytes.windows(2).position(|two| two == b"\\\"");
    end.unwrap_or(bytes.len())
}

/// Length of a number, list or object.
fn value_len(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += 1 + string_len(&bytes[at + 1..]),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return at + depth,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            byte if byte.is_ascii_whitespace() && depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}
