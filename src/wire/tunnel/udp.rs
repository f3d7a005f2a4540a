//! Tunnels over UDP. A port number is no proof, so every reserved bit and length is checked and the inner
//! headers must fit; else the datagram stays what it was. Should the inner packet break later on, the walk
//! falls back to the datagram as well.

use super::super::ip::protocol;
use super::super::link::{self, ppp};
use super::super::rest::Rest;
use super::super::scope::Tag;
use super::super::walk::{Next, Walk};
use super::super::{Datagram, Packet, Undecoded, plausible};
use super::capwap::{self, capwap};
use super::{
    esp, gtp, kind, l2tp_v3_frame, mirrors, pdcp, radio, rare, rlc, sflow, wassp, wireguard,
};
use crate::frame::LinkType;

const L2TP: u16 = 1701;
const GTP_USER: u16 = 2152;
const TEREDO: u16 = 3544;
const LISP_DATA: u16 = 4341;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const IPSEC: u16 = 4500;
const CAPWAP_DATA: u16 = 5247;
const MPLS: u16 = 6635;
const VXLAN_LINUX: u16 = 8472;
const TZSP: u16 = 37008;

/// Ports to which tunnels go.
const TO: [u16; 17] = [
    LISP_DATA,
    VXLAN,
    VXLAN_GPE,
    GENEVE,
    MPLS,
    VXLAN_LINUX,
    TZSP,
    rare::GRE,
    rare::PEEK,
    rare::HP_MIRROR,
    rare::ZEP,
    rare::JUNIPER_MIRROR,
    rare::ROCE,
    rare::GSMTAP,
    mirrors::ARUBA,
    mirrors::CABLE_OPERATORS,
    sflow::PORT,
];

/// Ports that either end of a tunnel has.
const EITHER: [u16; 15] = [
    L2TP,
    GTP_USER,
    TEREDO,
    CAPWAP_DATA,
    rare::AYIYA,
    rare::LWAPP,
    rare::AMT,
    rare::CLUSTER,
    rare::BATMAN,
    rare::TIPC,
    rare::MINT,
    rare::MINT_DATA,
    rare::ETHERCAT,
    wassp::PORT,
    mirrors::AUDIOCODES,
];

/// What of a number is looked at first: few others share it.
const LOW: usize = 1_023;

/// Bits for the low ten bits of these ports: one look tells of nearly every other port that it is none of them.
const PORTS: [u64; 16] = bits(
    &rare::ENTERPRISE,
    bits(&EITHER, bits(&TO, bits(&[IPSEC], [0; 16]))),
);

#[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
const fn bits(ports: &[u16], mut bits: [u64; 16]) -> [u64; 16] {
    let mut at = 0;
    while at < ports.len() {
        let low = ports[at] as usize & LOW;
        bits[low / 64] |= 1 << (low % 64);
        at += 1;
    }
    bits
}

/// Whether [`open`] could find a tunnel here; cheap, for the fast path.
#[inline]
pub(in crate::wire) fn may_carry(src_port: u16, dst_port: u16, payload: &[u8]) -> bool {
    let known = |port: u16| {
        let low = usize::from(port) & LOW;
        let bits = PORTS.get(low / 64).copied().unwrap_or(0);
        bits >> (low % 64) & 1 == 1
    };
    let looks = matches!(
        payload,
        [1..=3 | 0x47 | 0x60..=0x70 | 0x75 | 0x80 | 0xb8, ..]
    );
    (known(src_port) | known(dst_port) | looks) && carries(src_port, dst_port, payload)
}

#[inline(never)]
fn carries(src_port: u16, dst_port: u16, payload: &[u8]) -> bool {
    TO.contains(&dst_port)
        || EITHER.contains(&dst_port)
        || EITHER.contains(&src_port)
        || rare::ENTERPRISE.contains(&dst_port)
        || radio::may_be(payload)
        || esp_to(src_port, dst_port, payload)
        || teredo_between_peers(payload)
        || packets_of_stream(payload).is_some()
        || rare::may_be_copy(payload)
        || wassp::may_be(payload)
        || link::gse::may_begin(payload)
}

