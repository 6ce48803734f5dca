use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::ids::UserId;
use crate::random;

const SECOND: i64 = 1_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;
const GRACE: i64 = 30 * SECOND;
const IDLE: i64 = 14 * DAY;
const ABSOLUTE: i64 = 90 * DAY;
/// A request that takes longer is cut off.
const FUNCTION_TIMEOUT: i64 = 8 * SECOND;

const RECOVER: SessionPolicy = policy(ReusePolicy::Recover);
const STRICT: SessionPolicy = policy(ReusePolicy::Strict);

const fn policy(reuse: ReusePolicy) -> SessionPolicy {
    SessionPolicy {
        idle_ttl: Duration::from_millis(IDLE as u64),
        absolute_ttl: Duration::from_millis(ABSOLUTE as u64),
        grace: Duration::from_millis(GRACE as u64),
        reuse,
    }
}

/// Milliseconds after sign-in.
fn at(millis: i64) -> Timestamp {
    clock::from_millis(1_750_000_000_000 + millis)
}

fn opened(policy: &SessionPolicy) -> Session {
    let user_id = UserId::new(1).unwrap();
    let profile = Profile {
        user_id,
        login: "ada".to_owned(),
        name: "Ada".to_owned(),
        avatar: String::new(),
        email: "ada@example.test".to_owned(),
    };
    let first = RefreshToken::first(user_id, &mut random::rng());
    Session::open(&first, profile, "Browser/1.0".to_owned(), policy, at(0))
}

/// A session whose token `previous` was swapped for `current` at sign-in.
fn swapped(previous: u32, current: u32) -> Session {
    Session {
        current,
        previous: Some(previous),
        rotated_at: Some(at(0)),
        ..opened(&RECOVER)
    }
}

fn rotate(expected_current: u32, previous: u32, next: u32) -> Decision {
    Decision::Rotate(Rotation {
        expected_current,
        previous,
        next,
    })
}

#[test]
fn each_token_gets_what_the_state_machine_says() {
    use Decision::{Refuse, RevokeFamily, ServeAgain};
    const MAX: u32 = u32::MAX;
    let (first, second, last) = (opened(&RECOVER), swapped(1, 2), swapped(MAX - 1, MAX));
    let recovered = swapped(1, 3);
    #[rustfmt::skip]
    let table = [
        // session, presented, when,     under recover,         under strict
        (&first,     1,        0,         rotate(1, 1, 2),       rotate(1, 1, 2)),
        (&first,     0,        0,         RevokeFamily,          RevokeFamily),
        (&first,     2,        0,         RevokeFamily,          RevokeFamily),
        (&second,    2,        0,         rotate(2, 2, 3),       rotate(2, 2, 3)),
        (&second,    2,        DAY,       rotate(2, 2, 3),       rotate(2, 2, 3)),
        (&second,    1,       -5 * DAY,   ServeAgain(2),         ServeAgain(2)),
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
        let case = format!("token {counter} of {session:?} at {when}");
        assert_eq!(
            decide(session, counter, &RECOVER, at(when)),
            recover,
            "{case}"
        );
        assert_eq!(
            decide(session, counter, &STRICT, at(when)),
            strict,
            "{case}"
        );
    }
}

#[test]
fn r9_r10_a_session_ends_at_the_exact_moment_for_every_token() {
    let idle = swapped(2, 3);
    let absolute = Session {
        idle_expires_at: at(ABSOLUTE + DAY),
        ..swapped(2, 3)
    };
    for (session, end) in [(idle, IDLE), (absolute, ABSOLUTE)] {
        for counter in [1, 2, 3] {
            let decided = |when| decide(&session, counter, &RECOVER, at(when));
            assert_ne!(decided(end - SECOND), Decision::Refuse);
            assert_ne!(decided(end - 1), Decision::Refuse);
            assert_eq!(decided(end), Decision::Refuse);
            assert_eq!(decided(end + SECOND), Decision::Refuse);
        }
    }
}

