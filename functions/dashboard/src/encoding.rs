//! The encoding of a response, chosen by `Accept-Encoding` (RFC 9110, section 12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Encodings of the embedded files, smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// Value of `Content-Encoding`. `None` for a file that is not encoded.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Returns the smallest encoding that the client accepts. A client that accepts none gets the
    /// file without encoding.
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let accepts = |name: &str| is_accepted(headers, name);
        [Self::Brotli, Self::Gzip]
            .into_iter()
            .find(|encoding| encoding.name().is_some_and(accepts))
            .unwrap_or(Self::Identity)
    }
}

/// Returns whether an encoding is accepted: by its name or, if it is not listed, by `*`.
fn is_accepted(headers: &HeaderMap, name: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let items: Vec<(&str, bool)> = values
        .flat_map(|value| value.split(','))
        .map(item)
        .collect();
    let find = |name: &str| {
        let found = items
            .iter()
            .find(|(listed, _)| listed.eq_ignore_ascii_case(name));
        found.map(|(_, is_accepted)| *is_accepted)
    };
    find(name).or_else(|| find("*")).unwrap_or(false)
}

/// Parses an item: the name of an encoding, and whether its weight is above zero. An invalid weight
/// counts as zero.
fn item(text: &str) -> (&str, bool) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let is_accepted =
        weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
    (name, is_accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_accepted_encoding_is_used() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("br", Encoding::Brotli),
            ("BR;q=0.1, gzip;q=1.0", Encoding::Brotli),
            ("*", Encoding::Brotli),
            ("*, br;q=0", Encoding::Gzip),
            ("gzip", Encoding::Gzip),
            ("gzip;q=0.001,br; q=0.000", Encoding::Gzip),
            ("", Encoding::Identity),
            ("deflate, zstd", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("br;q=x, gzip;q=", Encoding::Identity),
            ("br;q=NaN", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("identity;q=0", Encoding::Identity),
            (";;,,=", Encoding::Identity),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, accepted.parse().unwrap())]);
            assert_eq!(Encoding::preferred(&headers), expected, "{accepted}");
        }
        assert_eq!(Encoding::preferred(&HeaderMap::new()), Encoding::Identity);
    }
}
