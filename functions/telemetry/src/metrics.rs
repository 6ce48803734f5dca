//! `GET /telemetry/metrics`: counts, failures and durations over time. Reads summaries and
//! rollups, and no chunks.

mod rows;

use std::time::Duration;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::cursor::Cursor;
use shared::reading::Reading;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::summary::{Durations, Stats};
use shared::telemetry::query::bucket::Bucket;
use shared::telemetry::query::cursor;
use shared::telemetry::query::groups::By;
use shared::telemetry::query::metrics::Step;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;
use shared::web::query::Query;
use utoipa::{IntoParams, ToSchema};

use self::rows::{OthersResponse, RowResponse};
use crate::archive::{Archive, Gap, invalid};
use crate::rollups::{Part, count};

/// Largest number of buckets in a response: enough for a week in steps of five minutes.
const MAX_BUCKETS: u128 = 2_100;

/// Cursor of metrics.
type Next = Cursor<cursor::Metrics>;

/// Query of the metrics.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct MetricsQuery {
    /// Application whose telemetry is read.
    application_id: ApplicationName,
    /// Beginning of the time range. Default: an hour before its end.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// End of the time range. Default: now.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    to: Option<Timestamp>,
    /// Width of a bucket in seconds.
    #[serde(default)]
    #[param(inline)]
    step: Step,
    /// Signal to count. Default: traces.
    #[param(inline)]
    signal: Option<Signal>,
    /// Returns the requests by service or operation instead of buckets. Only for traces.
    #[param(inline)]
    by: Option<By>,
    /// `nextCursor` of the previous response, which contains the time range. Not with `by`.
    #[param(inline)]
    cursor: Option<Next>,
}

impl OfApplication for MetricsQuery {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// Counts, failures and durations over time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metrics {
    /// Start of the first bucket.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    from: Timestamp,
    /// End of the last bucket.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    to: Timestamp,
    /// Width of a bucket in seconds.
    step_seconds: u64,
    /// Consecutive buckets, oldest first, including empty ones. No buckets with `by`. A bucket with
    /// too much telemetry for one response is in several responses; their counts add up to it.
    buckets: Vec<BucketResponse>,
    /// Sum of all buckets; with `by`, of the time that was searched.
    total: Total,
    /// The services or operations with the most requests, in descending order, at most 100. Their
    /// percentiles are within 11 %. Null without `by`.
    rows: Option<Vec<RowResponse>>,
    /// Requests in no row: those of other services or operations, and of operations that are not
    /// among the 16 with most requests of their batch. Null without `by`.
    others: Option<OthersResponse>,
    /// Time back to which the range has been counted. Null if the rest of it has been counted by
    /// this response.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    searched_to: Option<Timestamp>,
    /// Pass as `cursor` to get the buckets before `searchedTo`. Null if there are none, and with
    /// `by`.
    next_cursor: Option<String>,
    /// Time ranges with stored telemetry that this release cannot read.
    gaps: Vec<Gap>,
}

/// Events that started in one step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Bucket)]
struct BucketResponse {
    /// Start of the bucket.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    start_time: Timestamp,
    #[serde(flatten)]
    total: Total,
}

/// Statistics of all events, and of the requests among them.
#[derive(Serialize, ToSchema)]
struct Total {
    #[serde(flatten)]
    all: StatsResponse,
    /// Statistics of the requests alone.
    requests: StatsResponse,
}

/// Counts and durations of events.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stats)]
struct StatsResponse {
    /// Number of events.
    count: u64,
    /// Number of failed events.
    errors: u64,
    /// Average duration in milliseconds. Null if no event has a duration.
    avg_ms: Option<f64>,
    /// Shortest duration in milliseconds, or null.
    min_ms: Option<f64>,
    /// Longest duration in milliseconds, or null.
    max_ms: Option<f64>,
    /// Median duration in milliseconds, or null. Estimated, as are the other percentiles.
    p50_ms: Option<f64>,
    /// 95th percentile of the durations in milliseconds, or null.
    p95_ms: Option<f64>,
    /// 99th percentile of the durations in milliseconds, or null.
    p99_ms: Option<f64>,
}