/// Enters the tunnel that a datagram carries; None if it carries none. `plain` is the datagram itself.
pub(in crate::wire) fn open<'a>(
    walk: &mut Walk<'a, '_>,
    datagram: &Datagram<'a>,
    plain: Packet<'a>,
) -> Result<Option<Next<'a>>, Undecoded> {
    let rest = Rest {
        bytes: datagram.payload,
        cut: usize::try_from(datagram.cut).unwrap_or(usize::MAX),
    };
    // These use their port at either end.
    let either = |port| datagram.src_port == port || datagram.dst_port == port;
    if either(CAPWAP_DATA)
        && let Some(fragment) = capwap::fragment(rest)
    {
        return match capwap::join(walk, datagram, &fragment)? {
            Some(found) => enter(walk, plain, found).map(Some),
            None => Ok(None),
        };
    }
    if let Some(next) = in_parts(walk, datagram, plain, rest)? {
        return Ok(Some(next));
    }
    if datagram.dst_port == sflow::PORT
        && let Some(packets) = sflow::packets(rest)
        && !packets.is_empty()
    {
        walk.guess(plain);
        walk.enter_sample(kind::SFLOW)?;
        return walk.several(packets);
    }
    if let Some(next) = wireguard::open(walk, datagram, plain)? {
        return Ok(Some(next));
    }
    // IKE has four zero bytes before it.
    if either(IPSEC)
        && rest.be32(0) != Some(0)
        && let Some(next) = esp::with_keys(walk, rest, plain)?
    {
        return Ok(Some(next));
    }
    let by_destination = match datagram.dst_port {
        VXLAN | VXLAN_LINUX => vxlan(rest),
        VXLAN_GPE => vxlan_gpe(rest),
        GENEVE => geneve(rest),
        MPLS => mpls(rest),
        LISP_DATA => lisp(rest),
        TZSP => tzsp(rest),
        mirrors::ARUBA => mirrors::aruba(rest),
        mirrors::CABLE_OPERATORS => mirrors::call_content(rest),
        _ => None,
    };
    let found = by_destination
        .or_else(|| either(GTP_USER).then(|| gtp::user(rest)).flatten())
        .or_else(|| either(L2TP).then(|| l2tp(rest)).flatten())
        .or_else(|| either(CAPWAP_DATA).then(|| capwap(rest)).flatten())
        .or_else(|| either(TEREDO).then(|| teredo(rest)).flatten())
        .or_else(|| rare::open(datagram, rest))
        .or_else(|| {
            either(mirrors::AUDIOCODES)
                .then(|| mirrors::audiocodes(rest))
                .flatten()
        })
        .or_else(|| wassp::open(either(wassp::PORT), rest))
        .or_else(|| {
            radio::may_be(rest.bytes)
                .then(|| radio::open(rest))
                .flatten()
        })
        .or_else(|| esp_in_udp(walk, datagram, rest))
        .or_else(|| {
            teredo_between_peers(rest.bytes)
                .then(|| teredo(rest))
                .flatten()
        });
    match found {
        Some(found) => enter(walk, plain, found).map(Some),
        None => Ok(None),
    }
}

/// Packets of an MPEG transport stream in a datagram, or in one of RTP (RFC 2250).
fn packets_of_stream(payload: &[u8]) -> Option<&[u8]> {
    const PACKET: usize = 188;
    match *payload {
        [0x47, ..] if payload.len().is_multiple_of(PACKET) => Some(payload),
        [
            0x80,
            0x21 | 0xa1,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            ref packets @ ..,
        ] if packets.len().is_multiple_of(PACKET) => Some(packets),
        _ => None,
    }
}

