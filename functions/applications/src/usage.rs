//! `GET /applications/{id}/usage`: what an application has sent, by day and signal, and what was read of it.

use axum::extract::State;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use shared::access::{Access, InPath};
use shared::base::ids::ApplicationId;
use shared::store::usage::MAX_DAYS;
use shared::telemetry::usage::{SignalUsage, Usage};
use shared::web::error::Error;
use shared::web::query::{Limit, Query};
use utoipa::{IntoParams, ToSchema};

/// Query of `GET /applications/{id}/usage`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageQuery {
    /// Number of days (UTC), up to and including today.
    #[serde(default)]
    #[param(inline)]
    days: Limit<{ MAX_DAYS as u16 }, 30>,
}

/// What an application has sent, and what was read of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Usage)]
pub(crate) struct UsageResponse {
    /// Write units that the application may take in a day (UTC). Beyond them, nothing is kept.
    units_per_day: u64,
    /// Read units that all queries about the application may take in a day (UTC). Above them, queries are refused.
    read_units_per_day: u64,
    /// The days, oldest first. Today is the last and not complete.
    days: Vec<DayResponse>,
}

/// What an application has sent in a day, and what was read of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UsageOfDay)]
struct DayResponse {
    /// The day (UTC).
    #[schema(value_type = String, format = Date, example = "2026-11-27")]
    date: String,
    traces: SignalResponse,
    logs: SignalResponse,
    reads: ReadsResponse,
    /// Number of batches that were refused because the quota of who created the application is used up, by all applications of that user.
    refused_for_creator: u64,
}

/// What an application has sent of one signal on a day.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageOfSignal)]
struct SignalResponse {
    /// Number of requests that were charged to the quota of the day, including refused ones.
    requests: u64,
    /// Number of events in these requests, accepted or not.
    events: u64,
    /// Write units charged for these requests.
    units: u64,
}

/// What was read of an application in a day.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageOfReading)]
struct ReadsResponse {
    /// Number of queries that were charged to the quota of the day.
    queries: u64,
    /// Read units that they were charged.
    units: u64,
}

/// Reads the usage of an application. The membership, and one read for all days.
#[utoipa::path(
    get, path = "/applications/{id}/usage", operation_id = "applicationUsage",
    summary = "Read the usage of an application",
    description = "Requests, events and write units by day (UTC) and signal, and queries with their read units, as the quotas of the day count them. Days without any have zeros. What instances have counted in the last five minutes may be missing. Kept for 35 days.",
    params(("id" = ApplicationId, Path, description = "Id of the application."), UsageQuery),
    responses((status = 200, body = UsageResponse), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn of_application(
    State(state): State<crate::State>,
    Access {
        membership,
        request: InPath(_, Query(query)),
        ..
    }: Access<InPath<Query<UsageQuery>>>,
) -> Result<axum::Json<UsageResponse>, Error> {
    let days = days(state.clock.now().to_zoned(TimeZone::UTC).date(), query);
    let application = membership.application.id;
    let used = state.database.usage(application, days.iter().copied());
    let used = used.await?;
    let days = days.into_iter().map(|date| {
        let Usage {
            traces,
            logs,
            reads,
            refused_for_creator,
        } = used.get(&date).copied().unwrap_or_default();
        DayResponse {
            date: date.to_string(),
            traces: traces.into(),
            logs: logs.into(),
            reads: ReadsResponse {
                queries: count(reads.queries),
                units: count(reads.units),
            },
            refused_for_creator: count(refused_for_creator),
        }
    });
    Ok(axum::Json(UsageResponse {
        units_per_day: state.units_per_day,
        read_units_per_day: state.read_units_per_day,
        days: days.collect(),
    }))
}

/// The days that end with `today`, oldest first.
fn days(today: Date, query: UsageQuery) -> Vec<Date> {
    let days = today.series(jiff::Span::new().days(-1));
    let mut days: Vec<Date> = days.take(query.days.get().into()).collect();
    days.reverse();
    days
}

impl From<SignalUsage> for SignalResponse {
    fn from(usage: SignalUsage) -> Self {
        Self {
            requests: count(usage.requests),
            events: count(usage.events),
            units: count(usage.units),
        }
    }
}

/// A correction may be written before what it corrects, so a count may be below zero for a while.
fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
