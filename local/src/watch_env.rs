//! The env file with the settings for functions that `cargo lambda watch` runs.

use shared::base::environment::ConfigError;
use shared::store::{Table, TableNames};

use crate::engine::Engine;
use crate::settings::Settings;

/// Returns the content of the file. The access key id gives access to the engine; the secret is a
/// placeholder, because signatures are not checked.
///
/// # Errors
/// When a value contains a single quote or a control character.
pub(crate) fn lines(settings: &Settings, engine: &Engine) -> Result<String, ConfigError> {
    let aws = [
        ("AWS_ENDPOINT_URL_DYNAMODB", engine.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", engine.key.id()),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", "us-east-1"),
    ];
    let tables = TableNames::local(&settings.env);
    let tables = Table::ALL.map(|table| (table.setting(), tables.name(table).to_owned()));
    let tables = tables.iter().map(|(name, value)| (*name, value.as_str()));
    settings
        .for_functions()
        .chain(tables)
        .chain(aws)
        .map(|(name, value)| line(name, value))
        .collect()
}

/// Quotes a value so that cargo lambda and a shell (`set -a; . lambda.env`) read the same.
fn line(name: &str, value: &str) -> Result<String, ConfigError> {
    if value.chars().any(|c| c == '\'' || c.is_control()) {
        return Err(ConfigError::new(
            name,
            "must not contain single quotes or control characters",
        ));
    }
    Ok(format!("{name}='{value}'\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_or_refused() {
        assert_eq!(line("A", "b c$d#e").unwrap(), "A='b c$d#e'\n");
        assert!(line("A", "b\nC=d").is_err());
        assert!(line("A", "it's").is_err());
    }
}
