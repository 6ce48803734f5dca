//! Access tokens: JWTs (RFC 7519) with HS256 only, validated according to RFC 8725.
//!
//! The header is a constant, compared byte by byte before the token is decoded. So attackers
//! cannot choose `alg`, `kid`, `jku`, `jwk` or `crit`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::signing::SigningKeys;
use crate::user::Profile;
use upblit_base::clock;
use upblit_base::environment::{ConfigError, Env, MINUTE};
use upblit_base::ids::{SessionId, UserId};
use upblit_base::random::{self, CryptoRng};

/// `{"alg":"HS256","typ":"JWT"}` in base64url and the dot after it, at the start of every
/// token.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

/// Maximum length of a token, in bytes. Checked before the token is decoded.
const MAX_BYTES: usize = 4096;

/// Accepted clock difference between two instances.
const LEEWAY: Duration = Duration::from_secs(5);

/// Maximum lifetime of a token. A token that claims more is forged.
pub(crate) const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The token is forged or expired. Callers do not learn which check failed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the access token is invalid or expired")]
pub struct InvalidAccessToken;

/// User and session of a verified access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// User that the token was issued to.
    pub user_id: UserId,
    /// Session that the token was issued in. It may have ended since: operations that require
    /// a live session check the table.
    pub session_id: SessionId,
}

/// Issues and verifies access tokens.
pub struct AccessTokens {
    issuer: String,
    audience: String,
    ttl: Duration,
    validation: Validation,
}

