//! Cursors of paginated lists. A cursor contains only a version, the list and a position in it.
//! What a caller may read depends on the token and membership, never on the cursor.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Version of the encoding. Cursors with another version are rejected.
const VERSION: u8 = 1;

/// Identifies a paginated list. The number is part of the list's cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListId {
    /// Traces of an application.
    Traces = 1,
    /// Log records of an application.
    Logs = 2,
    /// Audit log of an application.
    ApplicationAudit = 3,
    /// Audit log of an account.
    AccountAudit = 4,
    /// API keys of an application.
    Keys = 5,
    /// Sessions of an account.
    Sessions = 6,
    /// Applications of a user.
    Applications = 7,
    /// Parts of a trace.
    Trace = 8,
    /// Export of an account.
    Export = 9,
    /// Metrics of an application.
    Metrics = 10,
    /// Deletion of telemetry.
    Deletion = 11,
}

/// A paginated list.
pub trait List {
    /// Identifies the list in its cursors.
    const ID: ListId;
    /// Position of a row in the list.
    type Position: Position;
}

/// Position of a row in a list. Contains no secret values.
pub trait Position: Sized {
    /// Encodes the position for a cursor.
    fn to_bytes(&self) -> Vec<u8>;

    /// Decodes the position from a cursor. Returns `None` for invalid bytes, because clients can
    /// forge cursors.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// Position in a list that is ordered by creation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CreationPosition {
    /// When the row was created, in milliseconds since 1970.
    pub created_ms: i64,
    /// Id of the row, which distinguishes rows of the same millisecond.
    pub id: String,
}

impl CreationPosition {
    /// Longest id, in bytes.
    const MAX_ID: usize = 64;
}

impl Position for CreationPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.created_ms.to_be_bytes().to_vec();
        bytes.extend(self.id.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (created_ms, id) = bytes.split_first_chunk()?;
        let id = str::from_utf8(id).ok()?;
        let is_id = (1..=Self::MAX_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_graphic());
        is_id.then(|| Self {
            created_ms: i64::from_be_bytes(*created_ms),
            id: id.to_owned(),
        })
    }
}

/// Sorts `rows` by position. Returns at most `limit` rows, beginning at `start`, and the position of
/// the row after them; `None` if they are the last.
pub fn page_of<T, K: Ord + Clone>(
    mut rows: Vec<T>,
    start: Option<&K>,
    limit: usize,
    position: impl Fn(&T) -> K,
) -> (Vec<T>, Option<K>) {
    rows.sort_by_cached_key(&position);
    let first = start.map_or(0, |start| {
        rows.partition_point(|row| position(row) < *start)
    });
    let mut page = rows.split_off(first);
    let rest = page.split_off(limit.min(page.len()));
    (page, rest.first().map(position))
}

/// Position of the next row in a list. The text is base64url(version ‖ list ‖ position).
pub struct Cursor<L: List>(pub L::Position);

/// The text is not a cursor of this list.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("is not one that this list returned")]
pub struct InvalidCursor;

impl<L: List> fmt::Display for Cursor<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION, L::ID as u8];
        bytes.extend(self.0.to_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl<L: List> FromStr for Cursor<L> {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let ([version, list], position) = bytes.split_first_chunk().ok_or(InvalidCursor)?;
        if (*version, *list) != (VERSION, L::ID as u8) {
            return Err(InvalidCursor);
        }
        let position = Position::from_bytes(position).ok_or(InvalidCursor)?;
        Ok(Self(position))
    }
}

impl<'de, L: List> Deserialize<'de> for Cursor<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<L: List> PartialSchema for Cursor<L> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[A-Za-z0-9_-]+$"))
            .into()
    }
}

impl<L: List> ToSchema for Cursor<L> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Number(u32);

    impl Position for Number {
        fn to_bytes(&self) -> Vec<u8> {
            self.0.to_be_bytes().into()
        }

        fn from_bytes(bytes: &[u8]) -> Option<Self> {
            bytes.try_into().map(u32::from_be_bytes).map(Self).ok()
        }
    }

    struct Traces;

    impl List for Traces {
        const ID: ListId = ListId::Traces;
        type Position = Number;
    }

    struct Logs;

    impl List for Logs {
        const ID: ListId = ListId::Logs;
        type Position = Number;
    }

    #[test]
    fn a_cursor_parses_only_for_its_own_list() {
        let text = Cursor::<Traces>(Number(7)).to_string();
        assert_eq!(
            text.parse::<Cursor<Traces>>().map(|cursor| cursor.0),
            Ok(Number(7))
        );
        assert_eq!(
            text.parse::<Cursor<Logs>>().map(|cursor| cursor.0),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn malformed_cursors_are_refused() {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        for text in [
            "",
            "x",
            "====",
            &encoded(&[]),
            &encoded(&[VERSION]),
            &encoded(&[VERSION, 1]),
            &encoded(&[VERSION, 1, 0, 0, 0]),
            &encoded(&[VERSION, 1, 0, 0, 0, 7, 0]),
            &encoded(&[VERSION, 9, 0, 0, 0, 7]),
            &encoded(&[VERSION + 1, 1, 0, 0, 0, 7]),
        ] {
            let parsed = text.parse::<Cursor<Traces>>();
            assert_eq!(
                parsed.map(|cursor| cursor.0),
                Err(InvalidCursor),
                "{text:?}"
            );
        }
    }
}
