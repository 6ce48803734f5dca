//! A stand-in for AWS Secrets Manager, which knows two secrets by their names.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Names of the secrets, in the place of their ARNs.
pub const JWT_SECRET: &str = "jwt";
pub const GITHUB_SECRET: &str = "github";

/// The secrets, and what was asked for.
#[derive(Clone)]
pub struct SecretsManager {
    pub url: String,
    jwt: String,
    github: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SecretsManager {
    pub async fn start(jwt: &str, github: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let secrets = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            jwt: jwt.to_owned(),
            github: github.to_string(),
            asked: Arc::default(),
        };
        let router = Router::new().fallback(value).with_state(secrets.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        secrets
    }

    /// Which secrets were asked for since the last look, each with its stage.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// `GetSecretValue`.
async fn value(State(secrets): State<SecretsManager>, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let [id, stage] = ["SecretId", "VersionStage"].map(|name| asked[name].as_str().unwrap());
    secrets.asked.lock().unwrap().push(format!("{id} {stage}"));
    let value = match (id, stage) {
        (JWT_SECRET, "AWSCURRENT") => secrets.jwt,
        (GITHUB_SECRET, "AWSCURRENT") => secrets.github,
        _ => {
            let error = json!({ "__type": "ResourceNotFoundException", "Message": "none" });
            return (StatusCode::BAD_REQUEST, Json(error)).into_response();
        }
    };
    Json(json!({ "Name": id, "SecretString": value, "VersionStages": [stage] })).into_response()
}
