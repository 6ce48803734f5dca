//! The connection to DynamoDB.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};

use super::keys::TableNames;
use crate::config::{ConfigError, Env};

/// The client and the names of the tables; cheap to clone.
#[derive(Clone)]
pub struct Database {
    /// The SDK's client.
    pub client: Client,
    /// Which table is which.
    pub tables: TableNames,
}

impl Database {
    /// The database of this AWS account and region, or the one that
    /// `AWS_ENDPOINT_URL_DYNAMODB` names. Makes no call.
    ///
    /// # Errors
    /// When a table's name is missing.
    pub async fn connect(env: &Env) -> Result<Self, ConfigError> {
        let tables = TableNames::from_env(env);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts())
            .retry_config(retries())
            .load()
            .await;
        Ok(Self {
            client: Client::new(&config),
            tables,
        })
    }

    /// The engine at `endpoint`, which asks for no real credentials.
    pub fn local(endpoint: &str, tables: TableNames) -> Self {
        let config = Self::local_config(endpoint).build();
        Self {
            client: Client::from_conf(config),
            tables,
        }
    }

    /// What [`Self::local`] uses, for tests that listen in on the calls.
    pub fn local_config(endpoint: &str) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .timeout_config(timeouts())
            .retry_config(retries())
    }
}

/// The SDK has no limit of its own: a hanging connection would hang the request.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(700))
        .operation_timeout(Duration::from_millis(1_800))
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(400))
}
