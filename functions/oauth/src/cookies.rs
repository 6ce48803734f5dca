//! Cookies for login attempts. Each attempt has its own.

use axum::response::AppendHeaders;
use cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName};
use shared::base::environment::{ConfigError, is_loopback};
use shared::identity::login::LOGIN_TTL;
use url::Url;

/// Sets and reads the cookies. They are `Secure`, except for plain HTTP on localhost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    secure: bool,
}

/// Response headers that set or remove cookies.
pub(crate) type SetCookies = AppendHeaders<Vec<(HeaderName, String)>>;

impl Cookies {
    /// Creates the cookies for an API at this address.
    ///
    /// # Errors
    /// If the address is plain HTTP and not on this machine, because cookies would not be
    /// encrypted.
    pub(crate) fn for_address(public_url: &str) -> Result<Self, ConfigError> {
        let url = Url::parse(public_url).map_err(|error| ConfigError::new("PUBLIC_URL", error))?;
        let secure = url.scheme() == "https";
        if secure || is_loopback(&url) {
            Ok(Self { secure })
        } else {
            Err(ConfigError::new(
                "PUBLIC_URL",
                "must be https, except on this machine",
            ))
        }
    }

    /// Sets the cookie of a login attempt, and removes those of other attempts.
    pub(crate) fn set(self, flow_id: &str, value: String, others: &[String]) -> SetCookies {
        let others = others.iter().map(|flow_id| self.removal(flow_id));
        let new = self.header(flow_id, value, LOGIN_TTL.as_secs());
        AppendHeaders(others.chain([new]).collect())
    }

    /// Removes the cookie of a login attempt.
    pub(crate) fn clear(self, flow_id: &str) -> SetCookies {
        AppendHeaders(vec![self.removal(flow_id)])
    }

    fn removal(self, flow_id: &str) -> (HeaderName, String) {
        self.header(flow_id, String::new(), 0)
    }

    /// Returns the value of a login attempt's cookie.
    pub(crate) fn find(self, headers: &HeaderMap, flow_id: &str) -> Option<String> {
        let mut flows = self.flows(headers).into_iter();
        flows.find_map(|(name, value)| (name == flow_id).then_some(value))
    }

    /// Returns the flow ids and cookie values of the browser's unfinished login attempts. Other
    /// cookies of the host may contain any bytes, and are ignored.
    pub(crate) fn flows(self, headers: &HeaderMap) -> Vec<(String, String)> {
        let prefix = self.name("");
        let mut flows = Vec::new();
        for header in headers.get_all(COOKIE) {
            let header = String::from_utf8_lossy(header.as_bytes());
            for cookie in Cookie::split_parse(&*header).filter_map(Result::ok) {
                if let Some(flow_id) = cookie.name().strip_prefix(&prefix) {
                    flows.push((flow_id.to_owned(), cookie.value().to_owned()));
                }
            }
        }
        flows
    }

    fn header(self, flow_id: &str, value: String, max_age_seconds: u64) -> (HeaderName, String) {
        let cookie = Cookie::build((self.name(flow_id), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .to_string();
        (SET_COOKIE, format!("{cookie}; Max-Age={max_age_seconds}"))
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
            .set("flow", "value".into(), &[])
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
    fn on_plain_http_localhost_cookies_lack_only_the_host_prefix_and_secure() {
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

    #[test]
    fn cookies_of_other_sites_are_ignored_whatever_they_contain() {
        let cookies = Cookies::for_address("http://localhost").unwrap();
        for other in [
            "city=Z\u{fc}rich",
            "=",
            "x",
            "a=\"b",
            "%zz=%",
            "upblit_login_=",
            ";;",
        ] {
            let header = format!("{other}; upblit_login_flow=2; {other}");
            // Try the header in ISO 8859-1, which some sites use, and in UTF-8.
            let latin: Vec<u8> = header.chars().map(|char| char as u8).collect();
            for bytes in [header.into_bytes(), latin] {
                let mut headers = HeaderMap::new();
                headers.insert(COOKIE, http::HeaderValue::from_bytes(&bytes).unwrap());
                let found = cookies.find(&headers, "flow");
                assert_eq!(found.as_deref(), Some("2"), "{other}");
            }
        }
    }
}
