//! `GET /telemetry/logs`: log records, newest first.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::access::{ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::cursor::Cursor;
use shared::reading::Reading;
use shared::store::telemetry::StoredSummary;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::codec::{self, Rows as ChunkRows};
use shared::telemetry::chunk::summary::Summary;
use shared::telemetry::chunk::{FormError, memory_of};
use shared::telemetry::event::{Event, Level, LogRecord};
use shared::telemetry::query::attributes::AttributeFilters;
use shared::telemetry::query::cursor::{self, RowKey};
use shared::telemetry::query::logs::{Levels, LogFilter};
use shared::telemetry::query::texts::{Name, Words};
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;
use shared::web::query::{Query, unless_empty};
use utoipa::{IntoParams, ToSchema};

use crate::archive::{Archive, Gap};
use crate::page::{PageLimit, Rows};
use crate::responses::LogRecordResponse;
use crate::search::{Listing, Next as Found, Search};

/// Cursor of the next page.
type Next = Cursor<cursor::Logs>;

/// Query of the log list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct LogsQuery {
    /// Application whose telemetry is read.
    application_id: ApplicationName,
    /// Beginning of the time range. Default: an hour before its end.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// End of the time range. Default: now.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    to: Option<Timestamp>,
    /// One or more levels, separated by commas.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline, example = "error,warn")]
    level: Option<Levels>,
    /// Lowest level, in the order `trace`, `debug`, `info`, `warn`, `error`, `fatal`. Excludes
    /// records with any other text as their level.
    #[param(inline, example = "warn")]
    min_level: Option<Level>,
    /// Trace that the records belong to.
    #[serde(default, deserialize_with = "unless_empty")]
    trace_id: Option<String>,
    /// Service that wrote the records.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline)]
    service: Option<Name>,
    /// Attribute of the records or of their resource, as `key:value`. May be given up to eight
    /// times; all must match. Values are texts, booleans and numbers. A colon or backslash within
    /// the key follows a backslash.
    #[serde(default)]
    #[param(inline, example = json!(["customer.id:42"]))]
    attr: AttributeFilters,
    /// Words that must all occur in message, type or service. Whole words of letters and digits,
    /// ignoring case.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline)]
    q: Option<Words>,
    /// Number of rows per page.
    #[serde(default)]
    #[param(inline)]
    limit: PageLimit,
    /// `nextCursor` of the previous page.
    #[param(inline)]
    cursor: Option<Next>,
}

impl OfApplication for LogsQuery {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// A page of log records.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Logs {
    /// The log records, newest first.
    #[schema(value_type = Vec<LogRecordResponse>)]
    logs: Vec<Box<RawValue>>,
    /// Cursor of the next page. Null on the last page.
    next_cursor: Option<String>,
    /// Time back to which the range has been searched: rows after it are on this page and those
    /// before. Null on the last page, when the whole range has been.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    searched_to: Option<Timestamp>,
    /// Time ranges with stored telemetry that this release cannot read.
    gaps: Vec<Gap>,
}

/// Returns a page of log records. Reads the chunks whose summaries may match. Ends the page early
/// if they are too many.
#[utoipa::path(
    get, path = "/telemetry/logs", operation_id = "listLogs",
    summary = "List log records",
    description = "Returns log records, newest first. A page may hold fewer rows than asked for and still have a `nextCursor`, because one request reads a limited number of chunks; `searchedTo` says how far it got. The order is that of the records' times, over all pages.",
    params(LogsQuery),
    responses((status = 200, body = Logs), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = []), ("apiKey" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    Reading {
        application,
        request: Query(query),
    }: Reading<Query<LogsQuery>>,
) -> Result<axum::Json<Logs>, Error> {
    let archive = Archive::of(&application, &state);
    let window = archive.window(query.from, query.to)?;
    let limit = query.limit.get().into();
    let range = archive.summaries_for_list(Signal::Logs, window);
    let list = RecordList {
        filter: query.filter(),
        window: range.window,
    };
    let start = query.cursor.as_ref().map(|cursor| &cursor.0);
    let mut search = Search::begin(&state.database, range, start, limit, &list).await?;
    let mut rows = Rows::up_to(limit);
    let mut last = RowKey::MAX;
    let next = loop {
        match search.next().await? {
            Found::Row(key, record) if rows.room() > 0 => {
                rows.push(&LogRecordResponse::of(&record))?;
                last = key;
            }
            Found::Row(..) => break search.position(last)?,
            Found::Stopped(before) => break search.position(before.min(last))?,
            Found::End => break None,
        }
    };
    Ok(axum::Json(Logs {
        logs: rows.in_order(),
        searched_to: next
            .as_ref()
            .map(|position| position.before.time().min(list.window.to)),
        next_cursor: next.map(|position| Cursor::<cursor::Logs>(position).to_string()),
        gaps: archive.gaps(),
    }))
}

/// The log records of a window that match a filter.
struct RecordList {
    filter: LogFilter,
    window: TimeWindow,
}

impl Listing for RecordList {
    type Decoded = Vec<LogRecord>;
    type Row = LogRecord;

    fn tried_per_row(&self) -> usize {
        if self.filter.is_open() { 1 } else { 16 }
    }

    fn held_rows(&self, limit: usize) -> usize {
        limit + 1
    }

    fn expected(&self, stored: &StoredSummary, summary: &Summary) -> Option<usize> {
        let may_match = self.filter.may_match(summary);
        may_match.then_some(stored.count as usize)
    }

    fn summarized(&self, _: &mut Summary) -> (Vec<LogRecord>, bool) {
        (Vec::new(), false)
    }

    fn decoded(&self, chunk: &[u8], most: usize) -> Result<Vec<LogRecord>, FormError> {
        codec::decode_within(chunk, ChunkRows::All, most)
    }

    fn memory(&self, record: &LogRecord) -> usize {
        memory_of(record)
    }

    fn rows(
        &self,
        stored: &StoredSummary,
        _: &Summary,
        records: Vec<LogRecord>,
    ) -> Vec<(RowKey, LogRecord)> {
        let chunk = stored.position;
        let numbered = records.into_iter().enumerate();
        numbered
            .map(|(index, record)| (RowKey::of_event(record.time_ns, chunk, index), record))
            .collect()
    }

    fn is_wanted(&self, record: &LogRecord) -> bool {
        self.window.contains(record.start()) && self.filter.matches(record)
    }

    fn is_better(&self, _: &LogRecord, _: &LogRecord) -> bool {
        false
    }
}

impl LogsQuery {
    fn filter(&self) -> LogFilter {
        LogFilter {
            levels: self.level.clone(),
            trace_id: self.trace_id.clone(),
            min_level: self.min_level,
            service: self.service.clone(),
            attributes: self.attr.clone(),
            words: self.q.clone(),
        }
    }
}
