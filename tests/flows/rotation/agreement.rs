//! The condition of the write in storage holds exactly where the pure decision is to move the session.
//! Random sessions are tried.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use shared::base::clock;
use shared::identity::refresh_token::RefreshToken;
use shared::identity::session::{ClientMark, Counters, Decision, Move, ReusePolicy, SessionPolicy};
use shared::identity::signing::SigningKeys;
use shared::store::refresh_tokens::RefreshOutcome;

use crate::refresh::{put, row};
use crate::support::backend::JWT_SECRET;
use crate::support::callers::GRACE_SECONDS;
use crate::support::{Backend, SignedIn};

type Row = HashMap<String, AttributeValue>;

fn keys() -> SigningKeys {
    SigningKeys::new(&JWT_SECRET.to_owned().into(), None).unwrap()
}

fn token(user: &SignedIn) -> RefreshToken {
    RefreshToken::parse(&user.refresh_token, &keys()).unwrap()
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A stored session, the counter that is presented to it, and when.
#[derive(Debug, Clone)]
struct Case {
    counters: (u32, u32, u32),
    age: i64,
    is_bound: bool,
    is_revoked: bool,
    presented: u32,
    reuse: ReusePolicy,
}

fn any_case() -> impl Strategy<Value = Case> {
    const GRACE_MS: i64 = GRACE_SECONDS as i64 * 1_000;
    let current = prop_oneof![0..8_u32, u32::MAX - 4..=u32::MAX];
    let ages = select(&[-1, 0, GRACE_MS - 1, GRACE_MS, GRACE_MS + 1, 10 * GRACE_MS]);
    let reuse = select(&[ReusePolicy::Recover, ReusePolicy::Strict]);
    let parts = (
        current,
        0..6_u32,
        0..6_u32,
        -5..=2_i64,
        ages,
        any::<bool>(),
        0..8_u8,
        reuse,
    );
    parts.prop_map(
        |(current, back, further, ahead, age, is_bound, revoked, reuse)| {
            let previous = current.saturating_sub(back);
            let presented = (i64::from(current) + ahead).clamp(0, u32::MAX.into());
            Case {
                counters: (current, previous, previous.saturating_sub(further)),
                age,
                is_bound,
                is_revoked: revoked == 0,
                presented: presented.try_into().unwrap(),
                reuse,
            }
        },
    )
}

impl Case {
    fn row(&self, sound: &Row, moved_at: Timestamp) -> Row {
        let mut row = sound.clone();
        let (current, previous, retired) = self.counters;
        row.extend([
            ("current_counter".to_owned(), number(current)),
            ("previous_counter".to_owned(), number(previous)),
            ("retired_counter".to_owned(), number(retired)),
            ("moved_ms".to_owned(), number(moved_at.as_millisecond())),
            ("revoked".to_owned(), AttributeValue::Bool(self.is_revoked)),
        ]);
        if self.is_bound {
            row.insert(
                "code_challenge".to_owned(),
                AttributeValue::S("A".repeat(43)),
            );
        }
        row
    }
}

#[test]
fn the_condition_of_the_write_and_the_decision_agree() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (backend, ada, sound) = runtime.block_on(async {
        let backend = Backend::start().await;
        let ada = backend.sign_in("ada").await;
        let sound = row(&backend).await;
        (backend, ada, sound)
    });
    let mut runner = TestRunner::new(Config::with_cases(400));
    let outcome = runner.run(&any_case(), |case| {
        runtime.block_on(agrees(&backend, &ada, &sound, &case));
        Ok(())
    });
    outcome.unwrap();
}

async fn agrees(backend: &Backend, ada: &SignedIn, sound: &Row, case: &Case) {
    let moved_at = backend.clock.now();
    let now = clock::from_millis(moved_at.as_millisecond() + case.age);
    let policy = SessionPolicy {
        idle_ttl: Duration::from_secs(1_000),
        absolute_ttl: Duration::from_secs(2_000),
        grace: Duration::from_secs(GRACE_SECONDS),
        reuse: case.reuse,
    };
    let (current, previous, retired) = case.counters;
    let before = Counters {
        current,
        previous,
        retired,
        moved_at,
    };
    let old = case.row(sound, moved_at);
    put(backend, old.clone()).await;

    let presented = token(ada).with_counter(case.presented);
    let by = ClientMark::from_bytes([7; 8]);
    let outcome = backend.database.refresh(&presented, by, &policy, now).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
    let calls = backend.calls.take();
    assert_eq!(calls.len(), usize::from(case.presented != 0), "{case:?}");

    let decision = before.decide(case.presented, case.is_bound, &policy, now);
    let after = row(backend).await;
    if let (
        RefreshOutcome::Moved {
            session,
            before: was,
            why,
        },
        false,
    ) = (&outcome, case.is_revoked)
    {
        assert_eq!(decision, Decision::Move(*why), "{case:?}");
        let moved = before.moved(case.presented, now);
        assert_eq!((session.counters, *was), (moved, before), "{case:?}");
        let stored = [
            "current_counter",
            "previous_counter",
            "retired_counter",
            "moved_ms",
        ];
        let stored = stored.map(|name| after[name].clone());
        let expected = [
            number(moved.current),
            number(moved.previous),
            number(moved.retired),
            number(now.as_millisecond()),
        ];
        assert_eq!(stored, expected, "{case:?}");
        assert_eq!(why == &Move::Rotation, case.presented == current);
        return;
    }
    assert_eq!(after, old, "{case:?}");
    match outcome {
        RefreshOutcome::Refused => assert!(case.is_revoked || case.presented == 0, "{case:?}"),
        _ if case.is_revoked => panic!("{case:?}: {outcome:?}"),
        RefreshOutcome::ServedAgain(_) => assert_eq!(decision, Decision::ServeAgain, "{case:?}"),
        RefreshOutcome::Impossible => assert_eq!(decision, Decision::Impossible, "{case:?}"),
        RefreshOutcome::Reused => assert_eq!(decision, Decision::End, "{case:?}"),
        RefreshOutcome::Moved { .. } => panic!("{case:?}: moved"),
    }
}
