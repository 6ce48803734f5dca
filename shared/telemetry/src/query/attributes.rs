//! Filters by attribute.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::chunk::filter::Term;
use crate::chunk::summary::Summary;
use crate::event::ResourceScope;

/// Maximum number of attribute filters in a query.
const MOST: usize = 8;

/// Longest filter, in characters.
const MAX_CHARS: usize = 1000;

/// Texts that are an [`AttributeFilter`], as a regular expression.
const PATTERN: &str = r"^([^:\\]|\\[:\\])+:";

/// Condition that an event or its resource has an attribute with exactly this value. Matches texts,
/// booleans and numbers, and never lists and objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFilter {
    key: String,
    value: String,
}

/// The text is not an [`AttributeFilter`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "must be a key, a colon and a value, of at most {MAX_CHARS} characters; `\\` before a colon or `\\` of the key"
)]
pub struct InvalidAttribute;

impl FromStr for AttributeFilter {
    type Err = InvalidAttribute;

    /// Reads `key:value`. The key ends at the first colon that does not follow a backslash.
    fn from_str(text: &str) -> Result<Self, InvalidAttribute> {
        if text.chars().count() > MAX_CHARS {
            return Err(InvalidAttribute);
        }
        let mut key = String::new();
        let mut rest = text.chars();
        loop {
            match rest.next().ok_or(InvalidAttribute)? {
                ':' => break,
                '\\' => match rest.next() {
                    Some(escaped @ (':' | '\\')) => key.push(escaped),
                    _ => return Err(InvalidAttribute),
                },
                character => key.push(character),
            }
        }
        if key.is_empty() {
            return Err(InvalidAttribute);
        }
        let value = rest.as_str().to_owned();
        Ok(Self { key, value })
    }
}

impl AttributeFilter {
    /// Returns whether an event with these attributes, and this resource, meets the condition.
    pub(super) fn matches(
        &self,
        attributes: &Map<String, Value>,
        resource_scope: Option<&ResourceScope>,
    ) -> bool {
        let own = attributes.get(&self.key);
        let of_resource = resource_scope.and_then(|shared| shared.resource.get(&self.key));
        let mut values = own.into_iter().chain(of_resource);
        values.any(|value| is_written_as(value, &self.value))
    }

    /// Returns whether a chunk with this summary may hold such an event. The filter of a summary
    /// has no numbers.
    pub(super) fn may_match(&self, summary: &Summary) -> bool {
        let may_be_number = self.value.parse::<f64>().is_ok();
        may_be_number || summary.may_hold(Term::Pair(&self.key, &self.value))
    }
}

/// Returns whether a value is written as this text. `1` also matches the number 1.0.
fn is_written_as(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Bool(value) => text == if *value { "true" } else { "false" },
        Value::Number(number) if number.is_f64() => number.as_f64() == text.parse().ok(),
        Value::Number(number) => number.to_string() == text,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Up to eight [`AttributeFilter`]s; an event must meet all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeFilters(Vec<AttributeFilter>);

impl AttributeFilters {
    /// Returns whether an event meets all conditions.
    pub(super) fn match_all(
        &self,
        attributes: &Map<String, Value>,
        resource_scope: Option<&ResourceScope>,
    ) -> bool {
        let mut filters = self.0.iter();
        filters.all(|filter| filter.matches(attributes, resource_scope))
    }

    /// Returns whether a chunk with this summary may hold an event that meets all conditions.
    pub(super) fn may_match(&self, summary: &Summary) -> bool {
        self.0.iter().all(|filter| filter.may_match(summary))
    }
}

impl FromIterator<AttributeFilter> for AttributeFilters {
    fn from_iter<I: IntoIterator<Item = AttributeFilter>>(filters: I) -> Self {
        Self(filters.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for AttributeFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for AttributeFilters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AtMost)
    }
}

struct AtMost;

impl<'de> Visitor<'de> for AtMost {
    type Value = AttributeFilters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MOST} attribute filters")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<AttributeFilters, A::Error> {
        let mut filters = Vec::new();
        while let Some(filter) = items.next_element()? {
            if filters.len() == MOST {
                return Err(A::Error::custom(format_args!(
                    "must be given at most {MOST} times"
                )));
            }
            filters.push(filter);
        }
        Ok(AttributeFilters(filters))
    }
}

impl PartialSchema for AttributeFilters {
    fn schema() -> RefOr<Schema> {
        let filter = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(PATTERN))
            .max_length(Some(MAX_CHARS));
        ArrayBuilder::new()
            .items(filter)
            .max_items(Some(MOST))
            .into()
    }
}

impl ToSchema for AttributeFilters {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(key: &str, value: &str) -> Result<AttributeFilter, InvalidAttribute> {
        Ok(AttributeFilter {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }

    #[test]
    fn a_key_ends_at_the_first_colon_without_a_backslash() {
        for (text, expected) in [
            ("customer:7", filter("customer", "7")),
            ("url:http://a:80/", filter("url", "http://a:80/")),
            (r"aws\:tag:a\b", filter("aws:tag", r"a\b")),
            (r"a\\:b", filter(r"a\", "b")),
            ("empty:", filter("empty", "")),
            ("a\nb: c ", filter("a\nb", " c ")),
            ("", Err(InvalidAttribute)),
            ("key", Err(InvalidAttribute)),
            (":value", Err(InvalidAttribute)),
            (r"a\b:c", Err(InvalidAttribute)),
            (r"key\", Err(InvalidAttribute)),
            (r"key\:", Err(InvalidAttribute)),
        ] {
            assert_eq!(text.parse(), expected, "{text:?}");
        }
        let long = |length: usize| format!("k:{}", "é".repeat(length - 2)).parse();
        assert!(long(MAX_CHARS).is_ok_and(|found: AttributeFilter| found.key == "k"));
        assert_eq!(long(MAX_CHARS + 1), Err(InvalidAttribute));
    }

    #[test]
    fn texts_booleans_and_numbers_match_as_they_are_written() {
        for (value, texts) in [
            (json!("Ada"), &["Ada"][..]),
            (json!(""), &[""]),
            (json!(true), &["true"]),
            (json!(false), &["false"]),
            (json!(503), &["503"]),
            (json!(-7), &["-7"]),
            (
                json!(18_446_744_073_709_551_615_u64),
                &["18446744073709551615"],
            ),
            (json!(1.0), &["1", "1.0", "1e0"]),
            (json!(0.25), &["0.25", ".25"]),
            (json!(["a"]), &[]),
            (json!({ "a": 1 }), &[]),
            (json!(null), &[]),
        ] {
            for text in [
                "Ada",
                "ada",
                "",
                "true",
                "false",
                "503",
                "503.0",
                "-7",
                "1",
                "1.0",
                "1e0",
                "0.25",
                ".25",
                "18446744073709551615",
                "18446744073709551616",
                "[\"a\"]",
                "a",
                "null",
            ] {
                let is_written = is_written_as(&value, text);
                assert_eq!(is_written, texts.contains(&text), "{value} {text}");
            }
        }
    }

    #[test]
    fn the_attribute_of_an_event_or_of_its_resource_may_match() {
        let own = json!({ "region": "eu" });
        let resource_scope = ResourceScope {
            resource: json!({ "region": "us" }).as_object().unwrap().clone(),
            ..ResourceScope::default()
        };
        for (filter, matches) in [("region:eu", true), ("region:us", true), ("region:", false)] {
            let filter: AttributeFilter = filter.parse().unwrap();
            let found = filter.matches(own.as_object().unwrap(), Some(&resource_scope));
            assert_eq!(found, matches);
        }
    }
}
