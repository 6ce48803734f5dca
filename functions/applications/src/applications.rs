//! `/applications`: creates, lists, returns, changes and deletes applications.

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{self, Access, ApplicationName, InPath};
use shared::base::clock;
use shared::base::cursor::{CreationPosition, Cursor, List, ListId, page_of};
use shared::base::ids::{ApplicationId, Environment};
use shared::base::random;
use shared::identity::access_token::{InvalidAccessToken, Principal};
use shared::identity::application::{
    Application, Name, RetentionDays, Scrubbing, Shards, TelemetrySettings,
};
use shared::identity::idempotency::RepeatableCreation;
use shared::identity::team::{Right, Role};
use shared::store::applications::{CreateOutcome, Membership, RenameOutcome};
use shared::store::applications_with_keys::{DeleteOutcome, SettingsOutcome};
use shared::web::body::Json;
use shared::web::credentials::SignedIn;
use shared::web::error::{Conflict, Error, Resource};
use shared::web::idempotency::{IdempotencyHeader, OptionalIdempotencyKey};
use shared::web::query::{Limit, Query};
use shared::web::request_log;
use utoipa::{IntoParams, ToSchema};

/// Maximum number of attempts of a change that conflicts with concurrent changes of keys.
const MAX_ATTEMPTS: usize = 3;

/// An application in responses.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Application)]
pub(crate) struct ApplicationResponse {
    id: ApplicationId,
    name: Name,
    environment: Environment,
    /// Role of the signed-in user.
    role: Role,
    /// When the application was created.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    /// Number of days that telemetry is kept.
    #[schema(minimum = 1, maximum = 90, example = 30)]
    retention_days: u64,
    shards: Shards,
    scrubbing: Scrubbing,
}

/// The applications of a user, oldest first.
pub(crate) struct ApplicationList;

impl List for ApplicationList {
    const ID: ListId = ListId::Applications;
    type Position = CreationPosition;
}

type Next = Cursor<ApplicationList>;

/// Query of `GET /applications`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApplicationsPage {
    /// Maximum number of applications on the page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit<100>,
    /// `nextCursor` of the previous page.
    #[param(inline)]
    cursor: Option<Next>,
}

/// Response of `GET /applications`. `nextCursor` is null on the last page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Applications {
    /// Applications of the user, oldest first.
    applications: Vec<ApplicationResponse>,
    /// Cursor of the next page, or null on the last.
    next_cursor: Option<String>,
}

/// Body of `POST /applications`.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewApplication)]
pub(crate) struct Create {
    name: Name,
    #[serde(default)]
    environment: Environment,
    retention_days: Option<RetentionDays>,
}

const NO_CHANGE: &str = "the body must have a name, retentionDays, shards or scrubbing";

/// Body of `PATCH /applications/{id}`. Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApplicationChange)]
pub(crate) struct Change {
    name: Option<Name>,
    retention_days: Option<RetentionDays>,
    shards: Option<Shards>,
    /// Whether secrets are removed. Takes effect for new telemetry within 10 seconds.
    scrubbing: Option<Scrubbing>,
}

