//! Sign-in with a GitHub Enterprise Server: a private CA, an API below the address of the server,
//! e-mail addresses that the server does not verify, and a proxy in front of it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use axum::serve::Listener;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Backend;
use crate::support::callers::parameters;
use crate::support::tls::{Ca, TlsListener, acceptor, private_ca};

/// A server whose account has a primary address, verified or not.
fn server(is_verified: bool) -> Router {
    let json = |value: Value| async move { axum::Json(value) };
    let token = json!({ "access_token": "gho_x", "token_type": "bearer" });
    let user = json!({ "id": 7, "login": "ada_corp", "name": "Ada" });
    let email = json!([{ "email": "ada@corp.test", "primary": true, "verified": is_verified }]);
    Router::new()
        .route("/login/oauth/access_token", post(move || json(token)))
        .route("/api/v3/user", get(move || json(user)))
        .route("/api/v3/user/emails", get(move || json(email)))
}

/// Serves a router over TLS, with a certificate of the CA. Returns its address.
async fn serve(router: Router, ca: &Ca) -> String {
    let listener = TlsListener {
        listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        acceptor: acceptor(ca, &["127.0.0.1", "github.test"]),
    };
    let address = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A backend whose `GITHUB_API_URL` is `/api/v3` below `GITHUB_URL`, which must be the first setting.
async fn backend(settings: &[(&str, &str)]) -> Backend {
    let api = format!("{}/api/v3", settings[0].1);
    let settings = settings.iter().copied();
    let settings: Vec<_> = settings.chain([("GITHUB_API_URL", &*api)]).collect();
    Backend::with(&settings).await
}

/// The reason why a sign-in fails, or `None` if it succeeds.
async fn outcome(settings: &[(&str, &str)]) -> Option<String> {
    let backend = backend(settings).await;
    let mut browser = backend.browser();
    let state = parameters(browser.start().await.query())["state"].clone();
    let callback = format!("/login/oauth2/code/github?code=abc&state={state}");
    let location = browser.get(&callback).await.location();
    let reason = parameters(location.query()).remove("reason");
    let has_tokens = parameters(location.fragment()).contains_key("token");
    assert_eq!(has_tokens, reason.is_none(), "{location}");
    reason
}

#[tokio::test]
async fn a_server_with_a_certificate_of_a_private_ca_is_trusted_if_the_ca_is_set() {
    let (ca, other) = (private_ca(), private_ca());
    let address = serve(server(true), &ca).await;
    let on_one_line = ca.pem().replace('\n', " ");
    let both = format!("{}{}", other.pem(), ca.pem());
    for (certificates, expected) in [
        ("", Some("github_unavailable")),
        (&other.pem(), Some("github_unavailable")),
        (&ca.pem(), None),
        (&on_one_line, None),
        (&both, None),
    ] {
        let settings = [
            ("GITHUB_URL", &*address),
            ("GITHUB_CA_CERTIFICATES", certificates),
        ];
        assert_eq!(outcome(&settings).await.as_deref(), expected);
    }
}

#[tokio::test]
async fn an_unverified_address_is_accepted_only_if_the_operator_says_so() {
    let ca = private_ca();
    let address = serve(server(false), &ca).await;
    for (accepted, expected) in [
        ("", Some("email_unverified")),
        ("refuse", Some("email_unverified")),
        ("accept", None),
    ] {
        let settings = [
            ("GITHUB_URL", &*address),
            ("GITHUB_CA_CERTIFICATES", &ca.pem()),
            ("GITHUB_UNVERIFIED_EMAILS", accepted),
        ];
        assert_eq!(outcome(&settings).await.as_deref(), expected, "{accepted}");
    }
}

/// A proxy that connects every tunnel to `upstream`, and records the first line of each request.
async fn proxy_to(upstream: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = Arc::<Mutex<Vec<String>>>::default();
    let seen = tunnels.clone();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let mut client = BufReader::new(client);
            let mut first = String::new();
            client.read_line(&mut first).await.unwrap();
            seen.lock().unwrap().push(first.trim().to_owned());
            let mut line = String::new();
            while client.read_line(&mut line).await.unwrap() > 2 {
                line.clear();
            }
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(&upstream).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (address, tunnels)
}

#[tokio::test]
async fn requests_to_github_use_the_proxy_unless_github_is_on_loopback() {
    let ca = private_ca();
    let github = serve(server(true), &ca).await;
    let (proxy, tunnels) = proxy_to(github.trim_start_matches("https://").to_owned()).await;
    for (address, proxied) in [("https://github.test", true), (&*github, false)] {
        let settings = [
            ("GITHUB_URL", address),
            ("GITHUB_CA_CERTIFICATES", &ca.pem()),
            ("HTTPS_PROXY", &*proxy),
        ];
        assert_eq!(outcome(&settings).await, None, "{address}");
        let tunnels = std::mem::take(&mut *tunnels.lock().unwrap());
        let expected = if proxied { 3 } else { 0 };
        assert_eq!(tunnels, vec!["CONNECT github.test:443 HTTP/1.1"; expected]);
    }
}
