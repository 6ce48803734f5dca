//! The description of the API (OpenAPI 3.1), put together from what the functions
//! say of their routes and types. `openapi.json` is a copy of it, and a test keeps
//! it one.

mod errors;
mod page;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

pub use page::page;

use crate::functions::FUNCTIONS;

/// A JSON object.
type Object = Map<String, Value>;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The description as it is checked in.
pub fn text() -> String {
    format!("{:#}\n", *DOCUMENT)
}

fn document() -> Value {
    let mut paths = health();
    let (mut schemas, mut responses, mut tags) = (errors::schemas(), Object::new(), Vec::new());
    for function in FUNCTIONS {
        let Ok(Value::Object(mut part)) = serde_json::to_value((function.description)()) else {
            continue;
        };
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
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Upblit",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "Where this description is served." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": security_schemes(),
        },
    });
    without_rust(&mut document);
    document
}

const INTRODUCTION: &str = "Sign-in with GitHub, API keys, and telemetry in and out. Bodies \
    are JSON with fields in camelCase, times are RFC 3339 in UTC. Errors are problem details \
    (RFC 9457), but for `/v1/`, where they are what OpenTelemetry's protocol asks for.";

/// Every function answers it.
fn health() -> Object {
    let get = json!({
        "operationId": "health", "tags": ["Ingest"],
        "summary": "Ask whether the API is there", "description": "Touches nothing.",
        "responses": { "200": { "description": "It is." } },
        "security": [],
    });
    object(json!({ "/health": { "get": get } }))
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token that a sign-in or `/refresh` has given.",
        },
        "apiKey": {
            "type": "apiKey", "in": "header", "name": "x-api-key",
            "description": "A key of the application that the telemetry belongs to.",
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

/// Descriptions come from the code's comments, whose links lead nowhere here.
fn without_rust(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            fields.retain(|name, value| name != "description" || value.as_str() != Some(""));
            fields.iter_mut().for_each(|(_, value)| without_rust(value));
        }
        Value::Array(values) => values.iter_mut().for_each(without_rust),
        _ => {}
    }
}
