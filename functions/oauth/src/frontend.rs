//! Redirects at the end of a sign-in. The target is always below `FRONTEND_URL`, never a URL
//! from the request.

use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use shared::base::environment::{ConfigError, Env};
use shared::identity::login::{LoginAttempt, LoginRefusal};
use shared::web::credentials::IssuedTokens;
use url::form_urlencoded;

use crate::github::GitHubError;

/// Builds redirects to the pages of the frontend where a sign-in ends.
pub(crate) struct Frontend {
    url: String,
    handoff: TokenHandoff,
}

/// Part of the URL in which tokens are passed to the frontend (`TOKEN_HANDOFF`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenHandoff {
    /// The fragment, which browsers do not send to servers or in the Referer header.
    Fragment,
    /// The query, for frontends that read `?token=&refresh=`.
    Query,
}

/// What the frontend receives at the end of a sign-in.
pub(crate) enum SignInGrant {
    /// Tokens, if the sign-in has no PKCE challenge.
    Tokens(IssuedTokens),
    /// Authorization code, which is useless without the verifier.
    Code(SecretString),
}

/// Why a sign-in failed, shown by the login page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginFailure {
    /// The user denied access at GitHub.
    AccessDenied,
    /// The request is not a valid start or end of a sign-in.
    InvalidRequest,
    /// The sign-in was not started in this browser, or has already ended.
    InvalidState,
    /// The sign-in took longer than ten minutes.
    LoginExpired,
    /// The account has no primary, verified e-mail address.
    EmailUnverified,
    /// The operator has not allowed the account to sign in.
    NotAllowed,
    /// GitHub does not allow the app to read the account, or a membership that decides about it.
    GitHubForbidden,
    /// GitHub did not respond in time.
    GitHubUnavailable,
    /// GitHub returned an error or an unexpected response.
    GitHubError,
    /// An error in Upblit, or a permission that the function lacks.
    InternalError,
    /// Storage is temporarily unavailable.
    Unavailable,
}

impl LoginFailure {
    /// Returns the slug for `/login?reason=…`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidState => "invalid_state",
            Self::LoginExpired => "login_expired",
            Self::EmailUnverified => "email_unverified",
            Self::NotAllowed => "not_allowed",
            Self::GitHubForbidden => "github_forbidden",
            Self::GitHubUnavailable => "github_unavailable",
            Self::GitHubError => "github_error",
            Self::InternalError => "internal_error",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<LoginRefusal> for LoginFailure {
    fn from(refusal: LoginRefusal) -> Self {
        match refusal {
            LoginRefusal::UnknownState => Self::InvalidState,
            LoginRefusal::Expired => Self::LoginExpired,
        }
    }
}

impl From<&GitHubError> for LoginFailure {
    fn from(error: &GitHubError) -> Self {
        match error {
            GitHubError::Unavailable(_) => Self::GitHubUnavailable,
            GitHubError::EmailUnverified => Self::EmailUnverified,
            GitHubError::NotAllowed(_) => Self::NotAllowed,
            GitHubError::Forbidden => Self::GitHubForbidden,
            GitHubError::Refused(_) | GitHubError::Unintelligible(_) => Self::GitHubError,
        }
    }
}

impl Frontend {
    /// Reads `FRONTEND_URL` and `TOKEN_HANDOFF`. Without the former, the dashboard is at
    /// `public_url`, the address of the API.
    ///
    /// # Errors
    /// If a setting is missing or invalid.
    pub(crate) fn load(env: &Env, public_url: &str) -> Result<Self, ConfigError> {
        let url = env.secure_url("FRONTEND_URL", Some(public_url))?;
        let handoff = match env.optional("TOKEN_HANDOFF") {
            None | Some("fragment") => TokenHandoff::Fragment,
            Some("query") => {
                tracing::warn!(
                    "TOKEN_HANDOFF=query puts tokens into URLs, which proxies, histories and \
                     Referer headers keep; change the frontend to read the fragment"
                );
                TokenHandoff::Query
            }
            Some(_) => {
                return Err(ConfigError::new(
                    "TOKEN_HANDOFF",
                    "must be fragment or query",
                ));
            }
        };
        Ok(Self { url, handoff })
    }

    /// Redirects to the page that receives the tokens or the authorization code. Adds the return
    /// path and the client state of the login attempt.
    pub(crate) fn success(&self, grant: &SignInGrant, attempt: &LoginAttempt) -> Response {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        let separator = match (grant, self.handoff) {
            (SignInGrant::Code(code), _) => {
                parameters.append_pair("code", code.expose_secret());
                '?'
            }
            (SignInGrant::Tokens(tokens), TokenHandoff::Fragment) => {
                append(&mut parameters, tokens, "refreshToken");
                '#'
            }
            (SignInGrant::Tokens(tokens), TokenHandoff::Query) => {
                append(&mut parameters, tokens, "refresh");
                '?'
            }
        };
        if let Some(path) = attempt.return_to() {
            parameters.append_pair("returnTo", path.as_str());
        }
        if let Some(state) = attempt.client_state() {
            parameters.append_pair("clientState", state.as_str());
        }
        let parameters = parameters.finish();
        found(&format!(
            "{}/oauth-success{separator}{parameters}",
            self.url
        ))
    }

    /// Redirects to the login page with the reason why the sign-in failed. Logs the reason.
    pub(crate) fn login_page(&self, reason: LoginFailure) -> Response {
        tracing::warn!(reason = reason.as_str(), "sign-in failed");
        found(&format!("{}/login?reason={}", self.url, reason.as_str()))
    }
}

fn append(
    parameters: &mut form_urlencoded::Serializer<'_, String>,
    tokens: &IssuedTokens,
    refresh_name: &str,
) {
    parameters
        .append_pair("token", tokens.access.expose_secret())
        .append_pair(refresh_name, tokens.refresh.expose_secret())
        .append_pair("expiresIn", &tokens.expires_in_seconds.to_string());
}

/// Returns a redirect with status 302, which browsers do not cache.
pub(crate) fn found(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
        // All parts of the URL are encoded, so only a bug can cause this.
        Err(error) => shared::web::error::Error::Internal(error.into()).into_response(),
    }
}
