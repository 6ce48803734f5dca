//! The header `Content-Encoding`.

use super::InflateError;

/// Longest part of a header that an error quotes, in characters.
const MAX_QUOTED_CHARS: usize = 40;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

impl ContentEncoding {
    /// Reads the list of encodings in a header. Ignores empty items (RFC 9110, section 5.6.1.2), and
    /// `identity` and `none`, with which clients say that a body is not compressed.
    ///
    /// # Errors
    /// When an encoding is not supported, or when there is more than one.
    pub(super) fn of_header(list: &str) -> Result<Self, InflateError> {
        let lowercase = list.to_ascii_lowercase();
        let items = lowercase.split(',').map(str::trim);
        let mut named = items.filter(|item| !matches!(*item, "" | "identity" | "none"));
        match (named.next(), named.next()) {
            (None, _) => Ok(Self::Identity),
            (Some("gzip" | "x-gzip"), None) => Ok(Self::Gzip),
            // HTTP's deflate is zlib (RFC 9110, section 8.4.1.2). The Collector has both names.
            (Some("deflate" | "zlib"), None) => Ok(Self::Deflate),
            (Some("zstd"), None) => Ok(Self::Zstd),
            _ => {
                let quoted = lowercase.trim().chars().take(MAX_QUOTED_CHARS);
                Err(InflateError::UnknownEncoding(quoted.collect()))
            }
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}
