//! Which TTLs say something about who sent a packet.

use std::net::IpAddr;

use super::{Body, Packet};
use crate::flow::Transport;

/// UDP ports of protocols that set a TTL of their own also where they speak to one host: SSDP (UPnP Device
/// Architecture 2.0 1.3), BFD (RFC 5881 5, RFC 5883 5), WS-Discovery (DPWS 1.1 appendix B), multicast DNS
/// (RFC 6762 11), LLMNR (RFC 4795 2.5).
const UDP_WITH_OWN: [u16; 6] = [1_900, 3_702, 3_784, 4_784, 5_353, 5_355];

/// TCP ports of routing protocols that guard themselves by their TTL (RFC 5082 3, RFC 6720): BGP, MSDP, LDP.
const TCP_WITH_OWN: [u16; 3] = [179, 639, 646];

impl Packet<'_> {
    /// The transport whose default, in the sender's stack, the TTL began with. None where it was chosen for
    /// this packet: what goes to many is held back on the link (RFC 1112 6.1, RFC 3493 5.2: 1 unless the
    /// program says otherwise), and some protocols set it.
    #[must_use]
    pub fn ttl_default_of(&self) -> Option<Transport> {
        let (transport, ports, with_own) = match &self.body {
            Body::Tcp(s) => (Transport::Tcp, [s.src_port, s.dst_port], &TCP_WITH_OWN[..]),
            Body::Udp(d) => (Transport::Udp, [d.src_port, d.dst_port], &UDP_WITH_OWN[..]),
            Body::Unreachable(_) | Body::Other(_) => return None,
        };
        let chosen = is_for_many(self.dst) || ports.iter().any(|port| with_own.contains(port));
        (!chosen).then_some(transport)
    }
}

const fn is_for_many(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Scope;
    use crate::wire::{Datagram, Segment};

    fn default_of(dst: &str, body: Body<'_>) -> Option<Transport> {
        let packet = Packet {
            scope: Scope(0),
            base: Scope(0),
            src: "10.0.0.5".parse().unwrap(),
            dst: dst.parse().unwrap(),
            ttl: 64,
            mac: None,
            by_this_host: None,
            device: None,
            body,
        };
        packet.ttl_default_of()
    }

    fn udp(src_port: u16, dst_port: u16) -> Body<'static> {
        Body::Udp(Datagram {
            src_port,
            dst_port,
            payload: b"x",
            cut: 0,
        })
    }

    fn tcp(dst_port: u16) -> Body<'static> {
        Body::Tcp(Segment {
            src_port: 40_000,
            dst_port,
            seq: 0,
            ack: 0,
            flags: Segment::SYN,
            window: 0,
            options: &[],
            payload: &[],
            cut: 0,
        })
    }

    #[test]
    fn ordinary_packets_begin_with_the_default_of_their_stack() {
        assert_eq!(default_of("192.0.2.1", tcp(443)), Some(Transport::Tcp));
        assert_eq!(
            default_of("192.0.2.1", udp(50_000, 443)),
            Some(Transport::Udp)
        );
        assert_eq!(
            default_of("10.0.0.1", udp(50_000, 53)),
            Some(Transport::Udp)
        );
        assert_eq!(default_of("fe80::1", udp(50_000, 53)), Some(Transport::Udp));
    }

    #[test]
    fn what_goes_to_many_has_a_ttl_of_its_own() {
        for many in [
            "224.0.0.251",
            "239.255.255.250",
            "255.255.255.255",
            "ff02::fb",
        ] {
            assert_eq!(default_of(many, udp(50_000, 50_001)), None, "{many}");
        }
    }

    #[test]
    fn protocols_that_set_their_ttl_do_so_to_one_host_too() {
        for (src, dst) in [
            (5_353, 5_353),
            (50_000, 5_353),
            (5_355, 50_000),
            (1_900, 50_000),
        ] {
            assert_eq!(
                default_of("10.0.0.9", udp(src, dst)),
                None,
                "{src} to {dst}"
            );
        }
        assert_eq!(default_of("10.0.0.9", tcp(179)), None);
        assert_eq!(default_of("10.0.0.9", Body::Other(2)), None);
    }
}
