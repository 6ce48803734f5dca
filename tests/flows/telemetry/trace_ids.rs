//! Trace ids with characters that do not reach a function in the path: API Gateway decodes a path
//! up to twice, cuts it at a decoded `?` and refuses a decoded `%`. It does not change a query.

use serde_json::json;
use url::form_urlencoded::byte_serialize;

use super::{span, start};
use crate::support::{Response, SignedIn};

const IDS: [&str; 10] = [
    "a/b", "a\\b", "100%", "%2F", "../x", "..", ".", "?x#y", "a b&c=d", "-",
];

async fn open(user: &SignedIn, application_id: &str, trace_id: &str) -> Response {
    let id: String = byte_serialize(trace_id.as_bytes()).collect();
    let path = format!("/telemetry/traces/-?applicationId={application_id}&traceId={id}");
    user.get(&path).await
}

#[tokio::test]
async fn a_trace_with_any_id_opens_by_the_query() {
    let (_backend, ada, sdk) = start().await;
    let traces: Vec<_> = IDS.iter().map(|id| span(id, id, None, 0)).collect();
    let accepted = sdk.traces(json!({ "traces": traces })).await.json();
    assert_eq!(accepted["accepted"], IDS.len());
    for id in IDS {
        let trace = open(&ada, &sdk.application_id, id).await.json();
        assert_eq!(trace["traceId"], id);
        assert_eq!(trace["spans"][0]["spanId"], id);
    }
    let unknown = open(&ada, &sdk.application_id, "a/c").await;
    unknown.problem(404, "not-found");
}
