//! Secrets from AWS Secrets Manager. Where a setting `…_ARN` names a secret,
//! its value becomes the setting: the plain value is never in the function's
//! environment variables.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use serde::Deserialize;

use crate::config::{ConfigError, Env};

/// The signing secret: the secret's whole value.
const JWT_SECRET_ARN: &str = "JWT_SECRET_ARN";

/// GitHub's client: `{"client_id","client_secret"}`.
const GITHUB_SECRET_ARN: &str = "GITHUB_SECRET_ARN";

/// What Secrets Manager labels the value in use, and the one before the last rotation.
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// How long one secret may take: Lambda gives a start-up 10 s for all of it.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// The settings, with the secrets that they name.
pub(super) async fn resolve(env: Env) -> Result<Env, ConfigError> {
    let named = [JWT_SECRET_ARN, GITHUB_SECRET_ARN].map(|name| env.optional(name));
    let [jwt, github] = named.map(|arn| arn.map(str::to_owned));
    if jwt.is_none() && github.is_none() {
        return Ok(env);
    }
    let limit = TimeoutConfig::builder()
        .operation_timeout(TIME_LIMIT)
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(limit);
    let config = config.load().await;
    let secrets = Secrets(Client::new(&config));
    let mut found = Vec::new();
    if let Some(arn) = jwt {
        let current = secrets.value(JWT_SECRET_ARN, &arn, CURRENT).await?;
        let current = current.ok_or_else(|| ConfigError::new(JWT_SECRET_ARN, "has no value"))?;
        found.push(("JWT_SECRET", current));
        if let Some(previous) = secrets.value(JWT_SECRET_ARN, &arn, PREVIOUS).await? {
            found.push(("JWT_SECRET_PREVIOUS", previous));
        }
    }
    if let Some(arn) = github {
        let value = secrets.value(GITHUB_SECRET_ARN, &arn, CURRENT).await?;
        let client = value
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok());
        let GitHubClient {
            client_id,
            client_secret,
        } = client.ok_or_else(|| {
            ConfigError::new(
                GITHUB_SECRET_ARN,
                "must hold {\"client_id\",\"client_secret\"}",
            )
        })?;
        found.push(("GITHUB_CLIENT_ID", client_id));
        found.push(("GITHUB_CLIENT_SECRET", client_secret));
    }
    Ok(env.with_defaults(found))
}

#[derive(Deserialize)]
struct GitHubClient {
    client_id: String,
    client_secret: String,
}

struct Secrets(Client);

impl Secrets {
    /// A secret's value at a stage; `None` when there is none at that stage.
    async fn value(
        &self,
        setting: &str,
        arn: &str,
        stage: &str,
    ) -> Result<Option<String>, ConfigError> {
        let request = self
            .0
            .get_secret_value()
            .secret_id(arn)
            .version_stage(stage);
        match request.send().await {
            Ok(output) => Ok(output.secret_string),
            Err(error) => match error.as_service_error() {
                Some(refusal) if refusal.is_resource_not_found_exception() => Ok(None),
                _ => {
                    let problem = format!("cannot be read: {}", DisplayErrorContext(error));
                    Err(ConfigError::new(setting, problem))
                }
            },
        }
    }
}
