//! A stack name that is too long fails at the first resource, before anything else is created.

use std::collections::BTreeSet;
use std::fs;

use serde_yaml_ng::Value;

use super::{list, template, text};
use crate::routes::root;

/// The resource that all others wait for.
const GUARD: &str = "LongestName";

/// Names that contain the name of the stack: type and property of the resource, and maximum length.
const LIMITS: [(&str, &str, usize); 10] = [
    // EventBridge Scheduler, CreateScheduleGroup.
    ("AWS::Scheduler::ScheduleGroup", "Name", 64),
    // Lambda, CreateFunction: "If you specify only the function name, it is limited to 64".
    ("AWS::Serverless::Function", "FunctionName", 64),
    // CloudWatch Logs, CreateLogGroup and MetricTransformation.
    ("AWS::Logs::LogGroup", "LogGroupName", 512),
    ("AWS::Logs::MetricFilter", "MetricNamespace", 255),
    // CloudWatch, PutMetricAlarm and PutDashboard.
    ("AWS::CloudWatch::Alarm", "AlarmName", 255),
    ("AWS::CloudWatch::Alarm", "Namespace", 255),
    ("AWS::CloudWatch::Dashboard", "DashboardName", 255),
    // Budgets, Budget: BudgetName.
    ("AWS::Budgets::Budget", "BudgetName", 100),
    // SNS refuses longer display names; its API reference has no limit.
    ("AWS::SNS::Topic", "DisplayName", 100),
    // API Gateway V2, CreateApi: StringWithLengthBetween1And128.
    ("AWS::Serverless::HttpApi", "title", 128),
];

/// Texts that contain the name of the stack but are not names: an ARN, and what a dashboard shows.
const NO_NAMES: [(&str, &str); 2] = [
    ("AWS::Serverless::HttpApi", "uri"),
    ("AWS::CloudWatch::Dashboard", "DashboardBody"),
];

/// Properties that are not those of the function or API itself: routes, and settings of the stage.
const OF_OTHERS: [&str; 4] = [
    "Events",
    "AccessLogSettings",
    "DefaultRouteSettings",
    "RouteSettings",
];

#[test]
fn no_resource_name_limits_the_stack_name_more_than_the_guard() {
    let template = template();
    let names = names(&template);
    let kinds: BTreeSet<_> = names
        .iter()
        .map(|name| (name.kind, name.property))
        .collect();
    let known = LIMITS.map(|(kind, property, _)| (kind, property));
    assert_eq!(kinds, BTreeSet::from(known));
    let guard = names.iter().find(|name| name.resource == GUARD).unwrap();
    for name in &names {
        assert!(
            name.longest_stack_name() >= guard.longest_stack_name(),
            "{name:?}"
        );
    }
}

#[test]
fn the_guard_refuses_no_name_that_the_functions_take() {
    let template = template();
    let names = names(&template);
    let guard = names.iter().find(|name| name.resource == GUARD).unwrap();
    let of_functions = names.iter().filter(|name| name.property == "FunctionName");
    let longest = of_functions.map(NamedAfterStack::longest_stack_name).min();
    assert_eq!(longest, Some(guard.longest_stack_name()));
}

#[test]
fn the_documented_limit_of_stack_names_is_that_of_the_guard() {
    let template = template();
    let names = names(&template);
    let guard = names.iter().find(|name| name.resource == GUARD).unwrap();
    let words = format!("At most {} characters", guard.longest_stack_name());
    for file in ["docs/deploy.md", "samconfig.example.toml"] {
        let document = fs::read_to_string(root().join(file)).unwrap();
        assert!(document.contains(&words), "{file}: {words}");
    }
    let role = fs::read_to_string(root().join(".github/deploy/role.yaml")).unwrap();
    let role: Value = serde_yaml_ng::from_str(&role).unwrap();
    let pattern = text(&role["Parameters"]["StackName"]["AllowedPattern"]);
    let pattern = serde_json::json!({ "pattern": pattern });
    let is_allowed = |length: usize| jsonschema::is_valid(&pattern, &"a".repeat(length).into());
    assert!(is_allowed(guard.longest_stack_name()));
    assert!(!is_allowed(guard.longest_stack_name() + 1));
}

