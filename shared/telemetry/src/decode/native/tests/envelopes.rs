//! The envelope of a batch, and the number of its events.

use super::*;

#[test]
fn a_deeply_nested_event_is_rejected_alone() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let good = span(&json!({}));
    let mixed = format!(r#"{good},{deep},{{"traceId":"t","spanId":"s","x":{deep}}},{good}"#);
    let decoded = decode_traces(&body(&mixed)).unwrap();
    assert_eq!(
        decoded
            .events
            .iter()
            .map(|event| event.index)
            .collect::<Vec<_>>(),
        [0, 3]
    );
    let problem: Vec<_> = decoded
        .report
        .errors
        .iter()
        .map(|e| e.error.pointer.as_str())
        .collect();
    assert_eq!(problem, ["/traces/1", "/traces/2"]);
    assert_eq!(decoded.report.errors[0].error.reason, "must be an object");
    assert!(
        decoded.report.errors[1]
            .error
            .reason
            .starts_with("recursion limit exceeded")
    );
    one(decode_traces(format!(r#"{{"more":{deep},"traces":[{good}]}}"#).as_bytes()).unwrap());
    one(decode_traces(format!(r#"{{"timestamp":{deep},"traces":[{good}]}}"#).as_bytes()).unwrap());
}

#[test]
fn a_deeply_nested_body_is_refused() {
    for deep in ["[", "{\"traces\":[", "{\"x\":", "{\"traces\":"] {
        malformed(deep.repeat(100_000).as_bytes());
    }
    malformed(("[".repeat(100_000) + &"]".repeat(100_000)).as_bytes());
}

#[test]
fn the_error_for_a_body_that_is_not_a_batch_does_not_quote_it() {
    for (body, problem) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{}", r#"there is no array "traces" at line 1 column 2"#),
        (
            r#"{"logs":[]}"#,
            r#"there is no array "traces" at line 1 column 11"#,
        ),
        (
            r#"{"Traces":[]}"#,
            r#"there is no array "traces" at line 1 column 13"#,
        ),
        (
            "[]",
            r#"expected an object with an array "traces" at line 1 column 0"#,
        ),
        (
            r#""secret""#,
            r#"expected an object with an array "traces" at line 1 column 8"#,
        ),
        (
            "null",
            r#"expected an object with an array "traces" at line 1 column 4"#,
        ),
        (
            r#"{"traces":null}"#,
            "expected an array of events at line 1 column 14",
        ),
        (
            r#"{"traces":{}}"#,
            "expected an array of events at line 1 column 10",
        ),
        (
            r#"{"traces":"secret"}"#,
            "expected an array of events at line 1 column 18",
        ),
        (
            r#"{"traces":", expected x"}"#,
            "expected an array of events at line 1 column 24",
        ),
        (r#"{"traces":[1,]}"#, "trailing comma at line 1 column 14"),
        (
            r#"{"traces":[]}{}"#,
            "trailing characters at line 1 column 14",
        ),
        ("{'traces':[]}", "key must be a string at line 1 column 2"),
    ] {
        assert_eq!(
            malformed(body.as_bytes()),
            format!("the body is not a batch: {problem}"),
            "{body}"
        );
    }
    let long = format!(r#"{{"traces":"{}"}}"#, "secret".repeat(1_000_000));
    assert!(malformed(long.as_bytes()).len() < 200);
}

#[test]
fn an_empty_batch_is_accepted() {
    for body in [
        r#"{"traces":[]}"#,
        r#" { "traces" : [ ] , "timestamp" : "" } "#,
    ] {
        let decoded = decode_traces(body.as_bytes()).unwrap();
        assert!(decoded.events.is_empty());
        assert_eq!(decoded.report, Report::default());
    }
}

#[test]
fn a_batch_is_bounded_by_its_memory_and_not_by_its_number_of_events() {
    let event = span(&json!({})).to_string();
    let batch = |count| body(&vec![event.as_str(); count].join(","));
    let decoded = decode_traces(&batch(10_001)).unwrap();
    assert_eq!(decoded.events.len(), 10_001);
    let problem = decode_traces(&batch(300_000)).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the batch takes more than 160 MiB of memory once it is decoded; send smaller batches"
    );
}

#[test]
fn the_memory_of_the_parts_of_events_is_bounded() {
    let nested = format!("{}0{},", r#"{"":"#.repeat(100), "}".repeat(100)).repeat(400);
    let event = span(&json!({ "x": "list" })).to_string();
    let event = event.replace("\"list\"", &format!("[{nested}0]"));
    let batch = |count| body(&vec![event.as_str(); count].join(","));
    assert!(decode_traces(&batch(2)).is_ok());
    assert_eq!(
        decode_traces(&batch(40)).unwrap_err(),
        EnvelopeError::TooLarge
    );
}

#[test]
fn text_that_grows_when_it_is_repaired_counts_with_its_new_size() {
    let batch = |bytes| [&body("")[..], &vec![0xff; bytes]].concat();
    let megabyte = 1024 * 1024;
    assert!(matches!(
        decode_traces(&batch(30 * megabyte)),
        Err(EnvelopeError::Malformed(_))
    ));
    assert_eq!(
        decode_traces(&batch(50 * megabyte)).unwrap_err(),
        EnvelopeError::TooLarge
    );
}

#[test]
fn millions_of_tiny_events_are_refused_before_decoding() {
    // Not even well-formed beyond the limit, so reading it would be another error.
    for tiny in ["0,", "{},", "[],"] {
        let batch = format!(r#"{{"traces":[{}"#, tiny.repeat(2_000_000));
        assert_eq!(
            decode_traces(batch.as_bytes()).unwrap_err(),
            EnvelopeError::TooLarge
        );
    }
}

#[test]
fn a_text_equal_to_the_internal_marker_is_not_mistaken_for_it() {
    malformed(br#"{"traces":"too many items"}"#);
    malformed(br#"{"traces":[],"too many items"}"#);
}

#[test]
fn every_malformed_event_is_counted_and_the_first_twenty_are_described() {
    let mut events = vec![span(&json!({ "responseStatus": 99 })); 30];
    events.insert(3, span(&json!({})));
    let decoded = traces(&events);
    assert_eq!((decoded.events.len(), decoded.events[0].index), (1, 3));
    assert_eq!(
        (decoded.report.rejected, decoded.report.errors.len()),
        (30, 20)
    );
    assert_eq!(decoded.report.errors[3].index, 4);
    let problem = serde_json::to_value(&decoded.report.errors[0]).unwrap();
    let reason = "must be 100 to 599";
    assert_eq!(
        problem,
        json!({ "index": 0, "pointer": "/traces/0/responseStatus", "reason": reason })
    );
}

#[test]
fn events_outside_the_time_range_count_neither_as_accepted_nor_as_truncated() {
    let long = "x".repeat(70_000);
    let old = span(&json!({ "timestamp": "2026-01-01T00:00:00Z", "requestURL": long }));
    let decoded = traces(&[old, span(&json!({ "requestURL": long }))]);
    let report = decoded.within_window(received()).report;
    assert_eq!(
        (report.accepted, report.rejected, report.truncated),
        (1, 1, 1)
    );
    let problem = &report.errors[0].error;
    assert_eq!(
        (problem.pointer.as_str(), problem.reason.as_str()),
        ("/traces/0/timestamp", "older than 7 days")
    );
}

#[test]
fn events_under_the_name_of_another_group_are_rejected_and_the_others_are_kept() {
    let event = span(&json!({}));
    for (name, group, count) in [
        ("logs", "[{}]", 1),
        ("logs", "[ {}, 7, [1] ]", 3),
        ("spans", "[{}]", 1),
        ("resourceSpans", "[{}, {}]", 2),
        ("logs", "[]", 0),
        ("logs", "null", 0),
        ("logs", "{}", 0),
        ("other", "[{}]", 0),
    ] {
        for body in [
            format!(r#"{{"traces":[{event}],"{name}":{group}}}"#),
            format!(r#"{{"{name}":{group},"timestamp":"{SENT}","traces":[{event}]}}"#),
        ] {
            let report = decode_traces(body.as_bytes()).unwrap().report;
            assert_eq!(report.rejected, count, "{body}");
            assert_eq!(report.rejected_by.values().sum::<usize>(), count);
            let pointers: Vec<&str> = report
                .errors
                .iter()
                .map(|e| e.error.pointer.as_str())
                .collect();
            let expected = format!("/{name}");
            let expected: &[&str] = if count == 0 { &[] } else { &[&expected] };
            assert_eq!(pointers, expected, "{body}");
        }
    }
    let record = log(&json!({}));
    let body = format!(r#"{{"logs":[{record}],"traces":[{event}]}}"#);
    let decoded = decode_logs(body.as_bytes()).unwrap();
    assert_eq!((decoded.events.len(), decoded.report.rejected), (1, 1));
    let error = &decoded.report.errors[0];
    assert_eq!((error.index, &*error.error.pointer), (1, "/traces"));
}
