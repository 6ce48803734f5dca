//! `GET /telemetry/fields`: what telemetry can be filtered by. Reads summaries and a few chunks.

mod sample;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{ApplicationName, OfApplication};
use shared::base::clock;
use shared::reading::Reading;
use shared::store::telemetry::{StoredSummary, SummaryRange};
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::summary::Summary;
use shared::telemetry::query::fields::{AttributeField, FieldCounts};
use shared::telemetry::query::logs::LogFilter;
use shared::telemetry::query::spans::SpanFilter;
use shared::telemetry::query::texts::Name;
use shared::web::error::Error;
use shared::web::query::{Query, unless_empty};
use utoipa::{IntoParams, ToSchema};

use self::sample::Sample;
use crate::archive::{Archive, Gap};
use crate::sample::SampleResponse;

/// Query of the fields.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct FieldsQuery {
    /// Application whose telemetry is read.
    application_id: ApplicationName,
    /// Beginning of the time range. Default: an hour before its end.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// End of the time range. Default: now.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    to: Option<Timestamp>,
    /// Signal of the events. Default: traces.
    #[param(inline)]
    signal: Option<Signal>,
    /// Returns only operations and attributes of this service. `services` of spans still lists all
    /// services; `services` of log records lists those of batches with a record of this service.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline)]
    service: Option<Name>,
}

impl OfApplication for FieldsQuery {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// What telemetry can be filtered by.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fields {
    /// Services, the most frequent first; at most 100.
    services: Vec<String>,
    /// Names of spans as `name` takes them, the most frequent first; at most 100. Empty for logs.
    operations: Vec<String>,
    /// Attributes of events and their resources, the most frequent first; at most 100.
    attributes: Vec<AttributeResponse>,
    /// Whether there are more services, operations or attributes. Names above 128 bytes are left out.
    is_truncated: bool,
    /// The events whose attributes were counted and, for log records, whose services were.
    sample: SampleResponse,
    /// Time back to which the range has been searched. Null if the whole range has been.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    searched_to: Option<Timestamp>,
    /// Time ranges with stored telemetry that this release cannot read.
    gaps: Vec<Gap>,
}

/// An attribute and its most frequent values.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AttributeField)]
struct AttributeResponse {
    /// Name of the attribute.
    name: String,
    /// Number of events of the sample that have it.
    count: u64,
    /// Values as `attr` takes them, the most frequent first; at most ten.
    values: Vec<ValueResponse>,
    /// Whether there are more values: others, values above 128 bytes, lists or objects.
    has_more_values: bool,
}

/// A value of an attribute.
#[derive(Serialize, ToSchema)]
#[schema(as = AttributeValue)]
struct ValueResponse {
    /// The value as text.
    value: String,
    /// Number of events of the sample that have it.
    count: u64,
}

/// Returns services, operations and attributes of a window, the most frequent first.
#[utoipa::path(
    get, path = "/telemetry/fields", operation_id = "listFields",
    summary = "List what telemetry can be filtered by",
    description = "Returns services, operations, and attributes with their most frequent values. Services and operations of spans come from the summaries of all batches of the range, everything else from the events of at most 32 batches spread over it; `sample` says how many events these are. `searchedTo` says how far the summaries were read.",
    params(FieldsQuery),
    responses((status = 200, body = Fields), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = []), ("apiKey" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    Reading {
        application,
        request: Query(query),
    }: Reading<Query<FieldsQuery>>,
) -> Result<axum::Json<Fields>, Error> {
    let archive = Archive::of(&application, &state);
    let window = archive.window(query.from, query.to)?;
    let signal = query.signal.unwrap_or(Signal::Traces);
    let range = archive.summaries_for_list(signal, window);
    let mut counts = FieldCounts::default();
    let walked = walk(&state, range, &query, &mut counts).await?;
    let chunks = sample::spread(&walked.candidates);
    let mut sample = Sample::new(range.window, query.service.as_ref(), counts);
    let add = |_, chunk: &[u8]| sample.add(chunk, signal);
    state.database.open(&range, &chunks, add).await?;
    Ok(axum::Json(Fields::of(walked, sample, archive.gaps())))
}

impl FieldsQuery {
    /// Returns whether the chunk of a summary may have events of the service.
    fn may_match(&self, summary: &Summary) -> bool {
        let service = self.service.clone();
        match self.signal.unwrap_or(Signal::Traces) {
            Signal::Traces => SpanFilter {
                service,
                ..SpanFilter::default()
            }
            .may_match(summary),
            Signal::Logs => LogFilter {
                service,
                ..LogFilter::default()
            }
            .may_match(summary),
        }
    }
}

/// Result of reading the chunk summaries of a window.
struct Walked {
    /// Summaries of chunks that may have events of the service, newest first.
    candidates: Vec<StoredSummary>,
    /// Start of the part that was read, if it is not the whole window.
    searched_to: Option<Timestamp>,
}

/// Reads the newest summaries of a range, and counts the services and operations that they name.
async fn walk(
    state: &crate::State,
    range: SummaryRange<'_>,
    query: &FieldsQuery,
    counts: &mut FieldCounts,
) -> Result<Walked, Error> {
    let mut candidates = Vec::new();
    let walked = crate::sample::walk(state, range, |stored, summary| {
        counts.add_summary(&summary, query.service.as_ref());
        if query.may_match(&summary) {
            candidates.push(stored.without_summary());
        }
    });
    let searched_to = walked.await?;
    Ok(Walked {
        candidates,
        searched_to,
    })
}

impl Fields {
    fn of(walked: Walked, sample: Sample<'_>, gaps: Vec<Gap>) -> Self {
        let looked_at = sample.looked_at.of(&walked.candidates);
        let fields = sample.counts.finish();
        Self {
            services: fields.services,
            operations: fields.operations,
            attributes: fields.attributes.into_iter().map(Into::into).collect(),
            is_truncated: fields.is_truncated,
            sample: looked_at,
            searched_to: walked.searched_to,
            gaps,
        }
    }
}

impl From<AttributeField> for AttributeResponse {
    fn from(field: AttributeField) -> Self {
        let values = field.values.into_iter();
        Self {
            name: field.name,
            count: field.count,
            values: values
                .map(|(value, count)| ValueResponse { value, count })
                .collect(),
            has_more_values: field.has_more_values,
        }
    }
}
