//! An explicit-state model of a session, its clients and the network: every
//! order of events is explored, breadth first, so a failure shows the shortest
//! story that leads to it. Time is in seconds.

mod theft;

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use super::*;

/// Exploration stops at this counter: nothing new happens beyond it.
const LAST_COUNTER: u32 = 7;

/// Assumptions of the model: the policy, and how the client, the network and the clocks behave.
#[derive(Clone, Copy)]
struct World {
    policy: ReusePolicy,
    is_bound: bool,
    grace: i64,
    /// Requests of the client at the same time.
    crowd: usize,
    /// Longest time that a request takes to arrive, and that a response takes.
    way: (i64, i64),
    /// Amounts by which the clock of the instance that serves a request may be ahead.
    clocks: &'static [i64],
    /// Responses that get lost, and requests that arrive twice.
    losses: u8,
    duplicates: u8,
    client: Kept,
}

/// Which token the client keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// The newest that it ever got.
    Newest,
    /// The one that arrived last.
    Last,
    /// The one that arrived, if it still has the token that it sent.
    IfUnchanged,
    /// The one from its sign-in: it never stores what it gets.
    First,
}

/// A message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    Request { token: u32, age: i64, is_copy: bool },
    Answer { sent: u32, served: u32, age: i64 },
}

/// State of the session, the client and the network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    counters: Counters,
    stored: u32,
    messages: Vec<Message>,
    losses: u8,
    duplicates: u8,
}

/// How a state was reached.
struct Story {
    before: Option<Rc<Story>>,
    event: String,
}

impl Story {
    fn then(self: &Rc<Self>, event: String) -> Rc<Self> {
        let before = Some(self.clone());
        Rc::new(Self { before, event })
    }

    fn text(&self) -> String {
        let mut events = vec![self.event.clone()];
        let mut before = self.before.as_ref();
        while let Some(story) = before {
            events.push(story.event.clone());
            before = story.before.as_ref();
        }
        events.reverse();
        events.join("; ")
    }
}

/// Returns the time at which every state is looked at: only differences matter.
fn now() -> Timestamp {
    clock::from_millis(1_750_000_000_000)
}

fn seconds_ago(age: i64) -> Timestamp {
    clock::from_millis(now().as_millisecond() - age * 1_000)
}

impl World {
    fn policy(&self) -> SessionPolicy {
        SessionPolicy {
            idle_ttl: Duration::from_secs(1_000_000),
            absolute_ttl: Duration::from_secs(1_000_000),
            grace: Duration::from_secs(self.grace.unsigned_abs()),
            reuse: self.policy,
        }
    }

    fn start(&self) -> State {
        State {
            counters: Counters::open(1, now()),
            stored: 1,
            messages: vec![],
            losses: self.losses,
            duplicates: self.duplicates,
        }
    }

    /// Explores all that can happen. Returns the number of states, or the story of a client that
    /// was signed out.
    fn explore(&self) -> Result<usize, String> {
        let origin = Rc::new(Story {
            before: None,
            event: "signed in".to_owned(),
        });
        let mut seen = HashSet::from([self.start()]);
        let mut queue = VecDeque::from([(self.start(), origin)]);
        while let Some((state, story)) = queue.pop_front() {
            for (event, next) in self.events(&state) {
                let story = story.then(event);
                let Some(mut next) = next else {
                    return Err(story.text());
                };
                next.messages.sort_unstable();
                if seen.insert(next.clone()) {
                    queue.push_back((next, story));
                }
            }
        }
        Ok(seen.len())
    }

    /// Returns what can happen next, with `None` as the state if it signs the client out.
    fn events(&self, state: &State) -> Vec<(String, Option<State>)> {
        let mut events = Vec::new();
        events.extend(self.second_passes(state));
        events.extend(self.request_starts(state));
        for (index, message) in state.messages.iter().enumerate() {
            let mut rest = state.clone();
            rest.messages.remove(index);
            match *message {
                Message::Answer { sent, served, .. } => {
                    rest.stored = self.stored(state.stored, sent, served);
                    events.push((format!("client gets {served}"), Some(rest)));
                }
                Message::Request {
                    token,
                    age,
                    is_copy,
                } => {
                    for ahead in self.clocks {
                        events.extend(self.arrives(&rest, token, age, is_copy, *ahead));
                    }
                }
            }
        }
        events
    }

    fn second_passes(&self, state: &State) -> Option<(String, Option<State>)> {
        let is_due = |message: &Message| match message {
            Message::Request { age, .. } => *age >= self.way.0,
            Message::Answer { age, .. } => *age >= self.way.1,
        };
        if state.messages.iter().any(is_due) {
            return None;
        }
        let mut next = state.clone();
        for message in &mut next.messages {
            match message {
                Message::Request { age, .. } | Message::Answer { age, .. } => *age += 1,
            }
        }
        let age = self.age(&state.counters);
        // Beyond the grace, a greater age makes no difference.
        let oldest = self.grace + self.clocks.iter().max().unwrap_or(&0) + 1;
        next.counters.moved_at = seconds_ago((age + 1).min(oldest));
        Some(("+1 s".to_owned(), Some(next)))
    }

    fn request_starts(&self, state: &State) -> Option<(String, Option<State>)> {
        let in_flight = state
            .messages
            .iter()
            .filter(|message| !matches!(message, Message::Request { is_copy: true, .. }));
        if in_flight.count() >= self.crowd || state.counters.current >= LAST_COUNTER {
            return None;
        }
        let mut next = state.clone();
        next.messages.push(Message::Request {
            token: state.stored,
            age: 0,
            is_copy: false,
        });
        Some((format!("client sends {}", state.stored), Some(next)))
    }

