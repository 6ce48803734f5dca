//! Pauses between attempts that the SDK does not retry: cancelled transactions, and
//! unprocessed keys of a batch read.
//!
//! `docs/decisions/0023-retries-of-the-store.md` explains the numbers.

use std::time::{Duration, Instant};

use upblit_base::random::{self, Rng};

/// Maximum pause before each attempt after the first; the minimum is half of it.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(320),
];

/// No attempt starts later than this after the first. The SDK limits each to 1.8 s, so all
/// end within 2.8 s.
const LATEST: Duration = Duration::from_secs(1);

/// Attempts of one operation.
pub(crate) struct Backoff {
    began: Instant,
    pauses: usize,
}

/// The attempts or the time are used up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Backoff {
    /// Starts the clock, before the first attempt.
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
            pauses: 0,
        }
    }

    /// Waits until the next attempt.
    ///
    /// # Errors
    /// When there should be no further attempt.
    pub(crate) async fn pause(&mut self) -> Result<(), Exhausted> {
        let pause = pause(self.pauses, self.began.elapsed(), &mut random::rng())?;
        self.pauses += 1;
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Returns the length of the next pause, after `pauses` earlier ones.
fn pause(pauses: usize, elapsed: Duration, rng: &mut impl Rng) -> Result<Duration, Exhausted> {
    let most = PAUSES.get(pauses).ok_or(Exhausted)?;
    let pause = random::jittered(rng, *most);
    if elapsed + pause > LATEST {
        return Err(Exhausted);
    }
    Ok(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pauses: usize, elapsed: Duration) -> Result<Duration, Exhausted> {
        pause(pauses, elapsed, &mut random::rng())
    }

    #[test]
    fn pauses_grow_and_vary() {
        for (pauses, most) in PAUSES.into_iter().enumerate() {
            let waits: Vec<Duration> = (0..50)
                .map(|_| after(pauses, Duration::ZERO).unwrap())
                .collect();
            let in_bounds = |wait: &Duration| (most / 2..=most).contains(wait);
            assert!(waits.iter().all(in_bounds), "{pauses}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{pauses}");
        }
    }

    #[test]
    fn attempts_are_bounded_in_number_and_in_time() {
        assert_eq!(after(PAUSES.len(), Duration::ZERO), Err(Exhausted));
        assert_eq!(after(0, LATEST), Err(Exhausted));
        let shortest = PAUSES[0] / 2;
        let too_late = LATEST - shortest + Duration::from_millis(1);
        assert_eq!(after(0, too_late), Err(Exhausted));
        assert!(after(0, LATEST - PAUSES[0]).is_ok());
    }

    #[tokio::test]
    async fn a_pause_waits_and_uses_up_an_attempt() {
        let mut backoff = Backoff::start();
        for most in PAUSES {
            let began = Instant::now();
            backoff.pause().await.unwrap();
            assert!(began.elapsed() >= most / 2);
        }
        assert_eq!(backoff.pause().await, Err(Exhausted));
    }
}
