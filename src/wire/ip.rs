//! IPv4 (RFC 791), IPv6 with extension headers (RFC 8200), and the transports on top.

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::defrag::{Fragment, Key};
use super::rest::Rest;
use super::walk::{Next, Walk};
use super::{Body, Datagram, Packet, Segment, Undecoded, icmp, tunnel};

/// Protocol numbers that have a meaning here.
pub(super) mod protocol {
    pub(in crate::wire) const HOP_BY_HOP: u8 = 0;
    pub(in crate::wire) const ICMP: u8 = 1;
    pub(in crate::wire) const IGMP: u8 = 2;
    pub(in crate::wire) const IPV4: u8 = 4;
    pub(in crate::wire) const TCP: u8 = 6;
    pub(in crate::wire) const UDP: u8 = 17;
    pub(in crate::wire) const IPV6: u8 = 41;
    pub(in crate::wire) const ROUTING: u8 = 43;
    pub(in crate::wire) const FRAGMENT: u8 = 44;
    pub(in crate::wire) const GRE: u8 = 47;
    pub(in crate::wire) const ESP: u8 = 50;
    pub(in crate::wire) const AUTH: u8 = 51;
    pub(in crate::wire) const ICMPV6: u8 = 58;
    pub(in crate::wire) const NONE: u8 = 59;
    pub(in crate::wire) const DESTINATION: u8 = 60;
    pub(in crate::wire) const OSI: u8 = 80;
    pub(in crate::wire) const AX25: u8 = 93;
    pub(in crate::wire) const ETHERIP: u8 = 97;
    pub(in crate::wire) const PIM: u8 = 103;
    pub(in crate::wire) const L2TP: u8 = 115;
    pub(in crate::wire) const MPLS: u8 = 137;
    pub(in crate::wire) const ETHERNET: u8 = 143;
}

/// Reads an IP header of either version.
pub(super) fn header<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    match rest.nibble() {
        Some(4) => ipv4(walk, rest),
        Some(6) => ipv6(walk, rest),
        Some(_) => Err(Undecoded::BadIpv4),
        None => Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::BadIpv4)),
    }
}

/// Reads what follows an IP header: extension headers, tunnels, transports.
pub(super) fn payload<'a>(
    walk: &mut Walk<'a, '_>,
    number: u8,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let v6 = walk.src.is_ipv6();
    match number {
        protocol::TCP => {
            let segment = tcp(rest)?;
            let plain = packet(walk, Body::Tcp(segment));
            let tunnel = match segment.dst_port {
                tunnel::STT => tunnel::in_tcp(walk, &segment, plain)?,
                _ => None,
            };
            Ok(tunnel.unwrap_or(Next::Packet(plain)))
        }
        protocol::UDP => {
            let datagram = udp(rest)?;
            let plain = packet(walk, Body::Udp(datagram));
            match tunnel::in_udp(walk, &datagram, plain)? {
                Some(next) => Ok(next),
                None => Ok(Next::Packet(plain)),
            }
        }
        protocol::ICMP if !v6 => Ok(Next::Packet(packet(walk, icmp::v4(rest)))),
        protocol::ICMPV6 if v6 => Ok(Next::Packet(packet(walk, icmp::v6(rest)))),
        protocol::HOP_BY_HOP | protocol::DESTINATION | protocol::ROUTING if v6 => {
            let header = Ipv6RawExtHeaderSlice::from_slice(rest.bytes)
                .map_err(|_| rest.lacks(Undecoded::CutBeforePorts, Undecoded::BadIpv6))?;
            onward(rest, header.slice().len(), header.next_header().0)
        }
        protocol::FRAGMENT if v6 => ipv6_fragment(walk, rest),
        protocol::AUTH => {
            let header = IpAuthHeaderSlice::from_slice(rest.bytes)
                .map_err(|_| rest.lacks(Undecoded::CutBeforePorts, bad_ip(v6)))?;
            onward(rest, header.slice().len(), header.next_header().0)
        }
        _ => match tunnel::in_ip(walk, number, rest)? {
            Some(next) => Ok(next),
            None => Ok(Next::Packet(packet(walk, Body::Other(number)))),
        },
    }
}

fn ipv4<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let bad = || rest.lacks(Undecoded::CutBeforeIp, Undecoded::BadIpv4);
    let header = Ipv4HeaderSlice::from_slice(rest.bytes).map_err(|why| {
        use etherparse::err::ipv4::HeaderSliceError::{Content, Len};
        match why {
            Len(_) => bad(),
            Content(_) => Undecoded::BadIpv4,
        }
    })?;
    let total = usize::from(header.total_len());
    let inside = match total {
        // Segmentation offload: the card fills the length in later, so the frame's own length counts.
        0 => rest.open_ended(),
        _ if total < header.slice().len() => return Err(Undecoded::BadIpv4),
        _ => rest.bound(total),
    };
    let inside = inside.after(header.slice().len()).ok_or_else(bad)?;
    walk.src = header.source_addr().into();
    walk.dst = header.destination_addr().into();
    walk.ttl = header.ttl();
    let number = header.protocol().0;
    if !header.is_fragmenting_payload() {
        return Ok(Next::Payload(number, inside));
    }
    let key = Key {
        scope: walk.scope,
        src: walk.src,
        dst: walk.dst,
        protocol: Some(number),
        id: u32::from(header.identification()),
    };
    let fragment = Fragment {
        next: number,
        start: header.fragments_offset().byte_offset(),
        more: header.more_fragments(),
        header: header.slice().len(),
    };
    join(walk, key, fragment, inside)
}

