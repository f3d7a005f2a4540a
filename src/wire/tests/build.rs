//! Headers by hand, in either direction of one conversation.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::event::Mac;

pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
pub(super) const CLIENT_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub(super) const SERVER_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
/// Ends of tunnels.
pub(super) const NEAR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
pub(super) const FAR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
const NEAR_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 1);
const FAR_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 2);
pub(super) const PORTS: (u16, u16) = (40_000, 443);
pub(super) const HELLO: &[u8] = b"hello, world";
pub(super) const TSVAL: u32 = 0x0102_0304;

/// CRC of ITU-T with the lowest bit first, as 802.15.4-2020 7.2.11 and DOCSIS have it.
pub(super) fn crc(start: u16, bytes: &[u8]) -> u16 {
    let mut check = start;
    for byte in bytes {
        check ^= u16::from(*byte);
        for _ in 0..8 {
            let odd = check & 1 == 1;
            check >>= 1;
            if odd {
                check ^= 0x8408;
            }
        }
    }
    check
}

/// Which end sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    There,
    Back,
}

impl Way {
    fn pick<T>(self, there: T, back: T) -> T {
        match self {
            Self::There => there,
            Self::Back => back,
        }
    }

    /// MAC address of whoever sends the inner frame.
    pub(super) fn mac(self) -> Mac {
        Mac(self.pick([2, 0, 0, 0, 0, 0x0c], [2, 0, 0, 0, 0, 0x05]))
    }

    /// MAC address of whoever sends the outer frame of a tunnel.
    pub(super) fn outer_mac(self) -> Mac {
        Mac(self.pick([2, 0, 0, 0, 1, 0x0c], [2, 0, 0, 0, 1, 0x05]))
    }

    fn other(self) -> Self {
        self.pick(Self::Back, Self::There)
    }

    /// TCP with a timestamp option.
    pub(super) fn tcp(self) -> Vec<u8> {
        let (from, to) = self.pick(PORTS, (PORTS.1, PORTS.0));
        let mut bytes = cat(&[&from.to_be_bytes(), &to.to_be_bytes()]);
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x18, 0x10, 0, 0, 0, 0, 0]);
        bytes.extend([1, 1, 8, 10]);
        bytes.extend(TSVAL.to_be_bytes());
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(HELLO);
        bytes
    }

    /// The inner conversation over IPv4.
    pub(super) fn ip4(self) -> Vec<u8> {
        let (from, to) = self.pick((CLIENT, SERVER), (SERVER, CLIENT));
        ipv4(from, to, 6, &self.tcp())
    }

    /// The same with the checksum of TCP, which what puts packets together looks at.
    pub(super) fn ip4_summed(self) -> Vec<u8> {
        let mut packet = self.ip4();
        let length = u16::try_from(packet.len() - 20).unwrap();
        let pseudo = cat(&[&packet[12..20], &[0, 6], &length.to_be_bytes()]);
        let sum = checksum(&cat(&[&pseudo, &packet[20..]]));
        packet[36..38].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    /// The inner conversation over IPv6.
    pub(super) fn ip6(self) -> Vec<u8> {
        let (from, to) = self.pick((CLIENT_6, SERVER_6), (SERVER_6, CLIENT_6));
        ipv6(from, to, 6, &self.tcp())
    }

    /// The inner conversation in Ethernet.
    pub(super) fn ethernet(self) -> Vec<u8> {
        self.ethernet_of(0x0800, &self.ip4())
    }

    pub(super) fn ethernet_of(self, ether_type: u16, payload: &[u8]) -> Vec<u8> {
        let to = self.other().mac().0;
        cat(&[&to, &self.mac().0, &ether_type.to_be_bytes(), payload])
    }

    /// IPv4 between tunnel ends.
    pub(super) fn outer_ip(self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.pick((NEAR, FAR), (FAR, NEAR));
        ipv4(from, to, protocol, payload)
    }

    /// The same over IPv6.
    pub(super) fn outer_ip6(self, next: u8, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.pick((NEAR_6, FAR_6), (FAR_6, NEAR_6));
        ipv6(from, to, next, payload)
    }

    /// Ethernet between the stations that the tunnel's ends use.
    pub(super) fn outer_ethernet(self, ether_type: u16, payload: &[u8]) -> Vec<u8> {
        let (to, from) = (self.other().outer_mac().0, self.outer_mac().0);
        cat(&[&to, &from, &ether_type.to_be_bytes(), payload])
    }

    /// IPv4 between tunnel ends, in Ethernet.
    pub(super) fn outer(self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        self.outer_ethernet(0x0800, &self.outer_ip(protocol, payload))
    }

    /// UDP between tunnel ends.
    pub(super) fn outer_udp(self, from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
        self.outer(17, &udp(from, to, payload))
    }
}

pub(super) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    cat(&[
        &from.to_be_bytes(),
        &to.to_be_bytes(),
        &length.to_be_bytes(),
        &[0, 0],
        payload,
    ])
}

pub(super) fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    fragment4(from, to, protocol, 0x4000, payload)
}

/// IPv4 with the flags and offset field given; the header checksum is right.
pub(super) fn fragment4(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: u8,
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let total = u16::try_from(payload.len() + 20).unwrap();
    let mut header = cat(&[
        &[0x45, 0],
        &total.to_be_bytes(),
        &[0x12, 0x34],
        &fragment.to_be_bytes(),
        &[64, protocol, 0, 0],
        &from.octets(),
        &to.octets(),
    ]);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    cat(&[&header, payload])
}

/// RFC 1071.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

pub(super) fn ipv6(from: Ipv6Addr, to: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    cat(&[
        &[0x60, 0, 0, 0],
        &length.to_be_bytes(),
        &[next, 64],
        &from.octets(),
        &to.octets(),
        payload,
    ])
}

pub(super) fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
