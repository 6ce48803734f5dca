//! A stand-in for AWS Secrets Manager that finds secrets by their names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::tls::{AWS_CA, TlsListener};

/// Names of the secrets of every deployment, used instead of ARNs.
pub const JWT_SECRET: &str = "jwt";
pub const GITHUB_SECRET: &str = "github";

/// The secrets, and the requests for them.
#[derive(Clone)]
pub struct SecretsManager {
    /// Address over TLS.
    pub url: String,
    /// Address over plain HTTP.
    pub plain_url: String,
    values: Arc<Mutex<BTreeMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SecretsManager {
    pub async fn start(jwt: &str, github: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let secrets = Self {
            url: format!("https://{}", listener.local_addr().unwrap()),
            plain_url: format!("http://{}", plain.local_addr().unwrap()),
            values: Arc::default(),
            asked: Arc::default(),
        };
        secrets.set(JWT_SECRET, jwt);
        secrets.set(GITHUB_SECRET, &github.to_string());
        let router = Router::new().fallback(value).with_state(secrets.clone());
        let listener = TlsListener {
            listener,
            acceptor: AWS_CA.acceptor.clone(),
        };
        let served = router.clone();
        tokio::spawn(async move { axum::serve(listener, served).await });
        tokio::spawn(async move { axum::serve(plain, router).await });
        secrets
    }

    /// Stores a secret.
    pub fn set(&self, name: &str, value: &str) {
        let mut values = self.values.lock().unwrap();
        values.insert(name.to_owned(), value.to_owned());
    }

    /// Returns the secrets requested since this was last called, each with its stage.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// `GetSecretValue`.
async fn value(State(secrets): State<SecretsManager>, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let [id, stage] = ["SecretId", "VersionStage"].map(|name| asked[name].as_str().unwrap());
    secrets.asked.lock().unwrap().push(format!("{id} {stage}"));
    let value = secrets.values.lock().unwrap().get(id).cloned();
    let Some(value) = value.filter(|_| stage == "AWSCURRENT") else {
        let error = json!({ "__type": "ResourceNotFoundException", "Message": "none" });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    Json(json!({ "Name": id, "SecretString": value, "VersionStages": [stage] })).into_response()
}
