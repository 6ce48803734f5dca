//! Query parameters: how routes treat those that are unknown, invalid, empty, or given twice, and
//! cursors of other lists.

mod filters;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::openapi::document;
use crate::support::callers::Sdk;
use crate::support::{Backend, SignedIn};

/// Lists that are read page by page, and the maximum number of rows in a page.
const PAGED: [(&str, u16); 7] = [
    ("/apikey", 100),
    ("/applications", 100),
    ("/applications/{id}/audit", 100),
    ("/me/audit", 100),
    ("/sessions", 100),
    ("/telemetry/logs", 200),
    ("/telemetry/traces", 200),
];

/// Other routes that refuse unknown parameters.
const STRICT: [&str; 8] = [
    "/applications/{id}/invites",
    "/applications/{id}/members",
    "/applications/{id}/usage",
    "/me/export",
    "/telemetry/differences",
    "/telemetry/fields",
    "/telemetry/metrics",
    "/telemetry/traces/{id}",
];

/// Routes that are read and ignore unknown parameters.
const LENIENT: [&str; 2] = ["/applications/{id}", "/me"];

/// A user and an SDK, with at least two rows in every list of [`PAGED`].
async fn start() -> (SignedIn, Sdk) {
    let backend = Backend::start().await;
    backend.sign_in("ada").await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    ada.create_application("Other").await;
    ada.mint(&sdk.application_id).await;
    let path = format!("/applications/{}", sdk.application_id);
    ada.patch(&path, json!({ "name": "Store" })).await.json();
    let spans = ["t", "u"].map(|trace| {
        let mut span = sdk.span(0);
        span["traceId"] = trace.into();
        span
    });
    sdk.traces(json!({ "traces": spans })).await.json();
    let record = sdk.log("hello")["logs"][0].clone();
    let records = [&record, &record];
    sdk.logs(json!({ "logs": records })).await.json();
    backend.calls.take();
    (ada, sdk)
}

/// The address of a route, with its required parameters and these.
fn address(sdk: &Sdk, path: &str, parameters: &str) -> String {
    let id = if path.starts_with("/telemetry") {
        "t"
    } else {
        &sdk.application_id
    };
    let needed = match path {
        "/apikey" => format!("ApplicationId={}&", sdk.application_id),
        path if path.starts_with("/telemetry") => format!("applicationId={}&", sdk.application_id),
        _ => String::new(),
    };
    format!("{}?{needed}{parameters}", path.replace("{id}", id))
}

fn paged() -> impl Iterator<Item = &'static str> {
    PAGED.into_iter().map(|(path, _)| path)
}

/// Asserts that one parameter is refused by name, without its value and without a call.
#[track_caller]
fn assert_names(
    ada: &SignedIn,
    response: crate::support::Response,
    name: &str,
    value: &str,
) -> Value {
    let problem = response.problem(400, "invalid-fields");
    assert_eq!(
        problem["errors"][0]["pointer"],
        format!("/{name}"),
        "{problem}"
    );
    let reason = problem["errors"][0]["reason"].as_str().unwrap();
    assert!(
        value.is_empty() || !reason.contains(value),
        "quotes {value}"
    );
    assert!(ada.backend.calls.take().is_empty(), "{name}={value}");
    problem
}

