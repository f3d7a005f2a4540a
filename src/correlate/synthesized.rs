//! IPv4 addresses in the form in which hosts of networks without IPv4 use them.

use std::net::{IpAddr, Ipv4Addr};

/// What an address stands for: of the well-known prefix 64:ff9b::/96 by definition the IPv4 address at its
/// end (RFC 6052 2.1), else itself.
#[must_use]
pub const fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.octets() {
            [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// Whether a server's address is an IPv4 address that a translator is to take out of an IPv6 address (NAT64, RFC 6146).
#[must_use]
pub const fn is_synthesized(address: IpAddr) -> bool {
    address.is_ipv6() && plain(address).is_ipv4()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_prefix_alone_holds_ipv4_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(plain(ip("64:ff9b::c000:201")), ip("192.0.2.1"));
        assert!(is_synthesized(ip("64:ff9b::c000:201")));
        for other in [
            "64:ff9b:1::c000:201",
            "::ffff:192.0.2.1",
            "192.0.2.1",
            "2001:db8::1",
        ] {
            assert_eq!(plain(ip(other)), ip(other));
            assert!(!is_synthesized(ip(other)));
        }
    }
}
