//! MPLS label stacks (RFC 3032). Nothing says what follows the last label, so it is guessed as routers
//! do: by the first four bits, then by what fits.

use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::super::{Undecoded, plausible};
use super::{short, skip};

/// Reads a label stack to its bottom.
pub(in crate::wire) fn stack<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const BOTTOM: u32 = 0x100;
    walk.peel()?;
    let mut rest = rest;
    loop {
        let entry = rest.be32(0).ok_or_else(|| short(rest))?;
        rest = skip(rest, 4)?;
        if entry & BOTTOM != 0 {
            return payload(walk, rest);
        }
    }
}

fn payload<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    if plausible::ip_surely(rest) {
        return Ok(Next::Ip(rest));
    }
    // A pseudo-wire (RFC 4448), with its control word or without.
    let after_control = rest.after(4).filter(|_| rest.nibble() == Some(0));
    for frame in [after_control, Some(rest)].into_iter().flatten() {
        if plausible::ethernet(frame) {
            walk.peel()?;
            return Ok(Next::Ethernet(frame));
        }
    }
    match rest.nibble() {
        Some(4 | 6) => Ok(Next::Ip(rest)),
        // An associated channel (RFC 5586) with IP (RFC 4385 6), or a management network in it (RFC 5718).
        Some(1) => match (rest.be16(2), rest.be16(4)) {
            (Some(0x0021 | 0x0057), _) => Ok(Next::Ip(skip(rest, 4)?)),
            (Some(0x0001), Some(0x0021 | 0x0057)) => Ok(Next::Ip(skip(rest, 6)?)),
            (Some(_), _) => Err(Undecoded::NotIp),
            (None, _) => Err(short(rest)),
        },
        // Operations and maintenance.
        Some(_) => Err(Undecoded::NotIp),
        None => Err(short(rest)),
    }
}
