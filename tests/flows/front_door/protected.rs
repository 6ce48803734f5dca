//! Every route that requires a credential, taken from the description of the API.

use std::collections::BTreeSet;

use local::functions::DASHBOARD;
use local::generated::events::Case;
use serde_json::{Value, json};
use shared::base::clock::rfc3339;

use crate::events::{cases, filled, invoke, of_account, replay};
use crate::openapi::{document, operations};
use crate::support::{Backend, SignedIn};

/// One successful event for each route that requires a credential of this scheme, or none.
pub(super) fn successes(scheme: Option<&str>) -> Vec<Case> {
    let document = document();
    let asks = |operation: &Value| {
        let security = operation["security"].as_array().unwrap();
        match scheme {
            Some(scheme) => security.iter().any(|one| !one[scheme].is_null()),
            None => security.is_empty(),
        }
    };
    let routes = operations(&document).into_iter();
    let routes = routes.filter(|(_, _, operation)| asks(operation));
    routes
        .map(|(method, path, _)| {
            let route = format!("{method} {path}");
            let mut cases = cases().into_iter();
            let has_credential = |case: &Case| match scheme {
                Some("bearer") => !case.event["headers"]["authorization"].is_null(),
                Some(_) => !case.event["headers"]["x-api-key"].is_null(),
                None => true,
            };
            let case = cases.find(|case| {
                case.event["routeKey"] == route && case.status < 400 && has_credential(case)
            });
            case.unwrap_or_else(|| panic!("no event of {route} succeeds"))
        })
        .collect()
}

/// The event with a header set or removed.
fn with(event: &Value, header: &str, value: Option<&str>) -> Value {
    let mut event = event.clone();
    let headers = event["headers"].as_object_mut().unwrap();
    match value {
        Some(value) => headers.insert(header.to_owned(), value.into()),
        None => headers.remove(header),
    };
    event
}

#[test]
fn every_route_requires_a_token_or_a_key_or_is_public() {
    let document = document();
    let [bearer, key, open] = [Some("bearer"), Some("apiKey"), None].map(successes);
    let all = [&bearer, &key, &open].into_iter().flatten();
    let routes: BTreeSet<String> = all.map(|case| case.event["routeKey"].to_string()).collect();
    assert_eq!(routes.len(), operations(&document).len());
    assert!(bearer.len() >= 20 && key.len() >= 8 && open.len() >= 6);
    for case in open {
        for header in ["authorization", "x-api-key"] {
            assert!(case.event["headers"][header].is_null(), "{}", case.name);
        }
    }
}

#[tokio::test]
async fn responses_of_every_route_have_the_security_headers() {
    let replayed = replay().await.events.iter();
    // `tests/flows/dashboard.rs` tests the headers of files, which may be cached.
    for replayed in replayed.filter(|replayed| replayed.case.function != DASHBOARD) {
        let name = &replayed.case.name;
        let response = &replayed.router.response;
        for (header, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(response.header(header), value, "{name}");
        }
        let policy = response.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{name}");
        let transport = response.header("strict-transport-security");
        assert!(transport.contains("max-age="), "{name}");
    }
}

#[tokio::test]
async fn routes_for_users_refuse_every_other_token_without_a_database_call() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let values = of_account(&ada).await;
    let mut tokens = bad_tokens(&backend, &ada).await;
    let events = successes(Some("bearer")).into_iter();
    let events: Vec<_> = events
        .map(|case| (case.name, filled(&case.event, &values)))
        .collect();
    for is_expired in [false, true] {
        if is_expired {
            backend.later(24 * 60 * 60);
            tokens = vec![("expired", Some(ada.token.clone()))];
        }
        backend.calls.take();
        for (name, event) in &events {
            for (token, value) in &tokens {
                let value = value.as_ref().map(|value| format!("Bearer {value}"));
                let event = with(event, "authorization", value.as_deref());
                let response = invoke(&backend, &event).await;
                assert_eq!(response.status, 401, "{name}: {token}");
                response.problem(401, "invalid-access-token");
                let challenge = response.header("www-authenticate");
                assert!(
                    challenge.starts_with(r#"Bearer realm="upblit""#),
                    "{name}: {token}"
                );
                assert_eq!(
                    backend.calls.take(),
                    Vec::<String>::new(),
                    "{name}: {token}"
                );
            }
        }
    }
}

/// Tokens that must be refused, with a description of each.
async fn bad_tokens(backend: &Backend, ada: &SignedIn) -> Vec<(&'static str, Option<String>)> {
    let mut tokens = vec![
        ("none", None),
        ("empty", Some(String::new())),
        ("garbage", Some("garbage".to_owned())),
        ("a refresh token", Some(ada.refresh_token.clone())),
        ("an API key", Some(ada.sdk().await.key)),
    ];
    let other_secret = "another signing secret of the tests, of 32 bytes and more";
    for (what, setting, value) in [
        ("of another secret", "JWT_SECRET", other_secret),
        ("of another audience", "JWT_AUDIENCE", "another"),
        ("of another issuer", "JWT_ISSUER", "https://another.test"),
    ] {
        let elsewhere = backend.redeployed(&[(setting, value)]);
        tokens.push((what, Some(elsewhere.sign_in("ada").await.token)));
    }
    tokens
}

