//! Positions in the export of what is stored about a user.

use upblit_base::cursor::{List, ListId, Position};
use upblit_base::ids::{ApplicationId, SessionId};

use crate::audit::AuditPosition;

/// The export of a user, one part after another.
#[derive(Debug, Clone, Copy)]
pub struct Export;

impl List for Export {
    const ID: ListId = ListId::Export;
    type Position = ExportPosition;
}

/// Where a page of the export begins: a part, and the last row of the part that was exported before
/// (`None` at the beginning of the part).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportPosition {
    /// Sessions after this one.
    Sessions(Option<SessionId>),
    /// Memberships of applications after this one.
    Memberships(Option<ApplicationId>),
    /// Entries of the account's audit log that are older than this one.
    AccountLog(Option<AuditPosition>),
    /// Entries and invites of applications after this one.
    Applications(Option<ApplicationId>),
    /// Entries of the audit log of an application that are older than this one.
    ApplicationLog(ApplicationId, AuditPosition),
}

impl Position for ExportPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let (part, rest) = match self {
            Self::Sessions(after) => (0, after.map(|id| id.as_bytes().to_vec())),
            Self::Memberships(after) => (1, after.map(|id| id.to_string().into())),
            Self::AccountLog(after) => (2, after.map(|at| at.to_bytes())),
            Self::Applications(after) => (3, after.map(|id| id.to_string().into())),
            Self::ApplicationLog(id, after) => {
                let bytes = [id.to_string().into_bytes(), after.to_bytes()].concat();
                (4, Some(bytes))
            }
        };
        [vec![part], rest.unwrap_or_default()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (part, rest) = bytes.split_first()?;
        Some(match part {
            0 => Self::Sessions(after(rest, session)?),
            1 => Self::Memberships(after(rest, application)?),
            2 => Self::AccountLog(after(rest, AuditPosition::from_bytes)?),
            3 => Self::Applications(after(rest, application)?),
            4 => {
                let (id, entry) = rest.split_at_checked(ApplicationId::LENGTH)?;
                Self::ApplicationLog(application(id)?, AuditPosition::from_bytes(entry)?)
            }
            _ => return None,
        })
    }
}

/// The row after which a part continues: `Some(None)` at its beginning, `None` for invalid bytes.
fn after<T>(bytes: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    if bytes.is_empty() {
        return Some(None);
    }
    parse(bytes).map(Some)
}

fn session(bytes: &[u8]) -> Option<SessionId> {
    Some(SessionId::from_bytes(bytes.try_into().ok()?))
}

fn application(bytes: &[u8]) -> Option<ApplicationId> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn positions() -> Vec<ExportPosition> {
        let session = SessionId::from_bytes([7; 16]);
        let application: ApplicationId = "L6H9O5sHpHY".parse().unwrap();
        let entry = AuditPosition {
            at: Timestamp::UNIX_EPOCH,
            random: *b"abcdEFGH",
        };
        vec![
            ExportPosition::Sessions(None),
            ExportPosition::Sessions(Some(session)),
            ExportPosition::Memberships(None),
            ExportPosition::Memberships(Some(application)),
            ExportPosition::AccountLog(None),
            ExportPosition::AccountLog(Some(entry)),
            ExportPosition::Applications(None),
            ExportPosition::Applications(Some(application)),
            ExportPosition::ApplicationLog(application, entry),
        ]
    }

    #[test]
    fn every_position_is_read_from_its_bytes() {
        for position in positions() {
            let bytes = position.to_bytes();
            assert_eq!(ExportPosition::from_bytes(&bytes), Some(position));
        }
    }

    #[test]
    fn longer_shorter_and_unknown_bytes_are_not_the_position() {
        for position in positions() {
            let bytes = position.to_bytes();
            let longer = [&bytes[..], b"a"].concat();
            assert_eq!(ExportPosition::from_bytes(&longer), None, "{position:?}");
            let shorter = &bytes[..bytes.len() - 1];
            let cut = ExportPosition::from_bytes(shorter);
            assert_ne!(cut, Some(position), "{position:?}");
        }
        assert_eq!(ExportPosition::from_bytes(&[5]), None);
        assert_eq!(ExportPosition::from_bytes(&[]), None);
    }
}
