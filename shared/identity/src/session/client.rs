//! Recognizes the client that moved a session, without storing its address or browser.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::{constant_time, hmac};

use crate::signing::SigningKeys;

/// A client, identified by its `User-Agent` and its network.
pub struct Client<'a> {
    /// `User-Agent` header. Empty if the request has none.
    pub user_agent: &'a str,
    /// Address of the client, if known.
    pub address: Option<IpAddr>,
}

/// Truncated HMAC-SHA-256 of a client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientMark([u8; Self::BYTES]);

impl ClientMark {
    /// Length in bytes: enough to distinguish the clients of a session, too short to identify
    /// one among many.
    pub const BYTES: usize = 8;

    /// Creates a mark from stored bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for ClientMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientMark")
    }
}

impl Client<'_> {
    /// Returns the client's mark, made with the current signing key.
    pub fn mark(&self, keys: &SigningKeys) -> ClientMark {
        self.mark_under(&keys.current().client_mark)
    }

    /// Returns whether a stored mark belongs to this client. Accepts marks made with the
    /// current or the previous signing key.
    pub fn has_mark(&self, mark: ClientMark, keys: &SigningKeys) -> bool {
        keys.for_verification().any(|keys| {
            let own = self.mark_under(&keys.client_mark);
            constant_time::verify_slices_are_equal(&own.0, &mark.0).is_ok()
        })
    }

    fn mark_under(&self, key: &hmac::Key) -> ClientMark {
        let mut context = hmac::Context::with_key(key);
        context.update(&network(self.address));
        context.update(self.user_agent.as_bytes());
        let mut mark = [0; ClientMark::BYTES];
        mark.copy_from_slice(&context.sign().as_ref()[..ClientMark::BYTES]);
        ClientMark(mark)
    }
}

/// Returns the network of an address: its /24 (IPv4) or /48 (IPv6). Addresses within it change
/// while the client stays the same.
fn network(address: Option<IpAddr>) -> [u8; 7] {
    let mut network = [0; 7];
    match address.map(|address| address.to_canonical()) {
        None => {}
        Some(IpAddr::V4(address)) => {
            network[0] = 4;
            network[1..4].copy_from_slice(&address.octets()[..3]);
        }
        Some(IpAddr::V6(address)) => {
            network[0] = 6;
            network[1..].copy_from_slice(&address.octets()[..6]);
        }
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> SigningKeys {
        SigningKeys::new(&secret.repeat(32).into(), None).unwrap()
    }

    fn client(user_agent: &'static str, address: &str) -> Client<'static> {
        Client {
            user_agent,
            address: address.parse().ok(),
        }
    }

    #[test]
    fn a_client_is_recognised_within_its_network_and_nowhere_else() {
        let keys = keys("k");
        let known = client("Browser/1", "192.0.2.7");
        let same = [
            client("Browser/1", "192.0.2.200"),
            client("Browser/1", "::ffff:192.0.2.9"),
        ];
        for client in same {
            assert!(client.has_mark(known.mark(&keys), &keys));
        }
        for other in [
            client("Browser/2", "192.0.2.7"),
            client("Browser/1", "192.0.3.7"),
            client("Browser/1", "2001:db8::1"),
            client("Browser/1", ""),
        ] {
            assert!(
                !other.has_mark(known.mark(&keys), &keys),
                "{:?}",
                other.address
            );
        }
        let home = client("Browser/1", "2001:db8:1:2::1");
        assert!(client("Browser/1", "2001:db8:1:ffff::9").has_mark(home.mark(&keys), &keys));
    }

    #[test]
    fn a_mark_survives_a_rotation_of_the_signing_key_and_depends_on_it() {
        let client = client("Browser/1", "192.0.2.7");
        let old = client.mark(&keys("o"));
        let (new, previous) = ("n".repeat(32).into(), "o".repeat(32).into());
        let rotated = SigningKeys::new(&new, Some(&previous)).unwrap();
        assert!(client.has_mark(old, &rotated));
        assert!(!client.has_mark(old, &keys("n")));
    }
}