#[test]
fn every_resource_waits_for_the_guard() {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap();
    let mut waiting = BTreeSet::from([GUARD]);
    loop {
        let waits = |resource| {
            let needed = dependencies(resource);
            let mut certain = needed.iter().filter(|id| always_exists(&template, id));
            certain.any(|id| waiting.contains(id))
        };
        let with_these = resources.iter().filter(|(_, resource)| waits(resource));
        let with_these: BTreeSet<&str> =
            with_these.map(|(id, _)| text(id)).chain([GUARD]).collect();
        if with_these == waiting {
            break;
        }
        waiting = with_these;
    }
    let all: BTreeSet<&str> = resources.keys().map(text).collect();
    let at_once: Vec<_> = all.difference(&waiting).collect();
    assert!(at_once.is_empty(), "{at_once:?} do not wait for {GUARD}");
}

#[test]
fn the_guard_waits_for_nothing_and_always_exists() {
    let template = template();
    let mut needed = dependencies(&template["Resources"][GUARD]);
    needed.retain(|id| template["Resources"].get(*id).is_some());
    assert!(needed.is_empty(), "{needed:?}");
    assert!(always_exists(&template, GUARD));
}

/// Whether a resource is part of every stack. One that is not delays nothing when it is left out.
fn always_exists(template: &Value, id: &str) -> bool {
    template["Resources"][id]["Condition"].is_null()
}

/// A name that contains that of the stack.
#[derive(Debug)]
struct NamedAfterStack<'a> {
    resource: &'a str,
    kind: &'a str,
    property: &'a str,
    form: &'a str,
}

impl NamedAfterStack<'_> {
    /// Maximum length of a stack name with which AWS accepts this name.
    fn longest_stack_name(&self) -> usize {
        let (.., most) = LIMITS
            .into_iter()
            .find(|(kind, property, _)| (*kind, *property) == (self.kind, self.property))
            .unwrap_or_else(|| panic!("no limit of {self:?}"));
        let fixed = self.form.replace("${AWS::StackName}", "");
        let fixed = fixed.replace("AWS::StackName", "");
        assert!(!fixed.contains("${"), "{self:?}");
        most - fixed.len()
    }
}

fn names(template: &Value) -> Vec<NamedAfterStack<'_>> {
    let mut names = Vec::new();
    for (id, resource) in template["Resources"].as_mapping().unwrap() {
        let kind = text(&resource["Type"]);
        let mut found = Vec::new();
        collect_uses("", &resource["Properties"], &mut found);
        let named = found
            .into_iter()
            .filter(|(property, _)| !NO_NAMES.contains(&(kind, property)));
        names.extend(named.map(|(property, form)| NamedAfterStack {
            resource: text(id),
            kind,
            property,
            form,
        }));
    }
    names
}

/// Texts with the name of the stack, each with the property that has it.
fn collect_uses<'a>(property: &'a str, value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::Mapping(values) => {
            for (property, value) in values {
                collect_uses(text(property), value, found);
            }
        }
        Value::Sequence(values) => {
            for value in values {
                collect_uses(property, value, found);
            }
        }
        Value::Tagged(tagged) => collect_uses(property, &tagged.value, found),
        Value::String(form) if form.contains("AWS::StackName") => found.push((property, form)),
        _ => {}
    }
}

/// Ids of what CloudFormation creates before a resource, and of the parameters that it uses.
fn dependencies(resource: &Value) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    match &resource["DependsOn"] {
        Value::Null => {}
        Value::String(one) => {
            found.insert(one.as_str());
        }
        several => found.extend(list(several).iter().map(text)),
    }
    collect_references(&resource["Properties"], &mut found);
    found
}

/// Leaves out what does not always delay the resource: branches of `!If`, and properties of which SAM
/// makes other resources.
fn collect_references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Mapping(values) => {
            for (_, value) in values
                .iter()
                .filter(|(key, _)| !OF_OTHERS.contains(&text(key)))
            {
                collect_references(value, found);
            }
        }
        Value::Sequence(values) => {
            for value in values {
                collect_references(value, found);
            }
        }
        Value::Tagged(tagged) if tagged.tag == "If" => {}
        Value::Tagged(tagged) => {
            let names = match &tagged.value {
                Value::String(name) if tagged.tag == "Sub" => substituted(name),
                Value::String(name) if tagged.tag == "Ref" || tagged.tag == "GetAtt" => {
                    vec![&**name]
                }
                _ => Vec::new(),
            };
            found.extend(names.into_iter().filter_map(|name| name.split('.').next()));
            collect_references(&tagged.value, found);
        }
        _ => {}
    }
}

fn substituted(form: &str) -> Vec<&str> {
    let parts = form.split("${").skip(1);
    parts.filter_map(|part| part.split('}').next()).collect()
}
