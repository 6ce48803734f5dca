use serde_json::json;

use super::names::{LISTED, SIGNATURES, is_credential_of_query};
use super::*;
use crate::event::LogRecord;

/// The text without what is secret in it; `None` if there is nothing.
fn scrubbed(text: &str) -> Option<String> {
    let mut allowance = Allowance::of_batch();
    allowance.next_event();
    super::scrubbed(text, &mut allowance)
}

fn scrub(record: &mut LogRecord) -> bool {
    super::scrub(record, &mut Allowance::of_batch())
}

mod cards;
mod forms;
mod growth;
mod protobuf;
mod stored;

#[test]
fn the_end_of_a_name_says_whether_it_is_of_a_credential() {
    for name in [
        "authorization",
        "Authorization",
        "http.request.header.authorization",
        "http.request.header.proxy-authorization",
        "http.request.header.cookie",
        "http.response.header.set-cookie",
        "http.request.header.x-api-key",
        "http.request.header.x_api_key",
        "db.password",
        "DB_PASSWORD",
        "userPassword",
        "newpassword",
        "PGPASSWORD",
        "smtp.pass",
        "DB_PASS",
        "user[password]",
        "session.token",
        "id_token",
        "refreshToken",
        "x-amz-security-token",
        "api.key",
        "APIKEY",
        "apiKey",
        "aws.secret_access_key",
        "AWSAccessKeyId",
        "client_secret",
        "ssh.private-key",
        "card.cvc",
        "jwt",
    ] {
        assert!(is_credential(name), "{name}");
        assert!(is_credential_of_query(name), "{name}");
    }
    for name in [
        "",
        ".",
        "tokens",
        "llm.token_count",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.inputTokens",
        "token.type",
        "messaging.kafka.message.key",
        "key",
        "db.redis.key",
        "public_key",
        "monkey",
        "secretary",
        "cookie.count",
        "passwords_changed",
        "compass",
        "bypass",
        "session.id",
        "enduser.id",
        "http.route",
        "url.full",
        "server.address",
        "a.very.long.name.of.an.attribute.without.anything.secret.in.it",
        "tokené",
        "code.signature",
    ] {
        assert!(!is_credential(name), "{name}");
    }
    for name in ["sig", "Signature", "X-Goog-Signature", "X-Amz-Signature"] {
        assert!(
            is_credential_of_query(name) && !is_credential(name),
            "{name}"
        );
    }
}

#[test]
fn every_entry_is_found_by_its_end() {
    for (length, entry) in LISTED
        .into_iter()
        .enumerate()
        .flat_map(|(length, entries)| entries.iter().map(move |entry| (length, entry)))
    {
        assert_eq!(entry.len(), length);
        let entry = str::from_utf8(entry).unwrap();
        assert!(is_credential(entry), "{entry}");
        assert!(
            is_credential(&format!("a.{}]", entry.to_uppercase())),
            "{entry}"
        );
    }
    for entry in SIGNATURES {
        let entry = str::from_utf8(entry).unwrap();
        assert!(is_credential_of_query(entry), "{entry}");
    }
}

