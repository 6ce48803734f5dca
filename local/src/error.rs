//! Why the process cannot start or go on, in words for the person at the terminal.

use std::io;
use std::path::PathBuf;

use shared::base::environment::ConfigError;
use thiserror::Error;

/// What ended the process; shown as one line.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// Another program listens on the port.
    #[error("port {port} is taken: stop the program that uses it, or choose another with {option}")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
        /// The option that changes it.
        option: &'static str,
    },
    /// The port cannot be used for another reason.
    #[error("cannot listen on port {port}: {source}")]
    Port {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The data directory, or a file in it, cannot be written or read.
    #[error("cannot use {}: {source}", path.display())]
    DataDir {
        /// What could not be used.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works with the same data.
    #[error("{} is in use by another upblit: stop that one, or choose another with --data-dir", path.display())]
    DataDirInUse {
        /// The data directory.
        path: PathBuf,
    },
    /// The stored signing secret cannot have been written by this program.
    #[error("{} is damaged: delete it; everyone will have to sign in again", path.display())]
    DamagedSecret {
        /// The file with the secret.
        path: PathBuf,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {}: {reason}; if it is damaged, move it away to start afresh", path.display())]
    Database {
        /// The database file; `:memory:` without one.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// The database is open, but the tables cannot be made.
    #[error("cannot create the tables: {0}")]
    Tables(String),
    /// Signals cannot be waited for, or connections not be accepted.
    #[error("cannot run the server: {0}")]
    Server(io::Error),
}
