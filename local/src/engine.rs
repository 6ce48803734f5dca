//! The database of a local run: a DynamoDB engine in this process, based on SQLite.
//!
//! Every acknowledged write survives a kill and a power failure: the engine uses
//! SQLite's WAL mode, and the bundled SQLite is built with `synchronous=FULL`, so
//! each commit is flushed to the disk before it is acknowledged.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::{Database, server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::Failure;

/// Interval at which expired items are deleted. (DynamoDB takes up to some days.)
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Time limit for the engine to close its file. No data is lost if it takes longer.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// A running engine, which serves the DynamoDB API on a port.
pub(crate) struct Engine {
    /// Base URL, for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub(crate) endpoint: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl Engine {
    /// Opens the database in `file`, or in memory if `None`, and serves it on `listener`.
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

    /// Stops the engine and closes its file.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        if let Ok(Ok(Err(reason))) = timeout(STOP_LIMIT, self.server).await {
            tracing::error!(reason, "the database engine failed");
        }
    }
}

fn open(file: Option<&Path>) -> Result<Database, Failure> {
    let Some(file) = file else {
        return Database::memory().map_err(|error| failure(Path::new(":memory:"), error));
    };
    // The path is made absolute, because SQLite reads a relative "file:…" as a URI.
    let absolute = std::path::absolute(file).map_err(|source| Failure::DataDir {
        path: file.to_owned(),
        source,
    })?;
    let Some(path) = absolute.to_str() else {
        return Err(failure(file, "its path is not valid UTF-8"));
    };
    Database::new(path).map_err(|error| failure(file, error))
}

/// Keeps the first sentence of the engine's message. The rest is advice for its own command line.
fn failure(path: &Path, reason: impl ToString) -> Failure {
    let text = reason.to_string();
    let sentence = text.split(". ").next().unwrap_or_default();
    let reason = sentence.trim_start_matches("Internal error: ").to_owned();
    Failure::Database {
        path: PathBuf::from(path),
        reason,
    }
}

/// Deletes expired items every minute until the process ends.
async fn sweep(database: Database) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let database = database.clone();
        // Calls of the engine block the thread.
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(deleted)) => tracing::debug!(deleted, "deleted expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot delete expired items"),
            Err(error) => tracing::warn!(%error, "cannot delete expired items"),
        }
    }
}
