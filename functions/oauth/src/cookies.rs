//! One cookie for each sign-in under way.

use axum::response::AppendHeaders;
use cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName};
use shared::base::environment::ConfigError;
use shared::identity::login::LOGIN_TTL;
use url::{Host, Url};

/// Makes and finds the cookies; they are `Secure` except on plain-HTTP localhost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    secure: bool,
}

/// A response header that sets a cookie.
pub(crate) type SetCookie = AppendHeaders<[(HeaderName, String); 1]>;

impl Cookies {
    /// Cookies for an API at this address.
    ///
    /// # Errors
    /// When it is plain HTTP and not this machine: cookies would travel in the clear.
    pub(crate) fn for_address(public_url: &str) -> Result<Self, ConfigError> {
        let url = Url::parse(public_url).map_err(|error| ConfigError::new("PUBLIC_URL", error))?;
        let secure = url.scheme() == "https";
        let this_machine = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if secure || this_machine {
            Ok(Self { secure })
        } else {
            Err(ConfigError::new(
                "PUBLIC_URL",
                "must be https, except on this machine",
            ))
        }
    }

    /// Sets the cookie of a sign-in.
    pub(crate) fn set(self, flow_id: &str, value: String) -> SetCookie {
        self.header(flow_id, value, LOGIN_TTL.as_secs())
    }

    /// Removes it again.
    pub(crate) fn clear(self, flow_id: &str) -> SetCookie {
        self.header(flow_id, String::new(), 0)
    }

    /// The value of a sign-in's cookie.
    pub(crate) fn find(self, headers: &HeaderMap, flow_id: &str) -> Option<String> {
        let name = self.name(flow_id);
        let values = headers
            .get_all(COOKIE)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    }

    fn header(self, flow_id: &str, value: String, max_age_seconds: u64) -> SetCookie {
        let cookie = Cookie::build((self.name(flow_id), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .to_string();
        AppendHeaders([(SET_COOKIE, format!("{cookie}; Max-Age={max_age_seconds}"))])
    }

    /// `__Host-` makes the browser refuse the cookie from any other host or path.
    fn name(self, flow_id: &str) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}upblit_login_{flow_id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(address: &str) -> String {
        Cookies::for_address(address)
            .unwrap()
            .set("flow", "value".into())
            .0[0]
            .1
            .clone()
    }

    #[test]
    fn cookies_are_bound_to_the_host_and_unreadable_to_scripts() {
        assert_eq!(
            set("https://api.test"),
            "__Host-upblit_login_flow=value; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
        );
    }

    #[test]
    fn on_plain_http_localhost_only_host_prefix_and_secure_go_away() {
        for address in [
            "http://127.0.0.1:9000",
            "http://localhost",
            "http://[::1]:9000",
        ] {
            let expected = "upblit_login_flow=value; HttpOnly; SameSite=Lax; Path=/; Max-Age=600";
            assert_eq!(set(address), expected);
        }
        assert!(Cookies::for_address("http://api.test").is_err());
        assert!(Cookies::for_address("http://localhost.evil.test").is_err());
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let cookies = Cookies::for_address("http://localhost").unwrap();
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=b; upblit_login_x=1".parse().unwrap());
        headers.append(COOKIE, "upblit_login_flow=2".parse().unwrap());
        assert_eq!(cookies.find(&headers, "flow").as_deref(), Some("2"));
        assert_eq!(cookies.find(&headers, "other"), None);
    }
}
