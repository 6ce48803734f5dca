//! The start of a process up to its first response: what it needs, and what happens without it.

use std::collections::BTreeSet;

use local::functions::{DASHBOARD, FUNCTIONS};

use super::deployment::Deployment;
use super::function::{Function, Settings, replaced};
use super::gate::{Gate, Way};
use crate::events::{event, filled, values};
use crate::support::Response;

/// Each function that uses tables, with an event that needs them.
pub const ASKING: [(&str, &str); 6] = [
    ("oauth", "oauth/callback"),
    ("refresh", "refresh/refresh"),
    ("applications", "applications/list"),
    ("apikey", "apikey/list"),
    ("ingest", "ingest/traces"),
    ("telemetry", "telemetry/traces"),
];

/// Functions, settings without which they do not start, and the errors.
const REQUIRED: [(&str, &str, &str); 8] = [
    ("oauth", "PUBLIC_URL", "setting PUBLIC_URL is not set"),
    ("oauth", "JWT_SECRET_ARN", "setting JWT_SECRET is not set"),
    (
        "oauth",
        "GITHUB_SECRET_ARN",
        "setting GITHUB_CLIENT_ID is not set",
    ),
    ("refresh", "JWT_SECRET_ARN", "setting JWT_SECRET is not set"),
    (
        "applications",
        "JWT_SECRET_ARN",
        "setting JWT_SECRET is not set",
    ),
    (
        "applications",
        "GITHUB_SECRET_ARN",
        "setting GITHUB_CLIENT_ID is not set",
    ),
    ("apikey", "JWT_SECRET_ARN", "setting JWT_SECRET is not set"),
    (
        "telemetry",
        "JWT_SECRET_ARN",
        "setting JWT_SECRET is not set",
    ),
];

/// The settings of a function with one of them replaced.
fn changed(deployment: &Deployment, function: &str, name: &str, value: &str) -> Settings {
    replaced(deployment.settings(function), name, value)
}