#[tokio::test]
async fn what_belongs_to_another_user_is_not_found_and_unchanged() {
    let backend = Backend::start().await;
    let eve = backend.sign_in("eve").await;
    let authorization = format!("Bearer {}", eve.token);
    let mut tried = 0;
    for (index, case) in successes(Some("bearer")).into_iter().enumerate() {
        let text = case.event.to_string();
        let names = ["{{APPLICATION_ID}}", "{{KEY_ID}}", "{{SESSION_ID}}"];
        if !names.iter().any(|name| text.contains(name)) {
            continue;
        }
        let owner = backend.sign_in(&format!("user-{index}")).await;
        let event = filled(&case.event, &of_account(&owner).await);
        let response = invoke(
            &backend,
            &with(&event, "authorization", Some(&authorization)),
        )
        .await;
        assert_eq!(response.status, 404, "{}", case.name);
        response.problem(404, "not-found");
        let response = invoke(&backend, &event).await;
        assert_eq!(
            response.status,
            case.status,
            "{}: {}",
            case.name,
            response.text()
        );
        assert!(response.text().contains(&case.says), "{}", case.name);
        tried += 1;
    }
    assert!(tried > 12, "{tried}");
}

#[tokio::test]
async fn routes_for_keys_refuse_every_other_key_and_store_nothing() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let values = of_account(&ada).await;
    let application_id = application_of(&values);
    let mut keys = bad_keys(&backend, &ada, application_id).await;
    let soon = rfc3339(backend.clock.now() + jiff::SignedDuration::from_hours(1));
    keys.push((
        "expired",
        Some(mint(&ada, application_id, json!({ "expiresAt": soon })).await),
    ));
    backend.later(2 * 60 * 60);
    let table = &backend.database.tables.telemetry;
    let stored = backend.dump(table).await.len();
    for case in successes(Some("apiKey")) {
        let event = filled(&case.event, &values);
        // Unknown keys of one address are looked up a limited number of times in some seconds.
        backend.later(5);
        for (key, value) in &keys {
            let response = invoke(&backend, &with(&event, "x-api-key", value.as_deref())).await;
            assert_eq!(response.status, 401, "{}: {key}", case.name);
        }
    }
    assert_eq!(backend.dump(table).await.len(), stored);
}

/// The application of an account that was filled in.
fn application_of<'a>(values: &'a [(&str, String)]) -> &'a str {
    let found = values.iter().find(|(name, _)| *name == "APPLICATION_ID");
    &found.unwrap().1
}

/// Keys that must be refused for an application, with a description of each.
async fn bad_keys(
    backend: &Backend,
    ada: &SignedIn,
    application_id: &str,
) -> Vec<(&'static str, Option<String>)> {
    let elsewhere = Backend::start().await;
    let elsewhere = elsewhere.sign_in("ada").await.sdk().await.key;
    let mut keys = vec![
        ("none", None),
        ("empty", Some(String::new())),
        ("garbage", Some("garbage".to_owned())),
        ("a prefix", Some("upblit_live_".to_owned())),
        ("an access token", Some(ada.token.clone())),
        ("of another deployment", Some(elsewhere)),
    ];
    let disabled = mint(ada, application_id, json!({})).await;
    let path = path_of(&disabled);
    ada.patch(&path, json!({ "status": "disabled" }))
        .await
        .json();
    keys.push(("disabled", Some(disabled)));
    let revoked = mint(ada, application_id, json!({})).await;
    let path = path_of(&revoked);
    assert_eq!(ada.delete(&path).await.status, 204);
    keys.push(("revoked", Some(revoked)));
    backend.calls.take();
    keys
}

/// The route of a key: its public id is the 19 characters after the prefix.
fn path_of(key: &str) -> String {
    format!("/apikey/{}", &key["upblit_live_".len()..][..19])
}

async fn mint(user: &SignedIn, application_id: &str, settings: Value) -> String {
    let path = format!("/apikey?ApplicationId={application_id}");
    let key = user.post(&path, settings).await.json();
    key.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn routes_for_keys_require_exactly_one_scope_except_that_of_metrics() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let values = of_account(&ada).await;
    let application_id = application_of(&values);
    let mut keys = Vec::new();
    for scope in ["ingest:traces", "ingest:logs", "telemetry:read"] {
        keys.push(mint(&ada, application_id, json!({ "scopes": [scope] })).await);
    }
    for case in successes(Some("apiKey")) {
        let event = filled(&case.event, &values);
        let mut statuses = Vec::new();
        for key in &keys {
            let response = invoke(&backend, &with(&event, "x-api-key", Some(key))).await;
            statuses.push(response.status.as_u16());
        }
        let route = case.event["routeKey"].as_str().unwrap();
        let allowed = match route {
            // There is no scope for metrics, which are not stored.
            "POST /v1/metrics" => [200, 200, 403],
            _ if route.starts_with("GET ") => [403, 403, 200],
            _ if route.ends_with("/traces") => [200, 403, 403],
            _ => [403, 200, 403],
        };
        assert_eq!(statuses, allowed, "{}", case.name);
    }
}
