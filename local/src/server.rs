//! Serves HTTP on a listener, with limits on time and on connections. A client that sends nothing, or
//! too slowly, must not use up what others need.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use shared::web::body;
use shared::web::error::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tower::ServiceExt;

/// Time limits of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimits {
    /// Time limit of the headers. It begins when the connection is ready for them, so it also ends
    /// an idle connection.
    headers: Duration,
    /// Time limit of the body.
    body: Duration,
}

impl TimeLimits {
    /// The limits of every listener.
    pub(crate) const USUAL: Self = Self {
        headers: Duration::from_secs(10),
        body: Duration::from_secs(30),
    };
}

/// Maximum size of a request body: that of DynamoDB; API Gateway's is 10 MiB.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Pause after the operating system refused to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Reads each request to its end before `router` sees it, as API Gateway does. A client that is
/// still sending when it is refused would otherwise see a broken connection.
pub(crate) fn with_whole_bodies(router: Router, limits: TimeLimits) -> Router {
    router.layer(from_fn_with_state(limits, read_whole_body))
}

async fn read_whole_body(
    State(limits): State<TimeLimits>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(limits.body, body::read(body, MAX_BODY_BYTES));
    let Ok(body) = read.await else {
        return Ok(StatusCode::REQUEST_TIMEOUT.into_response());
    };
    let request = Request::from_parts(parts, Body::from(body?));
    Ok(next.run(request).await)
}

/// Serves `router` until `stop`, then waits for the requests that are running. Serves at most `most`
/// connections. One more replaces the oldest connection without a running request, or waits until there
/// is room.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    most: usize,
    limits: TimeLimits,
    stop: impl Future<Output = ()>,
) {
    let connections = Connections::default();
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            stream = next_connection(&listener, &connections, most) => stream,
            () = &mut stop => break,
        };
        let Ok(stream) = stream else {
            // Out of file descriptors: other parts of the process may soon release some.
            connections.close_idle();
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (slot, closed) = connections.open();
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let busy = slot.busy();
            let response = router.clone().oneshot(request.map(Body::new));
            async move {
                let response = response.await;
                drop(busy);
                response
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => drop(ended),
                _ = closed => {}
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Accepts a connection once there is room for it.
async fn next_connection(
    listener: &TcpListener,
    connections: &Connections,
    most: usize,
) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    connections.make_room(most).await;
    Ok(stream)
}

/// The open connections, by age.
#[derive(Clone, Default)]
struct Connections(Arc<Shared>);

#[derive(Default)]
struct Shared {
    open: Mutex<Open>,
    changed: Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_age: BTreeMap<u64, Connection>,
}

struct Connection {
    requests: Arc<AtomicUsize>,
    close: oneshot::Sender<()>,
}

impl Connections {
    /// Registers a connection. It must end once the receiver completes.
    fn open(&self) -> (Slot, oneshot::Receiver<()>) {
        let (close, closed) = oneshot::channel();
        let requests = Arc::<AtomicUsize>::default();
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        let connection = Connection {
            requests: requests.clone(),
            close,
        };
        open.by_age.insert(id, connection);
        let slot = Slot {
            id,
            requests,
            connections: self.clone(),
        };
        (slot, closed)
    }

    /// Closes an idle connection if there are `most`, or waits until there are fewer.
    async fn make_room(&self, most: usize) {
        loop {
            let changed = self.0.changed.notified();
            if self.lock().by_age.len() < most || self.close_idle() {
                return;
            }
            changed.await;
        }
    }

    /// Closes the oldest connection without a running request. Returns whether there was one.
    fn close_idle(&self) -> bool {
        let mut open = self.lock();
        let is_idle = |connection: &Connection| connection.requests.load(Ordering::SeqCst) == 0;
        let idle = open
            .by_age
            .iter()
            .find(|(_, connection)| is_idle(connection));
        let Some(id) = idle.map(|(id, _)| *id) else {
            return false;
        };
        let connection = open.by_age.remove(&id);
        connection.is_some_and(|connection| connection.close.send(()).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an open connection. Dropping it frees the place.
struct Slot {
    id: u64,
    requests: Arc<AtomicUsize>,
    connections: Connections,
}

impl Slot {
    fn busy(&self) -> Busy {
        self.requests.fetch_add(1, Ordering::SeqCst);
        Busy {
            requests: self.requests.clone(),
            connections: self.connections.clone(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.lock().by_age.remove(&self.id);
        self.connections.0.changed.notify_waiters();
    }
}

/// A request that is running.
struct Busy {
    requests: Arc<AtomicUsize>,
    connections: Connections,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.requests.fetch_sub(1, Ordering::SeqCst);
        self.connections.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
