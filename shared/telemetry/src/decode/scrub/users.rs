//! User names and passwords in addresses: `https://user:password@host/`.

use super::{Allowance, REDACTED, Replaced};

const BOTH: &str = "REDACTED:REDACTED";

/// Replaces the part before the `@` of every address.
pub(super) fn scrubbed(text: &str, allowance: &mut Allowance) -> Option<String> {
    const SCHEME_END: &str = "://";
    let mut replaced = Replaced::new(text, allowance);
    let mut from = 0;
    while let Some(found) = text[from..].find(SCHEME_END) {
        let start = from + found + SCHEME_END.len();
        let is_end = |c: char| c.is_ascii_whitespace() || "/?#\"'<>\\".contains(c);
        let authority = &text[start..];
        let authority = &authority[..authority.find(is_end).unwrap_or(authority.len())];
        if let Some(user) = authority.rfind('@').filter(|user| *user > 0) {
            let has_password = authority[..user].contains(':');
            let by = if has_password { BOTH } else { REDACTED };
            replaced.replace(start, start + user, by);
        }
        from = start + authority.len();
    }
    replaced.into_text()
}
