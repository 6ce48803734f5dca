//! `POST /secret-scanning/github`: revokes keys that GitHub found in public places.
//! `docs/leaked-keys.md` describes the protocol.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use shared::base::clock;
use shared::base::ids::ApplicationId;
use shared::identity::api_key::{ApiKey, KeyHash, KeyState};
use shared::identity::audit::Actor;
use shared::identity::secret_scanning::{self, Finding, Label, Signature};
use shared::web::body;
use shared::web::error::Error;
use tokio::sync::Mutex;
use utoipa::ToSchema;

mod keys;

pub(crate) use keys::GitHubKeys;

/// Maximum size of a report: about 10,000 findings. The response repeats their tokens, and Lambda
/// limits it to 6 MB.
const MAX_REPORT_BYTES: usize = 2 * 1024 * 1024;

/// Number of keys that are checked concurrently.
const CONCURRENCY: usize = 16;

/// Time from the start of the request after which no call is begun. A call takes at most 1.8 s, and
/// the function's time limit is 10 s.
const TIME_FOR_KEYS: Duration = Duration::from_secs(7);

/// Header with the identifier of the key that signed the report.
const KEY_IDENTIFIER: HeaderName = HeaderName::from_static("github-public-key-identifier");

/// Header with the signature of the raw body.
const SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// Feedback for GitHub about one token. It repeats the token, which GitHub already has.
#[derive(Serialize, ToSchema)]
#[schema(as = LeakFeedback)]
pub(crate) struct Feedback {
    /// The token, as GitHub reported it.
    token_raw: String,
    /// GitHub's name of the pattern that matched.
    token_type: String,
    label: Label,
}

/// Revokes the genuine keys of a report. Without GitHub's signature, makes no database call.
/// Otherwise one read for each well-formed key, and one transaction for each genuine key that is
/// not revoked yet.
#[utoipa::path(
    post, path = "/secret-scanning/github", operation_id = "reportLeakedKeys",
    summary = "Report leaked keys",
    description = "Called by GitHub's secret scanning, which signs the body. Revokes genuine keys immediately, and returns for each token whether it is genuine. If time runs out, returns 503 with the number of tokens that are left.",
    params(("Github-Public-Key-Identifier" = String, Header, description = "Identifier of the public key that signed the body."), ("Github-Public-Key-Signature" = String, Header, description = "ECDSA signature of the body, in base64.")),
    request_body = Vec<Finding>,
    responses((status = 200, body = Vec<Feedback>), (status = 400), (status = 401), (status = 413)),
)]
pub(crate) async fn report(
    State(state): State<crate::State>,
    request: Request,
) -> Result<axum::Json<Vec<Feedback>>, Error> {
    let end = clock::after(state.clock.now(), TIME_FOR_KEYS);
    let (parts, body) = request.into_parts();
    let signature = signature(&parts.headers).ok_or(Error::InvalidSignature)?;
    let body = body::read(body, MAX_REPORT_BYTES).await?;
    state
        .github_keys
        .verify(&signature, &body, state.clock.now())
        .await?;
    let findings =
        secret_scanning::findings(&body).map_err(|error| Error::Malformed(error.to_string()))?;
    let labels = labels(&state, &findings, end).await?;
    let feedback = findings.into_iter().map(|finding| Feedback {
        label: label_of(&finding, &labels),
        token_raw: finding.token.expose_secret().to_owned(),
        token_type: finding.token_type,
    });
    Ok(axum::Json(feedback.collect()))
}

/// Parses both headers. Returns `None` unless each is present exactly once.
fn signature(headers: &HeaderMap) -> Option<Signature> {
    let only = |name| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    Signature::parse(only(KEY_IDENTIFIER)?, only(SIGNATURE)?)
}

fn label_of(finding: &Finding, labels: &HashMap<KeyHash, Label>) -> Label {
    let key = ApiKey::parse(finding.token.expose_secret());
    key.and_then(|key| labels.get(&key.hash()).copied())
        .unwrap_or(Label::FalsePositive)
}

/// Checks each key once and revokes genuine keys. Begins with the first of the report, and begins
/// nothing after `end`. If a key fails, the others are still processed before the error is
/// returned, so that fewer are left when GitHub sends the report again.
async fn labels(
    state: &crate::State,
    findings: &[Finding],
    end: Timestamp,
) -> Result<HashMap<KeyHash, Label>, Error> {
    let keys = findings
        .iter()
        .filter_map(|finding| ApiKey::parse(finding.token.expose_secret()));
    let mut seen = HashSet::new();
    let keys: Vec<_> = keys
        .map(|key| (key.hash(), key))
        .filter(|(hash, _)| seen.insert(*hash))
        .collect();
    // Concurrent transactions on one application would conflict, so only one runs at a time.
    let mut turns: HashMap<ApplicationId, Arc<Mutex<()>>> = HashMap::new();
    let count = keys.len();
    let results: Vec<_> = stream::iter(keys)
        .map(|(hash, key)| {
            let turn = turns.entry(key.id().application_id).or_default().clone();
            async move {
                let label = label(state, &key, &turn, end).await;
                label.map(|label| Some((hash, label?))).transpose()
            }
        })
        .buffer_unordered(CONCURRENCY)
        .filter_map(async |result| result)
        .collect()
        .await;
    let labels: HashMap<_, _> = results.into_iter().collect::<Result<_, Error>>()?;
    match count - labels.len() {
        0 => Ok(labels),
        left => {
            tracing::error!(
                left,
                "a report of leaked keys could not be finished in time"
            );
            let left = format!("{left} tokens are left; send the report again");
            Err(Error::Unfinished(left))
        }
    }
}

/// Checks one reported key, and revokes it if it is genuine. One read, and one transaction if the
/// key is not revoked yet. Returns `None` if time ran out first.
async fn label(
    state: &crate::State,
    key: &ApiKey,
    turn: &Mutex<()>,
    end: Timestamp,
) -> Result<Option<Label>, Error> {
    let id = key.id();
    let now = state.clock.now();
    if now >= end {
        return Ok(None);
    }
    let stored = state.database.api_key(id).await?;
    let genuine =
        stored.filter(|stored| stored.is_kept(now) && stored.key.has_secret(&key.hash(), now));
    let Some(stored) = genuine else {
        return Ok(Some(Label::FalsePositive));
    };
    if stored.key.state != KeyState::Revoked {
        let _turn = turn.lock().await;
        let now = state.clock.now();
        if now >= end {
            return Ok(None);
        }
        let finder = Actor::GitHubSecretScanning;
        let outcome = state.database.revoke_leaked_key(id, finder, now).await?;
        tracing::warn!(key = %id, ?outcome, "a key was found in public");
    }
    Ok(Some(Label::TruePositive))
}
