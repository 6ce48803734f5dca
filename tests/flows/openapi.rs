//! The description of the API matches the API: the responses to all events, and the requests that
//! succeed, are valid according to it.

use std::collections::BTreeSet;
use std::fs;

use jsonschema::Validator;
use local::functions::DASHBOARD;
use local::openapi::text;
use serde_json::{Value, json};

use crate::events::replay;
use crate::routes::root;
use crate::support::{Backend, Response};

pub fn document() -> Value {
    serde_json::from_str(&text()).unwrap()
}

/// All operations with their methods and paths.
pub fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods
            .iter()
            .map(|(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    });
    all.collect()
}

#[test]
fn every_reference_resolves() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(address)) = fields.get("$ref") {
                    let pointer = address.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{address}");
                }
                fields.values().for_each(|value| check(value, document));
            }
            Value::Array(values) => values.iter().for_each(|value| check(value, document)),
            _ => {}
        }
    }
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    check(&document, &document);
}

#[test]
fn every_operation_has_a_description_and_states_its_security() {
    let document = document();
    let tags: BTreeSet<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{name}: another is {id}");
        assert!(
            operation["summary"].as_str().is_some_and(|s| !s.is_empty()),
            "{name}"
        );
        assert!(
            tags.contains(operation["tags"][0].as_str().unwrap()),
            "{name}"
        );
        let security = operation["security"].as_array().unwrap();
        let responses = operation["responses"].as_object().unwrap();
        let is_open =
            !responses.contains_key("401") || ["refresh", "reportLeakedKeys"].contains(&id);
        assert_eq!(security.is_empty(), is_open, "{name}");
        let placeholders = path.split('/').filter_map(|part| part.strip_prefix('{'));
        for placeholder in placeholders {
            let placeholder = placeholder.trim_end_matches('}');
            let parameters = operation["parameters"].as_array().unwrap();
            let is_there = parameters
                .iter()
                .any(|parameter| parameter["in"] == "path" && parameter["name"] == placeholder);
            assert!(is_there, "{name}: {placeholder}");
        }
    }
}

#[test]
fn every_id_in_a_path_comes_from_a_link_of_another_response() {
    let document = document();
    let operations = operations(&document);
    let parameters = |id: &str| {
        let found = operations
            .iter()
            .find(|(_, _, operation)| operation["operationId"] == id);
        let (_, _, operation) = found.unwrap_or_else(|| panic!("no operation {id}"));
        let all = operation["parameters"].as_array().into_iter().flatten();
        all.map(|parameter| {
            (
                parameter["name"].as_str().unwrap(),
                parameter["in"] == "path",
            )
        })
        .collect::<Vec<_>>()
    };
    let mut linked = BTreeSet::new();
    for (_, path, operation) in &operations {
        for (_, response) in operation["responses"].as_object().unwrap() {
            for (_, link) in response["links"].as_object().into_iter().flatten() {
                let id = link["operationId"].as_str().unwrap();
                let known = parameters(id);
                for (name, _) in link["parameters"].as_object().unwrap() {
                    let is_known = known.iter().any(|(known, _)| known == name);
                    assert!(is_known, "{path}: {id} has no {name}");
                    linked.insert((id, name.as_str()));
                }
            }
        }
    }
    for (method, path, operation) in &operations {
        let id = operation["operationId"].as_str().unwrap();
        for (name, _) in parameters(id).iter().filter(|(_, in_path)| *in_path) {
            assert!(linked.contains(&(id, *name)), "{method} {path}: {name}");
        }
    }
}

/// A reader of the API must not have to guess what a field means.
#[test]
fn every_schema_field_and_parameter_has_a_description() {
    fn check(schema: &Value, name: &str, missing: &mut Vec<String>) {
        let parts = ["allOf", "oneOf"].map(|key| schema[key].as_array());
        for part in parts.into_iter().flatten().flatten() {
            check(part, name, missing);
        }
        for (field, value) in schema["properties"].as_object().into_iter().flatten() {
            let refers = !value["$ref"].is_null() || !value["oneOf"].is_null();
            if !refers && value["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{name}/{field}"));
            }
        }
    }
    let document = document();
    let mut missing = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        check(schema, name, &mut missing);
        if schema["description"].as_str().is_none_or(str::is_empty) {
            missing.push(name.clone());
        }
    }
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{method} {path}: {}", parameter["name"]));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The examples and the table of `docs/api.md` have the same problem types.
#[test]
fn every_documented_problem_has_an_example() {
    let manual = fs::read_to_string(root().join("docs/api.md")).unwrap();
    let (_, errors) = manual.split_once("| Slug | Status |").unwrap();
    let table = errors.split("\n\n").next().unwrap();
    let slugs = table.lines().skip(2).flat_map(|row| {
        let slugs = row.split('|').nth(1).unwrap();
        slugs.split('`').skip(1).step_by(2).map(str::to_owned)
    });
    // A wrong method matches no operation. The routers report it.
    let documented: BTreeSet<String> = slugs.filter(|slug| slug != "method-not-allowed").collect();
    let document = document();
    let responses = document["components"]["responses"].as_object().unwrap();
    let examples = responses.values().flat_map(|response| {
        let problem = &response["content"]["application/problem+json"];
        let examples = problem["examples"].as_object().into_iter().flatten();
        examples.map(|(slug, _)| slug.clone())
    });
    assert_eq!(examples.collect::<BTreeSet<String>>(), documented);
}

