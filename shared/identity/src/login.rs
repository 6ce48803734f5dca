//! Login attempts: sign-ins in progress. The `state` sent to GitHub, the PKCE verifier
//! (RFC 7636), the return path and the client's own state are encrypted in one cookie per attempt.
//! So several tabs can sign in at the same time, and nothing is stored in tables.

use std::time::Duration;

use aws_lc_rs::constant_time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::authorization_code::CodeChallenge;
use crate::signing::SigningKeys;
use upblit_base::clock;
use upblit_base::random::{self, CryptoRng};

mod client_state;

pub use client_state::{ClientState, InvalidClientState};

/// Time that a user may take to sign in at GitHub.
pub const LOGIN_TTL: Duration = Duration::from_secs(600);

/// Length of the flow id, which identifies the attempt, at the start of `state`. In characters.
const FLOW_ID_CHARS: usize = 11;

/// Length of the secret part of `state`, in characters of 5.95 bits.
const STATE_SECRET_CHARS: usize = 32;

/// Maximum length of `return_to`, in bytes.
const MAX_RETURN_TO_BYTES: usize = 512;

/// Maximum number of unfinished attempts per browser. Each is a cookie that is part of every
/// request, and API Gateway limits headers to 10,240 bytes.
pub const MAX_ATTEMPTS: usize = 5;

/// One sign-in in progress, from the redirect to GitHub to the callback.
#[derive(Serialize, Deserialize)]
pub struct LoginAttempt {
    #[serde(rename = "s")]
    state: String,
    #[serde(rename = "v")]
    pkce_verifier: String,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    return_to: Option<ReturnTo>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    code_challenge: Option<CodeChallenge>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    client_state: Option<ClientState>,
    #[serde(rename = "e")]
    expires_at_ms: i64,
}

/// Reason why a callback does not match a login attempt of the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LoginRefusal {
    /// No login attempt of the browser has this state.
    #[error("the sign-in was not started in this browser")]
    UnknownState,
    /// The attempt is older than [`LOGIN_TTL`].
    #[error("the sign-in took too long")]
    Expired,
}

impl LoginAttempt {
    /// Starts an attempt. With a challenge, the sign-in ends with an authorization code that is
    /// bound to it.
    pub fn start(
        return_to: Option<ReturnTo>,
        code_challenge: Option<CodeChallenge>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self {
            state: random::base62(rng, FLOW_ID_CHARS + STATE_SECRET_CHARS),
            // 43 characters of RFC 7636's unreserved set: 256 bits.
            pkce_verifier: random::base62(rng, 43),
            return_to,
            code_challenge,
            client_state: None,
            expires_at_ms: clock::after(now, LOGIN_TTL).as_millisecond(),
        }
    }

    /// Adds the value that the frontend gets back at the end of the sign-in.
    #[must_use]
    pub fn with_client_state(self, client_state: Option<ClientState>) -> Self {
        Self {
            client_state,
            ..self
        }
    }

    /// Returns the `state` parameter for GitHub.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Returns the PKCE verifier, which GitHub gets with the code. The redirect has its
    /// challenge.
    pub fn pkce_verifier(&self) -> &str {
        &self.pkce_verifier
    }

    /// Returns the path on the frontend to open after the sign-in.
    pub fn return_to(&self) -> Option<&ReturnTo> {
        self.return_to.as_ref()
    }

    /// Returns the challenge for the authorization code, if the client requested a code.
    pub fn code_challenge(&self) -> Option<&CodeChallenge> {
        self.code_challenge.as_ref()
    }

    /// Returns the value that the frontend gets back, if it sent one.
    pub fn client_state(&self) -> Option<&ClientState> {
        self.client_state.as_ref()
    }

    /// Returns the id of the attempt, which is part of the cookie's name.
    pub fn flow_id(&self) -> &str {
        &self.state[..FLOW_ID_CHARS]
    }

    /// Returns the flow id in a `state` from a callback, or `None` if the format is wrong.
    pub fn flow_id_in(state: &str) -> Option<&str> {
        let ours = state.len() == FLOW_ID_CHARS + STATE_SECRET_CHARS
            && state.bytes().all(|b| b.is_ascii_alphanumeric());
        ours.then(|| &state[..FLOW_ID_CHARS])
    }

    /// Returns the attempt as a cookie value, encrypted and authenticated with AES-256-GCM. The
    /// flow id is the associated data.
    ///
    /// Returns `None` if the cryptographic library fails, which no input can cause.
    pub fn seal(&self, keys: &SigningKeys) -> Option<String> {
        let plain = serde_json::to_vec(self).ok()?;
        let key = &keys.current().login_cookie;
        key.seal(plain, self.flow_id().as_bytes())
    }