/// Creates an application. One transaction.
#[utoipa::path(
    post, path = "/applications", operation_id = "createApplication",
    summary = "Create an application",
    description = "Creates an application that the signed-in user owns. A user may create 20 applications, unless the deployment sets another limit. Sent again with the same `Idempotency-Key`, it returns the same application.",
    params(IdempotencyHeader),
    request_body = Create,
    responses((status = 201, body = ApplicationResponse), (status = 400), (status = 401), (status = 404), (status = 409), (status = 413), (status = 415), (status = 422)),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    OptionalIdempotencyKey(key): OptionalIdempotencyKey,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<ApplicationResponse>), Error> {
    let creation = key.map(|key| RepeatableCreation::new(key, "application", &body));
    let creation = creation.transpose();
    let creation = creation.map_err(|error| Error::Internal(error.into()))?;
    let application = Application {
        id: ApplicationId::generate(body.environment, &mut random::rng()),
        name: body.name,
        created_by: principal.user_id,
        created_at: state.clock.now(),
        telemetry: TelemetrySettings {
            retention: body.retention_days,
            ..TelemetrySettings::default()
        },
    };
    request_log::record_application(application.id);
    let most = state.applications_per_user;
    match state
        .database
        .create_application(&application, principal, creation.as_ref(), most)
        .await?
    {
        CreateOutcome::Created => {
            let response = application_response(&state, application, Role::Owner);
            Ok((StatusCode::CREATED, axum::Json(response)))
        }
        CreateOutcome::CreatedBefore(id) => {
            request_log::record_application(id);
            let created = state.database.application_of(principal.user_id, id).await?;
            let created = created.ok_or(Error::NotFound(Resource::Application))?;
            let created = membership_response(&state, created);
            Ok((StatusCode::CREATED, axum::Json(created)))
        }
        CreateOutcome::KeyReused => Err(Error::IdempotencyKeyReused),
        CreateOutcome::LimitReached => Err(Error::Conflict(Conflict::ApplicationLimit)),
        CreateOutcome::UserGone => Err(InvalidAccessToken.into()),
    }
}

/// Lists the user's applications. One query, and batch reads of the applications.
#[utoipa::path(
    get, path = "/applications", operation_id = "listApplications",
    summary = "List applications",
    description = "Lists, in pages, the applications that the signed-in user is a member of, oldest first.",
    params(ApplicationsPage),
    responses((status = 200, body = Applications), (status = 400), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(asked): Query<ApplicationsPage>,
) -> Result<axum::Json<Applications>, Error> {
    let memberships = state.database.applications_of(principal.user_id).await?;
    let start = asked.cursor.map(|cursor| cursor.0);
    let limit = asked.limit.get().into();
    let (memberships, next) = page_of(memberships, start.as_ref(), limit, |membership| {
        CreationPosition {
            created_ms: membership.application.created_at.as_millisecond(),
            id: membership.application.id.to_string(),
        }
    });
    let responses = memberships
        .into_iter()
        .map(|m| membership_response(&state, m));
    let applications = responses.collect();
    Ok(axum::Json(Applications {
        applications,
        next_cursor: next.map(|position| Cursor::<ApplicationList>(position).to_string()),
    }))
}

/// Returns one application. One consistent read of two items.
#[utoipa::path(
    get, path = "/applications/{id}", operation_id = "getApplication",
    summary = "Get an application",
    description = "Returns an application that the signed-in user is a member of.",
    params(("id" = ApplicationId, Path, description = "Id of the application.")),
    responses((status = 200, body = ApplicationResponse), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn show(
    State(state): State<crate::State>,
    Access { membership, .. }: Access<InPath<()>>,
) -> Result<axum::Json<ApplicationResponse>, Error> {
    Ok(axum::Json(membership_response(&state, membership)))
}

/// Renames an application or changes its settings. A new name takes one transaction and one read,
/// new settings two reads and one transaction.
#[utoipa::path(
    patch, path = "/applications/{id}", operation_id = "changeApplication",
    summary = "Rename an application, or change its telemetry settings",
    description = "Omitted fields stay unchanged; at least one is required. Settings take effect for new telemetry within 10 seconds. Stored telemetry keeps its expiry, but a shorter retention hides older telemetry at once. Shards can only be raised.",
    params(("id" = ApplicationId, Path, description = "Id of the application.")),
    request_body = Change,
    responses((status = 200, body = ApplicationResponse), (status = 400), (status = 401), (status = 403), (status = 404), (status = 413), (status = 415)),
    security(("bearer" = [])), extensions(("x-role" = json!("member"))),
)]
pub(crate) async fn change(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    InPath(application, ()): InPath<()>,
    Json(body): Json<Change>,
) -> Result<axum::Json<ApplicationResponse>, Error> {
    let has_settings =
        body.retention_days.is_some() || body.shards.is_some() || body.scrubbing.is_some();
    let membership = match &body.name {
        _ if has_settings => change_settings(&state, &principal, application, &body).await?,
        Some(name) => rename(&state, &principal, application, name).await?,
        None => return Err(Error::Malformed(NO_CHANGE.to_owned())),
    };
    Ok(axum::Json(membership_response(&state, membership)))
}

