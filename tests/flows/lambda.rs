//! The very binaries that are deployed, under a stand-in for Lambda's Runtime API:
//! they answer as the routers do that every other flow goes through.
//!
//! `cargo lambda build --release` makes them, which takes minutes; so these run on
//! demand: `cargo test -p tests --test flows -- --ignored lambda::`

mod cold_start;
mod function;
mod likeness;
mod runtime_api;
mod secrets_manager;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::events::{self, filled, invoke, values};
use crate::routes::FUNCTIONS;
use crate::support::Backend;
use crate::support::backend::JWT_SECRET;
use function::{Function, Settings};
use likeness::assert_alike;
use secrets_manager::SecretsManager;

/// A backend of now, whose engine and secrets are within reach of other processes.
struct Deployment {
    backend: Backend,
    database: dynoxide::Database,
    engine: String,
    secrets: SecretsManager,
}

impl Deployment {
    async fn start() -> Self {
        let (engine, listener) = listen().await;
        let database = dynoxide::Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        let backend = events::backend_over(&engine).await;
        backend.clock.set(shared::clock::Clock::system().now());
        let github = json!({
            "client_id": backend.setting("GITHUB_CLIENT_ID"),
            "client_secret": backend.setting("GITHUB_CLIENT_SECRET"),
        });
        let secrets = SecretsManager::start(JWT_SECRET, &github).await;
        Self {
            backend,
            database,
            engine,
            secrets,
        }
    }

    /// What `template.yaml` gives the function.
    fn settings(&self, function: &str) -> Settings {
        let mut settings = vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", self.engine.clone()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.secrets.url.clone()),
            ("METRICS_NAMESPACE", "Upblit/test".to_owned()),
        ];
        if function != "ingest" {
            settings.push(("JWT_SECRET_ARN", secrets_manager::JWT_SECRET.to_owned()));
        }
        let own: &[&str] = match function {
            "oauth" => {
                let arn = secrets_manager::GITHUB_SECRET.to_owned();
                settings.push(("GITHUB_SECRET_ARN", arn));
                &["PUBLIC_URL", "FRONTEND_URL", "GITHUB_URL", "GITHUB_API_URL"]
            }
            "apikey" => &["GITHUB_SECRET_SCANNING_KEYS_URL"],
            _ => &[],
        };
        settings.extend(own.iter().map(|name| (*name, self.backend.setting(name))));
        settings
    }

    async fn function(&self, name: &str) -> Function {
        Function::start(name, &self.settings(name)).await
    }
}

async fn listen() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, listener)
}

/// An event of `events/` as it is.
fn event(name: &str) -> Value {
    events::events().remove(name).unwrap()
}

#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
async fn every_event_is_answered_as_by_the_router() {
    let deployment = Deployment::start().await;
    let backend = &deployment.backend;
    for name in FUNCTIONS {
        let function = deployment.function(name).await;
        let events = events::events();
        let own = events
            .iter()
            .filter(|(event, _)| event.starts_with(&format!("{name}/")));
        for (index, (case, event)) in own.enumerate() {
            // Each has an account of its own, so that none sees what another did.
            let [ours, theirs] = ["lambda", "router"].map(|who| format!("{who}-{name}-{index}"));
            let sent = filled(event, &values(backend, &ours).await);
            let answered = function.answer(&sent).await;
            let expected = invoke(backend, &filled(event, &values(backend, &theirs).await)).await;
            assert_alike(case, (&answered, &ours), (&expected, &theirs));
            // As it is in the file, it is refused, and as by the router too.
            let answered = function.answer(event).await;
            let expected = invoke(backend, event).await;
            assert_alike(case, (&answered, ""), (&expected, ""));
        }
    }
}

/// API Gateway leaves the name of a stage in the path.
#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
async fn a_stage_in_the_path_changes_nothing() {
    let deployment = Deployment::start().await;
    let function = deployment.function("ingest").await;
    let values = values(&deployment.backend, "ada").await;
    for (case, status) in [("traces", 200), ("traces_no_key", 401), ("health", 200)] {
        let mut event = filled(&event(&format!("ingest/{case}")), &values);
        event["requestContext"]["stage"] = "prod".into();
        let path = format!("/prod{}", event["rawPath"].as_str().unwrap());
        event["rawPath"] = path.clone().into();
        event["requestContext"]["http"]["path"] = path.into();
        let answer = function.answer(&event).await;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
    }
}

