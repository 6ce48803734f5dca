//! The response to an exporter.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;

use super::*;
use crate::batch::Signal;
use crate::decode::Report;
use upblit_base::field_error::FieldError;

fn rejecting(count: usize) -> Report {
    let mut report = Report::default();
    for index in 0..count {
        let pointer = format!("/spans/{index}");
        report.reject(index, || FieldError {
            pointer,
            reason: "is wrong".to_owned(),
        });
    }
    report
}

#[test]
fn full_success_is_an_empty_message() {
    let report = Report {
        accepted: 7,
        ..Report::default()
    };
    for signal in [Signal::Traces, Signal::Logs] {
        assert_eq!(response(&report, signal, OtlpEncoding::Protobuf), b"");
        assert_eq!(response(&report, signal, OtlpEncoding::Json), b"{}");
    }
}

#[test]
fn partial_success_counts_all_rejections_and_describes_the_first() {
    let report = rejecting(30);
    let message = "/spans/0 is wrong; /spans/1 is wrong; /spans/2 is wrong; \
                /spans/3 is wrong; /spans/4 is wrong; and 25 more";
    let traces = response(&report, Signal::Traces, OtlpEncoding::Protobuf);
    let traces = ExportTraceServiceResponse::decode(&*traces).unwrap();
    let partial = traces.partial_success.unwrap();
    assert_eq!(
        (partial.rejected_spans, &*partial.error_message),
        (30, message)
    );
    let logs = response(&report, Signal::Logs, OtlpEncoding::Protobuf);
    let logs = ExportLogsServiceResponse::decode(&*logs).unwrap();
    assert_eq!(logs.partial_success.unwrap().rejected_log_records, 30);
}

#[test]
fn cuts_are_a_warning_without_rejections() {
    let cut = FieldError {
        pointer: "/spans/0/attributes/prompt".to_owned(),
        reason: "had 300000 bytes".to_owned(),
    };
    let report = Report {
        accepted: 9,
        truncated: 7,
        cuts: vec![cut],
        ..Report::default()
    };
    let message = "values were cut to the limits: \
                   /spans/0/attributes/prompt had 300000 bytes; and 6 more";
    let traces = response(&report, Signal::Traces, OtlpEncoding::Protobuf);
    let traces = ExportTraceServiceResponse::decode(&*traces).unwrap();
    let partial = traces.partial_success.unwrap();
    assert_eq!(
        (partial.rejected_spans, &*partial.error_message),
        (0, message)
    );
    let logs = response(&report, Signal::Logs, OtlpEncoding::Json);
    let logs: Value = serde_json::from_slice(&logs).unwrap();
    assert_eq!(logs["partialSuccess"]["errorMessage"], message);
}

#[test]
fn the_count_is_a_string_in_json() {
    for (signal, name) in [
        (Signal::Traces, "rejectedSpans"),
        (Signal::Logs, "rejectedLogRecords"),
    ] {
        let message: Value =
            serde_json::from_slice(&response(&rejecting(1), signal, OtlpEncoding::Json)).unwrap();
        let expected = json!({ name: "1", "errorMessage": "/spans/0 is wrong" });
        assert_eq!(message, json!({ "partialSuccess": expected }));
    }
}
