//! The places that list routes: the routers, `template.yaml`, the events and the generated files.
//! One run reports all differences, each with the lines to paste.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use local::functions::FUNCTIONS;
use local::generated::{COMMAND, stale};
use local::routes::{Route, routes};
use serde_json::Value as Json;
use serde_yaml_ng::Value;

use crate::events::cases;
use crate::openapi::{document, operations};
use crate::template::{functions, template, text};

#[test]
fn every_place_that_names_routes_names_the_served_ones() {
    let stale = stale(&root()).unwrap();
    let stale: Vec<PathBuf> = stale.into_iter().map(|(path, _)| path).collect();
    let mut report = report(&routes(), &deployed_routes(), &routes_of_events(), &stale);
    let manual = fs::read_to_string(root().join("docs/api.md")).unwrap();
    for route in routes().iter().filter(|route| !names(&manual, &route.path)) {
        writeln!(report, "docs/api.md lacks {route}. Add it to a table.").unwrap();
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn the_list_of_functions_is_that_of_their_folders() {
    let listed: BTreeSet<String> = FUNCTIONS
        .iter()
        .map(|function| function.name.to_owned())
        .collect();
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let folders: BTreeSet<String> = folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        listed, folders,
        "local/src/functions.rs lists the functions"
    );
    let template = template();
    let deployed = functions(&template).into_iter();
    let deployed: BTreeSet<String> = deployed.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(deployed, folders, "template.yaml deploys the functions");
}

#[test]
fn one_report_has_every_place_and_what_to_paste_there() {
    let served = routes();
    let mut others = served.clone();
    others.retain(|route| route.to_string() != "PATCH /apikey/{id}");
    others.insert(Route::new("oauth", "GET", "/gone"));
    let stale = [PathBuf::from("openapi.json")];
    let report = report(&served, &others, &others, &stale);
    for line in [
        "template.yaml lacks PATCH /apikey/{id}. Paste below `Events:` of `apikey`:",
        "        ChangeKey: {Type: HttpApi, Properties: {ApiId: !Ref HttpApi, Method: PATCH, Path: \"/apikey/{id}\"}}",
        "template.yaml has GET /gone of `oauth`, which no function serves. Remove it.",
        "events/apikey.yaml lacks PATCH /apikey/{id}. Paste, fill in, and run `cargo run -- renew`:",
        "change_key:",
        "  route: PATCH /apikey/{id}",
        "  caller: signed-in",
        "events/oauth.yaml has GET /gone of `oauth`, which no function serves. Remove it.",
        "Generated files are not fresh. Run `cargo run -- renew`:",
        "  openapi.json",
    ] {
        assert!(report.lines().any(|own| own == line), "{line}\n{report}");
    }
    assert_eq!(super::routes::report(&served, &served, &served, &[]), "");
}

/// Whether a text contains a path, and not only as the beginning of another.
fn names(text: &str, path: &str) -> bool {
    let continues = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    text.match_indices(path)
        .any(|(at, _)| !continues(&text[at + path.len()..]))
}

/// All differences from the served routes.
fn report(
    served: &BTreeSet<Route>,
    deployed: &BTreeSet<Route>,
    replayed: &BTreeSet<Route>,
    stale: &[PathBuf],
) -> String {
    let mut report = String::new();
    for route in served.difference(deployed) {
        let lines = template_lines(route);
        writeln!(report, "template.yaml lacks {route}. {lines}").unwrap();
    }
    for route in served.difference(replayed) {
        let table = &route.function;
        let entry = event_entry(route);
        let what = format!("Paste, fill in, and run `{COMMAND}`:\n{entry}");
        writeln!(report, "events/{table}.yaml lacks {route}. {what}").unwrap();
    }
    for (named, events) in [(deployed, false), (replayed, true)] {
        for route in named.difference(served) {
            let function = &route.function;
            let place = if events {
                format!("events/{function}.yaml")
            } else {
                "template.yaml".to_owned()
            };
            let what = "which no function serves. Remove it.";
            writeln!(report, "{place} has {route} of `{function}`, {what}").unwrap();
        }
    }
    if !stale.is_empty() {
        writeln!(report, "Generated files are not fresh. Run `{COMMAND}`:").unwrap();
    }
    for path in stale {
        writeln!(report, "  {}", path.display()).unwrap();
    }
    report
}

/// The lines of `template.yaml` that deploy a route. The routes of `oauth` are listed in the
/// API itself, because that function depends on it.
fn template_lines(route: &Route) -> String {
    let Route {
        function,
        path,
        method,
    } = route;
    let arn =
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}";
    if function == "oauth" {
        let method = method.to_lowercase();
        return format!(
            "Paste below `paths:` of `HttpApi`:\n          {path}:\n            {method}:\n              \
             responses: {{}}\n              x-amazon-apigateway-integration:\n                \
             type: aws_proxy\n                httpMethod: POST\n                \
             payloadFormatVersion: \"2.0\"\n                uri: !Sub arn:${{AWS::Partition}}:apigateway:\
             ${{AWS::Region}}:lambda:path/2015-03-31/functions/{arn}-{function}/invocations"
        );
    }
    let name = operation_id(route);
    let name = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    format!(
        "Paste below `Events:` of `{function}`:\n        {name}: {{Type: HttpApi, Properties: \
         {{ApiId: !Ref HttpApi, Method: {method}, Path: \"{path}\"}}}}"
    )
}

