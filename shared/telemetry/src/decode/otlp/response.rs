//! Responses to exporters: `ExportTraceServiceResponse` and `ExportLogsServiceResponse`.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use super::OtlpEncoding;
use crate::batch::Signal;
use crate::decode::Report;
use upblit_base::field_error::FieldError;

/// Number of rejected events, and of events that were cut, that the error message describes.
const MAX_DESCRIBED: usize = 5;

/// Encodes the response to a batch. `partial_success` is unset if no event was rejected or cut
/// (OTLP 1.11, "Full Success"). It warns of cuts with no rejected event and a message.
pub fn response(report: &Report, signal: Signal, encoding: OtlpEncoding) -> Vec<u8> {
    match encoding {
        OtlpEncoding::Json => json_response(report, signal),
        OtlpEncoding::Protobuf => match signal {
            Signal::Traces => trace_response(report).encode_to_vec(),
            Signal::Logs => logs_response(report).encode_to_vec(),
        },
    }
}

/// 64-bit integers are strings in OTLP's JSON.
fn json_response(report: &Report, signal: Signal) -> Vec<u8> {
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
    };
    let partial = error_message(report)
        .map(|message| json!({ rejected: report.rejected.to_string(), "errorMessage": message }));
    let response =
        partial.map_or_else(|| json!({}), |partial| json!({ "partialSuccess": partial }));
    response.to_string().into_bytes()
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

/// Describes the first rejected events and the first that were cut; `None` if there are none.
fn error_message(report: &Report) -> Option<String> {
    let rejected = report.errors.iter().map(|rejection| &rejection.error);
    let rejected = described(rejected, report.rejected);
    let cut = described(report.cuts.iter(), report.truncated);
    let cut = cut.map(|cut| format!("values were cut to the limits: {cut}"));
    let parts: Vec<String> = rejected.into_iter().chain(cut).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The first of `count` problems, and the number of the others; `None` if there are none.
fn described<'a>(problems: impl Iterator<Item = &'a FieldError>, count: usize) -> Option<String> {
    let first = problems.take(MAX_DESCRIBED);
    let mut parts: Vec<String> = first
        .map(|problem| format!("{} {}", problem.pointer, problem.reason))
        .collect();
    let others = count - parts.len();
    if others > 0 {
        parts.push(format!("and {others} more"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
