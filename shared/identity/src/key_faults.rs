//! Limits the lookups of unknown API keys, in the memory of one instance. A flood of invented keys
//! with valid checksums would otherwise cost a read each.
//!
//! A fault is a lookup that finds no key with the presented secret. Faults are counted by network and
//! key, so that a client that repeats one invalid key does not affect other keys, and by network, which
//! bounds a flood of different keys. A denial lasts a few seconds, because a client in the same network
//! may hold a valid key that this instance has not seen. Keys that were valid on this instance are not
//! subject to these limits.

use std::net::IpAddr;
use std::num::NonZeroUsize;

use jiff::Timestamp;
use lru::LruCache;
use upblit_base::ids::PublicKeyId;

/// Length of the window in which faults are counted, in seconds. Also the longest wait:
/// OpenTelemetry SDKs drop a batch whose `Retry-After` is longer than their budget of 10 s.
const WINDOW_SECONDS: i64 = 5;

/// Faults of one key from one network after which it is denied in a window.
const MAX_FAULTS_OF_KEY: u32 = 5;

/// Faults of one network after which keys that have not been seen are denied in a window.
const MAX_FAULTS_OF_NETWORK: u32 = 100;

const NETWORKS: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();
const KEYS: NonZeroUsize = NonZeroUsize::new(4_000).unwrap();

/// Network of a client: an IPv4 address, or the /64 of an IPv6 address, which usually belongs to one
/// client. `None` without a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(Option<IpAddr>);

impl Network {
    fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => {
                let host_bits = u128::from(u64::MAX);
                IpAddr::V6((address.to_bits() & !host_bits).into())
            }
            address @ IpAddr::V4(_) => address,
        }))
    }
}

/// Number of faults in a window.
#[derive(Debug, Clone, Copy)]
struct Count {
    window: i64,
    faults: u32,
}

impl Count {
    fn add(&mut self, window: i64) {
        if self.window != window {
            *self = Self { window, faults: 0 };
        }
        self.faults = self.faults.saturating_add(1);
    }

    fn has(&self, faults: u32, window: i64) -> bool {
        self.window == window && self.faults >= faults
    }
}

/// Faults of the current window, by network and key.
#[derive(Debug)]
pub struct KeyFaults {
    networks: LruCache<Network, Count>,
    keys: LruCache<(Network, PublicKeyId), Count>,
}

impl Default for KeyFaults {
    fn default() -> Self {
        Self {
            networks: LruCache::new(NETWORKS),
            keys: LruCache::new(KEYS),
        }
    }
}

impl KeyFaults {
    /// Returns the seconds, 1 to 5, for which this key must not be looked up for this client, or
    /// `None` if it may be.
    pub fn wait(
        &mut self,
        address: Option<IpAddr>,
        key: PublicKeyId,
        now: Timestamp,
    ) -> Option<u8> {
        let network = Network::of(address);
        let window = window(now);
        let is_denied = |count: Option<&Count>, limit| count.is_some_and(|c| c.has(limit, window));
        let denied = is_denied(self.keys.get(&(network, key)), MAX_FAULTS_OF_KEY)
            || is_denied(self.networks.get(&network), MAX_FAULTS_OF_NETWORK);
        denied.then(|| seconds_left(window, now))
    }

    /// Counts a lookup of a key that does not exist or has another secret.
    pub fn record(&mut self, address: Option<IpAddr>, key: PublicKeyId, now: Timestamp) {
        let network = Network::of(address);
        let window = window(now);
        let none = || Count { window, faults: 0 };
        self.networks.get_or_insert_mut(network, none).add(window);
        self.keys
            .get_or_insert_mut((network, key), none)
            .add(window);
    }
}

fn window(now: Timestamp) -> i64 {
    now.as_second().div_euclid(WINDOW_SECONDS)
}

/// Seconds until the next window, rounded up.
fn seconds_left(window: i64, now: Timestamp) -> u8 {
    let left = (window + 1) * WINDOW_SECONDS - now.as_second();
    u8::try_from(left).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use upblit_base::ids::{ApplicationId, Environment, KeyId};
    use upblit_base::random;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    fn key() -> PublicKeyId {
        let mut rng = random::rng();
        PublicKeyId {
            application_id: ApplicationId::generate(Environment::Test, &mut rng),
            key_id: KeyId::generate(&mut rng),
        }
    }

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn a_key_is_denied_for_the_clients_of_one_network() {
        for (sender, other, is_same) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("", "", true),
            ("192.0.2.7", "", false),
        ] {
            let mut faults = KeyFaults::default();
            let key = key();
            let now = at(0);
            for _ in 0..MAX_FAULTS_OF_KEY {
                assert_eq!(faults.wait(address(sender), key, now), None);
                faults.record(address(sender), key, now);
            }
            assert!(faults.wait(address(sender), key, now).is_some());
            let denied = faults.wait(address(other), key, now).is_some();
            assert_eq!(denied, is_same, "{sender} and {other}");
        }
    }

    #[test]
    fn one_invalid_key_denies_no_other_and_many_deny_their_network_for_a_window() {
        let mut faults = KeyFaults::default();
        let now = at(0);
        let one = key();
        let other = key();
        (0..MAX_FAULTS_OF_KEY).for_each(|_| faults.record(None, one, now));
        assert_eq!(faults.wait(None, other, now), None);
        (MAX_FAULTS_OF_KEY..MAX_FAULTS_OF_NETWORK).for_each(|_| faults.record(None, key(), now));
        assert_eq!(faults.wait(None, other, now), Some(5));
        assert_eq!(faults.wait(address("192.0.2.7"), other, now), None);
        assert_eq!(faults.wait(None, other, at(5_000)), None);
    }

    #[test]
    fn the_wait_ends_with_the_window_and_is_five_seconds_at_most() {
        for (now, wait) in [(0, 5), (999, 5), (1_000, 4), (4_000, 1), (4_999, 1)] {
            let (mut faults, key) = (KeyFaults::default(), key());
            let now = at(now);
            (0..MAX_FAULTS_OF_KEY).for_each(|_| faults.record(None, key, now));
            assert_eq!(faults.wait(None, key, now), Some(wait), "{now}");
            let later = now + jiff::SignedDuration::from_secs(wait.into());
            assert_eq!(faults.wait(None, key, later), None, "{now}");
        }
    }
}
