use proptest::prelude::*;

use super::*;
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, KeyId};

/// Keys whose checksums were computed with zlib's `crc32`, as secret scanners compute them.
const LIVE: &str = "upblit_live_L3nD0aQxZ7bK1tYv9RwmX4cP8sUeH2jG6kBfN0dT5iWqL1oA7rV4DcNwM";
const TEST: &str = "upblit_test_T3nD0aQxZ7bK1tYv9RwmX4cP8sUeH2jG6kBfN0dT5iWqL1oA7rV1BJxqF";

/// Characters that a key could contain by mistake, of each class.
const OTHERS: [char; 22] = [
    '0', '5', '9', 'A', 'O', 'Z', 'a', 'l', 'z', '-', '_', '+', '/', ',', ' ', '\n', '\0',
    '\u{7f}', 'é', 'А', 'Ａ', '\u{200b}',
];

fn is_key(text: &str) -> bool {
    ApiKey::parse(text).is_some()
}

fn generate(environment: Environment) -> ApiKey {
    let rng = &mut random::rng();
    let id = PublicKeyId {
        application_id: ApplicationId::generate(environment, rng),
        key_id: KeyId::generate(rng),
    };
    ApiKey::generate(id, rng)
}

/// Returns [`LIVE`] with another character at `position`.
fn substituted(position: usize, other: char) -> String {
    let char_at = |(at, char)| if at == position { other } else { char };
    LIVE.chars().enumerate().map(char_at).collect()
}

fn at(seconds: i64) -> Timestamp {
    clock::from_millis(1_750_000_000_000 + seconds * 1_000)
}

fn record(key: &ApiKey) -> KeyRecord {
    KeyRecord {
        id: key.id(),
        name: Name::try_from("Web".to_owned()).unwrap(),
        hint: key.hint(),
        hash: key.hash(),
        previous: None,
        scopes: Scope::DEFAULT.to_vec(),
        state: KeyState::Active,
        created_by: UserId::new(1).unwrap(),
        created_at: at(0),
        expires_at: None,
    }
}

#[test]
fn valid_keys_are_parsed() {
    for (text, prefix) in [(LIVE, LIVE_PREFIX), (TEST, TEST_PREFIX)] {
        let key = ApiKey::parse(text).unwrap();
        assert_eq!(key.expose(), text);
        assert_eq!(key.id().to_string(), text[12..31]);
        assert_eq!(key.hint(), format!("{prefix}…{}", &text[65..]));
    }
}

