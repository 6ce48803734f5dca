//! A deployment: an engine, secrets, GitHub, and functions with exactly the settings in `template.yaml`,
//! and addresses of stand-ins.

use serde_json::json;
use serde_yaml_ng::Value;
use shared::base::clock::Clock;
use tokio::net::TcpListener;

use super::function::{Function, Settings};
use super::gate::Gate;
use super::secrets_manager::{GITHUB_SECRET, JWT_SECRET, SecretsManager};
use crate::events;
use crate::support::tls::AWS_CA;
use crate::support::{Backend, backend};
use crate::template::{functions, template};

/// Table names like those of the stack, so that a function without the setting of a name does
/// not find its table.
pub const TABLES: [(&str, &str); 6] = [
    ("TABLE_USERS", "stack-UsersTable-1"),
    ("TABLE_REFRESH_TOKENS", "stack-RefreshTokensTable-1"),
    ("TABLE_APPLICATIONS", "stack-ApplicationsTable-1"),
    ("TABLE_API_KEYS", "stack-ApiKeysTable-1"),
    ("TABLE_TELEMETRY", "stack-TelemetryTable-1"),
    ("TABLE_SHORT_LIVED", "stack-ShortLivedTable-1"),
];

/// Settings that keep their defaults in AWS, and name stand-ins here.
const STAND_INS: [&str; 3] = [
    "GITHUB_URL",
    "GITHUB_API_URL",
    "GITHUB_SECRET_SCANNING_KEYS_URL",
];

/// A backend with the current time, whose engine and secrets other processes can reach.
pub struct Deployment {
    pub backend: Backend,
    /// The TLS connections between the functions and the engine.
    pub engine: Gate,
    /// Address of the engine over plain HTTP.
    pub plain_engine: String,
    pub secrets: SecretsManager,
}

impl Deployment {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A deployment with these settings; all others have the defaults of the tests.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let engine = listener.local_addr().unwrap();
        let database = dynoxide::Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let plain_engine = format!("http://{engine}");
        let settings = [&TABLES[..], settings].concat();
        let backend = events::backend_over(&plain_engine, &settings).await;
        backend.clock.set(Clock::system().now());
        let github = json!({
            "client_id": backend.setting("GITHUB_CLIENT_ID"),
            "client_secret": backend.setting("GITHUB_CLIENT_SECRET"),
        });
        Self {
            engine: Gate::before(engine).await,
            plain_engine,
            secrets: SecretsManager::start(backend::JWT_SECRET, &github).await,
            backend,
        }
    }

    /// Starts an instance of a function and waits until it requests its first event.
    pub async fn function(&self, name: &str) -> Function {
        Function::start(name, &self.settings(name)).await
    }

    /// The settings of `template.yaml`, and the addresses of the stand-ins.
    pub fn settings(&self, function: &str) -> Settings {
        let mut settings = self.settings_at(function, &self.engine.url, &self.secrets.url);
        settings.push(("AWS_CA_BUNDLE".to_owned(), AWS_CA.bundle.clone()));
        settings
    }

    /// The same settings, but connections to the stand-ins of AWS services have no TLS.
    pub fn settings_without_tls(&self, function: &str) -> Settings {
        self.settings_at(function, &self.plain_engine, &self.secrets.plain_url)
    }

    fn settings_at(&self, function: &str, engine: &str, secrets: &str) -> Settings {
        let stand_ins = STAND_INS.map(|name| (name.to_owned(), self.backend.setting(name)));
        let endpoint = |service: &str, url: &str| {
            let name = format!("AWS_ENDPOINT_URL_{service}");
            (name, url.to_owned())
        };
        variables(function)
            .into_iter()
            .map(|(name, value)| {
                let value = value.unwrap_or_else(|| self.value(&name));
                (name, value)
            })
            .chain(stand_ins)
            .chain([
                endpoint("DYNAMODB", engine),
                endpoint("SECRETS_MANAGER", secrets),
            ])
            .collect()
    }

    fn value(&self, name: &str) -> String {
        match name {
            "JWT_SECRET_ARN" => JWT_SECRET.to_owned(),
            "GITHUB_SECRET_ARN" => GITHUB_SECRET.to_owned(),
            "PUBLIC_URL" | "FRONTEND_URL" | "GITHUB_URL" | "GITHUB_API_URL" => {
                self.backend.setting(name)
            }
            "GITHUB_CA_CERTIFICATES"
            | "ALLOWED_GITHUB_USERS"
            | "ALLOWED_GITHUB_ORGANIZATIONS"
            | "ALLOWED_EMAIL_DOMAINS" => String::new(),
            "SIGN_IN" => "open".to_owned(),
            "GITHUB_UNVERIFIED_EMAILS" => "refuse".to_owned(),
            "METRICS_NAMESPACE" => "Upblit/test".to_owned(),
            "EDGE_SECRET_SHA256" => String::new(),
            "TOKEN_HANDOFF" => "fragment".to_owned(),
            "REFRESH_REUSE_POLICY" => "recover".to_owned(),
            "TELEMETRY_RETENTION" => "30d".to_owned(),
            "APPLICATIONS_PER_USER" => "20".to_owned(),
            // The defaults, which responses state.
            "APPLICATION_DAILY_UNITS" => "2500000".to_owned(),
            "USER_DAILY_UNITS" => "5000000".to_owned(),
            "APPLICATION_DAILY_READ_UNITS" => "40000000".to_owned(),
            "USER_DAILY_READ_UNITS" => "20000000".to_owned(),
            _ => {
                let table = TABLES.iter().find(|(setting, _)| *setting == name);
                let (_, table) = table.unwrap_or_else(|| panic!("what is {name}?"));
                (*table).to_owned()
            }
        }
    }
}

/// The settings that the template gives a function, with their values. `None` for values that exist only
/// in a deployed stack.
fn variables(function: &str) -> Vec<(String, Option<String>)> {
    let template = template();
    let functions = functions(&template);
    // The smallest function is not in the template and reads no setting.
    let own = functions.iter().find(|(name, _)| *name == function);
    let own = own.map(|(_, own)| &own["Properties"]);
    let value = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    [Some(&template["Globals"]["Function"]), own]
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["Environment"]["Variables"].as_mapping())
        .flatten()
        .map(|(name, text)| (name.as_str().unwrap().to_owned(), value(text)))
        .collect()
}
