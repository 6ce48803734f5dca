//! Types that describe the bodies of ingest in the OpenAPI document. Bodies are not decoded into
//! them, but event by event, so that a malformed event does not affect others. A test checks that
//! both agree.

#![expect(dead_code, reason = "described, not used")]

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema,
    SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// A list with at most one compression, separated by commas. Empty items, `identity` and `none`
/// mean no compression. Upper and lower case are the same.
#[derive(ToSchema)]
#[schema(
    value_type = String,
    pattern = r"^([ \t]*(identity|none)?[ \t]*,)*[ \t]*(identity|none|gzip|x-gzip|zstd|deflate|zlib)?[ \t]*(,[ \t]*(identity|none)?[ \t]*)*$"
)]
pub(crate) struct ContentEncodingHeader(String);

/// A time: RFC 3339 with an offset, or milliseconds since 1970 as a number or its digits.
pub(crate) struct EventTime;

impl PartialSchema for EventTime {
    fn schema() -> RefOr<Schema> {
        let digits = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^[0-9]{1,12}(\.[0-9]{1,6})?$"));
        let number = ObjectBuilder::new()
            .schema_type(Type::Number)
            .minimum(Some(0))
            .maximum(Some(9_000_000_000_000_i64));
        let time = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        AnyOfBuilder::new()
            .item(time)
            .item(number)
            .item(digits)
            .description(Some(
                "A time: RFC 3339 with an offset, or milliseconds since 1970 as a number or its digits.",
            ))
            .examples(["2026-01-31T12:00:00.000Z"])
            .into()
    }
}

impl ToSchema for EventTime {}

/// A batch of spans.
#[derive(ToSchema)]
pub(crate) struct TraceBatch {
    /// Time of sending, used for spans without a time: RFC 3339, or milliseconds since 1970. Any
    /// other value counts as none.
    #[schema(value_type = Value, required = false, example = "2026-01-31T12:00:00.000Z")]
    timestamp: (),
    /// The spans.
    traces: Vec<TraceEvent>,
}

/// A span. Other fields are kept as attributes. It must have
/// ended within the last 7 days and start at most 5 minutes in the future. A span that is older than
/// the retention is rejected, too.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct TraceEvent {
    /// End time: RFC 3339, or milliseconds since 1970. The span started `durationMs` before it.
    /// Default: the time of the batch.
    timestamp: Option<EventTime>,
    /// Start time. Default: the end time minus the duration.
    start_time: Option<EventTime>,
    /// HTTP method of the request.
    #[schema(example = "GET")]
    request_method: Option<String>,
    /// URL or path of the request.
    #[schema(rename = "requestURL", example = "/cart")]
    request_url: Option<String>,
    /// HTTP status of the response.
    #[schema(minimum = 100, maximum = 599, example = 200)]
    response_status: Option<u16>,
    /// Id of the trace; any text.
    #[schema(max_length = 128, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
    /// Id of the span; any text.
    #[schema(max_length = 128, example = "00f067aa0ba902b7")]
    span_id: String,
    /// Id of the parent span. Null, empty or absent for a root span.
    #[schema(max_length = 128)]
    parent_span_id: Option<String>,
    /// Duration in milliseconds, up to 7 days.
    #[schema(minimum = 0, example = 12.5)]
    duration_ms: Option<f64>,
}

/// A batch of log records.
#[derive(ToSchema)]
pub(crate) struct LogBatch {
    /// Time of sending, used for records without a time: RFC 3339, or milliseconds since 1970. Any
    /// other value counts as none.
    #[schema(value_type = Value, required = false, example = "2026-01-31T12:00:00.000Z")]
    timestamp: (),
    /// The log records.
    logs: Vec<LogEvent>,
}

