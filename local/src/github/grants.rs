//! Codes and tokens that the stand-in issued. They are kept in memory, and only the latest
//! thousand of each, so that the memory of a long run is bounded.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use shared::base::clock;
use shared::base::random::{self, CryptoRng};

use super::login::Login;

/// Lifetime of a code. GitHub: "The code expires after 10 minutes".
const CODE_TTL: Duration = Duration::from_secs(600);
/// Largest number of codes, and of tokens.
const CAPACITY: usize = 1_000;

/// An authorization that a user gave to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) login: Login,
    pub(super) scopes: Vec<String>,
    /// PKCE: the S256 challenge whose verifier must come with the code.
    pub(super) challenge: Option<String>,
}

/// Codes that can be redeemed, and issued access tokens.
#[derive(Default)]
pub(super) struct Grants {
    codes: Latest<(Grant, Timestamp)>,
    tokens: Latest<Grant>,
}

impl Grants {
    /// Issues a code, valid for ten minutes.
    pub(super) fn issue_code(
        &mut self,
        grant: Grant,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> String {
        let code = random::base62(rng, 20);
        self.codes
            .insert(code.clone(), (grant, clock::after(now, CODE_TTL)));
        code
    }

    /// Exchanges a code for a token. Returns `None` if the code is unknown or expired, or the
    /// verifier is wrong. The first attempt invalidates the code even if it fails, so a verifier
    /// cannot be guessed.
    pub(super) fn redeem(
        &mut self,
        code: &str,
        verifier: Option<&str>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Option<(String, Grant)> {
        let (grant, expires) = self.codes.take(code)?;
        if now >= expires || !verifies(grant.challenge.as_deref(), verifier) {
            return None;
        }
        let token = format!("gho_{}", random::base62(rng, 36));
        self.tokens.insert(token.clone(), grant.clone());
        Some((token, grant))
    }

    /// The grant that a token was issued for.
    pub(super) fn by_token(&self, token: &str) -> Option<&Grant> {
        self.tokens.get(token)
    }
}

/// Checks a PKCE verifier (RFC 7636 §4.6, S256). A verifier without a challenge is ignored, as
/// GitHub does.
fn verifies(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(challenge), Some(verifier)) => {
            URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge
        }
    }
}

/// A map that drops its oldest entry when full.
struct Latest<T>(VecDeque<(String, T)>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Latest<T> {
    fn insert(&mut self, key: String, value: T) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back((key, value));
    }

    fn get(&self, key: &str) -> Option<&T> {
        self.0
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value)
    }

    fn take(&mut self, key: &str) -> Option<T> {
        let index = self.0.iter().position(|(k, _)| k == key)?;
        self.0.remove(index).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Test vector of RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn grant(challenge: Option<&str>) -> Grant {
        let login = "octocat".parse().unwrap();
        Grant {
            login,
            scopes: vec!["read:user".into()],
            challenge: challenge.map(Into::into),
        }
    }

    fn issued(challenge: Option<&str>) -> (Grants, String) {
        let mut grants = Grants::default();
        let code = grants.issue_code(grant(challenge), NOW, &mut random::rng());
        (grants, code)
    }

    #[test]
    fn a_code_is_exchanged_once() {
        let (mut grants, code) = issued(None);
        let (token, granted) = grants.redeem(&code, None, NOW, &mut random::rng()).unwrap();
        assert_eq!(grants.by_token(&token), Some(&granted));
        assert!(token.starts_with("gho_") && token.len() == 40);
        assert!(
            grants
                .redeem(&code, None, NOW, &mut random::rng())
                .is_none()
        );
        assert!(grants.by_token("gho_unknown").is_none());
    }

    #[test]
    fn a_code_expires_after_ten_minutes() {
        let at = |seconds| clock::after(NOW, Duration::from_secs(seconds));
        let (mut grants, code) = issued(None);
        assert!(
            grants
                .redeem(&code, None, at(600), &mut random::rng())
                .is_none()
        );
        let (mut grants, code) = issued(None);
        assert!(
            grants
                .redeem(&code, None, at(599), &mut random::rng())
                .is_some()
        );
    }

    #[test]
    fn a_wrong_verifier_invalidates_the_code() {
        for wrong in [None, Some(""), Some(CHALLENGE), Some("dBjftJeZ4CVP")] {
            let (mut grants, code) = issued(Some(CHALLENGE));
            assert!(
                grants
                    .redeem(&code, wrong, NOW, &mut random::rng())
                    .is_none(),
                "{wrong:?}"
            );
            assert!(
                grants
                    .redeem(&code, Some(VERIFIER), NOW, &mut random::rng())
                    .is_none()
            );
        }
        let (mut grants, code) = issued(Some(CHALLENGE));
        assert!(
            grants
                .redeem(&code, Some(VERIFIER), NOW, &mut random::rng())
                .is_some()
        );
    }

    #[test]
    fn only_the_latest_thousand_are_kept() {
        let mut latest = Latest::default();
        (0..=CAPACITY).for_each(|n| latest.insert(n.to_string(), n));
        assert_eq!(
            (latest.get("0"), latest.get("1"), latest.0.len()),
            (None, Some(&1), 1_000)
        );
    }
}
