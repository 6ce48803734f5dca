//! The part of CloudWatch's filter patterns that the template and the manual use: a word, or `{ $.field
//! = "text*" && $.field >= 1 }`.

use serde_json::Value;

/// Whether a log line matches a pattern.
///
/// # Panics
/// If the pattern uses anything else.
pub fn matches(pattern: &str, line: &str) -> bool {
    let Some(conditions) = pattern.strip_prefix("{ ") else {
        assert!(pattern.chars().all(char::is_alphanumeric), "{pattern}");
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        return words.any(|word| word == pattern);
    };
    let conditions = conditions.strip_suffix(" }").expect("a closing brace");
    let Ok(line) = serde_json::from_str::<Value>(line) else {
        return false;
    };
    conditions
        .split(" && ")
        .all(|condition| is_met(condition, &line))
}

fn is_met(condition: &str, line: &Value) -> bool {
    let mut parts = condition.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_else(|| panic!("{condition}"));
    let (selector, operator, value) = (next(), next(), next());
    let path = selector.strip_prefix("$.").expect("a selector");
    let found = path.split('.').fold(line, |owner, name| &owner[name]);
    match operator {
        "=" => equals(found, value),
        ">=" => found
            .as_f64()
            .is_some_and(|found| found >= value.parse().unwrap()),
        other => panic!("{other} is not known"),
    }
}

/// A quoted value matches texts only, and may end with `*`. Others match numbers.
fn equals(found: &Value, value: &str) -> bool {
    let Some(text) = value
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return found.as_f64().is_some() && found.as_f64() == value.parse().ok();
    };
    let found = found.as_str();
    match text.strip_suffix('*') {
        Some(start) => found.is_some_and(|found| found.starts_with(start)),
        None => found == Some(text),
    }
}

#[test]
fn patterns_match_as_cloudwatch_documents() {
    let line = r#"{"level":"ERROR","status":503,"span":{"id":"a="},"text":"503","message":"token reused, x"}"#;
    for (pattern, expected) in [
        (r#"{ $.level = "ERROR" }"#, true),
        (r#"{ $.level = "error" }"#, false),
        (r#"{ $.missing = "ERROR" }"#, false),
        (r#"{ $.span.id = "a=" }"#, true),
        ("{ $.status >= 400 }", true),
        ("{ $.status >= 504 }", false),
        (r#"{ $.text = "5*" }"#, true),
        (r#"{ $.text = "4*" }"#, false),
        (r#"{ $.level = "ERROR" && $.status >= 504 }"#, false),
        ("reused", true),
        ("reuse", false),
    ] {
        assert_eq!(matches(pattern, line), expected, "{pattern}");
    }
}