/// H6, H7, H8: what API Gateway never sends. A function that dies of it takes the
/// next caller's request along.
#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
async fn h6_h7_h8_a_function_outlives_every_event() {
    let deployment = Deployment::start().await;
    let mut function = deployment.function("ingest").await;
    let good = filled(
        &event("ingest/traces"),
        &values(&deployment.backend, "ada").await,
    );
    let with = |change: &dyn Fn(&mut Value)| {
        let mut event = good.clone();
        change(&mut event);
        event
    };
    let odd = [
        with(&|event| {
            event["isBase64Encoded"] = true.into();
            event["body"] = "%%% no base64".into();
        }),
        with(&|event| event["headers"]["host"] = "no host\u{7f} at all".into()),
        with(&|event| event["headers"]["host"] = "[::1".into()),
        with(&|event| event["rawPath"] = "/ingest/traces\u{0}?#%zz".into()),
        with(&|event| event["rawPath"] = "//ingest/../traces".into()),
        with(&|event| event["headers"] = Value::Null),
        with(&|event| event["cookies"] = json!(["", "=", "a"])),
        with(&|event| event["body"] = Value::Null),
        with(&|event| event["requestContext"]["http"]["method"] = "BREW".into()),
        with(&|event| event["requestContext"] = json!({})),
        json!({ "source": "serverless-plugin-warmup" }),
        json!({ "version": "2.0" }),
        json!([]),
        Value::Null,
    ];
    for event in odd {
        // An error is a 500 of the gateway; what counts is the event after it.
        if let Ok(answer) = function.api.invoke(event.clone()).await {
            let status = answer["statusCode"].as_u64().unwrap();
            assert!(status < 500, "{event}: {answer}");
        }
        assert!(function.is_alive(), "{event}");
        assert_eq!(function.answer(&good).await.status, 200, "after {event}");
    }
}

/// H1, H2: in AWS the gateway answers these itself; they must not surprise where it does not.
#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
async fn h1_h2_head_and_options_are_refused_like_any_other_method() {
    let deployment = Deployment::start().await;
    let function = deployment.function("ingest").await;
    for method in ["HEAD", "OPTIONS", "GET", "TRACE"] {
        let mut event = event("ingest/traces_no_key");
        event["requestContext"]["http"]["method"] = method.into();
        let answer = function.answer(&event).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "POST", "{method}");
    }
}

/// I4: API Gateway's base64 makes four bytes of three.
#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
async fn i4_a_body_at_the_bound_comes_through_in_base64() {
    use base64::Engine;
    let deployment = Deployment::start().await;
    let function = deployment.function("ingest").await;
    let values = values(&deployment.backend, "ada").await;
    let most = shared::inflate::MAX_WIRE_BYTES;
    for (bytes, status) in [(most, 200), (most + 1, 413)] {
        let mut event = filled(&event("ingest/traces"), &values);
        let mut body = event["body"].as_str().unwrap().to_owned().into_bytes();
        body.resize(bytes, b' ');
        event["body"] = base64::engine::general_purpose::STANDARD
            .encode(body)
            .into();
        event["isBase64Encoded"] = true.into();
        let answer = function.answer(&event).await;
        assert_eq!(answer.status, status, "{bytes}: {}", answer.text());
    }
}

/// P4: the first request of an instance meets a database that is down.
#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
async fn p4_a_start_without_a_database_heals_by_itself() {
    let (engine, listener) = listen().await;
    drop(listener);
    let deployment = Deployment::start().await;
    let mut settings = deployment.settings("ingest");
    settings.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_DYNAMODB");
    settings.push(("AWS_ENDPOINT_URL_DYNAMODB", engine.clone()));
    let function = Function::start("ingest", &settings).await;
    let values = values(&deployment.backend, "ada").await;
    let good = filled(&event("ingest/traces"), &values);
    let answer = function.answer(&good).await;
    answer.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "2");
    let listener = TcpListener::bind(engine.strip_prefix("http://").unwrap()).await;
    let back = dynoxide::server::serve_on(listener.unwrap(), deployment.database.clone());
    tokio::spawn(back);
    assert_eq!(function.answer(&good).await.status, 200);
}

/// P5, J29: a function that cannot serve does not start, and says in one line why.
#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
async fn p5_a_start_that_fails_names_the_setting() {
    let deployment = Deployment::start().await;
    let without = |function: &str, missing: &str| -> Settings {
        let mut settings = deployment.settings(function);
        settings.retain(|(name, _)| *name != missing);
        settings
    };
    let with = |function: &str, name: &'static str, value: &str| -> Settings {
        let mut settings = without(function, name);
        settings.push((name, value.to_owned()));
        settings
    };
    let (nowhere, listener) = listen().await;
    drop(listener);
    for (function, settings, named) in [
        ("oauth", without("oauth", "PUBLIC_URL"), "PUBLIC_URL"),
        (
            "oauth",
            with("oauth", "FRONTEND_URL", "dashboard"),
            "FRONTEND_URL",
        ),
        (
            "refresh",
            without("refresh", "JWT_SECRET_ARN"),
            "JWT_SECRET",
        ),
        (
            "refresh",
            with("refresh", "JWT_SECRET_ARN", "none"),
            "JWT_SECRET_ARN",
        ),
        (
            "refresh",
            with("refresh", "AWS_ENDPOINT_URL_SECRETS_MANAGER", &nowhere),
            "JWT_SECRET_ARN",
        ),
        (
            "ingest",
            with("ingest", "KEY_CACHE_TTL", "1h"),
            "KEY_CACHE_TTL",
        ),
    ] {
        let output = Function::fails_to_start(function, &settings).await;
        assert!(!output.status.success(), "{named}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(named), "{named}: {said}");
        assert!(!said.contains(JWT_SECRET), "{said}");
    }
}
