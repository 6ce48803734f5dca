//! Errors that end the demo, worded for the terminal.

use std::io;

use axum::http::StatusCode;
use thiserror::Error;

/// An error that ends the demo. Displayed as one line.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// Nothing listens at the address, or what listens is not Upblit.
    #[error(
        "no Upblit server answers at {url} ({reason}): start one with `cargo run` in another terminal, or give its address with --url"
    )]
    NoServer {
        /// Address that was tried.
        url: String,
        /// Why there was no usable response.
        reason: String,
    },
    /// The server signs in with the real GitHub, which takes a person and a browser.
    #[error(
        "{url} signs in with the real GitHub, where the demo has no account: start the server without the GITHUB_ settings, so that it uses the stand-in"
    )]
    RealGitHub {
        /// The address of the API.
        url: String,
    },
    /// The server refused a request.
    #[error("{route} returned {status}: {detail}")]
    Refused {
        /// Method and path of the request.
        route: String,
        /// Status of the response.
        status: StatusCode,
        /// Reason that the response gives.
        detail: String,
    },
    /// A response lacks a field that this version of the server sends.
    #[error("{0} returned an unexpected response: is the server of the same version?")]
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
