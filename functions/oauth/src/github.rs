//! Client of GitHub as identity provider. GitHub's access token is used for two requests, and for
//! one more for each organization that may sign in if neither the account nor an address is listed.
//! It is not stored.
//!
//! - [Authorizing OAuth apps](https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps)
//! - [Get the authenticated user](https://docs.github.com/en/rest/users/users#get-the-authenticated-user)
//! - [List email addresses](https://docs.github.com/en/rest/users/emails#list-email-addresses-for-the-authenticated-user)

use std::time::Duration;

use http::StatusCode;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse, TokenUrl,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::base::environment::{ConfigError, Env};
use shared::base::ids::UserId;
use shared::identity::allow_list::{Account, SignInRule};
use shared::identity::login::LoginAttempt;
use shared::identity::user::Profile;
use shared::web::client::ClientError;
use shared::web::github::Server;
use thiserror::Error;

mod membership;
mod transport;

use transport::{Transport, TransportError};

/// Time limit for all calls of one sign-in together. The time limit of the function is 15 s.
const TIME_LIMIT: Duration = Duration::from_secs(7);

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Client of github.com, a GitHub Enterprise Server, or the local stand-in.
pub(crate) struct GitHub {
    oauth: Client,
    server: Server,
    transport: Transport,
    rule: SignInRule,
}

/// Reason why a sign-in at GitHub failed.
#[derive(Debug, Error)]
pub(crate) enum GitHubError {
    /// No response in time, or a server error.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// An OAuth error (RFC 6749 §5.2), which GitHub sends with status 200.
    #[error("refused: {0}")]
    Refused(String),
    /// A response that does not match GitHub's documentation.
    #[error("unexpected response: {0}")]
    Unintelligible(String),
    /// The token may not read the account: the app lacks the permission for e-mail addresses,
    /// an organization restricts it or has not approved it, or the rate limit is exhausted.
    #[error("forbidden: status 403")]
    Forbidden,
    /// The account has no primary e-mail address, or it is not verified where that is required.
    #[error("the account has no primary, verified e-mail address")]
    EmailUnverified,
    /// The account is not on the operator's allow list.
    #[error("account {0} is not on the allow list")]
    NotAllowed(UserId),
}

impl GitHub {
    /// Reads `GITHUB_CLIENT_ID`, `GITHUB_CLIENT_SECRET` and the settings of the [`Server`].
    ///
    /// # Errors
    /// If a setting is missing or invalid.
    pub(crate) fn load(
        env: &Env,
        redirect_url: String,
        rule: SignInRule,
    ) -> Result<Self, ConfigError> {
        let server = Server::from_env(env)?;
        let url = &server.url;
        let invalid_url = |error| ConfigError::new("GITHUB_URL", error);
        let client_id = ClientId::new(env.required("GITHUB_CLIENT_ID")?.to_owned());
        let client_secret = ClientSecret::new(env.required("GITHUB_CLIENT_SECRET")?.to_owned());
        let oauth = BasicClient::new(client_id)
            .set_client_secret(client_secret)
            // GitHub expects the credentials in the body; the crate's default is the Basic scheme.
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(
                AuthUrl::new(format!("{url}/login/oauth/authorize")).map_err(invalid_url)?,
            )
            .set_token_uri(
                TokenUrl::new(format!("{url}/login/oauth/access_token")).map_err(invalid_url)?,
            )
            .set_redirect_uri(
                RedirectUrl::new(redirect_url)
                    .map_err(|error| ConfigError::new("PUBLIC_URL", error))?,
            );
        Ok(Self {
            oauth,
            transport: Transport::new(env, server.roots.clone()),
            server,
            rule,
        })
    }

