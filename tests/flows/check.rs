//! `upblit check`: what it reports about a deployment that works, and about faulty ones.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderValue, StatusCode};
use local::check::{Options, run};
use shared::base::clock::Clock;
use shared::base::environment::Env;
use tokio::net::TcpListener;

use crate::support::Backend;
use crate::support::backend::start;

/// Changes a response, given the path of its request.
type Fault = fn(&str, &mut Response);

/// Serves a deployment with a fault at an address of its own, and returns the address.
async fn served(backend: &Backend, fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let deployment = backend.redeployed(&[("PUBLIC_URL", &address)]);
    let faulty = move |request: Request, next: Next| async move {
        let path = request.uri().path().to_owned();
        let mut response = next.run(request).await;
        fault(&path, &mut response);
        response
    };
    let router: Router = deployment.router().layer(from_fn(faulty));
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

/// Runs the checks. Returns the output, and whether all have passed.
async fn check(address: &str, settings: &[(&str, &str)]) -> (String, bool) {
    let options = Options {
        url: address.parse().unwrap(),
        health: false,
    };
    let env = Env::from_pairs(settings.iter().copied());
    let mut out = Vec::new();
    let code = run(&options, &env, &Clock::system(), &mut out)
        .await
        .unwrap();
    let out = String::from_utf8(out).unwrap();
    let passed = format!("{code:?}") == format!("{:?}", std::process::ExitCode::SUCCESS);
    (out, passed)
}

#[tokio::test]
async fn a_deployment_that_works_passes_every_check_and_changes_nothing() {
    let backend = Backend::start().await;
    let address = served(&backend, |_, _| {}).await;
    let before = backend.dump_all().await;
    let (out, passed) = check(&address, &[]).await;
    assert!(passed, "{out}");
    assert_eq!(out.matches("ok ").count(), 7, "{out}");
    assert!(out.contains("skipped ingest"), "{out}");
    assert_eq!(backend.dump_all().await, before);
}

#[tokio::test]
async fn with_an_api_key_a_span_is_stored_and_the_key_is_not_printed() {
    let backend = Backend::start().await;
    // The span has the present time, while the clock of the tests stands in the past.
    let ahead = Clock::system().now().duration_since(start());
    let backend = backend.with_a_clock_ahead(ahead.as_secs());
    let ada = backend.sign_in("ada").await;
    let app = ada.create_application("shop").await;
    let key = ada.mint(&app).await;
    let address = served(&backend, |_, _| {}).await;
    let (out, passed) = check(&address, &[("UPBLIT_CHECK_KEY", &key)]).await;
    assert!(passed, "{out}");
    assert!(out.contains("ok      ingest"), "{out}");
    assert!(out.contains("skipped telemetry: the key"), "{out}");
    assert!(!out.contains(&key), "{out}");

    for wrong in ["upblit_live_wrong", "line\nbreak", ""] {
        let (out, passed) = check(&address, &[("UPBLIT_CHECK_KEY", wrong)]).await;
        assert_eq!(passed, wrong.is_empty(), "{out}");
        assert!(wrong.is_empty() || !out.contains(wrong), "{out}");
    }
}

#[tokio::test]
async fn with_a_key_that_may_read_the_span_is_read_back() {
    let backend = Backend::start().await;
    let ahead = Clock::system().now().duration_since(start());
    let backend = backend.with_a_clock_ahead(ahead.as_secs());
    let ada = backend.sign_in("ada").await;
    let app = ada.create_application("shop").await;
    let key = ada
        .holder(&app, &["ingest:traces", "telemetry:read"])
        .await
        .key;
    let works: Fault = |_, _| {};
    let loses: Fault = |path, response| {
        if path.starts_with("/telemetry/traces/") {
            *response.status_mut() = StatusCode::OK;
            *response.body_mut() = r#"{"spans":[]}"#.into();
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
        }
    };
    let breaks: Fault = |path, response| {
        if path.starts_with("/telemetry/traces/") {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
    };
    for (fault, expected) in [
        (works, "ok      telemetry: the span was read back"),
        (
            loses,
            "FAILED  telemetry: the span that was stored could not be read",
        ),
        (breaks, "FAILED  telemetry: status 500"),
    ] {
        let address = served(&backend, fault).await;
        let (out, passed) = check(&address, &[("UPBLIT_CHECK_KEY", &key)]).await;
        assert!(out.contains(expected), "{out}");
        assert_eq!(passed, expected.starts_with("ok"), "{out}");
        assert!(!out.contains(&key), "{out}");
    }
}

/// Faults of a deployment, each with the one check that finds it.
const FAULTS: [(&str, Fault); 12] = [
    ("health: the status is 404", |path, response| {
        on(path, "/health", || {
            *response.status_mut() = StatusCode::NOT_FOUND;
        });
    }),
    ("health: status 503", |path, response| {
        on(path, "/health", || {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        });
    }),
    ("health: strict-transport-security is", |path, response| {
        on(path, "/health", || {
            drop(response.headers_mut().remove(STRICT_TRANSPORT_SECURITY));
        });
    }),
    ("dashboard: content-security-policy is", |path, response| {
        on(path, "/", || {
            drop(response.headers_mut().remove(CONTENT_SECURITY_POLICY));
        });
    }),
    (
        "dashboard: the policy does not limit scripts",
        |path, response| {
            on(path, "/", || {
                let policy = HeaderValue::from_static("frame-ancestors 'none'");
                response
                    .headers_mut()
                    .insert(CONTENT_SECURITY_POLICY, policy);
            });
        },
    ),
    ("dashboard: Content-Type is", |path, response| {
        on(path, "/config.js", || html(response));
    }),
    (
        "unknown paths: Content-Type is \"text/html\"",
        |path, response| {
            on(path, "/check/unknown", || html(response));
        },
    ),
    ("sign-in: the status is 200", |path, response| {
        on(path, START, || *response.status_mut() = StatusCode::OK);
    }),
    (
        "sign-in: redirect_uri is https://other.test/",
        |path, response| {
            on(path, START, || {
                let location = HeaderValue::from_static(
                    "https://github.com/login/oauth/authorize?client_id=a&state=b&code_challenge=c\
                 &redirect_uri=https://other.test/",
                );
                response.headers_mut().insert(LOCATION, location);
            });
        },
    ),
    (
        "sign-in: the cookie of the sign-in is not HttpOnly",
        |path, response| {
            on(path, START, || {
                let cookie = HeaderValue::from_static("a=b; SameSite=Lax");
                response.headers_mut().insert(SET_COOKIE, cookie);
            });
        },
    ),
    ("access tokens: the status is 200", |path, response| {
        on(path, "/applications", || {
            *response.status_mut() = StatusCode::OK;
        });
    }),
    ("API keys: the status is 200", |path, response| {
        on(path, "/ingest/traces", || {
            *response.status_mut() = StatusCode::OK;
        });
    }),
];

const START: &str = "/oauth2/authorization/github";

fn on(path: &str, faulty: &str, fault: impl FnOnce()) {
    if path == faulty {
        fault();
    }
}

fn html(response: &mut Response) {
    let value = HeaderValue::from_static("text/html");
    response.headers_mut().insert(CONTENT_TYPE, value);
}

#[tokio::test]
async fn each_fault_fails_its_check_and_no_other() {
    let backend = Backend::start().await;
    for (line, fault) in FAULTS {
        let address = served(&backend, fault).await;
        let (out, passed) = check(&address, &[]).await;
        assert!(!passed, "{line}: {out}");
        assert!(out.contains(&format!("FAILED  {line}")), "{line}: {out}");
        assert_eq!(out.matches("FAILED").count(), 1, "{line}: {out}");
    }
}

#[tokio::test]
async fn an_address_without_a_server_fails_every_check() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (out, passed) = check(&address, &[]).await;
    assert!(!passed, "{out}");
    assert_eq!(out.matches("FAILED").count(), 7, "{out}");
}
