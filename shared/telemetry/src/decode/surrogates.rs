//! Lone surrogates. JavaScript can cut a text between the two UTF-16 surrogates of a
//! character above U+FFFF, and then writes the one that is left as a `\u` escape, which
//! JSON parsers reject.

/// Length of an escape such as `\u0000`, in bytes.
const ESCAPE: usize = 6;

/// Escape that replaces a lone surrogate.
const REPLACEMENT: &str = "\\ufffd";

/// Replaces every lone surrogate in a JSON text by U+FFFD. Returns `None` if there is none. The text
/// keeps its length, because the escapes have the same length.
pub(super) fn replace_lone(json: &str) -> Option<String> {
    let mut replaced = String::new();
    // Everything before `copied` is in `replaced`; everything before `at` was inspected.
    let mut copied = 0;
    let mut at = 0;
    while let Some(next) = json[at..].find('\\') {
        at += next;
        match unit(json, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(json, at + ESCAPE), Some(0xDC00..=0xDFFF)) => {
                at += 2 * ESCAPE;
            }
            Some(0xD800..=0xDFFF) => {
                // Reserved at once: a text that grows leaves holes in memory, which together are
                // as large as the text.
                replaced.reserve_exact(json.len() - replaced.len());
                replaced.push_str(&json[copied..at]);
                replaced.push_str(REPLACEMENT);
                at += ESCAPE;
                copied = at;
            }
            Some(_) => at += ESCAPE,
            // All other escapes are two characters long. Invalid ones are left to the parser.
            None => at = json.ceil_char_boundary(at + 2),
        }
    }
    (copied > 0).then(|| replaced + &json[copied..])
}

/// Returns the UTF-16 code unit of the `\u` escape that starts at byte `at`, if there is one.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_surrogates_are_replaced() {
        for (json, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (
                r#""\udc19\ud83d\udc19\ud83d""#,
                Some(r#""\ufffd\ud83d\udc19\ufffd""#),
            ),
            (r#""\ud83d\ud83d\udc19""#, Some(r#""\ufffd\ud83d\udc19""#)),
            (r#""\ud83d\n\udc19""#, Some(r#""\ufffd\n\ufffd""#)),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\\ud83d""#, None),
            (r#""\ud83d\udc19 🐙 \u00e9 \"""#, None),
            (r#""\ud83""#, None),
            ("\"\\", None),
            ("\"\\é", None),
            ("", None),
        ] {
            assert_eq!(replace_lone(json).as_deref(), expected, "{json}");
        }
    }
}
