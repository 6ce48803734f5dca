//! The OpenAPI 3.1 document, assembled from the operations and schemas of the functions. `openapi.json`
//! is a copy of it; a test fails if the two differ.

mod errors;
mod links;
mod requests;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::functions::FUNCTIONS;

/// Fields of a JSON object, such as the paths of the document.
type Object = Map<String, Value>;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The text of `openapi.json`.
pub fn text() -> String {
    format!("{:#}\n", *DOCUMENT)
}

fn document() -> Value {
    let mut paths = health();
    let mut schemas = errors::schemas();
    let mut responses = Object::new();
    let mut tags = Vec::new();
    for function in FUNCTIONS {
        let Ok(Value::Object(mut part)) = serde_json::to_value((function.description)()) else {
            continue;
        };
        // The dashboard function has no API operations.
        if part["paths"].as_object().is_none_or(Object::is_empty) {
            continue;
        }
        let tag = part["tags"][0].take();
        for (path, mut operations) in object(part["paths"].take()) {
            for operation in objects(&mut operations) {
                operation.insert("tags".to_owned(), json!([tag["name"]]));
                errors::complete(&path, operation, &mut responses);
            }
            paths.insert(path, operations);
        }
        schemas.extend(object(part["components"]["schemas"].take()));
        tags.push(tag);
    }
    links::add(&mut paths);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Upblit",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The host that serves this document." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": security_schemes(),
        },
    });
    requests::complete(&mut document);
    clean_descriptions(&mut document);
    document
}

const INTRODUCTION: &str = "Sign-in with GitHub, API keys, telemetry ingestion and telemetry queries. \
    Bodies are JSON with camelCase fields, except that `/v1/` also accepts protobuf and leak reports follow \
    GitHub's format. Times are RFC 3339 in UTC. Errors are problem details (RFC 9457), except below \
    `/v1/`, where they follow the OpenTelemetry protocol.";

/// `GET /health`, which every function serves.
fn health() -> Object {
    let get = json!({
        "operationId": "health", "tags": ["Ingest"],
        "summary": "Check that the API is up",
        "description": "Does not access the database or any other service.",
        "responses": { "200": { "description": "The API is up." } },
        "security": [],
    });
    object(json!({ "/health": { "get": get } }))
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "Access token from a sign-in or from `POST /refresh`.",
        },
        "apiKey": {
            "type": "apiKey", "in": "header", "name": "x-api-key",
            "description": "API key of the application that the telemetry belongs to.",
        },
    })
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn objects(value: &mut Value) -> impl Iterator<Item = &mut Object> {
    let fields = value.as_object_mut().into_iter().flatten();
    fields.filter_map(|(_, value)| value.as_object_mut())
}

/// Cleans up descriptions, which come from doc comments: rustdoc links become plain code, and empty
/// descriptions are removed.
fn clean_descriptions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            fields.retain(|name, value| name != "description" || value.as_str() != Some(""));
            fields
                .iter_mut()
                .for_each(|(_, value)| clean_descriptions(value));
        }
        Value::Array(values) => values.iter_mut().for_each(clean_descriptions),
        _ => {}
    }
}
