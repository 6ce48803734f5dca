//! Conversion of log records.

use super::*;
use crate::event::{Event, Note};

fn accepted(record: LogMessage) -> Indexed<LogRecord> {
    one(read_log(record))
}

#[track_caller]
fn assert_refused(record: LogMessage, field: &str, reason: &str) {
    let pointer = format!("/resourceLogs/0/scopeLogs/0/logRecords/0/{field}");
    assert_eq!(refused(read_log(record)), (pointer, reason.to_owned()));
}

#[test]
fn a_record_without_a_time_takes_the_observed_one_and_then_that_of_receipt() {
    let times = |time, observed| LogMessage {
        time_unix_nano: time,
        observed_time_unix_nano: observed,
        ..log()
    };
    assert_refused(times(u64::MAX, START), "timeUnixNano", "is out of range");
    assert_refused(
        times(0, u64::MAX),
        "observedTimeUnixNano",
        "is out of range",
    );
    assert_eq!(accepted(times(0, START)).event.time_ns, START_NS);
    let observed = accepted(times(START, 1)).event;
    assert_eq!(
        (observed.time_ns, observed.observed_ns),
        (START_NS, Some(1))
    );
    assert_eq!(accepted(times(START, u64::MAX)).event.observed_ns, None);
    let mut bare = accepted(times(0, 0)).event;
    assert_eq!(
        (bare.has_time(), &bare.notes),
        (false, &vec![Note::TimeOfReceipt])
    );
    bare.set_time_of_receipt(upblit_base::clock::from_millis(START_NS / 1_000_000));
    assert_eq!(bare.time_ns, START_NS);
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
fn the_level_is_that_of_the_number_or_else_of_the_text() {
    for (word, number, level, severity) in [
        ("", 0, "info", Some(9)),
        ("", 17, "error", Some(17)),
        ("", 99, "info", Some(9)),
        (" ", 13, "warn", Some(13)),
        ("INFO", 18, "error", Some(18)),
        ("SEVERE", 17, "error", Some(17)),
        ("err", 17, "error", Some(17)),
        ("E", 17, "error", Some(17)),
        ("panic", 21, "fatal", Some(21)),
        ("Warning", 14, "warn", Some(14)),
        ("audit", 10, "info", Some(10)),
        ("Critical", 0, "fatal", Some(21)),
        ("INFO2", 0, "info", Some(10)),
        ("Audit", 0, "audit", None),
    ] {
        let record = LogMessage {
            severity_text: word.to_owned(),
            severity_number: number,
            ..log()
        };
        let record = accepted(record).event;
        assert_eq!(
            (&*record.level, record.severity()),
            (level, severity),
            "{word} {number}"
        );
        assert_eq!(record.severity_text.as_deref().unwrap_or_default(), word);
        assert_eq!(record.is_error(), severity >= Some(17), "{word} {number}");
        let read = crate::chunk::codec::round_trip(&[&record]);
        assert_eq!(read, [record]);
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
        body: Some(text(&"é".repeat(50_000))),
        ..log()
    });
    assert_eq!(long.event.message.len(), 64 * 1024);
    assert_eq!(long.event.truncations[0].bytes, 100_000);
    let deep = accepted(LogMessage {
        body: Some(nested(40)),
        ..log()
    });
    assert!(deep.event.is_cut());
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
