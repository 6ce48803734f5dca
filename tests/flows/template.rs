//! `template.yaml` deploys what the code serves, stores and logs.

mod first_deployment;
mod stack_names;

use std::collections::BTreeSet;
use std::fs;

use serde_yaml_ng::Value;
use shared::store::TableNames;
use shared::store::keys::TTL;
use shared::store::tables::{TableDefinition, definitions};
use shared::web::request_log::METRICS;

use crate::routes::{deployed_routes, root};

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
fn no_role_allows_wildcards_or_scans() {
    // X-Ray has no resource-level permissions.
    const OF_EVERYTHING: [&str; 2] = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
    let template = template();
    for (name, function) in functions(&template) {
        let statements = statements(&template, function);
        assert!(!statements.is_empty(), "{name} has no policy");
        for (action, resource) in statements {
            assert!(!action.contains('*'), "{name} may {action}");
            assert!(!action.ends_with(":Scan"), "{name} may {action}");
            let may = resource != "*" || OF_EVERYTHING.contains(&action);
            assert!(may, "{name} may {action} on everything");
        }
    }
}

/// A role created by SAM could write to every log group of the account.
#[test]
fn each_function_has_a_role_and_a_log_group_of_its_own() {
    let template = template();
    let mut own = BTreeSet::new();
    for (name, function) in functions(&template) {
        let properties = &function["Properties"];
        for made_by_sam in ["Policies", "ManagedPolicyArns"] {
            assert!(
                properties.get(made_by_sam).is_none(),
                "{name}: {made_by_sam}"
            );
        }
        assert!(own.insert(role_of(function)), "{name} shares its role");
        let group = text(&properties["LoggingConfig"]["LogGroup"]);
        assert!(own.insert(group), "{name} shares its log group");
        let retention = &template["Resources"][group]["Properties"]["RetentionInDays"];
        assert_eq!(text(retention), "LogRetentionDays", "{name}");
        let written: Vec<&str> = statements(&template, function)
            .into_iter()
            .filter(|(action, _)| action.starts_with("logs:"))
            .map(|(_, resource)| resource)
            .collect();
        assert_eq!(written, [&*format!("{group}.Arn"); 2], "{name}");
    }
}

/// No telemetry may be stored in a form that the deployed reader does not know.
#[test]
fn an_update_reaches_the_reader_of_telemetry_before_the_writer() {
    let template = template();
    assert_eq!(
        template["Resources"]["IngestFunction"]["DependsOn"],
        "TelemetryFunction"
    );
}

/// API Gateway refuses a deployment whose limits name an unknown route.
#[test]
fn every_route_has_a_limit_that_a_few_clients_do_not_reach() {
    const LEAST: u64 = 1_000;
    /// The account has 10,000 requests per second, so it takes five flooded routes to use them up.
    const MOST: u64 = 2_000;
    let template = template();
    let api = &template["Resources"]["HttpApi"]["Properties"];
    let ingest = &template["Parameters"]["IngestRequestsPerSecond"]["Default"];
    let limits = api["RouteSettings"].as_mapping().unwrap();
    let routes = deployed_routes();
    let routes: BTreeSet<String> = routes.iter().map(ToString::to_string).collect();
    for route in limits.keys().map(text) {
        assert!(routes.contains(route), "no {route}");
    }
    for settings in limits.values().chain([&api["DefaultRouteSettings"]]) {
        for name in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
            let limit = settings[name].as_u64().or_else(|| ingest.as_u64()).unwrap();
            assert!((LEAST..=MOST).contains(&limit), "{settings:?}");
        }
    }
}

