//! `GET /telemetry/traces`: one row per trace, newest first.

mod adjacent_chunks;
mod page;

use std::collections::BTreeMap;
use std::mem;

use axum::extract::State;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use shared::access::{ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::cursor::Cursor;
use shared::reading::Reading;
use shared::store::telemetry::StoredSummary;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::FormError;
use shared::telemetry::chunk::codec::{self, Rows as ChunkRows};
use shared::telemetry::chunk::summary::{Entry, Summary, fingerprint, newest_first};
use shared::telemetry::event::{Span, SpanKind};
use shared::telemetry::query::attributes::AttributeFilters;
use shared::telemetry::query::cursor::{self, RowKey};
use shared::telemetry::query::listing::{Listed, StatusFilter, TraceFilter, matching};
use shared::telemetry::query::spans::SpanFilter;
use shared::telemetry::query::texts::Name;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;
use shared::web::query::{Query, unless_empty};
use utoipa::{IntoParams, ToSchema};

use self::adjacent_chunks::{Candidate, Counts};
use self::page::TracePage;
use crate::archive::{Archive, Gap};
use crate::page::PageLimit;
use crate::search::{Listing, Search};

/// Largest number of rows that are kept in memory.
const MAX_HELD: usize = 4_000;

/// Cursor of the next page.
type NextPage = Cursor<cursor::Traces>;

/// Query of the trace list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct TracesQuery {
    /// Application whose telemetry is read.
    application_id: ApplicationName,
    /// Beginning of the time range. Default: an hour before its end.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// End of the time range. Default: now.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    to: Option<Timestamp>,
    /// `ok` (no span failed), `error` (any span failed), a class of HTTP statuses such as `5xx`, or
    /// a status such as `404`.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline, example = "error")]
    status: Option<StatusFilter>,
    /// Shortest duration shown in a row, in milliseconds.
    #[serde(default, deserialize_with = "zero_or_more")]
    #[param(minimum = 0)]
    min_duration_ms: Option<f64>,
    /// Longest duration shown in a row, in milliseconds.
    #[serde(default, deserialize_with = "zero_or_more")]
    #[param(minimum = 0)]
    max_duration_ms: Option<f64>,
    /// Service of a span.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline)]
    service: Option<Name>,
    /// Name of a span, as shown: method and URL if it has no name of its own.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline)]
    name: Option<Name>,
    /// Kind of a span.
    #[param(inline)]
    kind: Option<SpanKind>,
    /// Attribute of a span or of its resource, as `key:value`. May be given up to eight times; all
    /// must match. Values are texts, booleans and numbers. A colon or backslash within the key
    /// follows a backslash.
    #[serde(default)]
    #[param(inline, example = json!(["customer.id:42"]))]
    attr: AttributeFilters,
    /// Text to find in name, service or trace id, ignoring case.
    #[serde(default, deserialize_with = "unless_empty")]
    q: Option<String>,
    /// Number of rows per page.
    #[serde(default)]
    #[param(inline)]
    limit: PageLimit,
    /// `nextCursor` of the previous page.
    #[param(inline)]
    cursor: Option<NextPage>,
}

impl OfApplication for TracesQuery {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// A page of traces.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Traces {
    /// The rows, newest first.
    #[schema(value_type = Vec<Row>)]
    traces: Vec<Box<RawValue>>,
    /// Cursor of the next page. Null on the last page.
    next_cursor: Option<String>,
    /// Time back to which the range has been searched: rows after it are on this page and those
    /// before. Null on the last page, when the whole range has been.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    searched_to: Option<Timestamp>,
    /// Time ranges with stored telemetry that this release cannot read.
    gaps: Vec<Gap>,
}

/// A trace in the list of traces.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TraceRow)]
struct Row<'a> {
    /// Id of the trace.
    trace_id: &'a str,
    /// Name of the root span, or of the earliest span if the root is missing. Cut to 1,024 bytes.
    name: &'a str,
    /// Service of that span, if known. Cut to 1,024 bytes.
    service: Option<&'a str>,
    /// Role of that span. Null if it was sent without one.
    kind: Option<SpanKind>,
    /// When that span started.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    start_time: Timestamp,
    /// Duration of that span in milliseconds. Null if it was sent without one.
    duration_ms: Option<f64>,
    /// HTTP status of that span, if any.
    status: Option<u16>,
    /// Whether any span of the trace failed.
    is_error: bool,
    /// Number of spans found near that span.
    span_count: usize,
    /// Number of failed spans among them.
    error_count: usize,
    /// Whether the root span was found.
    has_root: bool,
}

