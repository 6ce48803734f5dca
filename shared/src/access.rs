//! Authorization for applications. Handlers receive an [`Access`], which exists only after the
//! access token is verified and the membership is read.

use axum::extract::{FromRef, FromRequestParts, Path};
use http::request::Parts;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use upblit_base::ids::ApplicationId;
use upblit_identity::access_token::Principal;
use upblit_identity::team::Right;
use upblit_store::Database;
use upblit_store::applications::Membership;
use upblit_web::credentials::{SignedIn, Tokens};
use upblit_web::error::{Error, Resource};
use upblit_web::query::Query;
use upblit_web::request_log;

/// The error for an application that does not exist, or that the caller is no member of.
pub const UNKNOWN: Error = Error::NotFound(Resource::Application);

/// A request by a member of an application. Checks the access token, then the request, then
/// the membership. The response is the same 404 if the application does not exist and if the
/// caller is not a member of it. Needs one consistent read of two items.
pub struct Access<Q> {
    /// User and session that sent the request.
    pub principal: Principal,
    /// The application, and the caller's role in it.
    pub membership: Membership,
    /// Query or path of the request, which names the application.
    pub request: Q,
}

/// Part of a request that contains the id of an application.
pub trait OfApplication {
    /// Returns the application that the request names.
    fn application(&self) -> ApplicationName;
}

impl<Q> Access<Q> {
    /// Checks that the caller's role allows something.
    ///
    /// # Errors
    /// "Not allowed" if it does not.
    pub fn require(&self, right: Right) -> Result<(), Error> {
        require(&self.membership, right)
    }
}

/// Checks that the role of a member allows something.
///
/// # Errors
/// "Not allowed" if it does not.
pub fn require(membership: &Membership, right: Right) -> Result<(), Error> {
    if membership.role.may(right) {
        return Ok(());
    }
    Err(Error::NotAllowed)
}

impl<S, Q> FromRequestParts<S> for Access<Q>
where
    S: Send + Sync,
    Tokens: FromRef<S>,
    Database: FromRef<S>,
    Q: FromRequestParts<S, Rejection = Error> + OfApplication + Send,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let SignedIn(principal) = SignedIn::from_request_parts(parts, state).await?;
        let request = Q::from_request_parts(parts, state).await?;
        let database = Database::from_ref(state);
        let membership = membership(&database, &principal, request.application()).await?;
        Ok(Self {
            principal,
            membership,
            request,
        })
    }
}

/// Reads the caller's membership of an application. For handlers that read it repeatedly or
/// later; others use [`Access`].
///
/// # Errors
/// "Not found" if the application does not exist or the caller is not a member; storage errors.
pub async fn membership(
    database: &Database,
    principal: &Principal,
    application: ApplicationName,
) -> Result<Membership, Error> {
    let id = application.id()?;
    let membership = database.application_of(principal.user_id, id).await?;
    membership.ok_or(UNKNOWN)
}

/// Id of an application in a request. A malformed id is accepted and later returns the same
/// 404 as an unknown application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationName(Option<ApplicationId>);

impl ApplicationName {
    /// Returns the id and records it in the request log. Does not check the membership: use it
    /// only in handlers whose transaction checks it.
    ///
    /// # Errors
    /// "Not found" if the id is malformed.
    pub fn id(self) -> Result<ApplicationId, Error> {
        let id = self.0.ok_or(UNKNOWN)?;
        request_log::record_application(id);
        Ok(id)
    }

    /// Returns whether the request names this application.
    pub(crate) fn is(self, application: ApplicationId) -> bool {
        self.0 == Some(application)
    }
}

impl<'de> Deserialize<'de> for ApplicationName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(text.parse().ok()))
    }
}

impl PartialSchema for ApplicationName {
    fn schema() -> RefOr<Schema> {
        ApplicationId::schema()
    }
}

impl ToSchema for ApplicationName {
    fn name() -> std::borrow::Cow<'static, str> {
        ApplicationId::name()
    }
}

impl<T: OfApplication> OfApplication for Query<T> {
    fn application(&self) -> ApplicationName {
        self.0.application()
    }
}

/// The application `{id}` in the path, and the rest of the request.
pub struct InPath<Q>(pub ApplicationName, pub Q);

impl<S, Q> FromRequestParts<S> for InPath<Q>
where
    S: Send + Sync,
    Q: FromRequestParts<S, Rejection: Into<Error>>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Named {
            id: ApplicationName,
        }
        let path = Path::from_request_parts(parts, state).await;
        let Path(Named { id: name }) = path.map_err(|_| UNKNOWN)?;
        let rest = Q::from_request_parts(parts, state).await;
        Ok(Self(name, rest.map_err(Into::into)?))
    }
}

impl<Q> OfApplication for InPath<Q> {
    fn application(&self) -> ApplicationName {
        self.0
    }
}
