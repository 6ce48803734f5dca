//! The API reference: the OpenAPI document as plain HTML with the styles of the dashboard, without
//! scripts.

use std::fmt::Write;

use serde_json::Value;

/// Returns the HTML of the API reference. `style` is the address of its style sheet.
pub(crate) fn page(document: &Value, style: &str) -> String {
    let mut links = String::new();
    let mut sections = String::new();
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = text(&tag["name"]);
        let operations = operations(document, &tag["name"]);
        let parts = operations.iter().map(|value| operation(document, value));
        let parts = parts.collect::<String>();
        let about = text(&tag["description"]);
        sections += &format!("<section><h2>{name}</h2><p>{about}</p>{parts}</section>");
        links += &format!("<h3>{name}</h3><ul>");
        for Operation { id, summary, .. } in &operations {
            links += &format!("<li><a href=\"#{id}\">{summary}</a></li>");
        }
        links += "</ul>";
    }
    let schemas = document["components"]["schemas"].as_object();
    let schemas: String = schemas.into_iter().flatten().map(schema).collect();
    let title = text(&document["info"]["title"]);
    let about = text(&document["info"]["description"]);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} API</title>\
         <link rel=\"icon\" href=\"favicon.svg\"><link rel=\"stylesheet\" href=\"{style}\"></head><body class=\"docs\">\
         <nav aria-label=\"Operations\"><a class=\"home\" href=\"./\">{title}</a>{links}\
         <h3><a href=\"#schemas\">Schemas</a></h3></nav>\
         <main><h1>{title} API</h1><p>{about} <a href=\"openapi.json\">openapi.json</a></p>\
         {sections}<section id=\"schemas\"><h2>Schemas</h2>{schemas}</section></main></body></html>"
    )
}

struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    id: String,
    summary: String,
    value: &'a Value,
}

fn operations<'a>(document: &'a Value, tag: &Value) -> Vec<Operation<'a>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, value)| Operation {
            method,
            path,
            id: text(&value["operationId"]),
            summary: text(&value["summary"]),
            value,
        })
    });
    all.filter(|operation| operation.value["tags"][0] == *tag)
        .collect()
}

fn operation(document: &Value, operation: &Operation<'_>) -> String {
    let Operation {
        method,
        path,
        id,
        summary,
        value,
    } = operation;
    let about = text(&value["description"]);
    let path = escaped(path);
    let schemes = value["security"].as_array().into_iter().flatten();
    let schemes = schemes.filter_map(|scheme| scheme.as_object()?.keys().next());
    let names: Vec<&str> = schemes
        .map(|scheme| match scheme.as_str() {
            "bearer" => "access token",
            _ => "API key",
        })
        .collect();
    let credentials = match names.as_slice() {
        [] => "no credentials".to_owned(),
        names => names.join(" or "),
    };
    let mut out = format!(
        "<article id=\"{id}\"><h3><a href=\"#{id}\">{summary}</a></h3>\
         <p class=\"route\"><b class=\"{method}\">{}</b> <code>{path}</code> <small>{credentials}</small></p>\
         <p>{about}</p>",
        method.to_uppercase()
    );
    out += &parameters(&value["parameters"]);
    if let Some(content) = value["requestBody"]["content"].as_object() {
        out += "<h4>Body</h4>";
        out += &contents(document, content);
    }
    out + "<h4>Responses</h4>" + &responses(document, &value["responses"]) + "</article>"
}

fn responses(document: &Value, responses: &Value) -> String {
    let mut out = String::new();
    for (status, response) in responses.as_object().into_iter().flatten() {
        let response = resolved(document, response);
        let about = text(&response["description"]);
        let content = response["content"].as_object();
        let inner = content
            .map(|content| contents(document, content))
            .unwrap_or_default();
        let open = if status.starts_with('2') { " open" } else { "" };
        out += &if inner.is_empty() {
            format!("<p class=\"answer\"><b>{status}</b> {about}</p>")
        } else {
            format!("<details{open}><summary><b>{status}</b> {about}</summary>{inner}</details>")
        };
    }
    out
}

