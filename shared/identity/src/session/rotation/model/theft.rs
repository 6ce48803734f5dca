//! The same model with a thief instead of a crowd.

use std::collections::BTreeSet;

use super::*;

/// An owner and a thief who copied one token, each served at once. Explores every
/// order of their requests for the longest alternation between the two.
struct Theft {
    policy: ReusePolicy,
    is_bound: bool,
    /// Whether the owner stores what it gets.
    owner_rotates: bool,
    /// Whether the two come more than a grace apart.
    is_apart: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Heist {
    counters: Counters,
    owner: u32,
    thief: BTreeSet<u32>,
    /// Seconds since the owner, and the thief, was served.
    since: [i64; 2],
    last: Option<usize>,
    turns: usize,
}

/// Number of alternations that counts as endless.
const FOR_EVER: usize = 12;

impl Theft {
    const GRACE: i64 = 2;
    const OWNER: usize = 0;
    const THIEF: usize = 1;

    /// Returns the maximum number of turns, which owner and thief take alternately.
    fn most_turns(&self) -> usize {
        let long_ago = Self::GRACE + 2;
        let start = Heist {
            counters: Counters::open(1, seconds_ago(long_ago)),
            owner: 1,
            thief: BTreeSet::new(),
            since: [long_ago; 2],
            last: None,
            turns: 0,
        };
        let (mut seen, mut queue) = (HashSet::from([start.clone()]), VecDeque::from([start]));
        let mut most = 0;
        while let Some(state) = queue.pop_front() {
            most = most.max(state.turns);
            if most >= FOR_EVER {
                return most;
            }
            for next in self.next(&state) {
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        most
    }

    fn next(&self, state: &Heist) -> Vec<Heist> {
        let mut next = vec![Self::a_second_later(state)];
        if state.thief.is_empty() {
            let mut copied = state.clone();
            copied.thief.insert(state.owner);
            next.push(copied);
        }
        let tokens = [(Self::OWNER, state.owner)];
        let stolen = state.thief.iter().map(|token| (Self::THIEF, *token));
        for (who, token) in tokens.into_iter().chain(stolen) {
            if !self.is_apart || state.since[1 - who] > Self::GRACE {
                next.extend(self.served(state, who, token));
            }
        }
        next
    }

    fn a_second_later(state: &Heist) -> Heist {
        let oldest = Self::GRACE + 2;
        let age = now().duration_since(state.counters.moved_at).as_secs();
        let mut next = state.clone();
        next.counters.moved_at = seconds_ago((age + 1).min(oldest));
        next.since = state.since.map(|since| (since + 1).min(oldest));
        next
    }

    /// Returns the state after the owner or the thief was served; `None` if the session ends.
    fn served(&self, state: &Heist, who: usize, token: u32) -> Option<Heist> {
        let policy = World {
            policy: self.policy,
            grace: Self::GRACE,
            ..CALM
        };
        let mut next = state.clone();
        match state
            .counters
            .decide(token, self.is_bound, &policy.policy(), now())
        {
            Decision::Move(_) => next.counters = state.counters.moved(token, now()),
            Decision::ServeAgain => {}
            Decision::Impossible | Decision::End => return None,
        }
        let served = next.counters.current;
        if who == Self::THIEF {
            next.thief.insert(served);
        } else if self.owner_rotates {
            next.owner = served;
        }
        if !state.thief.is_empty() && state.last != Some(who) {
            next.turns += 1;
        }
        next.last = Some(who);
        next.since[who] = 0;
        (served <= 16).then_some(next)
    }
}

#[test]
fn a_thief_and_an_owner_who_rotates_alternate_a_few_times_at_most() {
    for (policy, is_bound, most) in [
        (ReusePolicy::Recover, false, 3),
        (ReusePolicy::Recover, true, 3),
        (ReusePolicy::Strict, true, 1),
    ] {
        let theft = Theft {
            policy,
            is_bound,
            owner_rotates: true,
            is_apart: true,
        };
        assert_eq!(
            theft.most_turns(),
            most,
            "{policy:?}, challenge: {is_bound}"
        );
    }
}

#[test]
fn a_thief_within_the_grace_of_each_refresh_stays_in_step() {
    for policy in [ReusePolicy::Recover, ReusePolicy::Strict] {
        let theft = Theft {
            policy,
            is_bound: true,
            owner_rotates: true,
            is_apart: false,
        };
        assert_eq!(theft.most_turns(), FOR_EVER);
    }
}

#[test]
fn beside_an_owner_that_never_stores_a_thief_is_unseen_only_without_a_challenge() {
    for (is_bound, is_unseen) in [(false, true), (true, false)] {
        let theft = Theft {
            policy: ReusePolicy::Recover,
            is_bound,
            owner_rotates: false,
            is_apart: true,
        };
        assert_eq!(theft.most_turns() == FOR_EVER, is_unseen);
    }
}
