//! The path of a request and its parts.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{Error, Resource};

/// Extracts parameters of the path. If they cannot be decoded, the response is a 404 problem,
/// because no resource has such a path.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| Error::NotFound(Resource::Path))
    }
}

/// Returns the path with a leading slash and without duplicate or trailing slashes. Nothing else
/// changes: `%2F` is not a slash, and `..` is kept.
pub fn without_extra_slashes(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty());
    let path: String = names.map(|name| format!("/{name}")).collect();
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::without_extra_slashes;

    #[test]
    fn only_duplicate_and_trailing_slashes_are_removed() {
        for (path, expected) in [
            ("/v1/traces", "/v1/traces"),
            ("//v1/traces", "/v1/traces"),
            ("/v1//traces", "/v1/traces"),
            ("/v1/traces/", "/v1/traces"),
            ("///v1////traces//", "/v1/traces"),
            ("/", "/"),
            ("//", "/"),
            ("", "/"),
            ("/v1/./traces", "/v1/./traces"),
            ("/a/../v1/traces/", "/a/../v1/traces"),
            ("/v1%2Ftraces", "/v1%2Ftraces"),
            ("%2F/v1/traces", "/%2F/v1/traces"),
            ("\\v1/traces", "/\\v1/traces"),
        ] {
            assert_eq!(without_extra_slashes(path), expected, "{path}");
        }
    }
}