impl AccessTokens {
    /// Reads `JWT_ISSUER`, `JWT_AUDIENCE` and `ACCESS_TOKEN_TTL` (15 minutes if unset).
    ///
    /// # Errors
    /// If the lifetime does not parse or is out of range.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let issuer = env.optional("JWT_ISSUER").unwrap_or("upblit");
        let audience = env.optional("JWT_AUDIENCE").unwrap_or("upblit-dashboard");
        let ttl_range = Duration::from_secs(1)..=MAX_TTL;
        let ttl = env.duration("ACCESS_TOKEN_TTL", 15 * MINUTE, ttl_range)?;
        Ok(Self::new(issuer.to_owned(), audience.to_owned(), ttl))
    }

    /// Creates a value that issues and verifies tokens with lifetime `ttl`.
    pub fn new(issuer: String, audience: String, ttl: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // `Claims::is_current` checks the times, because the library reads the system clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            issuer,
            audience,
            ttl,
            validation,
        }
    }

    /// Returns the lifetime of new tokens.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Issues a token for a user in a session.
    ///
    /// # Errors
    /// If serialization or signing fails, which no input can cause.
    pub fn issue(
        &self,
        keys: &SigningKeys,
        profile: &Profile,
        session_id: SessionId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<SecretString, jsonwebtoken::errors::Error> {
        let issued_at = now.as_second();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: profile.user_id.to_string(),
            sid: session_id.to_string(),
            jti: random::base62(rng, 16),
            iat: issued_at,
            nbf: issued_at,
            exp: clock::after(now, self.ttl).as_second(),
            name: profile.name.clone(),
            avatar: profile.avatar.clone(),
            email: profile.email.clone(),
        };
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?);
        let signed = format!("{HEADER}{payload}");
        // `jsonwebtoken::encode` orders the header {"typ","alg"}, but the API guarantees the
        // exact bytes of the header.
        let signature = jsonwebtoken::crypto::sign(
            signed.as_bytes(),
            &keys.current().jwt_encoding,
            Algorithm::HS256,
        )?;
        Ok(SecretString::from(format!("{signed}.{signature}")))
    }

    /// Verifies signature, issuer, audience and times.
    ///
    /// # Errors
    /// The same error for all reasons, so that callers do not learn which check failed.
    pub fn verify(
        &self,
        keys: &SigningKeys,
        token: &str,
        now: Timestamp,
    ) -> Result<Principal, InvalidAccessToken> {
        if token.len() > MAX_BYTES || !token.starts_with(HEADER) {
            return Err(InvalidAccessToken);
        }
        let claims = keys
            .for_verification()
            .find_map(|keys| {
                jsonwebtoken::decode::<Claims>(token, &keys.jwt_decoding, &self.validation).ok()
            })
            .ok_or(InvalidAccessToken)?
            .claims;
        if !claims.is_current(now) {
            return Err(InvalidAccessToken);
        }
        Ok(Principal {
            user_id: claims.sub.parse().map_err(|_| InvalidAccessToken)?,
            session_id: claims.sid.parse().map_err(|_| InvalidAccessToken)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    name: String,
    avatar: String,
    email: String,
}

impl Claims {
    fn is_current(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        let leeway = LEEWAY.as_secs() as i64;
        let lifetime = self.exp.checked_sub(self.iat);
        now < self.exp.saturating_add(leeway)
            && now.saturating_add(leeway) >= self.nbf
            && now.saturating_add(leeway) >= self.iat
            && lifetime.is_some_and(|seconds| (1..=MAX_TTL.as_secs() as i64).contains(&seconds))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn keys(secret: &str) -> SigningKeys {
        SigningKeys::new(&SecretString::from(secret.repeat(32)), None).unwrap()
    }

    fn tokens() -> AccessTokens {
        AccessTokens::new(
            "https://api.test".into(),
            "upblit".into(),
            Duration::from_secs(900),
        )
    }

    fn claims() -> Value {
        json!({
            "iss": "https://api.test", "aud": "upblit", "sub": "583231",
            "sid": "AAAAAAAAAAAAAAAAAAAAAA", "jti": "j", "iat": NOW, "nbf": NOW, "exp": NOW + 900,
            "name": "The Octocat", "avatar": "", "email": "octocat@users.example",
        })
    }

    fn sign(header: &str, payload: &str, secret: &str, algorithm: Algorithm) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let key = jsonwebtoken::EncodingKey::from_secret(secret.repeat(32).as_bytes());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
        format!("{message}.{signature}")
    }

    fn signed(claims: &Value) -> String {
        sign(
            r#"{"alg":"HS256","typ":"JWT"}"#,
            &claims.to_string(),
            "k",
            Algorithm::HS256,
        )
    }

    fn verify_at(token: &str, seconds: i64) -> Result<Principal, InvalidAccessToken> {
        let now = Timestamp::from_second(seconds).unwrap();
        tokens().verify(&keys("k"), token, now)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn issue() -> String {
        use secrecy::ExposeSecret;
        let profile = Profile {
            user_id: UserId::new(583_231).unwrap(),
            login: "octocat".into(),
            name: "The Octocat".into(),
            avatar: String::new(),
            email: "octocat@users.example".into(),
        };
        let session = SessionId::from_bytes([0; 16]);
        let now = Timestamp::from_second(NOW).unwrap();
        let token = tokens().issue(&keys("k"), &profile, session, now, &mut random::rng());
        token.unwrap().expose_secret().to_owned()
    }

    #[test]
    fn an_issued_token_starts_with_the_documented_header_and_verifies() {
        let token = issue();
        assert!(token.starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
        assert_eq!(
            verify_at(&token, NOW).unwrap().user_id,
            UserId::new(583_231).unwrap()
        );
        assert_eq!(verify_at(&signed(&claims()), NOW), verify_at(&token, NOW));
    }

    #[test]
    fn any_other_header_is_refused_even_with_a_valid_signature() {
        for header in [
            r#"{"alg":"none","typ":"JWT"}"#,
            r#"{"alg":"nOnE","typ":"JWT"}"#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"alg":"HS256","alg":"none","typ":"JWT"}"#,
            r#"{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}"#,
            r#"{"alg":"HS256","typ":"JWT","jku":"https://evil.test"}"#,
            r#"{"alg":"HS256","typ":"JWT","crit":["x"],"x":1}"#,
            r#"{"alg":"HS256","typ":"JWT","b64":false}"#,
            r#"{"typ":"JWT","alg":"HS256"}"#,
            r#"{"alg":"HS256","typ":"at+jwt"}"#,
            r#"{"alg":"HS256"}"#,
        ] {
            let token = sign(header, &claims().to_string(), "k", Algorithm::HS256);
            assert_eq!(verify_at(&token, NOW), Err(InvalidAccessToken), "{header}");
        }
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let header = r#"{"alg":"HS256","typ":"JWT"}"#;
            let token = sign(header, &claims().to_string(), "k", algorithm);
            assert_eq!(verify_at(&token, NOW), Err(InvalidAccessToken));
        }
    }

    #[test]
    fn a_token_is_accepted_until_five_seconds_after_its_expiry() {
        let token = signed(&claims());
        assert!(verify_at(&token, NOW + 900 + 4).is_ok());
        assert_eq!(verify_at(&token, NOW + 900 + 5), Err(InvalidAccessToken));
    }

    #[test]
    fn missing_malformed_and_wrong_claims_are_refused() {
        let wrong = [
            ("exp", json!(0)),
            ("exp", json!(-1)),
            ("exp", json!(1_800_000_900.5)),
            ("exp", json!("1800000900")),
            ("exp", json!(u64::MAX)),
            ("exp", json!(NOW + 100 * 365 * 86_400)),
            ("nbf", json!(NOW + 6)),
            ("iat", json!(NOW + 6)),
            ("aud", json!("other")),
            ("aud", json!(["upblit"])),
            ("aud", json!([])),
            ("aud", json!(1)),
            ("iss", json!("https://api.test/")),
            ("iss", json!("https://API.test")),
            ("iss", json!(["https://api.test"])),
            ("sub", json!("")),
            ("sub", json!(583_231)),
            ("sub", json!("583231\u{0}")),
            ("sid", json!("")),
        ];
        for (name, value) in wrong {
            let token = signed(&with(name, value.clone()));
            assert_eq!(
                verify_at(&token, NOW),
                Err(InvalidAccessToken),
                "{name} {value}"
            );
        }
        for name in ["exp", "nbf", "iat", "aud", "iss", "sub", "sid"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(name);
            assert_eq!(
                verify_at(&signed(&claims), NOW),
                Err(InvalidAccessToken),
                "no {name}"
            );
        }
    }

    #[test]
    fn hostile_payloads_are_refused() {
        let header = r#"{"alg":"HS256","typ":"JWT"}"#;
        let doubled = claims().to_string().replacen('{', r#"{"sub":"1","#, 1);
        let deep = with(
            "x",
            serde_json::from_str(&("[".repeat(120) + &"]".repeat(120))).unwrap(),
        );
        let deep = deep.to_string().replace("[[", &"[".repeat(200));
        for payload in [doubled, deep, "null".into(), "[]".into(), String::new()] {
            let token = sign(header, &payload, "k", Algorithm::HS256);
            assert_eq!(verify_at(&token, NOW), Err(InvalidAccessToken), "{payload}");
        }
        let long = signed(&with("name", json!("x".repeat(4096))));
        assert_eq!(verify_at(&long, NOW), Err(InvalidAccessToken));
    }

    #[test]
    fn a_signature_that_differs_anywhere_is_refused() {
        let token = issue();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for bit in 0..256 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(flipped));
            assert_eq!(
                verify_at(&forged, NOW),
                Err(InvalidAccessToken),
                "bit {bit}"
            );
        }
        for forged in [
            format!("{message}."),
            message.to_owned(),
            format!("{token}="),
            format!("{token} "),
            format!("{token}\n"),
            format!("{token}.x.y"),
            format!("{message}.{}", &signature[..42]),
        ] {
            assert_eq!(verify_at(&forged, NOW), Err(InvalidAccessToken), "{forged}");
        }
    }

    #[test]
    fn a_previous_key_verifies_until_it_is_removed() {
        let old = "k".repeat(32).into();
        let new = "n".repeat(32).into();
        let during = SigningKeys::new(&new, Some(&old)).unwrap();
        let afterwards = SigningKeys::new(&new, None).unwrap();
        let now = Timestamp::from_second(NOW).unwrap();
        assert!(tokens().verify(&during, &issue(), now).is_ok());
        assert_eq!(
            tokens().verify(&afterwards, &issue(), now),
            Err(InvalidAccessToken)
        );
    }
}
