//! `GET /telemetry/differences`: what failed or slow traces have in common that others do not. Reads
//! summaries and a few chunks.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{ApplicationName, OfApplication};
use shared::base::clock;
use shared::reading::Reading;
use shared::store::telemetry::{StoredSummary, SummaryRange};
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::codec::{self, Rows};
use shared::telemetry::event::{Event, Span, SpanKind};
use shared::telemetry::query::attributes::AttributeFilters;
use shared::telemetry::query::differences::{
    Chunks, Comparison, Difference, Differences, Field, Population, Selection,
};
use shared::telemetry::query::spans::SpanFilter;
use shared::telemetry::query::texts::Name;
use shared::web::error::Error;
use shared::web::query::{Query, unless_empty};
use utoipa::{IntoParams, ToSchema};

use crate::archive::{Archive, Gap};
use crate::sample::{LookedAt, MAX_BYTES, MAX_MEMORY, Room, SampleResponse, walk};
use crate::traces::zero_or_more;

/// Query of the differences.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct DifferencesQuery {
    /// Application whose telemetry is read.
    application_id: ApplicationName,
    /// Beginning of the time range. Default: an hour before its end.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// End of the time range. Default: now.
    #[serde(default, deserialize_with = "clock::deserialize_rfc3339_option")]
    to: Option<Timestamp>,
    /// Shortest duration of the selected traces, in milliseconds. Default: failed traces are
    /// selected, of any duration.
    #[serde(default, deserialize_with = "zero_or_more")]
    #[param(minimum = 0)]
    min_duration_ms: Option<f64>,
    /// Compares only traces with a span of this service.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline)]
    service: Option<Name>,
    /// Compares only traces with a span of this name, as shown.
    #[serde(default, deserialize_with = "unless_empty")]
    #[param(inline)]
    name: Option<Name>,
    /// Compares only traces with a span of this kind.
    #[param(inline)]
    kind: Option<SpanKind>,
    /// Compares only traces with a span that has this attribute, as in the list of traces.
    #[serde(default)]
    #[param(inline, example = json!(["customer.id:42"]))]
    attr: AttributeFilters,
}

impl OfApplication for DifferencesQuery {
    fn application(&self) -> ApplicationName {
        self.application_id
    }
}

/// What is more frequent in the selected traces than in the others.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Differences)]
pub(crate) struct DifferencesResponse {
    /// Number of failed or slow traces in the sample.
    selected: u64,
    /// Number of other traces in the sample.
    others: u64,
    /// Whether either is below ten, so that only large differences are found.
    is_small: bool,
    /// The values that distinguish the selected traces best, best first; at most 20. Only values
    /// that are probably more frequent in the selected traces are listed, given how many were
    /// compared.
    values: Vec<DifferenceResponse>,
    /// Whether the sample has more traces or values than were compared. Spans that were not
    /// compared do not count in `sample`.
    is_truncated: bool,
    /// The spans that were looked at.
    sample: SampleResponse,
    /// Time back to which the range has been searched. Null if the whole range has been.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    searched_to: Option<Timestamp>,
    /// Time ranges with stored telemetry that this release cannot read.
    gaps: Vec<Gap>,
}

/// A value that is more frequent in the selected traces.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Difference)]
struct DifferenceResponse {
    /// Filter parameter that finds the value: `service`, `name` or `attr`.
    field: FieldName,
    /// Name of the attribute. Null for `service` and `name`.
    key: Option<String>,
    /// The value, as the filter takes it.
    value: String,
    /// Service of the spans with the value, or null if they have none.
    service: Option<String>,
    /// Number of selected traces with the value.
    selected: u64,
    /// Number of selected traces with spans of the service; for `service`, of selected traces whose
    /// batches were all looked at.
    selected_of: u64,
    /// Number of other traces with the value.
    others: u64,
    /// Number of other traces with spans of the service; for `service`, of other traces whose
    /// batches were all looked at.
    others_of: u64,
}

/// Filter parameter of the list of traces: `service`, `name` or `attr`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DifferenceField)]
enum FieldName {
    Service,
    Name,
    Attr,
}

