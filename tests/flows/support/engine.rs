//! The DynamoDB engine of a test: the embedded one, or DynamoDB Local if `UPBLIT_TEST_DYNAMODB` has
//! its address (`.ci/run dynamodb`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{
    Builder as Config, ConfigBag, Credentials, Intercept, RuntimeComponents,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::update_time_to_live::UpdateTimeToLiveInput;
use tokio::net::TcpListener;

/// An empty database that no other test uses.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Address of the engine.
    pub url: String,
    /// DynamoDB Local has a database for each access key id.
    access_key: Option<String>,
    keeps_expired: bool,
}

impl Engine {
    /// The engine that the environment selects. It keeps expired items, as DynamoDB may for days.
    pub async fn start() -> Self {
        match second() {
            Some(url) => Self::local(url, true),
            None => Self::embedded(&dynoxide::Database::memory().unwrap()).await,
        }
    }

    /// The engine that the environment selects. It deletes expired items, by the real time.
    pub async fn that_deletes_what_expired() -> Self {
        if let Some(url) = second() {
            return Self::local(url, false);
        }
        let database = dynoxide::Database::memory().unwrap();
        let engine = Self::embedded(&database).await;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                database.sweep_ttl().unwrap();
            }
        });
        engine
    }

    async fn embedded(database: &dynoxide::Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        Self {
            url,
            access_key: None,
            keeps_expired: true,
        }
    }

    fn local(url: &str, keeps_expired: bool) -> Self {
        Self {
            url: url.to_owned(),
            access_key: Some(unused_access_key()),
            keeps_expired,
        }
    }

    /// Adjusts the configuration of a client of this engine.
    pub fn configure(&self, config: Config) -> Config {
        let Some(access_key) = &self.access_key else {
            return config;
        };
        let credentials = Credentials::new(access_key, "test", None, None, "test");
        let config = config.credentials_provider(credentials);
        if self.keeps_expired {
            config.interceptor(KeepExpiredItems)
        } else {
            config
        }
    }
}

/// Address of DynamoDB Local, if the tests run against it.
pub fn second() -> Option<&'static str> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "this choice is not a setting of the product"
    )]
    let read = || std::env::var("UPBLIT_TEST_DYNAMODB").ok();
    URL.get_or_init(read).as_deref()
}

/// An access key id that no test of this process or of an earlier one has had.
fn unused_access_key() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("P{}T{count}", std::process::id())
}

/// Makes items expire by an attribute that none has. DynamoDB Local deletes expired items within seconds
/// by its own clock, and the clock of the tests stands in the past.
#[derive(Debug)]
struct KeepExpiredItems;

impl Intercept for KeepExpiredItems {
    fn name(&self) -> &'static str {
        "KeepExpiredItems"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut().downcast_mut::<UpdateTimeToLiveInput>();
        if let Some(ttl) = input.and_then(|input| input.time_to_live_specification.as_mut()) {
            ttl.attribute_name.push_str("_never");
        }
        Ok(())
    }
}
