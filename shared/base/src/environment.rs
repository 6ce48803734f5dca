//! The environment: settings, read once at start-up by the concerns they belong
//! to. `docs/settings.md` lists them all.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;
use url::Url;

/// For the bounds and defaults of durations.
pub const MINUTE: Duration = Duration::from_secs(60);

/// For the bounds and defaults of durations.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A setting that is missing or wrong. The text never holds the value of a secret.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("setting {name} {problem}")]
pub struct ConfigError {
    name: String,
    problem: String,
}

impl ConfigError {
    /// What is wrong with the setting, as the rest of a sentence: "must be …".
    pub fn new(name: &str, problem: impl Display) -> Self {
        Self {
            name: name.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// The settings of this process. An empty value counts as unset.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment variables of the process.
    #[expect(clippy::disallowed_methods, reason = "this is the settings' home")]
    pub fn process() -> Self {
        Self::from_pairs(
            std::env::vars_os()
                .filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())),
        )
    }

    /// Settings from names and values.
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

    /// These settings, with values for what is unset.
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

    /// The value of a setting that may be unset.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a setting that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(&self, name: &str) -> Result<&str, ConfigError> {
        self.optional(name)
            .ok_or_else(|| ConfigError::new(name, "is not set"))
    }

    /// A secret that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn secret(&self, name: &str) -> Result<SecretString, ConfigError> {
        self.required(name).map(SecretString::from)
    }

    /// A value of any type that parses from text.
    ///
    /// # Errors
    /// When it is set and does not parse.
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

    /// A duration: a number of seconds, or with units: `15m`, `14d`.
    ///
    /// # Errors
    /// When it is neither, or not within `range`.
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
                let (from, to) = range.into_inner();
                let (from, to) = (
                    humantime::format_duration(from),
                    humantime::format_duration(to),
                );
                let problem = format!("must be seconds, or like 15m or 14d, from {from} to {to}");
                ConfigError::new(name, problem)
            })
    }

    /// An address of ours or GitHub's: `http` or `https`, without query, fragment or credentials;
    /// a trailing slash is dropped.
    ///
    /// # Errors
    /// When it is set and is not such an address, or when it is unset and there is no default.
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
    fn durations_are_seconds_or_have_units() {
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
    fn base_urls_are_plain_addresses() {
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
    fn debug_shows_no_values() {
        let shown = format!("{:?}", env(&[("JWT_SECRET", "hunter2")]));
        assert_eq!(shown, r#"{"JWT_SECRET"}"#);
    }
}
