//! The path nearly every packet takes: a plain link header, one IP header, one transport header, all at
//! fixed offsets and all captured. Whatever is unusual about a packet sends it to the general path; where
//! this path answers, the general path gives the same answer (a property test holds them together).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ip::protocol;
use super::link::{self, ethernet};
use super::scope::{self, Tag};
use super::{Body, Datagram, Packet, Segment, tunnel};
use crate::event::{HostDevice, Mac};
use crate::flow::Scope;
use crate::frame::{Crossing, Frame, LinkType};

/// Reads a plain packet; None sends it to the general path.
#[inline(always)]
pub(super) fn packet<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let mut lower = Link {
        cut: 0,
        scope: Scope::default(),
        mac: None,
        by_this_host: frame.crossing.map(|way| way == Crossing::Outbound),
        device: None,
    };
    let bytes = frame.bytes;
    lower.cut = usize::try_from(frame.wire_len)
        .ok()?
        .saturating_sub(bytes.len());
    match frame.link {
        LinkType::ETHERNET => {
            let (header, mut rest) = bytes.split_first_chunk::<14>()?;
            let &[_, _, _, _, _, _, a, b, c, d, e, f, hi, lo] = header;
            lower.mac = link::source([a, b, c, d, e, f]);
            let mut ether_type = u16::from_be_bytes([hi, lo]);
            for _ in 0..2 {
                if !ethernet::is_vlan(ether_type) {
                    break;
                }
                let (&[control_hi, control_lo, hi, lo], inner) = rest.split_first_chunk::<4>()?;
                let id = u16::from_be_bytes([control_hi & 0x0f, control_lo]);
                if id != 0 {
                    lower.scope = scope::within(lower.scope, Tag::Vlan, u32::from(id));
                }
                ether_type = u16::from_be_bytes([hi, lo]);
                rest = inner;
            }
            ip(&lower, ether_type, rest)
        }
        LinkType::LINUX_SLL => {
            let (header, rest) = bytes.split_first_chunk::<16>()?;
            let &[t, ype, h, ard, 0, 6, a, b, c, d, e, f, _, _, hi, lo] = header else {
                return None;
            };
            let sender =
                link::cooked_sender(u16::from_be_bytes([t, ype]), u16::from_be_bytes([h, ard]));
            lower.mac = link::source([a, b, c, d, e, f]);
            lower.by_this_host = sender.or(lower.by_this_host);
            ip(&lower, cooked(h, ard, hi, lo)?, rest)
        }
        LinkType::LINUX_SLL2 => {
            let (header, rest) = bytes.split_first_chunk::<20>()?;
            let &[hi, lo, _, _, i, n, de, x, h, ard, kind, length, ..] = header;
            let &[.., a, b, c, d, e, f, _, _] = header;
            if length != 6 {
                return None;
            }
            let sender = link::cooked_sender(u16::from(kind), u16::from_be_bytes([h, ard]));
            lower.device = Some(HostDevice {
                capture: frame.interface,
                index: u32::from_be_bytes([i, n, de, x]),
            });
            lower.mac = link::source([a, b, c, d, e, f]);
            lower.by_this_host = sender.or(lower.by_this_host);
            ip(&lower, cooked(h, ard, hi, lo)?, rest)
        }
        LinkType::NULL | LinkType::LOOP => {
            let (&field, rest) = bytes.split_first_chunk::<4>()?;
            link::family(field)?;
            by_version(&lower, rest)
        }
        LinkType::RAW => by_version(&lower, bytes),
        _ => None,
    }
}

/// What the link header says.
struct Link {
    /// Bytes of the frame that were not captured.
    cut: usize,
    scope: Scope,
    mac: Option<Mac>,
    by_this_host: Option<bool>,
    device: Option<HostDevice>,
}

/// The protocol of a cooked header whose device type does not change its meaning.
#[inline(always)]
fn cooked(hardware_hi: u8, hardware_lo: u8, protocol_hi: u8, protocol_lo: u8) -> Option<u16> {
    match u16::from_be_bytes([hardware_hi, hardware_lo]) {
        // Ethernet, loopback, tunnel devices.
        1 | link::LOOPBACK | 0xfffe => Some(u16::from_be_bytes([protocol_hi, protocol_lo])),
        _ => None,
    }
}

#[inline(always)]
fn by_version<'a>(lower: &Link, bytes: &'a [u8]) -> Option<Packet<'a>> {
    match bytes.first()? >> 4 {
        4 => ipv4(lower, bytes),
        6 => ipv6(lower, bytes),
        _ => None,
    }
}