#[test]
fn a_revoked_session_serves_no_token_not_even_within_the_grace() {
    let session = Session {
        revoked: true,
        ..swapped(2, 3)
    };
    for (counter, policy) in [1, 2, 3].into_iter().zip([RECOVER, STRICT, RECOVER]) {
        assert_eq!(decide(&session, counter, &policy, at(0)), Decision::Refuse);
    }
}

/// One session in a table, and all that ever came of it.
struct Model {
    policy: SessionPolicy,
    session: Session,
    now: i64,
    in_flight: Vec<Request>,
    rotations: Vec<(Rotation, i64)>,
    /// Presented and served.
    answers: Vec<(u32, u32)>,
}

/// A refresh between two of its writes.
#[derive(Clone, Copy)]
struct Request {
    presented: u32,
    next_write: Write,
    writes: usize,
    started: i64,
}

#[derive(Clone, Copy)]
enum Write {
    Rotate(Rotation),
    Revoke,
}

impl Model {
    fn new(policy: SessionPolicy) -> Self {
        let session = opened(&policy);
        let (in_flight, rotations, answers) = (vec![], vec![], vec![]);
        Self {
            policy,
            session,
            now: 0,
            in_flight,
            rotations,
            answers,
        }
    }

    fn begin(&self, presented: u32) -> Request {
        let next_write = Write::Rotate(Rotation::of_newest(presented).unwrap());
        Request {
            presented,
            next_write,
            writes: 0,
            started: self.now,
        }
    }

    /// The table's condition, word for word.
    fn write(&mut self, rotation: Rotation, now: i64) -> bool {
        let holds =
            self.session.is_live(at(now)) && self.session.current == rotation.expected_current;
        if holds {
            self.session.current = rotation.next;
            self.session.previous = Some(rotation.previous);
            self.session.rotated_at = Some(at(now));
            self.session.idle_expires_at = at(now + IDLE);
            self.rotations.push((rotation, now));
        }
        holds
    }

    /// One write of a request, and what is decided on its result: `None` while
    /// another write is due, then the successor, or that there is none.
    fn step(&mut self, request: &mut Request) -> Option<Option<u32>> {
        request.writes += 1;
        let rotation = match request.next_write {
            Write::Rotate(rotation) => rotation,
            Write::Revoke => {
                self.session.revoked = true;
                return Some(None);
            }
        };
        let presented = request.presented;
        let served = if self.write(rotation, request.started) {
            rotation.next
        } else {
            match decide(&self.session, presented, &self.policy, at(request.started)) {
                Decision::Rotate(other) => {
                    request.next_write = Write::Rotate(other);
                    return None;
                }
                Decision::RevokeFamily => {
                    request.next_write = Write::Revoke;
                    return None;
                }
                Decision::ServeAgain(counter) => counter,
                Decision::Refuse => return Some(None),
            }
        };
        self.answers.push((presented, served));
        Some(Some(served))
    }

    fn refresh(&mut self, presented: u32) -> Option<u32> {
        let mut request = self.begin(presented);
        loop {
            if let Some(answer) = self.step(&mut request) {
                return answer;
            }
        }
    }

    fn is_live(&self) -> bool {
        self.session.is_live(at(self.now))
    }

    /// Neither the newest token nor the one that was swapped for it.
    fn is_ancient(&self, counter: u32) -> bool {
        counter != self.session.current && Some(counter) != self.session.previous
    }
}

/// To the table everyone is just someone with a token that was once issued:
/// the client, its second tab, a client that never stores, a thief.
#[derive(Debug, Clone)]
enum Step {
    Begin(Held),
    Continue(Index),
    Wait(i64),
    Logout,
}

