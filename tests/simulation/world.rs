//! A world: instances of the product over one engine, and requests to them over a network that loses
//! some.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;
use shared::base::clock::Clock;
use shared::base::environment::Env;
use shared::base::ids::UserId;
use shared::base::random;
use shared::identity::refresh_token::RefreshToken;
use shared::identity::session::{Session, SessionPolicy};
use shared::identity::user::Profile;
use shared::store::Database;
use shared::web::credentials::Tokens;

use crate::chance::Chance;
use crate::instance::{Instance, Response, database};
use crate::network::Network;
use crate::trace::Trace;

/// Time after which a client gives up a request.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Instances at a time.
const INSTANCES: usize = 3;

/// What can differ between worlds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nature {
    /// Calls of the store that fail, and requests that are lost, of a thousand.
    pub(crate) faults: u64,
    /// By how many seconds clocks of instances differ at most from the true time.
    pub(crate) skew: i64,
    /// Write units that the application may take in a day, if it has a small quota.
    pub(crate) quota: Option<u64>,
}

/// A skew beyond which clocks disagree about what an access token is.
const FAR: i64 = 10;

impl Nature {
    /// Whether clocks of instances are so wrong that they are no longer those of one deployment.
    pub(crate) fn has_far_clocks(&self) -> bool {
        self.skew > FAR
    }
}

/// A world. Shared by all who act in it.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) trace: Trace,
    pub(crate) nature: Nature,
    pub(crate) env: Env,
    engine: dynoxide::Database,
    instances: Mutex<Vec<Arc<Instance>>>,
    started: Mutex<u64>,
    broken: Mutex<Vec<String>>,
}

