//! `GET /telemetry/traces/{traceId}`: one trace as a tree, with its log records.

mod reading;
mod search;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::access::{ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::cursor::Cursor;
use shared::reading::Reading;
use shared::telemetry::event::LogRecord;
use shared::telemetry::query::cursor::{self, Extent, Searched, TracePosition};
use shared::telemetry::query::trace::Tree;
use shared::web::error::{Error, Resource};
use shared::web::path::Path;
use shared::web::query::Query;
use utoipa::{IntoParams, ToSchema};

use self::search::{Begin, TraceSearch};
use crate::archive::{Archive, Gap};
use crate::page::Rows;
use crate::responses::{LogRecordResponse, SpanResponse, milliseconds};

/// Largest number of spans and of log records in a response.
const MAX_SPANS: usize = 10_000;
const MAX_LOGS: usize = 1_000;

/// Largest number of service names in a response.
const MAX_SERVICES: usize = 100;

/// Cursor of the next part.
type NextPart = Cursor<cursor::Trace>;

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
    /// `nextCursor` of the previous part. The other parameters must stay the same.
    #[param(inline)]
    cursor: Option<NextPart>,
}

impl OfApplication for TraceQuery {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// A trace with its spans and log records, or a part of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trace {
    /// Id of the trace.
    trace_id: String,
    /// Start of the earliest span of this part and the parts before it, corrected for clock skew.
    /// Null if none was found yet. With nanoseconds if it is not a whole millisecond.
    #[serde(serialize_with = "clock::serialize_rfc3339_exact_option")]
    start_time: Option<Timestamp>,
    /// Time from `startTime` to the end of the last span, in milliseconds, corrected for clock
    /// skew.
    duration_ms: f64,
    /// Number of spans found for this part, including those that `spans` has no room for.
    span_count: usize,
    /// Number of failed spans among them.
    error_count: usize,
    /// Names of their services, at most 100.
    services: Vec<String>,
    /// Whether more spans or log records were found than the response has. The spans follow with
    /// `nextCursor`.
    is_truncated: bool,
    /// The spans as a tree, depth first. At most 10,000.
    #[schema(value_type = Vec<SpanResponse>)]
    spans: Vec<Box<RawValue>>,
    /// The log records of the trace, from five minutes before its spans to five minutes after them,
    /// oldest first. At most 1,000. `GET /telemetry/logs?traceId=` finds all.
    #[schema(value_type = Vec<LogRecordResponse>)]
    logs: Vec<Box<RawValue>>,
    /// Beginning of the time that was searched, by this request and those before it.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    searched_from: Timestamp,
    /// End of the time that was searched.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    searched_to: Timestamp,
    /// Cursor of the next part, which continues before and after the searched time. Null if all
    /// stored telemetry was searched, and the trace is complete.
    next_cursor: Option<String>,
    /// Time ranges with stored telemetry that this release cannot read.
    gaps: Vec<Gap>,
}

/// Returns a trace. Searches near `at`, in the window of the query, or in the newest telemetry, and
/// continues while it finds spans.
#[utoipa::path(
    get, path = "/telemetry/traces/{id}", operation_id = "getTrace",
    summary = "Get a trace",
    description = "Returns the spans of the trace as a tree, depth first, and its log records. Pass `at` if you know a time within the trace: the search then takes only a few reads. The search continues while it finds spans, and the response has the time range that was searched. `nextCursor` continues it, in both directions, until all stored telemetry has been searched.",
    params(("id" = String, Path, description = "Id of the trace.", example = "4bf92f3577b34da6a3ce929d0e0e4736"), TraceQuery),
    responses((status = 200, body = Trace), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = []), ("apiKey" = [])),
)]
pub(crate) async fn show(
    State(state): State<crate::State>,
    Reading {
        application,
        request: Query(query),
    }: Reading<Query<TraceQuery>>,
    Path(in_path): Path<String>,
) -> Result<axum::Json<Trace>, Error> {
    let in_query = query.trace_id.clone().filter(|id| !id.is_empty());
    let trace_id = in_query.unwrap_or(in_path);
    let archive = Archive::of(&application, &state);
    let begin = begin(&archive, &query)?;
    let mut search = TraceSearch::of(&state, &archive, &trace_id, begin);
    let start = query.cursor.as_ref().map(|cursor| cursor.0);
    if let Some(start) = start {
        search.searched = start.searched;
        search.extent = start.extents.map(|[sent, _]| sent);
    }
    let part = PartStart {
        searched: search.searched,
        extents: start.and_then(|start| start.extents),
        shown: start
            .and_then(|start| Some(start.rest?.1))
            .unwrap_or_default() as usize,
    };
    match start.and_then(|start| start.rest) {
        Some((until, _)) => {
            search.extend(until).await?;
        }
        None => search.run(start.is_some()).await?,
    }
    let is_limited = matches!(begin, Begin::Within(_)) && search.has_searched(begin);
    if search.extent.is_none() && (search.is_over() || is_limited) {
        return Err(Error::NotFound(Resource::Trace));
    }
    part.respond(search, &archive, trace_id.clone()).await
}

