//! What becomes known of a request while it is served, noted where that
//! happens. It ends as the one line that the request leaves in the log, which
//! is the source of the metrics too. Ids only: nothing here is a secret.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use upblit_base::ids::{ApplicationId, PublicKeyId, SessionId, UserId};

/// The numbers of the line that CloudWatch keeps as metrics, by their names in it.
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

/// What is known of the request so far.
#[derive(Debug, Default)]
pub struct Observed {
    /// Who signed in, or is.
    pub user: Option<UserId>,
    /// The session in use.
    pub session: Option<SessionId>,
    /// The application that was asked for, whether or not the caller may see it.
    pub application: Option<ApplicationId>,
    /// The key that was presented or asked for.
    pub key: Option<PublicKeyId>,
    /// What came of a batch.
    pub ingested: Option<Ingested>,
    /// Whether a presented key was remembered.
    pub is_key_remembered: Option<bool>,
    /// What came of a refresh token.
    pub refresh: Option<Refresh>,
    /// A refresh token that no honest client still holds came, and ended its session.
    pub reuse_detected: bool,
    /// Requests sent to DynamoDB, the SDK's retries among them.
    pub dynamodb_calls: u64,
    is_first: bool,
}

/// A batch that was stored.
#[derive(Debug, Clone, Copy)]
pub struct Ingested {
    /// Events stored.
    pub accepted: usize,
    /// Events dropped and reported.
    pub rejected: usize,
}

/// What came of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// The newest token: it was swapped.
    Rotated,
    /// Any that may still be held within the grace: it got the current one.
    Repeated,
    /// The one before, later: it was swapped, as the policy says.
    Recovered,
    /// Anything else.
    Refused,
}

/// How a request was answered.
pub struct Answered<'a> {
    /// Of the request.
    pub method: &'a str,
    /// The matched route and never the path or the query: those may hold anything.
    pub route: &'a str,
    /// Of the answer.
    pub status: u16,
    /// From the request's arrival to its answer.
    pub milliseconds: u64,
}

tokio::task_local! {
    static REQUEST: RefCell<Observed>;
}

/// Serves a request, and returns what was noted meanwhile.
pub async fn observe<T>(request: impl Future<Output = T>) -> (T, Observed) {
    static SERVED: AtomicBool = AtomicBool::new(false);
    let observed = Observed {
        is_first: !SERVED.swap(true, Ordering::Relaxed),
        ..Observed::default()
    };
    let served = async {
        let answer = request.await;
        (answer, REQUEST.with(RefCell::take))
    };
    REQUEST.scope(RefCell::new(observed), served).await
}

/// Notes something of the request that is being served. Outside of one, at
/// start-up or in a test of a part, there is nobody to tell.
pub fn note(change: impl FnOnce(&mut Observed)) {
    // Nothing is awaited while it is borrowed.
    let _ = REQUEST.try_with(|request| change(&mut request.borrow_mut()));
}

/// Counts a request to DynamoDB.
pub fn count_dynamodb_call() {
    note(|request| request.dynamodb_calls += 1);
}

/// Notes whose session is in use.
pub fn note_session(user: UserId, session: SessionId) {
    note(|request| {
        request.user = Some(user);
        request.session = Some(session);
    });
}

/// Notes which application was asked for.
pub fn note_application(application: ApplicationId) {
    note(|request| request.application = Some(application));
}

/// Notes which key was presented or asked for, and with it the application.
pub fn note_key(key: PublicKeyId) {
    note_application(key.application_id);
    note(|request| request.key = Some(key));
}

impl Observed {
    /// Writes the request's line.
    pub fn log(&self, answered: &Answered<'_>) {
        let once = |is: bool| is.then_some(1_u64);
        let refresh = |outcome| once(self.refresh == Some(outcome));
        tracing::info!(
            method = answered.method,
            route = answered.route,
            status = answered.status,
            milliseconds = answered.milliseconds,
            user = self.user.map(display),
            session = self.session.map(display),
            application = self.application.map(display),
            key = self.key.map(display),
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
            cold_starts = once(self.is_first),
            "answered"
        );
    }
}
