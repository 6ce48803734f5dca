//! What `template.yaml` deploys is what the code serves, stores and does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml_ng::Value;
use shared::dynamo::keys::{TTL, TableNames};
use shared::dynamo::tables::{TableDefinition, definitions};

/// A function, a method and a path.
type Route = (String, String, String);

#[test]
fn the_routes_are_those_of_the_routers() {
    let mut served: BTreeSet<Route> = [
        "oauth",
        "refresh",
        "applications",
        "apikey",
        "ingest",
        "telemetry",
    ]
    .into_iter()
    .flat_map(router_routes)
    .collect();
    // Every function answers it; the gateway asks this one.
    served.insert(route("ingest", "GET", "/health"));

    let template = template();
    let mut deployed = definition_routes(&template);
    for (_, function) in resources(&template, "AWS::Serverless::Function") {
        deployed.extend(event_routes(function));
    }
    let distinct: BTreeSet<Route> = deployed.iter().cloned().collect();
    assert_eq!(distinct.len(), deployed.len(), "a route is there twice");
    assert_eq!(distinct, served);
}

#[test]
fn the_tables_are_those_of_the_local_engine() {
    let names = TableNames {
        users: "UsersTable".to_owned(),
        refresh_tokens: "RefreshTokensTable".to_owned(),
        applications: "ApplicationsTable".to_owned(),
        api_keys: "ApiKeysTable".to_owned(),
        telemetry: "TelemetryTable".to_owned(),
        short_lived: "ShortLivedTable".to_owned(),
    };
    let template = template();
    let deployed = resources(&template, "AWS::DynamoDB::Table");
    let defined = definitions(&names);
    assert_eq!(deployed.len(), defined.len());
    for definition in defined {
        let (_, table) = deployed
            .iter()
            .find(|(id, _)| *id == definition.name)
            .unwrap_or_else(|| panic!("no {}", definition.name));
        assert_same(&definition, &table["Properties"]);
    }
}

#[test]
fn no_function_may_do_everything_or_scan() {
    let template = template();
    for (id, function) in resources(&template, "AWS::Serverless::Function") {
        let policies = list(&function["Properties"]["Policies"]);
        assert!(!policies.is_empty(), "{id} has no policy");
        // A policy that is only named has no statements to look at, and fails.
        for statement in policies
            .iter()
            .flat_map(|policy| list(&policy["Statement"]))
        {
            for action in list(&statement["Action"]).iter().map(text) {
                assert!(!action.contains('*'), "{id} may {action}");
                assert!(!action.ends_with(":Scan"), "{id} may {action}");
            }
            let everything = statement["Resource"].as_str() == Some("*");
            assert!(!everything, "{id} may touch everything");
        }
    }
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

fn assert_same(definition: &TableDefinition, table: &Value) {
    let name = definition.name;
    let defined: Vec<&str> = [definition.partition_key]
        .into_iter()
        .chain(definition.sort_key)
        .collect();
    assert_eq!(key(table), defined, "{name}");

    let indexes = table.get("GlobalSecondaryIndexes").map_or(&[][..], list);
    let deployed: Vec<_> = indexes
        .iter()
        .map(|index| {
            let projection = text(&index["Projection"]["ProjectionType"]);
            (text(&index["IndexName"]), key(index), projection)
        })
        .collect();
    let defined: Vec<_> = definition
        .index
        .iter()
        .map(|(name, partition, sort)| (*name, vec![*partition, *sort], "KEYS_ONLY"))
        .collect();
    assert_eq!(deployed, defined, "{name}");

    let ttl = table.get("TimeToLiveSpecification");
    let ttl = ttl.map(|ttl| (text(&ttl["AttributeName"]), ttl["Enabled"].as_bool()));
    assert_eq!(
        ttl,
        definition.expires.then_some((TTL, Some(true))),
        "{name}"
    );
}

/// The names of the key's parts, partition first.
fn key(owner: &Value) -> Vec<&str> {
    let parts = list(&owner["KeySchema"]);
    let kinds: Vec<&str> = parts.iter().map(|part| text(&part["KeyType"])).collect();
    assert!(["HASH", "RANGE"].starts_with(&kinds), "{kinds:?}");
    parts
        .iter()
        .map(|part| text(&part["AttributeName"]))
        .collect()
}

fn template() -> Value {
    let text = fs::read_to_string(root().join("template.yaml")).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// The resources of a type, with their logical ids.
fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_mapping().unwrap();
    let named = resources.iter().map(|(id, resource)| (text(id), resource));
    named
        .filter(|(_, resource)| text(&resource["Type"]) == kind)
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value
        .as_sequence()
        .unwrap_or_else(|| panic!("no list: {value:?}"))
}

/// A text, whether it has a tag like `!Sub` or not.
fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value:?}"))
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}
