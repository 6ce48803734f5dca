//! The whole product in one process: all functions over one engine, and a GitHub stand-in.
//! The clock stands still until a test moves it.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{Builder as Config, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Body;
use axum::middleware::{Next, from_fn};
use http::Request;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use local::functions::FUNCTIONS;
use local::github::{self, OAuthApp};
use shared::base::clock::{Clock, ManualClock};
use shared::base::environment::Env;
use shared::lambda::{Host, observer};
use shared::store::Database;
use shared::store::TableNames;
use shared::store::tables::definitions;
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::calls::{Calls, FUNCTION};
use super::engine::Engine;
use super::{Browser, Response, SignedIn};

/// The public address of the API in links and cookies. Nothing listens there.
pub const PUBLIC_URL: &str = "http://127.0.0.1:9000";

/// The address of the frontend. Nothing listens there.
pub const FRONTEND_URL: &str = "https://dashboard.test";

/// The secret that signs tokens.
pub const JWT_SECRET: &str = "a signing secret of the tests, of 32 bytes and more";

/// The time at which every test starts: the middle of an hour, so that no result depends on
/// the time of day.
const START: &str = "2026-01-31T12:30:00Z";

/// The time at which every test starts.
pub fn start() -> Timestamp {
    START.parse().unwrap()
}

/// All functions, with their tables, their clock and the calls they make.
#[derive(Clone)]
pub struct Backend {
    pub calls: Calls,
    pub clock: ManualClock,
    pub database: Database,
    env: Env,
    time: Clock,
    app: Router,
}

