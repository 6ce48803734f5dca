//! DynamoDB is down: responses are 503 with `Retry-After`, no user is signed out, and the
//! functions recover without a restart.

use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::Backend;
use crate::support::callers::{parameters, post};

/// An engine that can be stopped and started again at the same address.
struct Engine {
    database: dynoxide::Database,
    address: std::net::SocketAddr,
    server: Option<JoinHandle<()>>,
}

impl Engine {
    async fn start() -> Self {
        let database = dynoxide::Database::memory().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut engine = Self {
            database,
            address,
            server: None,
        };
        engine.serve(listener);
        engine
    }

    fn serve(&mut self, listener: TcpListener) {
        let database = self.database.clone();
        let server = async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = inner.local_addr().unwrap();
                let serve = dynoxide::server::serve_on(inner, database.clone());
                let pipe = async move {
                    let mut engine = tokio::net::TcpStream::connect(address).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                };
                // All are dropped when the server is cut off, including open connections.
                CONNECTIONS.with(|c| {
                    c.borrow_mut().push(tokio::task::spawn_local(async {
                        tokio::select! { () = serve => {}, () = pipe => {} }
                    }));
                });
            }
        };
        self.server = Some(tokio::task::spawn_local(server));
    }

    fn cut_off(&mut self) {
        self.server.take().unwrap().abort();
        CONNECTIONS.with(|c| c.borrow_mut().drain(..).for_each(|task| task.abort()));
    }

    async fn bring_back(&mut self) {
        // The port stays busy until the aborted listener is dropped.
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.serve(listener);
    }
}

thread_local! {
    static CONNECTIONS: std::cell::RefCell<Vec<JoinHandle<()>>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[tokio::test]
async fn a_storage_outage_is_503_and_the_functions_recover_from_it() {
    tokio::task::LocalSet::new()
        .run_until(down_and_back())
        .await;
}

async fn down_and_back() {
    let mut engine = Engine::start().await;
    let backend = Backend::over(&format!("http://{}", engine.address), &[]).await;
    let mut ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, "ada").await;

    engine.cut_off();
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    for response in [
        ada.refresh().await,
        ada.logout().await,
        ada.get("/me").await,
        ada.get("/applications").await,
        ada.post("/applications", json!({ "name": "Shop" })).await,
        ada.post(&path, json!({})).await,
        sdk.traces(sdk.batch(1)).await,
    ] {
        response.problem(503, "unavailable");
        let seconds: u64 = response.header("retry-after").parse().unwrap();
        assert!((1..=5).contains(&seconds));
        assert!(
            !response.text().contains("127.0.0.1"),
            "internal details: {}",
            response.text()
        );
    }
    let location = browser.get(&callback).await.location();
    assert_eq!(parameters(location.query())["reason"], "unavailable");
    assert_eq!(
        post(&backend, "/refresh", json!({})).await.status,
        400,
        "refused without a database call"
    );

    engine.bring_back().await;
    assert_eq!(ada.refresh().await.status, 200, "nobody was signed out");
    assert_eq!(sdk.traces(sdk.batch(1)).await.json()["accepted"], 1);
}
