//! `GET /telemetry/traces/{traceId}`: one trace as a tree, with its log records.

use std::time::Duration;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::access::{Access, ApplicationName, OfApplication};
use shared::base::clock;
use shared::store::telemetry::{StoredSummary, SummariesRead};
use shared::telemetry::batch::DAY;
use shared::telemetry::chunk::codec::{self, Rows as ChunkRows};
use shared::telemetry::chunk::summary::fingerprint;
use shared::telemetry::event::{Event, LogRecord, Span};
use shared::telemetry::query::trace::{Tree, is_whole, surroundings};
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::{Error, Resource};
use shared::web::path::Path;
use shared::web::query::Query;
use utoipa::{IntoParams, ToSchema};

use crate::archive::{Archive, Gap, too_much};
use crate::page::Rows;
use crate::responses::{LogRecordResponse, SpanResponse, milliseconds};

/// Number of summaries that one attempt to find a trace reads.
const MAX_SUMMARIES: usize = 20_000;

/// Largest total size of the chunks that are read for one trace, in bytes. Only the events of the
/// trace are decoded, so their memory needs no limit.
const MAX_READ_BYTES: usize = 32 * 1024 * 1024;

/// Time before and after a trace within which its chunks are searched. SDKs send in batches, and
/// clocks differ.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// Margins around `at` within which a trace is searched, one after the other.
const MARGINS: [Duration; 3] = [
    Duration::from_secs(10 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(25 * 60 * 60),
];

/// Largest numbers of spans and log records in a response.
const MAX_SPANS: usize = 10_000;
const MAX_LOGS: usize = 1_000;

/// Largest number of service names in a response.
const MAX_SERVICES: usize = 100;

/// Query of a trace.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct TraceQuery {
    /// Application whose telemetry is read.
    application_id: ApplicationName,
    /// Id of the trace, instead of the one in the path. For ids with characters other than letters,
    /// digits, `_`, `.`, `~` and `-`, some of which API Gateway changes in a path.
    #[param(example = "checkout/42")]
    trace_id: Option<String>,
    /// A time within the trace, such as that of a list row or log record. Makes the search fast.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    at: Option<Timestamp>,
    /// Beginning of the time range. Default: an hour before its end.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// End of the time range. Default: now.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    to: Option<Timestamp>,
}

impl OfApplication for TraceQuery {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// A trace with its spans and log records.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trace {
    /// Id of the trace.
    trace_id: String,
    /// Start of the earliest span, corrected for clock skew. With nanoseconds if these are no whole
    /// milliseconds.
    #[serde(serialize_with = "clock::serialize_rfc3339_exact")]
    start_time: Timestamp,
    /// Time from the start of the earliest span to the end of the last one, in milliseconds,
    /// corrected for clock skew.
    duration_ms: f64,
    /// Number of spans found, also beyond those in `spans`.
    span_count: usize,
    /// Number of failed spans.
    error_count: usize,
    /// Names of the services, at most 100.
    services: Vec<String>,
    /// Whether the trace has more spans or log records than the response.
    is_truncated: bool,
    /// The spans as a tree, depth first. At most 10,000.
    #[schema(value_type = Vec<SpanResponse>)]
    spans: Vec<Box<RawValue>>,
    /// The log records of the trace, oldest first. At most 1,000.
    #[schema(value_type = Vec<LogRecordResponse>)]
    logs: Vec<Box<RawValue>>,
    /// Time ranges with stored telemetry that this release cannot read.
    gaps: Vec<Gap>,
}

