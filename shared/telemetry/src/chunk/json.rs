//! Reads JSON of stored chunks. A tree of tiny values takes a hundred times the memory of its text, so
//! the text is measured before the tree is built.

use serde::de::DeserializeOwned;

use super::bytes::FormError;
use super::memory;

/// Largest memory that the tree of one JSON text may take, in bytes. The tree of the largest event
/// takes less than half of it.
pub(super) const MAX_TREE: usize = 64 * 1024 * 1024;

/// Memory of a map, of a list, of the room for an element, and of a text without its characters, at
/// most, in bytes. A map has one node for at least five elements.
const MAP: usize = memory::NODE;
const LIST: usize = 144;
const ELEMENT: usize = 256;
const TEXT: usize = 32;

/// Reads a value.
///
/// # Errors
/// `damaged` when the text is not JSON of such a value, and [`FormError::TooLarge`] when the value
/// may take more than [`MAX_TREE`].
pub(super) fn read<T: DeserializeOwned>(text: &str, damaged: FormError) -> Result<T, FormError> {
    if tree_of(text.as_bytes()) > MAX_TREE {
        return Err(FormError::TooLarge);
    }
    serde_json::from_str(text).map_err(|_| damaged)
}

/// Returns the memory that the tree of a JSON text takes at most, in bytes.
pub(super) fn tree_of(json: &[u8]) -> usize {
    let mut memory = json.len();
    let mut is_text = false;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        memory += match (byte, is_text) {
            (b'"', _) => {
                is_text = !is_text;
                TEXT / 2
            }
            (b'\\', true) => {
                bytes.next();
                0
            }
            (_, true) => 0,
            (b'{', _) => MAP,
            (b'[', _) => LIST,
            (b',', _) => ELEMENT,
            _ => 0,
        };
    }
    memory
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_tree_of_a_text_takes_no_more_than_is_measured() {
        let texts = [
            "[]",
            r#""a""#,
            r#"[[[[0]]],[1,2,3,4,5],["a",""]]"#,
            r#"{"":{"":{"":0}},"a":{},"b":"\\\"{{{[["}"#,
            r#"[{"a":0},{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"k":1,"l":2,"m":3}]"#,
        ];
        for text in texts {
            let value: Value = read(text, FormError::TooLarge).unwrap();
            assert!(
                memory::of_value(&value) <= tree_of(text.as_bytes()),
                "{text}"
            );
        }
        assert!(tree_of(br#"["{{{{[[[[,,,,"]"#) < 300);
    }

    #[test]
    fn a_text_whose_tree_would_be_too_large_is_refused_before_it_is_built() {
        let text = format!("[{}0]", r#"{"":0},"#.repeat(1 << 17));
        assert_eq!(
            read::<Value>(&text, FormError::Damaged("no JSON")),
            Err(FormError::TooLarge)
        );
    }
}
