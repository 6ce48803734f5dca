//! GitHub's public keys for leak reports. Fetched when needed, and cached.

use std::time::Duration;

use axum::body::Bytes;
use http::header::ACCEPT;
use http::{Request, StatusCode};
use jiff::Timestamp;
use shared::base::clock;
use shared::base::environment::{ConfigError, Env};
use shared::identity::secret_scanning::{PublicKeys, Signature};
use shared::web::client::{Client, ClientError};
use shared::web::error::Error;
use thiserror::Error;
use tokio::sync::Mutex;

/// URL where GitHub publishes the keys.
const DEFAULT_URL: &str = "https://api.github.com/meta/public_keys/secret_scanning";

/// Time that keys are cached, and so the longest that a retired key is accepted.
const LIFE: Duration = Duration::from_secs(60 * 60);

/// Minimum time between a fetch and another one for an unknown identifier. GitHub allows 60
/// unauthenticated requests an hour, which reports with invented identifiers must not use up.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Minimum time between a failed fetch and the next.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// Time limit of a fetch. The time limit of the whole request is 10 s.
const TIME_LIMIT: Duration = Duration::from_secs(4);

/// GitHub's public keys, cached in this instance.
pub(crate) struct GitHubKeys {
    url: String,
    client: Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: PublicKeys,
    fetched_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

/// Reason why the keys are not available.
#[derive(Debug, Error)]
enum FetchError {
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] http::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("unexpected status {0}")]
    Unexpected(StatusCode),
    #[error("no usable key in the response")]
    NoKeys,
    #[error("the last fetch failed a moment ago")]
    Paused,
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Self {
        Self::Unavailable(format!("GitHub's keys: {error}").into())
    }
}

impl GitHubKeys {
    /// Reads `GITHUB_SECRET_SCANNING_KEYS_URL`.
    ///
    /// # Errors
    /// If it is not a base URL.
    pub(crate) fn load(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            url: env.base_url("GITHUB_SECRET_SCANNING_KEYS_URL", Some(DEFAULT_URL))?,
            client: Client::from_env(env),
            known: Mutex::default(),
        })
    }

    /// Checks that GitHub signed this body.
    ///
    /// # Errors
    /// If the signature is invalid or the keys cannot be fetched.
    pub(crate) async fn verify(
        &self,
        signature: &Signature,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        // The lock is held during the fetch, so that concurrent requests share its result.
        let mut known = self.known.lock().await;
        if known.need_fetch(signature.key_identifier(), now) {
            if within(FAILURE_PAUSE, known.failed_at, now) {
                return Err(FetchError::Paused.into());
            }
            match self.fetch().await {
                Ok(keys) => *known = Known::fetched(keys, now),
                Err(error) => {
                    known.failed_at = Some(now);
                    return Err(error.into());
                }
            }
        }
        if known.keys.verify(signature, body) {
            Ok(())
        } else {
            Err(Error::InvalidSignature)
        }
    }

    async fn fetch(&self) -> Result<PublicKeys, FetchError> {
        let request = Request::get(&self.url)
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28")
            .body(Bytes::new())?;
        let response = self.client.send(request, TIME_LIMIT).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Unexpected(response.status()));
        }
        PublicKeys::parse(response.body()).ok_or(FetchError::NoKeys)
    }
}

impl Known {
    fn fetched(keys: PublicKeys, now: Timestamp) -> Self {
        Self {
            keys,
            fetched_at: Some(now),
            failed_at: None,
        }
    }

    /// Returns whether to fetch the keys: they are too old, or the identifier is unknown and may be
    /// a new one.
    fn need_fetch(&self, identifier: &str, now: Timestamp) -> bool {
        let known = self.keys.contains(identifier);
        let cached_for = if known { LIFE } else { UNKNOWN_PAUSE };
        !within(cached_for, self.fetched_at, now)
    }
}

fn within(duration: Duration, since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_some_and(|since| clock::is_within(duration, since, now))
}
