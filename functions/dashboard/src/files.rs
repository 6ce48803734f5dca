//! The embedded files, and the response for each.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::encoding::Encoding;

/// `Cache-Control` of files that the next release may change: the browser asks each time.
pub(crate) const REVALIDATED: &str = "no-cache";

/// `Cache-Control` of files with a hash of the contents in their address.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A file with its encodings.
pub(crate) struct File {
    /// Path of its URL, beginning with `/`.
    pub(crate) path: &'static str,
    content_type: &'static str,
    /// Hash of the contents before encoding.
    hash: &'static str,
    is_immutable: bool,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

/// All files. `build.rs` writes the list.
pub(crate) static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

impl File {
    /// Returns 200 with the preferred encoding, or 304 if the client has the file already.
    pub(crate) fn response(&'static self, asked: &HeaderMap) -> Response {
        // The tag is weak, because all encodings of a file share it.
        let etag = format!("W/\"{}\"", self.hash);
        let mut response = if is_known(&etag, asked) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.encoded(Encoding::preferred(asked))
        };
        let headers = response.headers_mut();
        let cache = if self.is_immutable {
            IMMUTABLE
        } else {
            REVALIDATED
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::try_from(etag) {
            headers.insert(ETAG, etag);
        }
        response
    }

    fn encoded(&'static self, encoding: Encoding) -> Response {
        let body = match encoding {
            Encoding::Brotli => self.brotli,
            Encoding::Gzip => self.gzip,
            Encoding::Identity => self.plain,
        };
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(name) = encoding.name() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }
}

/// Returns whether `If-None-Match` names this entity tag, by weak comparison (RFC 9110, section
/// 8.8.3.2).
fn is_known(etag: &str, asked: &HeaderMap) -> bool {
    let strong = etag.trim_start_matches("W/");
    let tags = asked.get_all(IF_NONE_MATCH).iter();
    let mut tags = tags.filter_map(|value| value.to_str().ok());
    tags.any(|tags| {
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == strong)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn every_encoding_has_the_same_contents() {
        for file in FILES {
            let mut text = Vec::new();
            GzDecoder::new(file.gzip).read_to_end(&mut text).unwrap();
            assert_eq!(text, file.plain, "{}", file.path);
            let mut text = Vec::new();
            brotli::BrotliDecompress(&mut &*file.brotli, &mut text).unwrap();
            assert_eq!(text, file.plain, "{}", file.path);
        }
    }
}