/// Expects that the function does not start, and returns the one line with the cause.
async fn refusal(function: &str, settings: &Settings) -> String {
    let output = Function::fails_to_start(function, settings).await;
    assert!(!output.status.success(), "{function}");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[tokio::test]
async fn a_missing_setting_stops_the_start_and_is_named() {
    let deployment = Deployment::start().await;
    for (function, setting, expected) in REQUIRED {
        let settings = changed(&deployment, function, setting, "");
        let said = refusal(function, &settings).await;
        assert_eq!(said.trim_end(), format!("Error: {expected}"), "{function}");
    }
}

#[tokio::test]
async fn without_the_name_of_a_table_that_it_uses_a_function_ends_and_names_the_setting() {
    let deployment = Deployment::start().await;
    let mut names = 0;
    for (function, _) in ASKING {
        for (setting, _) in deployment.settings(function) {
            if setting.starts_with("TABLE_") {
                let settings = changed(&deployment, function, &setting, "");
                let said = refusal(function, &settings).await;
                assert_eq!(
                    said.trim_end(),
                    format!("Error: setting {setting} is not set")
                );
                names += 1;
            }
        }
    }
    assert!(names >= ASKING.len(), "{names}");
}

#[tokio::test]
async fn a_wrong_setting_is_named_without_its_value() {
    let deployment = Deployment::start().await;
    deployment.secrets.set("short", "a short secret");
    for (function, setting, value, named) in [
        (
            "ingest",
            "TELEMETRY_RETENTION",
            "for ever",
            "TELEMETRY_RETENTION",
        ),
        ("ingest", "KEY_CACHE_TTL", "1h", "KEY_CACHE_TTL"),
        ("ingest", "USER_DAILY_UNITS", "0", "USER_DAILY_UNITS"),
        (
            "telemetry",
            "USER_DAILY_READ_UNITS",
            "-1",
            "USER_DAILY_READ_UNITS",
        ),
        (
            "applications",
            "APPLICATION_DAILY_UNITS",
            "many",
            "APPLICATION_DAILY_UNITS",
        ),
        (
            "applications",
            "APPLICATIONS_PER_USER",
            "101",
            "APPLICATIONS_PER_USER",
        ),
        (
            "refresh",
            "REFRESH_REUSE_POLICY",
            "mild",
            "REFRESH_REUSE_POLICY",
        ),
        ("oauth", "PUBLIC_URL", "http://api.test", "PUBLIC_URL"),
        ("oauth", "FRONTEND_URL", "dashboard", "FRONTEND_URL"),
        ("oauth", "FRONTEND_URL", "http://app.test", "FRONTEND_URL"),
        ("oauth", "SIGN_IN", "for friends", "SIGN_IN"),
        ("oauth", "SIGN_IN", "restricted", "SIGN_IN"),
        ("oauth", "ALLOWED_GITHUB_USERS", "ada", "SIGN_IN"),
        (
            "oauth",
            "ALLOWED_EMAIL_DOMAINS",
            "@a.test",
            "ALLOWED_EMAIL_DOMAINS",
        ),
        ("oauth", "GITHUB_SECRET_ARN", "nothing", "GITHUB_SECRET_ARN"),
        ("refresh", "JWT_SECRET_ARN", "nothing", "JWT_SECRET_ARN"),
        ("refresh", "JWT_SECRET_ARN", "short", "JWT_SECRET"),
        ("refresh", "AWS_CA_BUNDLE", "/nowhere", "AWS_CA_BUNDLE"),
    ] {
        let settings = changed(&deployment, function, setting, value);
        let said = refusal(function, &settings).await;
        assert!(
            said.starts_with(&format!("Error: setting {named} ")),
            "{said}"
        );
        assert!(!said.contains("a short secret"), "{said}");
    }
}

/// Lambda starts another process for the next event.
#[tokio::test]
async fn without_the_secret_store_a_function_ends_with_the_cause() {
    let deployment = Deployment::start().await;
    for way in [Way::Shut, Way::Silent] {
        let store = Gate::before(([127, 0, 0, 1], 1).into()).await;
        store.set(way);
        let setting = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
        let settings = changed(&deployment, "refresh", setting, &store.url);
        let said = refusal("refresh", &settings).await;
        assert!(
            said.contains("setting JWT_SECRET_ARN cannot be read"),
            "{said}"
        );
    }
    deployment.function("refresh").await;
}

#[tokio::test]
async fn a_start_without_a_database_answers_503_and_recovers() {
    let asking: BTreeSet<&str> = ASKING.into_iter().map(|(name, _)| name).collect();
    let functions = FUNCTIONS.iter().map(|function| function.name);
    let functions: BTreeSet<&str> = functions.filter(|name| *name != DASHBOARD).collect();
    assert_eq!(asking, functions);
    let deployment = Deployment::start().await;
    for (index, (name, case)) in ASKING.into_iter().enumerate() {
        // A refused connection fails sooner than one without a response.
        let way = if index % 2 == 0 {
            Way::Shut
        } else {
            Way::Silent
        };
        deployment.engine.set(way);
        let function = deployment.function(name).await;
        let answer = answer(&deployment, &function, case).await;
        assert_unavailable(name, &answer);

        deployment.engine.set(Way::Open);
        let answer = self::answer(&deployment, &function, case).await;
        let is_well = answer.status == 200 || answer.header("location").contains("#token=");
        assert!(is_well, "{name}: {answer:?}");
    }
}

/// The response to an event of a user whose earlier requests went to another instance.
async fn answer(deployment: &Deployment, function: &Function, case: &str) -> Response {
    let login = case.replace('/', "-");
    let event = event(case);
    let values = values(&deployment.backend, &login, &event).await;
    function.answer(&filled(&event, &values)).await
}

#[track_caller]
fn assert_unavailable(name: &str, answer: &Response) {
    if name == "oauth" {
        let location = answer.header("location");
        assert!(
            location.ends_with("/login?reason=unavailable"),
            "{location}"
        );
        return;
    }
    answer.problem(503, "unavailable");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=5).contains(&wait), "{name}: {wait}");
}
