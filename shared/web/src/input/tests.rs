use std::collections::BTreeSet;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    name: String,
    count: Option<u64>,
    share: Option<f64>,
    colours: Option<BTreeSet<Colour>>,
    inner: Option<Inner>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
    Blue,
}

#[derive(Debug, Deserialize)]
struct Inner {
    #[serde(rename = "a/b")]
    small: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    size: Option<i64>,
    share: Option<f64>,
    text: Option<String>,
    colour: Option<Colour>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Returns the pointer and the reason. The pointer is empty for a malformed input.
fn refused<T: std::fmt::Debug>(read: Result<T, Error>) -> (String, String) {
    match read.unwrap_err() {
        Error::Malformed(words) => (String::new(), words),
        Error::InvalidFields(fields) => (fields[0].pointer.clone(), fields[0].reason.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_is_read_as_serde_would_read_it() {
    let body = br#"{"x":[{"deep":null}],"name":"\u00e9","count":7,"share":1,"inner":{"a/b":255},
        "colours":["blue","red"]}"#;
    let sent: Sent = Input::from_json(body).unwrap().read(Part::Body).unwrap();
    assert_eq!((sent.name.as_str(), sent.count), ("é", Some(7)));
    assert_eq!(sent.share, Some(1.0));
    assert_eq!(sent.inner.unwrap().small, 255);
    assert_eq!(sent.colours, Some([Colour::Red, Colour::Blue].into()));
}

#[test]
fn a_float_without_a_fraction_is_a_whole_number() {
    let count = |number: &str| {
        let body = format!(r#"{{"name":"","count":{number}}}"#);
        let sent: Sent = Input::from_json(body.as_bytes())?.read(Part::Body)?;
        Ok::<_, Error>(sent.count)
    };
    for (number, expected) in [
        ("7.0", 7),
        ("7e2", 700),
        ("-0.0", 0),
        ("1e15", 10_u64.pow(15)),
    ] {
        assert_eq!(count(number).unwrap(), Some(expected), "{number}");
    }
    for number in ["7.5", "-7.0", "1e16", "1e300"] {
        let (pointer, reason) = refused(count(number));
        let expected = "expected a whole number, 0 or more";
        assert_eq!(
            (pointer.as_str(), reason.as_str()),
            ("/count", expected),
            "{number}"
        );
    }
}

#[test]
fn errors_in_a_body_say_what_is_expected_and_never_quote_a_value() {
    for (body, pointer, reason) in [
        (r#"{"name":7777}"#, "/name", "expected a string"),
        (r#"{"name":null}"#, "/name", "expected a string"),
        (
            r#"{"name":"","count":-7777}"#,
            "/count",
            "expected a whole number, 0 or more",
        ),
        (
            r#"{"name":"","count":"7777"}"#,
            "/count",
            "expected a whole number, 0 or more",
        ),
        (
            r#"{"name":"","count":7777.5}"#,
            "/count",
            "expected a whole number, 0 or more",
        ),
        (
            r#"{"name":"","share":"7777"}"#,
            "/share",
            "expected a number",
        ),
        (
            r#"{"name":"","colours":"7777"}"#,
            "/colours",
            "expected an array",
        ),
        (
            r#"{"name":"","colours":["red","7777"]}"#,
            "/colours/1",
            "must be red, green or blue",
        ),
        (
            r#"{"name":"","colours":[7777]}"#,
            "/colours/0",
            "must be red, green or blue",
        ),
        (
            r#"{"name":"","inner":[7777]}"#,
            "/inner",
            "expected an object",
        ),
        (
            r#"{"name":"","inner":{"a/b":7777}}"#,
            "/inner/a~1b",
            "expected a whole number from 0 to 255",
        ),
        (r#"{"name":"","inner":{}}"#, "/inner", "must have `a/b`"),
        (r#"{"count":7777}"#, "", "the body must have `name`"),
        (
            r#"{"name":"7777","name":"7777"}"#,
            "",
            "the body has `name` twice",
        ),
        (r#"["7777"]"#, "", "the body must be a JSON object"),
    ] {
        let read =
            Input::from_json(body.as_bytes()).and_then(|input| input.read::<Sent>(Part::Body));
        assert_eq!(
            refused(read),
            (pointer.to_owned(), reason.to_owned()),
            "{body}"
        );
    }
    let unread = Input::from_json(br#"{"name":"7777"#).map(|_| ());
    let (_, words) = refused(unread);
    assert!(
        words.starts_with("the body is not JSON: ") && !words.contains("7777"),
        "{words}"
    );
}

#[test]
fn a_query_has_texts_and_numbers() {
    let query = "size=-3&share=.5&text=a+b%26%C3%A9&colour=green";
    let asked: Asked = Input::from_query(query).read(Part::Query).unwrap();
    assert_eq!((asked.size, asked.share), (Some(-3), Some(0.5)));
    assert_eq!(asked.text.as_deref(), Some("a b&é"));
    assert_eq!(asked.colour, Some(Colour::Green));
    let digits: Asked = Input::from_query("text=42").read(Part::Query).unwrap();
    assert_eq!(
        digits.text.as_deref(),
        Some("42"),
        "digits are not turned into a number"
    );
}

#[test]
fn errors_in_a_query_say_what_is_expected_and_never_quote_a_value() {
    for (query, pointer, reason) in [
        ("size=7777x", "/size", "expected a whole number"),
        ("size=", "/size", "expected a whole number"),
        ("size=7777.5", "/size", "expected a whole number"),
        ("share=7777x", "/share", "expected a number"),
        ("colour=7777", "/colour", "must be red, green or blue"),
        ("size=1&sise=7777", "/sise", "is not known here"),
        ("a%2Fb=7777", "/a~1b", "is not known here"),
        ("text=7777&text=7777", "", "the query has `text` twice"),
        ("size=7777&text=&size=7", "", "the query has `size` twice"),
        ("colour=red&colour=7777", "", "the query has `colour` twice"),
        ("sise=7777&sise=7777", "/sise", "is not known here"),
    ] {
        let read = Input::from_query(query).read::<Asked>(Part::Query);
        assert_eq!(
            refused(read),
            (pointer.to_owned(), reason.to_owned()),
            "{query}"
        );
    }
}

#[test]
fn a_parameter_that_takes_several_values_may_be_given_any_number_of_times() {
    for (query, tags) in [
        ("", &[][..]),
        ("tags=a", &["a"]),
        ("tags=b&size=1&tags=a&tags=", &["b", "a", ""]),
    ] {
        let asked: Asked = Input::from_query(query).read(Part::Query).unwrap();
        assert_eq!(asked.tags, tags, "{query}");
    }
}
