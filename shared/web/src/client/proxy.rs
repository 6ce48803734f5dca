//! Connections through the proxy that the environment names.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;
use upblit_base::environment::{Env, is_loopback};
use url::Url;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connects directly, or through a tunnel (`CONNECT`) of the proxy for the destination.
#[derive(Clone)]
pub(super) struct ProxyConnector {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

impl ProxyConnector {
    pub(super) fn from_env(env: &Env) -> Self {
        let setting = |name: &str| {
            let value = env.optional(name);
            let value = value.or_else(|| env.optional(&name.to_ascii_lowercase()));
            value.unwrap_or_default().to_owned()
        };
        let proxies = Matcher::builder()
            .all(setting("ALL_PROXY"))
            .http(setting("HTTP_PROXY"))
            .https(setting("HTTPS_PROXY"))
            .no(setting("NO_PROXY"))
            .build();
        let mut direct = HttpConnector::new();
        // TLS is added around the connection.
        direct.enforce_http(false);
        Self {
            direct,
            proxies: Arc::new(proxies),
        }
    }

    fn tunnel(&self, destination: &Uri) -> Option<Tunnel<HttpConnector>> {
        let url = Url::parse(&destination.to_string()).ok()?;
        if is_loopback(&url) {
            return None;
        }
        let proxy = self.proxies.intercept(destination)?;
        let tunnel = Tunnel::new(proxy.uri().clone(), self.direct.clone());
        Some(match proxy.basic_auth() {
            Some(credentials) => tunnel.with_auth(credentials.clone()),
            None => tunnel,
        })
    }
}

/// Adds the port to a destination with plain HTTP, because a tunnel assumes the port of HTTPS.
fn with_port(destination: Uri) -> Result<Uri, http::Error> {
    if destination.port().is_some() || destination.scheme_str() != Some("http") {
        return Ok(destination);
    }
    let authority = format!("{}:80", destination.host().unwrap_or_default());
    let mut parts = destination.into_parts();
    parts.authority = Some(authority.parse()?);
    Ok(Uri::from_parts(parts)?)
}

impl Service<Uri> for ProxyConnector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let tunnel = self.tunnel(&destination);
        let mut direct = self.direct.clone();
        Box::pin(async move {
            match tunnel {
                Some(mut tunnel) => Ok(tunnel.call(with_port(destination)?).await?),
                None => Ok(direct.call(destination).await?),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_proxied(settings: &[(&str, &str)], destination: &str) -> bool {
        let connector = ProxyConnector::from_env(&Env::from_pairs(settings.iter().copied()));
        connector.tunnel(&destination.parse().unwrap()).is_some()
    }

    #[test]
    fn the_environment_chooses_the_proxy_and_loopback_has_none() {
        const PROXY: &str = "http://user:password@proxy.test:3128";
        let github = "https://github.com/login/oauth/access_token";
        for (settings, destination, expected) in [
            (&[][..], github, false),
            (&[("HTTPS_PROXY", PROXY)], github, true),
            (&[("https_proxy", PROXY)], github, true),
            (&[("ALL_PROXY", PROXY)], github, true),
            (&[("HTTP_PROXY", PROXY)], github, false),
            (&[("HTTP_PROXY", PROXY)], "http://github.test/user", true),
            (
                &[("ALL_PROXY", PROXY), ("NO_PROXY", "github.com")],
                github,
                false,
            ),
            (
                &[("ALL_PROXY", PROXY)],
                "http://127.0.0.1:9000/github",
                false,
            ),
            (
                &[("ALL_PROXY", PROXY)],
                "http://localhost:9000/github",
                false,
            ),
            (&[("ALL_PROXY", PROXY)], "http://[::1]:9000/github", false),
        ] {
            assert_eq!(
                is_proxied(settings, destination),
                expected,
                "{settings:?} {destination}"
            );
        }
    }

    #[test]
    fn a_tunnel_for_plain_http_names_its_port() {
        for (destination, expected) in [
            ("http://github.test/user", "http://github.test:80/user"),
            ("http://github.test:81/user", "http://github.test:81/user"),
            ("https://github.test/user", "https://github.test/user"),
        ] {
            let named = with_port(destination.parse().unwrap()).unwrap();
            assert_eq!(named.to_string(), expected);
        }
    }
}