/// Enters a tunnel that has parts of packets, for those that end in this datagram; None where none does.
fn in_parts<'a>(
    walk: &mut Walk<'a, '_>,
    datagram: &Datagram<'a>,
    plain: Packet<'a>,
    rest: Rest<'a>,
) -> Result<Option<Next<'a>>, Undecoded> {
    let stream = packets_of_stream(rest.bytes)
        .filter(|packets| rest.cut == 0 && link::transport::is_stream(packets));
    let satellite = link::gse::may_begin(rest.bytes) && rest.cut == 0;
    let either = |port| datagram.src_port == port || datagram.dst_port == port;
    let (ethercat, wassp) = (either(rare::ETHERCAT), either(wassp::PORT));
    let rlc = rest.bytes.starts_with(rlc::TEXT);
    let pdcp = !walk.fragments.pdcp_keys.given.is_empty() && radio::is_pdcp(rest.bytes);
    if stream.is_none() && !satellite && !ethercat && !wassp && !rlc && !pdcp {
        return Ok(None);
    }
    walk.session = u32::from(datagram.src_port) << 16 | u32::from(datagram.dst_port);
    let (kind, found) = match stream {
        Some(packets) => {
            let (found, _) = link::transport::units(walk, packets);
            (kind::TRANSPORT_STREAM, Some(found))
        }
        None if satellite => (kind::SATELLITE, link::gse::units(walk, rest)),
        None if ethercat => (kind::ETHERCAT, link::ethercat::units(walk, rest)),
        None if pdcp => (kind::RADIO, pdcp::packets(walk, rest)),
        None if rlc => (kind::RADIO, rlc::packets(walk, rest)),
        None => (kind::WASSP, wassp::joined(walk, rest)),
    };
    let found = found.unwrap_or_default();
    // Without an end it is the datagram that it is.
    walk.fragments.latest = None;
    walk.session = 0;
    if found.is_empty() {
        return Ok(None);
    }
    walk.guess(plain);
    walk.enter_tunnel(kind)?;
    walk.several(found)
}

pub(super) fn enter<'a>(
    walk: &mut Walk<'a, '_>,
    plain: Packet<'a>,
    found: Found<'a>,
) -> Result<Next<'a>, Undecoded> {
    let Found {
        kind,
        tag,
        session,
        next,
    } = found;
    walk.guess(plain);
    match kind {
        Some(kind) => walk.enter_tunnel(kind)?,
        None => walk.enter_mirror(0)?,
    }
    if let Some((tag, value)) = tag {
        walk.within(tag, value);
    }
    walk.session = session;
    Ok(next)
}

/// A tunnel that fits.
pub(super) struct Found<'a> {
    /// None for a mirror.
    pub(super) kind: Option<u32>,
    pub(super) tag: Option<(Tag, u32)>,
    /// See [`Walk::session`].
    pub(super) session: u32,
    pub(super) next: Next<'a>,
}

impl<'a> Found<'a> {
    pub(super) fn ethernet(kind: u32, tag: Option<(Tag, u32)>, rest: Rest<'a>) -> Option<Self> {
        plausible::ethernet(rest).then_some(Self {
            kind: Some(kind),
            tag,
            session: 0,
            next: Next::Ethernet(rest),
        })
    }

    pub(super) fn wlan(kind: u32, next: Next<'a>) -> Self {
        Self {
            kind: Some(kind),
            tag: None,
            session: 0,
            next,
        }
    }

    pub(super) fn ip(kind: u32, tag: Option<(Tag, u32)>, rest: Rest<'a>) -> Option<Self> {
        plausible::ip(rest).then_some(Self {
            kind: Some(kind),
            tag,
            session: 0,
            next: Next::Ip(rest),
        })
    }
}

/// Whether ESP may stand here that has IP in it and no encryption (RFC 3948). IKE has four zero bytes before it.
fn esp_to(src_port: u16, dst_port: u16, payload: &[u8]) -> bool {
    (src_port == IPSEC || dst_port == IPSEC)
        && [8, 16]
            .into_iter()
            .any(|at| matches!(payload.get(at), Some(0x45..=0x4f | 0x60..=0x6f)))
}

/// ESP in UDP without encryption, of tunnels alone.
fn esp_in_udp<'a>(
    walk: &Walk<'a, '_>,
    datagram: &Datagram<'a>,
    rest: Rest<'a>,
) -> Option<Found<'a>> {
    if !esp_to(datagram.src_port, datagram.dst_port, rest.bytes) || rest.be32(0)? == 0 {
        return None;
    }
    match esp::null(rest, walk.src, walk.dst)? {
        (protocol::IPV4 | protocol::IPV6, inside) => Found::ip(kind::ESP, None, inside),
        _ => None,
    }
}

