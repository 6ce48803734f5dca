//! The binary of a function in its own process, with an environment like Lambda's: only the
//! variables of `template.yaml`.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::Value;
use tokio::io::sink;
use tokio::process::{Child, Command};

use super::runtime_api::RuntimeApi;
use crate::support::Response;

/// A running function.
pub struct Function {
    pub api: RuntimeApi,
    // The process ends when this is dropped.
    process: Child,
}

/// Environment variables.
pub type Settings = Vec<(String, String)>;

/// Settings with one of them replaced or added.
pub fn replaced(mut settings: Settings, name: &str, value: &str) -> Settings {
    settings.retain(|(own, _)| own != name);
    settings.push((name.to_owned(), value.to_owned()));
    settings
}

impl Function {
    /// Starts a function and waits until it requests its first event.
    pub async fn start(name: &str, settings: &Settings) -> Self {
        let function = Self::begin(name, settings).await;
        function.api.polled().await;
        function
    }

    /// Starts a function under Callgrind, the program at `valgrind`, which writes to `counts`.
    pub async fn start_counted(
        name: &str,
        settings: &Settings,
        valgrind: &str,
        counts: &Path,
    ) -> Self {
        let mut program = Command::new(valgrind);
        program
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", counts.display()))
            .arg(binary(name));
        let api = RuntimeApi::start().await;
        let process = spawned(in_lambda(program, name, &api.address, settings));
        let function = Self { api, process };
        function.api.polled().await;
        function
    }

    /// Ends the process as Lambda does, and waits for its end.
    pub async fn terminate(mut self) {
        signal("-TERM", self.process.id().unwrap()).await;
        self.process.wait().await.unwrap();
    }

    /// Ends a process under Callgrind, and returns the instructions that it wrote to `counts`.
    pub async fn counted(self, counts: &Path) -> u64 {
        self.terminate().await;
        let counts = std::fs::read_to_string(counts).unwrap();
        let total = counts
            .lines()
            .find_map(|line| line.strip_prefix("totals: "));
        total.unwrap().trim().parse().unwrap()
    }

    /// Starts a function.
    pub async fn begin(name: &str, settings: &Settings) -> Self {
        let api = RuntimeApi::start().await;
        let process = spawned(command(name, &api, settings));
        Self { api, process }
    }

    /// Starts a function that is expected to exit, and returns its output.
    pub async fn fails_to_start(name: &str, settings: &Settings) -> Output {
        let api = RuntimeApi::start().await;
        let output = command(name, &api, settings).output();
        let output = tokio::time::timeout(Duration::from_secs(15), output).await;
        output.expect("it started").unwrap()
    }

    /// CPU time of the process since its start.
    pub fn cpu(&self) -> Duration {
        cpu_of(&self.process)
    }

    /// The largest memory that the process has had since [`Self::reset_peak`], in kB.
    pub fn peak_kb(&self) -> u64 {
        let status = std::fs::read_to_string(self.of_process("status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.unwrap().trim().trim_end_matches(" kB");
        peak.parse().unwrap()
    }

    /// Forgets the largest memory so far.
    pub fn reset_peak(&self) {
        std::fs::write(self.of_process("clear_refs"), "5").unwrap();
    }

    fn of_process(&self, file: &str) -> PathBuf {
        let id = self.process.id().unwrap();
        format!("/proc/{id}/{file}").into()
    }

    /// The response to an event of API Gateway.
    pub async fn answer(&self, event: &Value) -> Response {
        let answer = self.api.invoke(event.clone()).await;
        response(&answer.unwrap_or_else(|error| panic!("{event}: {error}")))
    }
}

/// Sends a signal to a process.
pub async fn signal(name: &str, process: u32) {
    let id = process.to_string();
    let sent = Command::new("kill").args([name, &id]).status().await;
    assert!(sent.unwrap().success());
}

/// Starts a process, and reads and drops its output: a process whose output nobody reads stops after
/// some hundred lines.
fn spawned(mut program: Command) -> Child {
    let mut process = program.spawn().unwrap();
    let mut stdout = process.stdout.take().unwrap();
    tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut sink()).await });
    let mut stderr = process.stderr.take().unwrap();
    tokio::spawn(async move { tokio::io::copy(&mut stderr, &mut sink()).await });
    process
}

/// CPU time of a process since its start, of all threads that still live.
pub fn cpu_of(process: &Child) -> Duration {
    let tasks = format!("/proc/{}/task", process.id().unwrap());
    let nanoseconds = std::fs::read_dir(tasks).unwrap().filter_map(|task| {
        // A thread may end in between. The first of three numbers is its time on a CPU, in
        // nanoseconds.
        let times = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

fn command(name: &str, api: &RuntimeApi, settings: &Settings) -> Command {
    let path = binary(name);
    assert!(path.exists(), "no {}", path.display());
    in_lambda(Command::new(path), name, &api.address, settings)
}

/// Gives a program the environment of a function, with the Runtime API at this address.
pub fn in_lambda(mut program: Command, name: &str, api: &str, settings: &Settings) -> Command {
    program
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api)
        .env("AWS_LAMBDA_FUNCTION_NAME", format!("upblit-{name}"))
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("_HANDLER", "bootstrap")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    program
}

/// The debug binary with all functions, or the binary that `cargo lambda build` wrote to the
/// folder in `LAMBDA_BINARIES`.
pub fn binary(name: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "of the tests alone")]
    let Some(folder) = std::env::var_os("LAMBDA_BINARIES") else {
        return env!("CARGO_BIN_EXE_functions").into();
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join(folder).join(name).join("bootstrap")
}

/// The HTTP response that API Gateway makes of a response with payload version 2.
pub fn response(answer: &Value) -> Response {
    let mut headers = HeaderMap::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, text(value).parse().unwrap());
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(http::header::SET_COOKIE, text(cookie).parse().unwrap());
    }
    let body = answer["body"].as_str().unwrap_or_default();
    let status = answer["statusCode"].as_u64().unwrap();
    Response {
        status: StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap(),
        headers,
        body: match answer["isBase64Encoded"].as_bool() {
            Some(true) => STANDARD.decode(body).unwrap(),
            _ => body.as_bytes().to_vec(),
        },
    }
}
