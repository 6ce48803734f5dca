//! What an exporter is told: `ExportTraceServiceResponse` and
//! `ExportLogsServiceResponse`.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use super::Encoding;
use crate::batch::Signal;
use crate::decode::Report;

/// How many rejected events the message describes.
const MAX_TOLD: usize = 5;

/// The answer to a batch. After full success its `partial_success` is unset
/// (OTLP 1.11, "Full Success").
pub fn answer(report: &Report, signal: Signal, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => json_answer(report, signal),
        Encoding::Protobuf => match signal {
            Signal::Traces => trace_response(report).encode_to_vec(),
            Signal::Logs => logs_response(report).encode_to_vec(),
        },
    }
}

/// A 64-bit integer is a string in OTLP's JSON.
fn json_answer(report: &Report, signal: Signal) -> Vec<u8> {
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
    };
    let partial = error_message(report)
        .map(|told| json!({ rejected: report.rejected.to_string(), "errorMessage": told }));
    let answer = partial.map_or_else(|| json!({}), |partial| json!({ "partialSuccess": partial }));
    answer.to_string().into_bytes()
}

fn trace_response(report: &Report) -> ExportTraceServiceResponse {
    ExportTraceServiceResponse {
        partial_success: error_message(report).map(|error_message| ExportTracePartialSuccess {
            rejected_spans: rejected(report),
            error_message,
        }),
    }
}

fn logs_response(report: &Report) -> ExportLogsServiceResponse {
    ExportLogsServiceResponse {
        partial_success: error_message(report).map(|error_message| ExportLogsPartialSuccess {
            rejected_log_records: rejected(report),
            error_message,
        }),
    }
}

fn rejected(report: &Report) -> i64 {
    i64::try_from(report.rejected).unwrap_or(i64::MAX)
}

/// The first rejected events and why; `None` when none was rejected.
fn error_message(report: &Report) -> Option<String> {
    if report.rejected == 0 {
        return None;
    }
    let mut told: Vec<_> = report
        .errors
        .iter()
        .take(MAX_TOLD)
        .map(|rejection| format!("{} {}", rejection.error.pointer, rejection.error.reason))
        .collect();
    let others = report.rejected - told.len();
    if others > 0 {
        told.push(format!("and {others} more"));
    }
    Some(told.join("; "))
}
