use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use upblit_base::ids::UserId;
use upblit_base::random;

const SECOND: i64 = 1_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;
const GRACE: i64 = 30 * SECOND;
/// How far two instances' clocks may be apart.
const SKEW: i64 = 300 * SECOND;
const IDLE: i64 = 14 * DAY;
const ABSOLUTE: i64 = 90 * DAY;
/// A request that takes longer is cut off.
const FUNCTION_TIMEOUT: i64 = 8 * SECOND;

const RECOVER: SessionPolicy = SessionPolicy {
    idle_ttl: Duration::from_millis(IDLE as u64),
    absolute_ttl: Duration::from_millis(ABSOLUTE as u64),
    grace: Duration::from_millis(GRACE as u64),
    reuse: ReusePolicy::Recover,
};
const STRICT: SessionPolicy = SessionPolicy {
    reuse: ReusePolicy::Strict,
    ..RECOVER
};

/// Milliseconds after sign-in.
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
    Session::open(&first, profile, "Browser/1.0".to_owned(), &RECOVER, at(0))
}

/// A session whose token `previous` was swapped for `current` at sign-in.
fn swapped(previous: u32, current: u32) -> Session {
    let mut session = opened();
    (session.current, session.previous, session.rotated_at) =
        (current, Some(previous), Some(at(0)));
    session
}

#[test]
fn an_unknown_reuse_policy_is_refused() {
    let env = |policy| Env::from_pairs([("REFRESH_REUSE_POLICY", policy)]);
    assert!(SessionPolicy::from_env(&env("lenient")).is_err());
    let strict = SessionPolicy::from_env(&env("strict")).unwrap();
    assert_eq!(strict.reuse, ReusePolicy::Strict);
}

#[test]
fn each_token_gets_what_the_state_machine_says() {
    use Decision::{Refuse, RevokeFamily, Rotate, ServeAgain};
    const MAX: u32 = u32::MAX;
    let rotate = |expected_current, previous, next| {
        Rotate(Rotation {
            expected_current,
            previous,
            next,
        })
    };
    let (first, second, last) = (opened(), swapped(1, 2), swapped(MAX - 1, MAX));
    let recovered = swapped(1, 3);
    #[rustfmt::skip]
    let table = [
        // session, presented, when,     under recover,         under strict
        (&first,     1,        0,         rotate(1, 1, 2),       rotate(1, 1, 2)),
        (&first,     0,        0,         RevokeFamily,          RevokeFamily),
        (&first,     2,        0,         RevokeFamily,          RevokeFamily),
        (&second,    2,        0,         rotate(2, 2, 3),       rotate(2, 2, 3)),
        (&second,    2,        DAY,       rotate(2, 2, 3),       rotate(2, 2, 3)),
        // Five minutes before the swap: another instance's clock.
        (&second,    1,       -10 * GRACE, ServeAgain(2),        ServeAgain(2)),
        (&second,    1,        0,         ServeAgain(2),         ServeAgain(2)),
        (&second,    1,        GRACE - 1, ServeAgain(2),         ServeAgain(2)),
        (&second,    1,        GRACE,     ServeAgain(2),         ServeAgain(2)),
        (&second,    1,        GRACE + 1, rotate(2, 1, 3),       RevokeFamily),
        (&recovered, 1,        0,         ServeAgain(3),         ServeAgain(3)),
        (&recovered, 2,        0,         RevokeFamily,          RevokeFamily),
        (&recovered, 3,        0,         rotate(3, 3, 4),       rotate(3, 3, 4)),
        (&last,      MAX,      0,         Refuse,                Refuse),
        (&last,      MAX - 1,  0,         ServeAgain(MAX),       ServeAgain(MAX)),
        (&last,      MAX - 1,  GRACE + 1, RevokeFamily,          RevokeFamily),
    ];
    for (session, counter, when, recover, strict) in table {
        let decided = [RECOVER, STRICT].map(|policy| decide(session, counter, &policy, at(when)));
        assert_eq!(
            decided,
            [recover, strict],
            "token {counter} of {session:?} at {when}"
        );
    }
}

