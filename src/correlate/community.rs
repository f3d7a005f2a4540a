//! Community ID v1 (<https://github.com/corelight/community-id-spec>): one name for a connection in the logs of
//! all tools.

use std::net::{IpAddr, SocketAddr};

use crate::crypto::sha1;
use crate::finding::CommunityId;
use crate::flow::Transport;

/// The Community ID of a connection, with the seed 0 that every tool comes set to. Both directions have the same.
#[must_use]
pub fn community_id(transport: Transport, a: SocketAddr, b: SocketAddr) -> CommunityId {
    const SEED: u16 = 0;
    let protocol = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    };
    // The numerically smaller end first: addresses by their octets in network order, then ports.
    let [first, second] = if (a.ip(), a.port()) <= (b.ip(), b.port()) {
        [a, b]
    } else {
        [b, a]
    };
    let mut bytes = Vec::with_capacity(40);
    bytes.extend(SEED.to_be_bytes());
    for end in [first, second] {
        match end.ip() {
            IpAddr::V4(ip) => bytes.extend(ip.octets()),
            IpAddr::V6(ip) => bytes.extend(ip.octets()),
        }
    }
    bytes.extend([protocol, 0]);
    for end in [first, second] {
        bytes.extend(end.port().to_be_bytes());
    }
    CommunityId(sha1(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::base64;

    fn id(transport: Transport, a: &str, b: &str) -> String {
        let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
        let id = community_id(transport, a, b);
        assert_eq!(id, community_id(transport, b, a), "both directions");
        format!("1:{}", base64(&id.0))
    }

    #[test]
    fn version_6_and_equal_addresses_are_ordered_too() {
        let six = id(Transport::Udp, "[2001:db8::1]:4500", "[2001:db8::2]:500");
        assert_eq!(six.len(), "1:".len() + 28);
        id(Transport::Tcp, "127.0.0.1:51000", "127.0.0.1:443");
    }

    /// The baseline of the specification (`baseline/baseline_deflt.json`).
    #[test]
    fn the_specification_says_so() {
        assert_eq!(
            id(Transport::Tcp, "128.232.110.120:34855", "66.35.250.204:80"),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id(Transport::Udp, "192.168.1.52:54585", "8.8.8.8:53"),
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
        );
    }
}
