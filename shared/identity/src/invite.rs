//! Invites to an application. The token is shown once; only a hash of it is stored.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use upblit_base::ids::{ApplicationId, InviteId, UserId};
use upblit_base::random::{self, CryptoRng};

use crate::team::Role;

/// Time within which an invite can be accepted.
pub const INVITE_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Prefix of every token.
const PREFIX: &str = "upblit_invite_";

/// Length of the random part of a token, in characters of 5.95 bits.
const SECRET_CHARS: usize = 32;

/// A secret that makes its holder a member. It names the application and has 190 random bits.
pub struct InviteToken {
    application_id: ApplicationId,
    text: SecretString,
}

impl InviteToken {
    /// Generates a token for an application.
    pub fn generate(application_id: ApplicationId, rng: &mut impl CryptoRng) -> Self {
        let secret = random::base62(rng, SECRET_CHARS);
        Self {
            application_id,
            text: format!("{PREFIX}{application_id}{secret}").into(),
        }
    }

    /// Parses a token. Returns `None` if the format is wrong.
    pub fn parse(text: &SecretString) -> Option<Self> {
        let rest = text.expose_secret().strip_prefix(PREFIX)?;
        let (application_id, secret) = rest.split_at_checked(ApplicationId::LENGTH)?;
        let is_secret =
            secret.len() == SECRET_CHARS && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_secret.then_some(Self {
            application_id: application_id.parse().ok()?,
            text: text.clone(),
        })
    }

    /// Returns the application that the token is an invite to.
    pub fn application_id(&self) -> ApplicationId {
        self.application_id
    }

    /// Returns the id under which the invite is stored.
    pub fn id(&self) -> InviteId {
        let hash: [u8; 32] = Sha256::digest(self.expose()).into();
        let mut id = [0; InviteId::BYTES];
        id.copy_from_slice(&hash[..InviteId::BYTES]);
        InviteId::from_bytes(id)
    }

    /// Returns the text of the token, for the only response that contains it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for InviteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InviteToken").field(&self.id()).finish()
    }
}

/// Account that an invite is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    /// Id of the account. Only the id decides.
    pub user_id: UserId,
    /// Account name at GitHub when the invite was made. It can change.
    pub login: String,
}

/// An invite, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Application of which the holder of the token becomes a member.
    pub application_id: ApplicationId,
    /// Hash of the token.
    pub id: InviteId,
    /// Role of the new member.
    pub role: Role,
    /// The only account that can accept the invite. `None` if anyone who has the token can.
    pub only_for: Option<Invitee>,
    /// Owner who made the invite.
    pub invited_by: UserId,
    /// Time when it was made.
    pub created_at: Timestamp,
    /// Time from which it can no longer be accepted.
    pub expires_at: Timestamp,
}

impl Invite {
    /// Returns whether this user can accept the invite at `now`.
    pub fn is_open_for(&self, user_id: UserId, now: Timestamp) -> bool {
        let bound = self.only_for.as_ref();
        self.is_open(now) && bound.is_none_or(|invitee| invitee.user_id == user_id)
    }

    /// Returns whether the invite can still be accepted at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application() -> ApplicationId {
        "L6H9O5sHpHY".parse().unwrap()
    }

    #[test]
    fn a_token_parses_to_the_same_invite_and_is_not_in_debug_output() {
        let token = InviteToken::generate(application(), &mut random::rng());
        let text = SecretString::from(token.expose());
        let parsed = InviteToken::parse(&text).unwrap();
        assert_eq!(parsed.id(), token.id());
        assert_eq!(parsed.application_id(), application());
        assert!(!format!("{token:?}").contains(token.expose()));
    }

    #[test]
    fn texts_that_differ_slightly_from_a_token_do_not_parse() {
        let token = InviteToken::generate(application(), &mut random::rng());
        let text = token.expose();
        for other in [
            "",
            "upblit_invite_",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}a"),
            &format!("{text} "),
            &text.replace("_L", "_X"),
            &format!("{}\u{e9}", &text[..text.len() - 2]),
        ] {
            assert!(InviteToken::parse(&other.into()).is_none(), "{other}");
        }
    }

    #[test]
    fn an_invite_is_open_for_seven_days() {
        let created_at = Timestamp::UNIX_EPOCH;
        let invite = Invite {
            application_id: application(),
            id: InviteId::from_bytes([0; 16]),
            role: Role::Viewer,
            only_for: None,
            invited_by: UserId::new(1).unwrap(),
            created_at,
            expires_at: upblit_base::clock::after(created_at, INVITE_TTL),
        };
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert!(invite.is_open(at(604_799)));
        assert!(!invite.is_open(at(604_800)));
    }

    #[test]
    fn a_bound_invite_is_open_for_one_account_only() {
        let user = |id| UserId::new(id).unwrap();
        let created_at = Timestamp::UNIX_EPOCH;
        let invite = |only_for| Invite {
            application_id: application(),
            id: InviteId::from_bytes([0; 16]),
            role: Role::Viewer,
            only_for,
            invited_by: user(1),
            created_at,
            expires_at: upblit_base::clock::after(created_at, INVITE_TTL),
        };
        let bound = invite(Some(Invitee {
            user_id: user(2),
            login: "bob".to_owned(),
        }));
        assert!(bound.is_open_for(user(2), created_at));
        assert!(!bound.is_open_for(user(3), created_at));
        assert!(!bound.is_open_for(user(2), bound.expires_at));
        assert!(invite(None).is_open_for(user(3), created_at));
    }
}
