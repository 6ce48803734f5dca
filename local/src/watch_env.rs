//! The settings of functions that `cargo lambda watch` runs, as an env file.

use shared::base::environment::ConfigError;

use crate::engine::Engine;
use crate::settings::Settings;

/// The lines of the file. The AWS credentials are made up: the engine checks none.
///
/// # Errors
/// When a value cannot be written into such a file.
pub(crate) fn lines(settings: &Settings, engine: &Engine) -> Result<String, ConfigError> {
    let aws = [
        ("AWS_ENDPOINT_URL_DYNAMODB", engine.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", "us-east-1"),
    ];
    settings
        .for_functions()
        .chain(aws)
        .map(|(name, value)| line(name, value))
        .collect()
}

/// Quoted as both cargo lambda and a shell (`set -a; . lambda.env`) read it.
fn line(name: &str, value: &str) -> Result<String, ConfigError> {
    if value.chars().any(|c| c == '\'' || c.is_control()) {
        return Err(ConfigError::new(
            name,
            "must not contain quotes or control characters",
        ));
    }
    Ok(format!("{name}='{value}'\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_one_value() {
        assert_eq!(line("A", "b c$d#e").unwrap(), "A='b c$d#e'\n");
        assert!(line("A", "b\nC=d").is_err());
        assert!(line("A", "it's").is_err());
    }
}
