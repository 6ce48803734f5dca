//! `POST /apikey?ApplicationId={id}`: creates a key. Only this response contains it.

use std::collections::BTreeSet;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::ids::{ApplicationId, KeyId, PublicKeyId};
use shared::base::random;
use shared::identity::access_token::Principal;
use shared::identity::api_key::{ApiKey, KeyRecord, KeyState, Scope};
use shared::identity::application::Name;
use shared::identity::idempotency::RepeatableCreation;
use shared::store::api_keys::MintOutcome;
use shared::web::body::OptionalJson;
use shared::web::credentials::SignedIn;
use shared::web::error::{Conflict, Error, Resource};
use shared::web::idempotency::{IdempotencyHeader, OptionalIdempotencyKey};
use shared::web::query::Query;
use shared::web::request_log;
use utoipa::{IntoParams, ToSchema};

/// Query of `POST /apikey`.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// Application that the key belongs to.
    #[serde(rename = "ApplicationId")]
    application: ApplicationName,
}

impl OfApplication for KeysQuery {
    fn application(&self) -> ApplicationName {
        self.application
    }
}

/// Body of `POST /apikey`. All fields, and the body itself, are optional.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewKey)]
pub(crate) struct Mint {
    name: Option<Name>,
    /// Time from which the key is rejected. Must be in the future. Default: none.
    #[serde(
        default,
        deserialize_with = "clock::deserialize_rfc3339_option",
        serialize_with = "clock::serialize_rfc3339_option"
    )]
    #[schema(example = "2027-01-31T12:00:00Z")]
    expires_at: Option<Timestamp>,
    /// Permissions of the key. Default: to send spans and log records. Repeated ones count once.
    #[schema(value_type = Option<Vec<Scope>>, min_items = 1)]
    scopes: Option<BTreeSet<Scope>>,
}

/// Creates a key. One transaction. Returns the key as a JSON string.
#[utoipa::path(
    post, path = "/apikey", operation_id = "mintKey",
    summary = "Create an API key",
    description = "Returns the key as a JSON string. It cannot be read again. All fields and the body itself are optional; a key may send spans and log records unless the body lists other scopes. Sent again with the same `Idempotency-Key`, it revokes the first key and returns a new one.",
    params(KeysQuery, IdempotencyHeader),
    request_body(content = Option<Mint>),
    responses((status = 200, body = String, content_type = "application/json", description = "The key.", example = json!("upblit_live_L6H9O5sHpHYx0yNPyZ8TkqXo2RdVqzvJ5l0cWmYy1bGhN3aPsE4aBcDeF")), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 413), (status = 415), (status = 422)),
    security(("bearer" = [])), extensions(("x-role" = json!("member"))),
)]
pub(crate) async fn mint(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(query): Query<KeysQuery>,
    OptionalIdempotencyKey(key): OptionalIdempotencyKey,
    OptionalJson(body): OptionalJson<Mint>,
) -> Result<axum::Json<String>, Error> {
    let application_id = query.application.id()?;
    let now = state.clock.now();
    let creation = key.map(|key| RepeatableCreation::new(key, "key", &(application_id, &body)));
    let creation = creation.transpose();
    let creation = creation.map_err(|error| Error::Internal(error.into()))?;
    let (key, record) = new_key(application_id, body, &principal, now)?;
    match state
        .database
        .mint_key(&record, principal, creation.as_ref(), now)
        .await?
    {
        MintOutcome::Minted => {
            request_log::record_key(record.id);
            Ok(axum::Json(key.expose().to_owned()))
        }
        MintOutcome::NotAMember => Err(Error::NotFound(Resource::Application)),
        MintOutcome::KeyReused => Err(Error::IdempotencyKeyReused),
        MintOutcome::KeyLimit => Err(Error::Conflict(Conflict::KeyLimit)),
    }
}

fn new_key(
    application_id: ApplicationId,
    body: Mint,
    principal: &Principal,
    now: Timestamp,
) -> Result<(ApiKey, KeyRecord), Error> {
    let mut rng = random::rng();
    let id = PublicKeyId {
        application_id,
        key_id: KeyId::generate(&mut rng),
    };
    let key = ApiKey::generate(id, &mut rng);
    let record = KeyRecord {
        id,
        name: match body.name {
            Some(name) => name,
            None => default_name(id)?,
        },
        hint: key.hint(),
        hash: key.hash(),
        previous: None,
        scopes: scopes(body.scopes)?,
        state: KeyState::Active,
        created_by: principal.user_id,
        created_at: now,
        expires_at: body.expires_at.map(|at| expiry(at, now)).transpose()?,
    };
    Ok((key, record))
}

fn default_name(id: PublicKeyId) -> Result<Name, Error> {
    let name = Name::try_from(format!("Key {}", id.key_id));
    name.map_err(|error| Error::Internal(error.into()))
}

fn scopes(requested: Option<BTreeSet<Scope>>) -> Result<Vec<Scope>, Error> {
    match requested {
        None => Ok(Scope::DEFAULT.to_vec()),
        Some(scopes) if scopes.is_empty() => Err(Error::invalid_field(
            "/scopes",
            "must name at least one scope",
        )),
        Some(scopes) => Ok(scopes.into_iter().collect()),
    }
}

fn expiry(at: Timestamp, now: Timestamp) -> Result<Timestamp, Error> {
    if at <= now {
        return Err(Error::invalid_field("/expiresAt", "must be in the future"));
    }
    Ok(at)
}
