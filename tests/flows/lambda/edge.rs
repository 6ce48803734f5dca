//! A service in front of the API, with a secret header that every function requires.

use local::functions::FUNCTIONS;
use serde_json::json;

use super::deployment::Deployment;
use super::function::{Function, replaced};
use crate::events::event;

#[tokio::test]
async fn every_function_serves_only_requests_with_the_edge_secret() {
    const SECRET: &str = "0b5a8f0c-of-the-edge";
    /// Output of `printf %s "$SECRET" | sha256sum`, the command in docs/deploy.md.
    const HASH: &str = "5d4579780ac4d97c211e2bafc0169becf4710f134b468292f35c1786ef68e9fd";
    let deployment = Deployment::start().await;
    for function in FUNCTIONS {
        let settings = deployment.settings(function.name);
        let settings = replaced(settings, "EDGE_SECRET_SHA256", HASH);
        let instance = Function::start(function.name, &settings).await;
        let mut health = event("ingest/health");
        for (value, status) in [(None, 403), (Some("guessed"), 403), (Some(SECRET), 200)] {
            if let Some(value) = value {
                health["headers"]["x-edge-secret"] = json!(value);
            }
            let response = instance.answer(&health).await;
            assert_eq!(response.status, status, "{} {value:?}", function.name);
            if status == 403 {
                response.problem(403, "wrong-address");
            }
        }
    }
}
