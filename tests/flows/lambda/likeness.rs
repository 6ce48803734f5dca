//! Compares two responses to the same request for two accounts.

use serde_json::Value;
use url::Url;

use crate::events::Answer;

/// Compares status, headers, cookies and body. Values that depend on the account or the time,
/// according to [`like`], must have the same form.
#[track_caller]
pub fn assert_alike(case: &str, lambda: &Answer, router: &Answer) {
    let [lambda, router] = [lambda, router].map(plain);
    assert!(like(&lambda, &router), "{case}:\n{lambda:#}\n{router:#}");
}

/// A response as JSON, with its login replaced by a common one.
fn plain(answer: &Answer) -> Value {
    let Answer { response, login } = answer;
    let mut headers: Vec<(String, Value)> = response
        .headers
        .iter()
        // Set by API Gateway.
        .filter(|(name, _)| *name != "content-length")
        .map(|(name, value)| (name.to_string(), header(value.to_str().unwrap())))
        .collect();
    headers.sort_by(|one, other| one.0.cmp(&other.0));
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_else(|_| {
        // Protobuf, which contains the request id of the event.
        String::from_utf8_lossy(&response.body).into_owned().into()
    });
    let answer = serde_json::json!([response.status.as_u16(), headers, body]);
    let text = answer.to_string();
    let text = match &**login {
        "" => text,
        login => text.replace(login, "LOGIN"),
    };
    serde_json::from_str(&text).unwrap()
}

/// Splits addresses and cookies into their parts.
fn header(value: &str) -> Value {
    if let Ok(address) = Url::parse(value) {
        let mut parts = vec![address[..url::Position::AfterPath].to_owned()];
        for query in [address.query(), address.fragment()] {
            let pairs = crate::support::callers::parameters(query);
            parts.extend(pairs.into_iter().flat_map(|(name, value)| [name, value]));
        }
        return parts.into();
    }
    let parts: Vec<&str> = value.split(['=', ';', ',']).collect();
    parts.into()
}

/// Whether two values are equal or have the same form.
fn like(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && are_paired(one, other)
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other
                        .get(name)
                        .is_some_and(|other| like(value, other) || is_left(name, value, other))
                })
        }
        (Value::String(one), Value::String(other)) => one == other || form(one) == form(other),
        (Value::Number(one), Value::Number(other)) => one == other,
        _ => one == other,
    }
}

/// Whether the elements match in any order: audit entries of the same millisecond have no fixed one.
fn are_paired(one: &[Value], other: &[Value]) -> bool {
    let mut left: Vec<&Value> = other.iter().collect();
    one.iter().all(|value| {
        let found = left.iter().position(|other| like(value, other));
        found.map(|index| left.remove(index)).is_some()
    })
}

/// Whether both are remaining seconds: the clock of the backend stands still, that of the process does
/// not.
fn is_left(name: &str, one: &Value, other: &Value) -> bool {
    let left = one.as_i64().zip(other.as_i64());
    name.ends_with("ExpiresIn") && left.is_some_and(|(one, other)| (one - other).abs() < 60)
}

/// The kind of a text that depends on the account or the time.
fn form(text: &str) -> Option<(&'static str, usize)> {
    let of_code = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.parse::<jiff::Timestamp>().is_ok() {
        return Some(("time", text.len()));
    }
    for prefix in ["upblit_live_", "upblit_rt_", "upblit_login_", "eyJ"] {
        if text.starts_with(prefix) {
            return Some((prefix, 0));
        }
    }
    let is_code = text.len() >= 8 && text.chars().all(of_code);
    let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match (is_number, is_code) {
        (true, _) => Some(("number", 0)),
        (_, true) => Some(("code", text.len())),
        _ => None,
    }
}
