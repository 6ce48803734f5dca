//! No log line, error or table contains a secret.

use serde_json::json;

use crate::support::Backend;
use crate::support::backend::JWT_SECRET;
use crate::support::callers::{parameters, post, refresh};
use crate::support::log::Log;

#[tokio::test]
async fn a_walk_through_the_whole_product_logs_no_secret() {
    let log = Log::capture();
    let backend = Backend::start().await;
    let mut secrets = vec![JWT_SECRET.to_owned(), "client secret".to_owned()];

    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, "ada").await;
    secrets.extend(browser.cookies.values().cloned());
    let query = parameters(callback.split_once('?').map(|(_, query)| query));
    secrets.extend(query.into_values());
    browser
        .get("/login/oauth2/code/github?code=wrong&state=wrong")
        .await;

    let mut ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let ada_id = ada.get("/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    secrets.extend([
        ada.token.clone(),
        ada.refresh_token.clone(),
        sdk.key[31..].to_owned(),
    ]);
    let first = ada.refresh_token.clone();
    for _ in 0..3 {
        ada.rotate().await;
    }
    secrets.extend([ada.token.clone(), ada.refresh_token.clone()]);

    sdk.traces(sdk.batch(2)).await;
    sdk.logs(json!({ "logs": [{ "level": "info", "message": "s3cr3t-message" }] }))
        .await;
    secrets.push("s3cr3t-message".to_owned());
    let mut refused = vec![
        refresh(&backend, &first).await,
        refresh(&backend, &format!("{first}x")).await,
        post(&backend, "/refresh", json!({ "refreshToken": [first] })).await,
        post(&backend, "/refresh", json!(first)).await,
        ada.post("/applications", json!({ "name": sdk.key.repeat(2) }))
            .await,
        ada.post(
            "/applications",
            json!({ "name": 1, "environment": sdk.key }),
        )
        .await,
    ];
    let mut wrong = sdk.clone();
    wrong.key = sdk.key.replace("upblit_live_", "upblit_test_");
    refused.push(wrong.traces(json!({})).await);
    ada.token.push('x');
    refused.push(ada.get("/me").await);
    ada.delete(&format!("/apikey/{}", sdk.key_id())).await;
    ada.logout().await;

    let log = log.take_everything();
    assert!(log.contains(&ada_id) && log.contains(&sdk.key_id()) && log.contains("answered"));
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log");
        for response in &refused {
            assert!(response.status.is_client_error(), "{}", response.text());
            assert!(
                !response.text().contains(secret.as_str()),
                "{}",
                response.text()
            );
        }
    }
    let dump = backend.dump_all().await;
    for secret in secrets.iter().filter(|secret| *secret != "s3cr3t-message") {
        assert!(!dump.contains(secret.as_str()), "{secret} is in the tables");
    }
}
