//! Values of `name=value` and `name: value`: in query strings, connection strings, cookies, messages,
//! JSON, and their like in other languages. The text is not parsed, because these may be a part of it,
//! cut, or quoted in other JSON any number of times.

use std::borrow::Cow;

use memchr::memchr2;

use super::names::{is_credential, is_credential_of_query};
use super::placeholders::{is_call, stands_for_a_value};
use super::quotes::{Quote, backslashes_before, value_end};
use super::{Allowance, REDACTED, Replaced, SCRUBBED};

/// Longest name that is read, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Schemes of `Authorization`, which have the credential after a space.
const SCHEMES: [&str; 3] = ["Basic", "Bearer", "Digest"];

/// Replaces the values of credentials.
pub(super) fn scrubbed(text: &str, allowance: &mut Allowance) -> Option<String> {
    let mut replaced = Replaced::new(text, allowance);
    let mut from = 0;
    while let Some(found) = memchr2(b'=', b':', &text.as_bytes()[from..]) {
        let at = from + found;
        from = at + 1;
        let Some(name) = Name::before(text, at) else {
            continue;
        };
        let separator = Separator::at(text.as_bytes(), at);
        if !separator.is_of_credential(name.text) {
            continue;
        }
        if let Some(value) = separator.value(text, &name) {
            replaced.replace(value.start, value.end, &value.by);
            from = value.end;
        }
    }
    replaced.into_text()
}

/// The name before a separator.
struct Name<'a> {
    text: &'a str,
    quote: Option<Quote>,
    /// Whether there is a space between name and separator.
    has_space: bool,
}

impl<'a> Name<'a> {
    /// `None` if there is none, or it is too long.
    fn before(text: &'a str, separator: usize) -> Option<Self> {
        let before = text[..separator].trim_ascii_end();
        let has_space = before.len() < separator;
        let bytes = before.as_bytes();
        let (text, quote) = match *bytes.last()? {
            mark @ (b'"' | b'\'') => {
                let backslashes = backslashes_before(bytes, bytes.len() - 1);
                let before = &before[..bytes.len() - 1 - backslashes];
                let start = before.len().saturating_sub(MAX_NAME_BYTES);
                let opening = before.as_bytes()[start..]
                    .iter()
                    .rposition(|byte| *byte == mark)?;
                (
                    &before[start + opening + 1..],
                    Some(Quote { mark, backslashes }),
                )
            }
            _ => (before.get(bytes.len() - length_of_name(bytes)?..)?, None),
        };
        Some(Self {
            text,
            quote,
            has_space,
        })
    }
}

/// Length of the name without quotes at the end of some bytes; `None` if it is too long.
fn length_of_name(bytes: &[u8]) -> Option<usize> {
    let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.[]%".contains(byte);
    let last = bytes.iter().rev().take(MAX_NAME_BYTES + 1);
    let length = last.take_while(is_of_name).count();
    (1..=MAX_NAME_BYTES).contains(&length).then_some(length)
}

/// A name with a dot for each character that a form escapes: letters and digits are not.
fn without_escapes(name: &str) -> Cow<'_, str> {
    let mut plain = Cow::Borrowed(name);
    while let Some(at) = plain.find('%') {
        let escape = plain.get(at + 1..at + 3).unwrap_or_default();
        let is_escape = escape.len() == 2 && escape.bytes().all(|byte| byte.is_ascii_hexdigit());
        let end = at + if is_escape { 3 } else { 1 };
        plain.to_mut().replace_range(at..end, ".");
    }
    plain
}

/// What is between name and value, such as `=`, `:` or `=>`.
struct Separator {
    end: usize,
    has_equals: bool,
    /// Whether it is one character.
    is_short: bool,
}

/// A value, and what replaces it.
struct Value {
    start: usize,
    end: usize,
    by: Cow<'static, str>,
}

impl Separator {
    fn at(bytes: &[u8], at: usize) -> Self {
        let short = at + 1;
        let more = bytes[short..].iter().take(2);
        let long = short + more.take_while(|byte| b"=>".contains(byte)).count();
        // A value may also begin with such a character.
        let next = bytes.get(long);
        let is_long =
            next.is_some_and(|next| next.is_ascii_whitespace() || b"\"'\\".contains(next));
        let end = if is_long { long } else { short };
        Self {
            end,
            has_equals: bytes[at..end].contains(&b'='),
            is_short: end == short,
        }
    }

    /// Whether the value of this name is a credential.
    fn is_of_credential(&self, name: &str) -> bool {
        let name = &*without_escapes(name);
        if self.has_equals {
            is_credential_of_query(name)
        } else {
            is_credential(name)
        }
    }

    /// The value, unless it is empty or no secret.
    fn value(&self, text: &str, name: &Name<'_>) -> Option<Value> {
        let bytes = text.as_bytes();
        let mark = if self.has_equals { REDACTED } else { SCRUBBED };
        let is_space = |byte: &&u8| match name.quote {
            Some(_) => byte.is_ascii_whitespace(),
            None => b" \t".contains(byte),
        };
        let spaces = bytes[self.end..].iter().take_while(is_space).count();
        let start = self.end + spaces;
        if let Some(quote) = Quote::at(bytes, start) {
            let start = start + quote.len();
            return Value::of(start, quote.end(bytes, start), mark.into());
        }
        if let Some(quote) = name.quote
            && matches!(bytes.get(start), Some(b'{' | b'[' | b'-' | b'0'..=b'9'))
        {
            let end = value_end(bytes, start, quote.mark);
            return Value::of(start, end, quote.around(mark).into());
        }
        // `a= b=c` has no value of a.
        let may_have_word = self.is_short && (spaces == 0 || name.has_space);
        let end = if self.has_equals {
            may_have_word.then(|| end_of_word(text, start, name.has_space))??
        } else {
            end_of_scheme(text, start)?
        };
        Value::of(start, end, mark.into())
    }
}

impl Value {
    fn of(start: usize, end: usize, by: Cow<'static, str>) -> Option<Self> {
        (start < end).then_some(Self { start, end, by })
    }
}

/// End of a value without quotes; `None` if it is no secret.
fn end_of_word(text: &str, start: usize, may_be_code: bool) -> Option<usize> {
    let value = &text[start..];
    if stands_for_a_value(value) || (may_be_code && is_call(value)) {
        return None;
    }
    end_of_scheme(text, start).or_else(|| Some(word_end(text.as_bytes(), start)))
}

/// End of a value that begins with a scheme, to which the word after it belongs.
fn end_of_scheme(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let begins_with = |scheme: &&str| {
        let word = bytes.get(start..start + scheme.len());
        word.is_some_and(|word| word.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let scheme = SCHEMES.into_iter().find(begins_with)?;
    let after = start + scheme.len();
    let end = (bytes.get(after) == Some(&b' ')).then(|| word_end(bytes, after + 1))?;
    (end > after + 1).then_some(end)
}

/// End of a word.
fn word_end(bytes: &[u8], start: usize) -> usize {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"&;#\"'<>".contains(byte);
    let length = bytes[start..].iter().position(is_end);
    let Some(end) = length.map(|length| start + length) else {
        return bytes.len();
    };
    match bytes[end] {
        // The quote is that of a text around the value.
        b'"' | b'\'' => end - backslashes_before(&bytes[start..], end - start),
        _ => end,
    }
}
