//! Authorization as a value that a handler must hold: [`Access`] to an application
//! exists only after the access token was verified and the membership read.

use axum::extract::{FromRef, FromRequestParts, Path};
use http::request::Parts;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use upblit_base::ids::ApplicationId;
use upblit_identity::access_token::Principal;
use upblit_store::Database;
use upblit_store::applications::Membership;
use upblit_web::credentials::{SignedIn, Tokens};
use upblit_web::error::{Error, Resource};
use upblit_web::query::Query;
use upblit_web::request_log;

const UNKNOWN: Error = Error::NotFound(Resource::Application);

/// A request about one application by one of its members. It fails, in this order,
/// for the access token, for what is asked, and for the membership: an unknown and
/// someone else's application are not found, the same. One consistent read of two items.
pub struct Access<Q> {
    /// Who asks.
    pub principal: Principal,
    /// The application, and the role of the caller in it.
    pub membership: Membership,
    /// What is asked.
    pub asked: Q,
}

/// A part of a request that names an application.
pub trait OfApplication {
    /// The application.
    fn application(&self) -> ApplicationName;
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
        let asked = Q::from_request_parts(parts, state).await?;
        let database = Database::from_ref(state);
        let membership = membership(&database, &principal, asked.application()).await?;
        Ok(Self {
            principal,
            membership,
            asked,
        })
    }
}

/// The caller's membership. For handlers that need it again, or not before something
/// else; the others take [`Access`].
///
/// # Errors
/// Not found, for an unknown and for someone else's application alike.
pub async fn membership(
    database: &Database,
    principal: &Principal,
    application: ApplicationName,
) -> Result<Membership, Error> {
    let id = application.id()?;
    let membership = database.application_of(principal.user_id, id).await?;
    membership.ok_or(UNKNOWN)
}

/// An application as a request names it. A text that is no id names none, which is
/// not found like any other that the caller may not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationName(Option<ApplicationId>);

impl ApplicationName {
    /// The id, which is also recorded in the request log. It proves nothing about the
    /// caller: only for handlers whose transaction checks the membership.
    ///
    /// # Errors
    /// Not found.
    pub fn id(self) -> Result<ApplicationId, Error> {
        let id = self.0.ok_or(UNKNOWN)?;
        request_log::note_application(id);
        Ok(id)
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

/// The application in the path, as `{id}`, and what else is asked.
pub struct InPath<Q>(pub ApplicationName, pub Q);

impl<S, Q> FromRequestParts<S> for InPath<Q>
where
    S: Send + Sync,
    Q: FromRequestParts<S, Rejection: Into<Error>>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| UNKNOWN)?;
        let asked = Q::from_request_parts(parts, state).await;
        Ok(Self(name, asked.map_err(Into::into)?))
    }
}

impl<Q> OfApplication for InPath<Q> {
    fn application(&self) -> ApplicationName {
        self.0
    }
}
