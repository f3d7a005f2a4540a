//! IPv6 between vehicles and roads: GeoNetworking (ETSI EN 302 636-4-1 9, EN 302 636-6-1), in the clear or
//! signed (EN 302 636-4-1 annex, IEEE 1609.2 in COER).

use super::super::rest::Rest;
use super::super::walk::Next;
use super::super::{Undecoded, plausible};
use super::{short, skip};

/// A basic header, and a common one, which may be what is signed.
pub(super) fn frame(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const BASIC: usize = 4;
    const COMMON: u8 = 1;
    const SECURED: u8 = 2;
    let first = rest.u8(0).ok_or_else(|| short(rest))?;
    let inside = skip(rest, BASIC)?;
    let packet = match first & 0x0f {
        COMMON => common(inside),
        SECURED => signed(inside).and_then(common),
        _ => None,
    };
    match packet {
        Some(packet) => Ok(Next::Ip(packet)),
        None => Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
    }
}

/// What follows, how it is spread, and how long it is; then positions, by how it is spread.
fn common(rest: Rest<'_>) -> Option<Rest<'_>> {
    const HEADER: usize = 8;
    const IPV6: u8 = 3;
    let [next, spread] = rest.array::<2>(0)?;
    let extended = match spread >> 4 {
        // To one station; to an area; to those around.
        2 => 48,
        3 | 4 => 44,
        5 => 28,
        _ => return None,
    };
    let length = usize::from(rest.be16(4)?);
    let packet = rest.after(HEADER + extended)?.bound(length);
    (next >> 4 == IPV6 && plausible::ipv6(packet)).then_some(packet)
}

/// Data that is signed and not encrypted: version, choice, digest, what is signed, and in it version, choice
/// and length.
fn signed(rest: Rest<'_>) -> Option<Rest<'_>> {
    const VERSION: u8 = 3;
    const SIGNED: u8 = 0x81;
    const DATA: u8 = 0x40;
    const UNSECURED: u8 = 0x80;
    let [VERSION, SIGNED, _, DATA, VERSION, UNSECURED] = rest.array::<6>(0)? else {
        return None;
    };
    let inside = rest.after(6)?;
    let (header, length) = match inside.u8(0)? {
        0x81 => (2, inside.u8(1)?.into()),
        0x82 => (3, inside.be16(1)?.into()),
        length @ 0..=0x7f => (1, length.into()),
        _ => return None,
    };
    Some(inside.after(header)?.bound(length))
}
