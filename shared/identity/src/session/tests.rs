use std::collections::BTreeSet;

use upblit_base::ids::UserId;
use upblit_base::random;

use super::*;

const SECOND: i64 = 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * SECOND;

const POLICY: SessionPolicy = SessionPolicy {
    idle_ttl: Duration::from_secs(14 * 24 * 60 * 60),
    absolute_ttl: Duration::from_secs(90 * 24 * 60 * 60),
    grace: DEFAULT_GRACE,
    reuse: ReusePolicy::Recover,
};

/// Returns the time this many milliseconds after the sign-in.
fn at(millis: i64) -> Timestamp {
    clock::from_millis(1_750_000_000_000 + millis)
}

fn opened() -> Session {
    let user_id = UserId::new(1).unwrap();
    let profile = Profile {
        user_id,
        login: "ada".to_owned(),
        name: "Ada".to_owned(),
        avatar: String::new(),
        email: "ada@example.test".to_owned(),
    };
    let first = RefreshToken::first(user_id, &mut random::rng());
    Session::open(&first, profile, "Browser/1.0".to_owned(), &POLICY, at(0))
}

fn challenge() -> CodeChallenge {
    CodeChallenge::try_from("A".repeat(43)).unwrap()
}

#[test]
fn an_unknown_reuse_policy_is_refused() {
    let env = |policy| Env::from_pairs([("REFRESH_REUSE_POLICY", policy)]);
    assert!(SessionPolicy::from_env(&env("lenient")).is_err());
    let strict = SessionPolicy::from_env(&env("strict")).unwrap();
    assert_eq!(strict.reuse, ReusePolicy::Strict);
}

#[test]
fn a_grace_below_20_seconds_is_refused_except_on_this_machine() {
    let grace = |grace, public_url| {
        let env = Env::from_pairs([("REFRESH_GRACE", grace), ("PUBLIC_URL", public_url)]);
        SessionPolicy::from_env(&env).map(|policy| policy.grace)
    };
    assert_eq!(grace("", "").unwrap(), Duration::from_secs(45));
    assert!(grace("19", "").is_err() && grace("0", "https://api.test").is_err());
    assert!(grace("20", "https://api.test").is_ok());
    for public_url in [
        "http://127.0.0.1:9000",
        "http://localhost:9000",
        "http://[::1]:9",
    ] {
        assert_eq!(grace("1", public_url).unwrap(), Duration::from_secs(1));
    }
    assert!(grace("301", "http://127.0.0.1:9000").is_err());
}

#[test]
fn a_session_ends_at_the_exact_moment_for_every_token() {
    let (idle, mut absolute) = (opened(), opened());
    absolute.idle_expires_at = at(100 * DAY_MS);
    for (session, end) in [(idle, 14 * DAY_MS), (absolute, 90 * DAY_MS)] {
        for counter in [0, 1, 2] {
            let is_over = |when| session.decide(counter, &POLICY, at(when)).is_none();
            let around = [end - SECOND, end - 1, end, end + SECOND];
            assert_eq!(
                around.map(is_over),
                [false, false, true, true],
                "token {counter}"
            );
        }
    }
}

#[test]
fn a_revoked_session_serves_no_token_not_even_within_the_grace() {
    let mut session = opened();
    session.counters = session.counters.moved(1, at(0)).moved(2, at(0));
    session.revoked = true;
    for counter in 0..5 {
        assert_eq!(
            session.decide(counter, &POLICY, at(0)),
            None,
            "token {counter}"
        );
    }
}

#[test]
fn a_session_that_awaits_its_code_has_no_token_and_ends_with_the_code() {
    let session = opened().awaiting(challenge());
    assert_eq!(
        session.decide(1, &POLICY, at(0)),
        Some(Decision::Impossible)
    );
    assert!(session.is_live(at(59_999)) && !session.is_live(at(60_000)));
    assert!(!session.serves_code_again(&challenge(), at(0)));
}

#[test]
fn a_redeemed_code_is_served_again_for_a_minute_and_only_to_the_right_verifier() {
    let mut session = opened();
    session.code_challenge = Some(challenge());
    let other = CodeChallenge::try_from("B".repeat(42) + "A").unwrap();
    assert!(session.serves_code_again(&challenge(), at(59_999)));
    assert!(!session.serves_code_again(&challenge(), at(60_000)));
    assert!(!session.serves_code_again(&other, at(1)));
    session.revoked = true;
    assert!(!session.serves_code_again(&challenge(), at(1)));
}

#[test]
fn opened_redeemed_rotated_and_recovered_sessions_are_possible() {
    let by = ClientMark::from_bytes([1; ClientMark::BYTES]);
    let later = |n: i64| at(n * 60 * SECOND);
    let rotated = opened().moved(1, by, &POLICY, later(1));
    let recovered = rotated.clone().moved(1, by, &POLICY, later(2));
    let redeemed = Session {
        counters: Counters::open(1, later(0)),
        idle_expires_at: at(14 * DAY_MS),
        ..opened().awaiting(challenge())
    };
    let mut bound = redeemed.clone().moved(1, by, &POLICY, later(1));
    for minute in 2..5 {
        bound = bound.moved(1, by, &POLICY, later(minute));
    }
    let revoked = Session {
        revoked: true,
        ..rotated.clone()
    };
    let unredeemed = opened().awaiting(challenge());
    for session in [
        opened(),
        unredeemed,
        redeemed,
        rotated,
        recovered,
        bound,
        revoked,
    ] {
        assert_eq!(session.impossibility(), None, "{session:?}");
    }
}

#[test]
fn each_impossible_state_is_recognized() {
    let with = |current, previous, retired| Session {
        counters: Counters {
            current,
            previous,
            retired,
            moved_at: at(0),
        },
        ..opened()
    };
    let bound = |session| Session {
        code_challenge: Some(challenge()),
        ..session
    };
    let unused = |last_used, idle, absolute| Session {
        last_used_at: at(last_used),
        idle_expires_at: at(idle),
        absolute_expires_at: at(absolute),
        ..opened()
    };
    let all: BTreeSet<_> = [
        with(0, 0, 0),
        with(2, 0, 0),
        with(2, 2, 0),
        with(3, 1, 2),
        bound(with(6, 1, 0)),
        unused(1, DAY_MS, DAY_MS),
        unused(0, 0, DAY_MS),
        unused(0, DAY_MS, 0),
    ]
    .map(|session| session.impossibility().unwrap())
    .into();
    assert_eq!(all.len(), 8, "{all:?}");
}