#[test]
fn examples_match_their_schemas() {
    let document = document();
    let mut checked = 0;
    let mut check = |content: &Value, name: &str| {
        for (media_type, one) in content.as_object().into_iter().flatten() {
            let examples = one["examples"].as_object().into_iter().flatten();
            let examples = examples.map(|(_, example)| &example["value"]);
            for example in examples.chain(one.get("example")) {
                assert_valid(
                    &document,
                    &one["schema"],
                    example,
                    &format!("{name} {media_type}"),
                );
                checked += 1;
            }
        }
    };
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        check(&response["content"], name);
    }
    for (_, path, operation) in operations(&document) {
        check(&operation["requestBody"]["content"], path);
        for (_, response) in operation["responses"].as_object().unwrap() {
            check(&response["content"], path);
        }
    }
    assert!(checked > 20, "{checked}");
}

/// The rules of the schemas that the code does not derive from types.
#[test]
fn the_description_refuses_what_the_server_refuses() {
    let document = document();
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let change = schema("ApplicationChange");
    for (schema, value, is_valid) in [
        (&change, json!({}), false),
        (&change, json!({ "name": null, "shards": null }), false),
        (&change, json!({ "name": null, "shards": 2 }), true),
        (&change, json!({ "retentionDays": 80.0 }), true),
        (&schema("KeyChange"), json!({ "status": null }), false),
        (&schema("KeyChange"), json!({ "status": "disabled" }), true),
        (&schema("NewKey"), json!({ "scopes": [] }), false),
        (
            &schema("NewKey"),
            json!({ "scopes": ["ingest:logs", "ingest:logs"] }),
            true,
        ),
        (&schema("Name"), json!(" Shop 🛒 "), true),
        (&schema("Name"), json!("é".repeat(80)), true),
        (&schema("Name"), json!("é".repeat(81)), false),
        (&schema("Name"), json!(" "), false),
        (&schema("Name"), json!("a\nb"), false),
    ] {
        let errors = errors_of(&document, schema, &value);
        assert_eq!(errors.is_empty(), is_valid, "{value}: {errors:?}");
    }
}

#[tokio::test]
async fn every_response_and_every_successful_request_match_the_description() {
    let document = document();
    let replayed = replay().await.events.iter();
    // The files of the dashboard are no operations of the API.
    for replayed in replayed.filter(|replayed| replayed.case.function != DASHBOARD) {
        let name = &replayed.case.name;
        let event = &replayed.sent;
        let (method, path) = event["routeKey"].as_str().unwrap().split_once(' ').unwrap();
        if path == "/{proxy+}" {
            continue;
        }
        let operation = &document["paths"][path][method.to_lowercase()];
        let response = &replayed.router.response;
        assert_answer(&document, operation, name, response);
        if response.status.is_success() {
            assert_request(&document, operation, name, event);
        }
    }
}

/// Expects that a successful request matches the description: its body and all required
/// parameters.
#[track_caller]
fn assert_request(document: &Value, operation: &Value, name: &str, event: &Value) {
    let is_json = event["headers"]["content-type"] == "application/json";
    // An invalid event in a batch is rejected, so it need not match the description.
    if is_json && event["isBase64Encoded"] == false && !name.contains("partly_bad") {
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert_valid(document, schema, &body, name);
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let asked = parameter["name"].as_str().unwrap();
        let is_sent = !event["queryStringParameters"][asked].is_null();
        let is_needed = parameter["in"] == "query" && parameter["required"] == true;
        assert!(is_sent || !is_needed, "{name}: {asked}");
    }
}

#[track_caller]
fn assert_answer(document: &Value, operation: &Value, name: &str, response: &Response) {
    let described = &operation["responses"][response.status.as_str()];
    assert!(
        !described.is_null(),
        "{name}: {} is not described",
        response.status
    );
    let described = match described["$ref"].as_str() {
        Some(address) => document
            .pointer(address.strip_prefix('#').unwrap())
            .unwrap(),
        None => described,
    };
    for (header, _) in described["headers"].as_object().into_iter().flatten() {
        let header = header.to_lowercase();
        assert!(
            response.headers.contains_key(&header),
            "{name}: no {header}"
        );
    }
    if response.body.is_empty() {
        return;
    }
    let media_type = response.header("content-type");
    let content = &described["content"][media_type];
    assert!(!content.is_null(), "{name}: {media_type} is not described");
    if media_type.ends_with("json") {
        let body = serde_json::from_slice(&response.body).unwrap();
        assert_valid(document, &content["schema"], &body, name);
    }
}

/// Expects that a value matches a schema of the document (JSON Schema 2020-12).
#[track_caller]
fn assert_valid(document: &Value, schema: &Value, value: &Value, name: &str) {
    let errors = errors_of(document, schema, value);
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{value:#}");
}

fn errors_of(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document["components"], "allOf": [schema],
    });
    let validator: Validator = jsonschema::draft202012::new(&schema).unwrap();
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[tokio::test]
async fn the_page_has_every_operation_and_no_script() {
    let document = document();
    let page = Backend::start().await.browser().get("/docs").await.text();
    for (_, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("<article id=\"{id}\">")), "{path}");
    }
    for forbidden in ["<script", "style=", "onclick", "http://", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}