#[test]
fn a_new_key_has_its_prefix_57_base62_characters_and_its_id() {
    for (environment, prefix) in [
        (Environment::Production, "upblit_live_"),
        (Environment::Staging, "upblit_test_"),
        (Environment::Development, "upblit_test_"),
        (Environment::Test, "upblit_test_"),
    ] {
        let key = generate(environment);
        let rest = key.expose().strip_prefix(prefix).unwrap();
        assert_eq!(rest.len(), 57);
        assert!(rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(rest.starts_with(&key.id().to_string()));
        let parsed = ApiKey::parse(key.expose()).unwrap();
        assert!(parsed.hash() == key.hash() && parsed.id() == key.id());
    }
}

#[test]
fn two_keys_with_the_same_id_have_different_secrets() {
    let id = generate(Environment::Production).id();
    let [one, two] = [(); 2].map(|()| ApiKey::generate(id, &mut random::rng()));
    assert_ne!(one.expose(), two.expose());
    assert!(one.hash() != two.hash());
}

#[test]
fn a_key_with_any_wrong_character_in_its_checksum_is_refused() {
    for position in LIVE.len() - 6..LIVE.len() {
        for other in (0..=127).map(char::from) {
            let text = substituted(position, other);
            assert_eq!(is_key(&text), text == LIVE, "{text:?}");
        }
    }
}

#[test]
fn one_changed_character_anywhere_is_refused() {
    for position in 0..LIVE.len() {
        for other in OTHERS {
            let text = substituted(position, other);
            assert_eq!(is_key(&text), text == LIVE, "{text:?}");
        }
    }
}

#[test]
fn swapped_adjacent_characters_are_refused() {
    for position in 1..LIVE.len() {
        let mut chars: Vec<char> = LIVE.chars().collect();
        chars.swap(position - 1, position);
        let text = String::from_iter(chars);
        assert_eq!(is_key(&text), text == LIVE, "{text}");
    }
}

#[test]
fn a_key_with_a_missing_or_added_character_is_refused() {
    for position in 0..LIVE.len() {
        let (before, after) = LIVE.split_at(position);
        assert!(!is_key(&format!("{before}{}", &after[1..])), "{position}");
        for other in OTHERS {
            assert!(!is_key(&format!("{before}{other}{after}")), "{position}");
        }
    }
}

#[test]
fn a_bare_prefix_another_case_or_another_kind_of_token_is_refused() {
    let rest = &LIVE[LIVE_PREFIX.len()..];
    for prefix in [
        "",
        "live_",
        "upblit_",
        "UPBLIT_LIVE_",
        "Upblit_live_",
        "upblit-live-",
        "upblit_Live_",
        "upblit_prod_",
        TEST_PREFIX,
        "upblit_live__",
        "sk_live_",
        " upblit_live_",
        "upblit_live_upblit_live_",
    ] {
        assert!(
            !is_key(prefix) && !is_key(&format!("{prefix}{rest}")),
            "{prefix}"
        );
    }
    let whole = [
        LIVE_PREFIX.to_owned(),
        LIVE.to_uppercase(),
        LIVE.to_lowercase(),
        format!("{LIVE}{LIVE}"),
        format!("{LIVE},{TEST}"),
        format!("Bearer {LIVE}"),
        format!("\"{LIVE}\""),
        format!("{LIVE}\n"),
    ];
    for text in whole {
        assert!(!is_key(&text), "{text:?}");
    }
}

#[test]
fn a_prefix_of_another_environment_is_refused_despite_a_valid_checksum() {
    let secret = "mX4cP8sUeH2jG6kBfN0dT5iWqL1oA7rV";
    for id in ["T3nD0aQxZ7bK1tYv9Rw", "X3nD0aQxZ7bK1tYv9Rw"] {
        let unsigned = format!("{LIVE_PREFIX}{id}{secret}");
        assert!(!is_key(&format!("{unsigned}{}", checksum_of(&unsigned))));
    }
    let unsigned = format!("{TEST_PREFIX}L3nD0aQxZ7bK1tYv9Rw{secret}");
    assert!(!is_key(&format!("{unsigned}{}", checksum_of(&unsigned))));
}

#[test]
fn look_alike_characters_are_refused_despite_a_valid_checksum() {
    let secret = "mX4cP8sUeH2jG6kBfN0dT5iWqL1oA7rV";
    // Cyrillic, full-width, accented, zero-width and combining characters, which replace as many
    // bytes as they have, or are appended.
    for other in ["А", "ａ", "é", "\u{200b}", "\u{200d}", "e\u{301}", "\u{ad}"] {
        for unsigned in [
            format!(
                "{LIVE_PREFIX}L3nD0aQxZ7bK1tYv9Rw{other}{}",
                &secret[other.len()..]
            ),
            format!(
                "{LIVE_PREFIX}L3nD0aQxZ7{other}{}{secret}",
                &"bK1tYv9Rw"[other.len()..]
            ),
            format!("{LIVE_PREFIX}L3nD0aQxZ7bK1tYv9Rw{secret}{other}"),
        ] {
            assert!(
                !is_key(&format!("{unsigned}{}", checksum_of(&unsigned))),
                "{unsigned}"
            );
        }
    }
}

#[test]
fn the_hash_covers_the_whole_key() {
    let hash: [u8; 32] = Sha256::digest(LIVE).into();
    let stored = KeyHash::from_bytes(hash);
    let key = ApiKey::parse(LIVE).unwrap();
    assert!(key.hash() == stored);
    assert_eq!(key.hash().as_bytes(), &hash);
}

#[test]
fn debug_output_has_no_hash() {
    let key = ApiKey::parse(LIVE).unwrap();
    let mut record = record(&key);
    record.previous = Some(PreviousSecret {
        hash: ApiKey::parse(TEST).unwrap().hash(),
        hint: key.hint(),
        valid_until: at(0),
    });
    let shown = format!("{record:?} {:#?}", key.hash());
    assert!(shown.contains("KeyHash(…)"));
    for bytes in [key.hash(), record.previous.unwrap().hash] {
        let listed = format!("{:?}", bytes.as_bytes());
        assert!(!shown.contains(listed.trim_matches(['[', ']'])));
        assert!(!shown.contains(&format!("{}, {}", bytes.0[0], bytes.0[1])));
    }
    assert!(!shown.contains(&LIVE[31..63]));
}

#[test]
fn the_status_of_a_key_is_disclosed_only_to_holders_of_its_secret() {
    use KeyState::{Active, Disabled, Revoked};
    let key = generate(Environment::Production);
    let guess = ApiKey::generate(key.id(), &mut random::rng());
    let traces = Scope::IngestTraces;
    let logs = Scope::IngestLogs;
    let lacking = Err(KeyRefusal::MissingScope(traces));
    #[rustfmt::skip]
    let table = [
        // state,  expires, scopes,               at,  result
        (Active,   None,    vec![traces, logs],   0,   Ok(())),
        (Active,   None,    vec![traces],         0,   Ok(())),
        (Active,   None,    vec![logs],           0,   lacking),
        (Active,   None,    vec![],               0,   lacking),
        (Active,   Some(9), vec![traces],         8,   Ok(())),
        (Active,   Some(9), vec![traces],         9,   Err(KeyRefusal::Expired)),
        (Active,   Some(9), vec![],               9,   Err(KeyRefusal::Expired)),
        (Disabled, None,    vec![traces],         0,   Err(KeyRefusal::Disabled)),
        (Disabled, None,    vec![],               0,   Err(KeyRefusal::Disabled)),
        (Disabled, Some(9), vec![traces],         9,   Err(KeyRefusal::Expired)),
        (Revoked,  None,    vec![traces],         0,   Err(KeyRefusal::Revoked)),
        (Revoked,  Some(9), vec![],               9,   Err(KeyRefusal::Revoked)),
    ];
    for (state, expires, scopes, seconds, expected) in table {
        let mut record = record(&key);
        record.state = state;
        record.scopes = scopes;
        record.expires_at = expires.map(at);
        let authorize = |hash| record.authorize(&hash, traces, at(seconds));
        assert_eq!(authorize(key.hash()), expected, "{record:?} at {seconds}");
        assert_eq!(
            authorize(guess.hash()),
            Err(KeyRefusal::Invalid),
            "{record:?} at {seconds}"
        );
    }
}

#[test]
fn the_secret_before_a_rotation_is_accepted_until_the_overlap_ends() {
    let old = generate(Environment::Production);
    let [new, older] = [(); 2].map(|()| ApiKey::generate(old.id(), &mut random::rng()));
    let mut record = record(&new);
    record.previous = Some(PreviousSecret {
        hash: old.hash(),
        hint: old.hint(),
        valid_until: at(60),
    });
    let authorize = |record: &KeyRecord, key: &ApiKey, seconds| {
        record.authorize(&key.hash(), Scope::IngestLogs, at(seconds))
    };
    for (seconds, overlaps) in [(0, true), (59, true), (60, false), (61, false)] {
        let expected = if overlaps {
            Ok(())
        } else {
            Err(KeyRefusal::Invalid)
        };
        assert_eq!(record.overlaps(at(seconds)), overlaps, "{seconds}");
        assert_eq!(authorize(&record, &new, seconds), Ok(()), "{seconds}");
        assert_eq!(authorize(&record, &old, seconds), expected, "{seconds}");
        assert_eq!(
            authorize(&record, &older, seconds),
            Err(KeyRefusal::Invalid),
            "{seconds}"
        );
    }
    record.state = KeyState::Revoked;
    assert_eq!(authorize(&record, &old, 0), Err(KeyRefusal::Revoked));
    assert_eq!(authorize(&record, &old, 60), Err(KeyRefusal::Invalid));
}

proptest! {
    #[test]
    fn the_parser_never_panics(text in any::<String>()) {
        prop_assert!(!is_key(&text));
    }

    #[test]
    fn the_parser_never_panics_behind_a_prefix(
        text in "upblit_(live|test)_([LSDT][0-9A-Za-z]{40,60}|.{50,60}|[ -~é]{57})",
    ) {
        // One in 2^32 has the correct checksum by chance.
        prop_assert!(ApiKey::parse(&text).is_none_or(|key| key.expose() == text));
    }

    #[test]
    fn a_truncated_key_is_refused(from in 0..LIVE.len(), to in 0..LIVE.len()) {
        prop_assert!(!is_key(LIVE.get(from..to).unwrap_or_default()));
    }
}
