//! `POST /secret-scanning/github`: revokes keys that GitHub found in public places.
//! `docs/leaked-keys.md` describes the protocol.

use std::collections::HashMap;

use axum::extract::{Request, State};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName};
use secrecy::ExposeSecret;
use serde::Serialize;
use shared::base::ids::ApplicationId;
use shared::identity::api_key::{ApiKey, KeyHash, KeyState};
use shared::identity::audit::Actor;
use shared::identity::secret_scanning::{self, Finding, Label, ReportError, Signature};
use shared::web::body;
use shared::web::error::Error;
use utoipa::ToSchema;

mod keys;

pub(crate) use keys::GitHubKeys;

/// Maximum size of a report. A finding has about 200 bytes, so this fits more findings than a
/// report may have.
const MAX_REPORT_BYTES: usize = 1024 * 1024;

/// Number of applications whose keys are checked concurrently.
const CONCURRENCY: usize = 16;

/// Header with the identifier of the key that signed the report.
const KEY_IDENTIFIER: HeaderName = HeaderName::from_static("github-public-key-identifier");

/// Header with the signature of the raw body.
const SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// Feedback for GitHub about one token. It repeats the token, which GitHub already has.
#[derive(Serialize, ToSchema)]
#[schema(as = LeakFeedback)]
pub(crate) struct Feedback {
    token_raw: String,
    token_type: String,
    label: Label,
}

/// No database call unless GitHub signed the report. Then one read for each key, and one
/// transaction for each genuine key that is not revoked yet.
#[utoipa::path(
    post, path = "/secret-scanning/github", operation_id = "reportLeakedKeys",
    summary = "Report leaked keys",
    description = "Called by GitHub's secret scanning, which signs the body. Revokes genuine keys immediately, and returns for each token whether it is genuine.",
    params(("Github-Public-Key-Identifier" = String, Header, description = "Identifier of the public key that signed the body."), ("Github-Public-Key-Signature" = String, Header, description = "ECDSA signature of the body, in base64.")),
    request_body = Vec<Finding>,
    responses((status = 200, body = Vec<Feedback>), (status = 400), (status = 401), (status = 413)),
)]
pub(crate) async fn report(
    State(state): State<crate::State>,
    request: Request,
) -> Result<axum::Json<Vec<Feedback>>, Error> {
    let (parts, body) = request.into_parts();
    let signature = signature(&parts.headers).ok_or(Error::InvalidSignature)?;
    let body = body::read(body, MAX_REPORT_BYTES).await?;
    state
        .github_keys
        .verify(&signature, &body, state.clock.now())
        .await?;
    let findings = secret_scanning::findings(&body).map_err(|error| match error {
        ReportError::NotAnArray => Error::Malformed(error.to_string()),
        ReportError::TooLong => Error::TooLarge(error.to_string()),
    })?;
    let labels = labels(&state, &findings).await?;
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

/// Checks each key once and revokes genuine keys. If one fails, the others are still revoked
/// before the error is returned, so that GitHub sends the report again.
async fn labels(
    state: &crate::State,
    findings: &[Finding],
) -> Result<HashMap<KeyHash, Label>, Error> {
    let keys = findings
        .iter()
        .filter_map(|finding| ApiKey::parse(finding.token.expose_secret()));
    // Keys of one application are handled in sequence, because their transactions would conflict.
    let mut by_application: HashMap<ApplicationId, HashMap<KeyHash, ApiKey>> = HashMap::new();
    for key in keys {
        let of_application = by_application.entry(key.id().application_id);
        of_application.or_default().insert(key.hash(), key);
    }
    let results: Vec<_> = stream::iter(by_application.into_values())
        .map(async |keys| {
            let mut results = Vec::with_capacity(keys.len());
            for (hash, key) in keys {
                results.push(label(state, &key).await.map(|label| (hash, label)));
            }
            results
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    results.into_iter().flatten().collect()
}

/// One read, and one transaction if the key is genuine and not revoked yet.
async fn label(state: &crate::State, key: &ApiKey) -> Result<Label, Error> {
    let id = key.id();
    let now = state.clock.now();
    let Some(stored) = state.database.api_key(id).await? else {
        return Ok(Label::FalsePositive);
    };
    if !stored.key.has_secret(&key.hash(), now) {
        return Ok(Label::FalsePositive);
    }
    if stored.key.state != KeyState::Revoked {
        let finder = Actor::GitHubSecretScanning;
        let outcome = state.database.revoke_leaked_key(id, finder, now).await?;
        tracing::warn!(key = %id, ?outcome, "a key was found in public");
    }
    Ok(Label::TruePositive)
}
