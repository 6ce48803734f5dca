//! Values for the placeholders of an event.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{START_WITH_CHALLENGE, text};
use crate::support::callers::parameters;
use crate::support::{Backend, SignedIn};

/// Names and values of placeholders.
pub type Values = Vec<(&'static str, String)>;

/// The event with its `{{…}}` replaced by these values, also in a base64 or gzip body.
pub fn filled(event: &Value, values: &[(&str, String)]) -> Value {
    let fill = |text: String| {
        values.iter().fold(text, |text, (name, value)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        })
    };
    let mut event: Value = serde_json::from_str(&fill(event.to_string())).unwrap();
    if event["isBase64Encoded"] == true {
        let body = STANDARD.decode(text(&event, "/body")).unwrap();
        let body = if event["headers"]["content-encoding"] == "gzip" {
            let mut inflated = Vec::new();
            GzDecoder::new(&body[..])
                .read_to_end(&mut inflated)
                .unwrap();
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&filled_bytes(inflated, values)).unwrap();
            packed.finish().unwrap()
        } else {
            filled_bytes(body, values)
        };
        event["body"] = STANDARD.encode(body).into();
    }
    assert!(!event.to_string().contains("{{"), "not filled in: {event}");
    event
}

/// Replaces placeholders in bytes. `{{NOW8}}` is as long as its value, a `fixed64` of Protobuf,
/// so the lengths of the enclosing messages stay valid.
fn filled_bytes(body: Vec<u8>, values: &[(&str, String)]) -> Vec<u8> {
    let nanos = values.iter().find(|(name, _)| *name == "NOW_NANOS");
    let nanos: u64 = nanos.unwrap().1.parse().unwrap();
    let body = replaced(&body, b"{{NOW8}}", &nanos.to_le_bytes());
    values.iter().fold(body, |body, (name, value)| {
        replaced(
            &body,
            format!("{{{{{name}}}}}").as_bytes(),
            value.as_bytes(),
        )
    })
}

fn replaced(mut bytes: &[u8], pattern: &[u8], by: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    while let [first, rest @ ..] = bytes {
        if let Some(rest) = bytes.strip_prefix(pattern) {
            made.extend_from_slice(by);
            bytes = rest;
        } else {
            made.push(*first);
            bytes = rest;
        }
    }
    made
}

/// Values for all placeholders of an event: those of a user with an application, a key and
/// telemetry, and if needed those of a browser that returns from GitHub.
pub async fn values(backend: &Backend, login: &str, event: &Value) -> Values {
    let asked = event.to_string();
    let asks = |name: &str| asked.contains(name);
    if !asks("{{") && event["isBase64Encoded"] == false {
        return Vec::new();
    }
    let mut values = of_account(&backend.sign_in(login).await).await;
    if ["STATE", "CODE", "LOGIN_COOKIE"].into_iter().any(asks) {
        values.extend(of_callback(backend, login).await);
    }
    if asks("HANDOFF_CODE") {
        values.push(("HANDOFF_CODE", authorization_code(backend, login).await));
    }
    values
}

/// Values of a user with an application, a key and some telemetry.
pub async fn of_account(user: &SignedIn) -> Values {
    let backend = &user.backend;
    let sdk = user.sdk().await;
    assert!(sdk.traces(sdk.batch(1)).await.status.is_success());
    assert!(sdk.logs(sdk.log("paid")).await.status.is_success());
    let guest = backend
        .sign_in(&format!("guest-{}", sdk.application_id))
        .await;
    let member = guest
        .join(&user.invite(&sdk.application_id, "viewer").await)
        .await;
    let open = user.invite(&sdk.application_id, "member").await;
    let elsewhere = guest.create_application("Elsewhere").await;
    let invited = guest.invite(&elsewhere, "viewer").await;
    let session = user.get("/sessions").await.json()["sessions"][0]["id"].clone();
    vec![
        ("ACCESS_TOKEN", user.token.clone()),
        ("REFRESH_TOKEN", user.refresh_token.clone()),
        ("SESSION_ID", session.as_str().unwrap().to_owned()),
        ("APPLICATION_ID", sdk.application_id.clone()),
        ("KEY_ID", sdk.key_id()),
        ("READ_KEY", user.reader(&sdk.application_id).await.key),
        ("API_KEY", sdk.key),
        ("MEMBER_ID", member),
        ("INVITE_ID", open["id"].as_str().unwrap().to_owned()),
        (
            "INVITE_TOKEN",
            invited["token"].as_str().unwrap().to_owned(),
        ),
        ("NOW", shared::base::clock::rfc3339(backend.clock.now())),
        ("NOW_NANOS", backend.clock.now().as_nanosecond().to_string()),
    ]
}

/// Values of a browser that returns from an approval at GitHub.
async fn of_callback(backend: &Backend, login: &str) -> Values {
    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, login).await;
    let mut callback = parameters(callback.split_once('?').map(|(_, query)| query));
    let (cookie_name, cookie) = browser.cookies.pop_first().unwrap();
    vec![
        ("LOGIN_COOKIE_NAME", cookie_name),
        ("LOGIN_COOKIE", cookie),
        ("STATE", callback.remove("state").unwrap()),
        ("CODE", callback.remove("code").unwrap()),
    ]
}

/// The authorization code of a sign-in with a challenge.
async fn authorization_code(backend: &Backend, login: &str) -> String {
    let mut page = backend.browser();
    let github = page.get(START_WITH_CHALLENGE).await.location();
    let back = page.approve(&github, login).await;
    let success = page.get(&back).await.location();
    parameters(success.query())["code"].clone()
}
