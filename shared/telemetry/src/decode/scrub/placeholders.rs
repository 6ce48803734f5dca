//! What stands where a secret may stand: placeholders of SQL statements and templates, and code.

use super::names::is_credential;

/// Values that say that there is none, or whether there is one.
const NO_VALUES: [&str; 7] = ["None", "null", "NULL", "nil", "undefined", "true", "false"];

/// Whether a text begins with a value that stands for another one or for none: `$1`, `?`, `:password`,
/// `%s`, `${PASSWORD}`, `***`, `null`. The rest of a statement may follow after a comma or parenthesis.
pub(super) fn stands_for_a_value(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_whitespace() || ",)&;#\"'<>\\".contains(c);
    let length = no_value(text).or_else(|| placeholder(text));
    let rest = length.and_then(|length| text.get(length..));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(is_end))
}

fn no_value(value: &str) -> Option<usize> {
    let mut found = NO_VALUES.iter().filter(|word| value.starts_with(**word));
    found.next().map(|word| word.len())
}

/// Length of the placeholder at the beginning of a value.
fn placeholder(value: &str) -> Option<usize> {
    let rest = value.get(1..)?;
    let word = word(rest);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match value.as_bytes()[0] {
        b'?' => Some(1 + digits),
        b'$' if rest.starts_with('{') => Some(1 + braces(rest, |_| true)?),
        b'$' if digits > 0 => Some(1 + digits),
        b'$' | b':' | b'@' => is_name(word).then_some(1 + word.len()),
        b'%' if rest.starts_with('(') => {
            let name = self::word(&rest[1..]);
            let is_closed = rest[1 + name.len()..].starts_with(")s");
            is_closed.then_some(name.len() + 4)
        }
        b'%' => rest.starts_with(['s', 'd']).then_some(2),
        b'{' => braces(value, |word| word.is_empty() || is_name(word)),
        b'*' => Some(value.bytes().take_while(|byte| *byte == b'*').count()),
        _ => None,
    }
}

/// Length of a word in one or more pairs of braces, or of the opening ones if a space follows.
fn braces(value: &str, is_wanted: impl Fn(&str) -> bool) -> Option<usize> {
    let open = value.bytes().take_while(|byte| *byte == b'{').count();
    let rest = &value[open..];
    let word = word(rest);
    if open > 1 && rest.starts_with(' ') {
        return Some(open);
    }
    let after = rest[word.len()..].bytes().take(open);
    let closed = after.filter(|byte| *byte == b'}').count();
    (closed == open && is_wanted(word)).then_some(open + word.len() + open)
}

fn word(text: &str) -> &str {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    &text[..text.bytes().take_while(is_of_word).count()]
}

/// Whether a word names a parameter: like a credential, or like `p1`. Passwords may also begin with a
/// colon.
fn is_name(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = word.len() - letters.len();
    is_credential(word) || ((1..=5).contains(&letters.len()) && (1..=3).contains(&digits))
}

/// Whether a value begins like the call of a function.
pub(super) fn is_call(value: &str) -> bool {
    let is_of_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:".contains(byte);
    let path = value.bytes().take_while(is_of_path).count();
    path > 0 && value.as_bytes().get(path) == Some(&b'(')
}
