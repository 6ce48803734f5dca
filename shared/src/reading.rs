//! Authorization for reading telemetry: as a member, with an access token, or as a machine, with an
//! API key of the application. Handlers receive a [`Reading`].

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::Timestamp;

use crate::access::{Access, OfApplication};
use crate::key_limits::KeyLimits;
use crate::read_charges::ReadQuery;
use crate::read_limits::{ReadLimits, ReadPayers, Reader as QuotaReader};
use crate::verified_keys::{AuthorizedKey, Rejection, VerifiedKeys};
use upblit_base::clock::Clock;
use upblit_base::environment::ConfigError;
use upblit_base::ids::ApplicationId;
use upblit_identity::api_key::{KeyRefusal, Scope};
use upblit_identity::application::TelemetrySettings;
use upblit_lambda::Host;
use upblit_store::Database;
use upblit_store::applications::Membership;
use upblit_web::credentials::{Tokens, has_api_key};
use upblit_web::error::Error;
use upblit_web::request_log::{self, Reader};
use upblit_web::source::ClientAddress;

/// A request to read the telemetry of an application. An access token is checked as by [`Access`].
/// A key needs the scope `telemetry:read`, and reads its own application alone: one read, or none
/// within ten seconds, and what its use and its quota take. Both are charged to the quotas of the day
/// for reading, which is what [`crate::read_charges::charged`] adds to the routes.
pub struct Reading<Q> {
    /// The application, which the caller may read.
    pub application: ReadableApplication,
    /// Query of the request, which names the application.
    pub request: Q,
}

/// What reading needs to know of an application.
#[derive(Debug, Clone)]
pub struct ReadableApplication {
    /// Id of the application.
    pub id: ApplicationId,
    /// When it was created. Unknown to readers with a key.
    pub created_at: Option<Timestamp>,
    /// Its settings.
    pub telemetry: TelemetrySettings,
}

/// Verifies the keys of readers, and charges queries to the quotas of keys, applications and readers.
pub struct Readers {
    pub(crate) clock: Clock,
    keys: VerifiedKeys,
    pub(crate) limits: KeyLimits,
    pub(crate) days: ReadLimits,
}

impl Readers {
    /// Reads `KEY_CACHE_TTL` and the quotas of keys, as ingest does, and the quotas for reading.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        Ok(Self {
            clock: host.clock.clone(),
            keys: VerifiedKeys::load(host)?,
            limits: KeyLimits::load(host)?,
            days: ReadLimits::load(host)?,
        })
    }

    async fn authorize(
        &self,
        query: &ReadQuery,
        address: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<AuthorizedKey, Error> {
        let verified = self
            .keys
            .authorize(address, headers, |_| Scope::TelemetryRead);
        let key = verified.await.map_err(|Rejection { error, .. }| error)?;
        query.is_of_key(key.id, payers_of(&key));
        // First what is known of the day, which needs no lease of the minute.
        self.days.check(payers_of(&key))?;
        let (charged, ()) = tokio::join!(
            self.limits.charge_reader(key.id),
            self.keys.record_use(&key)
        );
        charged?;
        Ok(key)
    }
}

fn payers_of(key: &AuthorizedKey) -> ReadPayers {
    ReadPayers {
        application: key.payers.application,
        reader: QuotaReader::KeyOf(key.payers.user),
    }
}

impl<S, Q> FromRequestParts<S> for Reading<Q>
where
    S: Send + Sync,
    Tokens: FromRef<S>,
    Database: FromRef<S>,
    Arc<Readers>: FromRef<S>,
    Q: FromRequestParts<S, Rejection = Error> + OfApplication + Send,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let query = ReadQuery::of(parts)?;
        let readers = Arc::<Readers>::from_ref(state);
        if has_api_key(&parts.headers) {
            return of_key(parts, state, &readers, &query).await;
        }
        request_log::record_reader(Reader::Member);
        let access = Access::from_request_parts(parts, state).await?;
        query.is_of_user(ReadPayers {
            application: access.membership.application.id,
            reader: QuotaReader::User(access.principal.user_id),
        });
        query.charge(&readers).await?;
        Ok(Self {
            application: access.membership.into(),
            request: access.request,
        })
    }
}

/// Authorizes the holder of a key. Every application but that of the key gets the same
/// response, whether it exists or not.
async fn of_key<S, Q>(
    parts: &mut Parts,
    state: &S,
    readers: &Readers,
    query: &ReadQuery,
) -> Result<Reading<Q>, Error>
where
    S: Send + Sync,
    Q: FromRequestParts<S, Rejection = Error> + OfApplication + Send,
{
    request_log::record_reader(Reader::Key);
    // With both, it would be unclear who the caller is.
    if parts.headers.contains_key(AUTHORIZATION) {
        let problem =
            "send either an access token as Authorization or a key as x-api-key, not both";
        return Err(Error::Malformed(problem.to_owned()));
    }
    let Ok(address) = ClientAddress::from_request_parts(parts, state).await;
    let key = readers.authorize(query, address, &parts.headers).await?;
    let request = Q::from_request_parts(parts, state).await?;
    if !request.application().is(key.id.application_id) {
        return Err(KeyRefusal::OtherApplication.into());
    }
    query.charge(readers).await?;
    Ok(Reading {
        application: ReadableApplication {
            id: key.id.application_id,
            created_at: None,
            telemetry: key.telemetry,
        },
        request,
    })
}

impl From<Membership> for ReadableApplication {
    fn from(membership: Membership) -> Self {
        let application = membership.application;
        Self {
            id: application.id,
            created_at: Some(application.created_at),
            telemetry: application.telemetry,
        }
    }
}
