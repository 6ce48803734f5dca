//! Error responses: RFC 9457 problem details, or the form of OTLP. The only place that
//! maps errors to HTTP statuses. Causes of internal errors are logged and not returned.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Cause, Conflict, Error, OwnedApplication, Resource};
use crate::status_message;
use upblit_base::FieldError;
use upblit_base::causes::WithCauses;
use upblit_base::clock;
use upblit_identity::api_key::{KeyRefusal, Scope};
use upblit_telemetry::decode::otlp::OtlpEncoding;

/// Prefix of every `type`.
const TYPE_PREFIX: &str = "urn:upblit:problem:";

/// Seconds after which a retry makes sense after a temporary failure. OpenTelemetry SDKs drop a
/// batch whose `Retry-After` is longer than their budget of 10 s.
const RETRY_AFTER_SECONDS: u32 = 2;

/// The body of every error (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem<'a> {
    /// Kind of error: `urn:upblit:problem:` and a slug.
    r#type: String,
    /// Title of the kind of error.
    title: &'a str,
    /// HTTP status of the response.
    status: u16,
    /// What is wrong with this request.
    detail: String,
    /// Id of the request, also in the log.
    request_id: &'a str,
    /// Invalid fields of the body or the query.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// Applications of which the caller is the only owner, for `sole-owner`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    applications: &'a [OwnedApplication],
    /// When the quota is available again, for `quota-exceeded`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "clock::serialize_rfc3339_option"
    )]
    #[schema(required = false)]
    available_at: Option<Timestamp>,
}

/// An error on its way to the layer that knows the request id.
#[derive(Clone)]
struct Pending(std::sync::Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status_of(&self).into_response();
        response
            .extensions_mut()
            .insert(Pending(std::sync::Arc::new(self)));
        response
    }
}

