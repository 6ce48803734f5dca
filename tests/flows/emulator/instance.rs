//! A function under Lambda's Runtime Interface Emulator.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use shared::base::environment::Env;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::lambda::function::{Settings, binary, in_lambda};

/// Time limit for the start of the emulator.
const START_LIMIT: Duration = Duration::from_secs(10);

/// An emulator with its function, which starts with the first event.
pub struct Instance {
    /// Output of both.
    pub log: PathBuf,
    url: String,
    // The emulator ends when this is dropped.
    emulator: Child,
    client: Client<HttpConnector, Body>,
    /// An instance takes one event after the other. The emulator refuses a second one.
    turn: Mutex<()>,
}

impl Instance {
    /// Starts the emulator for a function with these settings and time limit.
    pub async fn start(name: &str, settings: &Settings, limit: Duration, log: PathBuf) -> Self {
        let [front, api] = [free_address(), free_address()];
        let mut program = in_lambda(Command::new(program()), name, &api, settings);
        let output = File::create(&log).unwrap();
        let emulator = program
            .args(["--runtime-interface-emulator-address", &front])
            .args(["--runtime-api-address", &api])
            .arg(binary(name))
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", limit.as_secs().to_string())
            .stdout(output.try_clone().unwrap())
            .stderr(Stdio::from(output))
            .spawn()
            .unwrap();
        let started = async {
            while TcpStream::connect(&front).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let started = tokio::time::timeout(START_LIMIT, started).await;
        started.expect("the emulator does not start");
        Self {
            log,
            url: format!("http://{front}/2015-03-31/functions/function/invocations"),
            emulator,
            client: Client::builder(TokioExecutor::new()).build_http(),
            turn: Mutex::new(()),
        }
    }

    /// Sends an event. Returns the function's response, or the emulator's message about why there is
    /// none.
    pub async fn invoke(&self, event: &Value) -> (StatusCode, Bytes) {
        let _turn = self.turn.lock().await;
        let request = Request::post(&self.url).body(Body::from(event.to_string()));
        let response = self.client.request(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, body.collect().await.unwrap().to_bytes())
    }

    /// The process of the function, if it runs.
    pub fn function(&self) -> Option<u32> {
        let id = self.emulator.id().unwrap();
        // Each thread lists the processes that it has started.
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let lists = threads.map(|thread| thread.unwrap().path().join("children"));
        let lists = lists.filter_map(|list| std::fs::read_to_string(list).ok());
        let ids: Vec<u32> = lists
            .flat_map(|list| {
                let ids = list.split_whitespace().map(|id| id.parse().unwrap());
                ids.collect::<Vec<_>>()
            })
            .collect();
        assert!(ids.len() < 2, "{ids:?}");
        ids.first().copied()
    }
}

impl Drop for Instance {
    /// Ends the function, which the emulator would leave behind.
    fn drop(&mut self) {
        if let Some(function) = self.function() {
            let mut kill = std::process::Command::new("kill");
            // It may have ended by itself.
            let _ = kill.args(["-KILL", &function.to_string()]).status();
        }
    }
}

/// The program of the emulator for this machine, from the package `aws-sam-cli`.
fn program() -> PathBuf {
    let env = Env::process();
    let path = env.required("LAMBDA_EMULATOR").unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join(path)
}

/// An address that no other process listens on, and that no instance got before. The system gives the
/// ports from 32768 on to others at any time, so these are below.
fn free_address() -> String {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 200).unwrap() * 100;
    let mut addresses = std::iter::repeat_with(|| {
        let port = first + TAKEN.fetch_add(1, Ordering::Relaxed) % 2_000;
        format!("127.0.0.1:{port}")
    });
    let is_free = |address: &String| TcpListener::bind(address).is_ok();
    addresses.find(is_free).unwrap()
}