/// Returns the buckets of the window, oldest first, or the requests by service or operation.
#[utoipa::path(
    get, path = "/telemetry/metrics", operation_id = "getMetrics",
    summary = "Get counts, failures and durations over time",
    description = "Returns consecutive buckets, empty ones included, and their total. The time range is widened to whole buckets, of which there are at most 2,100. If it has too much telemetry for one response, the newest buckets are returned, and `nextCursor` continues with those before. With `by`, returns rows of the time range as it is given, with the requests to each service or operation: root spans and spans of kind server or consumer. The rows are about the newest part of the range if it has too much telemetry; `searchedTo` says which. A batch counts as a whole, at the start of its newest span.",
    params(MetricsQuery),
    responses((status = 200, body = Metrics), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = []), ("apiKey" = [])),
)]
pub(crate) async fn show(
    State(state): State<crate::State>,
    Reading {
        application,
        request: Query(query),
    }: Reading<Query<MetricsQuery>>,
) -> Result<axum::Json<Metrics>, Error> {
    let archive = Archive::of(&application, &state);
    match query.by {
        Some(by) => by_group(&state, &archive, &query, by).await,
        None => over_time(&state, &archive, &query).await,
    }
}

/// Metrics with a row for each service or operation.
async fn by_group(
    state: &crate::State,
    archive: &Archive,
    query: &MetricsQuery,
    by: By,
) -> Result<axum::Json<Metrics>, Error> {
    if query.signal == Some(Signal::Logs) {
        return Err(invalid("by", "is only for traces"));
    }
    if query.cursor.is_some() {
        return Err(invalid("cursor", "cannot be given with `by`"));
    }
    let counted = archive.window(query.from, query.to)?;
    let counted = rows::count(state, archive, counted, by).await?;
    let step = query.step.length();
    Ok(axum::Json(Metrics {
        rows: Some(counted.rows()),
        others: Some(counted.others()),
        searched_to: counted.searched_to,
        ..Metrics::without_rows(
            window(archive, query)?,
            step,
            &counted.grouped.total,
            archive,
        )
    }))
}

/// Metrics with a bucket for each step.
async fn over_time(
    state: &crate::State,
    archive: &Archive,
    query: &MetricsQuery,
) -> Result<axum::Json<Metrics>, Error> {
    let step = query.step.length();
    let continued = query.cursor.as_ref().map(|cursor| cursor.0);
    let window = match continued {
        Some(continued) => continued.window,
        None => window(archive, query)?,
    };
    if window.length().as_millis() / step.as_millis() > MAX_BUCKETS {
        return Err(invalid(
            "step",
            "divides this time range into too many buckets",
        ));
    }
    let part = Part {
        window,
        step: query.step,
        before: continued.map(|continued| continued.before),
    };
    let signal = query.signal.unwrap_or(Signal::Traces);
    let (series, next) = count(state, archive, signal, part).await?;
    let buckets = series.buckets().map(|(start_time, bucket)| BucketResponse {
        start_time,
        total: Total::of(bucket),
    });
    Ok(axum::Json(Metrics {
        buckets: buckets.collect(),
        searched_to: next.map(|_| series.window().from),
        next_cursor: next.map(|next| Next::to_string(&Cursor(next))),
        ..Metrics::without_rows(series.window(), step, &series.total(), archive)
    }))
}

/// Returns the window of the query. Without `to` it ends now, because buckets in the future would
/// be empty.
fn window(archive: &Archive, query: &MetricsQuery) -> Result<TimeWindow, Error> {
    let window = archive.window(query.from, query.to)?;
    let end = match query.to {
        None if window.from < archive.now() => archive.now(),
        _ => window.to,
    };
    Ok(TimeWindow { to: end, ..window })
}

impl Metrics {
    /// Metrics with a total, and neither buckets nor rows.
    fn without_rows(window: TimeWindow, step: Duration, total: &Bucket, archive: &Archive) -> Self {
        Self {
            from: window.from,
            to: window.to,
            step_seconds: step.as_secs(),
            buckets: Vec::new(),
            total: Total::of(total),
            rows: None,
            others: None,
            searched_to: None,
            next_cursor: None,
            gaps: archive.gaps(),
        }
    }
}

impl Total {
    fn of(bucket: &Bucket) -> Self {
        Self {
            all: StatsResponse::of(&bucket.all),
            requests: StatsResponse::of(&bucket.requests),
        }
    }
}

impl StatsResponse {
    fn of(stats: &Stats) -> Self {
        let durations = stats.durations.as_ref();
        let quantile = |share| durations.and_then(|d| d.quantile_ms(share)).map(rounded);
        Self {
            count: stats.count,
            errors: stats.errors,
            avg_ms: durations.map(|d| rounded(d.average_ms())),
            min_ms: durations.map(Durations::min_ms),
            max_ms: durations.map(Durations::max_ms),
            p50_ms: quantile(0.5),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
        }
    }
}

/// Rounds to a microsecond.
fn rounded(milliseconds: f64) -> f64 {
    (milliseconds * 1000.0).round() / 1000.0
}
