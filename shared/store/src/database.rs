//! The connection to DynamoDB.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeTransmitInterceptorContextRef, InterceptorContext,
};
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::config::{ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use crate::table_names::{Table, TableNames};
use upblit_base::environment::{ConfigError, Env};

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
    pub fn connect(env: &Env, aws: &SdkConfig, on_call: OnCall) -> Self {
        let mut config = aws_sdk_dynamodb::config::Builder::from(aws)
            .timeout_config(timeouts(ATTEMPT, TOTAL))
            .retry_config(retries())
            .retry_classifier(RetryConflicts)
            .interceptor(CountCalls(on_call));
        if let Some(url) = env.optional("AWS_ENDPOINT_URL_DYNAMODB") {
            config = config.endpoint_url(url);
        }
        Self {
            client: Client::from_conf(config.build()),
            tables: TableNames::from_env(env),
        }
    }

    /// The same database, for a function that uses these tables and no other.
    ///
    /// # Errors
    /// When one of them has no name: its `TABLE_…` is not set.
    pub fn using(&self, tables: &[Table]) -> Result<Self, ConfigError> {
        Ok(Self {
            client: self.client.clone(),
            tables: self.tables.only(tables)?,
        })
    }

    /// The engine at `endpoint`, which asks for no real credentials.
    pub fn local(endpoint: &str, tables: TableNames, on_call: OnCall) -> Self {
        let config = Self::local_config(endpoint, on_call).build();
        Self {
            client: Client::from_conf(config),
            tables,
        }
    }

    /// What [`Self::local`] uses, for tests that listen in on the calls.
    pub fn local_config(endpoint: &str, on_call: OnCall) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .timeout_config(timeouts(LOCAL_ATTEMPT, LOCAL_TOTAL))
            .retry_config(retries())
            .retry_classifier(RetryConflicts)
            .interceptor(CountCalls(on_call))
    }
}

/// The longest that one try may take, and all tries of an operation together.
const ATTEMPT: Duration = Duration::from_millis(700);
const TOTAL: Duration = Duration::from_millis(1_800);

/// The same for the engine in this process, which shares a busy machine with its callers.
const LOCAL_ATTEMPT: Duration = Duration::from_secs(10);
const LOCAL_TOTAL: Duration = Duration::from_secs(20);

/// The SDK has no limit of its own: a hanging connection would hang the request.
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

/// A write that meets a transaction on the same item is refused, and fine a
/// moment later; the SDK does not count that among what is worth a retry.
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

/// Called for every request that is sent to DynamoDB, retries among them. The
/// request log counts them; the store does not know it.
pub type OnCall = fn();

/// Reports every request that is sent.
#[derive(Debug)]
struct CountCalls(OnCall);

impl Intercept for CountCalls {
    fn name(&self) -> &'static str {
        "CountCalls"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        (self.0)();
        Ok(())
    }
}
