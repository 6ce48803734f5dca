//! Bug reports of other projects, as a table of requests, expected responses and stored events:
//! `tests/public_reports.yaml`, which documents its fields.

use std::collections::BTreeMap;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Backend, Sdk, SignedIn};

/// One report. The table documents the fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    sources: Vec<String>,
    about: String,
    span: Option<Value>,
    log: Option<Value>,
    request: Option<Value>,
    base64: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default = "success")]
    status: u16,
    #[serde(default = "nothing")]
    response: Value,
    stored: Option<Value>,
}

fn success() -> u16 {
    200
}

fn nothing() -> Value {
    json!({})
}

fn reports() -> BTreeMap<String, Report> {
    serde_yaml_ng::from_str(include_str!("../public_reports.yaml")).unwrap()
}

impl Report {
    /// The path and body of the request.
    fn request(&self) -> (&str, Vec<u8>) {
        let resource = json!({ "attributes": [
            { "key": "service.name", "value": { "stringValue": "shop" } }
        ] });
        let (path, body) = match (&self.span, &self.log, &self.request, &self.base64) {
            (Some(span), None, None, None) => {
                let scopes = json!([{ "spans": [span] }]);
                let body =
                    json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": scopes }] });
                (Some("/v1/traces"), body.to_string().into_bytes())
            }
            (None, Some(log), None, None) => {
                let scopes = json!([{ "logRecords": [log] }]);
                let body =
                    json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": scopes }] });
                (Some("/v1/logs"), body.to_string().into_bytes())
            }
            (None, None, Some(request), None) => (None, request.to_string().into_bytes()),
            (None, None, None, Some(base64)) => (None, STANDARD.decode(base64).unwrap()),
            _ => panic!("exactly one of span, log, request and base64"),
        };
        let path = self.path.as_deref().or(path);
        let is_gzip = self
            .headers
            .get("content-encoding")
            .is_some_and(|it| it == "gzip");
        (path.unwrap(), if is_gzip { gzip(&body) } else { body })
    }

    async fn send(&self, sdk: &Sdk) -> (u16, Value) {
        let (path, body) = self.request();
        let headers = self.headers.iter();
        let headers: Vec<(&str, &str)> = headers.map(|(name, value)| (&**name, &**value)).collect();
        let response = sdk.send(path, &headers, body).await;
        let is_json = response.header("content-type").contains("json");
        let body = if is_json {
            serde_json::from_slice(&response.body).unwrap()
        } else {
            STANDARD.encode(&response.body).into()
        };
        (response.status.as_u16(), body)
    }

    /// What is stored: the only span or log record of the application, or null.
    async fn read(&self, ada: &SignedIn, sdk: &Sdk) -> Value {
        let application = format!("applicationId={}", sdk.application_id);
        if self.log.is_some()
            || self
                .path
                .as_deref()
                .is_some_and(|path| path.contains("logs"))
        {
            let logs = ada
                .get(&format!("/telemetry/logs?{application}"))
                .await
                .json();
            return only(&logs["logs"]);
        }
        let list = ada
            .get(&format!("/telemetry/traces?{application}"))
            .await
            .json();
        let row = only(&list["traces"]);
        let Some(id) = row["traceId"].as_str() else {
            return Value::Null;
        };
        let at = row["startTime"].as_str().unwrap();
        let path = format!("/telemetry/traces/{id}?{application}&at={at}");
        only(&ada.get(&path).await.json()["spans"])
    }
}

fn only(rows: &Value) -> Value {
    let rows = rows.as_array().unwrap();
    assert!(rows.len() <= 1, "{rows:?}");
    rows.first().cloned().unwrap_or_default()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Whether a value has all that is expected: of objects, the fields that are named; of texts that end
/// with `…`, the beginning.
fn has(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected.iter().all(|(name, value)| {
            let found = found.get(name).unwrap_or(&Value::Null);
            has(found, value)
        }),
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found
                    .iter()
                    .zip(expected)
                    .all(|(found, expected)| has(found, expected))
        }
        (Value::String(found), Value::String(expected)) => match expected.strip_suffix('…') {
            Some(beginning) => found.starts_with(beginning),
            None => found == expected,
        },
        _ => found == expected,
    }
}

#[tokio::test]
async fn every_report_of_another_project_gets_the_response_and_the_stored_event_of_the_table() {
    let backend = Backend::start().await;
    let mut wrong = Vec::new();
    for (name, report) in reports() {
        let ada = backend.sign_in(&name.replace('_', "-")).await;
        let sdk = ada.sdk().await;
        let (status, response) = report.send(&sdk).await;
        let is_exact = response.is_object() && report.response == nothing();
        let as_expected = if is_exact {
            response == report.response
        } else {
            has(&response, &report.response)
        };
        if status != report.status || !as_expected {
            wrong.push(format!("{name}: responded {status} {response}"));
        }
        let stored = report.read(&ada, &sdk).await;
        if !has(&stored, report.stored.as_ref().unwrap_or(&Value::Null)) {
            wrong.push(format!("{name}: stored {stored}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_report_names_its_source_and_says_in_a_sentence_what_is_right() {
    for (name, report) in reports() {
        for source in &report.sources {
            let (repository, number) = source.split_once('#').unwrap_or_default();
            let is_named = repository
                .split('/')
                .filter(|part| !part.is_empty())
                .count()
                == 2;
            assert!(
                is_named && number.parse::<u32>().is_ok(),
                "{name}: {source}"
            );
        }
        assert!(!report.sources.is_empty(), "{name}");
        assert!(report.about.ends_with('.'), "{name}: {}", report.about);
    }
}
