use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const SECOND: i64 = 1_000;
const GRACE: i64 = 45 * SECOND;
const MAX: u32 = u32::MAX;

fn policy(reuse: ReusePolicy) -> SessionPolicy {
    SessionPolicy {
        idle_ttl: Duration::from_secs(1),
        absolute_ttl: Duration::from_secs(1),
        grace: Duration::from_secs(45),
        reuse,
    }
}

/// Returns the time this many milliseconds after the last move.
fn at(millis: i64) -> Timestamp {
    clock::from_millis(1_750_000_000_000 + millis)
}

fn counters(current: u32, previous: u32, retired: u32) -> Counters {
    Counters {
        current,
        previous,
        retired,
        moved_at: at(0),
    }
}

#[test]
fn each_token_gets_the_decision_in_the_table() {
    use Decision::{End, Impossible, ServeAgain};
    const ROTATE: Decision = Decision::Move(Move::Rotation);
    const RECOVER: Decision = Decision::Move(Move::Recovery);
    const LATER: i64 = GRACE + 1;
    let opened = counters(1, 0, 0);
    let rotated = counters(2, 1, 0);
    let recovered = counters(3, 1, 1);
    let twice = counters(3, 2, 1);
    // Under a challenge, three recoveries of token 1 in a row.
    let used_up = counters(5, 1, 1);
    let last = counters(MAX, MAX - 1, MAX - 2);
    #[rustfmt::skip]
    let table = [
        // session,   presented, when,        recover,    strict,     recover under a challenge
        (opened,      1,         0,           ServeAgain, ServeAgain, ServeAgain),
        (opened,      1,         GRACE,       ServeAgain, ServeAgain, ServeAgain),
        (opened,      1,         LATER,       ROTATE,     ROTATE,     ROTATE),
        (opened,      0,         0,           End,        End,        End),
        (opened,      0,         LATER,       End,        End,        End),
        (opened,      2,         0,           Impossible, Impossible, Impossible),
        (rotated,     1,         -10 * GRACE, ServeAgain, ServeAgain, ServeAgain),
        (rotated,     1,         GRACE,       ServeAgain, ServeAgain, ServeAgain),
        (rotated,     1,         LATER,       RECOVER,    End,        RECOVER),
        (rotated,     2,         0,           ServeAgain, ServeAgain, ServeAgain),
        (rotated,     2,         LATER,       ROTATE,     ROTATE,     ROTATE),
        // The token that a recovery skipped.
        (recovered,   2,         GRACE,       ServeAgain, ServeAgain, ServeAgain),
        (recovered,   2,         LATER,       End,        End,        End),
        (recovered,   1,         LATER,       RECOVER,    End,        RECOVER),
        // The previous token that a move replaced.
        (twice,       1,         GRACE,       ServeAgain, ServeAgain, ServeAgain),
        (twice,       1,         LATER,       End,        End,        End),
        (used_up,     1,         GRACE,       ServeAgain, ServeAgain, ServeAgain),
        (used_up,     1,         LATER,       RECOVER,    End,        End),
        (used_up,     3,         0,           End,        End,        End),
        (used_up,     6,         LATER,       Impossible, Impossible, Impossible),
        (last,        MAX,       0,           ServeAgain, ServeAgain, ServeAgain),
        (last,        MAX,       LATER,       Impossible, Impossible, Impossible),
        (last,        MAX - 1,   LATER,       Impossible, Impossible, Impossible),
    ];
    for (session, presented, when, recover, strict, bound) in table {
        let decide =
            |reuse, is_bound| session.decide(presented, is_bound, &policy(reuse), at(when));
        assert_eq!(
            (
                decide(ReusePolicy::Recover, false),
                decide(ReusePolicy::Strict, false),
                decide(ReusePolicy::Recover, true),
            ),
            (recover, strict, bound),
            "token {presented} of {session:?} after {when} ms"
        );
    }
}

#[test]
fn a_session_under_a_challenge_recovers_three_times_in_a_row() {
    let mut session = counters(1, 0, 0);
    let mut time = 0;
    let mut recoveries = 0;
    loop {
        time += GRACE + 1;
        match session.decide(1, true, &policy(ReusePolicy::Recover), at(time)) {
            Decision::Move(why) => {
                recoveries += u32::from(why == Move::Recovery);
                session = session.moved(1, at(time));
            }
            decision => {
                assert_eq!(decision, Decision::End);
                break;
            }
        }
    }
    assert_eq!(recoveries, MAX_RECOVERIES);
}

#[test]
fn a_recovery_shows_in_the_counters() {
    let rotated = counters(1, 0, 0).moved(1, at(0));
    assert!(!counters(1, 0, 0).has_recovered() && !rotated.has_recovered());
    assert!(rotated.moved(1, at(0)).has_recovered());
}

#[test]
fn a_recovery_after_another_one_of_the_same_hour_is_not_the_first() {
    let hour = 60 * 60 * 1_000;
    let start = clock::floor_to_hour(at(hour));
    let later = |millis: i64| clock::from_millis(start.as_millisecond() + millis);
    let rotated = counters(1, 0, 0).moved(1, start);
    assert!(rotated.is_first_recovery(later(GRACE + 1)));
    let recovered = rotated.moved(1, later(0));
    assert!(!recovered.is_first_recovery(later(hour - 1)));
    assert!(recovered.is_first_recovery(later(hour)));
}

/// Counters as sessions have them, near each other and near the end.
fn any_counters() -> impl Strategy<Value = Counters> {
    let current = prop_oneof![0..8_u32, MAX - 4..=MAX];
    (current, 0..6_u32, 0..6_u32).prop_map(|(current, back, further)| {
        let previous = current.saturating_sub(back);
        counters(current, previous, previous.saturating_sub(further))
    })
}

proptest! {
    /// The condition is the one of the write in storage.
    #[test]
    fn a_session_moves_exactly_where_the_condition_of_the_write_holds(
        session in any_counters(),
        ahead in -6..=2_i64,
        age in select(&[-1, 0, GRACE - 1, GRACE, GRACE + 1, 10 * GRACE]),
        reuse in select(&[ReusePolicy::Recover, ReusePolicy::Strict]),
        is_bound: bool,
    ) {
        let presented = i64::from(session.current) + ahead;
        prop_assume!((1..=i64::from(MAX)).contains(&presented));
        let (current, previous) = (i64::from(session.current), i64::from(session.previous));
        let moved_ms = session.moved_at.as_millisecond();
        let condition = moved_ms < at(age).as_millisecond() - GRACE
            && current < i64::from(MAX)
            && (current == presented
                || (reuse == ReusePolicy::Recover
                    && previous == presented
                    && (!is_bound || current <= presented + 3)));
        let presented = u32::try_from(presented).unwrap();
        let decision = session.decide(presented, is_bound, &policy(reuse), at(age));
        prop_assert_eq!(matches!(decision, Decision::Move(_)), condition, "{:?}", decision);
    }

    /// A counter that no token of the session has had is not accepted.
    #[test]
    fn no_token_is_served_that_was_not_issued(
        session in any_counters(),
        age in select(&[0, GRACE, GRACE + 1]),
        is_bound: bool,
    ) {
        for presented in [0, session.current.saturating_add(1), session.current.saturating_add(9)] {
            prop_assume!(presented != session.current);
            let decision = session.decide(presented, is_bound, &policy(ReusePolicy::Recover), at(age));
            prop_assert!(matches!(decision, Decision::End | Decision::Impossible), "{:?}", decision);
        }
    }
}
