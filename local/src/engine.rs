//! The database of a local run: a DynamoDB engine in this process, based on SQLite.
//!
//! Every acknowledged write survives a kill and a power failure: the engine uses
//! SQLite's WAL mode, and the bundled SQLite is built with `synchronous=FULL`, so
//! each commit is flushed to the disk before it is acknowledged.

mod guard;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::Database;
use shared::base::random;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::Failure;
use crate::limits::Limits;
use crate::server::{self, TimeLimits};

pub(crate) use guard::AccessKey;

/// Interval at which expired items are deleted. (DynamoDB takes up to a few days.)
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Time limit for the engine to close its file. No data is lost if it takes longer.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// A running engine, which serves the DynamoDB API on a port.
pub(crate) struct Engine {
    /// Base URL, for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub(crate) endpoint: String,
    /// Access key id that requests to `endpoint` must have.
    pub(crate) key: AccessKey,
    /// Base URL without the guard, for this process.
    pub(crate) inside: String,
    guard: oneshot::Sender<()>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl Engine {
    /// Opens the database in `file`, or in memory if `None`, and serves it on `listener` to clients with
    /// its access key id.
    ///
    /// # Errors
    /// When the database cannot be opened, or there is no port for the engine itself.
    pub(crate) async fn start(
        listener: TcpListener,
        file: Option<&Path>,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let address = listener.local_addr().map_err(Failure::Server)?;
        let database = open(file)?;
        tokio::spawn(sweep(database.clone()));
        let hidden = hidden_listener().await.map_err(Failure::Server)?;
        let inside = hidden.local_addr().map_err(Failure::Server)?;
        let (stop, stopped) = oneshot::channel();
        let server = dynoxide::server::serve_with_shutdown(hidden, database, signal(stopped));
        let (guard, guard_stopped) = oneshot::channel();
        let key = AccessKey::generate();
        let router = guard::router(inside, key.clone());
        tokio::spawn(server::serve(
            listener,
            router,
            limits.engine,
            TimeLimits::USUAL,
            signal(guard_stopped),
        ));
        Ok(Self {
            endpoint: format!("http://{address}"),
            key,
            inside: format!("http://{inside}"),
            guard,
            stop,
            server: tokio::spawn(server),
        })
    }

    /// Stops the engine and closes its file.
    pub(crate) async fn stop(self) {
        let _ = self.guard.send(());
        let _ = self.stop.send(());
        if let Ok(Ok(Err(reason))) = timeout(STOP_LIMIT, self.server).await {
            tracing::error!(reason, "the database engine failed");
        }
    }
}

async fn signal(stopped: oneshot::Receiver<()>) {
    let _ = stopped.await;
}

/// The engine's own listener. The engine accepts only TCP connections and has no access control, so the
/// listener has a random loopback address, one of 2^24, which a web page would have to find in addition
/// to the port. On systems that route only 127.0.0.1 (macOS), it has that address.
async fn hidden_listener() -> io::Result<TcpListener> {
    let [a, b, c] = random::bytes::<3>(&mut random::rng());
    let hidden = SocketAddr::from((Ipv4Addr::new(127, a, b, c), 0));
    match TcpListener::bind(hidden).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

fn open(file: Option<&Path>) -> Result<Database, Failure> {
    let Some(file) = file else {
        return Database::memory().map_err(|error| failure(Path::new(":memory:"), error));
    };
    // Make the path absolute, because SQLite reads a relative "file:…" as a URI.
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
        // Calls into the engine block the thread.
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(deleted)) => tracing::debug!(deleted, "deleted expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot delete expired items"),
            Err(error) => tracing::warn!(%error, "cannot delete expired items"),
        }
    }
}
