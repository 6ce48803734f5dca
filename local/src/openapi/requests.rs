//! Conditions on requests that the handlers' types impose but utoipa cannot express.

use serde_json::{Value, json};

use super::{Object, objects};

/// Adds the conditions to every operation.
pub(super) fn complete(document: &mut Value) {
    let mut changes = Vec::new();
    for operations in objects(&mut document["paths"]) {
        for (method, operation) in operations {
            let Some(operation) = operation.as_object_mut() else {
                continue;
            };
            parameters(operation).for_each(remove_null);
            for body in bodies(operation) {
                remove_null(body);
                if let Some(address) = body["$ref"].as_str().filter(|_| method == "patch") {
                    changes.push(address.trim_start_matches('#').to_owned());
                }
            }
        }
    }
    for pointer in changes {
        if let Some(Value::Object(schema)) = document.pointer_mut(&pointer) {
            require_a_field(schema);
        }
    }
}

/// Schemas of the parameters.
fn parameters(operation: &mut Object) -> impl Iterator<Item = &mut Value> {
    let parameters = operation.get_mut("parameters");
    let parameters = parameters.and_then(Value::as_array_mut);
    let all = parameters.into_iter().flatten();
    all.filter_map(|parameter| parameter.get_mut("schema"))
}

/// Schemas of the body, one for each media type.
fn bodies(operation: &mut Object) -> impl Iterator<Item = &mut Value> {
    let content = operation
        .get_mut("requestBody")
        .and_then(|body| body.get_mut("content"));
    let content = content.into_iter().flat_map(objects);
    content.filter_map(|media_type| media_type.get_mut("schema"))
}

/// Removes null from a schema. An optional parameter or body is absent, never null.
fn remove_null(schema: &mut Value) {
    let is_null = |schema: &Value| schema["type"] == "null";
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_mut_slice() {
            schema["type"] = only.take();
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("oneOf") {
        choices.retain(|one| !is_null(one));
        if let [only] = choices.as_mut_slice() {
            *schema = only.take();
        }
    }
}

/// Requires at least one field that is not null, as every PATCH does.
fn require_a_field(schema: &mut Object) {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let choices = fields.map(|(name, _)| {
        let given = json!({ "not": { "type": "null" } });
        json!({ "required": [name], "properties": { name: given } })
    });
    let choices: Vec<Value> = choices.collect();
    // Within `allOf`, so that generated types have the fields and one of the choices.
    schema.insert("allOf".to_owned(), json!([{ "anyOf": choices }]));
}
