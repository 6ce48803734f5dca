//! The settings of a local run: environment variables, with a default for each required one.

use local::github::{self, OAuthApp};
use shared::base::environment::{ConfigError, Env};
use shared::identity::allow_list::{
    ALLOWED_DOMAINS, ALLOWED_ORGANIZATIONS, ALLOWED_USERS, SIGN_IN,
};

/// Base URLs for the browser. They differ if the API runs in other processes.
pub(crate) struct Addresses {
    /// Base URL of the API, the default of `PUBLIC_URL`.
    pub(crate) api: String,
    /// Base URL of this process, which serves the stand-in and the pages.
    pub(crate) here: String,
}

/// The GitHub that sign-in uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitHub {
    /// The stand-in in this process.
    StandIn,
    /// github.com, or a GitHub Enterprise Server.
    Real,
}

/// Settings of a local run, with defaults filled in.
pub(crate) struct Settings {
    /// All settings, for the functions.
    pub(crate) env: Env,
    /// The GitHub that sign-in uses.
    pub(crate) github: GitHub,
    /// Base URL of the API, without a trailing slash.
    pub(crate) public_url: String,
    /// Base URL of the dashboard, without a trailing slash.
    pub(crate) frontend_url: String,
}

/// Settings of the functions for which a local run has a default, and those that say who may sign
/// in.
const FOR_FUNCTIONS: [&str; 11] = [
    "PUBLIC_URL",
    "FRONTEND_URL",
    "JWT_SECRET",
    "GITHUB_URL",
    "GITHUB_API_URL",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
    SIGN_IN,
    ALLOWED_USERS,
    ALLOWED_ORGANIZATIONS,
    ALLOWED_DOMAINS,
];

impl Settings {
    /// Fills in defaults. `jwt_secret` is called only if `JWT_SECRET` is not set.
    ///
    /// # Errors
    /// When a setting is invalid, or `jwt_secret` fails.
    pub(crate) fn complete<E: From<ConfigError>>(
        env: Env,
        addresses: &Addresses,
        jwt_secret: impl FnOnce() -> Result<String, E>,
    ) -> Result<Self, E> {
        let github = GitHub::from_env(&env)?;
        let mut env = env.with_defaults([
            ("PUBLIC_URL", addresses.api.clone()),
            ("FRONTEND_URL", addresses.here.clone()),
        ]);
        if env.optional("JWT_SECRET").is_none() {
            env = env.with_defaults([("JWT_SECRET", jwt_secret()?)]);
        }
        if github == GitHub::StandIn {
            env = env.with_defaults(stand_in(&addresses.here));
        }
        Ok(Self {
            github,
            public_url: env.base_url("PUBLIC_URL", None)?,
            frontend_url: env.base_url("FRONTEND_URL", None)?,
            env,
        })
    }

    /// The OAuth app to register with the stand-in.
    ///
    /// # Errors
    /// Never after [`Settings::complete`].
    pub(crate) fn oauth_app(&self) -> Result<OAuthApp, ConfigError> {
        Ok(OAuthApp {
            client_id: self.env.required("GITHUB_CLIENT_ID")?.to_owned(),
            client_secret: self.env.required("GITHUB_CLIENT_SECRET")?.to_owned(),
            callback: format!("{}/login/oauth2/code/github", self.public_url),
        })
    }

    /// Names and values of the settings for functions that run as separate processes.
    pub(crate) fn for_functions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        FOR_FUNCTIONS
            .iter()
            .filter_map(|name| Some((*name, self.env.optional(name)?)))
    }
}

impl GitHub {
    /// Returns the real GitHub if an OAuth app is configured, and the stand-in if no `GITHUB_` setting
    /// is set. Other settings without the app's id and secret are an error: falling back to the stand-in
    /// would hide the mistake.
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let names = [
            "GITHUB_CLIENT_ID",
            "GITHUB_CLIENT_SECRET",
            "GITHUB_URL",
            "GITHUB_API_URL",
        ];
        if names.iter().all(|name| env.optional(name).is_none()) {
            return Ok(Self::StandIn);
        }
        for name in ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"] {
            if env.optional(name).is_none() {
                let problem = "is not set, but other GITHUB_ settings are: set it for the real GitHub, or none of them for the stand-in";
                return Err(ConfigError::new(name, problem));
            }
        }
        Ok(Self::Real)
    }
}

/// Defaults that select the stand-in. It has no authentication, so the client secret is public.
fn stand_in(here: &str) -> [(&'static str, String); 4] {
    [
        ("GITHUB_URL", github::url(here)),
        ("GITHUB_API_URL", github::api_url(here)),
        ("GITHUB_CLIENT_ID", "upblit-local".to_owned()),
        ("GITHUB_CLIENT_SECRET", "not-a-secret".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let here = "http://127.0.0.1:9000".to_owned();
        let addresses = Addresses {
            api: here.clone(),
            here,
        };
        let env = Env::from_pairs(pairs.iter().copied());
        Settings::complete(env, &addresses, || Ok("made".to_owned()))
    }

    #[test]
    fn every_required_setting_has_a_default() {
        let settings = complete(&[]).unwrap();
        assert_eq!(settings.github, GitHub::StandIn);
        let defaults = settings.for_functions().map(|(name, _)| name);
        assert!(defaults.eq(FOR_FUNCTIONS[..7].iter().copied()));
        assert_eq!(settings.env.optional("JWT_SECRET"), Some("made"));
        let callback = settings.oauth_app().unwrap().callback;
        assert_eq!(callback, "http://127.0.0.1:9000/login/oauth2/code/github");
    }

    #[test]
    fn set_values_override_defaults() {
        let settings = complete(&[
            ("PUBLIC_URL", "https://api.test/"),
            ("JWT_SECRET", "mine"),
            ("GITHUB_CLIENT_ID", "Iv1.1"),
            ("GITHUB_CLIENT_SECRET", "theirs"),
            ("ALLOWED_GITHUB_USERS", "ada"),
        ])
        .unwrap();
        assert!(
            settings
                .for_functions()
                .any(|setting| setting == (ALLOWED_USERS, "ada"))
        );
        assert_eq!(settings.github, GitHub::Real);
        assert_eq!(settings.public_url, "https://api.test");
        assert_eq!(settings.env.optional("JWT_SECRET"), Some("mine"));
        assert_eq!(settings.env.optional("GITHUB_URL"), None);
    }

    #[test]
    fn an_incomplete_oauth_app_is_an_error() {
        for name in ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "GITHUB_URL"] {
            assert!(complete(&[(name, "https://x.test")]).is_err(), "{name}");
        }
    }
}
