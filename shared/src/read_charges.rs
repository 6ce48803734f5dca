//! Charges each query about telemetry to the quotas of the day, once it is known what it took, and
//! adds the headers of what is left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::request::Parts;
use upblit_base::ids::PublicKeyId;
use upblit_web::error::Error;
use upblit_web::request_log;

use crate::rate_limit_headers::headers;
use crate::read_limits::{ReadCharge, ReadPayers, Taken};
use crate::reading::Readers;

/// Adds what charges queries to routes whose handlers take a [`Reading`](crate::reading::Reading).
/// Other routes are not charged.
pub fn charged(routes: Router, readers: Arc<Readers>) -> Router {
    routes.layer(from_fn_with_state(readers, answer))
}

/// A request, which becomes a query once its caller may read.
#[derive(Clone, Default)]
pub(crate) struct ReadQuery(Arc<Mutex<Asked>>);

#[derive(Clone, Copy, Default)]
struct Asked {
    key: Option<PublicKeyId>,
    payers: Option<ReadPayers>,
    charge: Option<ReadCharge>,
}

impl ReadQuery {
    /// The query of a request.
    ///
    /// # Errors
    /// When its route is not [`charged`], which is a bug.
    pub(crate) fn of(parts: &Parts) -> Result<Self, Error> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Error::Internal("a route that reads is not charged".into()))
    }

    pub(crate) fn is_of_user(&self, payers: ReadPayers) {
        self.lock().payers = Some(payers);
    }

    pub(crate) fn is_of_key(&self, key: PublicKeyId, payers: ReadPayers) {
        let mut asked = self.lock();
        asked.key = Some(key);
        asked.payers = Some(payers);
    }

    /// Charges the query an estimate, before it is worked on.
    ///
    /// # Errors
    /// When a quota is used up, or storage fails.
    pub(crate) async fn charge(&self, readers: &Readers) -> Result<(), Error> {
        let payers = self.lock().payers;
        if let Some(payers) = payers {
            let charge = readers.days.charge(payers).await?;
            self.lock().charge = Some(charge);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(readers): State<Arc<Readers>>, mut request: Request, next: Next) -> Response {
    let query = ReadQuery::default();
    request.extensions_mut().insert(query.clone());
    request_log::begin_to_count_units();
    let started = readers.clock.now();
    let response = next.run(request).await;
    let asked = *query.lock();
    let Some(payers) = asked.payers else {
        return response;
    };
    if let Some(charge) = asked.charge {
        let (read, written) = request_log::units();
        let time = readers.clock.now().duration_since(started);
        let taken = Taken {
            read,
            written,
            time: Duration::try_from(time).unwrap_or_default(),
            bytes: response.body().size_hint().lower(),
        };
        readers.days.settle(payers, charge, taken).await;
    }
    readers.days.record_usage(payers).await;
    (quota_headers(&readers, asked.key, payers), response).into_response()
}

/// The headers of the minute's requests of a key, and of both quotas of the day.
fn quota_headers(readers: &Readers, key: Option<PublicKeyId>, payers: ReadPayers) -> HeaderMap {
    let of_key = key.into_iter().flat_map(|key| {
        let [requests, ..] = readers.limits.policies(key);
        [requests]
    });
    let policies: Vec<_> = of_key.chain(readers.days.policies(payers)).collect();
    headers(&policies)
}
