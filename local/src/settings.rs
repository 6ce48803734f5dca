//! The settings of a local run: the process's own, and defaults with which everything works.

use local::github::{self, OAuthApp};
use shared::base::environment::{ConfigError, Env};

/// Where the browser finds each part. Where they differ, it is several processes.
pub(crate) struct Addresses {
    /// The API: `PUBLIC_URL`, unless that is set.
    pub(crate) api: String,
    /// This process: the stand-in and the pages.
    pub(crate) here: String,
}

/// Who answers for GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitHub {
    /// Ours, in this process.
    StandIn,
    /// GitHub itself, or an Enterprise Server.
    Real,
}

/// Everything the functions read.
pub(crate) struct Settings {
    /// All settings of the process, completed.
    pub(crate) env: Env,
    /// Who answers for GitHub.
    pub(crate) github: GitHub,
    /// Address of the API, without a trailing slash.
    pub(crate) public_url: String,
    /// Address of the dashboard, without a trailing slash.
    pub(crate) frontend_url: String,
}

/// The names a function may need that a local run has a default for.
const FOR_FUNCTIONS: [&str; 7] = [
    "PUBLIC_URL",
    "FRONTEND_URL",
    "JWT_SECRET",
    "GITHUB_URL",
    "GITHUB_API_URL",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
];

impl Settings {
    /// Completes what the process was given. `jwt_secret` makes a secret, unless one is set.
    ///
    /// # Errors
    /// When a setting cannot be right, or the secret cannot be made.
    pub(crate) fn complete<E: From<ConfigError>>(
        env: Env,
        addresses: &Addresses,
        jwt_secret: impl FnOnce() -> Result<String, E>,
    ) -> Result<Self, E> {
        let github = GitHub::chosen_by(&env)?;
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

    /// The app to register with the stand-in, when that is in use.
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

    /// The names and values to hand to functions that run in processes of their own.
    pub(crate) fn for_functions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        FOR_FUNCTIONS
            .iter()
            .filter_map(|name| Some((*name, self.env.optional(name)?)))
    }
}

impl GitHub {
    /// Real once an app is configured. Half an app is a mistake, not a wish for the stand-in.
    fn chosen_by(env: &Env) -> Result<Self, ConfigError> {
        let wanted = [
            "GITHUB_CLIENT_ID",
            "GITHUB_CLIENT_SECRET",
            "GITHUB_URL",
            "GITHUB_API_URL",
        ];
        if wanted.iter().all(|name| env.optional(name).is_none()) {
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

/// Not a secret: whoever reaches the stand-in may sign in as anyone.
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
    fn nothing_needs_to_be_set() {
        let settings = complete(&[]).unwrap();
        assert_eq!(settings.github, GitHub::StandIn);
        assert_eq!(settings.for_functions().count(), FOR_FUNCTIONS.len());
        assert_eq!(settings.env.optional("JWT_SECRET"), Some("made"));
        let callback = settings.oauth_app().unwrap().callback;
        assert_eq!(callback, "http://127.0.0.1:9000/login/oauth2/code/github");
    }

    #[test]
    fn what_is_set_wins() {
        let settings = complete(&[
            ("PUBLIC_URL", "https://api.test/"),
            ("JWT_SECRET", "mine"),
            ("GITHUB_CLIENT_ID", "Iv1.1"),
            ("GITHUB_CLIENT_SECRET", "theirs"),
        ])
        .unwrap();
        assert_eq!(settings.github, GitHub::Real);
        assert_eq!(settings.public_url, "https://api.test");
        assert_eq!(settings.env.optional("JWT_SECRET"), Some("mine"));
        assert_eq!(settings.env.optional("GITHUB_URL"), None);
    }

    #[test]
    fn half_an_app_is_refused() {
        for name in ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "GITHUB_URL"] {
            assert!(complete(&[(name, "https://x.test")]).is_err(), "{name}");
        }
    }
}
