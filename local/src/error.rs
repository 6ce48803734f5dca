//! Errors that end the process, worded for the terminal.

use std::io;
use std::path::PathBuf;

use local::admin;
use shared::base::causes::WithCauses;
use shared::base::environment::ConfigError;
use shared::store::admin::UnknownStack;
use thiserror::Error;

/// An error that ends the process. Displayed as one line.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// A setting is missing or invalid.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// Another program listens on the port.
    #[error("port {port} is taken: stop the program that uses it, or choose another with {option}")]
    PortTaken {
        /// Port given on the command line, or its default.
        port: u16,
        /// Command line option that sets the port.
        option: &'static str,
    },
    /// The process cannot listen on the port, for a reason other than `PortTaken`.
    #[error("cannot listen on port {port}: {source}")]
    Port {
        /// Port given on the command line, or its default.
        port: u16,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The data directory, or a file in it, cannot be written or read.
    #[error("cannot use {}: {source}", path.display())]
    DataDir {
        /// The directory or file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// There is no data directory to work on.
    #[error("there is no data in {}: choose another directory with --data-dir, or a deployment with --stack", path.display())]
    NoData {
        /// The directory, as given with `--data-dir`.
        path: PathBuf,
    },
    /// The tables of a stack cannot be determined.
    #[error("{}", WithCauses(.0))]
    Stack(#[from] UnknownStack),
    /// An operator's command could not be completed.
    #[error(transparent)]
    Admin(admin::Failure),
    /// Another process has locked the data directory.
    #[error("{} is in use by another upblit: stop that one, or choose another with --data-dir", path.display())]
    DataDirInUse {
        /// The locked data directory.
        path: PathBuf,
    },
    /// A newer release has written to the data directory.
    #[error("{} holds data of a newer upblit: update this one, or choose another with --data-dir", path.display())]
    NewerData {
        /// The data directory with the newer data.
        path: PathBuf,
    },
    /// The stored signing secret is too short, or not UTF-8.
    #[error("{} is damaged: delete it; all users have to sign in again", path.display())]
    DamagedSecret {
        /// The file with the secret.
        path: PathBuf,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {}: {reason}; if it is damaged, move it away to start with an empty one", path.display())]
    Database {
        /// The database file, or `:memory:`.
        path: PathBuf,
        /// First sentence of the engine's error message.
        reason: String,
    },
    /// The database is open, but its tables cannot be created.
    #[error("cannot create the tables: {0}")]
    Tables(String),
    /// The process cannot listen for signals or accept connections.
    #[error("cannot run the server: {0}")]
    Server(io::Error),
}