    /// Decrypts a cookie and checks that it matches the `state` of the callback.
    ///
    /// # Errors
    /// If it does not match or has expired.
    pub fn open(
        cookie: &str,
        state: &str,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<Self, LoginRefusal> {
        let flow_id = Self::flow_id_in(state).ok_or(LoginRefusal::UnknownState)?;
        let attempt = Self::unseal(cookie, flow_id, keys).ok_or(LoginRefusal::UnknownState)?;
        let same_state =
            constant_time::verify_slices_are_equal(attempt.state.as_bytes(), state.as_bytes());
        same_state.map_err(|_| LoginRefusal::UnknownState)?;
        if now.as_millisecond() >= attempt.expires_at_ms {
            return Err(LoginRefusal::Expired);
        }
        Ok(attempt)
    }

    /// Returns the flow ids of cookies to remove before another attempt starts: the oldest
    /// attempts beyond [`MAX_ATTEMPTS`], and cookies that cannot be decrypted. `cookies` has
    /// flow ids and values.
    pub fn surplus(cookies: Vec<(String, String)>, keys: &SigningKeys) -> Vec<String> {
        let mut by_age: Vec<_> = cookies
            .into_iter()
            .map(|(flow_id, cookie)| {
                let attempt = Self::unseal(&cookie, &flow_id, keys);
                (attempt.map(|attempt| attempt.expires_at_ms), flow_id)
            })
            .collect();
        // Newest first; cookies that cannot be decrypted last.
        by_age.sort_by(|(one, _), (other, _)| other.cmp(one));
        let kept = by_age
            .iter()
            .take(MAX_ATTEMPTS - 1)
            .take_while(|(expires_at_ms, _)| expires_at_ms.is_some())
            .count();
        by_age.drain(kept..).map(|(_, flow_id)| flow_id).collect()
    }

    fn unseal(cookie: &str, flow_id: &str, keys: &SigningKeys) -> Option<Self> {
        let mut keys = keys.for_verification();
        let plain = keys.find_map(|keys| keys.login_cookie.open(cookie, flow_id.as_bytes()))?;
        serde_json::from_slice(&plain).ok()
    }
}

/// A path on the frontend, such as `/applications/7?tab=keys`. It never leads to another
/// origin, so it cannot be used as an open redirect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReturnTo(String);

/// The text is not a plain path on the frontend.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("return_to must be a path on the frontend, such as /applications")]
pub struct InvalidReturnTo;

impl TryFrom<String> for ReturnTo {
    type Error = InvalidReturnTo;

    fn try_from(path: String) -> Result<Self, InvalidReturnTo> {
        // Browsers treat `\` as `/` and remove tabs and newlines, so `/\evil` becomes `//evil`.
        let plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let local = path.starts_with('/') && is_on_this_origin(&path);
        // `/%2fevil` becomes `//evil` in software that decodes the path again.
        let decoded_twice = path.to_ascii_lowercase();
        let hidden = decoded_twice.starts_with("/%2f") || decoded_twice.starts_with("/%5c");
        if local && plain && !hidden && path.len() <= MAX_RETURN_TO_BYTES {
            Ok(Self(path))
        } else {
            Err(InvalidReturnTo)
        }
    }
}

/// Returns whether a path stays on its origin after a browser resolves dot segments:
/// `/..//evil` becomes `//evil`.
fn is_on_this_origin(path: &str) -> bool {
    let Ok(origin) = Url::parse("https://frontend.invalid") else {
        return false;
    };
    let resolved = origin.join(path);
    resolved.is_ok_and(|url| url.origin() == origin.origin() && !url.path().starts_with("//"))
}

impl From<ReturnTo> for String {
    fn from(path: ReturnTo) -> Self {
        path.0
    }
}

impl ReturnTo {
    /// Returns the path, with query and fragment.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn keys(secret: &str) -> SigningKeys {
        SigningKeys::new(&secret.repeat(32).into(), None).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        clock::from_millis(seconds * 1000)
    }

    fn attempt() -> LoginAttempt {
        LoginAttempt::start(None, None, at(0), &mut random::rng())
    }

    fn open(cookie: &str, state: &str) -> Result<LoginAttempt, LoginRefusal> {
        LoginAttempt::open(cookie, state, &keys("k"), at(1))
    }

    #[test]
    fn a_cookie_opens_with_the_state_of_its_attempt() {
        let attempt = attempt();
        let opened = open(&attempt.seal(&keys("k")).unwrap(), attempt.state())
            .ok()
            .unwrap();
        assert_eq!(opened.pkce_verifier(), attempt.pkce_verifier());
    }