#[test]
fn r9_r10_a_session_ends_at_the_exact_moment_for_every_token() {
    let (idle, mut absolute) = (swapped(2, 3), swapped(2, 3));
    absolute.idle_expires_at = at(ABSOLUTE + DAY);
    for (session, end) in [(idle, IDLE), (absolute, ABSOLUTE)] {
        for counter in [1, 2, 3] {
            let refused = |when| decide(&session, counter, &RECOVER, at(when)) == Decision::Refuse;
            let around = [end - SECOND, end - 1, end, end + SECOND];
            assert_eq!(
                around.map(refused),
                [false, false, true, true],
                "token {counter}"
            );
        }
    }
}

#[test]
fn a_revoked_session_serves_no_token_not_even_within_the_grace() {
    let mut session = swapped(2, 3);
    session.revoked = true;
    for counter in [1, 2, 3] {
        let decided = [RECOVER, STRICT].map(|policy| decide(&session, counter, &policy, at(0)));
        assert_eq!(decided, [Decision::Refuse; 2], "token {counter}");
    }
}

/// One session in a table, and all that ever came of it.
struct Model {
    policy: SessionPolicy,
    session: Session,
    now: i64,
    answers: Vec<Answer>,
}

#[derive(Clone, Copy)]
struct Answer {
    presented: u32,
    served: u32,
    /// When the session was moved on for it; not when a successor was served again.
    rotated: Option<i64>,
}

/// A refresh between two of its writes.
struct Request {
    presented: u32,
    started: i64,
    /// The write that is due: a rotation, or the end of the session.
    due: Option<Rotation>,
    writes: usize,
}

impl Model {
    fn new(policy: SessionPolicy) -> Self {
        let (session, now, answers) = (opened(), 0, vec![]);
        Self {
            policy,
            session,
            now,
            answers,
        }
    }

    fn begin(&self, presented: u32) -> Request {
        let (started, due) = (self.now, Rotation::of_newest(presented));
        Request {
            presented,
            started,
            due,
            writes: 0,
        }
    }

    /// Applies a rotation under the table's own condition.
    fn write(&mut self, rotation: Rotation, now: i64) -> bool {
        let Session { current, .. } = self.session;
        let applies = self.session.is_live(at(now)) && current == rotation.expected_current;
        if applies {
            self.session.current = rotation.next;
            self.session.previous = Some(rotation.previous);
            self.session.rotated_at = Some(at(now));
            self.session.idle_expires_at = at(now + IDLE);
        }
        applies
    }

    /// One write of a request and what is decided on its result: `None` while
    /// another write is due; then the successor, or that there is none.
    fn step(&mut self, request: &mut Request) -> Option<Option<u32>> {
        request.writes += 1;
        assert!(request.writes <= 3, "decided again and again");
        let (presented, now) = (request.presented, request.started);
        let Some(rotation) = request.due else {
            self.session.revoked = true;
            return Some(None);
        };
        let (served, rotated) = if self.write(rotation, now) {
            (rotation.next, Some(now))
        } else {
            match decide(&self.session, presented, &self.policy, at(now)) {
                Decision::ServeAgain(counter) => (counter, None),
                Decision::Refuse => return Some(None),
                Decision::Rotate(other) => {
                    request.due = Some(other);
                    return None;
                }
                Decision::RevokeFamily => {
                    request.due = None;
                    return None;
                }
            }
        };
        self.answers.push(Answer {
            presented,
            served,
            rotated,
        });
        Some(Some(served))
    }

    fn refresh(&mut self, presented: u32) -> Option<u32> {
        let mut request = self.begin(presented);
        // Bounded, as the function's own attempts are: a wrong decision fails, and does not hang.
        std::iter::repeat_with(|| self.step(&mut request))
            .take(10)
            .find_map(|answer| answer)
            .flatten()
    }

    /// Whether the token may no longer be served: neither the newest nor the one swapped for it.
    fn is_dead(&self, token: u32) -> bool {
        let alive = [Some(self.session.current), self.session.previous].contains(&Some(token));
        self.session.revoked || !alive
    }

