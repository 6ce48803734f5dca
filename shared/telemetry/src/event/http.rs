//! Method, URL and status of an HTTP request in OpenTelemetry's attributes. Chunks omit a method
//! and URL that these functions find, so the lists of names are part of the stored form: a new
//! name needs a new form.

use serde_json::{Map, Value};

/// Attributes that hold the HTTP method, newest convention first.
const METHOD: &[&str] = &["http.request.method", "http.method"];

/// Attributes that hold the URL, most complete first.
const URL: &[&str] = &[
    "url.full",
    "http.url",
    "url.path",
    "http.target",
    "http.route",
];

/// Attributes that hold the HTTP status, newest convention first.
const STATUS: &[&str] = &["http.response.status_code", "http.status_code"];

/// Returns the HTTP method of a span, from the current or the older attribute of OpenTelemetry.
pub(crate) fn method_of(attributes: &Map<String, Value>) -> Option<&str> {
    first_text(attributes, METHOD)
}

/// Returns the URL, or the most complete part of it that is present.
pub(crate) fn url_of(attributes: &Map<String, Value>) -> Option<&str> {
    first_text(attributes, URL)
}

/// Returns the HTTP status. The conventions require a number; some SDKs send its digits.
pub(crate) fn status_of(attributes: &Map<String, Value>) -> Option<u16> {
    let read = |value: &Value| match value {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64().and_then(|number| number.try_into().ok()),
    };
    let mut found = STATUS
        .iter()
        .filter_map(|name| read(attributes.get(*name)?));
    found.find(|status| (100..=599).contains(status))
}

/// Returns the first of these attributes that is a non-empty string.
fn first_text<'a>(attributes: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    let mut texts = names
        .iter()
        .filter_map(|name| attributes.get(*name)?.as_str());
    texts.find(|text| !text.is_empty())
}