#[test]
fn every_route_that_is_read_with_a_token_is_in_one_of_the_tables() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let read = paths
        .iter()
        .filter(|(_, methods)| methods["get"]["security"][0].get("bearer").is_some());
    let read: BTreeSet<&str> = read.map(|(path, _)| path.as_str()).collect();
    let known = paged().chain(STRICT).chain(LENIENT).collect();
    assert_eq!(
        read, known,
        "each path belongs into `PAGED`, `STRICT` or `LENIENT` of this file"
    );
    for (path, methods) in paths {
        let parameters = methods["get"]["parameters"]
            .as_array()
            .into_iter()
            .flatten();
        for limit in parameters.filter(|parameter| parameter["name"] == "limit") {
            let schema = &limit["schema"];
            let (_, max) = PAGED.iter().find(|(paged, _)| paged == path).unwrap();
            let bounds = json!({ "type": "integer", "minimum": 1, "maximum": max, "default": 50 });
            assert_eq!(schema, &bounds, "{path}");
        }
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_by_its_name() {
    let (ada, sdk) = start().await;
    for path in paged().chain(STRICT) {
        for name in ["colour", "Limit", "applicationid", "x%2Fy"] {
            let response = ada
                .get(&address(&sdk, path, &format!("{name}=vermilion")))
                .await;
            let name = name.replace("%2F", "~1");
            assert_names(&ada, response, &name, "vermilion");
        }
    }
}

#[tokio::test]
async fn sign_in_creating_a_key_and_routes_without_lists_ignore_unknown_parameters() {
    let (ada, sdk) = start().await;
    for path in LENIENT {
        let response = ada.get(&address(&sdk, path, "colour=vermilion")).await;
        assert_eq!(response.status, 200, "{path}");
    }
    let path = address(&sdk, "/apikey", "colour=vermilion");
    assert_eq!(ada.send(Method::POST, &path, None).await.status, 200);
    let start = "/oauth2/authorization/github?colour=vermilion";
    let started = ada.backend.browser().get(start).await;
    assert_eq!(started.status, 302);
    assert!(!started.header("location").contains("/login?reason="));
}

#[tokio::test]
async fn a_limit_is_a_whole_number_within_the_bounds_of_its_list() {
    let (ada, sdk) = start().await;
    for (path, max) in PAGED {
        let above = (max + 1).to_string();
        for limit in [
            "",
            "0",
            "-1",
            "1.5",
            "many",
            "1e2",
            "99999999999999999999",
            &above,
        ] {
            let response = ada
                .get(&address(&sdk, path, &format!("limit={limit}")))
                .await;
            let problem = assert_names(&ada, response, "limit", "");
            let reason = format!("must be a whole number from 1 to {max}");
            assert_eq!(problem["errors"][0]["reason"], reason, "{path} {limit}");
        }
        for limit in [1, max] {
            let response = ada
                .get(&address(&sdk, path, &format!("limit={limit}")))
                .await;
            assert_eq!(response.status, 200, "{path} {limit}");
        }
        ada.backend.calls.take();
    }
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_refused_everywhere() {
    let (ada, sdk) = start().await;
    let document = document();
    let mut tried = 0;
    for path in paged().chain(STRICT) {
        let parameters = document["paths"][path]["get"]["parameters"].as_array();
        let of_query = |parameter: &&Value| parameter["in"] == "query";
        for parameter in parameters.into_iter().flatten().filter(of_query) {
            let name = parameter["name"].as_str().unwrap();
            // Valid ones, or the first would be refused before the second is seen.
            let value = match name {
                "from" | "to" | "at" => "2026-01-31T12:00:00Z",
                "minDurationMs" | "maxDurationMs" | "limit" => "7",
                "kind" => "server",
                // May be given several times, which `filters` tests.
                "attr" => continue,
                "step" => "300",
                "signal" => "logs",
                // The cursors of each list are tested below.
                "cursor" => continue,
                _ => "error",
            };
            let query = format!("{name}={value}&{name}={value}");
            let response = ada.get(&address(&sdk, path, &query)).await;
            let problem = response.problem(400, "malformed-request");
            let detail = problem["detail"].as_str().unwrap();
            assert_eq!(detail, format!("the query has `{name}` twice"), "{path}");
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
    assert!(ada.backend.calls.take().is_empty());
}

#[tokio::test]
async fn a_cursor_is_opaque_and_valid_for_its_own_list_only() {
    let (ada, sdk) = start().await;
    let mut cursors = Vec::new();
    for path in paged() {
        let page = ada.get(&address(&sdk, path, "limit=1")).await.json();
        let cursor = page["nextCursor"].as_str().unwrap().to_owned();
        let is_base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        assert!(cursor.bytes().all(is_base64url), "{cursor}");
        for secret in [sdk.application_id.as_str(), "audit", "user"] {
            assert!(!cursor.contains(secret), "{cursor}");
        }
        cursors.push((path, cursor));
    }
    ada.backend.calls.take();
    for path in paged() {
        for (of, cursor) in &cursors {
            let response = ada
                .get(&address(&sdk, path, &format!("cursor={cursor}")))
                .await;
            if path == *of {
                assert_eq!(response.status, 200, "{path}");
                ada.backend.calls.take();
            } else {
                assert_names(&ada, response, "cursor", cursor);
            }
        }
        let twice = cursors.iter().find(|(of, _)| *of == path).unwrap();
        let query = format!("cursor={0}&cursor={0}", twice.1);
        let response = ada.get(&address(&sdk, path, &query)).await;
        response.problem(400, "malformed-request");
        for forged in [
            "",
            "AAAA",
            "meta",
            "audit%231769862600123%2312345678",
            "%00",
        ] {
            let response = ada
                .get(&address(&sdk, path, &format!("cursor={forged}")))
                .await;
            assert_names(&ada, response, "cursor", forged);
        }
    }
}

#[tokio::test]
async fn an_empty_value_is_no_filter_and_otherwise_not_valid() {
    let (ada, sdk) = start().await;
    for (path, filters, others) in [
        (
            "/telemetry/traces",
            &["status", "q"][..],
            &["from", "to", "minDurationMs"][..],
        ),
        (
            "/telemetry/logs",
            &["level", "traceId", "q"],
            &["from", "to"],
        ),
        (
            "/telemetry/metrics",
            &[],
            &["from", "to", "step", "signal", "by"],
        ),
        (
            "/telemetry/traces/{id}",
            &["traceId"],
            &["at", "from", "to"],
        ),
    ] {
        let all = ada.get(&address(&sdk, path, "")).await.json();
        for name in filters {
            let same = ada.get(&address(&sdk, path, &format!("{name}="))).await;
            assert_eq!(same.json(), all, "{path} {name}");
        }
        ada.backend.calls.take();
        for name in others {
            let response = ada.get(&address(&sdk, path, &format!("{name}="))).await;
            assert_names(&ada, response, name, "");
        }
        let path = path.replace("{id}", "t");
        let nobodys = ada.get(&format!("{path}?applicationId=")).await;
        nobodys.problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_token_comes_before_the_query_and_the_query_before_the_membership() {
    let (ada, sdk) = start().await;
    let eve = ada.backend.sign_in("eve").await;
    ada.backend.calls.take();
    for path in [
        "/applications/{id}/audit",
        "/telemetry/logs",
        "/telemetry/metrics",
    ] {
        let odd = address(&sdk, path, "colour=vermilion");
        let stranger = ada.backend.browser().get(&odd).await;
        stranger.problem(401, "invalid-access-token");
        assert_names(&eve, eve.get(&odd).await, "colour", "vermilion");
        let fine = eve.get(&address(&sdk, path, "")).await;
        fine.problem(404, "not-found");
        assert_eq!(ada.backend.calls.take(), ["BatchGetItem"]);
    }
}