fn parameters(parameters: &Value) -> String {
    let Some(parameters) = parameters.as_array().filter(|all| !all.is_empty()) else {
        return String::new();
    };
    let mut rows = String::new();
    for parameter in parameters {
        let name = text(&parameter["name"]);
        let required = if parameter["required"] == true {
            " <em>required</em>"
        } else {
            ""
        };
        let _ = write!(
            rows,
            "<tr><td><code>{name}</code>{required}</td><td>{}</td><td>{}</td></tr>",
            text(&parameter["in"]),
            text(&parameter["description"]),
        );
    }
    format!(
        "<h4>Parameters</h4><div class=\"wide\" tabindex=\"0\"><table><tbody>{rows}</tbody></table></div>"
    )
}

/// Lists each media type with its schema and an example.
fn contents(document: &Value, content: &serde_json::Map<String, Value>) -> String {
    let mut out = String::new();
    for (media_type, body) in content {
        let schema = &body["schema"];
        let name = named(schema);
        let link = name.map(|name| format!(" · <a href=\"#schema-{name}\">{name}</a>"));
        let _ = write!(
            out,
            "<p class=\"media\">{media_type}{}</p>",
            link.unwrap_or_default()
        );
        let examples = body["examples"].as_object().into_iter().flatten();
        let mut shown: Vec<Value> = examples
            .map(|(_, example)| example["value"].clone())
            .collect();
        if shown.is_empty() {
            let given = Some(body["example"].clone()).filter(|example| !example.is_null());
            shown.extend(given.or_else(|| example(document, schema, 0)));
        }
        for example in shown {
            let _ = write!(
                out,
                "<pre tabindex=\"0\">{}</pre>",
                escaped(&format!("{example:#}"))
            );
        }
    }
    out
}

/// Follows a `$ref` within the document, if the value is one.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"]
        .as_str()
        .and_then(|address| address.strip_prefix('#'));
    let referred = pointer.and_then(|pointer| document.pointer(pointer));
    referred.unwrap_or(value)
}

fn named(schema: &Value) -> Option<&str> {
    let is_reference = |schema: &Value| schema["$ref"].is_string();
    let reference = if is_reference(schema) {
        schema
    } else {
        let parts = schema["oneOf"].as_array()?;
        parts.iter().find(|part| is_reference(part))?
    };
    reference["$ref"].as_str()?.rsplit('/').next()
}

/// Builds an example value of a schema. `None` for binary data, and below the seventh level.
fn example(document: &Value, schema: &Value, depth: usize) -> Option<Value> {
    if depth > 6 || schema["format"] == "binary" {
        return None;
    }
    if let Some(name) = named(schema) {
        return example(
            document,
            &document["components"]["schemas"][name],
            depth + 1,
        );
    }
    if let Some(given) = schema["examples"].get(0).or(schema.get("example")) {
        return Some(given.clone());
    }
    let parts = schema["allOf"].as_array();
    if let Some(parts) = parts.filter(|_| schema["properties"].is_null()) {
        let mut all = serde_json::Map::new();
        for part in parts {
            if let Some(Value::Object(fields)) = example(document, part, depth + 1) {
                all.extend(fields);
            }
        }
        return Some(all.into());
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first()?.as_str()?,
        kind => kind.as_str().unwrap_or("object"),
    };
    Some(match kind {
        "array" => vec![example(document, &schema["items"], depth + 1)?].into(),
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields = fields.filter_map(|(name, field)| {
                Some((name.clone(), example(document, field, depth + 1)?))
            });
            fields.collect::<serde_json::Map<_, _>>().into()
        }
        "string" => match schema["format"].as_str() {
            Some("date-time") => "2026-01-31T12:00:00.000Z".into(),
            _ => schema["enum"].get(0).cloned().unwrap_or_else(|| "…".into()),
        },
        "boolean" => true.into(),
        "integer" => schema["minimum"].as_i64().unwrap_or(1).into(),
        "number" => 12.5.into(),
        _ => Value::Null,
    })
}

fn schema((name, schema): (&String, &Value)) -> String {
    let body = escaped(&format!("{schema:#}"));
    format!(
        "<details id=\"schema-{name}\"><summary>{name}</summary><pre tabindex=\"0\">{body}</pre></details>"
    )
}

/// Returns a text of the document as HTML, with text in backticks as `<code>`.
fn text(value: &Value) -> String {
    let text = escaped(value.as_str().unwrap_or_default());
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, part)| match index % 2 {
        0 => part.to_owned(),
        _ => format!("<code>{part}</code>"),
    });
    parts.collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