fn ipv6<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let bad = || rest.lacks(Undecoded::CutBeforeIp, Undecoded::BadIpv6);
    let header = Ipv6HeaderSlice::from_slice(rest.bytes).map_err(|_| bad())?;
    let inside = rest.after(header.slice().len()).ok_or_else(bad)?;
    let inside = match header.payload_length() {
        // A jumbogram (RFC 2675), segmentation offload, or really nothing when nothing can follow.
        0 if header.next_header() == etherparse::ip_number::IPV6_NO_NEXT_HEADER => inside.bound(0),
        0 => inside.open_ended(),
        length => inside.bound(usize::from(length)),
    };
    walk.src = header.source_addr().into();
    walk.dst = header.destination_addr().into();
    walk.ttl = header.hop_limit();
    Ok(Next::Payload(header.next_header().0, inside))
}

fn ipv6_fragment<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let bad = || rest.lacks(Undecoded::CutBeforePorts, Undecoded::BadIpv6);
    let header = Ipv6FragmentHeaderSlice::from_slice(rest.bytes).map_err(|_| bad())?;
    let inside = rest.after(header.slice().len()).ok_or_else(bad)?;
    let number = header.next_header().0;
    // An atomic fragment is no fragment and must not meet others of its number (RFC 6946).
    if !header.is_fragmenting_payload() {
        return Ok(Next::Payload(number, inside));
    }
    let key = Key {
        scope: walk.scope,
        src: walk.src,
        dst: walk.dst,
        protocol: None,
        id: header.identification(),
    };
    let fragment = Fragment {
        next: number,
        start: header.fragment_offset().byte_offset(),
        more: header.more_fragments(),
        header: 0,
    };
    join(walk, key, fragment, inside)
}

fn join<'a>(
    walk: &mut Walk<'a, '_>,
    key: Key,
    fragment: Fragment,
    inside: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    walk.fragments.latest = Some((key.src, key.dst));
    if inside.cut > 0 {
        // It can not be joined, but a first fragment still names its flow.
        return match fragment.start {
            0 => Ok(Next::Payload(fragment.next, inside)),
            _ => Err(Undecoded::FragmentCut),
        };
    }
    let joined = walk
        .fragments
        .insert(walk.at, key, fragment, inside.bytes)?;
    let bytes = walk.keep(joined.bytes)?;
    Ok(Next::Payload(joined.next, Rest { bytes, cut: 0 }))
}

fn tcp<'a>(rest: Rest<'a>) -> Result<Segment<'a>, Undecoded> {
    let Some((fixed, after)) = rest.bytes.split_first_chunk::<20>() else {
        return Err(rest.lacks(Undecoded::CutBeforePorts, Undecoded::BadTcp));
    };
    let fixed = Rest {
        bytes: fixed,
        cut: 0,
    };
    let field16 = |at| fixed.be16(at).unwrap_or_default();
    let field32 = |at| fixed.be32(at).unwrap_or_default();
    let header = usize::from(fixed.u8(12).unwrap_or_default() >> 4) * 4;
    if header < 20 || header > rest.wire_len() {
        return Err(Undecoded::BadTcp);
    }
    // A snap length may end inside the options: the numbers before them are still good.
    let (options, payload) = after.split_at_checked(header - 20).unwrap_or((after, &[]));
    Ok(Segment {
        src_port: field16(0),
        dst_port: field16(2),
        seq: field32(4),
        ack: field32(8),
        flags: fixed.u8(13).unwrap_or_default(),
        window: field16(14),
        options,
        payload,
        cut: count(rest.wire_len() - header - payload.len()),
    })
}

fn udp<'a>(rest: Rest<'a>) -> Result<Datagram<'a>, Undecoded> {
    let (Some(src_port), Some(dst_port), Some(length)) = (rest.be16(0), rest.be16(2), rest.be16(4))
    else {
        return Err(rest.lacks(Undecoded::CutBeforePorts, Undecoded::BadUdp));
    };
    let bounded = match length {
        // A jumbogram (RFC 2675), or offload.
        0 => rest.open_ended(),
        1..8 => return Err(Undecoded::BadUdp),
        _ => rest.bound(usize::from(length)),
    };
    let inside = bounded
        .after(8)
        .ok_or_else(|| rest.lacks(Undecoded::CutBeforePorts, Undecoded::BadUdp))?;
    Ok(Datagram {
        src_port,
        dst_port,
        payload: inside.bytes,
        cut: count(inside.cut),
    })
}

fn onward(rest: Rest<'_>, header: usize, next: u8) -> Result<Next<'_>, Undecoded> {
    let inside = rest
        .after(header)
        .ok_or_else(|| rest.lacks(Undecoded::CutBeforePorts, Undecoded::BadIpv6))?;
    Ok(Next::Payload(next, inside))
}

pub(super) const fn packet<'a>(walk: &Walk<'_, '_>, body: Body<'a>) -> Packet<'a> {
    Packet {
        scope: walk.scope,
        base: walk.base,
        src: walk.src,
        dst: walk.dst,
        ttl: walk.ttl,
        mac: walk.mac,
        by_this_host: walk.by_this_host,
        device: walk.device,
        body,
    }
}

const fn bad_ip(v6: bool) -> Undecoded {
    if v6 {
        Undecoded::BadIpv6
    } else {
        Undecoded::BadIpv4
    }
}

fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
