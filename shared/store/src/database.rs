//! The DynamoDB client: timeouts and retries.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use jiff::Timestamp;

use crate::database_clock::DatabaseClock;
use crate::metering::Observer;
use crate::table_names::{Table, TableNames};
use upblit_base::environment::{ConfigError, Env};

/// DynamoDB client and table names. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    /// Client of the AWS SDK.
    pub client: Client,
    /// Table names of this deployment.
    pub tables: TableNames,
    pub(crate) clock: DatabaseClock,
}

impl Database {
    /// Creates a client for this AWS account and region, or for the endpoint in
    /// `AWS_ENDPOINT_URL_DYNAMODB`. Makes no call.
    pub fn connect(env: &Env, aws: &SdkConfig, observer: Observer) -> Self {
        let mut config = aws_sdk_dynamodb::config::Builder::from(aws)
            .timeout_config(timeouts(ATTEMPT, TOTAL))
            .retry_config(retries())
            .retry_classifier(RetryConflicts)
            .interceptor(observer);
        if let Some(url) = env.optional("AWS_ENDPOINT_URL_DYNAMODB") {
            config = config.endpoint_url(url);
        }
        Self::with_config(config, TableNames::from_env(env))
    }

    /// Creates a client for an operator: with the SDK's usual credentials and region, and time for
    /// pages of a megabyte over a slow connection. Reads the configuration, and makes no call to
    /// DynamoDB.
    pub async fn for_operator(tables: TableNames) -> Self {
        let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let config = aws_sdk_dynamodb::config::Builder::from(&aws)
            .timeout_config(timeouts(OPERATOR_ATTEMPT, OPERATOR_TOTAL))
            .retry_config(RetryConfig::standard().with_max_attempts(8))
            .retry_classifier(RetryConflicts);
        Self::with_config(config, tables)
    }

    /// Creates a client with this configuration. Makes no call.
    pub fn with_config(config: aws_sdk_dynamodb::config::Builder, tables: TableNames) -> Self {
        let clock = DatabaseClock::default();
        let config = config.interceptor(clock.clone());
        Self {
            client: Client::from_conf(config.build()),
            tables,
            clock,
        }
    }

    /// Returns the time of the last response by the clock of the database; `otherwise` before the
    /// first.
    pub fn now_or(&self, otherwise: Timestamp) -> Timestamp {
        self.clock.now_or(otherwise)
    }

    /// Restricts the database to the tables that a function uses.
    ///
    /// # Errors
    /// When one of them has no name: its `TABLE_…` is not set.
    pub fn using(&self, tables: &[Table]) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: self.tables.only(tables)?,
            ..self.clone()
        })
    }

    /// Creates a client for the local engine at `endpoint`, with placeholder credentials.
    pub fn local(endpoint: &str, tables: TableNames, observer: Observer) -> Self {
        Self::with_config(Self::local_config(endpoint, observer), tables)
    }

    /// SDK configuration of [`Self::local`], for tests that add interceptors. The connections follow
    /// no `HTTP_PROXY`, which the SDK's default would also for loopback addresses.
    pub fn local_config(endpoint: &str, observer: Observer) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .timeout_config(timeouts(LOCAL_ATTEMPT, LOCAL_TOTAL))
            .retry_config(retries())
            .retry_classifier(RetryConflicts)
            .interceptor(observer)
    }
}

/// Time limit of one attempt.
const ATTEMPT: Duration = Duration::from_millis(700);

/// Time limit of all attempts of an operation.
const TOTAL: Duration = Duration::from_millis(1_800);

/// Time limit of one attempt with the local engine, which shares the machine with its callers.
const LOCAL_ATTEMPT: Duration = Duration::from_secs(10);

/// Time limit of all attempts of an operation with the local engine.
const LOCAL_TOTAL: Duration = Duration::from_secs(20);

/// Time limit of one attempt of an operator's command.
const OPERATOR_ATTEMPT: Duration = Duration::from_secs(30);

/// Time limit of all attempts of an operation of an operator's command.
const OPERATOR_TOTAL: Duration = Duration::from_secs(120);

/// Returns the time limits. By default the SDK has none, so a hanging connection would hang the
/// request.
fn timeouts(attempt: Duration, total: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(attempt)
        .operation_timeout(total)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(400))
}

/// Retries puts and updates that conflict with a transaction on the same item, which the SDK does
/// not retry by default.
#[derive(Debug)]
struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let error = error.and_then(|error| error.as_operation_error());
        let code = error.and_then(|error| {
            let update = error.downcast_ref::<UpdateItemError>();
            let put = error.downcast_ref::<PutItemError>();
            update
                .and_then(ProvideErrorMetadata::code)
                .or(put.and_then(ProvideErrorMetadata::code))
        });
        if code == Some("TransactionConflictException") {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "RetryConflicts"
    }
}