impl Backend {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A backend with these settings; all others have the defaults of the tests.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let engine = Engine::start().await;
        Self::over_with(&engine.url, settings, |config| engine.configure(config)).await
    }

    /// A backend whose DynamoDB is at `endpoint`.
    pub async fn over(endpoint: &str, settings: &[(&str, &str)]) -> Self {
        Self::over_with(endpoint, settings, |config| config).await
    }

    /// Like [`Self::over`], with a DynamoDB client that `configured` adjusts.
    pub async fn over_with(
        endpoint: &str,
        settings: &[(&str, &str)],
        configured: impl FnOnce(Config) -> Config,
    ) -> Self {
        let (time, clock) = Clock::manual(start());
        let env = Env::from_pairs(settings.iter().copied());
        let calls = Calls::default();
        let config = Database::local_config(endpoint, observer())
            .interceptor(calls.clone())
            .interceptor(DateOfTheTest(time.clone()));
        let database = Database::with_config(configured(config), TableNames::local(&env));
        database.create_missing_tables().await.unwrap();
        calls.take();
        let public_url = env.optional("PUBLIC_URL").unwrap_or(PUBLIC_URL);
        let github = stand_in(time.clone(), public_url).await;
        let env = env.with_defaults([
            ("PUBLIC_URL", PUBLIC_URL),
            ("FRONTEND_URL", FRONTEND_URL),
            ("JWT_SECRET", JWT_SECRET),
            ("GITHUB_CLIENT_ID", "client"),
            ("GITHUB_CLIENT_SECRET", "client secret"),
            ("GITHUB_URL", &github::url(&github)),
            ("GITHUB_API_URL", &github::api_url(&github)),
        ]);
        let app = app(&env, &database, &time);
        Self {
            calls,
            clock,
            database,
            env,
            time,
            app,
        }
    }

    /// Another deployment with these settings, over the same tables and clock.
    pub fn redeployed(&self, settings: &[(&str, &str)]) -> Self {
        self.with_env(Env::from_pairs(settings.iter().copied()).with_defaults(self.kept()))
    }

    /// Another deployment without this setting, over the same tables and clock.
    pub fn redeployed_without(&self, setting: &str) -> Self {
        let kept = self.kept().into_iter();
        self.with_env(Env::from_pairs(kept.filter(|(name, _)| *name != setting)))
    }

    /// The settings that every deployment has.
    fn kept(&self) -> [(&'static str, String); 7] {
        let names = [
            "PUBLIC_URL",
            "FRONTEND_URL",
            "JWT_SECRET",
            "GITHUB_CLIENT_ID",
            "GITHUB_CLIENT_SECRET",
            "GITHUB_URL",
            "GITHUB_API_URL",
        ];
        let kept = |name: &str| self.env.optional(name).unwrap_or_default().to_owned();
        names.map(|name| (name, kept(name)))
    }

    fn with_env(&self, env: Env) -> Self {
        Self {
            app: app(&env, &self.database, &self.time),
            env,
            ..self.clone()
        }
    }

    /// Another instance of the same deployment, whose clock is ahead of the database's, or behind.
    pub fn with_a_clock_ahead(&self, seconds: i64) -> Self {
        let now = self.time.now() + jiff::SignedDuration::from_secs(seconds);
        let (time, clock) = Clock::manual(now);
        Self {
            app: app(&self.env, &self.database, &time),
            time,
            clock,
            ..self.clone()
        }
    }

    /// Changes a byte in this attribute of every item of the Telemetry table that has it.
    pub async fn damage(&self, attribute: &str) {
        let table = &self.database.tables.telemetry;
        let client = &self.database.client;
        for mut item in super::stored::all(self).await {
            let Some(AttributeValue::B(bytes)) = item.get(attribute) else {
                continue;
            };
            let mut bytes = bytes.clone().into_inner();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            item.insert(attribute.to_owned(), AttributeValue::B(Blob::new(bytes)));
            let put = client.put_item().table_name(table).set_item(Some(item));
            put.send().await.unwrap();
        }
        self.calls.take();
    }

    /// Another instance of the same deployment, with empty caches.
    pub fn another_instance(&self) -> Self {
        Self {
            app: app(&self.env, &self.database, &self.time),
            ..self.clone()
        }
    }

    /// The value of a setting of this deployment.
    pub fn setting(&self, name: &str) -> String {
        self.env.required(name).unwrap().to_owned()
    }

    pub async fn send(&self, request: Request<Body>) -> Response {
        Response::read(self.app.clone().oneshot(request).await.unwrap()).await
    }

    /// All routes.
    pub fn router(&self) -> Router {
        self.app.clone()
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(self.clone())
    }

    /// Signs in as `login`, through the GitHub stand-in.
    pub async fn sign_in(&self, login: &str) -> SignedIn {
        self.browser().sign_in(login).await
    }

    /// Moves the clock forward.
    pub fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Every item of a table as text, as in a database dump. Clears the recorded calls.
    pub async fn dump(&self, table: &str) -> Vec<String> {
        let scan = self
            .database
            .client
            .scan()
            .table_name(table)
            .send()
            .await
            .unwrap();
        self.calls.take();
        scan.items()
            .iter()
            .map(|item| format!("{item:?}"))
            .collect()
    }

    /// The items of all tables as one text.
    pub async fn dump_all(&self) -> String {
        let mut text = String::new();
        for table in definitions(&self.database.tables) {
            text.push_str(&self.dump(table.name).await.join("\n"));
        }
        text
    }
}

fn app(env: &Env, database: &Database, time: &Clock) -> Router {
    let host = Host {
        env: env.clone(),
        database: database.clone(),
        clock: time.clone(),
    };
    let merged = FUNCTIONS.iter().fold(Router::new(), |merged, function| {
        let router = (function.router)(&host).unwrap();
        merged.merge(
            router.route_layer(from_fn(async move |request, next: Next| {
                FUNCTION.scope(function.name, next.run(request)).await
            })),
        )
    });
    shared::web::app(merged)
}

/// Starts a GitHub stand-in for the API at this address, and returns its own.
async fn stand_in(time: Clock, public_url: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = OAuthApp {
        client_id: "client".to_owned(),
        client_secret: "client secret".to_owned(),
        callback: format!("{public_url}/login/oauth2/code/github"),
    };
    let router = github::router(&address, app, time);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Sets the date of every response of the engine to the time of the test.
struct DateOfTheTest(Clock);

impl fmt::Debug for DateOfTheTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DateOfTheTest").field(&self.0.now()).finish()
    }
}

impl Intercept for DateOfTheTest {
    fn name(&self) -> &'static str {
        "DateOfTheTest"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.0.now())?;
        context.response_mut().headers_mut().insert("date", date);
        Ok(())
    }
}