#[test]
fn the_assigned_address_is_closed_or_every_function_can_require_the_edge() {
    let template = template();
    let api = &template["Resources"]["HttpApi"]["Properties"];
    let disabled = &api["DisableExecuteApiEndpoint"];
    let disabled = serde_json::to_value(disabled).unwrap().to_string();
    assert!(disabled.contains("HasCertificate"), "{disabled}");
    let everywhere = &template["Globals"]["Function"]["Environment"]["Variables"];
    assert!(!everywhere["EDGE_SECRET_SHA256"].is_null());
    for (name, function) in functions(&template) {
        let own = &function["Properties"]["Environment"]["Variables"];
        assert!(own["EDGE_SECRET_SHA256"].is_null(), "{name} has its own");
    }
}

/// A filter for a line that no function writes would never raise its alarm.
#[test]
fn alarms_match_lines_that_their_function_writes() {
    let template = template();
    for (id, filter) in resources(&template, "AWS::Logs::MetricFilter") {
        let group = text(&filter["Properties"]["LogGroupName"]);
        let pattern = text(&filter["Properties"]["FilterPattern"]);
        let said = pattern.split('"').nth(1).unwrap();
        let function = group.strip_suffix("Logs").unwrap().to_lowercase();
        let sources = root().join("functions").join(function).join("src");
        let found = fs::read_dir(sources).unwrap().any(|file| {
            let path = file.unwrap().path();
            let text = fs::read_to_string(path).unwrap_or_default();
            text.contains(&format!("tracing::{}!", said.to_lowercase()))
        });
        assert!(found, "{id}: {said}");
    }
}

/// An alarm or graph of a metric that is never counted would stay silent or empty.
#[test]
fn alarms_and_graphs_use_only_metrics_that_are_counted() {
    let template = template();
    let namespace =
        text(&template["Globals"]["Function"]["Environment"]["Variables"]["METRICS_NAMESPACE"]);
    let filters = resources(&template, "AWS::Logs::MetricFilter").into_iter();
    let filters =
        filters.flat_map(|(_, filter)| list(&filter["Properties"]["MetricTransformations"]));
    let counted: BTreeSet<&str> = filters
        .inspect(|filter| assert_eq!(text(&filter["MetricNamespace"]), namespace))
        .map(|filter| text(&filter["MetricName"]))
        .chain(METRICS)
        .collect();

    let alarms = resources(&template, "AWS::CloudWatch::Alarm").into_iter();
    let ours = alarms.filter(|(_, alarm)| {
        let of = alarm["Properties"].get("Namespace");
        of.is_some_and(|of| text(of) == namespace)
    });
    let alarmed: BTreeSet<&str> = ours
        .map(|(_, alarm)| text(&alarm["Properties"]["MetricName"]))
        .collect();
    assert!(alarmed.contains("reuse_detected"), "{alarmed:?}");
    assert!(alarmed.is_subset(&counted), "{alarmed:?}");

    let body = text(&template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]);
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let widgets = body["widgets"].as_array().unwrap().iter();
    let lines = widgets.flat_map(|widget| widget["properties"]["metrics"].as_array().unwrap());
    let drawn: BTreeSet<&str> = lines
        .filter(|line| line[0] == namespace)
        .map(|line| line[1].as_str().unwrap())
        .collect();
    assert_eq!(drawn, counted);
}

#[test]
fn operations_md_describes_the_response_to_each_alarm() {
    let manual = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    assert!(!alarms.is_empty());
    for (id, alarm) in alarms {
        let name = text(&alarm["Properties"]["AlarmName"]);
        let name = name.strip_prefix("${AWS::StackName}-").unwrap();
        assert!(manual.contains(&format!("`{name}`")), "{id}: `{name}`");
    }
}

#[test]
fn the_access_log_is_json_and_names_neither_path_nor_query_nor_headers() {
    let template = template();
    let api = &template["Resources"]["HttpApi"]["Properties"];
    let format = text(&api["AccessLogSettings"]["Format"]);
    let fields: serde_json::Value = serde_json::from_str(format).unwrap();
    for value in fields.as_object().unwrap().values() {
        let value = value.as_str().unwrap();
        for secret in ["path", "query", "header", "authorizer", "protocol"] {
            assert!(!value.to_lowercase().contains(secret), "{value}");
        }
    }
}

