//! The forms in which texts hold secrets: quotes at any depth, spaces, other languages, placeholders.

use serde_json::{Value, json};

use super::super::SCRUBBED;
use super::scrubbed;

/// The text without its secrets.
fn rest_of(text: &str) -> String {
    scrubbed(text).unwrap_or_else(|| text.to_owned())
}

/// Texts with a secret, mostly `hunter2`, and what is left of them.
const FORMS: [(&str, &str); 34] = [
    // Spaces around the separator.
    ("password = 'hunter2' x", "password = 'REDACTED' x"),
    ("password= 'hunter2' x", "password= 'REDACTED' x"),
    ("password ='hunter2' x", "password ='REDACTED' x"),
    ("password = hunter2 x", "password = REDACTED x"),
    ("password\t=\thunter2", "password\t=\tREDACTED"),
    ("password: 'hunter2' x", "password: '[scrubbed]' x"),
    ("password : \"hunter2\"", "password : \"[scrubbed]\""),
    ("password:'hunter2'", "password:'[scrubbed]'"),
    (
        "{ password: 'hunter2', b: 1 }",
        "{ password: '[scrubbed]', b: 1 }",
    ),
    // Other operators.
    ("password == 'hunter2'", "password == 'REDACTED'"),
    ("password := \"hunter2\"", "password := \"REDACTED\""),
    (
        r#"{"password"=>"hunter2", "a"=>1}"#,
        r#"{"password"=>"REDACTED", "a"=>1}"#,
    ),
    ("'password' => 'hunter2'", "'password' => 'REDACTED'"),
    // Percent-encoded names, as in HTML forms.
    (
        "user%5Bpassword%5D=hunter2&a=1",
        "user%5Bpassword%5D=REDACTED&a=1",
    ),
    ("user%5btoken%5d=hunter2", "user%5btoken%5d=REDACTED"),
    ("?api%2Dkey=hunter2", "?api%2Dkey=REDACTED"),
    // Names of environments and configurations.
    ("DB_PASS=hunter2", "DB_PASS=REDACTED"),
    ("pass=hunter2", "pass=REDACTED"),
    ("PGPASSWORD=hunter2 psql", "PGPASSWORD=REDACTED psql"),
    ("newpassword=hunter2", "newpassword=REDACTED"),
    (
        r#"{"auth":{"user":"a","pass":"hunter2"}}"#,
        r#"{"auth":{"user":"a","pass":"[scrubbed]"}}"#,
    ),
    // Python.
    (
        "{'password': 'hunter2', 'a': 1}",
        "{'password': '[scrubbed]', 'a': 1}",
    ),
    (
        r#"{'password': "hunter2's", 'a': 1}"#,
        r#"{'password': "[scrubbed]", 'a': 1}"#,
    ),
    (
        r"{'password': 'a\'hunter2', 'a': 1}",
        "{'password': '[scrubbed]', 'a': 1}",
    ),
    (
        "{'cookies': ['a', 'hunter2]'], 'a': 1}",
        "{'cookies': '[scrubbed]', 'a': 1}",
    ),
    // SQL doubles a quote in a text.
    ("password = 'a''hunter2' x", "password = 'REDACTED' x"),
    // Quotes in quoted JSON.
    (
        r#"{"log":"login password=\"a hunter2\" x"}"#,
        r#"{"log":"login password=\"REDACTED\" x"}"#,
    ),
    (
        r#"{\"url\":\"/?token=hunter2\",\"a\":1}"#,
        r#"{\"url\":\"/?token=REDACTED\",\"a\":1}"#,
    ),
    (
        r#"{\"jwt\":12345,\"a\":1}"#,
        r#"{\"jwt\":\"[scrubbed]\",\"a\":1}"#,
    ),
    (
        r#"{\"cookie\":[\"a\",\"hunter2]\"],\"a\":1}"#,
        r#"{\"cookie\":\"[scrubbed]\",\"a\":1}"#,
    ),
    (r#"{\"token\":\"hunter2\\"#, r#"{\"token\":\"[scrubbed]"#),
    // Headers in messages.
    (
        "Authorization: Bearer hunter2 x",
        "Authorization: [scrubbed] x",
    ),
    (
        "proxy-authorization:basic hunter2",
        "proxy-authorization:[scrubbed]",
    ),
    (
        r#"{"headers":"Authorization: Bearer hunter2"}"#,
        r#"{"headers":"Authorization: [scrubbed]"}"#,
    ),
];

#[test]
fn secrets_are_found_in_every_form() {
    for (text, expected) in FORMS {
        let result = rest_of(text);
        assert_eq!(result, expected, "{text}");
        assert_eq!(scrubbed(expected), None, "{expected}");
    }
}

/// Texts that have the name of a credential but no value of one.
const WITHOUT_SECRETS: [&str; 33] = [
    // Placeholders of statements and templates.
    "UPDATE t SET token=$1, b=$2 WHERE id=$3",
    "UPDATE t SET token=$1,b=2",
    "SELECT 1 FROM t WHERE (token=?)",
    "SELECT 1 FROM t WHERE token = ? AND a = ?",
    "token=?1",
    "INSERT INTO t SET password=:password",
    "password = :password, name = :name",
    "password=:new_password",
    "password = @p1",
    "password=@Password",
    "password=%s",
    "password=%(password)s",
    "password={password}",
    "password={{ password }}",
    "password=${DB_PASSWORD}",
    "PGPASSWORD=$PGPASSWORD psql",
    "token=<token>",
    "password=*****",
    "password=''",
    // Nothing, and code.
    "token=None",
    "{'token': None, 'secret': True}",
    "token = null",
    "token = get_token(user)",
    "    token = self.auth.refresh(session)",
    "token= user=ada",
    "token=\nuser=ada",
    "token => x",
    // Prose.
    "error fetching token: connection refused",
    "password: must have 8 characters",
    "Unexpected token: 5",
    "cookie: none",
    "at 12:30:45 https://a.test:8080/token: not found",
    "{token: string}",
];

#[test]
fn placeholders_code_and_prose_stay() {
    for text in WITHOUT_SECRETS {
        assert_eq!(scrubbed(text), None, "{text}");
    }
}

#[test]
fn values_that_only_begin_like_a_placeholder_are_secrets() {
    for value in [
        "$2b$12$abcdefghijk",
        "?abc",
        ":hunter2x",
        "@hunter2x",
        "%secret",
        "{hunter2",
        "$1abc",
        "${HOME}abc",
        "*hunter2*",
        "None1",
        "Nonesuch",
    ] {
        assert_eq!(rest_of(&format!("a=1&token={value}")), "a=1&token=REDACTED");
    }
}

#[test]
fn calls_without_spaces_around_the_separator_are_secrets() {
    assert_eq!(rest_of("a=1&token=get_token(user)"), "a=1&token=REDACTED");
}

/// `value` as JSON, nested `depth` times as a string within other JSON.
fn within(value: &Value, depth: usize) -> String {
    (0..depth).fold(value.to_string(), |text, _| {
        json!({ "in": text }).to_string()
    })
}

#[test]
fn values_end_at_the_quote_of_their_own_depth() {
    for secret in [
        "hunter2",
        "a\"b",
        "\"",
        "\\",
        "a\\",
        "\\\"",
        "\"\\",
        "\\\\\"\"\\",
        "a\",\"b\":\"c",
        "a\nb\u{e9}",
        "{\"a\":\"b\"}",
    ] {
        for depth in 0..4 {
            let of = |secret: &Value| json!({ "a": 1, "password": secret, "b": "c" });
            let text = within(&of(&secret.into()), depth);
            let expected = within(&of(&SCRUBBED.into()), depth);
            assert_eq!(rest_of(&text), expected, "{text}");
            let in_list = within(&of(&json!([secret, { "c": secret }])), depth);
            assert_eq!(rest_of(&in_list), expected, "{in_list}");
        }
    }
}