/// Returns the values that are more frequent in the failed or slow traces of a window than in the
/// others.
#[utoipa::path(
    get, path = "/telemetry/differences", operation_id = "getDifferences",
    summary = "Compare failed or slow traces with the others",
    description = "Returns the services, names and attributes of spans that are more frequent in the failed traces of the time range than in the others, or in those of at least `minDurationMs`. They come from the spans of at most 32 batches: some with such traces, others with spans of the same traces, and some of the rest; `sample` says how many spans these are. A trace is failed if any of its spans failed. It is slow by the duration of its root or, if that is not in the sample, of its longest span; without either it is not compared, because its root may be slow. Attributes that say that a span failed, such as status codes and `exception.message`, are left out for failed traces. With `service`, `name`, `kind` or `attr`, traces are compared if one of their spans meets all of them.",
    params(DifferencesQuery),
    responses((status = 200, body = DifferencesResponse), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)),
    security(("bearer" = []), ("apiKey" = [])),
)]
pub(crate) async fn show(
    State(state): State<crate::State>,
    Reading {
        application,
        request: Query(query),
    }: Reading<Query<DifferencesQuery>>,
) -> Result<axum::Json<DifferencesResponse>, Error> {
    let archive = Archive::of(&application, &state);
    let window = archive.window(query.from, query.to)?;
    let range = archive.summaries_for_list(Signal::Traces, window);
    let population = query.population(&range);
    let mut chunks = Chunks::new(&population);
    let mut candidates = Vec::new();
    let walked = walk(&state, range, |stored, summary| {
        chunks.add(stored.hour(), &summary);
        candidates.push(stored.without_summary());
    });
    let searched_to = walked.await?;
    let (differences, looked_at) =
        compare(&state, &range, &population, &chunks, &candidates).await?;
    Ok(axum::Json(DifferencesResponse {
        selected: differences.selected,
        others: differences.others,
        is_small: differences.is_small(),
        is_truncated: differences.is_truncated,
        values: differences.values.into_iter().map(Into::into).collect(),
        sample: looked_at.of(&candidates),
        searched_to,
        gaps: archive.gaps(),
    }))
}

/// Compares the traces of a sample of chunks.
async fn compare(
    state: &crate::State,
    range: &SummaryRange<'_>,
    population: &Population,
    chunks: &Chunks<'_>,
    candidates: &[StoredSummary],
) -> Result<(Differences, LookedAt), Error> {
    let mut room = Room::default();
    let chosen =
        chunks.chosen(|place, group| room.takes(&candidates[place], group.part_of(MAX_BYTES)));
    let stored: Vec<_> = chosen.iter().map(|place| &candidates[*place]).collect();
    let mut comparison = Comparison::new(population, chunks);
    let mut looked_at = LookedAt::default();
    let add = |place: usize, chunk: &[u8]| {
        if comparison.is_full() {
            return Ok(());
        }
        let spans = codec::decode_within::<Span>(chunk, Rows::All, MAX_MEMORY)?;
        for span in comparison.add(chosen[place], &spans) {
            looked_at.add(span.start());
        }
        Ok(())
    };
    state.database.open(range, &stored, add).await?;
    Ok((comparison.finish(), looked_at))
}

impl DifferencesQuery {
    fn population(&self, range: &SummaryRange<'_>) -> Population {
        Population {
            selection: self
                .min_duration_ms
                .map_or(Selection::Failed, Selection::Slow),
            filter: SpanFilter {
                service: self.service.clone(),
                name: self.name.clone(),
                kind: self.kind,
                attributes: self.attr.clone(),
            },
            window: range.window,
        }
    }
}

impl From<Difference> for DifferenceResponse {
    fn from(difference: Difference) -> Self {
        let (field, key) = match difference.field {
            Field::Service => (FieldName::Service, None),
            Field::Name => (FieldName::Name, None),
            Field::Attribute(key) => (FieldName::Attr, Some(key)),
        };
        Self {
            field,
            key,
            value: difference.value,
            service: difference.service,
            selected: difference.selected.count,
            selected_of: difference.selected.of,
            others: difference.others.count,
            others_of: difference.others.of,
        }
    }
}
