//! Secrets change while instances run. An instance reads them again every few
//! minutes, before it answers, and builds its routes anew when they differ: so a
//! rotation needs no deployment, and its steps have a known end.

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

/// How old the secrets are at most that a request is served with.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How soon they are read again after that failed.
const RETRY: Duration = Duration::from_secs(30);

/// How long a request waits for them.
const TIME_LIMIT: Duration = Duration::from_secs(1);

/// Reads the settings with their secrets.
type Read = Box<dyn Fn() -> BoxFuture<'static, Result<Env, ConfigError>> + Send + Sync>;

/// Routes that follow the settings they are built from.
pub(super) struct Renewal<Routes> {
    routes: Routes,
    read: Read,
    now: Mutex<Instance>,
}

/// What serves at present, and until when.
struct Instance {
    host: Host,
    router: Router,
    due: Timestamp,
}

impl<Routes> Renewal<Routes>
where
    Routes: Fn(&Host) -> Result<Router, ConfigError>,
{
    /// Serves with what `host` holds until it is time to `read` again.
    pub(super) fn new(host: Host, routes: Routes, read: Read) -> Result<Self, ConfigError> {
        let router = upblit_web::app(routes(&host)?);
        let due = host.clock.now() + INTERVAL;
        let now = Mutex::new(Instance { host, router, due });
        Ok(Self { routes, read, now })
    }

    /// Answers a request.
    pub(super) async fn serve(&self, request: Request) -> Response {
        if self.is_due() {
            self.renew().await;
        }
        let router = self.instance().router.clone();
        match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Whether it is time; true for one request of those that ask at once.
    fn is_due(&self) -> bool {
        let mut instance = self.instance();
        let now = instance.host.clock.now();
        let is_due = now >= instance.due;
        if is_due {
            instance.due = now + RETRY;
        }
        is_due
    }

    /// Trouble leaves everything as it is: the known secrets are still good.
    async fn renew(&self) {
        let read = tokio::time::timeout(TIME_LIMIT, (self.read)()).await;
        let Ok(read) = read else {
            tracing::warn!("secrets not read again: no answer in time");
            return;
        };
        match read.and_then(|env| self.take(env)) {
            Ok(true) => tracing::info!("secrets have changed"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "secrets not read again"),
        }
    }

    /// Builds the routes anew, if these settings are others.
    fn take(&self, env: Env) -> Result<bool, ConfigError> {
        let mut instance = self.instance();
        let is_new = env != instance.host.env;
        if is_new {
            let host = Host {
                env,
                database: instance.host.database.clone(),
                clock: instance.host.clock.clone(),
            };
            instance.router = upblit_web::app((self.routes)(&host)?);
            instance.host = host;
        }
        instance.due = instance.host.clock.now() + INTERVAL;
        Ok(is_new)
    }

    fn instance(&self) -> std::sync::MutexGuard<'_, Instance> {
        // Nothing panics while it holds this; if it did, what is there is whole.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
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

    type Answers = Arc<Mutex<Result<Env, ConfigError>>>;
    type Told = Renewal<fn(&Host) -> Result<Router, ConfigError>>;

    fn env(secret: &str) -> Env {
        Env::from_pairs([("SECRET", secret)])
    }

    fn host(clock: Clock) -> Host {
        let tables = TableNames::from_env(&Env::default());
        Host {
            env: env("first"),
            database: Database::local("http://127.0.0.1:1", tables, || {}),
            clock,
        }
    }

    /// A route that tells the secret it was built with.
    fn routes(host: &Host) -> Result<Router, ConfigError> {
        let secret = host.env.required("SECRET")?.to_owned();
        Ok(Router::new().route("/", get(async move || secret)))
    }

    fn renewal() -> (Told, Answers, ManualClock) {
        let (clock, hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        let answers: Answers = Arc::new(Mutex::new(Ok(env("first"))));
        let told = answers.clone();
        let read = move || -> BoxFuture<'static, _> {
            let answer = match &*told.lock().unwrap() {
                Ok(env) => Ok(env.clone()),
                Err(_) => Err(ConfigError::new("SECRET", "cannot be read")),
            };
            Box::pin(std::future::ready(answer))
        };
        let routes = routes as fn(&Host) -> _;
        let renewal = Renewal::new(host(clock), routes, Box::new(read)).unwrap();
        (renewal, answers, hand)
    }

    async fn told(renewal: &Told) -> String {
        let request = http::Request::get("/").body(Body::empty()).unwrap();
        let body = renewal.serve(request).await.into_body();
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn no_request_is_served_with_secrets_older_than_five_minutes() {
        let (renewal, answers, hand) = renewal();
        *answers.lock().unwrap() = Ok(env("second"));
        hand.advance(INTERVAL - Duration::from_millis(1));
        assert_eq!(told(&renewal).await, "first");
        hand.advance(Duration::from_millis(1));
        assert_eq!(told(&renewal).await, "second");
        *answers.lock().unwrap() = Ok(env("third"));
        assert_eq!(told(&renewal).await, "second");
        hand.advance(INTERVAL * 100);
        assert_eq!(
            told(&renewal).await,
            "third",
            "the first request after a long sleep"
        );
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_used_leaves_the_known_secrets_and_is_tried_again() {
        let (renewal, answers, hand) = renewal();
        for trouble in [
            Err(ConfigError::new("SECRET", "is gone")),
            Ok(Env::default()),
        ] {
            *answers.lock().unwrap() = trouble;
            hand.advance(INTERVAL);
            assert_eq!(told(&renewal).await, "first");
        }
        *answers.lock().unwrap() = Ok(env("second"));
        assert_eq!(told(&renewal).await, "first", "not with every request");
        hand.advance(RETRY);
        assert_eq!(told(&renewal).await, "second");
    }
}