    /// Returns the URL at GitHub where the user signs in. `login` suggests an account.
    pub(crate) fn authorize_url(&self, attempt: &LoginAttempt, login: Option<String>) -> String {
        let verifier = PkceCodeVerifier::new(attempt.pkce_verifier().to_owned());
        let mut request = self
            .oauth
            .authorize_url(|| CsrfToken::new(attempt.state().to_owned()))
            .add_scope(Scope::new("read:user".to_owned()))
            .add_scope(Scope::new("user:email".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if !self.rule.organizations().is_empty() {
            request = request.add_scope(Scope::new("read:org".to_owned()));
        }
        if let Some(login) = login {
            request = request.add_extra_param("login", login);
        }
        request.url().0.into()
    }

    /// Exchanges GitHub's code for an access token, reads the user's profile with it, and checks
    /// that the user may sign in.
    pub(crate) async fn identify(
        &self,
        code: String,
        attempt: &LoginAttempt,
    ) -> Result<Profile, GitHubError> {
        let identify = async {
            let token = self.exchange(code, attempt).await?;
            let (user, emails) = tokio::try_join!(
                self.get::<User>("/user", &token),
                self.get::<Vec<Email>>("/user/emails", &token),
            )?;
            self.admit(&user, &emails, &token).await?;
            profile(user, emails, self.server.accepts_unverified_emails)
        };
        let late = || GitHubError::Unavailable(format!("no response within {TIME_LIMIT:?}"));
        tokio::time::timeout(TIME_LIMIT, identify)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// Checks that the account may sign in. Requests memberships from GitHub only if neither the
    /// account nor an address is listed.
    async fn admit(
        &self,
        user: &User,
        emails: &[Email],
        token: &oauth2::AccessToken,
    ) -> Result<(), GitHubError> {
        let verified = emails.iter().filter(|email| email.verified);
        let account = Account {
            user_id: user_id(user)?,
            login: &user.login,
            verified_emails: verified.map(|email| &*email.email).collect(),
        };
        if self.rule.admits(&account) {
            return Ok(());
        }
        self.admit_member(&account, token).await
    }

    async fn exchange(
        &self,
        code: String,
        attempt: &LoginAttempt,
    ) -> Result<oauth2::AccessToken, GitHubError> {
        let verifier = PkceCodeVerifier::new(attempt.pkce_verifier().to_owned());
        let response = self
            .oauth
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(verifier)
            .request_async(&self.transport)
            .await;
        match response {
            Ok(response) => Ok(response.access_token().clone()),
            Err(RequestTokenError::Request(error)) => Err(error.into()),
            Err(RequestTokenError::ServerResponse(refusal)) => {
                Err(GitHubError::Refused(slug(refusal.error().as_ref())))
            }
            // The parser's error quotes the response, which may contain a token.
            Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => Err(
                GitHubError::Unintelligible("of the token endpoint".to_owned()),
            ),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &'static str,
        token: &oauth2::AccessToken,
    ) -> Result<T, GitHubError> {
        let body = self
            .transport
            .get(&format!("{}{path}", self.server.api_url), token)
            .await?;
        serde_json::from_slice(&body).map_err(|_| GitHubError::Unintelligible(format!("of {path}")))
    }
}

impl From<TransportError> for GitHubError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unexpected(StatusCode::FORBIDDEN) => Self::Forbidden,
            TransportError::Unexpected(_) | TransportError::Client(ClientError::TooLarge) => {
                Self::Unintelligible(error.to_string())
            }
            TransportError::Unwritable(_) | TransportError::Client(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

/// Removes unexpected characters from an error code, because it comes from outside and is
/// logged. At most 64 characters.
fn slug(code: &str) -> String {
    code.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(64)
        .collect()
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

fn user_id(user: &User) -> Result<UserId, GitHubError> {
    UserId::new(user.id)
        .ok_or_else(|| GitHubError::Unintelligible("an account id out of range".to_owned()))
}

/// Creates the profile. The numeric id identifies the user, because logins can be reassigned.
fn profile(
    user: User,
    emails: Vec<Email>,
    accepts_unverified: bool,
) -> Result<Profile, GitHubError> {
    let user_id = user_id(&user)?;
    let email = emails
        .into_iter()
        .find(|email| email.primary && (email.verified || accepts_unverified))
        .ok_or(GitHubError::EmailUnverified)?;
    Ok(Profile {
        user_id,
        name: user
            .name
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| user.login.clone()),
        login: user.login,
        avatar: user.avatar_url.unwrap_or_default(),
        email: email.email,
    })
}
