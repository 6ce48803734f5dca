//! Settings of the GitHub server: github.com, or a GitHub Enterprise Server. Used by sign-in and invites.

use upblit_base::environment::{ConfigError, Env};

use crate::client::ExtraRoots;

const GITHUB: &str = "https://github.com";
const GITHUB_API: &str = "https://api.github.com";

/// Setting that says whether unverified e-mail addresses are accepted.
const UNVERIFIED_EMAILS: &str = "GITHUB_UNVERIFIED_EMAILS";

/// Addresses of the GitHub server, and the certificates and e-mail addresses that are accepted from it.
#[derive(Debug)]
pub struct Server {
    /// Address of the web pages, without a trailing slash.
    pub url: String,
    /// Address of the REST API, without a trailing slash.
    pub api_url: String,
    /// Certificates of a private CA.
    pub roots: ExtraRoots,
    /// Whether the primary e-mail address need not be verified.
    pub accepts_unverified_emails: bool,
}

impl Server {
    /// Reads `GITHUB_URL`, `GITHUB_API_URL`, `GITHUB_CA_CERTIFICATES` and
    /// `GITHUB_UNVERIFIED_EMAILS`. Unless `GITHUB_API_URL` is set, the API of a GitHub Enterprise
    /// Server is below its address (`/api/v3`), so that its tokens never reach github.com.
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let url = env.secure_url("GITHUB_URL", Some(GITHUB))?;
        let default_api = match url.as_str() {
            GITHUB => GITHUB_API.to_owned(),
            server => format!("{server}/api/v3"),
        };
        Ok(Self {
            api_url: env.secure_url("GITHUB_API_URL", Some(&default_api))?,
            roots: ExtraRoots::from_env(env, "GITHUB_CA_CERTIFICATES")?,
            accepts_unverified_emails: accepts_unverified_emails(env, &url)?,
            url,
        })
    }
}

/// Returns whether unverified addresses are accepted. Never on github.com, where anyone can enter
/// an address that belongs to someone else.
fn accepts_unverified_emails(env: &Env, url: &str) -> Result<bool, ConfigError> {
    match env.optional(UNVERIFIED_EMAILS) {
        None | Some("refuse") => Ok(false),
        Some("accept") if url != GITHUB => Ok(true),
        Some("accept") => Err(ConfigError::new(
            UNVERIFIED_EMAILS,
            "is for a GitHub Enterprise Server: github.com verifies addresses",
        )),
        Some(_) => Err(ConfigError::new(
            UNVERIFIED_EMAILS,
            "must be refuse or accept",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Server, ConfigError> {
        Server::from_env(&Env::from_pairs(settings.iter().copied()))
    }

    #[test]
    fn the_api_of_a_server_is_below_its_address_unless_it_is_set() {
        for (settings, url, api_url) in [
            (&[][..], "https://github.com", "https://api.github.com"),
            (
                &[("GITHUB_URL", "https://git.example.com/")],
                "https://git.example.com",
                "https://git.example.com/api/v3",
            ),
            (
                &[
                    ("GITHUB_URL", "https://example.ghe.com"),
                    ("GITHUB_API_URL", "https://api.example.ghe.com"),
                ],
                "https://example.ghe.com",
                "https://api.example.ghe.com",
            ),
        ] {
            let server = read(settings).unwrap();
            assert_eq!((&*server.url, &*server.api_url), (url, api_url));
        }
    }

    #[test]
    fn unverified_addresses_are_accepted_only_from_a_server_whose_operator_says_so() {
        let server = ("GITHUB_URL", "https://git.example.com");
        let accepts = |settings: &[_]| read(settings).map(|read| read.accepts_unverified_emails);
        assert_eq!(accepts(&[server]), Ok(false));
        assert_eq!(accepts(&[server, (UNVERIFIED_EMAILS, "refuse")]), Ok(false));
        assert_eq!(accepts(&[server, (UNVERIFIED_EMAILS, "accept")]), Ok(true));
        assert!(accepts(&[server, (UNVERIFIED_EMAILS, "yes")]).is_err());
        assert!(accepts(&[(UNVERIFIED_EMAILS, "accept")]).is_err());
    }

    #[test]
    fn a_server_is_reached_by_https_except_on_this_machine() {
        for (address, is_accepted) in [
            ("http://git.example.com", false),
            ("http://127.0.0.1:9000/github", true),
            ("https://git.example.com", true),
        ] {
            for name in ["GITHUB_URL", "GITHUB_API_URL"] {
                assert_eq!(
                    read(&[(name, address)]).is_ok(),
                    is_accepted,
                    "{name} {address}"
                );
            }
        }
    }

    #[test]
    fn certificates_that_cannot_be_read_prevent_the_start() {
        let error = read(&[("GITHUB_CA_CERTIFICATES", "ca.pem")]).unwrap_err();
        assert!(error.to_string().contains("GITHUB_CA_CERTIFICATES"));
    }
}