    /// What holds of every history.
    fn check(&self) -> Result<(), TestCaseError> {
        // Every move of one token is more than a grace after the one before, and every
        // answer was the newest token: within the grace there is one live successor.
        let moves = self
            .answers
            .iter()
            .filter_map(|answer| Some((answer, answer.rotated?)));
        for ((earlier, then), (later, now)) in moves.clone().zip(moves.skip(1)) {
            prop_assert!(later.served > earlier.served, "a counter was issued twice");
            prop_assert!(later.presented != earlier.presented || now - then > GRACE);
        }
        // Of all successors a token ever got, at most one was ever of use: a thief and a
        // victim who hold different ones are never both served.
        let useful: BTreeSet<u32> = self.answers.iter().map(|answer| answer.presented).collect();
        for token in &useful {
            let answers = self
                .answers
                .iter()
                .filter(|answer| answer.presented == *token);
            let successors: BTreeSet<u32> = answers.map(|answer| answer.served).collect();
            prop_assert!(
                successors.intersection(&useful).count() <= 1,
                "two branches in use"
            );
            prop_assert!(
                self.policy == RECOVER || successors.len() == 1,
                "strict branched"
            );
        }
        Ok(())
    }
}

/// What can happen. To the table everyone is just someone with a token that was once
/// issued: the client, its second tab, a client that never stores, a thief.
#[derive(Debug, Clone)]
enum Event {
    Begin(Index),
    Continue(Index),
    Wait(i64),
    Logout,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        10 => any::<Index>().prop_map(Event::Begin),
        20 => any::<Index>().prop_map(Event::Continue),
        5 => waits().prop_map(Event::Wait),
        1 => Just(Event::Logout),
    ];
    vec(event, 0..80)
}

/// Times, also at the edges of everything there is an edge of.
fn waits() -> impl Strategy<Value = i64> {
    let edges = select(&[0, FUNCTION_TIMEOUT, GRACE, IDLE, ABSOLUTE]);
    let near = (edges, -1..=1_i64).prop_map(|(edge, off)| (edge + off).max(0));
    prop_oneof![4 => 0..2 * GRACE, 2 => 0..IDLE, 1 => near]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whoever presents whatever, requests interleaved write by write and cut off anywhere.
    #[test]
    fn r1_to_r8_no_interleaving_breaks_a_session(
        events in events(), policy in select(&[RECOVER, STRICT]),
    ) {
        let (mut model, mut in_flight) = (Model::new(policy), vec![]);
        for event in events {
            match event {
                Event::Begin(index) => {
                    let newest = model.session.current;
                    let parent = model.session.previous.unwrap_or(newest);
                    let held = [newest, newest, parent, parent, newest.div_ceil(2), 1];
                    in_flight.push(model.begin(*index.get(&held)));
                }
                Event::Continue(index) if !in_flight.is_empty() => {
                    let mut request = in_flight.swap_remove(index.index(in_flight.len()));
                    let was_dead = model.is_dead(request.presented);
                    match model.step(&mut request) {
                        None => in_flight.push(request),
                        Some(None) => prop_assert!(!model.session.is_live(at(request.started))),
                        Some(Some(served)) => {
                            prop_assert!(!was_dead, "a dead token was served");
                            prop_assert!(request.started < ABSOLUTE, "the end was put off");
                            prop_assert_eq!(served, model.session.current, "not the newest");
                        }
                    }
                }
                Event::Continue(_) => {}
                Event::Wait(wait) => {
                    model.now += wait;
                    in_flight.retain(|request| request.started + FUNCTION_TIMEOUT >= model.now);
                }
                Event::Logout => model.session.revoked = true,
            }
        }
        model.check()?;
    }

    /// Two tabs share a store; in a round one or both refresh, and answers get lost.
    #[test]
    fn r4_r6_r7_a_client_that_stores_what_it_gets_is_never_signed_out(
        rounds in vec((waits(), any::<bool>(), any::<[bool; 2]>(), any::<[bool; 4]>()), 1..40),
        policy in select(&[RECOVER, STRICT]),
    ) {
        let (mut model, mut stored, mut unanswered_since) = (Model::new(policy), 1, None);
        for (wait, second_tab, lost, turns) in rounds {
            model.now += wait;
            if let (STRICT, Some(since)) = (policy, unanswered_since) {
                // Strict forgives a lost answer within the grace only: the client retries in time.
                model.now = model.now.min(since + GRACE);
            }
            unanswered_since.get_or_insert(model.now);
            let alive = model.session.is_live(at(model.now));
            let mut tabs = vec![(model.begin(stored), lost[0])];
            tabs.extend(second_tab.then(|| (model.begin(stored), lost[1])));
            let mut turns = turns.into_iter().map(usize::from).cycle();
            while let (Some(turn), false) = (turns.next(), tabs.is_empty()) {
                let turn = turn % tabs.len();
                let (request, lost) = &mut tabs[turn];
                let Some(answer) = model.step(request) else { continue };
                prop_assert_eq!(answer.is_some(), alive);
                if let (Some(served), false) = (answer, *lost) {
                    (stored, unanswered_since) = (served, None);
                }
                tabs.remove(turn);
            }
        }
        model.check()?;
    }

    /// One request at a time, each answered by an instance whose clock is off by up to
    /// five minutes; lost answers are retried with the token from before.
    #[test]
    fn r18_the_clocks_of_two_instances_sign_no_client_out(
        rounds in vec((0..IDLE / 2, -SKEW..=SKEW, any::<bool>()), 1..40),
    ) {
        let (mut model, mut stored, mut time) = (Model::new(RECOVER), 1, 0);
        for (wait, off, lost) in rounds {
            time += wait;
            if time + SKEW >= ABSOLUTE {
                break;
            }
            model.now = time + off;
            let served = model.refresh(stored);
            prop_assert!(served.is_some(), "signed out at {time}, {off} off");
            stored = served.filter(|_| !lost).unwrap_or(stored);
        }
    }

    #[test]
    fn a_client_that_never_stores_works_under_recover_until_the_session_ends(
        waits in vec(waits(), 1..60),
    ) {
        let mut model = Model::new(RECOVER);
        for wait in waits {
            model.now += wait;
            let alive = model.session.is_live(at(model.now));
            prop_assert_eq!(model.refresh(1).is_some(), alive);
        }
    }
}