/// Returns a page of traces. Rows come from chunk summaries, or from the chunk itself if its
/// summary omits them.
#[utoipa::path(
    get, path = "/telemetry/traces", operation_id = "listTraces",
    summary = "List traces",
    description = "Returns one row per trace, newest first. A page may hold fewer rows than asked for and still have a `nextCursor`, because one request reads a limited number of chunks; `searchedTo` says how far it got. With `service`, `name`, `kind` or `attr`, a trace matches if one of its spans meets all of them and started in the time range; it is then listed at the first such span. The other filters apply to the row.",
    params(TracesQuery),
    responses((status = 200, body = Traces), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = []), ("apiKey" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    Reading {
        application,
        request: Query(query),
    }: Reading<Query<TracesQuery>>,
) -> Result<axum::Json<Traces>, Error> {
    let archive = Archive::of(&application, &state);
    let window = archive.window(query.from, query.to)?;
    let limit = query.limit.get().into();
    let range = archive.summaries_for_list(Signal::Traces, window);
    let list = TraceList {
        filter: query.filter(),
        window: range.window,
    };
    let start = query.cursor.as_ref().map(|cursor| &cursor.0);
    let mut search = Search::begin(&state.database, range, start, limit, &list).await?;
    let mut page = TracePage::of(&state, &archive, &list, limit);
    let next = page.fill(&mut search).await?;
    Ok(axum::Json(Traces {
        traces: page.rows(),
        searched_to: next
            .as_ref()
            .map(|position| position.before.time().min(list.window.to)),
        next_cursor: next.map(|position| Cursor::<cursor::Traces>(position).to_string()),
        gaps: archive.gaps(),
    }))
}

/// The rows of a window that match a filter.
struct TraceList {
    filter: TraceFilter,
    window: TimeWindow,
}

impl Listing for TraceList {
    type Decoded = Vec<Listed>;
    type Row = Candidate;

    fn tried_per_row(&self) -> usize {
        if !self.filter.has_conditions_on_rows() {
            // Rows are shown, except those of traces that another chunk lists.
            return if self.filter.spans.is_open() { 1 } else { 2 };
        }
        8
    }

    fn held_rows(&self, _: usize) -> usize {
        MAX_HELD
    }

    fn expected(&self, stored: &StoredSummary, summary: &Summary) -> Option<usize> {
        let traces = summary.traces.as_ref().map(BTreeMap::len);
        let may_match = self.filter.may_match(summary);
        may_match.then(|| traces.unwrap_or(stored.count as usize))
    }

    fn summarized(&self, summary: &mut Summary) -> (Vec<Listed>, bool) {
        if !self.filter.spans.is_open() {
            return (Vec::new(), false);
        }
        let rows = mem::take(&mut summary.rows).into_iter();
        (rows.map(Listed::from).collect(), summary.rows_are_complete)
    }

    fn memory(&self, candidate: &Candidate) -> usize {
        candidate.entry.memory()
    }

    fn decoded(&self, chunk: &[u8], most: usize) -> Result<Vec<Listed>, FormError> {
        if self.filter.spans.is_open() {
            let rows = codec::decode_entries(chunk, most).map(newest_first)?;
            return Ok(rows.into_iter().map(Listed::from).collect());
        }
        let spans: Vec<Span> = codec::decode_within(chunk, ChunkRows::All, most)?;
        Ok(matching(&spans, &self.filter.spans, self.window))
    }

    fn rows(
        &self,
        stored: &StoredSummary,
        summary: &Summary,
        listed: Vec<Listed>,
    ) -> Vec<(RowKey, Candidate)> {
        let traces = summary.traces.as_ref();
        let candidates = listed
            .into_iter()
            .map(|Listed { entry, place_ms }| Candidate {
                own: traces.and_then(|traces| *traces.get(&fingerprint(&entry.trace_id))?),
                chunk: stored.position,
                place_ms,
                entry,
            });
        candidates
            .map(|candidate| (candidate.key(), candidate))
            .collect()
    }

    /// With conditions on spans, the row to show may be in another chunk, so it is judged later.
    fn is_wanted(&self, candidate: &Candidate) -> bool {
        !self.filter.spans.is_open() || self.shows(&candidate.entry)
    }

    /// Prefers a root span, and then the finished version of a span.
    fn is_better(&self, candidate: &Candidate, other: &Candidate) -> bool {
        let rank = |entry: &Entry| (entry.is_root, entry.duration_ms.is_some());
        rank(&candidate.entry) > rank(&other.entry)
    }
}

impl TraceList {
    /// Returns whether a row is in the window and meets the conditions on rows.
    fn shows(&self, entry: &Entry) -> bool {
        self.window.contains(entry.start()) && self.filter.matches(entry)
    }
}

impl<'a> Row<'a> {
    fn of(entry: &'a Entry, Counts { spans, errors }: Counts) -> Self {
        Self {
            trace_id: &entry.trace_id,
            name: &entry.name,
            service: entry.service.as_deref(),
            kind: entry.kind,
            start_time: entry.start(),
            duration_ms: entry.duration_ms,
            status: entry.status,
            is_error: entry.is_error || errors > 0,
            span_count: spans,
            error_count: errors,
            has_root: entry.is_root,
        }
    }
}

impl TracesQuery {
    fn filter(&self) -> TraceFilter {
        TraceFilter {
            status: self.status,
            min_duration_ms: self.min_duration_ms,
            max_duration_ms: self.max_duration_ms,
            spans: SpanFilter {
                service: self.service.clone(),
                name: self.name.clone(),
                kind: self.kind,
                attributes: self.attr.clone(),
            },
            text: self.q.as_deref().map(str::to_lowercase),
        }
    }
}

/// Reads a number of 0 or more.
///
/// # Errors
/// When it is not such a number.
pub(crate) fn zero_or_more<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() && number >= 0.0 {
        Ok(Some(number))
    } else {
        Err(D::Error::custom("must be 0 or more"))
    }
}
