//! A stand-in for GitHub that signs reports and publishes the public keys for them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Backend, Response, Sdk, SignedIn};

const PATH: &str = "/secret-scanning/github";
pub const IDENTIFIER: &str = "github-public-key-identifier";
pub const SIGNATURE: &str = "github-public-key-signature";

/// A GitHub that signs with one key, and counts how often its keys are fetched.
pub struct GitHub {
    pub backend: Backend,
    pub pair: EcdsaKeyPair,
    /// Address of the public keys.
    pub url: String,
    published: Arc<Mutex<(StatusCode, String)>>,
    fetches: Arc<AtomicUsize>,
}

impl GitHub {
    pub async fn start() -> Self {
        let pair = key_pair();
        let keys = published(&[("one", &pair)]);
        let published = Arc::new(Mutex::new((StatusCode::OK, keys)));
        let fetches = Arc::new(AtomicUsize::default());
        let answer = published.clone();
        let count = fetches.clone();
        let keys = get(async move || {
            count.fetch_add(1, Ordering::SeqCst);
            answer.lock().unwrap().clone()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", keys);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            backend: Backend::with(&[("GITHUB_SECRET_SCANNING_KEYS_URL", &url)]).await,
            pair,
            url,
            published,
            fetches,
        }
    }

    /// The same GitHub with another backend.
    pub fn facing(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    pub fn publish(&self, status: u16, answer: String) {
        *self.published.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), answer);
    }

    /// Number of fetches of the keys since this was last called.
    pub fn fetches(&self) -> usize {
        self.fetches.swap(0, Ordering::SeqCst)
    }

    pub async fn report(&self, tokens: &[&str]) -> Response {
        let body = findings(tokens);
        let signature = sign(&self.pair, &body);
        self.send(&[(IDENTIFIER, "one"), (SIGNATURE, &signature)], body)
            .await
    }

    pub async fn send(&self, headers: &[(&str, &str)], body: String) -> Response {
        let mut request = Request::post(PATH).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.backend
            .send(request.body(Body::from(body)).unwrap())
            .await
    }

    pub async fn sdk(&self) -> (SignedIn, Sdk) {
        let ada = self.backend.sign_in("ada").await;
        let sdk = ada.sdk().await;
        (ada, sdk)
    }
}

pub fn key_pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
}

pub fn sign(pair: &EcdsaKeyPair, body: &str) -> String {
    let signature = pair.sign(&SystemRandom::new(), body.as_bytes()).unwrap();
    STANDARD.encode(signature.as_ref())
}

pub fn published(pairs: &[(&str, &EcdsaKeyPair)]) -> String {
    let keys = pairs.iter().map(|(identifier, pair)| {
        let der = STANDARD.encode(pair.public_key().as_der().unwrap().as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
        json!({ "key_identifier": identifier, "key": pem, "is_current": true })
    });
    json!({ "public_keys": keys.collect::<Vec<_>>() }).to_string()
}

pub fn findings(tokens: &[&str]) -> String {
    let url = "https://github.com/octocat/Hello-World/blob/12345600/foo/bar.txt";
    let findings = tokens.iter().map(
        |token| json!({ "token": token, "type": "upblit_key", "url": url, "source": "content" }),
    );
    json!(findings.collect::<Vec<_>>()).to_string()
}

pub fn labels(response: &Response) -> Vec<String> {
    let feedback = response.json();
    let label = |finding: &Value| finding["label"].as_str().unwrap().to_owned();
    feedback.as_array().unwrap().iter().map(label).collect()
}
