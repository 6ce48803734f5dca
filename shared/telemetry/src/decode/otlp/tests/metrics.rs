//! Metrics, whose data points are counted.

use super::*;

/// Encodes a length-delimited field.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::bytes::encode(number, &content.to_vec(), &mut bytes);
    bytes
}

/// Encodes a request of one metric.
fn request(metric: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, metric)))
}

fn in_json(metrics: &Value) -> Result<usize, EnvelopeError> {
    let request = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": metrics }] }] });
    count(request.to_string().as_bytes(), OtlpEncoding::Json)
}

fn count(body: &[u8], encoding: OtlpEncoding) -> Result<usize, EnvelopeError> {
    data_points(body, encoding).map(|points| points.count)
}

#[test]
fn the_data_points_of_every_kind_of_metric_are_counted() {
    let points = [field(1, b""), field(1, &[0x21, 0, 0, 0, 0, 0, 0, 0, 0])].concat();
    let number = 0x10_u8;
    for (kind, name) in [
        (5, "gauge"),
        (7, "sum"),
        (9, "histogram"),
        (10, "exponentialHistogram"),
        (11, "summary"),
    ] {
        let data = [&points[..], &[number, 2]].concat();
        let metric = [field(1, b"requests"), field(kind, &data)].concat();
        let counted = count(&request(&metric), OtlpEncoding::Protobuf);
        assert_eq!(counted, Ok(2), "{name}");
        let metric =
            json!({ "name": "requests", name: { "dataPoints": [{}, { "asInt": "7" }], "x": 1 } });
        assert_eq!(in_json(&json!([metric, metric])), Ok(4), "{name}");
    }
}

#[test]
fn a_metric_without_data_has_no_points_and_a_malformed_one_counts_as_one() {
    for (metric, expected) in [
        (json!({ "name": "requests" }), 0),
        (json!({ "sum": null }), 0),
        (json!({ "sum": {} }), 0),
        (json!({ "sum": { "dataPoints": null } }), 0),
        (json!({ "sum": { "dataPoints": [] } }), 0),
        (json!({ "sum": { "dataPoints": 7 } }), 1),
        (json!(7), 1),
    ] {
        assert_eq!(in_json(&json!([metric])), Ok(expected), "{metric}");
    }
    for (metric, expected) in [
        (&b""[..], 0),
        (&field(7, b""), 0),
        (&field(8, &field(1, b"")), 0),
        (&[0x3a, 5, 0x0a], 1),
        (&field(7, &[0x0a, 9]), 1),
    ] {
        let counted = count(&request(metric), OtlpEncoding::Protobuf);
        assert_eq!(counted, Ok(expected), "{metric:?}");
    }
}

#[test]
fn a_body_that_is_not_a_metrics_request_is_malformed() {
    for body in [
        &b"["[..],
        b"7",
        br#"{"resourceSpans":[]}"#,
        br#"{"resourceMetrics":7}"#,
    ] {
        let counted = count(body, OtlpEncoding::Json);
        assert!(
            matches!(counted, Err(EnvelopeError::Malformed(_))),
            "{counted:?}"
        );
    }
    assert!(count(&[0x0a, 9], OtlpEncoding::Protobuf).is_err());
    assert_eq!(count(b"{}", OtlpEncoding::Json), Ok(0));
    assert_eq!(count(b"", OtlpEncoding::Protobuf), Ok(0));
}

#[test]
fn a_field_that_may_have_metrics_and_is_not_read_is_named_beside_the_rejected_points() {
    let metrics = r#""metrics":[{"sum":{"dataPoints":[{},{}]}}]"#;
    let odd = r#","batches":[{}]"#;
    for ([request, resource, scope], within, array) in [
        ([odd, "", ""], "", "resourceMetrics"),
        (["", odd, ""], "/resourceMetrics/0", "scopeMetrics"),
        (
            ["", "", odd],
            "/resourceMetrics/0/scopeMetrics/0",
            "metrics",
        ),
    ] {
        let body = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{{metrics}{scope}}}]{resource}}}]{request}}}"#
        );
        let points = data_points(body.as_bytes(), OtlpEncoding::Json).unwrap();
        let response = metrics_response(&points, OtlpEncoding::Json);
        let response: Value = serde_json::from_slice(&response).unwrap();
        let partial = &response["partialSuccess"];
        assert_eq!(partial["rejectedDataPoints"], "2");
        let message = partial["errorMessage"].as_str().unwrap();
        assert!(message.starts_with("metrics are not stored"), "{message}");
        let field = format!("{within}/batches was not read");
        assert!(message.contains(&field), "{message}");
        assert!(message.contains(array), "{message}");
    }
}
