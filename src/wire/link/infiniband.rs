//! IP over InfiniBand (RFC 4391, RFC 4755) in frames of InfiniBand itself (IBTA 1.4, 9.2), also over Ethernet
//! and UDP (RoCE). Behind the transport header stands what programs send, so the packet has to be as long as
//! its frame says, and its header checksum right.

use super::super::rest::Rest;
use super::super::walk::Next;
use super::super::{Undecoded, plausible};
use super::{short, skip};

const GLOBAL: usize = 40;
/// Invariant check sequence.
const CHECK: usize = 4;

/// With the global header that RoCE begins with.
pub(super) fn over_ethernet(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let length = usize::from(rest.be16(4).ok_or_else(|| short(rest))?);
    found(skip(rest, GLOBAL)?.bound(length), rest)
}

/// With the local header of a link, and a check sequence of the link behind.
pub(super) fn with_local(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const LOCAL: usize = 8;
    const WORD: usize = 4;
    let (Some(second), Some(words)) = (rest.u8(1), rest.be16(4)) else {
        return Err(short(rest));
    };
    let inside = skip(rest.bound(usize::from(words & 0x07ff) * WORD), LOCAL)?;
    match second & 0b11 {
        2 => found(inside, rest),
        3 => found(skip(inside, GLOBAL)?, rest),
        _ => Err(Undecoded::NotIp),
    }
}

fn found<'a>(inside: Rest<'a>, of: Rest<'_>) -> Result<Next<'a>, Undecoded> {
    match packet(inside) {
        Some(packet) => Ok(Next::Ip(packet)),
        None => Err(of.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
    }
}

/// The IP packet behind a base transport header, of datagrams and of messages that are whole.
pub(in crate::wire) fn packet(rest: Rest<'_>) -> Option<Rest<'_>> {
    const BASE: usize = 12;
    const ENCAPSULATION: usize = 4;
    let header = match rest.u8(0)? {
        // Send only: reliable, unreliable connection.
        0x04 | 0x24 => BASE,
        // Of datagrams, without immediate data and with.
        0x64 => BASE + 8,
        0x65 => BASE + 12,
        _ => return None,
    };
    let padding = usize::from(rest.u8(1)? >> 4 & 0b11);
    let ether_type = rest.be16(header)?;
    if !matches!(ether_type, 0x0800 | 0x86dd) || rest.be16(header + 2)? != 0 {
        return None;
    }
    let inside = rest.after(header + ENCAPSULATION)?;
    let packet = inside.bound(inside.wire_len().checked_sub(CHECK + padding)?);
    plausible::ip_alone(packet).then_some(packet)
}
