//! Error responses of every operation, with the bodies and headers that
//! `shared::web::problem` produces.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::web::problem;
use utoipa::{PartialSchema, ToSchema};

use super::{Object, object};

/// Schemas of error bodies.
pub(super) fn schemas() -> Object {
    let mut schemas = Object::new();
    let mut named = vec![(
        problem::Problem::name().into_owned(),
        problem::Problem::schema(),
    )];
    problem::Problem::schemas(&mut named);
    for (name, schema) in named {
        schemas.insert(name, json!(schema));
    }
    let status = json!({
        "type": "object", "required": ["code", "message"],
        "description": "Error body of OTLP requests (`google.rpc.Status`, OTLP 1.11).",
        "properties": {
            "code": {
                "type": "integer", "format": "int32", "examples": [3],
                "description": "A `google.rpc.Code`.",
            },
            "message": {
                "type": "string",
                "description": "What is wrong with the request, and its request id.",
            },
        },
    });
    schemas.insert("Status".to_owned(), status);
    schemas
}

/// Adds the errors that every operation can return, and the bodies and headers of all error responses.
/// Completes successful responses, too. An operation without credentials gets an empty `security`.
///
/// Error responses are collected in `shared` and referenced, because many operations have the same ones.
pub(super) fn complete(path: &str, operation: &mut Object, shared: &mut Object) {
    operation.entry("security").or_insert(json!([]));
    operation.get_mut("requestBody").map(protobuf_is_bytes);
    let mut responses = object(operation["responses"].take());
    for status in ["500", "503"] {
        responses.insert(status.to_owned(), json!({}));
    }
    for (status, response) in &mut responses {
        let Ok(code) = status.parse::<StatusCode>() else {
            continue;
        };
        if code.as_u16() < 400 {
            success(path, code, response);
        } else {
            let (name, content) = if path.starts_with("/v1/") {
                (format!("{code}-status", code = code.as_u16()), otlp())
            } else {
                problems(code, operation)
            };
            *response = json!({ "$ref": format!("#/components/responses/{name}") });
            let error = json!({
                "description": code.canonical_reason(), "content": content,
                "headers": headers(code),
            });
            shared.insert(name, error);
        }
    }
    operation["responses"] = responses.into();
}

fn success(path: &str, code: StatusCode, response: &mut Value) {
    if response["description"].as_str().is_none_or(str::is_empty) {
        response["description"] = json!(code.canonical_reason());
    }
    protobuf_is_bytes(response);
    if path.starts_with("/ingest/") || path.starts_with("/v1/") {
        let text = json!({ "type": "string" });
        response["headers"] = json!({
            "RateLimit": { "description": "What is left of the key's quota in this minute.", "schema": text },
            "RateLimit-Policy": { "description": "The key's quota per minute.", "schema": text },
        });
    }
}

/// Describes protobuf bodies as binary: utoipa describes `Vec<u8>` as an array of numbers.
fn protobuf_is_bytes(body: &mut Value) {
    let protobuf = body.pointer_mut("/content/application~1x-protobuf");
    if let Some(protobuf) = protobuf {
        protobuf["schema"] = json!({ "type": "string", "format": "binary" });
    }
}

fn otlp() -> Value {
    json!({
        "application/json": { "schema": { "$ref": "#/components/schemas/Status" } },
        "application/x-protobuf": { "schema": { "type": "string", "format": "binary" } },
    })
}

/// Returns the problems with this status that an operation can return, and a name for the set.
fn problems(code: StatusCode, operation: &Object) -> (String, Value) {
    let examples = problem::examples().into_iter();
    let of_this = examples.filter(|(status, slug, _)| *status == code && may_be(slug, operation));
    let examples: Object = of_this
        .map(|(_, slug, body)| (slug.to_owned(), json!({ "value": body })))
        .collect();
    let slugs: Vec<&str> = examples.keys().map(String::as_str).collect();
    let name = format!("{}-{}", code.as_u16(), slugs.join("."));
    let content = json!({ "application/problem+json": {
        "schema": { "$ref": "#/components/schemas/Problem" }, "examples": examples,
    } });
    (name, content)
}

/// Whether an operation can return the problem with this slug.
fn may_be(slug: &str, operation: &Object) -> bool {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let schemes = operation["security"].as_array().into_iter().flatten();
    let schemes: Vec<&Value> = schemes.collect();
    let takes = |scheme: &str| schemes.iter().any(|security| !security[scheme].is_null());
    match slug {
        "invalid-access-token" => takes("bearer"),
        "invalid-api-key" | "key-disabled" | "key-expired" | "missing-scope" => takes("apiKey"),
        "not-allowed" => takes("bearer") && !takes("apiKey"),
        "other-application" => takes("bearer") && takes("apiKey"),
        // Returned to a caller that presents the key, and to a member who changes it.
        "key-revoked" => takes("apiKey") || ["changeKey", "rotateKey"].contains(&id),
        "invalid-refresh-token" => id == "refresh",
        "invalid-signature" => id == "reportLeakedKeys",
        "invalid-code" => id == "redeemCode",
        "application-limit" => id == "createApplication",
        "key-limit" => id == "mintKey",
        "sign-in-again" | "sole-owner" => id == "deleteAccount",
        "rotation-overlap" => id == "rotateKey",
        _ => true,
    }
}

fn headers(code: StatusCode) -> Value {
    let text = json!({ "type": "string" });
    match code {
        StatusCode::UNAUTHORIZED => json!({
            "WWW-Authenticate": { "description": "Authentication scheme to use.", "schema": text },
        }),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => json!({
            "Retry-After": { "description": "Seconds to wait before the next try.", "schema": { "type": "integer" } },
        }),
        _ => json!({}),
    }
}
