//! Recognizes the client that moved a session, without storing its address or browser.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::hmac;

use crate::signing::SigningKeys;

/// A client, identified by its `User-Agent` and its network.
pub struct Client<'a> {
    /// `User-Agent` header. Empty if the request has none.
    pub user_agent: &'a str,
    /// Address of the client, if known.
    pub address: Option<IpAddr>,
}

/// Mark of a client: four bytes of the HMAC-SHA-256 of its `User-Agent`, one byte for the family of its
/// address (0 if unknown), and three bytes of the HMAC-SHA-256 of its network.
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

    /// Returns whether a stored mark belongs to this client: the same `User-Agent` and the same
    /// network. Networks of different families are not compared, because one client may use both
    /// in turn. Accepts marks made with the current or the previous signing key.
    pub fn has_mark(&self, mark: ClientMark, keys: &SigningKeys) -> bool {
        let (agent, network) = mark.0.split_at(AGENT_BYTES);
        keys.for_verification().any(|keys| {
            let own = self.mark_under(&keys.client_mark).0;
            let (own_agent, own_network) = own.split_at(AGENT_BYTES);
            let is_known = network[0] != 0 && own_network[0] != 0;
            let is_other_family = is_known && network[0] != own_network[0];
            own_agent == agent && (is_other_family || own_network == network)
        })
    }

    fn mark_under(&self, key: &hmac::Key) -> ClientMark {
        let agent = tag(key, b'a', self.user_agent.as_bytes());
        let network = network(self.address);
        let network_tag = tag(key, b'n', &network);
        let mut mark = [0; ClientMark::BYTES];
        mark[..AGENT_BYTES].copy_from_slice(&agent.as_ref()[..AGENT_BYTES]);
        mark[AGENT_BYTES] = network[0];
        let rest = ClientMark::BYTES - AGENT_BYTES - 1;
        mark[AGENT_BYTES + 1..].copy_from_slice(&network_tag.as_ref()[..rest]);
        ClientMark(mark)
    }
}

/// Number of bytes of a mark that come from the `User-Agent`.
const AGENT_BYTES: usize = 4;

fn tag(key: &hmac::Key, purpose: u8, value: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(&[purpose]);
    context.update(value);
    context.sign()
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
    fn a_client_is_recognized_within_its_network_and_not_in_others_of_the_same_family() {
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
            client("Browser/2", "2001:db8::1"),
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
    fn a_client_that_alternates_between_ipv4_and_ipv6_is_recognized() {
        let keys = keys("k");
        let (four, six) = (
            client("Browser/1", "192.0.2.7"),
            client("Browser/1", "2001:db8::1"),
        );
        assert!(four.has_mark(six.mark(&keys), &keys));
        assert!(six.has_mark(four.mark(&keys), &keys));
        let elsewhere = client("Browser/1", "2001:db9::1");
        assert!(!elsewhere.has_mark(six.mark(&keys), &keys));
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