/// Writes the body and headers of a response that carries an error. Leaves others unchanged.
pub(super) fn render(
    mut response: Response,
    request_id: &str,
    otlp: Option<OtlpEncoding>,
) -> Response {
    let Some(Pending(error)) = response.extensions_mut().remove::<Pending>() else {
        return response;
    };
    log(&error);
    let (media_type, body) = match otlp {
        None => ("application/problem+json", problem(&error, request_id)),
        Some(encoding) => {
            let detail = error.to_string();
            let body = status_message::encode(status_of(&error), &detail, request_id, encoding);
            (encoding.media_type(), body)
        }
    };
    *response.body_mut() = body.into();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = challenge(&error) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = retry_after(&error) {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn retry_after(error: &Error) -> Option<u32> {
    match error {
        Error::Unavailable(_) | Error::Unfinished(_) => Some(RETRY_AFTER_SECONDS),
        Error::RateLimited { retry_after, .. } => Some(u32::from(*retry_after)),
        Error::QuotaExceeded { retry_after, .. } => Some(*retry_after),
        _ => None,
    }
}

fn problem(error: &Error, request_id: &str) -> Vec<u8> {
    serde_json::to_vec(&Problem::of(error, request_id)).unwrap_or_default()
}

impl<'a> Problem<'a> {
    fn of(error: &'a Error, request_id: &'a str) -> Self {
        let (slug, status, title) = classify(error);
        Self {
            r#type: format!("{TYPE_PREFIX}{slug}"),
            title,
            status: status.as_u16(),
            detail: error.to_string(),
            request_id,
            errors: match error {
                Error::InvalidFields(fields) => fields,
                _ => &[],
            },
            applications: match error {
                Error::SoleOwner(applications) => applications,
                _ => &[],
            },
            available_at: match error {
                Error::QuotaExceeded { available_at, .. } => Some(*available_at),
                _ => None,
            },
        }
    }
}

/// Returns examples of errors for the OpenAPI document: status, slug and body.
pub fn examples() -> Vec<(StatusCode, &'static str, serde_json::Value)> {
    let words = |words: &str| words.to_owned();
    let name = words("Shop");
    let shop = "L6H9O5sHpHY"
        .parse()
        .map(|id| OwnedApplication { id, name });
    let owned = shop.into_iter().collect();
    let errors = [
        Error::Malformed(words("the body is not JSON")),
        Error::invalid_field("/name", "must be a text"),
        Error::AuthorizationCode,
        Error::MissingAccessToken,
        Error::RefreshToken,
        Error::ApiKey(KeyRefusal::Invalid),
        Error::ApiKey(KeyRefusal::Revoked),
        Error::ApiKey(KeyRefusal::Disabled),
        Error::ApiKey(KeyRefusal::Expired),
        Error::ApiKey(KeyRefusal::MissingScope(Scope::IngestLogs)),
        Error::ApiKey(KeyRefusal::OtherApplication),
        Error::InvalidSignature,
        Error::BypassedEdge,
        Error::NotAllowed,
        Error::SignInAgain,
        Error::NotFound(Resource::Application),
        Error::Conflict(Conflict::ApplicationLimit),
        Error::Conflict(Conflict::KeyLimit),
        Error::Conflict(Conflict::RotationOverlap),
        Error::Conflict(Conflict::KeyRevoked),
        Error::Conflict(Conflict::LastOwner),
        Error::Conflict(Conflict::MemberLimit),
        Error::Conflict(Conflict::InviteLimit),
        Error::Conflict(Conflict::AlreadyAMember),
        Error::SoleOwner(owned),
        Error::IdempotencyKeyReused,
        Error::TooLarge(words("the body is larger than 64 KiB")),
        Error::UnsupportedMedia(words(
            "the body must be JSON, with Content-Type: application/json",
        )),
        Error::RateLimited {
            detail: "this minute's quota of the key is used up",
            retry_after: 2,
        },
        Error::QuotaExceeded {
            detail: "the read units of the application for a day",
            available_at: Timestamp::UNIX_EPOCH,
            retry_after: 1,
        },
        Error::Unavailable(Cause::from("")),
        Error::Internal(Cause::from("")),
    ];
    let example = |error: &Error| {
        let (slug, status, _) = classify(error);
        let body = serde_json::json!(Problem::of(error, "LoWVhzt7qBnxqyw="));
        (status, slug, body)
    };
    errors.iter().map(example).collect()
}

fn status_of(error: &Error) -> StatusCode {
    classify(error).1
}

/// Returns the slug, status and title of an error.
fn classify(error: &Error) -> (&'static str, StatusCode, &'static str) {
    match error {
        Error::MissingAccessToken | Error::AccessToken(_) => (
            "invalid-access-token",
            StatusCode::UNAUTHORIZED,
            "Sign in again",
        ),
        Error::RefreshToken => (
            "invalid-refresh-token",
            StatusCode::UNAUTHORIZED,
            "Sign in again",
        ),
        // RFC 6749 §5.2 requires 400 for `invalid_grant`.
        Error::AuthorizationCode => ("invalid-code", StatusCode::BAD_REQUEST, "Sign in again"),
        Error::MissingApiKey | Error::ApiKeyForm(_) | Error::ApiKey(KeyRefusal::Invalid) => (
            "invalid-api-key",
            StatusCode::UNAUTHORIZED,
            "Invalid API key",
        ),
        Error::ApiKey(KeyRefusal::Revoked) => {
            ("key-revoked", StatusCode::UNAUTHORIZED, "API key revoked")
        }
        Error::ApiKey(KeyRefusal::Disabled) => {
            ("key-disabled", StatusCode::UNAUTHORIZED, "API key disabled")
        }
        Error::ApiKey(KeyRefusal::Expired) => {
            ("key-expired", StatusCode::UNAUTHORIZED, "API key expired")
        }
        Error::ApiKey(KeyRefusal::OtherApplication) => (
            "other-application",
            StatusCode::FORBIDDEN,
            "API key of another application",
        ),
        Error::ApiKey(KeyRefusal::MissingScope(_)) => (
            "missing-scope",
            StatusCode::FORBIDDEN,
            "API key lacks a scope",
        ),
        Error::InvalidSignature => (
            "invalid-signature",
            StatusCode::UNAUTHORIZED,
            "Invalid signature",
        ),
        Error::BypassedEdge => (
            "wrong-address",
            StatusCode::FORBIDDEN,
            "Not the public address",
        ),
        Error::NotAllowed => (
            "not-allowed",
            StatusCode::FORBIDDEN,
            "Not allowed for your role",
        ),
        Error::SignInAgain => (
            "sign-in-again",
            StatusCode::FORBIDDEN,
            "Sign in again first",
        ),
        Error::SoleOwner(_) => ("sole-owner", StatusCode::CONFLICT, "Conflict"),
        Error::NotFound(_) => ("not-found", StatusCode::NOT_FOUND, "Not found"),
        Error::MethodNotAllowed => (
            "method-not-allowed",
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
        ),
        Error::Malformed(_) => (
            "malformed-request",
            StatusCode::BAD_REQUEST,
            "Malformed request",
        ),
        Error::InvalidFields(_) => ("invalid-fields", StatusCode::BAD_REQUEST, "Invalid fields"),
        Error::UnsupportedMedia(_) => (
            "unsupported-media-type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported content type or encoding",
        ),
        Error::TooLarge(_) => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
        Error::Conflict(conflict) => (conflict_slug(*conflict), StatusCode::CONFLICT, "Conflict"),
        Error::IdempotencyKeyReused => (
            "idempotency-key-reused",
            StatusCode::UNPROCESSABLE_ENTITY,
            "Idempotency key reused",
        ),
        Error::RateLimited { .. } => (
            "rate-limited",
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests",
        ),
        Error::QuotaExceeded { .. } => (
            "quota-exceeded",
            StatusCode::TOO_MANY_REQUESTS,
            "Quota used up",
        ),
        Error::Unavailable(_) | Error::Unfinished(_) => (
            "unavailable",
            StatusCode::SERVICE_UNAVAILABLE,
            "Temporarily unavailable",
        ),
        Error::Internal(_) => (
            "internal-error",
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error",
        ),
    }
}

fn conflict_slug(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::ApplicationLimit => "application-limit",
        Conflict::KeyLimit => "key-limit",
        Conflict::RotationOverlap => "rotation-overlap",
        Conflict::KeyRevoked => "key-revoked",
        Conflict::LastOwner => "last-owner",
        Conflict::MemberLimit => "member-limit",
        Conflict::InviteLimit => "invite-limit",
        Conflict::AlreadyAMember => "already-a-member",
    }
}

/// Returns the `WWW-Authenticate` of a 401 (RFC 6750 §3, RFC 9110 §15.5.2).
fn challenge(error: &Error) -> Option<&'static str> {
    match error {
        Error::MissingAccessToken => Some(r#"Bearer realm="upblit""#),
        Error::AccessToken(_) => Some(r#"Bearer realm="upblit", error="invalid_token""#),
        Error::RefreshToken => Some(r#"RefreshToken realm="upblit""#),
        Error::MissingApiKey | Error::ApiKeyForm(_) => Some(r#"ApiKey realm="upblit""#),
        Error::InvalidSignature => Some(r#"Signature realm="upblit""#),
        Error::ApiKey(KeyRefusal::MissingScope(_) | KeyRefusal::OtherApplication) => None,
        Error::ApiKey(_) => Some(r#"ApiKey realm="upblit""#),
        _ => None,
    }
}

/// Writes an error to the log, with its causes. Handlers call it if their response is not a
/// problem.
pub fn log(error: &Error) {
    match error {
        Error::Unavailable(cause) => {
            tracing::error!(cause = %WithCauses(&**cause), "unavailable");
        }
        Error::Internal(cause) => {
            tracing::error!(cause = %WithCauses(&**cause), "internal error");
        }
        error => tracing::debug!(%error, "refused"),
    }
}