/// A log record. Other fields are kept as attributes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct LogEvent {
    /// When the record was written: RFC 3339, or milliseconds since 1970. Default:
    /// `clientTimestamp`, then the time of the batch, then the time of receipt.
    timestamp: Option<EventTime>,
    /// Severity as the program writes it, such as `info`, `Warning` or `SEVERE`. Any text.
    #[schema(example = "error")]
    level: Option<String>,
    /// Type of the record, chosen by the SDK.
    #[schema(example = "app")]
    r#type: Option<String>,
    /// Text of the log record. Any other value is kept as JSON.
    #[schema(value_type = Option<Value>, example = "the bank did not answer within 3 s")]
    message: (),
    /// Id of the trace that the record belongs to; any text.
    #[schema(max_length = 128, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    /// When the record was written, by the client's clock.
    client_timestamp: Option<EventTime>,
}

/// `ExportTraceServiceRequest` of OTLP 1.11, in its JSON encoding.
pub(crate) struct ExportTraces;

impl PartialSchema for ExportTraces {
    fn schema() -> RefOr<Schema> {
        let scope_spans = group("spans", "scope", event());
        let resource_spans = group("scopeSpans", "resource", scope_spans);
        export(
            "resourceSpans",
            "Spans by resource and scope.",
            resource_spans,
        )
    }
}

impl ToSchema for ExportTraces {}

/// `ExportLogsServiceRequest` of OTLP 1.11, in its JSON encoding.
pub(crate) struct ExportLogs;

impl PartialSchema for ExportLogs {
    fn schema() -> RefOr<Schema> {
        let scope_logs = group("logRecords", "scope", event());
        let resource_logs = group("scopeLogs", "resource", scope_logs);
        export(
            "resourceLogs",
            "Log records by resource and scope.",
            resource_logs,
        )
    }
}

impl ToSchema for ExportLogs {}

/// A request: it has the array, or no field at all.
fn export(array: &str, description: &str, items: Schema) -> RefOr<Schema> {
    let nothing = ObjectBuilder::new().max_properties(Some(0));
    AnyOfBuilder::new()
        .item(with_array(array, description, items))
        .item(nothing)
        .description(Some(
            "A body with other fields and no array is refused, because nothing in it would be stored.",
        ))
        .into()
}

/// A message that contains events: it has the array, or no field with an unknown name.
fn group(array: &str, sibling: &str, items: Schema) -> Schema {
    let without_array = ObjectBuilder::new()
        .property(sibling, unread(sibling))
        .property("schemaUrl", unread("schemaUrl"))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    AnyOfBuilder::new()
        .item(with_array(array, "The messages in this group.", items))
        .item(without_array)
        .build()
        .into()
}

fn with_array(name: &str, description: &str, items: Schema) -> Object {
    let array = ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .description(Some(description))
        .items(RefOr::T(items));
    ObjectBuilder::new()
        .property(name, array)
        .required(name)
        .build()
}

/// A field whose value is not read, because the message has no events.
fn unread(name: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(format!(
            "The {name}. Not read, because the message has no events."
        )))
        .build()
}

/// A span, log record or metric. Its fields are those of OTLP.
fn event() -> Schema {
    let description = "An OTLP message. If it is malformed, it alone is rejected and reported.";
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(description))
        .into()
}

/// `ExportMetricsServiceRequest` of OTLP 1.11, in its JSON encoding.
pub(crate) struct ExportMetrics;

impl PartialSchema for ExportMetrics {
    fn schema() -> RefOr<Schema> {
        let scope_metrics = group("metrics", "scope", event());
        let resource_metrics = group("scopeMetrics", "resource", scope_metrics);
        export(
            "resourceMetrics",
            "Metrics by resource and scope.",
            resource_metrics,
        )
    }
}

impl ToSchema for ExportMetrics {}

/// `ExportTraceServiceResponse`, `ExportLogsServiceResponse` or `ExportMetricsServiceResponse`;
/// empty if every event was stored unchanged and every field was read.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Exported {
    partial_success: Option<PartialSuccess>,
}

/// The number of rejected events, which may be 0, and what was rejected, cut or not read.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PartialSuccess {
    /// Number of rejected spans, as a string (ProtoJSON of int64).
    #[schema(example = "1")]
    rejected_spans: Option<String>,
    /// Number of rejected log records, as a string.
    rejected_log_records: Option<String>,
    /// Number of rejected data points of metrics, as a string.
    rejected_data_points: Option<String>,
    /// The first reasons for rejections and cuts, and the name of a field that was not read.
    error_message: Option<String>,
}
