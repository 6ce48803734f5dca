//! Where a request comes from, as the gateway saw it: never from a header, which
//! a client may set.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;
use lambda_http::request::RequestContext;
use upblit_identity::session::client::Client;

/// Longest `User-Agent` that is read, in bytes.
const MAX_USER_AGENT_BYTES: usize = 256;

/// The client's address; unknown where there is no gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            _ => None,
        };
        Ok(Self(address.and_then(|address| address.parse().ok())))
    }
}

/// The client that sent a request, as sessions recognise it.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The beginning of its `User-Agent`; empty where there is none.
    pub user_agent: String,
    address: ClientAddress,
}

impl Sender {
    /// What sessions recognise it by.
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
