//! The state machine of refresh tokens, through storage: concurrent pages without a lock, the exact end
//! of the grace, and restored tables.

mod agreement;
mod notices;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use shared::base::clock;

use crate::refresh::{put, refused, row, strict, successor};
use crate::support::Backend;
use crate::support::callers::{GRACE_SECONDS, refresh};

fn millis(backend: &Backend, millis: u64) {
    backend.clock.advance(Duration::from_millis(millis));
}

#[tokio::test]
async fn a_session_moves_at_most_once_per_grace() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    for _ in 0..3 {
        ada.refresh().await;
        assert_eq!(
            ada.refresh_token, first,
            "the first grace begins at sign-in"
        );
        millis(&backend, 13);
    }
    ada.rotate().await;
    let second = ada.refresh_token.clone();
    assert_ne!(second, first);
    ada.refresh().await;
    assert_eq!(ada.refresh_token, second);
}

#[tokio::test]
async fn a_token_from_two_swaps_ago_still_gets_the_newest_within_the_grace() {
    for backend in [Backend::start().await, strict().await] {
        let mut ada = backend.sign_in("ada").await;
        let first = ada.refresh_token.clone();
        ada.rotate().await;
        ada.rotate().await;
        millis(&backend, 26);
        assert_eq!(
            successor(&refresh(&backend, &first).await),
            ada.refresh_token
        );
        assert_eq!(ada.rotate().await.status, 200);
    }
}

/// The grace ends after its last millisecond.
#[tokio::test]
async fn a_displaced_token_ends_the_session_one_millisecond_after_the_grace() {
    for (late, is_served) in [
        (GRACE_SECONDS * 1_000, true),
        (GRACE_SECONDS * 1_000 + 1, false),
    ] {
        let backend = Backend::start().await;
        let mut ada = backend.sign_in("ada").await;
        let displaced = ada.refresh_token.clone();
        ada.rotate().await;
        ada.rotate().await;
        millis(&backend, late);
        let response = refresh(&backend, &displaced).await;
        if is_served {
            assert_eq!(successor(&response), ada.refresh_token);
        } else {
            refused(&response);
            refused(&ada.refresh().await);
        }
    }
}

#[tokio::test]
async fn a_token_that_a_recovery_replaced_gets_the_newest_only_within_the_grace() {
    for (late, is_served) in [
        (GRACE_SECONDS * 1_000, true),
        (GRACE_SECONDS * 1_000 + 1, false),
    ] {
        let backend = Backend::start().await;
        let mut ada = backend.sign_in("ada").await;
        let first = ada.refresh_token.clone();
        ada.rotate().await;
        backend.later(GRACE_SECONDS + 1);
        let recovered = successor(&refresh(&backend, &first).await);
        millis(&backend, late);
        let response = ada.refresh().await;
        if is_served {
            assert_eq!(successor(&response), recovered);
        } else {
            refused(&response);
            refused(&refresh(&backend, &recovered).await);
        }
    }
}

#[tokio::test]
async fn a_token_above_the_current_one_is_refused_and_ends_nothing() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let restored = row(&backend).await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    put(&backend, restored).await;
    for _ in 0..2 {
        refused(&ada.refresh().await);
        assert_eq!(backend.calls.take(), ["UpdateItem"]);
        backend.later(GRACE_SECONDS + 1);
    }
    assert_eq!(refresh(&backend, &first).await.status, 200);
}

/// What happens in a browser: a page sends a request, the request reaches the server, or a page stores
/// the response.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Sent,
    Arrives(String),
    Stored(String),
}

/// Ten pages refresh within 300 ms without a lock; each sends the token that is stored when it begins,
/// and stores the one it gets. One response in ten is lost.
#[tokio::test]
async fn ten_pages_without_a_lock_are_never_signed_out() {
    for seed in 0..10_u8 {
        let backend = Backend::start().await;
        let ada = backend.sign_in("ada").await;
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut stored = ada.refresh_token;
        for round in 0..5 {
            backend.later(900);
            stored = crowd(
                &backend,
                stored,
                &mut rng,
                &format!("seed {seed}, round {round}"),
            )
            .await;
        }
    }
}

async fn crowd(backend: &Backend, mut stored: String, rng: &mut TestRng, name: &str) -> String {
    let mut random = |most: u64| u64::from(rng.next_u32()) % most;
    let start = backend.clock.now();
    let mut events = BinaryHeap::new();
    for _ in 0..10 {
        events.push(Reverse((random(300), Event::Sent)));
    }
    while let Some(Reverse((at, event))) = events.pop() {
        backend
            .clock
            .set(clock::after(start, Duration::from_millis(at)));
        match event {
            Event::Sent => events.push(Reverse((at + random(150), Event::Arrives(stored.clone())))),
            Event::Arrives(token) => {
                let response = refresh(backend, &token).await;
                assert_eq!(response.status, 200, "{name}");
                if random(10) > 0 {
                    let answer = successor(&response);
                    events.push(Reverse((at + random(150), Event::Stored(answer))));
                }
            }
            Event::Stored(token) => stored = token,
        }
    }
    stored
}
