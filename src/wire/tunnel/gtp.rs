//! GTP (3GPP TS 29.281): what telephones send, between base stations and the network behind them.

use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::super::{Undecoded, plausible};
use super::kind;
use super::udp::Found;

/// GTP version 1, user plane (3GPP TS 29.281): G-PDU messages with IP inside.
pub(super) fn user(rest: Rest<'_>) -> Option<Found<'_>> {
    const VERSION_1: u8 = 0x30;
    const EXTENSION: u8 = 0x04;
    const OPTIONAL: u8 = 0x07;
    const G_PDU: u8 = 255;
    let [flags, message] = rest.array::<2>(0)?;
    // Version, protocol type, and the spare bit.
    if flags & 0xf8 != VERSION_1
        || message != G_PDU
        || usize::from(rest.be16(2)?) + 8 != rest.wire_len()
    {
        return None;
    }
    let mut header = 8;
    if flags & OPTIONAL != 0 {
        header += 4;
        if flags & EXTENSION != 0 {
            // Each header begins with its length in words and ends with the type of the next.
            let mut more = rest.u8(header - 1)?;
            while more != 0 {
                let words = usize::from(rest.u8(header)?);
                if words == 0 {
                    return None;
                }
                header += words * 4;
                more = rest.u8(header - 1)?;
            }
        }
    }
    let inside = rest.after(header)?;
    Found::ip(kind::GTP, None, inside).or_else(|| Found::ip(kind::GTP, None, synchronised(inside)?))
}

/// A message without IP and UDP before it.
pub(in crate::wire) fn frame<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    let found = user(rest).ok_or_else(|| rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp));
    walk.enter_tunnel(kind::GTP)?;
    Ok(found?.next)
}

/// A packet for many that base stations send at one time (3GPP TS 25.446, SYNC type 1): kind, time, number,
/// count of bytes, check sequences.
fn synchronised(rest: Rest<'_>) -> Option<Rest<'_>> {
    const UNCOMPRESSED: u8 = 0x10;
    let packet = rest.after(11)?;
    (rest.u8(0)? == UNCOMPRESSED && plausible::ip_alone(packet)).then_some(packet)
}