/// Returns where the search begins.
fn begin(archive: &Archive, query: &TraceQuery) -> Result<Begin, Error> {
    if let Some(at) = query.at {
        return Ok(Begin::At(at));
    }
    let window = archive.window(query.from, query.to)?;
    Ok(match (query.from, query.to) {
        (None, None) => Begin::Recent(window),
        _ => Begin::Within(window),
    })
}

/// What was searched, found and shown before this part.
struct PartStart {
    searched: Searched,
    extents: Option<[Extent; 2]>,
    /// Number of spans of the part that were shown.
    shown: usize,
}

impl PartStart {
    async fn respond(
        self,
        mut search: TraceSearch<'_>,
        archive: &Archive,
        trace_id: String,
    ) -> Result<axum::Json<Trace>, Error> {
        // The log records were in the response that began this part.
        let (logs, has_all_logs) = match self.shown {
            0 => {
                search
                    .logs(self.searched, self.extents.map(|[sent, _]| sent))
                    .await?
            }
            _ => (Vec::new(), true),
        };
        let tree = Tree::of(std::mem::take(&mut search.spans));
        let before = self.extents.map(|[_, corrected]| corrected);
        let corrected = tree.extent().map(|(from, to)| {
            let extent = Extent {
                from_ms: from.as_millisecond(),
                to_ms: to.as_millisecond(),
            };
            extent.and(before)
        });
        let corrected = corrected.or(before);
        let bounds = bounds(&tree, before);
        let origin = bounds.map_or(Timestamp::UNIX_EPOCH, |(from, _)| from);
        let mut spans = Rows::up_to(MAX_SPANS);
        let mut shown = self.shown.min(tree.spans.len());
        for span in tree.spans.iter().skip(shown) {
            if spans.room() == 0 {
                break;
            }
            spans.push(&SpanResponse::of(span, origin))?;
            shown += 1;
        }
        let (lines, has_room) = lines(logs, &spans)?;
        let has_all_spans = shown == tree.spans.len();
        let next = self.next(&search, corrected, (!has_all_spans).then_some(shown));
        let searched = search.window();
        Ok(axum::Json(Trace {
            trace_id,
            start_time: bounds.map(|(from, _)| from),
            duration_ms: bounds.map_or(0.0, |(from, to)| milliseconds(from, to)),
            span_count: tree.spans.len(),
            error_count: tree.errors(),
            services: services(&tree),
            is_truncated: !(has_all_spans && has_all_logs && has_room),
            spans: spans.in_order(),
            logs: lines,
            searched_from: searched.from,
            searched_to: searched.to,
            next_cursor: next.map(|position| Cursor::<cursor::Trace>(position).to_string()),
            gaps: archive.gaps(),
        }))
    }

    /// Returns where the next part begins. `shown` is the number of shown spans if there are
    /// others.
    fn next(
        &self,
        search: &TraceSearch<'_>,
        corrected: Option<Extent>,
        shown: Option<usize>,
    ) -> Option<TracePosition> {
        if let Some(shown) = shown {
            return Some(TracePosition {
                searched: self.searched,
                extents: self.extents,
                rest: Some((search.searched, u32::try_from(shown).unwrap_or(u32::MAX))),
            });
        }
        let extents = search.extent.zip(corrected);
        (!search.is_over()).then(|| TracePosition {
            searched: search.searched,
            extents: extents.map(|(sent, corrected)| [sent, corrected]),
            rest: None,
        })
    }
}

/// Returns the first start and last end of these spans and those of earlier parts.
fn bounds(tree: &Tree, before: Option<Extent>) -> Option<(Timestamp, Timestamp)> {
    let before = before.map(|before| {
        let from = clock::from_millis(before.from_ms);
        (from, clock::from_millis(before.to_ms))
    });
    let all = before.into_iter().chain(tree.extent());
    all.reduce(|(from, to), (start, end)| (from.min(start), to.max(end)))
}

fn services(tree: &Tree) -> Vec<String> {
    let services = tree.services().into_iter();
    services.take(MAX_SERVICES).map(str::to_owned).collect()
}

/// Returns the log records as JSON, and whether there was room for all.
fn lines(mut logs: Vec<LogRecord>, spans: &Rows) -> Result<(Vec<Box<RawValue>>, bool), Error> {
    logs.sort_by_key(|record| record.time_ns);
    let mut lines = Rows::up_to(MAX_LOGS).sharing_the_size_of(spans);
    for record in &logs {
        if lines.room() == 0 {
            return Ok((lines.in_order(), false));
        }
        lines.push(&LogRecordResponse::of(record))?;
    }
    Ok((lines.in_order(), true))
}
