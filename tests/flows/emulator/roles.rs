//! Proxies between the functions and AWS services. Each call needs the permissions that `template.yaml`
//! gives to the role of the function that signed it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::calls::accesses;
use crate::support::upstream::Upstream;
use crate::template::{functions, permissions, template};

/// The roles of the functions. The access key id of a call is the name of its function.
#[derive(Clone, Default)]
pub struct Roles {
    allowed: Arc<BTreeMap<String, Vec<Allowed>>>,
    callers: Arc<Mutex<BTreeSet<String>>>,
    refused: Arc<Mutex<Vec<String>>>,
}

/// A permission, on a resource by its name in the template.
struct Allowed {
    action: String,
    resource: String,
    leading_keys: Option<Vec<String>>,
}

/// A permission that a call needs, on one resource.
struct NeededPermission {
    action: String,
    resource: String,
    /// Partition keys, if the call has them as values.
    keys: Vec<String>,
}

impl Roles {
    /// The roles of `template.yaml`.
    pub fn load() -> Self {
        let template = template();
        let of = |function| {
            let permissions = permissions(&template, function).into_iter();
            permissions.map(|permission| Allowed {
                action: permission.action.to_owned(),
                resource: permission
                    .resource
                    .replace(['$', '{', '}'], "")
                    .replace(".Arn", ""),
                leading_keys: permission
                    .leading_keys
                    .map(|keys| keys.into_iter().map(str::to_owned).collect()),
            })
        };
        let roles = functions(&template).into_iter();
        let roles = roles.map(|(name, function)| (name.to_owned(), of(function).collect()));
        Self {
            allowed: Arc::new(roles.collect()),
            ..Self::default()
        }
    }

    /// Starts a proxy in front of a service, and returns its address.
    pub async fn before(&self, service: &str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = (self.clone(), Upstream::new(service));
        let router = Router::new().fallback(serve).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Functions that have made a call.
    pub fn callers(&self) -> BTreeSet<String> {
        self.callers.lock().unwrap().clone()
    }

    /// Returns the calls that were refused since this was last called.
    pub fn refused(&self) -> Vec<String> {
        std::mem::take(&mut self.refused.lock().unwrap())
    }

    /// Describes the first of these permissions that the function's role lacks.
    fn refusal(&self, function: &str, permissions: &[NeededPermission]) -> Option<String> {
        let allowed = self.allowed.get(function).map_or(&[][..], Vec::as_slice);
        let missing = permissions
            .iter()
            .find(|needed| !allowed.iter().any(|allowed| allowed.covers(needed)))?;
        let NeededPermission {
            action,
            resource,
            keys,
        } = missing;
        Some(format!("{function}: {action} on {resource} {keys:?}"))
    }
}

impl Allowed {
    fn covers(&self, needed: &NeededPermission) -> bool {
        let keys_are_covered = self.leading_keys.as_ref().is_none_or(|patterns| {
            // AWS also allows a call without keys (`ForAllValues`). Here that means that `keys_in`
            // does not know where the call has them.
            let is_covered = |key: &String| patterns.iter().any(|pattern| is_like(key, pattern));
            !needed.keys.is_empty() && needed.keys.iter().all(is_covered)
        });
        self.action == needed.action && self.resource == needed.resource && keys_are_covered
    }
}

/// `StringLike`, for patterns that end with their only star.
fn is_like(key: &str, pattern: &str) -> bool {
    let start = pattern.strip_suffix('*').unwrap();
    assert!(!start.contains(['*', '?']), "{pattern}");
    key.starts_with(start)
}

async fn serve(
    State((roles, service)): State<(Roles, Upstream)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let function = signer(&headers);
    let target = headers["x-amz-target"].to_str().unwrap();
    let refusal = roles.refusal(&function, &needed_permissions(target, &body));
    roles.callers.lock().unwrap().insert(function);
    let Some(refusal) = refusal else {
        return service.post(headers, body).await;
    };
    let error = json!({
        "__type": "com.amazon.coral.service#AccessDeniedException",
        "Message": format!("not authorized: {refusal}"),
    });
    roles.refused.lock().unwrap().push(refusal);
    let media_type = [(CONTENT_TYPE, "application/x-amz-json-1.0")];
    (StatusCode::BAD_REQUEST, media_type, error.to_string()).into_response()
}

/// The access key id of a signature.
fn signer(headers: &HeaderMap) -> String {
    let value = headers[AUTHORIZATION].to_str().unwrap();
    let (_, credential) = value.split_once("Credential=").unwrap();
    credential.split('/').next().unwrap().to_owned()
}

fn needed_permissions(target: &str, body: &[u8]) -> Vec<NeededPermission> {
    let body: Value = serde_json::from_slice(body).unwrap();
    let (service, operation) = target.split_once('.').unwrap();
    if service == "secretsmanager" {
        return vec![NeededPermission {
            action: format!("{service}:{operation}"),
            resource: resource(body["SecretId"].as_str().unwrap()),
            keys: Vec::new(),
        }];
    }
    let accesses = accesses(operation, &body).into_iter();
    accesses
        .map(|access| NeededPermission {
            action: format!("dynamodb:{}", access.action),
            resource: resource(&access.resource),
            keys: keys_in(access.part),
        })
        .collect()
}

/// The name in the template of a resource of `Deployment`.
fn resource(name: &str) -> String {
    match name {
        "jwt" => "JwtSecret".to_owned(),
        "github" => "GitHubSecret".to_owned(),
        table => table.replace("stack-", "").replace("-1", ""),
    }
}

/// Names of partition keys. Items of the Applications table have a `user_id`, too, so it is the last.
const PARTITION_KEYS: [&str; 3] = ["pk", "application_id", "user_id"];

/// The partition keys of the items that a part of a call names.
fn keys_in(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match name.as_str() {
                "Item" | "Key" => vec![partition_key(value)],
                "Keys" => value
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(partition_key)
                    .collect(),
                _ => keys_in(value),
            })
            .collect(),
        Value::Array(parts) => parts.iter().flat_map(keys_in).collect(),
        _ => Vec::new(),
    }
}

fn partition_key(item: &Value) -> String {
    let key = PARTITION_KEYS
        .iter()
        .find_map(|name| item[name]["S"].as_str());
    key.unwrap_or_else(|| panic!("no partition key: {item}"))
        .to_owned()
}
