//! The demo user at the GitHub stand-in, the application to fill, and an API key for it.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::base::clock;
use url::{Url, form_urlencoded};

use super::api::Api;
use super::failure::Failure;

/// GitHub login of the demo user.
pub(super) const LOGIN: &str = "octocat";

/// Name of the application to fill. An existing one is reused.
pub(super) const APPLICATION: &str = "Demo shop";

/// Name of the demo's API key, by which the next run finds and revokes it.
const KEY_NAME: &str = "demo";

/// The signed-in demo user, with the tokens of its session.
pub(super) struct Account<'a> {
    api: &'a Api,
    token: String,
    refresh_token: String,
    /// Origin of the dashboard, where sign-in ended.
    pub(super) dashboard: String,
}

impl<'a> Account<'a> {
    /// Signs in at the GitHub stand-in, as a browser does.
    ///
    /// # Errors
    /// When there is no usable response, or the server uses the real GitHub or refuses the sign-in.
    pub(super) async fn sign_in(api: &'a Api) -> Result<Self, Failure> {
        let start = format!("{}/oauth2/authorization/github", api.url());
        let start = Url::parse(&start).map_err(|_| Failure::Unexpected(start))?;
        let (mut authorize, mut cookie) = api.visit(&start, "").await?;
        if authorize.path() == start.path() {
            // The server redirects from localhost to 127.0.0.1, or the reverse.
            (authorize, cookie) = api.visit(&authorize, "").await?;
        }
        if !authorize.path().starts_with("/github/") {
            return Err(Failure::RealGitHub {
                url: api.url().to_owned(),
            });
        }
        authorize.query_pairs_mut().append_pair("login", LOGIN);
        let (callback, _) = api.visit(&authorize, "").await?;
        let (arrival, _) = api.visit(&callback, &cookie).await?;
        if let Some(reason) = refusal(&arrival) {
            return Err(Failure::SignInRefused {
                url: api.url().to_owned(),
                login: LOGIN,
                reason,
            });
        }
        let form = arrival.fragment().or(arrival.query()).unwrap_or_default();
        let token = |name| value_of(form, name);
        Ok(Self {
            api,
            token: token("token").ok_or_else(|| Failure::Unexpected("the sign-in".into()))?,
            refresh_token: token("refreshToken")
                .or(token("refresh"))
                .unwrap_or_default(),
            dashboard: arrival.origin().ascii_serialization(),
        })
    }

    /// Returns the id of the application. Creates it if it does not exist.
    ///
    /// # Errors
    /// When the server refuses a request.
    pub(super) async fn application(&self) -> Result<String, Failure> {
        let list = self.call(Method::GET, "/applications", None).await?;
        let mut applications = list["applications"].as_array().into_iter().flatten();
        if let Some(id) = applications
            .find(|application| application["name"] == APPLICATION)
            .and_then(id)
        {
            return Ok(id);
        }
        let body = json!({ "name": APPLICATION });
        let created = self
            .call(Method::POST, "/applications", Some(&body))
            .await?;
        id(&created).ok_or_else(|| Failure::Unexpected("POST /applications".into()))
    }

    /// Revokes the keys of earlier runs, whose secrets are lost, then creates a key and returns it.
    ///
    /// # Errors
    /// When the server refuses a request.
    pub(super) async fn key(&self, application: &str) -> Result<String, Failure> {
        let path = format!("/apikey?ApplicationId={application}");
        let list = self.call(Method::GET, &path, None).await?;
        let keys = list["keys"].as_array().into_iter().flatten();
        let earlier = keys.filter(|key| key["name"] == KEY_NAME && key["status"] != "revoked");
        for id in earlier.filter_map(id) {
            self.call(Method::DELETE, &format!("/apikey/{id}"), None)
                .await?;
        }
        let created = self
            .call(Method::POST, &path, Some(&json!({ "name": KEY_NAME })))
            .await?;
        let key = created.as_str().map(str::to_owned);
        key.ok_or_else(|| Failure::Unexpected("POST /apikey".into()))
    }

    /// Start time of the application's newest trace that started at or after `since`.
    ///
    /// # Errors
    /// When the server refuses the request.
    pub(super) async fn newest(
        &self,
        application: &str,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, Failure> {
        let since = clock::rfc3339(since);
        let path = format!("/telemetry/traces?applicationId={application}&from={since}&limit=1");
        let page = self.call(Method::GET, &path, None).await?;
        let newest = page["traces"][0]["startTime"].as_str();
        Ok(newest.and_then(|at| at.parse().ok()))
    }

    /// Ends the session, which is not needed once there is a key.
    ///
    /// # Errors
    /// When the server refuses the request.
    pub(super) async fn sign_out(&self) -> Result<(), Failure> {
        let body = json!({ "refreshToken": self.refresh_token });
        self.call(Method::POST, "/logout", Some(&body)).await?;
        Ok(())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.api.call(method, path, &self.token, body).await
    }
}

fn id(item: &Value) -> Option<String> {
    item["id"].as_str().map(str::to_owned)
}

/// Reason in the redirect to the dashboard's login page after a refused sign-in.
fn refusal(arrival: &Url) -> Option<String> {
    value_of(arrival.query().unwrap_or_default(), "reason")
}

fn value_of(form: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(form.as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_from_the_redirect() {
        assert_eq!(
            value_of("token=a.b&refreshToken=c%2Bd", "refreshToken"),
            Some("c+d".into())
        );
        assert_eq!(value_of("reason=access_denied", "token"), None);
    }

    #[test]
    fn only_a_refused_sign_in_has_a_reason() {
        let refused = |arrival: &str| refusal(&Url::parse(arrival).unwrap());
        let login_page = "https://app.test/login?reason=not_allowed";
        assert_eq!(refused(login_page), Some("not_allowed".to_owned()));
        for success in [
            "oauth-success#token=a.b&refreshToken=c",
            "oauth-success?code=d",
        ] {
            assert_eq!(refused(&format!("https://app.test/{success}")), None);
        }
    }
}
