//! Tunnels and mirrors over UDP that few have met. Ports prove as little as those in `udp`.

use super::super::rest::Rest;
use super::super::walk::Next;
use super::super::{Datagram, link, plausible};
use super::capwap;
use super::kind;
use super::udp::Found;
use crate::frame::LinkType;

pub(super) const AMT: u16 = 2268;
pub(super) const CLUSTER: u16 = 3343;
pub(super) const BATMAN: u16 = 4306;
pub(super) const GSMTAP: u16 = 4729;
pub(super) const ROCE: u16 = 4791;
pub(super) const TIPC: u16 = 6118;
pub(super) const MINT: u16 = 24_576;
pub(super) const MINT_DATA: u16 = 24_577;
pub(super) const ETHERCAT: u16 = 34_980;
pub(super) const GRE: u16 = 4754;
pub(super) const PEEK: u16 = 5000;
pub(super) const AYIYA: u16 = 5072;
pub(super) const HP_MIRROR: u16 = 7932;
pub(super) const LWAPP: u16 = 12_222;
pub(super) const ZEP: u16 = 17_754;
pub(super) const JUNIPER_MIRROR: u16 = 30_030;
/// By priority, to the other end's port of the same number (RFC 2353 2.6.1).
pub(super) const ENTERPRISE: [u16; 5] = [12_000, 12_001, 12_002, 12_003, 12_004];

pub(super) fn open<'a>(datagram: &Datagram<'a>, rest: Rest<'a>) -> Option<Found<'a>> {
    let either = |port| datagram.src_port == port || datagram.dst_port == port;
    match datagram.dst_port {
        GRE => gre(rest),
        ZEP => zep(rest),
        PEEK => peek(rest),
        HP_MIRROR => hp_mirror(rest),
        JUNIPER_MIRROR => juniper_mirror(rest),
        ROCE => Found::ip(kind::INFINIBAND, None, link::infiniband::packet(rest)?),
        GSMTAP => gsmtap(rest),
        to if ENTERPRISE.contains(&to) => enterprise_extender(rest),
        _ if either(AMT) => amt(rest),
        _ if either(BATMAN) => batman(rest),
        _ if either(CLUSTER) => ethernet_with_ip(kind::CLUSTER, rest),
        _ if either(TIPC) => Found::ip(kind::TIPC, None, link::cluster::tipc(rest)?),
        _ if either(MINT) || either(MINT_DATA) => {
            ethernet_with_ip(kind::MINT, link::cluster::mint(rest)?)
        }
        _ if either(AYIYA) => ayiya(rest),
        _ if either(LWAPP) => lwapp(rest).map(|next| Found::wlan(kind::CAPWAP, next)),
        _ if may_be_copy(rest.bytes) => copy(rest),
        _ => None,
    }
}

