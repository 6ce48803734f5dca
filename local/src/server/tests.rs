use std::net::SocketAddr;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const MOST: usize = 8;

const LIMITS: TimeLimits = TimeLimits {
    headers: Duration::from_millis(300),
    body: Duration::from_millis(600),
};

/// Limits that no test reaches.
const LONG: TimeLimits = TimeLimits {
    headers: Duration::from_secs(60),
    body: Duration::from_secs(60),
};

/// Starts a server with these limits and at most [`MOST`] connections.
async fn start(limits: TimeLimits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/slow", get(std::future::pending::<()>))
        .route("/body", post(|body: String| async move { body }));
    let router = with_whole_bodies(router, limits);
    tokio::spawn(serve(
        listener,
        router,
        MOST,
        limits,
        std::future::pending(),
    ));
    address
}

async fn connect(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// What the server sends until it closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // A closed connection may also show as an error.
    let _ = stream.read_to_string(&mut text).await;
    text
}

async fn health(address: SocketAddr) -> String {
    let request = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    rest(connect(address, request).await).await
}

#[tokio::test]
async fn idle_connections_give_way_to_new_ones() {
    let address = start(LONG).await;
    let complete = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    for begun in ["", "GET /health HT", complete] {
        let mut idle = Vec::new();
        for _ in 0..5 * MOST {
            idle.push(connect(address, begun).await);
        }
        let response = tokio::time::timeout(Duration::from_secs(5), health(address)).await;
        assert!(response.unwrap().ends_with("ok"), "{begun:?}");
        // The oldest was closed.
        rest(idle.swap_remove(0)).await;
    }
}

#[tokio::test]
async fn running_requests_are_not_closed_for_new_connections() {
    let address = start(LONG).await;
    let slow = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut running = connect(address, slow).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..5 * MOST {
        assert!(health(address).await.ends_with("ok"));
        drop(connect(address, "").await);
    }
    let open = tokio::time::timeout(Duration::from_millis(50), running.read_u8()).await;
    assert!(open.is_err(), "the request runs on");
}

#[tokio::test]
async fn slow_headers_end_the_connection_and_slow_bodies_are_refused() {
    let address = start(LIMITS).await;
    let complete = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let body = "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab";
    for (case, text, limit) in [
        ("nothing", "", LIMITS.headers),
        ("a header", "GET /health HTTP/1.1\r\nHo", LIMITS.headers),
        ("after a request", complete, LIMITS.headers),
        ("a body", body, LIMITS.body + LIMITS.headers),
    ] {
        let begun = std::time::Instant::now();
        let text = rest(connect(address, text).await).await;
        let most = limit + Duration::from_secs(10);
        assert!(begun.elapsed() <= most, "{case}: {:?}", begun.elapsed());
        assert_eq!(case == "a body", text.contains(" 408 "), "{case}: {text}");
    }
}
