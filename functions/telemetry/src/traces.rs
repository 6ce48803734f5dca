//! `GET /telemetry/traces`: one row a trace, newest first.

mod neighbours;

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use shared::access::{Access, ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::cursor::Cursor;
use shared::store::telemetry::StoredHead;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::head::{Entry, Summary, entries};
use shared::telemetry::event::{Span, SpanKind};
use shared::telemetry::query::cursor::{self, RowPosition};
use shared::telemetry::query::listing::{StatusFilter, TraceFilter, newest_first};
use shared::telemetry::query::window::Window;
use shared::web::error::Error;
use shared::web::query::{Query, unless_empty};
use utoipa::{IntoParams, ToSchema};

use crate::archive::Archive;
use crate::page::{PageLimit, PageRequest, Rows};
use crate::search::Search;

/// Traces to look at for each row that a filter lets through.
const TRIED_PER_ROW: usize = 8;

/// Where the list goes on.
type Next = Cursor<cursor::Traces>;

/// The query.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Application whose telemetry is read.
    application_id: ApplicationName,
    /// Beginning of the time range. Default: an hour before its end.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// End of the time range. Default: now.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    to: Option<Timestamp>,
    /// `ok`, `error`, a class like `5xx`, or a status.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline, example = "error")]
    status: Option<StatusFilter>,
    #[serde(default, deserialize_with = "zero_or_more")]
    #[param(minimum = 0)]
    min_duration_ms: Option<f64>,
    /// In name, service or trace id; in any case.
    #[serde(default, deserialize_with = "unless_empty")]
    q: Option<String>,
    #[serde(default)]
    #[param(inline)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(inline)]
    cursor: Option<Next>,
}

impl OfApplication for Asked {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
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
    Access {
        membership,
        asked: Query(asked),
        ..
    }: Access<Query<Asked>>,
) -> Result<axum::Json<Traces>, Error> {
    let archive = Archive::of(&membership, &state);
    let window = archive.window(asked.from, asked.to)?;
    let page = PageRequest::of(asked.limit, asked.cursor.as_ref());
    let filter = asked.filter();
    let range = archive.heads(Signal::Traces, window);
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
            let found = candidates(&state, &archive, heads, &page).await?;
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
                return Ok(answer(rows, Some(RowPosition { chunk, skip })));
            }
            Some(_) => {
                let some = left.drain(..rows.room().min(left.len())).collect();
                neighbours::complete(&state, &archive, some, &mut rows).await?;
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
    archive: &Archive,
    heads: Vec<(StoredHead, Summary)>,
    page: &PageRequest,
) -> Result<Vec<Candidate>, Error> {
    let is_closed = |(_, summary): &&(StoredHead, Summary)| summary.entries.is_none();
    let closed: Vec<_> = heads.iter().filter(is_closed).map(|(h, _)| h).collect();
    let opened: Vec<Vec<Span>> = state.database.open(archive.application_id, &closed).await?;
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
    fn filter(&self) -> TraceFilter {
        TraceFilter {
            status: self.status,
            min_duration_ms: self.min_duration_ms,
            text: self.q.as_deref().map(str::to_lowercase),
        }
    }
}

fn zero_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() && number >= 0.0 {
        Ok(Some(number))
    } else {
        Err(D::Error::custom("must be 0 or more"))
    }
}

fn answer(rows: Rows, next: Option<RowPosition>) -> axum::Json<Traces> {
    axum::Json(Traces {
        traces: rows.newest_first(),
        next_cursor: next.map(|row| Cursor::<cursor::Traces>(row).to_string()),
    })
}