#[derive(Debug, Clone)]
enum Held {
    Newest,
    Parent,
    First,
    Any(Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let held = prop_oneof![
        4 => Just(Held::Newest),
        3 => Just(Held::Parent),
        1 => Just(Held::First),
        1 => any::<Index>().prop_map(Held::Any),
    ];
    let step = prop_oneof![
        10 => held.prop_map(Step::Begin),
        20 => any::<Index>().prop_map(Step::Continue),
        5 => waits().prop_map(Step::Wait),
        1 => Just(Step::Logout),
    ];
    vec(step, 0..80)
}

/// Times at the edges of everything there is an edge of.
fn waits() -> impl Strategy<Value = i64> {
    let edges = select(&[0, FUNCTION_TIMEOUT, GRACE, IDLE, ABSOLUTE]);
    let near = (edges, -1..=1_i64).prop_map(|(edge, off)| (edge + off).max(0));
    prop_oneof![4 => 0..2 * GRACE, 2 => 0..IDLE, 1 => near]
}

fn policies() -> impl Strategy<Value = SessionPolicy> {
    select(&[RECOVER, STRICT])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What holds whoever presents whatever, whenever, requests interleaved
    /// write by write and cut off at any point.
    #[test]
    fn r1_to_r8_no_interleaving_breaks_a_session(steps in steps(), policy in policies()) {
        let mut model = Model::new(policy);
        for step in steps {
            match step {
                Step::Begin(held) => {
                    let newest = model.session.current;
                    let presented = match held {
                        Held::Newest => newest,
                        Held::Parent => model.session.previous.unwrap_or(newest),
                        Held::First => 1,
                        Held::Any(index) => 1 + index.index(newest as usize) as u32,
                    };
                    model.in_flight.push(model.begin(presented));
                }
                Step::Continue(index) if !model.in_flight.is_empty() => {
                    let index = index.index(model.in_flight.len());
                    let mut request = model.in_flight.swap_remove(index);
                    let was_ancient = model.is_ancient(request.presented);
                    match model.step(&mut request) {
                        None => model.in_flight.push(request),
                        Some(Some(served)) => {
                            prop_assert!(!was_ancient, "an ancient token was served");
                            prop_assert_eq!(served, model.session.current, "not the newest");
                            prop_assert!(request.started < ABSOLUTE, "served after absolute expiry");
                        }
                        Some(None) => prop_assert!(!model.session.is_live(at(request.started))),
                    }
                    prop_assert!(request.writes <= 3, "decided again and again");
                }
                Step::Continue(_) => {}
                Step::Wait(wait) => {
                    model.now += wait;
                    let cut_off = model.now - FUNCTION_TIMEOUT;
                    model.in_flight.retain(|request| request.started >= cut_off);
                }
                Step::Logout => model.session.revoked = true,
            }
        }
        check_history(&model)?;
    }

    /// Two tabs share a store; in each round one or both refresh, and answers get lost.
    #[test]
    fn r4_r6_r7_a_client_that_stores_what_it_gets_is_never_signed_out(
        rounds in vec((waits(), any::<bool>(), any::<[bool; 2]>(), vec(any::<bool>(), 4)), 1..40),
        policy in policies(),
    ) {
        let (mut model, mut stored, mut unanswered_since) = (Model::new(policy), 1, None);
        for (wait, second_tab, lost, order) in rounds {
            // Strict forgives a lost answer only within the grace: the client retries in time.
            let retry_by = unanswered_since.filter(|_| policy == STRICT).map(|since: i64| since + GRACE);
            model.now = (model.now + wait).min(retry_by.unwrap_or(i64::MAX));
            let alive = model.is_live();
            let mut tabs = vec![(0, model.begin(stored))];
            if second_tab {
                tabs.push((1, model.begin(stored)));
            }
            let mut order = order.into_iter().chain(std::iter::repeat(false));
            unanswered_since.get_or_insert(model.now);
            while !tabs.is_empty() {
                let turn = usize::from(order.next().unwrap()).min(tabs.len() - 1);
                let (tab, request) = &mut tabs[turn];
                let Some(answer) = model.step(request) else { continue };
                prop_assert_eq!(answer.is_some(), alive);
                if let Some(served) = answer.filter(|_| !lost[*tab]) {
                    (stored, unanswered_since) = (served, None);
                }
                tabs.remove(turn);
            }
        }
        check_history(&model)?;
    }

    #[test]
    fn a_client_that_never_stores_works_under_recover_until_the_session_ends(
        waits in vec(waits(), 1..60),
    ) {
        let mut model = Model::new(RECOVER);
        for wait in waits {
            model.now += wait;
            let alive = model.is_live();
            prop_assert_eq!(model.refresh(1).is_some(), alive);
        }
    }
}

fn check_history(model: &Model) -> Result<(), TestCaseError> {
    // Two moves of one token are more than a grace apart, and every answer was
    // the newest token: within the grace there is one live successor.
    for (i, (earlier, then)) in model.rotations.iter().enumerate() {
        for (later, now) in &model.rotations[i + 1..] {
            prop_assert!(later.next > earlier.next, "a counter was issued twice");
            prop_assert!(later.previous != earlier.previous || now - then > GRACE);
        }
    }
    // Of all successors a token ever got, at most one was ever of use: a thief
    // and a victim who hold different ones are never both served.
    let useful: BTreeSet<u32> = model
        .answers
        .iter()
        .map(|(presented, _)| *presented)
        .collect();
    for token in &useful {
        let successors = model
            .answers
            .iter()
            .filter(|(presented, _)| presented == token);
        let successors: BTreeSet<u32> = successors.map(|(_, served)| *served).collect();
        prop_assert!(
            successors.intersection(&useful).count() <= 1,
            "both branches are in use"
        );
        prop_assert!(
            model.policy == RECOVER || successors.len() == 1,
            "strict branched"
        );
    }
    Ok(())
}

/// Presents tokens, each so many seconds after sign-in; tells what each got.
fn play(policy: SessionPolicy, script: &[(i64, u32)]) -> Vec<Option<u32>> {
    let mut model = Model::new(policy);
    let present = |(seconds, token): &(i64, u32)| {
        model.now = seconds * SECOND;
        model.refresh(*token)
    };
    script.iter().map(present).collect()
}

#[test]
fn r5_a_thief_and_a_victim_are_not_both_served_past_the_victims_next_refresh() {
    #[rustfmt::skip]
    let scripts: [(&str, &[(i64, u32)], &[Option<u32>], &[Option<u32>]); 5] = [
        ("the thief swaps the newest token, the victim comes after the grace, the thief again",
            &[(0, 1), (60, 1), (900, 2), (901, 3)],
            &[Some(2), Some(3), None, None], &[Some(2), None, None, None]),
        ("the victim swaps first, the thief comes after the grace with the parent",
            &[(0, 1), (60, 1), (900, 2), (901, 3)],
            &[Some(2), Some(3), None, None], &[Some(2), None, None, None]),
        ("the victim is two ahead, the thief's token is ancient",
            &[(0, 1), (900, 2), (901, 1), (902, 3)],
            &[Some(2), Some(3), None, None], &[Some(2), Some(3), None, None]),
        ("the thief swaps twice, the victim's stored token is ancient by then",
            &[(0, 1), (1, 2), (2, 1), (3, 3)],
            &[Some(2), Some(3), None, None], &[Some(2), Some(3), None, None]),
        // The price of the grace: who keeps refreshing within it of the victim
        // looks like a second tab, and is told apart once either comes late.
        ("the thief keeps pace, then falls behind the grace",
            &[(0, 1), (9, 1), (900, 2), (909, 2), (1800, 3), (1831, 3), (2700, 4)],
            &[Some(2), Some(2), Some(3), Some(3), Some(4), Some(5), None],
            &[Some(2), Some(2), Some(3), Some(3), Some(4), None, None]),
    ];
    for (story, script, recover, strict) in scripts {
        assert_eq!(play(RECOVER, script), recover, "recover: {story}");
        assert_eq!(play(STRICT, script), strict, "strict: {story}");
    }
}
