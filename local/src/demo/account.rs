//! Someone at the stand-in for GitHub, the application to fill, and a key for it.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::base::clock;
use url::{Url, form_urlencoded};

use super::api::Api;
use super::failure::Failure;

/// Who signs in.
pub(super) const LOGIN: &str = "octocat";

/// The application's name.
pub(super) const APPLICATION: &str = "Demo shop";

/// The key's name.
const KEY: &str = "demo";

/// Someone signed in.
pub(super) struct Account<'a> {
    api: &'a Api,
    token: String,
    refresh_token: String,
    /// Where the dashboard is.
    pub(super) dashboard: String,
}

impl<'a> Account<'a> {
    /// Signs in as a browser does, at the stand-in.
    ///
    /// # Errors
    /// When no server answers, or it has the real GitHub.
    pub(super) async fn sign_in(api: &'a Api) -> Result<Self, Failure> {
        let start = format!("{}/oauth2/authorization/github", api.url());
        let start = Url::parse(&start).map_err(|_| Failure::Unexpected(start))?;
        let (mut authorize, mut cookie) = api.visit(&start, "").await?;
        if authorize.path() == start.path() {
            // The same page, by the name that the server prefers for this machine.
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
        let handed = arrival.fragment().or(arrival.query()).unwrap_or_default();
        let token = |name| value_of(handed, name);
        Ok(Self {
            api,
            token: token("token").ok_or_else(|| Failure::Unexpected("the sign-in".into()))?,
            refresh_token: token("refreshToken")
                .or(token("refresh"))
                .unwrap_or_default(),
            dashboard: arrival.origin().ascii_serialization(),
        })
    }

    /// The id of the application, which is made unless it exists.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn application(&self) -> Result<String, Failure> {
        let known = self.call(Method::GET, "/applications", None).await?;
        let known = known["applications"].as_array().into_iter().flatten();
        if let Some(id) = known.filter(|one| one["name"] == APPLICATION).find_map(id) {
            return Ok(id);
        }
        let wanted = json!({ "name": APPLICATION });
        let made = self
            .call(Method::POST, "/applications", Some(&wanted))
            .await?;
        id(&made).ok_or_else(|| Failure::Unexpected("POST /applications".into()))
    }

    /// A new key; those of earlier runs, which no one knows any more, are revoked.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn key(&self, application: &str) -> Result<String, Failure> {
        let path = format!("/apikey?ApplicationId={application}");
        let known = self.call(Method::GET, &path, None).await?;
        let known = known["keys"].as_array().into_iter().flatten();
        let of_earlier_runs = known.filter(|key| key["name"] == KEY && key["status"] != "revoked");
        for id in of_earlier_runs.filter_map(id) {
            self.call(Method::DELETE, &format!("/apikey/{id}"), None)
                .await?;
        }
        let minted = self
            .call(Method::POST, &path, Some(&json!({ "name": KEY })))
            .await?;
        let key = minted.as_str().map(str::to_owned);
        key.ok_or_else(|| Failure::Unexpected("POST /apikey".into()))
    }

    /// When the newest request began that was told since then.
    ///
    /// # Errors
    /// When the server refuses.
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

    /// Ends the session: the key is enough from here on.
    ///
    /// # Errors
    /// When the server refuses.
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

fn id(one: &Value) -> Option<String> {
    one["id"].as_str().map(str::to_owned)
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
    fn tokens_are_read_from_where_they_are_handed() {
        assert_eq!(
            value_of("token=a.b&refreshToken=c%2Bd", "refreshToken"),
            Some("c+d".into())
        );
        assert_eq!(value_of("reason=access_denied", "token"), None);
    }
}
