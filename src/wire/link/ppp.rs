//! PPP (RFC 1661), in HDLC-like framing (RFC 1662) or without, and Cisco's HDLC.

use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::super::{Undecoded, plausible};
use super::{llc, multilink, short, skip, vj};

/// Reads PPP: address and control may be there, the protocol field may be one byte (RFC 1661 6.5, 6.6).
pub(in crate::wire) fn header<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let (number, inside) = protocol(rest)?;
    match number {
        0x0021 | 0x0057 => Ok(Next::Ip(inside)),
        0x0281 | 0x0283 => Ok(Next::Mpls(inside)),
        // Bridging (RFC 3518): flags, MAC type 1 is Ethernet.
        0x0031 if inside.u8(1) == Some(1) => Ok(Next::Ethernet(skip(inside, 2)?)),
        // Numbers of Ethernet where those of PPP belong, as some write them.
        0x0800 | 0x86dd if plausible::ip(inside) => Ok(Next::Ip(inside)),
        0x0800 | 0x86dd => Err(inside.lacks(Undecoded::CutBeforeIp, Undecoded::BadLink)),
        0x0023 => llc::nlpid(inside),
        0x004b => Ok(Next::Llc(inside)),
        0x003d => multilink::ppp(walk, inside),
        0x002d => vj::compressed(walk, inside),
        0x002f => vj::uncompressed(walk, inside),
        0x00fb | 0x00fd => Err(Undecoded::CompressedPpp),
        // Network control, and link control with authentication.
        0x8000.. => Err(Undecoded::LinkControl),
        _ if number & 1 == 0 => Err(Undecoded::BadLink),
        _ => Err(Undecoded::NotIp),
    }
}

/// The protocol number, and what follows it.
pub(in crate::wire) fn protocol(rest: Rest<'_>) -> Result<(u16, Rest<'_>), Undecoded> {
    let rest = match rest.array::<2>(0) {
        Some([0xff, 0x03]) => skip(rest, 2)?,
        _ => rest,
    };
    let first = rest.u8(0).ok_or_else(|| short(rest))?;
    // The low byte of every protocol is odd and the high byte even.
    if first & 1 == 1 {
        return Ok((u16::from(first), skip(rest, 1)?));
    }
    let number = rest.be16(0).ok_or_else(|| short(rest))?;
    Ok((number, skip(rest, 2)?))
}

/// PPP in HDLC-like framing, or Cisco HDLC, whose first byte says unicast or broadcast.
pub(super) fn ppp_or_cisco(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.array::<2>(0) {
        Some([0x0f | 0x8f, 0x00]) => cisco(rest),
        _ => Ok(Next::Ppp(rest)),
    }
}

/// The same where the capture says Cisco HDLC.
pub(super) fn cisco_or_ppp(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.array::<2>(0) {
        Some([0xff, 0x03]) => Ok(Next::Ppp(rest)),
        _ => cisco(rest),
    }
}

fn cisco(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.be16(2) {
        // SLARP keep-alive.
        Some(0x8035) => Err(Undecoded::LinkControl),
        Some(ether_type) => Ok(Next::EtherType(ether_type, skip(rest, 4)?)),
        None => Err(short(rest)),
    }
}

/// A byte for the direction stands before PPP, or in place of its address byte (Linux pppd).
pub(super) fn with_direction<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let direction = rest.u8(0).ok_or_else(|| short(rest))?;
    walk.by_this_host = match direction {
        0 => Some(false),
        _ => Some(true),
    };
    let rest = skip(rest, 1)?;
    // The control byte without its address byte.
    match rest.u8(0) {
        Some(0x03) => Ok(Next::Ppp(skip(rest, 1)?)),
        _ => Ok(Next::Ppp(rest)),
    }
}