/// An entry for a route in a table of events.
fn event_entry(route: &Route) -> String {
    let document = document();
    let operation = &document["paths"][&route.path][route.method.to_lowercase()];
    let has = |scheme: &str| !operation["security"][0][scheme].is_null();
    let caller = match (has("bearer"), has("apiKey")) {
        (true, _) => "signed-in",
        (_, true) => "sdk",
        _ => "dashboard",
    };
    let name: String = operation_id(route)
        .chars()
        .flat_map(|letter| {
            if letter.is_uppercase() {
                vec!['_', letter.to_ascii_lowercase()]
            } else {
                vec![letter]
            }
        })
        .collect();
    let mut entry = format!("{name}:\n  route: {route}\n  caller: {caller}\n");
    if route.path.contains("{id}") {
        entry.push_str("  id: '{{APPLICATION_ID}}'\n");
    }
    if !operation["requestBody"].is_null() {
        entry.push_str("  json: '{}'\n");
    }
    entry + "  status: 200"
}

fn operation_id(route: &Route) -> String {
    let document = document();
    let found = operations(&document)
        .into_iter()
        .find(|(method, path, _)| (&**method, *path) == (&route.method, &route.path));
    let id = found.and_then(|(_, _, operation): (_, _, &Json)| operation["operationId"].as_str());
    id.unwrap_or("event").to_owned()
}

/// Routes that have an example event in `events/`.
fn routes_of_events() -> BTreeSet<Route> {
    let routes = cases().into_iter().map(|case| {
        let (method, path) = case.event["routeKey"]
            .as_str()
            .unwrap()
            .split_once(' ')
            .unwrap();
        Route::new(case.function, method, path)
    });
    routes.collect()
}

/// The routes of `template.yaml`.
pub fn deployed_routes() -> BTreeSet<Route> {
    let template = template();
    let mut deployed = definition_routes(&template);
    for (_, function) in functions(&template) {
        deployed.extend(event_routes(function));
    }
    let mut times: BTreeMap<&Route, usize> = BTreeMap::new();
    for route in &deployed {
        *times.entry(route).or_default() += 1;
    }
    times.retain(|_, times| *times > 1);
    assert!(
        times.is_empty(),
        "template.yaml has these more than once: {times:?}"
    );
    deployed.into_iter().collect()
}

/// The routes among a function's events.
fn event_routes(function: &Value) -> Vec<Route> {
    let binary = text(&function["Metadata"]["BuildProperties"]["Binary"]);
    let events = function["Properties"].get("Events");
    let events = events.and_then(Value::as_mapping).into_iter().flatten();
    events
        .filter(|(_, event)| text(&event["Type"]) != "Schedule")
        .map(|(_, event)| {
            assert_eq!(text(&event["Type"]), "HttpApi");
            let [method, path] = ["Method", "Path"].map(|name| text(&event["Properties"][name]));
            Route::new(binary, method, path)
        })
        .collect()
}

/// The routes in the definition of the API, because their function depends on it.
fn definition_routes(template: &Value) -> Vec<Route> {
    let api = &template["Resources"]["HttpApi"]["Properties"]["DefinitionBody"];
    let mut found = Vec::new();
    for (path, operations) in api["paths"].as_mapping().unwrap() {
        for (method, operation) in operations.as_mapping().unwrap() {
            let uri = text(&operation["x-amazon-apigateway-integration"]["uri"]);
            let (_, function) = uri.split_once(":function:${AWS::StackName}-").unwrap();
            let function = function.strip_suffix("/invocations").unwrap();
            found.push(Route::new(function, text(method), text(path)));
        }
    }
    found
}

/// The root folder of the repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}
