//! Secrets from AWS Secrets Manager. `JWT_SECRET_ARN` and `GITHUB_SECRET_ARN` name secrets, whose
//! values become `JWT_SECRET`, `GITHUB_CLIENT_ID` and `GITHUB_CLIENT_SECRET`. So the plain values
//! are not in the function's environment variables.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder as Config;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use serde::Deserialize;

use upblit_base::environment::{ConfigError, Env};

/// Setting for the signing secret. The value of the secret is the key.
const JWT_SECRET_ARN: &str = "JWT_SECRET_ARN";

/// Setting for the GitHub OAuth client. The value of the secret is JSON:
/// `{"client_id","client_secret"}`.
const GITHUB_SECRET_ARN: &str = "GITHUB_SECRET_ARN";

/// Labels of Secrets Manager for the value in use, the value that a rotation is about to use,
/// and the value before the last rotation.
const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Time limit for reading all secrets. Lambda limits the whole startup to 10 s.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Time limit for one attempt to read a secret, after which the request is repeated.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(1);

/// Reads the secrets that the settings name.
pub(super) struct Secrets {
    client: Client,
    env: Env,
    /// One of the settings that name a secret, for error messages.
    first: &'static str,
}

impl Secrets {
    /// Creates a reader. Returns `None` if the settings name no secret. Makes no network call.
    pub(super) fn from_env(env: &Env, aws: &SdkConfig) -> Option<Self> {
        let mut settings = [JWT_SECRET_ARN, GITHUB_SECRET_ARN].into_iter();
        let first = settings.find(|name| env.optional(name).is_some())?;
        let limit = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_LIMIT)
            .build();
        let mut config = Config::from(aws).timeout_config(limit);
        if let Some(url) = env.optional("AWS_ENDPOINT_URL_SECRETS_MANAGER") {
            config = config.endpoint_url(url);
        }
        Some(Self {
            client: Client::from_conf(config.build()),
            env: env.clone(),
            first,
        })
    }

    /// Returns the settings, with the values of the secrets they name.
    ///
    /// # Errors
    /// If a secret is missing or invalid, or not all are read within [`TIME_LIMIT`].
    pub(super) async fn read(&self) -> Result<Env, ConfigError> {
        match tokio::time::timeout(TIME_LIMIT, self.values()).await {
            Ok(values) => Ok(self.env.clone().with_defaults(values?)),
            Err(_) => Err(ConfigError::new(self.first, "cannot be read: timeout")),
        }
    }

    /// Returns the settings whose values are in secrets.
    async fn values(&self) -> Result<Vec<(&'static str, String)>, ConfigError> {
        let signing = async {
            match self.env.optional(JWT_SECRET_ARN) {
                Some(arn) => self.signing_secrets(arn).await.map(Some),
                None => Ok(None),
            }
        };
        let github = async {
            match self.env.optional(GITHUB_SECRET_ARN) {
                Some(arn) => self.github_client(arn).await.map(Some),
                None => Ok(None),
            }
        };
        // Concurrently, because startup waits for both.
        let (signing, github) = tokio::try_join!(signing, github)?;
        let github = github.into_iter().flatten();
        Ok(signing.into_iter().flatten().chain(github).collect())
    }

    async fn signing_secrets(
        &self,
        arn: &str,
    ) -> Result<impl Iterator<Item = (&'static str, String)> + use<>, ConfigError> {
        // Reads the value in use first. If a rotation moves the labels in between, the other
        // value is among those read afterwards.
        let current = self.value(JWT_SECRET_ARN, arn, CURRENT).await?;
        let current = current.ok_or_else(|| ConfigError::new(JWT_SECRET_ARN, "has no value"))?;
        let (pending, previous) = tokio::try_join!(
            self.value(JWT_SECRET_ARN, arn, PENDING),
            self.value(JWT_SECRET_ARN, arn, PREVIOUS)
        )?;
        let other = also_verifying(&current, pending, previous);
        let other = other.map(|secret| ("JWT_SECRET_PREVIOUS", secret));
        Ok([("JWT_SECRET", current)].into_iter().chain(other))
    }

    async fn github_client(&self, arn: &str) -> Result<[(&'static str, String); 2], ConfigError> {
        let value = self.value(GITHUB_SECRET_ARN, arn, CURRENT).await?;
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
        Ok([
            ("GITHUB_CLIENT_ID", client_id),
            ("GITHUB_CLIENT_SECRET", client_secret),
        ])
    }

    /// Returns the value of a secret with this label, or `None` if no value has the label.
    async fn value(
        &self,
        setting: &str,
        arn: &str,
        stage: &str,
    ) -> Result<Option<String>, ConfigError> {
        let request = self.client.get_secret_value();
        let request = request.secret_id(arn).version_stage(stage);
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

/// Returns the second secret that verifies signatures: the next one while a rotation
/// distributes it to all instances, and the previous one afterwards. The next secret may keep
/// its label after it is in use.
fn also_verifying(
    current: &str,
    pending: Option<String>,
    previous: Option<String>,
) -> Option<String> {
    pending.filter(|pending| pending != current).or(previous)
}

#[derive(Deserialize)]
struct GitHubClient {
    client_id: String,
    client_secret: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_secret_verifies_before_it_is_in_use_and_the_previous_one_afterwards() {
        let some = |text: &str| Some(text.to_owned());
        for (current, pending, previous, verifies) in [
            ("a", None, None, None),
            ("b", None, some("a"), some("a")),
            // First rotation.
            ("a", some("b"), None, some("b")),
            ("b", some("b"), some("a"), some("a")),
            // Second rotation.
            ("b", some("c"), some("a"), some("c")),
        ] {
            assert_eq!(also_verifying(current, pending, previous), verifies);
        }
    }
}
