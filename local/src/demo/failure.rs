//! Why the demo cannot start or go on, in words for the person at the terminal.

use std::io;

use axum::http::StatusCode;
use thiserror::Error;

/// What ended the demo; shown as one line.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// Nothing listens there, or it is no Upblit.
    #[error(
        "no Upblit answers at {url} ({reason}): start one with `cargo run` in another terminal, or name its address with --url"
    )]
    NoServer {
        /// Where it was looked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// No one can be signed in without a browser.
    #[error(
        "{url} signs in with the real GitHub, where the demo has no account: run it without the GITHUB_ settings, so that the stand-in answers"
    )]
    RealGitHub {
        /// The address of the API.
        url: String,
    },
    /// The server understood, and said no.
    #[error("{asked} was answered with {status}: {detail}")]
    Refused {
        /// The request.
        asked: String,
        /// The answer's status.
        status: StatusCode,
        /// The answer's own words.
        detail: String,
    },
    /// The server answers, but not as Upblit does.
    #[error("{0} was answered with something else than expected: is it the same version?")]
    Unexpected(String),
    /// The key is not accepted any more.
    #[error(
        "the key is not accepted any more (was it revoked, or did the server start afresh?): start the demo again"
    )]
    KeyEnded,
    /// Signals cannot be waited for.
    #[error("cannot wait for Ctrl-C: {0}")]
    Signals(io::Error),
}
