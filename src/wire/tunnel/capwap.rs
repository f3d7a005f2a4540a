//! CAPWAP data (RFC 5415 4.3): what an access point brings its controller, as Ethernet or as 802.11 (RFC
//! 5416), if not in DTLS. Fragments (section 3.4) have numbers and offsets as those of IP, and are joined
//! with them.

use super::super::defrag::{Fragment, Key};
use super::super::rest::Rest;
use super::super::scope::{self, Tag};
use super::super::walk::{Next, Walk};
use super::super::{Datagram, Undecoded, link, plausible};
use super::kind;
use super::udp::Found;
use crate::frame::LinkType;

const NATIVE: u8 = 0x01;
const FRAGMENT: u8 = 0x80;
const LAST: u8 = 0x40;
const KEEP_ALIVE: u8 = 0x08;
const RESERVED: u8 = 0x07;
const WLAN: u8 = 1;

/// A datagram with all of a frame.
pub(super) fn capwap(rest: Rest<'_>) -> Option<Found<'_>> {
    let (binding, flags, inside) = header(rest)?;
    if flags & FRAGMENT != 0 {
        return None;
    }
    frame(binding, inside)
}

/// A part of a frame.
pub(super) struct Part<'a> {
    binding: u8,
    last: bool,
    id: u16,
    start: u16,
    inside: Rest<'a>,
}

/// A datagram with a part of a frame. What begins like a frame is a first part; the others have nothing to be known by.
pub(super) fn fragment(rest: Rest<'_>) -> Option<Part<'_>> {
    let (binding, flags, inside) = header(rest)?;
    // In units of eight bytes, with three bits behind that are reserved.
    let (id, start) = (rest.be16(4)?, rest.be16(6)?);
    if flags & FRAGMENT == 0 || start & 7 != 0 {
        return None;
    }
    if start == 0 {
        let begins = match binding & NATIVE {
            0 => plausible::ethernet(inside.mirrored()),
            _ => wlan(binding, inside).is_some(),
        };
        if !begins {
            return None;
        }
    }
    Some(Part {
        binding,
        last: flags & LAST != 0,
        id,
        start,
        inside,
    })
}

/// Waits for the other parts; None when what they make is no frame.
pub(super) fn join<'a>(
    walk: &mut Walk<'a, '_>,
    datagram: &Datagram<'a>,
    part: &Part<'_>,
) -> Result<Option<Found<'a>>, Undecoded> {
    if part.inside.cut > 0 {
        return Err(Undecoded::FragmentCut);
    }
    let ports = u32::from(datagram.src_port) << 16 | u32::from(datagram.dst_port);
    let scope = scope::within(walk.scope, Tag::Tunnel, kind::CAPWAP);
    let key = Key {
        scope: scope::within(scope, Tag::Tunnel, ports),
        src: walk.src,
        dst: walk.dst,
        protocol: None,
        id: u32::from(part.id),
    };
    let fragment = Fragment {
        next: part.binding,
        start: part.start,
        more: !part.last,
        header: 0,
    };
    let joined = walk
        .fragments
        .insert(walk.at, key, fragment, part.inside.bytes);
    match joined {
        Ok(joined) => {
            let bytes = walk.keep(joined.bytes)?;
            Ok(frame(joined.next, Rest { bytes, cut: 0 }))
        }
        Err(Undecoded::BadFragment) => Ok(None),
        Err(why) => {
            let first = (part.start == 0).then_some(part.inside);
            let ends = first.and_then(|inside| match part.binding & NATIVE {
                0 => link::ends(Next::Ethernet(inside)),
                _ => link::ends(wlan(part.binding, inside)?),
            });
            walk.fragments.carries(&key, ends);
            Err(why)
        }
    }
}

/// The bytes with binding and flags, and what follows the header.
fn header(rest: Rest<'_>) -> Option<(u8, u8, Rest<'_>)> {
    let [preamble, lengths, binding, flags] = rest.array::<4>(0)?;
    // Version 0, and the header itself behind it.
    if preamble != 0 || flags & (KEEP_ALIVE | RESERVED) != 0 {
        return None;
    }
    let header = usize::from(lengths >> 3) * 4;
    let inside = rest.after(header).filter(|_| header >= 8)?;
    Some((binding, flags, inside))
}

fn frame(binding: u8, inside: Rest<'_>) -> Option<Found<'_>> {
    if binding & NATIVE == 0 {
        return Found::ethernet(kind::CAPWAP, None, inside);
    }
    Some(Found::wlan(kind::CAPWAP, wlan(binding, inside)?))
}

fn wlan(binding: u8, inside: Rest<'_>) -> Option<Next<'_>> {
    either_wlan(inside).filter(|_| binding >> 1 & 0x1f == WLAN)
}

/// Some access points swap the two bytes of the frame control field.
pub(super) fn either_wlan(inside: Rest<'_>) -> Option<Next<'_>> {
    let link = match inside.array::<2>(0)? {
        [first, _] if first & 0x0f == 0x08 => LinkType(105),
        [_, second] if second & 0x0f == 0x08 => link::SWAPPED_WLAN,
        _ => return None,
    };
    Some(Next::Link(link, inside))
}
