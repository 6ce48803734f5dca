//! Query strings and forms, read as leniently as GitHub reads them.

use std::collections::HashMap;

use url::form_urlencoded;

/// Decoded parameters by name; of a repeated one the first counts.
pub(super) struct Params(HashMap<String, String>);

impl Params {
    /// Reads `name=value&…`. Anything is a valid form: what makes no sense is not found.
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
