//! Log lines of the functions in the situations that alarms and searches are for.

use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

use super::parsed;
use crate::support::Backend;
use crate::support::callers::{parameters, refresh};
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::log::Log;
use crate::template::text;

/// Lines for a refresh token that is presented again after its use.
pub async fn of_a_reuse() -> Vec<String> {
    let log = Log::capture();
    let backend = Backend::with(&[("REFRESH_REUSE_POLICY", "strict")]).await;
    let ada = backend.sign_in("ada").await;
    for _ in 0..2 {
        backend.later(46);
        log.take();
        refresh(&backend, &ada.refresh_token).await;
    }
    log.take()
}

/// Lines for a refresh token that is exchanged.
pub async fn of_a_refresh() -> Vec<String> {
    let log = Log::capture();
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    backend.later(46);
    log.take();
    assert_eq!(refresh(&backend, &ada.refresh_token).await.status, 200);
    log.take()
}

/// Lines for a sign-in that succeeds.
pub async fn of_a_sign_in() -> Vec<String> {
    let log = Log::capture();
    Backend::start().await.sign_in("ada").await;
    log.take()
}

/// Lines for a sign-in after the client secret was deleted at GitHub.
pub async fn of_a_refused_client_secret() -> Vec<String> {
    let log = Log::capture();
    let backend = Backend::start().await;
    let backend = backend.redeployed(&[("GITHUB_CLIENT_SECRET", "deleted at GitHub")]);
    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, "ada").await;
    assert_reason(&browser.get(&callback).await.location(), "github_error");
    log.take()
}

/// Lines for a sign-in that the user denies at GitHub, which is no error of ours.
pub async fn of_a_sign_in_the_user_denied() -> Vec<String> {
    let log = Log::capture();
    let mut browser = Backend::start().await.browser();
    let github = browser.start().await;
    let state = &parameters(github.query())["state"];
    let denied = format!("/login/oauth2/code/github?error=access_denied&state={state}");
    assert_reason(&browser.get(&denied).await.location(), "access_denied");
    log.take()
}

fn assert_reason(login: &url::Url, reason: &str) {
    assert_eq!(parameters(login.query())["reason"], reason, "{login}");
}

/// Batches with a key of one application.
pub struct Batches {
    pub application_id: String,
    /// Id of a request that failed.
    pub request_id: String,
    pub failed: Vec<String>,
    pub accepted: Vec<String>,
}

/// Lines for a batch that is stored, and for two that fail: JSON that is no batch, and a batch without
/// storage.
pub async fn of_batches() -> Batches {
    let log = Log::capture();
    let (engine, backend) = FaultyEngine::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    log.take();
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    let accepted = log.take();
    assert_eq!(sdk.traces(json!("no batch")).await.status, 400);
    engine.fail_always("PutItem", Fault::Denied);
    assert_eq!(sdk.traces(sdk.batch(2)).await.status, 500);
    let failed = log.take();
    let answered = parsed(failed.last().unwrap());
    Batches {
        application_id: sdk.application_id,
        request_id: answered["span"]["request_id"].as_str().unwrap().to_owned(),
        failed,
        accepted,
    }
}

/// Statuses of this many requests while DynamoDB throttles.
pub async fn statuses_without_storage(requests: usize) -> Vec<u16> {
    let (engine, backend) = FaultyEngine::start().await;
    let ada = backend.sign_in("ada").await;
    engine.fail_always("BatchGetItem", Fault::Throttled);
    engine.fail_always("GetItem", Fault::Throttled);
    let mut statuses = Vec::new();
    for _ in 0..requests {
        statuses.push(ada.get("/me").await.status.as_u16());
    }
    statuses
}

/// Lines of the API's access log in the format of the template: a response with 503, and one with 200.
pub fn of_the_access_log(template: &Yaml) -> (Vec<String>, Vec<String>) {
    let api = &template["Resources"]["HttpApi"]["Properties"];
    let format = text(&api["AccessLogSettings"]["Format"]);
    let line = |status: &str| {
        let line = format.replace("$context.status", status);
        let _: Value = parsed(&line);
        vec![line]
    };
    (line("503"), line("200"))
}
