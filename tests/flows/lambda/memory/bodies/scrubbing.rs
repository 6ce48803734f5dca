//! Bodies of texts and attributes that take the most work to scrub, or grow the most.

use serde_json::json;

use super::Kind::{NativeLogs, NativeTraces, ProtobufLogs};
use super::json::{array, spans};
use super::protobuf::{any, field, message, pair};
use super::{Body, body};

pub(super) const BODIES: &[Body] = &[
    body("log records of users of addresses", NativeLogs, || {
        records("://:@ ")
    }),
    body("log records of numbers of JSON", NativeLogs, || {
        records("\"jwt\":1,")
    }),
    body("log records of short passwords", NativeLogs, || {
        records("pwd=a ")
    }),
    body("log records of passwords", NativeLogs, || {
        records("password=")
    }),
    body("log records of names and colons", NativeLogs, || {
        records("token:")
    }),
    body("log records of placeholders", NativeLogs, || {
        records("token=$1,")
    }),
    body("log records of braces", NativeLogs, || records("token={{")),
    body("log records of operators", NativeLogs, || {
        records("token==\\")
    }),
    body("log records of schemes", NativeLogs, || {
        records("token:Bearer ")
    }),
    body("log records of separators", NativeLogs, || records("=:")),
    body("log records of long names", NativeLogs, || {
        records(&format!("{}=", "a-".repeat(31)))
    }),
    body("log records of escapes", NativeLogs, || {
        records("%5D%5D%5D%5D%5D=")
    }),
    body("log records of quotes", NativeLogs, || {
        records("\"jwt\":\"\\\\\\\"")
    }),
    body("log records of deep quotes", NativeLogs, || {
        records(&format!("{0}\"jwt{0}\":{0}\"a", "\\".repeat(63)))
    }),
    body("log records of backslashes", NativeLogs, || {
        records(&format!("\"jwt\":[{}", "\\".repeat(1000)))
    }),
    body("log records of open lists", NativeLogs, || {
        records("'jwt':['a',")
    }),
    body("log records of card numbers", NativeLogs, || {
        records("4242424242424242 ")
    }),
    body("log records of digits", NativeLogs, || {
        records("4242 4242 4242 4241 ")
    }),
    body("the smallest log records with a secret", NativeLogs, || {
        array("logs", r#"{"level":"i","message":"jwt=a"}"#)
    }),
    body("spans of numbers that are secrets", NativeTraces, || {
        let fields = (0..10_000).map(|index| format!("\"{index:x}.jwt\":1"));
        spans(&fields.collect::<Vec<_>>().join(","))
    }),
    body("spans of short texts with a secret", NativeTraces, || {
        spans(&super::json::list("\"jwt=a\","))
    }),
    body("spans of card numbers", NativeTraces, || {
        spans(&super::json::list("4242424242424242,"))
    }),
    body("log records of users of addresses", ProtobufLogs, || {
        let text = "://:@ ".repeat((60 << 10) / 6);
        message(&[1, 2], &[2], &field(5, &any(1, text.as_bytes())))
    }),
    body("log records with secrets", ProtobufLogs, || {
        let secrets = (0..5_000).map(|index: usize| {
            let name = format!("{index:x}.jwt");
            field(6, &pair(name.as_bytes(), &any(1, b"a")))
        });
        message(&[1, 2], &[2], &secrets.collect::<Vec<_>>().concat())
    }),
];

/// Log records whose messages repeat a text, up to about the largest message.
fn records(unit: &str) -> Vec<u8> {
    let text = unit.repeat((60 << 10) / unit.len());
    array(
        "logs",
        &json!({ "level": "i", "message": text }).to_string(),
    )
}