/// Deletes an application and revokes its keys. Three reads and one transaction.
#[utoipa::path(
    delete, path = "/applications/{id}", operation_id = "deleteApplication",
    summary = "Delete an application",
    description = "Deletes the application with its members and invites, and revokes its keys. Its telemetry can no longer be read, and is deleted within a day.",
    params(("id" = ApplicationId, Path, description = "Id of the application.")),
    responses((status = 204, description = "The application is deleted."), (status = 401), (status = 403), (status = 404)),
    security(("bearer" = [])), extensions(("x-role" = json!("owner"))),
)]
pub(crate) async fn delete(
    State(state): State<crate::State>,
    Access {
        principal,
        mut membership,
        request: InPath(application, ()),
    }: Access<InPath<()>>,
) -> Result<StatusCode, Error> {
    let database = &state.database;
    for attempt in 0..MAX_ATTEMPTS {
        if attempt > 0 {
            membership = access::membership(database, &principal, application).await?;
        }
        access::require(&membership, Right::Manage)?;
        let now = state.clock.now();
        let deleted = database.delete_application(principal, &membership, now);
        match deleted.await? {
            DeleteOutcome::Deleted => return Ok(StatusCode::NO_CONTENT),
            DeleteOutcome::Overtaken => {}
        }
    }
    Err(keys_keep_changing())
}

/// Renames an application. Nothing is read first, because the transaction checks the membership.
async fn rename(
    state: &crate::State,
    principal: &Principal,
    application: ApplicationName,
    name: &Name,
) -> Result<Membership, Error> {
    let id = application.id()?;
    let now = state.clock.now();
    let renamed = state.database.rename_application(*principal, id, name, now);
    match renamed.await? {
        RenameOutcome::Renamed => access::membership(&state.database, principal, application).await,
        RenameOutcome::NotAMember => Err(Error::NotFound(Resource::Application)),
    }
}

/// Changes the telemetry settings, of which each key has a copy. Retries if keys change
/// concurrently.
async fn change_settings(
    state: &crate::State,
    principal: &Principal,
    application: ApplicationName,
    change: &Change,
) -> Result<Membership, Error> {
    for _ in 0..MAX_ATTEMPTS {
        let mut membership = access::membership(&state.database, principal, application).await?;
        access::require(&membership, Right::Change)?;
        let settings = membership
            .application
            .telemetry
            .changed(change.retention_days, change.shards, change.scrubbing)
            .map_err(|error| Error::invalid_field("/shards", error))?;
        let name = change.name.as_ref();
        if settings == membership.application.telemetry {
            return match name {
                Some(name) => rename(state, principal, application, name).await,
                None => Ok(membership),
            };
        }
        let now = state.clock.now();
        let changed =
            state
                .database
                .change_telemetry_settings(*principal, &membership, settings, name, now);
        if changed.await? == SettingsOutcome::Changed {
            let application = &mut membership.application;
            application.telemetry = settings;
            if let Some(name) = name {
                application.name = name.clone();
            }
            return Ok(membership);
        }
    }
    Err(keys_keep_changing())
}

fn keys_keep_changing() -> Error {
    Error::Unavailable("keys of the application keep changing".into())
}

fn membership_response(state: &crate::State, membership: Membership) -> ApplicationResponse {
    application_response(state, membership.application, membership.role)
}

pub(crate) fn application_response(
    state: &crate::State,
    application: Application,
    role: Role,
) -> ApplicationResponse {
    ApplicationResponse {
        environment: application.id.environment(),
        id: application.id,
        name: application.name,
        role,
        created_at: application.created_at,
        retention_days: application.telemetry.retention_days_or(state.retention),
        shards: application.telemetry.shards,
        scrubbing: application.telemetry.scrubbing.unwrap_or_default(),
    }
}
