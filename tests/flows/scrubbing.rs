//! Credentials and card numbers are removed before telemetry is stored, unless an application turns
//! this off.

use serde_json::{Value, json};

use crate::support::{Backend, Sdk, SignedIn};

const SECRET: &str = "correct-horse-battery-staple";

async fn start() -> (SignedIn, Sdk, String) {
    let ada = Backend::start().await.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let path = format!("/applications/{}", sdk.application_id);
    (ada, sdk, path)
}

/// Sends a span and a log record with a secret.
async fn send(sdk: &Sdk, index: usize) {
    let mut span = sdk.span(index);
    span["requestURL"] = format!("/cart?token={SECRET}").into();
    span["db.password"] = SECRET.into();
    let mut log = sdk.log(&format!("GET /?api_key={SECRET} {index}"));
    log["logs"][0]["authorization"] = format!("Bearer {SECRET}").into();
    let body = json!({ "traces": [span] });
    assert_eq!(sdk.traces(body).await.json()["accepted"], 1);
    assert_eq!(sdk.logs(log).await.json()["accepted"], 1);
}

/// The newest span and log record, as a member reads them.
async fn newest(ada: &SignedIn, sdk: &Sdk, index: usize) -> [Value; 2] {
    let of = format!("applicationId={}", sdk.application_id);
    let trace = format!("/telemetry/traces/trace-{index}?{of}");
    let trace = ada.get(&trace).await.json();
    let logs = ada.get(&format!("/telemetry/logs?{of}")).await.json();
    [trace["spans"][0].clone(), logs["logs"][0].clone()]
}

async fn set(ada: &SignedIn, path: &str, scrubbing: &str) {
    let changed = ada.patch(path, json!({ "scrubbing": scrubbing })).await;
    assert_eq!(changed.json()["scrubbing"], scrubbing);
    // Wait until ingest reads the key again.
    ada.backend.later(11);
    ada.backend.calls.take();
}

#[tokio::test]
async fn secrets_are_removed_marked_and_counted() {
    let (ada, sdk, path) = start().await;
    assert_eq!(ada.get(&path).await.json()["scrubbing"], "on");
    send(&sdk, 0).await;
    let [span, log] = newest(&ada, &sdk, 0).await;
    assert_eq!(span["url"], "/cart?token=REDACTED");
    assert_eq!(span["attributes"]["db.password"], "[scrubbed]");
    assert_eq!(log["message"], "GET /?api_key=REDACTED 0");
    assert_eq!(log["attributes"]["authorization"], "[scrubbed]");
    for event in [&span, &log] {
        assert_eq!(event["notes"], json!(["scrubbed"]));
    }
    ada.backend.later(61);
    sdk.traces(sdk.batch(1)).await;
    let keys = format!("/apikey?ApplicationId={}", sdk.application_id);
    let health = ada.get(&keys).await.json()["keys"][0]["health"].clone();
    assert_eq!(
        (&health["accepted"], &health["scrubbed"]),
        (&json!(3), &json!(2))
    );
}

#[tokio::test]
async fn a_search_cannot_find_what_was_removed() {
    let (ada, sdk, _) = start().await;
    send(&sdk, 0).await;
    for (query, found) in [
        (format!("attr=authorization:Bearer%20{SECRET}"), 0),
        ("attr=authorization:[scrubbed]".to_owned(), 1),
        ("q=battery".to_owned(), 0),
        ("q=REDACTED".to_owned(), 1),
    ] {
        let path = format!(
            "/telemetry/logs?applicationId={}&{query}",
            sdk.application_id
        );
        let logs = ada.get(&path).await.json();
        assert_eq!(logs["logs"].as_array().unwrap().len(), found, "{query}");
    }
}

#[tokio::test]
async fn an_application_can_turn_it_off_and_on_and_ingest_makes_no_additional_calls() {
    let (ada, sdk, path) = start().await;
    set(&ada, &path, "off").await;
    send(&sdk, 0).await;
    let calls = ada.backend.calls.take();
    assert_eq!(
        calls.iter().filter(|call| **call == "GetItem").count(),
        1,
        "{calls:?}"
    );
    let [span, log] = newest(&ada, &sdk, 0).await;
    assert_eq!(span["url"], format!("/cart?token={SECRET}"));
    assert_eq!(
        log["attributes"]["authorization"],
        format!("Bearer {SECRET}")
    );
    assert_eq!((&span["notes"], &log["notes"]), (&json!([]), &json!([])));

    // A new key takes over the setting.
    let other = Sdk {
        key: ada.mint(&sdk.application_id).await,
        ..sdk.clone()
    };
    send(&other, 1).await;
    let [span, _] = newest(&ada, &sdk, 1).await;
    assert_eq!(span["attributes"]["db.password"], SECRET);

    set(&ada, &path, "on").await;
    send(&sdk, 2).await;
    let [span, _] = newest(&ada, &sdk, 2).await;
    assert_eq!(span["attributes"]["db.password"], "[scrubbed]");

    let audit_log = ada.get(&format!("{path}/audit")).await.json();
    let entries = audit_log["entries"].as_array().unwrap().iter();
    let changes = entries.filter(|entry| entry["action"] == "application.scrubbing_changed");
    assert_eq!(changes.count(), 2);
    let refused = ada.patch(&path, json!({ "scrubbing": "maybe" })).await;
    assert!(refused.text().contains("/scrubbing"), "{}", refused.text());
    refused.problem(400, "invalid-fields");
}
