//! Reads large events within bounded memory. JSON of many tiny values takes a hundred times its size
//! once it is read, so beyond a budget, further elements of lists and objects are skipped.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Largest JSON that is read whole, in bytes.
pub(super) const SMALL: usize = 256 * 1024;

/// Memory that the structure of one event may take while it is decoded, in bytes: names, numbers,
/// lists and objects. The memory of texts is bounded by the size of the request.
pub(super) const BUDGET: usize = 24 * 1024 * 1024;

/// Memory of a value in a list, of a map, and of an entry of a map without its name, in bytes.
const VALUE: usize = 32;
const MAP: usize = 640;
const ENTRY: usize = 112;

/// Reads a JSON object. Returns whether elements were skipped.
///
/// # Errors
/// When the text is not an object.
pub(super) fn object(json: &str) -> Result<(Map<String, Value>, bool), serde_json::Error> {
    if json.len() <= SMALL {
        return Ok((serde_json::from_str(json)?, false));
    }
    let left = Cell::new(BUDGET);
    let is_cut = Cell::new(false);
    let budget = Budget {
        left: &left,
        is_cut: &is_cut,
    };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = budget.deserialize(&mut deserializer)?;
    deserializer.end()?;
    match value {
        Value::Object(object) => Ok((object, is_cut.get())),
        _ => Err(Error::custom("expected an object")),
    }
}

/// What is left of the memory for one event.
#[derive(Clone, Copy)]
struct Budget<'a> {
    left: &'a Cell<usize>,
    is_cut: &'a Cell<bool>,
}

impl Budget<'_> {
    /// Takes this many bytes. Takes nothing and returns `false` if fewer are left.
    fn take(self, bytes: usize) -> bool {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or(self.left.get()));
        self.is_cut.set(self.is_cut.get() || left.is_none());
        left.is_some()
    }
}

impl<'de> DeserializeSeed<'de> for Budget<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Budget<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while self.take(VALUE) {
            match items.next_element_seed(self)? {
                Some(value) => read.push(value),
                None => return Ok(read.into()),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(read.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        self.take(MAP);
        while let Some(name) = entries.next_key::<String>()? {
            if self.take(ENTRY + name.len()) {
                read.insert(name, entries.next_value_seed(self)?);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(read.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(json: &str) -> String {
        format!("{json}{}", " ".repeat(SMALL))
    }

    #[test]
    fn a_large_object_is_read_as_a_small_one_is() {
        let json =
            r#"{"a":[1,-2,1.5,1e300,18446744073709551615,"é\n",null,true],"b":{"c":{}},"b":2}"#;
        let (small, _) = object(json).unwrap();
        assert_eq!(object(&padded(json)).unwrap(), (small, false));
        for wrong in ["[]", "1", "{", r#"{"a":1e999}"#, "{} x"] {
            assert!(object(&padded(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn elements_beyond_the_budget_are_skipped() {
        for (many, most) in [
            (format!("[{}1]", "1,".repeat(2_000_000)), 800_000),
            (format!("[{}{{}}]", r#"{"a":1},"#.repeat(200_000)), 40_000),
        ] {
            let (read, is_cut) = object(&format!(r#"{{"a":"kept","b":{many},"c":3}}"#)).unwrap();
            let list = read["b"].as_array().unwrap();
            assert!(
                is_cut && (most / 2..most).contains(&list.len()),
                "{}",
                list.len()
            );
            assert_eq!(read["a"], "kept");
        }
    }
}
