//! Reloads secrets while an instance runs. If the secrets are older than five minutes, the
//! next request reloads them before it is served, and rebuilds the routes if they changed. So
//! a rotation needs no deployment.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tower::ServiceExt;

use crate::Host;
use upblit_base::environment::{ConfigError, Env};

/// Age at which the next request reloads the secrets.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Wait before the next attempt after a failed reload.
const RETRY: Duration = Duration::from_secs(30);

/// Longest time that a request waits for a reload.
const TIME_LIMIT: Duration = Duration::from_secs(1);

/// Loads the settings with their secrets.
type Load = Box<dyn Fn() -> BoxFuture<'static, Result<Env, ConfigError>> + Send + Sync>;

/// Serves routes built from the current secrets.
pub(super) struct SecretReloader<Routes> {
    routes: Routes,
    load: Load,
    current: Mutex<Instance>,
}

/// Router in use, the host it was built from, and when to reload the secrets.
struct Instance {
    host: Host,
    router: Router,
    due: Timestamp,
}

impl<Routes> SecretReloader<Routes>
where
    Routes: Fn(&Host) -> Result<Router, ConfigError>,
{
    /// Builds the routes from the secrets in `host`, which count as loaded now.
    ///
    /// # Errors
    /// If `routes` rejects the settings.
    pub(super) fn new(host: Host, routes: Routes, load: Load) -> Result<Self, ConfigError> {
        let router = upblit_web::app_behind_edge(routes(&host)?, &host.env)?;
        let due = host.clock.now() + INTERVAL;
        let current = Mutex::new(Instance { host, router, due });
        Ok(Self {
            routes,
            load,
            current,
        })
    }

    /// Serves a request. Reloads the secrets first if they are due.
    pub(super) async fn serve(&self, request: Request) -> Response {
        if self.is_due() {
            self.reload().await;
        }
        let router = self.instance().router.clone();
        match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Returns whether the caller must reload the secrets: `true` for only one of several
    /// concurrent requests.
    fn is_due(&self) -> bool {
        let mut instance = self.instance();
        let now = instance.host.clock.now();
        let is_due = now >= instance.due;
        if is_due {
            instance.due = now + RETRY;
        }
        is_due
    }

    /// Reloads the secrets. If that fails, the instance keeps the secrets that it has.
    async fn reload(&self) {
        let loaded = tokio::time::timeout(TIME_LIMIT, (self.load)()).await;
        let Ok(loaded) = loaded else {
            tracing::warn!("secrets not reloaded: timeout");
            return;
        };
        match loaded.and_then(|env| self.apply(env)) {
            Ok(true) => tracing::info!("secrets have changed"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "secrets not reloaded"),
        }
    }

    /// Rebuilds the routes if the settings changed. Returns whether they did.
    fn apply(&self, env: Env) -> Result<bool, ConfigError> {
        let mut instance = self.instance();
        let is_new = env != instance.host.env;
        if is_new {
            let host = Host {
                env,
                database: instance.host.database.clone(),
                clock: instance.host.clock.clone(),
            };
            instance.router = upblit_web::app_behind_edge((self.routes)(&host)?, &host.env)?;
            instance.host = host;
        }
        instance.due = instance.host.clock.now() + INTERVAL;
        Ok(is_new)
    }

    fn instance(&self) -> std::sync::MutexGuard<'_, Instance> {
        // No code panics while it holds the lock, and each update leaves a complete value.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;

    use super::*;
    use upblit_base::clock::{Clock, ManualClock};
    use upblit_store::Database;
    use upblit_store::TableNames;

    type Secrets = Arc<Mutex<Result<Env, ConfigError>>>;
    type TestReloader = SecretReloader<fn(&Host) -> Result<Router, ConfigError>>;

    fn env(secret: &str) -> Env {
        Env::from_pairs([("SECRET", secret)])
    }

    fn host(clock: Clock) -> Host {
        let tables = TableNames::from_env(&Env::default());
        Host {
            env: env("first"),
            database: Database::local("http://127.0.0.1:1", tables, crate::observer()),
            clock,
        }
    }

    /// A route that returns the secret it was built with.
    fn routes(host: &Host) -> Result<Router, ConfigError> {
        let secret = host.env.required("SECRET")?.to_owned();
        Ok(Router::new().route("/", get(async move || secret)))
    }

    fn reloader() -> (TestReloader, Secrets, ManualClock) {
        let (clock, manual_clock) = Clock::manual(Timestamp::UNIX_EPOCH);
        let secrets: Secrets = Arc::new(Mutex::new(Ok(env("first"))));
        let source = secrets.clone();
        let load = move || -> BoxFuture<'static, _> {
            let result = match &*source.lock().unwrap() {
                Ok(env) => Ok(env.clone()),
                Err(_) => Err(ConfigError::new("SECRET", "cannot be read")),
            };
            Box::pin(std::future::ready(result))
        };
        let routes = routes as fn(&Host) -> _;
        let reloader = SecretReloader::new(host(clock), routes, Box::new(load)).unwrap();
        (reloader, secrets, manual_clock)
    }

    async fn served_secret(reloader: &TestReloader) -> String {
        let request = http::Request::get("/").body(Body::empty()).unwrap();
        let body = reloader.serve(request).await.into_body();
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_next_request_reloads_secrets_that_are_five_minutes_old() {
        let (reloader, secrets, clock) = reloader();
        *secrets.lock().unwrap() = Ok(env("second"));
        clock.advance(INTERVAL - Duration::from_millis(1));
        assert_eq!(served_secret(&reloader).await, "first");
        clock.advance(Duration::from_millis(1));
        assert_eq!(served_secret(&reloader).await, "second");
        *secrets.lock().unwrap() = Ok(env("third"));
        assert_eq!(served_secret(&reloader).await, "second");
        clock.advance(INTERVAL * 100);
        assert_eq!(
            served_secret(&reloader).await,
            "third",
            "the first request after a long pause"
        );
    }

    #[tokio::test]
    async fn a_failed_reload_keeps_the_secrets_and_is_retried() {
        let (reloader, secrets, clock) = reloader();
        for failure in [
            Err(ConfigError::new("SECRET", "is gone")),
            Ok(Env::default()),
        ] {
            *secrets.lock().unwrap() = failure;
            clock.advance(INTERVAL);
            assert_eq!(served_secret(&reloader).await, "first");
        }
        *secrets.lock().unwrap() = Ok(env("second"));
        assert_eq!(
            served_secret(&reloader).await,
            "first",
            "a failed reload is not retried with every request"
        );
        clock.advance(RETRY);
        assert_eq!(served_secret(&reloader).await, "second");
    }
}
