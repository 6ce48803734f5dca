//! `GET /telemetry/metrics`: counts, failures and durations over time. No blob is
//! opened for them.

use std::time::Duration;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::base::clock;
use shared::base::ids::ApplicationId;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::head::Stats;
use shared::telemetry::query::metrics::{Bucket, STEPS, Series};
use shared::telemetry::query::window::Window;
use shared::web::body::Query;
use shared::web::credentials::SignedIn;
use shared::web::error::Error;
use utoipa::{IntoParams, ToSchema};

use crate::access::{Access, invalid, parsed};
use crate::sums::add_up;

/// Buckets of one answer: a week of five minutes.
const MAX_BUCKETS: u128 = 2_100;

/// The query.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Whose telemetry.
    #[param(value_type = ApplicationId)]
    application_id: String,
    /// From when, an hour before the end unless told otherwise.
    #[param(value_type = Option<Timestamp>)]
    from: Option<String>,
    /// Until when, now unless told otherwise.
    #[param(value_type = Option<Timestamp>)]
    to: Option<String>,
    /// Width of a bucket in seconds: 300, 900, 3600, 21600 or 86400.
    #[param(value_type = Option<u32>, default = 300)]
    step: Option<String>,
    /// `traces` or `logs`.
    #[param(default = "traces")]
    signal: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metrics {
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    from: Timestamp,
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    to: Timestamp,
    step_seconds: u64,
    buckets: Vec<BucketView>,
    total: Total,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Bucket)]
struct BucketView {
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    start_time: Timestamp,
    #[serde(flatten)]
    total: Total,
}

#[derive(Serialize, ToSchema)]
struct Total {
    #[serde(flatten)]
    all: StatsView,
    requests: StatsView,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stats)]
struct StatsView {
    count: u64,
    errors: u64,
    avg_ms: Option<f64>,
    min_ms: Option<f64>,
    max_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// Every bucket of the window, in order.
#[utoipa::path(
    get, path = "/telemetry/metrics", operation_id = "getMetrics",
    summary = "Get counts, failures and durations over time",
    description = "",
    params(Asked),
    responses((status = 200, body = Metrics), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn show(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Metrics>, Error> {
    let access = Access::check(&state, &principal, &asked.application_id).await?;
    let step = step(asked.step.as_deref())?;
    let window = window(&access, &asked)?;
    if window.length().as_millis() / step.as_millis() > MAX_BUCKETS {
        return Err(invalid("step", "makes too many buckets of this time"));
    }
    let mut series = Series::over(window, step);
    let signal = signal(asked.signal.as_deref())?;
    add_up(&state, &access, signal, &mut series).await?;
    Ok(axum::Json(Metrics::of(&series, step)))
}

/// Without an end it is now: buckets of the future would all be empty.
fn window(access: &Access, asked: &Asked) -> Result<Window, Error> {
    let window = access.window(asked.from.as_deref(), asked.to.as_deref())?;
    let end = match asked.to {
        None if window.from < access.now() => access.now(),
        _ => window.to,
    };
    Ok(Window { to: end, ..window })
}

fn step(text: Option<&str>) -> Result<Duration, Error> {
    let [default, ..] = STEPS;
    let Some(text) = text else {
        return Ok(default);
    };
    let step = Duration::from_secs(parsed("step", text)?);
    let problem = "must be 300, 900, 3600, 21600 or 86400 seconds";
    let known = STEPS.contains(&step).then_some(step);
    known.ok_or_else(|| invalid("step", problem))
}

fn signal(text: Option<&str>) -> Result<Signal, Error> {
    match text {
        None | Some("traces") => Ok(Signal::Traces),
        Some("logs") => Ok(Signal::Logs),
        Some(_) => Err(invalid("signal", "must be traces or logs")),
    }
}

impl Metrics {
    fn of(series: &Series, step: Duration) -> Self {
        let Window { from, to } = series.window();
        let buckets = series.buckets().map(|(start_time, bucket)| BucketView {
            start_time,
            total: Total::of(bucket),
        });
        Self {
            from,
            to,
            step_seconds: step.as_secs(),
            buckets: buckets.collect(),
            total: Total::of(&series.total()),
        }
    }
}

impl Total {
    fn of(bucket: &Bucket) -> Self {
        Self {
            all: StatsView::of(&bucket.all),
            requests: StatsView::of(&bucket.requests),
        }
    }
}

impl StatsView {
    fn of(stats: &Stats) -> Self {
        let durations = stats.durations.as_ref();
        let quantile = |share| durations.and_then(|d| d.quantile(share)).map(rounded);
        Self {
            count: stats.count,
            errors: stats.errors,
            avg_ms: durations.map(|d| rounded(d.average())),
            min_ms: durations.map(|d| d.min),
            max_ms: durations.map(|d| d.max),
            p50_ms: quantile(0.5),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
        }
    }
}

/// To a microsecond: more is not known.
fn rounded(milliseconds: f64) -> f64 {
    (milliseconds * 1000.0).round() / 1000.0
}