/// Ethernet behind little or nothing that says so, on ports that others have as well: only with IP in it.
pub(super) fn ethernet_with_ip(kind: u32, rest: Rest<'_>) -> Option<Found<'_>> {
    let is_ip = matches!(rest.be16(12)?, 0x0800 | 0x86dd) && plausible::ip_surely(rest.after(14)?);
    is_ip.then(|| Found::ethernet(kind, None, rest))?
}

/// LLC in UDP (RFC 2353 2.6), for SNA. What else it may carry has to be IP alone.
fn enterprise_extender(rest: Rest<'_>) -> Option<Found<'_>> {
    match link::llc::header(rest).ok()? {
        Next::Ip(packet) | Next::EtherType(0x0800 | 0x86dd, packet)
            if plausible::ip_alone(packet) =>
        {
            Found::ip(kind::ENTERPRISE, None, packet)
        }
        _ => None,
    }
}

/// Packets for many, brought to who has no router that passes them on (RFC 7450 5.1.6).
fn amt(rest: Rest<'_>) -> Option<Found<'_>> {
    const DATA: [u8; 2] = [6, 0];
    (rest.array(0)? == DATA).then(|| Found::ip(kind::AMT, None, rest.after(2)?))?
}

/// What nodes of a mesh sent to its gateways (batman before batman-adv): a kind, and in data IP.
fn batman(rest: Rest<'_>) -> Option<Found<'_>> {
    const DATA: u8 = 1;
    let packet = rest.after(1)?;
    (rest.u8(0)? == DATA && plausible::ip_alone(packet))
        .then(|| Found::ip(kind::BATMAN, None, packet))?
}

/// Frames of GPRS that a program passes on (GSMTAP, libosmocore): version, length in words, kind, channel
/// with a bit for who sent it.
fn gsmtap(rest: Rest<'_>) -> Option<Found<'_>> {
    const VERSION: u8 = 2;
    const LOGICAL_LINK: u8 = 8;
    let [version, words, kind] = rest.array::<3>(0)?;
    if version != VERSION || words < 4 || kind != LOGICAL_LINK {
        return None;
    }
    Some(Found {
        kind: None,
        tag: None,
        session: rest.be16(4)?.into(),
        next: Next::Link(LinkType(169), rest.after(usize::from(words) * 4)?),
    })
}

/// Whether copies for authorities by Redback may stand here: a number of four bytes comes first.
pub(super) const fn may_be_copy(payload: &[u8]) -> bool {
    matches!(payload, [1..=3, 4, ..])
}

/// These copies: fields with their length, of which three have to be there, and IP. On any port. Known from
/// Wireshark alone.
pub(super) fn copy(rest: Rest<'_>) -> Option<Found<'_>> {
    const END: u8 = 0;
    const NUMBERS: u8 = 0b1110;
    let (mut seen, mut inside) = (0, rest);
    loop {
        let [field, length] = inside.array::<2>(0)?;
        inside = inside.after(2 + usize::from(length))?;
        match (field, length) {
            // Of the packet, of the case, of the session.
            (1..=3, 4) => seen |= 1 << field,
            (END, 0 | 1) => break,
            // Direction, label, accounting.
            (4 | 20 | 40, _) => {}
            _ => return None,
        }
    }
    (seen == NUMBERS && plausible::ip_alone(inside)).then_some(Found {
        kind: None,
        tag: None,
        session: 0,
        next: Next::Ip(inside),
    })
}

/// GRE in UDP (RFC 8086).
fn gre(rest: Rest<'_>) -> Option<Found<'_>> {
    const CHECKSUM: u16 = 0x8000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    let (flags, protocol) = (rest.be16(0)?, rest.be16(2)?);
    if flags & !(CHECKSUM | KEY | SEQUENCE) != 0 {
        return None;
    }
    let fields = usize::try_from(flags.count_ones()).ok()?;
    let inside = rest.after(4 + 4 * fields)?;
    match protocol {
        0x0800 | 0x86dd => Found::ip(kind::GRE, None, inside),
        0x6558 => Found::ethernet(kind::GRE, None, inside),
        _ => None,
    }
}

/// Anything in anything (draft-massar-v6ops-ayiya-02): lengths of identity and signature, methods, operation,
/// next header, time.
fn ayiya(rest: Rest<'_>) -> Option<Found<'_>> {
    const FORWARD: [u8; 2] = [1, 3];
    const IPV4: u8 = 4;
    const IPV6: u8 = 41;
    let [identity, signature, methods, next] = rest.array::<4>(0)?;
    if !FORWARD.contains(&(methods & 0x0f)) || !matches!(next, IPV4 | IPV6) {
        return None;
    }
    let header = 8 + (1 << (identity >> 4)) + usize::from(signature >> 4) * 4;
    let inside = rest.after(header)?;
    (inside.nibble()? == if next == IPV4 { 4 } else { 6 })
        .then(|| Found::ip(kind::AYIYA, None, inside))?
}

/// What access points brought their controllers before CAPWAP (RFC 5412 3): flags, fragment, length, signal;
/// then 802.11.
pub(super) fn lwapp(rest: Rest<'_>) -> Option<Next<'_>> {
    const VERSION: u8 = 0xc0;
    const CONTROL: u8 = 0x04;
    const FRAGMENT: u8 = 0x03;
    const HEADER: usize = 6;
    let flags = rest.u8(0)?;
    let length = usize::from(rest.be16(2)?);
    let inside = rest.after(HEADER)?;
    if flags & (VERSION | CONTROL | FRAGMENT) != 0 || length > inside.wire_len() {
        return None;
    }
    capwap::either_wlan(inside.bound(length))
}

/// 802.11 that access points pass on to OmniPeek: a magic number, a version, and how long the header is.
/// Known from Wireshark alone.
fn peek(rest: Rest<'_>) -> Option<Found<'_>> {
    const MAGIC: u32 = 0x00ff_abcd;
    const CHECK: usize = 4;
    let header = usize::try_from(rest.be32(5)?).ok()?;
    if rest.be32(0)? != MAGIC || rest.u8(4)? != 2 || !(13..=255).contains(&header) {
        return None;
    }
    let inside = rest.after(header)?;
    let length = inside.wire_len().checked_sub(CHECK)?;
    Some(Found {
        kind: None,
        tag: None,
        session: 0,
        next: Next::Link(LinkType(105), inside.bound(length)),
    })
}

/// Ethernet that a switch of HP mirrors, behind twelve bytes about its VLAN. Known from Wireshark alone.
fn hp_mirror(rest: Rest<'_>) -> Option<Found<'_>> {
    let inside = rest.after(12)?.mirrored();
    plausible::ethernet(inside).then_some(Found {
        kind: None,
        tag: None,
        session: 0,
        next: Next::Ethernet(inside),
    })
}

/// 802.15.4 that a sniffer passes on (ZigBee encapsulation protocol): `EX`, a version, and before the frame its length.
fn zep(rest: Rest<'_>) -> Option<Found<'_>> {
    const DATA: u8 = 1;
    let header = match rest.array::<4>(0)? {
        [b'E', b'X', 1, _] => 16,
        [b'E', b'X', 2, DATA] => 32,
        _ => return None,
    };
    let inside = rest.after(header)?;
    let length = usize::from(rest.u8(header - 1)? & 0x7f);
    (length > 0 && length == inside.wire_len()).then_some(Found {
        kind: None,
        tag: None,
        session: 0,
        next: Next::Link(LinkType(195), inside),
    })
}

/// Packets that a router of Juniper's E series copies: numbers of mirror and session, and IP or PPP. Known
/// from Wireshark alone.
fn juniper_mirror(rest: Rest<'_>) -> Option<Found<'_>> {
    let inside = rest.after(8)?;
    let packet = match inside.array::<4>(0)? {
        [0xff, 0x03, 0, 0x21 | 0x57] => inside.after(4)?,
        _ => inside,
    };
    plausible::ip_surely(packet).then_some(Found {
        kind: None,
        tag: None,
        session: 0,
        next: Next::Ip(packet),
    })
}
