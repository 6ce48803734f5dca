//! Settings from environment variables. Each type reads its own settings when it is created.
//! `docs/settings.md` lists all settings.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;
use url::{Host, Url};

/// One minute, for bounds and defaults of settings.
pub const MINUTE: Duration = Duration::from_secs(60);

/// One day (24 hours), for bounds and defaults of settings.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A setting is missing or invalid. The message never contains the value of a secret.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("setting {name} {problem}")]
pub struct ConfigError {
    name: String,
    problem: String,
}

impl ConfigError {
    /// Creates an error. `problem` continues the sentence "setting NAME …", as in "must be …".
    pub fn new(name: &str, problem: impl Display) -> Self {
        Self {
            name: name.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// Settings by name. An empty value counts as unset.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// Reads the environment variables of the process. Skips those that are not UTF-8.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only reader of environment variables"
    )]
    pub fn process() -> Self {
        Self::from_pairs(
            std::env::vars_os()
                .filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())),
        )
    }

    /// Creates settings from names and values, without reading the process environment.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Adds values for settings that are unset.
    #[must_use]
    pub fn with_defaults<N, V>(mut self, defaults: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        for (name, value) in Self::from_pairs(defaults).0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// Returns the value of a setting, or `None` if it is unset or empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the value of a required setting.
    ///
    /// # Errors
    /// If it is unset or empty.
    pub fn required(&self, name: &str) -> Result<&str, ConfigError> {
        self.optional(name)
            .ok_or_else(|| ConfigError::new(name, "is not set"))
    }

    /// Returns the value of a required secret, in a type that `Debug` does not print.
    ///
    /// # Errors
    /// If it is unset or empty.
    pub fn secret(&self, name: &str) -> Result<SecretString, ConfigError> {
        self.required(name).map(SecretString::from)
    }

    /// Parses a setting. Returns `default` if it is unset.
    ///
    /// # Errors
    /// If it is set and does not parse.
    pub fn parsed<T: FromStr<Err: Display>>(
        &self,
        name: &str,
        default: T,
    ) -> Result<T, ConfigError> {
        match self.optional(name) {
            Some(text) => text.parse().map_err(|error| ConfigError::new(name, error)),
            None => Ok(default),
        }
    }

    /// Parses a duration, given in whole seconds or with units (`15m`, `14d`). Returns `default`
    /// if it is unset.
    ///
    /// # Errors
    /// If it does not parse or is outside `range`.
    pub fn duration(
        &self,
        name: &str,
        default: Duration,
        range: std::ops::RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        let Some(text) = self.optional(name) else {
            return Ok(default);
        };
        let seconds = text.parse().ok().map(Duration::from_secs);
        seconds
            .or_else(|| humantime::parse_duration(text).ok())
            .filter(|duration| range.contains(duration))
            .ok_or_else(|| {
                let from = humantime::format_duration(*range.start());
                let to = humantime::format_duration(*range.end());
                let problem =
                    format!("must be from {from} to {to}, in seconds or with a unit (15m, 14d)");
                ConfigError::new(name, problem)
            })
    }

    /// Returns whether the API runs on this machine: `PUBLIC_URL` is a loopback address.
    pub fn is_local(&self) -> bool {
        let url = self.optional("PUBLIC_URL").map(Url::parse);
        url.is_some_and(|url| url.is_ok_and(|url| is_loopback(&url)))
    }

    /// Returns a base URL without a trailing slash. The scheme is `http` or `https`; query,
    /// fragment and credentials are not allowed.
    ///
    /// # Errors
    /// If it is not such a URL, or if it is unset and there is no default.
    pub fn base_url(&self, name: &str, default: Option<&str>) -> Result<String, ConfigError> {
        let text = match (self.optional(name), default) {
            (Some(text), _) | (None, Some(text)) => text,
            (None, None) => self.required(name)?,
        };
        let url = Url::parse(text).map_err(|error| ConfigError::new(name, error))?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain {
            return Err(ConfigError::new(
                name,
                "must be an http(s) address without query",
            ));
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// Returns a [`Self::base_url`] whose scheme is `https`, or `http` on this machine.
    ///
    /// # Errors
    /// Those of [`Self::base_url`], and if the scheme is `http` and the host is another machine.
    pub fn secure_url(&self, name: &str, default: Option<&str>) -> Result<String, ConfigError> {
        let url = self.base_url(name, default)?;
        let parsed = Url::parse(&url).map_err(|error| ConfigError::new(name, error))?;
        if parsed.scheme() == "https" || is_loopback(&parsed) {
            return Ok(url);
        }
        Err(ConfigError::new(
            name,
            "must be https, except on this machine",
        ))
    }
}

/// Returns whether the host of a URL is a loopback name or address.
pub fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| is_loopback_host(&host))
}

/// Returns whether a host is a loopback name or address, which always means this machine.
pub fn is_loopback_host<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: values may be secrets.
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn durations_are_in_seconds_or_have_units() {
        let read = |text| env(&[("T", text)]).duration("T", DAY, Duration::from_secs(1)..=30 * DAY);
        assert_eq!(read("900"), Ok(15 * MINUTE));
        assert_eq!(read("15m"), Ok(15 * MINUTE));
        assert_eq!(read("14d"), Ok(14 * DAY));
        assert_eq!(read(""), Ok(DAY));
        for text in ["0", "31d", "soon", "-1", "1.5"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn base_urls_have_no_query_fragment_or_credentials() {
        let read = |text| env(&[("U", text)]).base_url("U", None);
        assert_eq!(read("https://api.test/"), Ok("https://api.test".into()));
        assert_eq!(
            read("http://127.0.0.1:9000/github"),
            Ok("http://127.0.0.1:9000/github".into())
        );
        for text in [
            "",
            "api.test",
            "ftp://a",
            "https://u:p@a",
            "https://a?x",
            "https://a#x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secure_urls_are_https_except_on_this_machine() {
        let read = |text| env(&[("U", text)]).secure_url("U", None);
        for secure in [
            "https://app.test",
            "http://localhost:5173",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "http://app.localhost",
        ] {
            assert_eq!(read(secure).as_deref(), Ok(secure));
        }
        for plain in [
            "http://app.test",
            "http://localhost.app.test",
            "http://10.0.0.1",
            "http://0.0.0.0:9000",
            "ftp://localhost",
        ] {
            assert!(read(plain).is_err(), "{plain}");
        }
    }

    #[test]
    fn debug_output_has_no_values() {
        let shown = format!("{:?}", env(&[("JWT_SECRET", "hunter2")]));
        assert_eq!(shown, r#"{"JWT_SECRET"}"#);
    }
}
