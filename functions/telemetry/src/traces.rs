//! `GET /telemetry/traces`: one row a trace, newest first.

mod neighbours;

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::base::clock;
use shared::base::ids::ApplicationId;
use shared::store::telemetry::StoredHead;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::head::{Entry, Summary, entries};
use shared::telemetry::event::{Span, SpanKind};
use shared::telemetry::query::cursor::Cursor;
use shared::telemetry::query::listing::{TraceFilter, newest_first};
use shared::telemetry::query::window::Window;
use shared::web::body::Query;
use shared::web::credentials::SignedIn;
use shared::web::error::Error;
use utoipa::{IntoParams, ToSchema};

use crate::access::{Access, invalid, parsed};
use crate::page::{PageRequest, Rows};
use crate::search::Search;

/// Traces to look at for each row that a filter lets through.
const TRIED_PER_ROW: usize = 8;

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
    /// `ok`, `error`, a class like `5xx`, or a status.
    #[param(example = "error")]
    status: Option<String>,
    #[param(value_type = Option<f64>, minimum = 0)]
    min_duration_ms: Option<String>,
    /// In name, service or trace id; in any case.
    q: Option<String>,
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Traces {
    #[schema(value_type = Vec<Row>)]
    traces: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TraceRow)]
struct Row<'a> {
    trace_id: &'a str,
    name: &'a str,
    service: Option<&'a str>,
    kind: Option<SpanKind>,
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    start_time: Timestamp,
    duration_ms: Option<f64>,
    status: Option<u16>,
    is_error: bool,
    span_count: usize,
    error_count: usize,
    has_root: bool,
}

/// An entry on its way into the list, and its place.
struct Candidate {
    chunk: Position,
    index: usize,
    entry: Entry,
}

/// A page of traces. Entries come from heads, and from blobs only where a head
/// had no room for them.
#[utoipa::path(
    get, path = "/telemetry/traces", operation_id = "listTraces",
    summary = "List traces",
    description = "A row a trace, newest first. A page may hold fewer rows than asked for and still have a `nextCursor`: one request searches only so far.",
    params(Asked),
    responses((status = 200, body = Traces), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Traces>, Error> {
    let access = Access::check(&state, &principal, &asked.application_id).await?;
    let window = access.window(asked.from.as_deref(), asked.to.as_deref())?;
    let page = PageRequest::parse(asked.limit.as_deref(), asked.cursor.as_deref())?;
    let filter = asked.filter()?;
    let range = access.heads(Signal::Traces, window);
    let mut search = Search::along(state.database.walk(range, page.begin()));
    let mut rows = Rows::up_to(page.limit);
    let per_row = if filter.is_open() { 1 } else { TRIED_PER_ROW };
    let mut left = Vec::new();
    loop {
        // One more than there is room for: the next page begins with it.
        while left.len() < rows.room().max(1) {
            let tried = (rows.room() - left.len().min(rows.room())) * per_row;
            let heads = search.next(tried, |h, s| expected(&filter, h, s)).await?;
            if heads.is_empty() {
                break;
            }
            let found = candidates(&state, &access, heads, &page).await?;
            left.extend(
                found
                    .into_iter()
                    .filter(|c| wanted(c, range.window, &filter)),
            );
        }
        match left.first() {
            None => return Ok(answer(rows, search.rest())),
            Some(next) if rows.room() == 0 => {
                let (chunk, skip) = (next.chunk, next.index);
                return Ok(answer(rows, Some(Cursor { chunk, skip })));
            }
            Some(_) => {
                let some = left.drain(..rows.room().min(left.len())).collect();
                neighbours::complete(&state, &access, some, &mut rows).await?;
            }
        }
    }
}

/// Traces in a blob, if any may be asked for.
fn expected(filter: &TraceFilter, head: &StoredHead, summary: &Summary) -> Option<usize> {
    let traces = summary.traces.as_ref().map(BTreeMap::len);
    let may_match = filter.may_match(summary);
    may_match.then(|| traces.unwrap_or(head.count as usize))
}

/// The entries of these heads that were not on the page before, heads and their
/// entries newest first.
async fn candidates(
    state: &crate::State,
    access: &Access,
    heads: Vec<(StoredHead, Summary)>,
    page: &PageRequest,
) -> Result<Vec<Candidate>, Error> {
    let is_closed = |(_, summary): &&(StoredHead, Summary)| summary.entries.is_none();
    let closed: Vec<_> = heads.iter().filter(is_closed).map(|(h, _)| h).collect();
    let opened: Vec<Vec<Span>> = state.database.open(access.application_id, &closed).await?;
    let mut opened = opened.into_iter();
    let mut candidates = Vec::new();
    for (head, summary) in heads {
        let found = summary
            .entries
            .unwrap_or_else(|| entries(&opened.next().unwrap_or_default()));
        let chunk = head.position;
        let rows = newest_first(found).into_iter().enumerate();
        candidates.extend(
            rows.skip(page.seen_of(chunk))
                .map(|(index, entry)| Candidate {
                    chunk,
                    index,
                    entry,
                }),
        );
    }
    Ok(candidates)
}

fn wanted(candidate: &Candidate, window: Window, filter: &TraceFilter) -> bool {
    window.contains(candidate.entry.start()) && filter.matches(&candidate.entry)
}

impl Asked {
    fn filter(&self) -> Result<TraceFilter, Error> {
        let status = self.status.as_deref().filter(|text| !text.is_empty());
        let least = self.min_duration_ms.as_deref();
        let min_duration_ms = least
            .map(|text| parsed::<f64>("minDurationMs", text))
            .transpose()?;
        if min_duration_ms.is_some_and(|least| !least.is_finite() || least < 0.0) {
            return Err(invalid("minDurationMs", "must be 0 or more"));
        }
        Ok(TraceFilter {
            status: status.map(|text| parsed("status", text)).transpose()?,
            min_duration_ms,
            text: self.q.as_deref().map(str::to_lowercase),
        })
    }
}

fn answer(rows: Rows, next: Option<Cursor>) -> axum::Json<Traces> {
    axum::Json(Traces {
        traces: rows.newest_first(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    })
}