#[test]
fn r5_a_thief_and_a_victim_are_not_both_served_past_the_victims_next_refresh() {
    const OUT: Option<u32> = None;
    #[rustfmt::skip]
    let stories = [
        // Seconds after sign-in and token presented, what it got under recover, and under strict.
        ("the thief swaps the newest token; the victim comes after the grace; the thief again",
            vec![((0, 1), Some(2), Some(2)), ((60, 1), Some(3), OUT), ((900, 2), OUT, OUT), ((901, 3), OUT, OUT)]),
        ("the victim swaps; the thief comes after the grace with the parent; the victim again",
            vec![((0, 1), Some(2), Some(2)), ((60, 1), Some(3), OUT), ((900, 2), OUT, OUT), ((901, 3), OUT, OUT)]),
        ("the thief's token is two behind",
            vec![((0, 1), Some(2), Some(2)), ((900, 2), Some(3), Some(3)), ((901, 1), OUT, OUT), ((902, 3), OUT, OUT)]),
        // The price of the grace: a thief who keeps pace with the victim looks like a second
        // tab. The two part when one comes later, and then at most one of them goes on.
        ("the thief keeps pace, then comes after the grace",
            vec![((0, 1), Some(2), Some(2)), ((9, 1), Some(2), Some(2)), ((900, 2), Some(3), Some(3)),
                 ((931, 2), Some(4), OUT), ((1800, 3), OUT, OUT), ((1801, 4), OUT, OUT)]),
    ];
    for (story, script) in stories {
        let (mut recover, mut strict) = (Model::new(RECOVER), Model::new(STRICT));
        for ((seconds, token), under_recover, under_strict) in script {
            (recover.now, strict.now) = (seconds * SECOND, seconds * SECOND);
            let got = (recover.refresh(token), strict.refresh(token));
            assert_eq!(
                got,
                (under_recover, under_strict),
                "{story}: {token} at {seconds} s"
            );
        }
    }
}
