//! rotel, an OpenTelemetry collector in Rust, from PyPI: what receiving and decoding a batch takes
//! elsewhere. It stores nothing here.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::function::cpu_of;

/// A running rotel that discards what it receives.
pub struct Rotel {
    // The process ends when this is dropped.
    process: Child,
    url: String,
    client: Client<HttpConnector, Body>,
}

impl Rotel {
    /// Starts the program at `path` and waits until it takes requests.
    pub async fn start(path: &str) -> Self {
        let [http, grpc] = [free_address().await, free_address().await];
        let pid_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rotel.pid");
        let process = Command::new(path)
            .args(["start", "--exporter", "blackhole"])
            .args(["--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc])
            .arg("--pid-file")
            .arg(pid_file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let rotel = Self {
            process,
            url: format!("http://{http}/v1/traces"),
            client: Client::builder(TokioExecutor::new()).build_http(),
        };
        for _ in 0..100 {
            if rotel.post("application/x-protobuf", Vec::new()).await {
                return rotel;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("rotel does not start");
    }

    /// Sends a batch over a connection that stays open, and returns whether it was accepted.
    pub async fn post(&self, media_type: &str, body: Vec<u8>) -> bool {
        let request = Request::post(&self.url)
            .header("content-type", media_type)
            .body(Body::from(Bytes::from(body)))
            .unwrap();
        let response = self.client.request(request).await;
        response.is_ok_and(|response| response.status() == 200)
    }

    /// CPU time of the process since its start.
    pub fn cpu(&self) -> Duration {
        cpu_of(&self.process)
    }
}

async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}
