//! OpenAPI links: values of a response, or of its request, that can be parameters of a following
//! request.

use serde_json::{Value, json};

use super::Object;

/// Ids in responses, as tuples: the operation that returns the id, the expression that selects it, and
/// the schema of parameters that take it.
const IDS: &[(&str, &str, &str)] = &[
    ("createApplication", "$response.body#/id", "ApplicationId"),
    (
        "listApplications",
        "$response.body#/applications/0/id",
        "ApplicationId",
    ),
    ("listKeys", "$response.body#/keys/0/id", "PublicKeyId"),
    ("listSessions", "$response.body#/sessions/0/id", "SessionId"),
];

/// Names of parameters and the expressions of their values.
type Parameters = &'static [(&'static str, &'static str)];

/// Parameters of an operation about the first member of a list.
const OF_MEMBER: Parameters = &[
    ("id", "$request.path.id"),
    ("userId", "$response.body#/members/0/userId"),
];

/// Links whose parameters are not ids of [`IDS`]: operation, linked operation, parameters.
const OTHERS: &[(&str, &str, Parameters)] = &[
    (
        // The routes of API keys spell `ApplicationId` with a capital.
        "mintKey",
        "listKeys",
        &[("ApplicationId", "$request.query.ApplicationId")],
    ),
    ("listMembers", "changeMember", OF_MEMBER),
    ("listMembers", "removeMember", OF_MEMBER),
    (
        "createInvite",
        "withdrawInvite",
        &[
            ("id", "$request.path.id"),
            ("inviteId", "$response.body#/id"),
        ],
    ),
    (
        "listTraces",
        "getTrace",
        &[
            ("id", "$response.body#/traces/0/traceId"),
            ("at", "$response.body#/traces/0/startTime"),
            ("applicationId", "$request.query.applicationId"),
        ],
    ),
];

/// A link, before it is part of the document.
struct Link {
    from: String,
    to: String,
    parameters: Object,
}

/// Adds the links to the successful responses.
pub(super) fn add(paths: &mut Object) {
    let links: Vec<Link> = {
        let operations = paths.values().filter_map(Value::as_object).flatten();
        let operations: Vec<&Value> = operations.map(|(_, operation)| operation).collect();
        let all = operations.iter().copied();
        let ids = all.clone().flat_map(links_by_id);
        let pages = all.filter_map(link_to_next_page);
        ids.chain(pages).chain(other_links()).collect()
    };
    let operations = paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flatten();
    for (_, operation) in operations {
        let id = operation["operationId"].clone();
        for link in links.iter().filter(|link| id == *link.from) {
            let target = json!({ "operationId": link.to, "parameters": link.parameters });
            if let Some(response) = success(operation) {
                response["links"][&link.to] = target;
            }
        }
    }
}

/// Links to an operation from all responses with an id for one of its parameters.
fn links_by_id(operation: &Value) -> Vec<Link> {
    let mut links = Vec::new();
    for (from, expression, schema) in IDS {
        let address = format!("#/components/schemas/{schema}");
        let has_schema = |parameter: &&Value| parameter["schema"]["$ref"] == *address;
        if let Some(parameter) = parameters(operation).find(has_schema) {
            links.push(Link {
                from: (*from).to_owned(),
                to: text(&operation["operationId"]),
                parameters: Object::from_iter([(text(&parameter["name"]), json!(expression))]),
            });
        }
    }
    links
}

/// The link from a response to its continuation: the same operation with the response's cursor. Repeats
/// the required parameters only.
fn link_to_next_page(operation: &Value) -> Option<Link> {
    parameters(operation).find(|parameter| parameter["name"] == "cursor")?;
    let required = parameters(operation).filter(|parameter| parameter["required"] == true);
    let kept = required.map(|parameter| {
        let name = text(&parameter["name"]);
        let expression = json!(format!("$request.{}.{name}", text(&parameter["in"])));
        (name, expression)
    });
    let next = ("cursor".to_owned(), json!("$response.body#/nextCursor"));
    let id = text(&operation["operationId"]);
    Some(Link {
        from: id.clone(),
        to: id,
        parameters: kept.chain([next]).collect(),
    })
}

fn other_links() -> impl Iterator<Item = Link> {
    OTHERS.iter().map(|(from, to, parameters)| Link {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect(),
    })
}

fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten()
}

/// The successful response of an operation.
fn success(operation: &mut Value) -> Option<&mut Value> {
    let responses = operation["responses"].as_object_mut()?;
    let mut all = responses.iter_mut();
    all.find_map(|(status, response)| status.starts_with('2').then_some(response))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
