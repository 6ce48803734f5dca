//! Errors that end the demo, worded for the terminal.

use std::io;

use axum::http::StatusCode;
use thiserror::Error;

/// An error that ends the demo. Displayed as one line.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// There is no response from the address, or not the one that Upblit gives.
    #[error(
        "no usable response from {url} ({reason}): start a server with `cargo run` in another terminal, or give the address of a running one with --url"
    )]
    NoServer {
        /// Address that was tried.
        url: String,
        /// Why there was no usable response.
        reason: String,
    },
    /// The server uses the real GitHub for sign-in, which needs a person with a browser.
    #[error(
        "{url} uses the real GitHub for sign-in, where the demo has no account: start the server without the GITHUB_ settings, so that it uses its GitHub stand-in"
    )]
    RealGitHub {
        /// The address of the API.
        url: String,
    },
    /// The server refused the sign-in of the demo user.
    #[error("{url} refused the sign-in of {login}: {reason}")]
    SignInRefused {
        /// The address of the API.
        url: String,
        /// GitHub login of the demo user.
        login: &'static str,
        /// Slug of the reason, as in the redirect to the login page.
        reason: String,
    },
    /// The server refused a request.
    #[error("{route} returned {status}: {detail}")]
    Refused {
        /// Method and path of the request.
        route: String,
        /// Status of the response.
        status: StatusCode,
        /// Reason given in the response.
        detail: String,
    },
    /// A response lacks a field that this version of the server sends.
    #[error("{0} returned an unexpected response: is the server running the same version?")]
    Unexpected(String),
    /// The server no longer accepts the demo's API key.
    #[error(
        "the server no longer accepts the API key (was it revoked, or the data deleted?): start the demo again"
    )]
    KeyRefused,
    /// The process cannot listen for signals.
    #[error("cannot wait for Ctrl-C: {0}")]
    Signals(io::Error),
}
