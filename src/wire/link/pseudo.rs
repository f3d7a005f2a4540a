//! Headers that exist only in captures: loopback families, Linux cooked, PF logs, PKTAP.

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::{netlink, short, skip, source};
use crate::frame::LinkType;

/// Cooked packet types (Linux if_packet.h): for us.
const SLL_TO_US: u16 = 0;
/// The last of broadcast and multicast.
const SLL_TO_ALL: u16 = 2;
/// Between others.
const SLL_TO_OTHER: u16 = 3;
/// Sent by us.
const SLL_OUTGOING: u16 = 4;
/// What 802.15.4 has on Ethernet.
const WPAN_TYPE: u16 = 0x809a;
/// ARPHRD_LOOPBACK.
pub(in crate::wire) const LOOPBACK: u16 = 772;

/// BSD loopback: an address family in the byte order of whoever wrote it (LINKTYPE_NULL), or in network
/// order (LINKTYPE_LOOP).
pub(super) fn loopback(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let field = rest.array::<4>(0).ok_or_else(|| short(rest))?;
    match (family(field), field) {
        (Some(_), _) => Ok(Next::Ip(skip(rest, 4)?)),
        // AF_ISO.
        (None, [7, 0, 0, 0] | [0, 0, 0, 7]) => super::llc::nlpid(skip(rest, 4)?),
        // Some drivers put an EtherType into the lower half (ISDN4BSD).
        (None, [_, _, hi @ 0x06..=0xff, lo]) => Ok(Next::EtherType(
            u16::from_be_bytes([hi, lo]),
            skip(rest, 4)?,
        )),
        _ => Err(Undecoded::NotIp),
    }
}

/// The IP version of an address family, in either byte order. The numbers for IPv6 differ: Linux 10,
/// Windows 23, NetBSD and OpenBSD 24, Solaris 26, FreeBSD 28, macOS 30.
pub(in crate::wire) const fn family(field: [u8; 4]) -> Option<u8> {
    let ([low, 0, 0, 0] | [0, 0, 0, low]) = field else {
        return None;
    };
    match low {
        2 => Some(4),
        10 | 23 | 24 | 26 | 28 | 30 => Some(6),
        _ => None,
    }
}

/// Who sent a cooked packet. Everything on a loopback device is ours, though the kernel calls it incoming.
pub(in crate::wire) const fn cooked_sender(packet_type: u16, hardware: u16) -> Option<bool> {
    match packet_type {
        _ if hardware == LOOPBACK => Some(true),
        SLL_TO_US..=SLL_TO_ALL | SLL_TO_OTHER => Some(false),
        SLL_OUTGOING => Some(true),
        _ => None,
    }
}

/// Linux cooked capture, first form. The protocol field is read for every device type: loopback, tun and
/// Wi-Fi devices fill it in like Ethernet.
pub(super) fn sll<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let header = rest.array::<16>(0).ok_or_else(|| short(rest))?;
    let header = Rest {
        bytes: &header,
        cut: 0,
    };
    let packet_type = header.be16(0).unwrap_or_default();
    let hardware = header.be16(2).unwrap_or_default();
    let address_length = header.be16(4).unwrap_or_default();
    let protocol = header.be16(14).unwrap_or_default();
    if let Some(ours) = cooked_sender(packet_type, hardware) {
        walk.by_this_host = Some(ours);
    }
    if address_length == 6 {
        walk.mac = header.array(6).and_then(source);
    }
    cooked(walk, hardware, protocol, skip(rest, 16)?)
}

/// Linux cooked capture, second form.
pub(super) fn sll2<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let header = rest.array::<20>(0).ok_or_else(|| short(rest))?;
    let header = Rest {
        bytes: &header,
        cut: 0,
    };
    let protocol = header.be16(0).unwrap_or_default();
    let hardware = header.be16(8).unwrap_or_default();
    let packet_type = u16::from(header.u8(10).unwrap_or_default());
    walk.cross(header.be32(4).unwrap_or_default());
    if let Some(ours) = cooked_sender(packet_type, hardware) {
        walk.by_this_host = Some(ours);
    }
    if header.u8(11) == Some(6) {
        walk.mac = header.array(12).and_then(source);
    }
    cooked(walk, hardware, protocol, skip(rest, 20)?)
}

/// SLIP as the BSD driver hands it out: who sent it, 15 bytes of the header as it was compressed, and IP with
/// the header whole again.
pub(super) fn slip<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    walk.by_this_host = match rest.u8(0).ok_or_else(|| short(rest))? {
        0 => Some(false),
        1 => Some(true),
        _ => walk.by_this_host,
    };
    Ok(Next::Ip(skip(rest, 16)?))
}

/// OpenBSD packet filter log: the header says how long it is and is padded to a multiple of four.
pub(super) fn pflog(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let length = usize::from(rest.u8(0).ok_or_else(|| short(rest))?);
    if length < 28 {
        return Err(Undecoded::BadLink);
    }
    Ok(Next::Ip(skip(rest, length.next_multiple_of(4))?))
}

/// Apple's packet tap: a header with the process and the link type of what follows.
pub(super) fn pktap<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const INBOUND: u32 = 1;
    const OUTBOUND: u32 = 2;
    walk.peel()?;
    let (Some(length), Some(link)) = (rest.le32(0), rest.le32(8)) else {
        return Err(short(rest));
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    // Up to the flags every version of the header has the same fields.
    if length < 40 {
        return Err(Undecoded::BadLink);
    }
    match rest.le32(36).map(|flags| flags & (INBOUND | OUTBOUND)) {
        Some(INBOUND) => walk.by_this_host = Some(false),
        Some(OUTBOUND) => walk.by_this_host = Some(true),
        _ => {}
    }
    Ok(Next::Link(LinkType(link), skip(rest, length)?))
}

/// Per-packet information: fields about the radio, and the link type of what follows.
pub(super) fn ppi<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    walk.peel()?;
    let (Some(length), Some(link)) = (rest.le16(2), rest.le32(4)) else {
        return Err(short(rest));
    };
    if length < 8 {
        return Err(Undecoded::BadLink);
    }
    Ok(Next::Link(LinkType(link), skip(rest, usize::from(length))?))
}

/// What follows a cooked header.
fn cooked<'a>(
    walk: &mut Walk<'a, '_>,
    hardware: u16,
    protocol: u16,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const NETLINK: u16 = 824;
    const FRAME_RELAY: u16 = 770;
    const RADIOTAP: u16 = 803;
    const ETHERNET: u16 = 3;
    const LLC: u16 = 4;
    const PPP: u16 = 7;
    const WPAN: u16 = 0xf6;
    match (hardware, protocol) {
        (FRAME_RELAY, _) => super::llc::frame_relay(rest),
        // The protocol is a family of it.
        (NETLINK, _) => netlink::first(walk, protocol, rest),
        (RADIOTAP, _) => Ok(Next::Link(LinkType(127), rest)),
        (_, ETHERNET) => Ok(Next::Ethernet(rest)),
        (_, LLC) => Ok(Next::Llc(rest)),
        (_, PPP) => Ok(Next::Ppp(rest)),
        (_, WPAN) => Ok(Next::EtherType(WPAN_TYPE, rest)),
        (_, 0x0600..) => Ok(Next::EtherType(protocol, rest)),
        // A tun device without a protocol: what it carries is IP.
        (_, 0) if matches!(rest.nibble(), Some(4 | 6)) => Ok(Next::Ip(rest)),
        _ => Err(Undecoded::NotIp),
    }
}
