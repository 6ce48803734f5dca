//! `DELETE /telemetry/traces/{traceId}` and `DELETE /telemetry`: deletes a trace, or the telemetry of a
//! time range, for an owner. A request does a bounded part of it and returns a cursor.

mod walk;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{Access, ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::cursor::Cursor;
use shared::identity::audit::{Actor, AuditAction, AuditEntry, DeletedTelemetry};
use shared::identity::team::Right;
use shared::telemetry::batch::Signal;
use shared::telemetry::deletion::Selection;
use shared::telemetry::query::cursor;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;
use shared::web::path::Path;
use shared::web::query::Query;
use utoipa::{IntoParams, ToSchema};

use self::walk::DeletionWalk;
use crate::archive::{Gap, invalid};

/// Cursor of the next part.
type NextPart = Cursor<cursor::Deletion>;

/// Which trace to delete.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct TraceDeletion {
    /// Application whose telemetry is deleted.
    application_id: ApplicationName,
    /// Id of the trace, instead of the one in the path. For ids with characters other than letters,
    /// digits, `_`, `.`, `~` and `-`, some of which API Gateway changes in a path.
    #[param(example = "checkout/42")]
    trace_id: Option<String>,
    /// `nextCursor` of the previous response. The other parameters stay the same.
    #[param(inline)]
    cursor: Option<NextPart>,
}

/// Which telemetry to delete.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct RangeDeletion {
    /// Application whose telemetry is deleted.
    application_id: ApplicationName,
    /// Beginning of the time range, included.
    #[serde(deserialize_with = "clock::deserialize_rfc3339")]
    from: Timestamp,
    /// End of the time range, excluded.
    #[serde(deserialize_with = "clock::deserialize_rfc3339")]
    to: Timestamp,
    /// Signal to delete. Default: both.
    #[param(inline)]
    signal: Option<Signal>,
    /// `nextCursor` of the previous response. The other parameters stay the same.
    #[param(inline)]
    cursor: Option<NextPart>,
}

impl OfApplication for TraceDeletion {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

impl OfApplication for RangeDeletion {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// What a request has deleted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deletion)]
pub(crate) struct DeletionResponse {
    /// Number of spans and log records that the request deleted.
    deleted_events: usize,
    /// Pass as `cursor` to continue. Null if the deletion is complete.
    next_cursor: Option<String>,
    /// Time ranges with stored telemetry that this release cannot read, and that was not deleted.
    gaps: Vec<Gap>,
}

/// Deletes a part of a trace: its spans, then its log records, the newest first.
#[utoipa::path(
    delete, path = "/telemetry/traces/{id}", operation_id = "deleteTrace",
    summary = "Delete a trace",
    description = "Deletes the spans and the log records of the trace, wherever they are stored. A request does a part of it: repeat it with `cursor` until `nextCursor` is null. Of all requests together, each event is deleted once. Sent again, the deleted telemetry is not stored again.",
    params(("id" = String, Path, description = "Id of the trace.", example = "4bf92f3577b34da6a3ce929d0e0e4736"), TraceDeletion),
    responses((status = 200, body = DeletionResponse), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = [])), extensions(("x-role" = json!("owner"))),
)]
pub(crate) async fn trace(
    State(state): State<crate::State>,
    access: Access<Query<TraceDeletion>>,
    Path(in_path): Path<String>,
) -> Result<axum::Json<DeletionResponse>, Error> {
    let Query(query) = &access.request;
    let in_query = query.trace_id.clone().filter(|id| !id.is_empty());
    let trace_id = in_query.unwrap_or(in_path);
    let audited = DeletedTelemetry {
        trace_id: Some(trace_id.clone()),
        from: None,
        to: None,
        signal: None,
        events: 0,
    };
    let request = Request {
        selection: Selection::OfTrace(trace_id),
        signals: &Signal::ALL,
        cursor: query.cursor.as_ref(),
    };
    request.delete(&state, &access, audited).await
}

/// Deletes a part of the telemetry of a time range: spans, then log records, the newest first.
#[utoipa::path(
    delete, path = "/telemetry", operation_id = "deleteTelemetry",
    summary = "Delete the telemetry of a time range",
    description = "Deletes the spans and log records that started in the time range. A request does a part of it: repeat it with `cursor` until `nextCursor` is null. Of all requests together, each event is deleted once. Sent again, the deleted telemetry is not stored again.",
    params(RangeDeletion),
    responses((status = 200, body = DeletionResponse), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = [])), extensions(("x-role" = json!("owner"))),
)]
pub(crate) async fn range(
    State(state): State<crate::State>,
    access: Access<Query<RangeDeletion>>,
) -> Result<axum::Json<DeletionResponse>, Error> {
    let Query(query) = &access.request;
    let (from, to) = (query.from, query.to);
    if from >= to {
        return Err(invalid("from", "must be before `to`"));
    }
    let audited = DeletedTelemetry {
        trace_id: None,
        from: Some(from),
        to: Some(to),
        signal: query.signal.map(|signal| signal.as_str().to_owned()),
        events: 0,
    };
    let request = Request {
        selection: Selection::Within(TimeWindow { from, to }),
        signals: match query.signal {
            None => &Signal::ALL,
            Some(Signal::Traces) => &Signal::ALL[..1],
            Some(Signal::Logs) => &Signal::ALL[1..],
        },
        cursor: query.cursor.as_ref(),
    };
    request.delete(&state, &access, audited).await
}

struct Request<'a> {
    selection: Selection,
    signals: &'static [Signal],
    cursor: Option<&'a NextPart>,
}

impl Request<'_> {
    async fn delete<Q>(
        self,
        state: &crate::State,
        access: &Access<Q>,
        audited: DeletedTelemetry,
    ) -> Result<axum::Json<DeletionResponse>, Error> {
        access.require(Right::Manage)?;
        let by = Actor::User(access.principal.user_id);
        let action = AuditAction::TelemetryDeleted;
        let id = access.membership.application.id;
        let entry = AuditEntry::of_application(id, by, action, state.clock.now());
        let entry = entry.deleting(audited);
        let mut walk = DeletionWalk::of(state, access, &self.selection, &entry);
        let start = self.cursor.map(|cursor| cursor.0);
        let next = walk.run(self.signals, start).await?;
        Ok(axum::Json(DeletionResponse {
            deleted_events: walk.deleted,
            next_cursor: next.map(|next| NextPart::to_string(&Cursor(next))),
            gaps: walk.archive.gaps(),
        }))
    }
}
