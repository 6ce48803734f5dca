//! The database of a local run: a DynamoDB engine in this process, over SQLite.
//!
//! Every acknowledged write survives a kill and a power cut: the engine keeps
//! its file in WAL mode, and the SQLite it bundles is built with
//! `synchronous=FULL`, so each commit is flushed to the disk first.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::{Database, server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::Failure;

/// DynamoDB deletes expired items within days; here they go within the minute.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How long the engine may take to close its file. Cut short, it loses nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// An engine that answers on a port.
pub(crate) struct Engine {
    /// The address for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub(crate) endpoint: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl Engine {
    /// Opens the file, or a throw-away database without one, and serves it on `listener`.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) fn start(listener: TcpListener, file: Option<&Path>) -> Result<Self, Failure> {
        let address = listener.local_addr().map_err(Failure::Server)?;
        let database = open(file)?;
        tokio::spawn(sweep(database.clone()));
        let (stop, stopped) = oneshot::channel();
        let server = server::serve_with_shutdown(listener, database, async {
            let _ = stopped.await;
        });
        Ok(Self {
            endpoint: format!("http://{address}"),
            stop,
            server: tokio::spawn(server),
        })
    }

    /// Stops it, once nothing needs it any more.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        if let Ok(Ok(Err(reason))) = timeout(PATIENCE, self.server).await {
            tracing::error!(reason, "the database engine failed");
        }
    }
}

fn open(file: Option<&Path>) -> Result<Database, Failure> {
    let Some(file) = file else {
        return Database::memory().map_err(|error| failure(Path::new(":memory:"), error));
    };
    // Absolute, because SQLite takes a relative "file:…" for a URI.
    let absolute = std::path::absolute(file).map_err(|source| Failure::DataDir {
        path: file.to_owned(),
        source,
    })?;
    let Some(path) = absolute.to_str() else {
        return Err(failure(file, "its path is not valid UTF-8"));
    };
    Database::new(path).map_err(|error| failure(file, error))
}

/// Of what the engine says, the first sentence: the rest is advice for another program.
fn failure(path: &Path, reason: impl ToString) -> Failure {
    let text = reason.to_string();
    let sentence = text.split(". ").next().unwrap_or_default();
    let reason = sentence.trim_start_matches("Internal error: ").to_owned();
    Failure::Database {
        path: PathBuf::from(path),
        reason,
    }
}

/// Deletes what has expired, for as long as the process lives.
async fn sweep(database: Database) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let database = database.clone();
        // The engine's own calls block.
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(deleted)) => tracing::debug!(deleted, "swept expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "could not sweep expired items"),
            Err(error) => tracing::warn!(%error, "could not sweep expired items"),
        }
    }
}
