//! JSON as exporters write it, and invalid JSON.

use super::*;

/// Builds a request of one span with these changes.
fn changed(changes: &Value) -> Value {
    let mut span = json!({
        "traceId": TRACE_ID, "spanId": SPAN_ID, "startTimeUnixNano": START.to_string(),
    });
    for (name, value) in changes.as_object().unwrap() {
        span[name] = value.clone();
    }
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] })
}

#[track_caller]
fn accepted(changes: &Value) -> Span {
    one(read_json(&changed(changes))).event
}

#[track_caller]
fn assert_refused(changes: &Value, pointer: &str, reason: &str) {
    let refusal = refused(read_json(&changed(changes)));
    let pointer = format!("/resourceSpans/0/scopeSpans/0/spans/0{pointer}");
    assert_eq!(refusal, (pointer, reason.to_owned()), "{changes}");
}

#[test]
fn the_error_names_the_field_that_cannot_be_read() {
    let attribute = |value: Value| json!({ "attributes": [{ "key": "a", "value": value }] });
    let whole = "must be a whole number in range, or its digits as a string";
    for (changes, pointer, reason) in [
        (json!({ "traceId": 7 }), "/traceId", "must be a string"),
        (
            json!({ "traceId": "xyz" }),
            "/traceId",
            "must be hexadecimal",
        ),
        (
            json!({ "traceId": "abc" }),
            "/traceId",
            "must be hexadecimal",
        ),
        (json!({ "traceId": "ab" }), "/traceId", "must be 16 bytes"),
        (
            json!({ "startTimeUnixNano": "soon" }),
            "/startTimeUnixNano",
            whole,
        ),
        (
            json!({ "startTimeUnixNano": -1 }),
            "/startTimeUnixNano",
            whole,
        ),
        (json!({ "endTimeUnixNano": 1.5 }), "/endTimeUnixNano", whole),
        (json!({ "name": ["a"] }), "/name", "must be a string"),
        (json!({ "kind": {} }), "/kind", whole),
        (json!({ "status": "OK" }), "/status", "must be an object"),
        (
            json!({ "attributes": {} }),
            "/attributes",
            "must be an array",
        ),
        (
            json!({ "attributes": [null] }),
            "/attributes/0",
            "must be an object",
        ),
        (
            attribute(json!("b")),
            "/attributes/0/value",
            "must be an object",
        ),
        (
            attribute(json!({ "boolValue": "true" })),
            "/attributes/0/value/boolValue",
            "must be true or false",
        ),
        (
            attribute(json!({ "arrayValue": { "values": [{ "doubleValue": "x" }] } })),
            "/attributes/0/value/arrayValue/values/0/doubleValue",
            "must be a number",
        ),
        (
            attribute(json!({ "bytesValue": "?" })),
            "/attributes/0/value/bytesValue",
            "must be base64",
        ),
    ] {
        assert_refused(&changes, pointer, reason);
    }
}

#[test]
fn ids_are_read_in_either_case_and_stored_in_lower_case() {
    let kept = accepted(&json!({
        "traceId": TRACE_ID.to_uppercase(), "parentSpanId": "00F067AA0BA902B8",
    }));
    assert_eq!(kept.trace_id, TRACE_ID);
    assert_eq!(kept.parent_span_id.as_deref(), Some("00f067aa0ba902b8"));
}

#[test]
fn numbers_and_enums_are_read_in_either_form() {
    for (time, kind, code) in [
        (json!(START), json!(3), json!(2)),
        (
            json!(START.to_string()),
            json!("SPAN_KIND_CLIENT"),
            json!("STATUS_CODE_ERROR"),
        ),
        (json!(START.to_string()), json!("3"), json!("2")),
        (json!(START.to_string()), json!("client"), json!("Error")),
    ] {
        let kept = accepted(&json!({
            "startTimeUnixNano": time, "endTimeUnixNano": time, "status": { "code": code },
            "kind": kind,
        }));
        assert_eq!((kept.start_ns, kept.duration_ms), (START_NS, Some(0.0)));
        assert_eq!(kept.outcome, Some(crate::event::SpanOutcome::Error));
        assert_eq!(kept.kind, Some(crate::event::SpanKind::Client), "{kind}");
    }
}

#[test]
fn null_counts_as_absent_and_unknown_fields_are_ignored() {
    let plain = accepted(&json!({}));
    let nulls = json!({
        "parentSpanId": null, "name": null, "kind": null, "endTimeUnixNano": null, "status": null,
        "attributes": null, "events": null, "links": null, "traceState": null, "flags": null,
        "unknown": { "deep": [1, 2, 3] }, "trace_id": "snake case is another name",
    });
    assert_eq!(accepted(&nulls), plain);
    assert_eq!(accepted(&json!({ "parentSpanId": "" })), plain);
    assert_eq!(
        accepted(&json!({ "parentSpanId": "0000000000000000" })),
        plain
    );
}

#[test]
fn every_kind_of_value_is_read_from_json() {
    let attributes: Vec<Value> = [
        json!({ "stringValue": "a" }),
        json!({ "boolValue": false }),
        json!({ "intValue": "-9223372036854775808" }),
        json!({ "intValue": 7 }),
        json!({ "intValue": 1e300 }),
        json!({ "doubleValue": 0.5 }),
        json!({ "doubleValue": "NaN" }),
        json!({ "doubleValue": "-Infinity" }),
        json!({ "bytesValue": "AP8=" }),
        json!({ "bytesValue": "_-8" }),
        json!({ "arrayValue": { "values": [{ "intValue": 1 }, {}] } }),
        json!({ "kvlistValue": { "values": [{ "key": "k", "value": { "stringValue": "v" } }] } }),
        json!({ "stringValue": null, "intValue": 8 }),
        json!({ "unknownValue": 9 }),
        json!(null),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, value)| json!({ "key": format!("{index:02}"), "value": value }))
    .collect();
    let kept = accepted(&json!({ "attributes": attributes })).attributes;
    let values: Vec<_> = kept.values().cloned().collect();
    let expected = json!([
        "a", false, i64::MIN, 7, 1e300, 0.5, "NaN", "-Infinity", "AP8=", "/+8=", [1, null],
        { "k": "v" }, 8,
    ]);
    assert_eq!(Value::from(values), expected);
}

#[test]
fn invalid_utf8_affects_only_the_characters_concerned() {
    let body = changed(&json!({ "name": "caf?" })).to_string();
    let body: Vec<u8> = body
        .bytes()
        .map(|byte| if byte == b'?' { 0xe9 } else { byte })
        .collect();
    let kept = one(decode_traces(&body, OtlpEncoding::Json).unwrap()).event;
    assert_eq!(kept.name.as_deref(), Some("caf\u{fffd}"));
}

#[test]
fn a_deeply_nested_event_is_rejected_alone() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let good = changed(&json!({}))["resourceSpans"][0]["scopeSpans"][0]["spans"][0].to_string();
    let body = format!(
        r#"{{"x":{deep},"resourceSpans":[{{"scopeSpans":[{{"spans":[{good},{{"x":{deep}}},{deep}]}}]}}]}}"#
    );
    let decoded = decode_traces(body.as_bytes(), OtlpEncoding::Json).unwrap();
    assert_eq!((decoded.events.len(), decoded.report.rejected), (1, 2));
}
