//! Parses query strings and forms as leniently as GitHub does.

use std::collections::HashMap;

use url::form_urlencoded;

/// Decoded parameters by name. The first of repeated parameters is kept.
pub(super) struct Params(HashMap<String, String>);

impl Params {
    /// Parses `name=value&…`. Every input is valid; malformed parts are ignored.
    pub(super) fn parse(encoded: &[u8]) -> Self {
        let mut params = HashMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            params
                .entry(name.into_owned())
                .or_insert_with(|| value.into_owned());
        }
        Self(params)
    }

    /// The value, unless it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
