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
use crate::verified_keys::{AuthorizedKey, Rejection, VerifiedKeys};
use upblit_base::environment::ConfigError;
use upblit_base::ids::ApplicationId;
use upblit_identity::api_key::{KeyRefusal, Scope};
use upblit_identity::application::TelemetrySettings;
use upblit_identity::rate_limit::Amount;
use upblit_lambda::Host;
use upblit_store::Database;
use upblit_store::applications::Membership;
use upblit_web::credentials::{Tokens, has_api_key};
use upblit_web::error::Error;
use upblit_web::request_log::{self, Reader};
use upblit_web::source::ClientAddress;

/// A request to read the telemetry of an application. An access token is checked as by [`Access`].
/// A key needs the scope `telemetry:read`, and can read only its own application. Checking a key
/// takes one database read (none while it is cached), besides recording its use and charging its
/// quota.
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

/// Verifies the keys of readers, and counts their requests against the quotas of the keys.
pub struct ReadKeys {
    keys: VerifiedKeys,
    limits: KeyLimits,
}

impl ReadKeys {
    /// Reads `KEY_CACHE_TTL` and the quotas, as ingest does.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        Ok(Self {
            keys: VerifiedKeys::load(host)?,
            limits: KeyLimits::load(host)?,
        })
    }

    async fn authorize(
        &self,
        address: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<AuthorizedKey, Error> {
        let verified = self
            .keys
            .authorize(address, headers, |_| Scope::TelemetryRead);
        let key = verified.await.map_err(|Rejection { error, .. }| error)?;
        self.limits.check(key.id)?;
        let request = Amount::of_request(0, 0);
        let (charged, ()) = tokio::join!(
            self.limits.charge(key.id, request),
            self.keys.record_use(&key)
        );
        charged?;
        Ok(key)
    }
}

impl<S, Q> FromRequestParts<S> for Reading<Q>
where
    S: Send + Sync,
    Tokens: FromRef<S>,
    Database: FromRef<S>,
    Arc<ReadKeys>: FromRef<S>,
    Q: FromRequestParts<S, Rejection = Error> + OfApplication + Send,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if has_api_key(&parts.headers) {
            return of_key(parts, state).await;
        }
        request_log::record_reader(Reader::Member);
        let access = Access::from_request_parts(parts, state).await?;
        Ok(Self {
            application: access.membership.into(),
            request: access.request,
        })
    }
}

/// Authorizes a request with an API key. The response for any other application is the same,
/// whether that application exists or not.
async fn of_key<S, Q>(parts: &mut Parts, state: &S) -> Result<Reading<Q>, Error>
where
    S: Send + Sync,
    Arc<ReadKeys>: FromRef<S>,
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
    let keys = Arc::<ReadKeys>::from_ref(state);
    let key = keys.authorize(address, &parts.headers).await?;
    let request = Q::from_request_parts(parts, state).await?;
    if !request.application().is(key.id.application_id) {
        return Err(KeyRefusal::OtherApplication.into());
    }
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