/// VXLAN (RFC 7348), also with the group policy extension.
fn vxlan(rest: Rest<'_>) -> Option<Found<'_>> {
    const POLICY: u8 = 0x80;
    let [flags, policy, group_hi, group_lo] = rest.array::<4>(0)?;
    let network = rest.be32(4)?;
    let reserved_clear = match flags {
        0x08 => policy == 0 && group_hi == 0 && group_lo == 0,
        // Don't learn, policy applied.
        _ if flags == 0x08 | POLICY => policy & !0x48 == 0,
        _ => false,
    };
    if !reserved_clear || network & 0xff != 0 {
        return None;
    }
    // Clouds mirror through VXLAN, and cut frames before they do.
    let inside = rest.after(8)?.mirrored();
    Found::ethernet(kind::VXLAN, Some((Tag::Vni, network >> 8)), inside)
}

/// VXLAN with a next-protocol field (draft-ietf-nvo3-vxlan-gpe).
fn vxlan_gpe(rest: Rest<'_>) -> Option<Found<'_>> {
    const NEXT: u8 = 0x04;
    let [flags, reserved_hi, reserved_lo, next] = rest.array::<4>(0)?;
    let network = rest.be32(4)?;
    // Version 0, an instance, no maintenance frame.
    let fits = flags & 0xf9 == 0x08 && reserved_hi == 0 && reserved_lo == 0 && network & 0xff == 0;
    let tag = Some((Tag::Vni, network >> 8));
    let inside = rest.after(8)?;
    match next {
        _ if !fits => None,
        0 | 3 if flags & NEXT == 0 || next == 3 => Found::ethernet(kind::VXLAN, tag, inside),
        1 | 2 => Found::ip(kind::VXLAN, tag, inside),
        4 => Some(Found {
            kind: Some(kind::VXLAN),
            tag,
            session: 0,
            next: Next::EtherType(0x894f, inside),
        }),
        5 => Found::ip(kind::MPLS, tag, past_labels(inside)?),
        _ => None,
    }
}

/// Geneve (RFC 8926).
fn geneve(rest: Rest<'_>) -> Option<Found<'_>> {
    const RESERVED: u8 = 0x3f;
    const CONTROL: u8 = 0x80;
    let [first, flags] = rest.array::<2>(0)?;
    let (protocol, network) = (rest.be16(2)?, rest.be32(4)?);
    if first >> 6 != 0 || flags & (RESERVED | CONTROL) != 0 || network & 0xff != 0 {
        return None;
    }
    let tag = Some((Tag::Vni, network >> 8));
    let inside = rest.after(8 + usize::from(first & 0x3f) * 4)?;
    match protocol {
        0x6558 => Found::ethernet(kind::GENEVE, tag, inside),
        0x0800 | 0x86dd => Found::ip(kind::GENEVE, tag, inside),
        _ => None,
    }
}

/// MPLS in UDP (RFC 7510), carrying IP.
fn mpls(rest: Rest<'_>) -> Option<Found<'_>> {
    Found::ip(kind::MPLS, None, past_labels(rest)?)
}

fn past_labels(rest: Rest<'_>) -> Option<Rest<'_>> {
    const BOTTOM: u32 = 0x100;
    let mut rest = rest;
    // Deeper stacks than this are for the source-routed core of a provider, not for UDP.
    for _ in 0..8 {
        let entry = rest.be32(0)?;
        rest = rest.after(4)?;
        if entry & BOTTOM != 0 {
            return Some(rest);
        }
    }
    None
}

/// LISP data (RFC 9300 section 5), unencrypted.
fn lisp(rest: Rest<'_>) -> Option<Found<'_>> {
    const INSTANCE: u8 = 0x08;
    const KEYS: u8 = 0x03;
    let (flags, instance) = (rest.u8(0)?, rest.be32(4)?);
    if flags & KEYS != 0 {
        return None;
    }
    let tag = (flags & INSTANCE != 0).then_some((Tag::LispInstance, instance >> 8));
    Found::ip(kind::LISP, tag, rest.after(8)?)
}

/// The same without IP and UDP before it, as a link type.
pub(in crate::wire) fn tzsp_frame<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let found = tzsp(rest).ok_or_else(|| rest.lacks(Undecoded::CutBeforeIp, Undecoded::BadLink))?;
    walk.enter_mirror(0)?;
    Ok(found.next)
}

/// TaZmen sniffer protocol: a mirror by access points and routers.
fn tzsp(rest: Rest<'_>) -> Option<Found<'_>> {
    const PAD: u8 = 0;
    const END: u8 = 1;
    let [version, kind] = rest.array::<2>(0)?;
    let link = match rest.be16(2)? {
        1 => 1,
        0x12 => 105,
        0x77 => 119,
        0x7f => 163,
        _ => return None,
    };
    if version != 1 || kind > 1 {
        return None;
    }
    let mut rest = rest.after(4)?;
    loop {
        let tag = rest.u8(0)?;
        rest = match tag {
            PAD | END => rest.after(1)?,
            _ => rest.after(2 + usize::from(rest.u8(1)?))?,
        };
        if tag == END {
            break;
        }
    }
    let next = match link {
        1 if !plausible::ethernet(rest.mirrored()) => return None,
        1 => Next::Ethernet(rest.mirrored()),
        _ => Next::Link(LinkType(link), rest.mirrored()),
    };
    Some(Found {
        kind: None,
        tag: None,
        session: 0,
        next,
    })
}

/// L2TP data: version 2 carries PPP (RFC 2661), version 3 a frame (RFC 3931).
fn l2tp(rest: Rest<'_>) -> Option<Found<'_>> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    const RESERVED: u16 = 0x34f0;
    let flags = rest.be16(0)?;
    if flags & (CONTROL | RESERVED) != 0 {
        return None;
    }
    if flags == 3 {
        return Some(Found {
            kind: Some(kind::L2TP),
            tag: None,
            session: 0,
            next: l2tp_v3_frame(rest.after(8)?)?,
        });
    }
    if flags & 0x0f != 2 {
        return None;
    }
    let mut header = 6;
    let mut whole = rest;
    if flags & LENGTH != 0 {
        let length = usize::from(rest.be16(2)?);
        if length > rest.wire_len() {
            return None;
        }
        whole = rest.bound(length);
        header += 2;
    }
    // Numbers of tunnel and session.
    let session = rest.be32(header - 4)?;
    if flags & SEQUENCE != 0 {
        header += 4;
    }
    if flags & OFFSET != 0 {
        header += 2 + usize::from(whole.be16(header)?);
    }
    let frame = whole.after(header)?;
    // Only PPP that carries packets is taken; its negotiation stays a datagram.
    match ppp::protocol(frame).ok()? {
        (0x0021 | 0x0057, inside) => Found::ip(kind::L2TP, None, inside),
        // Compressed headers and multilink fragments are packets of it too.
        (0x002d | 0x002f | 0x003d, _) => Some(Found {
            kind: Some(kind::L2TP),
            tag: None,
            session,
            next: Next::Ppp(frame),
        }),
        _ => None,
    }
}

/// Teredo (RFC 4380): IPv6, perhaps after authentication and origin indications.
fn teredo(rest: Rest<'_>) -> Option<Found<'_>> {
    let mut rest = rest;
    if rest.be16(0)? == 0x0001 {
        // Client identifier and authentication value, then a nonce and a byte.
        let (client, value) = (usize::from(rest.u8(2)?), usize::from(rest.u8(3)?));
        rest = rest.after(4 + client + value + 9)?;
    }
    if rest.be16(0)? == 0x0000 {
        rest = rest.after(8)?;
    }
    if rest.nibble()? != 6 || usize::from(rest.be16(4)?) + 40 != rest.wire_len() {
        return None;
    }
    Found::ip(kind::TEREDO, None, rest)
}

/// IPv6 with an address of the Teredo prefix 2001:0::/32: peers talk on ports of their own.
fn teredo_between_peers(payload: &[u8]) -> bool {
    const PREFIX: [u8; 4] = [0x20, 0x01, 0, 0];
    payload.first().is_some_and(|first| first >> 4 == 6)
        && (payload.get(8..12) == Some(&PREFIX) || payload.get(24..28) == Some(&PREFIX))
}
