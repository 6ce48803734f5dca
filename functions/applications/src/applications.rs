//! `/applications`: create, list, get, rename, delete.

use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access_token::Principal;
use shared::application::{Application, Name, Role};
use shared::clock;
use shared::dynamo::applications::Membership;
use shared::error::{Conflict, Error, Resource};
use shared::http::body::Json;
use shared::ids::{ApplicationId, Environment};
use shared::random;

/// How often a deletion that met a new key is tried again.
const MAX_ATTEMPTS: usize = 3;

/// An application as its members see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    id: ApplicationId,
    name: Name,
    environment: Environment,
    role: Role,
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
}

/// The answer of `GET /applications`.
#[derive(Serialize)]
pub(crate) struct Applications {
    applications: Vec<View>,
}

/// The body of `POST /applications`.
#[derive(Deserialize)]
pub(crate) struct Create {
    name: Name,
    #[serde(default)]
    environment: Environment,
}

/// The body of `PATCH /applications/{id}`.
#[derive(Deserialize)]
pub(crate) struct Rename {
    name: Name,
}

/// `POST /applications`.
pub(crate) async fn create(
    State(state): State<crate::State>,
    principal: Principal,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<View>), Error> {
    let application = Application {
        id: ApplicationId::generate(body.environment, &mut random::rng()),
        name: body.name,
        created_by: principal.user_id,
        created_at: state.clock.now(),
    };
    if !state.database.create_application(&application).await? {
        return Err(Error::Conflict(Conflict::ApplicationLimit));
    }
    Ok((
        StatusCode::CREATED,
        axum::Json(view(application, Role::Owner)),
    ))
}

/// `GET /applications`: the caller's, oldest first.
pub(crate) async fn list(
    State(state): State<crate::State>,
    principal: Principal,
) -> Result<axum::Json<Applications>, Error> {
    let memberships = state.database.applications_of(principal.user_id).await?;
    let applications = memberships.into_iter().map(View::from).collect();
    Ok(axum::Json(Applications { applications }))
}

/// `GET /applications/{id}`.
pub(crate) async fn show(
    State(state): State<crate::State>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<axum::Json<View>, Error> {
    membership(&state, &principal, &id)
        .await
        .map(|membership| axum::Json(membership.into()))
}

/// `PATCH /applications/{id}`.
pub(crate) async fn rename(
    State(state): State<crate::State>,
    principal: Principal,
    Path(id): Path<String>,
    Json(body): Json<Rename>,
) -> Result<axum::Json<View>, Error> {
    let parsed = id.parse().map_err(|_| UNKNOWN)?;
    let now = state.clock.now();
    let user_id = principal.user_id;
    if !state
        .database
        .rename_application(user_id, parsed, &body.name, now)
        .await?
    {
        return Err(UNKNOWN);
    }
    membership(&state, &principal, &id)
        .await
        .map(|membership| axum::Json(membership.into()))
}

/// `DELETE /applications/{id}`: revokes its keys too.
pub(crate) async fn delete(
    State(state): State<crate::State>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    for _ in 0..MAX_ATTEMPTS {
        let membership = membership(&state, &principal, &id).await?;
        let now = state.clock.now();
        if state
            .database
            .delete_application(principal.user_id, &membership, now)
            .await?
        {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(Error::Unavailable(
        "keys of the application keep changing".into(),
    ))
}

const UNKNOWN: Error = Error::NotFound(Resource::Application);

/// The caller's membership; an id that is none, an unknown and someone else's
/// application are all not found.
pub(crate) async fn membership(
    state: &crate::State,
    principal: &Principal,
    id: &str,
) -> Result<Membership, Error> {
    let id = id.parse().map_err(|_| UNKNOWN)?;
    state
        .database
        .application_of(principal.user_id, id)
        .await?
        .ok_or(UNKNOWN)
}

fn view(application: Application, role: Role) -> View {
    View {
        environment: application.id.environment(),
        id: application.id,
        name: application.name,
        role,
        created_at: application.created_at,
    }
}

impl From<Membership> for View {
    fn from(membership: Membership) -> Self {
        view(membership.application, membership.role)
    }
}
