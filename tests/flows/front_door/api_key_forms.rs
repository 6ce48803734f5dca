//! API keys as people paste them: with their quotes, or as `Authorization: Bearer`.

use axum::body::Body;
use http::Request;

use crate::support::Backend;

#[tokio::test]
async fn a_key_with_its_quotes_or_as_bearer_gets_a_hint_that_does_not_repeat_it() {
    let backend = Backend::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    let key = &sdk.key;
    let quotes = "without its quotes";
    let header = "in the header x-api-key";
    let send = async |path: &str, headers: &[(&str, String)]| {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = Body::from(sdk.batch(1).to_string());
        backend.send(request.body(body).unwrap()).await
    };
    for (name, value, hint) in [
        ("x-api-key", format!("\"{key}\""), quotes),
        ("x-api-key", format!("'{key}'"), quotes),
        ("x-api-key", format!("Bearer {key}"), header),
        ("authorization", format!("Bearer {key}"), header),
        ("authorization", format!("bearer \"{key}\""), header),
        ("authorization", format!("Basic {key}"), header),
        ("authorization", key.clone(), header),
    ] {
        for path in ["/ingest/traces", "/ingest/logs"] {
            let response = send(path, &[(name, value.clone())]).await;
            let problem = response.problem(401, "invalid-api-key");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(hint), "{value}: {detail}");
            assert!(!response.text().contains(&key[12..]), "{name}");
            assert!(response.header("www-authenticate").starts_with("ApiKey"));
        }
        let otlp = send("/v1/traces", &[(name, value.clone())]).await;
        assert!(otlp.text().contains(hint), "{}", otlp.text());
    }
    for other in ["Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Basic dTpw"] {
        let response = send("/ingest/traces", &[("authorization", other.to_owned())]).await;
        assert!(!response.text().contains(header), "{}", response.text());
    }
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    let both = [
        ("authorization", format!("Bearer {key}")),
        ("x-api-key", key.clone()),
    ];
    assert_eq!(send("/ingest/traces", &both).await.status, 200);
}