/// Texts, and what is left of them.
const TEXTS: [(&str, &str); 54] = [
    // Query strings.
    (
        "https://a.test/?token=abc",
        "https://a.test/?token=REDACTED",
    ),
    (
        "/cart?a=1&api_key=k-1&b=2#top",
        "/cart?a=1&api_key=REDACTED&b=2#top",
    ),
    ("token=abc&x=1", "token=REDACTED&x=1"),
    ("/?token=&x=1", "/?token=&x=1"),
    ("/?token=REDACTED", "/?token=REDACTED"),
    (
        "/#access_token=abc&state=1",
        "/#access_token=REDACTED&state=1",
    ),
    ("/blob?sv=1&sig=a%2Fb", "/blob?sv=1&sig=REDACTED"),
    (
        "/?X-Amz-Signature=ab&X-Amz-Expires=9",
        "/?X-Amz-Signature=REDACTED&X-Amz-Expires=9",
    ),
    ("/?user[password]=a", "/?user[password]=REDACTED"),
    ("/?tokens=5&max=2", "/?tokens=5&max=2"),
    ("GET /?token=a HTTP/1.1", "GET /?token=REDACTED HTTP/1.1"),
    // Connection strings, cookies and messages.
    (
        "Server=a;Password=b;Port=1",
        "Server=a;Password=REDACTED;Port=1",
    ),
    (
        "a=1; session_token=b; c=2",
        "a=1; session_token=REDACTED; c=2",
    ),
    (
        "login failed password=hunter2 user=ada",
        "login failed password=REDACTED user=ada",
    ),
    ("password=\"a b\" x", "password=\"REDACTED\" x"),
    ("password='a b", "password='REDACTED"),
    (
        "authorization=Bearer abc.def user=ada",
        "authorization=REDACTED user=ada",
    ),
    ("==token==", "==token=REDACTED"),
    ("token=", "token="),
    ("x=y", "x=y"),
    // Users of addresses.
    (
        "https://ada:pw@a.test/x",
        "https://REDACTED:REDACTED@a.test/x",
    ),
    ("https://ghp_abc@a.test", "https://REDACTED@a.test"),
    (
        "postgres://u:p@w@a.test/db",
        "postgres://REDACTED:REDACTED@a.test/db",
    ),
    (
        "see https://a:b@c.test and https://d:e@f.test",
        "see https://REDACTED:REDACTED@c.test and https://REDACTED:REDACTED@f.test",
    ),
    ("https://a.test/@ada", "https://a.test/@ada"),
    (
        "https://a.test/?to=ada@b.test",
        "https://a.test/?to=ada@b.test",
    ),
    ("ada@a.test", "ada@a.test"),
    ("://@", "://@"),
    // JSON.
    (
        r#"{"password":"a\"b","x":1}"#,
        r#"{"password":"[scrubbed]","x":1}"#,
    ),
    (
        r#"{"a":{"apiKey": 12},"b":2}"#,
        r#"{"a":{"apiKey": "[scrubbed]"},"b":2}"#,
    ),
    (
        r#"[{"cookie":["a","b]"]},1]"#,
        r#"[{"cookie":"[scrubbed]"},1]"#,
    ),
    (
        r#"{"secret":{"a":"}"},"b":[]}"#,
        r#"{"secret":"[scrubbed]","b":[]}"#,
    ),
    (r#"{"token":"cut off"#, r#"{"token":"[scrubbed]"#),
    (
        r#"{"token":null,"secret":true,"jwt":""}"#,
        r#"{"token":null,"secret":true,"jwt":""}"#,
    ),
    (
        r#"login {"password":"a"} failed"#,
        r#"login {"password":"[scrubbed]"} failed"#,
    ),
    (
        r#"{"body":"{\"password\":\"a\",\"x\":1}"}"#,
        r#"{"body":"{\"password\":\"[scrubbed]\",\"x\":1}"}"#,
    ),
    (r#"{\"token\":\"cut"#, r#"{\"token\":\"[scrubbed]"#),
    (r#"{"tokens":5,"key":"a"}"#, r#"{"tokens":5,"key":"a"}"#),
    (
        r#"{"url":"/?token=a","x":"y"}"#,
        r#"{"url":"/?token=REDACTED","x":"y"}"#,
    ),
    // Cards: numbers that networks publish for tests.
    ("card 4242424242424242.", "card [scrubbed]."),
    ("4242 4242 4242 4242 12/27", "[scrubbed] 12/27"),
    ("3782-822463-10005", "[scrubbed]"),
    ("/cards/5555555555554444/pay", "/cards/[scrubbed]/pay"),
    ("3056 930902 5904", "[scrubbed]"),
    ("6011111111111117", "[scrubbed]"),
    ("3530111333300000", "[scrubbed]"),
    ("4242424242424241", "4242424242424241"),
    // Their last digits are check digits.
    ("backup-20261127195901.tar", "backup-20261127195901.tar"),
    (
        "dd.trace_id=4705457223944280482",
        "dd.trace_id=4705457223944280482",
    ),
    ("5019717010103742", "5019717010103742"),
    (
        "trace 4242424242424242abcdef",
        "trace 4242424242424242abcdef",
    ),
    (
        "0.4242424242424242 a4242424242424242",
        "0.4242424242424242 a4242424242424242",
    ),
    (
        "1769860800000 1769860800000000000",
        "1769860800000 1769860800000000000",
    ),
    (
        "42424242424242424242424242424242",
        "42424242424242424242424242424242",
    ),
];

#[test]
fn secrets_in_texts_are_replaced_and_the_rest_stays() {
    for (text, expected) in TEXTS {
        let result = scrubbed(text);
        assert_eq!(result.as_deref().unwrap_or(text), expected, "{text}");
        assert_eq!(result.is_some(), text != expected, "{text}");
        assert_eq!(scrubbed(expected), None, "{expected}");
    }
}

#[test]
fn a_card_number_is_found_at_every_place() {
    for number in ["4242424242424242", "30569309025904", "4242 4242 4242 4242"] {
        for before in 0..40 {
            for after in 0..20 {
                let (before, after) = ("a".repeat(before) + "/", "/".repeat(after));
                let text = format!("{before}{number}{after}");
                let expected = format!("{before}{SCRUBBED}{after}");
                assert_eq!(scrubbed(&text), Some(expected), "{text}");
            }
        }
    }
}

#[test]
fn values_with_the_name_of_a_credential_are_replaced_as_a_whole() {
    let values = json!({
        "db.password": 1234,
        "http.request.header.authorization": ["Bearer abc"],
        "nested": { "deeper": [{ "secret": { "a": 1 } }, "?token=a"] },
        "has.password": true,
        "session.token": "",
        "cookies": [],
        "api_key": null,
        "name": "Ada",
    });
    let mut record = LogRecord {
        attributes: values.as_object().unwrap().clone(),
        ..LogRecord::default()
    };
    assert!(scrub(&mut record));
    let expected = json!({
        "db.password": "[scrubbed]",
        "http.request.header.authorization": "[scrubbed]",
        "nested": { "deeper": [{ "secret": "[scrubbed]" }, "?token=REDACTED"] },
        "has.password": true,
        "session.token": "",
        "cookies": [],
        "api_key": null,
        "name": "Ada",
    });
    assert_eq!(json!(record.attributes), expected);
    assert!(!scrub(&mut record));
}
