//! Conversion of log records.

use super::*;

fn accepted(record: LogMessage) -> Indexed<LogRecord> {
    one(read_log(record))
}

#[track_caller]
fn assert_refused(record: LogMessage, field: &str, reason: &str) {
    let pointer = format!("/resourceLogs/0/scopeLogs/0/logRecords/0/{field}");
    assert_eq!(refused(read_log(record)), (pointer, reason.to_owned()));
}

#[test]
fn a_record_without_a_time_is_refused_and_never_takes_the_servers() {
    let times = |time, observed| LogMessage {
        time_unix_nano: time,
        observed_time_unix_nano: observed,
        ..log()
    };
    let missing = "is missing, and so is observedTimeUnixNano";
    assert_refused(times(0, 0), "timeUnixNano", missing);
    assert_refused(times(u64::MAX, START), "timeUnixNano", "is out of range");
    assert_refused(
        times(0, u64::MAX),
        "observedTimeUnixNano",
        "is out of range",
    );
    assert_eq!(accepted(times(0, START)).event.time_ns, START_NS);
    assert_eq!(accepted(times(START, 1)).event.time_ns, START_NS);
}

#[test]
fn ids_may_be_missing_but_not_of_the_wrong_length() {
    let ids = |trace_id, span_id| LogMessage {
        trace_id,
        span_id,
        ..log()
    };
    assert_refused(ids(vec![1; 8], vec![]), "traceId", "must be 16 bytes");
    assert_refused(ids(vec![], vec![1; 16]), "spanId", "must be 8 bytes");
    for (trace_id, span_id) in [(vec![], vec![]), (vec![0; 16], vec![0; 8])] {
        let kept = accepted(ids(trace_id, span_id)).event;
        assert_eq!((kept.trace_id, kept.span_id), (None, None));
    }
    let kept = accepted(ids(vec![0xab; 16], vec![0xcd; 8])).event;
    assert_eq!(kept.trace_id.unwrap(), "ab".repeat(16));
    assert_eq!(kept.span_id.unwrap(), "cd".repeat(8));
}

#[test]
fn the_level_is_the_severity_text_or_else_that_of_the_number() {
    for (word, number, level) in [
        ("", 0, "info"),
        ("", 17, "error"),
        ("", 99, "info"),
        (" ", 13, "warn"),
        ("INFO", 17, "info"),
        ("Critical", 21, "critical"),
    ] {
        let record = LogMessage {
            severity_text: word.to_owned(),
            severity_number: number,
            ..log()
        };
        assert_eq!(accepted(record).event.level, level, "{word} {number}");
    }
}

#[test]
fn a_body_that_is_not_a_string_becomes_json() {
    let list = KeyValueList {
        values: texts(&[("a", "b")]),
    };
    for (body, message) in [
        (None, ""),
        (Some(AnyValue::default()), ""),
        (Some(text("hello")), "hello"),
        (Some(wrapped(Any::IntValue(7))), "7"),
        (Some(wrapped(Any::KvlistValue(list))), r#"{"a":"b"}"#),
        (Some(nested(1)), r#"["deep"]"#),
        (Some(wrapped(Any::BytesValue(vec![1]))), "AQ=="),
    ] {
        assert_eq!(
            accepted(LogMessage { body, ..log() }).event.message,
            message
        );
    }
    let long = accepted(LogMessage {
        body: Some(text(&"é".repeat(5_000))),
        ..log()
    });
    assert_eq!((long.event.message.len(), long.is_cut), (8 * 1024, true));
    let deep = accepted(LogMessage {
        body: Some(nested(40)),
        ..log()
    });
    assert!(deep.is_cut);
}

#[test]
fn the_event_name_becomes_the_type_of_the_record() {
    let event_name = "user.login".to_owned();
    let attributes = texts(&[("user.id", "7")]);
    let kept = accepted(LogMessage {
        event_name,
        attributes,
        ..log()
    });
    assert_eq!(kept.event.kind.as_deref(), Some("user.login"));
    assert_eq!(kept.event.attributes["user.id"], "7");
    assert_eq!(accepted(log()).event.kind, None);
}
