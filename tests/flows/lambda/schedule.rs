//! The event with which a schedule invokes the telemetry function.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::base::clock::Clock;

use super::deployment::Deployment;
use crate::support::stored;
use crate::template::{functions, template, text};

/// The payload in `template.yaml`.
fn payload() -> Value {
    let template = template();
    let all = functions(&template);
    let (_, function) = all.iter().find(|(name, _)| *name == "telemetry").unwrap();
    let event = &function["Properties"]["Events"]["DeletedApplications"];
    assert_eq!(text(&event["Type"]), "Schedule");
    serde_json::from_str(text(&event["Properties"]["Input"])).unwrap()
}

#[tokio::test]
async fn the_schedule_deletes_telemetry_and_no_other_event_does() {
    let deployment = Deployment::start().await;
    // The function has the time of the system, and begins five minutes after the deletion.
    let earlier = Clock::system().now() - SignedDuration::from_mins(10);
    deployment.backend.clock.set(earlier);
    let ada = deployment.backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    sdk.traces(sdk.batch(2)).await.json();
    let path = format!("/applications/{}", sdk.application_id);
    assert_eq!(ada.delete(&path).await.status, 204);
    let telemetry = deployment.function("telemetry").await;
    let ingest = deployment.function("ingest").await;
    for event in [json!({ "scheduled": false }), json!({}), json!("scheduled")] {
        assert!(
            telemetry.api.invoke(event.clone()).await.is_err(),
            "{event}"
        );
    }
    assert!(ingest.api.invoke(payload()).await.is_err());
    assert!(!stored::all(&deployment.backend).await.is_empty());
    telemetry.api.invoke(payload()).await.unwrap();
    assert!(stored::all(&deployment.backend).await.is_empty());
}
