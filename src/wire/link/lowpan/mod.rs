//! IPv6 over networks of small frames (RFC 4944): a dispatch byte, and IPv6 whole, in parts, or with its
//! headers compressed.

mod iphc;

use std::net::{IpAddr, Ipv6Addr};

use super::super::Undecoded;
use super::super::defrag::{Fragment, Key};
use super::super::ip::protocol;
use super::super::rest::Rest;
use super::super::scope::{self, Tag};
use super::super::walk::{Next, Walk};
use super::skip;

/// Interface identifiers of a frame's two ends, which addresses that are left out are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) source: Option<u64>,
    pub(super) destination: Option<u64>,
}

/// The identifier of a short address (RFC 6282 3.2.2).
pub(super) fn of_short(address: u16) -> u64 {
    0x0000_00ff_fe00_0000 | u64::from(address)
}

/// The identifier of an EUI-64 (RFC 4291 appendix A).
pub(super) const fn of_long(address: u64) -> u64 {
    address ^ 0x0200_0000_0000_0000
}

/// The packet with its headers whole, where it is compressed and not in parts.
pub(super) fn whole(ends: Ends, rest: Rest<'_>) -> Option<Vec<u8>> {
    iphc::open(ends, rest, None)
}

/// Reads from the dispatch byte on. Other protocols that these networks have share the first values with it,
/// so what does not fit is no IP.
pub(super) fn frame<'a>(
    walk: &mut Walk<'a, '_>,
    ends: Ends,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let (mut ends, mut rest) = (ends, rest);
    if let Some((over, inside)) = mesh(rest) {
        (ends, rest) = (over, inside);
    }
    // A number for broadcasts over a mesh (RFC 4944 11.1).
    if rest.u8(0) == Some(0x50) {
        rest = skip(rest, 2).map_err(|_| none(rest))?;
    }
    match rest.u8(0).ok_or_else(|| none(rest))? {
        0x41 => Ok(Next::Ip(skip(rest, 1)?)),
        first if first >> 5 == 0b011 => {
            let bytes = iphc::open(ends, rest, None).ok_or_else(|| none(rest))?;
            let bytes = walk.keep(bytes)?;
            Ok(Next::Ip(Rest { bytes, ..rest }))
        }
        first if matches!(first >> 3, FIRST | LATER) => fragment(walk, ends, rest),
        _ => Err(Undecoded::NotIp),
    }
}

const FIRST: u8 = 0b11000;
const LATER: u8 = 0b11100;

/// Fragments (RFC 4944 5.3). Sizes and offsets are those of the packet with its headers whole.
fn fragment<'a>(
    walk: &mut Walk<'a, '_>,
    ends: Ends,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let (Some(field), Some(tag)) = (rest.be16(0), rest.be16(2)) else {
        return Err(none(rest));
    };
    let size = usize::from(field & 0x07ff);
    let (offset, inside) = match rest.u8(0).map(|first| first >> 3) {
        Some(FIRST) => (0, rest.after(4)),
        _ => (rest.u8(4).unwrap_or_default(), rest.after(5)),
    };
    let inside = inside.ok_or_else(|| none(rest))?;
    let whole;
    let bytes = match inside.u8(0) {
        Some(0x41) if offset == 0 => inside.bytes.get(1..).unwrap_or_default(),
        Some(first) if offset == 0 && first >> 5 == 0b011 => {
            whole = iphc::open(ends, inside, Some(size)).ok_or_else(|| none(inside))?;
            &whole
        }
        _ if offset == 0 => return Err(none(inside)),
        _ => inside.bytes,
    };
    let start = usize::from(offset) * 8;
    if inside.cut > 0 {
        return Err(Undecoded::FragmentCut);
    }
    // No sender makes it, but nothing says either that it is 6LoWPAN.
    let last = start + bytes.len() == size;
    if start + bytes.len() > size || bytes.is_empty() || !last && !bytes.len().is_multiple_of(8) {
        return Err(Undecoded::NotIp);
    }
    let address = |end: Option<u64>| IpAddr::V6(Ipv6Addr::from(u128::from(end.unwrap_or(0))));
    let key = Key {
        scope: scope::within(walk.scope, Tag::Lowpan, u32::from(field & 0x07ff)),
        src: address(ends.source),
        dst: address(ends.destination),
        protocol: None,
        id: u32::from(tag),
    };
    let fragment = Fragment {
        next: protocol::IPV6,
        start: u16::from(offset) * 8,
        more: !last,
        header: 0,
    };
    match walk.fragments.insert(walk.at, key, fragment, bytes) {
        Ok(joined) => {
            let bytes = walk.keep(joined.bytes)?;
            Ok(Next::Ip(Rest { bytes, cut: 0 }))
        }
        Err(why) => {
            let first = (offset == 0).then_some(Rest { bytes, cut: 0 });
            let carried = first.and_then(|rest| super::ends(Next::Ip(rest)));
            walk.fragments.carries(&key, carried);
            Err(why)
        }
    }
}

/// The first and last station of a way over several (RFC 4944 5.2).
fn mesh(rest: Rest<'_>) -> Option<(Ends, Rest<'_>)> {
    const SHORT_ORIGINATOR: u8 = 0x20;
    const SHORT_FINAL: u8 = 0x10;
    const MANY: u8 = 0x0f;
    let first = rest.u8(0).filter(|first| first >> 6 == 0b10)?;
    let mut rest = rest.after(if first & MANY == MANY { 2 } else { 1 })?;
    let mut address = |is_short: bool| {
        let (found, size) = match is_short {
            true => (of_short(rest.be16(0)?), 2),
            false => (of_long(u64::from_be_bytes(rest.array(0)?)), 8),
        };
        rest = rest.after(size)?;
        Some(found)
    };
    let source = address(first & SHORT_ORIGINATOR != 0)?;
    let destination = address(first & SHORT_FINAL != 0)?;
    let ends = Ends {
        source: Some(source),
        destination: Some(destination),
    };
    Some((ends, rest))
}

const fn none(rest: Rest<'_>) -> Undecoded {
    rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)
}