#[inline(always)]
fn ip<'a>(lower: &Link, ether_type: u16, bytes: &'a [u8]) -> Option<Packet<'a>> {
    match ether_type {
        0x0800 => ipv4(lower, bytes),
        0x86dd => ipv6(lower, bytes),
        _ => None,
    }
}

#[inline(always)]
fn ipv4<'a>(lower: &Link, bytes: &'a [u8]) -> Option<Packet<'a>> {
    let (fixed, after) = bytes.split_first_chunk::<20>()?;
    let &[
        first,
        _,
        len_hi,
        len_lo,
        _,
        _,
        frag_hi,
        frag_lo,
        ttl,
        number,
        ..,
    ] = fixed;
    let &[.., s0, s1, s2, s3, d0, d1, d2, d3] = fixed;
    let options = usize::from(first & 0x0f).checked_sub(5)? * 4;
    let total = usize::from(u16::from_be_bytes([len_hi, len_lo]));
    let promised = total.checked_sub(20 + options)?;
    // Version, and no fragment: neither "more fragments" nor an offset.
    if first >> 4 != 4 || (frag_hi & 0x3f) | frag_lo != 0 {
        return None;
    }
    let src = IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3));
    let dst = IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3));
    let body = transport(number, after.get(options..)?, promised, lower.cut)?;
    Some(finish(lower, src, dst, ttl, body))
}

#[inline(always)]
fn ipv6<'a>(lower: &Link, bytes: &'a [u8]) -> Option<Packet<'a>> {
    let (fixed, after) = bytes.split_first_chunk::<40>()?;
    let (&[first, _, _, _, len_hi, len_lo, number, ttl], addresses) =
        fixed.split_first_chunk::<8>()?;
    let (src, dst) = addresses.split_first_chunk::<16>()?;
    let promised = usize::from(u16::from_be_bytes([len_hi, len_lo]));
    if first >> 4 != 6 || promised == 0 {
        return None;
    }
    let src = IpAddr::V6(Ipv6Addr::from(*src));
    let dst = IpAddr::V6(Ipv6Addr::from(*dst.first_chunk::<16>()?));
    let body = transport(number, after, promised, lower.cut)?;
    Some(finish(lower, src, dst, ttl, body))
}

/// `promised` is the length of the transport by the IP header, `cut` what the wire had room for beyond
/// `bytes`.
#[inline(always)]
fn transport(number: u8, bytes: &[u8], promised: usize, cut: usize) -> Option<Body<'_>> {
    let (bytes, cut) = match bytes.get(..promised) {
        Some(bytes) => (bytes, 0),
        None => (bytes, cut.min(promised - bytes.len())),
    };
    let cut = u32::try_from(cut).ok()?;
    match number {
        protocol::TCP => tcp(bytes, cut).map(Body::Tcp),
        protocol::UDP => udp(bytes, promised, cut).map(Body::Udp),
        _ => None,
    }
}

#[inline(always)]
fn tcp(bytes: &[u8], cut: u32) -> Option<Segment<'_>> {
    let (fixed, after) = bytes.split_first_chunk::<20>()?;
    let &[
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        w0,
        w1,
        ..,
    ] = fixed;
    // One comparison for segments with options, as most have.
    let dst_port = u16::from_be_bytes([d0, d1]);
    if offset < 0x60 && (offset < 0x50 || dst_port == tunnel::STT) {
        return None;
    }
    let options = usize::from((offset >> 4).wrapping_sub(5)) * 4;
    let (options, payload) = after.split_at_checked(options)?;
    Some(Segment {
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port,
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        window: u16::from_be_bytes([w0, w1]),
        options,
        payload,
        cut,
    })
}

#[inline(always)]
fn udp(bytes: &[u8], promised: usize, cut: u32) -> Option<Datagram<'_>> {
    let (&[s0, s1, d0, d1, len_hi, len_lo, _, _], payload) = bytes.split_first_chunk::<8>()?;
    // Anything but the plain case, where UDP and IP agree.
    if usize::from(u16::from_be_bytes([len_hi, len_lo])) != promised {
        return None;
    }
    let src_port = u16::from_be_bytes([s0, s1]);
    let dst_port = u16::from_be_bytes([d0, d1]);
    if tunnel::may_carry(src_port, dst_port, payload) {
        return None;
    }
    Some(Datagram {
        src_port,
        dst_port,
        payload,
        cut,
    })
}

#[inline(always)]
const fn finish<'a>(lower: &Link, src: IpAddr, dst: IpAddr, ttl: u8, body: Body<'a>) -> Packet<'a> {
    Packet {
        scope: lower.scope,
        base: Scope(0),
        src,
        dst,
        ttl,
        mac: lower.mac,
        by_this_host: lower.by_this_host,
        device: lower.device,
        body,
    }
}
