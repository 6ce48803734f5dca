use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;

/// The sample request in GitHub's documentation, and the key that signed it, from
/// `https://api.github.com/meta/public_keys/secret_scanning`.
const IDENTIFIER: &str = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c";
const SIGNATURE: &str = "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==";
const BODY: &[u8] = br#"[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]"#;
const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n";

fn published(keys: Value) -> Option<PublicKeys> {
    PublicKeys::parse(json!({ "public_keys": keys }).to_string().as_bytes())
}

fn github() -> PublicKeys {
    published(json!([{ "key_identifier": IDENTIFIER, "key": KEY, "is_current": true }])).unwrap()
}

fn signature(text: &str) -> Signature {
    Signature::parse(IDENTIFIER, text).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

#[test]
fn the_sample_in_githubs_documentation_verifies() {
    let keys = github();
    assert!(keys.contains(IDENTIFIER));
    assert!(keys.verify(&signature(SIGNATURE), BODY));
}

#[test]
fn another_body_signature_or_key_does_not_verify() {
    let keys = github();
    let with_newline = [BODY, b"\n"].concat();
    for body in [&BODY[1..], &with_newline, b""] {
        assert!(!keys.verify(&signature(SIGNATURE), body));
    }
    let flipped = SIGNATURE.replace("Xt9f", "Xt9g");
    for text in ["", "AAAA", &flipped, &STANDARD.encode([0; 64])] {
        assert!(!keys.verify(&signature(text), BODY), "{text}");
    }
    let elsewhere = Signature::parse("another", SIGNATURE).unwrap();
    assert!(!keys.verify(&elsewhere, BODY));
    assert!(!PublicKeys::default().verify(&signature(SIGNATURE), BODY));
}

#[test]
fn a_signature_that_is_not_base64_is_refused() {
    for text in ["§", "MEQ", "MEQCIQ==\n", "MEQC IQ=="] {
        assert_eq!(Signature::parse(IDENTIFIER, text), None, "{text}");
    }
}

#[test]
fn retired_keys_and_keys_of_another_type_are_skipped() {
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let p384 = p384.public_key().as_der().unwrap();
    let body = KEY.replace("PUBLIC KEY", "CERTIFICATE");
    let cut = KEY.replace("MFkw", "");
    let others = [
        (KEY, false),
        (&pem("PUBLIC KEY", p384.as_ref()), true),
        (&pem("PUBLIC KEY", b"\x30\x00"), true),
        (&body, true),
        (&cut, true),
        ("", true),
    ];
    for (key, is_current) in others {
        let key = json!({ "key_identifier": "x", "key": key, "is_current": is_current });
        assert!(published(json!([key])).is_none(), "{key}");
        let good = json!({ "key_identifier": IDENTIFIER, "key": KEY, "is_current": true });
        let keys = published(json!([key, good])).unwrap();
        assert!(!keys.contains("x") && keys.contains(IDENTIFIER));
    }
    for text in ["", "[]", "{}", r#"{"public_keys":{}}"#, "<html>"] {
        assert!(PublicKeys::parse(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn a_body_signed_with_the_same_algorithm_verifies() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let der = pair.public_key().as_der().unwrap();
    let key = pem("PUBLIC KEY", der.as_ref());
    let keys = json!([{ "key_identifier": IDENTIFIER, "key": key, "is_current": true }]);
    let signed = pair.sign(&SystemRandom::new(), BODY).unwrap();
    let signed = signature(&STANDARD.encode(signed.as_ref()));
    assert!(published(keys).unwrap().verify(&signed, BODY));
    assert!(!github().verify(&signed, BODY));
}

#[test]
fn malformed_elements_of_a_report_are_skipped() {
    let report = br#"[{"token":"a","type":"t","url":"","source":"commit"}, 1, null, [],
        {"token":1,"type":"t"}, {"type":"t"}, {"token":"b","type":"t","new":{"x":[1]}}]"#;
    let tokens: Vec<_> = findings(report)
        .unwrap()
        .iter()
        .map(|finding| finding.token.expose_secret().to_owned())
        .collect();
    assert_eq!(tokens, ["a", "b"]);
    assert!(findings(b"[]").unwrap().is_empty());
}

#[test]
fn a_report_that_is_not_an_array_is_refused() {
    let deep = "[".repeat(100_000);
    let cases: [&[u8]; 6] = [b"", b"{}", b"\"x\"", b"[1", b"[\xff]", deep.as_bytes()];
    for report in cases {
        assert_eq!(findings(report).err(), Some(NotAnArray));
    }
}

#[test]
fn debug_output_of_a_finding_does_not_have_the_token() {
    let found = findings(br#"[{"token":"hunter2","type":"t"}]"#).unwrap();
    assert!(!format!("{found:?}").contains("hunter2"));
}