#[test]
fn every_table_outlives_the_stack_and_can_be_restored() {
    let template = template();
    for (id, table) in resources(&template, "AWS::DynamoDB::Table") {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(text(&table[policy]), "Retain", "{id}");
        }
        let properties = &table["Properties"];
        assert_eq!(text(&properties["BillingMode"]), "PAY_PER_REQUEST", "{id}");
        for is_on in [
            &properties["DeletionProtectionEnabled"],
            &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
            &properties["SSESpecification"]["SSEEnabled"],
        ] {
            assert_eq!(is_on.as_bool(), Some(true), "{id}");
        }
    }
}

/// The functions, by the name of their crate.
pub fn functions(template: &Value) -> Vec<(&str, &Value)> {
    let functions = resources(template, "AWS::Serverless::Function").into_iter();
    functions
        .map(|(_, function)| {
            (
                text(&function["Metadata"]["BuildProperties"]["Binary"]),
                function,
            )
        })
        .collect()
}

/// An action on a resource that a role allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission<'a> {
    pub action: &'a str,
    pub resource: &'a str,
    /// Patterns of the partition keys that it is for; `None` for all.
    pub leading_keys: Option<Vec<&'a str>>,
}

/// What a function's role allows.
pub fn permissions<'a>(template: &'a Value, function: &Value) -> Vec<Permission<'a>> {
    let role = &template["Resources"][role_of(function)]["Properties"];
    assert!(role.get("ManagedPolicyArns").is_none());
    let policies = list(&role["Policies"]).iter();
    let statements = policies.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    let mut permissions = Vec::new();
    for statement in statements {
        assert_eq!(text(&statement["Effect"]), "Allow");
        let resources = match statement["Resource"].as_sequence() {
            Some(several) => several.iter().map(text).collect(),
            None => vec![text(&statement["Resource"])],
        };
        for action in list(&statement["Action"]).iter().map(text) {
            permissions.extend(resources.iter().map(|resource| Permission {
                action,
                resource,
                leading_keys: leading_keys(statement),
            }));
        }
    }
    permissions
}

/// The partition keys in a statement's condition, the only kind of condition in the template.
fn leading_keys(statement: &Value) -> Option<Vec<&str>> {
    let condition = statement.get("Condition")?.as_mapping().unwrap();
    assert_eq!(condition.len(), 1, "{condition:?}");
    let patterns = &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    Some(list(patterns).iter().map(text).collect())
}

/// The actions that a function's role allows, each with its resource.
pub fn statements<'a>(template: &'a Value, function: &Value) -> Vec<(&'a str, &'a str)> {
    let permissions = permissions(template, function).into_iter();
    permissions
        .map(|permission| (permission.action, permission.resource))
        .collect()
}

fn role_of(function: &Value) -> &str {
    let role = text(&function["Properties"]["Role"]);
    role.strip_suffix(".Arn").unwrap()
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

/// The attribute names of the key, partition key first.
fn key(owner: &Value) -> Vec<&str> {
    let parts = list(&owner["KeySchema"]);
    let kinds: Vec<&str> = parts.iter().map(|part| text(&part["KeyType"])).collect();
    assert!(["HASH", "RANGE"].starts_with(&kinds), "{kinds:?}");
    parts
        .iter()
        .map(|part| text(&part["AttributeName"]))
        .collect()
}

pub fn template() -> Value {
    let text = fs::read_to_string(root().join("template.yaml")).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// The resources of a type with their logical ids.
pub fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_mapping().unwrap();
    let named = resources.iter().map(|(id, resource)| (text(id), resource));
    named
        .filter(|(_, resource)| text(&resource["Type"]) == kind)
        .collect()
}

pub fn list(value: &Value) -> &[Value] {
    value
        .as_sequence()
        .unwrap_or_else(|| panic!("no list: {value:?}"))
}

/// A text with or without a tag like `!Sub`.
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value:?}"))
}
