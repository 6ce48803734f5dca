//! Log format in Lambda: one JSON object per line, whose fields CloudWatch indexes. Some
//! numbers in it are metrics ([embedded metric format]).
//!
//! [embedded metric format]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::fmt;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use upblit_base::clock::Clock;
use upblit_web::request_log::METRICS;

/// Returns the layer that writes log lines to `writer`. Lines with metrics declare them if there
/// is a `namespace`.
pub fn json_lines<S, W>(namespace: Option<&str>, clock: Clock, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::format()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_span_list(false);
    let format = WithMetrics {
        lines,
        namespace: namespace.map(str::to_owned),
        clock,
    };
    tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(format)
        .with_writer(writer)
        .with_filter(LevelFilter::INFO)
}

/// Adds the declaration of metrics to lines that contain any.
struct WithMetrics {
    lines: Format<Json>,
    namespace: Option<String>,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for WithMetrics
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'fields> FormatFields<'fields> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut metrics = Metrics::default();
        event.record(&mut metrics);
        let namespace = self.namespace.as_ref().filter(|_| !metrics.0.is_empty());
        let Some(namespace) = namespace else {
            return self.lines.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.lines
            .format_event(context, Writer::new(&mut line), event)?;
        let directive = json!({
            "Timestamp": self.clock.now().as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": namespace,
                // No dimensions: each metric is one number for the whole deployment. Each
                // value of a dimension would be billed as another metric.
                "Dimensions": [[]],
                "Metrics": metrics.0,
            }],
        });
        let fields = line.strip_prefix('{').ok_or(fmt::Error)?;
        write!(writer, r#"{{"_aws":{directive},{fields}"#)
    }
}

/// Collects the fields of an event that are metrics, in the format of the declaration.
#[derive(Default)]
struct Metrics(Vec<serde_json::Value>);

impl Visit for Metrics {
    fn record_u64(&mut self, field: &Field, _: u64) {
        if METRICS.contains(&field.name()) {
            self.0.push(json!({ "Name": field.name() }));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
