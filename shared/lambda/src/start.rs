//! What an instance waits for before its first event. Lambda gives the start a whole CPU, and
//! requests a share of one (MemorySize / 1,769 MB), so work is cheaper here.

use std::time::Duration;

use upblit_base::causes::WithCauses;
use upblit_base::environment::{ConfigError, Env};
use upblit_store::{Database, WarmUp};

use crate::secrets::Secrets;

/// Longest time that a start waits for connections to DynamoDB. They take some 30 ms, even if
/// several instances start at once. After this time the first request opens its own.
const CONNECTIONS_LIMIT: Duration = Duration::from_secs(1);

/// Reads the secrets and opens the connections, concurrently. Returns the settings with the values
/// of the secrets.
///
/// # Errors
/// If a secret cannot be read. Connections that cannot be opened are only logged.
pub(super) async fn prepared(
    env: Env,
    secrets: Option<&Secrets>,
    database: &Database,
    warm_up: Option<WarmUp>,
) -> Result<Env, ConfigError> {
    let settings = async {
        match secrets {
            Some(secrets) => secrets.read().await,
            None => Ok(env),
        }
    };
    let connections = async {
        if let Some(warm_up) = warm_up {
            open(database, warm_up).await;
        }
        Ok(())
    };
    // If the secrets cannot be read, the start fails without waiting for the connections.
    let (settings, ()) = tokio::try_join!(settings, connections)?;
    Ok(settings)
}

async fn open(database: &Database, warm_up: WarmUp) {
    match tokio::time::timeout(CONNECTIONS_LIMIT, database.warm_up(warm_up)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = %WithCauses(&error), "connections not opened before the first event");
        }
        Err(_) => tracing::warn!("connections not opened before the first event: timeout"),
    }
}
