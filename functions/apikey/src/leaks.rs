//! `POST /secret-scanning/github`: keys that GitHub found in public are revoked
//! at once. `docs/leaked-keys.md` has the contract.

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

/// A finding is about 200 bytes, so these are more than a report may name.
const MAX_REPORT_BYTES: usize = 1024 * 1024;

/// How many applications' keys are looked at at a time.
const CONCURRENCY: usize = 16;

/// Says which of its keys GitHub signed with.
const KEY_IDENTIFIER: HeaderName = HeaderName::from_static("github-public-key-identifier");

/// The signature over the raw body.
const SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// What GitHub wants to know about each token. It sent the token, so this tells it nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = LeakFeedback)]
pub(crate) struct Feedback {
    token_raw: String,
    token_type: String,
    label: Label,
}

/// No database call unless GitHub signed this. Then a read for each key, and a
/// transaction for each that is genuine and not revoked yet.
#[utoipa::path(
    post, path = "/secret-scanning/github", operation_id = "reportLeakedKeys",
    summary = "Report keys that were found in public",
    description = "For GitHub's secret scanning, which signs the body. Genuine keys are revoked at once.",
    params(("Github-Public-Key-Identifier" = String, Header, description = "Which of its keys GitHub signed with."), ("Github-Public-Key-Signature" = String, Header, description = "ECDSA over the body, in base64.")),
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

/// Both headers, each exactly once.
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

/// Looks at every key once, and revokes those that are genuine. One that fails
/// keeps none of the others from being revoked; only then is the report refused,
/// for GitHub to send again.
async fn labels(
    state: &crate::State,
    findings: &[Finding],
) -> Result<HashMap<KeyHash, Label>, Error> {
    let keys = findings
        .iter()
        .filter_map(|finding| ApiKey::parse(finding.token.expose_secret()));
    // Transactions on one application would get into each other's way.
    let mut by_application: HashMap<ApplicationId, HashMap<KeyHash, ApiKey>> = HashMap::new();
    for key in keys {
        let of_application = by_application.entry(key.id().application_id);
        of_application.or_default().insert(key.hash(), key);
    }
    let looked_at: Vec<_> = stream::iter(by_application.into_values())
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
    looked_at.into_iter().flatten().collect()
}

/// A read, and a transaction if the key is genuine and not revoked yet.
async fn label(state: &crate::State, key: &ApiKey) -> Result<Label, Error> {
    let (id, now) = (key.id(), state.clock.now());
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
