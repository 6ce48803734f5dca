//! Stacks that another process starts and ends over HTTP: the browser specs, for which each is a
//! server with settings of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::stack::Stack;
use crate::lambda::function::Settings;

/// The running stacks by their addresses.
#[derive(Clone, Default)]
pub struct Stacks(Arc<Mutex<BTreeMap<String, Stack>>>);

impl Stacks {
    /// Listens for requests, and returns the address.
    ///
    /// `POST` with the settings as an object starts a stack and answers with its address. `DELETE` with
    /// the address ends it. If a role has refused one of its calls, the answer is 500 with these calls.
    pub async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(start).delete(end));
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// Addresses of the stacks that were not ended.
    pub async fn running(&self) -> Vec<String> {
        self.0.lock().await.keys().cloned().collect()
    }
}

async fn start(
    State(stacks): State<Stacks>,
    Json(settings): Json<BTreeMap<String, String>>,
) -> Json<String> {
    let settings: Settings = settings.into_iter().collect();
    let stack = Stack::with(&settings).await;
    let url = stack.url.clone();
    stacks.0.lock().await.insert(url.clone(), stack);
    Json(url)
}

async fn end(
    State(stacks): State<Stacks>,
    Json(url): Json<String>,
) -> (StatusCode, Json<Vec<String>>) {
    let stack = stacks.0.lock().await.remove(&url);
    let Some(stack) = stack else {
        return (StatusCode::NOT_FOUND, Json(Vec::new()));
    };
    let refused = stack.roles.refused();
    let status = if refused.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    (status, Json(refused))
}
