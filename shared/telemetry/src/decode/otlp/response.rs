//! Responses to exporters: `ExportTraceServiceResponse`, `ExportLogsServiceResponse` and
//! `ExportMetricsServiceResponse`.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use super::{DataPoints, OtlpEncoding};
use crate::batch::Signal;
use crate::decode::Report;
use upblit_base::field_error::FieldError;

/// Number of rejected events, and of events that were cut, that the error message describes.
const MAX_DESCRIBED: usize = 5;

/// Reason for rejecting every data point.
const METRICS_ARE_NOT_STORED: &str =
    "metrics are not stored; set OTEL_METRICS_EXPORTER=none to stop sending them";

/// Encodes the response to a batch. `partial_success` is unset if no event was rejected or cut
/// and no field was left out (OTLP 1.11, "Full Success"). Cuts and such a field add a warning to its
/// message, but do not count as rejected events.
pub fn response(report: &Report, signal: Signal, encoding: OtlpEncoding) -> Vec<u8> {
    match encoding {
        OtlpEncoding::Json => json_response(report, signal),
        OtlpEncoding::Protobuf => match signal {
            Signal::Traces => trace_response(report).encode_to_vec(),
            Signal::Logs => logs_response(report).encode_to_vec(),
        },
    }
}

/// Encodes the response to a request with metrics, all of whose data points are rejected.
/// `partial_success` is unset if there are none and every field was read.
pub fn metrics_response(points: &DataPoints, encoding: OtlpEncoding) -> Vec<u8> {
    let DataPoints { count, misnamed } = points;
    let rejected = (*count > 0).then(|| METRICS_ARE_NOT_STORED.to_owned());
    let message = joined(rejected.into_iter().chain(unread(misnamed.as_ref())));
    match encoding {
        OtlpEncoding::Json => partial_json("rejectedDataPoints", *count, message),
        // `ExportMetricsServiceResponse` has the same fields, of the same numbers and types.
        OtlpEncoding::Protobuf => ExportTraceServiceResponse {
            partial_success: message.map(|error_message| ExportTracePartialSuccess {
                rejected_spans: signed(*count),
                error_message,
            }),
        }
        .encode_to_vec(),
    }
}

fn json_response(report: &Report, signal: Signal) -> Vec<u8> {
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
    };
    partial_json(rejected, report.rejected, error_message(report))
}

/// Encodes a response as JSON, with 64-bit integers as strings.
fn partial_json(name: &str, rejected: usize, message: Option<String>) -> Vec<u8> {
    let response = match message {
        Some(message) => {
            json!({ "partialSuccess": { name: rejected.to_string(), "errorMessage": message } })
        }
        None => json!({}),
    };
    response.to_string().into_bytes()
}

fn trace_response(report: &Report) -> ExportTraceServiceResponse {
    ExportTraceServiceResponse {
        partial_success: error_message(report).map(|error_message| ExportTracePartialSuccess {
            rejected_spans: signed(report.rejected),
            error_message,
        }),
    }
}

fn logs_response(report: &Report) -> ExportLogsServiceResponse {
    ExportLogsServiceResponse {
        partial_success: error_message(report).map(|error_message| ExportLogsPartialSuccess {
            rejected_log_records: signed(report.rejected),
            error_message,
        }),
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Describes the first rejected events, the first that were cut, and a field that was not read; `None`
/// if there are none.
fn error_message(report: &Report) -> Option<String> {
    let rejected = report.errors.iter().map(|rejection| &rejection.error);
    let rejected = described(rejected, report.rejected);
    let cut = described(report.cuts.iter(), report.truncated);
    let cut = cut.map(|cut| format!("values were cut to the limits: {cut}"));
    let unread = unread(report.misnamed.as_ref());
    joined(rejected.into_iter().chain(cut).chain(unread))
}

/// Describes a field that was not read.
fn unread(field: Option<&FieldError>) -> Option<String> {
    field.map(|field| format!("{} {}", field.pointer, field.reason))
}

/// Joins the parts of a message. Returns `None` if there are none.
fn joined(parts: impl Iterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Describes the first of `count` problems, and the number of the others. Returns `None` if there are
/// none.
fn described<'a>(problems: impl Iterator<Item = &'a FieldError>, count: usize) -> Option<String> {
    let first = problems.take(MAX_DESCRIBED);
    let mut parts: Vec<String> = first
        .map(|problem| format!("{} {}", problem.pointer, problem.reason))
        .map(|problem| problem.trim_start().to_owned())
        .collect();
    let others = count - parts.len();
    if others > 0 {
        parts.push(format!("and {others} more"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
