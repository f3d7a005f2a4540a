//! GRE (RFC 2784, RFC 2890), as PPTP bends it (RFC 2637), and what mirrors put into it (ERSPAN).

use super::super::rest::Rest;
use super::super::scope::Tag;
use super::super::walk::{Next, Walk};
use super::super::{Undecoded, link};
use super::{after, kind, short};
use crate::frame::LinkType;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Reads a GRE header.
pub(super) fn open<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let (Some(flags), Some(protocol)) = (rest.be16(0), rest.be16(2)) else {
        return Err(short(rest));
    };
    let body = after(rest, 4)?;
    match flags & VERSION {
        0 => generic(walk, flags, protocol, body),
        1 if protocol == 0x880b => pptp(walk, flags, body),
        // MikroTik: length and tunnel stand where PPTP has them.
        1 if protocol == 0x6400 && flags == KEY | 1 => {
            let length = body.be16(0).ok_or_else(|| short(body))?;
            if length == 0 {
                return Err(Undecoded::LinkControl);
            }
            walk.enter_tunnel(kind::GRE)?;
            Ok(Next::Ethernet(after(body, 4)?.bound(usize::from(length))))
        }
        _ => Err(Undecoded::BadTunnel),
    }
}

fn generic<'a>(
    walk: &mut Walk<'a, '_>,
    flags: u16,
    protocol: u16,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let mut rest = rest;
    if flags & (CHECKSUM | ROUTING) != 0 {
        rest = after(rest, 4)?;
    }
    let key = match flags & KEY {
        0 => None,
        _ => {
            let key = rest.be32(0).ok_or_else(|| short(rest))?;
            rest = after(rest, 4)?;
            Some(key)
        }
    };
    if flags & SEQUENCE != 0 {
        rest = after(rest, 4)?;
    }
    if flags & ROUTING != 0 {
        rest = past_routes(rest)?;
    }
    match protocol {
        // Type I has neither sequence number nor header.
        0x88be if flags & SEQUENCE == 0 => {
            walk.enter_mirror(0)?;
            Ok(Next::Ethernet(rest.mirrored()))
        }
        0x88be => erspan_2(walk, rest),
        0x22eb => erspan_3(walk, rest),
        0x6558 => {
            walk.enter_tunnel(kind::GRE)?;
            // NVGRE (RFC 7637) is key and nothing else: 24 bits of subnet, 8 of flow.
            if let (KEY, Some(key)) = (flags, key) {
                walk.within(Tag::Vsid, key >> 8);
            }
            Ok(Next::Ethernet(rest))
        }
        // WCCP: a redirect header of four bytes in version 2, none in version 1.
        0x883e => {
            walk.enter_tunnel(kind::GRE)?;
            match rest.nibble() {
                Some(4) => Ok(Next::Ip(rest)),
                _ => Ok(Next::Ip(after(rest, 4)?)),
            }
        }
        // Access points of Aruba, with a number for each of their profiles.
        0x8200..=0x83ff if protocol & 0x0f == 0 => {
            walk.enter_tunnel(kind::GRE)?;
            Ok(Next::Link(LinkType(105), rest))
        }
        0x6559 => {
            walk.enter_tunnel(kind::GRE)?;
            link::llc::frame_relay(rest)
        }
        // CLNP and its relatives, of which one byte says that they are IP.
        0x00fe => {
            walk.enter_tunnel(kind::GRE)?;
            link::llc::nlpid(rest)
        }
        // Keep-alives have protocol 0.
        0 => Err(Undecoded::LinkControl),
        _ => {
            walk.enter_tunnel(kind::GRE)?;
            Ok(Next::EtherType(protocol, rest))
        }
    }
}

fn pptp<'a>(walk: &mut Walk<'a, '_>, flags: u16, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    // The upper half of the key is the payload length.
    let length = rest.be16(0).ok_or_else(|| short(rest))?;
    let optional = [SEQUENCE, ACKNOWLEDGMENT]
        .into_iter()
        .filter(|flag| flags & flag != 0)
        .count()
        * 4;
    if length == 0 {
        return Err(Undecoded::LinkControl);
    }
    walk.enter_tunnel(kind::GRE)?;
    walk.session = u32::from(rest.be16(2).unwrap_or_default());
    Ok(Next::Ppp(
        after(rest, 4 + optional)?.bound(usize::from(length)),
    ))
}

/// Type II: version 1, VLAN, session, port index.
fn erspan_2<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let (Some(1), Some(session)) = (rest.nibble(), rest.be16(2)) else {
        return Err(short(rest));
    };
    walk.enter_mirror(u32::from(session & 0x03ff))?;
    Ok(Next::Ethernet(after(rest, 8)?.mirrored()))
}

/// Type III: version 2; twelve bytes, and eight more with the optional sub-header.
fn erspan_3<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const OPTIONAL: u16 = 0x0001;
    let (Some(2), Some(session), Some(last)) = (rest.nibble(), rest.be16(2), rest.be16(10)) else {
        return Err(short(rest));
    };
    let frame_type = last >> 10 & 0x1f;
    let header = if last & OPTIONAL == 0 { 12 } else { 20 };
    walk.enter_mirror(u32::from(session & 0x03ff))?;
    let inside = after(rest, header)?.mirrored();
    match frame_type {
        0 => Ok(Next::Ethernet(inside)),
        2 => Ok(Next::Ip(inside)),
        _ => Err(Undecoded::NotIp),
    }
}

/// Source routes (RFC 1701): address family, offset, length; a length of 0 ends them.
fn past_routes(rest: Rest<'_>) -> Result<Rest<'_>, Undecoded> {
    let mut rest = rest;
    loop {
        let length = rest.u8(3).ok_or_else(|| short(rest))?;
        rest = after(rest, 4 + usize::from(length))?;
        if length == 0 {
            return Ok(rest);
        }
    }
}
