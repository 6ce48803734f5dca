//! Keys that GitHub found in public are revoked at once if GitHub signed the report.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use shared::base::ids::{ApplicationId, Environment, KeyId, PublicKeyId};
use shared::base::random;
use shared::identity::api_key::ApiKey;

use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, Sdk};

pub mod github;
mod operator;

use github::{GitHub, IDENTIFIER, SIGNATURE, findings, key_pair, labels, published, sign};

async fn is_live(sdk: &Sdk) -> bool {
    let instance = sdk.backend.another_instance();
    let sdk = Sdk {
        backend: instance,
        ..sdk.clone()
    };
    let status = sdk.traces(sdk.batch(1)).await.status;
    sdk.backend.calls.take();
    status == StatusCode::OK
}

#[tokio::test]
async fn a_leaked_key_is_revoked_at_once_and_audited() {
    let github = GitHub::start().await;
    let (ada, sdk) = github.sdk().await;
    let other = Sdk {
        key: ada.mint(&sdk.application_id).await,
        ..sdk.clone()
    };
    assert!(is_live(&sdk).await);
    let response = github.report(&[&sdk.key]).await;
    let calls = github.backend.calls.take();
    assert_eq!(calls, ["GetItem", "TransactWriteItems"]);
    let feedback =
        json!([{ "token_raw": sdk.key, "token_type": "upblit_key", "label": "true_positive" }]);
    assert_eq!(response.json(), feedback);
    assert_eq!(response.header("cache-control"), "no-store");

    let instance = Sdk {
        backend: github.backend.another_instance(),
        ..sdk.clone()
    };
    let refused = instance.traces(instance.batch(1)).await;
    refused.problem(401, "key-revoked");
    assert!(is_live(&other).await, "only the leaked one");
    let path = format!("/applications/{}/audit", sdk.application_id);
    let audit_log = ada.get(&path).await.text();
    assert!(audit_log.contains(r#""key.revoked""#), "{audit_log}");
    assert!(
        audit_log.contains(r#""github-secret-scanning""#),
        "{audit_log}"
    );
    for _ in 1..20 {
        ada.mint(&sdk.application_id).await;
    }
}

#[tokio::test]
async fn the_previous_secret_counts_until_the_overlap_ends() {
    let github = GitHub::start().await;
    let (ada, old) = github.sdk().await;
    let path = format!("/apikey/{}/rotate", old.key_id());
    let rotated = ada.post(&path, json!({ "overlapSeconds": 60 })).await;
    let new = Sdk {
        key: rotated.json().as_str().unwrap().to_owned(),
        ..old.clone()
    };
    github.backend.later(60);
    assert_eq!(
        labels(&github.report(&[&old.key]).await),
        ["false_positive"]
    );
    assert!(is_live(&new).await);

    let overlap = json!({ "overlapSeconds": 60 });
    assert_eq!(ada.post(&path, overlap).await.status, 200);
    assert_eq!(labels(&github.report(&[&new.key]).await), ["true_positive"]);
    assert!(!is_live(&new).await);
}

#[tokio::test]
async fn a_replayed_report_writes_nothing() {
    let github = GitHub::start().await;
    let (ada, sdk) = github.sdk().await;
    assert_eq!(labels(&github.report(&[&sdk.key]).await), ["true_positive"]);
    github.backend.calls.take();
    assert_eq!(labels(&github.report(&[&sdk.key]).await), ["true_positive"]);
    assert_eq!(github.backend.calls.take(), ["GetItem"]);
    let path = format!("/applications/{}/audit", sdk.application_id);
    let audit_log = ada.get(&path).await.text();
    assert_eq!(audit_log.matches(r#""key.revoked""#).count(), 1);
}

#[tokio::test]
async fn disabled_and_expired_keys_are_revoked_too() {
    let github = GitHub::start().await;
    let (ada, sdk) = github.sdk().await;
    let path = format!("/apikey/{}", sdk.key_id());
    ada.patch(&path, json!({ "status": "disabled" })).await;
    let expires_at = shared::base::clock::rfc3339(shared::base::clock::after(
        github.backend.clock.now(),
        std::time::Duration::from_secs(60),
    ));
    let mint = format!("/apikey?ApplicationId={}", sdk.application_id);
    let expiring = ada.post(&mint, json!({ "expiresAt": expires_at })).await;
    let expiring = expiring.json().as_str().unwrap().to_owned();
    github.backend.later(61);
    let response = github.report(&[&sdk.key, &expiring]).await;
    assert_eq!(labels(&response), ["true_positive", "true_positive"]);
    let listed = ada.get(&mint).await.json();
    for key in listed["keys"].as_array().unwrap() {
        assert_eq!(key["status"], "revoked");
    }
}

#[tokio::test]
async fn mistyped_tokens_cost_no_call_and_unknown_ones_no_write() {
    let github = GitHub::start().await;
    let (_, sdk) = github.sdk().await;
    let mut mistyped = sdk.key.clone();
    mistyped.replace_range(40..41, if &mistyped[40..41] == "a" { "b" } else { "a" });
    let tokens = [&*mistyped, "", "ghp_x", "upblit_live_", &sdk.key[..60]];
    let response = github.report(&tokens).await;
    assert_eq!(labels(&response), ["false_positive"; 5]);
    assert!(github.backend.calls.take().is_empty());

    let id = sdk.key_id().parse().unwrap();
    let forged = shared::identity::api_key::ApiKey::generate(id, &mut shared::base::random::rng());
    let unknown = format!("{}YYYYYYYY", sdk.application_id);
    let id = unknown.parse().unwrap();
    let unknown = shared::identity::api_key::ApiKey::generate(id, &mut shared::base::random::rng());
    let response = github.report(&[forged.expose(), unknown.expose()]).await;
    assert_eq!(labels(&response), ["false_positive"; 2]);
    assert_eq!(github.backend.calls.take(), ["GetItem", "GetItem"]);
    assert!(is_live(&sdk).await);
}

#[tokio::test]
async fn many_findings_of_many_applications_are_answered_in_order() {
    let github = GitHub::start().await;
    let ada = github.backend.sign_in("ada").await;
    let bob = github.backend.sign_in("bob").await;
    let adas = ada.sdk().await;
    let bobs = bob.sdk().await;
    let mut keys = vec![adas.key.clone(), bobs.key.clone(), "nonsense".to_owned()];
    for _ in 0..5 {
        keys.push(ada.mint(&adas.application_id).await);
        keys.push(bob.mint(&bobs.application_id).await);
    }
    // One key was found twice, and GitHub may send tokens that are not keys.
    keys.push(adas.key.clone());
    let tokens: Vec<&str> = keys.iter().map(String::as_str).collect();
    let response = github.report(&tokens).await;
    let feedback = response.json();
    for (finding, token) in feedback.as_array().unwrap().iter().zip(&tokens) {
        assert_eq!(finding["token_raw"], *token);
        let is_key = token.starts_with("upblit_");
        let label = if is_key {
            "true_positive"
        } else {
            "false_positive"
        };
        assert_eq!(finding["label"], label);
    }
    assert_eq!(feedback.as_array().unwrap().len(), tokens.len());
    let calls = github.backend.calls.take();
    let of = |name| calls.iter().filter(|call| *call == name).count();
    assert_eq!((of("GetItem"), of("TransactWriteItems")), (12, 12));
    assert!(!is_live(&adas).await && !is_live(&bobs).await);
}

/// A well-formed key that was never created.
fn invented_key() -> String {
    let mut rng = random::rng();
    let id = PublicKeyId {
        application_id: ApplicationId::generate(Environment::Production, &mut rng),
        key_id: KeyId::generate(&mut rng),
    };
    ApiKey::generate(id, &mut rng).expose().to_owned()
}

#[tokio::test]
async fn every_finding_of_a_long_report_is_acted_on() {
    let github = GitHub::start().await;
    let (_, sdk) = github.sdk().await;
    for length in [1_001, 5_000] {
        let mut tokens = vec!["x"; length - 2];
        let invented = invented_key();
        tokens.extend([&*invented, &sdk.key]);
        let labels = labels(&github.report(&tokens).await);
        assert_eq!(labels.len(), length);
        assert_eq!(labels[length - 2..], ["false_positive", "true_positive"]);
        assert!(!is_live(&sdk).await, "{length} findings");
    }
}

#[tokio::test]
async fn a_report_that_takes_too_long_states_what_is_left_and_can_be_sent_again() {
    const KEYS: usize = 100;
    const AT_ONCE: usize = 16;
    let github = GitHub::start().await;
    let settings = [("GITHUB_SECRET_SCANNING_KEYS_URL", &*github.url)];
    let (engine, backend) = FaultyEngine::start_with(&settings).await;
    let github = github.facing(backend);
    let (_, sdk) = github.sdk().await;
    let mut keys: Vec<String> = (1..KEYS).map(|_| invented_key()).collect();
    keys.push(sdk.key.clone());
    let tokens: Vec<&str> = keys.iter().map(String::as_str).collect();

    engine.fail("GetItem", Fault::Hangs, 0, AT_ONCE);
    let time_passes = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        github.backend.later(8);
    };
    let (response, ()) = tokio::join!(github.report(&tokens), time_passes);
    let problem = response.problem(503, "unavailable");
    let left = format!("{} tokens are left; send the report again", KEYS - AT_ONCE);
    assert_eq!(problem["detail"], left);
    assert_eq!(response.header("retry-after"), "2");

    assert_eq!(labels(&github.report(&tokens).await).len(), KEYS);
    assert!(!is_live(&sdk).await);
}

#[tokio::test]
async fn only_reports_signed_by_github_are_accepted() {
    let github = GitHub::start().await;
    let (_, sdk) = github.sdk().await;
    let stranger = key_pair();
    let body = findings(&[&sdk.key]);
    let right = sign(&github.pair, &body);
    let strangers = sign(&stranger, &body);
    let of_another_body = sign(&github.pair, &findings(&["upblit_live_x"]));
    let twice = [
        (IDENTIFIER, "one"),
        (SIGNATURE, &*right),
        (SIGNATURE, &right),
    ];
    for headers in [
        &[][..],
        &[(IDENTIFIER, "one")],
        &[(SIGNATURE, &right)],
        &[(IDENTIFIER, "one"), (SIGNATURE, &strangers)],
        &[(IDENTIFIER, "one"), (SIGNATURE, &of_another_body)],
        &[(IDENTIFIER, "two"), (SIGNATURE, &right)],
        &[(IDENTIFIER, ""), (SIGNATURE, &right)],
        &[(IDENTIFIER, "one"), (SIGNATURE, "")],
        &[(IDENTIFIER, "one"), (SIGNATURE, "AAAA")],
        &[(IDENTIFIER, "one"), (SIGNATURE, "not base64 §")],
        &twice,
    ] {
        let problem = github.send(headers, body.clone()).await;
        let problem = problem.problem(401, "invalid-signature");
        assert!(!problem.to_string().contains(&sdk.key));
    }
    for tampered in [
        body.replace("upblit_key", "x"),
        format!("{body}\n"),
        String::new(),
    ] {
        let headers = [(IDENTIFIER, "one"), (SIGNATURE, &*right)];
        let problem = github.send(&headers, tampered).await;
        problem.problem(401, "invalid-signature");
    }
    assert!(github.backend.calls.take().is_empty());
    assert!(is_live(&sdk).await);
}

#[tokio::test]
async fn a_signed_body_that_is_no_report_is_refused() {
    let github = GitHub::start().await;
    let signed = async |body: String| {
        let signature = sign(&github.pair, &body);
        let headers = [(IDENTIFIER, "one"), (SIGNATURE, &*signature)];
        github.send(&headers, body).await
    };
    for body in ["{}", "", "null", "[", "\"x\""] {
        let problem = signed(body.to_owned()).await;
        problem.problem(400, "malformed-request");
    }
    let huge = signed(format!("[]{}", " ".repeat(2 * 1024 * 1024))).await;
    huge.problem(413, "too-large");
    assert_eq!(signed("[]".to_owned()).await.json(), json!([]));
    assert_eq!(signed("[1,{}]".to_owned()).await.json(), json!([]));
    assert!(github.backend.calls.take().is_empty());
}

#[tokio::test]
async fn without_githubs_keys_a_report_is_answered_503() {
    let github = GitHub::start().await;
    let (_, sdk) = github.sdk().await;
    let good = published(&[("one", &github.pair)]);
    for (status, answer) in [
        (500, ""),
        (403, &*good),
        (302, ""),
        (200, "<html>"),
        (200, "{}"),
    ] {
        github.publish(status, answer.to_owned());
        for fetches in [1, 0] {
            let problem = github.report(&[&sdk.key]).await;
            problem.problem(503, "unavailable");
            assert_eq!(problem.header("retry-after"), "2");
            assert_eq!(github.fetches(), fetches, "not again a moment later");
        }
        github.backend.later(10);
    }
    assert!(github.backend.calls.take().is_empty());
    github.publish(200, good);
    assert_eq!(labels(&github.report(&[&sdk.key]).await), ["true_positive"]);

    let nobody = Backend::with(&[("GITHUB_SECRET_SCANNING_KEYS_URL", "http://127.0.0.1:1")]).await;
    let alone = github.facing(nobody);
    alone.report(&["x"]).await.problem(503, "unavailable");
}

#[tokio::test]
async fn githubs_keys_are_cached_for_an_hour() {
    let github = GitHub::start().await;
    for (seconds, fetches) in [(0, 1), (3_599, 0), (1, 1), (0, 0)] {
        github.backend.later(seconds);
        assert_eq!(github.report(&["x"]).await.status, 200);
        assert_eq!(github.fetches(), fetches, "after {seconds} s");
    }
    // A public key that GitHub retires is accepted for at most one hour.
    let next = key_pair();
    github.publish(200, published(&[("two", &next)]));
    github.backend.later(3_600);
    let problem = github.report(&["x"]).await;
    problem.problem(401, "invalid-signature");
    assert_eq!(github.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_of_github_is_fetched_on_use_and_invented_ones_cost_little() {
    let github = GitHub::start().await;
    assert_eq!(github.report(&["x"]).await.status, 200);
    let next = key_pair();
    github.publish(200, published(&[("one", &github.pair), ("two", &next)]));
    github.backend.later(300);
    let body = findings(&["x"]);
    let signature = sign(&next, &body);
    let headers = [(IDENTIFIER, "two"), (SIGNATURE, &*signature)];
    assert_eq!(github.send(&headers, body.clone()).await.status, 200);
    assert_eq!(github.fetches(), 2);
    for index in 0..20 {
        let made_up = format!("made up {index}");
        let headers = [(IDENTIFIER, &*made_up), (SIGNATURE, &*signature)];
        let problem = github.send(&headers, body.clone()).await;
        problem.problem(401, "invalid-signature");
        github.backend.later(30);
    }
    assert_eq!(github.fetches(), 1, "in ten minutes");
    assert_eq!(github.report(&["x"]).await.status, 200);
}

#[test]
fn the_documented_example_has_the_documented_form() {
    let text = include_str!("../../docs/leaked-keys.md");
    let example = text
        .lines()
        .find(|line| line.starts_with("upblit_live_L"))
        .unwrap();
    assert!(shared::identity::api_key::ApiKey::parse(example).is_some());
}
