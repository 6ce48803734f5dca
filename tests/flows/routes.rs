//! One set of routes: the routers', `template.yaml`'s, `cargo lambda watch`'s, the
//! description's, and those that `events/` asks for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml_ng::Value;

use crate::events::routes_of_events;
use crate::openapi::{described_routes, of_functions};
use crate::template::{functions, template, text};

/// A function, a method and a path.
pub type Route = (String, String, String);

/// The crates of the functions.
pub const FUNCTIONS: [&str; 6] = [
    "oauth",
    "refresh",
    "applications",
    "apikey",
    "ingest",
    "telemetry",
];

#[test]
fn all_that_name_routes_name_the_same() {
    let mut served: BTreeSet<Route> = FUNCTIONS.into_iter().flat_map(router_routes).collect();
    // Every function answers it; the gateway asks this one.
    served.insert(route("ingest", "GET", "/health"));
    assert_same("template.yaml", &deployed_routes(), &served);
    assert_same(
        "cargo lambda watch, in Cargo.toml,",
        &watched_routes(),
        &served,
    );
    assert_same("events/", &routes_of_events(), &served);
    assert_same("openapi.json", &described_routes(), &of_functions(&served));
}

#[track_caller]
fn assert_same<T: Ord + std::fmt::Debug>(who: &str, named: &BTreeSet<T>, served: &BTreeSet<T>) {
    let missing: Vec<&T> = served.difference(named).collect();
    let unknown: Vec<&T> = named.difference(served).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "{who} lacks {missing:?}, and has {unknown:?} that no router serves"
    );
}

/// The routes of `template.yaml`.
pub fn deployed_routes() -> BTreeSet<Route> {
    let template = template();
    let mut deployed = definition_routes(&template);
    for (_, function) in functions(&template) {
        deployed.extend(event_routes(function));
    }
    let distinct: BTreeSet<Route> = deployed.iter().cloned().collect();
    assert_eq!(distinct.len(), deployed.len(), "a route is there twice");
    distinct
}

/// The routes in a function's `src/lib.rs`: `.route("…", get(…).post(…))`.
fn router_routes(function: &str) -> Vec<Route> {
    let source = root().join("functions").join(function).join("src/lib.rs");
    let source = fs::read_to_string(source).unwrap();
    let router = source.split(".with_state(").next().unwrap();
    let mut found = Vec::new();
    for call in router.split(".route(").skip(1) {
        let (path, handlers) = call.split_once(',').unwrap();
        let path = match path.trim().strip_prefix('"') {
            Some(literal) => literal.trim_end_matches('"'),
            None => constant(&source, path.trim()),
        };
        // `get(sessions::list).delete(…)`: a word before a parenthesis is a method.
        let words = handlers.split('(').map(|text| {
            text.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap()
        });
        for word in words.filter(|word| METHODS.contains(word)) {
            found.push(route(function, &word.to_uppercase(), path));
        }
    }
    assert!(!found.is_empty(), "{function} has no routes");
    found
}

const METHODS: [&str; 7] = ["get", "post", "patch", "put", "delete", "head", "any"];

/// The value of `const NAME: &str = "…";`.
fn constant<'a>(source: &'a str, name: &str) -> &'a str {
    let declaration = format!("const {name}: &str = \"");
    let (_, value) = source.split_once(&declaration).unwrap();
    value.split('"').next().unwrap()
}

/// The routes that `cargo lambda watch` serves: in the order of the text a path,
/// then a function and a method for each of its routes.
fn watched_routes() -> BTreeSet<Route> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, table) = manifest
        .split_once("[workspace.metadata.lambda.watch.router]")
        .unwrap();
    let table = table.split("\n[").next().unwrap();
    let (mut path, mut function) = ("", "");
    let mut routes = BTreeSet::new();
    for quoted in table.split('"').skip(1).step_by(2) {
        if quoted.starts_with('/') {
            path = quoted;
        } else if quoted.chars().all(char::is_uppercase) {
            routes.insert((function.to_owned(), quoted.to_owned(), path.to_owned()));
        } else {
            function = quoted;
        }
    }
    routes
}

/// The routes among a function's events.
fn event_routes(function: &Value) -> Vec<Route> {
    let binary = text(&function["Metadata"]["BuildProperties"]["Binary"]);
    let events = function["Properties"].get("Events");
    let events = events.and_then(Value::as_mapping).into_iter().flatten();
    events
        .map(|(_, event)| {
            assert_eq!(text(&event["Type"]), "HttpApi");
            let [method, path] = ["Method", "Path"].map(|name| text(&event["Properties"][name]));
            route(binary, method, path)
        })
        .collect()
}

/// The routes that the API itself lists, because their function depends on it.
fn definition_routes(template: &Value) -> Vec<Route> {
    let api = &template["Resources"]["HttpApi"]["Properties"]["DefinitionBody"];
    let mut found = Vec::new();
    for (path, operations) in api["paths"].as_mapping().unwrap() {
        for (method, operation) in operations.as_mapping().unwrap() {
            let uri = text(&operation["x-amazon-apigateway-integration"]["uri"]);
            let (_, function) = uri.split_once(":function:${AWS::StackName}-").unwrap();
            let function = function.strip_suffix("/invocations").unwrap();
            found.push(route(function, &text(method).to_uppercase(), text(path)));
        }
    }
    found
}

fn route(function: &str, method: &str, path: &str) -> Route {
    (function.to_owned(), method.to_owned(), path.to_owned())
}

/// The top of the checkout.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}
