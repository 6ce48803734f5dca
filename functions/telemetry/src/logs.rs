//! `GET /telemetry/logs`: log records, newest first.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::base::ids::ApplicationId;
use shared::store::telemetry::StoredHead;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::head::Summary;
use shared::telemetry::event::{Event, LogRecord};
use shared::telemetry::query::cursor::Cursor;
use shared::telemetry::query::logs::{LogFilter, select};
use shared::web::body::Query;
use shared::web::credentials::SignedIn;
use shared::web::error::Error;
use utoipa::{IntoParams, ToSchema};

use crate::access::Access;
use crate::page::{PageRequest, Rows};
use crate::search::Search;
use crate::view::LogView;

/// Records to open for each row that a filter lets through.
const TRIED_PER_ROW: usize = 16;

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
    /// One or several, with commas between.
    #[param(example = "error,warn")]
    level: Option<String>,
    trace_id: Option<String>,
    /// In message, type or service; in any case.
    q: Option<String>,
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Logs {
    #[schema(value_type = Vec<LogView>)]
    logs: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

/// A page of records. Walks heads, opens those that may hold what is asked for,
/// and ends early where that would be too many.
#[utoipa::path(
    get, path = "/telemetry/logs", operation_id = "listLogs",
    summary = "List log records",
    description = "Newest first.",
    params(Asked),
    responses((status = 200, body = Logs), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Logs>, Error> {
    let access = Access::check(&state, &principal, &asked.application_id).await?;
    let window = access.window(asked.from.as_deref(), asked.to.as_deref())?;
    let page = PageRequest::parse(asked.limit.as_deref(), asked.cursor.as_deref())?;
    let filter = asked.filter();
    let range = access.heads(Signal::Logs, window);
    let mut search = Search::along(state.database.walk(range, page.begin()));
    let mut rows = Rows::up_to(page.limit);
    let per_row = if filter.is_open() { 1 } else { TRIED_PER_ROW };
    loop {
        let may_hold = |head: &StoredHead, summary: &Summary| {
            filter.may_match(summary).then_some(head.count as usize)
        };
        let heads = search.next(rows.room() * per_row, may_hold).await?;
        if heads.is_empty() {
            return Ok(answer(rows, search.rest()));
        }
        let closed: Vec<&StoredHead> = heads.iter().map(|(head, _)| head).collect();
        let opened = state.database.open(access.application_id, &closed).await?;
        for (head, records) in closed.into_iter().zip(opened) {
            let chunk = head.position;
            let records: Vec<LogRecord> = select(records, range.window, &filter);
            for (skip, record) in records.iter().enumerate().skip(page.seen_of(chunk)) {
                if rows.room() == 0 {
                    return Ok(answer(rows, Some(Cursor { chunk, skip })));
                }
                rows.push(record.start(), &LogView::of(record))?;
            }
        }
    }
}

impl Asked {
    fn filter(&self) -> LogFilter {
        let levels = self.level.as_deref().unwrap_or_default();
        let levels = levels
            .split(',')
            .map(|level| level.trim().to_lowercase())
            .filter(|level| !level.is_empty());
        LogFilter {
            levels: levels.collect(),
            trace_id: self.trace_id.clone().filter(|id| !id.is_empty()),
            text: self.q.as_deref().map(str::to_lowercase),
        }
    }
}

fn answer(rows: Rows, next: Option<Cursor>) -> axum::Json<Logs> {
    axum::Json(Logs {
        logs: rows.newest_first(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    })
}