/// The tokens of a session.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl World {
    /// A world with empty tables and three instances.
    pub(crate) async fn create(chance: Chance, nature: Nature) -> Arc<Self> {
        let world = Self {
            chance,
            trace: Trace::default(),
            nature,
            env: settings(nature),
            engine: dynoxide::Database::memory().expect("memory"),
            instances: Mutex::default(),
            started: Mutex::default(),
            broken: Mutex::default(),
        };
        let tables = world.calm_database().create_missing_tables().await;
        tables.expect("an empty engine");
        let world = Arc::new(world);
        for place in 0..INSTANCES {
            let instance = world.another_instance(place);
            lock(&world.instances).push(instance);
        }
        world
    }

    /// The true time.
    pub(crate) fn now(&self) -> Timestamp {
        Clock::system().now()
    }

    fn network(&self, instance: &str, faults: u64) -> Network {
        Network {
            engine: self.engine.clone(),
            chance: self.chance.clone(),
            trace: self.trace.clone(),
            faults,
            instance: instance.to_owned(),
        }
    }

    /// The store without failures, for what is no part of the product.
    pub(crate) fn calm_database(&self) -> Database {
        database(self.network("observer", 0), &self.env)
    }

    fn another_instance(&self, place: usize) -> Arc<Instance> {
        let number = {
            let mut started = lock(&self.started);
            *started += 1;
            *started
        };
        let network = self.network(&format!("instance-{number}"), self.nature.faults);
        Instance::start(network, &self.env, self.any_skew(place))
    }

    /// How far the clock of an instance is ahead. The first instance has a good one, so that access
    /// tokens are valid somewhere.
    fn any_skew(&self, place: usize) -> SignedDuration {
        let most = if place == 0 {
            self.nature.skew.min(2)
        } else {
            self.nature.skew
        };
        SignedDuration::from_millis(self.chance.around(most * 1_000))
    }

    /// Something happens to an instance: its clock jumps, it gets no CPU time, or a new one takes its
    /// place.
    pub(crate) fn disturb(&self) {
        let place = self.chance.between(0, INSTANCES as u64 - 1) as usize;
        let instance = lock(&self.instances)[place].clone();
        match self.chance.between(0, 2) {
            0 => instance.jump(self.any_skew(place)),
            1 => instance.freeze(Duration::from_millis(self.chance.between(10, 4_000))),
            _ => lock(&self.instances)[place] = self.another_instance(place),
        }
    }

    /// Records that a promise was broken.
    pub(crate) fn broke(&self, promise: String) {
        self.trace.add(&format!("BROKEN: {promise}"), "");
        lock(&self.broken).push(promise);
    }

    /// The first broken promise.
    pub(crate) fn first_broken(&self) -> Option<String> {
        lock(&self.broken).first().cloned()
    }

    /// Sends a request to some instance. `None` if the client gets no response: the instance may
    /// have served the request all the same.
    pub(crate) async fn send(&self, request: Outgoing) -> Option<Response> {
        let lost = self.chance.between(1, 1_000) <= self.nature.faults;
        let killed = self.chance.between(1, 2_000) <= self.nature.faults;
        self.chance.sleep(1, 60).await;
        let instance = self.chance.pick(&lock(&self.instances)).clone();
        let request = request.build();
        let mut serving = tokio::spawn(async move { instance.serve(request).await });
        if killed {
            // Lambda ends the process in the middle of a request.
            self.chance.sleep(1, 80).await;
            serving.abort();
        }
        let served = tokio::time::timeout(CLIENT_TIMEOUT, &mut serving).await;
        self.chance.sleep(1, 60).await;
        match served {
            Ok(Ok(response)) if !lost => Some(response),
            Ok(Err(error)) if error.is_panic() => {
                self.broke(format!("no request panics: {error}"));
                None
            }
            _ => None,
        }
    }

    /// Sends a request until its response is one that a client does not retry.
    pub(crate) async fn insist(&self, request: Outgoing) -> Response {
        for _ in 0..100 {
            match self.send(request.clone()).await {
                Some(response) if response.status < 429 && response.status != 401 => {
                    return response;
                }
                _ => self.chance.sleep(100, 3_000).await,
            }
        }
        panic!("no response to {request:?}");
    }

    /// Signs a user in, as the callback does once GitHub has named the user.
    pub(crate) async fn sign_in(&self, user: u64) -> Pair {
        let profile = Profile {
            user_id: UserId::new(user).expect("a user id"),
            login: format!("user-{user}"),
            name: format!("User {user}"),
            avatar: String::new(),
            email: format!("user-{user}@example.test"),
        };
        let policy = SessionPolicy::from_env(&self.env).expect("the defaults");
        let tokens = Tokens::load(&self.env, &Clock::system()).expect("the settings are complete");
        let token = RefreshToken::first(profile.user_id, &mut random::rng());
        let session = Session::open(
            &token,
            profile,
            "Browser/1.0".to_owned(),
            &policy,
            self.now(),
        );
        let opened = self.calm_database().sign_in(&session).await;
        opened.expect("nothing fails");
        let issued = tokens
            .issue(&session, &token, self.now())
            .expect("it signs");
        Pair {
            access: issued.access.expose_secret().to_owned(),
            refresh: issued.refresh.expose_secret().to_owned(),
        }
    }
}

fn settings(nature: Nature) -> Env {
    let quota = nature.quota.map(|units| units.to_string());
    let fixed = [
        ("PUBLIC_URL", "http://127.0.0.1:9000"),
        ("FRONTEND_URL", "https://dashboard.test"),
        (
            "JWT_SECRET",
            "a signing secret of the tests, of 32 bytes and more",
        ),
        ("GITHUB_CLIENT_ID", "client"),
        ("GITHUB_CLIENT_SECRET", "client secret"),
    ];
    let quota = quota
        .as_deref()
        .map(|units| ("APPLICATION_DAILY_UNITS", units));
    Env::from_pairs(fixed.into_iter().chain(quota))
}

/// The content of a mutex.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that can be sent again.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Outgoing {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        Self {
            body: body.to_string(),
            ..self
        }
    }

    /// As a signed-in user.
    pub(crate) fn by(self, access: &str) -> Self {
        self.with(AUTHORIZATION.as_str(), format!("Bearer {access}"))
    }

    /// With an API key.
    pub(crate) fn with_key(self, key: &str) -> Self {
        self.with("x-api-key", key.to_owned())
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn build(&self) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        request = request.header(USER_AGENT, "Browser/1.0");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Body::from(self.body.clone());
        request.body(body).expect("a valid request")
    }
}

impl Response {
    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}
