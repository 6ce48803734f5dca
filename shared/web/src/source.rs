//! The client of a request. Its address is the one that the gateway, or the service in front of it,
//! saw, never one that a client states in a header.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;
use lambda_http::request::RequestContext;
use upblit_identity::session::client::Client;

use crate::edge::ThroughEdge;

/// Maximum number of bytes that are read of a `User-Agent`.
const MAX_USER_AGENT_BYTES: usize = 256;

/// Address of the client. `None` without a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            _ => None,
        };
        let peer = peer.and_then(|address| address.parse().ok());
        let is_edge = parts.extensions.get::<ThroughEdge>().is_some();
        let viewer = is_edge.then(|| before_the_edge(&parts.headers)).flatten();
        Ok(Self(viewer.or(peer)))
    }
}

/// Returns the address of the client of the service in front. The service appends this address to
/// `X-Forwarded-For`, then API Gateway appends the address of the service. Everything before these
/// two was sent by the client and is ignored.
fn before_the_edge(headers: &HeaderMap) -> Option<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    hops.iter().rev().nth(1)?.trim().parse().ok()
}

/// The client that sent a request, as sessions recognize it.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The beginning of its `User-Agent`, at most 256 bytes. Empty if there is none.
    pub user_agent: String,
    address: ClientAddress,
}

impl Sender {
    /// Returns the properties by which sessions recognize the client.
    pub fn client(&self) -> Client<'_> {
        Client {
            user_agent: &self.user_agent,
            address: self.address.0,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(USER_AGENT);
        let header = header.and_then(|header| header.to_str().ok());
        let user_agent = header.unwrap_or_default();
        let end = user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES);
        Ok(Self {
            user_agent: user_agent[..end].to_owned(),
            address: ClientAddress::from_request_parts(parts, state).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    async fn address(forwarded: &[&str], is_edge: bool) -> Option<String> {
        let mut request = Request::get("/");
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        if is_edge {
            parts.extensions.insert(ThroughEdge);
        }
        let Ok(address) = ClientAddress::from_request_parts(&mut parts, &()).await;
        address.0.map(|address| address.to_string())
    }

    #[tokio::test]
    async fn the_client_of_the_edge_is_the_last_hop_but_one() {
        for (forwarded, expected) in [
            (&["192.0.2.7, 203.0.113.1"][..], Some("192.0.2.7")),
            (&["10.0.0.1, 192.0.2.7, 203.0.113.1"], Some("192.0.2.7")),
            (&["10.0.0.1", "192.0.2.7", "203.0.113.1"], Some("192.0.2.7")),
            (&["2001:db8::1, 203.0.113.1"], Some("2001:db8::1")),
            (&["203.0.113.1"], None),
            (&["x, 203.0.113.1"], None),
            (&[], None),
        ] {
            assert_eq!(
                address(forwarded, true).await.as_deref(),
                expected,
                "{forwarded:?}"
            );
            assert_eq!(
                address(forwarded, false).await,
                None,
                "a header of the client"
            );
        }
    }
}
