//! Halves of characters. JavaScript cuts texts anywhere, and writes the half of a
//! character beyond U+FFFF that is left as an escape that means nothing alone.

/// Length of `\u0000`.
const ESCAPE: usize = 6;

/// What stands for a half.
const REPLACEMENT: &str = "\\ufffd";

/// The same JSON with U+FFFD for every half; `None` when there is none.
pub(super) fn mended(json: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(next) = json[at..].find('\\') {
        at += next;
        match unit(json, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(json, at + ESCAPE), Some(0xDC00..=0xDFFF)) => {
                at += 2 * ESCAPE;
            }
            Some(0xD800..=0xDFFF) => {
                mended.push_str(&json[kept..at]);
                mended.push_str(REPLACEMENT);
                at += ESCAPE;
                kept = at;
            }
            Some(_) => at += ESCAPE,
            // Any other escape is this long; what is none is not for us to tell.
            None => at = json.ceil_char_boundary(at + 2),
        }
    }
    (kept > 0).then(|| mended + &json[kept..])
}

/// The UTF-16 unit of the escape that starts here.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_are_replaced() {
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
            assert_eq!(mended(json).as_deref(), expected, "{json}");
        }
    }
}
