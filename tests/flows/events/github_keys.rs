//! A backend that can fetch the public key of GitHub's secret scanning.

use axum::Router;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::Backend;

/// The key that signed the sample in GitHub's documentation, which is `apikey/leaked_keys`.
const GITHUB_KEY_ID: &str = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c";
const GITHUB_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\n\
    AjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n\
    -----END PUBLIC KEY-----\n";

/// A backend that fetches GitHub's key from a stand-in, with DynamoDB at `engine` and these
/// additional settings.
pub async fn backend_over(engine: &str, settings: &[(&str, &str)]) -> Backend {
    let github_keys = github_keys().await;
    let settings = [settings, &[(GITHUB_KEYS_URL, &github_keys)]].concat();
    Backend::over(engine, &settings).await
}

const GITHUB_KEYS_URL: &str = "GITHUB_SECRET_SCANNING_KEYS_URL";

/// Serves GitHub's key and returns its URL.
async fn github_keys() -> String {
    let key = json!({ "key_identifier": GITHUB_KEY_ID, "key": GITHUB_KEY, "is_current": true });
    let keys = json!({ "public_keys": [key] }).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let router = Router::new().route("/keys", get(async move || keys));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
