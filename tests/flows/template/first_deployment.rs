//! What a first deployment needs: its settings, its names, and the address that it ends with.

use std::collections::BTreeSet;
use std::fs;

use local::functions::DASHBOARD;
use serde_yaml_ng::Value;

use super::{functions, list, statements, template, text};
use crate::routes::root;

#[test]
fn browsers_may_send_and_read_the_headers_that_the_dashboard_uses() {
    let template = template();
    let cors = conditional_cors(&template);
    let list = |name: &str| -> Vec<&str> { list(&cors[name]).iter().map(text).collect() };
    let sent = [
        "authorization",
        "content-type",
        "idempotency-key",
        "x-api-key",
    ];
    assert_eq!(list("allowHeaders"), sent);
    let read = ["ratelimit", "ratelimit-policy", "retry-after"];
    assert_eq!(list("exposeHeaders"), read);
}

/// The CORS configuration, which only a dashboard elsewhere needs.
fn conditional_cors(template: &Value) -> &Value {
    let api = &template["Resources"]["HttpApi"]["Properties"];
    assert!(api.get("CorsConfiguration").is_none());
    let [condition, cors, otherwise] = list(&api["DefinitionBody"]["x-amazon-apigateway-cors"])
    else {
        panic!("no !If");
    };
    assert_eq!(text(condition), "HasFrontend");
    assert_eq!(text(otherwise), "AWS::NoValue");
    cors
}

#[test]
fn only_the_origin_of_a_dashboard_elsewhere_may_call_from_a_browser() {
    let template = template();
    let origins = list(&conditional_cors(&template)["allowOrigins"]);
    let [origin] = origins else {
        panic!("{origins:?}");
    };
    let [form, parts] = list(origin) else {
        panic!("{origin:?}");
    };
    assert_eq!(text(form), "${Scheme}//${Host}");
    // As CloudFormation evaluates !Select and !Split.
    let part = |name: &str, address: &str| {
        let [index, split] = list(&parts[name]) else {
            panic!("no !Select");
        };
        let [separator, padded] = list(split) else {
            panic!("no !Split");
        };
        let padded = text(padded).replace("${FrontendUrl}", address);
        let index = index.as_u64().unwrap().try_into().unwrap();
        padded.split(text(separator)).nth(index).map(str::to_owned)
    };
    for (address, origin) in [
        ("https://app.example.com", "https://app.example.com"),
        ("http://localhost:5173", "http://localhost:5173"),
        (
            "https://example.github.io/upblit",
            "https://example.github.io",
        ),
        ("https://example.github.io/a/b", "https://example.github.io"),
        ("", "//"),
    ] {
        let [scheme, host] = ["Scheme", "Host"].map(|name| part(name, address).unwrap());
        assert_eq!(format!("{scheme}//{host}"), origin, "{address}");
    }
}

#[test]
fn the_address_of_a_dashboard_is_optional_and_may_have_a_path() {
    let template = template();
    let parameter = &template["Parameters"]["FrontendUrl"];
    assert_eq!(text(&parameter["Default"]), "");
    let pattern = serde_json::json!({ "pattern": text(&parameter["AllowedPattern"]) });
    let is_allowed = |value: &str| jsonschema::is_valid(&pattern, &value.into());
    for allowed in [
        "",
        "https://app.example.com",
        "https://example.github.io/upblit",
        "https://app.example.com:8443/a/b.c~d_e-f",
        "http://localhost:5173",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in [
        "https://app.example.com/",
        "https://example.github.io/upblit/",
        "http://app.example.com",
        "https://App.example.com",
        "https://app.example.com/?a",
        "https://app.example.com/#a",
        "https://a.test@b.test",
        "*",
    ] {
        assert!(!is_allowed(refused), "{refused}");
    }
}

#[test]
fn a_monthly_budget_is_empty_or_an_amount_of_at_least_a_dollar() {
    let template = template();
    let parameter = &template["Parameters"]["MonthlyBudget"];
    assert_eq!(text(&parameter["Default"]), "");
    let pattern = serde_json::json!({ "pattern": text(&parameter["AllowedPattern"]) });
    let is_allowed = |value: &str| jsonschema::is_valid(&pattern, &value.into());
    for allowed in ["", "1", "50", "49.5", "49.50", "999999999"] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in [
        "0", "00", "0.00", "0.5", "-1", "-0", "1e3", "1,000", "50.", " ", "$50",
    ] {
        assert!(!is_allowed(refused), "{refused}");
    }
}

/// SAM refuses an empty value with a message that does not name the parameter; the template names it.
#[test]
fn values_to_fill_in_are_refused_before_anything_is_created() {
    let template = template();
    let example = fs::read_to_string(root().join("samconfig.example.toml")).unwrap();
    let mut to_fill_in = BTreeSet::new();
    for line in example
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('"'))
    {
        let (name, value) = line.trim_matches(['"', ',']).split_once('=').unwrap();
        let parameter = &template["Parameters"][name];
        assert!(parameter.is_mapping(), "{name} is no parameter");
        if value != "?" {
            continue;
        }
        let pattern = serde_json::json!({ "pattern": text(&parameter["AllowedPattern"]) });
        assert!(!jsonschema::is_valid(&pattern, &value.into()), "{name}");
        to_fill_in.insert(name);
    }
    for (name, parameter) in template["Parameters"].as_mapping().unwrap() {
        let name = text(name);
        let is_given = parameter.get("Default").is_some() || to_fill_in.contains(name);
        assert!(is_given, "samconfig.example.toml lacks {name}");
    }
}

#[test]
fn the_dashboard_reads_no_table_and_no_secret() {
    let template = template();
    let functions = functions(&template);
    let (_, dashboard) = functions
        .iter()
        .find(|(name, _)| *name == DASHBOARD)
        .unwrap();
    for (action, resource) in statements(&template, dashboard) {
        let is_of_logs = action.starts_with("logs:") || action.starts_with("xray:");
        assert!(is_of_logs, "{action} on {resource}");
    }
    let settings = dashboard["Properties"]["Environment"]["Variables"].as_mapping();
    let settings: Vec<&str> = settings.unwrap().keys().map(text).collect();
    assert_eq!(settings, ["GITHUB_URL"]);
}
