//! `config.js`, which is generated from the settings.

use axum::body::Body;
use http::Request;
use local::functions::{DASHBOARD, FUNCTIONS};
use shared::base::clock::Clock;
use shared::base::environment::Env;
use shared::lambda::Host;
use tower::ServiceExt;

use crate::support::{Backend, Response};

/// Requests `config.js` from the dashboard function with these settings. `None` if one is refused.
async fn config_with(backend: &Backend, settings: &[(&str, &str)]) -> Option<Response> {
    let host = Host {
        env: Env::from_pairs(settings.iter().copied()),
        database: backend.database.clone(),
        clock: Clock::system(),
    };
    let function = FUNCTIONS.iter().find(|function| function.name == DASHBOARD);
    let router = (function.unwrap().router)(&host).ok()?;
    let request = Request::get("/config.js").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    Some(Response::read(response).await)
}

#[tokio::test]
async fn the_address_of_the_api_is_a_setting_that_cannot_add_code() {
    let backend = Backend::start().await;
    for (setting, address) in [
        ("", ""),
        ("https://api.example.com", "https://api.example.com"),
        (
            "https://api.example.com/stage/",
            "https://api.example.com/stage",
        ),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        (
            "https://api.example.com/\"};alert(1);//",
            "https://api.example.com/%22%7D;alert(1);//",
        ),
        (
            "https://api.example.com/\u{2028}'`${x}</script>",
            "https://api.example.com/%E2%80%A8'%60$%7Bx%7D%3C/script%3E",
        ),
    ] {
        let response = config_with(&backend, &[("API_URL", setting)])
            .await
            .unwrap();
        let expected = format!(
            "export const CONFIG = {{ apiUrl: \"{}\" }};\n",
            address.trim_end_matches('/')
        );
        assert_eq!(response.text(), expected);
        let content_type = response.header("content-type");
        assert_eq!(content_type, "text/javascript; charset=utf-8");
    }
    for refused in [
        "\"",
        "api",
        "javascript:alert(1)",
        "http://api.example.com",
        "https://a.test?b",
        "https://a.test#b",
    ] {
        let response = config_with(&backend, &[("API_URL", refused)]).await;
        assert!(response.is_none(), "{refused}");
    }
}
