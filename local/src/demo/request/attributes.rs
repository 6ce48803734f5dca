//! Span attributes, named by OpenTelemetry's semantic conventions where these have a name.

use serde_json::{Map, Value, json};

use crate::demo::customer::Customer;
use crate::demo::step::{Role, Step};

/// Attributes of a step's span. `number` is the id of the product, cart or order.
pub(super) fn attributes(step: &Step, number: u32, customer: Customer) -> Map<String, Value> {
    let mut attributes = of_role(step, number);
    if matches!(step.role, Role::Page | Role::Serve | Role::Query) {
        customer.describe(&mut attributes);
    }
    attributes
}

fn of_role(step: &Step, number: u32) -> Map<String, Value> {
    let attributes = match step.role {
        Role::Page => json!({"user_agent.name": browser(number)}),
        Role::Serve => json!({"http.route": route(step.name)}),
        Role::Call => json!({"server.address": server(step)}),
        Role::Query => json!({
            "db.system.name": "postgresql",
            "db.operation.name": step.name.split(' ').next(),
            "db.query.text": statement(step.name),
        }),
        Role::Cache => json!({
            "db.system.name": "redis",
            "db.query.text": step.name.replace("{id}", &number.to_string()),
        }),
        Role::Work => json!({"thread.id": number % 8}),
        Role::Publish => messaging("send", number),
        Role::Consume => messaging("process", number),
    };
    match attributes {
        Value::Object(attributes) => attributes,
        _ => Map::new(),
    }
}

/// SQL statement of a query step, from its short name.
pub(super) fn statement(name: &str) -> String {
    match name.split_once(' ') {
        Some(("SELECT", table)) => format!("SELECT * FROM {table} WHERE id = $1"),
        Some(("INSERT", table)) => format!("INSERT INTO {table} VALUES ($1, $2, $3)"),
        Some(("UPDATE", table)) => {
            format!("UPDATE {table} SET reserved = reserved + $2 WHERE id = $1")
        }
        _ => name.to_owned(),
    }
}

fn messaging(operation: &str, number: u32) -> Value {
    json!({
        "messaging.system": "rabbitmq",
        "messaging.destination.name": "orders",
        "messaging.operation.type": operation,
        "messaging.message.id": format!("order-{number}"),
    })
}

fn route(name: &str) -> &str {
    name.split_once(' ').map_or(name, |(_, path)| path)
}

fn server(step: &Step) -> String {
    match step.children.first() {
        Some(called) => format!("{}.shop.internal", called.service.name()),
        None => format!(
            "api.{}.example",
            if step.name.contains("messages") {
                "mail"
            } else {
                "bank"
            }
        ),
    }
}

fn browser(number: u32) -> &'static str {
    match number % 10 {
        0..=5 => "Chrome",
        6..=7 => "Safari",
        8 => "Firefox",
        _ => "Edge",
    }
}