/// Returns a trace. Searches near `at`, in the window of the query, or in all stored telemetry.
#[utoipa::path(
    get, path = "/telemetry/traces/{id}", operation_id = "getTrace",
    summary = "Get a trace",
    description = "Returns the spans of the trace as a tree, depth first, and its log records. Pass `at` if you know a time within the trace: the search then takes only a few reads.",
    params(("id" = String, Path, description = "Id of the trace.", example = "4bf92f3577b34da6a3ce929d0e0e4736"), TraceQuery),
    responses((status = 200, body = Trace), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn show(
    State(state): State<crate::State>,
    Access {
        membership,
        request: Query(query),
        ..
    }: Access<Query<TraceQuery>>,
    Path(in_path): Path<String>,
) -> Result<axum::Json<Trace>, Error> {
    let in_query = query.trace_id.clone().filter(|id| !id.is_empty());
    let trace_id = in_query.unwrap_or(in_path);
    let archive = Archive::of(&membership, &state);
    let search = TraceSearch {
        state: &state,
        archive: &archive,
        trace_id: &trace_id,
    };
    let mut found = Vec::new();
    for window in windows(&archive, &query)? {
        // The first window is short. If a parent is missing in it, search the next one as well.
        let looked = !found.is_empty();
        found = search.spans(window).await?;
        if is_whole(&found) || (looked && !found.is_empty()) {
            break;
        }
    }
    let around = surroundings(&found, MARGIN).ok_or(Error::NotFound(Resource::Trace))?;
    let logs = search.events::<LogRecord>(around).await?;
    answer(trace_id, Tree::of(found), logs, archive.gaps())
}

/// The windows to search, one after the other.
fn windows(archive: &Archive, query: &TraceQuery) -> Result<Vec<TimeWindow>, Error> {
    if let Some(at) = query.at {
        return Ok(MARGINS.map(|margin| TimeWindow::around(at, margin)).into());
    }
    let window = archive.window(query.from, query.to)?;
    if query.from.is_some() || query.to.is_some() {
        return Ok(vec![window]);
    }
    let day = TimeWindow::around(archive.now(), DAY);
    Ok(vec![window, day, archive.everything()])
}

/// Searches for the events of one trace.
struct TraceSearch<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
    trace_id: &'a str,
}

impl TraceSearch<'_> {
    /// Finds the spans in a window, and widens the window while they reach beyond it.
    async fn spans(&self, mut window: TimeWindow) -> Result<Vec<Span>, Error> {
        loop {
            let found = self.events::<Span>(window).await?;
            match surroundings(&found, MARGIN) {
                Some(around) if !window.covers(&around) => window = window.and(around),
                _ => return Ok(found),
            }
        }
    }

    /// Finds the events of the trace in chunks positioned within a window.
    async fn events<E: Event>(&self, window: TimeWindow) -> Result<Vec<E>, Error> {
        let trace = fingerprint(self.trace_id);
        let mut summaries = Vec::new();
        let keep = |stored: StoredSummary| {
            let summary = stored.summary(&self.archive.gaps);
            if summary.is_some_and(|summary| summary.may_hold_trace(trace)) {
                summaries.push(stored);
            }
            Ok(())
        };
        let range = self.archive.summaries_at(E::SIGNAL, window);
        let database = &self.state.database;
        if database.each_summary(&range, MAX_SUMMARIES, keep).await? == SummariesRead::TooMany {
            return Err(too_much());
        }
        let bytes: usize = summaries.iter().map(|stored| stored.bytes).sum();
        if bytes > MAX_READ_BYTES {
            return Err(too_much());
        }
        // Pages arrive in any order. Sort, so that the response does not depend on it.
        summaries.sort_by_key(|stored| stored.position);
        let closed: Vec<&StoredSummary> = summaries.iter().collect();
        let opened = database.open(&range, &closed, |chunk| {
            codec::decode::<E>(chunk, ChunkRows::OfTrace(self.trace_id))
        });
        Ok(opened.await?.into_iter().flatten().collect())
    }
}

fn answer(
    trace_id: String,
    tree: Tree,
    mut logs: Vec<LogRecord>,
    gaps: Vec<Gap>,
) -> Result<axum::Json<Trace>, Error> {
    let (start, end) = tree.extent().ok_or(Error::NotFound(Resource::Trace))?;
    let mut spans = Rows::up_to(MAX_SPANS);
    for span in &tree.spans {
        if spans.room() > 0 {
            spans.push(&SpanResponse::of(span, start))?;
        }
    }
    logs.sort_by_key(|record| record.time_ns);
    let mut lines = Rows::up_to(MAX_LOGS).sharing_the_size_of(&spans);
    for record in &logs {
        if lines.room() > 0 {
            lines.push(&LogRecordResponse::of(record))?;
        }
    }
    let services = tree.services().into_iter();
    let spans = spans.in_order();
    let lines = lines.in_order();
    Ok(axum::Json(Trace {
        trace_id,
        start_time: start,
        duration_ms: milliseconds(start, end),
        span_count: tree.spans.len(),
        error_count: tree.errors(),
        services: services.take(MAX_SERVICES).map(str::to_owned).collect(),
        is_truncated: spans.len() < tree.spans.len() || lines.len() < logs.len(),
        spans,
        logs: lines,
        gaps,
    }))
}
