//! Example events as API Gateway (HTTP API, payload 2.0) sends them to a function, from the
//! tables `events/<function>.yaml`.

mod callers;

use std::collections::BTreeMap;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use callers::Caller;

use crate::functions::FUNCTIONS;

/// Host name of the API in every event.
const HOST: &str = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com";

/// An event, and the expected response after its placeholders are filled in.
#[derive(Debug, Clone)]
pub struct Case {
    /// Function that receives it.
    pub function: &'static str,
    /// Path of the event below `events/`, without its extension: `<function>/<case>`.
    pub name: String,
    /// The event, with its placeholders.
    pub event: Value,
    /// HTTP status of the expected response.
    pub status: u16,
    /// Text expected in the location of a redirect, or else in the body.
    pub says: String,
}

impl Case {
    /// Path of its file from the root of the checkout.
    pub fn file(&self) -> PathBuf {
        format!("events/{}.json", self.name).into()
    }
}

/// A table entry that describes one event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    route: String,
    caller: Caller,
    id: Option<String>,
    /// Values of the path's other parameters, by name.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    query: String,
    cookies: Option<Vec<String>>,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    json: Option<String>,
    body: Option<String>,
    base64: Option<String>,
    status: u16,
    #[serde(default)]
    says: String,
}

/// Reads all entries of all tables, in the order of functions and names.
///
/// # Errors
/// When a table is missing or has an invalid entry.
pub fn cases(root: &Path) -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for function in FUNCTIONS {
        let path = format!("events/{}.yaml", function.name);
        let failed = |problem: String| Error::other(format!("{path}: {problem}"));
        let text =
            fs::read_to_string(root.join(&path)).map_err(|error| failed(error.to_string()))?;
        let entries: BTreeMap<String, Entry> =
            serde_yaml_ng::from_str(&text).map_err(|error| failed(error.to_string()))?;
        for (case, entry) in entries {
            let name = format!("{}/{case}", function.name);
            let event = entry
                .event(&name)
                .map_err(|problem| failed(format!("{case}: {problem}")))?;
            cases.push(Case {
                function: function.name,
                event,
                name,
                status: entry.status,
                says: entry.says,
            });
        }
    }
    Ok(cases)
}

/// Paths, relative to `root`, of the event files that exist.
pub(super) fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in fs::read_dir(root.join("events"))? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(folder)? {
            let file = file?.path();
            files.push(file.strip_prefix(root).map_err(Error::other)?.to_owned());
        }
    }
    Ok(files)
}

impl Entry {
    fn event(&self, name: &str) -> Result<Value, &'static str> {
        let (method, template) = self.route.split_once(' ').ok_or("route is METHOD /path")?;
        let parameters = self.path_parameters();
        let path = parameters
            .iter()
            .fold(template.to_owned(), |path, (name, value)| {
                // `{proxy+}` takes the rest of the path.
                path.replace(&format!("{{{name}}}"), value)
                    .replace(&format!("{{{name}+}}"), value)
            });
        let (body, is_base64) = match (&self.json, &self.body, &self.base64) {
            (None, None, None) => (None, false),
            (Some(text), None, None) | (None, Some(text), None) => (Some(text), false),
            (None, None, Some(text)) => (Some(text), true),
            _ => return Err("only one of json, body and base64"),
        };
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route,
            "rawPath": path,
            "rawQueryString": self.query,
            "headers": self.headers(name),
            "requestContext": self.context(name, method, &path),
            "isBase64Encoded": is_base64,
        });
        let optional = [
            (
                "cookies",
                self.cookies.as_ref().map(|cookies| json!(cookies)),
            ),
            ("queryStringParameters", self.query_parameters()),
            (
                "pathParameters",
                (!parameters.is_empty()).then(|| json!(parameters)),
            ),
            ("body", body.map(|body| json!(body))),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                event[field] = value;
            }
        }
        Ok(event)
    }

    /// Values of the path's parameters, by name.
    fn path_parameters(&self) -> BTreeMap<&str, &str> {
        let others = self.parameters.iter();
        let others = others.map(|(name, value)| (&**name, &**value));
        let id = self.id.as_deref().map(|id| ("id", id));
        others.chain(id).collect()
    }

    fn headers(&self, name: &str) -> Map<String, Value> {
        let mut headers: BTreeMap<&str, String> = self.caller.headers().into_iter().collect();
        headers.extend([
            ("host", HOST.to_owned()),
            (
                "x-amzn-trace-id",
                format!("Root=1-697deec0-{}", digest(name, "trace", 24)),
            ),
            ("x-forwarded-for", self.caller.address().to_owned()),
            ("x-forwarded-port", "443".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
        ]);
        if self.json.is_some() {
            headers.insert("content-type", "application/json".to_owned());
        }
        for (header, value) in &self.headers {
            match value {
                Some(value) => headers.insert(header, value.clone()),
                None => headers.remove(header.as_str()),
            };
        }
        let headers = headers.into_iter();
        headers
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    }

    fn context(&self, name: &str, method: &str, path: &str) -> Value {
        json!({
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": HOST,
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": self.caller.address(),
                "userAgent": self.caller.user_agent(),
            },
            "requestId": format!("{}=", digest(name, "request", 15)),
            "routeKey": self.route,
            "stage": "$default",
            "time": "31/Jan/2026:12:00:00 +0000",
            "timeEpoch": 1_769_860_800_000_u64,
        })
    }

    /// Query parameters as API Gateway decodes them; `None` for an empty query.
    fn query_parameters(&self) -> Option<Value> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes()).into_owned();
        let pairs: BTreeMap<String, String> = pairs.collect();
        (!pairs.is_empty()).then(|| json!(pairs))
    }
}

/// Hexadecimal digits derived from the name of an event and a purpose.
fn digest(name: &str, purpose: &str, digits: usize) -> String {
    let digest = Sha256::digest(format!("{purpose} of {name}"));
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text[..digits].to_owned()
}