    /// Returns what can happen when a request arrives at an instance whose clock is `ahead` by some
    /// seconds.
    fn arrives(
        &self,
        rest: &State,
        token: u32,
        age: i64,
        is_copy: bool,
        ahead: i64,
    ) -> Vec<(String, Option<State>)> {
        let moved = Counters {
            moved_at: seconds_ago(self.age(&rest.counters) + ahead),
            ..rest.counters
        };
        let event = format!("{token} arrives, clock {ahead:+}");
        let mut next = rest.clone();
        match moved.decide(token, self.is_bound, &self.policy(), now()) {
            Decision::Move(_) => {
                next.counters = rest.counters.moved(token, seconds_ago(-ahead));
            }
            Decision::ServeAgain => {}
            Decision::Impossible | Decision::End => return vec![(event, None)],
        }
        if is_copy {
            return vec![(event, Some(next))];
        }
        let served = next.counters.current;
        let mut outcomes = Vec::new();
        if next.losses > 0 {
            let mut lost = next.clone();
            lost.losses -= 1;
            outcomes.push((format!("{event}: {served}, answer lost"), Some(lost)));
        }
        let answer = Message::Answer {
            sent: token,
            served,
            age: 0,
        };
        next.messages.push(answer);
        if next.duplicates > 0 {
            let mut twice = next.clone();
            twice.duplicates -= 1;
            twice.messages.push(Message::Request {
                token,
                age,
                is_copy: true,
            });
            outcomes.push((
                format!("{event}: {served}, and a copy follows"),
                Some(twice),
            ));
        }
        outcomes.push((format!("{event}: {served}"), Some(next)));
        outcomes
    }

    fn stored(&self, stored: u32, sent: u32, served: u32) -> u32 {
        match self.client {
            Kept::Newest => stored.max(served),
            Kept::Last => served,
            Kept::IfUnchanged if stored == sent => served,
            Kept::IfUnchanged | Kept::First => stored,
        }
    }

    fn age(&self, counters: &Counters) -> i64 {
        now().duration_since(counters.moved_at).as_secs()
    }
}

/// A client that waits for each response, clocks that agree and a good network.
const CALM: World = World {
    policy: ReusePolicy::Recover,
    is_bound: false,
    grace: 3,
    crowd: 1,
    way: (1, 1),
    clocks: &[0],
    losses: 0,
    duplicates: 0,
    client: Kept::Newest,
};

#[track_caller]
fn nobody_is_signed_out(world: World) {
    let explored = world.explore();
    assert!(
        explored.as_ref().is_ok_and(|states| *states > 100),
        "{explored:?}"
    );
}

#[test]
fn a_crowd_of_four_requests_with_a_lost_response_survives() {
    for is_bound in [false, true] {
        nobody_is_signed_out(World {
            crowd: 4,
            losses: 1,
            is_bound,
            ..CALM
        });
    }
}

#[test]
fn a_crowd_of_four_requests_with_a_duplicate_survives() {
    nobody_is_signed_out(World {
        crowd: 4,
        duplicates: 1,
        ..CALM
    });
}

#[test]
fn a_crowd_survives_instances_whose_clocks_are_a_grace_apart() {
    for (crowd, clocks) in [(2, &[0, 6][..]), (3, &[0, 3])] {
        for is_bound in [false, true] {
            nobody_is_signed_out(World {
                crowd,
                clocks,
                is_bound,
                ..CALM
            });
        }
    }
}

#[test]
fn under_strict_a_crowd_survives_while_no_response_is_lost() {
    for client in [Kept::Newest, Kept::IfUnchanged] {
        nobody_is_signed_out(World {
            policy: ReusePolicy::Strict,
            crowd: 4,
            client,
            ..CALM
        });
    }
}

#[test]
fn one_request_at_a_time_survives_lost_responses_and_clocks_ten_graces_apart() {
    for client in [Kept::Newest, Kept::Last, Kept::IfUnchanged] {
        nobody_is_signed_out(World {
            losses: 3,
            clocks: &[0, 30],
            is_bound: true,
            client,
            ..CALM
        });
    }
}

#[test]
fn a_client_that_never_stores_what_it_gets_survives_without_a_challenge() {
    nobody_is_signed_out(World {
        crowd: 3,
        losses: 2,
        clocks: &[0, 3],
        client: Kept::First,
        ..CALM
    });
}

/// The limits of the guarantees above. Also shows that the model can find a failure.
#[test]
fn these_clients_are_signed_out() {
    let strict = ReusePolicy::Strict;
    let worlds = [
        (
            "strict forgives a lost response only within the grace",
            World {
                losses: 1,
                policy: strict,
                ..CALM
            },
        ),
        (
            "a crowd that keeps an older answer",
            World {
                crowd: 2,
                client: Kept::Last,
                ..CALM
            },
        ),
        (
            "under a challenge, one that never stores",
            World {
                client: Kept::First,
                is_bound: true,
                ..CALM
            },
        ),
        (
            "a grace shorter than requests take",
            World {
                crowd: 2,
                grace: 2,
                way: (2, 2),
                ..CALM
            },
        ),
    ];
    for (name, world) in worlds {
        assert!(world.explore().is_err(), "{name}");
    }
}
