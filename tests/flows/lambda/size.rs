//! Lambda limits a response to 6 MB, counted after its body is encoded in JSON again: a quote in a
//! stored text becomes four characters.

use serde_json::{Value, json};

use super::deployment::Deployment;
use crate::events::{event, filled, of_account};
use crate::support::{Backend, Sdk};

/// The limit of Lambda in bytes.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// The longest text that is stored without being cut, of the character that grows most.
fn long() -> String {
    "\"".repeat(8 * 1024)
}

/// Stores telemetry with long texts. Returns the values for events that read it.
pub async fn full_of_quotes(backend: &Backend) -> Vec<(&'static str, String)> {
    let values = of_account(&backend.sign_in("ada").await).await;
    let value = |name: &str| {
        let (_, value) = values.iter().find(|(own, _)| *own == name).unwrap();
        value.clone()
    };
    let sdk = Sdk {
        backend: backend.clone(),
        application_id: value("APPLICATION_ID"),
        key: value("API_KEY"),
    };
    for _ in 0..4 {
        let mut spans = sdk.batch(200);
        for span in spans["traces"].as_array_mut().unwrap() {
            span["traceId"] = "trace-0".into();
            span["requestURL"] = long().into();
        }
        assert_eq!(sdk.traces(spans).await.json()["accepted"], 200);
        let log = sdk.log(&long())["logs"][0].clone();
        let logs = vec![log; 200];
        let report = sdk.logs(json!({ "logs": logs })).await.json();
        assert_eq!(report["accepted"], 200);
    }
    values
}

/// The events that read the most of it, with their names.
pub fn largest_questions(values: &[(&str, String)]) -> Vec<(&'static str, Value)> {
    let questions = [
        ("telemetry/logs", "&limit=200"),
        ("telemetry/traces", "&limit=200"),
        ("telemetry/trace", ""),
        ("telemetry/metrics", ""),
    ];
    let of = |(name, query)| {
        let mut event = filled(&event(name), values);
        let asked = event["rawQueryString"].as_str().unwrap();
        let asked = asked.replace("&limit=20", "");
        event["rawQueryString"] = Value::from(asked + query);
        (name, event)
    };
    questions.map(of).to_vec()
}

#[tokio::test]
async fn the_largest_pages_and_traces_stay_below_the_response_limit_of_lambda() {
    let deployment = Deployment::start().await;
    let telemetry = deployment.function("telemetry").await;
    for (name, event) in largest_questions(&full_of_quotes(&deployment.backend).await) {
        let answer = telemetry.api.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{name}: {}", answer["body"]);
        let bytes = answer.to_string().len();
        assert!(bytes <= MAX_ANSWER, "{name}: {bytes} bytes");
    }
}
