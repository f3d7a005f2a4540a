//! Does this look like what a guess takes it for? MPLS and UDP do not say what they carry; these checks
//! stand between a guess and a wrong packet.

use std::net::IpAddr;

use super::link::ethernet;
use super::rest::Rest;

/// An IPv4 or IPv6 header whose lengths fit into `rest`.
pub(super) fn ip(rest: Rest<'_>) -> bool {
    match rest.nibble() {
        Some(4) => ipv4(rest),
        Some(6) => ipv6(rest),
        _ => false,
    }
}

/// An IPv4 header whose lengths fit into `rest`; a total length of 0 (segmentation offload) is no proof.
pub(super) fn ipv4(rest: Rest<'_>) -> bool {
    let Some(&[first, _, hi, lo]) = rest.bytes.first_chunk::<4>() else {
        return false;
    };
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([hi, lo]));
    first >> 4 == 4 && header >= 20 && total >= header && total <= rest.wire_len()
}

/// An IPv6 header whose length fits into `rest`.
pub(super) fn ipv6(rest: Rest<'_>) -> bool {
    let (Some(6), Some(payload)) = (rest.nibble(), rest.be16(4)) else {
        return false;
    };
    rest.bytes.len() >= 40 && 40 + usize::from(payload) <= rest.wire_len()
}

/// An IPv4 header with a valid checksum, or an IPv6 packet that fits. For where an Ethernet address may
/// begin with a 4 or a 6 as well (RFC 8469).
pub(super) fn ip_surely(rest: Rest<'_>) -> bool {
    if ipv6(rest) {
        return true;
    }
    let header = usize::from(rest.u8(0).unwrap_or(0) & 0x0f) * 4;
    ipv4(rest)
        && rest
            .bytes
            .get(..header)
            .is_some_and(|bytes| ones_complement_sum(bytes) == 0xffff)
}

/// An Ethernet header followed by IP that fits, or by a protocol that is common on Ethernet.
pub(super) fn ethernet(rest: Rest<'_>) -> bool {
    let Some(mut ether_type) = rest.be16(12) else {
        return false;
    };
    let mut at = 14;
    while ethernet::is_vlan(ether_type) {
        let Some(next) = rest.be16(at + 2) else {
            return false;
        };
        ether_type = next;
        at += 4;
    }
    let Some(inner) = rest.after(at) else {
        return false;
    };
    match ether_type {
        0x0800 => ipv4(inner),
        0x86dd => ipv6(inner),
        // 802.3 with SNAP, spanning tree or IS-IS.
        3..=1500 => {
            usize::from(ether_type) <= inner.wire_len()
                && matches!(
                    inner.array(0),
                    Some([0xaa, 0xaa, 0x03] | [0x42, 0x42, 0x03] | [0xfe, 0xfe, 0x03])
                )
        }
        0x0806 | 0x8035 | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x888e | 0x88cc | 0x8809 | 0x9000 => {
            true
        }
        _ => false,
    }
}

/// IP that fills `rest`, as what was put together has to.
pub(super) fn ip_exactly(rest: Rest<'_>) -> bool {
    let length = match rest.nibble() {
        Some(4) => rest.be16(2).map(usize::from),
        _ => rest.be16(4).map(|payload| 40 + usize::from(payload)),
    };
    ip(rest) && length == Some(rest.wire_len())
}

/// IP that fills `rest`, for where no header before it says that it is IP. IPv6 has no checksum of its own,
/// so what it carries has to be common, and its addresses of ranges that are given out (RFC 4291 2.4: global,
/// unique local, link local).
pub(super) fn ip_alone(rest: Rest<'_>) -> bool {
    let given_out = |at| matches!(rest.u8(at), Some(0x20..=0x3f | 0xfc..=0xfe));
    let (next, to_group) = (rest.u8(6), rest.u8(24) == Some(0xff));
    let common = matches!(
        next,
        Some(0 | 4 | 6 | 17 | 41 | 43 | 44 | 47 | 50 | 51 | 58 | 60)
    );
    ip_exactly(rest)
        && ip_surely(rest)
        && (rest.nibble() == Some(4) || common && given_out(8) && (given_out(24) || to_group))
}

/// Whether the checksum of TCP or UDP is right (RFC 9293 3.1, RFC 768) in a packet that fills `rest`. No
/// checksum is not right.
pub(super) fn transport_checksum(rest: Rest<'_>) -> bool {
    const FRAGMENT: u16 = 0x3fff;
    let (protocol, header, addresses) = match rest.nibble() {
        Some(4) if rest.be16(6).is_some_and(|field| field & FRAGMENT == 0) => {
            let header = usize::from(rest.u8(0).unwrap_or(0) & 0x0f) * 4;
            (rest.u8(9), header, rest.bytes.get(12..20))
        }
        Some(6) => (rest.u8(6), 40, rest.bytes.get(8..40)),
        _ => return false,
    };
    let (Some(protocol @ (6 | 17)), Some(addresses), Some(body)) =
        (protocol, addresses, rest.after(header))
    else {
        return false;
    };
    if protocol == 17 && body.be16(6) == Some(0) {
        return false;
    }
    let Ok(length) = u16::try_from(body.bytes.len()) else {
        return false;
    };
    let pseudo = u32::from(protocol) + u32::from(length);
    rest.cut == 0 && folded(sum(body.bytes).wrapping_add(pseudo + sum(addresses))) == 0xffff
}

/// Whether the checksum of TCP or UDP is right between two addresses that stand elsewhere, in bytes that hold
/// all of it.
pub(super) fn checksum_between(protocol: u8, body: Rest<'_>, src: IpAddr, dst: IpAddr) -> bool {
    let of = |address: IpAddr| match address {
        IpAddr::V4(v4) => sum(&v4.octets()),
        IpAddr::V6(v6) => sum(&v6.octets()),
    };
    let no_checksum = protocol == 17 && body.be16(6) == Some(0);
    let Ok(length) = u16::try_from(body.bytes.len()) else {
        return false;
    };
    let pseudo = u32::from(protocol) + u32::from(length) + of(src) + of(dst);
    !no_checksum && body.cut == 0 && folded(sum(body.bytes).wrapping_add(pseudo)) == 0xffff
}

/// The checksum of an IPv4 header whose own field is zero (RFC 791 3.1).
pub(super) fn header_checksum(header: &[u8]) -> u16 {
    !ones_complement_sum(header)
}

fn ones_complement_sum(bytes: &[u8]) -> u16 {
    folded(sum(bytes))
}

/// 16 bits at a time. An IP packet has 32,768 of them at most, so that 32 bits hold it.
fn sum(bytes: &[u8]) -> u32 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let whole: u32 = pairs
        .iter()
        .map(|&pair| u32::from(u16::from_be_bytes(pair)))
        .fold(0, u32::wrapping_add);
    whole.wrapping_add(odd.first().map_or(0, |&last| u32::from(last) << 8))
}

fn folded(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    u16::try_from((once & 0xffff) + (once >> 16)).unwrap_or(0)
}
