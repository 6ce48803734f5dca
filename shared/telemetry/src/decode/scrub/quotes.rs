//! Quotes in texts of JSON that are quoted in other JSON. Each time, the backslashes before a quote are
//! doubled and one is added: `"`, `\"`, `\\\"`.

use memchr::memchr;

/// The quote at the beginning and the end of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quote {
    /// `"` or `'`.
    pub(super) mark: u8,
    /// Number of backslashes before it.
    pub(super) backslashes: usize,
}

impl Quote {
    /// The quote at a position, if there is one.
    pub(super) fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let backslashes = backslashes_from(bytes, at);
        let mark = *bytes.get(at + backslashes)?;
        b"\"'".contains(&mark).then_some(Self { mark, backslashes })
    }

    /// Its length in bytes.
    pub(super) fn len(self) -> usize {
        self.backslashes + 1
    }

    /// A text in these quotes.
    pub(super) fn around(self, text: &str) -> String {
        let backslashes = "\\".repeat(self.backslashes);
        let mark = char::from(self.mark);
        format!("{backslashes}{mark}{text}{backslashes}{mark}")
    }

    /// End of the text that begins at a position with this quote before it: where the closing quote,
    /// or that of a text around it, begins; of a text that was cut, its end.
    ///
    /// A backslash in the text is two where it is first quoted, and then doubled with each further
    /// quotation. So only what a run of backslashes has beyond these says what its quote is.
    pub(super) fn end(self, bytes: &[u8], start: usize) -> usize {
        let backslash = 2 * self.len();
        let mut from = start;
        while let Some(found) = memchr(self.mark, &bytes[from..]) {
            let at = from + found;
            let backslashes = backslashes_before(&bytes[from..], found);
            let own = backslashes % backslash;
            let is_end = own <= self.backslashes;
            if is_end && !self.is_doubled(bytes, start, at) {
                return at - own;
            }
            from = at + if is_end { 2 } else { 1 };
        }
        bytes.len()
    }

    /// Whether the quote at a position stands for one in the text, as in SQL.
    fn is_doubled(self, bytes: &[u8], start: usize, at: usize) -> bool {
        let is_of_sql = self.mark == b'\'' && self.backslashes == 0;
        is_of_sql && at > start && bytes.get(at + 1) == Some(&self.mark)
    }
}

/// Number of backslashes from a position on.
fn backslashes_from(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| **byte == b'\\').count()
}

/// Number of backslashes directly before a position.
pub(super) fn backslashes_before(bytes: &[u8], at: usize) -> usize {
    let before = bytes[..at].iter().rev();
    before.take_while(|byte| **byte == b'\\').count()
}

/// End of the number, list or object that begins at a position, in JSON whose names are in these
/// quotes.
pub(super) fn value_end(bytes: &[u8], start: usize, mark: u8) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        let quote = matches!(byte, b'"' | b'\'' | b'\\').then(|| Quote::at(bytes, at));
        // In JSON, a single quote is a character like others.
        let quote = quote
            .flatten()
            .filter(|quote| b'"' == quote.mark || quote.mark == mark);
        if let Some(quote) = quote {
            if depth == 0 {
                return at;
            }
            at += quote.len();
            at = quote.end(bytes, at) + quote.len();
            continue;
        }
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return at + depth,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            b'\\' => at += backslashes_from(bytes, at) - 1,
            byte if byte.is_ascii_whitespace() && depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}
