//! The request log: one log line per request, which also holds the metrics. Code that serves the
//! request records ids, results and costs, and no secret.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::MatchedPath;
use upblit_base::ids::{ApplicationId, PublicKeyId, SessionId, UserId};

/// Fields of the line that CloudWatch keeps as metrics.
pub const METRICS: [&str; 11] = [
    "accepted",
    "rejected",
    "key_cache_hits",
    "key_cache_misses",
    "refresh_rotated",
    "refresh_repeated",
    "refresh_recovered",
    "refresh_refused",
    "reuse_detected",
    "dynamodb_calls",
    "cold_starts",
];

/// Values recorded for the log line of a request.
#[derive(Debug, Default)]
pub struct RequestRecord {
    /// The user who is signed in, has just signed in, or was refused at sign-in.
    pub user: Option<UserId>,
    /// Session of the access token, or the one that was opened or refreshed.
    pub session: Option<SessionId>,
    /// The requested application, even if the caller is not a member.
    pub application: Option<ApplicationId>,
    /// The API key that was presented, or that the request is about.
    pub key: Option<PublicKeyId>,
    /// Kind of caller that reads telemetry, even if the request is refused.
    pub reader: Option<Reader>,
    /// Result of an ingested batch.
    pub ingested: Option<Ingested>,
    /// Whether the presented key was in the cache.
    pub is_key_remembered: Option<bool>,
    /// What a refresh did with the presented token.
    pub refresh: Option<Refresh>,
    /// Whether a refresh token was reused, which ended its session.
    pub reuse_detected: bool,
    /// The route that served the request, if that is not the matched one.
    pub route: Option<MatchedPath>,
    /// Requests sent to DynamoDB, including the SDK's retries.
    pub dynamodb_calls: u64,
    /// Units that DynamoDB billed, if the request is charged for them: read and written ones.
    units: Option<(f64, f64)>,
    is_first: bool,
}

/// Kinds of callers who read telemetry, by the credential that they sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A user, with an access token or without any credential.
    Member,
    /// A machine, with an API key.
    Key,
}

/// Event counts of a stored batch.
#[derive(Debug, Clone, Copy)]
pub struct Ingested {
    /// Number of events that were stored.
    pub accepted: usize,
    /// Number of events that were rejected and reported.
    pub rejected: usize,
}

impl Reader {
    fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Key => "key",
        }
    }
}

/// What a refresh did with the presented token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// The newest token was exchanged.
    Rotated,
    /// Within the grace, an older token that a client may still hold was answered with the current one.
    Repeated,
    /// The previous token, presented after the grace, was exchanged as the policy allows.
    Recovered,
    /// The token was refused.
    Refused,
}

/// The request and its response, for the log line.
pub struct RequestOutcome<'a> {
    /// HTTP method of the request.
    pub method: &'a str,
    /// The matched route. Never the path or the query, which may hold secrets.
    pub route: &'a str,
    /// HTTP status of the response.
    pub status: u16,
    /// Time from the arrival of the request to its response.
    pub milliseconds: u64,
}

tokio::task_local! {
    static REQUEST: RefCell<RequestRecord>;
}

/// Runs a request. Returns its result, and what was recorded during it.
pub(crate) async fn record_request<T>(request: impl Future<Output = T>) -> (T, RequestRecord) {
    static SERVED: AtomicBool = AtomicBool::new(false);
    let initial = RequestRecord {
        is_first: !SERVED.swap(true, Ordering::Relaxed),
        ..RequestRecord::default()
    };
    let served = async {
        let answer = request.await;
        (answer, REQUEST.with(RefCell::take))
    };
    REQUEST.scope(RefCell::new(initial), served).await
}

/// Changes the record of the current request. Does nothing outside of a request, as at
/// start-up.
pub fn record(change: impl FnOnce(&mut RequestRecord)) {
    // Cannot be borrowed already: nothing awaits while it is borrowed.
    let _ = REQUEST.try_with(|request| change(&mut request.borrow_mut()));
}

/// Adds one to the DynamoDB calls of the current request, for each attempt of the SDK.
pub fn count_dynamodb_call() {
    record(|request| request.dynamodb_calls += 1);
}

/// From here on, asks DynamoDB to report the units that the current request consumes, and counts them. The
/// report makes each response a little larger.
pub fn begin_to_count_units() {
    record(|request| request.units = Some((0.0, 0.0)));
}

/// Returns whether the units of the current request are counted.
pub fn counts_units() -> bool {
    REQUEST
        .try_with(|request| request.borrow().units.is_some())
        .unwrap_or_default()
}

/// Adds units that DynamoDB billed to those of the current request, if they are counted.
pub fn count_units(read: f64, written: f64) {
    record(|request| {
        if let Some((reads, writes)) = &mut request.units {
            *reads += read;
            *writes += written;
        }
    });
}

/// Returns the read and write units of the current request so far. Zero if they are not counted.
pub fn units() -> (f64, f64) {
    REQUEST
        .try_with(|request| request.borrow().units)
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Records the session in use and its user.
pub fn record_session(user: UserId, session: SessionId) {
    record(|request| {
        request.user = Some(user);
        request.session = Some(session);
    });
}

/// Records the requested application, even if the caller is not a member.
pub fn record_application(application: ApplicationId) {
    record(|request| request.application = Some(application));
}

/// Records which kind of caller reads telemetry.
pub fn record_reader(reader: Reader) {
    record(|request| request.reader = Some(reader));
}

/// Records the key that was presented or that the request is about, and its application.
pub fn record_key(key: PublicKeyId) {
    record_application(key.application_id);
    record(|request| request.key = Some(key));
}

impl RequestRecord {
    /// Writes the log line of the request.
    pub fn log(&self, outcome: &RequestOutcome<'_>) {
        let once = |is: bool| is.then_some(1_u64);
        let refresh = |result| once(self.refresh == Some(result));
        tracing::info!(
            method = outcome.method,
            route = outcome.route,
            status = outcome.status,
            milliseconds = outcome.milliseconds,
            user = self.user.map(display),
            session = self.session.map(display),
            application = self.application.map(display),
            key = self.key.map(display),
            reader = self.reader.map(Reader::as_str),
            accepted = self.ingested.map(|batch| batch.accepted),
            rejected = self.ingested.map(|batch| batch.rejected),
            key_cache_hits = once(self.is_key_remembered == Some(true)),
            key_cache_misses = once(self.is_key_remembered == Some(false)),
            refresh_rotated = refresh(Refresh::Rotated),
            refresh_repeated = refresh(Refresh::Repeated),
            refresh_recovered = refresh(Refresh::Recovered),
            refresh_refused = refresh(Refresh::Refused),
            reuse_detected = once(self.reuse_detected),
            dynamodb_calls = self.dynamodb_calls,
            read_units = self.units.map(|(read, _)| read),
            cold_starts = once(self.is_first),
            "answered"
        );
    }
}