    #[test]
    fn the_cookie_shows_neither_state_nor_verifier() {
        let attempt = attempt();
        let cookie = attempt.seal(&keys("k")).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(cookie).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(attempt.pkce_verifier()) && !text.contains(attempt.state()));
    }

    #[test]
    fn a_forged_or_foreign_state_is_refused() {
        let mine = attempt();
        let other = attempt();
        let cookie = mine.seal(&keys("k")).unwrap();
        let same_flow = format!("{}{}", mine.flow_id(), &other.state()[FLOW_ID_CHARS..]);
        for state in [other.state(), &same_flow, "", "é", &mine.state()[1..]] {
            assert_eq!(
                open(&cookie, state).err(),
                Some(LoginRefusal::UnknownState),
                "{state}"
            );
        }
        let foreign = mine.seal(&keys("x")).unwrap();
        assert_eq!(
            open(&foreign, mine.state()).err(),
            Some(LoginRefusal::UnknownState)
        );
    }

    #[test]
    fn a_cookie_with_any_changed_byte_is_refused() {
        let attempt = attempt();
        let sealed = URL_SAFE_NO_PAD
            .decode(attempt.seal(&keys("k")).unwrap())
            .unwrap();
        for position in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[position] ^= 1;
            let forged = URL_SAFE_NO_PAD.encode(forged);
            assert!(open(&forged, attempt.state()).is_err(), "byte {position}");
        }
        assert!(open("", attempt.state()).is_err() && open("AAAA", attempt.state()).is_err());
    }

    #[test]
    fn a_login_attempt_expires_after_ten_minutes() {
        let attempt = attempt();
        let cookie = attempt.seal(&keys("k")).unwrap();
        let open = |now| LoginAttempt::open(&cookie, attempt.state(), &keys("k"), now).err();
        assert_eq!(open(at(599)), None);
        assert_eq!(open(at(600)), Some(LoginRefusal::Expired));
    }

    #[test]
    fn the_oldest_attempts_and_unreadable_cookies_are_surplus() {
        let keys = keys("k");
        let cookie = |seconds| {
            let attempt = LoginAttempt::start(None, None, at(seconds), &mut random::rng());
            (attempt.flow_id().to_owned(), attempt.seal(&keys).unwrap())
        };
        let attempts = [3, 1, 5, 2, 4].map(cookie);
        let id = |index: usize| attempts[index].0.clone();
        let surplus = |cookies: &[(String, String)]| LoginAttempt::surplus(cookies.to_vec(), &keys);
        assert_eq!(surplus(&attempts[..4]), [] as [String; 0]);
        assert_eq!(surplus(&attempts), [id(1)]);
        let foreign = ("x".to_owned(), "y".to_owned());
        assert_eq!(surplus(&[foreign.clone(), attempts[0].clone()]), ["x"]);
        let all = [&attempts[..], &[foreign]].concat();
        assert_eq!(surplus(&all), [id(1), "x".to_owned()]);
    }

    #[test]
    fn a_cookie_has_at_most_200_bytes() {
        let attempt = attempt();
        let cookie = attempt.seal(&keys("k")).unwrap();
        assert!(cookie.len() <= 200, "{} bytes", cookie.len());
    }

    #[test]
    fn an_attempt_opens_after_a_rotation_of_the_signing_key() {
        let attempt = attempt();
        let cookie = attempt.seal(&keys("o")).unwrap();
        let new = "n".repeat(32).into();
        let old = "o".repeat(32).into();
        let rotated = SigningKeys::new(&new, Some(&old)).unwrap();
        assert!(LoginAttempt::open(&cookie, attempt.state(), &rotated, at(1)).is_ok());
    }

    #[test]
    fn only_plain_return_paths_are_accepted() {
        let parse = |path: &str| ReturnTo::try_from(path.to_owned());
        for path in [
            "/",
            "/applications/7?tab=keys#top",
            "/a//b",
            "/https:evil",
            "/a/../b",
            "/a?b=//c/../d",
        ] {
            assert!(parse(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "applications",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https:evil.test",
            "https://evil.test",
            "javascript:alert(1)",
            "/..//evil.test",
            "/./..//evil.test",
            "/a/../..//evil.test",
            "/%2e%2e//evil.test",
            "/.//evil.test",
            "/%2fevil.test",
            "/%2Fevil",
            "/%5Cevil",
            "/\t/evil.test",
            "/a\r\nSet-Cookie: x=1",
            "/é",
            " /a",
            "/a b",
        ] {
            assert_eq!(parse(path), Err(InvalidReturnTo), "{path:?}");
        }
        assert!(parse(&format!("/{}", "a".repeat(512))).is_err());
    }
}
