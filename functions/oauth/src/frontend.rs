//! Where the browser goes when a sign-in ends: always an address below
//! `FRONTEND_URL`, never one that a request named.

use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use shared::base::environment::{ConfigError, Env};
use shared::identity::login::{LoginRefusal, ReturnTo};
use shared::web::credentials::IssuedTokens;
use url::form_urlencoded;

use crate::github::GitHubError;

/// The frontend's pages that a sign-in ends on.
pub(crate) struct Frontend {
    url: String,
    handoff: TokenHandoff,
}

/// How the tokens get to the frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenHandoff {
    /// In the fragment, which never reaches a server, a log or a Referer.
    Fragment,
    /// In the query, for frontends that read `?token=&refresh=`.
    Query,
}

/// What a finished sign-in hands over.
pub(crate) enum Handover {
    /// The tokens themselves, to a frontend that gave no challenge.
    Tokens(IssuedTokens),
    /// A one-time code, which is worth nothing without the verifier.
    Code(SecretString),
}

/// Why a sign-in failed, as the login page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The user said no at GitHub.
    AccessDenied,
    /// The request was not one of a sign-in.
    InvalidRequest,
    /// The sign-in was not started in this browser, or is finished already.
    InvalidState,
    /// The sign-in took longer than ten minutes.
    LoginExpired,
    /// The account has no primary, verified e-mail address.
    EmailUnverified,
    /// GitHub does not let the app read the account.
    GitHubForbidden,
    /// GitHub did not answer, or not in time.
    GitHubUnavailable,
    /// GitHub refused, or answered with what we do not understand.
    GitHubError,
    /// Trouble of ours that passes.
    Unavailable,
}

impl Reason {
    /// The slug in `/login?reason=…`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidState => "invalid_state",
            Self::LoginExpired => "login_expired",
            Self::EmailUnverified => "email_unverified",
            Self::GitHubForbidden => "github_forbidden",
            Self::GitHubUnavailable => "github_unavailable",
            Self::GitHubError => "github_error",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<LoginRefusal> for Reason {
    fn from(refusal: LoginRefusal) -> Self {
        match refusal {
            LoginRefusal::UnknownState => Self::InvalidState,
            LoginRefusal::Expired => Self::LoginExpired,
        }
    }
}

impl From<&GitHubError> for Reason {
    fn from(error: &GitHubError) -> Self {
        match error {
            GitHubError::Unavailable(_) => Self::GitHubUnavailable,
            GitHubError::EmailUnverified => Self::EmailUnverified,
            GitHubError::Forbidden => Self::GitHubForbidden,
            GitHubError::Refused(_) | GitHubError::Unintelligible(_) => Self::GitHubError,
        }
    }
}

impl Frontend {
    /// `FRONTEND_URL` and `TOKEN_HANDOFF`.
    ///
    /// # Errors
    /// When one is missing or wrong.
    pub(crate) fn load(env: &Env) -> Result<Self, ConfigError> {
        let url = env.base_url("FRONTEND_URL", None)?;
        let handoff = match env.optional("TOKEN_HANDOFF") {
            None | Some("fragment") => TokenHandoff::Fragment,
            Some("query") => {
                tracing::warn!(
                    "TOKEN_HANDOFF=query puts tokens into addresses, which proxies, histories \
                     and Referer headers keep; move the frontend to the fragment"
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

    /// The page that takes the tokens, or the code for them.
    pub(crate) fn success(&self, handover: &Handover, return_to: Option<&ReturnTo>) -> Response {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        let separator = match (handover, self.handoff) {
            (Handover::Code(code), _) => {
                parameters.append_pair("code", code.expose_secret());
                '?'
            }
            (Handover::Tokens(tokens), TokenHandoff::Fragment) => {
                append(&mut parameters, tokens, "refreshToken");
                '#'
            }
            (Handover::Tokens(tokens), TokenHandoff::Query) => {
                append(&mut parameters, tokens, "refresh");
                '?'
            }
        };
        if let Some(path) = return_to {
            parameters.append_pair("returnTo", path.as_str());
        }
        let parameters = parameters.finish();
        found(&format!(
            "{}/oauth-success{separator}{parameters}",
            self.url
        ))
    }

    /// The login page, with the reason for its second visit.
    pub(crate) fn login_page(&self, reason: Reason) -> Response {
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

/// A redirect that is not cached: 302, as browsers and OAuth clients expect.
pub(crate) fn found(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
        // Every address above is made of encoded parts: a bug, but no half-written header.
        Err(error) => shared::web::error::Error::Internal(error.into()).into_response(),
    }
}
